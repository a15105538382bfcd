//! What the driver attends to while it waits: signals, logging, debug output. All of it runs
//! without any of our locks.

use super::logs::{self, Level};
use super::transcript::TranscriptLine;
use crate::driver::{Attendant, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use pyo3::prelude::*;

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
        Ok(Self { observer, logs: logs::SMTP.wants(py, Level::Debug)?, later: Vec::new(), raised: None })
    }

    /// For a look at the connection: nothing is said.
    pub fn silent() -> Self {
        Self { observer: None, logs: false, later: Vec::new(), raised: None }
    }

    /// Keeps a line for [`Attending::catch_up`], if a logger or an observer wants it.
    pub fn hear_later(&mut self, line: &TimedLine) {
        if self.listens() {
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

    /// Not while the interpreter ends: a thread that it leaves behind has no log.
    fn tell(&mut self, tell: impl FnOnce(Python<'_>) -> PyResult<()>) {
        if let Some(Err(raised)) = Python::try_attach(tell) {
            self.raised.get_or_insert(raised);
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
        // While the interpreter shuts down there are no signals to check. The wait continues,
        // either in a thread that has been left behind or in a finalizer that still has something
        // to send.
        if let Some(Err(raised)) = Python::try_attach(|py| py.check_signals()) {
            self.raised.get_or_insert(raised);
        }
        match self.raised {
            Some(_) => Err(interrupted()),
            None => Ok(()),
        }
    }

    fn listens(&self) -> bool {
        self.logs || self.observer.is_some()
    }

    fn hear(&mut self, line: &TimedLine) {
        if self.logs {
            self.tell(|py| logs::say_line(py, line));
        }
        if let Some(observer) = &self.observer {
            let told = Python::try_attach(|py| observer.call1(py, (TranscriptLine::from(line),)).map(|_| ()));
            if let Some(Err(raised)) = told {
                self.raised.get_or_insert(raised);
            }
        }
    }

    fn warn(&mut self, text: &str) {
        self.tell(|py| logs::MAIL.say(py, Level::Warning, text));
    }

    fn hear_news(&mut self, news: &mut dyn FnMut() -> Vec<String>) {
        for text in news() {
            self.tell(|py| logs::MAIL.say(py, Level::Warning, &text));
        }
    }
}
