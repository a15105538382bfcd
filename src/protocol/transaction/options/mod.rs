//! What a caller asks for in the delivery of a message: options of the message (parameters of
//! MAIL) and of each recipient (parameters of RCPT).
//!
//! An option is parsed into a type once, and that type writes it. This module alone decides
//! whether a server gets it. The decision is made when the transaction begins, from what this
//! server offers. A server that doesn't offer an option doesn't get the message, unless the caller
//! asked for options only if they are offered and the option's RFC allows going without.
//!
//! Options of MAIL apply to one transaction, so recipients that need different ones need different
//! messages. Options of RCPT belong to each recipient.

mod mail;
mod moment;
mod rcpt;
mod xtext;

use crate::address::ForwardPath;
use crate::protocol::body::Body;
use crate::protocol::command::Parameter;
use crate::protocol::error::{Advice, Error, Kind, Stage};
use crate::protocol::extension::Extensions;
pub use mail::{DeliverBy, EnvelopeId, HoldFor, MailOption, Priority, Return, VerpDelimiters};
pub use moment::Moment;
pub use rcpt::{Notify, OriginalRecipient, RcptOption, ValidSince};
use std::collections::HashMap;
use std::sync::Arc;
pub use xtext::{decode as from_xtext, encode as xtext};

/// A service extension with delivery options.
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
    /// Postfix's, of no RFC.
    Xverp,
}

impl Extension {
    /// As listed in the reply to EHLO.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Dsn => "DSN",
            Self::RequireTls => "REQUIRETLS",
            Self::FutureRelease => "FUTURERELEASE",
            Self::DeliverBy => "DELIVERBY",
            Self::MtPriority => "MT-PRIORITY",
            Self::BinaryMime => "BINARYMIME",
            Self::Rrvs => "RRVS",
            Self::Xverp => "XVERP",
        }
    }

    /// Where it is written.
    fn source(self) -> &'static str {
        match self {
            Self::Dsn => "RFC 3461",
            Self::RequireTls => "RFC 8689",
            Self::FutureRelease => "RFC 4865",
            Self::DeliverBy => "RFC 2852",
            Self::MtPriority => "RFC 6710",
            Self::BinaryMime => "RFC 3030",
            Self::Rrvs => "RFC 7293",
            Self::Xverp => "Postfix: smtpd_authorized_verp_clients",
        }
    }
}

/// What a caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryOptions {
    pub mail: Vec<MailOption>,
    /// For each recipient without options of its own.
    pub rcpt: Vec<RcptOption>,
    /// For recipients with their own options, by the address as [`ForwardPath`] shows it.
    pub own: HashMap<String, Vec<RcptOption>>,
    /// Options are wanted only if they are offered. If not, the message is sent without those that
    /// may be left out.
    pub if_offered: bool,
}

/// The server of the transaction.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Terms<'a> {
    pub extensions: &'a Extensions,
    pub peer: Peer,
    /// Mail data is sent with BDAT.
    pub chunked: bool,
}

/// How far the server's identity is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Peer {
    /// There is no TLS.
    Plaintext,
    /// The server's certificate was not verified.
    Unverified,
    Verified,
}

impl DeliveryOptions {
    /// The content is to be sent as binary.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.mail.contains(&MailOption::BinaryMime)
    }

    /// Whether this content is to be sent as binary, and can't be sent in another way.
    pub fn need_binary(&self, body: &mut Body) -> bool {
        self.is_binary() && body.needs_binary()
    }

    /// The options as sent to this server. An error says why it can't have the message.
    pub(in crate::protocol) fn said(
        self: &Arc<Self>,
        terms: Terms,
        needs_binary: bool,
    ) -> Result<SaidOptions, Error> {
        let mut left_out = Vec::new();
        for option in &self.mail {
            let may_be_left_out = option.may_be_left_out(needs_binary);
            self.check(option.extension(), option.keyword(), may_be_left_out, terms, &mut left_out)?;
            option.check_limits(terms.extensions).map_err(refused)?;
        }
        for option in self.rcpt.iter().chain(self.own.values().flatten()) {
            self.check(option.extension(), option.keyword(), option.may_be_left_out(), terms, &mut left_out)?;
        }
        Ok(SaidOptions { options: Arc::clone(self), left_out })
    }

    /// Applies the options to a program, which takes none of them.
    pub fn to_no_server(self: &Arc<Self>, program: &str, needs_binary: bool) -> Result<SaidOptions, Error> {
        let mail =
            self.mail.iter().map(|one| (one.extension(), one.keyword(), one.may_be_left_out(needs_binary)));
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
        let (name, source) = (extension.keyword(), extension.source());
        if extension == Extension::RequireTls && terms.peer != Peer::Verified {
            // RFC 8689 4.2.1: a server might list the keyword without TLS. That must not be
            // believed.
            let why = match terms.peer {
                Peer::Plaintext => "the connection is not encrypted",
                _ => "the server's certificate was not verified",
            };
            let error = refused(format!("{name} ({source}) is asked for, and {why}"));
            return Err(error.with_advice(Advice::VerifyTheServer));
        }
        let why = if !terms.extensions.has(name) {
            format!("{keyword} is asked for, and the server does not offer {name} ({source})")
        } else if extension == Extension::BinaryMime && !terms.chunked {
            format!(
                "{name} ({source}) is asked for, which goes by BDAT alone, and mail data goes by DATA here"
            )
        } else {
            return Ok(());
        };
        if !may_be_left_out {
            return Err(refused(why));
        }
        if !self.if_offered {
            return Err(refused(why).with_advice(Advice::AskIfOffered));
        }
        if !left_out.contains(&extension) {
            left_out.push(extension);
        }
        Ok(())
    }
}

fn refused(why: String) -> Error {
    Error::new(Kind::NotSupported, Stage::Mail, why)
}

/// The options as sent to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidOptions {
    options: Arc<DeliveryOptions>,
    /// Extensions that the server doesn't offer, so that their options were left out.
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

    /// Whether the server makes a sender for each recipient.
    pub(super) fn makes_senders(&self) -> bool {
        self.has(Extension::Xverp)
    }

    /// Whether the content is sent as binary.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.has(Extension::BinaryMime)
    }

    /// Whether MAIL has an option of this extension.
    fn has(&self, extension: Extension) -> bool {
        let is_asked = self.options.mail.iter().any(|option| option.extension() == extension);
        is_asked && !self.left_out.contains(&extension)
    }
}

#[cfg(test)]
mod tests;
