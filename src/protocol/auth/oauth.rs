//! Access tokens: OAUTHBEARER (RFC 7628), and XOAUTH2, which Google's and Microsoft's servers had before it.
//!
//! The token is the first message. A server that refuses it says why in a 334, and the second message asks
//! for its 535 (RFC 7628 3.2.3).

/// The authorization identity escapes "," and "=" (RFC 5801 4).
pub(super) fn oauthbearer(user: &str, token: &str) -> [Vec<u8>; 2] {
    let escaped = user.replace('=', "=3D").replace(',', "=2C");
    let first = format!("n,a={escaped},\x01auth=Bearer {token}\x01\x01");
    [first.into_bytes(), vec![1]]
}

pub(super) fn xoauth2(user: &str, token: &str) -> [Vec<u8>; 2] {
    [format!("user={user}\x01auth=Bearer {token}\x01\x01").into_bytes(), Vec::new()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let [first, second] = oauthbearer("a=b,c@d", "tok");
        assert_eq!(first, b"n,a=a=3Db=2Cc@d,\x01auth=Bearer tok\x01\x01");
        assert_eq!(second, b"\x01");
        assert_eq!(xoauth2("a=b,c@d", "tok"), [&b"user=a=b,c@d\x01auth=Bearer tok\x01\x01"[..], b""]);
    }
}
