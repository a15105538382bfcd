//! A thread's session: it is connected, talks, and is parted from as its worker says.

use super::{Batch, panicking};
use crate::bulk::job::Payload;
use crate::bulk::mailer::Mailer;
use crate::bulk::sender::locked;
use crate::bulk::wakeups::{NAP, Nap, Sleep};
use crate::bulk::worker::{Do, Parting, Worker};
use crate::driver::{Attendant, Connection, Operation, SLICE};
use crate::protocol::opening::Security;
use crate::protocol::{Error, Event, Kind};
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

thread_local! {
    /// The mailers of which this thread holds a session.
    static HOLDS: RefCell<Vec<*const Mailer>> = const { RefCell::new(Vec::new()) };
}

impl<P: Payload> Batch<P> {
    pub(super) fn dial(
        &self,
        worker: &mut Worker<P>,
        hop: usize,
        attendant: &mut dyn Attendant,
        ready: &dyn Fn(),
    ) -> Result<(), Error> {
        let _holding = Holding::new(&self.mailer);
        let at = &self.mailer.hops[hop];
        let options = self.mailer.options(hop, Instant::now());
        let layer = match at.server.security {
            Security::Implicit => (at.server.make_layer)().map(Some),
            _ => Ok(None),
        };
        let opened = at.server.ask(worker.rejected()).and_then(|asked| {
            let operation = Operation::new(options, layer?, at.patience);
            Ok((Connection::open(&at.target, operation, attendant)?, asked))
        });
        match opened {
            Ok((mut connection, asked)) => {
                let literal = connection.own_literal();
                worker.dialled(literal, asked, connection.operation_mut(), Instant::now());
                self.converse(worker, connection, attendant, ready)
            }
            Err(error) if error.kind == Kind::Interrupted => {
                self.fail(&error);
                Err(error)
            }
            Err(error) => {
                worker.not_opened(&error, Instant::now());
                self.pool.free.notify_all();
                self.break_off();
                Ok(())
            }
        }
    }

    /// Converses by this connection for as long as both last.
    pub(super) fn converse(
        &self,
        worker: &mut Worker<P>,
        mut connection: Connection,
        attendant: &mut dyn Attendant,
        ready: &dyn Fn(),
    ) -> Result<(), Error> {
        let holding = Holding::new(&self.mailer);
        // A panic loses no message: all of them are settled before it goes on.
        let conversed =
            panic::catch_unwind(AssertUnwindSafe(|| self.talk(worker, &mut connection, attendant, ready)));
        let (ended, panicked) = match conversed {
            Ok(ended) => (ended.and_then(|()| connection.end_serving()), None),
            Err(panicked) => (Err(connection.session_mut().fail(panicking())), Some(panicked)),
        };
        drop(holding);
        let error = ended.as_ref().err();
        match worker.part(connection.session_mut(), error, Instant::now()) {
            Parting::Rest(id) => drop(locked(&self.pool.at_rest).insert(id, connection)),
            Parting::Quit => connection.leave(),
            Parting::Close => connection.close(),
        }
        self.pool.free.notify_all();
        if panicked.is_some() {
            self.lock().fail(&panicking());
        }
        self.break_off();
        if let Some(panicked) = panicked {
            panic::resume_unwind(panicked);
        }
        match ended {
            Err(error) if error.kind == Kind::Interrupted => {
                self.fail(&error);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn talk(
        &self,
        worker: &mut Worker<P>,
        connection: &mut Connection,
        attendant: &mut dyn Attendant,
        ready: &dyn Fn(),
    ) -> Result<(), Error> {
        let mut nap = Nap::default();
        connection.begin_serving()?;
        let mut opening = worker.is_opening();
        loop {
            let now = Instant::now();
            let before = connection.session().in_flight();
            let next = worker.talk(connection.session_mut(), now);
            let in_flight = connection.session().in_flight();
            if in_flight > before {
                self.tell();
            }
            if next != Do::Wait(None) || in_flight > before {
                nap.end();
                self.pass_on();
            }
            let (mut limit, mut asleep) = (SLICE, None);
            match next {
                Do::Talk => {}
                Do::Wait(until) if in_flight == 0 && connection.session().is_idle() => {
                    match until.is_none() && nap.goes_on(now) {
                        true => self.nap(),
                        false => self.wait_for_work(until),
                    }
                    attendant.attend()?;
                    continue;
                }
                Do::Wait(None) if nap.goes_on(now) => {
                    asleep = Some(self.sleep(Sleep::Nap));
                    limit = NAP;
                }
                Do::Wait(until) => {
                    asleep = connection.waker().map(|waker| self.sleep(Sleep::Listening(waker)));
                    limit = match until {
                        Some(when) => when.saturating_duration_since(now),
                        // It has come meanwhile.
                        None if self.waiting() > 0 => Duration::ZERO,
                        None => SLICE,
                    };
                }
                _ => return Ok(()),
            }
            let event = connection.advance(attendant, limit)?;
            drop(asleep);
            let Some(event) = event else { continue };
            self.hear(worker, event, connection)?;
            if opening && !worker.is_opening() {
                opening = false;
                ready();
            }
        }
    }

    fn hear(&self, worker: &mut Worker<P>, event: Event, connection: &mut Connection) -> Result<(), Error> {
        let now = Instant::now();
        worker.hear(event, now)?;
        while let Some(event) = connection.operation_mut().next_event() {
            worker.hear(event, now)?;
        }
        self.tell();
        if self.lock().is_decided() {
            self.stir();
        }
        Ok(())
    }
}

/// As long as it is held, this thread has a session of the mailer: what it sends by the
/// same mailer, in a logging handler, would wait for it.
pub(super) struct Holding(*const Mailer);

impl Holding {
    /// Whether this thread has one already.
    pub(super) fn holds(mailer: &Arc<Mailer>) -> bool {
        HOLDS.with_borrow(|holds| holds.contains(&Arc::as_ptr(mailer)))
    }

    fn new(mailer: &Arc<Mailer>) -> Self {
        HOLDS.with_borrow_mut(|holds| holds.push(Arc::as_ptr(mailer)));
        Self(Arc::as_ptr(mailer))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HOLDS.with_borrow_mut(|holds| {
            if let Some(at) = holds.iter().rposition(|held| *held == self.0) {
                holds.swap_remove(at);
            }
        });
    }
}
