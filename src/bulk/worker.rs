//! One worker, without I/O. It has a session for as long as there is work for it, and another one
//! when that ends. A thread or an event loop asks the worker what to do, does it, and reports the
//! result.

use super::answers::ended_early;
use super::job::Payload;
use super::mailer::{Mailer, locked};
use super::orders::{Do, Parting};
use super::pipeline::Pipeline;
use super::queue::Work;
use super::sender::Sender;
use super::sessions::Rested;
use crate::driver::{Operation, View};
use crate::protocol::auth::Credentials;
use crate::protocol::command::ClientName;
use crate::protocol::{Error, Event, Kind, Session, Stage};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The state of a worker.
#[derive(Debug)]
enum Step<P> {
    Idle,
    Queued(u64),
    Choosing,
    Reusing(Rested),
    Dialling(Box<Tour>),
    /// With the visible side of the session, and the time when its connection was made.
    Opening(Box<Tour>, Arc<View>, Instant),
    Working(Box<Pipeline<P>>),
    Pausing(Instant),
    /// The worker has released what it held, and has been counted out.
    Ended,
}

impl<P> Step<P> {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Queued(_) => "Queued",
            Self::Choosing => "Choosing",
            Self::Reusing(_) => "Reusing",
            Self::Dialling(_) => "Dialling",
            Self::Opening(..) => "Opening",
            Self::Working(_) => "Working",
            Self::Pausing(_) => "Pausing",
            Self::Ended => "Ended",
        }
    }
}

/// Tries one server after the other.
#[derive(Debug, Default)]
struct Tour {
    hop: usize,
    others: VecDeque<usize>,
    /// Why the first server could not be used: the error to report if none can.
    first: Option<Error>,
    /// The credentials that were asked for, for the session being opened.
    asked: Option<Credentials>,
    /// Credentials that the server has rejected. They aren't tried again.
    rejected: Option<Credentials>,
}

#[derive(Debug)]
pub struct Worker<P: Payload> {
    mailer: Arc<Mailer>,
    sender: Arc<Mutex<Sender<P>>>,
    step: Step<P>,
    /// The worker holds a place among the mailer's sessions.
    placed: bool,
    /// The call was made within another call of this mailer, by the same thread or task, that
    /// holds a session. Waiting for a place would be waiting for itself.
    nested: bool,
    /// How many times in a row no server accepted the login.
    refusals: u32,
}

impl<P: Payload> Worker<P> {
    /// A worker that was added with `Sender::enlist`.
    pub fn new(sender: Arc<Mutex<Sender<P>>>, nested: bool) -> Self {
        let mailer = Arc::clone(&locked(&sender).queue.mailer);
        Self { mailer, sender, step: Step::Idle, placed: false, nested, refusals: 0 }
    }

    /// The table in `mod.rs` has every transition.
    fn go(&mut self, step: Step<P>) {
        let (from, to) = (self.step.name(), step.name());
        debug_assert!(
            include_str!("mod.rs").lines().any(|line| {
                line.starts_with(&format!("//! | {from} | ")) && line.ends_with(&format!(" | {to} |"))
            }),
            "from {from} to {to}"
        );
        self.step = step;
    }

    // -- without a session -----------------------------------------------------------

    pub fn next(&mut self, now: Instant) -> Do {
        loop {
            match &self.step {
                Step::Idle => {
                    let work = locked(&self.sender).queue.outlook(now);
                    match work {
                        Work::Some => {
                            let number = self.mailer.sessions().queue_up();
                            self.go(Step::Queued(number));
                        }
                        Work::Later(until) => return Do::Wait(until),
                        Work::Finished => self.leave(),
                    }
                }
                &Step::Queued(number) => {
                    if locked(&self.sender).queue.outlook(now) != Work::Some {
                        self.mailer.sessions().withdraw(number);
                        self.go(Step::Idle);
                        continue;
                    }
                    self.placed = self.mailer.sessions().admit(number);
                    if self.placed {
                        self.go(Step::Choosing);
                    } else if self.nested {
                        locked(&self.sender).fail(&waits_for_itself());
                        self.leave();
                    } else {
                        return Do::Queue(number);
                    }
                }
                Step::Choosing => {
                    let rested = self.mailer.sessions().take();
                    self.go(match rested {
                        Some(rested) => Step::Reusing(rested),
                        None => {
                            let mut others = self.mailer.sessions().order(now);
                            let hop = others.pop_front().unwrap_or_default();
                            Step::Dialling(Box::new(Tour { hop, others, ..Tour::default() }))
                        }
                    });
                }
                Step::Reusing(rested) => return Do::Reuse(rested.id),
                Step::Dialling(tour) => return Do::Dial(tour.hop),
                &Step::Pausing(until) => {
                    if now < until && !locked(&self.sender).is_decided() {
                        return Do::Pause(until);
                    }
                    self.go(Step::Idle);
                }
                Step::Opening(..) | Step::Working(_) => return Do::Talk,
                Step::Ended => return Do::Leave,
            }
        }
    }

    /// The credentials that the next server has rejected, so that others have to be asked for.
    pub fn rejected(&self) -> Option<&Credentials> {
        let Step::Dialling(tour) = &self.step else { return None };
        tour.rejected.as_ref()
    }

    /// The connection is made. The local address is given as EHLO writes it. `asked` are the
    /// credentials, if they were asked for.
    pub fn dialled(
        &mut self,
        own_literal: ClientName,
        asked: Option<Credentials>,
        operation: &mut Operation,
        now: Instant,
    ) {
        let Step::Dialling(tour) = &mut self.step else { return };
        let mut tour = std::mem::take(tour);
        // The opening of a session is always recorded: it takes far longer than the recording.
        operation.session_mut().keep_transcript(true);
        let server = &self.mailer.hops[tour.hop];
        operation.open(server.plan(own_literal, asked.clone()), Arc::clone(&server.make_layer));
        tour.asked = asked;
        self.go(Step::Opening(tour, operation.view(), now));
    }

    /// There is no connection, or no session over it.
    pub fn not_opened(&mut self, error: &Error, now: Instant) {
        let (mut tour, view) = match &mut self.step {
            Step::Dialling(tour) => (std::mem::take(tour), None),
            Step::Opening(tour, view, _) => (std::mem::take(tour), Some(Arc::clone(view))),
            _ => return,
        };
        let server = &self.mailer.hops[tour.hop];
        let renewable = tour.asked.as_ref().is_some_and(Credentials::may_be_renewed);
        if error.rejects_credentials() && tour.rejected.is_none() && renewable {
            // The credentials may have expired since. Try once more, with new ones.
            tour.rejected = tour.asked.take();
            return self.go(Step::Dialling(tour));
        }
        let mut error = Error { outcome: None, ..error.clone() };
        if let Some(view) = view {
            error = error.traced(|| view.trace().with_server(&server.name));
        }
        self.mailer.sessions().down(tour.hop, now);
        if let Some(hop) = tour.others.pop_front() {
            let (from, to) = (&server.name, &self.mailer.hops[hop].name);
            let news = || format!("no session with {from}: {error}; the next server is {to}");
            locked(&self.sender).queue.tell(news);
            let (first, others) = (tour.first.or(Some(error)), tour.others);
            return self.go(Step::Dialling(Box::new(Tour { hop, others, first, ..Tour::default() })));
        }
        let first = tour.first.unwrap_or(error);
        self.refusals += 1;
        let pause = locked(&self.sender).not_opened(&first, self.refusals);
        self.idle_after(pause, now);
    }

    /// Takes the idle session back, if it is open and silent, and not too old. Otherwise the
    /// conversation over it is over at once.
    pub fn reused(&mut self, operation: Option<&mut Operation>, now: Instant) {
        let Step::Reusing(rested) = self.step else { return };
        match operation.filter(|_| self.mailer.sessions().is_good(&rested, now)) {
            Some(operation) => self.work(rested, operation, now),
            None => self.go(Step::Choosing),
        }
    }

    fn work(&mut self, session: Rested, operation: &mut Operation, now: Instant) {
        self.refusals = 0;
        self.mailer.sessions().prepare(session.hop, operation.session_mut());
        let pipeline = Pipeline::new(Arc::clone(&self.sender), session, operation.view(), now);
        self.go(Step::Working(Box::new(pipeline)));
    }

    // -- with a session ----------------------------------------------------------------

    /// Whether the session is ready for mail.
    pub fn is_working(&self) -> bool {
        matches!(self.step, Step::Working(_))
    }

    /// Handles the results of the conversation so far.
    pub fn hear(&mut self, operation: &mut Operation, now: Instant) {
        while let Some(event) = operation.next_event() {
            match (&mut self.step, event) {
                (Step::Opening(tour, _, since), Event::Opened(opened)) => match opened.trouble {
                    Some(trouble) => self.not_opened(&trouble, now),
                    None => {
                        let session = self.mailer.sessions().opened(tour.hop, *since);
                        self.work(session, operation, now);
                    }
                },
                (Step::Working(pipeline), event) => {
                    // Answers come many at a time.
                    let mut sender = locked(&self.sender);
                    let mut next = Some(event);
                    while let Some(event) = next {
                        pipeline.hear(event, operation.session(), &mut sender, now);
                        next = operation.next_event();
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends what can be sent now.
    pub fn talk(&mut self, session: &mut Session, now: Instant) -> Do {
        match &mut self.step {
            _ if session.state().is_over() => Do::Part,
            Step::Opening(..) => Do::Talk,
            Step::Working(pipeline) => pipeline.talk(session, now),
            _ => Do::Part,
        }
    }

    /// The session has ended, or the worker leaves it.
    pub fn part(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> Parting {
        let pipeline = match &mut self.step {
            Step::Working(pipeline) => pipeline,
            step => {
                if matches!(step, Step::Opening(..)) {
                    let early = ended_early(Stage::Hello);
                    self.not_opened(error.unwrap_or(&early), now);
                }
                return if session.state().is_over() { Parting::Close } else { Parting::Quit };
            }
        };
        let (parting, pause) = pipeline.end(session, error, now);
        locked(&self.sender).done();
        self.idle_after(pause, now);
        parting
    }

    /// The worker gives its place back, and looks for work after this pause.
    fn idle_after(&mut self, pause: Duration, now: Instant) {
        self.leave_place();
        self.go(if pause.is_zero() { Step::Idle } else { Step::Pausing(now + pause) });
    }

    /// Releases what the worker holds, and ends.
    pub fn leave(&mut self) {
        match std::mem::replace(&mut self.step, Step::Ended) {
            Step::Ended => return,
            Step::Queued(number) => self.mailer.sessions().withdraw(number),
            Step::Working(_) => locked(&self.sender).done(),
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

/// A worker that is dropped releases what it holds, even if its thread panics.
impl<P: Payload> Drop for Worker<P> {
    fn drop(&mut self) {
        self.leave();
    }
}

fn waits_for_itself() -> Error {
    let message = "this mailer is in the middle of a sending further up in this task or thread, and has no other \
                   session free: use another mailer here, or give this one more connections";
    Error::new(Kind::Misuse, Stage::Command, message)
}
