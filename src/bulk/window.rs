//! How many messages may be unanswered on one session.
//!
//! Every unanswered message is one whose fate is unknown if the connection breaks,
//! and without enough of them a distant server waits for us. So the window grows
//! with each answer, as TCP's does at its start, and is cut back to twice what the
//! server has answered in the last quarter of a second: a fast server far away
//! soon has thousands in flight, a slow one near by has a few.

use std::time::{Duration, Instant};

const FIRST: usize = 64;
const FEWEST: usize = 16;
const PERIOD: Duration = Duration::from_millis(250);
/// Octets in flight at most.
const OCTETS: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub struct Window {
    messages: usize,
    most: usize,
    /// Sizes of what is in flight, summed.
    octets: usize,
    answered: usize,
    since: Instant,
}

impl Window {
    pub fn new(most: usize, now: Instant) -> Self {
        Self { messages: FIRST.min(most), most, octets: 0, answered: 0, since: now }
    }

    /// Whether one more may go out. The first always may.
    pub fn has_room(&self, in_flight: usize) -> bool {
        in_flight == 0 || (in_flight < self.messages && self.octets < OCTETS)
    }

    pub fn begun(&mut self, octets: usize) {
        self.octets += octets;
    }

    pub fn answered(&mut self, octets: usize, now: Instant) {
        self.octets = self.octets.saturating_sub(octets);
        self.answered += 1;
        self.messages = (self.messages + 1).min(self.most);
        if now.duration_since(self.since) >= PERIOD {
            self.messages = self.messages.min((2 * self.answered).max(FEWEST)).min(self.most);
            self.answered = 0;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_the_answers_and_shrinks_to_what_a_slow_server_takes() {
        let start = Instant::now();
        let mut window = Window::new(2000, start);
        assert!(window.has_room(63) && !window.has_room(64));
        for _ in 0..1000 {
            window.begun(100);
            window.answered(100, start);
        }
        assert!(window.has_room(1063) && !window.has_room(1064));
        window.answered(0, start + PERIOD);
        assert!(window.has_room(1064));
        for _ in 0..20 {
            window.answered(0, start + PERIOD);
        }
        window.answered(0, start + 2 * PERIOD);
        assert!(window.has_room(41) && !window.has_room(42));
    }

    #[test]
    fn large_messages_fill_it_and_one_always_fits() {
        let mut window = Window::new(10, Instant::now());
        window.begun(OCTETS + 1);
        assert!(!window.has_room(1) && window.has_room(0));
    }
}
