//! How far one call of `send_all` has come: what it has taken, what has become of it, and when it is
//! to stop taking more.

use super::log::{Log, spoken};
use super::parcel::{Packer, Parcel, Prepared, Shipment, Suppressed, as_prepared, hold_back};
use super::receipt::Receipt;
use super::tally::{Tally, Totals};
use crate::binding::message::Ready;
use crate::bulk::{Batch, Job, Payload};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Messages that wait for a session: enough that none runs dry while Python is
/// asked for more, few enough that a million don't pile up.
pub(super) const ENOUGH: usize = 1024;
/// After so many messages, or so long, receipts are looked after.
const PULL: usize = 512;
const PATIENCE: Duration = Duration::from_millis(2);
/// Messages that are handed over together.
pub(super) const AT_ONCE: usize = 32;
/// Octets of messages in memory that are not settled.
const OCTETS: usize = 64 * 1024 * 1024;
/// Messages that are not settled, small as they may be: a server that puts everything
/// off must not fill the memory.
const UNSETTLED: u64 = 40_000;

#[derive(Default)]
pub(super) struct Progress {
    /// Each session has a thread, and no event loop moves it.
    by_threads: bool,
    packer: Packer,
    next_index: u64,
    /// A message whose preparation has begun.
    pub(super) unprepared: Option<Py<PyAny>>,
    /// How many messages were taken since receipts were looked after.
    helped: usize,
    /// Since when receipts wait, or an event loop, while messages are taken.
    since: Option<Instant>,
    /// There is no more to come.
    pub(super) fed: bool,
    octets: usize,
    pub(super) tally: Tally,
    /// The mailer's, and how much of `tally` is in them.
    totals: Arc<Totals>,
    added: Tally,
    kept: u64,
    /// Receipts of what was not fit to be sent, not told yet.
    pub(super) unfit: Vec<Receipt>,
}

/// What came of taking messages from an iterator.
pub(super) enum Taken<'py> {
    /// There may be more.
    Some,
    All,
    /// One is no tuple with everything there.
    Other(Bound<'py, PyAny>),
}

impl Progress {
    pub(super) fn new(kept: u64, by_threads: bool, totals: Arc<Totals>, packer: Packer) -> Self {
        Self { kept, by_threads, totals, packer, ..Self::default() }
    }

    fn is_full(&self) -> bool {
        let (sent, refused, unknown, not_sent, suppressed) = self.tally.as_tuple();
        let unsettled = self.next_index - (sent + refused + unknown + not_sent + suppressed);
        self.octets >= OCTETS || unsettled >= UNSETTLED
    }

    /// Takes a message. Whatever is wrong with this one, the others may be sent; but a
    /// KeyboardInterrupt and its like are the caller's. Whether to go on with more.
    pub(super) fn put(
        &mut self,
        batch: &Arc<Batch<Shipment>>,
        item: &Bound<'_, PyAny>,
        prepared: Prepared<'_>,
    ) -> PyResult<bool> {
        let job = self.pack(item, prepared)?;
        Ok(self.push(batch, job))
    }

    /// Takes the one that was kept, which is a plain message of ours.
    pub(super) fn put_ready(
        &mut self,
        batch: &Arc<Batch<Shipment>>,
        item: &Bound<'_, PyAny>,
        ready: Ready,
    ) -> bool {
        if self.unprepared.take().is_none() {
            return true;
        }
        let job = self.packer.pack_ready(item, self.next_index, ready);
        self.take(&job);
        self.push(batch, [job])
    }

    /// None: it is not fit to be sent.
    fn pack(&mut self, item: &Bound<'_, PyAny>, prepared: Prepared<'_>) -> PyResult<Option<Job<Shipment>>> {
        match self.packer.pack(item, self.next_index, prepared) {
            Ok(job) => {
                self.take(&job);
                Ok(Some(job))
            }
            Err(raised) if raised.is_instance_of::<PyException>(item.py()) => {
                self.put_aside(item, raised);
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    fn take(&mut self, job: &Job<Shipment>) {
        self.next_index += 1;
        self.octets += job.payload.size();
    }

    pub(super) fn pack_some<'py>(
        &mut self,
        iterator: &Bound<'py, PyIterator>,
        jobs: &mut Vec<Job<Shipment>>,
    ) -> PyResult<Taken<'py>> {
        let mut iterator = iterator.clone();
        while jobs.len() < AT_ONCE && !self.is_full() {
            let Some(item) = iterator.next().transpose()? else { return Ok(Taken::All) };
            let Some(prepared) = as_prepared(&item) else { return Ok(Taken::Other(item)) };
            jobs.extend(self.pack(&item, prepared)?);
        }
        Ok(Taken::Some)
    }

    /// Whether to go on with more.
    pub(super) fn push(
        &mut self,
        batch: &Arc<Batch<Shipment>>,
        jobs: impl IntoIterator<Item = Job<Shipment>>,
    ) -> bool {
        let mut count = 0;
        let pushed = batch.push(jobs.into_iter().inspect(|_| count += 1));
        if self.packer.signs() {
            batch.start_preparers();
        }
        if self.by_threads && pushed.wants_worker {
            // The caller may take a long time to supply the next message.
            batch.start_workers();
        }
        self.goes_on(count, pushed.has_receipts) && pushed.waiting < ENOUGH
    }

    /// It is not fit to be sent, and a receipt says so. Whether to go on with more.
    pub(super) fn put_aside(&mut self, item: &Bound<'_, PyAny>, why: PyErr) -> bool {
        self.tally.not_sent += 1;
        let parcel = Parcel::empty(item.clone().unbind(), Vec::new());
        self.unfit.push(Receipt::unfit(item.py(), self.next_index, parcel, why));
        self.next_index += 1;
        self.goes_on(1, true)
    }

    pub(super) fn put_with_rules(
        &mut self,
        batch: &Arc<Batch<Shipment>>,
        item: &Bound<'_, PyAny>,
        prepared: Option<Prepared<'_>>,
        suppressed: Vec<Suppressed>,
    ) -> PyResult<bool> {
        let Some(prepared) = prepared else {
            self.tally.suppressed += 1;
            self.unfit.push(Receipt::suppressed(item, self.next_index, suppressed));
            self.next_index += 1;
            return Ok(self.goes_on(1, true));
        };
        let job = self.pack(item, prepared)?.map(|mut job| {
            hold_back(&mut job, suppressed);
            job
        });
        Ok(self.push(batch, job))
    }

    /// Whether more may be taken before the receipts are looked after, or an event loop has its
    /// turn. The clock isn't read for nothing.
    pub(super) fn goes_on(&mut self, more: usize, has_receipts: bool) -> bool {
        self.helped += more;
        let waits = has_receipts || !self.by_threads;
        let waits_long = waits && self.since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE;
        !waits_long && self.helped < PULL && !self.is_full()
    }

    /// Whether messages are to be taken from the caller now.
    pub(super) fn wants_more(&self, batch: &Batch<Shipment>) -> bool {
        let sender = batch.lock();
        let queue = &sender.queue;
        !self.fed && !self.is_full() && queue.waiting() < ENOUGH && queue.failure().is_none()
    }

    /// Counts the receipts that have come, and makes those that are wanted. Whether
    /// there were any.
    pub(super) fn tell(
        &mut self,
        batch: &Batch<Shipment>,
        told: &Bound<'_, PyList>,
        log: &mut Log,
    ) -> PyResult<bool> {
        self.helped = 0;
        // An event loop waits from the next message on.
        self.since = self.by_threads.then(Instant::now);
        let listener = batch.interest.listener;
        let mut sender = batch.lock();
        log.heard = std::mem::take(&mut sender.queue.log);
        let receipts = sender.queue.take_receipts();
        drop(sender);
        let some = !receipts.is_empty() || !self.unfit.is_empty();
        for unfit in self.unfit.drain(..) {
            told.append(unfit)?;
        }
        for receipt in &receipts {
            self.tally.count(receipt);
        }
        self.totals.add(self.tally, std::mem::replace(&mut self.added, self.tally));
        for receipt in receipts {
            self.octets = self.octets.saturating_sub(receipt.payload.size());
            if listener.messages {
                log.messages.push(spoken(told.py(), &receipt));
            }
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
