//! The session: requests in, bytes in and out, events out.
//!
//! `ask.rs` says what a request says, `drive.rs` what a driver does next, `hear.rs`
//! what a reply means, `end.rs` how a session ends; `parts.rs` is what it consists of.

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
use super::command::Verb;
use super::error::{Error, Stage};
use super::extension::Extensions;
use super::outgoing::{Awaited, Outgoing};
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
    /// Where the session rests between transactions.
    rest: State,
    tls: Tls,
    server: Server,
    input: Input,
    out: Outgoing,
    procedure: Option<Procedure>,
    flight: Flight,
    events: Events,
    ending: Ending,
    /// The transaction that is being said step by step uses SMTPUTF8.
    smtputf8: bool,
    confided: Confided,
    /// Draws the nonces of logins. The session itself does nothing by chance; without them it
    /// knows no SCRAM.
    nonce: fn() -> Option<String>,
}

impl Session {
    /// A session whose connection has just been made: the greeting is awaited.
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

    /// Where the nonces of logins come from: words that cannot be foreseen, in printable ASCII
    /// without a comma.
    pub fn draw_nonces(&mut self, nonce: fn() -> Option<String>) {
        self.nonce = nonce;
    }

    /// Whether a transaction may begin now: nothing is under way, or the server
    /// offers PIPELINING (RFC 2920) and all that is under way are transactions that
    /// are said whole, the last of which goes well so far. Their answers come as one
    /// [`Event::Transaction`](super::Event::Transaction) each, in order.
    pub fn takes_transaction(&mut self) -> bool {
        self.takes_on_top(self.out.chunks_taken)
    }

    /// The same of a QUIT, which is never taken for a message.
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
        // Only the last group can be taken back; an error ahead of it affects no message behind it.
        self.flight.sequence != Sequence::OneByOne
            && self.flight.resets.leave_room_for(self.flight.transactions.len())
            && self.flight.transactions.back().is_some_and(|last| last.may_be_followed(chunks_taken))
            && self.out.takes_more()
    }

    /// How many transactions are not answered whole.
    pub fn in_flight(&self) -> usize {
        self.flight.transactions.len()
    }

    /// What became of the transactions in flight behind the first one, once the
    /// session has ended.
    pub fn take_stranded(&mut self) -> VecDeque<Outcome> {
        std::mem::take(&mut self.ending.stranded)
    }

    /// Whether lines of the transcript are kept: many messages cost less without.
    pub fn keep_transcript(&mut self, keep: bool) {
        self.out.quiet = !keep;
    }

    /// The caller ends the session without a word.
    pub fn close(&mut self, error: Error) {
        if self.ending.why.is_none() {
            self.end(State::Closed, error);
        }
    }

    /// Takes these extensions for the server's, whatever it said.
    pub fn assume(&mut self, extensions: Extensions) {
        self.server.extensions = extensions;
    }

    /// The connection does not leave this machine: nothing on the way can listen in.
    pub fn stays_on_this_machine(&mut self) {
        self.tls.local = true;
    }

    /// Whether the connection is known not to leave this machine.
    pub fn is_local(&self) -> bool {
        self.tls.local
    }

    /// A line of the transcript that neither side has said.
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

    /// Whether the server took an EHLO or LHLO, not a HELO.
    pub fn speaks_esmtp(&self) -> bool {
        self.server.esmtp
    }

    /// What the server answered to EHLO, where HELO was said behind it.
    pub fn refused_ehlo(&self) -> Option<&Reply> {
        self.server.refused_ehlo.as_ref()
    }

    /// How many whole replies have come: a conversation that gets on.
    pub fn heard(&self) -> u64 {
        self.input.heard
    }

    /// Where in the conversation the session stands, for errors and deadlines.
    pub fn stage(&self) -> Stage {
        match self.out.next_awaited() {
            _ if self.tls.due.is_some() => Stage::Handshake,
            Some(_) if self.out.is_sending_mail_data() => Stage::MailData,
            Some(awaited) => awaited.stage(),
            None if matches!(self.procedure, Some(Procedure::Login { .. })) => Stage::Auth,
            None => Stage::Command,
        }
    }

    /// The verbs that RFC 5321 lets a client say here, as far as the server
    /// offers what they need.
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

    /// The next line of the transcript that has not been taken yet.
    pub fn next_line(&mut self) -> Option<Line> {
        self.out.next_line()
    }

    /// Whether nothing waits to be sent or answered.
    pub fn is_idle(&self) -> bool {
        self.out.is_idle() && self.procedure.is_none() && self.flight.transactions.is_empty()
    }

    /// Lets mail data follow as the wire takes it.
    fn refill(&mut self) {
        if let Err(why) = self.out.refill() {
            self.unreadable(why);
        }
        self.note_end();
    }

    /// The mail data that is being said is that of the last transaction.
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
