//! Lines of text, as Python's `str` and as mail define them.

use memchr::{memchr, memchr_iter, memchr2};

/// The characters at which `str` splits lines: more than CR and LF.
#[must_use]
pub fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The characters that `str.isspace` and `str.strip` treat as white space.
#[must_use]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// The lines of a text, without their line ends. There are none in an empty text.
#[must_use]
pub fn lines(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_line_break) {
        found.push(&rest[..at]);
        let end = rest[at..].chars().next().map_or(1, char::len_utf8);
        let end = if rest[at..].starts_with("\r\n") { 2 } else { end };
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        found.push(rest);
    }
    found
}

/// Whether the text has only this kind of line end already.
#[must_use]
pub fn has_line_ends(text: &[u8], linesep: &str) -> bool {
    match linesep {
        "\n" => memchr(b'\r', text).is_none(),
        _ => memchr2(b'\r', b'\n', text).is_none(),
    }
}

/// Writes a text with every CRLF, CR and LF replaced by `linesep`.
pub fn write_lines(text: &[u8], linesep: &str, out: &mut Vec<u8>) {
    // Room for what is added to lines of a usual length.
    out.reserve(text.len() + text.len() / 32);
    if linesep == "\r\n" && memchr(b'\r', text).is_none() {
        // Python's text on its way out.
        let mut from = 0;
        for at in memchr_iter(b'\n', text) {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(b"\r\n");
            from = at + 1;
        }
        return out.extend_from_slice(&text[from..]);
    }
    let mut rest = text;
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(linesep.as_bytes());
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    out.extend_from_slice(rest);
}

/// Writes a text with `>` before every line that begins with `From `, as mbox files need it. A
/// line begins only after LF.
#[must_use]
pub fn quote_from_lines(text: &[u8]) -> Option<Vec<u8>> {
    const FROM: &[u8] = b"From ";
    let starts: Vec<usize> = std::iter::once(0)
        .chain(memchr_iter(b'\n', text).map(|at| at + 1))
        .filter(|&at| text[at..].starts_with(FROM))
        .collect();
    if starts.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + starts.len());
    let mut done = 0;
    for at in starts {
        out.extend_from_slice(&text[done..at]);
        out.push(b'>');
        done = at;
    }
    out.extend_from_slice(&text[done..]);
    Some(out)
}

/// The length of the longest line, in bytes.
#[must_use]
pub fn longest_line(text: &[u8]) -> usize {
    let mut longest = 0;
    let mut from = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', text) {
        longest = longest.max(at - from);
        from = at + 1;
    }
    longest.max(text.len() - from)
}

/// Whether no line is longer than that, in bytes and without its line end.
#[must_use]
pub fn lines_fit(text: &[u8], most: usize) -> bool {
    let mut rest = text;
    while rest.len() > most {
        // Takes as many whole lines as fit.
        match memchr::memrchr2(b'\r', b'\n', &rest[..=most]) {
            Some(at) => rest = &rest[at + 1..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_str_breaks_them() {
        assert_eq!(lines("a\r\nb\x0bc\u{2028}d"), ["a", "b", "c", "d"]);
        assert_eq!(lines("a\n\n"), ["a", ""]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn every_kind_of_line_end_is_replaced() {
        for (text, expected) in [
            ("", ""),
            ("\na\n\nb", "\r\na\r\n\r\nb"),
            ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd"),
            ("\n\n\r\r\n\n\r", "\r\n\r\n\r\n\r\n\r\n\r\n"),
        ] {
            let mut out = b"before ".to_vec();
            write_lines(text.as_bytes(), "\r\n", &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("before {expected}"));
        }
    }

    #[test]
    fn from_lines_are_quoted() {
        assert_eq!(
            quote_from_lines(b"From me\nnot From\nFrom you").unwrap(),
            b">From me\nnot From\n>From you"
        );
        assert!(quote_from_lines(b"nothing").is_none());
    }

    #[test]
    fn the_longest_line_counts_without_its_end() {
        assert_eq!(longest_line(b"ab\r\nabc\nabcd"), 4);
        assert_eq!(longest_line(b""), 0);
        for text in ["", "a", "ab\r\nabc\nabcd", "abcd\nab", "\n\n\r", "abc\rabc\r\n", "abcde"] {
            for most in 0..7 {
                let fits = longest_line(text.as_bytes()) <= most;
                assert_eq!(lines_fit(text.as_bytes(), most), fits, "{text:?} {most}");
            }
        }
    }
}
