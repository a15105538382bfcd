//! One call of `send_all`: messages in from an iterator, receipts out, the waiting
//! without the GIL.

use super::parcel::{Packer, Parcel, Shipment};
use super::receipt::{Receipt, Tally};
use crate::binding::error::to_python;
use crate::bulk::{Batch, Job, Payload};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages that wait for a session: enough that none runs dry while Python is
/// asked for more, few enough that a million don't pile up.
const ENOUGH: usize = 1024;
const PULL: usize = 512;
/// Octets of messages in memory that are not settled.
const OCTETS: usize = 64 * 1024 * 1024;
/// A slow iterator's messages don't wait for each other longer than this.
const PATIENCE: Duration = Duration::from_millis(2);

#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Sending {
    batch: Arc<Batch<Shipment>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    packer: Packer,
    next_index: u64,
    /// The iterator has ended.
    fed: bool,
    octets: usize,
    tally: Tally,
    kept: u64,
    workers: Vec<JoinHandle<()>>,
}

impl Sending {
    pub fn new(batch: Batch<Shipment>, kept: u64) -> Self {
        Self { batch: Arc::new(batch), progress: Mutex::new(Progress { kept, ..Progress::default() }) }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sending {
    /// Takes messages from the iterator, sends, and returns receipts when there are
    /// any, or an empty list after a moment without. None: all is told.
    #[pyo3(signature = (iterator) -> "list[Receipt] | None")]
    fn go_on(&self, py: Python<'_>, iterator: &Bound<'_, PyIterator>) -> PyResult<Option<Vec<Receipt>>> {
        let mut progress = self.progress();
        let receipts = progress.feed(py, &self.batch, iterator)?;
        if !receipts.is_empty() {
            return Ok(Some(receipts));
        }
        if !self.batch.is_over() {
            let low = if progress.fed || progress.octets >= OCTETS { 0 } else { ENOUGH / 2 };
            py.detach(|| self.batch.wait(low));
            py.check_signals()?;
        }
        let over = self.batch.is_over();
        let receipts = progress.told(py, &self.batch)?;
        if receipts.is_empty() && over && (progress.fed || self.batch.failure().is_some()) {
            return Ok(None);
        }
        Ok(Some(receipts))
    }

    /// Ends it at once. `go_on` tells of what was in flight as unknown, and of what
    /// waited as not sent.
    fn stop(&self, py: Python<'_>) {
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
    /// Takes what the queue has room for. Receipts for what is not fit to be sent.
    fn feed(
        &mut self,
        py: Python<'_>,
        batch: &Arc<Batch<Shipment>>,
        iterator: &Bound<'_, PyIterator>,
    ) -> PyResult<Vec<Receipt>> {
        let mut unfit = Vec::new();
        if self.fed || batch.failure().is_some() {
            return Ok(unfit);
        }
        let waiting = batch.waiting();
        if waiting >= ENOUGH {
            return Ok(unfit);
        }
        let mut jobs: Vec<Job<Shipment>> = Vec::with_capacity(PULL.min(ENOUGH - waiting));
        let began = Instant::now();
        let mut iterator = iterator.clone();
        let mut ended = Ok(());
        while jobs.len() < PULL && self.octets < OCTETS && began.elapsed() < PATIENCE {
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
            let index = self.next_index;
            self.next_index += 1;
            match self.packer.pack(&item, index) {
                Ok(job) => {
                    self.octets += job.payload.size();
                    jobs.push(job);
                }
                Err(raised) if is_about_the_message(py, &raised) => {
                    self.tally.not_sent += 1;
                    unfit.push(Receipt::unfit(py, index, Parcel::empty(item.unbind()), raised));
                }
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
        while let Some(worker) = batch.start_worker()? {
            self.workers.push(worker);
        }
        ended.map(|()| unfit)
    }

    /// Counts the receipts that have come, and makes those that are wanted.
    fn told(&mut self, _py: Python<'_>, batch: &Batch<Shipment>) -> PyResult<Vec<Receipt>> {
        let mut told = Vec::new();
        for receipt in batch.take_receipts() {
            self.octets = self.octets.saturating_sub(receipt.payload.size());
            self.tally.count(&receipt);
            if receipt.ok() {
                if self.kept == 0 {
                    continue;
                }
                self.kept -= 1;
            }
            told.push(Receipt::new(receipt));
        }
        Ok(told)
    }
}

/// Whether it says that this message can't be sent, and not that all is lost.
fn is_about_the_message(py: Python<'_>, raised: &PyErr) -> bool {
    raised.is_instance_of::<PyValueError>(py)
        || raised.is_instance_of::<PyTypeError>(py)
        || raised.is_instance_of::<pyo3::exceptions::PyOSError>(py)
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Whoever drops it half done has lost interest: nothing may stay behind.
        self.batch.stop();
    }
}
