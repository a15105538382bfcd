//! Replies (RFC 5321 4.2) and enhanced status codes (RFC 3463, RFC 2034).
//!
//! The text of a reply is kept as the bytes that were received. Servers send Latin-1, UTF-8 and
//! worse, and an odd byte must not cost us the answer.

use super::{code, queue_id};
use std::fmt;
use std::sync::Arc;

/// What a reply code says by its first digit (RFC 5321 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// 2yz: done.
    Completion,
    /// 3yz: continue, the server waits for more.
    Intermediate,
    /// 4yz: not now; the same request may succeed later.
    Transient,
    /// 5yz: no, and don't repeat the request unchanged.
    Permanent,
}

/// One reply: a code and one or more lines of text, without code and line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// How many octets at the end of the text are the server's explanation.
    explained: u32,
    /// The lines, separated by LF, which no line contains. After them comes what the server said
    /// earlier, in answer to the same request, about why it would refuse. Shared, because one
    /// reply can decide about a thousand recipients. One allocation, because every error contains
    /// a reply.
    octets: Arc<[u8]>,
}

impl Reply {
    /// A reply with as many lines as `text` has. `code` is one of 200 to 599.
    pub fn new(code: u16, text: impl AsRef<[u8]>) -> Self {
        Self { code, explained: 0, octets: text.as_ref().into() }
    }

    /// For a destination that took a message without being a server.
    pub fn completed(text: impl AsRef<[u8]>) -> Self {
        Self::new(code::COMPLETED, text)
    }

    pub(super) fn of(code: u16, text: Vec<u8>) -> Self {
        Self { code, explained: 0, octets: text.into() }
    }

    pub fn code(&self) -> u16 {
        self.code
    }

    /// The lines, separated by LF.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.octets.len() - self.explained as usize]
    }

    /// The JSON of RFC 7628 3.2.2, if a token was refused.
    pub fn explanation(&self) -> Option<&[u8]> {
        (self.explained > 0).then(|| &self.octets[self.octets().len()..])
    }

    #[must_use]
    pub(super) fn explained(self, explanation: Option<Reply>) -> Self {
        let Some(said) = explanation else { return self };
        let octets: Arc<[u8]> = [self.octets(), said.octets()].concat().into();
        let text = self.octets().len();
        Self { explained: u32::try_from(octets.len() - text).unwrap_or(0), octets, ..self }
    }

    /// At least one.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.octets().split(|&octet| octet == b'\n')
    }

    /// The lines, each without surrounding white space, joined by LF.
    pub fn text(&self) -> Vec<u8> {
        let trimmed: Vec<&[u8]> = self.lines().map(<[u8]>::trim_ascii).collect();
        trimmed.join(&b'\n')
    }

    /// Keeps no more than this many octets of its text.
    pub fn shorten(&mut self, octets: usize) {
        if self.octets().len() > octets {
            *self = Self::new(self.code, &self.octets()[..octets]);
        }
    }

    pub fn severity(&self) -> Severity {
        code::severity(self.code).unwrap_or(Severity::Permanent)
    }

    pub fn is_completion(&self) -> bool {
        self.severity() == Severity::Completion
    }

    /// 3yz: the server takes what comes next as the rest of the same request.
    pub fn asks_for_more(&self) -> bool {
        self.severity() == Severity::Intermediate
    }

    /// RFC 5321 3.8: the server is about to close the transmission channel.
    pub fn closes_channel(&self) -> bool {
        self.code == code::SERVICE_NOT_AVAILABLE
    }

    /// RFC 3463 3.8 (X.7.z): it is about this mail and its sender, also where the session ends.
    pub fn is_about_policy(&self) -> bool {
        self.enhanced().is_some_and(|enhanced| enhanced.subject == 7)
    }

    /// RFC 5321 4.2.2: the server itself can take nothing now, whatever the message.
    pub fn is_about_the_server(&self) -> bool {
        let too_many = self.enhanced().is_some_and(EnhancedStatusCode::is_too_many_recipients);
        self.closes_channel() || (self.code == code::INSUFFICIENT_STORAGE && !too_many)
    }

    /// The enhanced status code that the text begins with, if its class agrees
    /// with the reply code (RFC 2034 4).
    pub fn enhanced(&self) -> Option<EnhancedStatusCode> {
        let found = EnhancedStatusCode::at_start_of(self.lines().next()?.trim_ascii())?;
        (u16::from(found.class) == self.code / 100).then_some(found)
    }

    /// The name under which the server has accepted a message, if its answer to the end of mail
    /// data contains one.
    pub fn queue_id(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.lines().last()?).into_owned();
        queue_id::find(text.trim()).map(str::to_owned)
    }

    /// As sent over the wire: every line but the last with a hyphen.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for line in self.wire_lines() {
            out.extend_from_slice(&line);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Each line as sent over the wire, without its line end.
    pub fn wire_lines(&self) -> impl Iterator<Item = Vec<u8>> {
        let digit = |unit: u16| b'0' + (self.code / unit % 10) as u8;
        let code = [digit(100), digit(10), digit(1)];
        let mut lines = self.lines().peekable();
        std::iter::from_fn(move || {
            let line = lines.next()?;
            let mut wire = Vec::with_capacity(code.len() + 1 + line.len());
            wire.extend_from_slice(&code);
            wire.push(if lines.peek().is_none() { b' ' } else { b'-' });
            wire.extend_from_slice(line);
            Some(wire)
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        write!(f, "{} {}", self.code, String::from_utf8_lossy(&text).replace('\n', " "))
    }
}

/// `class.subject.detail`, as `5.1.1` (RFC 3463 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedStatusCode {
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl EnhancedStatusCode {
    /// X.5.3 (RFC 3463 3.6): too many recipients, or too many messages for now.
    pub fn is_too_many_recipients(self) -> bool {
        (self.subject, self.detail) == (5, 3)
    }

    fn at_start_of(text: &[u8]) -> Option<Self> {
        let word = text.split(u8::is_ascii_whitespace).next()?;
        let mut numbers = word.split(|&b| b == b'.');
        let class = number(numbers.next()?)?;
        let subject = number(numbers.next()?)?;
        let detail = number(numbers.next()?)?;
        (numbers.next().is_none() && matches!(class, 2 | 4 | 5)).then_some(Self {
            class: class as u8,
            subject,
            detail,
        })
    }
}

impl fmt::Display for EnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enhanced_code_must_agree_with_the_reply_code() {
        assert_eq!(Reply::new(550, "5.1.1 no such user").enhanced().unwrap().to_string(), "5.1.1");
        assert_eq!(Reply::new(550, "2.1.1 odd").enhanced(), None);
        assert_eq!(Reply::new(250, "2.0.0").enhanced().unwrap().to_string(), "2.0.0");
        for none in ["", "ok", "5.1", "5.1.1.1 x", "5.1.1234 x", "5..1 x"] {
            assert_eq!(Reply::new(550, none).enhanced(), None, "{none}");
        }
    }

    #[test]
    fn a_reply_is_written_with_hyphens_on_all_lines_but_the_last() {
        let mut out = Vec::new();
        Reply::new(250, "one\ntwo").write_to(&mut out);
        assert_eq!(out, b"250-one\r\n250 two\r\n");
    }
}
