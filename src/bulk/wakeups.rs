//! Which threads wait for work, and which one to wake when there is some.
//!
//! A worker with nothing to do first naps: it looks again after a moment by itself. So several
//! jobs that arrive one after the other are sent together. After the nap it goes to sleep, and the
//! next job wakes a sleeping worker, preferably one with nothing in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// After this long without work, a worker goes to sleep.
pub const NAP: Duration = Duration::from_millis(2);

/// All the workers of a batch.
#[derive(Debug, Default)]
pub struct Sleepers {
    napping: usize,
    /// Workers that wait for work and nothing else.
    asleep: usize,
    /// How to wake the workers that also wait for answers.
    pub listening: Vec<Arc<mio::Waker>>,
    /// A worker has been woken and hasn't looked yet.
    stirred: bool,
}

impl Sleepers {
    /// There is work. Tells how the worker to be woken waits.
    pub fn wake(&mut self) -> Option<Sleep> {
        if self.napping > 0 || self.stirred {
            return None;
        }
        let wake = match self.asleep {
            0 => Sleep::Listening(self.listening.pop()?),
            _ => Sleep::Deep,
        };
        self.stirred = true;
        Some(wake)
    }

    pub fn enter(&mut self, sleep: &Sleep) {
        match sleep {
            Sleep::Nap => self.napping += 1,
            Sleep::Deep => self.asleep += 1,
            Sleep::Listening(waker) => self.listening.push(Arc::clone(waker)),
        }
    }

    pub fn leave(&mut self, sleep: &Sleep) {
        // A worker that wakes up will look.
        self.stirred = false;
        match sleep {
            Sleep::Nap => self.napping -= 1,
            Sleep::Deep => self.asleep -= 1,
            Sleep::Listening(waker) => self.listening.retain(|other| !Arc::ptr_eq(other, waker)),
        }
    }
}

/// How a worker waits.
#[derive(Debug)]
pub enum Sleep {
    Nap,
    Deep,
    /// Asleep, except for answers.
    Listening(Arc<mio::Waker>),
}

/// A worker's time without work.
#[derive(Debug, Default)]
pub struct Nap(Option<Instant>);

impl Nap {
    /// There was something to do.
    pub fn end(&mut self) {
        self.0 = None;
    }

    /// There is nothing to do. Returns whether to nap before going to sleep.
    pub fn goes_on(&mut self, now: Instant) -> bool {
        now.duration_since(*self.0.get_or_insert(now)) < NAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_naps_is_left_to_it_and_one_who_is_idle_is_woken_once() {
        let mut sleepers = Sleepers::default();
        assert!(sleepers.wake().is_none());
        sleepers.enter(&Sleep::Deep);
        sleepers.enter(&Sleep::Nap);
        assert!(sleepers.wake().is_none());
        sleepers.leave(&Sleep::Nap);
        assert!(matches!(sleepers.wake(), Some(Sleep::Deep)));
        assert!(sleepers.wake().is_none(), "one is on the way already");
        sleepers.leave(&Sleep::Deep);
        assert!(sleepers.wake().is_none(), "none is asleep");
        sleepers.enter(&Sleep::Deep);
        assert!(sleepers.wake().is_some(), "the one that got up has looked");
    }

    #[test]
    fn those_who_have_nothing_in_flight_come_first() {
        let poll = mio::Poll::new().expect("a poll");
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).expect("a waker"));
        let listening = Sleep::Listening(Arc::clone(&waker));
        let mut sleepers = Sleepers::default();
        sleepers.enter(&listening);
        sleepers.enter(&Sleep::Deep);
        assert!(matches!(sleepers.wake(), Some(Sleep::Deep)));
        sleepers.leave(&Sleep::Deep);
        assert!(matches!(sleepers.wake(), Some(Sleep::Listening(by)) if Arc::ptr_eq(&by, &waker)));
        sleepers.leave(&listening);
        sleepers.enter(&listening);
        sleepers.leave(&listening);
        assert!(sleepers.wake().is_none() && sleepers.listening.is_empty());
    }

    #[test]
    fn a_nap_begins_when_the_work_ends() {
        let now = Instant::now();
        let mut nap = Nap::default();
        assert!(nap.goes_on(now) && !nap.goes_on(now + NAP));
        nap.end();
        assert!(nap.goes_on(now + NAP));
    }
}
