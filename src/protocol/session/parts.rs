//! The parts of a session, grouped by subject.

use super::resets::Resets;
use super::sequence::Sequence;
use crate::protocol::auth::ChannelBinding;
use crate::protocol::error::Error;
use crate::protocol::event::Event;
use crate::protocol::extension::Extensions;
use crate::protocol::reply::Reply;
use crate::protocol::reply_reader::ReplyReader;
use crate::protocol::transaction::{Outcome, Peer, Running};
use std::collections::{HashSet, VecDeque};

/// The security of the connection, and the identity of both sides.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub up: bool,
    /// The server's certificate was verified.
    pub verified: bool,
    /// The connection stays on this machine.
    pub local: bool,
    /// The channel bindings of the present TLS connection, best first.
    pub bindings: Vec<ChannelBinding>,
    /// A login was accepted on the present connection.
    pub authenticated: bool,
    /// The answer to STARTTLS, until the handshake is complete.
    pub due: Option<Reply>,
}

impl Tls {
    pub fn peer(&self) -> Peer {
        match (self.up, self.verified) {
            (false, _) => Peer::Plaintext,
            (true, false) => Peer::Unverified,
            (true, true) => Peer::Verified,
        }
    }
}

/// What the server has said about itself.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub extensions: Extensions,
    /// The last greeting command that the server accepted was EHLO or LHLO.
    pub esmtp: bool,
    /// The refusal of the last EHLO, if HELO was sent after it.
    pub refused_ehlo: Option<Reply>,
    /// The greeting, if it refused the session.
    pub rejection: Option<Reply>,
    /// Why the server will refuse the token of the login in progress.
    pub explanation: Option<Reply>,
}

/// The incoming side.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub reader: ReplyReader,
    /// The reply being received was already expected when its first octet came.
    pub began_due: bool,
    /// The number of whole replies so far.
    pub heard: u64,
}

/// What is in flight, and how much may be.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Mail transactions that aren't completely answered, in the order in which they were sent. A
    /// reply to a transaction belongs to the first.
    pub transactions: VecDeque<Running>,
    /// Whether a transaction may be sent before an earlier one is answered.
    pub sequence: Sequence,
    pub resets: Resets,
    /// The recipients' domains so far, if the server limits them.
    pub domains: HashSet<String>,
}

/// Events for the caller.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub queue: VecDeque<Event>,
    /// Events are held back, because the driver only wants to send now.
    pub held: bool,
}

/// How the session ends.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// QUIT has been sent.
    pub quitting: bool,
    /// Why the session is over, for every later request.
    pub why: Option<Error>,
    /// The outcomes of the messages in flight after the first, once the session has ended.
    pub stranded: VecDeque<Outcome>,
}
