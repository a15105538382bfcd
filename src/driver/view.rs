//! What other threads can see of a conversation without waiting for it. A thread that asks while
//! another one is using the conversation gets an answer at once, and so does a forked child.

use super::record::{Record, TimedLine};
use crate::protocol::State;
use crate::protocol::error::Trace;
use crate::protocol::transcript::Line;
use crate::tls::TlsFacts;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct View {
    /// An index into [`State::ALL`].
    state: AtomicUsize,
    tls: OnceLock<TlsFacts>,
    /// Held only for moments, and never during a callback.
    record: Mutex<Record>,
    /// A forked child has a copy of the socket, but the session belongs to its parent.
    process: u32,
}

/// A part of a conversation, with its times.
#[derive(Debug)]
pub struct Course {
    /// When the connection was begun. The times of the lines count from here.
    pub began: Instant,
    pub lines: Vec<TimedLine>,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicUsize::new(0),
            tls: OnceLock::new(),
            record: Mutex::new(Record::start()),
            process: std::process::id(),
        }
    }

    pub fn state(&self) -> State {
        State::ALL[self.state.load(Ordering::Relaxed)]
    }

    /// What TLS negotiated. None without TLS.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls.get()
    }

    /// The last lines of the conversation.
    pub fn lines(&self) -> Vec<TimedLine> {
        self.look().map(|record| record.lines().cloned().collect()).unwrap_or_default()
    }

    /// The states that it went through, as far as the lines show, and the present one.
    pub fn path(&self) -> Vec<State> {
        let mut path = Vec::new();
        let mut went = |state| {
            if path.last() != Some(&state) {
                path.push(state);
            }
        };
        if let Some(record) = self.look() {
            record.lines().for_each(|timed| went(timed.line.state));
        }
        went(self.state());
        path
    }

    /// How it reached its present state, with the last lines.
    pub fn trace(&self) -> Arc<Trace> {
        const ENOUGH: usize = 20;
        let last = self.lines().into_iter().rev().take(ENOUGH).map(|timed| timed.line);
        let mut lines: Vec<Line> = last.collect();
        lines.reverse();
        Arc::new(Trace { server: None, path: self.path(), lines })
    }

    /// The lines since this time, or from the beginning, with their times.
    pub fn course(&self, since: Option<Instant>) -> Course {
        let Some(record) = self.look() else { return Course { began: Instant::now(), lines: Vec::new() } };
        let began = record.began();
        let from = since.map_or(Duration::ZERO, |since| since.saturating_duration_since(began));
        Course { began, lines: record.lines().filter(|timed| timed.at >= from).cloned().collect() }
    }

    /// Whether this is a forked child's copy of its parent's connection.
    pub fn is_of_another_process(&self) -> bool {
        self.process != std::process::id()
    }

    pub(super) fn show(&self, state: State, tls: Option<&TlsFacts>) {
        self.state.store(state as usize, Ordering::Relaxed);
        if let Some(facts) = tls {
            self.tls.get_or_init(|| facts.clone());
        }
    }

    pub(super) fn push(&self, line: Line) -> TimedLine {
        self.record().push(line).clone()
    }

    pub(super) fn push_all(&self, lines: impl Iterator<Item = Line>) {
        self.record().push_all(lines);
    }

    /// None if the thread that holds the lock exists in the parent process only.
    fn look(&self) -> Option<MutexGuard<'_, Record>> {
        match self.record.try_lock() {
            Ok(record) => Some(record),
            Err(_) if self.is_of_another_process() => None,
            Err(_) => Some(self.record()),
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_shown_as_itself() {
        let view = View::new();
        for state in State::ALL {
            view.show(state, None);
            assert_eq!(view.state(), state);
        }
    }
}
