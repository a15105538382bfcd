//! Transfer encodings of bodies (RFC 2045 section 6).

use super::text::{has_line_ends, lines_fit, longest_line, write_lines};
use encodify::base64::STANDARD;

/// The longest line that SMTP carries, without its line end (RFC 5321 section 4.5.3.1.6).
pub const LONGEST_LINE: usize = 998;

/// How bytes become 7-bit lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// The name in Content-Transfer-Encoding.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Base64 => "base64",
            Encoding::QuotedPrintable => "quoted-printable",
        }
    }
}

/// Whether a body may be sent unencoded: it is ASCII without NUL, in lines that are short enough.
/// Its line ends, of whatever kind, become CRLF.
#[must_use]
pub fn is_seven_bit(body: &[u8]) -> bool {
    body.is_ascii() && fits_lines(body)
}

/// Whether a body may be sent unencoded to a server that takes 8-bit content: it has no NUL, and
/// its lines are short enough.
#[must_use]
pub fn fits_lines(body: &[u8]) -> bool {
    lines_fit(body, LONGEST_LINE) && memchr::memchr(0, body).is_none()
}

/// The encoding that makes a text shorter. None if it needs none.
#[must_use]
pub fn choose_for_text(text: &[u8]) -> Option<Encoding> {
    if is_seven_bit(text) {
        return None;
    }
    let quoted = text.len() + 2 * escaped_octets(text);
    // Readable text has some value: base64 has to save at least a fifth.
    if quoted <= STANDARD.encoded_len(text.len()) * 6 / 5 {
        Some(Encoding::QuotedPrintable)
    } else {
        Some(Encoding::Base64)
    }
}

/// How many octets of a text quoted-printable escapes, but for blanks at the end of a line. Counts
/// in octets, so that the compiler can compare many at a time.
fn escaped_octets(text: &[u8]) -> usize {
    const AT_ONCE: usize = 128;
    let is_escaped = |octet| !(is_plain(octet) | matches!(octet, b'\n' | b'\r'));
    text.chunks(AT_ONCE)
        .map(|some| usize::from(some.iter().map(|&octet| u8::from(is_escaped(octet))).sum::<u8>()))
        .sum()
}

/// Quoted-printable in the layout of `email.quoprimime`, with soft breaks in the same places, so
/// that output can be compared byte for byte. `width` is at least 4.
pub fn write_quoted_printable(body: &[u8], width: usize, linesep: &str, out: &mut Vec<u8>) {
    let mut rest = body;
    let mut long = Vec::new();
    let mut line = out.len();
    while !rest.is_empty() {
        let (plain, more) = rest.split_at(plain_octets(rest));
        out.extend_from_slice(plain);
        let Some((&octet, behind)) = more.split_first() else { break };
        rest = behind;
        if !matches!(octet, b'\n' | b'\r') {
            push_escaped(octet, out);
            // Characters that aren't ASCII have several octets, and come in words.
            while let Some((&octet @ 0x80.., behind)) = rest.split_first() {
                push_escaped(octet, out);
                rest = behind;
            }
            continue;
        }
        rest = rest.strip_prefix(b"\n").filter(|_| octet == b'\r').unwrap_or(rest);
        finish_quoted_line(line, &mut long, width, linesep, out);
        out.extend_from_slice(linesep.as_bytes());
        line = out.len();
    }
    finish_quoted_line(line, &mut long, width, linesep, out);
}

/// How many octets at the start quoted-printable leaves unchanged (RFC 2045 section 6.7), found
/// eight at a time.
fn plain_octets(octets: &[u8]) -> usize {
    let (words, rest) = octets.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let mut escaped = unlike_plain(u64::from_le_bytes(*word));
        while escaped != 0 {
            let place = escaped.trailing_zeros() as usize / 8;
            if word[place] != b'\t' {
                return at * 8 + place;
            }
            escaped &= escaped - 1;
        }
    }
    words.len() * 8 + rest.iter().position(|&octet| !is_plain(octet)).unwrap_or(rest.len())
}

/// Whether an octet stands for itself within a line (RFC 2045 6.7).
fn is_plain(octet: u8) -> bool {
    matches!(octet, b' '..=b'~' | b'\t') & (octet != b'=')
}

/// The highest bit of each octet that isn't in the range from space to tilde, or is `=`.
fn unlike_plain(octets: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    // Without their highest bits the octets are added to without a carry into the next one.
    let low = octets & !HIGH;
    let from_space = low + (0x80 - b' ' as u64) * EACH;
    let behind_tilde = low + (0x7F - b'~' as u64) * EACH;
    let like_equals = low ^ (b'=' as u64 * EACH);
    let unlike_equals = like_equals + 0x7F * EACH;
    (octets | !from_space | behind_tilde | !unlike_equals) & HIGH
}

/// Breaks what has been written since `start` into lines that are short enough, and escapes a
/// final blank. `long` is a buffer that all lines share.
fn finish_quoted_line(start: usize, long: &mut Vec<u8>, width: usize, linesep: &str, out: &mut Vec<u8>) {
    let is_short = out.len() - start <= width;
    if is_short && !matches!(out[start..], [.., b' ' | b'\t']) {
        return;
    }
    long.clear();
    long.extend_from_slice(&out[start..]);
    out.truncate(start);
    // The last piece of a line may be one longer, as it needs no `=` at its end.
    let mut rest = &long[..];
    while rest.len() > width {
        let stop = width - 1;
        // Never split an escape.
        let stop = match (rest[stop - 2], rest[stop - 1]) {
            (b'=', _) => stop - 2,
            (_, b'=') => stop - 1,
            _ => stop,
        };
        let (piece, more) = rest.split_at(stop);
        out.extend_from_slice(piece);
        out.push(b'=');
        out.extend_from_slice(linesep.as_bytes());
        rest = more;
    }
    match rest.split_last() {
        Some((&blank @ (b' ' | b'\t'), before)) => {
            out.extend_from_slice(before);
            match width - before.len() {
                3.. => push_escaped(blank, out),
                2 => {
                    out.push(blank);
                    out.push(b'=');
                    out.extend_from_slice(linesep.as_bytes());
                }
                _ => {
                    out.push(b'=');
                    out.extend_from_slice(linesep.as_bytes());
                    push_escaped(blank, out);
                }
            }
        }
        _ => out.extend_from_slice(rest),
    }
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// Corrects quoted-printable that contains octets it may not have, or lines that are too long. The
/// decoded content is unchanged.
#[must_use]
pub fn repaired_quoted_printable(body: &[u8], linesep: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 8);
    for line in body.split_inclusive(|&b| b == b'\n') {
        let start = out.len();
        for &octet in line {
            if octet.is_ascii() { out.push(octet) } else { push_escaped(octet, &mut out) }
        }
        if longest_line(&out[start..]) > LONGEST_LINE {
            let long = out.split_off(start);
            break_softly(&long, linesep, &mut out);
        }
    }
    out
}

/// Splits one line of quoted-printable into several, none of which ends within an escape.
fn break_softly(line: &[u8], linesep: &str, out: &mut Vec<u8>) {
    const WIDTH: usize = 75;
    let mut rest = line;
    while longest_line(rest) > WIDTH {
        let escape = rest[..WIDTH].iter().rposition(|&b| b == b'=').filter(|at| at + 3 > WIDTH);
        let (piece, more) = rest.split_at(escape.unwrap_or(WIDTH));
        out.extend_from_slice(piece);
        out.push(b'=');
        out.extend_from_slice(linesep.as_bytes());
        rest = more;
    }
    out.extend_from_slice(rest);
}

/// Corrects base64 that contains meaningless octets (RFC 2045 section 6.8: they are to be
/// ignored), or lines that are too long. The decoded content is unchanged.
#[must_use]
pub fn repaired_base64(body: &[u8], linesep: &str) -> Vec<u8> {
    let ascii: Vec<u8> = body.iter().copied().filter(u8::is_ascii).collect();
    if longest_line(&ascii) <= LONGEST_LINE {
        return ascii;
    }
    let said: Vec<u8> = ascii.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
    let mut out = Vec::with_capacity(said.len() + said.len() / 32);
    for line in said.chunks(76) {
        out.extend_from_slice(line);
        out.extend_from_slice(linesep.as_bytes());
    }
    out
}

/// The lines of a text, each ending with CRLF, which base64 of text has to encode (RFC 2045
/// section 6.8).
#[must_use]
pub fn canonical(text: &str) -> Option<Vec<u8>> {
    if has_line_ends(text.as_bytes(), "") {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + 64);
    write_lines(text.as_bytes(), "\r\n", &mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 76;

    fn quoted(body: &str) -> String {
        let mut out = Vec::new();
        write_quoted_printable(body.as_bytes(), LINE, "\n", &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn escapes_are_not_cut() {
        let out = quoted(&"ü".repeat(40));
        for line in out.lines() {
            assert!(line.len() <= LINE, "{line}");
        }
        assert_eq!(out.replace("=\n", ""), "=C3=BC".repeat(40));
    }

    #[test]
    fn final_blanks_are_escaped() {
        assert_eq!(quoted("a \nb\t"), "a=20\nb=09");
    }

    #[test]
    fn what_was_encoded_badly_is_repaired() {
        assert_eq!(repaired_quoted_printable(b"a=3D\xff\r\n b", "\r\n"), b"a=3D=FF\r\n b");
        let long = repaired_quoted_printable("=C3=BC".repeat(300).as_bytes(), "\r\n");
        assert!(longest_line(&long) <= 76);
        assert_eq!(String::from_utf8_lossy(&long).replace("=\r\n", ""), "=C3=BC".repeat(300));
        assert_eq!(repaired_base64(b"YWJ\xffj\r\n", "\r\n"), b"YWJj\r\n");
        assert_eq!(longest_line(&repaired_base64(&[b'A'; 2000], "\r\n")), 76);
    }

    #[test]
    fn each_octet_is_plain_or_escaped_wherever_it_stands() {
        for octet in (0..=u8::MAX).filter(|octet| !matches!(octet, b'\r' | b'\n')) {
            for at in 0..20 {
                let mut body = [b'a'; 20];
                body[at] = octet;
                let mut expected: Vec<u8> = body[..at].to_vec();
                match octet {
                    b' ' | b'\t' if at == 19 => push_escaped(octet, &mut expected),
                    b'\t' | b' '..=b'<' | b'>'..=b'~' => expected.push(octet),
                    _ => push_escaped(octet, &mut expected),
                }
                expected.extend_from_slice(&body[at + 1..]);
                let mut out = Vec::new();
                write_quoted_printable(&body, LINE, "\n", &mut out);
                assert_eq!(out, expected, "{octet:#04x} at {at}");
            }
        }
    }

    #[test]
    fn escaped_octets_are_counted_in_texts_of_any_length() {
        for length in [0, 1, 127, 128, 129, 255, 256, 1000] {
            assert_eq!(escaped_octets(&vec![b'='; length]), length);
            assert_eq!(escaped_octets(&[vec![0xff; length], vec![b'a'; length]].concat()), length);
        }
    }

    #[test]
    fn text_gets_what_suits_it() {
        assert_eq!(choose_for_text(b"plain\r\n"), None);
        assert_eq!(
            choose_for_text("Schöne Grüße aus dem Norden".as_bytes()),
            Some(Encoding::QuotedPrintable)
        );
        assert_eq!(choose_for_text("Привет, мир".as_bytes()), Some(Encoding::Base64));
        assert_eq!(choose_for_text(&[b'x'; 999]), Some(Encoding::QuotedPrintable));
    }
}
