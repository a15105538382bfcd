//! How many messages may be unanswered on one session.
//!
//! Every unanswered message has an unknown fate if the connection breaks, but with too few of them
//! a distant server has to wait for us. So the window grows with each answer, as TCP's does at its
//! start. It is cut back to what is useful: the number of messages that the server answers during
//! one round trip, with a margin, and for nearby servers enough to bridge our own pauses. A fast
//! distant server soon has thousands in flight, a fast nearby one a few hundred, and a slow one a
//! few.
//!
//! A ledger that wants to hear of ends needs some time for each record. So it hears of half a
//! window at once, while the server answers the other half, and a window has room for what the
//! server answers meanwhile.

use std::time::{Duration, Instant};

const FIRST: usize = 64;
const FEWEST: usize = 16;
/// Enough for any nearby server: more would only fill its buffers.
const NEAR: usize = 256;
/// The server's rate of answers is measured over this time, or over NEAR answers if that takes
/// less, but over a whole round trip in any case.
const PERIOD: Duration = Duration::from_millis(250);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// How long a ledger may take, with all that it has to wait for.
const RECORD: Duration = Duration::from_millis(10);
/// The most octets in flight.
const OCTETS: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub struct Window {
    messages: usize,
    most: usize,
    /// A ledger wants to hear of ends.
    recorded: bool,
    /// The largest useful window, as far as is known.
    useful: usize,
    /// The total size of the messages in flight.
    octets: usize,
    begun: u64,
    answered: u64,
    /// The number of the message whose answer is timed, and when it was begun.
    timed: Option<(u64, Instant)>,
    /// How long the last answer took, and the shortest time that any answer took.
    took: Duration,
    nearness: Option<Duration>,
    /// Nothing was in flight, and no answer has come since.
    paused: bool,
    /// The number of answers in this period, and when it began.
    recent: usize,
    since: Instant,
}

impl Window {
    pub fn new(most: usize, recorded: bool, now: Instant) -> Self {
        Self {
            messages: FIRST.min(most),
            most,
            recorded,
            useful: most,
            octets: 0,
            begun: 0,
            answered: 0,
            timed: None,
            took: Duration::ZERO,
            nearness: None,
            paused: false,
            recent: 0,
            since: now,
        }
    }

    /// Whether one more message may be sent. The first always may.
    pub fn has_room(&self, in_flight: usize) -> bool {
        in_flight == 0 || (in_flight < self.messages && self.octets < OCTETS)
    }

    /// Whether to wait for answers, although there is room, so that more ends are recorded at once.
    pub fn gathers(&self, in_flight: usize) -> bool {
        self.recorded && in_flight > self.messages / 2
    }

    /// How many more may be sent, regardless of their size.
    pub fn room(&self, in_flight: usize) -> usize {
        self.messages.saturating_sub(in_flight)
    }

    pub fn begun(&mut self, octets: usize, now: Instant) {
        // A pause of ours says nothing about the server.
        self.paused |= self.begun == self.answered;
        self.octets += octets;
        self.begun += 1;
        self.timed.get_or_insert((self.begun, now));
    }

    pub fn answered(&mut self, octets: usize, now: Instant) {
        self.octets = self.octets.saturating_sub(octets);
        self.answered += 1;
        self.recent += 1;
        if std::mem::take(&mut self.paused) {
            self.recent = 0;
            self.since = now;
        }
        if let Some((_, begun)) = self.timed.take_if(|(number, _)| *number <= self.answered) {
            self.took = now.duration_since(begun);
            self.nearness = Some(self.nearness.map_or(self.took, |nearness| nearness.min(self.took)));
        }
        self.messages = (self.messages + 1).min(self.useful.max(NEAR)).min(self.most);
        let period = now.duration_since(self.since);
        // Answers come in bursts, one per round trip. A shorter period would see half a burst.
        let turn = self.nearness.unwrap_or(PERIOD).max(SHORTEST_PERIOD);
        if period >= PERIOD.max(turn) || (self.recent >= NEAR && period >= turn) {
            self.useful = self.what_is_of_use(period);
            self.messages = self.messages.min(self.useful);
            self.recent = 0;
            self.since = now;
        }
    }

    /// Twice the number that the server answers in one round trip, and twice that again while
    /// answers arrive at minimal delay, since the window may still grow. At least the number that
    /// it answers in two periods, up to NEAR, and while a ledger records an end.
    fn what_is_of_use(&self, period: Duration) -> usize {
        let in_a = |time: Duration| (self.recent as f64 * time.as_secs_f64() / period.as_secs_f64()) as usize;
        let Some(nearness) = self.nearness else { return self.most };
        let turns = if self.took > 2 * nearness { 2 } else { 4 };
        let record = if self.recorded { RECORD } else { Duration::ZERO };
        in_a(turns * nearness).max(in_a(2 * PERIOD).clamp(FEWEST, NEAR)).max(in_a(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A server that gives this many answers per second, one after the other, with this delay, and
    /// a client that always has more to send.
    struct Server {
        window: Window,
        in_flight: std::collections::VecDeque<Instant>,
        each: Duration,
        later: Duration,
        now: Instant,
        free: Instant,
    }

    impl Server {
        fn new(most: usize, a_second: u32, later: Duration) -> Self {
            let now = Instant::now();
            let each = Duration::from_secs(1) / a_second;
            Self { window: Window::new(most, false, now), in_flight: [].into(), each, later, now, free: now }
        }

        fn recorded(mut self) -> Self {
            self.window.recorded = true;
            self
        }

        /// The server has answered one more message.
        fn answer(&mut self) -> usize {
            while self.window.has_room(self.in_flight.len()) {
                self.window.begun(100, self.now);
                self.free = self.free.max(self.now + self.later) + self.each;
                self.in_flight.push_back(self.free);
            }
            self.now = self.in_flight.pop_front().expect("one is always in flight");
            self.window.answered(100, self.now);
            self.window.messages
        }

        /// There is nothing to send for this long.
        fn pause(&mut self, time: Duration) {
            for answered in self.in_flight.drain(..) {
                self.now = answered;
                self.window.answered(100, answered);
            }
            self.now += time;
        }

        /// The smallest window once the server's behaviour is known.
        fn settled(mut self) -> usize {
            let answers = (20.0 / self.each.as_secs_f64()) as usize;
            let answers = answers.min(50_000);
            let windows: Vec<usize> = (0..answers).map(|_| self.answer()).collect();
            *windows[answers / 2..].iter().min().expect("there were some")
        }
    }

    #[test]
    fn a_server_far_away_gets_many_a_near_one_some_and_a_slow_one_few() {
        for (most, a_second, later, settled) in [
            (2000, 100_000, 20 * MS, 2000..=2000),
            // The server's answers come in bursts.
            (2000, 400_000, 20 * MS, 2000..=2000),
            (2000, 250_000, MS / 20, NEAR..=NEAR),
            (2000, 5_000, MS / 5, NEAR..=NEAR),
            (2000, 60, MS, FEWEST..=60),
            (2000, 60, 100 * MS, FEWEST..=60),
            (10, 100_000, 20 * MS, 10..=10),
            // It never has to wait.
            (5000, 1_000, 600 * MS, 600..=5000),
            (5000, 20_000, 20 * MS, 400..=5000),
            (5000, 3_000, 100 * MS, 300..=5000),
        ] {
            let window = Server::new(most, a_second, later).settled();
            assert!(settled.contains(&window), "{window}: {a_second} in a second, {later:?} away");
        }
    }

    #[test]
    fn a_ledger_hears_of_half_a_window_and_the_server_has_the_other_half() {
        assert_eq!(Server::new(5000, 250_000, MS / 20).recorded().settled(), 2500);
        assert_eq!(Server::new(2000, 250_000, MS / 20).recorded().settled(), 2000);
        assert_eq!(Server::new(2000, 5_000, MS / 5).recorded().settled(), NEAR);
        assert!((FEWEST..=60).contains(&Server::new(2000, 60, MS).recorded().settled()));
        let mut window = Window::new(100, true, Instant::now());
        assert!(!window.gathers(FIRST / 2) && window.gathers(FIRST / 2 + 1));
        window = Window::new(1, true, Instant::now());
        assert!(!window.gathers(0) && window.gathers(1));
        assert!(!Window::new(100, false, Instant::now()).gathers(FIRST));
    }

    #[test]
    fn it_doubles_in_each_turn() {
        for later in [20 * MS, 100 * MS, 300 * MS] {
            let mut server = Server::new(2000, 1_000_000, later);
            let mut expected = FIRST;
            while expected < 2000 {
                let turn = server.now + later;
                while server.answer() < 2000 && server.now < turn + later / 2 {}
                expected *= 2;
                let window = server.window.messages;
                assert!(window >= expected.min(2000), "{window} of {expected}, {later:?} away");
            }
        }
    }

    #[test]
    fn a_pause_of_ours_says_nothing_about_the_server() {
        for later in [20 * MS, 300 * MS] {
            let mut server = Server::new(2000, 1_000_000, later);
            while server.answer() < 2000 {}
            for pause in [MS, 100 * MS, 3000 * MS] {
                server.pause(pause);
                for _ in 0..3000 {
                    assert_eq!(server.answer(), 2000);
                }
            }
        }
    }

    #[test]
    fn large_messages_fill_it_and_one_always_fits() {
        let now = Instant::now();
        let mut window = Window::new(10, false, now);
        window.begun(OCTETS + 1, now);
        assert!(!window.has_room(1) && window.has_room(0));
    }
}
