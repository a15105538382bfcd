//! One call of `send_all`: messages in from an iterator, receipts out, the waiting
//! without the GIL.

use super::parcel::{Packer, Parcel, Shipment};
use super::receipt::{Receipt, Tally};
use crate::binding::error::to_python;
use crate::bulk::{Batch, Job, Payload};
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages that wait for a session: enough that none runs dry while Python is
/// asked for more, few enough that a million don't pile up.
const ENOUGH: usize = 1024;
const PULL: usize = 512;
/// Octets of messages in memory that are not settled.
const OCTETS: usize = 64 * 1024 * 1024;
/// Messages that are not settled, small as they may be: a server that puts everything
/// off must not fill the memory.
const UNSETTLED: u64 = 40_000;
/// A slow iterator's messages don't wait for each other longer than this.
const PATIENCE: Duration = Duration::from_millis(2);

#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Sending {
    pub(super) batch: Arc<Batch<Shipment>>,
    progress: Mutex<Progress>,
    process: u32,
}

#[derive(Default)]
pub(super) struct Progress {
    packer: Packer,
    next_index: u64,
    /// The iterator has ended.
    pub(super) fed: bool,
    octets: usize,
    tally: Tally,
    kept: u64,
    /// Receipts of what was not fit to be sent, not told yet.
    pub(super) unfit: Vec<Receipt>,
    workers: Vec<JoinHandle<()>>,
}

impl Sending {
    pub fn new(batch: Batch<Shipment>, kept: u64) -> Self {
        let progress = Mutex::new(Progress { kept, ..Progress::default() });
        Self { batch: Arc::new(batch), progress, process: std::process::id() }
    }

    /// A forked child has neither the threads nor the sessions.
    fn is_of_another_process(&self) -> bool {
        self.process != std::process::id()
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sending {
    /// Takes messages from the iterator, sends, and adds receipts to the list as they
    /// come; returns after a moment in any case. False: all is told. The list is the
    /// caller's own, so that an interrupt can't lose what is told.
    fn go_on(
        &self,
        py: Python<'_>,
        iterator: &Bound<'_, PyIterator>,
        told: &Bound<'_, PyList>,
    ) -> PyResult<bool> {
        if self.is_of_another_process() {
            let message = "this sending belongs to the parent process: begin anew after a fork";
            return Err(PyRuntimeError::new_err(message));
        }
        let mut progress = self.progress();
        let fed = progress.feed(py, &self.batch, iterator);
        progress.start_workers(&self.batch)?;
        fed?;
        if !self.batch.is_over() && progress.unfit.is_empty() {
            let low = if progress.fed || progress.is_full() { 0 } else { ENOUGH / 2 };
            py.detach(|| self.batch.wait(low));
            py.check_signals()?;
        }
        let over = self.batch.is_over();
        let some = progress.tell(&self.batch, told)?;
        let failed = self.batch.failure().is_some();
        if some || !over || !(progress.fed || failed) {
            return Ok(true);
        }
        if !failed {
            py.detach(|| self.batch.wait_for_rest());
        }
        Ok(false)
    }

    /// Ends it at once. `go_on` tells of what was in flight as unknown, and of what
    /// waited as not sent.
    fn stop(&self, py: Python<'_>) {
        if self.is_of_another_process() {
            return;
        }
        self.batch.stop();
        let workers = std::mem::take(&mut self.progress().workers);
        // A worker that has panicked has nothing more to say.
        py.detach(|| workers.into_iter().for_each(|worker| drop(worker.join())));
    }

    /// Takes nothing more from the iterator; `go_on` tells of the rest.
    fn finish(&self) {
        self.progress().fed = true;
        self.batch.end_of_input();
    }

    /// The exception that says why nothing could be sent any more, or None.
    #[getter]
    fn failure(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.batch.failure().map(|error| to_python(py, &error).into_value(py).into_any())
    }

    /// Messages so far: sent to everybody, refused for somebody, unknown for
    /// somebody, not sent.
    #[getter]
    fn tally(&self) -> (u64, u64, u64, u64) {
        let Tally { sent, refused, unknown, not_sent } = self.progress().tally;
        (sent, refused, unknown, not_sent)
    }
}

impl Progress {
    fn is_full(&self) -> bool {
        let Tally { sent, refused, unknown, not_sent } = self.tally;
        let unsettled = self.next_index - (sent + refused + unknown + not_sent);
        self.octets >= OCTETS || unsettled >= UNSETTLED
    }

    /// Takes what the queue has room for.
    pub(super) fn feed(
        &mut self,
        py: Python<'_>,
        batch: &Arc<Batch<Shipment>>,
        iterator: &Bound<'_, PyIterator>,
    ) -> PyResult<()> {
        if batch.failure().is_some() {
            return Ok(());
        }
        let waiting = batch.waiting();
        if self.fed || waiting >= ENOUGH {
            return Ok(());
        }
        let mut jobs: Vec<Job<Shipment>> = Vec::with_capacity(PULL.min(ENOUGH - waiting));
        let began = Instant::now();
        let mut iterator = iterator.clone();
        let mut ended = Ok(());
        while jobs.len() < PULL && !self.is_full() && began.elapsed() < PATIENCE {
            let item = match iterator.next() {
                None => {
                    self.fed = true;
                    break;
                }
                Some(Err(raised)) => {
                    self.fed = true;
                    ended = Err(raised);
                    break;
                }
                Some(Ok(item)) => item,
            };
            match self.pack(py, item) {
                Ok(job) => jobs.extend(job),
                Err(raised) => {
                    self.fed = true;
                    ended = Err(raised);
                    break;
                }
            }
        }
        batch.push(jobs);
        if self.fed {
            batch.end_of_input();
        }
        ended
    }

    /// None: it is not fit to be sent, and a receipt will say so. Whatever is wrong
    /// with this one, the others may be sent; but a KeyboardInterrupt and its like are
    /// the caller's.
    pub(super) fn pack(&mut self, py: Python<'_>, item: Bound<'_, PyAny>) -> PyResult<Option<Job<Shipment>>> {
        let index = self.next_index;
        self.next_index += 1;
        match self.packer.pack(&item, index) {
            Ok(job) => {
                self.octets += job.payload.size();
                Ok(Some(job))
            }
            Err(raised) if raised.is_instance_of::<PyException>(py) => {
                self.tally.not_sent += 1;
                self.unfit.push(Receipt::unfit(py, index, Parcel::empty(item.unbind()), raised));
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    /// Whether messages are to be taken from the caller now.
    pub(super) fn wants_more(&self, batch: &Batch<Shipment>) -> bool {
        !self.fed && !self.is_full() && batch.waiting() < ENOUGH && batch.failure().is_none()
    }

    fn start_workers(&mut self, batch: &Arc<Batch<Shipment>>) -> PyResult<()> {
        while let Some(worker) = batch.start_worker()? {
            self.workers.retain(|worker| !worker.is_finished());
            self.workers.push(worker);
        }
        Ok(())
    }

    /// Counts the receipts that have come, and makes those that are wanted. Whether
    /// there were any.
    pub(super) fn tell(&mut self, batch: &Batch<Shipment>, told: &Bound<'_, PyList>) -> PyResult<bool> {
        let receipts = batch.take_receipts();
        let some = !receipts.is_empty() || !self.unfit.is_empty();
        for unfit in self.unfit.drain(..) {
            told.append(unfit)?;
        }
        for receipt in receipts {
            self.octets = self.octets.saturating_sub(receipt.payload.size());
            self.tally.count(&receipt);
            if receipt.ok() {
                if self.kept == 0 {
                    continue;
                }
                self.kept -= 1;
            }
            told.append(Receipt::new(receipt))?;
        }
        Ok(some)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Whoever drops it half done has lost interest: nothing may stay behind.
        if !self.is_of_another_process() {
            self.batch.stop();
        }
    }
}
