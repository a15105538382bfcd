//! A caller's text within a parameter: xtext (RFC 3461 4), and its form for internationalized
//! addresses (RFC 6533 3).

use std::fmt::Write;

/// Printable ASCII is kept, except "+" and "=". Any other octet becomes "+" and two digits.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => _ = write!(encoded, "+{octet:02X}"),
            b'!'..=b'~' => encoded.push(char::from(octet)),
            _ => _ = write!(encoded, "+{octet:02X}"),
        }
    }
    encoded
}

/// Decodes the text. None if it isn't valid xtext or not valid text.
pub fn decode(encoded: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => {
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                octets.push(high << 4 | low);
            }
            b'=' => return None,
            b'!'..=b'~' => octets.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

/// Upper case only.
fn digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// Encodes as utf-8-addr-xtext: a character that isn't allowed there becomes `\x{1F600}`. Needs no
/// SMTPUTF8.
pub fn encode_unicode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '+' | '=' | '\\' => _ = write!(encoded, "\\x{{{:02X}}}", u32::from(character)),
            '!'..='~' => encoded.push(character),
            _ => _ = write!(encoded, "\\x{{{:02X}}}", u32::from(character)),
        }
    }
    encoded
}

/// Decodes utf-8-addr-xtext or utf-8-addr-unitext.
pub fn decode_unicode(encoded: &str) -> Option<String> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\\' => {
                let (digits, behind) = rest.strip_prefix("x{")?.split_once('}')?;
                let capitals = |c: char| matches!(c, '0'..='9' | 'A'..='F');
                if !(2..=6).contains(&digits.len()) || !digits.chars().all(capitals) {
                    return None;
                }
                text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                rest = behind;
            }
            '+' | '=' => return None,
            character if character.is_ascii() && !character.is_ascii_graphic() => return None,
            character => text.push(character),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (text, encoded) in
            [("QQ314159", "QQ314159"), ("a+b=c d", "a+2Bb+3Dc+20d"), ("ü", "+C3+BC"), ("", "")]
        {
            assert_eq!(encode(text), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(text));
        }
        for wrong in ["a b", "a=b", "+", "+4", "+4g", "+2b", "ü", "+FF"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn any_address_in_ascii() {
        for (text, encoded) in
            [("jürgen@x", "j\\x{FC}rgen@x"), ("a+b\\c", "a\\x{2B}b\\x{5C}c"), ("😀", "\\x{1F600}")]
        {
            assert_eq!(encode_unicode(text), encoded);
            assert_eq!(decode_unicode(encoded).as_deref(), Some(text));
        }
        assert_eq!(decode_unicode("jürgen@x").as_deref(), Some("jürgen@x"));
        for wrong in ["a b", "a+b", "a=b", "\\x{}", "\\x{F}", "\\x{fc}", "\\x{D800}", "\\xFC", "\\"] {
            assert_eq!(decode_unicode(wrong), None, "{wrong:?}");
        }
    }
}
