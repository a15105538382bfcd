//! Sessions that wait to be used again.

use crate::driver::Connection;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a session is not worth keeping.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Sessions at most.
    pub most: usize,
    /// Without a message for so long, a session is ended. Zero: at once, its QUIT
    /// in the last group.
    pub idle: Duration,
    /// So old, a session is ended.
    pub age: Duration,
}

/// A session at rest.
#[derive(Debug)]
pub struct Resting {
    pub connection: Connection,
    /// Which of the servers it is with.
    pub server: usize,
    /// Messages that have gone over it.
    pub begun: usize,
    pub opened: Instant,
    pub since: Instant,
}

#[derive(Debug)]
pub struct Pool {
    pub keep: Keep,
    resting: Mutex<Vec<Resting>>,
}

impl Pool {
    pub fn new(keep: Keep) -> Self {
        Self { keep, resting: Mutex::default() }
    }

    /// The session that was used last and is still good. Whether the server is
    /// there is looked up in what has come, without asking it anything.
    pub fn take(&self, now: Instant) -> Option<Resting> {
        loop {
            let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let fresh = now.saturating_duration_since(resting.since) < self.keep.idle
                && now.saturating_duration_since(resting.opened) < self.keep.age;
            if resting.connection.is_quiet() {
                if fresh {
                    return Some(resting);
                }
                resting.connection.leave();
            }
        }
    }

    /// Keeps a session whose work is done, or ends it.
    pub fn put(&self, mut resting: Resting) {
        let old = resting.since.saturating_duration_since(resting.opened) >= self.keep.age;
        let mut kept = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keep.idle.is_zero() || old || kept.len() >= self.keep.most || !resting.connection.is_quiet() {
            drop(kept);
            return resting.connection.leave();
        }
        kept.push(resting);
    }

    /// Ends all of them.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.resting.lock().unwrap_or_else(PoisonError::into_inner));
        for mut resting in all {
            resting.connection.leave();
        }
    }

    pub fn len(&self) -> usize {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.clear();
    }
}
