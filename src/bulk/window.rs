//! How many messages may be unanswered on one session.
//!
//! Every unanswered message is one whose fate is unknown if the connection breaks,
//! and without enough of them a distant server waits for us. So the window grows
//! with each answer, as TCP's does at its start, and is cut back to what is of use:
//! what the server answers in the time that an answer takes to come, with a margin, and
//! near by what bridges our own pauses. A fast server far away soon has thousands in
//! flight, a fast one near by a few hundred, a slow one a few.

use std::time::{Duration, Instant};

const FIRST: usize = 64;
const FEWEST: usize = 16;
/// Enough for any server that is near: more only fill its buffers.
const NEAR: usize = 256;
/// How fast the server answers is measured over so long, or over NEAR answers if that
/// takes less, and over a whole turn in any case.
const PERIOD: Duration = Duration::from_millis(250);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// Octets in flight at most.
const OCTETS: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub struct Window {
    messages: usize,
    most: usize,
    /// What is of use, as far as is known.
    useful: usize,
    /// Sizes of what is in flight, summed.
    octets: usize,
    begun: u64,
    answered: u64,
    /// The message whose answer is timed, by its number, and when it was begun.
    timed: Option<(u64, Instant)>,
    /// No answer came sooner than that.
    nearness: Option<Duration>,
    /// Answers in this period, and when it began.
    recent: usize,
    since: Instant,
}

impl Window {
    pub fn new(most: usize, now: Instant) -> Self {
        Self {
            messages: FIRST.min(most),
            most,
            useful: most,
            octets: 0,
            begun: 0,
            answered: 0,
            timed: None,
            nearness: None,
            recent: 0,
            since: now,
        }
    }

    /// Whether one more may go out. The first always may.
    pub fn has_room(&self, in_flight: usize) -> bool {
        in_flight == 0 || (in_flight < self.messages && self.octets < OCTETS)
    }

    pub fn begun(&mut self, octets: usize, now: Instant) {
        self.octets += octets;
        self.begun += 1;
        self.timed.get_or_insert((self.begun, now));
    }

    pub fn answered(&mut self, octets: usize, now: Instant) {
        self.octets = self.octets.saturating_sub(octets);
        self.answered += 1;
        self.recent += 1;
        if let Some((_, begun)) = self.timed.take_if(|(number, _)| *number <= self.answered) {
            let took = now.duration_since(begun);
            self.nearness = Some(self.nearness.map_or(took, |nearness| nearness.min(took)));
        }
        self.messages = (self.messages + 1).min(self.useful.max(NEAR)).min(self.most);
        let period = now.duration_since(self.since);
        // Answers come in bursts, one in a turn: less than a turn would tell of half a burst.
        let turn = self.nearness.unwrap_or(PERIOD).max(SHORTEST_PERIOD);
        if period >= PERIOD.max(turn) || (self.recent >= NEAR && period >= turn) {
            self.useful = self.what_is_of_use(period);
            self.messages = self.messages.min(self.useful).min(self.most);
            self.recent = 0;
            self.since = now;
        }
    }

    /// Twice what the server answers while one answer is on its way, so that the window
    /// may double in a turn, and at least what it answers in two periods, up to NEAR.
    fn what_is_of_use(&self, period: Duration) -> usize {
        let in_a = |time: Duration| (self.recent as f64 * time.as_secs_f64() / period.as_secs_f64()) as usize;
        let distant = self.nearness.map_or(0, |nearness| in_a(2 * nearness));
        distant.max(in_a(2 * PERIOD).clamp(FEWEST, NEAR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How many it always lets out, once it knows, to a server that answers so many a
    /// second, one after the other and so much later; the window is always full.
    fn settled(most: usize, a_second: u32, later: Duration) -> usize {
        let mut now = Instant::now();
        let mut window = Window::new(most, now);
        let mut in_flight = std::collections::VecDeque::new();
        let mut free = now;
        let mut smallest = most;
        let rounds = 50_000.min(20 * a_second);
        for round in 0..rounds {
            while window.has_room(in_flight.len()) {
                window.begun(100, now);
                free = free.max(now + later) + Duration::from_secs(1) / a_second;
                in_flight.push_back(free);
            }
            now = in_flight.pop_front().expect("one is always in flight");
            window.answered(100, now);
            if round > rounds / 2 {
                smallest = smallest.min(window.messages);
            }
        }
        smallest
    }

    #[test]
    fn a_server_far_away_gets_many_a_near_one_some_and_a_slow_one_few() {
        assert_eq!(settled(2000, 100_000, 20 * MS), 2000);
        // Its answers come in bursts.
        assert_eq!(settled(2000, 400_000, 20 * MS), 2000);
        assert_eq!(settled(2000, 250_000, MS / 20), NEAR);
        assert_eq!(settled(2000, 5_000, MS / 5), NEAR);
        assert!((FEWEST..=60).contains(&settled(2000, 60, MS)));
        assert!((FEWEST..=60).contains(&settled(2000, 60, 100 * MS)));
        assert_eq!(settled(10, 100_000, 20 * MS), 10);
    }

    #[test]
    fn it_never_makes_a_server_wait() {
        for (a_second, later) in [(1_000, 600 * MS), (20_000, 20 * MS), (3_000, 100 * MS)] {
            let bridged = (f64::from(a_second) * later.as_secs_f64()) as usize;
            let settled = settled(5000, a_second, later);
            assert!(settled >= bridged, "{settled} of {bridged}");
        }
    }

    #[test]
    fn it_grows_with_the_answers_and_shrinks_to_what_a_slow_server_takes() {
        let start = Instant::now();
        let mut window = Window::new(2000, start);
        assert!(window.has_room(63) && !window.has_room(64));
        for _ in 0..1000 {
            window.begun(100, start);
            window.answered(100, start);
        }
        assert!(window.has_room(1063) && !window.has_room(1064));
        window.answered(0, start + PERIOD);
        assert!(window.has_room(NEAR - 1) && !window.has_room(NEAR));
        for _ in 0..20 {
            window.answered(0, start + PERIOD);
        }
        window.answered(0, start + 2 * PERIOD);
        assert!(window.has_room(41) && !window.has_room(42));
    }

    #[test]
    fn large_messages_fill_it_and_one_always_fits() {
        let now = Instant::now();
        let mut window = Window::new(10, now);
        window.begun(OCTETS + 1, now);
        assert!(!window.has_room(1) && window.has_room(0));
    }
}
