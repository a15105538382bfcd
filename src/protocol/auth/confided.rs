//! Secrets in replies.

use super::line::encode;
use crate::protocol::reply::Reply;
use crate::protocol::transcript::MASK;
use memchr::memmem::find;
use std::fmt;

/// Secrets that were sent to the server. Some servers repeat them in their replies, which end up
/// in transcripts, logs and exceptions.
#[derive(Default)]
pub(in crate::protocol) struct Confided(Vec<Vec<u8>>);

impl Confided {
    /// Shorter secrets would match too many unrelated words.
    const SHORTEST: usize = 4;

    /// A password or token, as plain text and in base64.
    pub(in crate::protocol) fn add(&mut self, secret: &[u8]) {
        for form in [secret.to_vec(), encode(secret).into_bytes()] {
            if form.len() >= Self::SHORTEST && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
        // The longest first, because it may contain another one.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// A response that the caller composed, and for PLAIN, the part after its last NUL.
    pub(in crate::protocol) fn add_response(&mut self, response: &[u8]) {
        self.add(response);
        if let Some(at) = response.iter().rposition(|&b| b == 0) {
            self.add(&response[at + 1..]);
        }
    }

    pub(in crate::protocol) fn mask(&self, reply: &Reply) -> Option<Reply> {
        let tells = |line: &[u8]| self.0.iter().any(|secret| find(line, secret).is_some());
        if self.0.is_empty() || !reply.lines().any(tells) {
            return None;
        }
        let lines: Vec<Vec<u8>> = reply.lines().map(|line| self.mask_line(line)).collect();
        Some(Reply::new(reply.code(), lines.join(&b'\n')))
    }

    fn mask_line(&self, line: &[u8]) -> Vec<u8> {
        let mut line = line.to_vec();
        for secret in &self.0 {
            let mut from = 0;
            while let Some(at) = find(&line[from..], secret) {
                line.splice(from + at..from + at + secret.len(), MASK.bytes());
                from += at + MASK.len();
            }
        }
        line
    }
}

impl fmt::Debug for Confided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confided({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_a_reply_repeats_is_masked() {
        let mut confided = Confided::default();
        confided.add(b"hunter2");
        confided.add_response(b"\0alice\0swordfish");
        confided.add(b"abc");
        let masked =
            confided.mask(&Reply::new(535, "no: hunter2hunter2 aHVudGVyMg==\nabc swordfish")).unwrap();
        assert_eq!(masked.text(), format!("no: {MASK}{MASK} {MASK}\nabc {MASK}").into_bytes());
        assert_eq!(confided.mask(&Reply::new(535, "5.7.8 no")), None);
        assert!(!format!("{confided:?}").contains("hunter2"));
    }
}
