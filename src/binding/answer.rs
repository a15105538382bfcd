//! What a task of an event loop waits for: a future, as small as asyncio's tasks allow.
//!
//! After asyncio's own futures a task continues in the next turn of its loop, and a turn costs as much
//! as all that the client does for a message. This one may continue it at once.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Is done when a request is settled. Has what a task asks of a future (`asyncio.isfuture`).
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Answer {
    event_loop: Py<PyAny>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    came: Came,
    /// As in asyncio: true from `await` until the task has seen it.
    blocking: bool,
    callbacks: Vec<Callback>,
}

/// With the context in which it is called.
type Callback = (Py<PyAny>, Option<Py<PyAny>>);

#[derive(Default)]
enum Came {
    #[default]
    NotYet,
    Done,
    /// With the message of `cancel`.
    Cancelled(Option<Py<PyAny>>),
}

#[pymethods]
impl Answer {
    #[new]
    pub fn new(event_loop: Py<PyAny>) -> Self {
        Self { event_loop, state: Mutex::default() }
    }

    /// Ends the wait. `at_once`: the event loop is the caller, and does nothing after this call. Then
    /// the task continues in this same turn of the loop; otherwise, as with all futures, in the next.
    #[pyo3(signature = (*, at_once=false))]
    pub fn come(slf: &Bound<'_, Self>, at_once: bool) -> PyResult<()> {
        static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let (py, answer) = (slf.py(), slf.get());
        let Some(callbacks) = answer.end(Came::Done) else { return Ok(()) };
        // One task can't be continued from inside another.
        if at_once && let [(callback, Some(context))] = &callbacks[..] {
            let current = CURRENT_TASK.import(py, "asyncio", "current_task")?;
            if current.call1((&answer.event_loop,))?.is_none() {
                return context.call_method1(py, intern!(py, "run"), (callback, slf)).map(drop);
            }
        }
        Self::schedule(slf, callbacks)
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: Bound<'_, Self>) -> PyResult<Option<Bound<'_, Self>>> {
        if slf.get().done() {
            return slf.get().result(slf.py()).map(|()| None);
        }
        slf.get().state().blocking = true;
        Ok(Some(slf))
    }

    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.state().blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.state().blocking = blocking;
    }

    #[pyo3(signature = () -> "typing.Any")]
    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    fn done(&self) -> bool {
        !matches!(self.state().came, Came::NotYet)
    }

    fn cancelled(&self) -> bool {
        matches!(self.state().came, Came::Cancelled(_))
    }

    /// None. Raises CancelledError if it was cancelled, and InvalidStateError before it is done.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let message = match &self.state().came {
            Came::Done => return Ok(()),
            Came::NotYet => return Err(raised(py, "InvalidStateError", Some("Result is not set."))?),
            Came::Cancelled(message) => message.as_ref().map(|message| message.clone_ref(py)),
        };
        Err(raised(py, "CancelledError", message)?)
    }

    /// None. Raises as `result`.
    fn exception(&self, py: Python<'_>) -> PyResult<()> {
        self.result(py)
    }

    #[pyo3(signature = (msg: "object" = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let Some(callbacks) = slf.get().end(Came::Cancelled(msg)) else { return Ok(false) };
        Self::schedule(slf, callbacks)?;
        Ok(true)
    }

    #[pyo3(signature = (callback: "typing.Any", *, context: "object" = None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let mut one = vec![(callback, context)];
        {
            let mut state = slf.get().state();
            if matches!(state.came, Came::NotYet) {
                state.callbacks.append(&mut one);
            }
        }
        Self::schedule(slf, one)
    }

    /// How many were removed.
    #[pyo3(signature = (callback: "typing.Any"))]
    fn remove_done_callback(slf: &Bound<'_, Self>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut kept = std::mem::take(&mut slf.get().state().callbacks);
        let before = kept.len();
        let mut failed = None;
        kept.retain(|(one, _)| match callback.eq(one) {
            Ok(equal) => !equal,
            Err(error) => {
                failed.get_or_insert(error);
                true
            }
        });
        let removed = before - kept.len();
        slf.get().state().callbacks.splice(0..0, kept);
        failed.map_or(Ok(removed), Err)
    }

    fn __repr__(&self) -> &'static str {
        match self.state().came {
            Came::NotYet => "<Answer, awaited>",
            Came::Done => "<Answer, come>",
            Came::Cancelled(_) => "<Answer, cancelled>",
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        let Some(state) = unlocked(&self.state) else { return Ok(()) };
        if let Came::Cancelled(message) = &state.came {
            visit.call(message)?;
        }
        for (callback, context) in &state.callbacks {
            visit.call(callback)?;
            visit.call(context)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let _unlocked = std::mem::take(&mut self.state().callbacks);
    }
}

impl Answer {
    /// Its callbacks; None if it has ended before.
    fn end(&self, came: Came) -> Option<Vec<Callback>> {
        let mut state = self.state();
        if !matches!(state.came, Came::NotYet) {
            return None;
        }
        state.came = came;
        Some(std::mem::take(&mut state.callbacks))
    }

    /// A loop that was closed continues no task.
    fn schedule(slf: &Bound<'_, Self>, callbacks: Vec<Callback>) -> PyResult<()> {
        let py = slf.py();
        let event_loop = slf.get().event_loop.bind(py);
        if callbacks.is_empty() || event_loop.call_method0(intern!(py, "is_closed"))?.is_truthy()? {
            return Ok(());
        }
        for (callback, context) in callbacks {
            let options = PyDict::new(py);
            options.set_item("context", context)?;
            event_loop.call_method(intern!(py, "call_soon"), (callback, slf), Some(&options))?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the garbage collector may look at. While it is locked, it is in use.
pub fn unlocked<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(held) => Some(held),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// An exception of asyncio's.
fn raised<'py>(py: Python<'py>, name: &str, message: Option<impl IntoPyObject<'py>>) -> PyResult<PyErr> {
    let kind = py.import("asyncio")?.getattr(name)?;
    let error = match message {
        Some(message) => kind.call1((message,))?,
        None => kind.call0()?,
    };
    Ok(PyErr::from_value(error))
}
