//! Greeting, EHLO, HELO, LHLO, STARTTLS and HELP: the beginning of a session.

use std::sync::Arc;

use super::answer::Answer;
use super::{Phase, Session};
use crate::catcher::Offer;
use crate::catcher::auth::Mechanism;
use crate::catcher::fault::Stage;
use crate::catcher::settings::{Dialect, TlsMode};
use crate::catcher::store::Client;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Moment;
use crate::protocol::xclient::Attribute;
use std::time::UNIX_EPOCH;

/// The longest time in seconds that a client may ask to hold a message. The limit is only
/// announced, because nothing is delivered.
pub(super) const LONGEST_HOLD: u32 = 30 * 86_400;

impl Session {
    /// Sends 220, or what a fault replaces it with.
    pub(super) fn greet(&mut self) {
        self.greeted = true;
        let text = self.greeting();
        let welcome = self.answer(Stage::Greeting, None, &Answer::new(220, "", &text));
        self.unwelcome = !welcome;
    }

    pub(super) fn greeting(&self) -> String {
        let protocol = match self.settings.dialect {
            Dialect::Smtp => "ESMTP",
            Dialect::Lmtp => "LMTP",
        };
        format!("{} {protocol} rsmtp catcher", self.settings.hostname)
    }

    /// RFC 5321 section 4.1.1.1. A new EHLO ends a transaction as RSET does (section 4.1.4).
    pub(super) fn hello(&mut self, stage: Stage, argument: &[u8]) {
        // RFC 2033 section 4.1: LMTP has LHLO and neither of the others.
        let right = (stage == Stage::Lhlo) == (self.settings.dialect == Dialect::Lmtp);
        if !right {
            return self.refuse(stage, 500, "5.5.1", "Not in this protocol");
        }
        let name = std::str::from_utf8(argument)
            .ok()
            .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic()));
        let Some(name) = name else {
            return self.refuse(stage, 501, "5.5.4", "Who are you? A domain or an address literal");
        };
        let extended = stage != Stage::Helo;
        let mut lines = format!("{} greets {name}", self.settings.hostname);
        if extended {
            for offer in Offer::ALL {
                if let Some(line) = self.offer_line(offer) {
                    lines.push('\n');
                    lines.push_str(&line);
                }
            }
            if self.takes_xclient() {
                lines.push_str("\nXCLIENT");
                Attribute::ALL.iter().for_each(|one| lines.extend([" ", one.name()]));
            }
        }
        if self.answer_at_length(stage, &Reply::new(250, lines)) {
            self.transaction = None;
            self.client = Arc::new(Client { helo: name.to_owned(), extended, ..Client::clone(&self.client) });
        }
    }

    /// The extension's line in the answer to EHLO, if it is offered now.
    fn offer_line(&self, offer: Offer) -> Option<String> {
        let settings = &self.settings;
        if !self.stands(offer) {
            return None;
        }
        let keyword = offer.keyword();
        match offer {
            Offer::StartTls => self.can_start_tls().then(|| keyword.to_owned()),
            Offer::Auth => {
                let names: Vec<_> = self.offered_mechanisms().into_iter().map(Mechanism::name).collect();
                (self.auth_is_open() && !names.is_empty()).then(|| format!("{keyword} {}", names.join(" ")))
            }
            Offer::Size => Some(format!("{keyword} {}", settings.max_size)),
            // RFC 9422 section 4.
            Offer::Limits => settings
                .max_messages
                .map(|most| format!("{keyword} MAILMAX={most} RCPTMAX={}", settings.max_recipients)),
            // RFC 4865 section 3.
            Offer::FutureRelease => Some(format!("{keyword} {LONGEST_HOLD} {}", self.last_release())),
            _ => Some(keyword.to_owned()),
        }
    }

    /// Whether the extension is offered on this connection.
    pub(super) fn stands(&self, offer: Offer) -> bool {
        let settings = &self.settings;
        settings.offers(offer)
            && match offer {
                // RFC 8689 section 2: never without TLS.
                Offer::RequireTls => self.client.tls.is_some(),
                // RFC 3030 section 3.
                Offer::BinaryMime => settings.offers(Offer::Chunking),
                _ => true,
            }
    }

    /// The latest time that a client may ask to hold a message until.
    pub(super) fn last_release(&self) -> Moment {
        let now = self.started.duration_since(UNIX_EPOCH).unwrap_or_default() + self.now;
        let last = i64::try_from(now.as_secs()).unwrap_or_default() + i64::from(LONGEST_HOLD);
        Moment::new(last).unwrap_or(Moment::LAST)
    }

    fn can_start_tls(&self) -> bool {
        self.settings.tls == TlsMode::StartTls && self.client.tls.is_none()
    }

    /// RFC 3207 section 4.
    pub(super) fn start_tls(&mut self, argument: &[u8], pipelined: bool) {
        let stage = Stage::StartTls;
        if self.client.tls.is_some() {
            return self.refuse(stage, 503, "5.5.1", "TLS is already in use");
        }
        if !self.settings.offers(Offer::StartTls) || !self.can_start_tls() {
            return self.refuse(stage, 502, "5.5.1", "STARTTLS is not offered");
        }
        if !argument.is_empty() {
            return self.refuse(stage, 501, "5.5.4", "STARTTLS takes no argument");
        }
        if pipelined {
            // Taking this text as if it had arrived under TLS would allow command injection.
            return self.nonsense_end("Nothing may follow STARTTLS before its reply");
        }
        let ready = Answer::new(220, "2.0.0", "Ready to start TLS");
        if self.answer(stage, None, &ready) && !matches!(self.phase, Phase::Closed) {
            self.begin_tls();
        }
    }

    /// RFC 5321 section 4.1.1.8.
    pub(super) fn help(&mut self) {
        if !self.settings.offers(Offer::Help) {
            return self.refuse(Stage::Help, 502, "5.5.1", "HELP is not offered");
        }
        let text = "This is the rsmtp catcher: it takes mail and delivers it nowhere\n\
                    EHLO HELO LHLO STARTTLS AUTH MAIL RCPT DATA BDAT\n\
                    RSET NOOP VRFY EXPN HELP QUIT";
        self.answer_at_length(Stage::Help, &Reply::new(214, text));
    }
}
