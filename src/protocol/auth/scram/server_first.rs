//! The server's first message (RFC 5802 7): its nonce, the salt and the iteration count.

use super::keys::FEWEST_ITERATIONS;
use encodify::base64::STANDARD;

/// A higher count would be an attack on our time: this one already takes some seconds.
const MOST_ITERATIONS: u32 = 10_000_000;
/// The longest salt and nonce that any server needs.
pub(super) const LONGEST: usize = 1024;

pub(super) struct ServerFirst<'a> {
    pub text: &'a str,
    pub nonce: &'a str,
    pub salt: Vec<u8>,
    pub iterations: u32,
}

impl<'a> ServerFirst<'a> {
    /// RFC 5802 7: `r=`, `s=`, `i=` in this order, then extensions. Err says why the message can't
    /// be trusted.
    pub fn read(message: &'a [u8], ours: &str) -> Result<Self, String> {
        let text = std::str::from_utf8(message).map_err(|_| odd("it is no UTF-8"))?;
        let mut attributes = text.split(',');
        let mut next = |name| attributes.next().and_then(|one| one.strip_prefix(name));
        if text.starts_with("m=") {
            return Err(odd("it demands an extension that we don't know (RFC 5802 5.1)"));
        }
        let nonce = next("r=").ok_or_else(|| odd("it has no nonce"))?;
        if !nonce.starts_with(ours) || nonce.len() == ours.len() || nonce.len() > LONGEST {
            return Err(odd("its nonce does not extend ours: this is not an answer to what we said"));
        }
        if !nonce.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(odd("its nonce is not printable ASCII"));
        }
        let salt = next("s=").and_then(|salt| STANDARD.decode(salt.as_bytes()).ok());
        let salt = salt.filter(|salt| (1..=LONGEST).contains(&salt.len()));
        let salt = salt.ok_or_else(|| odd("it has no salt"))?;
        let count = next("i=").filter(|count| count.bytes().all(|octet| octet.is_ascii_digit()));
        let count =
            count.filter(|count| !count.is_empty()).ok_or_else(|| odd("it has no iteration count"))?;
        // A count that overflows the number is too high.
        let iterations = count.parse().unwrap_or(u32::MAX);
        if iterations < FEWEST_ITERATIONS {
            return Err(format!(
                "the server asks for {count} iterations of the password's hash, RFC 5802 wants \
                 {FEWEST_ITERATIONS} at least: with fewer, the password could be guessed from our answer"
            ));
        }
        if iterations > MOST_ITERATIONS {
            return Err(format!(
                "the server asks for {count} iterations of the password's hash, more than {MOST_ITERATIONS}: \
                 that would keep this machine busy"
            ));
        }
        Ok(Self { text, nonce, salt, iterations })
    }
}

fn odd(why: &str) -> String {
    format!("the server's SCRAM challenge can't be trusted: {why}")
}
