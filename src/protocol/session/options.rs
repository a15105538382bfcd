//! How a session should behave.

use super::plaintext::Plaintext;
use crate::protocol::command::Letters;

/// What a session may do, and which protocol it uses.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// LMTP (RFC 2033): a reply for each recipient after the end of mail data.
    pub lmtp: bool,
    /// Send groups of commands where the server offers PIPELINING.
    pub pipelining: bool,
    /// Send mail data in BDAT chunks where the server offers CHUNKING.
    pub chunking: bool,
    /// TLS was up before the greeting (RFC 8314). We or the code that made the connection set it
    /// up.
    pub implicit_tls: bool,
    /// What may be sent over a connection without TLS.
    pub plaintext: Plaintext,
    /// Behave like smtplib on the wire: its spelling, and 8-bit content even for a server that
    /// doesn't offer 8BITMIME.
    pub like_smtplib: bool,
    /// The known limits of the server, even if it doesn't announce them (SIZE, LIMITS): octets per
    /// message and recipients per transaction. None means that no limit is known.
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
