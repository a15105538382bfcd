//! The settings of a catcher, fixed when it starts.

use std::path::PathBuf;
use std::time::Duration;

use super::auth::{Credentials, Mechanism};
use super::offer::{Offer, Offers};

/// How a connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Plaintext only.
    None,
    /// Plaintext at first, TLS after STARTTLS (RFC 3207).
    #[default]
    StartTls,
    /// TLS from the first byte on (RFC 8314 section 3).
    Implicit,
}

impl TlsMode {
    pub fn name(self) -> &'static str {
        match self {
            TlsMode::None => "none",
            TlsMode::StartTls => "starttls",
            TlsMode::Implicit => "implicit",
        }
    }
}

/// The protocol that the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 5321.
    #[default]
    Smtp,
    /// RFC 2033: clients say LHLO, and each recipient gets its own reply after the mail data.
    Lmtp,
}

/// The settings that are fixed when the catcher starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to bind. It must be a loopback address unless `allow_remote` is set.
    pub host: String,
    /// The port to bind; 0 takes a free one.
    pub port: u16,
    /// Listen on this Unix socket instead of a host and port.
    pub unix: Option<PathBuf>,
    /// Without this, a `host` that other machines can reach is refused.
    pub allow_remote: bool,
    /// The name in the greeting and in the answer to EHLO.
    pub hostname: String,
    pub dialect: Dialect,
    pub tls: TlsMode,
    pub offers: Offers,
    pub credentials: Credentials,
    pub mechanisms: Vec<Mechanism>,
    /// MAIL is answered with 530 until AUTH has succeeded (RFC 4954 section 6).
    pub require_auth: bool,
    /// MAIL and AUTH are answered with 530 until TLS is in use (RFC 3207 section 4).
    pub require_tls: bool,
    /// AUTH is offered before STARTTLS, too. Otherwise it is answered with 538.
    pub auth_before_tls: bool,
    /// A folder that stores the certificate authority for the next start. Without one, each start
    /// creates its own. A stored authority can issue certificates for loopback names only.
    pub authority: Option<PathBuf>,
    /// XCLIENT is offered to clients on this machine, which may then speak for other clients.
    pub xclient: bool,
    /// The longest mail data in octets. More is refused at MAIL (SIZE) and after the end of the
    /// data.
    pub max_size: u64,
    /// How many recipients a transaction may have. The next one is answered with 452.
    pub max_recipients: usize,
    /// How many messages a connection may bring. The next MAIL is answered with 421.
    pub max_messages: Option<u64>,
    /// How many connections may be open at once. The next one is answered with 421.
    pub max_connections: usize,
    /// A connection that is silent for this long is closed with 421.
    pub idle: Duration,
    /// How many messages are kept. The oldest are removed first. With 0, mail data isn't even
    /// collected.
    pub keep: usize,
}

impl Settings {
    /// The default settings for this login.
    pub fn new(credentials: Credentials) -> Self {
        Settings {
            host: "127.0.0.1".to_owned(),
            port: 0,
            unix: None,
            allow_remote: false,
            hostname: "localhost".to_owned(),
            dialect: Dialect::default(),
            tls: TlsMode::default(),
            offers: Offers::all(),
            mechanisms: Mechanism::by_default(credentials.any),
            credentials,
            require_auth: false,
            require_tls: false,
            auth_before_tls: false,
            authority: None,
            xclient: false,
            max_size: 32 * 1024 * 1024,
            max_recipients: 1000,
            max_messages: None,
            max_connections: 1000,
            idle: Duration::from_secs(300),
            keep: 1000,
        }
    }

    /// Whether the settings include the offer, apart from the state of a connection.
    pub fn offers(&self, offer: Offer) -> bool {
        self.offers.has(offer)
    }
}
