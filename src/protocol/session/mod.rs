//! The session: requests in, bytes in and out, events out.
//!
//! `ask.rs` says what a request says, `drive.rs` what a driver does next, `hear.rs`
//! what a reply means, `end.rs` how a session ends.

mod ask;
mod drive;
mod end;
mod ends;
mod hear;
mod limits;
mod options;
mod resets;
mod sequence;

use super::auth::{Confided, Exchange};
use super::body::Body;
use super::command::{ClientName, Verb};
use super::error::{Error, Stage};
use super::event::Event;
use super::extension::Extensions;
use super::outgoing::{Awaited, Outgoing};
use super::reply::Reply;
use super::reply_reader::ReplyReader;
use super::state::State;
use super::transaction::{Outcome, Running};
use super::transcript::{Line, Speaker};
pub use options::Options;
use resets::Resets;
use sequence::Sequence;
use std::collections::{HashSet, VecDeque};

/// A request of more than one turn.
#[derive(Debug)]
enum Procedure {
    Hello(ClientName),
    Login {
        exchange: Exchange,
        others: VecDeque<Exchange>,
        initial_response: bool,
    },
    /// An initial response of the caller's that is still to be said.
    AuthBy(Option<Vec<u8>>),
    MailData(Option<Body>),
}

/// One SMTP or LMTP conversation, from the greeting to its end.
#[derive(Debug)]
pub struct Session {
    options: Options,
    state: State,
    /// Where the session rests between transactions.
    rest: State,
    secure: bool,
    /// The connection does not leave this machine.
    local: bool,
    /// STARTTLS was said: from then on it is TLS or nothing.
    tls_demanded: bool,
    upgrade_due: Option<Reply>,
    extensions: Extensions,
    reader: ReplyReader,
    /// The reply that is coming in was due when its first octet came.
    began_due: bool,
    out: Outgoing,
    procedure: Option<Procedure>,
    /// Mail transactions that are not answered whole, in the order in which they
    /// were said: a reply to a transaction is one to the first.
    transactions: VecDeque<Running>,
    /// Whether a transaction may be said on top of another one.
    sequence: Sequence,
    resets: Resets,
    /// QUIT has been said.
    quitting: bool,
    /// What is known of those that were in flight when the session ended, behind
    /// the first.
    stranded: VecDeque<Outcome>,
    events: VecDeque<Event>,
    /// Events are kept back: the driver only wants to send now.
    holding: bool,
    /// Whole replies so far.
    heard: u64,
    /// The last introduction that was accepted was EHLO or LHLO.
    esmtp: bool,
    /// The transaction that is being said step by step uses SMTPUTF8.
    smtputf8: bool,
    confided: Confided,
    /// Domains of recipients so far, where the server limits them.
    domains: HashSet<String>,
    /// The greeting, where it refused the session.
    rejection: Option<Reply>,
    /// Why the session is over, for every later request.
    ended: Option<Error>,
}

impl Session {
    /// A session whose connection has just been made: the greeting is awaited.
    pub fn new(options: Options) -> Self {
        let mut session = Self {
            options,
            state: State::Connected,
            rest: State::Greeted,
            secure: options.implicit_tls,
            local: false,
            tls_demanded: false,
            upgrade_due: None,
            extensions: Extensions::default(),
            reader: ReplyReader::default(),
            began_due: false,
            out: Outgoing::default(),
            procedure: None,
            transactions: VecDeque::new(),
            sequence: Sequence::default(),
            resets: Resets::default(),
            quitting: false,
            stranded: VecDeque::new(),
            events: VecDeque::new(),
            holding: false,
            heard: 0,
            esmtp: false,
            smtputf8: false,
            confided: Confided::default(),
            domains: HashSet::new(),
            rejection: None,
            ended: None,
        };
        session.out.letters = options.letters();
        session.out.expect(Awaited::Greeting);
        session
    }

    /// Whether a transaction may begin now: nothing is under way, or the server
    /// offers PIPELINING (RFC 2920) and all that is under way are transactions that
    /// are said whole, the last of which goes well so far. Their answers come as one
    /// [`Event::Transaction`] each, in order.
    pub fn takes_transaction(&mut self) -> bool {
        self.takes_on_top(self.out.chunks_taken)
    }

    /// The same of a QUIT, which is never taken for a message.
    pub(super) fn takes_quit(&mut self) -> bool {
        self.takes_on_top(true)
    }

    fn takes_on_top(&mut self, chunks_taken: bool) -> bool {
        self.refill();
        if self.ended.is_some() || self.procedure.is_some() || self.upgrade_due.is_some() || self.quitting {
            return false;
        }
        if self.transactions.is_empty() {
            return self.out.is_idle() && self.state != State::Data;
        }
        // Only the last group can be taken back; an error ahead of it affects no message behind it.
        self.sequence != Sequence::OneByOne
            && self.resets.leave_room_for(self.transactions.len())
            && self.transactions.back().is_some_and(|last| last.may_be_followed(chunks_taken))
            && self.out.takes_more()
    }

    /// How many transactions are not answered whole.
    pub fn in_flight(&self) -> usize {
        self.transactions.len()
    }

    /// What became of the transactions in flight behind the first one, once the
    /// session has ended.
    pub fn take_stranded(&mut self) -> VecDeque<Outcome> {
        std::mem::take(&mut self.stranded)
    }

    /// Whether lines of the transcript are kept: many messages cost less without.
    pub fn keep_transcript(&mut self, keep: bool) {
        self.out.quiet = !keep;
    }

    /// The caller ends the session without a word.
    pub fn close(&mut self, error: Error) {
        if self.ended.is_none() {
            self.end(State::Closed, error);
        }
    }

    /// Takes these extensions for the server's, whatever it said.
    pub fn assume(&mut self, extensions: Extensions) {
        self.extensions = extensions;
    }

    /// The connection does not leave this machine: nothing on the way can listen in, and AUTH
    /// may go without TLS.
    pub fn stays_on_this_machine(&mut self) {
        self.options.plaintext_auth = true;
        self.local = true;
    }

    /// Whether the connection is known not to leave this machine.
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// A line of the transcript that neither side has said.
    pub fn note(&mut self, text: impl Into<Vec<u8>>) {
        self.out.note(Speaker::Note, text.into());
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether the server took an EHLO or LHLO, not a HELO.
    pub fn speaks_esmtp(&self) -> bool {
        self.esmtp
    }

    /// How many whole replies have come: a conversation that gets on.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Where in the conversation the session stands, for errors and deadlines.
    pub fn stage(&self) -> Stage {
        match self.out.next_awaited() {
            _ if self.upgrade_due.is_some() => Stage::Handshake,
            Some(_) if self.out.is_sending_mail_data() => Stage::MailData,
            Some(awaited) => awaited.stage(),
            None => Stage::Command,
        }
    }

    /// The verbs that RFC 5321 lets a client say here, as far as the server
    /// offers what they need.
    pub fn legal(&self) -> Vec<Verb> {
        let offered = |verb: &Verb| match verb {
            Verb::StartTls => self.extensions.has("STARTTLS") && !self.secure,
            Verb::Auth => self.extensions.has("AUTH"),
            Verb::Bdat => self.extensions.has("CHUNKING"),
            Verb::Mail => !self.tls_demanded || self.secure,
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
        self.out.is_idle() && self.procedure.is_none() && self.transactions.is_empty()
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
            && let Some(last) = self.transactions.back_mut()
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
