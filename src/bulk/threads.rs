//! The sender with threads: each worker has a thread that does what the worker says. Nothing here
//! runs the feeder's own work, and no thread is left behind when a call ends.

use super::job::{Job, Payload};
use super::ledger::Ledger;
use super::mailer::{Mailer, locked};
use super::queue::Interest;
use super::sender::{Sender, stopped};
use super::wakeups::{Sleep, Sleepers};
use super::worker::Worker;
use crate::driver::{Attendant, SLICE, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

mod preparers;
mod session;

use session::{Holding, SessionThread};

/// A loop that drives the sessions and waits.
pub trait Nudge: fmt::Debug + Send + Sync {
    /// One of our threads has prepared a message, so the loop should look again.
    fn nudge(&self);
}

/// The messages of one call.
#[derive(Debug)]
pub struct Batch<P> {
    pub mailer: Arc<Mailer>,
    sender: Arc<Mutex<Sender<P>>>,
    sleepers: Mutex<Sleepers>,
    /// How many there are. A thread that goes to sleep counts itself before it looks for work under
    /// the sender's lock. So a thread that has added work under that lock sees it counted, or else
    /// the other one sees the work.
    asleep: AtomicUsize,
    /// Signals the feeder: there are receipts, or room for more jobs.
    news: Condvar,
    stopped: AtomicBool,
    pub interest: Interest,
    /// The call was made by a thread that holds a session of the same mailer.
    nested: bool,
    /// Set if an event loop drives the sessions.
    nudge: Option<Box<dyn Nudge>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the queue is like when some jobs have been added.
#[derive(Clone, Copy, Debug)]
pub struct Pushed {
    /// How many jobs wait for a session.
    pub waiting: usize,
    /// There is work for another worker.
    pub wants_worker: bool,
    /// There are receipts that the caller hasn't collected.
    pub has_receipts: bool,
}

impl<P: Payload> Batch<P> {
    /// A batch whose messages are reported to this ledger.
    pub fn new(
        mailer: Arc<Mailer>,
        ledger: Arc<dyn Ledger<P>>,
        interest: Interest,
        nudge: Option<Box<dyn Nudge>>,
    ) -> Self {
        let nested = Holding::holds(&mailer);
        Self {
            sender: Arc::new(Mutex::new(Sender::new(&mailer, ledger, interest))),
            mailer,
            sleepers: Mutex::default(),
            asleep: AtomicUsize::new(0),
            news: Condvar::new(),
            stopped: AtomicBool::new(false),
            interest,
            nested,
            nudge,
            threads: Mutex::default(),
        }
    }

    /// Works in the calling thread until everything is settled. Used for one message.
    pub fn work_here(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        self.enlist(false).map_or(Ok(()), |worker| self.run(worker, attendant, &|| {}))
    }

    /// Delivers to files or a program in the calling thread, until everything is settled or the batch
    /// is stopped.
    pub fn deliver_here(&self) -> Result<(), Error> {
        self.work_locally(&mut Unattended(self))
    }

    /// Runs a worker from start to end. `ready` is called when a session becomes ready for mail.
    fn run(&self, worker: Worker<P>, attendant: &mut dyn Attendant, ready: &dyn Fn()) -> Result<(), Error> {
        match self.mailer.local {
            Some(_) => self.work_locally(attendant),
            None => SessionThread { batch: self, worker, attendant, ready }.run(),
        }
    }

    /// Adds a worker, unless there are enough for the unsettled messages. `asked` means that the
    /// call comes from a callback of the caller's, and that a session of this mailer waits for it.
    pub fn enlist(&self, asked: bool) -> Option<Worker<P>> {
        let enlisted = self.lock().enlist();
        enlisted.then(|| Worker::new(Arc::clone(&self.sender), asked || self.nested))
    }

    /// Starts as many threads as there is work for.
    pub fn start_workers(self: &Arc<Self>) {
        while let Some(worker) = self.enlist(false) {
            let started = self.start("rsmtp-session", move |batch| {
                // The receipts say what went wrong.
                let _ = batch.run(worker, &mut Unattended(batch), &|| batch.start_workers());
            });
            match started {
                Ok(thread) => {
                    let mut threads = locked(&self.threads);
                    threads.retain(|thread| !thread.is_finished());
                    threads.push(thread);
                }
                // Its worker has already resigned.
                Err(error) => return self.not_started("for a session", &error, Sender::turn_away),
            }
        }
    }

    fn start(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let batch = Arc::clone(self);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Needed even if it panics: the others must not wait for it.
            let _left = Leaving(&batch);
            run(&batch);
        })
    }

    /// A thread could not be started. `others` tells how many there are to do its work.
    fn not_started(&self, what_for: &str, error: &io::Error, others: impl FnOnce(&mut Sender<P>) -> usize) {
        let mut sender = self.lock();
        let others = others(&mut sender);
        sender.not_started(what_for, others, error);
        drop(sender);
        self.tell();
    }

    /// Adds some more jobs.
    pub fn push(&self, jobs: impl IntoIterator<Item = Job<P>>) -> Pushed {
        let mut sender = self.lock();
        jobs.into_iter().for_each(|job| sender.queue.push(job));
        let pushed = Pushed {
            waiting: sender.queue.waiting(),
            wants_worker: sender.wants_worker(),
            has_receipts: !sender.queue.receipts.is_empty(),
        };
        self.wake_one(sender);
        pushed
    }

    /// Wakes a worker, if there is work that none is about to look for.
    fn wake_one(&self, mut sender: MutexGuard<'_, Sender<P>>) {
        let some_sleep = self.asleep.load(Ordering::Relaxed) > 0;
        let sleeper = match some_sleep && sender.queue.is_ready() {
            true => locked(&self.sleepers).next(),
            false => None,
        };
        drop(sender);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    pub fn end_of_input(&self) {
        self.lock().queue.end_of_input();
        self.stir();
    }

    /// Everything is settled: waits until the sessions are idle. A session that is still being
    /// opened isn't needed any more.
    pub fn wait_for_rest(&self) {
        self.stir();
        let mut sender = self.lock();
        while sender.working() > 0 {
            sender = self.news.wait_timeout(sender, SLICE).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(sender);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until there is a receipt, fewer than `low` jobs wait, or the batch is over. Waits one
    /// slice of time at most.
    pub fn wait(&self, low: usize) {
        let mut sender = self.lock();
        let over = sender.queue.is_finished() || sender.workers() == 0;
        if !over && sender.queue.receipts.is_empty() && sender.queue.waiting() >= low {
            sender.feeder_waits = Some(low);
            sender = self.news.wait_timeout(sender, SLICE).unwrap_or_else(PoisonError::into_inner).0;
            sender.feeder_waits = None;
        }
    }

    /// Stops the batch: sessions break off, messages in flight become unknown, and waiting
    /// messages aren't sent. The receipts say so.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.lock().stop();
        self.stir();
    }

    /// Waits until the threads have ended, after `stop`.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *locked(&self.threads));
        // A worker that has panicked has nothing more to report.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }

    pub fn lock(&self) -> MutexGuard<'_, Sender<P>> {
        locked(&self.sender)
    }

    /// Wakes the feeder if it waits for what there is: room for more jobs or, if they are to be
    /// `told`, receipts.
    pub(super) fn tell_if_awaited(&self, told: bool) {
        let sender = self.lock();
        let (receipts, waiting) = (!sender.queue.receipts.is_empty(), sender.queue.waiting());
        if sender.feeder_waits.is_some_and(|low| told && receipts || waiting < low) {
            drop(sender);
            self.tell();
        }
    }

    /// The feeder's news: receipts, or room for more jobs.
    pub(super) fn tell(&self) {
        self.news.notify_all();
    }

    /// Wakes all workers that wait: there may be nothing more to wait for.
    fn stir(&self) {
        locked(&self.sleepers).wake_all();
    }

    /// Waits until this time and no longer than one slice, or until everything is decided. `sleep`
    /// says what else ends the wait.
    pub(super) fn wait_until(&self, until: Option<Instant>, sleep: Sleep) {
        let limit = until.map_or(SLICE, |when| when.saturating_duration_since(Instant::now()).min(SLICE));
        let mut sender = self.lock();
        let there_is_work = sleep == Sleep::Deep && until.is_none() && sender.queue.is_ready();
        if !there_is_work && !sender.is_decided() && !limit.is_zero() {
            let _asleep = self.sleep(sleep, None);
            drop(sender);
            thread::park_timeout(limit.max(Duration::from_micros(50)));
        }
    }

    /// While this is held, the thread waits in this way.
    fn sleep(&self, sleep: Sleep, poll: Option<Arc<mio::Waker>>) -> Asleep<'_> {
        self.asleep.fetch_add(1, Ordering::Relaxed);
        locked(&self.sleepers).enter(sleep, poll);
        Asleep { sleepers: &self.sleepers, count: &self.asleep }
    }

    /// After a failure, a session that is still being opened isn't needed.
    fn break_off(&self) {
        let sender = self.lock();
        if sender.queue.failure().is_some() && sender.working() == 0 {
            self.stopped.store(true, Ordering::Relaxed);
        }
        drop(sender);
        self.stir();
        self.tell();
    }

    /// An interrupt, or a bug of ours, ends the whole batch.
    pub fn fail(&self, error: &Error) {
        self.lock().fail(error);
        self.break_off();
    }

    /// The receipts say how a session ended. An interrupt ends the whole batch.
    fn unless_interrupted(&self, ended: Result<(), Error>) -> Result<(), Error> {
        let interrupted = ended.err().filter(|error| error.kind == Kind::Interrupted);
        if let Some(error) = &interrupted {
            self.lock().fail(error);
        }
        self.break_off();
        interrupted.map_or(Ok(()), Err)
    }
}

struct Asleep<'a> {
    sleepers: &'a Mutex<Sleepers>,
    count: &'a AtomicUsize,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        locked(self.sleepers).leave();
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Leaving<'a, P: Payload>(&'a Batch<P>);

impl<P: Payload> Drop for Leaving<'_, P> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(&panicking());
        }
        self.0.stir();
        self.0.tell();
    }
}

/// The error for jobs whose worker has panicked.
fn panicking() -> Error {
    Error::new(Kind::Misuse, Stage::Command, "a session's thread has failed: please report this")
}

/// A worker's attendant, which stops when the batch does.
struct Unattended<'a, P>(&'a Batch<P>);

impl<P: Payload> Attendant for Unattended<'_, P> {
    fn attend(&mut self) -> Result<(), Error> {
        if self.0.stopped.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) }
    }

    fn hear(&mut self, line: &TimedLine) {
        if self.0.interest.listener.conversation {
            self.0.lock().queue.log.lines.push(line.clone());
        }
    }

    fn warn(&mut self, text: &str) {
        self.0.lock().queue.tell(|| text.to_owned());
        self.0.tell();
    }
}
