//! The TXT record to publish for a key (RFC 6376 section 3.6).

use super::key::PublicKey;
use encodify::base64::STANDARD;

/// The longest character-string in a TXT record, in octets (RFC 1035 section 3.3).
const STRING: usize = 255;

/// The name at which verifiers look.
#[must_use]
pub fn name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// The content that they must find there, as one text.
#[must_use]
pub fn value(key: &PublicKey) -> String {
    let type_ = key.algorithm().key_type();
    format!("v=DKIM1; k={type_}; p={}", STANDARD.encode(key.octets()))
}

/// A line for a zone file. Long values are split into several strings, which a resolver joins.
#[must_use]
pub fn zone_line(name: &str, value: &str) -> String {
    // The value is ASCII, without quotes.
    let strings: Vec<String> = value
        .as_bytes()
        .chunks(STRING)
        .map(|part| format!("\"{}\"", String::from_utf8_lossy(part)))
        .collect();
    format!("{name}. IN TXT ( {} )", strings.join(" "))
}
