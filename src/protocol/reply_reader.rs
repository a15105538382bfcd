//! Turns bytes into replies (RFC 5321 4.2), with a limit on everything.
//!
//! The grammar is strict, the text is free. A reply is rejected if its code isn't three digits
//! from 200 to 599, changes from line to line, or is followed by anything but a space, a hyphen or
//! the end of the line. A reply without text, a bare LF as the line end and any byte in the text
//! are accepted.

use super::code;
use super::reply::Reply;
use std::fmt;

/// The longest line in octets, with its line end. RFC 5321 4.5.3.1.5 requires 512. Real servers
/// send more, and smtplib accepts 8192.
pub const LINE_LIMIT: usize = 8192;
/// The longest whole reply in octets.
pub const REPLY_LIMIT: usize = 65_536;

/// Why the received bytes are not a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    LineTooLong,
    ReplyTooLong,
    /// Not `ddd`, `ddd text` or `ddd-text`.
    Malformed(Vec<u8>),
    /// Three digits, but not from 200 to 599. The reply is kept for its text.
    CodeOutOfRange(u16, Vec<u8>),
    CodeChanged(u16, u16),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "Line too long: a reply line of more than {LINE_LIMIT} octets"),
            Self::ReplyTooLong => write!(f, "a reply of more than {REPLY_LIMIT} octets"),
            Self::Malformed(line) => {
                let shown = &line[..line.len().min(80)];
                write!(f, "not an SMTP reply: \"{}\"", shown.escape_ascii())
            }
            Self::CodeOutOfRange(code, text) => {
                let shown = &text[..text.len().min(80)];
                write!(f, "reply code {code:03} is outside 200 to 599: \"{}\"", shown.escape_ascii())
            }
            Self::CodeChanged(first, later) => {
                write!(f, "the reply code changed from {first} to {later} within one reply")
            }
        }
    }
}

/// Collects lines until a reply is complete.
#[derive(Debug, Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    code: Option<u16>,
    /// The text of the lines so far, separated by LF.
    text: Vec<u8>,
    size: usize,
    /// Recent replies of one line. A server mostly says the same things to each message, in the
    /// same order.
    before: [Said; KEPT],
    /// Which of them is expected next: the one behind the last that came. Another reply takes its
    /// place.
    expected: usize,
    /// Where the reply that was read last is to be kept, if it is one that may come again.
    lent: Option<usize>,
    said_before: bool,
}

/// A reply as it came, with its line end. The memory of the line is used again for the next one:
/// the answer to the end of a message often contains a name that is new each time.
#[derive(Debug, Default)]
struct Said {
    line: Vec<u8>,
    reply: Option<Reply>,
}

/// Longer lines are rarely repeated.
const WORDS: usize = 256;
/// As many as the replies to one message in a window: to RSET, MAIL, RCPT, BDAT.
const KEPT: usize = 4;

impl ReplyReader {
    /// Takes bytes up to the end of the next whole reply. Returns how many were taken, and the
    /// reply if they complete one. `keep` takes it back.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Result<Option<Reply>, Fault>) {
        (self.lent, self.said_before) = (None, false);
        if !self.is_midway()
            && let Some((taken, reply)) = self.said_again(bytes)
        {
            return (taken, Ok(Some(reply)));
        }
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', &bytes[taken..]) {
            let next = taken + end + 1;
            if let Err(fault) = self.count(next - taken) {
                return (next, Err(fault));
            }
            let done = if self.line.is_empty() {
                self.line_is_whole(&bytes[taken..next])
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[taken..next]);
                self.line_is_whole(&line)
            };
            taken = next;
            match done {
                Ok(None) => {}
                done => return (taken, done),
            }
        }
        let rest = self.take(&bytes[taken..]);
        (bytes.len(), rest.map(|()| None))
    }

    /// Whether the reply that was read last is one that was kept.
    pub fn said_before(&self) -> bool {
        self.said_before
    }

    /// Takes back the reply that was read last: if the same octets come again, they needn't be read.
    pub fn keep(&mut self, reply: Reply) {
        if let Some(at) = self.lent.take() {
            self.before[at].reply = Some(reply);
        }
    }

    /// Keeps none of the replies so far.
    pub fn forget(&mut self) {
        self.lent = None;
        for said in &mut self.before {
            said.reply = None;
        }
    }

    /// Whether part of a reply has been taken.
    pub fn is_midway(&self) -> bool {
        self.size > 0
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.count(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn count(&mut self, octets: usize) -> Result<(), Fault> {
        if self.line.len() + octets > LINE_LIMIT {
            return Err(Fault::LineTooLong);
        }
        self.size += octets;
        if self.size > REPLY_LIMIT {
            return Err(Fault::ReplyTooLong);
        }
        Ok(())
    }

    fn line_is_whole(&mut self, whole: &[u8]) -> Result<Option<Reply>, Fault> {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, last, text) = split(line)?;
        if last && self.code.is_none() && code::ALL.contains(&code) {
            self.size = 0;
            self.remember(whole);
            return Ok(Some(Reply::new(code, text)));
        }
        match self.code {
            Some(first) if first != code => return Err(Fault::CodeChanged(first, code)),
            Some(_) => self.text.push(b'\n'),
            None => self.code = Some(code),
        }
        self.text.extend_from_slice(text);
        if !last {
            return Ok(None);
        }
        let text = std::mem::take(&mut self.text);
        (self.code, self.size) = (None, 0);
        if !code::ALL.contains(&code) {
            return Err(Fault::CodeOutOfRange(code, text));
        }
        Ok(Some(Reply::of(code, text)))
    }

    /// An earlier reply, if these bytes begin with the same octets. It is not read again.
    fn said_again(&mut self, bytes: &[u8]) -> Option<(usize, Reply)> {
        (0..KEPT).find_map(|turn| {
            let at = (self.expected + turn) % KEPT;
            let said = &mut self.before[at];
            let reply = said.reply.take_if(|_| bytes.starts_with(&said.line))?;
            (self.lent, self.said_before) = (Some(at), true);
            self.expected = (at + 1) % KEPT;
            Some((said.line.len(), reply))
        })
    }

    fn remember(&mut self, whole: &[u8]) {
        if whole.len() <= WORDS {
            let at = self.expected;
            whole.clone_into(&mut self.before[at].line);
            self.before[at].reply = None;
            self.lent = Some(at);
            self.expected = (at + 1) % KEPT;
        }
    }
}

/// The code, whether this is the last line, and the text.
fn split(line: &[u8]) -> Result<(u16, bool, &[u8]), Fault> {
    let malformed = || Fault::Malformed(line.to_vec());
    let digits = line.get(..3).filter(|d| d.iter().all(u8::is_ascii_digit)).ok_or_else(malformed)?;
    let code = digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    match line.get(3) {
        None => Ok((code, true, b"")),
        Some(b' ') => Ok((code, true, &line[4..])),
        Some(b'-') => Ok((code, false, &line[4..])),
        Some(_) => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(bytes: &[u8]) -> Result<Vec<Reply>, Fault> {
        let mut reader = ReplyReader::default();
        let (mut at, mut replies) = (0, Vec::new());
        while at < bytes.len() {
            let (taken, found) = reader.read(&bytes[at..]);
            at += taken;
            if let Some(reply) = found? {
                replies.push(reply.clone());
                reader.keep(reply);
            }
        }
        Ok(replies)
    }

    #[test]
    fn generous_with_text_and_line_ends() {
        for (wire, code, text) in [
            (&b"250\r\n"[..], 250, &b""[..]),
            (b"250 \r\n", 250, b""),
            (b"250 ok\n", 250, b"ok"),
            (b"571 no\r\n", 571, b"no"),
            (b"250-a\r\n250-\r\n250 b\r\n", 250, b"a\n\nb"),
            (b"250 caf\xe9 \x00\r\n", 250, b"caf\xe9 \x00"),
        ] {
            let replies = read_all(wire).unwrap();
            assert_eq!((replies.len(), replies[0].code()), (1, code));
            assert_eq!(replies[0].text(), text);
        }
    }

    #[test]
    fn strict_with_codes() {
        for wire in ["2500 ok\r\n", "25 ok\r\n", "abc\r\n", "\r\n", "250x\r\n", " 250 ok\r\n", "+250 ok\r\n"]
        {
            assert!(matches!(read_all(wire.as_bytes()), Err(Fault::Malformed(_))), "{wire}");
        }
        assert_eq!(read_all(b"550-no\r\n250 yes\r\n"), Err(Fault::CodeChanged(550, 250)));
        assert_eq!(read_all(b"199 hm\r\n"), Err(Fault::CodeOutOfRange(199, b"hm".to_vec())));
        assert_eq!(read_all(b"600 hm\r\n"), Err(Fault::CodeOutOfRange(600, b"hm".to_vec())));
    }

    #[test]
    fn limits_hold_without_a_line_end_and_without_a_last_line() {
        let mut reader = ReplyReader::default();
        assert_eq!(reader.read(&[b'2'; LINE_LIMIT + 1]).1, Err(Fault::LineTooLong));
        let endless = b"250-more\r\n".repeat(REPLY_LIMIT / 10 + 1);
        assert_eq!(read_all(&endless), Err(Fault::ReplyTooLong));
        let mut long = b"250 ".to_vec();
        long.extend([b'x'; 1800]);
        long.extend(b"\r\n");
        assert_eq!(read_all(&long).unwrap()[0].text().len(), 1800);
    }

    proptest! {
        #[test]
        fn the_split_of_the_stream_does_not_matter(
            wire in proptest::collection::vec(any::<u8>(), 0..200), cuts in proptest::collection::vec(0usize..200, 0..8)
        ) {
            let whole = read_all(&wire);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(wire.len())).collect();
            cuts.extend([0, wire.len()]);
            cuts.sort_unstable();
            let mut reader = ReplyReader::default();
            let mut found = Ok(Vec::new());
            'pieces: for pair in cuts.windows(2) {
                let (mut at, end) = (pair[0], pair[1]);
                while at < end {
                    let (taken, reply) = reader.read(&wire[at..end]);
                    at += taken;
                    match reply {
                        Ok(reply) => {
                            found.as_mut().unwrap().extend(reply.clone());
                            reply.into_iter().for_each(|reply| reader.keep(reply));
                        }
                        Err(fault) => { found = Err(fault); break 'pieces; }
                    }
                }
            }
            prop_assert_eq!(whole, found);
        }

        #[test]
        fn replies_that_come_again_are_read_as_they_were_said(said in proptest::collection::vec(0u16..7, 0..40)) {
            let replies: Vec<Reply> = said.iter().map(|&at| Reply::new(250 + at / 4, [b'x'].repeat(at as usize % 4))).collect();
            let mut wire = Vec::new();
            replies.iter().for_each(|reply| reply.write_to(&mut wire));
            prop_assert_eq!(read_all(&wire), Ok(replies));
        }

        #[test]
        fn what_is_written_is_read_back(
            code in 200u16..600, lines in proptest::collection::vec("[ -~]{0,60}", 1..5)
        ) {
            let reply = Reply::new(code, lines.join("\n"));
            let mut wire = Vec::new();
            reply.write_to(&mut wire);
            prop_assert_eq!(read_all(&wire), Ok(vec![reply]));
        }
    }
}
