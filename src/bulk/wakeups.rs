//! Which threads of a call wait, and which one to wake when there is work.
//!
//! A thread with nothing to do is parked. One that also waits for answers is in a poll. A worker
//! first naps: it looks again after a moment by itself. So several jobs that arrive one after the
//! other are sent together. After the nap it goes to sleep, and the next job wakes a sleeping
//! worker, preferably one with nothing in flight.

use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::Duration;

/// After this long without work, a worker goes to sleep.
pub const NAP: Duration = Duration::from_millis(2);

/// What a worker waits for, besides the end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// A time. Work doesn't shorten the wait.
    Pause,
    /// A moment, after which it looks for work.
    Nap,
    /// Work.
    Deep,
}

#[derive(Clone, Debug)]
pub struct Sleeper {
    thread: Thread,
    sleep: Sleep,
    /// It waits for answers, too, and this is how to wake it.
    poll: Option<Arc<mio::Waker>>,
}

impl Sleeper {
    pub fn wake(&self) {
        match &self.poll {
            // If it can't be woken, it wakes up by itself a little later.
            Some(waker) => drop(waker.wake()),
            None => self.thread.unpark(),
        }
    }
}

/// All the threads of a batch that wait.
#[derive(Debug, Default)]
pub struct Sleepers {
    all: Vec<Sleeper>,
    /// A worker has been woken and hasn't looked yet.
    stirred: bool,
}

impl Sleepers {
    /// There is work. Returns the worker to wake, if one has to be woken.
    pub fn next(&mut self) -> Option<Sleeper> {
        if self.stirred || self.all.iter().any(|sleeper| sleeper.sleep == Sleep::Nap) {
            return None;
        }
        let asleep = self.all.iter().filter(|sleeper| sleeper.sleep == Sleep::Deep);
        let next = asleep.min_by_key(|sleeper| sleeper.poll.is_some()).cloned();
        self.stirred = next.is_some();
        next
    }

    /// Wakes all: there is nothing more to wait for.
    pub fn wake_all(&self) {
        self.all.iter().for_each(Sleeper::wake);
    }

    /// The current thread is about to wait.
    pub fn enter(&mut self, sleep: Sleep, poll: Option<Arc<mio::Waker>>) {
        self.all.push(Sleeper { thread: thread::current(), sleep, poll });
    }

    /// The current thread has woken up, and will look.
    pub fn leave(&mut self) {
        self.stirred = false;
        let current = thread::current().id();
        self.all.retain(|sleeper| sleeper.thread.id() != current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `next` does for threads that wait in these ways, and whether it wakes one in a poll.
    fn woken(waiting: &[(Sleep, bool)]) -> Option<bool> {
        let poll = mio::Poll::new().expect("a poll");
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).expect("a waker"));
        let mut sleepers = Sleepers::default();
        waiting.iter().for_each(|(sleep, polls)| sleepers.enter(*sleep, polls.then(|| Arc::clone(&waker))));
        let next = sleepers.next().map(|sleeper| sleeper.poll.is_some());
        assert!(sleepers.next().is_none(), "one is on the way already");
        sleepers.leave();
        assert!(sleepers.next().is_none(), "none is left");
        next
    }

    #[test]
    fn one_is_woken_with_nothing_in_flight_if_possible_and_one_that_naps_looks_by_itself() {
        use Sleep::{Deep, Nap, Pause};
        for (waiting, polls) in [
            (&[][..], None),
            (&[(Pause, false)], None),
            (&[(Deep, false)], Some(false)),
            (&[(Deep, true), (Pause, false)], Some(true)),
            (&[(Deep, true), (Deep, false)], Some(false)),
            (&[(Deep, false), (Nap, true)], None),
        ] {
            assert_eq!(woken(waiting), polls, "{waiting:?}");
        }
    }
}
