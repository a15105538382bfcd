//! Hearing: what a reply means for the command that it answers.

use super::sequence::may_deny_sequence;
use super::{Procedure, Sequence, Session};
use crate::protocol::auth::{self, Answer};
use crate::protocol::awaited::Awaited;
use crate::protocol::code;
use crate::protocol::command::{Command, Verb};
use crate::protocol::error::{Advice, Error, Stage};
use crate::protocol::event::Event;
use crate::protocol::extension::Extensions;
use crate::protocol::reply::Reply;
use crate::protocol::state::{Next, State};
use crate::protocol::transaction::{Part, Then};
use crate::protocol::transcript::Speaker;

impl Session {
    /// A server says the same to each message. What it has said before, and had no secret in it, has
    /// none now.
    pub(super) fn hear_and_keep(&mut self, reply: Reply) -> Result<(), Error> {
        let masked = if self.input.reader.said_before() { None } else { self.confided.mask(&reply) };
        match masked {
            None => {
                self.hear(&reply, &reply)?;
                self.input.reader.keep(reply);
            }
            Some(masked) => self.hear(&masked, &reply)?,
        }
        Ok(())
    }

    fn hear(&mut self, masked: &Reply, reply: &Reply) -> Result<(), Error> {
        self.input.heard += 1;
        self.note_reply(masked);
        // A challenge has to be answered unchanged.
        let reply = if reply.code() == code::AUTH_CONTINUES { reply } else { masked };
        let Some(awaited) = self.out.next_awaited() else {
            return Err(self.unsolicited(reply.clone()));
        };
        if reply.closes_channel() {
            return self.closed_by(awaited, reply.clone());
        }
        // A reply that began before its command was sent completely answers something else,
        // however late its last octet comes.
        if !self.input.began_due {
            return self.too_early(awaited, self.stage(), reply.clone());
        }
        if awaited.is_mail()
            && reply.asks_for_more()
            && (awaited.stage(), reply.code()) != (Stage::Data, code::START_MAIL_INPUT)
        {
            let message = "the server waits for more where nothing more follows";
            return Err(self.broke_with(self.stage(), message, reply.clone()));
        }
        if let Awaited::Transaction(Part::Data) = awaited
            && reply.is_completion()
        {
            // An earlier answer came twice, or this one belongs to another command.
            let message = "the server answered DATA as if it were done";
            return Err(self.broke_with(self.stage(), message, reply.clone()));
        }
        self.out.answered();
        match awaited {
            Awaited::Greeting => self.hear_greeting(reply.clone()),
            Awaited::Command(verb) => self.hear_command(verb, reply.clone()),
            Awaited::AuthCancelled if reply.code() == code::AUTH_CONTINUES => {
                let message = "the server goes on asking after the AUTH exchange was cancelled";
                return Err(self.broke_with(Stage::Auth, message, reply.clone()));
            }
            Awaited::Auth | Awaited::AuthCancelled => return self.hear_auth(reply.clone()),
            Awaited::DataCommand => self.hear_data_command(reply.clone()),
            Awaited::DataEnd => self.hear_mail_data(reply.clone()),
            Awaited::Raw => self.hear_raw(reply.clone()),
            Awaited::Transaction(part) => return self.hear_transaction(part, reply),
        }
        Ok(())
    }

    pub(super) fn hear_greeting(&mut self, reply: Reply) {
        if let Next::To(state) = State::after_greeting(reply.code()) {
            self.set_rest(state);
        }
        self.flight.resets.greeted(&reply);
        self.server.rejection = Some(&reply).filter(|_| self.state == State::Rejected).cloned();
        self.events.queue.push_back(Event::Reply(reply));
    }

    pub(super) fn hear_command(&mut self, verb: Verb, reply: Reply) {
        if let Some(Procedure::Hello(name)) = self.procedure.take_if(|p| matches!(p, Procedure::Hello(_)))
            && verb == Verb::Ehlo
            && !reply.is_completion()
        {
            // RFC 5321 3.2 prescribes this for servers that don't know EHLO. The reply code of
            // such a server can't be relied on: smtplib and Postfix send HELO after any refusal.
            self.server.refused_ehlo = Some(reply);
            return self.begin_command(&Command::Helo(name));
        }
        self.move_on(verb, &reply);
        let introduces = matches!(verb, Verb::Ehlo | Verb::Helo | Verb::Lhlo);
        if introduces {
            // Only a 2yz lists extensions, and HELO has none.
            if reply.is_completion() {
                self.server.esmtp = verb != Verb::Helo;
            }
            if verb != Verb::Helo {
                self.server.refused_ehlo = None;
            }
            self.server.extensions = match verb {
                Verb::Helo => Extensions::default(),
                _ if reply.is_completion() => Extensions::from_reply(&reply),
                _ => Extensions::default(),
            };
            self.flight.resets.introduced(&self.server.extensions);
        }
        if verb == Verb::Xclient && reply.code() == code::SERVICE_READY {
            // From now on the offer is for that client.
            self.server.extensions = Extensions::default();
            self.server.esmtp = false;
            self.tls.authenticated = false;
        }
        if verb == Verb::StartTls && self.state == State::Securing {
            self.tls.due = Some(reply);
        } else {
            self.events.queue.push_back(Event::Reply(reply));
        }
        if verb == Verb::Quit {
            self.end(State::Closed, Error::over(Stage::Quit));
        }
    }

    pub(super) fn hear_auth(&mut self, reply: Reply) -> Result<(), Error> {
        self.move_on(Verb::Auth, &reply);
        if reply.code() == code::AUTH_CONTINUES {
            let challenge = auth::decode(&reply.text());
            if let Some(Procedure::Login { exchange, .. }) = &self.procedure
                && exchange.is_by_token()
                && !challenge.is_empty()
            {
                // The refusal itself has no further detail.
                let said = Reply::new(reply.code(), &challenge);
                self.server.explanation = Some(self.confided.mask(&said).unwrap_or(said));
            }
            match &mut self.procedure {
                Some(Procedure::Login { exchange, .. }) => match exchange.hear(&reply.text()) {
                    Answer::Say(response) => self.out.response(&response),
                    Answer::Work => {}
                    Answer::Refused(why) => {
                        self.note(format!("the server says why it will refuse: {}", why.escape_debug()));
                        self.out.response(b"");
                    }
                    Answer::Cancel => self.cancel_auth(),
                    Answer::Distrust(why) => return Err(self.impostor(&why, reply)),
                    Answer::Failed(error) => return Err(self.fail(error)),
                },
                Some(Procedure::AuthBy(withheld)) if withheld.is_some() => {
                    let response = withheld.take().unwrap_or_default();
                    self.respond_by_caller(&response);
                }
                Some(_) => self.events.queue.push_back(Event::Challenge(challenge)),
                None => self.events.queue.push_back(Event::Reply(reply)),
            }
            return Ok(());
        }
        let reply = reply.explained(self.server.explanation.take());
        match self.procedure.take() {
            Some(Procedure::Login { mut others, initial_response, exchange })
                if code::refuses_mechanism(reply.code()) =>
            {
                match others.pop_front().filter(|_| exchange.may_give_way()) {
                    Some(next) => self.begin_exchange(next, others, initial_response),
                    None => self.events.queue.push_back(authenticated(reply)),
                }
            }
            Some(Procedure::Login { mut exchange, .. }) if reply.code() == code::AUTHENTICATED => {
                if let Err(why) = exchange.concluded(&reply.text()) {
                    return Err(self.impostor(why, reply));
                }
                self.tls.authenticated = true;
                self.events.queue.push_back(authenticated(reply));
            }
            // Being logged in already is a success, but it proves nothing.
            Some(Procedure::Login { exchange, .. })
                if reply.code() == code::BAD_SEQUENCE
                    && exchange.wants_proof()
                    && !self.tls.authenticated =>
            {
                self.events.queue.push_back(Event::Auth { accepted: false, reply });
            }
            Some(_) => self.events.queue.push_back(authenticated(reply)),
            None => self.events.queue.push_back(Event::Reply(reply)),
        }
        Ok(())
    }

    /// The server doesn't know the password, or tries to obtain it.
    fn impostor(&mut self, why: &str, reply: Reply) -> Error {
        self.broke_with(Stage::Auth, why, reply).with_advice(Advice::DistrustTheServer)
    }

    pub(super) fn hear_data_command(&mut self, reply: Reply) {
        self.move_on(Verb::Data, &reply);
        match self.procedure.as_mut() {
            Some(Procedure::MailData(body)) if reply.code() == code::START_MAIL_INPUT => {
                if let Some(body) = body.take() {
                    self.out.mail_data(body, std::iter::once(Awaited::DataEnd));
                }
            }
            _ => {
                self.procedure = None;
                self.events.queue.push_back(Event::DataRefused(reply));
            }
        }
    }

    pub(super) fn hear_mail_data(&mut self, reply: Reply) {
        self.procedure = None;
        self.set_state(State::after_mail_data(reply.code()).resolved(self.state, self.rest));
        self.events.queue.push_back(Event::Reply(reply));
    }

    pub(super) fn hear_raw(&mut self, reply: Reply) {
        if self.state == State::Data {
            self.set_state(self.rest);
        } else if self.state == State::Authenticating || reply.code() == code::AUTH_CONTINUES {
            // A 334 shows that the bytes contained AUTH.
            self.move_on(Verb::Auth, &reply);
        }
        self.events.queue.push_back(Event::Reply(reply));
    }

    pub(super) fn hear_transaction(&mut self, part: Part, reply: &Reply) -> Result<(), Error> {
        let alone = self.flight.transactions.len() == 1;
        let Some(running) = self.flight.transactions.front_mut() else { return Ok(()) };
        match part {
            Part::Mail => self.state = self.state.moved(Verb::Mail, reply, self.rest),
            Part::Rcpt(_) => self.state = self.state.moved(Verb::Rcpt, reply, self.rest),
            Part::Data => self.state = self.state.moved(Verb::Data, reply, self.rest),
            Part::Chunk { last: false } => {}
            Part::End(_) | Part::Chunk { .. } | Part::LoneDot => {
                self.state = State::after_mail_data(reply.code()).resolved(self.state, self.rest);
            }
            Part::Clear | Part::Reset => self.state = self.rest,
        }
        self.out.state = Some(self.state);
        // OpenSMTPD takes 100 messages per session, and other servers have similar limits.
        if part == Part::Mail && refuses_more(reply) && self.flight.resets.content_was_heard() {
            self.flight.resets.wear_out();
            running.is_out_of_place();
        }
        if part == Part::Mail
            && self.flight.sequence == Sequence::Unknown
            && running.follows_data()
            && may_deny_sequence(reply)
        {
            self.flight.sequence = Sequence::OneByOne;
            running.is_out_of_place();
        }
        let then = running.hear(part, reply, alone, &mut self.out);
        match part {
            Part::End(_) => self.flight.resets.mail_data_answered(),
            Part::Chunk { last: true } if running.has_recipients() => self.flight.resets.mail_data_answered(),
            Part::Clear | Part::Reset => self.flight.resets.answered(reply.is_completion()),
            _ => {}
        }
        if running.is_out_of_sequence() && reply.code() == code::BAD_SEQUENCE {
            self.flight.sequence = Sequence::OneByOne;
        } else if part == Part::Mail && running.was_taken_in_sequence() {
            self.flight.sequence = Sequence::Free;
        }
        match then {
            Then::GoOn => {}
            Then::Done(outcome) => {
                self.flight.transactions.pop_front();
                self.set_state(self.rest);
                self.events.queue.push_back(Event::Transaction(outcome));
            }
            Then::NoAnswer(reply) => {
                let message = "the server asks for mail data though it has taken no recipient";
                self.broke_with(Stage::Data, message, reply);
            }
            Then::NoChunking(reply) => return Err(self.no_chunking(reply)),
            Then::Disorder(stage, message, reply) => return Err(self.broke_with(stage, message, reply)),
        }
        Ok(())
    }

    fn move_on(&mut self, verb: Verb, reply: &Reply) {
        let next = self.state.moved(verb, reply, self.rest);
        if next.is_rest() { self.set_rest(next) } else { self.set_state(next) }
    }

    pub(super) fn note_reply(&mut self, reply: &Reply) {
        if self.out.quiet {
            return;
        }
        for mut line in reply.wire_lines() {
            line.truncate(line.trim_ascii_end().len());
            self.out.note(Speaker::Server, line);
        }
    }
}

impl State {
    fn moved(self, verb: Verb, reply: &Reply, rest: State) -> State {
        self.after(verb, reply.code()).resolved(self, rest)
    }
}

impl Next {
    fn resolved(self, here: State, rest: State) -> State {
        match self {
            Self::Stay => here,
            Self::Rest => rest,
            Self::To(state) => state,
        }
    }
}

/// 235, or 503 for a client that is authenticated already (RFC 4954 4, 6).
pub(super) fn authenticated(reply: Reply) -> Event {
    Event::Auth { accepted: matches!(reply.code(), code::AUTHENTICATED | code::BAD_SEQUENCE), reply }
}

/// RFC 3463 3.6, X.5.3: too many recipients or, if none has been named yet, too many messages.
fn refuses_more(reply: &Reply) -> bool {
    reply.code() == code::INSUFFICIENT_STORAGE
        && reply.enhanced().is_some_and(|code| (code.class, code.subject, code.detail) == (4, 5, 3))
}
