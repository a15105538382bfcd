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
        let mut rest = text;
        while let Some(at) = line_feed(rest) {
            let (line, more) = rest.split_at(at + 1);
            out.extend_from_slice(line);
            if let Some(end) = out.last_mut() {
                *end = b'\r';
            }
            out.push(b'\n');
            rest = more;
        }
        return out.extend_from_slice(rest);
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

/// The first LF. In lines of a usual length a search of memchr's costs more before its first
/// comparison than all of this, where the compiler compares the octets of a block at once.
fn line_feed(text: &[u8]) -> Option<usize> {
    /// Farther away memchr is faster.
    const NEAR: usize = 256;
    const BLOCK: usize = 32;
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (blocks, _) = text[..text.len().min(NEAR)].as_chunks::<BLOCK>();
    let has_one = |block: &[u8; BLOCK]| block.iter().fold(false, |found, &octet| found | (octet == b'\n'));
    let begin = blocks.iter().take_while(|block| !has_one(block)).count() * BLOCK;
    let Some(block) = blocks.get(begin / BLOCK) else {
        return memchr(b'\n', &text[begin..]).map(|at| begin + at);
    };
    let (words, _) = block.as_chunks::<8>();
    words.iter().enumerate().find_map(|(at, word)| {
        let differs = u64::from_le_bytes(*word) ^ (u64::from(b'\n') * EACH);
        // The highest bit of the first octet that doesn't differ. Those above it may be wrong.
        let marks = differs.wrapping_sub(EACH) & !differs & (0x80 * EACH);
        (marks != 0).then(|| begin + at * 8 + marks.trailing_zeros() as usize / 8)
    })
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

    proptest::proptest! {
        #[test]
        fn line_feeds_are_found_wherever_they_stand(
            mut text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
            few in proptest::prelude::any::<bool>(),
        ) {
            if few {
                text.iter_mut().for_each(|octet| *octet = if *octet > 2 { *octet | 0x80 } else { *octet + 9 });
            }
            proptest::prop_assert_eq!(line_feed(&text), memchr(b'\n', &text));
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
