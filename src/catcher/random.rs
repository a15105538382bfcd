//! Random names and secrets from the TLS library's generator.

use std::io;

/// Returns `count` random octets.
pub fn octets(count: usize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; count];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut octets)
        .map_err(|_| io::Error::other("the system gave no random octets"))?;
    Ok(octets)
}

/// Returns `count` random octets as hexadecimal digits.
pub fn hex(count: usize) -> io::Result<String> {
    Ok(octets(count)?.iter().map(|octet| format!("{octet:02x}")).collect())
}
