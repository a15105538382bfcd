//! A worker's thread: it connects, talks to the server, and leaves as its worker says.

use super::{Batch, panicking};
use crate::bulk::job::Payload;
use crate::bulk::mailer::{Mailer, locked};
use crate::bulk::orders::{Do, Parting};
use crate::bulk::wakeups::{NAP, Sleep};
use crate::bulk::worker::Worker;
use crate::driver::{Attendant, Connection, Operation, SLICE};
use crate::protocol::opening::Security;
use crate::protocol::{Error, Kind};
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long, receipts wait for others to be told with. Waking the feeder costs more than sending.
const SOON: Duration = Duration::from_millis(1);

thread_local! {
    /// The mailers of which this thread holds a session.
    static HOLDS: RefCell<Vec<*const Mailer>> = const { RefCell::new(Vec::new()) };
}

/// A thread with its worker.
pub(super) struct SessionThread<'a, P: Payload> {
    pub batch: &'a Batch<P>,
    pub worker: Worker<P>,
    pub attendant: &'a mut dyn Attendant,
    /// Called when a session becomes ready for mail.
    pub ready: &'a dyn Fn(),
}

impl<P: Payload> SessionThread<'_, P> {
    /// Does what the worker says until no work is left. An error comes from the attendant, or
    /// means that nothing can be sent. By then every job is settled or back in the queue.
    pub fn run(mut self) -> Result<(), Error> {
        let batch = self.batch;
        loop {
            if batch.interest.listener.trouble {
                self.attendant.hear_news(&mut || std::mem::take(&mut batch.lock().queue.log.news));
            }
            match self.worker.next(Instant::now()) {
                Do::Dial(hop) => {
                    self.dial(hop)?;
                    continue;
                }
                Do::Reuse(id) => {
                    let taken = locked(&batch.mailer.pool.at_rest).remove(&id);
                    let mut connection = taken.and_then(|mut one| one.is_quiet().then_some(one));
                    self.worker.reused(connection.as_mut().map(Connection::operation_mut), Instant::now());
                    if let Some(connection) = connection {
                        self.converse(connection)?;
                    }
                    continue;
                }
                Do::Queue(_) => {
                    let sessions = batch.mailer.sessions();
                    drop(batch.mailer.pool.free.wait_timeout(sessions, SLICE));
                }
                Do::Pause(until) => batch.wait_until(Some(until), Sleep::Pause),
                Do::Wait(until) => batch.wait_until(until, Sleep::Deep),
                Do::Talk | Do::Part | Do::Leave => break,
            }
            self.attendant.attend().inspect_err(|error| batch.fail(error))?;
        }
        drop(self.worker);
        batch.break_off();
        let failure = batch.lock().queue.failure().cloned();
        failure.map_or(Ok(()), Err)
    }

    fn dial(&mut self, hop: usize) -> Result<(), Error> {
        let batch = self.batch;
        let _holding = Holding::new(&batch.mailer);
        let at = &batch.mailer.hops[hop];
        let options = batch.mailer.options(hop, Instant::now());
        let layer = match at.security {
            Security::Implicit => (at.make_layer)().map(Some),
            _ => Ok(None),
        };
        let opened = at.ask(self.worker.rejected()).and_then(|asked| {
            let operation = Operation::new(options, layer?, at.patience);
            Ok((Connection::open(&at.target, operation, self.attendant)?, asked))
        });
        match opened {
            Ok((mut connection, asked)) => {
                let literal = connection.own_literal();
                self.worker.dialled(literal, asked, connection.operation_mut(), Instant::now());
                self.converse(connection)
            }
            Err(error) => {
                if error.kind != Kind::Interrupted {
                    self.worker.not_opened(&error, Instant::now());
                    batch.mailer.pool.free.notify_all();
                }
                batch.unless_interrupted(Err(error))
            }
        }
    }

    /// Talks over this connection until the work or the session ends.
    fn converse(&mut self, mut connection: Connection) -> Result<(), Error> {
        let batch = self.batch;
        let holding = Holding::new(&batch.mailer);
        // A panic loses no message: all are settled before the panic continues.
        let conversed = panic::catch_unwind(AssertUnwindSafe(|| self.talk(&mut connection)));
        let (ended, panicked) = match conversed {
            Ok(ended) => (ended.and_then(|()| connection.end_serving()), None),
            Err(panicked) => (Err(connection.session_mut().fail(panicking())), Some(panicked)),
        };
        drop(holding);
        let pool = &batch.mailer.pool;
        match self.worker.part(connection.session_mut(), ended.as_ref().err(), Instant::now()) {
            Parting::Rest(id) => drop(locked(&pool.at_rest).insert(id, connection)),
            Parting::Quit => connection.leave(),
            Parting::Close => connection.close(),
        }
        pool.free.notify_all();
        if let Some(panicked) = panicked {
            panic::resume_unwind(panicked);
        }
        batch.unless_interrupted(ended)
    }

    fn talk(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let batch = self.batch;
        // Since when there has been nothing to do.
        let mut idle_since = None;
        // Whether the feeder hasn't heard of some receipts, and when it may.
        let (mut some_untold, mut tells) = (false, Instant::now());
        connection.begin_serving()?;
        let mut is_ready = self.worker.is_working();
        loop {
            let now = Instant::now();
            let before = connection.session().in_flight();
            let next = self.worker.talk(connection.session_mut(), now);
            let in_flight = connection.session().in_flight();
            if next != Do::Wait(None) || in_flight > before {
                idle_since = None;
                // What this worker has left is for the others.
                batch.wake_one(batch.lock());
                batch.tell_if_awaited(false);
            }
            let (mut limit, mut asleep) = (SLICE, None);
            match next {
                Do::Talk => {}
                Do::Wait(until) => {
                    let idle = now.duration_since(*idle_since.get_or_insert(now));
                    let (until, sleep) = match until.is_none() && idle < NAP {
                        true => (Some(now + NAP), Sleep::Nap),
                        false => (until, Sleep::Deep),
                    };
                    if in_flight == 0 && connection.session().is_idle() {
                        batch.wait_until(until, sleep);
                        self.attendant.attend()?;
                        continue;
                    }
                    asleep = connection.waker().map(|waker| batch.sleep(sleep, Some(waker)));
                    limit = match until {
                        Some(when) => when.saturating_duration_since(now),
                        // More work has come meanwhile.
                        None if batch.lock().queue.is_ready() => Duration::ZERO,
                        None => SLICE,
                    };
                }
                _ => return Ok(()),
            }
            connection.advance(self.attendant, if some_untold { limit.min(SOON) } else { limit })?;
            drop(asleep);
            let now = Instant::now();
            if connection.operation_mut().has_events() {
                self.worker.hear(connection.operation_mut(), now);
                some_untold = true;
                if batch.lock().is_decided() {
                    batch.stir();
                }
            }
            if some_untold && (now >= tells || connection.session().in_flight() == 0) {
                batch.tell_if_awaited(true);
                (some_untold, tells) = (false, now + SOON);
            }
            if !is_ready && self.worker.is_working() {
                is_ready = true;
                (self.ready)();
            }
        }
    }
}

/// While this is held, the thread has a session of the mailer. If it sends through the same
/// mailer, for example in a logging handler, it would wait for itself. The last one is dropped
/// first.
pub(super) struct Holding;

impl Holding {
    /// Whether this thread already has a session.
    pub(super) fn holds(mailer: &Arc<Mailer>) -> bool {
        HOLDS.with_borrow(|holds| holds.contains(&Arc::as_ptr(mailer)))
    }

    fn new(mailer: &Arc<Mailer>) -> Self {
        HOLDS.with_borrow_mut(|holds| holds.push(Arc::as_ptr(mailer)));
        Self
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HOLDS.with_borrow_mut(Vec::pop);
    }
}
