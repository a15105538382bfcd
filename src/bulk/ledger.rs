//! What is told of each message, and when: so that a journal can stand on it.
//!
//! | told | when | from here on |
//! | --- | --- | --- |
//! | `begun` | before the first octet of an attempt goes out | it may be refused by the server |
//! | `end_said` | before the end of the mail data goes out | it may have arrived: *unknown* is possible |
//! | `settled` | once, in the end | its receipt says what became of each recipient |
//!
//! In this order, but an attempt that ends before its time leaves out the second, and a
//! message that was never tried is settled alone. An attempt after another one begins anew,
//! and so does one that needs several transactions. What those before it have settled is
//! told with the next `end_said` of the message (`Job::newly_settled`), so that only the
//! others can be unknown.
//!
//! A ledger may say no to the first two. Nothing goes out of a message that it does not let
//! begin, and the receipt has its reason. Where it can't take note of an end, that end is not
//! said: nothing can be sent any more, and what has not been said to its end is not sent.

use super::job::{Job, Receipt};
use crate::protocol::Error;
use std::fmt;

/// Asked by all sessions of a call, at the same time.
pub trait Ledger<P>: fmt::Debug + Send + Sync {
    /// An attempt begins, after `job.attempts` others, for so many of `job.recipients`.
    fn begun(&self, _job: &Job<P>, _recipients: usize) -> Result<(), Error> {
        Ok(())
    }

    /// Whether it is told of ends. If so, no end of mail data is said before `end_said` has
    /// come back.
    fn minds_ends(&self) -> bool {
        false
    }

    /// The ends of these messages are about to be said over one session: of all that it has
    /// in hand, so that one write does for all of them. False: it has not
    /// taken note of them yet, which an event loop must not wait for. They are held, nothing
    /// new begins behind them, and it is asked again when the session has its next turn.
    fn end_said(&self, _messages: &[&Job<P>]) -> Result<bool, Error> {
        Ok(true)
    }

    fn settled(&self, _receipt: &Receipt<P>) {}
}

/// Minds nothing, and keeps nothing.
impl<P> Ledger<P> for () {}
