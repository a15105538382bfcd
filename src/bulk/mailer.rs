//! What all calls of a mailer share.

use super::pipeline::Bounds;
use super::queue::Limits;
use super::server::Server;
use super::sessions::{Keep, Sessions};
use super::transport::Local;
use crate::driver::{Patience, Target};
use crate::protocol::Options;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A server that mail may go by, and how it is reached.
#[derive(Clone, Debug)]
pub struct Hop {
    pub server: Server,
    pub target: Target,
    pub patience: Patience,
}

#[derive(Debug)]
pub struct Mailer {
    /// In the order of preference.
    pub hops: Vec<Hop>,
    /// Takes the messages instead of a server.
    pub local: Option<Box<dyn Local>>,
    pub keep: Keep,
    pub bounds: Bounds,
    pub limits: Arc<Mutex<Limits>>,
    sessions: Mutex<Sessions>,
}

impl Mailer {
    pub fn new(
        hops: Vec<Hop>,
        local: Option<Box<dyn Local>>,
        keep: Keep,
        bounds: Bounds,
        limits: Limits,
    ) -> Self {
        let sessions = Mutex::new(Sessions::new(keep, hops.len()));
        let limits = Arc::new(Mutex::new(limits));
        Self { hops, local, keep, bounds, limits, sessions }
    }

    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
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
