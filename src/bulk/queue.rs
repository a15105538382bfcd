//! What waits to be sent: which message goes next, and where one goes that comes back. What
//! is tried again is `policy.rs`'s to say. Told the time, never asking for it.
//!
//! A message is in one place at a time: ready, put off until a time, out with a session,
//! or in a receipt.

use super::job::{Job, Payload, Receipt};
use super::ledger::Ledger;
use super::policy::Policy;
use super::rate::{PerDay, Rate};
use crate::address::ForwardPath;
use crate::protocol::transaction::Fate;
use crate::protocol::{Error, Kind, Stage};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Limits that hold for all that a mailer sends.
#[derive(Debug, Default)]
pub struct Limits {
    pub rate: Option<Rate>,
    pub per_day: Option<PerDay>,
}

impl Limits {
    /// A message that was handed out has not begun; with `day` it is none of the day's.
    fn give_back(&mut self, day: bool) {
        if let Some(rate) = &mut self.rate {
            rate.give_back();
        }
        if let Some(per_day) = self.per_day.as_mut().filter(|_| day) {
            per_day.give_back();
        }
    }
}

#[derive(Debug)]
pub struct Queue<P> {
    policy: Policy,
    limits: Arc<Mutex<Limits>>,
    ready: VecDeque<Job<P>>,
    /// To be tried again, by when; the number keeps those of one moment apart.
    later: BTreeMap<(Instant, u64), Job<P>>,
    put_off: u64,
    /// Messages that are with a session.
    out: usize,
    /// There is no more to come.
    fed: bool,
    ledger: Arc<dyn Ledger<P>>,
    /// Why nothing can be sent any more.
    failed: Option<Error>,
    /// What is tried again, and by which other server, in words; None where no log wants it.
    pub news: Option<Vec<String>>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Jobs were handed out.
    Some,
    /// Nothing before this time.
    At(Instant),
    /// Nothing now: more may come, from the caller or from another session.
    None,
    /// Nothing any more.
    Finished,
}

impl<P: Payload> Queue<P> {
    pub fn new(policy: Policy, limits: Arc<Mutex<Limits>>, ledger: Arc<dyn Ledger<P>>) -> Self {
        let ready = VecDeque::new();
        let later = BTreeMap::new();
        Self {
            policy,
            limits,
            ready,
            later,
            put_off: 0,
            out: 0,
            fed: false,
            ledger,
            failed: None,
            news: None,
        }
    }

    pub fn push(&mut self, job: Job<P>) {
        if let Some(job) = self.unless_failed(job) {
            self.ready.push_back(job);
        }
    }

    /// A receipt for what could not even be tried.
    pub fn refuse(&mut self, job: Job<P>, error: Error) {
        self.settled(job.give_up(None, Some(error)));
    }

    /// No more jobs will be pushed.
    pub fn end_of_input(&mut self) {
        self.fed = true;
    }

    pub fn waiting(&self) -> usize {
        self.ready.len()
    }

    /// Those, and the ones that are with a session.
    pub fn unsettled(&self) -> usize {
        self.ready.len() + self.out
    }

    /// Whether nothing is left to hand out, now or later, but for what comes back.
    pub fn is_drained(&self) -> bool {
        self.fed && self.ready.is_empty() && self.later.is_empty()
    }

    pub fn is_finished(&self) -> bool {
        self.is_drained() && self.out == 0
    }

    pub fn ledger(&self) -> &Arc<dyn Ledger<P>> {
        &self.ledger
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What there is to do, without handing anything out.
    pub fn outlook(&mut self, now: Instant) -> Work {
        self.wake(now);
        if !self.ready.is_empty() {
            return Work::Some;
        }
        if self.is_finished() {
            return Work::Finished;
        }
        self.later.first_key_value().map_or(Work::None, |((when, _), _)| Work::At(*when))
    }

    /// Hands out at most so many jobs.
    pub fn take(&mut self, most: usize, now: Instant, into: &mut VecDeque<Job<P>>) -> Work {
        self.wake(now);
        let mut taken = Work::None;
        let limits = Arc::clone(&self.limits);
        let mut limits = limits.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..most {
            if self.ready.is_empty() {
                break;
            }
            if let Some(rate) = &mut limits.rate
                && let Err(when) = rate.take(now)
            {
                return if taken == Work::Some { taken } else { Work::At(when) };
            }
            let Some(mut job) = self.ready.pop_front() else { break };
            if let Some(per_day) = &mut limits.per_day
                && !job.counted
                && !per_day.take(now)
            {
                let message = "the limit of messages per day is reached";
                self.refuse(job, Error::new(Kind::NotNow, Stage::Connect, message));
                continue;
            }
            job.counted = true;
            into.push_back(job);
            self.out += 1;
            taken = Work::Some;
        }
        match taken {
            Work::None => self.outlook(now),
            taken => taken,
        }
    }

    /// What was handed out and never begun.
    pub fn put_back(&mut self, job: Job<P>) {
        self.limits().give_back(false);
        self.try_anew(job);
    }

    /// What was begun and left undecided by no fault of its own: it has used up its place in
    /// a rate.
    pub fn try_anew(&mut self, job: Job<P>) {
        self.out -= 1;
        self.next(job);
    }

    /// What was handed out and may not begin, or can't: it uses up no limit.
    pub fn decline(&mut self, job: Job<P>, server: &Arc<str>, error: Error) {
        self.limits().give_back(job.attempts == 0);
        self.reject(job, server, error);
    }

    /// What was handed out and can't be sent by any server.
    pub fn reject(&mut self, job: Job<P>, server: &Arc<str>, error: Error) {
        self.out -= 1;
        self.settled(job.give_up(Some(Arc::clone(server)), Some(error)));
    }

    /// The fates of the first of a job's recipients. `trouble` is what broke the
    /// session, if it broke.
    pub fn settle(
        &mut self,
        mut job: Job<P>,
        fates: Vec<(ForwardPath, Fate)>,
        server: &Arc<str>,
        trouble: Option<&Error>,
        now: Instant,
    ) {
        self.out -= 1;
        job.took = job.first_tried.map(|first| now.saturating_duration_since(first));
        let sent = |(_, fate): &(ForwardPath, Fate)| matches!(fate, Fate::Sent(_));
        let whole = fates.len() >= job.recipients.len() && job.again.is_empty();
        if whole && fates.iter().all(sent) {
            return self.settled(job.receipt(fates, Some(Arc::clone(server)), None));
        }
        let unasked = job.recipients.split_off(fates.len().min(job.recipients.len()));
        job.recipients.clear();
        if trouble.is_some() {
            job.trouble = trouble.cloned().map(Box::new);
        }
        let pause = self.policy.pause(job.attempts, job.index);
        let may = |when| self.policy.may_try_again(job.attempts, job.first_tried, when);
        let (at_once, later) = (self.failed.is_none() && may(now), self.failed.is_none() && may(now + pause));
        for (path, fate) in fates {
            let transient = fate.is_transient();
            let (path, fate) = job.learnt(path, fate);
            let may_try_again = if transient { later } else { at_once };
            if may_try_again && self.policy.is_worth_another(&fate) {
                job.pause |= transient;
                job.again.push(path.clone());
                job.known.push((path, fate));
            } else {
                job.settled.push((path, fate));
            }
        }
        if !unasked.is_empty() {
            // Another part of the same attempt: those that failed wait for its end.
            job.recipients = unasked;
            job.attempts = job.attempts.saturating_sub(1);
            return self.next(job);
        }
        job.recipients = std::mem::take(&mut job.again);
        if job.recipients.is_empty() {
            let error = job.trouble.take().map(|trouble| *trouble);
            self.settled(job.receipt(Vec::new(), Some(Arc::clone(server)), error));
        } else if std::mem::take(&mut job.pause) {
            self.tell_of(&job, pause);
            self.put_off(job, now + pause);
        } else {
            self.tell_of(&job, Duration::ZERO);
            self.next(job);
        }
    }

    /// The content could not be read: no server is asked for it again.
    pub fn unreadable(
        &mut self,
        mut job: Job<P>,
        fates: Vec<(ForwardPath, Fate)>,
        server: &Arc<str>,
        error: Error,
    ) {
        job.recipients.drain(..fates.len().min(job.recipients.len()));
        job.settled.extend(fates);
        self.reject(job, server, error);
    }

    /// Nothing can be sent any more: messages that are not with a session end here, the
    /// others when they come back.
    pub fn fail(&mut self, error: &Error) {
        let error = self.failed.get_or_insert_with(|| error.clone());
        let waiting = self.ready.drain(..).chain(std::mem::take(&mut self.later).into_values());
        waiting.for_each(|job| self.ledger.settled(job.give_up(None, Some(error.clone()))));
    }

    /// To be sent next; but one that a session has ended on, and that may have been the
    /// reason, goes behind those that have not been tried.
    fn next(&mut self, job: Job<P>) {
        match self.unless_failed(job) {
            Some(job) if job.ended_session => self.ready.push_back(job),
            Some(job) => self.ready.push_front(job),
            None => {}
        }
    }

    /// Not to be sent before this time.
    fn put_off(&mut self, job: Job<P>, when: Instant) {
        if let Some(job) = self.unless_failed(job) {
            self.put_off += 1;
            self.later.insert((when, self.put_off), job);
        }
    }

    /// A message is tried again.
    fn tell_of(&mut self, job: &Job<P>, pause: Duration) {
        let Some(news) = &mut self.news else { return };
        let refusal = job.known.iter().find_map(|(path, fate)| match fate {
            Fate::Refused(_, reply) => Some(format!("{path}: {reply}")),
            _ => None,
        });
        let why = refusal.or_else(|| Some(job.trouble.as_ref()?.to_string()));
        let to = match (job.recipients.first(), job.recipients.len()) {
            (Some(path), 1) => path.to_string(),
            (Some(path), all) => format!("{path} and {} more", all - 1),
            (None, _) => String::new(),
        };
        let when = match pause.is_zero() {
            true => "at once".to_owned(),
            false => format!("in {:.1} s", pause.as_secs_f64()),
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        news.push(format!("the message to {to} is tried again {when} (attempt {}){why}", job.attempts + 1));
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&mut self, receipt: Receipt<P>) {
        self.ledger.settled(receipt);
    }

    /// Where nothing can be sent any more, it has its receipt.
    fn unless_failed(&mut self, job: Job<P>) -> Option<Job<P>> {
        let Some(error) = &self.failed else { return Some(job) };
        self.settled(job.give_up(None, Some(error.clone())));
        None
    }

    /// What has waited long enough is ready, ahead of what was never tried.
    fn wake(&mut self, now: Instant) {
        if self.later.first_key_value().is_none_or(|((when, _), _)| *when > now) {
            return;
        }
        let asleep = self.later.split_off(&(now, u64::MAX));
        let awake = std::mem::replace(&mut self.later, asleep);
        awake.into_values().rev().for_each(|job| self.next(job));
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Receipts;
    use super::*;
    use crate::protocol::reply::Reply;

    type Octets = Arc<Vec<u8>>;

    fn queue(retries: u32, resend_unknown: bool) -> Queue<Octets> {
        let policy = Policy { retries, give_up_after: None, backoff: Duration::from_secs(1), resend_unknown };
        let mut queue = Queue::new(policy, Arc::default(), Arc::new(Receipts::default()));
        let recipients = vec!["b@example.org".parse().unwrap()];
        let sender = "a@example.org".parse().unwrap();
        queue.push(Job::new(0, Arc::new(Vec::new()), sender, recipients));
        queue.end_of_input();
        queue
    }

    /// Hands the job out, says that it was tried, and that this came of it.
    fn attempt(queue: &mut Queue<Octets>, fate: Fate, now: Instant) {
        let mut out = VecDeque::new();
        assert_eq!(queue.take(1, now, &mut out), Work::Some);
        let mut job = out.pop_front().unwrap();
        job.attempts += 1;
        let fates = vec![(job.recipients[0].clone(), fate)];
        queue.settle(job, fates, &Arc::from("server"), None, now);
    }

    fn fate(queue: &mut Queue<Octets>) -> Fate {
        assert!(queue.is_finished());
        queue.ledger().take_receipts().pop().unwrap().recipients.pop().unwrap().1
    }

    fn busy() -> Fate {
        Fate::Refused(Stage::Rcpt, Reply::new(450, "4.2.1 later"))
    }

    #[test]
    fn a_transient_refusal_is_tried_again_after_longer_and_longer_pauses() {
        let mut queue = queue(2, false);
        let mut now = Instant::now();
        for doubled in [1, 2] {
            attempt(&mut queue, busy(), now);
            let Work::At(when) = queue.outlook(now) else { panic!("it does not wait") };
            let pause = (when - now).as_secs_f64() / f64::from(doubled);
            assert!((0.75..=1.25).contains(&pause), "{pause}");
            now = when;
        }
        attempt(&mut queue, busy(), now);
        assert_eq!(fate(&mut queue), busy());
    }

    #[test]
    fn what_is_unknown_is_sent_again_only_if_asked_and_stays_unknown_until_it_is_sent() {
        let now = Instant::now();
        let mut unasked = queue(2, false);
        attempt(&mut unasked, Fate::Unknown, now);
        assert_eq!(fate(&mut unasked), Fate::Unknown);

        let mut asked = queue(1, true);
        attempt(&mut asked, Fate::Unknown, now);
        attempt(&mut asked, Fate::NotSent, now);
        assert_eq!(fate(&mut asked), Fate::Unknown);

        let mut sent = queue(1, true);
        attempt(&mut sent, Fate::Unknown, now);
        attempt(&mut sent, Fate::Sent(Reply::new(250, "ok")), now);
        assert!(matches!(fate(&mut sent), Fate::Sent(_)));
    }

    #[test]
    fn what_comes_back_after_the_end_of_all_has_a_receipt() {
        let now = Instant::now();
        let mut queue = queue(2, false);
        let mut out = VecDeque::new();
        queue.take(1, now, &mut out);
        queue.fail(&Error::new(Kind::Interrupted, Stage::Command, "stopped"));
        assert!(!queue.ledger().has_receipts());
        queue.put_back(out.pop_front().unwrap());
        assert_eq!(fate(&mut queue), Fate::NotSent);
    }
}
