//! CRAM-MD5 (RFC 2195).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// The response to a CRAM-MD5 challenge (RFC 2195 2).
pub fn cram_md5(user: &str, password: &str, challenge: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length, so this error can't occur.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(password.as_bytes()) else { return Vec::new() };
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{user} {hex}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195() {
        let response = cram_md5("tim", "tanstaaftanstaaf", b"<1896.697170952@postoffice.reston.mci.net>");
        assert_eq!(response, b"tim b913a602c7eda7a495b4e6e7334d3890");
    }
}
