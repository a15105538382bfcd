//! The calls of a driver, step by step (the contract in `protocol/mod.rs`).

use super::{Procedure, Session};
use crate::protocol::auth::ChannelBinding;
use crate::protocol::error::{Error, Kind, Stage};
use crate::protocol::event::{Event, Step};
use crate::protocol::extension::Extensions;
use crate::protocol::state::State;
use crate::protocol::transcript::Speaker;

impl Session {
    pub fn step(&mut self) -> Step<'_> {
        self.refill();
        if !self.events.held
            && let Some(event) = self.events.queue.pop_front()
        {
            return Step::Yield(event);
        }
        if self.tls.due.is_some() {
            return Step::UpgradeTls;
        }
        if self.out.has_come_to_an_end() {
            return Step::Yield(Event::EndHeld);
        }
        if self.is_at_work() {
            return Step::Work;
        }
        let stage = self.out.next_awaited().filter(|_| !self.state.is_over()).map(|_| self.stage());
        match self.out.pending() {
            [] => stage.map_or(Step::Idle, Step::Receive),
            octets => Step::Send(octets),
        }
    }

    /// Whether there is something to compute before anything can be sent.
    pub fn is_at_work(&self) -> bool {
        matches!(&self.procedure, Some(Procedure::Login { exchange, .. }) if exchange.is_at_work())
    }

    /// Computes for some milliseconds, when asked with [`Step::Work`].
    pub fn work(&mut self) {
        if let Some(Procedure::Login { exchange, .. }) = &mut self.procedure
            && let Some(response) = exchange.work()
        {
            self.out.response(&response);
        }
    }

    /// The octets to send next, if any: those of a [`Step::Send`].
    pub fn pending(&mut self) -> Option<&[u8]> {
        if self.tls.due.is_some() {
            return None;
        }
        self.refill();
        Some(self.out.pending()).filter(|octets| !octets.is_empty())
    }

    /// While this is true, no event is yielded. Replies that come while commands are being sent
    /// are kept for later.
    pub fn hold_events(&mut self, holding: bool) {
        self.events.held = holding;
    }

    /// Whether the next step is [`Step::Send`].
    pub fn is_about_to_send(&mut self) -> bool {
        let is_pending = self.pending().is_some();
        is_pending && (self.events.held || self.events.queue.is_empty())
    }

    /// Whether the next step is [`Step::UpgradeTls`].
    pub fn is_upgrading(&self) -> bool {
        self.tls.due.is_some()
    }

    /// This many octets of the last [`Step::Send`] have been passed to the operating system.
    pub fn sent(&mut self, octets: usize) {
        self.out.sent(octets);
    }

    /// Octets have come. An error ends the session.
    pub fn received(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() && !self.state.is_over() {
            if self.tls.due.is_some() {
                return Err(self.broke(
                    Stage::StartTls,
                    "the server sent more in plaintext after its 220 to STARTTLS: the connection may have been tampered with",
                ));
            }
            if !self.input.reader.is_midway() {
                self.input.began_due = self.out.is_reply_due();
            }
            let (taken, found) = self.input.reader.read(bytes);
            bytes = &bytes[taken..];
            match found {
                Ok(None) => {}
                Ok(Some(reply)) => self.hear_and_keep(reply)?,
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
        let message = match self.input.reader.is_midway() {
            true => "Connection unexpectedly closed in the middle of a reply",
            false => "Connection unexpectedly closed",
        };
        Err(self.end(State::Broken, Error::new(Kind::Disconnected, stage, message)))
    }

    /// TLS is up, and what was learnt before it is forgotten (RFC 3207 4.2). `bindings` are the
    /// channel bindings for a login, best first. `verified` tells whether the server's certificate
    /// was verified.
    pub fn tls_established(&mut self, bindings: Vec<ChannelBinding>, verified: bool) {
        self.tls.up = true;
        self.tls.verified = verified;
        self.tls.bindings = bindings;
        self.tls.authenticated = false;
        self.server.extensions = Extensions::default();
        self.out.note(Speaker::Note, b"TLS established".to_vec());
        if self.state == State::Securing {
            self.set_rest(State::Secured);
        }
        if let Some(reply) = self.tls.due.take() {
            self.events.queue.push_back(Event::Secured(reply));
        }
    }

    /// Something outside the session ended the conversation: a deadline, the network, TLS or the
    /// caller. The session is broken from here on.
    pub fn fail(&mut self, error: Error) -> Error {
        match &self.ending.why {
            Some(_) => error,
            None => self.end(State::Broken, error),
        }
    }

    /// The outcome that was decided before the session ended. It takes precedence over the error.
    pub fn decided(&mut self) -> Option<Event> {
        self.events.queue.pop_front()
    }
}
