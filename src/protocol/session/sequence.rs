//! Whether the server takes commands before it has answered the end of a message.
//!
//! RFC 2920 3.1 allows a client to send the next MAIL right after the final dot. Haraka (from
//! 3.1.7 on, against request smuggling) answers 503 to each command that arrives there. If there
//! are many octets it closes the connection without answering the message itself. So the first
//! attempt of a session is a short one, and after a 503 the session doesn't try again.

use super::Session;
use crate::protocol::transaction::Transaction;

/// About how many octets of commands may follow an unanswered message before the server is known
/// to accept them. Haraka hangs up after 8192.
const FIRST_TIME: usize = 4096;

/// What is known about the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sequence {
    #[default]
    Unknown,
    /// It has accepted a MAIL there.
    Free,
    /// It has answered 503 there.
    OneByOne,
}

impl Session {
    /// Pipelines no transactions: the server is known not to accept them.
    pub fn keep_one_by_one(&mut self) {
        self.flight.sequence = Sequence::OneByOne;
    }

    /// Whether the server accepts no transaction before it has answered the previous one.
    pub fn is_one_by_one(&self) -> bool {
        self.flight.sequence == Sequence::OneByOne
    }

    pub(super) fn may_be_said_on_top(&self, transaction: &Transaction) -> bool {
        self.flight.sequence == Sequence::Free || octets(transaction) <= FIRST_TIME
    }
}

/// The approximate size of its commands.
fn octets(transaction: &Transaction) -> usize {
    // RCPT TO:<>, CRLF and the "@".
    let each = |path: &crate::address::ForwardPath| path.wire(true).len() + 12;
    transaction.recipients.iter().map(each).sum::<usize>() + 100
}
