//! Classic folding of one line of ASCII text.

use super::fold_classic::Shape;

/// Whether `str` would split the text into lines. Has no branch per octet, so that the compiler
/// can compare many octets at a time.
pub(super) fn has_line_break(value: &str) -> bool {
    let is_among = |octet: u8, first: u8, last: u8| u8::from(octet.wrapping_sub(first) <= last - first);
    let found = value
        .bytes()
        .fold(0, |found, octet| found | is_among(octet, b'\n', b'\r') | is_among(octet, 0x1C, 0x1E));
    found != 0
}

/// Folds one line of ASCII text, which nearly every value is. The rules are those of
/// [`super::fold_classic`], but a line is a range of the text, and break positions are looked for
/// only when it gets too long.
pub(super) fn fold(text: &str, shape: &Shape<'_>, out: &mut String) {
    if text.len() + shape.name_width <= shape.max_width {
        out.push_str(text);
        return;
    }
    let bytes = text.as_bytes();
    // A list of a thousand addresses has no semicolon on any of its lines.
    let split_chars: Vec<u8> =
        shape.split_chars.bytes().filter(|&wanted| memchr::memchr(wanted, bytes).is_some()).collect();
    out.reserve(text.len() + text.len() / 32);
    let mut offset = shape.name_width;
    let mut prefix = "";
    // The start of the line, and the end of the last pair examined.
    let (mut line, mut seen, mut lines) = (0, 0, 0);
    loop {
        let room = shape.max_width.saturating_sub(offset + prefix.len());
        // The pair with this byte is the first that doesn't fit.
        let first_beyond = (line + room).max(seen);
        if first_beyond >= bytes.len() {
            break;
        }
        let (pair, end) = pair_around(bytes, first_beyond);
        seen = end;
        if let Some(place) = best_place(&bytes[..=pair], line, &split_chars) {
            begin_line(&mut lines, prefix, shape, out);
            out.push_str(&text[line..place]);
            line = place;
            prefix = "";
        } else if offset > 0 && pair == line {
            // There is nothing to break at, so the name stays alone on its line.
            begin_line(&mut lines, "", shape, out);
            if !is_blank(bytes[pair]) {
                prefix = " ";
            }
        } else {
            continue;
        }
        offset = 0;
    }
    let rest = &text[line..];
    if lines == 0 || !rest.bytes().all(is_blank) {
        begin_line(&mut lines, prefix, shape, out);
    }
    out.push_str(rest);
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The start and end of the blanks and the word that contain a byte.
fn pair_around(bytes: &[u8], at: usize) -> (usize, usize) {
    let word_before = |at: usize| memchr::memrchr2(b' ', b'\t', &bytes[..at]).map_or(0, |i| i + 1);
    let blanks_before = |at: usize| bytes[..at].iter().rposition(|&b| !is_blank(b)).map_or(0, |i| i + 1);
    let start = if is_blank(bytes[at]) { blanks_before(at) } else { blanks_before(word_before(at)) };
    let word = at + bytes[at..].iter().take_while(|&&b| is_blank(b)).count();
    let end = memchr::memchr2(b' ', b'\t', &bytes[word..]).map_or(bytes.len(), |i| word + i);
    (start, end)
}

/// The last position after `line` where a new line can begin, by the best split character. `bytes`
/// ends with the first byte of the last pair.
fn best_place(bytes: &[u8], line: usize, split_chars: &[u8]) -> Option<usize> {
    split_chars.iter().find_map(|&wanted| {
        let mut end = bytes.len();
        while let Some(found) = memchr::memrchr(wanted, &bytes[line..end]) {
            let found = line + found;
            let place = if is_blank(wanted) { found } else { found + 1 };
            let begins_pair =
                place > line && bytes.get(place).is_some_and(|&b| is_blank(b)) && !is_blank(bytes[place - 1]);
            if begins_pair {
                return Some(place);
            }
            end = found;
        }
        None
    })
}

fn begin_line(lines: &mut usize, prefix: &str, shape: &Shape<'_>, out: &mut String) {
    if *lines > 0 {
        out.push_str(shape.linesep);
    }
    if !prefix.is_empty() {
        out.push_str(prefix);
    }
    *lines += 1;
}

#[cfg(test)]
mod tests {
    use super::super::fold_classic::{SPLIT_CHARS, Shape, fold_runs, fold_text};
    use crate::message::charset::{Charset, Utf8};
    use crate::message::encoded_word::WordEncoding;

    /// The general algorithm, with which the one for a single ASCII line must agree.
    fn folded_as_runs(value: &str, shape: &Shape<'_>) -> String {
        let charset = Charset {
            encoding: WordEncoding::Plain,
            is_ascii: true,
            codec_name: "us-ascii",
            output_name: "us-ascii",
            codec: Utf8,
        };
        let mut out = String::new();
        fold_runs(&[(value, charset)], shape, &mut out).expect("no embedded field");
        out
    }

    proptest::proptest! {
        #[test]
        fn one_line_is_folded_like_runs(
            value in "[ab;,\\t ]{0,60}",
            name_width in 0_usize..12,
            max_width in 1_usize..30,
        ) {
            let shape = Shape { name_width, max_width, indent: " ", split_chars: SPLIT_CHARS, linesep: "\n" };
            let mut out = String::new();
            fold_text(&value, &shape, &mut out).expect("no embedded field");
            proptest::prop_assert_eq!(out, folded_as_runs(&value, &shape));
        }
    }
}
