//! The servers that mail may go by, in the order in which they are tried.

use super::server::Server;
use crate::driver::{Patience, Target};
use crate::protocol::{Options, Session};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A server that could not be reached is tried again after this, or at once if
/// no other is left.
const REST: Duration = Duration::from_secs(60);

/// For so long a server that breaks on what it offers is spoken to plainly.
const PLAINLY: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct Hop {
    pub server: Server,
    pub target: Target,
    pub patience: Patience,
}

#[derive(Debug)]
pub struct Route {
    hops: Vec<Hop>,
    /// Until when each is passed over.
    resting: Mutex<Vec<Option<Instant>>>,
    /// Until when each is spoken to plainly: one command at a time, and DATA.
    plain: Mutex<Vec<Option<Instant>>>,
    /// Whether each takes no message before it has answered the one ahead of it.
    one_by_one: Vec<AtomicBool>,
}

impl Route {
    /// At least one hop.
    pub fn new(hops: Vec<Hop>) -> Self {
        let resting = Mutex::new(vec![None; hops.len()]);
        let plain = Mutex::new(vec![None; hops.len()]);
        let one_by_one = hops.iter().map(|_| AtomicBool::new(false)).collect();
        Self { hops, resting, plain, one_by_one }
    }

    pub fn hop(&self, at: usize) -> &Hop {
        &self.hops[at]
    }

    /// The hops to try, in order: first those that are not known to be down.
    pub fn order(&self, now: Instant) -> Vec<usize> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_down = |at: &usize| resting[*at].is_some_and(|until| until > now);
        let mut order: Vec<usize> = (0..self.hops.len()).collect();
        order.sort_by_key(|at| is_down(at));
        order
    }

    /// How to speak to it.
    pub fn options(&self, at: usize, now: Instant) -> Options {
        let options = self.hops[at].server.options;
        match self.plain.lock().unwrap_or_else(PoisonError::into_inner)[at] {
            Some(until) if until > now => Options { pipelining: false, chunking: false, ..options },
            _ => options,
        }
    }

    /// A new session broke before the server had answered a single message. Whether
    /// that may have come of what it offers and can't do: then it is spoken to
    /// plainly, and the next session may do better.
    pub fn breaks(&self, at: usize, now: Instant) -> bool {
        let options = self.options(at, now);
        let elaborate = options.pipelining || options.chunking;
        let until = if elaborate { now.checked_add(PLAINLY) } else { None };
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)[at] = until;
        elaborate
    }

    /// A session that is about to be used knows what an earlier one has learnt.
    pub fn prepare(&self, at: usize, session: &mut Session) {
        if self.one_by_one[at].load(Ordering::Relaxed) {
            session.keep_one_by_one();
        }
    }

    /// Keeps what a session has learnt of its server.
    pub fn learn(&self, at: usize, session: &Session) {
        self.one_by_one[at].fetch_or(session.is_one_by_one(), Ordering::Relaxed);
    }

    pub fn is_down(&self, at: usize, now: Instant) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)[at] = now.checked_add(REST);
    }

    pub fn is_up(&self, at: usize) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)[at] = None;
    }
}
