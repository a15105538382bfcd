//! One worker, without I/O: a session for as long as there is work for it, and another
//! one when that ends. A thread or an event loop asks it what to do, does it, and tells
//! what came of it.

use super::job::Payload;
use super::mailer::Mailer;
use super::phase::Phase;
use super::pipeline::{Filled, Past, Pipeline};
use super::policy;
use super::queue::Work;
use super::sender::{Sender, locked};
use super::server::quit;
use super::sessions::{AtRest, Rested};
use crate::driver::{Operation, View};
use crate::protocol::auth::Credentials;
use crate::protocol::command::ClientName;
use crate::protocol::state::State;
use crate::protocol::{Error, Event, Kind, Session, Stage};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A busy session is kept so long before it is left to a call that waits for one.
const TURN: Duration = Duration::from_millis(100);
/// The answer to QUIT is awaited so long: nothing hangs on it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Since when a session has been silent that its server may have given up.
const STALE: Duration = Duration::from_secs(1);
/// A session that has nothing to say for longer is left to others.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Connect to this server; then `dialled` or `not_opened`.
    Dial(usize),
    /// Go on with this session, which is at rest; then `reused`.
    Reuse(u64),
    /// End this session, which is at rest: it is too old.
    Discard(u64),
    /// Wait until it is this number's turn to have a session.
    Queue(u64),
    /// Nothing but the end of all matters before this time.
    Pause(Instant),
    /// Nothing is to be said before this time, or before there is more work. What is in
    /// flight is waited for.
    Wait(Option<Instant>),
    /// Go on with the conversation.
    Talk,
    /// The conversation has come to its end; then `part`.
    Part,
    /// There is nothing any more.
    Leave,
}

/// What to do with a session that is parted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Keep it by this number.
    Rest(u64),
    /// Say QUIT.
    Quit,
    /// It is over: close it.
    Close,
}

/// What goes with a phase.
#[derive(Debug)]
enum Step<P> {
    Idle,
    Queued(u64),
    Choosing,
    Reusing(Rested),
    Dialling(Tour),
    Opening(Tour),
    Working(Share<P>),
    Quitting(Share<P>),
    Pausing(Instant),
    Ended,
    /// And counted out.
    Left,
}

/// One server after the other.
#[derive(Debug)]
struct Tour {
    hop: usize,
    others: VecDeque<usize>,
    /// When the connection stood.
    opened: Instant,
    /// Why the first could not be used: what is told if none can.
    first: Option<Error>,
    /// What is seen of the session that is being opened.
    view: Option<Arc<View>>,
    /// The credentials that were asked for, of the session that is being opened.
    asked: Option<Credentials>,
    /// Those that the server has rejected: once is enough.
    rejected: Option<Credentials>,
}

impl Tour {
    fn to(hop: usize, others: VecDeque<usize>, now: Instant) -> Self {
        Self { hop, others, opened: now, first: None, view: None, asked: None, rejected: None }
    }
}

/// A session that is ready for mail, and what it has been given.
#[derive(Debug)]
struct Share<P> {
    rested: Rested,
    pipeline: Pipeline<P>,
    began: Instant,
    /// It has sent nothing before.
    fresh: bool,
    /// When the last message was answered.
    settled: Instant,
    /// The session may do no more.
    spent: bool,
    /// Why the ledger could not take note of the ends that are due.
    unnoted: Option<Error>,
}

#[derive(Debug)]
pub struct Worker<P: Payload> {
    mailer: Arc<Mailer>,
    sender: Arc<Mutex<Sender<P>>>,
    step: Step<P>,
    /// A place among the mailer's sessions is held.
    placed: bool,
    /// The call was made by a thread that holds a session of this mailer: it would wait for
    /// itself.
    nested: bool,
    /// Times in a row that no server let it in.
    refusals: u32,
}

impl<P: Payload> Worker<P> {
    /// One that was taken on (`Sender::enlist`).
    pub fn new(mailer: Arc<Mailer>, sender: Arc<Mutex<Sender<P>>>, nested: bool) -> Self {
        Self { mailer, sender, step: Step::Idle, placed: false, nested, refusals: 0 }
    }

    pub fn phase(&self) -> Phase {
        match self.step {
            Step::Idle => Phase::Idle,
            Step::Queued(_) => Phase::Queued,
            Step::Choosing => Phase::Choosing,
            Step::Reusing(_) => Phase::Reusing,
            Step::Dialling(_) => Phase::Dialling,
            Step::Opening(_) => Phase::Opening,
            Step::Working(_) => Phase::Working,
            Step::Quitting(_) => Phase::Quitting,
            Step::Pausing(_) => Phase::Pausing,
            Step::Ended | Step::Left => Phase::Ended,
        }
    }

    fn go(&mut self, step: Step<P>) -> Step<P> {
        let before = self.phase();
        let step = std::mem::replace(&mut self.step, step);
        let now = self.phase();
        debug_assert!(before.moves().iter().any(|(_, to)| *to == now), "from {before:?} to {now:?}");
        step
    }

    // -- without a session -----------------------------------------------------------

    pub fn next(&mut self, now: Instant) -> Do {
        loop {
            match &self.step {
                Step::Idle => {
                    let work = locked(&self.sender).outlook(now);
                    match work {
                        Work::Some => {
                            let number = self.mailer.sessions().queue_up();
                            self.go(Step::Queued(number));
                        }
                        Work::At(when) => return Do::Wait(Some(when)),
                        Work::None => return Do::Wait(None),
                        Work::Finished => {
                            self.go(Step::Ended);
                        }
                    }
                }
                Step::Queued(number) => {
                    let number = *number;
                    if locked(&self.sender).outlook(now) != Work::Some {
                        self.mailer.sessions().withdraw(number);
                        self.go(Step::Idle);
                        continue;
                    }
                    self.placed = self.mailer.sessions().admit(number);
                    if self.placed {
                        self.go(Step::Choosing);
                    } else if self.nested {
                        self.mailer.sessions().withdraw(number);
                        locked(&self.sender).fail(&waits_for_itself());
                        self.go(Step::Ended);
                    } else {
                        return Do::Queue(number);
                    }
                }
                Step::Choosing => {
                    let at_rest = self.mailer.sessions().take(now);
                    match at_rest {
                        AtRest::Good(rested) => {
                            self.go(Step::Reusing(rested));
                        }
                        AtRest::Old(id) => return Do::Discard(id),
                        AtRest::None => {
                            let mut others = self.mailer.sessions().order(now);
                            let hop = others.pop_front().unwrap_or_default();
                            self.go(Step::Dialling(Tour::to(hop, others, now)));
                        }
                    }
                }
                Step::Reusing(rested) => return Do::Reuse(rested.id),
                Step::Dialling(tour) => return Do::Dial(tour.hop),
                Step::Pausing(until) => {
                    let until = *until;
                    if now < until && !locked(&self.sender).is_decided() {
                        return Do::Pause(until);
                    }
                    self.go(Step::Idle);
                }
                Step::Opening(_) | Step::Working(_) | Step::Quitting(_) => return Do::Talk,
                Step::Ended | Step::Left => return Do::Leave,
            }
        }
    }

    /// The credentials that the server to be dialled has rejected: others are to be asked for.
    pub fn rejected(&self) -> Option<&Credentials> {
        match &self.step {
            Step::Dialling(tour) => tour.rejected.as_ref(),
            _ => None,
        }
    }

    /// The connection stands, and this is its own address as EHLO says it. `asked` are the
    /// credentials, where they were asked for.
    pub fn dialled(
        &mut self,
        own_literal: ClientName,
        asked: Option<Credentials>,
        operation: &mut Operation,
        now: Instant,
    ) {
        // How a session is opened is always recorded: that takes longer than the recording.
        operation.session_mut().keep_transcript(true);
        let Step::Dialling(tour) = &mut self.step else { return };
        self.mailer.sessions().prepare(tour.hop, operation.session_mut());
        let server = &self.mailer.hops[tour.hop].server;
        operation.open(server.plan(own_literal, asked.clone()), Arc::clone(&server.make_layer));
        let next = Tour::to(tour.hop, std::mem::take(&mut tour.others), now);
        let (first, rejected) = (tour.first.take(), tour.rejected.take());
        self.go(Step::Opening(Tour { first, view: Some(operation.view()), asked, rejected, ..next }));
    }

    /// There is no connection, or no session over it.
    pub fn not_opened(&mut self, error: &Error, now: Instant) {
        let tour = match &mut self.step {
            Step::Dialling(tour) | Step::Opening(tour) => tour,
            _ => return,
        };
        if error.rejects_credentials() && tour.rejected.is_none() && tour.asked.is_some() {
            // They may have expired since: once more, with what is asked for then.
            let rejected = tour.asked.take();
            let next = Tour::to(tour.hop, std::mem::take(&mut tour.others), now);
            let first = tour.first.take();
            self.go(Step::Dialling(Tour { first, rejected, ..next }));
            return;
        }
        let (failed, next) = (tour.hop, tour.others.pop_front());
        let mut error = Error { outcome: None, ..error.clone() };
        if let Some(view) = &tour.view {
            error = error.traced(|| view.trace());
        }
        self.mailer.sessions().down(failed, now);
        if let Some(hop) = next {
            let others = std::mem::take(&mut tour.others);
            let (from, to) = (&self.mailer.hops[failed].server.name, &self.mailer.hops[hop].server.name);
            locked(&self.sender).fails_over(from, to, &error);
            let first = Some(tour.first.take().unwrap_or(error));
            self.go(Step::Dialling(Tour { first, ..Tour::to(hop, others, now) }));
            return;
        }
        let first = tour.first.take().unwrap_or(error);
        self.refusals += 1;
        let follows = locked(&self.sender).not_opened(&first, self.refusals);
        self.leave_place();
        self.rest_or_pause(follows, now);
    }

    /// The session that was at rest, if it is open and silent.
    pub fn reused(&mut self, operation: Option<&mut Operation>, now: Instant) {
        let Step::Reusing(rested) = self.step else { return };
        match operation {
            Some(operation) => {
                self.mailer.sessions().prepare(rested.hop, operation.session_mut());
                self.work(rested, operation.view(), now);
            }
            None => {
                self.go(Step::Choosing);
            }
        }
    }

    fn work(&mut self, rested: Rested, view: Arc<View>, now: Instant) {
        let mut sender = locked(&self.sender);
        let (ledger, recorded) = (Arc::clone(sender.queue.ledger()), sender.recorded);
        sender.ready();
        drop(sender);
        let server = &self.mailer.hops[rested.hop].server;
        let past = Past {
            server: Arc::clone(&server.name),
            logged_in: server.credentials.is_some(),
            begun: rested.begun,
            until: rested.opened.checked_add(self.mailer.keep.age),
            idle: rested.begun > 0 && now.saturating_duration_since(rested.since) > STALE,
            // Where every line is recorded, the way is read off them when it is wanted.
            path: if recorded { Vec::new() } else { view.path() },
            view,
            recorded,
        };
        let fresh = rested.begun == 0;
        let pipeline = Pipeline::new(past, self.mailer.bounds, ledger, now);
        self.refusals = 0;
        let share = Share { rested, pipeline, began: now, fresh, settled: now, spent: false, unnoted: None };
        self.go(Step::Working(share));
    }

    // -- with a session ----------------------------------------------------------------

    /// Whether the session is not ready for mail yet.
    pub fn is_opening(&self) -> bool {
        matches!(self.step, Step::Opening(_))
    }

    /// Something has come of what was said. An error ends the conversation.
    pub fn hear(&mut self, event: Event, now: Instant) -> Result<(), Error> {
        match (&mut self.step, event) {
            (Step::Opening(tour), Event::Opened(opened)) => {
                if let Some(trouble) = opened.trouble {
                    return Err(*trouble);
                }
                let (hop, opened) = (tour.hop, tour.opened);
                let Some(view) = tour.view.take() else { return Ok(()) };
                let rested = self.mailer.sessions().opened(hop, opened);
                self.work(rested, view, now);
            }
            (Step::Working(share) | Step::Quitting(share), event) => {
                let is_first = !share.pipeline.is_answered();
                share.pipeline.hear(event, &mut locked(&self.sender), now);
                share.settled = now;
                if is_first && share.pipeline.is_answered() {
                    self.mailer.sessions().up(share.rested.hop);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Says what can be said now.
    pub fn talk(&mut self, session: &mut Session, now: Instant) -> Do {
        if session.state().is_over() {
            return Do::Part;
        }
        if let Some(first) = self.say_ends(session) {
            return first;
        }
        let share = match &mut self.step {
            Step::Opening(_) => return Do::Talk,
            Step::Quitting(share) => {
                let end = share.settled + FAREWELL;
                return match share.pipeline.in_flight() {
                    0 if now >= end => Do::Part,
                    0 => Do::Wait(Some(end)),
                    _ => Do::Talk,
                };
            }
            Step::Working(share) => share,
            _ => return Do::Part,
        };
        let pipeline = &mut share.pipeline;
        session.keep_transcript(pipeline.is_recorded());
        session.hold_ends(pipeline.minds_ends());
        let sessions = self.mailer.sessions();
        let wanted = sessions.is_wanted();
        let passed_over = sessions.is_passed_over(share.rested.hop, now);
        drop(sessions);
        if passed_over && share.fresh && !pipeline.is_answered() && pipeline.in_flight() == 0 {
            // Another session has found it out meanwhile: what failed there is for the others.
            share.spent = true;
            return Do::Part;
        }
        let failed = locked(&self.sender).failure().is_some();
        let filled = match wanted && now.duration_since(share.began) > TURN {
            _ if failed => Filled::Starved(Work::Finished),
            true if pipeline.in_flight() == 0 => return Do::Part,
            true => Filled::Full,
            false => pipeline.fill(&self.sender, session, now),
        };
        if let Some(first) = self.say_ends(session) {
            return first;
        }
        let Step::Working(share) = &mut self.step else { return Do::Part };
        let pipeline = &mut share.pipeline;
        let idle = pipeline.in_flight() == 0;
        let drained = |sender: &Mutex<Sender<P>>| locked(sender).queue.is_drained();
        let waiting = |sender: &Mutex<Sender<P>>| locked(sender).queue.waiting();
        match filled {
            Filled::Spent if idle => {
                share.spent = true;
                Do::Part
            }
            Filled::Starved(Work::Finished) if idle => Do::Part,
            // With nothing to say, no other call should wait.
            Filled::Starved(_) if idle && wanted && !pipeline.has_taken() => Do::Part,
            Filled::Starved(Work::At(when)) if idle => {
                let long = when.saturating_duration_since(now) > LONGEST_WAIT;
                match long && !pipeline.has_taken() && waiting(&self.sender) == 0 {
                    true => Do::Part,
                    false => Do::Wait(Some(when)),
                }
            }
            Filled::Starved(Work::None) if idle && drained(&self.sender) => Do::Part,
            Filled::Full | Filled::Starved(_)
                if !idle
                    && self.mailer.keep.idle.is_zero()
                    && !pipeline.has_taken()
                    && drained(&self.sender) =>
            {
                self.say_quit(session);
                Do::Talk
            }
            Filled::Starved(Work::At(when)) => Do::Wait(Some(when)),
            Filled::Starved(Work::None) => Do::Wait(None),
            _ => Do::Talk,
        }
    }

    /// Says the ends that the ledger has taken note of. What is to be done instead of
    /// anything else, where it has not, or can't.
    fn say_ends(&mut self, session: &mut Session) -> Option<Do> {
        let (Step::Working(share) | Step::Quitting(share)) = &mut self.step else { return None };
        match share.pipeline.say_ends(session) {
            Ok(true) => None,
            Ok(false) => Some(Do::Wait(None)),
            Err(error) => {
                locked(&self.sender).fail(&error);
                share.unnoted = Some(session.fail(Error { kind: Kind::Interrupted, ..error }));
                Some(Do::Part)
            }
        }
    }

    /// Together with the last messages, where the server takes it there: nothing more will
    /// be said.
    fn say_quit(&mut self, session: &mut Session) {
        if !quit(session) {
            return;
        }
        self.step = match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Working(share) => Step::Quitting(share),
            step => step,
        };
    }

    /// The session has ended, or is left: what was in flight is settled, what was not begun
    /// goes back.
    pub fn part(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> Parting {
        let over = session.state().is_over();
        if self.is_opening() {
            match error {
                Some(error) => self.not_opened(error, now),
                None => self.not_opened(&ended_early(Stage::Hello), now),
            }
            return if over { Parting::Close } else { Parting::Quit };
        }
        let quitting = matches!(self.step, Step::Quitting(_));
        let (Step::Working(share) | Step::Quitting(share)) = &mut self.step else { return Parting::Quit };
        let mut rested = share.rested;
        let error = share.unnoted.take().or_else(|| error.cloned());
        let error = error.map(|error| share.pipeline.traced(error));
        let error = error.as_ref();
        let follows = settle(share, &self.mailer, &self.sender, session, error, now);
        rested.begun = share.pipeline.begun();
        rested.since = now;
        let spent = quitting || share.spent;
        locked(&self.sender).done();
        self.leave_place();
        self.rest_or_pause(follows, now);
        match over || error.is_some() {
            true => Parting::Close,
            false if !spent && self.mailer.sessions().rest(rested) => Parting::Rest(rested.id),
            false => Parting::Quit,
        }
    }

    fn rest_or_pause(&mut self, follows: policy::Next, now: Instant) {
        match follows {
            policy::Next::Again(pause) if !pause.is_zero() => self.go(Step::Pausing(now + pause)),
            _ => self.go(Step::Idle),
        };
    }

    /// Gives back what it holds, and ends.
    pub fn leave(&mut self) {
        match std::mem::replace(&mut self.step, Step::Left) {
            Step::Left => return,
            Step::Queued(number) => self.mailer.sessions().withdraw(number),
            Step::Working(_) | Step::Quitting(_) => locked(&self.sender).done(),
            _ => {}
        }
        self.leave_place();
        locked(&self.sender).resign();
    }

    fn leave_place(&mut self) {
        if std::mem::take(&mut self.placed) {
            self.mailer.sessions().give_back();
        }
    }
}

/// A worker that is dropped gives back what it holds, also where its thread panics.
impl<P: Payload> Drop for Worker<P> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A session's share is over: what came of it, and what follows for the next session.
fn settle<P: Payload>(
    share: &mut Share<P>,
    mailer: &Mailer,
    sender: &Mutex<Sender<P>>,
    session: &mut Session,
    error: Option<&Error>,
    now: Instant,
) -> policy::Next {
    let at_once = policy::Next::Again(Duration::ZERO);
    let mut sender = locked(sender);
    while let Some(event) = session.decided() {
        share.pipeline.hear(event, &mut sender, now);
    }
    let hop = share.rested.hop;
    mailer.sessions().learn(hop, session);
    let stopped = error.is_some_and(|error| error.kind == Kind::Interrupted);
    let silent = !share.pipeline.is_answered() && session.state().is_over() && !stopped;
    // By its own words or not at all: only what broke can have broken on an extension.
    let offers = ["PIPELINING", "CHUNKING"].iter().any(|keyword| session.extensions().has(keyword));
    let broke = silent && share.fresh && offers && session.state() == State::Broken;
    let plainly = broke && mailer.sessions().speak_plainly(hop, now);
    // Disorder on an extension, or behind other messages, says nothing about this one; nor
    // does the end of a session that had died at rest.
    let disorder = error.is_some_and(|error| error.kind == Kind::Protocol);
    let forgiven = if silent { !share.fresh || (plainly && disorder) } else { disorder };
    share.pipeline.ended(session, error, forgiven, &mut sender, now);
    if !silent || !share.fresh {
        return at_once;
    }
    if !plainly {
        mailer.sessions().down(hop, now);
    }
    let error = match error {
        Some(error) => Error { outcome: None, ..error.clone() },
        None => share.pipeline.traced(ended_early(Stage::Mail)),
    };
    match sender.unanswered(&error) {
        // In plain words, or with another server, it may do better, and need not wait.
        policy::Next::Again(_) if plainly || !mailer.sessions().all_are_down(now) => at_once,
        follows => follows,
    }
}

fn ended_early(stage: Stage) -> Error {
    Error::new(Kind::Disconnected, stage, "the server ended the session before it had taken a message")
}

fn waits_for_itself() -> Error {
    let message = "this mailer is in the middle of a sending further up in this thread, and has no other \
                   session free: use another mailer here, or give this one more connections";
    Error::new(Kind::Misuse, Stage::Command, message)
}
