//! The session: requests in, bytes in and out, events out.

use super::auth::{self, Exchange, Mechanism};
use super::command::{ClientName, Command, Letters, Verb};
use super::error::{Error, Kind, Stage};
use super::event::{Event, Request, Step};
use super::extension::Extensions;
use super::outgoing::{Awaited, Body, Outgoing};
use super::reply::Reply;
use super::reply_reader::{Fault, ReplyReader};
use super::state::{Next, State};
use super::transaction::{Part, Running, Then, non_ascii, not_offered};
use super::transcript::{Line, MASK, Speaker};
use std::collections::VecDeque;

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
    Transaction(Running),
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
    out: Outgoing,
    procedure: Option<Procedure>,
    events: VecDeque<Event>,
    /// Whole replies so far.
    heard: u64,
    /// The last introduction that was accepted was EHLO or LHLO.
    esmtp: bool,
    /// The transaction that is being said step by step uses SMTPUTF8.
    smtputf8: bool,
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
            out: Outgoing::default(),
            procedure: None,
            events: VecDeque::new(),
            heard: 0,
            esmtp: false,
            smtputf8: false,
            ended: None,
        };
        session.out.letters = options.letters();
        session.out.expect(Awaited::Greeting);
        session
    }

    /// Begins a request. What would lose the order of the conversation is
    /// refused here, before anything is sent.
    pub fn request(&mut self, request: Request) -> Result<(), Error> {
        self.check_may_ask(&request)?;
        match request {
            Request::Command(command) => {
                self.check_utf8(&command)?;
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
                let exchange = others.pop_front().ok_or_else(|| no_mechanism(&self.extensions))?;
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
                let running = Running::begin(transaction, &self.extensions, self.options, &mut self.out)?;
                self.procedure = Some(Procedure::Transaction(running));
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
            Some(response) => self.out.response(response),
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
        if let Some(event) = self.events.pop_front() {
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
        Some(self.out.pending()).filter(|octets| !octets.is_empty())
    }

    /// Whether the next step is [`Step::Send`].
    pub fn is_about_to_send(&mut self) -> bool {
        self.events.is_empty() && self.pending().is_some()
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
        self.out.is_idle() && self.procedure.is_none()
    }

    // -- asking -------------------------------------------------------------

    fn begin_command(&mut self, command: &Command) {
        let verb = command.verb();
        self.tls_demanded |= verb == Verb::StartTls;
        match command {
            // Within an exchange that the caller steers, a line is a response.
            Command::Free(text) if self.state == State::Authenticating => {
                self.out.line(text.as_str(), MASK.to_owned(), Awaited::Auth);
            }
            Command::Mail(_, parameters) => {
                self.smtputf8 = parameters.iter().any(|parameter| parameter.is("SMTPUTF8"));
                self.out.command(command, self.smtputf8, Awaited::Command(verb));
            }
            _ => self.out.command(command, self.smtputf8, Awaited::Command(verb)),
        }
    }

    fn begin_exchange(&mut self, mut exchange: Exchange, others: VecDeque<Exchange>, initial_response: bool) {
        let initial = if initial_response { exchange.initial_response() } else { None };
        self.auth_command(exchange.mechanism().name(), initial.as_deref());
        self.procedure = Some(Procedure::Login { exchange, others, initial_response });
    }

    fn auth_command(&mut self, mechanism: &str, initial: Option<&[u8]>) {
        let command = format!("AUTH {mechanism}");
        let (line, shown) = match initial {
            Some([]) => (format!("{command} ="), format!("{command} =")),
            Some(response) => (format!("{command} {}", auth::encode(response)), format!("{command} {MASK}")),
            None => (command.clone(), command),
        };
        self.out.line(&line, shown, Awaited::Auth);
    }

    fn cancel_auth(&mut self) {
        self.out.line("*", "*".to_owned(), Awaited::AuthCancelled);
    }

    fn check_may_ask(&mut self, request: &Request) -> Result<(), Error> {
        self.check_open()?;
        self.check_no_procedure()?;
        let (verb, free) = match request {
            Request::Command(command) => (command.verb(), matches!(command, Command::Free(_))),
            Request::Hello(_) => (Verb::Ehlo, false),
            Request::Login { .. } | Request::AuthBy { .. } => (Verb::Auth, false),
            Request::MailData(_) => (Verb::Data, false),
            Request::Transaction(_) => (Verb::Mail, false),
        };
        let stage = Awaited::Command(verb).stage();
        if free && verb == Verb::StartTls {
            return Err(self.misuse(stage, "STARTTLS needs a handshake behind it: use starttls()"));
        }
        if free && verb == Verb::Bdat {
            return Err(self.misuse(stage, "BDAT needs its chunk behind it"));
        }
        if !free && !self.out.is_idle() {
            return Err(self.misuse(stage, "a reply is still to come: call getreply() first"));
        }
        if self.state == State::Data && !(free && self.out.next_awaited().is_some()) {
            return Err(self.misuse(stage, "the server waits for mail data, not for a command"));
        }
        if self.state == State::Authenticating && !free {
            return Err(self.misuse(stage, "the server waits for a response to its AUTH challenge"));
        }
        if verb == Verb::StartTls && self.secure {
            return Err(self.misuse(stage, "TLS is up already: STARTTLS can't be said twice"));
        }
        let speaks_of_mail = matches!(verb, Verb::Mail | Verb::Rcpt | Verb::Data | Verb::Auth);
        if speaks_of_mail && self.tls_demanded && !self.secure {
            let why = "STARTTLS was asked for and refused: nothing goes out in plaintext after that";
            return Err(self.misuse(stage, why));
        }
        if verb == Verb::Auth && !self.secure && !self.options.plaintext_auth {
            let why = "the connection is not encrypted and everybody on the way could read the password: \
                       call starttls() first, or say allow_plaintext_auth=True";
            return Err(Error::new(Kind::NotSupported, stage, why));
        }
        Ok(())
    }

    /// A MAIL or RCPT of its own needs SMTPUTF8 said with it, or with the MAIL
    /// before it (RFC 6531 3.4).
    fn check_utf8(&self, command: &Command) -> Result<(), Error> {
        let (address, utf8) = match command {
            Command::Mail(path, parameters) => {
                let asked = parameters.iter().any(|parameter| parameter.is("SMTPUTF8"));
                if asked && !self.extensions.has("SMTPUTF8") {
                    return Err(not_offered("SMTPUTF8 is asked for", "SMTPUTF8"));
                }
                (path.needs_smtputf8().then(|| path.wire(true)), asked)
            }
            Command::Rcpt(path, _) => (path.needs_smtputf8().then(|| path.wire(true)), self.smtputf8),
            _ => return Ok(()),
        };
        match address {
            Some(address) if !utf8 => Err(non_ascii(address)),
            _ => Ok(()),
        }
    }

    fn check_no_procedure(&self) -> Result<(), Error> {
        match self.procedure {
            Some(_) => Err(self.misuse(self.stage(), "another request is still under way")),
            None => Ok(()),
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        match &self.ended {
            None => Ok(()),
            Some(why) => {
                let message = format!("Server not connected: {}", why.message);
                Err(Error { message, kind: Kind::Disconnected, outcome: None, ..why.clone() })
            }
        }
    }

    fn misuse(&self, stage: Stage, message: &str) -> Error {
        Error::new(Kind::Misuse, stage, message)
    }

    // -- hearing ------------------------------------------------------------

    fn hear(&mut self, reply: Reply) -> Result<(), Error> {
        self.heard += 1;
        self.note_reply(&reply);
        let stage = self.stage();
        let Some((awaited, whole)) = self.out.answered() else {
            return Err(self.unsolicited(reply));
        };
        if reply.closes_channel() {
            self.closed_by(awaited, reply);
            return Ok(());
        }
        if !whole {
            return self.too_early(awaited, stage, reply);
        }
        match awaited {
            Awaited::Greeting => self.hear_greeting(reply),
            Awaited::Command(verb) => self.hear_command(verb, reply),
            Awaited::Auth => self.hear_auth(reply, false),
            Awaited::AuthCancelled => self.hear_auth(reply, true),
            Awaited::DataCommand => self.hear_data_command(reply),
            Awaited::DataEnd => self.hear_mail_data(reply),
            Awaited::Raw => self.hear_raw(reply),
            Awaited::Transaction(part) => self.hear_transaction(part, reply),
        }
        Ok(())
    }

    fn hear_greeting(&mut self, reply: Reply) {
        self.set_rest(if reply.code() == 220 { State::Greeted } else { State::Rejected });
        self.events.push_back(Event::Reply(reply));
    }

    fn hear_command(&mut self, verb: Verb, reply: Reply) {
        if let Some(Procedure::Hello(name)) = self.procedure.take_if(|p| matches!(p, Procedure::Hello(_)))
            && verb == Verb::Ehlo
            && matches!(reply.code(), 500 | 502)
        {
            return self.begin_command(&Command::Helo(name));
        }
        self.move_on(verb, &reply);
        let introduces = matches!(verb, Verb::Ehlo | Verb::Helo | Verb::Lhlo);
        if introduces {
            // Only a 2yz says what is offered; HELO offers nothing.
            if reply.is_completion() {
                self.esmtp = verb != Verb::Helo;
            }
            self.extensions = match verb {
                Verb::Helo => Extensions::default(),
                _ if reply.is_completion() => Extensions::from_reply(&reply),
                _ => Extensions::default(),
            };
        }
        if verb == Verb::StartTls && self.state == State::Securing {
            self.upgrade_due = Some(reply);
        } else {
            self.events.push_back(Event::Reply(reply));
        }
        if verb == Verb::Quit {
            let error = Error::new(Kind::Disconnected, Stage::Quit, "please run connect() first");
            self.end(State::Closed, error);
        }
    }

    fn hear_auth(&mut self, reply: Reply, cancelled: bool) {
        self.move_on(Verb::Auth, &reply);
        if reply.code() == 334 && !cancelled {
            let challenge = auth::decode(&reply.text());
            match &mut self.procedure {
                Some(Procedure::Login { exchange, .. }) => match exchange.respond(&challenge) {
                    Some(response) => self.out.response(&response),
                    None => self.cancel_auth(),
                },
                Some(_) => self.events.push_back(Event::Challenge(challenge)),
                None => self.events.push_back(Event::Reply(reply)),
            }
            return;
        }
        match self.procedure.take() {
            Some(Procedure::Login { mut others, initial_response, .. }) if refuses_mechanism(&reply) => {
                match others.pop_front() {
                    Some(next) => self.begin_exchange(next, others, initial_response),
                    None => self.events.push_back(authenticated(reply)),
                }
            }
            Some(_) => self.events.push_back(authenticated(reply)),
            None => self.events.push_back(Event::Reply(reply)),
        }
    }

    fn hear_data_command(&mut self, reply: Reply) {
        self.move_on(Verb::Data, &reply);
        match self.procedure.as_mut() {
            Some(Procedure::MailData(body)) if reply.code() == 354 => {
                if let Some(body) = body.take() {
                    self.out.mail_data(body, std::iter::once(Awaited::DataEnd));
                }
            }
            _ => {
                self.procedure = None;
                self.events.push_back(Event::DataRefused(reply));
            }
        }
    }

    fn hear_mail_data(&mut self, reply: Reply) {
        self.procedure = None;
        self.set_state(self.rest);
        self.events.push_back(Event::Reply(reply));
    }

    fn hear_raw(&mut self, reply: Reply) {
        if self.state == State::Data {
            self.set_state(self.rest);
        } else if self.state == State::Authenticating {
            self.move_on(Verb::Auth, &reply);
        }
        self.events.push_back(Event::Reply(reply));
    }

    fn hear_transaction(&mut self, part: Part, reply: Reply) {
        let Some(Procedure::Transaction(running)) = &mut self.procedure else { return };
        match part {
            Part::Mail => self.state = self.state.moved(Verb::Mail, &reply, self.rest),
            Part::Rcpt(_) => self.state = self.state.moved(Verb::Rcpt, &reply, self.rest),
            Part::Data => self.state = self.state.moved(Verb::Data, &reply, self.rest),
            Part::Chunk { last: false } => {}
            Part::End(_) | Part::Chunk { .. } | Part::LoneDot | Part::Reset => self.state = self.rest,
        }
        self.out.state = Some(self.state);
        if let Then::Done(outcome) = running.hear(part, reply, &mut self.out) {
            self.procedure = None;
            self.set_state(self.rest);
            self.events.push_back(Event::Transaction(outcome));
        }
    }

    // -- states -------------------------------------------------------------

    fn move_on(&mut self, verb: Verb, reply: &Reply) {
        let next = self.state.moved(verb, reply, self.rest);
        if next.is_rest() { self.set_rest(next) } else { self.set_state(next) }
    }

    fn set_rest(&mut self, state: State) {
        self.rest = state;
        self.set_state(state);
    }

    fn set_state(&mut self, state: State) {
        self.state = state;
        self.out.state = Some(state);
    }

    // -- endings ------------------------------------------------------------

    /// 421 (RFC 5321 3.8): the server's words answer what was asked, and nothing
    /// can be asked any more.
    fn closed_by(&mut self, awaited: Awaited, reply: Reply) {
        let error = Error::new(Kind::Disconnected, awaited.stage(), "the server closed the session")
            .with_reply(reply.clone());
        let event = match (self.procedure.take(), awaited) {
            (Some(Procedure::Transaction(running)), Awaited::Transaction(part)) => {
                Event::Transaction(running.end_by(part, &reply))
            }
            (Some(Procedure::Login { .. } | Procedure::AuthBy), _) => authenticated(reply),
            (Some(Procedure::MailData(Some(_))), _) => Event::DataRefused(reply),
            _ => Event::Reply(reply),
        };
        self.events.push_back(event);
        self.end(State::Closed, error);
    }

    /// A reply to what has not been sent whole. A refusal of mail data that is
    /// still on its way is an answer, but the rest can't be taken back: the
    /// session ends with it. Anything else is disorder.
    fn too_early(&mut self, awaited: Awaited, stage: Stage, reply: Reply) -> Result<(), Error> {
        let refusal = reply.code() >= 400;
        let event = match (awaited, self.procedure.take()) {
            (
                Awaited::Transaction(part @ (Part::End(_) | Part::Chunk { .. })),
                Some(Procedure::Transaction(running)),
            ) if refusal => Event::Transaction(running.end_by(part, &reply)),
            (Awaited::DataEnd, _) if refusal => Event::Reply(reply.clone()),
            (_, procedure) => {
                self.procedure = procedure;
                let message = "the server answered before it was asked";
                return Err(self.broke_with(stage, message, reply));
            }
        };
        self.events.push_back(event);
        let error = Error::new(Kind::Disconnected, stage, "the server refused the message before its end")
            .with_reply(reply);
        self.end(State::Broken, error);
        Ok(())
    }

    fn unsolicited(&mut self, reply: Reply) -> Error {
        if reply.closes_channel() {
            let error = Error::new(Kind::Disconnected, Stage::Command, "the server closed the session");
            return self.end(State::Closed, error.with_reply(reply));
        }
        self.broke_with(Stage::Command, "the server sent a reply that nobody asked for", reply)
    }

    fn fault(&mut self, fault: &Fault) -> Error {
        let stage = self.stage();
        let error = Error::new(Kind::Protocol, stage, fault.to_string());
        self.end(State::Broken, error)
    }

    fn broke(&mut self, stage: Stage, message: &str) -> Error {
        self.end(State::Broken, Error::new(Kind::Protocol, stage, message))
    }

    fn broke_with(&mut self, stage: Stage, message: &str, reply: Reply) -> Error {
        self.end(State::Broken, Error::new(Kind::Protocol, stage, message).with_reply(reply))
    }

    /// The one way out: state, transcript, the fate of what was under way.
    fn end(&mut self, state: State, mut error: Error) -> Error {
        if let Some(Procedure::Transaction(running)) = self.procedure.take() {
            if running.is_decided() {
                // What was decided is the answer, whatever went wrong after it.
                self.events.push_back(Event::Transaction(running.end(false)));
            } else {
                error.outcome = Some(Box::new(running.end(self.out.is_mail_data_out())));
            }
        }
        self.out.abandon();
        self.upgrade_due = None;
        self.set_state(state);
        if state == State::Broken {
            self.out.note(Speaker::Note, error.message.clone().into_bytes());
        }
        self.ended = Some(Error { outcome: None, ..error.clone() });
        error
    }

    fn note_reply(&mut self, reply: &Reply) {
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        for line in wire.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            self.out.note(Speaker::Server, line.trim_ascii_end().to_vec());
        }
    }
}

impl State {
    fn moved(self, verb: Verb, reply: &Reply, rest: State) -> State {
        match self.after(verb, reply.code()) {
            Next::Stay => self,
            Next::Rest => rest,
            Next::To(state) => state,
        }
    }
}

/// 235, and 503 for who is authenticated already (RFC 4954 4, 6).
fn authenticated(reply: Reply) -> Event {
    Event::Auth { accepted: matches!(reply.code(), 235 | 503), reply }
}

/// Whether the reply speaks of the mechanism and not of the credentials
/// (RFC 4954 4, 6): then another one may be tried.
fn refuses_mechanism(reply: &Reply) -> bool {
    matches!(reply.code(), 500 | 502 | 504 | 534 | 538)
}

fn no_mechanism(extensions: &Extensions) -> Error {
    let message = match extensions.parameters("AUTH") {
        None => "SMTP AUTH extension not supported by server.".to_owned(),
        Some(_) => {
            let ours: Vec<&str> = Mechanism::ALL.iter().map(|m| m.name()).collect();
            let theirs = extensions.mechanisms().join(" ");
            format!(
                "No suitable authentication method found: the server offers {theirs}, we know {}",
                ours.join(" ")
            )
        }
    };
    let kind = if extensions.has("AUTH") { Kind::NoMechanism } else { Kind::NotSupported };
    Error::new(kind, Stage::Auth, message)
}

#[cfg(test)]
mod tests {
    use super::super::transaction::{Fate, Transaction, Verdict};
    use super::*;

    /// A session that has been told to go on with mail data of so many octets.
    fn at_mail_data(octets: usize) -> Session {
        let mut session = Session::new(Options::default());
        hear(&mut session, "220 hi");
        let request = Request::Transaction(Transaction {
            reverse_path: "a@example.org".parse().unwrap(),
            mail_parameters: Vec::new(),
            recipients: vec!["b@example.org".parse().unwrap()],
            rcpt_parameters: Vec::new(),
            body: Body::new(vec![b'x'; octets]),
        });
        session.request(request).unwrap();
        for reply in ["250 ok", "250 ok", "354 go on"] {
            while let Step::Send(octets) = session.step() {
                let all = octets.len();
                session.sent(all);
            }
            session.received(format!("{reply}\r\n").as_bytes()).unwrap();
        }
        session
    }

    fn hear(session: &mut Session, reply: &str) {
        session.received(format!("{reply}\r\n").as_bytes()).unwrap();
        assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
    }

    /// Takes one piece; whether there was any.
    fn send_a_piece(session: &mut Session) -> bool {
        let Step::Send(octets) = session.step() else { return false };
        let all = octets.len();
        session.sent(all);
        true
    }

    #[test]
    fn a_250_that_waits_before_the_final_dot_is_not_an_answer() {
        for octets in [10, 200_000] {
            let mut session = at_mail_data(octets);
            if octets > 10 {
                assert!(send_a_piece(&mut session));
                assert_eq!(session.stage(), Stage::MailData);
            }
            let error = session.received(b"250 queued\r\n").unwrap_err();
            assert_eq!(error.kind, Kind::Protocol);
            assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::NotSent);
            assert_eq!(session.state(), State::Broken);
            assert!(!send_a_piece(&mut session));
        }
    }

    #[test]
    fn a_refusal_in_the_middle_of_mail_data_is_an_answer_and_the_end() {
        let mut session = at_mail_data(200_000);
        assert!(send_a_piece(&mut session));
        session.received(b"552 too much\r\n").unwrap();
        let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
        assert!(matches!(outcome.verdict, Verdict::DataRefused(reply) if reply.code() == 552));
        assert!(matches!(session.step(), Step::Idle));
        assert_eq!(session.state(), State::Broken);
    }

    #[test]
    fn once_it_is_sent_whole_the_answer_counts() {
        let mut session = at_mail_data(200_000);
        while send_a_piece(&mut session) {}
        assert_eq!(session.stage(), Stage::EndOfData);
        session.received(b"250 queued\r\n").unwrap();
        let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
        assert_eq!(outcome.verdict, Verdict::Sent);
        assert_eq!(session.state(), State::Greeted);
    }

    /// All that is sent until the session waits or is idle.
    fn say_all(session: &mut Session, said: &mut Vec<u8>) {
        while let Step::Send(octets) = session.step() {
            said.extend_from_slice(octets);
            let all = octets.len();
            session.sent(all);
        }
    }

    #[test]
    fn a_large_message_goes_in_chunks_that_make_up_its_canonical_form() {
        let content: Vec<u8> = b"..a\rb\nc\r\n".repeat(70_000);
        let mut session = Session::new(Options::default());
        hear(&mut session, "220 hi");
        session.assume([("PIPELINING", ""), ("CHUNKING", "")].into_iter().collect());
        let request = Request::Transaction(Transaction {
            reverse_path: "a@example.org".parse().unwrap(),
            mail_parameters: Vec::new(),
            recipients: vec!["b@example.org".parse().unwrap()],
            rcpt_parameters: Vec::new(),
            body: Body::new(content),
        });
        session.request(request).unwrap();
        let mut said = Vec::new();
        say_all(&mut session, &mut said);
        assert!(said.len() < 400_000, "more than one chunk went out before the recipients were known");
        session.received(b"250 ok\r\n250 ok\r\n").unwrap();
        say_all(&mut session, &mut said);

        let (mut chunks, mut got) = (0, Vec::new());
        let mut rest = &said[said.windows(4).position(|w| w == b"BDAT").unwrap()..];
        while !rest.is_empty() {
            let end = rest.iter().position(|&b| b == b'\n').unwrap() + 1;
            let line = String::from_utf8(rest[..end].to_vec()).unwrap();
            let octets: usize = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
            got.extend_from_slice(&rest[end..end + octets]);
            rest = &rest[end + octets..];
            chunks += 1;
            assert_eq!(line.contains("LAST"), rest.is_empty());
        }
        assert_eq!((chunks, got), (3, b"..a\r\nb\r\nc\r\n".repeat(70_000)));
        for _ in 0..chunks {
            session.received(b"250 ok\r\n").unwrap();
        }
        let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
        assert_eq!(outcome.verdict, Verdict::Sent);
    }

    #[test]
    fn no_bytes_from_the_wire_make_it_panic() {
        use proptest::prelude::*;
        proptest!(|(pieces in proptest::collection::vec("(220|250|354|334|421|550)[ -]?[a-z=]{0,8}(\r?\n)?|[\\PC]{0,6}", 0..12))| {
            let mut session = at_mail_data(100);
            for piece in pieces {
                let _ = session.received(piece.as_bytes());
                while send_a_piece(&mut session) {}
                while let Step::Yield(_) = session.step() {}
                let _ = session.request(Request::Command(Command::Rset));
            }
        });
    }
}
