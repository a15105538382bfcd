//! What all calls of a mailer share.

use super::policy::Policy;
use super::rate::Limits;
use super::sessions::Sessions;
use crate::driver::{Connection, Server};
use crate::local::Local;
use crate::protocol::Options;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Limits on sessions, and how long they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most sessions allowed, busy and idle together.
    pub sessions: usize,
    /// A session without a message for this long is ended. Zero ends it at once, with QUIT in its
    /// last group of commands.
    pub idle: Duration,
    /// A session this old is ended.
    pub age: Duration,
    /// The most unanswered messages on one session.
    pub window: usize,
    /// How many messages a session sends before it is ended.
    pub messages: Option<usize>,
    /// The most messages per second on one session.
    pub rate: Option<f64>,
}

#[derive(Debug)]
pub struct Mailer {
    /// Servers in order of preference.
    pub hops: Vec<Server>,
    /// A local destination that takes the messages instead of a server.
    pub local: Option<Local>,
    pub bounds: Bounds,
    pub policy: Policy,
    limits: Mutex<Limits>,
    sessions: Mutex<Sessions>,
    pub pool: Pool,
}

impl Mailer {
    pub fn new(
        hops: Vec<Server>,
        local: Option<Local>,
        bounds: Bounds,
        policy: Policy,
        limits: Limits,
    ) -> Self {
        let sessions = Mutex::new(Sessions::new(bounds, hops.len()));
        Self { hops, local, bounds, policy, limits: Mutex::new(limits), sessions, pool: Pool::default() }
    }

    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        locked(&self.sessions)
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        locked(&self.limits)
    }

    /// How to talk to this server.
    pub fn options(&self, hop: usize, now: Instant) -> Options {
        let options = self.hops[hop].options;
        match self.sessions().plainly(hop, now) {
            true => Options { pipelining: false, chunking: false, ..options },
            false => options,
        }
    }
}

/// The connections of idle sessions that the threads use.
#[derive(Debug, Default)]
pub struct Pool {
    pub(super) at_rest: Mutex<HashMap<u64, Connection>>,
    /// Signals that a place has become free.
    pub(super) free: Condvar,
}

impl Pool {
    /// Ends the connections whose sessions are no longer kept.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *locked(&self.at_rest));
        all.into_values().for_each(|mut connection| connection.leave());
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Doesn't take the lock, which may never be released in a forked child.
        let all = std::mem::take(self.at_rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        all.into_values().for_each(|mut connection| connection.leave());
    }
}

pub fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
