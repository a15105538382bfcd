//! The loop that moves octets between a session, its TLS and a connection. The connection itself
//! belongs to the pump around this loop.
//!
//! Three pumps do what an [`Operation`] says, and decide nothing: `blocking.rs` with a socket of
//! ours (or one behind [`Foreign`](super::Foreign)), `asyncio_connection.py` with an asyncio
//! transport, and `socket_connection.py` with a caller's socket. Each of them follows this
//! pattern:
//!
//! ```text
//! begin(until, ask)          a request is made, its clock starts
//! loop
//!     is_about_to_send()     then check for input, and pass it to received()
//!     output(write)          Some: it was written, report how much with sent()
//!                            None, and is_settled(): take_settled() is the result
//!                            None: wait for octets, left() at most
//!     received() | lost()    the result of the wait
//!     check_time()           or nothing has come
//! ```
//!
//! Time-outs live here: a pump waits as long as [`left`](Operation::left) says, and asks
//! [`check_time`](Operation::check_time) whether that was too long. Nothing is sent while input
//! waits unread, so that a server's early refusal is noticed before more mail goes out. That is
//! why a pump has to check for input before it writes.

mod connecting;

use super::deadline::{Deadline, Patience};
use super::dialling::Dialling;
use super::record::TimedLine;
use super::silence::Silence;
use super::view::View;
use crate::protocol::error::system_words;
use crate::protocol::opening::Plan;
use crate::protocol::{Error, Event, Kind, Options, Session, Stage};
use crate::tls::{Conversation, MakeLayer, Move, RecordLayer, random};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// When an operation is over. The end of the session ends it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// There is a connection.
    Connected,
    /// There is an event.
    Answered,
    /// Everything is sent. What is received meanwhile is kept.
    Said,
    /// The caller ends it. Such a caller makes many requests along the way and takes their events.
    Ended,
}

/// The result of a finished operation. Empty if it only had to send something.
pub type Settled = Result<Option<Event>, Error>;

/// What a conversation is doing: one thing at a time, from connecting to QUIT.
#[derive(Debug)]
pub struct Operation {
    conversation: Conversation,
    view: Arc<View>,
    pub patience: Patience,
    deadline: Deadline,
    silence: Silence,
    /// The greeting comes without TLS.
    greets_plainly: bool,
    /// While connecting: the addresses of the host.
    dialling: Option<Dialling>,
    /// None if nothing is in progress.
    until: Option<Until>,
    settled: Option<Settled>,
    /// The stage that the clock waits for.
    stage: Stage,
    /// Input that hasn't been processed. None is processed while there is no request: the next
    /// operation sees it.
    unread: Vec<u8>,
    /// The end of input, which comes after it.
    ended: Option<io::Result<()>>,
    /// What to send after an error.
    farewell: Vec<u8>,
    /// The results so far of an operation that its caller ends.
    events: VecDeque<Event>,
    /// Nothing is in flight, and the clock is stopped.
    is_at_rest: bool,
    /// There is more to compute before anything can be sent. A pump checks for input, and comes
    /// back at once.
    is_at_work: bool,
}

impl Operation {
    /// Connecting is the first operation, and its clock starts now.
    pub fn new(options: Options, layer: Option<Box<dyn RecordLayer>>, patience: Patience) -> Self {
        let greets_plainly = layer.is_none() && !options.implicit_tls;
        let mut conversation = Conversation::new(options, layer);
        conversation.session_mut().draw_nonces(random::nonce);
        Self {
            greets_plainly,
            conversation,
            view: Arc::new(View::new()),
            patience,
            deadline: Deadline::start(patience),
            silence: Silence::on(None),
            dialling: None,
            until: Some(Until::Connected),
            settled: None,
            stage: Stage::Connect,
            unread: Vec::new(),
            ended: None,
            farewell: Vec::new(),
            events: VecDeque::new(),
            is_at_rest: false,
            is_at_work: false,
        }
    }

    pub fn session(&self) -> &Session {
        self.conversation.session()
    }

    pub fn session_mut(&mut self) -> &mut Session {
        self.conversation.session_mut()
    }

    pub fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        self.conversation.start_tls(layer)
    }

    /// Opens the session by this plan. Ends with [`Event::Opened`].
    pub fn open(&mut self, plan: Plan, make_layer: MakeLayer) {
        self.conversation.open(plan, make_layer);
    }

    /// What other threads may see of it while it is in progress.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// Whether this is a forked child's copy of its parent's connection.
    pub fn is_of_another_process(&self) -> bool {
        self.view.is_of_another_process()
    }

    fn show(&self) {
        self.view.show(self.session().state(), self.conversation.tls());
    }

    /// Takes the new lines and reports each of them, if they are wanted.
    pub fn note_lines(&mut self, heard: bool, mut hear: impl FnMut(&TimedLine)) {
        let session = self.conversation.session_mut();
        if let Some(first) = session.next_line() {
            let lines = std::iter::once(first).chain(std::iter::from_fn(|| session.next_line()));
            match heard {
                true => lines.for_each(|line| hear(&self.view.push(line))),
                false => self.view.push_all(lines),
            }
        }
        self.show();
    }

    // -- asking --------------------------------------------------------------------

    /// Begins an operation with `ask`, which makes the first request.
    pub fn begin(
        &mut self,
        until: Until,
        ask: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let misuse = |message| Err(Error::new(Kind::Misuse, Stage::Command, message));
        if self.until.is_some() {
            return misuse("this client is in the middle of another operation");
        }
        if self.is_of_another_process() {
            return misuse("this session belongs to the parent process: connect anew after a fork");
        }
        self.start_clock();
        ask(self)?;
        self.settled = None;
        self.is_at_rest = false;
        self.until = Some(until);
        self.session_mut().hold_events(until == Until::Said);
        Ok(())
    }

    fn start_clock(&mut self) {
        self.deadline = Deadline::start(self.patience);
    }

    /// The next result of an operation that its caller ends.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether an operation that its caller ends is in progress.
    pub fn is_serving(&self) -> bool {
        self.until == Some(Until::Ended)
    }

    pub fn end_serving(&mut self) {
        if self.is_serving() {
            self.finish(Ok(None));
        }
    }

    pub fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// The result of the last operation. Returned once.
    pub fn take_settled(&mut self) -> Settled {
        self.settled.take().unwrap_or_else(|| Err(nothing_asked()))
    }

    /// Whether the session is open, nothing is in progress, and the server has sent nothing
    /// unexpected.
    pub fn is_quiet(&mut self) -> bool {
        if self.until.is_some() || self.ended.is_some() {
            return false;
        }
        self.take_in();
        let session = self.session();
        session.is_idle() && !session.state().is_over() && !self.is_of_another_process()
    }

    /// The octets that end TLS, before the connection is closed.
    pub fn end_tls(&mut self) -> Option<&[u8]> {
        if self.is_of_another_process() {
            return None;
        }
        self.conversation.end_tls()
    }

    /// Ends the session without QUIT.
    pub fn close(&mut self) {
        let message = "the connection was closed by another task";
        self.fail(Error::new(Kind::Disconnected, self.stage, message));
        self.session_mut().close(Error::over(Stage::Command));
        self.show();
    }

    // -- octets --------------------------------------------------------------------

    /// Whether something is about to be sent. If so, input has to be read first.
    pub fn is_about_to_send(&mut self) -> bool {
        self.is_conversing() && self.ended.is_none() && self.conversation.is_about_to_send()
    }

    /// Passes the octets to send now to `take`. None if there is something to wait for, or the
    /// operation is settled.
    pub fn output<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let is_unheard = !self.unread.is_empty() || self.ended.is_some();
        if is_unheard && self.is_conversing() && self.conversation.is_about_to_send() {
            self.take_in();
        }
        self.is_at_work = false;
        while let Some(until) = self.until.filter(|until| *until != Until::Connected) {
            let settled = match (self.conversation.next_move(), until) {
                // The caller gets the results so far before more is sent.
                (Ok(Move::Send(_)), _) if !self.events.is_empty() => return None,
                (Ok(Move::Send(octets)), _) => {
                    self.stage = Stage::MailData;
                    let taken = take(octets);
                    if std::mem::take(&mut self.is_at_rest) {
                        // The new request's time starts now, not when the last one ended.
                        self.start_clock();
                    }
                    return Some(taken);
                }
                (Ok(Move::Yield(event)), Until::Ended) => {
                    self.events.push_back(event);
                    continue;
                }
                (Ok(Move::Yield(event)), _) => Ok(Some(event)),
                (Ok(Move::Receive(_) | Move::Idle), Until::Said) => Ok(None),
                (Ok(Move::Receive(stage)), _) => {
                    self.stage = stage;
                    if self.take_in() {
                        continue;
                    }
                    return None;
                }
                (Ok(Move::Work), _) => {
                    self.stage = Stage::Auth;
                    self.conversation.work();
                    self.is_at_work = self.conversation.is_at_work();
                    match self.is_at_work {
                        true => return None,
                        false => continue,
                    }
                }
                (Ok(Move::Idle), Until::Ended) => {
                    self.is_at_rest = true;
                    if self.take_in() {
                        continue;
                    }
                    return None;
                }
                (Ok(Move::Idle), _) => Err(nothing_asked()),
                (Err(error), _) => {
                    self.fail(error);
                    continue;
                }
            };
            self.finish(settled);
        }
        let farewell = std::mem::take(&mut self.farewell);
        if farewell.is_empty() { None } else { Some(take(&farewell)) }
    }

    /// This many octets of the last output have been passed to the operating system.
    pub fn sent(&mut self, octets: usize) {
        // Octets of a farewell aren't counted.
        if self.until.is_some() {
            self.counting_progress(|conversation| conversation.sent(octets));
        }
    }

    /// Octets have come. An empty slice means the end of input.
    pub fn received(&mut self, octets: &[u8]) {
        match octets {
            [] => self.end_of_input(Ok(())),
            octets if self.is_conversing() && self.unread.is_empty() => self.hear(octets),
            octets => self.unread.extend_from_slice(octets),
        }
    }

    /// The connection is lost.
    pub fn lost(&mut self, error: io::Error) {
        self.end_of_input(Err(error));
    }

    fn end_of_input(&mut self, how: io::Result<()>) {
        self.ended.get_or_insert(how);
    }

    /// Octets that haven't been processed.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    fn is_conversing(&self) -> bool {
        self.until.is_some_and(|until| until != Until::Connected)
    }

    /// Processes all input. Returns whether there was any.
    fn take_in(&mut self) -> bool {
        let unread = std::mem::take(&mut self.unread);
        match (&unread[..], &self.ended) {
            ([], None) => return false,
            ([], Some(Err(error))) => {
                let message = format!("Connection unexpectedly closed: {}", system_words(error));
                let os_error = error.raw_os_error();
                let error = Error::new(Kind::Disconnected, self.conversation.stage(), message);
                self.fail(Error { os_error, ..error });
            }
            (octets, _) => self.hear(octets),
        }
        true
    }

    fn hear(&mut self, octets: &[u8]) {
        let heard = self.counting_progress(|conversation| match octets {
            [] => conversation.received_eof(),
            octets => conversation.received(octets),
        });
        self.show();
        if let Err(error) = heard {
            self.fail(error);
        }
    }

    /// A trickle of octets is no progress. A whole reply is.
    fn counting_progress<T>(&mut self, step: impl FnOnce(&mut Conversation) -> T) -> T {
        let before = self.conversation.progress();
        let done = step(&mut self.conversation);
        if self.conversation.progress() != before {
            self.deadline.progress();
        }
        done
    }

    // -- time, and the end ---------------------------------------------------------

    /// The stage being waited for.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The clock of the operation in progress.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// How long to wait before checking the clock. None if nothing is being waited for.
    pub fn left(&self) -> Option<Duration> {
        if !self.is_timed() {
            return None;
        }
        if self.is_at_work {
            return Some(Duration::ZERO);
        }
        let left = self.silence.left(self.stage, &self.deadline).unwrap_or_default();
        Some(self.silence.until_told(self.stage, &self.deadline).map_or(left, |until| left.min(until)))
    }

    /// Checks the clock: an operation whose time is up has failed.
    pub fn check_time(&mut self) {
        if self.is_timed()
            && let Err(error) = self.silence.left(self.stage, &self.deadline)
        {
            self.fail(match self.until {
                Some(Until::Connected) => self.out_of_time(error),
                _ => error,
            });
        }
    }

    fn is_timed(&self) -> bool {
        self.until.is_some() && !self.is_at_rest
    }

    /// Why the server may be silent. Reported once, after a while, and also added to the
    /// transcript.
    pub fn silence(&mut self) -> Option<String> {
        self.until?;
        let text = self.silence.tell(self.stage, &self.deadline)?;
        self.session_mut().note(text.clone());
        Some(text)
    }

    /// Ends the operation with an error, and with it the session, which stays broken. If the
    /// outcome was decided before that, it is the answer, except for a caller that has left.
    pub fn fail(&mut self, error: Error) {
        if self.until.is_none() {
            return;
        }
        let error = self.session_mut().fail(error);
        let settled = match self.is_serving() {
            // The session reports what was decided.
            true => Err(error),
            false => match self.conversation.decided(&error) {
                Some(event) if error.kind != Kind::Interrupted => Ok(Some(event)),
                _ => Err(error),
            },
        };
        self.show();
        self.farewell = self.conversation.unsent().unwrap_or_default().to_vec();
        self.finish(settled);
    }

    fn finish(&mut self, settled: Settled) {
        self.session_mut().hold_events(false);
        self.until = None;
        self.is_at_rest = false;
        self.settled = Some(settled);
    }
}

fn nothing_asked() -> Error {
    Error::new(Kind::Misuse, Stage::Command, "nothing was asked of the session")
}
