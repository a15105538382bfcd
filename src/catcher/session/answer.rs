//! Sends replies. This is the only place where faults take effect.

use std::sync::Arc;

use super::{Effect, PATIENCE, Phase, Session};
use crate::catcher::Offer;
use crate::catcher::fault::{Disconnect, Fault, FaultReply, Stage};
use crate::protocol::reply::Reply;

/// A one-line reply before faults are applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub code: u16,
    /// The enhanced status code. Greetings, EHLO and 3yz replies have none (RFC 2034 section 4).
    pub enhanced: &'a str,
    pub text: &'a str,
}

impl<'a> Answer<'a> {
    pub fn new(code: u16, enhanced: &'a str, text: &'a str) -> Self {
        Answer { code, enhanced, text }
    }

    /// Writes the reply directly and not through a `Reply`: a million messages are answered this
    /// way, and it allocates nothing.
    fn write_to(&self, out: &mut Vec<u8>, with_enhanced: bool) {
        let digits = [self.code / 100, self.code / 10 % 10, self.code % 10];
        out.extend(digits.map(|digit| b'0' + digit as u8));
        out.push(b' ');
        if with_enhanced && !self.enhanced.is_empty() {
            out.extend_from_slice(self.enhanced.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

impl Session {
    /// Sends the reply, unless a fault replaces it. Returns whether the command takes effect. A
    /// refusal never does.
    pub(super) fn answer(&mut self, stage: Stage, address: Option<&str>, answer: &Answer) -> bool {
        match self.faults.take(stage, address) {
            None => {
                self.put(answer);
                answer.code < 400
            }
            Some(fault) => {
                let mut usual = Vec::new();
                answer.write_to(&mut usual, self.offers_enhanced());
                self.misbehave(&fault, answer.code, usual)
            }
        }
    }

    /// Does the same as `answer` for a reply of several lines.
    pub(super) fn answer_at_length(&mut self, stage: Stage, reply: &Reply) -> bool {
        let mut usual = Vec::new();
        reply.write_to(&mut usual);
        match self.faults.take(stage, None) {
            None => {
                self.send(usual);
                reply.code() < 400
            }
            Some(fault) => self.misbehave(&fault, reply.code(), usual),
        }
    }

    /// Sends a refusal. The caller has nothing else to do.
    pub(super) fn refuse(&mut self, stage: Stage, code: u16, enhanced: &str, text: &str) {
        self.answer(stage, None, &Answer::new(code, enhanced, text));
    }

    /// Answers a line that is not a known command. A client may send a limited number of them.
    pub(super) fn nonsense(&mut self, answer: &Answer) {
        self.nonsense += 1;
        if self.nonsense > PATIENCE {
            self.put(&Answer::new(421, "4.7.0", "Too many errors"));
            self.close(Disconnect::Fin);
        } else {
            self.answer(Stage::Unknown, None, answer);
        }
    }

    /// Answers a protocol violation that ends the connection.
    pub(super) fn nonsense_end(&mut self, text: &str) {
        self.put(&Answer::new(554, "5.5.1", text));
        self.close(Disconnect::Fin);
    }

    /// Sends a reply without asking for a fault.
    pub(super) fn put(&mut self, answer: &Answer) {
        if self.effects.is_empty() {
            let start = self.output.len();
            answer.write_to(&mut self.output, self.settings.offers(Offer::EnhancedStatusCodes));
            let now = self.now;
            let wire = &self.output[start..];
            self.conversation.current().push_reply(now, wire);
        } else {
            let mut wire = Vec::new();
            answer.write_to(&mut wire, self.offers_enhanced());
            self.send(wire);
        }
    }

    /// Ends the connection after all pending output has been sent.
    pub(super) fn close(&mut self, how: Disconnect) {
        self.phase = Phase::Closed;
        self.effects.push_back(Effect::Close(how));
    }

    /// Starts the handshake, which a fault may spoil.
    pub(super) fn begin_tls(&mut self) {
        self.phase = Phase::Handshake;
        let Some(fault) = self.faults.take(Stage::Handshake, None) else {
            return self.effects.push_back(Effect::UpgradeTls(None));
        };
        let harmless = fault.reply == FaultReply::Usual && fault.disconnect.is_none();
        self.misbehave(&fault, 0, Vec::new());
        if matches!(self.phase, Phase::Handshake) {
            self.effects.push_back(if harmless {
                Effect::UpgradeTls(fault.certificate)
            } else {
                // The fault sends something other than a ServerHello, which ends the connection.
                Effect::Close(Disconnect::Fin)
            });
        }
    }

    /// Does what the fault says in place of the usual reply. Returns whether the command takes
    /// effect.
    pub(super) fn misbehave(&mut self, fault: &Arc<Fault>, code: u16, usual: Vec<u8>) -> bool {
        if !fault.delay.is_zero() {
            self.effects.push_back(Effect::Wait(fault.delay));
        }
        if fault.stall {
            self.note("the catcher says nothing, as told");
            self.phase = Phase::Closed;
            self.effects.push_back(Effect::Stall);
            return fault.accepts(code) && code < 400;
        }
        let mut wire = match &fault.reply {
            FaultReply::Usual => usual,
            FaultReply::Reply { wire, .. } | FaultReply::Raw(wire) => wire.clone(),
            FaultReply::Nothing => Vec::new(),
        };
        wire.extend_from_slice(&fault.extra);
        if !wire.is_empty() {
            let now = self.now;
            self.conversation.current().push_reply(now, &wire);
            self.effects.push_back(match fault.drip {
                _ if fault.endless => Effect::Endless(wire),
                Some(pause) => Effect::Drip(wire, pause),
                None => Effect::Send(wire),
            });
        }
        // RFC 5321 section 3.8: after 421 the server closes the channel.
        let says_421 = matches!(fault.reply, FaultReply::Reply { code: 421, .. });
        if let Some(how) = fault.disconnect.or(says_421.then_some(Disconnect::Fin)) {
            self.note("the catcher disconnects, as told");
            self.close(how);
        }
        fault.accepts(code) && code < 400
    }

    fn send(&mut self, wire: Vec<u8>) {
        let now = self.now;
        self.conversation.current().push_reply(now, &wire);
        if self.effects.is_empty() {
            self.output.extend_from_slice(&wire);
        } else {
            self.effects.push_back(Effect::Send(wire));
        }
    }

    fn offers_enhanced(&self) -> bool {
        self.settings.offers(Offer::EnhancedStatusCodes)
    }
}
