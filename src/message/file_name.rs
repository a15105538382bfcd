//! File names as a message can write them.
//!
//! A file system may contain names whose octets aren't text in any encoding that the system knows.
//! These are nearly always old names in ISO 8859-1. They are read as such if that makes sense:
//! they contain no UTF-8, and the result has no control characters. Otherwise U+FFFD replaces what
//! can't be read.

/// The name as text.
#[must_use]
pub fn readable(octets: &[u8]) -> String {
    let is_latin = octets
        .utf8_chunks()
        .all(|chunk| chunk.valid().is_ascii() && chunk.invalid().iter().all(|&octet| octet >= 0xA0));
    if is_latin {
        octets.iter().map(|&octet| char::from(octet)).collect()
    } else {
        String::from_utf8_lossy(octets).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_that_are_no_utf_8() {
        assert_eq!(readable(b"caf\xe9.txt"), "café.txt");
        assert_eq!(readable("café.txt".as_bytes()), "café.txt");
        assert_eq!(readable(b"caf\x82.txt"), "caf\u{fffd}.txt");
        assert_eq!(readable(b"\xe6\xbc\xa2\xe9"), "漢\u{fffd}");
    }
}
