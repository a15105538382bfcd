//! Header fields: what they may contain (RFC 5322 sections 2.2 and 3.6).

use std::borrow::Cow;
use std::fmt;

/// Why a field is refused. It is the caller's mistake, described so that it can be corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    what: String,
    why: String,
}

impl Refusal {
    #[must_use]
    pub fn new(what: &str, why: impl Into<String>) -> Self {
        Refusal { what: what.to_owned(), why: why.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// A field name is printable ASCII without a colon (RFC 5322 section 2.2).
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if name.bytes().fold(!name.is_empty(), |fine, octet| fine & octet.is_ascii_graphic() & (octet != b':')) {
        return Ok(());
    }
    match name.chars().find(|&c| !c.is_ascii_graphic() || c == ':') {
        None => Err(Refusal::new("invalid header field name ''", "it is empty")),
        Some(c) => Err(Refusal::new(
            &format!("invalid header field name {}", python_repr(name)),
            format!("it can't contain {} (RFC 5322 section 2.2)", python_repr(c.encode_utf8(&mut [0; 4]))),
        )),
    }
}

/// The text as Python shows it, because a Python program shows the error.
fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            _ if c == quote => shown.extend(['\\', c]),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\0'..='\x1f' | '\x7f'..='\u{a0}' => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

/// Allows no control characters except the tab. A value is one line here, and folding it isn't the
/// caller's concern.
pub fn check_value(what: &str, value: &str) -> Result<(), Refusal> {
    // Checks everything at once, many octets at a time. The offending one is searched for only
    // after that.
    if !value.bytes().fold(false, |found, octet| found | is_forbidden(octet)) {
        return Ok(());
    }
    match value.chars().find(|&c| u8::try_from(c).is_ok_and(is_forbidden)) {
        None => Ok(()),
        Some(c) => Err(Refusal::new(
            what,
            format!(
                "can't contain the control character {} (it would end the field or be lost)",
                python_repr(c.encode_utf8(&mut [0; 4]))
            ),
        )),
    }
}

/// Whether name and value are one line of ASCII, of this many octets at most without its line end, in
/// which there is nothing to object to. It is written as it is, by any rules.
#[must_use]
pub fn is_one_line(name: &str, value: &str, most: usize) -> bool {
    name.len() + 2 + value.len() <= most
        && value.is_ascii()
        && check_name(name).is_ok()
        && !value.bytes().fold(false, |found, octet| found | is_forbidden(octet))
}

/// A value without its folds (RFC 5322 section 2.2.3), as `Header.encode()` makes them. A line end
/// belongs to a fold only if white space follows it.
#[must_use]
pub fn unfolded(value: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\r', b'\n', value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find(['\r', '\n']) {
        let (line, end) = rest.split_at(at);
        out.push_str(line);
        let next = end.strip_prefix("\r\n").unwrap_or(&end[1..]);
        if !next.starts_with([' ', '\t']) || next.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Cow::Borrowed(value);
        }
        rest = next;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn is_forbidden(octet: u8) -> bool {
    octet.is_ascii_control() && octet != b'\t'
}

/// Fields that a message has at most once (RFC 5322 section 3.6, RFC 2045).
#[must_use]
pub fn is_single(name: &str) -> bool {
    const SINGLE: [&str; 17] = [
        "date",
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "message-id",
        "in-reply-to",
        "references",
        "subject",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-id",
        "content-disposition",
        "content-description",
    ];
    SINGLE.iter().any(|single| single.eq_ignore_ascii_case(name))
}

/// The kinds of content of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text for people.
    Text,
    Addresses,
    /// A main value and parameters.
    Parameters,
    /// Words for programs, in ASCII only.
    Tokens,
}

#[must_use]
pub fn kind(name: &str) -> Kind {
    const ADDRESSES: [&str; 15] = [
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "resent-from",
        "resent-sender",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "resent-reply-to",
        "disposition-notification-to",
        "mail-followup-to",
        "return-path",
    ];
    const TOKENS: [&str; 12] = [
        "message-id",
        "resent-message-id",
        "in-reply-to",
        "references",
        "content-id",
        "date",
        "resent-date",
        "mime-version",
        "content-transfer-encoding",
        "dkim-signature",
        "list-unsubscribe",
        "list-unsubscribe-post",
    ];
    let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_one_of(&ADDRESSES) {
        Kind::Addresses
    } else if is_one_of(&["content-type", "content-disposition"]) {
        Kind::Parameters
    } else if is_one_of(&TOKENS) {
        Kind::Tokens
    } else {
        Kind::Text
    }
}

/// The unfolded value of the first field with this name, at the start of a message.
#[must_use]
pub fn first_value(message: &[u8], name: &str) -> Option<String> {
    let mut lines = message.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_folded = |line: &[u8]| line.starts_with(b" ") || line.starts_with(b"\t");
    let of_name = |line: &[u8]| {
        let colon = memchr::memchr(b':', line)?;
        let found = line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
        found.then(|| line[colon + 1..].to_vec())
    };
    let mut value = lines.by_ref().take_while(|line| !line.is_empty()).find_map(of_name)?;
    for line in lines.take_while(|line| is_folded(line)) {
        value.extend_from_slice(line);
    }
    Some(String::from_utf8_lossy(value.trim_ascii()).into_owned())
}

/// Whether only the sender should see the field.
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    name.eq_ignore_ascii_case("bcc") || name.eq_ignore_ascii_case("resent-bcc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_undone_and_other_line_ends_are_not() {
        assert_eq!(unfolded("a\n b\r\n\tc"), "a b\tc");
        for other in ["a\nb", "a\n b\nBcc: c", "a\n", "a\n ", "a\r\n \r\n", "a\n\n b"] {
            assert_eq!(unfolded(other), other);
        }
    }

    #[test]
    fn one_line_is_short_and_ascii_and_has_no_control_characters() {
        assert!(is_one_line("A", "b\tc", 6) && is_one_line("A", "", 3));
        assert!(!is_one_line("A", "b\tc", 5));
        for (name, value) in
            [("A", "b\r\n c"), ("A", "b\x1cc"), ("A", "\u{fc}"), ("A:", "b"), ("A\n", "b"), ("", "b")]
        {
            assert!(!is_one_line(name, value, 78), "{name:?} {value:?}");
        }
    }

    #[test]
    fn the_first_field_of_a_name() {
        let message = b"To: a\r\nMessage-id: \r\n <1@x>\r\n\ty\r\nMessage-ID: <2@x>\r\n\r\nSubject: body\r\n";
        assert_eq!(first_value(message, "message-id").as_deref(), Some("<1@x>\ty"));
        assert_eq!(first_value(message, "subject"), None);
        assert_eq!(first_value(b"Subject: s", "subject").as_deref(), Some("s"));
        assert_eq!(first_value(b"", "subject"), None);
    }
}
