//! A certificate as a person reads it. Nothing is verified here: that is done in
//! the handshake.

use super::TlsError;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::time::ASN1Time;

/// What a certificate says of itself (RFC 5280 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// As `CN=mail.example.org, O=Example`.
    pub subject: String,
    pub issuer: String,
    /// The DNS names and IP addresses that it is for (RFC 5280 4.2.1.6).
    pub names: Vec<String>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

impl Certificate {
    pub fn from_der(der: &[u8]) -> Result<Self, TlsError> {
        let unreadable =
            |why: &dyn std::fmt::Display| TlsError::new(format!("the certificate can't be read: {why}"));
        let (_, read) = X509Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        let alternative = read.subject_alternative_name().map_err(|error| unreadable(&error))?;
        let names = alternative.map_or(&[][..], |extension| &extension.value.general_names[..]);
        Ok(Self {
            subject: shown(&read.subject().to_string()),
            issuer: shown(&read.issuer().to_string()),
            names: names.iter().filter_map(name).collect(),
            not_before: time(read.validity().not_before),
            not_after: time(read.validity().not_after),
        })
    }
}

/// The kinds of name that a server's certificate is checked for.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    }
}

/// The server has chosen it, and people read it in logs and terminals: control characters
/// are escaped.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(octets).ok().map(|v6| Ipv6Addr::from(v6).into())
}

/// RFC 5280 4.1.2.5: from 1950 to 9999.
fn time(time: ASN1Time) -> SystemTime {
    let seconds = Duration::from_secs(time.timestamp().unsigned_abs());
    let found = match time.timestamp() < 0 {
        true => UNIX_EPOCH.checked_sub(seconds),
        false => UNIX_EPOCH.checked_add(seconds),
    };
    found.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_an_error() {
        for der in [&b""[..], b"\x30", b"\x30\x82\xff\xff", &[0; 500]] {
            let error = Certificate::from_der(der).unwrap_err();
            assert!(error.message.starts_with("the certificate can't be read: "), "{error}");
        }
    }

    #[test]
    fn control_characters_of_a_name_are_escaped() {
        assert_eq!(shown("a\r\n\u{1b}[2J\0\u{9b}b"), "a\\r\\n\\u{1b}[2J\\u{0}\\u{9b}b");
        assert_eq!(shown("CN=müller"), "CN=müller");
    }

    #[test]
    fn addresses_have_four_octets_or_sixteen() {
        assert_eq!(address(&[127, 0, 0, 1]).unwrap().to_string(), "127.0.0.1");
        assert_eq!(address(&[0; 16]).unwrap().to_string(), "::");
        assert_eq!(address(&[1, 2, 3]), None);
    }
}
