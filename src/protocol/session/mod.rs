//! The session: requests in, bytes in and out, events out.
//!
//! Here stands what a caller and a driver see of it; `ask.rs` says what a request
//! says, `hear.rs` what a reply means, `end.rs` how a session ends.

mod ask;
mod end;
mod hear;

use super::auth::{Confided, Exchange, Mechanism};
use super::body::Body;
use super::command::{ClientName, Command, Letters, Verb};
use super::error::{Error, Kind, Stage};
use super::event::{Event, Request, Step};
use super::extension::Extensions;
use super::outgoing::{Awaited, Outgoing};
use super::reply::Reply;
use super::reply_reader::ReplyReader;
use super::state::State;
use super::transaction::{Outcome, Running};
use super::transcript::{Line, Speaker};
use crate::envelope::ForwardPath;
use std::collections::{HashSet, VecDeque};

/// What a session may do and what it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// LMTP (RFC 2033): a reply for each recipient after the end of mail data.
    pub lmtp: bool,
    /// Send groups of commands where the server offers PIPELINING.
    pub pipelining: bool,
    /// Send mail data in BDAT chunks where the server offers CHUNKING.
    pub chunking: bool,
    /// TLS was up before the greeting (RFC 8314).
    pub implicit_tls: bool,
    /// AUTH may go over a connection without TLS: it stays on this machine, or
    /// the caller said so in words.
    pub plaintext_auth: bool,
    /// Be smtplib on the wire: its letters, and 8-bit content even for a server
    /// that does not offer 8BITMIME.
    pub like_smtplib: bool,
}

impl Options {
    pub(super) fn letters(self) -> Letters {
        if self.like_smtplib { Letters::Smtplib } else { Letters::Rfc }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lmtp: false,
            pipelining: true,
            chunking: true,
            implicit_tls: false,
            plaintext_auth: false,
            like_smtplib: false,
        }
    }
}

/// A request of more than one turn.
#[derive(Debug)]
enum Procedure {
    Hello(ClientName),
    Login { exchange: Exchange, others: VecDeque<Exchange>, initial_response: bool },
    AuthBy,
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
    /// Domains of recipients so far, where the server limits them.
    domains: HashSet<String>,
    /// QUIT has been said.
    quitting: bool,
    /// What is known of those that were in flight when the session ended, behind
    /// the first.
    stranded: VecDeque<Outcome>,
    events: VecDeque<Event>,
    /// Events wait: somebody only wants to send.
    holding: bool,
    /// Whole replies so far.
    heard: u64,
    /// The last introduction that was accepted was EHLO or LHLO.
    esmtp: bool,
    /// The transaction that is being said step by step uses SMTPUTF8.
    smtputf8: bool,
    confided: Confided,
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
            tls_demanded: false,
            upgrade_due: None,
            extensions: Extensions::default(),
            reader: ReplyReader::default(),
            began_due: false,
            out: Outgoing::default(),
            procedure: None,
            transactions: VecDeque::new(),
            domains: HashSet::new(),
            quitting: false,
            stranded: VecDeque::new(),
            events: VecDeque::new(),
            holding: false,
            heard: 0,
            esmtp: false,
            smtputf8: false,
            confided: Confided::default(),
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
        self.refill();
        if self.ended.is_some() || self.procedure.is_some() || self.upgrade_due.is_some() || self.quitting {
            return false;
        }
        if self.transactions.is_empty() {
            return self.out.is_idle() && self.state != State::Data;
        }
        // Only the last can be unsaid; what goes wrong ahead of it touches nobody behind.
        self.transactions.back().is_some_and(Running::may_be_followed) && self.out.takes_more()
    }

    /// How many of these recipients, from the first on, one transaction may name (RFC 9422
    /// RCPTMAX). A server may limit their domains too, over all the session's transactions
    /// (RCPTDOMAINMAX): where not even the first fits, another session has to take them.
    pub fn room_for(&self, recipients: &[ForwardPath]) -> usize {
        let most = self.extensions.limit("RCPTMAX").unwrap_or(usize::MAX).min(recipients.len());
        let Some(domains) = self.extensions.limit("RCPTDOMAINMAX") else { return most };
        let mut new = HashSet::new();
        let fits = |path: &&ForwardPath| {
            new.extend(domain_of(path).filter(|domain| !self.domains.contains(domain)));
            self.domains.len() + new.len() <= domains
        };
        recipients[..most].iter().take_while(fits).count()
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

    /// Begins a request. What would lose the order of the conversation is
    /// refused here, before anything is sent.
    pub fn request(&mut self, request: Request) -> Result<(), Error> {
        self.check_may_ask(&request)?;
        match request {
            Request::Command(command) => {
                self.check_utf8(&command)?;
                self.quitting = command.verb() == Verb::Quit;
                self.begin_command(&command);
            }
            Request::Hello(name) => {
                let command = if self.options.lmtp { Command::Lhlo } else { Command::Ehlo };
                self.begin_command(&command(name.clone()));
                self.procedure = Some(Procedure::Hello(name));
            }
            Request::Login { credentials, mechanism, initial_response } => {
                let wanted = |m: &Mechanism| mechanism.is_none_or(|wanted| wanted == *m);
                let chosen = credentials.choose(&self.extensions.mechanisms());
                let exchange = |mechanism| Exchange::new(mechanism, credentials.clone());
                let mut others: VecDeque<Exchange> =
                    chosen.into_iter().filter(wanted).map(exchange).collect();
                let exchange = others.pop_front().ok_or_else(|| ask::no_mechanism(&self.extensions))?;
                self.begin_exchange(exchange, others, initial_response);
            }
            Request::AuthBy { mechanism, initial_response } => {
                self.auth_command(&mechanism, initial_response.as_deref());
                self.procedure = Some(Procedure::AuthBy);
            }
            Request::MailData(body) => {
                self.out.command(&Command::Data, false, Awaited::DataCommand);
                self.procedure = Some(Procedure::MailData(Some(body)));
            }
            Request::Transaction(transaction) => {
                let follows = !self.transactions.is_empty();
                let limited = self.extensions.limit("RCPTDOMAINMAX").is_some();
                let recipients = transaction.recipients.iter().filter(|_| limited);
                let domains: Vec<String> = recipients.filter_map(domain_of).collect();
                let running =
                    Running::begin(transaction, &self.extensions, self.options, follows, &mut self.out)?;
                self.transactions.push_back(running);
                self.domains.extend(domains);
            }
        }
        Ok(())
    }

    /// The caller's answer to [`Event::Challenge`]; None cancels the exchange.
    pub fn respond(&mut self, response: Option<&[u8]>) -> Result<(), Error> {
        self.check_open()?;
        if !matches!(self.procedure, Some(Procedure::AuthBy)) || self.state != State::Authenticating {
            return Err(self.misuse(Stage::Auth, "no challenge is waiting for a response"));
        }
        match response {
            Some(response) => {
                self.confided.add_response(response);
                self.out.response(response);
            }
            None => self.cancel_auth(),
        }
        Ok(())
    }

    /// Sends bytes that the caller framed himself. A run of them is expected to
    /// earn one reply.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        self.check_no_procedure()?;
        self.out.raw(bytes, self.state == State::Authenticating);
        Ok(())
    }

    /// Waits for a reply that no command of this session asked for.
    pub fn expect_reply(&mut self) -> Result<(), Error> {
        self.check_open()?;
        if self.out.next_awaited().is_none() && self.events.is_empty() {
            self.out.expect(Awaited::Raw);
        }
        Ok(())
    }

    pub fn step(&mut self) -> Step<'_> {
        self.refill();
        if !self.holding
            && let Some(event) = self.events.pop_front()
        {
            return Step::Yield(event);
        }
        if self.upgrade_due.is_some() {
            return Step::UpgradeTls;
        }
        let stage = self.out.next_awaited().filter(|_| !self.state.is_over()).map(|_| self.stage());
        match self.out.pending() {
            [] => stage.map_or(Step::Idle, Step::Receive),
            octets => Step::Send(octets),
        }
    }

    /// What is to be sent next, if anything: the octets of a [`Step::Send`].
    pub fn pending(&mut self) -> Option<&[u8]> {
        if self.upgrade_due.is_some() {
            return None;
        }
        self.refill();
        Some(self.out.pending()).filter(|octets| !octets.is_empty())
    }

    /// While it is true no event is yielded: replies that come while commands go
    /// out are kept for those who ask for them.
    pub fn hold_events(&mut self, holding: bool) {
        self.holding = holding;
    }

    /// Whether the next step is [`Step::Send`].
    pub fn is_about_to_send(&mut self) -> bool {
        let is_pending = self.pending().is_some();
        is_pending && (self.holding || self.events.is_empty())
    }

    /// Whether the next step is [`Step::UpgradeTls`].
    pub fn is_upgrading(&self) -> bool {
        self.upgrade_due.is_some()
    }

    /// So many octets of the last [`Step::Send`] are with the operating system.
    pub fn sent(&mut self, octets: usize) {
        self.out.sent(octets);
    }

    /// Octets have come. An error ends the session.
    pub fn received(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() && !self.state.is_over() {
            if self.upgrade_due.is_some() {
                return Err(self.broke(
                    Stage::StartTls,
                    "the server sent more in plaintext after its 220 to STARTTLS: somebody may be tampering",
                ));
            }
            if !self.reader.is_midway() {
                self.began_due = self.out.is_reply_due();
            }
            let (taken, found) = self.reader.read(bytes);
            bytes = &bytes[taken..];
            match found {
                Ok(None) => {}
                Ok(Some(reply)) => self.hear(reply)?,
                Err(fault) => return Err(self.fault(&fault)),
            }
        }
        Ok(())
    }

    /// The peer has closed its side.
    pub fn received_eof(&mut self) -> Result<(), Error> {
        if self.state.is_over() {
            return self.check_open();
        }
        let stage = self.stage();
        let message = match self.reader.is_midway() {
            true => "Connection unexpectedly closed in the middle of a reply",
            false => "Connection unexpectedly closed",
        };
        Err(self.end(State::Broken, Error::new(Kind::Disconnected, stage, message)))
    }

    /// TLS is up: what was learnt before it is forgotten (RFC 3207 4.2).
    pub fn tls_established(&mut self) {
        self.secure = true;
        self.extensions = Extensions::default();
        self.out.note(Speaker::Note, b"TLS established".to_vec());
        if self.state == State::Securing {
            self.set_rest(State::Secured);
        }
        if let Some(reply) = self.upgrade_due.take() {
            self.events.push_back(Event::Secured(reply));
        }
    }

    /// Something outside ended the conversation: a deadline, the network, TLS,
    /// the caller. The session is broken from here on.
    pub fn fail(&mut self, error: Error) -> Error {
        match &self.ended {
            Some(_) => error,
            None => self.end(State::Broken, error),
        }
    }

    /// What was decided before the session ended: an answer that goes before the
    /// error.
    pub fn decided(&mut self) -> Option<Event> {
        self.events.pop_front()
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

    /// AUTH may go without TLS: nobody but the server can hear it.
    pub fn allow_plaintext_auth(&mut self) {
        self.options.plaintext_auth = true;
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

/// Without regard to case (RFC 5321 2.4).
fn domain_of(path: &ForwardPath) -> Option<String> {
    path.domain().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests;
