//! Who waits for work, and who is woken when there is some.
//!
//! A worker with nothing to do looks again after a moment, of its own accord: it dozes.
//! Many jobs that come one after the other then go out together. After a lull it goes to
//! sleep, and the next job wakes one such: rather one without anything in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// After so long without more to do a worker goes to sleep.
pub const LULL: Duration = Duration::from_millis(2);

/// All the workers of a batch.
#[derive(Debug, Default)]
pub struct Vigil {
    dozing: usize,
    /// Those who wait for work, and for nothing else.
    asleep: usize,
    /// To wake those who wait for answers too.
    listening: Vec<Arc<mio::Waker>>,
    /// Somebody has been woken and has not looked yet.
    stirred: bool,
}

/// How to wake somebody.
#[derive(Debug)]
pub enum Wake {
    One,
    By(Arc<mio::Waker>),
}

impl Vigil {
    /// There is work: whom to wake for it.
    pub fn wake(&mut self) -> Option<Wake> {
        if self.dozing > 0 || self.stirred {
            return None;
        }
        let wake = match self.asleep {
            0 => Wake::By(self.listening.pop()?),
            _ => Wake::One,
        };
        self.stirred = true;
        Some(wake)
    }

    /// To wake everybody who waits for answers.
    pub fn take_listening(&mut self) -> Vec<Arc<mio::Waker>> {
        std::mem::take(&mut self.listening)
    }

    pub fn enter(&mut self, rest: &Rest) {
        match rest {
            Rest::Doze => self.dozing += 1,
            Rest::Sleep => self.asleep += 1,
            Rest::Listen(waker) => self.listening.push(Arc::clone(waker)),
        }
    }

    pub fn leave(&mut self, rest: &Rest) {
        // Whoever gets up looks.
        self.stirred = false;
        match rest {
            Rest::Doze => self.dozing -= 1,
            Rest::Sleep => self.asleep -= 1,
            Rest::Listen(waker) => self.listening.retain(|other| !Arc::ptr_eq(other, waker)),
        }
    }
}

/// How a worker waits.
#[derive(Debug)]
pub enum Rest {
    Doze,
    Sleep,
    /// Asleep, but for answers.
    Listen(Arc<mio::Waker>),
}

/// One worker's time without work.
#[derive(Debug, Default)]
pub struct Lull(Option<Instant>);

impl Lull {
    /// There was something to do.
    pub fn end(&mut self) {
        self.0 = None;
    }

    /// There is nothing to do: whether to doze, and not to sleep yet.
    pub fn dozes(&mut self, now: Instant) -> bool {
        now.duration_since(*self.0.get_or_insert(now)) < LULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_dozes_is_left_to_it_and_one_who_is_idle_is_woken_once() {
        let mut vigil = Vigil::default();
        assert!(vigil.wake().is_none());
        vigil.enter(&Rest::Sleep);
        vigil.enter(&Rest::Doze);
        assert!(vigil.wake().is_none());
        vigil.leave(&Rest::Doze);
        assert!(matches!(vigil.wake(), Some(Wake::One)));
        assert!(vigil.wake().is_none(), "somebody is on the way already");
        vigil.leave(&Rest::Sleep);
        assert!(vigil.wake().is_none(), "nobody sleeps");
        vigil.enter(&Rest::Sleep);
        assert!(vigil.wake().is_some(), "whoever got up has looked");
    }

    #[test]
    fn those_who_have_nothing_in_flight_come_first() {
        let poll = mio::Poll::new().expect("a poll");
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).expect("a waker"));
        let listening = Rest::Listen(Arc::clone(&waker));
        let mut vigil = Vigil::default();
        vigil.enter(&listening);
        vigil.enter(&Rest::Sleep);
        assert!(matches!(vigil.wake(), Some(Wake::One)));
        vigil.leave(&Rest::Sleep);
        assert!(matches!(vigil.wake(), Some(Wake::By(by)) if Arc::ptr_eq(&by, &waker)));
        vigil.leave(&listening);
        vigil.enter(&listening);
        vigil.leave(&listening);
        assert!(vigil.wake().is_none() && vigil.take_listening().is_empty());
    }

    #[test]
    fn a_lull_begins_when_the_work_ends() {
        let now = Instant::now();
        let mut lull = Lull::default();
        assert!(lull.dozes(now) && !lull.dozes(now + LULL));
        lull.end();
        assert!(lull.dozes(now + LULL));
    }
}
