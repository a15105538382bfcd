//! The fields of an entity given as octets (RFC 5322 section 2.2), and their positions.

use std::ops::Range;

/// The fields with a signature over the body as it is encoded: DKIM's (RFC 6376) and ARC's (RFC 8617).
pub const SIGNATURES: [&str; 2] = ["DKIM-Signature", "ARC-Message-Signature"];

/// One field: a line and its continuation lines.
#[derive(Clone, Debug)]
pub struct FieldAt {
    /// With its line end.
    pub whole: Range<usize>,
}

impl FieldAt {
    /// Name and value as written. None for a line that isn't a field.
    #[must_use]
    pub fn parts<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let octets = &text[self.whole.clone()];
        let colon = memchr::memchr(b':', octets)?;
        Some((octets[..colon].trim_ascii_end(), &octets[colon + 1..]))
    }
}

/// All fields, and the start of the body.
#[derive(Debug)]
pub struct Head {
    pub fields: Vec<FieldAt>,
    /// The position of the empty line, or where it would be.
    pub end_of_fields: usize,
    pub body: usize,
}

impl Head {
    /// Reads the entity in this range of the text.
    #[must_use]
    pub fn read(text: &[u8], range: Range<usize>) -> Self {
        let mut fields: Vec<FieldAt> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let next = memchr::memchr(b'\n', &text[at..range.end]).map_or(range.end, |lf| at + lf + 1);
            let line = &text[at..next];
            if matches!(line, b"\r\n" | b"\n") {
                return Head { fields, end_of_fields: at, body: next };
            }
            match fields.last_mut() {
                Some(field) if matches!(line[0], b' ' | b'\t') => field.whole.end = next,
                _ => fields.push(FieldAt { whole: at..next }),
            }
            at = next;
        }
        Head { fields, end_of_fields: range.end, body: range.end }
    }

    /// The first field of that name.
    #[must_use]
    pub fn find(&self, text: &[u8], name: &str) -> Option<&FieldAt> {
        let is_named = |field: &&FieldAt| {
            field.parts(text).is_some_and(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.fields.iter().find(is_named)
    }

    /// Whether a field signs the body as it is encoded.
    #[must_use]
    pub fn is_signed(&self, text: &[u8]) -> bool {
        SIGNATURES.iter().any(|name| self.find(text, name).is_some())
    }

    /// Its value, unfolded.
    #[must_use]
    pub fn value(&self, text: &[u8], name: &str) -> Option<String> {
        let (_, value) = self.find(text, name)?.parts(text)?;
        Some(String::from_utf8_lossy(value).replace(['\r', '\n'], "").trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_their_continuations() {
        let text = b"A: b\r\n c\r\nD:e\r\nnonsense\r\n\r\nbody";
        let head = Head::read(text, 0..text.len());
        assert_eq!(head.value(text, "a").as_deref(), Some("b c"));
        assert_eq!(head.value(text, "d").as_deref(), Some("e"));
        assert_eq!(head.fields.len(), 3);
        assert_eq!(&text[head.body..], b"body");
        assert_eq!(&text[head.end_of_fields..head.body], b"\r\n");
    }

    #[test]
    fn an_entity_may_be_all_fields() {
        let text = b"A: b";
        let head = Head::read(text, 0..text.len());
        assert_eq!((head.end_of_fields, head.body), (4, 4));
    }
}
