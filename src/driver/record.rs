//! The transcript of a connection: masked lines with the time they were said.

use crate::protocol::State;
use crate::protocol::transcript::{Line, Speaker};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Lines that are kept; older ones go first.
const KEPT: usize = 2000;

#[derive(Clone, Debug)]
pub struct TimedLine {
    /// Since the connection was begun.
    pub at: Duration,
    pub line: Line,
}

/// Logger of conversations, secrets masked, at DEBUG.
pub const SMTP_LOG: &str = "rsmtp.smtp";

impl TimedLine {
    pub fn log(&self) {
        let who = match self.line.speaker {
            Speaker::Client => "C: ",
            Speaker::Server => "S: ",
            Speaker::Note => "",
        };
        log::debug!(target: SMTP_LOG, "{who}{}", String::from_utf8_lossy(&self.line.text));
    }
}

#[derive(Debug)]
pub struct Record {
    start: Instant,
    lines: VecDeque<TimedLine>,
}

impl Record {
    pub fn start() -> Self {
        Self { start: Instant::now(), lines: VecDeque::new() }
    }

    pub fn push(&mut self, line: Line) -> &TimedLine {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(TimedLine { at: self.start.elapsed(), line });
        &self.lines[self.lines.len() - 1]
    }

    /// The states that were gone through, each as often as it was come to.
    pub fn path(&self) -> Vec<State> {
        let mut path: Vec<State> = self.lines.iter().map(|timed| timed.line.state).collect();
        path.dedup();
        path
    }

    pub fn lines(&self) -> impl Iterator<Item = &TimedLine> {
        self.lines.iter()
    }
}
