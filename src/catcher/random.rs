//! Random names and secrets, from the generator that TLS uses.

use std::io;

/// `octets` random octets, as twice as many hexadecimal digits.
pub fn hex(octets: usize) -> io::Result<String> {
    let mut bytes = vec![0; octets];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gave no random octets"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
