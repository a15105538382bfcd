//! One call's messages: the queue, how many work on it, and whether it goes on. Pure.

use super::job::{Job, Payload};
use super::ledger::Ledger;
use super::mailer::Mailer;
use super::policy::{Failure, Next};
use super::queue::{Queue, Work};
use crate::protocol::{Error, Kind, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug)]
pub struct Sender<P> {
    pub queue: Queue<P>,
    mailer: Arc<Mailer>,
    /// Workers that have not ended, and those of them whose session is ready for mail.
    workers: usize,
    working: usize,
    /// The server takes no more sessions than there are.
    turned_away: bool,
    /// A session could be opened.
    served: bool,
    /// Sessions in a row that brought no answer to any message.
    failures: u32,
    /// Messages in a row that were refused for want of a login.
    logins_wanted: u32,
    /// Whether the conversations are recorded line by line, and not only their beginnings.
    pub recorded: bool,
    /// Whether receipts have the course of the conversation.
    pub timed: bool,
}

impl<P: Payload> Sender<P> {
    pub fn new(mailer: &Arc<Mailer>, ledger: Arc<dyn Ledger<P>>) -> Self {
        Self {
            queue: Queue::new(Arc::clone(mailer), ledger),
            mailer: Arc::clone(mailer),
            workers: 0,
            working: 0,
            turned_away: false,
            served: false,
            failures: 0,
            logins_wanted: 0,
            recorded: false,
            timed: false,
        }
    }

    // -- workers -----------------------------------------------------------------------

    /// How many sessions there is something to do for.
    fn most(&self) -> usize {
        self.mailer.bounds.sessions.max(1).min(self.queue.unsettled())
    }

    /// Takes on another worker, unless there are enough for what is not settled. The first
    /// session shows whether there is a server; only then others are opened.
    pub fn enlist(&mut self) -> bool {
        let few = self.working > 0 && !self.turned_away && self.workers < self.most();
        let wanted = (self.workers == 0 || few) && !self.is_decided();
        self.workers += usize::from(wanted);
        wanted
    }

    /// A worker has ended.
    pub fn resign(&mut self) {
        self.workers -= 1;
    }

    /// There is no room for another worker.
    pub fn turn_away(&mut self) {
        self.turned_away = true;
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Sessions that are ready for mail.
    pub fn working(&self) -> usize {
        self.working
    }

    /// A session is ready for mail.
    pub fn ready(&mut self) {
        self.working += 1;
        self.served = true;
        self.turned_away = false;
    }

    /// It is not any more.
    pub fn done(&mut self) {
        self.working -= 1;
    }

    // -- messages ----------------------------------------------------------------------

    /// Hands out at most so many jobs to one that has so many in flight, and no more than a
    /// fair share of all: what is over is for the others. Some, and none given: all is.
    pub fn supply(
        &mut self,
        most: usize,
        in_flight: usize,
        now: Instant,
        into: &mut VecDeque<Job<P>>,
    ) -> Work {
        let sessions = if self.turned_away { self.working } else { self.most() };
        let fair = self.queue.unsettled().div_ceil(sessions.max(1)).max(1);
        match fair.saturating_sub(in_flight) {
            0 if self.queue.is_ready() => Work::Some,
            share => self.queue.take(most.min(share.max(1)), now, into),
        }
    }

    /// A message was answered.
    pub fn answered(&mut self, wants_login: bool) {
        self.failures = 0;
        self.logins_wanted = if wants_login { self.logins_wanted + 1 } else { 0 };
        if self.mailer.policy.gives_up_without_login(self.logins_wanted) {
            let message = "the server wants a login before it takes any mail (530): give a user and a password, \
                           or ask for what the user may do";
            self.fail(&Error::new(Kind::Refused, Stage::Mail, message));
        }
    }

    // -- what follows when a session has brought nothing ---------------------------------

    /// No server could be reached, or none lets us in. `refusals` counts those in a row
    /// for this worker.
    pub fn not_opened(&mut self, error: &Error, refusals: u32) -> Next {
        if self.working > 0 {
            // Others get on: the server takes so many and no more, or so it seems. It is asked
            // again now and then.
            self.turned_away = true;
            return Next::Again(self.mailer.policy.backoff(refusals));
        }
        self.follows(Failure::of_opening(error, self.served), error)
    }

    /// A session that was opened for this has ended without an answer to any message.
    pub fn unanswered(&mut self, error: &Error) -> Next {
        self.follows(Failure::of_session(error), error)
    }

    fn follows(&mut self, failure: Failure, error: &Error) -> Next {
        self.failures += 1;
        let next = self.mailer.policy.after(failure, self.failures);
        match next {
            Next::GiveUp => self.fail(error),
            // With nothing left to send there is no other session.
            Next::Again(pause) if !self.queue.is_finished() => self
                .queue
                .tell(|| format!("another session is tried in {:.1} s: {error}", pause.as_secs_f64())),
            Next::Again(_) => {}
        }
        next
    }

    /// Everything that is not in flight ends with this error. Once all messages are settled,
    /// a session that could not be opened fails no message.
    pub fn fail(&mut self, error: &Error) {
        if !self.queue.is_finished() {
            self.queue.fail(error);
        }
    }

    /// A thread could not be started. Without any others of its kind nothing can be sent.
    pub fn not_started(&mut self, what_for: &str, others: usize, error: &std::io::Error) {
        let message = format!("no thread could be started {what_for}: {error}");
        match others {
            0 => self.fail(&Error::new(Kind::Local, Stage::Connect, message)),
            _ => self.queue.tell(|| format!("{message}; the others go on")),
        }
    }

    /// Ends it from outside: also where nothing is left.
    pub fn stop(&mut self) {
        self.queue.end_of_input();
        self.queue.fail(&stopped());
    }

    /// Whether all is settled, or nothing will be sent any more.
    pub fn is_decided(&self) -> bool {
        self.queue.is_finished() || self.queue.failure().is_some()
    }

    /// Whether all is settled, or nothing will be.
    pub fn is_over(&self) -> bool {
        self.queue.is_finished() || (self.queue.failure().is_some() && self.workers == 0)
    }
}

/// What those hear whose sending was ended from outside.
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, Stage::Command, "sending was stopped")
}
