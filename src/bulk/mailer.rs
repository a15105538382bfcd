//! What all calls of a mailer share.

use super::policy::Policy;
use super::rate::Limits;
use super::server::Server;
use super::sessions::Sessions;
use super::threads::Pool;
use crate::driver::{Patience, Target};
use crate::local::Local;
use crate::protocol::Options;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A server that mail may go by, and how it is reached.
#[derive(Clone, Debug)]
pub struct Hop {
    pub server: Server,
    pub target: Target,
    pub patience: Patience,
}

/// How much sessions may do, and how long they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Sessions at most, in use and at rest.
    pub sessions: usize,
    /// Without a message for so long, a session is ended. Zero: at once, its QUIT
    /// in the last group.
    pub idle: Duration,
    /// So old, a session is ended.
    pub age: Duration,
    /// Unanswered messages of one session.
    pub window: usize,
    /// Messages before the session is ended.
    pub messages: Option<usize>,
    /// Messages per second of one session.
    pub rate: Option<f64>,
}

#[derive(Debug)]
pub struct Mailer {
    /// In the order of preference.
    pub hops: Vec<Hop>,
    /// Takes the messages instead of a server.
    pub local: Option<Local>,
    pub bounds: Bounds,
    pub policy: Policy,
    limits: Mutex<Limits>,
    sessions: Mutex<Sessions>,
    /// The connections of the threads' sessions at rest.
    pub pool: Pool,
}

impl Mailer {
    pub fn new(hops: Vec<Hop>, local: Option<Local>, bounds: Bounds, policy: Policy, limits: Limits) -> Self {
        let sessions = Mutex::new(Sessions::new(bounds, hops.len()));
        Self { hops, local, bounds, policy, limits: Mutex::new(limits), sessions, pool: Pool::default() }
    }

    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        locked(&self.sessions)
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        locked(&self.limits)
    }

    /// How to speak to this server.
    pub fn options(&self, hop: usize, now: Instant) -> Options {
        let options = self.hops[hop].server.options;
        match self.sessions().plainly(hop, now) {
            true => Options { pipelining: false, chunking: false, ..options },
            false => options,
        }
    }
}

pub fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
