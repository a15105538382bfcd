//! Records conversations, line by line. Secrets are masked before they get here.
//!
//! The lines of one log are stored one after the other in a single buffer, so recording a line
//! costs one copy and no allocation. Everything is bounded, because a connection may send any
//! number of messages.

use crate::escape::escaped;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many logs of past transactions a conversation keeps.
const KEPT_LOGS: usize = 64;
/// How much text one log keeps, in octets.
const KEPT_TEXT: usize = 64 * 1024;

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
    /// Something that happened, such as a handshake or a disconnect.
    Event,
}

impl Side {
    /// The prefix of such lines in dialogues: `C:`, `S:`, or `--` for an event.
    pub fn mark(self) -> &'static str {
        match self {
            Side::Client => "C:",
            Side::Server => "S:",
            Side::Event => "--",
        }
    }
}

/// A sequence of lines.
#[derive(Clone, Debug, Default)]
pub struct Log {
    text: Vec<u8>,
    ends: Vec<Mark>,
    dropped: usize,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    end: u32,
    side: Side,
    at: Duration,
}

/// A line as it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub side: Side,
    /// The time since the start of the connection.
    pub at: Duration,
    pub text: &'a [u8],
}

impl Log {
    /// Creates a log with room for an ordinary transaction.
    pub fn with_room() -> Self {
        Log { text: Vec::with_capacity(256), ends: Vec::with_capacity(8), dropped: 0 }
    }

    pub fn push(&mut self, side: Side, at: Duration, text: &[u8]) {
        if self.text.len() + text.len() > KEPT_TEXT {
            self.dropped += 1;
            return;
        }
        self.text.extend_from_slice(text);
        self.ends.push(Mark { end: self.text.len() as u32, side, at });
    }

    /// Records each line of a reply, given in its wire form.
    pub fn push_reply(&mut self, at: Duration, wire: &[u8]) {
        let wire = wire.strip_suffix(b"\r\n").unwrap_or(wire);
        for line in wire.split(|&octet| octet == b'\n') {
            self.push(Side::Server, at, line.strip_suffix(b"\r").unwrap_or(line));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.dropped == 0
    }

    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|mark| mark.end));
        starts.zip(&self.ends).map(|(start, mark)| Line {
            side: mark.side,
            at: mark.at,
            text: &self.text[start as usize..mark.end as usize],
        })
    }

    fn describe(&self, into: &mut Vec<Said>) {
        into.extend(self.lines().map(|line| Said {
            side: line.side,
            at: Some(line.at),
            text: readable(line.text),
        }));
        if self.dropped > 0 {
            into.push(Said::left_out(format!("{} more lines were not kept", self.dropped)));
        }
    }
}

/// A line for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub side: Side,
    /// The time since the start of the connection. A note about lines that were not kept has none.
    pub at: Option<Duration>,
    pub text: String,
}

impl Said {
    fn left_out(text: String) -> Self {
        Said { side: Side::Event, at: None, text }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side.mark(), self.text)
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side.mark(), readable(self.text))
    }
}

fn readable(text: &[u8]) -> String {
    escaped(&String::from_utf8_lossy(text)).into_owned()
}

/// A connection's lines: its opening, its latest transactions, and the current run. A clone costs a
/// few reference counts.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    opening: Option<Arc<Log>>,
    past: VecDeque<Arc<Log>>,
    dropped: u64,
    current: Arc<Log>,
}

impl Conversation {
    /// The log that lines are recorded in now.
    pub fn current(&mut self) -> &mut Log {
        Arc::make_mut(&mut self.current)
    }

    /// Ends the current run and returns it. The run before the first cut is the opening.
    pub fn cut(&mut self) -> Arc<Log> {
        if self.current.is_empty() {
            return Arc::clone(&self.current);
        }
        let ended = std::mem::replace(&mut self.current, Arc::new(Log::with_room()));
        if self.opening.is_none() {
            self.opening = Some(Arc::clone(&ended));
        } else {
            if self.past.len() == KEPT_LOGS {
                self.past.pop_front();
                self.dropped += 1;
            }
            self.past.push_back(Arc::clone(&ended));
        }
        ended
    }

    /// The opening and this run alone: the conversation about one message.
    pub fn around(&self, run: Arc<Log>) -> Conversation {
        Conversation { opening: self.opening.clone(), past: VecDeque::new(), dropped: 0, current: run }
    }

    /// Builds the conversation about one message from stored lines.
    pub fn of(lines: impl IntoIterator<Item = (Side, Duration, String)>) -> Conversation {
        let mut conversation = Conversation::default();
        for (side, at, text) in lines {
            conversation.current().push(side, at, text.as_bytes());
        }
        conversation
    }

    /// The lines for people to read: `C: EHLO me`, `S: 250 ok`.
    pub fn lines(&self) -> Vec<String> {
        self.said().iter().map(Said::to_string).collect()
    }

    /// The lines with their times.
    pub fn said(&self) -> Vec<Said> {
        let mut lines = Vec::new();
        if let Some(opening) = &self.opening {
            opening.describe(&mut lines);
        }
        if self.dropped > 0 {
            lines.push(Said::left_out(format!("{} earlier runs were not kept", self.dropped)));
        }
        for log in &self.past {
            log.describe(&mut lines);
        }
        self.current.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(conversation: &mut Conversation, text: &str) {
        conversation.current().push(Side::Client, Duration::ZERO, text.as_bytes());
    }

    #[test]
    fn control_characters_are_shown() {
        let mut log = Log::default();
        log.push(Side::Client, Duration::ZERO, b"NO\x00OP\x1b[2J");
        assert_eq!(log.lines().next().unwrap().to_string(), "C: NO\\u{0}OP\\u{1b}[2J");
    }

    #[test]
    fn a_message_has_the_opening_and_its_own_run() {
        let mut conversation = Conversation::default();
        say(&mut conversation, "EHLO");
        conversation.cut();
        say(&mut conversation, "first");
        conversation.cut();
        say(&mut conversation, "second");
        let run = conversation.cut();
        assert_eq!(conversation.around(run).lines(), ["C: EHLO", "C: second"]);
        assert_eq!(conversation.lines(), ["C: EHLO", "C: first", "C: second"]);
    }

    #[test]
    fn any_number_of_lines_stays_bounded() {
        let mut conversation = Conversation::default();
        for _ in 0..10_000 {
            say(&mut conversation, &"x".repeat(100));
        }
        for _ in 0..1_000 {
            say(&mut conversation, "x");
            conversation.cut();
        }
        assert!(conversation.lines().len() < 1_000);
    }
}
