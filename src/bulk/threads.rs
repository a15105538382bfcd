//! The sender with threads: each worker has a thread that does what the worker says. Nothing here
//! runs the feeder's own work, and no thread is left behind when a call ends.

use super::job::{Job, Payload, Receipt};
use super::ledger::Ledger;
use super::mailer::{Mailer, locked};
use super::sender::{Sender, stopped};
use super::wakeups::{NAP, Sleep, Sleepers};
use super::worker::Worker;
use crate::driver::{Attendant, Listener, SLICE, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod pool;
mod preparers;
mod session;

pub use pool::Pool;
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
    /// Wakes sleeping workers when there is work.
    work: Condvar,
    /// Signals a change to those that wait for one.
    change: Condvar,
    /// Signals the feeder: there are receipts, or room for more jobs.
    news: Condvar,
    stopped: AtomicBool,
    /// What the log wants to hear.
    listener: Listener,
    /// Lines of the conversations. The caller's own thread logs them.
    lines: Mutex<Vec<TimedLine>>,
    /// The call was made by a thread that holds a session of the same mailer.
    nested: bool,
    nudge: Option<Box<dyn Nudge>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<P: Payload> Batch<P> {
    /// A batch whose messages are reported to this ledger.
    pub fn new(mailer: Arc<Mailer>, ledger: Arc<dyn Ledger<P>>) -> Self {
        let nested = Holding::holds(&mailer);
        Self {
            sender: Arc::new(Mutex::new(Sender::new(&mailer, ledger))),
            mailer,
            sleepers: Mutex::default(),
            work: Condvar::new(),
            change: Condvar::new(),
            news: Condvar::new(),
            stopped: AtomicBool::new(false),
            listener: Listener::default(),
            lines: Mutex::default(),
            nested,
            nudge: None,
            threads: Mutex::default(),
        }
    }

    /// Keeps what the log wants to hear. With `recorded`, every line is kept, for the errors.
    #[must_use]
    pub fn heard_by(mut self, listener: Listener, recorded: bool) -> Self {
        self.listener = listener;
        let mut sender = self.lock();
        sender.recorded = recorded || listener.conversation;
        sender.queue.news = listener.trouble.then(Vec::new);
        drop(sender);
        self
    }

    /// An event loop drives its sessions.
    #[must_use]
    pub fn moved_by(mut self, nudge: Option<Box<dyn Nudge>>) -> Self {
        self.nudge = nudge;
        self
    }

    /// Receipts include the course of the conversation, as far as it is recorded.
    #[must_use]
    pub fn timed(self, timed: bool) -> Self {
        self.lock().timed = timed;
        self
    }

    pub fn listener(&self) -> Listener {
        self.listener
    }

    /// The lines since the last call, for the log.
    pub fn take_lines(&self) -> Vec<TimedLine> {
        std::mem::take(&mut *locked(&self.lines))
    }

    /// The retries and switches of server since the last call, for the log.
    pub fn take_news(&self) -> Vec<String> {
        self.lock().queue.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Works in the calling thread until everything is settled. Used for one message.
    pub fn work_here(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        self.enlist(false).map_or(Ok(()), |worker| self.run(worker, attendant, &|| {}))
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
        let (mailer, sender) = (Arc::clone(&self.mailer), Arc::clone(&self.sender));
        enlisted.then(|| Worker::new(mailer, sender, asked || self.nested))
    }

    /// Starts as many threads as there is work for. If a thread can't be started, the others do
    /// its work. Without any thread, nothing can be sent.
    pub fn start_workers(self: &Arc<Self>) {
        while let Some(worker) = self.enlist(false) {
            let batch = Arc::clone(self);
            let started = std::thread::Builder::new().name("rsmtp-session".to_owned()).spawn(move || {
                // Needed even if the worker panics: the feeder must not wait for it.
                let _left = Leaving(&batch);
                let mut attendant = Unattended(&batch);
                // The receipts say what went wrong.
                let _ = batch.run(worker, &mut attendant, &|| batch.start_workers());
            });
            let mut threads = locked(&self.threads);
            threads.retain(|thread| !thread.is_finished());
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    drop(threads);
                    // Its worker has already resigned.
                    let mut sender = self.lock();
                    sender.turn_away();
                    let others = sender.workers();
                    sender.not_started("for a session", others, &error);
                    drop(sender);
                    return self.tell();
                }
            }
        }
    }

    /// Adds some more jobs. Returns how many wait for a session.
    pub fn push(&self, jobs: impl IntoIterator<Item = Job<P>>) -> usize {
        let mut sender = self.lock();
        jobs.into_iter().for_each(|job| sender.queue.push(job));
        let waiting = sender.queue.waiting();
        let wake = locked(&self.sleepers).wake();
        drop(sender);
        self.wake(wake);
        waiting
    }

    fn wake(&self, asleep: Option<Sleep>) {
        match asleep {
            None | Some(Sleep::Nap) => {}
            Some(Sleep::Deep) => self.work.notify_one(),
            // A worker that can't be woken wakes up by itself a little later.
            Some(Sleep::Listening(waker)) => drop(waker.wake()),
        }
    }

    /// A worker has looked and left work to the others.
    fn pass_on(&self) {
        let mut sender = self.lock();
        let some = sender.workers() > 1 && sender.queue.is_ready();
        let wake = if some { locked(&self.sleepers).wake() } else { None };
        drop(sender);
        self.wake(wake);
    }

    pub fn end_of_input(&self) {
        self.lock().queue.end_of_input();
        self.stir();
    }

    /// How many jobs wait for a session.
    pub fn waiting(&self) -> usize {
        self.lock().queue.waiting()
    }

    pub fn take_receipts(&self) -> Vec<Receipt<P>> {
        self.lock().queue.take_receipts()
    }

    /// Why nothing more can be sent.
    pub fn failure(&self) -> Option<Error> {
        self.lock().queue.failure().cloned()
    }

    /// Whether everything is settled, or sending has failed and every worker has ended.
    pub fn is_over(&self) -> bool {
        self.lock().is_over()
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
        let sender = self.lock();
        let over = sender.queue.is_finished() || sender.workers() == 0;
        if !over && !sender.queue.has_receipts() && (low == 0 || sender.queue.waiting() >= low) {
            drop(self.news.wait_timeout(sender, SLICE));
        }
    }

    /// Stops the batch: sessions break off, messages in flight become unknown, and waiting
    /// messages aren't sent. The receipts say so.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.lock().stop();
        self.stir();
        let listening = std::mem::take(&mut locked(&self.sleepers).listening);
        listening.iter().for_each(|waker| drop(waker.wake()));
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

    /// The feeder's news: receipts, or room for more jobs.
    pub(super) fn tell(&self) {
        self.news.notify_all();
    }

    /// Wakes the workers that wait for work, or for the end of the batch.
    fn stir(&self) {
        self.work.notify_all();
        self.change.notify_all();
    }

    /// Sleeps until there is work, until `until` at most, and no longer than one slice.
    pub(super) fn wait_for_work(&self, until: Option<Instant>) {
        let limit = until.map_or(SLICE, |when| when.saturating_duration_since(Instant::now()).min(SLICE));
        let mut sender = self.lock();
        let there_is_some = until.is_none() && sender.queue.is_ready();
        if !there_is_some && !sender.is_decided() && !limit.is_zero() {
            let _asleep = self.sleep(Sleep::Deep);
            drop(self.work.wait_timeout(sender, limit.max(Duration::from_micros(50))));
        }
    }

    /// Waits a moment for more work, without being woken for it.
    fn nap(&self) {
        let _napping = self.sleep(Sleep::Nap);
        self.wait_for_the_end(Instant::now() + NAP);
    }

    /// While this is held, the worker has nothing to send and waits in this way.
    fn sleep(&self, sleep: Sleep) -> Asleep<'_> {
        locked(&self.sleepers).enter(&sleep);
        Asleep { sleepers: &self.sleepers, sleep }
    }

    /// Waits until `end`, or until everything is decided, but no longer than one slice.
    fn wait_for_the_end(&self, end: Instant) {
        let left = end.min(Instant::now() + SLICE).saturating_duration_since(Instant::now());
        drop(self.change.wait_timeout_while(self.lock(), left, |sender| !sender.is_decided()));
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
        match ended {
            Err(error) if error.kind == Kind::Interrupted => {
                self.fail(&error);
                Err(error)
            }
            _ => {
                self.break_off();
                Ok(())
            }
        }
    }

    /// At once, if the caller's own thread does the work.
    fn tell_news(&self, attendant: &mut dyn Attendant) {
        if self.listener.trouble {
            attendant.hear_news(&mut || self.take_news());
        }
    }

    pub(super) fn attend(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        attendant.attend().inspect_err(|error| self.fail(error))
    }
}

struct Asleep<'a> {
    sleepers: &'a Mutex<Sleepers>,
    sleep: Sleep,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        locked(self.sleepers).leave(&self.sleep);
    }
}

struct Leaving<'a, P: Payload>(&'a Batch<P>);

impl<P: Payload> Drop for Leaving<'_, P> {
    fn drop(&mut self) {
        if std::thread::panicking() {
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
        match self.0.stopped.load(Ordering::Relaxed) {
            true => Err(stopped()),
            false => Ok(()),
        }
    }

    fn hear(&mut self, line: &TimedLine) {
        if self.0.listener.conversation {
            locked(&self.0.lines).push(line.clone());
        }
    }

    fn warn(&mut self, text: &str) {
        self.0.lock().queue.tell(|| text.to_owned());
        self.0.tell();
    }
}
