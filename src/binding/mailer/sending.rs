//! One call of `send_all`: takes messages, returns receipts, and waits without the GIL. None of
//! the caller's code runs in here: `rsmtp._mailer.feeding` fetches the messages.

use super::parcel::{self, Packer, Parcel, Prepared, Shipment, Suppressed, as_prepared, hold_back};
use super::receipt::Receipt;
use super::tally::{Tally, Totals};
use crate::binding::advice::told;
use crate::binding::error::{exception, to_python};
use crate::binding::logs::{self, Level};
use crate::binding::message::ready;
use crate::bulk::{self, Batch, Job, Payload, stopped};
use crate::driver::Listener;
use crate::protocol::Error;
use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyIterator, PyList, PyType};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Messages that wait for a session: enough that none runs dry while Python is
/// asked for more, few enough that a million don't pile up.
const ENOUGH: usize = 1024;
/// After so many messages, or so long, receipts are looked after.
const PULL: usize = 512;
const PATIENCE: Duration = Duration::from_millis(2);
/// Messages that are handed over together.
const AT_ONCE: usize = 32;
/// Octets of messages in memory that are not settled.
const OCTETS: usize = 64 * 1024 * 1024;
/// Messages that are not settled, small as they may be: a server that puts everything
/// off must not fill the memory.
const UNSETTLED: u64 = 40_000;

#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Sending {
    pub(super) batch: Arc<Batch<Shipment>>,
    progress: Mutex<Progress>,
    process: u32,
}

#[derive(Default)]
pub(super) struct Progress {
    /// Each session has a thread, and no event loop moves it.
    by_threads: bool,
    packer: Packer,
    next_index: u64,
    /// A message whose preparation has begun.
    unprepared: Option<Py<PyAny>>,
    /// How many messages were taken since receipts were looked after.
    helped: usize,
    /// Since when receipts wait, or an event loop, while messages are taken.
    since: Option<Instant>,
    /// There is no more to come.
    pub(super) fed: bool,
    octets: usize,
    tally: Tally,
    /// The mailer's, and how much of `tally` is in them.
    totals: Arc<Totals>,
    added: Tally,
    kept: u64,
    /// Receipts of what was not fit to be sent, not told yet.
    unfit: Vec<Receipt>,
}

impl Sending {
    pub fn new(
        batch: Batch<Shipment>,
        kept: u64,
        by_threads: bool,
        totals: Arc<Totals>,
        packer: Packer,
    ) -> Self {
        let progress = Mutex::new(Progress { kept, by_threads, totals, packer, ..Progress::default() });
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
        let mut progress = self.progress();
        if progress.unprepared.take().is_none() {
            return Ok(Some(true));
        }
        let job = progress.packer.pack_ready(item, progress.next_index, ready);
        progress.take(&job);
        Ok(Some(progress.push(&self.batch, [job])))
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

/// What came of taking messages from an iterator.
enum Taken<'py> {
    /// There may be more.
    Some,
    All,
    /// One is no tuple with everything there.
    Other(Bound<'py, PyAny>),
}

/// What is to be logged when no lock is held.
#[derive(Default)]
pub(super) struct Log {
    pub(super) heard: bulk::Log,
    pub(super) messages: Vec<String>,
}

impl Log {
    pub(super) fn say(self, py: Python<'_>, listener: Listener) -> PyResult<()> {
        for line in self.heard.lines {
            logs::say_line(py, &line)?;
        }
        if listener.trouble {
            self.heard.news.iter().try_for_each(|text| logs::MAIL.say(py, Level::Warning, text))?;
        }
        if listener.messages {
            self.messages.iter().try_for_each(|text| logs::MAIL.say(py, Level::Info, text))?;
        }
        Ok(())
    }
}

/// What a receipt comes to in one line of a log.
pub(super) fn spoken(py: Python<'_>, receipt: &bulk::Receipt<Shipment>) -> String {
    // A failure to write a log line must not lose a receipt.
    let full =
        |error: &Error| told(py, &error.to_string(), error.advice).unwrap_or_else(|_| error.to_string());
    let error = receipt.error.as_deref().map(full);
    let (server, error) = (receipt.server.as_deref(), error.as_deref());
    logs::message(&receipt.recipients, server, receipt.took, receipt.attempts, error)
}

impl Progress {
    fn is_full(&self) -> bool {
        let (sent, refused, unknown, not_sent, suppressed) = self.tally.as_tuple();
        let unsettled = self.next_index - (sent + refused + unknown + not_sent + suppressed);
        self.octets >= OCTETS || unsettled >= UNSETTLED
    }

    /// Takes a message. Whatever is wrong with this one, the others may be sent; but a
    /// KeyboardInterrupt and its like are the caller's. Whether to go on with more.
    fn put(
        &mut self,
        batch: &Arc<Batch<Shipment>>,
        item: &Bound<'_, PyAny>,
        prepared: Prepared<'_>,
    ) -> PyResult<bool> {
        let job = self.pack(item, prepared)?;
        Ok(self.push(batch, job))
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

    fn pack_some<'py>(
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
    fn push(&mut self, batch: &Arc<Batch<Shipment>>, jobs: impl IntoIterator<Item = Job<Shipment>>) -> bool {
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
    fn put_aside(&mut self, item: &Bound<'_, PyAny>, why: PyErr) -> bool {
        self.tally.not_sent += 1;
        let parcel = Parcel::empty(item.clone().unbind(), Vec::new());
        self.unfit.push(Receipt::unfit(item.py(), self.next_index, parcel, why));
        self.next_index += 1;
        self.goes_on(1, true)
    }

    fn put_with_rules(
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
    fn goes_on(&mut self, more: usize, has_receipts: bool) -> bool {
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

impl Drop for Sending {
    fn drop(&mut self) {
        // The caller has dropped this object before its end, so its sessions must end, too.
        if !self.is_of_another_process() {
            self.batch.stop();
        }
    }
}
