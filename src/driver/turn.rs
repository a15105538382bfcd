//! One owner at a time: a second thread waits its turn, in slices, so that it
//! hears signals while it waits. Conversations never interleave.

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
    /// A system call tells which process this is: it is asked only where a turn is not free.
    process: u32,
}

#[derive(Debug, Default)]
struct Queue {
    owner: Option<ThreadId>,
    /// Threads that wait: without any, the system call that wakes them is saved.
    waiting: usize,
}

/// Holding it is having the turn.
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
                // The owner stayed behind in the process that this one was forked from: it may
                // have been the thread that this one is a copy of.
                Some(_) if self.process != process::id() => {
                    let message = "this session belongs to the parent process: connect anew after a fork";
                    return Err(Error::new(Kind::Misuse, Stage::Command, message));
                }
                // A callback of ours (debug output, logging) has come back to us.
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
                    // Without the lock: the attendant may wait for what the owner holds.
                    attendant.attend()?;
                    queue = self.queue();
                }
            }
        }
    }

    /// Whether its owner is of another process: it will never be free in this one.
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
