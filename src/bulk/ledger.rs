//! What a journal is told about each message, and when.
//!
//! | told | when | from here on |
//! | --- | --- | --- |
//! | `begun` | before the first octet of an attempt goes out | it may be refused by the server |
//! | `end_said` | before the end of the mail data goes out | it may have arrived: *unknown* is possible |
//! | `settled` | once, in the end | its receipt says what became of each recipient |
//!
//! The calls come in this order. An attempt that ends early skips the second, and a message that
//! was never tried is only settled. A retry starts again from the first, and so does each further
//! transaction of the same message. Recipients that earlier attempts settled are reported with the
//! message's next `end_said` (`Job::newly_settled`), so that only the others can be unknown.
//!
//! A ledger may refuse the first two. If it refuses `begun`, nothing of the message is sent, and
//! the receipt carries the reason. If it can't record an end, that end isn't sent: the whole call
//! stops, and messages that weren't sent to their end count as not sent.

use super::job::{Job, Receipt};
use crate::protocol::Error;
use std::fmt;

/// All sessions of a call use the ledger concurrently.
pub trait Ledger<P>: fmt::Debug + Send + Sync {
    /// An attempt begins, after `job.attempts` earlier ones, for this many of `job.recipients`.
    fn begun(&self, _job: &Job<P>, _recipients: usize) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the ledger wants to hear about ends. If so, no end of mail data is sent before
    /// `end_said` has returned.
    fn minds_ends(&self) -> bool {
        false
    }

    /// The ends of these messages are about to be sent over one session. All the ends that the
    /// session holds come together, so that one write covers them. Returns false if they aren't
    /// recorded yet and the caller is an event loop, which must not block. The session then holds
    /// them, begins nothing new after them, and asks again on its next turn.
    fn end_said(&self, _messages: &[&Job<P>]) -> Result<bool, Error> {
        Ok(true)
    }

    fn settled(&self, _receipt: &Receipt<P>) {}
}

/// A ledger that accepts everything and records nothing.
impl<P> Ledger<P> for () {}
