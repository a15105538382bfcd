//! DKIM (RFC 6376): octets in, a header field out. Knows neither SMTP nor Python, and reads no
//! file, clock or DNS.
//!
//! # Theory of operation
//!
//! A signature covers two things. The *body* is hashed, and the hash is put into the field
//! (`bh=`). The *header* fields that `h=` names are hashed together, followed by the new field
//! itself with an empty `b=`, and the private key signs the result (`b=`). The field can't be
//! written before the last octet of the body is known, but it stands before the first. So a
//! message is read twice: once here, and once when it is sent.
//!
//! - [`canonical`]: which octets count. *Simple* tolerates empty lines at the end, *relaxed* also
//!   changed white space (section 3.4). Both hash the body as it comes, so for a file of any size
//!   only the current piece is in memory.
//! - [`reading`]: one message. Octets are given in order and with the line ends that they are sent
//!   with, before dot-stuffing. It keeps the header, and hashes the body once for each requested
//!   canonicalization, however many signatures there will be.
//! - [`header`]: the fields of a header as verifiers count them, from the bottom up.
//! - [`dkim`]: one signature: its domain, selector and fields, and the resulting field. A field of
//!   which a second copy could mislead a reader is named once more than it occurs (*oversigned*):
//!   adding one breaks the signature (section 8.15).
//! - [`key`]: RSA and Ed25519 (RFC 8463), or anything that can sign with a key kept elsewhere.
//! - [`choice`]: which of several signatures a message gets, by the domain of its From.
//! - [`record`]: what to publish in the DNS.
//!
//! [`Signer`] is the only interface that the rest of the program needs. It is asked for a field
//! for a [`Reading`]. DKIM2, which also signs the envelope, would find it there.

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

/// Writes a field for a message.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Which canonicalization of the body it needs.
    fn body(&self) -> canonical::Form;

    /// Whether the header already has a field of this signer.
    fn has_signed(&self, header: &header::Header<'_>) -> bool;

    /// Whether the signed content should have 7-bit lines, so that no relay has to re-encode it.
    fn wants_seven_bit(&self) -> bool;

    /// The field, with its line end. `now` is in seconds since 1970.
    fn field(&self, reading: &Reading, now: u64) -> Result<Vec<u8>, Unsigned>;
}

/// Why a message has no signature.
#[derive(Clone, Debug)]
pub enum Unsigned {
    /// It can't be signed as it is. The text completes "the message can't be signed: ".
    Unfit(String),
    /// The key was unavailable, or failed.
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
