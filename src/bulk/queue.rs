//! The messages that wait to be sent: which goes next, and where a returned message goes.
//! `policy.rs` decides what is retried. Never reads the clock: the caller passes the time.

use super::job::{Job, Payload, Prepared, Receipt};
use super::ledger::Ledger;
use super::mailer::Mailer;
use super::rate::Counted;
use crate::address::ForwardPath;
use crate::driver::{Listener, TimedLine};
use crate::protocol::transaction::{Fate, Outcome};
use crate::protocol::{Error, Kind, Stage};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the caller wants to know of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interest {
    /// What the log wants to hear.
    pub listener: Listener,
    /// Whether conversations are recorded line by line, for the errors, or only their beginnings.
    pub recorded: bool,
    /// Whether receipts include the course of the conversation, as far as it is recorded.
    pub timed: bool,
}

/// What the log hasn't heard yet. The caller's own thread tells it.
#[derive(Debug, Default)]
pub struct Log {
    /// Lines of the conversations.
    pub lines: Vec<TimedLine>,
    /// Retries and switches to another server.
    pub news: Vec<String>,
}

#[derive(Debug)]
pub struct Queue<P> {
    pub(super) mailer: Arc<Mailer>,
    line: VecDeque<Job<P>>,
    /// Messages that no thread has begun to prepare, and where to report the result.
    pub unprepared: VecDeque<(P, Prepared)>,
    /// How many threads prepare messages.
    pub preparers: usize,
    /// A session asked for more jobs than there were, and left without any.
    pub starved: bool,
    /// Jobs to retry, by due time.
    later: BTreeMap<Instant, Vec<Job<P>>>,
    /// How many messages are with a session.
    out: usize,
    /// No more messages will be added.
    fed: bool,
    pub(super) ledger: Arc<dyn Ledger<P>>,
    /// Receipts that the caller hasn't collected.
    pub(super) receipts: Vec<Receipt<P>>,
    /// Why nothing more can be sent.
    failed: Option<Error>,
    pub interest: Interest,
    pub log: Log,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Jobs were handed out.
    Some,
    /// Nothing before this time. None means nothing until the caller or another session supplies
    /// more.
    Later(Option<Instant>),
    /// No work is left.
    Finished,
}

impl<P: Payload> Queue<P> {
    pub fn new(mailer: Arc<Mailer>, ledger: Arc<dyn Ledger<P>>, interest: Interest) -> Self {
        Self {
            mailer,
            line: VecDeque::new(),
            unprepared: VecDeque::new(),
            preparers: 0,
            starved: false,
            later: BTreeMap::new(),
            out: 0,
            fed: false,
            ledger,
            receipts: Vec::new(),
            failed: None,
            interest: Interest { recorded: interest.recorded || interest.listener.conversation, ..interest },
            log: Log::default(),
        }
    }

    pub fn push(&mut self, job: Job<P>) {
        let Some(mut job) = self.unless_failed(job) else { return };
        if !job.payload.is_prepared() {
            let prepared = Prepared::default();
            self.unprepared.push_back((job.payload.clone(), Arc::clone(&prepared)));
            job.past.get_or_insert_default().prepared = Some(prepared);
        }
        self.line.push_back(job);
    }

    /// Whether the first job in line can be sent. A job that couldn't be prepared gets its receipt
    /// here.
    pub fn is_ready(&mut self) -> bool {
        while let Some(job) = self.line.front() {
            let Some(Some(prepared)) = job.past.as_ref().map(|past| &past.prepared) else { return true };
            let Some(result) = prepared.get().cloned() else { return false };
            let Err(error) = result else { return true };
            if let Some(job) = self.line.pop_front() {
                self.refuse(job, error);
            }
        }
        false
    }

    /// Records a receipt for a message that could not even be tried.
    pub fn refuse(&mut self, job: Job<P>, error: Error) {
        self.settled(job.give_up(None, Some(error)));
    }

    /// No more jobs will be pushed.
    pub fn end_of_input(&mut self) {
        self.fed = true;
    }

    /// The number of jobs in line.
    pub fn waiting(&self) -> usize {
        self.line.len()
    }

    /// The number of jobs in line and with a session.
    pub fn unsettled(&self) -> usize {
        self.line.len() + self.out
    }

    /// Whether no job is left to hand out, now or later, apart from jobs that sessions return.
    pub fn is_drained(&self) -> bool {
        self.fed && self.line.is_empty() && self.later.is_empty()
    }

    pub fn is_finished(&self) -> bool {
        self.is_drained() && self.out == 0
    }

    /// The receipts added since the last call.
    pub fn take_receipts(&mut self) -> Vec<Receipt<P>> {
        std::mem::take(&mut self.receipts)
    }

    /// Why nothing more can be sent.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// What there is to do. Hands nothing out.
    pub fn outlook(&mut self, now: Instant) -> Work {
        self.wake(now);
        if self.is_ready() {
            return Work::Some;
        }
        if self.is_finished() || self.failed.is_some() {
            return Work::Finished;
        }
        self.starved = true;
        Work::Later(self.later.first_key_value().map(|(when, _)| *when))
    }

    /// Hands out at most this many jobs.
    pub fn take(&mut self, most: usize, now: Instant, into: &mut VecDeque<Job<P>>) -> Work {
        self.wake(now);
        let before = into.len();
        let mailer = Arc::clone(&self.mailer);
        let mut limits = mailer.limits();
        while into.len() < before + most && self.is_ready() {
            if let Some(rate) = &mut limits.rate
                && let Err(when) = rate.take(now)
            {
                return if into.len() > before { Work::Some } else { Work::Later(Some(when)) };
            }
            let Some(mut job) = self.line.pop_front() else { break };
            if let Some(per_day) = &mut limits.per_day
                && !job.counted
                && !per_day.take(job.recipients.len(), now)
            {
                let message = match per_day.of {
                    Counted::Messages => "the limit of messages per day is reached",
                    Counted::Recipients => "the limit of recipients per day does not leave enough for it",
                };
                self.refuse(job, Error::new(Kind::NotNow, Stage::Connect, message));
                continue;
            }
            job.counted = true;
            into.push_back(job);
            self.out += 1;
        }
        if into.len() > before { Work::Some } else { self.outlook(now) }
    }

    /// Takes back jobs that were handed out and never begun.
    pub fn put_back(&mut self, job: Job<P>) {
        self.mailer.limits().give_back(None);
        self.out -= 1;
        self.next(job);
    }

    /// Takes back a job that was begun and left undecided through no fault of its own. This
    /// doesn't count as an attempt, but it has used up its place in a rate limit.
    pub fn try_anew(&mut self, mut job: Job<P>, outcome: Outcome) {
        job.recipients.put_back(outcome.into_recipients());
        self.out -= 1;
        job.attempts = job.attempts.saturating_sub(1);
        self.next(job);
    }

    /// Takes back a job that may not begin, or can't. It doesn't count towards any limit.
    pub fn decline(&mut self, job: Job<P>, server: &Arc<str>, error: Error) {
        let unbegun = (job.attempts == 0).then_some(job.recipients.len());
        self.mailer.limits().give_back(unbegun);
        self.reject(job, server, error);
    }

    /// Takes back a job that no server can send.
    pub fn reject(&mut self, job: Job<P>, server: &Arc<str>, error: Error) {
        self.out -= 1;
        self.settled(job.give_up(Some(Arc::clone(server)), Some(error)));
    }

    /// Records the fates of recipients that a session had. `trouble` is the error that broke the
    /// session, if it broke.
    pub fn settle(
        &mut self,
        mut job: Job<P>,
        fates: Vec<(ForwardPath, Fate)>,
        server: Arc<str>,
        trouble: Option<&Error>,
        now: Instant,
    ) {
        self.out -= 1;
        let sent = |(_, fate): &(ForwardPath, Fate)| matches!(fate, Fate::Sent(_));
        let open = job.past.as_ref().is_some_and(|past| !(past.known.is_empty() && past.again.is_empty()));
        if job.recipients.is_empty() && !open && fates.iter().all(sent) {
            return self.settled(job.receipt(fates, Some(server), None, Some(now)));
        }
        let past = job.past.get_or_insert_default();
        past.ended = Some(now);
        if trouble.is_some() {
            past.trouble = trouble.cloned().map(Box::new);
        }
        let policy = &self.mailer.policy;
        let pause = policy.pause(job.attempts, job.index);
        // Content that could not be read isn't offered to a server again.
        let hopeless = trouble.is_some_and(|error| error.kind == Kind::Unreadable);
        let ends = hopeless || self.failed.is_some();
        let may = |when| !ends && policy.may_try_again(job.attempts, job.first_tried, when);
        let (at_once, later) = (may(now), may(now + pause));
        for (path, fate) in fates {
            let transient = fate.is_transient();
            let (path, fate) = past.learnt(path, fate);
            let may_try_again = if transient { later } else { at_once };
            if may_try_again && policy.is_worth_another(&fate) {
                past.pause |= transient;
                past.again.push_back((path, fate));
            } else {
                past.settled.push((path, fate));
            }
        }
        if !job.recipients.is_empty() && !hopeless {
            // This is one part of an attempt: failed recipients wait until the attempt ends.
            job.attempts = job.attempts.saturating_sub(1);
            // The next part is another transaction. Its recipients were counted with the first.
            job.counted = self.mailer.limits().of_day() != Some(Counted::Messages);
            return self.next(job);
        }
        if hopeless || past.again.is_empty() {
            past.trouble.take_if(|_| job.recipients.is_empty() && past.settled.iter().all(sent));
            return self.settled(job.give_up(Some(server), None));
        }
        let Some(mut job) = self.unless_failed(job) else { return };
        let past = job.past.get_or_insert_default();
        past.known = std::mem::take(&mut past.again);
        job.recipients = past.known.iter().map(|(path, _)| path.clone()).collect();
        let pause = if std::mem::take(&mut past.pause) { pause } else { Duration::ZERO };
        self.tell_of(&job, pause);
        match pause.is_zero() {
            true => self.next(job),
            false => self.later.entry(now + pause).or_default().push(job),
        }
    }

    /// Stops all sending. Messages that are not with a session end here. The others end when they
    /// come back.
    pub fn fail(&mut self, error: &Error) {
        let error = self.failed.get_or_insert_with(|| error.clone()).clone();
        self.unprepared.clear();
        let (line, later) = (std::mem::take(&mut self.line), std::mem::take(&mut self.later));
        line.into_iter().chain(later.into_values().flatten()).for_each(|job| self.refuse(job, error.clone()));
    }

    /// Puts a job at the front. A job that a session ended on, and that may be the reason, goes
    /// behind those that haven't been tried.
    fn next(&mut self, job: Job<P>) {
        match self.unless_failed(job) {
            Some(job) if job.ended_session => self.line.push_back(job),
            Some(job) => self.line.push_front(job),
            None => {}
        }
    }

    /// Tells the log of another attempt.
    fn tell_of(&mut self, job: &Job<P>, pause: Duration) {
        self.tell(|| {
            let mut known = job.past.iter().flat_map(|past| &past.known);
            let refusal = known.find_map(|(path, fate)| match fate {
                Fate::Refused(_, reply) => Some(format!(": {path}: {reply}")),
                _ => None,
            });
            let why = refusal.or_else(|| Some(format!(": {}", job.past.as_ref()?.trouble.as_ref()?)));
            let to = match (job.recipients.iter().next(), job.recipients.len()) {
                (Some(path), 1) => path.to_string(),
                (Some(path), all) => format!("{path} and {} more", all - 1),
                (None, _) => String::new(),
            };
            let seconds = pause.as_secs_f64();
            let when = if pause.is_zero() { "at once".to_owned() } else { format!("in {seconds:.1} s") };
            let (attempt, why) = (job.attempts + 1, why.unwrap_or_default());
            format!("the message to {to} is tried again {when} (attempt {attempt}){why}")
        });
    }

    /// Records a line for the log, if it wants one.
    pub fn tell(&mut self, news: impl FnOnce() -> String) {
        if self.interest.listener.trouble {
            self.log.news.push(news());
        }
    }

    fn settled(&mut self, receipt: Receipt<P>) {
        self.ledger.settled(&receipt);
        self.receipts.push(receipt);
    }

    /// Gives the job its receipt if nothing more can be sent.
    fn unless_failed(&mut self, job: Job<P>) -> Option<Job<P>> {
        let Some(error) = &self.failed else { return Some(job) };
        let error = error.clone();
        self.refuse(job, error);
        None
    }

    /// Moves jobs whose wait is over to the ready ones, ahead of those never tried.
    fn wake(&mut self, now: Instant) {
        if self.later.first_key_value().is_none_or(|(when, _)| *when > now) {
            return;
        }
        let asleep = self.later.split_off(&(now + Duration::from_nanos(1)));
        let awake = std::mem::replace(&mut self.later, asleep);
        awake.into_values().flatten().rev().for_each(|job| self.next(job));
    }
}
