//! The fields of a header, as a signature counts them.

use super::Unsigned;

/// One field: the text before its colon, and the text after it up to its line end.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

impl Field<'_> {
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// All fields of a header, from the top.
#[derive(Debug)]
pub struct Header<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Header<'a> {
    /// Reads a header with CRLF line ends, without the empty line at its end. A line that isn't a
    /// field is an error, because verifiers disagree on whether the header ends there.
    pub fn read(octets: &'a [u8]) -> Result<Self, Unsigned> {
        let mut fields = Vec::new();
        let mut at = 0;
        while at < octets.len() {
            let end = end_of_field(octets, at);
            let whole = octets[at..end].strip_suffix(b"\r\n").unwrap_or(&octets[at..end]);
            fields.push(field(whole)?);
            at = end;
        }
        Ok(Header { fields })
    }

    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    /// The fields with that name, from the bottom up (RFC 6376 section 5.4.2).
    pub fn named(&self, name: &str) -> impl Iterator<Item = Field<'a>> {
        self.fields.iter().rev().copied().filter(move |field| field.is_named(name))
    }
}

/// The position after the next line end that isn't part of a fold.
fn end_of_field(octets: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'\n', &octets[at..]) {
        at += found + 1;
        if !matches!(octets.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    octets.len()
}

fn field(whole: &[u8]) -> Result<Field<'_>, Unsigned> {
    let colon = memchr::memchr(b':', whole).unwrap_or(0);
    let (name, value) = whole.split_at(colon);
    // Older messages have white space before the colon (RFC 5322 section 4.5).
    let word = name.trim_ascii_end();
    if word.is_empty() || !word.iter().all(|octet| matches!(octet, b'!'..=b'~')) {
        let shown: String = String::from_utf8_lossy(whole).chars().take(60).collect();
        return Err(Unsigned::Unfit(format!(
            "the line {shown:?} of its header is no field: verifiers would not agree what the header is"
        )));
    }
    Ok(Field { name, value: &value[1..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_the_bottom() {
        let header = Header::read(b"A: 1\r\nb : 2\r\n 3\r\na:4\r\n").unwrap();
        let values = |name| header.named(name).map(|field| field.value.to_vec()).collect::<Vec<_>>();
        assert_eq!(values("a"), [b"4".to_vec(), b" 1".to_vec()]);
        assert_eq!(values("B"), [b" 2\r\n 3".to_vec()]);
        assert_eq!((header.count("a"), header.count("c")), (2, 0));
    }

    #[test]
    fn a_line_that_is_no_field_is_told() {
        for octets in [&b"From ann@example.org\r\nA: b\r\n"[..], b" x: y\r\n", b": x\r\n", b"A b: c\r\n"] {
            assert!(Header::read(octets).is_err(), "{octets:?}");
        }
        assert!(Header::read(b"").is_ok());
    }
}
