//! Describes failed handshakes: what was wrong, and what to do about it.

use super::chain::MayNotSign;
use crate::escape::escaped;
use crate::protocol::error::{Advice, Cause};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};
use std::fmt;

/// Why there is no TLS.
#[derive(Clone, Debug)]
pub struct TlsError {
    pub message: String,
    /// Whether the server's certificate was the reason.
    pub certificate: bool,
    /// An error from a TLS layer that isn't ours.
    pub cause: Option<Cause>,
    pub advice: Option<Advice>,
}

impl TlsError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), certificate: false, cause: None, advice: None }
    }

    #[must_use]
    pub fn with_advice(self, advice: Advice) -> Self {
        Self { advice: Some(advice), ..self }
    }

    /// `host` is the requested name.
    pub(super) fn from_rustls(error: &Rustls, host: &str) -> Self {
        match error {
            Rustls::InvalidCertificate(why) => {
                let (message, advice) = explain_certificate(why, host);
                Self { certificate: true, advice, ..Self::new(message) }
            }
            Rustls::AlertReceived(AlertDescription::ProtocolVersion)
            | Rustls::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension,
            ) => Self::new(format!("{host} and we share no TLS version")).with_advice(Advice::AllowOldTls),
            Rustls::AlertReceived(alert) => {
                Self::new(format!("{host} ended it with the alert {alert:?}")).with_advice(Advice::Identify)
            }
            Rustls::InvalidMessage(_) => {
                Self::new(format!("{host} did not answer with TLS")).with_advice(Advice::MatchThePort)
            }
            other => Self::new(format!("{host}: {other}")),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TlsError {}

fn explain_certificate(why: &CertificateError, host: &str) -> (String, Option<Advice>) {
    use CertificateError as E;
    let (what, advice) = match why {
        E::Expired => ("it has expired".to_owned(), Advice::AwaitRenewal),
        E::ExpiredContext { time, not_after } => {
            let ago = days_between(*not_after, *time);
            (format!("it expired {ago} ago"), Advice::CheckClockAndAwaitRenewal)
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            ("it is not valid yet".to_owned(), Advice::CheckClock)
        }
        E::NotValidForName => ("it is for another name".to_owned(), Advice::NameTheServer),
        E::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().map(|name| readable(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            (format!("it is for {names}"), Advice::NameTheServer)
        }
        E::UnknownIssuer => (
            "it is not signed by an authority that this machine trusts".to_owned(),
            Advice::TrustItsAuthority,
        ),
        E::Revoked => ("it has been revoked".to_owned(), Advice::AwaitReplacement),
        E::BadSignature => {
            ("the authority that it names has not signed it".to_owned(), Advice::TrustItsNewAuthority)
        }
        E::Other(other) if other.0.is::<MayNotSign>() => (MayNotSign.to_string(), Advice::AwaitReplacement),
        E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            ("it is a CA's certificate used as a server's".to_owned(), Advice::SignByTheAuthority)
        }
        other => (format!("it is not acceptable: {other}"), Advice::AwaitReplacement),
    };
    let message = format!("certificate verify failed: the certificate of {host} can't be trusted: {what}");
    (message, Some(advice))
}

/// Writes `DnsName("localhost")` as `localhost`, and `IpAddress(::1)` as `::1`.
fn readable(name: &str) -> String {
    let inner =
        name.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or(name, |(inner, _)| inner);
    escaped(inner.trim_matches('"')).into_owned()
}

fn days_between(earlier: UnixTime, later: UnixTime) -> String {
    match later.as_secs().saturating_sub(earlier.as_secs()) / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_what_rust_calls_it() {
        for (said, read) in [
            ("DnsName(\"localhost\")", "localhost"),
            ("DnsName(\"mail.example.org\")", "mail.example.org"),
            ("IpAddress(::1)", "::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("DnsName(\"a\r\n\u{1b}\")", "a\\r\\n\\u{1b}"),
        ] {
            assert_eq!(readable(said), read);
        }
    }
}
