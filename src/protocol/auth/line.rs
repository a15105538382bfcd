//! A response or a challenge as it stands on the line (RFC 4954 4).

use encodify::base64::STANDARD;

/// Whether AUTH with this initial response is short enough for every server: 512 octets with its
/// CRLF (RFC 5321 4.5.3.1.4). Otherwise the client must not send the response with the command
/// (RFC 4954 4).
pub(in crate::protocol) fn fits_a_line(mechanism: &str, initial_response: &[u8]) -> bool {
    const LINE: usize = 512;
    let encoded = initial_response.len().div_ceil(3) * 4;
    "AUTH ".len() + mechanism.len() + 1 + encoded + 2 <= LINE
}

/// A response or initial response as sent on the line. An empty initial response is "=" (RFC 4954
/// 4): the session writes that itself.
pub(in crate::protocol) fn encode(response: &[u8]) -> String {
    STANDARD.encode(response)
}

/// The challenge of a 334 reply. Some servers send text that isn't base64 here (often none at
/// all). It is then used unchanged.
pub(in crate::protocol) fn decode(text: &[u8]) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_else(|_| text.to_vec())
}
