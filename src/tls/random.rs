//! Random words, from the generator that TLS uses.

use encodify::base64::STANDARD;

/// A word that cannot be foreseen: printable ASCII without a comma. None: the system gave no
/// random octets.
pub fn nonce() -> Option<String> {
    // A multiple of three: it needs no "=" at its end.
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
