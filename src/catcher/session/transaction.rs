//! A mail transaction (RFC 5321 section 3.3) up to its mail data: MAIL and RCPT.

use super::answer::Answer;
use super::body::Body;
use super::hello::LONGEST_HOLD;
use super::{Phase, Session};
use crate::catcher::Offer;
use crate::catcher::fault::{Disconnect, Stage};
use crate::catcher::path::{self, Parameters};
use crate::catcher::store::Recipient;
use crate::protocol::transaction::{MailOption, RcptOption};

/// The transaction since MAIL.
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
            let (owner, sound) = match (MailOption::read(keyword, value), keyword.as_str()) {
                (Some(Ok(option)), _) => (Offer::of(option.extension()), self.holds_for(&option)),
                (Some(Err(_)), _) => return refuse(501, "5.5.4", WRONG_VALUE),
                (None, "SIZE") => (Offer::Size, value.is_some_and(|value| value.parse::<u64>().is_ok())),
                (None, "BODY") => {
                    let known =
                        |value: &str| ["7BIT", "8BITMIME"].iter().any(|one| one.eq_ignore_ascii_case(value));
                    (Offer::EightBitMime, value.is_some_and(known))
                }
                (None, "SMTPUTF8") => (Offer::SmtpUtf8, value.is_none()),
                (None, "AUTH") => (Offer::Auth, value.is_some()),
                (None, _) => return refuse(555, "5.5.4", "No such MAIL parameter"),
            };
            if !self.client.extended || !self.stands(owner) {
                return refuse(555, "5.5.4", "The extension of this parameter isn't offered");
            }
            if parameters[..index].iter().any(|(other, _)| other == keyword) {
                return refuse(501, "5.5.4", "A parameter stands twice");
            }
            if !sound {
                return refuse(501, "5.5.4", WRONG_VALUE);
            }
        }
        let says = |keyword| parameters.iter().any(|(other, _)| other == keyword);
        if says("HOLDFOR") && says("HOLDUNTIL") {
            return refuse(501, "5.5.4", "HOLDFOR and HOLDUNTIL stand together");
        }
        if says("XVERP") && address.is_empty() {
            return refuse(503, "5.5.4", "XVERP makes no sender of the null one");
        }
        if announced_size(parameters) > settings.max_size {
            return refuse(552, "5.3.4", "The message is too big");
        }
        if !address.is_ascii() && !says_smtputf8(parameters) {
            return refuse(553, "5.6.7", "This address needs SMTPUTF8");
        }
        Ok(())
    }

    /// Whether the server would hold a message for as long as this option asks (RFC 4865 section
    /// 4).
    fn holds_for(&self, option: &MailOption) -> bool {
        match option {
            MailOption::HoldFor(time) => time.seconds() <= LONGEST_HOLD,
            MailOption::HoldUntil(when) => *when <= self.last_release(),
            _ => true,
        }
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
        for (index, (keyword, value)) in parameters.iter().enumerate() {
            let option = match RcptOption::read(keyword, value.as_deref()) {
                Some(Ok(option)) if self.client.extended => option,
                Some(Err(_)) => return Some(Answer::new(501, "5.5.4", WRONG_VALUE)),
                _ => return Some(Answer::new(555, "5.5.4", "No such RCPT parameter")),
            };
            if !self.stands(Offer::of(option.extension())) {
                return Some(Answer::new(555, "5.5.4", "No such RCPT parameter"));
            }
            if parameters[..index].iter().any(|(other, _)| other == keyword) {
                return Some(Answer::new(501, "5.5.4", "A parameter stands twice"));
            }
        }
        None
    }
}

const WRONG_VALUE: &str = "A parameter has the wrong value";

/// The value of the SIZE parameter (RFC 1870 section 6), or 0 without one.
pub(super) fn announced_size(parameters: &Parameters) -> u64 {
    let size = parameters.iter().find(|(keyword, _)| keyword == "SIZE");
    size.and_then(|(_, value)| value.as_ref()?.parse().ok()).unwrap_or(0)
}

/// Whether the parameters announce binary content, which has to come by BDAT (RFC 3030 section 3).
pub(super) fn says_binary(parameters: &Parameters) -> bool {
    let is_binary = |value: &String| value.eq_ignore_ascii_case("BINARYMIME");
    parameters.iter().any(|(keyword, value)| keyword == "BODY" && value.as_ref().is_some_and(is_binary))
}

fn says_smtputf8(parameters: &Parameters) -> bool {
    parameters.iter().any(|(keyword, _)| keyword == "SMTPUTF8")
}
