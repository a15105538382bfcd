//! How a session is to speak.

use super::plaintext::Plaintext;
use crate::protocol::command::Letters;

/// What a session may do and what it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// LMTP (RFC 2033): a reply for each recipient after the end of mail data.
    pub lmtp: bool,
    /// Send groups of commands where the server offers PIPELINING.
    pub pipelining: bool,
    /// Send mail data in BDAT chunks where the server offers CHUNKING.
    pub chunking: bool,
    /// TLS was up before the greeting (RFC 8314), by us or by the code that made the connection.
    pub implicit_tls: bool,
    /// What may go over a connection without TLS.
    pub plaintext: Plaintext,
    /// Be smtplib on the wire: its letters, and 8-bit content even for a server
    /// that does not offer 8BITMIME.
    pub like_smtplib: bool,
    /// Octets of a message and recipients of a transaction that the server is known to take at
    /// most, also where it does not say so (SIZE, LIMITS). None: nothing is known.
    pub largest: Option<u64>,
    pub most_recipients: Option<usize>,
}

impl Options {
    pub(in crate::protocol) fn letters(self) -> Letters {
        if self.like_smtplib { Letters::Smtplib } else { Letters::Rfc }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lmtp: false,
            pipelining: true,
            chunking: true,
            implicit_tls: false,
            plaintext: Plaintext::Mail,
            like_smtplib: false,
            largest: None,
            most_recipients: None,
        }
    }
}
