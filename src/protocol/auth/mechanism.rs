//! The mechanisms that a session can carry out by itself.

use super::credentials::Secret;
use super::scram::Hash;

/// A mechanism that the session can carry out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 5802: the password itself is never sent, and the server proves that it knows it too.
    /// With `plus`, the exchange is bound to the TLS connection.
    Scram { hash: Hash, plus: bool },
    /// RFC 2195: the password itself is never sent.
    CramMd5,
    /// RFC 7628: an access token.
    OAuthBearer,
    /// Google's and Microsoft's older form of OAUTHBEARER.
    XOAuth2,
    /// RFC 4616.
    Plain,
    /// Never standardised, but supported everywhere.
    Login,
    /// RFC 4422 A: the server uses the client's TLS certificate.
    External,
    /// RFC 4752: a Kerberos ticket.
    Gssapi,
}

impl Mechanism {
    /// Strongest first. A -PLUS mechanism that is offered and that we support must be used (RFC
    /// 5802 6).
    pub const ALL: [Self; 11] = [
        Self::Scram { hash: Hash::Sha256, plus: true },
        Self::Scram { hash: Hash::Sha1, plus: true },
        Self::Scram { hash: Hash::Sha256, plus: false },
        Self::Scram { hash: Hash::Sha1, plus: false },
        Self::CramMd5,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Plain,
        Self::Login,
        Self::External,
        Self::Gssapi,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scram { hash: Hash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Self::Scram { hash: Hash::Sha256, plus: false } => "SCRAM-SHA-256",
            Self::Scram { hash: Hash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Self::Scram { hash: Hash::Sha1, plus: false } => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::External => "EXTERNAL",
            Self::Gssapi => "GSSAPI",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether the mechanism takes this kind of secret.
    pub(super) fn takes(self, secret: &Secret) -> bool {
        match self {
            Self::OAuthBearer | Self::XOAuth2 => matches!(secret, Secret::AccessToken(_)),
            Self::External => matches!(secret, Secret::Certificate),
            Self::Gssapi => matches!(secret, Secret::Ticket(_)),
            Self::Scram { .. } | Self::CramMd5 | Self::Plain | Self::Login => {
                matches!(secret, Secret::Password(_))
            }
        }
    }
}
