//! A mailer's messages over a session that an event loop moves: what the worker
//! threads of `Sending.go_on` do, without a thread.

use super::parcel::Shipment;
use super::sending::Sending;
use crate::binding::attendant::Attending;
use crate::binding::error::{Told, bad_argument, exception, to_python};
use crate::binding::request::parse;
use crate::binding::wire::Wire;
use crate::bulk::{Errand, Next, Parted, Work, stopped};
use crate::driver::{Reactive, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub struct Serving {
    errand: Errand<Shipment>,
    /// Nothing is to be said before.
    wake_at: Option<Instant>,
    /// The session is at rest and may not be used again.
    spent: bool,
}

#[pymethods]
impl Wire {
    /// Begins to send what `sending` has, by the server at this place: on a session
    /// that is to be opened, whose own address literal is given, or on one over which
    /// so many messages have gone, of that age and silent for so long (in seconds).
    #[pyo3(signature = (sending, server, literal, begun=0, age=0.0, silence=0.0))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn begin_errand(
        &self,
        py: Python<'_>,
        sending: &Sending,
        server: usize,
        literal: Option<&str>,
        begun: usize,
        age: f64,
        silence: f64,
    ) -> PyResult<()> {
        let now = Instant::now();
        let batch = Arc::clone(&sending.batch);
        let errand = match literal {
            Some(literal) => Errand::new(batch, server, parse("literal", literal)?, now),
            None => {
                Errand::again(batch, server, begun, duration("age", age)?, duration("silence", silence)?, now)
            }
        };
        let begun = self.shared.look(py, |driver| {
            errand.begin(driver.wire_mut());
            driver.begin_serving()
        })?;
        begun.map_err(|error| to_python(py, &error))?;
        *self.serving() = Some(Serving { errand, wake_at: None, spent: false });
        Ok(())
    }

    /// Ends the errand, however it went: `(error, spent, begun, ready)`. The error is an
    /// exception that is not raised: what kept the session from getting any message
    /// answered. `spent` is whether it may not be used again, `begun` the messages that
    /// have gone over it, `ready` whether it came to be ready for mail.
    #[pyo3(signature = () -> "tuple[BaseException | None, bool, int, bool]")]
    fn leave_errand(&self, py: Python<'_>) -> PyResult<(Option<Py<PyAny>>, bool, usize, bool)> {
        let Some(serving) = self.serving().take() else {
            return Err(bad_argument("errand", &"there is none under way"));
        };
        let Serving { errand, spent, .. } = serving;
        let left = self.shared.look(py, |driver| {
            if driver.is_serving() {
                let error = stopped();
                driver.fail(error);
            }
            let error = driver.take_settled().err();
            errand.leave(driver.wire_mut().session_mut(), error.as_ref(), Instant::now())
        })?;
        let raised = self.shared.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        let error = match (raised, left.parted) {
            (Some(raised), _) => Some(raised),
            (None, Parted::Barren(error)) => Some(to_python(py, &error)),
            (None, Parted::Well | Parted::Plainly) => None,
        };
        let error = error.map(|error| error.into_value(py).into_any());
        Ok((error, spent, left.begun, left.ready))
    }

    /// Whether an errand is under way whose session is not ready for mail yet.
    #[getter]
    fn is_opening(&self) -> bool {
        self.serving().as_ref().is_some_and(|serving| serving.errand.is_opening())
    }

    /// Whether the session is open and silent, and may be used again.
    #[getter]
    fn is_quiet(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.look(py, Reactive::is_quiet)
    }
}

impl Wire {
    fn serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: no errand is under way.
    pub(in crate::binding) fn serve_output(&self, py: Python<'_>) -> PyResult<Option<Option<Vec<u8>>>> {
        let mut serving = self.serving();
        let Some(serving) = &mut *serving else { return Ok(None) };
        let (output, lines) = self.shared.look(py, |driver| {
            let output = serving.output(driver);
            let mut lines = Vec::new();
            driver.wire_mut().note_lines(|line| lines.push(line.clone()));
            (output, lines)
        })?;
        if !lines.is_empty() {
            py.detach(|| lines.iter().for_each(TimedLine::log));
        }
        Ok(Some(output))
    }

    pub(in crate::binding) fn seconds_to_work(&self) -> Option<f64> {
        let when = self.serving().as_ref()?.wake_at?;
        Some(when.saturating_duration_since(Instant::now()).as_secs_f64())
    }
}

impl Serving {
    /// What is to be sent now; None: there is something to wait for.
    fn output(&mut self, driver: &mut Reactive) -> Option<Vec<u8>> {
        loop {
            if let Some(octets) = driver.output(<[u8]>::to_vec) {
                return Some(octets);
            }
            let now = Instant::now();
            while let Some(event) = driver.next_event() {
                if let Err(error) = self.errand.hear(event, now) {
                    driver.fail(error);
                }
            }
            if !driver.is_serving() {
                return driver.output(<[u8]>::to_vec);
            }
            if driver.wire().session().state().is_over() {
                // Its 421 was the end, whether or not the server hangs up as well.
                driver.received(&[]);
                continue;
            }
            self.wake_at = None;
            match self.errand.next(driver.wire_mut().session_mut(), now) {
                Next::Talk => {}
                Next::Wait(when) => self.wake_at = when,
                Next::Rest { spent } => {
                    self.spent = spent;
                    driver.end_serving();
                    return None;
                }
            }
            if !driver.wire_mut().is_about_to_send() {
                return None;
            }
        }
    }
}

#[pymethods]
impl Sending {
    /// Works in this thread until nothing is left to do: files and programs.
    fn work_here(&self, py: Python<'_>) {
        // What goes wrong stands in the receipts.
        let _ = py.detach(|| self.batch.work_along(&mut Attending::silent()));
    }

    /// Adds the receipts that have come. Whether all is told.
    fn tell(&self, told: &Bound<'_, PyList>) -> PyResult<bool> {
        let mut progress = self.progress();
        progress.tell(&self.batch, told)?;
        let failed = self.batch.failure().is_some();
        Ok(self.batch.is_over() && (progress.fed || failed))
    }

    /// Takes on another session, unless there are enough for what waits.
    fn enlist(&self) -> bool {
        self.batch.enlist()
    }

    /// A session's work has ended.
    fn resign(&self) {
        self.batch.resign();
    }

    /// Seconds until there is something to do for another session: 0 now, inf when
    /// something new comes; None: nothing any more.
    fn outlook(&self) -> Option<f64> {
        let now = Instant::now();
        match self.batch.outlook(now) {
            Work::Some => Some(0.0),
            Work::At(when) => Some(when.saturating_duration_since(now).as_secs_f64()),
            Work::None => Some(f64::INFINITY),
            Work::Finished => None,
        }
    }

    /// Seconds before another attempt to open a session, after so many that failed, or,
    /// with `opened`, on which no message was answered; None: no more of them.
    fn patience(&self, failures: u32, opened: bool) -> Option<f64> {
        self.batch.patience(failures, opened).map(|pause| pause.as_secs_f64())
    }

    /// No session can be opened: what waits is not sent, for this reason.
    fn fail(&self, #[pyo3(from_py_with = exception)] why: PyErr) {
        let error = Error::new(Kind::Unreachable, Stage::Connect, why.to_string());
        self.batch.fail(&Error { cause: Some(Arc::new(Told(why))), ..error });
    }
}

fn duration(argument: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|why| bad_argument(argument, &why))
}
