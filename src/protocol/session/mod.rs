//! The session: takes requests and bytes, and returns bytes and events.
//!
//! `ask.rs` sends requests, `drive.rs` tells a driver what to do next, `hear.rs` interprets
//! replies, and `end.rs` ends sessions. `parts.rs` has the parts of a session.

mod ask;
mod drive;
mod end;
mod ends;
mod hear;
mod limits;
mod options;
mod parts;
mod plaintext;
mod resets;
mod sequence;

use super::auth::Confided;
use super::awaited::Awaited;
use super::command::Verb;
use super::error::{Error, Stage};
use super::extension::Extensions;
use super::outgoing::Outgoing;
use super::reply::Reply;
use super::state::State;
use super::transaction::Outcome;
use super::transcript::{Line, Speaker};
use ask::Procedure;
pub use options::Options;
use parts::{Ending, Events, Flight, Input, Server, Tls};
pub use plaintext::Plaintext;
use sequence::Sequence;
use std::collections::VecDeque;

/// One SMTP or LMTP conversation, from the greeting to its end.
#[derive(Debug)]
pub struct Session {
    options: Options,
    state: State,
    /// The state to which the session returns between transactions.
    rest: State,
    tls: Tls,
    server: Server,
    input: Input,
    out: Outgoing,
    procedure: Option<Procedure>,
    flight: Flight,
    events: Events,
    ending: Ending,
    /// The transaction that is being carried out step by step uses SMTPUTF8.
    smtputf8: bool,
    confided: Confided,
    /// Draws the nonces for logins. The session itself does nothing at random. Without this it
    /// doesn't support SCRAM.
    nonce: fn() -> Option<String>,
}

impl Session {
    /// A session on a new connection, which awaits the greeting.
    pub fn new(options: Options) -> Self {
        let mut session = Self {
            options,
            state: State::Connected,
            rest: State::Greeted,
            tls: Tls { up: options.implicit_tls, ..Tls::default() },
            server: Server::default(),
            input: Input::default(),
            out: Outgoing::default(),
            procedure: None,
            flight: Flight::default(),
            events: Events::default(),
            ending: Ending::default(),
            smtputf8: false,
            confided: Confided::default(),
            nonce: || None,
        };
        session.out.letters = options.letters();
        session.out.expect(Awaited::Greeting);
        session
    }

    /// The source of nonces for logins: unpredictable words in printable ASCII without a comma.
    pub fn draw_nonces(&mut self, nonce: fn() -> Option<String>) {
        self.nonce = nonce;
    }

    /// Whether a transaction may begin now. It may if nothing is in progress. It also may if the
    /// server offers PIPELINING (RFC 2920) and only whole transactions are in progress, the last
    /// of which has gone well so far. Their answers come as one
    /// [`Event::Transaction`](super::Event::Transaction) each, in order.
    pub fn takes_transaction(&mut self) -> bool {
        self.takes_on_top(self.out.chunks_taken)
    }

    /// The same for a QUIT, which is never mistaken for a message.
    pub(super) fn takes_quit(&mut self) -> bool {
        self.takes_on_top(true)
    }

    fn takes_on_top(&mut self, chunks_taken: bool) -> bool {
        self.refill();
        if self.ending.why.is_some()
            || self.procedure.is_some()
            || self.tls.due.is_some()
            || self.ending.quitting
        {
            return false;
        }
        if self.flight.transactions.is_empty() {
            return self.out.is_idle() && self.state != State::Data;
        }
        // Only the last group can be taken back. An error ahead of it affects no message behind
        // it.
        self.flight.sequence != Sequence::OneByOne
            && self.flight.resets.leave_room_for(self.flight.transactions.len())
            && self.flight.transactions.back().is_some_and(|last| last.may_be_followed(chunks_taken))
            && self.out.takes_more()
    }

    /// Whether it avoids extensions, whatever the server offers.
    pub fn is_plain(&self) -> bool {
        !self.options.pipelining && !self.options.chunking
    }

    /// How many transactions aren't completely answered.
    pub fn in_flight(&self) -> usize {
        self.flight.transactions.len()
    }

    /// The outcomes of the transactions in flight after the first one, once the session has ended.
    pub fn take_stranded(&mut self) -> VecDeque<Outcome> {
        std::mem::take(&mut self.ending.stranded)
    }

    /// Whether lines of the transcript are kept. Sending many messages is cheaper without it.
    pub fn keep_transcript(&mut self, keep: bool) {
        self.out.quiet = !keep;
    }

    /// The caller ends the session without QUIT.
    pub fn close(&mut self, error: Error) {
        if self.ending.why.is_none() {
            self.end(State::Closed, error);
        }
    }

    /// Assumes that the server has these extensions, whatever it said.
    pub fn assume(&mut self, extensions: Extensions) {
        self.server.extensions = extensions;
    }

    /// The connection stays on this machine, so nothing on a network can listen in.
    pub fn stays_on_this_machine(&mut self) {
        self.tls.local = true;
    }

    /// Whether the connection is known to stay on this machine.
    pub fn is_local(&self) -> bool {
        self.tls.local
    }

    /// A line of the transcript that neither side has sent.
    pub fn note(&mut self, text: impl Into<Vec<u8>>) {
        self.out.note(Speaker::Note, text.into());
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_secure(&self) -> bool {
        self.tls.up
    }

    pub fn extensions(&self) -> &Extensions {
        &self.server.extensions
    }

    /// Whether the server accepted an EHLO or LHLO, and not a HELO.
    pub fn speaks_esmtp(&self) -> bool {
        self.server.esmtp
    }

    /// The server's answer to EHLO, if HELO was sent after it.
    pub fn refused_ehlo(&self) -> Option<&Reply> {
        self.server.refused_ehlo.as_ref()
    }

    /// How many whole replies have come. A growing count means progress.
    pub fn heard(&self) -> u64 {
        self.input.heard
    }

    /// The present stage of the conversation, for errors and deadlines.
    pub fn stage(&self) -> Stage {
        match self.out.next_awaited() {
            _ if self.tls.due.is_some() => Stage::Handshake,
            Some(_) if self.out.is_sending_mail_data() => Stage::MailData,
            Some(awaited) => awaited.stage(),
            None if matches!(self.procedure, Some(Procedure::Login { .. })) => Stage::Auth,
            None => Stage::Command,
        }
    }

    /// The verbs that RFC 5321 lets a client send here, as far as the server offers what they
    /// need.
    pub fn legal(&self) -> Vec<Verb> {
        let offered = |verb: &Verb| match verb {
            Verb::StartTls => self.server.extensions.has("STARTTLS") && !self.tls.up,
            Verb::Auth => self.server.extensions.has("AUTH"),
            Verb::Xclient => self.server.extensions.has("XCLIENT"),
            Verb::Bdat => self.server.extensions.has("CHUNKING"),
            Verb::Mail => self.check_plaintext(*verb).is_ok(),
            Verb::Ehlo | Verb::Helo => !self.options.lmtp,
            Verb::Lhlo => self.options.lmtp,
            Verb::Other => false,
            _ => true,
        };
        Verb::ALL.into_iter().filter(|&verb| self.state.allows(verb)).filter(offered).collect()
    }

    /// The next line of the transcript that hasn't been taken yet.
    pub fn next_line(&mut self) -> Option<Line> {
        self.out.next_line()
    }

    /// Whether nothing waits to be sent or answered.
    pub fn is_idle(&self) -> bool {
        self.out.is_idle() && self.procedure.is_none() && self.flight.transactions.is_empty()
    }

    /// Sends mail data as fast as the connection takes it.
    fn refill(&mut self) {
        if let Err(why) = self.out.refill() {
            self.unreadable(why);
        }
        self.note_end();
    }

    /// The mail data in progress belongs to the last transaction.
    fn note_end(&mut self) {
        if let Some(end) = self.out.take_end()
            && let Some(last) = self.flight.transactions.back_mut()
        {
            last.end_said(end);
        }
    }

    fn set_rest(&mut self, state: State) {
        self.rest = state;
        self.set_state(state);
    }

    fn set_state(&mut self, state: State) {
        self.state = state;
        self.out.state = Some(state);
    }
}

#[cfg(test)]
mod tests;
