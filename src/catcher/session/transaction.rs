//! A mail transaction (RFC 5321 section 3.3) up to its mail data: MAIL and RCPT.

use super::answer::Answer;
use super::body::Body;
use super::{Phase, Session};
use crate::catcher::Offer;
use crate::catcher::fault::{Disconnect, Stage};
use crate::catcher::path::{self, Parameters};
use crate::catcher::store::Recipient;

/// What has been said since MAIL.
#[derive(Debug)]
pub(super) struct Transaction {
    pub mail_from: String,
    pub parameters: Parameters,
    pub recipients: Vec<Recipient>,
    pub body: Body,
}

impl Session {
    pub(super) fn mail(&mut self, argument: &[u8]) {
        let stage = Stage::Mail;
        if let Err(refusal) = self.mail_in_order() {
            let closes = refusal.code == 421;
            self.answer(stage, None, &refusal);
            if closes && !matches!(self.phase, Phase::Closed) {
                self.close(Disconnect::Fin);
            }
            return;
        }
        let (address, parameters) = match path::parse(argument, "FROM:") {
            Ok(parsed) => parsed,
            Err(wrong) => return self.refuse(stage, 501, "5.5.4", wrong.0),
        };
        if let Err(refusal) = self.check_mail(address, &parameters) {
            self.answer(stage, Some(address), &refusal);
            return;
        }
        let ok = Answer::new(250, "2.1.0", "Sender ok");
        if self.answer(stage, Some(address), &ok) {
            self.transaction = Some(Transaction {
                mail_from: address.to_owned(),
                parameters,
                recipients: Vec::with_capacity(1),
                body: Body::default(),
            });
        }
    }

    fn mail_in_order(&self) -> Result<(), Answer<'static>> {
        let settings = &self.settings;
        let refuse = |code, enhanced, text| Err(Answer::new(code, enhanced, text));
        if self.client.helo.is_empty() {
            return refuse(503, "5.5.1", "EHLO or HELO comes first");
        }
        if self.transaction.is_some() {
            return refuse(503, "5.5.1", "A mail transaction is already open");
        }
        if settings.require_tls && self.client.tls.is_none() {
            return refuse(530, "5.7.0", "Must issue a STARTTLS command first");
        }
        if settings.require_auth && self.client.user.is_none() {
            return refuse(530, "5.7.0", "Authentication required");
        }
        if settings.max_messages.is_some_and(|most| self.messages >= most) {
            return refuse(421, "4.7.0", "Enough messages for one connection");
        }
        Ok(())
    }

    fn check_mail(&self, address: &str, parameters: &Parameters) -> Result<(), Answer<'static>> {
        let settings = &self.settings;
        let refuse = |code, enhanced, text| Err(Answer::new(code, enhanced, text));
        for (index, (keyword, value)) in parameters.iter().enumerate() {
            let value = value.as_deref();
            let owner = match keyword.as_str() {
                "SIZE" => Offer::Size,
                "BODY" => Offer::EightBitMime,
                "SMTPUTF8" => Offer::SmtpUtf8,
                "RET" | "ENVID" => Offer::Dsn,
                "AUTH" => Offer::Auth,
                _ => return refuse(555, "5.5.4", "No such MAIL parameter"),
            };
            if !self.client.extended || !settings.offers(owner) {
                return refuse(555, "5.5.4", "The extension of this parameter isn't offered");
            }
            if parameters[..index].iter().any(|(other, _)| other == keyword) {
                return refuse(501, "5.5.4", "A parameter stands twice");
            }
            let sound = match keyword.as_str() {
                "SIZE" => value.is_some_and(|value| value.parse::<u64>().is_ok()),
                "BODY" => value.is_some_and(|value| {
                    ["7BIT", "8BITMIME"].iter().any(|known| known.eq_ignore_ascii_case(value))
                }),
                "SMTPUTF8" => value.is_none(),
                "RET" => value.is_some_and(|value| {
                    ["FULL", "HDRS"].iter().any(|known| known.eq_ignore_ascii_case(value))
                }),
                _ => value.is_some(),
            };
            if !sound {
                return refuse(501, "5.5.4", "A parameter has the wrong value");
            }
        }
        if announced_size(parameters) > settings.max_size {
            return refuse(552, "5.3.4", "The message is too big");
        }
        if !address.is_ascii() && !says_smtputf8(parameters) {
            return refuse(553, "5.6.7", "This address needs SMTPUTF8");
        }
        Ok(())
    }

    pub(super) fn rcpt(&mut self, argument: &[u8]) {
        let stage = Stage::Rcpt;
        let most = self.settings.max_recipients;
        let (utf8, full) = match &self.transaction {
            None => return self.refuse(stage, 503, "5.5.1", "MAIL comes first"),
            Some(transaction) if transaction.body.chunked() => {
                return self.refuse(stage, 503, "5.5.1", "Mail data has begun");
            }
            Some(transaction) => {
                (says_smtputf8(&transaction.parameters), transaction.recipients.len() >= most)
            }
        };
        let (address, parameters) = match path::parse(argument, "TO:") {
            Ok(("", _)) => {
                return self.refuse(stage, 501, "5.1.3", "A forward-path can't be empty");
            }
            Ok(parsed) => parsed,
            Err(wrong) => return self.refuse(stage, 501, "5.5.4", wrong.0),
        };
        let answer = if let Some(refusal) = self.check_rcpt(&parameters) {
            refusal
        } else if !address.is_ascii() && !utf8 {
            Answer::new(553, "5.6.7", "This address needs SMTPUTF8")
        } else if full {
            Answer::new(452, "4.5.3", "Too many recipients")
        } else {
            Answer::new(250, "2.1.5", "Recipient ok")
        };
        let taken = self.answer(stage, Some(address), &answer);
        if let (true, Some(transaction)) = (taken, &mut self.transaction) {
            transaction.recipients.push(Recipient { address: address.to_owned(), parameters });
        }
    }

    fn check_rcpt(&self, parameters: &Parameters) -> Option<Answer<'static>> {
        let dsn = self.client.extended && self.settings.offers(Offer::Dsn);
        for (index, (keyword, value)) in parameters.iter().enumerate() {
            if !dsn || !matches!(keyword.as_str(), "NOTIFY" | "ORCPT") {
                return Some(Answer::new(555, "5.5.4", "No such RCPT parameter"));
            }
            let twice = parameters[..index].iter().any(|(other, _)| other == keyword);
            if twice || value.is_none() {
                return Some(Answer::new(501, "5.5.4", "A parameter is wrong"));
            }
        }
        None
    }
}

/// What SIZE said (RFC 1870 section 6); 0 where it said nothing.
pub(super) fn announced_size(parameters: &Parameters) -> u64 {
    let size = parameters.iter().find(|(keyword, _)| keyword == "SIZE");
    size.and_then(|(_, value)| value.as_ref()?.parse().ok()).unwrap_or(0)
}

fn says_smtputf8(parameters: &Parameters) -> bool {
    parameters.iter().any(|(keyword, _)| keyword == "SMTPUTF8")
}
