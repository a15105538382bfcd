//! The connections of idle sessions.

use crate::bulk::mailer::locked;
use crate::driver::Connection;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// The connections of a mailer's idle sessions.
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

    pub(super) fn take(&self, id: u64) -> Option<Connection> {
        locked(&self.at_rest).remove(&id)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Doesn't take the lock, which may never be released in a forked child.
        let all = std::mem::take(self.at_rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        all.into_values().for_each(|mut connection| connection.leave());
    }
}
