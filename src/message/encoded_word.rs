//! Encoded-words (RFC 2047), in any character set.

use encodify::{base64::STANDARD, qp::Q_PHRASE};

/// An encoded-word is not longer than this (RFC 2047 section 2).
pub const LONGEST_WORD: usize = 75;

/// How a character set prefers its words to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordEncoding {
    /// Not at all: plain text.
    Plain,
    Q,
    B,
    /// Whichever is shorter; Q when they are equal.
    Shortest,
}

/// The encoding that was chosen for one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Q,
    B,
}

impl WordEncoding {
    /// None for plain text.
    #[must_use]
    pub fn choose(self, text: &[u8]) -> Option<Chosen> {
        match self {
            WordEncoding::Plain => None,
            WordEncoding::Q => Some(Chosen::Q),
            WordEncoding::B => Some(Chosen::B),
            WordEncoding::Shortest if Chosen::B.len(text) < Chosen::Q.len(text) => Some(Chosen::B),
            WordEncoding::Shortest => Some(Chosen::Q),
        }
    }
}

impl Chosen {
    /// The length of the encoded text, without the overhead of the word.
    #[must_use]
    pub fn len(self, text: &[u8]) -> usize {
        match self {
            Chosen::Q => Q_PHRASE.encoded_len(text),
            Chosen::B => STANDARD.encoded_len(text.len()),
        }
    }

    /// How many octets of a text, in whole characters, fit into this many encoded characters.
    #[must_use]
    pub fn fitting(self, text: &str, most: usize) -> usize {
        let end = match self {
            // Three octets make four characters, and any rest makes another four.
            Chosen::B => most / 4 * 3,
            Chosen::Q => {
                let mut room = most;
                let fits = |&octet: &u8| {
                    let left = room.checked_sub(q_len(octet));
                    room = left.unwrap_or(room);
                    left.is_some()
                };
                text.bytes().take_while(fits).count()
            }
        };
        let end = end.min(text.len());
        (0..=end).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0)
    }

    /// One encoded-word, or nothing for an empty text. The encoding's letter is in lower case.
    pub fn write(self, text: &[u8], charset: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        out.push_str("=?");
        out.push_str(charset);
        match self {
            Chosen::Q => {
                out.push_str("?q?");
                Q_PHRASE.encode_append(text, out);
            }
            Chosen::B => {
                out.push_str("?b?");
                STANDARD.encode_append(text, out);
            }
        }
        out.push_str("?=");
    }
}

/// One octet in Q (RFC 2047 sections 4.2 and 5): unchanged, a blank as `_`, or in hexadecimal.
const fn q_len(octet: u8) -> usize {
    match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'!' | b'*' | b'+' | b'-' | b'/' => 1,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_octet_is_as_long_as_it_is_written() {
        for octet in 0..=u8::MAX {
            assert_eq!(q_len(octet), Chosen::Q.len(&[octet]), "{octet}");
        }
    }

    #[test]
    fn what_fits_is_whole_and_no_more_would_fit() {
        for text in [
            "Gr\u{fc}\u{df}e an alle",
            "a",
            "",
            "\u{20ac}\u{20ac}\u{20ac}",
            "plain text",
            "a_b=c?d\u{1f600}e",
        ] {
            for chosen in [Chosen::Q, Chosen::B] {
                for most in 0..40 {
                    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
                    let longest = ends.filter(|&end| chosen.len(&text.as_bytes()[..end]) <= most).max();
                    assert_eq!(chosen.fitting(text, most), longest.unwrap_or(0), "{text} {chosen:?} {most}");
                }
            }
        }
    }

    #[test]
    fn the_shorter_encoding_wins() {
        assert_eq!(WordEncoding::Shortest.choose("öü".as_bytes()), Some(Chosen::B));
        assert_eq!(WordEncoding::Shortest.choose("für immer".as_bytes()), Some(Chosen::Q));
        assert_eq!(WordEncoding::Plain.choose(b"x"), None);
    }

    #[test]
    fn words_name_their_charset() {
        let mut out = String::new();
        Chosen::Q.write("Grüße an".as_bytes(), "utf-8", &mut out);
        assert_eq!(out, "=?utf-8?q?Gr=C3=BC=C3=9Fe_an?=");
    }
}
