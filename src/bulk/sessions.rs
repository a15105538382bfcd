//! The sessions of a mailer, without their sockets: which are idle, which worker may have one
//! next, and which servers are up. Pure: the caller passes the time.

use super::mailer::Bounds;
use crate::protocol::Session;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A server that could not be reached is tried again after this time, or at once if no other is
/// left.
const DOWN: Duration = Duration::from_secs(60);

/// How long extensions are avoided with a server that breaks when they are used.
const PLAINLY: Duration = Duration::from_secs(600);

/// An idle session, or one that has just been opened.
#[derive(Clone, Copy, Debug)]
pub struct Rested {
    pub id: u64,
    /// The index of its server.
    pub hop: usize,
    /// How many messages have been sent over it.
    pub begun: usize,
    pub opened: Instant,
    pub since: Instant,
}

#[derive(Debug)]
pub struct Sessions {
    bounds: Bounds,
    hops: Vec<Standing>,
    at_rest: Vec<Rested>,
    /// The number of places taken: sessions in use or being opened.
    in_use: usize,
    /// The workers that wait for a place, in order.
    queue: VecDeque<u64>,
    next_id: u64,
    closed: bool,
}

/// The condition of a server.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// Until then, other servers are tried first.
    down: Option<Instant>,
    /// Until then, it gets one command at a time, and DATA.
    plainly: Option<Instant>,
    /// It accepts no message before it has answered the previous one.
    one_by_one: bool,
}

impl Sessions {
    pub fn new(bounds: Bounds, hops: usize) -> Self {
        Self {
            bounds,
            hops: vec![Standing::default(); hops],
            at_rest: Vec::new(),
            in_use: 0,
            queue: VecDeque::new(),
            next_id: 0,
            closed: false,
        }
    }

    // -- places: leave to have one session -------------------------------------------

    /// Queues for a place. Returns the number that will be called.
    pub fn queue_up(&mut self) -> u64 {
        self.next_id += 1;
        self.queue.push_back(self.next_id);
        self.next_id
    }

    /// Takes a place if it is this number's turn. First come, first served: a call that sends a
    /// million messages must not starve one that sends a single message.
    pub fn admit(&mut self, number: u64) -> bool {
        let turn = self.next_in_line() == Some(number);
        if turn {
            self.queue.pop_front();
            self.in_use += 1;
        }
        turn
    }

    /// The number that may have a place now.
    pub fn next_in_line(&self) -> Option<u64> {
        self.queue.front().copied().filter(|_| self.in_use < self.bounds.sessions)
    }

    pub fn withdraw(&mut self, number: u64) {
        self.queue.retain(|other| *other != number);
    }

    pub fn give_back(&mut self) {
        self.in_use -= 1;
    }

    /// Whether a worker waits for a place. If so, busy sessions give way.
    pub fn is_wanted(&self) -> bool {
        !self.queue.is_empty()
    }

    // -- sessions at rest --------------------------------------------------------------

    /// The idle session that was used last.
    pub fn take(&mut self) -> Option<Rested> {
        self.at_rest.pop()
    }

    /// Whether this session may send again, if its server is still there.
    pub fn is_good(&self, rested: &Rested, now: Instant) -> bool {
        now.saturating_duration_since(rested.since) < self.bounds.idle
            && now.saturating_duration_since(rested.opened) < self.bounds.age
    }

    pub fn opened(&mut self, hop: usize, opened: Instant) -> Rested {
        self.next_id += 1;
        Rested { id: self.next_id, hop, begun: 0, opened, since: opened }
    }

    /// Keeps a session whose work is done. Returns false if it must be ended.
    pub fn rest(&mut self, rested: Rested) -> bool {
        let old = rested.since.saturating_duration_since(rested.opened) >= self.bounds.age;
        let full = self.closed || self.at_rest.len() >= self.bounds.sessions;
        let kept = !self.bounds.idle.is_zero() && !old && !full;
        if kept {
            self.at_rest.push(rested);
        }
        kept
    }

    pub fn at_rest(&self) -> usize {
        self.at_rest.len()
    }

    /// Returns all idle sessions, to be ended.
    pub fn clear(&mut self) {
        self.at_rest.clear();
    }

    /// The same, and from now on no session is kept.
    pub fn close(&mut self) {
        self.closed = true;
        self.clear();
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    // -- servers -----------------------------------------------------------------------

    /// The servers in the order in which to try them: first those not known to be down.
    pub fn order(&self, now: Instant) -> VecDeque<usize> {
        let mut order: Vec<usize> = (0..self.hops.len()).collect();
        order.sort_by_key(|at| self.is_down(*at, now));
        order.into()
    }

    fn is_down(&self, hop: usize, now: Instant) -> bool {
        self.hops[hop].down.is_some_and(|until| until > now)
    }

    /// Whether other servers are tried before it.
    pub fn is_passed_over(&self, hop: usize, now: Instant) -> bool {
        self.is_down(hop, now) && !self.all_are_down(now)
    }

    pub fn all_are_down(&self, now: Instant) -> bool {
        (0..self.hops.len()).all(|hop| self.is_down(hop, now))
    }

    pub fn down(&mut self, hop: usize, now: Instant) {
        self.hops[hop].down = now.checked_add(DOWN);
    }

    pub fn up(&mut self, hop: usize) {
        self.hops[hop].down = None;
    }

    /// Whether to avoid extensions with it.
    pub fn plainly(&self, hop: usize, now: Instant) -> bool {
        self.hops[hop].plainly.is_some_and(|until| until > now)
    }

    /// Records what a session has learnt about its server.
    pub fn learn(&mut self, hop: usize, session: &Session) {
        self.hops[hop].one_by_one |= session.is_one_by_one();
    }

    /// Tells a session that is ready for mail what earlier ones have learnt. Not that BDAT is known:
    /// behind one name there may be another server that introduces itself alike, and reads the
    /// content as commands. Its answers to those would be taken for those to later messages.
    pub fn prepare(&self, hop: usize, session: &mut Session) {
        if self.hops[hop].one_by_one {
            session.keep_one_by_one();
        }
    }

    /// A new session broke before the server had answered a single message, and the server offers
    /// extensions that it may not support properly. The next session avoids them. Returns false if
    /// this one avoided them already, so that they weren't the reason.
    pub fn speak_plainly(&mut self, hop: usize, was_plain: bool, now: Instant) -> bool {
        self.hops[hop].plainly = if was_plain { None } else { now.checked_add(PLAINLY) };
        !was_plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(most: usize) -> Sessions {
        let (idle, age) = (Duration::from_secs(1), Duration::from_secs(10));
        Sessions::new(Bounds { sessions: most, idle, age, window: 1, messages: None, rate: None }, 2)
    }

    #[test]
    fn no_more_places_than_sessions_and_first_come_first_served() {
        let mut sessions = sessions(2);
        let numbers: Vec<u64> = (0..4).map(|_| sessions.queue_up()).collect();
        assert!(!sessions.admit(numbers[1]), "it is not the second's turn");
        assert!(sessions.admit(numbers[0]) && sessions.admit(numbers[1]));
        assert!(sessions.is_wanted() && !sessions.admit(numbers[2]));
        sessions.give_back();
        assert!(!sessions.admit(numbers[3]), "the third was there before");
        assert!(sessions.admit(numbers[2]));
        sessions.withdraw(numbers[3]);
        assert!(!sessions.is_wanted(), "who gives up waits no more");
    }

    #[test]
    fn a_session_at_rest_is_used_again_until_it_is_too_old() {
        let mut sessions = sessions(2);
        let now = Instant::now();
        let rested = sessions.opened(0, now);
        assert!(sessions.rest(rested) && sessions.at_rest() == 1);
        assert!(sessions.take().is_some_and(|taken| taken.id == rested.id) && sessions.take().is_none());
        assert!(sessions.is_good(&rested, now) && !sessions.is_good(&rested, now + Duration::from_secs(1)));
        let old = Rested { since: now + Duration::from_secs(10), ..rested };
        assert!(!sessions.is_good(&old, old.since) && !sessions.rest(old));
        sessions.close();
        assert!(!sessions.rest(rested));
    }

    #[test]
    fn a_server_that_is_down_comes_last_for_a_while() {
        let mut sessions = sessions(1);
        let now = Instant::now();
        sessions.down(0, now);
        assert_eq!(sessions.order(now), [1, 0]);
        assert!(!sessions.all_are_down(now));
        assert_eq!(sessions.order(now + DOWN), [0, 1]);
        sessions.down(1, now);
        assert!(sessions.all_are_down(now));
        sessions.up(0);
        assert_eq!(sessions.order(now), [0, 1]);
    }

    #[test]
    fn a_server_that_breaks_is_spoken_to_plainly_once() {
        let mut sessions = sessions(1);
        let now = Instant::now();
        assert!(!sessions.plainly(0, now));
        assert!(
            sessions.speak_plainly(0, false, now) && sessions.plainly(0, now) && !sessions.plainly(1, now)
        );
        assert!(sessions.speak_plainly(0, false, now) && sessions.plainly(0, now), "it was opened before");
        assert!(!sessions.plainly(0, now + PLAINLY));
        assert!(!sessions.speak_plainly(0, true, now), "it was no reason");
        assert!(!sessions.plainly(0, now));
    }
}
