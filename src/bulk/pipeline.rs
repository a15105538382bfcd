//! One session that is ready for mail, and the messages it was given: how many may be in flight,
//! and when the session has done its share. `answers.rs` handles the answers. Does no I/O.

use super::job::{Job, Payload};
use super::ledger::Ledger;
use super::mailer::{Mailer, locked};
use super::orders::Do;
use super::queue::{Interest, Work};
use super::rate::Rate;
use super::sender::Sender;
use super::sessions::Rested;
use super::window::Window;
use crate::driver::{Course, View};
use crate::protocol::command::Command;
use crate::protocol::error::Trace;
use crate::protocol::state::State;
use crate::protocol::{Error, Kind, Request, Session};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many jobs one session takes at a time.
const SHARE: usize = 64;
/// A busy session is kept this long before it is handed to a call that waits for one.
const TURN: Duration = Duration::from_millis(100);
/// After this much silence the server may have closed the session.
const STALE: Duration = Duration::from_secs(1);
/// A session with nothing to send for longer than this is handed to other calls.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Pipeline<P> {
    pub(super) mailer: Arc<Mailer>,
    pub(super) sender: Arc<Mutex<Sender<P>>>,
    pub(super) ledger: Arc<dyn Ledger<P>>,
    pub(super) session: Rested,
    /// The session has sent no mail before.
    pub(super) fresh: bool,
    /// The session has been silent for so long that the server may have closed it.
    silent: bool,
    /// What others see of the session.
    view: Arc<View>,
    /// The states that had led to readiness, where the lines to come won't show them.
    path: Vec<State>,
    interest: Interest,
    pub(super) window: Window,
    rate: Option<Rate>,
    /// Messages taken from the queue and not sent yet.
    pub(super) taken: VecDeque<Job<P>>,
    pub(super) in_flight: VecDeque<Job<P>>,
    began: Instant,
    /// How many messages the server has answered on this session for this worker.
    pub(super) answers: usize,
    /// The server has answered mail with something other than a demand for a login.
    pub(super) welcome: bool,
    /// The most recipients that the server takes in one transaction, once it has shown a limit.
    pub(super) recipients: usize,
    /// The server asked for a login although we had logged in. Another session may do better.
    pub(super) logged_out: bool,
    /// The session must not send any more mail.
    pub(super) spent: bool,
    /// QUIT was sent with the last messages.
    quitting: bool,
    /// Why the ledger could not record the ends that are due.
    pub(super) unnoted: Option<Error>,
}

impl<P: Payload> Pipeline<P> {
    pub fn new(sender: Arc<Mutex<Sender<P>>>, session: Rested, view: Arc<View>, now: Instant) -> Self {
        let mut locked = locked(&sender);
        locked.ready();
        let (mailer, ledger) = (Arc::clone(&locked.queue.mailer), Arc::clone(&locked.queue.ledger));
        let interest = locked.queue.interest;
        drop(locked);
        let fresh = session.begun == 0;
        Self {
            window: Window::new(mailer.bounds.window, ledger.minds_ends(), now),
            rate: mailer.bounds.rate.map(|rate| Rate::new(rate, now)),
            mailer,
            sender,
            ledger,
            fresh,
            silent: !fresh && now.saturating_duration_since(session.since) > STALE,
            session,
            path: if interest.recorded { Vec::new() } else { view.path() },
            view,
            interest,
            taken: VecDeque::new(),
            in_flight: VecDeque::new(),
            began: now,
            answers: 0,
            welcome: !fresh,
            recipients: usize::MAX,
            logged_out: false,
            spent: false,
            quitting: false,
            unnoted: None,
        }
    }

    /// How the conversation got to its present state. If only its beginning was recorded, its last
    /// lines are unknown.
    pub(super) fn trace(&self) -> Arc<Trace> {
        if self.interest.recorded {
            return self.view.trace().with_server(self.server());
        }
        let mut path = self.path.clone();
        path.push(self.view.state());
        path.dedup();
        Arc::new(Trace { server: Some(Arc::clone(self.server())), path, lines: Vec::new() })
    }

    /// What was sent for this message, and for the session if this is its first message. None if
    /// the caller doesn't want to know.
    pub(super) fn course(&self, job: &Job<P>) -> Option<Arc<Course>> {
        let is_first = self.fresh && self.answers == 0;
        let since = if is_first { None } else { job.first_tried };
        self.interest.timed.then(|| Arc::new(self.view.course(since)))
    }

    /// Sends what can be sent now.
    pub fn talk(&mut self, session: &mut Session, now: Instant) -> Do {
        if let Some(first) = self.say_ends(session) {
            return first;
        }
        if self.quitting {
            // Nothing depends on the answer to QUIT.
            return if self.in_flight.is_empty() { Do::Part } else { Do::Talk };
        }
        session.keep_transcript(self.interest.recorded);
        session.hold_ends(self.ledger.minds_ends());
        let sessions = self.mailer.sessions();
        let wanted = sessions.is_wanted();
        let passed_over = sessions.is_passed_over(self.session.hop, now);
        drop(sessions);
        if passed_over && self.fresh && self.answers == 0 && self.in_flight.is_empty() {
            // Another session has found the problem meanwhile. The messages that failed here are
            // left to the other sessions.
            self.spent = true;
            return Do::Part;
        }
        let failed = locked(&self.sender).queue.failure().is_some();
        let left = match wanted && now.duration_since(self.began) > TURN {
            _ if failed => Work::Finished,
            true if self.in_flight.is_empty() => return Do::Part,
            true => Work::Some,
            false => self.fill(session, now),
        };
        if let Some(first) = self.say_ends(session) {
            return first;
        }
        let holds_some = !self.taken.is_empty();
        if !self.in_flight.is_empty() {
            let last =
                self.mailer.bounds.idle.is_zero() && !holds_some && locked(&self.sender).queue.is_drained();
            return match left {
                // Send QUIT with the last messages, if the server takes it there.
                _ if last => {
                    self.quitting = session.request(Request::Command(Command::Quit)).is_ok();
                    Do::Talk
                }
                Work::Later(until) => Do::Wait(until),
                Work::Some | Work::Finished => Do::Talk,
            };
        }
        match left {
            Work::Some => Do::Talk,
            Work::Finished => Do::Part,
            // A session with nothing to send shouldn't keep another call waiting.
            Work::Later(_) if wanted && !holds_some => Do::Part,
            Work::Later(until) => {
                let mut sender = locked(&self.sender);
                let over = match until {
                    Some(when) => when > now + LONGEST_WAIT && !holds_some && !sender.queue.is_ready(),
                    None => sender.queue.is_drained(),
                };
                if over { Do::Part } else { Do::Wait(until) }
            }
        }
    }

    /// Whether the session has reached the caller's limit or the server's (RFC 9422 MAILMAX).
    /// However long it took to open, it sends at least one message.
    fn is_spent(&self, session: &Session, now: Instant) -> bool {
        let begun = self.session.begun;
        let most = self.mailer.bounds.messages.into_iter().chain(session.extensions().known().mail_max).min();
        let old = now.saturating_duration_since(self.session.opened) >= self.mailer.bounds.age;
        self.logged_out
            || most.is_some_and(|most| begun >= most)
            || (old && begun > 0)
            || session.is_worn_out()
    }

    /// Sends as many messages as the window has room for. Returns what else there may be for this
    /// session to send: nothing, once it is spent.
    fn fill(&mut self, session: &mut Session, now: Instant) -> Work {
        if self.window.gathers(self.in_flight.len()) {
            return Work::Some;
        }
        while self.window.has_room(self.in_flight.len()) && session.takes_transaction() {
            self.spent |= self.is_spent(session, now);
            if self.spent {
                return Work::Finished;
            }
            // Checked before anything is taken, since another session may be able to send sooner.
            if let Some(rate) = &mut self.rate
                && let Err(when) = rate.look(now)
            {
                return Work::Later(Some(when));
            }
            if self.taken.is_empty() {
                let in_flight = self.in_flight.len();
                let most = SHARE.min(self.window.room(in_flight));
                let work = locked(&self.sender).supply(most, in_flight, now, &mut self.taken);
                if self.taken.is_empty() {
                    return work;
                }
            }
            let room = self.taken.front().map_or(0, |job| session.room_for(&job.recipients));
            self.spent |= room == 0;
            if !self.spent && !self.begin(room.min(self.recipients), session, now) {
                break;
            }
        }
        Work::Some
    }

    /// Begins the next message, for this many of its recipients. Returns false if the session
    /// takes nothing at the moment.
    fn begin(&mut self, room: usize, session: &mut Session, now: Instant) -> bool {
        // The message is removed last, so that a panic in between loses nothing.
        let Some(job) = self.taken.front_mut() else { return true };
        let recipients = job.next_recipients(room);
        let begun = if job.told { Ok(()) } else { self.ledger.begun(job, recipients) };
        let asked = begun.map(|()| session.transact(&mut job.offer(recipients, self.silent).transaction));
        // The session is over, or has an event to report first.
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
                // If it is returned to the queue, it starts from the beginning.
                job.told = false;
                job.attempts += 1;
                job.first_tried.get_or_insert(now);
                self.session.begun += 1;
                self.silent = false;
                self.window.begun(job.payload.size(), now);
                self.in_flight.push_back(job);
            }
            Ok(Err(error)) | Err(error) => locked(&self.sender).queue.decline(job, self.server(), error),
        }
        true
    }

    /// The server's name, for receipts.
    pub(super) fn server(&self) -> &Arc<str> {
        &self.mailer.hops[self.session.hop].name
    }

    /// Tells the ledger, if it wants to hear of them, which ends the session is about to send, and
    /// then releases them. If the ledger hasn't recorded them yet, or can't, returns what to do
    /// instead.
    fn say_ends(&mut self, session: &mut Session) -> Option<Do> {
        let held = session.ends_held();
        if held.is_empty() {
            return None;
        }
        let messages: Vec<&Job<P>> = self.in_flight.range(held.clone()).collect();
        match self.ledger.end_said(&messages) {
            Ok(true) => {
                let said = self.in_flight.range_mut(held);
                said.flat_map(|job| &mut job.past).for_each(|past| past.known_settled = past.settled.len());
                session.say_ends();
                None
            }
            Ok(false) => Some(Do::Wait(None)),
            Err(error) => {
                locked(&self.sender).fail(&error);
                self.unnoted = Some(session.fail(Error { kind: Kind::Interrupted, ..error }));
                Some(Do::Part)
            }
        }
    }
}
