//! What the driver asks while it waits: signals, logging, debug output. All of
//! it happens without any lock of ours held.

use super::transcript::TranscriptLine;
use crate::driver::{Attendant, SMTP_LOG, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Logger of what TLS settled, at DEBUG.
pub const TLS_LOG: &str = "rsmtp.tls";

/// Levels are asked of Python each time, because they may change at run time. A
/// KeyboardInterrupt while `logging` is imported is the caller's.
pub fn install_logging(py: Python<'_>) -> PyResult<()> {
    let ours = pyo3_log::Logger::new(py, pyo3_log::Caching::Loggers)?
        .filter(log::LevelFilter::Off)
        // Whole names: a filter for "rsmtp" would be for "rsmtp::...", not "rsmtp. ...".
        .filter_target(SMTP_LOG.to_owned(), log::LevelFilter::Debug)
        .filter_target(TLS_LOG.to_owned(), log::LevelFilter::Debug);
    // Another logger in the process was there first: it stays.
    if log::set_boxed_logger(Box::new(WhilePythonLasts(ours))).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    Ok(())
}

/// A thread that the end of the interpreter leaves behind has nobody to log to.
struct WhilePythonLasts(pyo3_log::Logger);

impl log::Log for WhilePythonLasts {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        Python::try_attach(|_| self.0.log(record));
    }

    fn flush(&self) {}
}

/// One of Python's loggers, found once: the same name is the same logger for ever.
pub struct PythonLogger {
    name: &'static str,
    logger: PyOnceLock<Py<PyAny>>,
}

pub static SMTP_LOGGER: PythonLogger = PythonLogger::named(SMTP_LOG);
pub static TLS_LOGGER: PythonLogger = PythonLogger::named(TLS_LOG);

impl PythonLogger {
    const fn named(name: &'static str) -> Self {
        Self { name, logger: PyOnceLock::new() }
    }

    /// Whether it wants DEBUG at the moment. Logging that fails is logging that doesn't
    /// want it; a KeyboardInterrupt while it answers is the caller's.
    pub fn wants_debug(&self, py: Python<'_>) -> PyResult<bool> {
        let find = || Ok(py.import("logging")?.call_method1("getLogger", (self.name,))?.unbind());
        let logger: PyResult<_> = self.logger.get_or_try_init(py, find);
        let enabled = logger.and_then(|logger| {
            logger.bind(py).call_method1(pyo3::intern!(py, "isEnabledFor"), (10,))?.extract()
        });
        match enabled {
            Err(raised) if !raised.is_instance_of::<PyException>(py) => Err(raised),
            enabled => Ok(enabled.unwrap_or(false)),
        }
    }
}

pub struct Attending {
    /// `observer(line)`, for debug output.
    observer: Option<Py<PyAny>>,
    logs: bool,
    /// Lines that are to be heard when no lock is held.
    later: Vec<TimedLine>,
    /// What a signal handler or the observer raised.
    raised: Option<PyErr>,
}

impl Attending {
    pub fn new(py: Python<'_>, observer: Option<Py<PyAny>>) -> PyResult<Self> {
        Ok(Self { observer, logs: SMTP_LOGGER.wants_debug(py)?, later: Vec::new(), raised: None })
    }

    /// For a look at the connection: nothing is said.
    pub fn silent() -> Self {
        Self { observer: None, logs: false, later: Vec::new(), raised: None }
    }

    /// Keeps a line for [`Attending::catch_up`], if anybody wants it.
    pub fn hear_later(&mut self, line: &TimedLine) {
        if self.logs || self.observer.is_some() {
            self.later.push(line.clone());
        }
    }

    pub fn has_to_catch_up(&self) -> bool {
        !self.later.is_empty()
    }

    /// Hears the lines that were kept. An error: the observer raised, or did before.
    pub fn catch_up(&mut self) -> Result<(), Error> {
        for line in std::mem::take(&mut self.later) {
            self.hear(&line);
        }
        match self.raised {
            Some(_) => Err(interrupted()),
            None => Ok(()),
        }
    }

    /// The exception that ended the wait, if one did: it goes before ours.
    pub fn take_raised(&mut self) -> Option<PyErr> {
        self.raised.take()
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, Stage::Command, "the wait was interrupted")
}

impl Attendant for Attending {
    fn attend(&mut self) -> Result<(), Error> {
        // While the interpreter ends there are no signals any more, and the wait goes on: in a
        // thread that is left behind, or in a finalizer that still has something to say.
        if let Some(Err(raised)) = Python::try_attach(|py| py.check_signals()) {
            self.raised.get_or_insert(raised);
        }
        match self.raised {
            Some(_) => Err(interrupted()),
            None => Ok(()),
        }
    }

    fn hear(&mut self, line: &TimedLine) {
        if self.logs {
            line.log();
        }
        if let Some(observer) = &self.observer {
            let tell = |py: Python<'_>| observer.call1(py, (TranscriptLine::from(line),)).map(|_| ());
            if let Some(Err(raised)) = Python::try_attach(tell) {
                self.raised.get_or_insert(raised);
            }
        }
    }
}
