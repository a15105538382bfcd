//! Converts every engine error to a Python exception. `rsmtp._common.raising.from_engine` chooses the
//! class.

use super::outcome::reply_to_python;
use super::transcript::TranscriptLine;
use crate::driver::TimedLine;
use crate::protocol::Error;
use crate::protocol::error::{Advice, Trace};
use crate::protocol::reply::Reply;
use crate::protocol::transaction::{Fate, Outcome};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::fmt;
use std::time::Duration;

/// The cause of an error that was an exception before: the same exception is raised again.
#[derive(Debug)]
pub struct Told(pub PyErr);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Told {}

/// An exception that Python code of ours raised, for a call that Rust answers: its traceback ends with
/// the call, as `@public` does it for a call that Python answers.
pub fn as_raised_by_the_call(py: Python<'_>, raised: PyErr) -> PyErr {
    let shorten = |value: PyErr| {
        py.import("rsmtp._common.tracebacks")?.call_method1("shortened", (value.into_value(py),))
    };
    shorten(raised).map_or_else(|failed| failed, PyErr::from_value)
}

pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    raise(py, error).unwrap_or_else(|failed| failed)
}

fn raise(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    if let Some(told) = error.cause.as_deref().and_then(|cause| cause.downcast_ref::<Told>()) {
        // Each caller gets its own copy, because an exception collects tracebacks and notes.
        let copy = py.import("copy")?.call_method1("copy", (told.0.value(py),));
        // Some exceptions of other libraries can't be copied.
        return Ok(copy.map_or_else(|_| told.0.clone_ref(py), PyErr::from_value));
    }
    static FROM_ENGINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let facts = PyDict::new(py);
    facts.set_item("stage", error.stage.name())?;
    facts.set_item("reply", error.reply.as_ref().map(|reply| reply_to_python(py, reply)))?;
    facts.set_item("enhanced_code", error.enhanced().map(|code| code.to_string()))?;
    facts.set_item("oauth_error", error.reply.as_ref().and_then(Reply::explanation))?;
    facts.set_item("address", error.address.as_deref())?;
    facts.set_item("transient", error.is_transient())?;
    facts.set_item("os_error", error.os_error)?;
    facts.set_item("advice", error.advice.map(Advice::name))?;
    facts.set_item("fates", error.outcome.as_deref().map(fates))?;
    let make = FROM_ENGINE.import(py, "rsmtp._common.raising", "from_engine")?;
    let exception = PyErr::from_value(make.call((error.kind.name(), &error.message), Some(&facts))?);
    if let Some(cause) = error.cause.as_deref().and_then(|cause| cause.downcast_ref::<PyErr>()) {
        // A KeyboardInterrupt and the like are not errors. They are raised instead of this one.
        if !cause.is_instance_of::<PyException>(py) {
            return Ok(cause.clone_ref(py));
        }
        for name in ["reason", "library", "verify_code", "verify_message"] {
            if let Ok(told) = cause.value(py).getattr(name) {
                exception.value(py).setattr(name, told)?;
            }
        }
        exception.set_cause(py, Some(cause.clone_ref(py)));
    }
    if let Some(trace) = &error.trace {
        // The trace explains an error. Failing to attach it must not raise another error.
        let _ = tell_trace(exception.value(py), trace);
    }
    Ok(exception)
}

/// How the conversation came to it: in the exception, and in a note.
pub fn tell_trace(exception: &Bound<'_, PyAny>, trace: &Trace) -> PyResult<()> {
    if let Some(server) = &trace.server {
        exception.setattr("_server", &**server)?;
    }
    let path: Vec<&str> = trace.path.iter().map(|state| state.name()).collect();
    let at = Duration::ZERO;
    let lines = trace.lines.iter().map(|line| TranscriptLine::from(&TimedLine { at, line: line.clone() }));
    tell_conversation(exception, &path, lines.collect())
}

pub fn tell_conversation(
    exception: &Bound<'_, PyAny>,
    path: &[&str],
    lines: Vec<TranscriptLine>,
) -> PyResult<()> {
    static TELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let tell = TELL.import(exception.py(), "rsmtp._common.raising", "tell_conversation")?;
    tell.call1((exception, path.to_vec(), lines)).map(|_| ())
}

/// What is known of each recipient, by name.
pub fn fates(outcome: &Outcome) -> Vec<(String, &'static str)> {
    let name = |fate: &Fate| match fate {
        Fate::Sent(_) => "sent",
        Fate::Refused(..) => "refused",
        Fate::Unknown => "unknown",
        Fate::NotSent => "not sent",
    };
    outcome.recipients.iter().map(|(path, fate)| (path.to_string(), name(fate))).collect()
}

/// Bad input, by the name of the argument.
pub fn bad_argument(argument: &str, why: &dyn fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{argument}: {why}"))
}

/// An exception that is given as an argument.
pub fn exception(given: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyErr::from_value(given.clone()))
}
