//! The stop signal for all waiting threads.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Stop {
    said: Mutex<bool>,
    heard: Condvar,
}

impl Stop {
    /// Gives the signal. It can't be revoked.
    pub fn say(&self) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }

    pub fn is_said(&self) -> bool {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or until the signal is given. Returns whether it has been given.
    pub fn wait(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        while !*said {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.heard.wait_timeout(said, left);
            said = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        *said
    }
}
