//! Failed handshakes, told so that one knows what was wrong and what to do.

use super::certificate::shown;
use crate::protocol::error::Cause;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};
use std::fmt;

/// Why there is no TLS.
#[derive(Clone, Debug)]
pub struct TlsError {
    pub message: String,
    /// Whether the server's certificate was the reason.
    pub certificate: bool,
    /// What a layer that is not ours has told.
    pub cause: Option<Cause>,
}

impl TlsError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), certificate: false, cause: None }
    }

    /// `host` is the name that was asked for.
    pub(super) fn from_rustls(error: &Rustls, host: &str) -> Self {
        match error {
            Rustls::InvalidCertificate(why) => {
                Self { certificate: true, ..Self::new(explain_certificate(why, host)) }
            }
            Rustls::AlertReceived(AlertDescription::ProtocolVersion)
            | Rustls::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension,
            ) => Self::new(format!(
                "{host} and we share no TLS version. We speak 1.2 and 1.3 (or from \
                 TlsConfig(minimum_version=...) on); for an older server pass an ssl.SSLContext that allows it \
                 as context=, knowing that old TLS can be broken"
            )),
            Rustls::AlertReceived(alert) => Self::new(format!(
                "{host} ended it with the alert {alert:?}; it may want a client \
                 certificate (TlsConfig(client_certificate=...)) or another server name"
            )),
            Rustls::InvalidMessage(_) => Self::new(format!(
                "{host} did not answer with TLS. A port for STARTTLS (587, 25) takes \
                 tls=\"starttls\", a port for implicit TLS (465) takes SMTP_SSL or tls=\"implicit\""
            )),
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

fn explain_certificate(why: &CertificateError, host: &str) -> String {
    use CertificateError as E;
    let (what, advice) = match why {
        E::Expired => ("it has expired".to_owned(), "the server's owner must renew it"),
        E::ExpiredContext { time, not_after } => {
            let ago = days_between(*not_after, *time);
            (format!("it expired {ago} ago"), "check this machine's clock; the server's owner must renew it")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            ("it is not valid yet".to_owned(), "check this machine's clock")
        }
        E::NotValidForName => ("it is for another name".to_owned(), NAME_ADVICE),
        E::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().map(|name| readable(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            (format!("it is for {names}"), NAME_ADVICE)
        }
        E::UnknownIssuer => (
            "it is not signed by an authority that this machine trusts".to_owned(),
            "if the server has a CA of its own, pass it with TlsConfig(ca_file=...) or SSL_CERT_FILE",
        ),
        E::Revoked => ("it has been revoked".to_owned(), "the server's owner must replace it"),
        E::BadSignature => (
            "the authority that it names has not signed it".to_owned(),
            "if that authority has a new certificate, pass it with TlsConfig(ca_file=...); otherwise an \
             attacker may be in between",
        ),
        E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
            "it is a CA's certificate used as a server's".to_owned(),
            "give the server a certificate signed by that CA, or pass an ssl.SSLContext that trusts it as context=",
        ),
        other => (format!("it is not acceptable: {other}"), "the server's owner must replace it"),
    };
    format!("certificate verify failed: the certificate of {host} can't be trusted: {what}; {advice}")
}

const NAME_ADVICE: &str =
    "connect by a name that the certificate is for, or say which one with TlsConfig(server_name=...)";

/// `DnsName("localhost")` as `localhost`, `IpAddress(::1)` as `::1`.
fn readable(name: &str) -> String {
    let inner =
        name.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or(name, |(inner, _)| inner);
    shown(inner.trim_matches('"'))
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
