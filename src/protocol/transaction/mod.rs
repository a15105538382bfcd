//! One mail transaction (RFC 5321 3.3): MAIL, a RCPT for each forward-path, DATA,
//! the mail data.
//!
//! This file decides what to send, given what the server offers. `running.rs` sends it and handles
//! the answers, and `outcome.rs` describes the result.

mod options;
mod outcome;
mod recipients;
mod running;

use super::body::Body;
use super::code;
use super::command::Parameter;
use super::error::{Error, Kind, Stage};
use super::reply::Reply;
use super::session::Options;
use crate::address::{ForwardPath, ReversePath};
pub use options::{
    DeliverBy, DeliveryOptions, EnvelopeId, Extension, HoldFor, MailOption, Moment, Notify,
    OriginalRecipient, Priority, RcptOption, Return, SaidOptions, ValidSince, VerpDelimiters, from_xtext,
    xtext,
};
pub(super) use options::{Peer, Terms};
pub use outcome::{Fate, Outcome, Verdict};
pub use recipients::{Offer, Recipients};
pub(super) use running::{Part, Running, Then};
use std::sync::Arc;

/// A message with its envelope, ready to be sent.
#[derive(Debug)]
pub struct Transaction {
    pub reverse_path: ReversePath,
    pub mail_parameters: Vec<Parameter>,
    pub recipients: Recipients,
    pub rcpt_parameters: Vec<Parameter>,
    /// The delivery options that the caller asks for.
    pub options: Option<Arc<DeliveryOptions>>,
    pub body: Body,
    /// Wait for the answers to MAIL and RCPT before sending mail data. On a connection that was
    /// idle, this shows whether the server is still there at a point where nothing can have
    /// happened to the message.
    pub cautious: bool,
}

/// The transaction as adapted to this server.
struct Fitted {
    smtputf8: bool,
    /// What SIZE declares (RFC 1870), if it does.
    size: Option<u64>,
    said: Option<SaidOptions>,
}

impl Transaction {
    /// Without parameters and options.
    pub fn new(
        reverse_path: ReversePath,
        recipients: impl IntoIterator<Item = ForwardPath>,
        body: Body,
    ) -> Self {
        Self {
            reverse_path,
            mail_parameters: Vec::new(),
            recipients: recipients.into_iter().collect(),
            rcpt_parameters: Vec::new(),
            options: None,
            body,
            cautious: false,
        }
    }

    /// Adds the parameters that the content (RFC 1870, 6152, 6531) and the caller need, or says
    /// what the server lacks. Nothing has been sent by then.
    fn fit(&mut self, terms: Terms, options: Options) -> Result<Fitted, Error> {
        let offered = terms.extensions.known();
        let asked = |parameters: &[Parameter], keyword| parameters.iter().any(|p| p.is(keyword));
        let mut smtputf8 = asked(&self.mail_parameters, "SMTPUTF8");
        if smtputf8 && !offered.smtputf8 {
            return Err(not_offered("SMTPUTF8 is asked for", "SMTPUTF8"));
        }
        if let Some(address) = self.non_ascii_address().filter(|_| !smtputf8) {
            if !offered.smtputf8 {
                return Err(non_ascii(address));
            }
            self.mail_parameters.push(Parameter::smtputf8());
            smtputf8 = true;
        }
        let said = match &self.options {
            Some(options) => Some(options.said(terms, options.need_binary(&mut self.body))?),
            None => None,
        };
        if let Some(said) = &said {
            if said.is_binary() {
                self.mail_parameters.retain(|parameter| !parameter.is("BODY"));
                self.body.become_binary();
            }
            if said.makes_senders() && self.reverse_path == ReversePath::Null {
                let text =
                    "XVERP is asked for, and the sender is the null one: there is none to make others of";
                return Err(Error::new(Kind::NotSupported, Stage::Mail, text));
            }
            self.mail_parameters.extend(said.mail());
        }
        if !asked(&self.mail_parameters, "BODY") && !self.body.is_ascii() {
            if offered.eight_bit_mime {
                self.mail_parameters.push(Parameter::body_8bitmime());
            } else if !options.like_smtplib {
                let not_ours = || not_offered("the message has 8-bit content", "8BITMIME (RFC 6152)");
                self.body = in_seven_bits(&self.body)?.ok_or_else(not_ours)?;
            }
        }
        let mut declared = None;
        let limit = [offered.size_limit, options.largest].into_iter().flatten().min();
        if offered.size || limit.is_some() {
            let size = self.body.canonical_size();
            if let Some(limit) = limit.filter(|&limit| size > limit) {
                let text = format!("5.3.4 the message has {size} octets, the server takes {limit}");
                let error =
                    Error::new(Kind::TooLarge, Stage::Mail, "the message is too large, nothing was sent");
                let reply = Reply::new(code::EXCEEDED_STORAGE, text);
                return Err(Error { address: Some(self.reverse_path.wire(true)), ..error.with_reply(reply) });
            }
            if offered.size && !asked(&self.mail_parameters, "SIZE") {
                declared = Some(size);
            }
        }
        Ok(Fitted { smtputf8, size: declared, said })
    }

    /// The first address that needs SMTPUTF8.
    fn non_ascii_address(&self) -> Option<String> {
        let sender =
            Some(&self.reverse_path).filter(|path| path.needs_smtputf8()).map(|path| path.wire(true));
        sender
            .or_else(|| self.recipients.iter().find(|path| path.needs_smtputf8()).map(|path| path.wire(true)))
    }
}

/// A message for a server that doesn't offer 8BITMIME. None if we may not change it. An error says
/// why it can't be changed.
pub fn in_seven_bits(body: &Body) -> Result<Option<Body>, Error> {
    body.in_seven_bits().transpose().map_err(|why| {
        let message = format!(
            "the message has 8-bit content, the server does not offer 8BITMIME (RFC 6152), and the \
             content can't be re-encoded: {why}"
        );
        Error::new(Kind::NotSupported, Stage::Mail, message)
    })
}

pub(super) fn not_offered(what: &str, keyword: &str) -> Error {
    let message = format!("{what}, and the server does not offer {keyword}");
    Error::new(Kind::NotSupported, Stage::Mail, message)
}

pub(super) fn non_ascii(address: String) -> Error {
    let message =
        "the address is not ASCII before its \"@\", and SMTPUTF8 (RFC 6531) is not offered or not asked for";
    Error { address: Some(address), ..Error::new(Kind::NonAsciiAddress, Stage::Mail, message) }
}
