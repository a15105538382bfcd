//! The transcript of a connection: masked lines with the time they were said.

use crate::protocol::transcript::Line;
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

    pub fn lines(&self) -> impl Iterator<Item = &TimedLine> {
        self.lines.iter()
    }
}
