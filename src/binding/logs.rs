//! Python's loggers, if there are any: a program that hasn't imported `logging` has no handlers,
//! and pays nothing. They are always called in the caller's own thread and without any of our
//! locks, because a handler may itself send mail and wait for a lock.

use crate::address::ForwardPath;
use crate::driver::{Listener, TimedLine};
use crate::escape::escaped;
use crate::protocol::transaction::Fate;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// As `logging` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug = 10,
    Info = 20,
    Warning = 30,
}

/// One of Python's loggers, found once: the same name is the same logger for ever.
pub struct PythonLogger {
    name: &'static str,
    logger: PyOnceLock<Found>,
    /// Sets up what shows warnings, when there is one.
    set_up: Mutex<Option<Py<PyAny>>>,
}

struct Found {
    logger: Py<PyAny>,
    /// What it has answered so far, by level: `logging` empties it when any level changes.
    answers: Option<Py<PyDict>>,
}

impl Found {
    fn new(py: Python<'_>, logger: Bound<'_, PyAny>) -> PyResult<Self> {
        // A class of the program's may answer in another way.
        let is_plain = logger.get_type().is(&py.import("logging")?.getattr("Logger")?);
        let answers = if is_plain { logger.getattr("_cache").ok() } else { None };
        let answers = answers.and_then(|answers| answers.cast_into::<PyDict>().ok()).map(Bound::unbind);
        Ok(Self { logger: logger.unbind(), answers })
    }

    /// Its `isEnabledFor`. It is asked several times for each message, and a call of Python's would
    /// be a twentieth of what the message costs: what it has answered before is looked up here, as it
    /// would itself.
    fn is_enabled_for(&self, py: Python<'_>, level: Level) -> PyResult<bool> {
        let logger = self.logger.bind(py);
        if let Some(answers) = &self.answers
            && let Some(answer) = answers.bind(py).get_item(level as u8)?
            && !logger.getattr(pyo3::intern!(py, "disabled"))?.is_truthy()?
        {
            return answer.extract();
        }
        logger.call_method1(pyo3::intern!(py, "isEnabledFor"), (level as u8,))?.extract()
    }
}

/// Calls `set_up` once, before the first warning in `rsmtp.mail`. A command that shows warnings
/// then loads `logging` only if there is one: that takes longer than to send a message.
#[pyfunction]
#[pyo3(name = "_before_warning")]
pub fn before_warning(set_up: Py<PyAny>) {
    *MAIL.waiting() = Some(set_up);
}

/// What became of each message, at INFO; retries and fail-over, at WARNING.
pub static MAIL: PythonLogger = PythonLogger::named("rsmtp.mail");
/// Conversations, secrets masked, at DEBUG.
pub static SMTP: PythonLogger = PythonLogger::named("rsmtp.smtp");
/// What TLS settled, at DEBUG.
pub static TLS: PythonLogger = PythonLogger::named("rsmtp.tls");

impl PythonLogger {
    const fn named(name: &'static str) -> Self {
        Self { name, logger: PyOnceLock::new(), set_up: Mutex::new(None) }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.set_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it wants this level at the moment. Logging that fails is logging that doesn't
    /// want it; a KeyboardInterrupt while it answers is the caller's.
    pub fn wants(&self, py: Python<'_>, level: Level) -> PyResult<bool> {
        if level >= Level::Warning && self.waiting().is_some() {
            return Ok(true);
        }
        let enabled = self.find(py).and_then(|logger| match logger {
            Some(found) => found.is_enabled_for(py, level),
            None => Ok(false),
        });
        match enabled {
            Err(raised) if !raised.is_instance_of::<PyException>(py) => Err(raised),
            enabled => Ok(enabled.unwrap_or(false)),
        }
    }

    /// Logs it, if it is wanted, with control characters escaped: most texts hold words of a
    /// server's. A handler that fails is no reason not to go on: only what is no error
    /// (KeyboardInterrupt) is the caller's.
    pub fn say(&self, py: Python<'_>, level: Level, text: &str) -> PyResult<()> {
        let set_up = if level >= Level::Warning { self.waiting().take() } else { None };
        let ready = set_up.map_or(Ok(()), |set_up| set_up.call0(py).map(|_| ()));
        let said = ready.and_then(|()| self.find(py)).and_then(|logger| match logger {
            Some(found) => {
                let said = (level as u8, "%s", escaped(text));
                found.logger.bind(py).call_method1(pyo3::intern!(py, "log"), said).map(|_| ())
            }
            None => Ok(()),
        });
        match said {
            Err(raised) if raised.is_instance_of::<PyException>(py) => {
                raised.write_unraisable(py, None);
                Ok(())
            }
            said => said,
        }
    }

    fn find(&self, py: Python<'_>) -> PyResult<Option<&Found>> {
        if let Some(found) = self.logger.get(py) {
            return Ok(Some(found));
        }
        static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let modules = MODULES.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?.unbind())
        })?;
        let Some(logging) = modules.bind(py).get_item(pyo3::intern!(py, "logging"))? else { return Ok(None) };
        // While `logging` itself is being imported, it has no loggers yet.
        if !logging.hasattr("getLogger")? {
            return Ok(None);
        }
        let found = self.logger.get_or_try_init(py, || {
            // A program that has not configured logging gets no warnings on standard error.
            let ours = logging.call_method1("getLogger", ("rsmtp",))?;
            if ours.getattr("handlers")?.is_empty()? {
                ours.call_method1("addHandler", (logging.call_method0("NullHandler")?,))?;
            }
            Found::new(py, logging.call_method1("getLogger", (self.name,))?)
        })?;
        Ok(Some(found))
    }
}

/// Who listens, as it stands when a call begins.
pub fn listener(py: Python<'_>) -> PyResult<Listener> {
    Ok(Listener {
        conversation: SMTP.wants(py, Level::Debug)?,
        trouble: MAIL.wants(py, Level::Warning)?,
        messages: MAIL.wants(py, Level::Info)?,
    })
}

pub fn say_line(py: Python<'_>, line: &TimedLine) -> PyResult<()> {
    SMTP.say(py, Level::Debug, &line.said())
}

/// Addresses that are named in one line; of more, the number of the others is told.
const NAMED: usize = 10;

/// What became of a message: nothing of its content.
pub fn message(
    recipients: &[(ForwardPath, Fate)],
    server: Option<&str>,
    took: Option<Duration>,
    attempts: u32,
    error: Option<&str>,
) -> String {
    let mut parts = Vec::new();
    let mut id = None;
    type Wanted = fn(&Fate) -> bool;
    let kinds: [(&str, Wanted); 4] = [
        ("sent to", |fate| matches!(fate, Fate::Sent(_))),
        ("refused for", |fate| matches!(fate, Fate::Refused(..))),
        ("unknown for", |fate| *fate == Fate::Unknown),
        ("not sent to", |fate| *fate == Fate::NotSent),
    ];
    for (name, wanted) in kinds {
        let these: Vec<_> = recipients.iter().filter(|(_, fate)| wanted(fate)).collect();
        if these.is_empty() {
            continue;
        }
        let mut named: Vec<String> = Vec::new();
        for (path, fate) in these.iter().take(NAMED) {
            match fate {
                Fate::Refused(_, reply) => named.push(format!("{path} ({reply})")),
                Fate::Sent(reply) => {
                    id = id.or_else(|| reply.queue_id());
                    named.push(path.to_string());
                }
                _ => named.push(path.to_string()),
            }
        }
        if these.len() > NAMED {
            named.push(format!("{} more", these.len() - NAMED));
        }
        parts.push(format!("{name} {}", named.join(", ")));
    }
    if parts.is_empty() {
        parts.push("not sent".to_owned());
    }
    let mut text = parts.join("; ");
    if let Some(server) = server {
        text += &format!(" by {server}");
    }
    if let Some(took) = took {
        text += &format!(" in {:.3} s", took.as_secs_f64());
    }
    if let Some(id) = id {
        text += &format!(", queue id {id}");
    }
    if attempts > 1 {
        text += &format!(", {attempts} attempts");
    }
    if let Some(error) = error {
        text += &format!(": {error}");
    }
    text
}
