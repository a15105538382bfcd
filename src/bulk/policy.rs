//! Decides what is retried, when, and when to give up. No other module does. Pure: it is told the
//! time and what happened.
//!
//! - A message is retried if it was not sent, if the server refused it temporarily (4yz), and, if
//!   the caller asked for that, if its fate is unknown. `retries` limits the attempts after the
//!   first, and `give_up_after` limits the time.
//! - An attempt counts for the message that the server had to answer next. Messages behind it on
//!   the same session were never begun: they go back to the front, uncounted.
//! - Nor does an attempt count if the server ends a session that has carried mail before with its
//!   answer to MAIL (421, RFC 5321 3.8): the message goes to another session, unless a new one
//!   has ended on it, or many.
//! - A message on which a session ended goes behind those that haven't been tried. It may be the
//!   reason, and then the others can still be sent.
//! - A session that ends before any message is answered counts as a failure of the server, and so
//!   does one that can't be opened. Consecutive failures are counted for the whole call, however
//!   many connections it has.

use crate::protocol::transaction::Fate;
use crate::protocol::{Error, Kind};
use std::time::{Duration, Instant};

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// After this many sessions in a row that the server ended without answering a message, the
/// messages are not to blame. Each session began with a different message, if there were several.
const UNANSWERED_SESSIONS: u32 = 10;

/// After this many messages in a row that were refused for lack of a login (530), and none that
/// wasn't, the server will take no message.
const LOGINS_WANTED: u32 = 10;

/// After this many sessions that ended on one message, it may be the reason, although they had carried
/// others before.
const GOODBYES: u32 = 10;

/// The caller's settings for sending many messages.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How many attempts to make after the first.
    pub retries: u32,
    /// No attempt starts later than this after the first.
    pub give_up_after: Option<Duration>,
    /// The pause before the second attempt. It doubles before each later one.
    pub backoff: Duration,
    pub resend_unknown: bool,
}

/// Why a session brought no answer to any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be opened, for a reason that may pass, or the server did not answer in time.
    Passing,
    /// It could not be opened, and another attempt would end the same way.
    Refused,
    /// The server ended it.
    Ended,
}

impl Failure {
    /// `served` tells whether an earlier session of the same call could be opened. If so, a
    /// refusal isn't about our identity, whatever its code says.
    pub fn of_opening(error: &Error, served: bool) -> Self {
        let may_pass = error.is_transient() || (served && error.kind == Kind::Refused);
        if may_pass { Self::Passing } else { Self::Refused }
    }

    pub fn of_session(error: &Error) -> Self {
        match error.kind {
            Kind::Timeout => Self::Passing,
            _ => Self::Ended,
        }
    }
}

impl Policy {
    /// Whether a message may be tried again after this many attempts and this long after the
    /// first.
    pub fn may_try_again(&self, attempts: u32, first: Option<Instant>, when: Instant) -> bool {
        let in_time = self.give_up_after.zip(first).is_none_or(|(most, first)| when < first + most);
        attempts <= self.retries && in_time
    }

    /// Whether another attempt may help a recipient with this fate.
    pub fn is_worth_another(&self, fate: &Fate) -> bool {
        match fate {
            Fate::Sent(_) => false,
            Fate::Unknown => self.resend_unknown,
            Fate::NotSent => true,
            Fate::Refused(..) => fate.is_transient(),
        }
    }

    /// The pause before the next attempt of this message. It varies between messages, so that they
    /// don't all return at once.
    pub fn pause(&self, attempts: u32, index: u64) -> Duration {
        // Knuth's multiplicative hash spreads neighbours over 75 % to 125 %.
        let spread = (index.wrapping_mul(2_654_435_761) >> 16) % 512;
        self.backoff(attempts).mul_f64(0.75 + spread as f64 / 1024.0)
    }

    /// The pause before another session is opened, after this many consecutive failures of the
    /// whole call. None means that nothing more is sent.
    pub fn after(&self, failure: Failure, failures: u32) -> Option<Duration> {
        let most = match failure {
            Failure::Refused => 0,
            Failure::Passing => self.retries,
            Failure::Ended => self.retries.max(UNANSWERED_SESSIONS),
        };
        // If the server ends sessions, another message is tried meanwhile, and the pauses stop
        // growing.
        let growth = if failure == Failure::Ended { self.retries.max(1) } else { u32::MAX };
        (failures <= most).then(|| self.backoff(failures.min(growth)))
    }

    /// Whether a message is not to blame for the end of one more session that had carried mail before
    /// it, after this many.
    pub fn forgives(&self, goodbyes: u32) -> bool {
        goodbyes < GOODBYES
    }

    /// Whether this many messages in a row were refused for lack of a login.
    pub fn gives_up_without_login(&self, refused: u32) -> bool {
        refused > LOGINS_WANTED
    }

    /// The pause after this many consecutive failures of any kind.
    pub fn backoff(&self, failures: u32) -> Duration {
        self.backoff.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Stage;
    use crate::protocol::reply::Reply;

    fn policy(retries: u32) -> Policy {
        Policy { retries, give_up_after: None, backoff: Duration::from_secs(1), resend_unknown: false }
    }

    #[test]
    fn n_retries_are_n_attempts_after_the_first() {
        let now = Instant::now();
        for retries in [0, 1, 2] {
            let attempts = (1..10).find(|&attempts| !policy(retries).may_try_again(attempts, Some(now), now));
            let sessions = (1..10).find(|&count| policy(retries).after(Failure::Passing, count).is_none());
            assert_eq!((attempts, sessions), (Some(retries + 1), Some(retries + 1)));
        }
    }

    #[test]
    fn pauses_double_and_are_not_the_same_for_all() {
        for (attempts, doubled) in [(1, 1.0), (2, 2.0), (3, 4.0)] {
            let pauses =
                [0, 1, 2, 1000].map(|index| policy(3).pause(attempts, index).as_secs_f64() / doubled);
            assert!(pauses.iter().all(|pause| (0.75..=1.25).contains(pause)), "{pauses:?}");
            assert!(pauses.windows(2).all(|two| two[0] != two[1]), "{pauses:?}");
        }
    }

    #[test]
    fn the_time_bounds_the_attempts_too() {
        let now = Instant::now();
        let policy = Policy { give_up_after: Some(Duration::from_secs(60)), ..policy(1000) };
        assert!(policy.may_try_again(500, Some(now), now + Duration::from_secs(59)));
        assert!(!policy.may_try_again(1, Some(now), now + Duration::from_secs(60)));
    }

    #[test]
    fn sessions_that_end_without_an_answer_are_bounded_and_so_are_their_pauses() {
        let pauses: Vec<_> = (1..).map_while(|count| policy(2).after(Failure::Ended, count)).collect();
        assert_eq!(pauses.len(), UNANSWERED_SESSIONS as usize);
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs(19));
    }

    #[test]
    fn a_refusal_after_others_were_let_in_may_pass() {
        let refused = Error::new(Kind::Refused, Stage::Greeting, "no").with_reply(Reply::new(554, "no"));
        assert_eq!(Failure::of_opening(&refused, false), Failure::Refused);
        assert_eq!(Failure::of_opening(&refused, true), Failure::Passing);
        let untrusted = Error::new(Kind::Certificate, Stage::Handshake, "who?");
        assert_eq!(Failure::of_opening(&untrusted, true), Failure::Refused);
    }
}
