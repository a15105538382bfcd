//! Writes a field with 8-bit octets in ASCII: as encoded-words (RFC 2047) for the same octets,
//! labelled UTF-8 if they are valid UTF-8, and as an unknown character set otherwise.

use super::downgrade::Unfit;
use super::encoded_word::{Chosen, WordEncoding};

const ADDRESS: Unfit = Unfit("it stands in an address in a header field");
const NAME: Unfit = Unfit("it stands in the name of a header field");

/// An encoded-word has at most 75 characters (RFC 2047 section 2).
const WIDTH: usize = 75;

/// The field, with its line end.
pub fn encoded(field: &[u8]) -> Result<Vec<u8>, Unfit> {
    let colon = field.iter().position(|&b| b == b':').ok_or(NAME)?;
    let (name, value) = field.split_at(colon + 1);
    if !name.is_ascii() {
        return Err(NAME);
    }
    let mut out = name.to_vec();
    let mut rest = value;
    while let Some(first) = rest.iter().position(|b| !b.is_ascii()) {
        let start = rest[..first].iter().rposition(|&b| is_apart(b)).map_or(0, |at| at + 1);
        out.extend_from_slice(&rest[..start]);
        let (word, more) = rest[start..].split_at(length(&rest[start..]));
        if word.contains(&b'@') {
            return Err(ADDRESS);
        }
        write(word, &mut out);
        rest = more;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Characters that may stand next to encoded-words in every kind of field.
fn is_apart(octet: u8) -> bool {
    octet.is_ascii_whitespace()
        || matches!(octet, b'"' | b'(' | b')' | b'<' | b'>' | b',' | b';' | b'=' | b':')
}

/// The length of one run: words and the blanks between them, for as long as they are 8-bit. Blanks
/// between two encoded-words would be lost.
fn length(text: &[u8]) -> usize {
    let mut end = 0;
    let mut at = 0;
    loop {
        let word = text[at..].iter().position(|&b| is_apart(b)).unwrap_or(text.len() - at);
        if text[at..at + word].is_ascii() {
            return end;
        }
        end = at + word;
        let blanks = text[end..].iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(0);
        if blanks == 0 {
            return end;
        }
        at = end + blanks;
    }
}

fn write(text: &[u8], out: &mut Vec<u8>) {
    let (charset, is_utf8) = match std::str::from_utf8(text) {
        Ok(_) => ("utf-8", true),
        Err(_) => ("unknown-8bit", false),
    };
    let how = WordEncoding::Shortest.choose(text).unwrap_or(Chosen::Q);
    let chrome = "=??q??=".len() + charset.len();
    let mut rest = text;
    while !rest.is_empty() {
        let mut cut = rest.len();
        while cut > 1 && (how.len(&rest[..cut]) + chrome > WIDTH || is_utf8 && !is_boundary(rest, cut)) {
            cut -= 1;
        }
        let mut word = String::new();
        how.write(&rest[..cut], charset, &mut word);
        out.extend_from_slice(word.as_bytes());
        rest = &rest[cut..];
        if !rest.is_empty() {
            out.extend_from_slice(b"\r\n ");
        }
    }
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|&b| b & 0xc0 != 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ascii(field: &[u8]) -> Result<String, Unfit> {
        encoded(field).map(|octets| String::from_utf8(octets).expect("ASCII"))
    }

    #[test]
    fn octets_become_encoded_words() {
        let subject = "Subject: Gr\u{fc}\u{df}e aus M\u{fc}nchen\r\n";
        assert_eq!(
            ascii(subject.as_bytes()).as_deref(),
            Ok("Subject: =?utf-8?b?R3LDvMOfZQ==?= aus =?utf-8?q?M=C3=BCnchen?=\r\n")
        );
        assert_eq!(ascii(b"A: \xff \xfe\r\n").as_deref(), Ok("A: =?unknown-8bit?b?/yD+?=\r\n"));
        let from = "From: \"J\u{f6}rg\" <a@b>, c@d\r\n";
        assert_eq!(ascii(from.as_bytes()).as_deref(), Ok("From: \"=?utf-8?b?SsO2cmc=?=\" <a@b>, c@d\r\n"));
    }

    #[test]
    fn long_ones_are_folded_between_characters() {
        let long = format!("A: {}\r\n", "\u{fc}".repeat(60));
        let folded = ascii(long.as_bytes()).expect("fits");
        assert!(folded.lines().all(|line| line.len() <= 80), "{folded}");
        assert!(folded.lines().count() > 1);
    }

    #[test]
    fn addresses_can_not_be_encoded() {
        assert_eq!(ascii("To: j\u{f6}rg@b.example\r\n".as_bytes()), Err(ADDRESS));
    }
}
