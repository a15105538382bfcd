//! Entering: what a request sends, and which requests are refused.

use super::Session;
use crate::protocol::auth::{self, Confided, Credentials, Exchange, Ground, Mechanism, Order};
use crate::protocol::awaited::Awaited;
use crate::protocol::body::Body;
use crate::protocol::command::{ClientName, Command, Verb};
use crate::protocol::error::{Advice, Error, Kind, Stage};
use crate::protocol::event::Request;
use crate::protocol::state::State;
use crate::protocol::transaction::{
    DeliveryOptions, Running, SaidOptions, Terms, Transaction, non_ascii, not_offered,
};
use crate::protocol::transcript::MASK;
use crate::protocol::xclient::Xclient;
use std::collections::VecDeque;
use std::sync::Arc;

/// A request of more than one turn.
#[derive(Debug)]
pub(super) enum Procedure {
    Hello(ClientName),
    Login {
        exchange: Exchange,
        others: VecDeque<Exchange>,
        initial_response: bool,
    },
    /// The caller's initial response, if it hasn't been sent yet.
    AuthBy(Option<Vec<u8>>),
    MailData(Option<Body>),
}

impl Session {
    /// Begins a request. A request that would disturb the order of the conversation is refused
    /// here, before anything is sent.
    pub fn request(&mut self, request: Request) -> Result<(), Error> {
        self.check_may_ask(&request)?;
        match request {
            Request::Command(command) => {
                self.check_utf8(&command)?;
                self.ending.quitting = command.verb() == Verb::Quit;
                self.begin_command(&command);
            }
            Request::Hello(name) => {
                let command = if self.options.lmtp { Command::Lhlo } else { Command::Ehlo };
                self.begin_command(&command(name.clone()));
                self.procedure = Some(Procedure::Hello(name));
            }
            Request::Login { credentials, initial_response } => {
                let mut others = self.exchanges(&credentials);
                let exchange = others.pop_front().ok_or_else(|| self.no_mechanism(&credentials))?;
                self.begin_exchange(exchange, others, initial_response);
            }
            Request::AuthBy { mechanism, initial_response } => {
                // If it makes the line too long, it is sent in answer to the server's first
                // challenge.
                let (initial, withheld) = match initial_response {
                    Some(response) if !auth::fits_a_line(&mechanism, &response) => (None, Some(response)),
                    initial => (initial, None),
                };
                self.auth_command(&mechanism, initial.as_deref());
                self.procedure = Some(Procedure::AuthBy(withheld));
            }
            Request::MailData(body) => {
                self.out.command(&Command::Data, false, Awaited::DataCommand);
                self.procedure = Some(Procedure::MailData(Some(body)));
            }
            Request::Transaction(mut transaction) => self.transact(&mut transaction)?,
        }
        Ok(())
    }

    /// The same as a request for this transaction, which keeps its recipients until it has begun.
    pub fn transact(&mut self, transaction: &mut Transaction) -> Result<(), Error> {
        self.check_open()?;
        if self.flight.transactions.is_empty() {
            self.check_in_order(Verb::Mail, false, false)?;
            self.check_plaintext(Verb::Mail)?;
        } else if !(self.takes_transaction() && self.may_be_said_on_top(transaction)) {
            return Err(self.misuse(Stage::Mail, "another mail transaction is still under way"));
        }
        let follows = !self.flight.transactions.is_empty();
        let domains = self.domains_to_count(&transaction.recipients);
        // With LMTP the server answers the last chunk once for each accepted recipient, and these
        // aren't counted here yet. So it keeps to DATA.
        let chunked = self.options.chunking && self.server.extensions.known().chunking && !self.options.lmtp;
        let (extensions, peer) = (&self.server.extensions, self.tls.peer());
        let terms = Terms { extensions, peer, chunked };
        let running = Running::begin(transaction, terms, self.options, follows, &mut self.out)?;
        self.flight.transactions.push_back(running);
        self.flight.domains.extend(domains);
        Ok(())
    }

    /// The caller's answer to [`Event::Challenge`]. None cancels the exchange.
    pub fn respond(&mut self, response: Option<&[u8]>) -> Result<(), Error> {
        self.check_open()?;
        if !matches!(self.procedure, Some(Procedure::AuthBy(_))) || self.state != State::Authenticating {
            return Err(self.misuse(Stage::Auth, "no challenge is waiting for a response"));
        }
        match response {
            Some(response) => self.respond_by_caller(response),
            None => self.cancel_auth(),
        }
        Ok(())
    }

    /// The delivery options for this server, for a transaction that the caller carries out step by
    /// step with DATA.
    pub fn said_options(
        &self,
        options: &Arc<DeliveryOptions>,
        needs_binary: bool,
    ) -> Result<SaidOptions, Error> {
        let (extensions, peer) = (&self.server.extensions, self.tls.peer());
        options.said(Terms { extensions, peer, chunked: false }, needs_binary)
    }

    /// Sends bytes that the caller framed. One reply is expected for each run of them.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        self.check_no_procedure()?;
        self.check_raw_plaintext(bytes)?;
        self.out.raw(bytes, self.state == State::Authenticating);
        Ok(())
    }

    /// Waits for a reply to no command of this session.
    pub fn expect_reply(&mut self) -> Result<(), Error> {
        self.check_open()?;
        if self.out.next_awaited().is_none() && self.events.queue.is_empty() {
            self.out.expect(Awaited::Raw);
        }
        Ok(())
    }

    pub(super) fn begin_command(&mut self, command: &Command) {
        let verb = command.verb();
        if verb == Verb::StartTls {
            self.demand_tls();
        }
        if let Command::Free(text) = command {
            let response = match self.state {
                State::Authenticating => Some(text.as_str()),
                _ if verb == Verb::Auth => text.as_str().split_ascii_whitespace().nth(2),
                _ => None,
            };
            self.confide().add_response(&auth::decode(response.unwrap_or_default().as_bytes()));
        }
        match command {
            // Within an exchange that the caller controls, a line is a response.
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

    /// One exchange for each mechanism that may be tried, in order.
    fn exchanges(&self, credentials: &Credentials) -> VecDeque<Exchange> {
        let order = match (self.options.like_smtplib, self.tls.up) {
            (true, _) => Order::Smtplib,
            (false, true) => Order::Quickest,
            (false, false) => Order::Strongest,
        };
        let offered = self.server.extensions.mechanisms();
        let bindings = &self.tls.bindings;
        let ground = Ground { offered: &offered, bindings, nonce: self.nonce };
        let chosen = credentials.choose(&offered, order, bindings.first());
        chosen
            .into_iter()
            .filter_map(|mechanism| Exchange::new(mechanism, credentials.clone(), ground))
            .collect()
    }

    pub(super) fn begin_exchange(
        &mut self,
        mut exchange: Exchange,
        others: VecDeque<Exchange>,
        initial_response: bool,
    ) {
        self.confide().add(exchange.secret().as_bytes());
        let initial = match initial_response {
            true => exchange.initial_response(self.options.like_smtplib),
            false => None,
        };
        self.auth_command(exchange.mechanism().name(), initial.as_deref());
        self.procedure = Some(Procedure::Login { exchange, others, initial_response });
    }

    pub(super) fn auth_command(&mut self, mechanism: &str, initial: Option<&[u8]>) {
        let command = format!("AUTH {mechanism}");
        if let Some(response) = initial {
            self.confide().add_response(response);
        }
        let (line, shown) = match initial {
            Some([]) => (format!("{command} ="), format!("{command} =")),
            Some(response) => (format!("{command} {}", auth::encode(response)), format!("{command} {MASK}")),
            None => (command.clone(), command),
        };
        self.out.line(&line, shown, Awaited::Auth);
    }

    /// For another secret. Replies of which it is known that no secret is in them may have this one.
    fn confide(&mut self) -> &mut Confided {
        self.input.reader.forget();
        &mut self.confided
    }

    pub(super) fn respond_by_caller(&mut self, response: &[u8]) {
        self.confide().add_response(response);
        self.out.response(response);
    }

    pub(super) fn cancel_auth(&mut self) {
        self.out.line("*", "*".to_owned(), Awaited::AuthCancelled);
    }

    fn check_may_ask(&mut self, request: &Request) -> Result<(), Error> {
        self.check_open()?;
        // QUIT may end a group (RFC 2920 3.1). The other answers are still awaited.
        if matches!(request, Request::Command(Command::Quit)) && !self.flight.transactions.is_empty() {
            return match self.takes_quit() {
                true => Ok(()),
                false => Err(self.misuse(Stage::Mail, "another mail transaction is still under way")),
            };
        }
        let (verb, free) = match request {
            Request::Command(command) => (command.verb(), matches!(command, Command::Free(_))),
            Request::Hello(_) => (Verb::Ehlo, false),
            Request::Login { .. } | Request::AuthBy { .. } => (Verb::Auth, false),
            Request::MailData(_) => (Verb::Data, false),
            // `transact` checks it.
            Request::Transaction(_) => return Ok(()),
        };
        self.check_in_order(verb, free, matches!(request, Request::Command(_)))?;
        let stage = Awaited::Command(verb).stage();
        if let Request::Command(Command::Xclient(attributes)) = request {
            self.check_xclient(attributes)?;
        }
        if verb == Verb::StartTls && self.tls.up {
            return Err(self.misuse(stage, "TLS is up already: STARTTLS can't be said twice"));
        }
        if verb == Verb::StartTls && !self.server.extensions.has("STARTTLS") {
            // Scripts written for smtplib try it, and continue in plaintext if it isn't offered.
            if !self.options.like_smtplib {
                self.demand_tls();
            }
            let why = "STARTTLS extension not supported by server.";
            return Err(Error::new(Kind::NotSupported, stage, why).with_advice(Advice::UseAPortForTls));
        }
        self.check_plaintext(verb)
    }

    /// Whether this verb may come now. `free`: the caller wrote the command.
    fn check_in_order(&self, verb: Verb, free: bool, is_command: bool) -> Result<(), Error> {
        self.check_no_procedure()?;
        let stage = Awaited::Command(verb).stage();
        if let Some(greeting) = self.server.rejection.as_ref().filter(|_| !is_command) {
            let why = "the server has refused the session in its greeting: only QUIT is left";
            return Err(Error::new(Kind::Refused, Stage::Greeting, why).with_reply(greeting.clone()));
        }
        if free && verb == Verb::StartTls {
            let error = self.misuse(stage, "STARTTLS needs a handshake behind it");
            return Err(error.with_advice(Advice::ShakeHands));
        }
        if free && verb == Verb::Bdat {
            return Err(self.misuse(stage, "BDAT needs its chunk behind it"));
        }
        let all_heard = self.out.is_idle() && self.events.queue.is_empty();
        if !free && !all_heard {
            return Err(self.misuse(stage, "a reply is still to come").with_advice(Advice::HearReply));
        }
        if self.state == State::Data && !(free && self.out.next_awaited().is_some()) {
            return Err(self.misuse(stage, "the server waits for mail data, not for a command"));
        }
        if self.state == State::Authenticating && !free {
            return Err(self.misuse(stage, "the server waits for a response to its AUTH challenge"));
        }
        Ok(())
    }

    /// A separate MAIL or RCPT needs the SMTPUTF8 parameter, on itself or on the MAIL before it
    /// (RFC 6531 3.4).
    fn check_utf8(&self, command: &Command) -> Result<(), Error> {
        let (address, utf8) = match command {
            Command::Mail(path, parameters) => {
                let asked = parameters.iter().any(|parameter| parameter.is("SMTPUTF8"));
                if asked && !self.server.extensions.has("SMTPUTF8") {
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

    /// A server offers XCLIENT only to clients that it accepts it from, and lists the attributes
    /// that it takes.
    fn check_xclient(&self, attributes: &Xclient) -> Result<(), Error> {
        if matches!(self.state, State::Mail | State::Recipients) {
            return Err(self.misuse(Stage::Command, "XCLIENT can't be said within a mail transaction"));
        }
        let why = match attributes.not_taken(&self.server.extensions) {
            _ if !self.server.extensions.has("XCLIENT") => {
                "the server does not offer XCLIENT: it takes it from the gateways alone that it is told of \
                 (Postfix: smtpd_authorized_xclient_hosts)"
                    .to_owned()
            }
            Some(name) => format!("the server does not take {name} by XCLIENT"),
            None => return Ok(()),
        };
        Err(Error::new(Kind::NotSupported, Stage::Command, why))
    }

    fn check_no_procedure(&self) -> Result<(), Error> {
        match self.procedure.is_none() && self.flight.transactions.is_empty() {
            true => Ok(()),
            false => Err(self.misuse(self.stage(), "another request is still under way")),
        }
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        match &self.ending.why {
            None => Ok(()),
            Some(why) => {
                let message = format!("Server not connected: {}", why.message);
                let advice = why.advice.or(Some(Advice::ConnectAgain));
                Err(Error { message, kind: Kind::Disconnected, outcome: None, advice, ..why.clone() })
            }
        }
    }

    pub(super) fn misuse(&self, stage: Stage, message: &str) -> Error {
        Error::new(Kind::Misuse, stage, message)
    }

    fn no_mechanism(&self, credentials: &Credentials) -> Error {
        let extensions = &self.server.extensions;
        if !extensions.has("AUTH") {
            let message = "SMTP AUTH extension not supported by server.";
            return Error::new(Kind::NotSupported, Stage::Auth, message).with_advice(Advice::LogInElsewhere);
        }
        let theirs = extensions.mechanisms();
        if let Some(Mechanism::Scram { plus: true, .. }) = credentials.mechanism()
            && self.tls.bindings.is_empty()
        {
            let message = "a -PLUS mechanism binds the login to TLS, and there is nothing here to bind it to";
            return Error::new(Kind::NoMechanism, Stage::Auth, message);
        }
        let ours: Vec<&str> = match credentials.mechanism() {
            Some(named) => vec![named.name()],
            None => Mechanism::ALL.iter().filter(|m| credentials.fits(**m)).map(|m| m.name()).collect(),
        };
        let message = format!(
            "No suitable authentication method found: the server offers {}, we know {}",
            theirs.join(" "),
            ours.join(" ")
        );
        Error::new(Kind::NoMechanism, Stage::Auth, message)
    }
}
