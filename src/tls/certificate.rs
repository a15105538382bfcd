//! A certificate in human-readable form. Nothing is verified here: the handshake does that.

use super::TlsError;
use crate::escape::escaped;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::time::ASN1Time;

/// What a certificate says about itself (RFC 5280 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Such as `CN=mail.example.org, O=Example`.
    pub subject: String,
    pub issuer: String,
    /// The DNS names and IP addresses that it is valid for (RFC 5280 4.2.1.6).
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
            subject: escaped(&read.subject().to_string()).into_owned(),
            issuer: escaped(&read.issuer().to_string()).into_owned(),
            names: names.iter().filter_map(name).collect(),
            not_before: time(read.validity().not_before),
            not_after: time(read.validity().not_after),
        })
    }
}

/// The kinds of name that a server's certificate is checked for.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(escaped(name).into_owned()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    }
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
    fn addresses_have_four_octets_or_sixteen() {
        assert_eq!(address(&[127, 0, 0, 1]).unwrap().to_string(), "127.0.0.1");
        assert_eq!(address(&[0; 16]).unwrap().to_string(), "::");
        assert_eq!(address(&[1, 2, 3]), None);
    }
}
