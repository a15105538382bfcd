//! DKIM (RFC 6376): octets in, a header field out. Knows neither SMTP nor Python, reads no
//! file, no clock and no DNS.
//!
//! # Theory of operation
//!
//! A signature covers two things. The *body* is hashed, and its hash stands in the field
//! (`bh=`). The *header* fields that `h=` names, and the new field itself with an empty `b=`, are
//! hashed behind each other, and the private key signs that (`b=`). So the field can't be
//! written before the last octet of the body is known, and it stands before the first: a
//! message is read twice, once here and once when it is sent.
//!
//! - [`canonical`]: what of the octets counts. *Simple* forgives empty lines at the end,
//!   *relaxed* changed white space too (section 3.4). Both hash the body as it comes: of a file
//!   of any size, as much is in memory as was given in one piece.
//! - [`reading`]: one message. Octets are given in their order and with the line ends that they
//!   travel with, before dots are stuffed. It keeps the header, and hashes the body once for each
//!   canonicalization that is asked for, however many signatures there will be.
//! - [`header`]: the fields of a header as verifiers count them, from the bottom up.
//! - [`dkim`]: one signature: domain, selector, which fields, and the field that comes of it.
//!   A field that a second copy of would fool a reader is named once more than it occurs
//!   (*oversigned*): adding one breaks the signature (section 8.15).
//! - [`key`]: RSA and Ed25519 (RFC 8463), or anything that signs where the key is.
//! - [`choice`]: which of several signatures a message gets, by the domain of its From.
//! - [`record`]: what to publish in the DNS.
//!
//! [`Signer`] is all that the rest of the program needs to know. It is asked for a field over a
//! [`Reading`]; DKIM2, which signs the envelope as well, would find it there.

pub mod canonical;
pub mod choice;
pub mod dkim;
pub mod header;
pub mod key;
pub mod reading;
pub mod record;

use std::fmt;
use std::sync::Arc;

pub use choice::Choice;
pub use dkim::Dkim;
pub use reading::Reading;

/// Writes a field over a message.
pub trait Signer: Send + Sync + fmt::Debug {
    /// How it wants the body to be hashed.
    fn body(&self) -> canonical::Form;

    /// Whether a field of this very signer stands in the header already.
    fn has_signed(&self, header: &header::Header<'_>) -> bool;

    /// Whether what is signed is to be in 7-bit lines, so that no relay has to re-encode it.
    fn wants_seven_bit(&self) -> bool;

    /// The field, with its line end. `now` is in seconds since 1970.
    fn field(&self, reading: &Reading, now: u64) -> Result<Vec<u8>, Unsigned>;
}

/// Why a message has no signature.
#[derive(Clone, Debug)]
pub enum Unsigned {
    /// It can't have one as it is, in words that go on from "the message can't be signed: ".
    Unfit(String),
    /// The key was not to be had, or failed.
    Key(Arc<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsigned::Unfit(why) => write!(f, "the message can't be signed: {why}"),
            Unsigned::Key(why) => write!(f, "the key could not sign: {why}"),
        }
    }
}

impl std::error::Error for Unsigned {}
