//! Matches replies to commands from the two streams alone: the k-th reply answers the k-th item
//! that the client sent and that requires a reply.

use super::wire;

/// A reply as the server sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    pub code: u16,
    pub text: Vec<u8>,
    /// The transactions whose message had been taken as a whole when the reply's first octet
    /// arrived.
    pub taken: Vec<usize>,
}

/// A mail transaction as a server sees it. Places are positions in the list of replies.
#[derive(Debug, Default)]
pub struct Seen {
    /// The places of the replies to its RCPTs.
    pub rcpts: Vec<usize>,
    /// Its message, once it is complete.
    pub message: Option<Vec<u8>>,
    /// The place of the (first) reply to its end.
    pub end: Option<usize>,
}

/// Reads the transactions in `said`, which begins with the first of them, as far as they are
/// complete. LMTP answers the end of mail data once for each recipient that it accepted (RFC 2033
/// section 4.2).
pub fn read(said: &[u8], replies: &[Heard], lmtp: bool) -> Vec<Seen> {
    let (mut seen, mut chunks, mut rest, mut place): (Vec<Seen>, Vec<u8>, _, usize) =
        (Vec::new(), Vec::new(), said, 0);
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..at]).to_ascii_uppercase();
        rest = &rest[at + 2..];
        let mine = place;
        place += 1;
        if line.starts_with("MAIL FROM:") {
            seen.push(Seen::default());
            chunks.clear();
        }
        let Some(current) = seen.last_mut() else { continue };
        if line.starts_with("RCPT TO:") {
            current.rcpts.push(mine);
        } else if line == "DATA" && replies.get(mine).is_some_and(|reply| reply.code == 354) {
            let Some((content, after)) = wire::unstuff(rest) else { break };
            let accepted = current.rcpts.iter().filter(|&&rcpt| replies[rcpt].code / 100 == 2).count();
            (current.message, current.end) = (Some(content), Some(place));
            place += if lmtp { accepted.max(1) } else { 1 };
            rest = after;
        } else if let Some(chunk) = line.strip_prefix("BDAT ") {
            let octets: usize = chunk.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            let Some(content) = rest.get(..octets) else { break };
            chunks.extend_from_slice(content);
            rest = &rest[octets..];
            if chunk.ends_with(" LAST") {
                (current.message, current.end) = (Some(std::mem::take(&mut chunks)), Some(mine));
            }
        }
    }
    seen
}

/// Reads replies from the stream in the simplest way.
#[derive(Debug, Default)]
pub struct Scanner {
    line: Vec<u8>,
    lines: Vec<Vec<u8>>,
    taken: Option<Vec<usize>>,
}

impl Scanner {
    /// Returns the replies that end in these octets. `taken` applies to the replies that begin in
    /// them.
    pub fn read(&mut self, octets: &[u8], taken: &[usize]) -> Vec<Heard> {
        let mut found = Vec::new();
        for &octet in octets {
            self.taken.get_or_insert_with(|| taken.to_vec());
            self.line.push(octet);
            if octet != b'\n' {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let last = line.get(3) != Some(&b'-');
            self.lines.push(line);
            if last {
                let lines = std::mem::take(&mut self.lines);
                let code = lines[0].get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                let text = |line: &Vec<u8>| line.get(4..).unwrap_or_default().trim_ascii().to_vec();
                let text: Vec<Vec<u8>> = lines.iter().map(text).collect();
                found.push(Heard {
                    code: code.unwrap_or(0),
                    text: text.join(&b'\n'),
                    taken: self.taken.take().unwrap_or_default(),
                });
            }
        }
        found
    }
}
