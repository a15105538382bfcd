//! What a session consists of, by what each part is about.

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

/// Who may be listening, and who is on the other side.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub up: bool,
    /// The server's certificate was verified.
    pub verified: bool,
    /// The connection does not leave this machine.
    pub local: bool,
    /// What ties a login to the TLS that is up: the best first.
    pub bindings: Vec<ChannelBinding>,
    /// A login was accepted over what is up.
    pub authenticated: bool,
    /// The answer to STARTTLS, until the handshake is over.
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

/// What the server has said of itself.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub extensions: Extensions,
    /// The last introduction that was accepted was EHLO or LHLO.
    pub esmtp: bool,
    /// The refusal of the last EHLO, where HELO was said behind it.
    pub refused_ehlo: Option<Reply>,
    /// The greeting, where it refused the session.
    pub rejection: Option<Reply>,
    /// Why it will refuse the token of the login that goes on.
    pub explanation: Option<Reply>,
}

/// What is coming in.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub reader: ReplyReader,
    /// The reply that is coming in was due when its first octet came.
    pub began_due: bool,
    /// Whole replies so far.
    pub heard: u64,
}

/// What is in flight, and how much may be.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Mail transactions that are not answered whole, in the order in which they
    /// were said: a reply to a transaction is one to the first.
    pub transactions: VecDeque<Running>,
    /// Whether a transaction may be said on top of another one.
    pub sequence: Sequence,
    pub resets: Resets,
    /// Domains of recipients so far, where the server limits them.
    pub domains: HashSet<String>,
}

/// What the caller is to be told.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub queue: VecDeque<Event>,
    /// Events are kept back: the driver only wants to send now.
    pub held: bool,
}

/// How the session ends.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// QUIT has been said.
    pub quitting: bool,
    /// Why the session is over, for every later request.
    pub why: Option<Error>,
    /// What is known of those that were in flight when the session ended, behind
    /// the first.
    pub stranded: VecDeque<Outcome>,
}
