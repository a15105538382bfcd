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

/// Whether the value is printable ASCII, as nearly every one is. Has no branch per octet, so that
/// the compiler can compare many octets at a time.
pub(super) fn is_printable(value: &str) -> bool {
    let (least, greatest) =
        value.bytes().fold((u8::MAX, 0), |(least, greatest), octet| (least.min(octet), greatest.max(octet)));
    least >= b' ' && greatest.is_ascii()
}

/// Folds one line of ASCII text, which nearly every value is. The rules are those of
/// [`super::fold_classic`], but a line is a range of the text, and break positions are looked for
/// only when it gets too long.
pub(super) fn fold(text: &str, shape: &Shape<'_>, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if bytes.len() + shape.name_width <= shape.max_width {
        out.extend_from_slice(bytes);
        return;
    }
    // A list of a thousand addresses has no semicolon on any of its lines.
    let is_absent = |wanted: char| memchr::memchr(wanted as u8, bytes).is_none();
    let split_chars = shape.split_chars.trim_start_matches(is_absent).as_bytes();
    out.reserve(bytes.len() + bytes.len() / 32 + shape.linesep.len());
    let mut offset = shape.name_width;
    let mut prefix = "";
    let (mut line, mut lines) = (0, 0);
    // The byte that was beyond the line before. Nothing is looked at again before the end of its
    // pair, which is looked for only where that matters.
    let mut last: Option<usize> = None;
    loop {
        let room = shape.max_width.saturating_sub(offset + prefix.len());
        let mut beyond = line + room;
        if beyond >= bytes.len() {
            break;
        }
        let mut place = best_place(&bytes[..=beyond], line, split_chars);
        let mut pair = None;
        if place.is_none_or(|place| last.is_some_and(|last| place <= last)) {
            beyond = beyond.max(last.map_or(0, |last| pair_around(bytes, last).1));
            if beyond >= bytes.len() {
                break;
            }
            // The pair with this byte is the first that doesn't fit.
            place = best_place(&bytes[..=beyond], line, split_chars);
            pair = Some(pair_around(bytes, beyond).0);
        }
        last = Some(beyond);
        if let Some(place) = place {
            begin_line(&mut lines, prefix, shape, out);
            out.extend_from_slice(&bytes[line..place]);
            line = place;
            prefix = "";
        } else if offset > 0 && pair == Some(line) {
            // There is nothing to break at, so the name stays alone on its line.
            begin_line(&mut lines, "", shape, out);
            if !is_blank(bytes[line]) {
                prefix = " ";
            }
        } else {
            continue;
        }
        offset = 0;
    }
    let rest = &bytes[line..];
    if lines == 0 || !rest.iter().copied().all(is_blank) {
        begin_line(&mut lines, prefix, shape, out);
    }
    out.extend_from_slice(rest);
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
/// ends with a byte of the last pair.
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

fn begin_line(lines: &mut usize, prefix: &str, shape: &Shape<'_>, out: &mut Vec<u8>) {
    if *lines > 0 {
        // One octet is written without a call.
        match shape.linesep.as_bytes() {
            &[octet] => out.push(octet),
            octets => out.extend_from_slice(octets),
        }
    }
    if !prefix.is_empty() {
        out.extend_from_slice(prefix.as_bytes());
    }
    *lines += 1;
}

#[cfg(test)]
mod tests {
    use super::super::fold_classic::{SPLIT_CHARS, Shape, fold_plain, fold_runs, fold_text};
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
            let mut out = Vec::new();
            fold_text(&value, &shape, &mut out).expect("no embedded field");
            let runs = folded_as_runs(&value, &shape);
            proptest::prop_assert_eq!(&out, runs.as_bytes());
            let mut plain = Vec::new();
            if fold_plain(&value, &shape, &mut plain) {
                proptest::prop_assert_eq!(&plain, &out);
            }
        }
    }
}
