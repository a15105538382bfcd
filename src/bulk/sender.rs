//! The messages of one call: the queue, how many workers serve it, and whether it continues. Pure.

use super::job::{Job, Payload};
use super::ledger::Ledger;
use super::mailer::Mailer;
use super::policy::Failure;
use super::queue::{Interest, Queue, Work};
use crate::protocol::{Error, Kind, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Sender<P> {
    pub queue: Queue<P>,
    /// The number of workers that haven't ended, and of those whose session is ready for mail.
    workers: usize,
    working: usize,
    /// The server accepts no more sessions than are open now.
    turned_away: bool,
    /// The feeder waits for receipts, and for fewer jobs in line than this.
    pub(super) feeder_waits: Option<usize>,
    /// A session has been opened successfully.
    served: bool,
    /// Consecutive sessions without an answer to any message.
    failures: u32,
    /// Consecutive messages that were refused for lack of a login.
    logins_wanted: u32,
}

impl<P: Payload> Sender<P> {
    pub fn new(mailer: &Arc<Mailer>, ledger: Arc<dyn Ledger<P>>, interest: Interest) -> Self {
        Self {
            queue: Queue::new(Arc::clone(mailer), ledger, interest),
            workers: 0,
            working: 0,
            turned_away: false,
            feeder_waits: None,
            served: false,
            failures: 0,
            logins_wanted: 0,
        }
    }

    // -- workers -----------------------------------------------------------------------

    /// How many sessions have work to do.
    fn most(&self) -> usize {
        self.queue.mailer.bounds.sessions.max(1).min(self.queue.unsettled())
    }

    /// Whether there are too few workers for the unsettled messages. The first session shows whether
    /// there is a server. Further ones are opened only after that.
    pub fn wants_worker(&self) -> bool {
        let few = self.working > 0 && !self.turned_away && self.workers < self.most();
        (self.workers == 0 || few) && !self.is_decided()
    }

    /// Adds a worker, if one is wanted.
    pub fn enlist(&mut self) -> bool {
        let wanted = self.wants_worker();
        self.workers += usize::from(wanted);
        wanted
    }

    /// A worker has ended.
    pub fn resign(&mut self) {
        self.workers -= 1;
    }

    /// There is no room for another worker. Returns how many there are.
    pub fn turn_away(&mut self) -> usize {
        self.turned_away = true;
        self.workers
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The number of sessions that are ready for mail.
    pub fn working(&self) -> usize {
        self.working
    }

    /// A session has become ready for mail.
    pub fn ready(&mut self) {
        self.working += 1;
        self.served = true;
        self.turned_away = false;
    }

    /// A session is no longer ready for mail.
    pub fn done(&mut self) {
        self.working -= 1;
    }

    // -- messages ----------------------------------------------------------------------

    /// Hands out at most this many jobs to a session that has this many in flight, and no more
    /// than its fair share, so that the rest is left for others. Returns Some with no jobs if the
    /// share is used up.
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
        if self.queue.mailer.policy.gives_up_without_login(self.logins_wanted) {
            let message = "the server wants a login before it takes any mail (530): give a user and a password, \
                           or ask for what the user may do";
            self.fail(&Error::new(Kind::Refused, Stage::Mail, message));
        }
    }

    // -- what follows when a session has brought nothing ---------------------------------

    /// No server could be reached, or none accepts our login. `refusals` counts this worker's
    /// consecutive ones. Returns the pause before it may try again.
    pub fn not_opened(&mut self, error: &Error, refusals: u32) -> Duration {
        if self.working > 0 {
            // Other sessions make progress, so the server probably limits their number. It is
            // asked again now and then.
            self.turned_away = true;
            return self.queue.mailer.policy.backoff(refusals);
        }
        self.failed(Failure::of_opening(error, self.served), error)
    }

    /// A session could not be opened, or has ended without answering any message. Returns the pause
    /// before the next one.
    pub fn failed(&mut self, failure: Failure, error: &Error) -> Duration {
        self.failures += 1;
        let pause = self.queue.mailer.policy.after(failure, self.failures);
        match pause {
            None => self.fail(error),
            // With nothing left to send, no other session is opened.
            Some(pause) if !self.queue.is_finished() => self
                .queue
                .tell(|| format!("another session is tried in {:.1} s: {error}", pause.as_secs_f64())),
            Some(_) => {}
        }
        pause.unwrap_or_default()
    }

    /// Ends everything that is not in flight with this error. Once all messages are settled, a
    /// session that could not be opened fails no message.
    pub fn fail(&mut self, error: &Error) {
        if !self.queue.is_finished() {
            self.queue.fail(error);
        }
    }

    /// A thread could not be started. The others do its work. Without any, nothing can be sent.
    pub fn not_started(&mut self, what_for: &str, others: usize, error: &std::io::Error) {
        let message = format!("no thread could be started {what_for}: {error}");
        match others {
            0 => self.fail(&Error::new(Kind::Local, Stage::Connect, message)),
            _ => self.queue.tell(|| format!("{message}; the others go on")),
        }
    }

    /// Stops the call from outside, even if no work is left.
    pub fn stop(&mut self) {
        self.queue.end_of_input();
        self.queue.fail(&stopped());
    }

    /// Whether everything is settled, or nothing more will be sent.
    pub fn is_decided(&self) -> bool {
        self.queue.is_finished() || self.queue.failure().is_some()
    }

    /// Whether everything is settled, or sending has failed and every worker has ended.
    pub fn is_over(&self) -> bool {
        self.queue.is_finished() || (self.queue.failure().is_some() && self.workers == 0)
    }
}

/// The error for messages whose sending was stopped from outside.
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, Stage::Command, "sending was stopped")
}
