//! AUTH (RFC 4954): who may log in, when, and how an exchange continues.

use std::sync::Arc;

use encodify::base64;

use super::answer::Answer;
use super::command::split;
use super::{Phase, Session};
use crate::catcher::auth::{self, Exchange, Ground, Mechanism, Outcome};
use crate::catcher::fault::Stage;
use crate::catcher::settings::TlsMode;
use crate::catcher::{Offer, random};

impl Session {
    /// Whether a client may authenticate on this connection as it is now.
    pub(super) fn auth_is_open(&self) -> bool {
        let settings = &self.settings;
        self.client.tls.is_some() || settings.tls == TlsMode::None || settings.auth_before_tls
    }

    pub(super) fn auth(&mut self, argument: &[u8]) {
        // Until the login has succeeded, the next line may be a secret.
        self.after_auth = true;
        let (name, initial) = split(argument);
        match self.auth_mechanism(name) {
            Err(refusal) => {
                self.answer(Stage::Auth, None, &refusal);
            }
            Ok(mechanism) => {
                let initial = (!initial.is_empty()).then_some(initial);
                let challenge = self.challenge();
                let offered = self.offered_mechanisms();
                let outcome = auth::begin(mechanism, initial, challenge, self.ground(&offered));
                self.auth_outcome(Stage::Auth, outcome);
            }
        }
    }

    /// Reads a line that the exchange has asked for.
    pub(super) fn auth_response(&mut self, exchange: Exchange, line: &[u8]) {
        if line == b"*" {
            self.record(line);
            return self.refuse(Stage::AuthResponse, 501, "5.7.0", "Cancelled, as you wish");
        }
        self.record(b"****");
        let offered = self.offered_mechanisms();
        let outcome = exchange.hear(line, self.ground(&offered));
        self.auth_outcome(Stage::AuthResponse, outcome);
    }

    /// The mechanism of this name, if it may be used now.
    fn auth_mechanism(&self, name: &[u8]) -> Result<Mechanism, Answer<'static>> {
        let refuse = |code, enhanced, text| Err(Answer::new(code, enhanced, text));
        if !self.settings.offers(Offer::Auth) {
            return refuse(502, "5.5.1", "AUTH is not offered");
        }
        if !self.client.extended {
            return refuse(503, "5.5.1", "EHLO comes first");
        }
        if !self.auth_is_open() {
            return refuse(538, "5.7.11", "AUTH needs TLS here: STARTTLS comes first");
        }
        if self.client.user.is_some() {
            return refuse(503, "5.5.1", "You are already authenticated");
        }
        if self.transaction.is_some() {
            return refuse(503, "5.5.1", "Not within a mail transaction");
        }
        if name.is_empty() {
            return refuse(501, "5.5.4", "AUTH by which mechanism?");
        }
        let known = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        match known {
            Some(mechanism) if self.offered_mechanisms().contains(&mechanism) => Ok(mechanism),
            _ => refuse(504, "5.5.4", "That mechanism is not offered"),
        }
    }

    /// The mechanisms that can be used on this connection as it is now.
    pub(super) fn offered_mechanisms(&self) -> Vec<Mechanism> {
        let all = self.settings.mechanisms.iter().copied();
        all.filter(|mechanism| mechanism.is_open(&self.secured)).collect()
    }

    fn ground<'a>(&'a self, offered: &'a [Mechanism]) -> Ground<'a> {
        Ground { login: &self.settings.credentials, secured: &self.secured, offered }
    }

    fn auth_outcome(&mut self, stage: Stage, outcome: Outcome) {
        match outcome {
            Outcome::Challenge(exchange, text) => {
                let text = base64::STANDARD.encode(text);
                let challenge = Answer::new(334, "", &text);
                let goes_on = self.answer(stage, None, &challenge);
                if goes_on && !matches!(self.phase, Phase::Closed) {
                    self.phase = Phase::Auth(exchange);
                }
            }
            Outcome::Accepted(user) => {
                let welcome = Answer::new(235, "2.7.0", "Authenticated");
                if self.answer(stage, None, &welcome) {
                    Arc::make_mut(&mut self.client).user = Some(user);
                    self.after_auth = false;
                }
            }
            Outcome::Refused => {
                self.refuse(stage, 535, "5.7.8", "Username or password is wrong");
            }
            Outcome::Unbound(why) => {
                self.refuse(
                    stage,
                    535,
                    "5.7.8",
                    &format!("The login is not bound to TLS as it has to be: {why}"),
                );
            }
            Outcome::Malformed => {
                self.refuse(stage, 501, "5.5.2", "Not a response of this mechanism");
            }
        }
    }

    /// A challenge that is never repeated (RFC 2195 section 2).
    fn challenge(&self) -> String {
        // Without random octets the challenge is unique but can be guessed.
        let nonce = random::hex(8).unwrap_or_else(|_| format!("{:?}", self.started));
        format!("<{nonce}@{}>", self.settings.hostname)
    }
}
