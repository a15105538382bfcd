//! Whether the server takes commands before it has answered the end of a message.
//!
//! RFC 2920 3.1 lets a client say the next MAIL behind the final dot. Haraka (from 3.1.7
//! on, against request smuggling) answers 503 to each command that came there, and hangs
//! up where they are many octets, with the answer to the message itself unsaid. So the
//! first attempt of a session is a short one, and a 503 is heeded for the rest of it.

use super::Session;
use crate::protocol::transaction::Transaction;

/// Octets of commands, about, that are said on top of an unanswered message before it is
/// known that the server takes them. Haraka hangs up after 8192.
const FIRST_TIME: usize = 4096;

/// What is known of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sequence {
    #[default]
    Unknown,
    /// It has taken a MAIL there.
    Free,
    /// It has answered 503 there.
    OneByOne,
}

impl Session {
    /// Says no transaction on top of another one: the server is known not to take it.
    pub fn keep_one_by_one(&mut self) {
        self.flight.sequence = Sequence::OneByOne;
    }

    /// Whether the server takes no transaction before it has answered the one ahead of it.
    pub fn is_one_by_one(&self) -> bool {
        self.flight.sequence == Sequence::OneByOne
    }

    pub(super) fn may_be_said_on_top(&self, transaction: &Transaction) -> bool {
        self.flight.sequence == Sequence::Free || octets(transaction) <= FIRST_TIME
    }
}

/// What its commands take, about.
fn octets(transaction: &Transaction) -> usize {
    // RCPT TO:<>, CRLF and the "@".
    let each = |path: &crate::address::ForwardPath| path.wire(true).len() + 12;
    transaction.recipients.iter().map(each).sum::<usize>() + 100
}
