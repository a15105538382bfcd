//! Character sets as header fields use them.

use super::encoded_word::{Chosen, WordEncoding};

/// Turns text into the bytes of a character set.
///
/// UTF-8, ASCII and raw bytes are implemented here. Other codecs come from outside.
pub trait Codec {
    type Error;

    /// The text as bytes of this character set.
    fn encode(&self, text: &str) -> Result<Vec<u8>, Self::Error>;

    /// Whether each character can be encoded without looking at the others.
    fn is_stateless(&self) -> bool {
        false
    }
}

/// UTF-8, which includes ASCII.
#[derive(Debug)]
pub struct Utf8;

impl Codec for Utf8 {
    type Error = std::convert::Infallible;

    fn encode(&self, text: &str) -> Result<Vec<u8>, Self::Error> {
        Ok(text.as_bytes().to_vec())
    }

    fn is_stateless(&self) -> bool {
        true
    }
}

/// Bytes of an unknown character set, carried inside a text.
///
/// A byte from 0x80 up is represented by a private character, so that text functions (lines, white
/// space) don't treat it specially. [`raw_bytes`] converts it back.
const PRIVATE: u32 = 0xF_0000;

/// The character that represents a raw byte.
#[must_use]
pub fn raw_char(byte: u8) -> char {
    match byte {
        0..=0x7F => byte as char,
        _ => char::from_u32(PRIVATE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// Whether it is a [`raw_char`] for a byte from 0x80 up.
#[must_use]
pub fn is_raw_char(c: char) -> bool {
    matches!(u32::from(c).checked_sub(PRIVATE), Some(0x80..=0xFF))
}

/// The bytes of a text made of [`raw_char`]s.
#[must_use]
pub fn raw_bytes(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|c| match u32::from(c).checked_sub(PRIVATE) {
            Some(byte @ 0x80..=0xFF) => vec![byte as u8],
            _ => c.to_string().into_bytes(),
        })
        .collect()
}

/// Encodes one text as one encoded-word, or leaves it as it is.
pub fn encode_word<C: Codec>(
    text: &str,
    codec: &C,
    codec_name: &str,
    encoding: WordEncoding,
) -> Result<String, C::Error> {
    let bytes = codec.encode(text)?;
    let mut out = String::new();
    match encoding.choose(&bytes) {
        Some(chosen) => chosen.write(&bytes, codec_name, &mut out),
        None => out.push_str(text),
    }
    Ok(out)
}

/// Encodes a text as encoded-words that fit the given widths, split between characters. The first
/// is None if nothing fits beside the existing text.
pub fn encode_words<C: Codec>(
    text: &str,
    charset: &Charset<'_, C>,
    mut widths: impl Iterator<Item = usize>,
) -> Result<Vec<Option<String>>, C::Error> {
    // The overhead of a word: `=?`, `?q?`, `?=` and the name of the character set.
    let chrome = charset.output_name.chars().count() + 7;
    let chosen = charset.encoding.choose(&charset.codec.encode(text)?).unwrap_or(Chosen::Q);
    let word = |from: usize, to: usize| -> Result<Option<String>, C::Error> {
        let mut out = String::new();
        chosen.write(&charset.codec.encode(&text[from..to])?, charset.codec_name, &mut out);
        Ok(Some(out))
    };
    let room =
        |widths: &mut dyn Iterator<Item = usize>| widths.next().unwrap_or(usize::MAX).saturating_sub(chrome);

    let mut words = Vec::new();
    let mut width = room(&mut widths);
    let (mut start, mut taken) = (0, 0);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let grown = if charset.codec.is_stateless() {
            let own = charset.codec.encode(&text[at..end])?;
            match chosen {
                Chosen::Q => taken + chosen.len(&own),
                Chosen::B => taken + own.len(),
            }
        } else {
            let all = charset.codec.encode(&text[start..end])?;
            match chosen {
                Chosen::Q => chosen.len(&all),
                Chosen::B => all.len(),
            }
        };
        let needed = match chosen {
            Chosen::Q => grown,
            Chosen::B => grown.div_ceil(3) * 4,
        };
        if needed > width {
            if words.is_empty() && start == at {
                words.push(None);
            } else {
                words.push(word(start, at)?);
            }
            start = at;
            width = room(&mut widths);
            let own = charset.codec.encode(&text[at..end])?;
            taken = match chosen {
                Chosen::Q => chosen.len(&own),
                Chosen::B => own.len(),
            };
        } else {
            taken = grown;
        }
    }
    words.push(word(start, text.len())?);
    Ok(words)
}

/// A character set, as used by one run of a header value.
#[derive(Debug)]
pub struct Charset<'a, C> {
    pub encoding: WordEncoding,
    /// Whether this is plain ASCII, which needs no encoded-words.
    pub is_ascii: bool,
    /// The name that is written in the words.
    pub codec_name: &'a str,
    /// The name whose length counts when words are measured.
    pub output_name: &'a str,
    pub codec: C,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf8() -> Charset<'static, Utf8> {
        Charset {
            encoding: WordEncoding::Shortest,
            is_ascii: false,
            codec_name: "utf-8",
            output_name: "utf-8",
            codec: Utf8,
        }
    }

    #[test]
    fn words_are_cut_between_characters() {
        let Ok(words) = encode_words("ääääää", &utf8(), [20, 28].into_iter().cycle());
        assert_eq!(
            words.into_iter().flatten().collect::<Vec<_>>(),
            ["=?utf-8?b?w6TDpMOk?=", "=?utf-8?b?w6TDpMOk?="]
        );
    }

    #[test]
    fn raw_bytes_come_back() {
        let text: String = b"a\xE4\xFF".iter().map(|&b| raw_char(b)).collect();
        assert_eq!(raw_bytes(&text), b"a\xE4\xFF");
    }
}
