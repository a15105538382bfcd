//! Sending many: a feeder puts jobs in and takes receipts out, and a thread for
//! each session works on them. Nothing here waits for the feeder's own work, and
//! nothing of it stays behind when the batch ends.

use super::dispatch::{Dispatch, Limits, Policy, Work};
use super::job::{Job, Payload, Receipt};
use super::lane::{Bounds, Lane, Supply};
use super::pool::Pool;
use super::route::Route;
use super::transport::Local;
use super::vigil::{LULL, Rest, Vigil, Wake};
use super::worker;
use crate::driver::{Attendant, SLICE, TimedLine};
use crate::protocol::{Error, Kind, Stage};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What all the sessions of a mailer share.
#[derive(Debug)]
pub struct Shared {
    pub route: Route,
    /// Takes the messages instead of a server.
    pub local: Option<Box<dyn Local>>,
    pub pool: Pool,
    pub bounds: Bounds,
    pub limits: Arc<Mutex<Limits>>,
    /// Sessions at most at the same time.
    pub connections: usize,
    /// Whether the conversations are recorded: somebody listens to the log.
    pub recorded: AtomicBool,
}

/// How a batch stands.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Jobs that wait for a session.
    pub waiting: usize,
    /// Whether more should work on them.
    pub wants_workers: bool,
}

/// One call's messages.
#[derive(Debug)]
pub struct Batch<P> {
    pub(super) shared: Arc<Shared>,
    state: Mutex<State<P>>,
    /// There is something to do: for those who are asleep.
    work: Condvar,
    /// Something has changed, for whoever waits for that.
    change: Condvar,
    /// There is something to tell, or room for more.
    news: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State<P> {
    pub dispatch: Dispatch<P>,
    /// Workers that have not ended, and those of them that have a session.
    pub workers: usize,
    pub sessions: usize,
    vigil: Vigil,
    /// A worker has given up: the server takes no more sessions than there are.
    pub turned_away: bool,
    /// Why nothing can be sent.
    pub failure: Option<Error>,
}

impl<P: Payload> State<P> {
    fn wants_workers(&self, most: usize) -> bool {
        let few = self.workers < most.min(self.dispatch.unsettled()) && !self.turned_away;
        (self.workers == 0 || few) && !self.dispatch.is_finished() && self.failure.is_none()
    }
}

impl<P: Payload> Batch<P> {
    pub fn new(shared: Arc<Shared>, policy: Policy) -> Self {
        let dispatch = Dispatch::new(policy, Arc::clone(&shared.limits));
        let state = State {
            dispatch,
            workers: 0,
            sessions: 0,
            vigil: Vigil::default(),
            turned_away: false,
            failure: None,
        };
        Self {
            shared,
            state: Mutex::new(state),
            work: Condvar::new(),
            change: Condvar::new(),
            news: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Works on it in this thread until all is settled: for one message.
    pub fn work_here(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        self.lock().workers += 1;
        let worked = self.work_along(attendant);
        self.lock().workers -= 1;
        worked
    }

    /// The work of a worker that has been taken on.
    pub fn work_along(&self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        worker::work(self, attendant)
    }

    /// Takes on another worker, unless there are enough for what is not settled.
    pub fn enlist(&self) -> bool {
        let mut state = self.lock();
        let wanted = state.wants_workers(self.shared.connections);
        state.workers += usize::from(wanted);
        wanted
    }

    /// A worker that was taken on has ended.
    pub fn resign(&self) {
        self.lock().workers -= 1;
        self.stir();
        self.tell();
    }

    /// What there is to do for a worker without a session.
    pub fn outlook(&self, now: Instant) -> Work {
        let mut state = self.lock();
        match state.failure {
            Some(_) => Work::Finished,
            None => state.dispatch.outlook(now),
        }
    }

    /// After so many failures in a row, to open a session or (`opened`) to hear an
    /// answer to any message on a new one: whether to try again and when.
    pub fn patience(&self, failures: u32, opened: bool) -> Option<Duration> {
        let dispatch = &self.lock().dispatch;
        let most = if opened { worker::BARREN } else { dispatch.retries() };
        (failures <= most).then(|| dispatch.backoff(failures))
    }

    /// Starts a worker, unless there are enough for what waits.
    pub fn start_worker(self: &Arc<Self>) -> std::io::Result<Option<JoinHandle<()>>> {
        if !self.enlist() {
            return Ok(None);
        }
        let batch = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("rsmtp-session".to_owned()).spawn(move || {
            // Also where the worker panics: the feeder must not wait for it.
            let _left = Leaving(&batch);
            let mut attendant = Unattended(&batch.stopped);
            // What went wrong stands in the receipts.
            let _ = worker::work(&batch, &mut attendant);
        });
        if spawned.is_err() {
            self.resign();
        }
        spawned.map(Some)
    }

    /// Takes one more.
    pub fn push(&self, job: Job<P>) -> Queue {
        let mut state = self.lock();
        state.dispatch.push(job);
        let wants_workers = state.wants_workers(self.shared.connections);
        let queue = Queue { waiting: state.dispatch.waiting(), wants_workers };
        let wake = state.vigil.wake();
        drop(state);
        self.wake(wake);
        queue
    }

    fn wake(&self, wake: Option<Wake>) {
        match wake {
            None => {}
            Some(Wake::One) => self.work.notify_one(),
            // One that can't be woken wakes up by itself, a little later.
            Some(Wake::By(waker)) => drop(waker.wake()),
        }
    }

    /// Somebody has looked and left work to the others.
    pub(super) fn pass_on(&self) {
        let mut state = self.lock();
        let wake = if state.dispatch.waiting() > 0 { state.vigil.wake() } else { None };
        drop(state);
        self.wake(wake);
    }

    pub fn end_of_input(&self) {
        self.lock().dispatch.end_of_input();
        self.stir();
    }

    /// How many jobs wait for a session.
    pub fn waiting(&self) -> usize {
        self.lock().dispatch.waiting()
    }

    pub fn take_receipts(&self) -> Vec<Receipt<P>> {
        self.lock().dispatch.take_receipts()
    }

    /// Why nothing can be sent any more.
    pub fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// Whether all is settled, or nothing will be.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.dispatch.is_finished() || (state.failure.is_some() && state.workers == 0)
    }

    /// Whether all is settled, or nothing will be sent any more.
    pub(super) fn is_decided(&self) -> bool {
        let state = self.lock();
        state.dispatch.is_finished() || state.failure.is_some()
    }

    /// Waits for the end of all, until `end` at most, and no longer than a slice.
    pub(super) fn wait_for_the_end(&self, end: Instant) {
        let until = end.min(Instant::now() + SLICE);
        let undecided = |state: &mut State<P>| !state.dispatch.is_finished() && state.failure.is_none();
        let left = until.saturating_duration_since(Instant::now());
        drop(self.change.wait_timeout_while(self.lock(), left, undecided));
    }

    /// All is settled: waits until the sessions are at rest. Whoever is still opening
    /// one has nothing to do it for.
    pub fn wait_for_rest(&self) {
        self.stir();
        let mut state = self.lock();
        while state.sessions > 0 {
            state = self.news.wait_timeout(state, SLICE).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until there is a receipt, or fewer than `low` jobs wait, or all is
    /// over; a slice of time at most.
    pub fn wait(&self, low: usize) {
        let state = self.lock();
        let over = state.dispatch.is_finished() || state.workers == 0;
        if !over && !state.dispatch.has_receipts() && (low == 0 || state.dispatch.waiting() >= low) {
            drop(self.news.wait_timeout(state, SLICE));
        }
    }

    /// Ends it: sessions break off, what is in flight becomes unknown, what waits
    /// is not sent. The receipts tell.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let error = stopped();
        let listening = {
            let mut state = self.lock();
            state.failure.get_or_insert_with(|| error.clone());
            state.dispatch.end_of_input();
            state.dispatch.fail(&error);
            state.vigil.take_listening()
        };
        self.stir();
        listening.iter().for_each(|waker| drop(waker.wake()));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody's news: receipts, or room for more jobs.
    pub(super) fn tell(&self) {
        self.news.notify_all();
    }

    /// Sleeps until there is work, until `until` at most, and no longer than a slice.
    pub(super) fn wait_for_work(&self, until: Option<Instant>) {
        let limit = until.map_or(SLICE, |when| when.saturating_duration_since(Instant::now()).min(SLICE));
        let mut state = self.lock();
        let there_is_some = until.is_none() && state.dispatch.waiting() > 0;
        if !there_is_some && !state.dispatch.is_finished() && state.failure.is_none() && !limit.is_zero() {
            state.vigil.enter(&Rest::Sleep);
            let waited = self.work.wait_timeout(state, limit.max(Duration::from_micros(50)));
            waited.unwrap_or_else(PoisonError::into_inner).0.vigil.leave(&Rest::Sleep);
        }
    }

    /// Waits a moment for more to come, without being woken for it.
    pub(super) fn doze(&self) {
        let _dozing = self.rest(Rest::Doze);
        let state = self.lock();
        if !state.dispatch.is_finished() && state.failure.is_none() {
            drop(self.change.wait_timeout(state, LULL));
        }
    }

    /// As long as this is held, the worker waits on its socket, in this way.
    pub(super) fn rest(&self, rest: Rest) -> AtRest<'_, P> {
        self.lock().vigil.enter(&rest);
        AtRest { batch: self, rest }
    }

    /// Wakes those who wait for work: a job has come back.
    pub(super) fn stir(&self) {
        self.work.notify_all();
        self.change.notify_all();
    }

    /// A session works for it as long as this is held, also where the work panics.
    pub(super) fn streaming(&self) -> Streaming<'_, P> {
        let mut state = self.lock();
        state.sessions += 1;
        state.turned_away = false;
        Streaming(self)
    }

    /// Everything that is not in flight ends with this error. Where all is settled, who
    /// was still opening a session fails nobody.
    pub fn fail(&self, error: &Error) {
        let mut state = self.lock();
        if state.dispatch.is_finished() {
            return;
        }
        state.failure.get_or_insert_with(|| error.clone());
        state.dispatch.fail(error);
        self.break_off(&state);
        drop(state);
        self.stir();
        self.tell();
    }

    /// After a failure nothing hangs on a session that is still being opened.
    fn break_off(&self, state: &State<P>) {
        if state.failure.is_some() && state.sessions == 0 {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn lane(
        &self,
        server: Arc<str>,
        opened: Instant,
        begun: usize,
        idle: bool,
        now: Instant,
    ) -> Lane<P> {
        let until = opened.checked_add(self.shared.pool.keep.age);
        Lane::new(server, self.shared.bounds, until, begun, idle, now)
    }
}

/// What those hear whose sending was ended from outside.
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, Stage::Command, "sending was stopped")
}

/// The dispatch behind the batch's lock.
pub(super) struct Locked<'a, P>(pub &'a Batch<P>);

impl<P: Payload> Supply<P> for Locked<'_, P> {
    fn with<T>(&mut self, work: impl FnOnce(&mut Dispatch<P>) -> T) -> T {
        work(&mut self.0.lock().dispatch)
    }

    fn taken(&mut self, work: Work) {
        if work == Work::Some {
            self.0.tell();
        }
    }
}

pub(super) struct Streaming<'a, P: Payload>(&'a Batch<P>);

impl<P: Payload> Drop for Streaming<'_, P> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.sessions -= 1;
        self.0.break_off(&state);
        drop(state);
        self.0.tell();
    }
}

pub(super) struct AtRest<'a, P: Payload> {
    batch: &'a Batch<P>,
    rest: Rest,
}

impl<P: Payload> Drop for AtRest<'_, P> {
    fn drop(&mut self) {
        self.batch.lock().vigil.leave(&self.rest);
    }
}

struct Leaving<'a, P: Payload>(&'a Batch<P>);

impl<P: Payload> Drop for Leaving<'_, P> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&worker::panicking());
        }
        self.0.resign();
    }
}

/// A worker's attendant: stops when the batch does.
struct Unattended<'a>(&'a AtomicBool);

impl Attendant for Unattended<'_> {
    fn attend(&mut self) -> Result<(), Error> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(stopped()),
            false => Ok(()),
        }
    }

    fn hear(&mut self, line: &TimedLine) {
        line.log();
    }
}
