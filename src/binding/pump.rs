//! The interface between an operation and a pump in Python: that of an event loop, or that of a
//! caller's socket. Nothing here waits.

use super::attendant::Attending;
use super::conclusion::{settle, tell_fates};
use super::logs::{self, Level};
use super::operation::{Operation, UnderWay};
use super::request::Request;
use crate::driver::{self, Attendant};
use crate::protocol::{Error, Event, Kind, Stage};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::io;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

#[pymethods]
impl Operation {
    /// Begins a request. One that can't be made raises here, and nothing is sent.
    #[pyo3(signature = (request, observer: "object" = None))]
    fn begin(&self, py: Python<'_>, request: Py<Request>, observer: Option<Py<PyAny>>) -> PyResult<()> {
        self.begin_and(py, request, observer, |_| ())
    }

    /// The octets that are to be sent now. None: there is something to wait for, or
    /// the request is settled.
    fn output<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        // The octets are copied straight into Python's own bytes while the GIL is held.
        let output = self.tell(py, |operation| operation.output(<[u8]>::to_vec))?;
        Ok(output.map(|octets| PyBytes::new(py, &octets)))
    }

    /// What ends TLS (close_notify, RFC 8446 6.1), once: for a transport that is about to be
    /// closed.
    fn end_tls<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let octets = self.look(py, |operation| operation.end_tls().map(<[u8]>::to_vec))?;
        Ok(octets.map(|octets| PyBytes::new(py, &octets)))
    }

    /// So many octets of the output are with the operating system.
    pub(super) fn sent(&self, py: Python<'_>, octets: usize) -> PyResult<()> {
        self.look(py, |operation| operation.sent(octets))
    }

    /// Octets have come; none at all is the end of them. What comes while nothing is
    /// asked is kept for the next request; gives how many octets are kept.
    fn received(&self, py: Python<'_>, octets: PyBackedBytes) -> PyResult<usize> {
        self.tell(py, |operation| {
            operation.received(&octets);
            operation.unread()
        })
    }

    /// Octets that have come and are not taken in.
    #[getter]
    fn unread(&self, py: Python<'_>) -> PyResult<usize> {
        self.look(py, |operation| operation.unread())
    }

    /// The connection is gone; `errno` is the operating system's number.
    #[pyo3(signature = (errno))]
    fn lost(&self, py: Python<'_>, errno: Option<i32>) -> PyResult<()> {
        let error = match errno {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::ErrorKind::ConnectionAborted.into(),
        };
        self.tell(py, |operation| operation.lost(error))
    }

    /// Seconds until the time of what is waited for is up (RFC 5321 4.5.3.2); None
    /// when nothing is.
    pub(super) fn seconds_left(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.seconds(self.look(py, |operation| operation.left())?))
    }

    /// Looks at the clock: a request whose time is up is settled by that.
    fn check_time(&self, py: Python<'_>) -> PyResult<()> {
        let silence = self.tell(py, |operation| {
            operation.check_time();
            operation.silence()
        })?;
        match silence {
            Some(text) => logs::MAIL.say(py, Level::Warning, &text),
            None => Ok(()),
        }
    }

    /// The caller has left, by this exception: the session ends, and the exception
    /// is told what became of a message that was under way (`fates`).
    fn interrupt(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = Error::new(Kind::Interrupted, Stage::Command, "the wait was interrupted");
        let settled = self.tell(py, |operation| {
            operation.fail(error);
            operation.take_settled()
        })?;
        self.under_way().take();
        match &settled {
            Ok(Some(Event::Transaction(outcome))) => tell_fates(exception, outcome),
            Err(Error { outcome: Some(outcome), .. }) => tell_fates(exception, outcome),
            _ => {}
        }
        Ok(())
    }

    /// Ends the session without a word; a request under way is settled by that.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.tell(py, driver::Operation::close)
    }

    #[getter]
    pub(super) fn is_settled(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |operation| operation.is_settled())
    }

    /// What the request has come to: `(code, text)` for a reply, the dict of the
    /// refused recipients for a transaction, the challenge (bytes) of an AUTH
    /// exchange that the caller answers, None where no reply was waited for.
    #[pyo3(signature = () -> "typing.Any")]
    pub(super) fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let settled = self.look(py, driver::Operation::take_settled)?;
        let under_way = self.under_way().take();
        let Some(UnderWay { request, mut attending }) = under_way else {
            return settle(py, settled.map(|_| py.None()), &mut Attending::silent(), &self.raised);
        };
        if let Err(error) = &settled {
            self.log_failure(py, error)?;
        }
        let event = settle(py, settled, &mut attending, &self.raised)?;
        self.conclude(py, event, request.get().given())
    }
}

/// Octets that are given to Python at a time. More are copied for nothing where the socket takes
/// only some of them.
const HELPING: usize = 128 * 1024;

pub(super) fn help(said: &mut Vec<u8>, octets: &[u8]) {
    said.extend_from_slice(&octets[..octets.len().min(HELPING)]);
}

fn next(operation: &mut driver::Operation, said: &mut Vec<u8>) -> Next {
    let output = operation.output(|octets| help(said, octets));
    Next::of(output, operation)
}

/// What a pump does next.
pub(super) enum Next {
    Say,
    Wait(Option<Duration>),
    Settled,
}

impl Next {
    pub(super) fn of(output: Option<()>, operation: &driver::Operation) -> Self {
        match output {
            Some(()) => Self::Say,
            None if operation.is_settled() => Self::Settled,
            None => Self::Wait(operation.left()),
        }
    }
}

/// What a pump does next, and the octets that it sends.
pub(super) struct Step {
    pub(super) next: Next,
    said: Vec<u8>,
}

impl Operation {
    /// `begin`, and then as `advance`.
    pub(super) fn ask(
        &self,
        py: Python<'_>,
        request: Py<Request>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<Step> {
        let mut said = self.take_said();
        let next = self.begin_and(py, request, observer, |operation| next(operation, &mut said))?;
        Ok(Step { next, said })
    }

    /// A whole step of a pump: so many octets have been `sent`, and these have been `received`, if any;
    /// and what is next?
    pub(super) fn advance(&self, py: Python<'_>, sent: usize, received: Option<&[u8]>) -> PyResult<Step> {
        let hear = |operation: &mut driver::Operation| {
            if sent > 0 {
                operation.sent(sent);
            }
            if let Some(octets) = received {
                operation.received(octets);
            }
        };
        let mut said = self.take_said();
        let next = match self.serve(py, hear, &mut said)? {
            Some(next) => next,
            None => self.tell(py, |operation| {
                hear(operation);
                next(operation, &mut said)
            })?,
        };
        Ok(Step { next, said })
    }

    /// What is to be sent, for Python. Its memory is used again.
    pub(super) fn octets<'py>(&self, py: Python<'py>, step: &mut Step) -> Bound<'py, PyBytes> {
        let octets = PyBytes::new(py, &step.said);
        *self.said() = std::mem::take(&mut step.said);
        octets
    }

    /// For how many seconds a pump waits that may wait as long as this.
    pub(super) fn seconds(&self, left: Option<Duration>) -> Option<f64> {
        let left = left.map(|left| left.as_secs_f64());
        left.into_iter().chain(self.seconds_to_work()).reduce(f64::min)
    }

    /// Begins a request, and tells the operation more at once.
    fn begin_and<T: Send>(
        &self,
        py: Python<'_>,
        request: Py<Request>,
        observer: Option<Py<PyAny>>,
        tell: impl FnOnce(&mut driver::Operation) -> T + Send,
    ) -> PyResult<T> {
        let asked = request.get();
        let ask = asked.take(py, &self.host, &self.raised)?;
        let mut attending = Attending::new(py, observer)?;
        self.begins();
        let told = self.work(py, &mut attending, |connection, attending| {
            let operation = connection.operation_mut();
            operation.begin(asked.until(), ask).map_err(|error| asked.given().blame(error))?;
            Ok(told(operation, attending, tell))
        })?;
        self.goes_on(py, UnderWay { request, attending })?;
        Ok(told)
    }

    /// The operation is told, and what was said thereby is heard: by logging and the
    /// observer, with no lock of ours held.
    fn tell<T: Send>(
        &self,
        py: Python<'_>,
        tell: impl FnOnce(&mut driver::Operation) -> T + Send,
    ) -> PyResult<T> {
        let Some(mut under_way) = self.under_way().take() else { return self.look(py, tell) };
        let told = self.work(py, &mut Attending::silent(), |connection, _| {
            Ok(told(connection.operation_mut(), &mut under_way.attending, tell))
        });
        self.goes_on(py, under_way)?;
        told
    }

    fn goes_on(&self, py: Python<'_>, mut under_way: UnderWay) -> PyResult<()> {
        if under_way.attending.has_to_catch_up() {
            let heard = py.detach(|| under_way.attending.catch_up());
            if let Err(interrupted) = heard {
                self.look(py, |operation| operation.fail(interrupted))?;
            }
        }
        *self.under_way() = Some(under_way);
        Ok(())
    }

    fn take_said(&self) -> Vec<u8> {
        let mut said = std::mem::take(&mut *self.said());
        said.clear();
        said
    }

    fn said(&self) -> MutexGuard<'_, Vec<u8>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, Option<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told<T>(
    operation: &mut driver::Operation,
    attending: &mut Attending,
    tell: impl FnOnce(&mut driver::Operation) -> T,
) -> T {
    let told = tell(operation);
    operation.note_lines(attending.listens(), |line| attending.hear_later(line));
    told
}
