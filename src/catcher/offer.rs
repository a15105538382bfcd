//! The service extensions that the catcher can offer (RFC 5321 section 2.2).

use crate::protocol::transaction::Extension;
use std::str::FromStr;

/// One service extension, by its EHLO keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// RFC 3207. Offered only where TLS is possible and not yet in use.
    StartTls,
    /// RFC 4954.
    Auth,
    /// RFC 2920.
    Pipelining,
    /// RFC 3030: the BDAT command.
    Chunking,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 1870.
    Size,
    /// RFC 3461.
    Dsn,
    /// RFC 2034.
    EnhancedStatusCodes,
    /// RFC 5321 section 4.1.1.8.
    Help,
    /// RFC 9422. Offered only where a limit is set.
    Limits,
    /// RFC 8689. Offered only where TLS is in use.
    RequireTls,
    /// RFC 4865.
    FutureRelease,
    /// RFC 2852.
    DeliverBy,
    /// RFC 6710.
    MtPriority,
    /// RFC 3030: BODY=BINARYMIME. Offered only with CHUNKING.
    BinaryMime,
    /// RFC 7293.
    Rrvs,
    /// Postfix's: the server makes a sender for each recipient.
    Xverp,
}

impl Offer {
    /// Every extension, in the order in which EHLO lists them.
    pub const ALL: [Offer; 18] = [
        Offer::Pipelining,
        Offer::Size,
        Offer::Help,
        Offer::StartTls,
        Offer::Auth,
        Offer::EnhancedStatusCodes,
        Offer::EightBitMime,
        Offer::Dsn,
        Offer::SmtpUtf8,
        Offer::Chunking,
        Offer::Limits,
        Offer::RequireTls,
        Offer::FutureRelease,
        Offer::DeliverBy,
        Offer::MtPriority,
        Offer::BinaryMime,
        Offer::Rrvs,
        Offer::Xverp,
    ];

    /// The EHLO keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Offer::StartTls => "STARTTLS",
            Offer::Auth => "AUTH",
            Offer::Pipelining => "PIPELINING",
            Offer::Chunking => "CHUNKING",
            Offer::EightBitMime => "8BITMIME",
            Offer::SmtpUtf8 => "SMTPUTF8",
            Offer::Size => "SIZE",
            Offer::Dsn => Extension::Dsn.keyword(),
            Offer::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Offer::Help => "HELP",
            Offer::Limits => "LIMITS",
            Offer::RequireTls => Extension::RequireTls.keyword(),
            Offer::FutureRelease => Extension::FutureRelease.keyword(),
            Offer::DeliverBy => Extension::DeliverBy.keyword(),
            Offer::MtPriority => Extension::MtPriority.keyword(),
            Offer::BinaryMime => Extension::BinaryMime.keyword(),
            Offer::Rrvs => Extension::Rrvs.keyword(),
            Offer::Xverp => Extension::Xverp.keyword(),
        }
    }

    /// The offer that announces this extension.
    pub(super) fn of(extension: Extension) -> Self {
        match extension {
            Extension::Dsn => Offer::Dsn,
            Extension::RequireTls => Offer::RequireTls,
            Extension::FutureRelease => Offer::FutureRelease,
            Extension::DeliverBy => Offer::DeliverBy,
            Extension::MtPriority => Offer::MtPriority,
            Extension::BinaryMime => Offer::BinaryMime,
            Extension::Rrvs => Offer::Rrvs,
            Extension::Xverp => Offer::Xverp,
        }
    }
}

impl FromStr for Offer {
    type Err = UnknownOffer;

    fn from_str(name: &str) -> Result<Self, UnknownOffer> {
        Offer::ALL
            .into_iter()
            .find(|offer| offer.keyword().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownOffer(name.to_owned()))
    }
}

/// The catcher has no extension of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOffer(pub String);

impl std::fmt::Display for UnknownOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<_> = Offer::ALL.iter().map(|offer| offer.keyword()).collect();
        write!(f, "no such extension: {:?}; the catcher knows {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownOffer {}

/// A set of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers(u32);

impl Offers {
    /// No extension at all.
    pub const NONE: Offers = Offers(0);

    /// Every extension that the catcher knows.
    pub fn all() -> Self {
        Offer::ALL.into_iter().collect()
    }

    #[must_use]
    pub fn with(self, offer: Offer) -> Self {
        Offers(self.0 | 1 << offer as u16)
    }

    #[must_use]
    pub fn without(self, offer: Offer) -> Self {
        Offers(self.0 & !(1 << offer as u16))
    }

    pub fn has(self, offer: Offer) -> bool {
        self.0 & 1 << offer as u16 != 0
    }
}

impl FromIterator<Offer> for Offers {
    fn from_iter<I: IntoIterator<Item = Offer>>(offers: I) -> Self {
        offers.into_iter().fold(Offers::NONE, Offers::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!("8bitmime".parse(), Ok(Offer::EightBitMime));
        assert_eq!("X".parse::<Offer>(), Err(UnknownOffer("X".into())));
    }

    #[test]
    fn one_can_be_taken_out() {
        let offers = Offers::all().without(Offer::Chunking);
        assert!(!offers.has(Offer::Chunking));
        assert!(offers.has(Offer::Pipelining));
    }
}
