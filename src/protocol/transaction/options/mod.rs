//! What a caller asks of the delivery of a message: options of the message (parameters of MAIL)
//! and of each recipient (parameters of RCPT).
//!
//! An option is parsed into a type once, and written by it. Whether a server gets it is decided
//! here and nowhere else, when the transaction begins, by what this server offers: an option that
//! it does not offer keeps the message from it, unless the caller has said that options are
//! wanted where they are offered, and the option's RFC has nothing against going without.
//!
//! Options of MAIL are those of one transaction: recipients that need different ones need
//! different messages. Options of RCPT are each recipient's own.

mod mail;
mod moment;
mod rcpt;
mod xtext;

use crate::address::ForwardPath;
use crate::protocol::command::Parameter;
use crate::protocol::error::{Advice, Error, Kind, Stage};
use crate::protocol::extension::Extensions;
pub use mail::{DeliverBy, EnvelopeId, HoldFor, MailOption, Priority, Return};
pub use moment::Moment;
pub use rcpt::{Notify, OriginalRecipient, RcptOption, ValidSince};
use std::collections::HashMap;
use std::sync::Arc;
pub use xtext::{decode as from_xtext, encode as xtext};

/// A service extension that has options of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 3461.
    Dsn,
    /// RFC 8689.
    RequireTls,
    /// RFC 4865.
    FutureRelease,
    /// RFC 2852.
    DeliverBy,
    /// RFC 6710.
    MtPriority,
    /// RFC 3030.
    BinaryMime,
    /// RFC 7293.
    Rrvs,
}

impl Extension {
    /// As EHLO lists it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Dsn => "DSN",
            Self::RequireTls => "REQUIRETLS",
            Self::FutureRelease => "FUTURERELEASE",
            Self::DeliverBy => "DELIVERBY",
            Self::MtPriority => "MT-PRIORITY",
            Self::BinaryMime => "BINARYMIME",
            Self::Rrvs => "RRVS",
        }
    }

    fn rfc(self) -> u16 {
        match self {
            Self::Dsn => 3461,
            Self::RequireTls => 8689,
            Self::FutureRelease => 4865,
            Self::DeliverBy => 2852,
            Self::MtPriority => 6710,
            Self::BinaryMime => 3030,
            Self::Rrvs => 7293,
        }
    }
}

/// What a caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryOptions {
    pub mail: Vec<MailOption>,
    /// Of each recipient that has none of its own.
    pub rcpt: Vec<RcptOption>,
    /// Of those that have: by the address, as [`ForwardPath`] shows it.
    pub own: HashMap<String, Vec<RcptOption>>,
    /// They are wanted where they are offered; the message goes without those that may be left
    /// out otherwise.
    pub if_offered: bool,
}

/// With whom the transaction is.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Terms<'a> {
    pub extensions: &'a Extensions,
    pub peer: Peer,
    /// Mail data goes by BDAT.
    pub chunked: bool,
}

/// How well the server is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Peer {
    /// There is no TLS.
    Plaintext,
    /// It has shown a certificate that was not verified.
    Unverified,
    Verified,
}

impl DeliveryOptions {
    /// The content is to go out octet for octet.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.mail.contains(&MailOption::BinaryMime)
    }

    /// What this server is told of them. An error says why it can't have the message.
    pub(in crate::protocol) fn said(self: &Arc<Self>, terms: Terms) -> Result<SaidOptions, Error> {
        let mut left_out = Vec::new();
        for option in &self.mail {
            self.check(option.extension(), option.keyword(), option.may_be_left_out(), terms, &mut left_out)?;
            option.check_limits(terms.extensions).map_err(refused)?;
        }
        for option in self.rcpt.iter().chain(self.own.values().flatten()) {
            self.check(option.extension(), option.keyword(), option.may_be_left_out(), terms, &mut left_out)?;
        }
        Ok(SaidOptions { options: Arc::clone(self), left_out })
    }

    /// What a program is told that takes none of them.
    pub fn to_no_server(self: &Arc<Self>, program: &str) -> Result<SaidOptions, Error> {
        let mail = self.mail.iter().map(|one| (one.extension(), one.keyword(), one.may_be_left_out()));
        let rcpt = self.rcpt.iter().chain(self.own.values().flatten());
        let rcpt = rcpt.map(|one| (one.extension(), one.keyword(), one.may_be_left_out()));
        let mut left_out = Vec::new();
        for (extension, keyword, may_be_left_out) in mail.chain(rcpt) {
            if !(self.if_offered && may_be_left_out) {
                let error =
                    refused(format!("{keyword} is asked for, and {program} takes no delivery options"));
                return Err(if may_be_left_out { error.with_advice(Advice::AskIfOffered) } else { error });
            }
            if !left_out.contains(&extension) {
                left_out.push(extension);
            }
        }
        Ok(SaidOptions { options: Arc::clone(self), left_out })
    }

    fn check(
        &self,
        extension: Extension,
        keyword: &str,
        may_be_left_out: bool,
        terms: Terms,
        left_out: &mut Vec<Extension>,
    ) -> Result<(), Error> {
        let (name, rfc) = (extension.keyword(), extension.rfc());
        if extension == Extension::RequireTls && terms.peer != Peer::Verified {
            // RFC 8689 4.2.1. A server may list the keyword without TLS: it must not be believed.
            let why = match terms.peer {
                Peer::Plaintext => "the connection is not encrypted",
                _ => "the server's certificate was not verified",
            };
            let error = refused(format!("{name} (RFC {rfc}) is asked for, and {why}"));
            return Err(error.with_advice(Advice::VerifyTheServer));
        }
        if !terms.extensions.has(name) {
            if self.if_offered && may_be_left_out {
                if !left_out.contains(&extension) {
                    left_out.push(extension);
                }
                return Ok(());
            }
            let error =
                refused(format!("{keyword} is asked for, and the server does not offer {name} (RFC {rfc})"));
            return Err(if may_be_left_out { error.with_advice(Advice::AskIfOffered) } else { error });
        }
        if extension == Extension::BinaryMime && !terms.chunked {
            return Err(refused(format!(
                "{name} (RFC {rfc}) is asked for, which goes by BDAT alone, and mail data goes by DATA here"
            )));
        }
        Ok(())
    }
}

fn refused(why: String) -> Error {
    Error::new(Kind::NotSupported, Stage::Mail, why)
}

/// What one server was told of the options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidOptions {
    options: Arc<DeliveryOptions>,
    /// Extensions that it does not offer, and whose options were left out.
    pub left_out: Vec<Extension>,
}

impl SaidOptions {
    pub fn mail(&self) -> impl Iterator<Item = Parameter> {
        let said = self.options.mail.iter().filter(|option| !self.left_out.contains(&option.extension()));
        said.map(|option| Parameter::of_option(option.keyword(), option.to_string()))
    }

    pub fn rcpt(&self, path: &ForwardPath) -> impl Iterator<Item = Parameter> {
        let options = match self.options.own.is_empty() {
            true => None,
            false => self.options.own.get(&path.to_string()),
        };
        let all = options.unwrap_or(&self.options.rcpt).iter();
        let said = all.filter(|option| !self.left_out.contains(&option.extension()));
        said.map(|option| Parameter::of_option(option.keyword(), option.to_string()))
    }

    /// The content goes out octet for octet.
    pub(super) fn is_binary(&self) -> bool {
        self.options.is_binary()
    }
}

#[cfg(test)]
mod tests;
