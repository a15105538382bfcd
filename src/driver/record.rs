//! The transcript of a connection: masked lines with the time they were said.

use crate::protocol::transcript::Line;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Lines that are kept, and octets of them; older ones go first.
const KEPT: usize = 2000;
const OCTETS: usize = 1024 * 1024;

#[derive(Clone, Debug)]
pub struct TimedLine {
    /// Since the connection was begun.
    pub at: Duration,
    pub line: Line,
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

    pub fn push(&mut self, line: Line) -> &TimedLine {
        self.octets += line.text.len();
        while self.lines.len() == KEPT || self.octets > OCTETS {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.octets -= oldest.line.text.len();
        }
        self.lines.push_back(TimedLine { at: self.start.elapsed(), line });
        &self.lines[self.lines.len() - 1]
    }

    pub fn lines(&self) -> impl Iterator<Item = &TimedLine> {
        self.lines.iter()
    }
}
