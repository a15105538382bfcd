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

/// A server that mail can be sent through, and how to reach it.
#[derive(Clone, Debug)]
pub struct Hop {
    pub server: Server,
    pub target: Target,
    pub patience: Patience,
}

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
    pub hops: Vec<Hop>,
    /// A local destination that takes the messages instead of a server.
    pub local: Option<Local>,
    pub bounds: Bounds,
    pub policy: Policy,
    limits: Mutex<Limits>,
    sessions: Mutex<Sessions>,
    /// The connections of idle sessions that the threads use.
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

    /// How to talk to this server.
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
