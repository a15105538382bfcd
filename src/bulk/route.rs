//! The servers that mail may go by, in the order in which they are tried.

use super::server::Server;
use crate::driver::{Patience, Target};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A server that could not be reached is tried again after this, or at once if
/// no other is left.
const REST: Duration = Duration::from_secs(60);

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
}

impl Route {
    /// At least one hop.
    pub fn new(hops: Vec<Hop>) -> Self {
        let resting = Mutex::new(vec![None; hops.len()]);
        Self { hops, resting }
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

    pub fn is_down(&self, at: usize, now: Instant) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)[at] = now.checked_add(REST);
    }

    pub fn is_up(&self, at: usize) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)[at] = None;
    }
}
