//! One session's share of the work: how many messages it may have in flight, and
//! which of them an answer belongs to. Moves no octets.

use super::dispatch::{Dispatch, Work};
use super::job::{Job, Payload, fates_of};
use super::rate::Rate;
use super::window::Window;
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Kind, Request, Session, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Jobs that one session takes at a time.
const SHARE: usize = 64;

/// How much one session may do.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Unanswered messages.
    pub window: usize,
    /// Messages before the session is ended.
    pub messages: Option<usize>,
    /// Messages per second.
    pub rate: Option<f64>,
}

#[derive(Debug)]
pub struct Lane<P> {
    server: Arc<str>,
    bounds: Bounds,
    window: Window,
    rate: Option<Rate>,
    /// Taken and not yet said.
    taken: VecDeque<Job<P>>,
    in_flight: VecDeque<Job<P>>,
    /// Transactions on this session so far.
    begun: usize,
    /// Then it is too old.
    until: Option<Instant>,
    /// The next one finds out whether the server is still there.
    cautious: bool,
    /// Messages that the server has answered, here and now.
    answers: usize,
}

impl<P: Payload> Lane<P> {
    /// `begun` and `idle` tell of a session that has been used before.
    pub fn new(
        server: Arc<str>,
        bounds: Bounds,
        until: Option<Instant>,
        begun: usize,
        idle: bool,
        now: Instant,
    ) -> Self {
        Self {
            server,
            bounds,
            window: Window::new(bounds.window, now),
            rate: bounds.rate.map(|rate| Rate::new(rate, now)),
            taken: VecDeque::new(),
            in_flight: VecDeque::new(),
            begun,
            until,
            cautious: idle,
            answers: 0,
        }
    }

    pub fn begun(&self) -> usize {
        self.begun
    }

    /// Whether it has neither taken nor begun anything that is not settled.
    pub fn is_idle(&self) -> bool {
        self.taken.is_empty() && self.in_flight.is_empty()
    }

    /// Whether it holds messages that it has not begun.
    pub fn has_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Whether the server has answered any message.
    pub fn is_answered(&self) -> bool {
        self.answers > 0
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether the session has done all that it may: the caller's limit, or the
    /// server's (RFC 9422 MAILMAX). However long it took to open, it does something.
    pub fn is_spent(&self, session: &Session, now: Instant) -> bool {
        let most = self.bounds.messages.into_iter().chain(session.extensions().limit("MAILMAX")).min();
        let old = self.until.is_some_and(|until| now >= until);
        most.is_some_and(|most| self.begun >= most) || (old && self.begun > 0) || session.is_worn_out()
    }

    /// Says as many messages as the window has room for. When it could say more
    /// and has none: what the dispatch has to tell. `lanes` is with how many
    /// others it shares.
    pub fn fill(
        &mut self,
        dispatch: &mut impl Supply<P>,
        lanes: usize,
        session: &mut Session,
        now: Instant,
    ) -> Filled {
        while self.window.has_room(self.in_flight.len()) && session.takes_transaction() {
            if self.is_spent(session, now) {
                return Filled::Spent;
            }
            // Before anything is taken: others may say it sooner.
            if let Some(rate) = &mut self.rate
                && let Err(when) = rate.look(now)
            {
                return Filled::Starved(Work::At(when));
            }
            if self.taken.is_empty() {
                let in_flight = self.in_flight.len();
                let most = SHARE.min(self.window.room(in_flight));
                let work = dispatch.supply(most, in_flight, lanes, now, &mut self.taken);
                dispatch.taken(work);
                if self.taken.is_empty() {
                    return if work == Work::Some { Filled::Full } else { Filled::Starved(work) };
                }
            }
            let room = self.taken.front().map_or(0, |job| session.room_for(&job.recipients));
            if room == 0 {
                return Filled::Spent;
            }
            if let Some(rate) = &mut self.rate {
                let _ = rate.take(now);
            }
            if !self.begin(room, dispatch, session, now) {
                break;
            }
        }
        Filled::Full
    }

    /// Begins the next that was taken, for so many of its recipients. False: the session
    /// takes nothing at the moment.
    fn begin(
        &mut self,
        room: usize,
        dispatch: &mut impl Supply<P>,
        session: &mut Session,
        now: Instant,
    ) -> bool {
        let transaction = self.taken.front().map(|job| job.transaction(room, self.cautious));
        let asked = transaction.map(|transaction| session.request(Request::Transaction(transaction)));
        // The session is over, or has something to tell first.
        if matches!(&asked, Some(Err(error)) if matches!(error.kind, Kind::Disconnected | Kind::Misuse)) {
            return false;
        }
        let (Some(mut job), Some(asked)) = (self.taken.pop_front(), asked) else { return true };
        match asked {
            Ok(()) => {
                job.attempts += 1;
                self.begun += 1;
                self.cautious = false;
                self.window.begun(job.payload.size(), now);
                self.in_flight.push_back(job);
            }
            Err(error) => dispatch.with(|dispatch| dispatch.reject(job, &self.server, error)),
        }
        true
    }

    /// The answer to the first message in flight.
    pub fn hear(&mut self, event: Event, dispatch: &mut Dispatch<P>, now: Instant) {
        if let Event::Transaction(outcome) = event {
            self.answered(outcome, dispatch, None, now);
        }
    }

    fn answered(
        &mut self,
        outcome: Outcome,
        dispatch: &mut Dispatch<P>,
        trouble: Option<&Error>,
        now: Instant,
    ) {
        let Some(job) = self.in_flight.pop_front() else { return };
        self.window.answered(job.payload.size(), now);
        self.answers += usize::from(is_an_answer(&outcome));
        match &outcome.verdict {
            // It was said too early for this server, which has taken nothing of it.
            Verdict::OutOfSequence(_) => {
                let mut job = job;
                job.attempts = job.attempts.saturating_sub(1);
                dispatch.put_back(job);
            }
            Verdict::Unreadable(why) => {
                let error = why.to_error();
                dispatch.unreadable(job, fates_of(outcome), &self.server, error);
            }
            _ => dispatch.settle(job, fates_of(outcome), &self.server, trouble, now),
        }
    }

    /// The session has ended with this error, or by the server's word: what was in
    /// flight is settled, what was not begun goes back. Only the first in flight can
    /// have been the reason, so only for that one it counts as an attempt, and not if
    /// the attempt is `forgiven`.
    pub fn ended(
        &mut self,
        session: &mut Session,
        error: Option<&Error>,
        forgiven: bool,
        dispatch: &mut Dispatch<P>,
        now: Instant,
    ) {
        while let Some(event) = session.decided() {
            self.hear(event, dispatch, now);
        }
        // It had refused the RSET in front of the first: that one was never begun either.
        let forgiven = forgiven
            || error.is_some_and(|error| (error.kind, error.stage) == (Kind::Disconnected, Stage::Reset));
        let first = error.and_then(|error| error.outcome.as_deref().cloned());
        let first = first.into_iter().map(|outcome| (outcome, forgiven));
        let stranded = session.take_stranded().into_iter().map(|outcome| (outcome, true));
        // Last first, so that they keep their order: whoever was first is first again.
        for job in self.taken.drain(..).rev() {
            dispatch.put_back(job);
        }
        let outcomes: Vec<_> = first.chain(stranded).collect();
        debug_assert_eq!(outcomes.len(), self.in_flight.len(), "every message has its own outcome");
        let count = outcomes.len().min(self.in_flight.len());
        let jobs: Vec<_> = self.in_flight.drain(..count).collect();
        for (mut job, (outcome, uncounted)) in jobs.into_iter().zip(outcomes).rev() {
            let begun = outcome.recipients.iter().any(|(_, fate)| *fate != Fate::NotSent);
            let put_back = matches!(outcome.verdict, Verdict::OutOfSequence(_));
            if uncounted && !begun && !put_back {
                job.attempts = job.attempts.saturating_sub(1);
            }
            self.in_flight.push_front(job);
            self.answered(outcome, dispatch, error, now);
        }
    }
}

/// Whether the server has said yes or no to this message, and not only goodbye.
fn is_an_answer(outcome: &Outcome) -> bool {
    let told = |fate: &Fate| match fate {
        Fate::Sent(_) => true,
        Fate::Refused(_, reply) => !reply.closes_channel(),
        Fate::Unknown | Fate::NotSent => false,
    };
    match &outcome.verdict {
        Verdict::SenderRefused(reply) => !reply.closes_channel(),
        Verdict::Unreadable(_) => true,
        _ => outcome.recipients.iter().any(|(_, fate)| told(fate)),
    }
}

/// What a lane could say, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// No room for more at the moment.
    Full,
    /// Room, but nothing to say.
    Starved(Work),
    /// The session may do no more.
    Spent,
}

/// Where a lane gets jobs from: a dispatch, behind whatever lock it has.
pub trait Supply<P> {
    fn with<T>(&mut self, work: impl FnOnce(&mut Dispatch<P>) -> T) -> T;

    /// At most `most`, and no more than a fair share among `lanes` for one that has so many
    /// in flight. Some, and none given: they are for the others.
    fn supply(
        &mut self,
        most: usize,
        in_flight: usize,
        lanes: usize,
        now: Instant,
        into: &mut VecDeque<Job<P>>,
    ) -> Work
    where
        P: Payload,
    {
        self.with(|dispatch| {
            let fair = dispatch.unsettled().div_ceil(lanes.max(1)).max(1);
            match fair.saturating_sub(in_flight) {
                0 if dispatch.waiting() > 0 => Work::Some,
                share => dispatch.take(most.min(share.max(1)), now, into),
            }
        })
    }

    /// What was supplied: somebody may want to know that there is room for more.
    fn taken(&mut self, _work: Work) {}
}

impl<P> Supply<P> for Dispatch<P> {
    fn with<T>(&mut self, work: impl FnOnce(&mut Dispatch<P>) -> T) -> T {
        work(self)
    }
}
