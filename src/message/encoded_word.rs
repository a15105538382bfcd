//! Encoded-words (RFC 2047), in any character set.

use encodify::{base64::STANDARD, qp::Q_PHRASE};

/// An encoded-word is not longer than this (RFC 2047 section 2).
pub const LONGEST_WORD: usize = 75;

/// How a character set wants its words encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordEncoding {
    /// Not at all: plain text.
    Plain,
    Q,
    B,
    /// Whichever is shorter; Q when they are equal.
    Shortest,
}

/// The encoding of one word, chosen.
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
    /// Length of the encoded text, without what surrounds it.
    #[must_use]
    pub fn len(self, text: &[u8]) -> usize {
        match self {
            Chosen::Q => Q_PHRASE.encoded_len(text),
            Chosen::B => STANDARD.encoded_len(text.len()),
        }
    }

    /// One encoded-word; nothing for an empty text. The letter is in lower case.
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

#[cfg(test)]
mod tests {
    use super::*;

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
