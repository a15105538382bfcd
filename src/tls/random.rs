//! Random words, from TLS's generator.

use encodify::base64::STANDARD;

/// An unpredictable word in printable ASCII without a comma. None if the system provided no random
/// octets.
pub fn nonce() -> Option<String> {
    // A multiple of three, so that base64 needs no "=" at its end.
    let mut octets = [0; 18];
    rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut octets).ok()?;
    Some(STANDARD.encode(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_word_that_scram_takes() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 24 && one.bytes().all(|octet| octet.is_ascii_graphic() && octet != b','));
    }
}
