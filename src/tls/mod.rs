//! TLS below a session, without I/O: ciphertext in, plaintext out, and the reverse.
//!
//! [`RecordLayer`] is what a session needs from TLS. `client.rs` implements it with rustls, and
//! verifies by default. A Python `ssl.SSLContext` is another implementation (in `binding/`).
//! [`Conversation`](conversation::Conversation) puts a layer below a session and offers a driver
//! one contract for both.

pub mod binding;
mod certificate;
mod chain;
pub mod client;
pub mod config;
pub mod conversation;
mod error;
pub mod random;

pub use certificate::Certificate;
pub use config::TlsConfig;
pub use conversation::{Conversation, Move};
pub use error::TlsError;

use crate::protocol::Error;
use std::sync::Arc;

/// What stands between us and the server at first: a proxy that needs a request.
pub trait Passage: Send {
    /// The octets to send to it.
    fn pending(&self) -> &[u8];

    fn sent(&mut self, octets: usize);

    /// Octets have come. Some means that the server is reached, and holds its first octets.
    fn received(&mut self, octets: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The error if the connection to it is lost.
    fn received_eof(&self) -> Error;

    /// A description for the record.
    fn name(&self) -> String;
}

/// Makes the TLS layer of a new connection. Using one factory for all connections to a server lets
/// TLS sessions be resumed (RFC 8446 2.2).
pub type MakeLayer = Arc<dyn Fn() -> Result<Box<dyn RecordLayer>, Error> + Send + Sync>;

/// The result of a verified handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.3`.
    pub version: String,
    pub cipher: String,
    /// The name that the certificate was checked for.
    pub server_name: String,
    /// The peer's own certificate, DER.
    pub certificate: Option<Vec<u8>>,
    /// Whether name, chain and dates were checked.
    pub verified: bool,
}

/// TLS as octets in, octets out. After an error the layer may still have an alert to send.
pub trait RecordLayer: Send {
    /// Takes ciphertext, and appends the decrypted text to `plaintext`.
    fn receive(&mut self, ciphertext: &[u8], plaintext: &mut Vec<u8>) -> Result<(), TlsError>;

    /// Encrypts all of it, for [`RecordLayer::take_output`].
    fn send(&mut self, plaintext: &[u8]) -> Result<(), TlsError>;

    /// Appends the ciphertext that is ready to go.
    fn take_output(&mut self, ciphertext: &mut Vec<u8>) -> Result<(), TlsError>;

    /// Ends TLS from this side (close_notify, RFC 8446 6.1), for [`RecordLayer::take_output`].
    fn close(&mut self) -> Result<(), TlsError>;

    fn is_handshaking(&self) -> bool;

    /// Whether the peer has ended TLS (close_notify, RFC 8446 6.1).
    fn has_ended(&self) -> bool;

    /// This connection's keying material for a label (RFC 8446 7.5), if it uses TLS 1.3 and the
    /// layer provides it.
    fn export(&self, _label: &[u8]) -> Option<[u8; binding::EXPORTED]> {
        None
    }

    /// After the handshake.
    fn facts(&self) -> Option<TlsFacts>;
}
