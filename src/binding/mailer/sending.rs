//! One call of `send_all`: takes messages, returns receipts, and waits without the GIL. None of
//! the caller's code runs in here: `rsmtp._mailer.feeding` fetches the messages.

use super::log::Log;
use super::parcel::{self, Packer, Prepared, Shipment, as_prepared};
use super::progress::{AT_ONCE, ENOUGH, Progress, Taken};
use super::tally::Totals;
use crate::binding::error::{exception, to_python};
use crate::binding::message::ready;
use crate::bulk::{Batch, stopped};
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyIterator, PyList, PyType};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Sending {
    pub(super) batch: Arc<Batch<Shipment>>,
    progress: Mutex<Progress>,
    process: u32,
}

impl Sending {
    pub fn new(
        batch: Batch<Shipment>,
        kept: u64,
        by_threads: bool,
        totals: Arc<Totals>,
        packer: Packer,
    ) -> Self {
        let progress = Mutex::new(Progress::new(kept, by_threads, totals, packer));
        Self { batch: Arc::new(batch), progress, process: std::process::id() }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sending {
    /// A forked child has neither the threads nor the sessions.
    #[getter]
    fn is_of_another_process(&self) -> bool {
        self.process != std::process::id()
    }

    /// Sends, and adds receipts to the list as they come; returns after a moment in any
    /// case. False: all is told. The list is the caller's own, so that an interrupt can't
    /// lose what is told. Without `wait` it returns at once: the caller waits, in the way
    /// that greenlets want it.
    #[pyo3(signature = (told: "list[Receipt]", wait=true))]
    fn go_on(&self, py: Python<'_>, told: &Bound<'_, PyList>, wait: bool) -> PyResult<bool> {
        if self.is_of_another_process() {
            let message = "this sending belongs to the parent process: begin anew after a fork";
            return Err(PyRuntimeError::new_err(message));
        }
        let mut log = Log::default();
        let goes_on = self.go_on_and_tell(py, told, wait, &mut log);
        log.say(py, self.batch.interest.listener)?;
        goes_on
    }

    /// Ends it at once. `go_on` tells of what was in flight as unknown, and of what
    /// waited as not sent.
    fn stop(&self, py: Python<'_>) {
        if self.is_of_another_process() {
            return;
        }
        self.batch.stop();
        py.detach(|| self.batch.join());
    }

    /// Whether there is room for messages, and more to come.
    #[getter]
    fn wants_more(&self) -> bool {
        !self.is_of_another_process() && self.progress().wants_more(&self.batch)
    }

    /// Takes one message. True: the next one, please. False: that is enough for now.
    /// None: it has to be prepared first, and is kept until it is.
    fn put(&self, item: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        match as_prepared(item) {
            Some(prepared) => self.progress().put(&self.batch, item, prepared).map(Some),
            None => self.put_other(item),
        }
    }

    /// Takes one after the other, from an iterator that runs no code of the caller's. True: that
    /// is enough for now. False: there are no more. None: one has to be prepared first, and is
    /// kept until it is.
    #[pyo3(signature = (iterator: "collections.abc.Iterator[typing.Any]"))]
    fn put_each(&self, iterator: Bound<'_, PyIterator>) -> PyResult<Option<bool>> {
        let mut jobs = Vec::with_capacity(AT_ONCE);
        let mut progress = self.progress();
        loop {
            let taken = progress.pack_some(&iterator, &mut jobs);
            let goes_on = match jobs.is_empty() {
                true => progress.goes_on(0, true),
                false => progress.push(&self.batch, jobs.drain(..)),
            };
            match taken? {
                Taken::Other(item) => {
                    drop(progress);
                    match self.put_other(&item)? {
                        Some(true) => progress = self.progress(),
                        Some(false) => return Ok(Some(true)),
                        None => return Ok(None),
                    }
                }
                Taken::All => return Ok(Some(false)),
                Taken::Some if !goes_on => return Ok(Some(true)),
                Taken::Some => {}
            }
        }
    }

    /// The one that was kept.
    #[getter]
    fn unprepared(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.progress().unprepared.as_ref().map(|item| item.clone_ref(py))
    }

    /// The one that was kept, as `rsmtp._client.outgoing.prepare` has made it ready.
    #[pyo3(signature = (prepared: "tuple[str, list[str], bytes | RenderedMessage, list[str], DeliveryOptions | None]"))]
    fn put_prepared(&self, py: Python<'_>, prepared: Prepared<'_>) -> PyResult<bool> {
        let mut progress = self.progress();
        match progress.unprepared.take() {
            Some(item) => progress.put(&self.batch, item.bind(py), prepared),
            None => Ok(true),
        }
    }

    /// The one that was kept can't be sent as it is: a receipt says so.
    #[pyo3(signature = (why: "BaseException"))]
    fn put_aside(&self, py: Python<'_>, #[pyo3(from_py_with = exception)] why: PyErr) -> bool {
        let mut progress = self.progress();
        match progress.unprepared.take() {
            Some(item) => progress.put_aside(item.bind(py), why),
            None => true,
        }
    }

    /// There is no more to come; `go_on` tells of the rest.
    fn finish(&self, py: Python<'_>) {
        if self.is_of_another_process() {
            // A lock that a thread held at the fork is never released in the child.
            return;
        }
        let mut progress = self.progress();
        if let Some(item) = progress.unprepared.take() {
            let _ = progress.put_aside(item.bind(py), to_python(py, &stopped()));
        }
        progress.fed = true;
        self.batch.end_of_input();
    }

    /// Whether nothing more is to come from the caller.
    #[getter]
    fn is_fed(&self) -> bool {
        self.progress().fed
    }

    /// The exception that says why nothing could be sent any more, or None.
    #[getter]
    fn failure(&self, py: Python<'_>) -> Option<Py<PyBaseException>> {
        let failure = self.batch.lock().queue.failure().cloned();
        failure.map(|error| to_python(py, &error).into_value(py))
    }

    /// Numbers of messages so far: sent to every recipient, refused for one at least,
    /// unknown for one at least, not sent, suppressed for all.
    #[getter]
    fn tally(&self) -> (u64, u64, u64, u64, u64) {
        self.progress().tally.as_tuple()
    }
}

impl Sending {
    /// Takes what is no tuple with everything there.
    fn put_other(&self, item: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        static RULED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        static BAD_ROW: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let is = |class: &'static PyOnceLock<Py<PyType>>, name| {
            Ok::<_, PyErr>(item.get_type().is(class.import(item.py(), "rsmtp._mailer.feeding", name)?))
        };
        if is(&RULED, "Ruled")? {
            let (message, prepared) = (item.getattr("item")?, item.getattr("prepared")?.extract()?);
            let suppressed = parcel::suppressed(item.getattr("suppressed")?.extract()?);
            return self.progress().put_with_rules(&self.batch, &message, prepared, suppressed).map(Some);
        }
        if is(&BAD_ROW, "BadRow")? {
            let why = exception(&item.getattr("error")?)?;
            return Ok(Some(self.progress().put_aside(&item.getattr("row")?, why)));
        }
        self.progress().unprepared = Some(item.clone().unbind());
        self.put_ready(item)
    }

    /// Takes the one that was kept, if it is a plain message of ours; None: it isn't. The lock is
    /// not held where the message is written: what it is made of may be objects of the caller's.
    fn put_ready(&self, item: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let Some(ready) = ready(item)? else { return Ok(None) };
        Ok(Some(self.progress().put_ready(&self.batch, item, ready)))
    }

    fn go_on_and_tell(
        &self,
        py: Python<'_>,
        told: &Bound<'_, PyList>,
        wait: bool,
        log: &mut Log,
    ) -> PyResult<bool> {
        let mut progress = self.progress();
        self.batch.start_workers();
        if wait && !self.batch.lock().is_over() && progress.unfit.is_empty() {
            let low = if progress.wants_more(&self.batch) { ENOUGH / 2 } else { 0 };
            py.detach(|| self.batch.wait(low));
            // Whatever a signal's handler raises, it ends the sending.
            py.check_signals().inspect_err(|_| self.batch.stop())?;
        }
        let over = self.batch.lock().is_over();
        let some = progress.tell(&self.batch, told, log)?;
        let failed = self.batch.lock().queue.failure().is_some();
        if some || !over || !(progress.fed || failed) {
            return Ok(true);
        }
        if !failed {
            py.detach(|| self.batch.wait_for_rest());
        }
        Ok(false)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // The caller has dropped this object before its end, so its sessions must end, too.
        if !self.is_of_another_process() {
            self.batch.stop();
        }
    }
}
