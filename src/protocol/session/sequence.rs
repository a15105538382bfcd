//! Whether the server takes commands before it has answered the end of a message.
//!
//! RFC 2920 3.1 allows a client to send the next MAIL right after the final dot. Haraka (from
//! 3.1.7 on, against request smuggling) answers 503 to each command that arrives there. If there
//! are many octets it closes the connection without answering the message itself. So the first
//! attempt of a session is a short one, and after a 503 the session doesn't try again. Other servers
//! say 554 (Exim, Postfix: "synchronization error") or 500, hang up, or drop what came there and stay
//! silent. As long as a server has accepted no MAIL there, that is taken for the same answer.

use super::Session;
use super::parts::Flight;
use crate::protocol::code;
use crate::protocol::error::{Error, Kind};
use crate::protocol::reply::Reply;
use crate::protocol::transaction::{Running, Transaction};

/// About how many octets of commands may follow an unanswered message before the server is known
/// to accept them. Haraka hangs up after 8192.
const FIRST_TIME: usize = 4096;

/// The subject of the status codes X.5.z, which are about the protocol (RFC 3463 3.6).
const PROTOCOL_STATUS: u16 = 5;

/// What is known about the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sequence {
    #[default]
    Unknown,
    /// It has accepted a MAIL there.
    Free,
    /// It has refused what was there, or never answered it.
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

impl Flight {
    /// The session ends with this error.
    pub(super) fn ended(&mut self, error: &Error) {
        let by_peer = matches!(error.kind, Kind::Disconnected | Kind::Timeout);
        if by_peer
            && self.sequence == Sequence::Unknown
            && self.transactions.iter().any(Running::follows_data)
        {
            self.sequence = Sequence::OneByOne;
        }
    }
}

/// The approximate size of its commands.
fn octets(transaction: &Transaction) -> usize {
    // RCPT TO:<>, CRLF and the "@".
    let each = |path: &crate::address::ForwardPath| path.wire(true).len() + 12;
    transaction.recipients.iter().map(each).sum::<usize>() + 100
}

/// Whether this refusal of MAIL may mean that it came too early.
pub(super) fn may_deny_sequence(reply: &Reply) -> bool {
    let is_of_policy = reply.enhanced().is_some_and(|status| status.subject != PROTOCOL_STATUS);
    code::is_of_unknown_command(reply.code()) || reply.code() == code::TRANSACTION_FAILED && !is_of_policy
}
