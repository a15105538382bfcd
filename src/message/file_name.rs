//! Names of files as a message can say them.
//!
//! A file system may hold names that are octets and no text in any encoding that it knows. They
//! are nearly always old names in ISO 8859-1, and are read so where that makes sense: there is no
//! UTF-8 in them, and no control character comes of it. Otherwise U+FFFD stands for what can't
//! be read.

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
