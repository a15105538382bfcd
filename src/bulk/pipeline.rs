//! One session's share of the work: how many messages it may have in flight, and
//! which of them an answer belongs to. Moves no octets.

use super::job::{Job, Payload, fates_of};
use super::ledger::Ledger;
use super::queue::Work;
use super::rate::Rate;
use super::sender::{Sender, locked};
use super::window::Window;
use crate::driver::View;
use crate::protocol::error::Trace;
use crate::protocol::state::State;
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Kind, Request, Session, Stage};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
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

/// What is known of the session.
#[derive(Clone, Debug)]
pub struct Past {
    pub server: Arc<str>,
    /// Whether we have logged in.
    pub logged_in: bool,
    /// Transactions so far.
    pub begun: usize,
    /// Then it is too old.
    pub until: Option<Instant>,
    /// It has been silent for so long that the server may have given it up.
    pub idle: bool,
    /// The states that it went through until it was ready.
    pub path: Vec<State>,
    /// What is seen of it, and whether every line is.
    pub view: Arc<View>,
    pub recorded: bool,
}

#[derive(Debug)]
pub struct Pipeline<P> {
    past: Past,
    bounds: Bounds,
    window: Window,
    rate: Option<Rate>,
    /// Taken and not yet said.
    taken: VecDeque<Job<P>>,
    in_flight: VecDeque<Job<P>>,
    /// Messages that the server has answered, here and now.
    answers: usize,
    /// The server has answered mail with something else than the wish for a login.
    welcome: bool,
    /// Recipients that the server takes in one transaction, where it has shown it.
    recipients: usize,
    /// The server has asked for a login that was made: another session may do better.
    logged_out: bool,
    ledger: Arc<dyn Ledger<P>>,
}

/// What a session could say, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// No room for more at the moment.
    Full,
    /// Room, but nothing to say.
    Starved(Work),
    /// The session may do no more.
    Spent,
}

impl<P: Payload> Pipeline<P> {
    pub fn new(past: Past, bounds: Bounds, ledger: Arc<dyn Ledger<P>>, now: Instant) -> Self {
        Self {
            welcome: past.begun > 0,
            past,
            bounds,
            window: Window::new(bounds.window, now),
            rate: bounds.rate.map(|rate| Rate::new(rate, now)),
            taken: VecDeque::new(),
            in_flight: VecDeque::new(),
            answers: 0,
            recipients: usize::MAX,
            logged_out: false,
            ledger,
        }
    }

    pub fn minds_ends(&self) -> bool {
        self.ledger.minds_ends()
    }

    pub fn is_recorded(&self) -> bool {
        self.past.recorded
    }

    /// The error with how the conversation came to it.
    pub fn traced(&self, error: Error) -> Error {
        error.traced(|| self.trace())
    }

    /// How the conversation came to where it is. Where only its beginning was recorded, its
    /// last lines are not known.
    fn trace(&self) -> Arc<Trace> {
        if self.past.recorded {
            return self.past.view.trace();
        }
        let mut path = self.past.path.clone();
        path.push(self.past.view.state());
        path.dedup();
        Arc::new(Trace { path, lines: Vec::new() })
    }

    pub fn begun(&self) -> usize {
        self.past.begun
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
    fn is_spent(&self, session: &Session, now: Instant) -> bool {
        let begun = self.past.begun;
        let most = self.bounds.messages.into_iter().chain(session.extensions().known().mail_max).min();
        let old = self.past.until.is_some_and(|until| now >= until);
        self.logged_out
            || most.is_some_and(|most| begun >= most)
            || (old && begun > 0)
            || session.is_worn_out()
    }

    /// Says as many messages as the window has room for. When it could say more
    /// and has none: what the queue has to tell.
    pub fn fill(&mut self, sender: &Mutex<Sender<P>>, session: &mut Session, now: Instant) -> Filled {
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
                let work = locked(sender).supply(most, in_flight, now, &mut self.taken);
                if self.taken.is_empty() {
                    return if work == Work::Some { Filled::Full } else { Filled::Starved(work) };
                }
            }
            let room = self.taken.front().map_or(0, |job| session.room_for(&job.recipients));
            if room == 0 {
                return Filled::Spent;
            }
            if !self.begin(room.min(self.recipients), sender, session, now) {
                break;
            }
        }
        Filled::Full
    }

    /// Begins the next that was taken, for so many of its recipients. False: the session
    /// takes nothing at the moment.
    fn begin(&mut self, room: usize, sender: &Mutex<Sender<P>>, session: &mut Session, now: Instant) -> bool {
        // It is taken out last: what panics meanwhile loses no message.
        let Some(job) = self.taken.front_mut() else { return true };
        let recipients = room.min(job.recipients.len());
        let begun = if job.told { Ok(()) } else { self.ledger.begun(job, recipients) };
        let transaction = || Request::Transaction(job.transaction(recipients, self.past.idle));
        let asked = begun.map(|()| session.request(transaction()));
        // The session is over, or has something to tell first.
        if let Ok(Err(error)) = &asked
            && matches!(error.kind, Kind::Disconnected | Kind::Misuse)
        {
            job.told = true;
            return false;
        }
        let Some(mut job) = self.taken.pop_front() else { return true };
        match asked {
            Ok(Ok(())) => {
                if let Some(rate) = &mut self.rate {
                    let _ = rate.take(now);
                }
                // If it comes back, it begins anew.
                job.told = false;
                job.attempts += 1;
                job.first_tried.get_or_insert(now);
                self.past.begun += 1;
                self.past.idle = false;
                self.window.begun(job.payload.size(), now);
                self.in_flight.push_back(job);
            }
            Ok(Err(error)) | Err(error) => locked(sender).queue.decline(job, &self.past.server, error),
        }
        true
    }

    /// Tells the ledger of the ends that the session is about to say, if it minds them, and
    /// lets them go. False: it has not taken note of them yet. An error: they have to stay.
    pub fn say_ends(&mut self, session: &mut Session) -> Result<bool, Error> {
        let held = session.ends_held();
        if held.is_empty() {
            return Ok(true);
        }
        let messages: Vec<&Job<P>> = self.in_flight.range(held.clone()).collect();
        let noted = self.ledger.end_said(&messages)?;
        if noted {
            self.in_flight.range_mut(held).for_each(|job| job.known_settled = job.settled.len());
            session.say_ends();
        }
        Ok(noted)
    }

    /// The answer to the first message in flight.
    pub fn hear(&mut self, event: Event, sender: &mut Sender<P>, now: Instant) {
        if let Event::Transaction(outcome) = event {
            self.answered(outcome, sender, None, now);
        }
    }

    fn answered(&mut self, outcome: Outcome, sender: &mut Sender<P>, trouble: Option<&Error>, now: Instant) {
        let Some(mut job) = self.in_flight.pop_front() else { return };
        self.window.answered(job.payload.size(), now);
        if outcome.recipients.iter().any(|(_, fate)| !matches!(fate, Fate::Sent(_))) {
            let before = trouble.and_then(|error| error.trace.clone());
            job.trace = before.or_else(|| Some(self.trace()));
        }
        // Behind others the server may only have had enough: the next session will tell.
        job.ended_session |= self.answers == 0 && outcome.ends_session();
        let wants_login = outcome.wants_login();
        let another_login = self.logged_out || (self.past.logged_in && self.welcome && !job.logs_in_again);
        if wants_login && another_login {
            // None is refused before another login has been tried. Those behind it were not
            // the ones to find out.
            job.logs_in_again |= !std::mem::replace(&mut self.logged_out, true);
            job.attempts = job.attempts.saturating_sub(1);
            return sender.queue.try_anew(job);
        }
        if is_an_answer(&outcome) {
            self.answers += 1;
            self.welcome |= !wants_login;
            sender.answered(wants_login);
        }
        match &outcome.verdict {
            // It was said too early for this server, which has taken nothing of it.
            Verdict::OutOfSequence(_) => {
                job.attempts = job.attempts.saturating_sub(1);
                sender.queue.try_anew(job);
            }
            Verdict::Unreadable(why) => {
                let error = why.to_error();
                sender.queue.unreadable(job, fates_of(outcome), &self.past.server, error);
            }
            _ => {
                let outcome = self.without_excess(&mut job, outcome);
                sender.queue.settle(job, fates_of(outcome), &self.past.server, trouble, now);
            }
        }
    }

    /// Recipients that were too many for one transaction are asked for in the next one, as
    /// part of the same attempt; from now on no transaction of this session has more.
    fn without_excess(&mut self, job: &mut Job<P>, mut outcome: Outcome) -> Outcome {
        let excess = outcome.excess();
        if excess.is_empty() || job.recipients.len() < outcome.recipients.len() {
            return outcome;
        }
        let behind = job.recipients.split_off(outcome.recipients.len());
        let mut kept = Vec::new();
        let mut again = Vec::new();
        job.recipients.clear();
        for (at, (path, fate)) in outcome.recipients.into_iter().enumerate() {
            match excess.binary_search(&at) {
                Ok(_) => again.push(path),
                Err(_) => {
                    job.recipients.push(path.clone());
                    kept.push((path, fate));
                }
            }
        }
        let taken = kept.iter().filter(|(_, fate)| !matches!(fate, Fate::Refused(Stage::Rcpt, _))).count();
        self.recipients = self.recipients.min(taken.max(1));
        job.recipients.extend(again.into_iter().chain(behind));
        outcome.recipients = kept;
        outcome
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
        sender: &mut Sender<P>,
        now: Instant,
    ) {
        while let Some(event) = session.decided() {
            self.hear(event, sender, now);
        }
        // It had refused the RSET in front of the first: that one was never begun either.
        let forgiven = forgiven
            || error.is_some_and(|error| (error.kind, error.stage) == (Kind::Disconnected, Stage::Reset));
        let first = error.and_then(|error| error.outcome.as_deref().cloned());
        let first = first.into_iter().map(|outcome| (outcome, forgiven));
        let stranded = session.take_stranded().into_iter().map(|outcome| (outcome, true));
        // Last first, so that they keep their order: the first is the first again.
        for job in self.taken.drain(..).rev() {
            sender.queue.put_back(job);
        }
        let outcomes: Vec<_> = first.chain(stranded).collect();
        debug_assert_eq!(outcomes.len(), self.in_flight.len(), "every message has its own outcome");
        let count = outcomes.len().min(self.in_flight.len());
        let jobs: Vec<_> = self.in_flight.drain(..count).collect();
        for (mut job, (outcome, uncounted)) in jobs.into_iter().zip(outcomes).rev() {
            let begun = outcome.recipients.iter().any(|(_, fate)| *fate != Fate::NotSent);
            let uncounted = uncounted && !begun;
            let put_back = matches!(outcome.verdict, Verdict::OutOfSequence(_));
            if uncounted && !put_back {
                job.attempts = job.attempts.saturating_sub(1);
            }
            job.ended_session |= !uncounted && error.is_some() && self.answers == 0;
            self.in_flight.push_front(job);
            self.answered(outcome, sender, error, now);
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
