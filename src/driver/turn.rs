//! One owner at a time. A second thread waits its turn in slices, so that it notices signals
//! meanwhile. Conversations are never interleaved.

use super::blocking::Attendant;
use super::deadline::SLICE;
use crate::protocol::{Error, Kind, Stage};
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

#[derive(Debug)]
pub struct Turn {
    queue: Mutex<Queue>,
    free: Condvar,
    /// Finding the process ID takes a system call, so it is done only if the turn isn't free.
    process: u32,
}

#[derive(Debug, Default)]
struct Queue {
    owner: Option<ThreadId>,
    /// The number of waiting threads. If there are none, the system call that wakes them is saved.
    waiting: usize,
}

/// The turn, for as long as it is held.
#[derive(Debug)]
pub struct Held<'a>(&'a Turn);

impl Default for Turn {
    fn default() -> Self {
        Self { queue: Mutex::default(), free: Condvar::new(), process: process::id() }
    }
}

impl Turn {
    pub fn take(&self, attendant: &mut dyn Attendant) -> Result<Held<'_>, Error> {
        let me = thread::current().id();
        let mut queue = self.queue();
        loop {
            match queue.owner {
                None => {
                    queue.owner = Some(me);
                    return Ok(Held(self));
                }
                // The owner exists only in the process that this one was forked from. It may be
                // the thread of which this one is a copy.
                Some(_) if self.process != process::id() => {
                    let message = "this session belongs to the parent process: connect anew after a fork";
                    return Err(Error::new(Kind::Misuse, Stage::Command, message));
                }
                // A callback of ours (debug output, logging) has called back into us.
                Some(owner) if owner == me => {
                    let message = "this client is in the middle of a conversation further up in this thread";
                    return Err(Error::new(Kind::Misuse, Stage::Command, message));
                }
                Some(_) => {
                    queue.waiting += 1;
                    let waited = self.free.wait_timeout(queue, SLICE);
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                    queue.waiting -= 1;
                    drop(queue);
                    // Not under the lock: the attendant may wait for something that the owner
                    // holds.
                    attendant.attend()?;
                    queue = self.queue();
                }
            }
        }
    }

    /// Whether its owner is in another process, so that it will never be free in this one.
    pub fn is_lost(&self) -> bool {
        self.queue().owner.is_some() && self.process != process::id()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.owner = None;
        let is_awaited = queue.waiting > 0;
        drop(queue);
        if is_awaited {
            self.0.free.notify_one();
        }
    }
}
