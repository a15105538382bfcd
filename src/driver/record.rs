//! The transcript of a connection: masked lines with their times.

use crate::escape::escaped;
use crate::protocol::transcript::{Line, Speaker};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most lines to keep, and octets of them. Older lines are dropped first.
const KEPT: usize = 2000;
const OCTETS: usize = 1024 * 1024;

#[derive(Clone, Debug)]
pub struct TimedLine {
    /// Time since the connection was begun.
    pub at: Duration,
    pub line: Line,
}

/// What the log of a process wants to hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Conversations, line by line.
    pub conversation: bool,
    /// Retries, and switches to another server.
    pub trouble: bool,
    /// The outcome of each message.
    pub messages: bool,
}

impl TimedLine {
    /// A line of a log.
    pub fn said(&self) -> String {
        let who = match self.line.speaker {
            Speaker::Client => "C: ",
            Speaker::Server => "S: ",
            Speaker::Note => "",
        };
        format!("{who}{}", self.text())
    }

    /// As text for people.
    pub fn text(&self) -> String {
        escaped(&String::from_utf8_lossy(&self.line.text)).into_owned()
    }
}

#[derive(Debug)]
pub struct Record {
    start: Instant,
    lines: VecDeque<TimedLine>,
    octets: usize,
}

impl Record {
    pub fn start() -> Self {
        Self { start: Instant::now(), lines: VecDeque::new(), octets: 0 }
    }

    pub fn began(&self) -> Instant {
        self.start
    }

    pub fn push(&mut self, line: Line) -> &TimedLine {
        self.push_at(self.start.elapsed(), line)
    }

    /// Consecutive lines.
    pub fn push_all(&mut self, lines: impl Iterator<Item = Line>) {
        let at = self.start.elapsed();
        for line in lines {
            self.push_at(at, line);
        }
    }

    fn push_at(&mut self, at: Duration, line: Line) -> &TimedLine {
        self.octets += line.text.len();
        while self.lines.len() == KEPT || self.octets > OCTETS {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.octets -= oldest.line.text.len();
        }
        self.lines.push_back(TimedLine { at, line });
        &self.lines[self.lines.len() - 1]
    }

    pub fn lines(&self) -> impl Iterator<Item = &TimedLine> {
        self.lines.iter()
    }
}
