//! Lines of a transcript as Python sees them.

use crate::driver::TimedLine;
use crate::protocol::transcript::Speaker;
use pyo3::prelude::*;

/// One line of a conversation, secrets masked.
#[pyclass(frozen, module = "rsmtp", eq, hash)]
#[derive(Clone, PartialEq)]
pub struct TranscriptLine {
    /// Seconds since the connection was begun.
    #[pyo3(get)]
    at: f64,
    /// "C" for the client, "S" for the server, "*" for what happened besides.
    #[pyo3(get)]
    direction: &'static str,
    /// Without the line end; bytes that are not UTF-8 are shown as U+FFFD.
    #[pyo3(get)]
    text: String,
    /// The session's state when it was said.
    #[pyo3(get)]
    state: &'static str,
}

impl std::hash::Hash for TranscriptLine {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        (self.direction, &self.text, self.state).hash(hasher);
    }
}

impl From<&TimedLine> for TranscriptLine {
    fn from(timed: &TimedLine) -> Self {
        let direction = match timed.line.speaker {
            Speaker::Client => "C",
            Speaker::Server => "S",
            Speaker::Note => "*",
        };
        let text = timed.text();
        Self { at: timed.at.as_secs_f64(), direction, text, state: timed.line.state.name() }
    }
}

#[pymethods]
impl TranscriptLine {
    fn __repr__(&self) -> String {
        format!("<{:.3} {}: {}>", self.at, self.direction, self.text)
    }

    fn __str__(&self) -> String {
        format!("{:8.3}  {}: {}", self.at, self.direction, self.text)
    }
}
