//! The fields that every sent message needs and few callers supply: Date and Message-ID (RFC 5322
//! sections 3.6.1 and 3.6.4).

use super::boundary;
use crate::address::{a_labels, list};
use mail_builder::headers::date::Date;
use std::borrow::Cow;

/// The present second, and what writes it in a Date field.
#[must_use]
pub fn now() -> Date {
    Date::now()
}

/// A unique Message-ID. Its right side is the domain of the sender's address. So no name server is
/// asked, and the name of this machine isn't revealed.
#[must_use]
pub fn message_id(sender: Option<&str>) -> String {
    let domain = sender.and_then(domain_of).unwrap_or_else(|| "localhost".to_owned());
    message_id_at(&domain)
}

/// The same for a sender at this domain, which is in ASCII.
#[must_use]
pub fn message_id_at(domain: &str) -> String {
    let [one, other] = boundary::random_pair();
    let mut id = String::with_capacity(36 + domain.len());
    id.push('<');
    push_hex(one, &mut id);
    id.push('.');
    push_hex(other, &mut id);
    id.push('@');
    id.push_str(domain);
    id.push('>');
    id
}

/// All 16 digits. The formatting machinery takes many times as long.
fn push_hex(number: u64, out: &mut String) {
    const PAIRS: [[u8; 2]; 256] = {
        let digits = b"0123456789abcdef";
        let mut pairs = [[0; 2]; 256];
        let mut octet = 0;
        while octet < pairs.len() {
            pairs[octet] = [digits[octet >> 4], digits[octet & 15]];
            octet += 1;
        }
        pairs
    };
    let digits = number.to_be_bytes().map(|octet| PAIRS[usize::from(octet)]);
    out.push_str(std::str::from_utf8(digits.as_flattened()).unwrap_or_default());
}

fn domain_of(sender: &str) -> Option<String> {
    let list = list::parse(sender).ok()?;
    let domain = list::mailboxes(&list).find_map(|mailbox| mailbox.spec.domain.as_deref())?;
    a_labels(domain).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_written() {
        let mut out = String::new();
        push_hex(0x0123_4567_89ab_cdef, &mut out);
        push_hex(0, &mut out);
        assert_eq!(out, "0123456789abcdef0000000000000000");
    }

    #[test]
    fn the_domain_is_the_senders() {
        let id = message_id(Some("Jürgen <j@bücher.example>"));
        assert!(id.ends_with("@xn--bcher-kva.example>"), "{id}");
        assert!(message_id(None).ends_with("@localhost>"));
    }
}
