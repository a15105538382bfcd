//! The pump between an operation and an asyncio transport: the steps that every message takes. They
//! are few, but in Python their frames would cost more than all that the engine does for a message.
//! The rest is in the subclass, `rsmtp._transport.asyncio_connection.Connection`.

use super::answer::{Answer, unlocked};
use super::operation::Operation;
use super::pump::{Next, Step};
use super::request::Request;
use super::settings::Settings;
use super::ssl_context::Raised;
use crate::driver;
use pyo3::exceptions::{PyBlockingIOError, PyInterruptedError, PyOSError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PySlice};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many octets are read at a time.
const READ: usize = 16 * 1024;
/// How many pieces of mail data are sent before the event loop gets its turn.
const PIECES: usize = 4;
/// A timer that fires this many seconds too late is not moved.
const LATE: f64 = 0.001;

/// An operation whose octets an asyncio transport carries.
///
/// A subclass gives what is rarely done: `_write_by_transport`, `_fail_to_write`, `_left`, `_schedule`,
/// `_set_clock`, `_hear_ahead`, `_acknowledge`, `_resume_reading` and `_hang_up`.
#[pyclass(frozen, subclass, extends = Operation, module = "rsmtp._rsmtp")]
pub struct TransportPump {
    event_loop: Py<PyAny>,
    /// One buffer for all reads: asyncio's own Protocol allocates 256 KiB for each.
    memory: Py<PyByteArray>,
    wire: Mutex<Wire>,
}

#[derive(Default)]
struct Wire {
    /// Whether the transport takes octets.
    is_open: bool,
    /// How many octets are still in the transport's buffer.
    unsent: usize,
    /// The socket's file descriptor, if octets may be written past the transport.
    socket: Option<i32>,
    /// `poll.poll` of a poll of the socket, where there are polls.
    poll: Option<Py<PyAny>>,
    /// What a task waits for.
    waiter: Option<Py<Answer>>,
    /// Called after each step of a worker's conversation.
    told: Option<Py<PyAny>>,
    /// For how many seconds the timer was set.
    set_for: Option<f64>,
    /// The next call that continues sending, a `Handle`.
    scheduled: Option<Py<PyAny>>,
    /// Octets were read that no later write has acknowledged.
    unacknowledged: bool,
    reading_is_paused: bool,
}

#[pymethods]
impl TransportPump {
    #[new]
    fn new(py: Python<'_>, host: String, settings: &Settings) -> PyResult<PyClassInitializer<Self>> {
        static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let event_loop = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?.unbind();
        let raised = Raised::default();
        let operation = settings.operation(py, &host, &raised)?;
        let memory = PyByteArray::new(py, &[0; READ]);
        let pump = Self { event_loop, memory: memory.unbind(), wire: Mutex::default() };
        let operation = Operation::over(driver::Connection::without_stream(operation), host, raised);
        Ok(PyClassInitializer::from(operation).add_subclass(pump))
    }

    /// The transport stands. `poll`: `poll.poll` of a poll of its socket; `socket`: the number of a socket
    /// that may be written to past the transport.
    #[pyo3(signature = (poll: "object", socket))]
    fn attach(&self, poll: Option<Py<PyAny>>, socket: Option<i32>) {
        let mut wire = self.wire();
        wire.is_open = true;
        wire.poll = poll;
        wire.socket = socket;
    }

    /// The transport takes no more octets.
    fn detach(&self) {
        let mut wire = self.wire();
        wire.is_open = false;
        wire.socket = None;
        let _unlocked = (wire.poll.take(), wire);
    }

    /// Begins a request, and sends as much of it as the transport takes. Whether it is settled.
    #[pyo3(signature = (request, observer: "object" = None))]
    fn converse(slf: &Bound<'_, Self>, request: Py<Request>, observer: Option<Py<PyAny>>) -> PyResult<bool> {
        let step = slf.as_super().get().ask(slf.py(), request, observer)?;
        follow(slf, step)
    }

    /// Sends pending octets, as many as the transport takes. Whether the request is settled.
    fn proceed(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let left = left(slf)?;
        let step = slf.as_super().get().advance(slf.py(), left, None)?;
        follow(slf, step)
    }

    /// `proceed`; the task that waits continues if the request is settled.
    fn go_on(slf: &Bound<'_, Self>) -> PyResult<()> {
        match Self::proceed(slf)? {
            true => Self::wake(slf),
            false => Ok(()),
        }
    }

    /// Tells a worker without work that there is more to send. If nothing can be written at the moment,
    /// sending continues as soon as it can.
    fn nudge(slf: &Bound<'_, Self>) -> PyResult<()> {
        let serves = slf.get().wire().told.is_some();
        match serves && slf.get().can_write(slf.py())? {
            true => Self::go_on(slf),
            false => Ok(()),
        }
    }

    /// A future that is done when the request is settled.
    #[pyo3(signature = () -> "collections.abc.Awaitable[None]")]
    fn answer(slf: &Bound<'_, Self>) -> PyResult<Py<Answer>> {
        let (py, pump) = (slf.py(), slf.get());
        if std::mem::take(&mut pump.wire().reading_is_paused) {
            slf.call_method0(intern!(py, "_resume_reading"))?;
        }
        let answer = Py::new(py, Answer::new(pump.event_loop.clone_ref(py)))?;
        let _before = pump.wire().waiter.replace(answer.clone_ref(py));
        Ok(answer)
    }

    /// Like `result`. A session that is over is hung up before.
    #[pyo3(signature = () -> "typing.Any")]
    fn conclusion(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let operation = slf.as_super().get();
        if operation.view.state().is_over() {
            slf.call_method0(intern!(slf.py(), "_hang_up"))?;
        }
        operation.result(slf.py())
    }

    /// The task that waits continues in the next turn of the loop.
    fn wake(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().wake_waiter(slf.py(), false)
    }

    /// Called after each step of a worker's conversation, until it is None.
    #[pyo3(signature = (told: "object"))]
    fn set_told(&self, told: Option<Py<PyAny>>) {
        let _before = std::mem::replace(&mut self.wire().told, told);
    }

    /// Whether octets wait in the socket that the loop has not read. None: there are no polls.
    fn has_input(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        let poll = self.wire().poll.as_ref().map(|poll| poll.clone_ref(py));
        poll.map(|poll| poll.call1(py, (0,))?.is_truthy(py)).transpose()
    }

    /// How many octets are still in the transport's buffer.
    #[getter]
    fn unsent(&self) -> usize {
        self.wire().unsent
    }

    #[setter]
    fn set_unsent(&self, unsent: usize) {
        self.wire().unsent = unsent;
    }

    /// For how many seconds the timer was set; None: there is none.
    #[pyo3(signature = (seconds))]
    fn set_timer(&self, seconds: Option<f64>) {
        self.wire().set_for = seconds;
    }

    /// Reading was paused, until something is waited for.
    fn set_paused(&self) {
        self.wire().reading_is_paused = true;
    }

    // -- asyncio.BufferedProtocol ------------------------------------------------------

    #[pyo3(signature = (sizehint))]
    fn get_buffer(&self, py: Python<'_>, sizehint: isize) -> Py<PyByteArray> {
        let _ = sizehint;
        self.memory.clone_ref(py)
    }

    fn buffer_updated(slf: &Bound<'_, Self>, nbytes: usize) -> PyResult<()> {
        let (py, pump) = (slf.py(), slf.get());
        let left = left(slf)?;
        let read = pump.read(py, nbytes)?;
        let step = slf.as_super().get().advance(py, left, Some(&read))?;
        if follow(slf, step)? {
            return pump.wake_waiter(py, true);
        }
        let (waits, unacknowledged) = {
            let wire = pump.wire();
            (wire.waiter.is_some(), wire.unacknowledged)
        };
        if !waits {
            slf.call_method0(intern!(py, "_hear_ahead"))?;
        } else if unacknowledged {
            slf.call_method0(intern!(py, "_acknowledge"))?;
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        let Some(wire) = unlocked(&self.wire) else { return Ok(()) };
        visit.call(&wire.poll)?;
        visit.call(&wire.waiter)?;
        visit.call(&wire.told)?;
        visit.call(&wire.scheduled)
    }

    fn __clear__(&self) {
        let _unlocked = {
            let mut wire = self.wire();
            (wire.poll.take(), wire.waiter.take(), wire.told.take(), wire.scheduled.take())
        };
    }
}

/// Does what the engine asks, as far as the transport allows. Whether the request is settled.
fn follow(slf: &Bound<'_, TransportPump>, mut step: Step) -> PyResult<bool> {
    let (py, pump, operation) = (slf.py(), slf.get(), slf.as_super().get());
    // At most one batch is sent per turn of the loop, however often this is called.
    let scheduled = pump.wire().scheduled.take();
    if let Some(handle) = scheduled {
        handle.call_method0(py, intern!(py, "cancel"))?;
    }
    let mut pieces = 0;
    while matches!(step.next, Next::Say) && pump.can_write(py)? {
        if pieces == PIECES {
            let handle = slf.call_method0(intern!(py, "_schedule"))?;
            pump.wire().scheduled = Some(handle.unbind());
            break;
        }
        let octets = operation.octets(py, &mut step);
        let sent = write(slf, &octets)?;
        let takes_no_more = {
            let wire = pump.wire();
            wire.unsent > 0 || !wire.is_open
        };
        if takes_no_more {
            if sent > 0 {
                operation.sent(py, sent)?;
            }
            break;
        }
        step = operation.advance(py, sent, None)?;
        pieces += 1;
    }
    let settled = match step.next {
        Next::Settled => true,
        Next::Wait(left) => {
            watch_the_clock(slf, operation.seconds(left))?;
            false
        }
        Next::Say => {
            let settled = operation.is_settled(py)?;
            if !settled {
                watch_the_clock(slf, operation.seconds_left(py)?)?;
            }
            settled
        }
    };
    let told = pump.wire().told.as_ref().map(|told| told.clone_ref(py));
    if let Some(told) = told {
        told.call0(py)?;
    }
    Ok(settled)
}

/// How many octets went to the operating system; the transport buffers the others.
fn write(slf: &Bound<'_, TransportPump>, octets: &Bound<'_, PyBytes>) -> PyResult<usize> {
    static WRITE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (py, length) = (slf.py(), octets.as_bytes().len());
    let socket = {
        let mut wire = slf.get().wire();
        wire.unacknowledged = false;
        wire.socket
    };
    let mut sent = 0;
    if let Some(socket) = socket {
        match WRITE.import(py, "os", "write")?.call1((socket, octets)) {
            Ok(count) => sent = count.extract()?,
            Err(error) if error.is_instance_of::<PyBlockingIOError>(py) => {}
            Err(error) if error.is_instance_of::<PyInterruptedError>(py) => {}
            Err(error) if error.is_instance_of::<PyOSError>(py) => {
                slf.get().wire().is_open = false;
                slf.call_method1(intern!(py, "_fail_to_write"), (error.value(py),))?;
                return Ok(0);
            }
            Err(error) => return Err(error),
        }
    }
    if sent == length {
        return Ok(sent);
    }
    slf.call_method1(intern!(py, "_write_by_transport"), (octets, sent))?.extract()
}

/// How many octets have left the transport's buffer since the last call.
fn left(slf: &Bound<'_, TransportPump>) -> PyResult<usize> {
    if slf.get().wire().unsent == 0 {
        return Ok(0);
    }
    slf.call_method0(intern!(slf.py(), "_left"))?.extract()
}

/// A timer that fires earlier checks again, so most timers never have to be moved.
fn watch_the_clock(slf: &Bound<'_, TransportPump>, seconds: Option<f64>) -> PyResult<()> {
    let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) else { return Ok(()) };
    let is_set = slf.get().wire().set_for.is_some_and(|set_for| set_for <= seconds + LATE);
    if !is_set {
        slf.call_method1(intern!(slf.py(), "_set_clock"), (seconds,))?;
    }
    Ok(())
}

impl TransportPump {
    /// Nothing is sent while a reply is unread: the event loop is about to read it.
    fn can_write(&self, py: Python<'_>) -> PyResult<bool> {
        let takes_more = {
            let wire = self.wire();
            wire.is_open && wire.unsent == 0
        };
        Ok(takes_more && self.has_input(py)? != Some(true))
    }

    fn read(&self, py: Python<'_>, count: usize) -> PyResult<Vec<u8>> {
        self.wire().unacknowledged = true;
        let came = self.memory.bind(py).get_item(PySlice::new(py, 0, count.cast_signed(), 1))?;
        Ok(came.cast::<PyByteArray>()?.to_vec())
    }

    fn wake_waiter(&self, py: Python<'_>, at_once: bool) -> PyResult<()> {
        let waiter = self.wire().waiter.take();
        match waiter {
            Some(waiter) => Answer::come(waiter.bind(py), at_once),
            None => Ok(()),
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
