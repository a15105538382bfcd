//! The two canonicalizations (RFC 6376 section 3.4) of a field, and of a body that comes piece by
//! piece.

use aws_lc_rs::digest::{self, Context, SHA256};
use std::fmt;

/// Which changes on the way a signature tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Only empty lines at the end of the body.
    Simple,
    /// Also changed white space, and the case of field names.
    Relaxed,
}

impl Form {
    pub const ALL: [Self; 2] = [Self::Simple, Self::Relaxed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Appends a field as it is hashed, without a line end. `value` is everything after the colon,
    /// including folds, up to the field's own line end.
    pub fn add_field(self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        if self == Self::Simple {
            out.extend_from_slice(name);
            out.push(b':');
            out.extend_from_slice(value);
            return;
        }
        out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
        out.push(b':');
        let start = out.len();
        let mut space = false;
        for &octet in value {
            match octet {
                b' ' | b'\t' => space = true,
                b'\r' | b'\n' => {}
                _ => {
                    if std::mem::take(&mut space) && out.len() > start {
                        out.push(b' ');
                    }
                    out.push(octet);
                }
            }
        }
    }
}

/// The hash of a body that is being read. Its line ends are CRLF, and it contains no other CR or
/// LF.
pub struct BodyHash {
    form: Form,
    hash: Context,
    /// Octets of line ends that haven't been hashed: at the end of the body they count as one.
    line_ends: u64,
    /// White space before them that hasn't been hashed: at the end of a line it is ignored.
    space: bool,
    /// Part of the body has been hashed.
    some: bool,
    scratch: Vec<u8>,
}

impl BodyHash {
    #[must_use]
    pub fn new(form: Form) -> Self {
        let hash = Context::new(&SHA256);
        BodyHash { form, hash, line_ends: 0, space: false, some: false, scratch: Vec::new() }
    }

    /// The next octets.
    pub fn update(&mut self, octets: &[u8]) {
        let has_space = self.space || memchr::memchr2(b' ', b'\t', octets).is_some();
        match self.form == Form::Relaxed && has_space {
            true => self.relax(octets),
            // Without white space, both forms are the same up to the end.
            false => self.pass(octets),
        }
    }

    /// Octets that are hashed unchanged, except for the line ends after them.
    fn pass(&mut self, octets: &[u8]) {
        let is_text = |octet: &u8| !matches!(octet, b'\r' | b'\n');
        let Some(last) = octets.iter().rposition(is_text) else {
            self.line_ends += octets.len() as u64;
            return;
        };
        self.flush_line_ends();
        self.hash.update(&octets[..=last]);
        self.some = true;
        self.line_ends = (octets.len() - last - 1) as u64;
    }

    fn relax(&mut self, octets: &[u8]) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let mut at = 0;
        while at < octets.len() {
            match octets[at] {
                b' ' | b'\t' => {
                    self.space = true;
                    at += 1;
                }
                b'\r' | b'\n' => {
                    // What came before it was the end of a line.
                    self.space = false;
                    self.line_ends += 1;
                    at += 1;
                }
                _ => {
                    let text = &octets[at..];
                    let length = memchr::memchr3(b' ', b'\t', b'\r', text).unwrap_or(text.len());
                    if self.line_ends > 0 {
                        self.hash.update(&scratch);
                        scratch.clear();
                        self.flush_line_ends();
                    }
                    if std::mem::take(&mut self.space) {
                        scratch.push(b' ');
                    }
                    scratch.extend_from_slice(&text[..length]);
                    self.some = true;
                    at += length;
                }
            }
        }
        self.hash.update(&scratch);
        self.scratch = scratch;
    }

    fn flush_line_ends(&mut self) {
        const SOME: [u8; 64] = {
            let mut some = [b'\r'; 64];
            let mut at = 1;
            while at < some.len() {
                some[at] = b'\n';
                at += 2;
            }
            some
        };
        // They begin with a CR, because what was hashed before them ended with text.
        let mut left = std::mem::take(&mut self.line_ends);
        while left > 0 {
            let now = left.min(SOME.len() as u64);
            self.hash.update(&SOME[..now as usize]);
            left -= now;
        }
    }

    /// The body has ended.
    #[must_use]
    pub fn finish(mut self) -> digest::Digest {
        // An empty body becomes an empty line in the simple form, and nothing in the relaxed form.
        if self.some || self.form == Form::Simple {
            self.hash.update(b"\r\n");
        }
        self.hash.finish()
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyHash").field("form", &self.form).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(form: Form, body: &[u8], piece: usize) -> Vec<u8> {
        let mut hash = BodyHash::new(form);
        body.chunks(piece).for_each(|octets| hash.update(octets));
        hash.finish().as_ref().to_vec()
    }

    #[test]
    fn bodies_as_the_rfc_has_them() {
        use Form::{Relaxed, Simple};
        for (form, body, canonical) in [
            // Section 3.4.5.
            (Simple, &b" C \r\nD \t E\r\n\r\n\r\n"[..], &b" C \r\nD \t E\r\n"[..]),
            (Relaxed, b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
            // Sections 3.4.3 and 3.4.4.
            (Simple, b"", b"\r\n"),
            (Relaxed, b"", b""),
            (Simple, b"\r\n\r\n", b"\r\n"),
            (Relaxed, b" \r\n\t\r\n", b""),
            (Simple, b"no end", b"no end\r\n"),
            (Relaxed, b"no end  ", b"no end\r\n"),
            (Relaxed, b"a\r\n \r\n\r\nb c\r\n \r\n", b"a\r\n\r\n\r\nb c\r\n"),
            (Simple, b" \r\n\r\n", b" \r\n"),
        ] {
            let expected = digest::digest(&SHA256, canonical);
            for piece in [1, 2, 3, 1000] {
                assert_eq!(hash(form, body, piece), expected.as_ref(), "{form:?} {body:?} {piece}");
            }
        }
    }

    #[test]
    fn fields_as_the_rfc_has_them() {
        let relaxed = |name: &str, value: &str| {
            let mut out = Vec::new();
            Form::Relaxed.add_field(name.as_bytes(), value.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        // Section 3.4.5.
        assert_eq!(relaxed("A", " X"), "a:X");
        assert_eq!(relaxed("B ", " Y\t\r\n\tZ  "), "b:Y Z");
        assert_eq!(relaxed("Subject", "  "), "subject:");
    }

    #[test]
    fn line_ends_without_end_take_no_memory() {
        let mut hash = BodyHash::new(Form::Simple);
        let empty = b"\r\n".repeat(1 << 15);
        (0..64).for_each(|_| hash.update(&empty));
        hash.update(b"x");
        let whole = [empty.repeat(64).as_slice(), b"x\r\n"].concat();
        assert_eq!(hash.finish().as_ref(), digest::digest(&SHA256, &whole).as_ref());
    }
}
