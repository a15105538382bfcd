//! A mailer's worker for an event loop. The loop does what the worker says, as a thread of
//! `bulk/threads.rs` does.

use super::log::Log;
use super::parcel::Shipment;
use super::sending::Sending;
use crate::binding::argument::parse;
use crate::binding::credentials::{Login, not_told};
use crate::binding::error::{Told, bad_argument, exception};
use crate::binding::logs::{self, Level};
use crate::binding::operation::Operation;
use crate::binding::pump::{Next, help};
use crate::bulk::{self, Do, Parting, stopped};
use crate::driver::{self, TimedLine, Until};
use crate::protocol::{Error, Kind, Stage};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What opens sessions and sends by them, one after the other, as long as there is work.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Worker {
    worker: Shared,
}

type Shared = Arc<Mutex<bulk::Worker<Shipment>>>;

/// A worker that converses.
pub struct Serving {
    worker: Shared,
    /// Nothing is to be said before.
    wake_at: Option<Instant>,
}

fn lock(worker: &Shared) -> MutexGuard<'_, bulk::Worker<Shipment>> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Worker {
    /// What to do next, with which server, session or number, and for how many seconds:
    /// "dial", "reuse", "queue", "pause", "wait" or "leave".
    #[pyo3(signature = () -> "tuple[str, int, float]")]
    fn next(&self) -> (&'static str, u64, f64) {
        let now = Instant::now();
        let seconds = |when: Instant| when.saturating_duration_since(now).as_secs_f64();
        match lock(&self.worker).next(now) {
            Do::Dial(hop) => ("dial", hop as u64, 0.0),
            Do::Reuse(id) => ("reuse", id, 0.0),
            Do::Queue(number) => ("queue", number, 0.0),
            Do::Pause(when) => ("pause", 0, seconds(when)),
            Do::Wait(when) => ("wait", 0, when.map_or(f64::INFINITY, seconds)),
            Do::Talk | Do::Part | Do::Leave => ("leave", 0, 0.0),
        }
    }

    /// It ends, and gives back what it holds.
    fn leave(&self) {
        lock(&self.worker).leave();
    }

    /// There is no connection, for this reason.
    #[pyo3(signature = (why: "BaseException"))]
    fn not_opened(&self, #[pyo3(from_py_with = exception)] why: PyErr) {
        lock(&self.worker).not_opened(&told(why), Instant::now());
    }

    /// There are no credentials, because of what the callable has raised.
    #[pyo3(signature = (why: "BaseException"))]
    fn not_told(&self, py: Python<'_>, #[pyo3(from_py_with = exception)] why: PyErr) {
        lock(&self.worker).not_opened(&not_told(py, why), Instant::now());
    }

    /// The password or token that the server to be dialled has rejected: another is wanted.
    #[getter]
    fn rejected(&self) -> Option<String> {
        lock(&self.worker).rejected().map(|rejected| rejected.secret().to_owned())
    }

    /// Whether it has a session that is ready for mail.
    #[getter]
    fn is_working(&self) -> bool {
        lock(&self.worker).is_working()
    }

    /// The session that was to be used again has gone.
    fn gone(&self) {
        lock(&self.worker).reused(None, Instant::now());
    }
}

/// An exception of the loop's side as one of the engine's errors.
fn told(why: PyErr) -> Error {
    let transient = Python::attach(|py| {
        let transient = why.value(py).getattr("transient").and_then(|value| value.extract::<Option<bool>>());
        transient.ok().flatten().unwrap_or(true)
    });
    let kind = if transient { Kind::Unreachable } else { Kind::UnknownHost };
    let error = Error::new(kind, Stage::Connect, why.to_string());
    Error { cause: Some(Arc::new(Told(why))), ..error }
}

#[pymethods]
impl Operation {
    /// Begins to converse for a worker: on a session that is to be opened, whose own
    /// address literal is given, or on one that was at rest. `login` is what was asked for.
    #[pyo3(signature = (worker, literal, login=None))]
    fn begin_serving(
        &self,
        py: Python<'_>,
        worker: &Worker,
        literal: Option<&str>,
        login: Option<&Login>,
    ) -> PyResult<()> {
        let own = literal.map(|literal| parse("literal", literal)).transpose()?;
        let asked = login.map(|login| login.credentials.clone());
        let shared = Arc::clone(&worker.worker);
        let begun = self.look(py, |driver| {
            let mut worker = lock(&shared);
            match own {
                Some(own) => worker.dialled(own, asked, driver, Instant::now()),
                None => worker.reused(Some(driver), Instant::now()),
            }
            driver.begin(Until::Ended, |_| Ok(()))
        })?;
        begun.map_err(|error| crate::binding::error::to_python(py, &error))?;
        *self.serving() = Some(Serving { worker: shared, wake_at: None });
        Ok(())
    }

    /// Ends the conversation, however it went: the number by which to keep the session,
    /// None where it is to be ended by QUIT, or -1 where it is over.
    fn end_serving(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        let Some(Serving { worker, .. }) = self.serving().take() else {
            return Err(bad_argument("worker", &"none converses"));
        };
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut lines = Lines::new(py)?;
        let parting = self.look(py, |driver| {
            // The worker hears what was settled while there was still something to send.
            lock(&worker).hear(driver, Instant::now());
            if driver.is_serving() {
                driver.fail(stopped());
            }
            lines.note(driver);
            let settled = driver.take_settled().err();
            // The exception that an SSLContext raised says more than the engine's error, so it
            // becomes the cause.
            let error = settled.map(|error| match raised {
                Some(raised) => Error { cause: Some(Arc::new(Told(raised))), ..error },
                None => error,
            });
            lock(&worker).part(driver.session_mut(), error.as_ref(), Instant::now())
        })?;
        lines.say(py)?;
        Ok(match parting {
            Parting::Rest(id) => Some(i64::try_from(id).unwrap_or(-1)),
            Parting::Quit => None,
            Parting::Close => Some(-1),
        })
    }

    /// Whether the session is open and silent, and may be used again.
    #[getter]
    fn is_quiet(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, driver::Operation::is_quiet)
    }
}

impl Operation {
    fn serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is next after `hear`, with what is to be `said`; None, and nothing was done: no
    /// worker converses.
    pub(in crate::binding) fn serve(
        &self,
        py: Python<'_>,
        hear: impl FnOnce(&mut driver::Operation) + Send,
        said: &mut Vec<u8>,
    ) -> PyResult<Option<Next>> {
        let mut held = self.serving();
        let Some(serving) = &mut *held else { return Ok(None) };
        let mut lines = Lines::new(py)?;
        let next = self.look(py, |driver| {
            hear(driver);
            let output = serving.output(driver, &mut lines, |octets| help(said, octets));
            lines.note(driver);
            Next::of(output, driver)
        })?;
        drop(held);
        lines.say(py)?;
        Ok(Some(next))
    }

    pub(in crate::binding) fn seconds_to_work(&self) -> Option<f64> {
        let when = self.serving().as_ref()?.wake_at?;
        Some(when.saturating_duration_since(Instant::now()).as_secs_f64())
    }
}

/// The lines that were said meanwhile, for the log.
struct Lines {
    /// Checked at each step, because a program may change the level. Nearly none wants them, and copies
    /// of them would be a good part of what a message costs.
    wanted: bool,
    said: Vec<TimedLine>,
}

impl Lines {
    fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self { wanted: logs::SMTP.wants(py, Level::Debug)?, said: Vec::new() })
    }

    fn note(&mut self, driver: &mut driver::Operation) {
        driver.note_lines(self.wanted, |line| self.said.push(line.clone()));
    }

    /// With no lock of ours held.
    fn say(&self, py: Python<'_>) -> PyResult<()> {
        self.said.iter().try_for_each(|line| logs::say_line(py, line))
    }
}

impl Serving {
    /// What is to be sent now, as `take` wants it; None: there is something to wait for.
    fn output(
        &mut self,
        driver: &mut driver::Operation,
        lines: &mut Lines,
        mut take: impl FnMut(&[u8]),
    ) -> Option<()> {
        let mut worker = lock(&self.worker);
        loop {
            if driver.output(&mut take).is_some() {
                return Some(());
            }
            let now = Instant::now();
            // Recorded first, because the result may be an error that quotes the last lines.
            lines.note(driver);
            worker.hear(driver, now);
            if !driver.is_serving() {
                return driver.output(&mut take);
            }
            if driver.session().state().is_over() {
                // The server's 421 ended the session, even if the server doesn't close the
                // connection.
                driver.received(&[]);
                continue;
            }
            self.wake_at = None;
            match worker.talk(driver.session_mut(), now) {
                Do::Talk => {}
                Do::Wait(when) => self.wake_at = when,
                _ => {
                    driver.end_serving();
                    return None;
                }
            }
            if !driver.is_about_to_send() {
                return None;
            }
        }
    }
}

#[pymethods]
impl Sending {
    /// Works in this thread until nothing is left to do: files and programs.
    fn work_here(&self, py: Python<'_>) {
        // Failures are recorded in the receipts.
        let _ = py.detach(|| self.batch.deliver_here());
    }

    /// Adds the receipts that have come. Whether all is told.
    fn tell(&self, py: Python<'_>, told: &Bound<'_, PyList>) -> PyResult<bool> {
        let mut log = Log::default();
        let mut progress = self.progress();
        progress.tell(&self.batch, told, &mut log)?;
        let failed = self.batch.lock().queue.failure().is_some();
        let over = self.batch.lock().is_over() && (progress.fed || failed);
        drop(progress);
        log.say(py, self.batch.interest.listener)?;
        Ok(over)
    }

    /// Another worker; None: there are enough for what is not settled. `asked`: for a sending
    /// by a callable that a session of this mailer waits for.
    fn worker(&self, asked: bool) -> Option<Worker> {
        self.batch.enlist(asked).map(|worker| Worker { worker: Arc::new(Mutex::new(worker)) })
    }

    /// A worker could not be started: this ends the sending.
    #[pyo3(signature = (why: "BaseException"))]
    fn fail(&self, #[pyo3(from_py_with = exception)] why: PyErr) {
        self.batch.fail(&told(why));
    }
}
