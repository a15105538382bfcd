//! The driver under an event loop: the loop waits, says what has happened and asks
//! what is to be done. The conversation is that of the blocking driver, in the same
//! order.

use super::dialling::Dialling;
use super::wire::Wire;
use crate::protocol::{Error, Event, Kind, Stage};
use crate::tls::Move;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Connecting,
    /// Until there is an event.
    Asking,
    /// Until all is sent; what is heard meanwhile is kept.
    Saying,
    /// Until it is told to end: events are kept for the caller.
    Serving,
}

/// What a finished operation has come to; nothing, when it only said something.
pub type Settled = Result<Option<Event>, Error>;

#[derive(Debug)]
pub struct Reactive {
    wire: Wire,
    /// While connecting: the addresses of the host.
    dialling: Option<Dialling>,
    operation: Option<Operation>,
    settled: Option<Settled>,
    /// What is waited for, for the clock.
    stage: Stage,
    /// What has come and is not taken in. Nothing is, while nothing is asked: the next
    /// operation hears of it.
    unread: Vec<u8>,
    /// What comes behind that: the end.
    ended: Option<io::Result<()>>,
    /// What goes out after an error.
    farewell: Vec<u8>,
    /// What has come of it while serving.
    events: VecDeque<Event>,
    /// Serving, with nothing in flight: no time runs.
    at_rest: bool,
}

impl Reactive {
    /// Connecting is the first operation.
    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            dialling: None,
            operation: Some(Operation::Connecting),
            settled: None,
            stage: Stage::Connect,
            unread: Vec::new(),
            ended: None,
            farewell: Vec::new(),
            events: VecDeque::new(),
            at_rest: false,
        }
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    pub fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Connecting is to try these addresses.
    pub fn dial(&mut self, dialling: Dialling) {
        self.dialling = Some(dialling);
    }

    /// The next address to try, and the time that it has; None: there is none.
    pub fn next_address(&mut self) -> Option<(SocketAddr, Duration)> {
        let left = self.wire.left(Stage::Connect).ok()?;
        self.dialling.as_mut()?.next_address(left)
    }

    /// The address that was tried last can't be connected to.
    pub fn address_failed(&mut self, error: io::Error) {
        if let Some(note) = self.dialling.as_mut().map(|dialling| dialling.failed(error)) {
            self.wire.session_mut().note(note);
        }
    }

    /// None of the addresses could be connected to.
    pub fn nowhere(&mut self) -> Option<Error> {
        self.dialling.take().map(|dialling| self.wire.not_connected(dialling.nowhere()))
    }

    pub fn connected(&mut self, host: &str, peer: Option<SocketAddr>, elsewhere: bool) {
        self.wire.connected(host, peer, elsewhere);
        self.operation = None;
    }

    /// Begins an operation by `ask`; with `only_send` it ends when all is sent.
    pub fn begin(
        &mut self,
        ask: impl FnOnce(&mut Wire) -> Result<(), Error>,
        only_send: bool,
    ) -> Result<(), Error> {
        if self.operation.is_some() {
            let message = "this client is in the middle of another operation";
            return Err(Error::new(Kind::Misuse, Stage::Command, message));
        }
        self.wire.begin()?;
        ask(&mut self.wire)?;
        self.settled = None;
        self.operation = Some(if only_send { Operation::Saying } else { Operation::Asking });
        self.wire.session_mut().hold_events(only_send);
        Ok(())
    }

    /// Begins an operation of many requests, made as it goes on. It ends by
    /// `end_serving`, or with the session.
    pub fn begin_serving(&mut self) -> Result<(), Error> {
        if self.operation.is_some() {
            let message = "this client is in the middle of another operation";
            return Err(Error::new(Kind::Misuse, Stage::Command, message));
        }
        self.wire.begin()?;
        self.settled = None;
        self.at_rest = false;
        self.operation = Some(Operation::Serving);
        Ok(())
    }

    /// The next thing that has come of it.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn is_serving(&self) -> bool {
        self.operation == Some(Operation::Serving)
    }

    pub fn end_serving(&mut self) {
        if self.is_serving() {
            self.finish(Ok(None));
        }
    }

    /// The octets that are to be sent now, as `take` wants them. None: there is
    /// something to wait for, or it is settled.
    pub fn output<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if self.operation == Some(Operation::Connecting) {
            return None;
        }
        let saying = self.operation == Some(Operation::Saying);
        let serving = self.is_serving();
        // Nothing is said on top of what has not been read.
        if self.wire.is_about_to_send() {
            self.take_in();
        }
        while self.operation.is_some() {
            let settled = match self.wire.next_move() {
                Ok(Move::Send(octets)) => {
                    self.stage = Stage::MailData;
                    if std::mem::take(&mut self.at_rest) {
                        // Its time starts now, not when the last one ended.
                        let taken = take(octets);
                        let _ = self.wire.begin();
                        return Some(taken);
                    }
                    return Some(take(octets));
                }
                Ok(Move::Yield(event)) if serving => {
                    self.events.push_back(event);
                    continue;
                }
                Ok(Move::Idle) if serving => {
                    self.at_rest = true;
                    if self.take_in() {
                        continue;
                    }
                    return None;
                }
                Ok(Move::Receive(stage)) if !saying => {
                    self.stage = stage;
                    if self.take_in() {
                        continue;
                    }
                    return None;
                }
                Ok(Move::Yield(event)) => Ok(Some(event)),
                Ok(Move::Receive(_) | Move::Idle) if saying => Ok(None),
                Ok(Move::Receive(_) | Move::Idle) => {
                    Err(Error::new(Kind::Misuse, Stage::Command, "nothing was asked of the session"))
                }
                Err(error) => {
                    self.fail(error);
                    continue;
                }
            };
            self.finish(settled);
        }
        let farewell = std::mem::take(&mut self.farewell);
        if farewell.is_empty() { None } else { Some(take(&farewell)) }
    }

    /// Whether there was anything, and all of it is heard.
    fn take_in(&mut self) -> bool {
        let unread = std::mem::take(&mut self.unread);
        let heard = match (&unread[..], &self.ended) {
            ([], None) => return false,
            ([], Some(Ok(()))) => self.wire.received(&[]),
            ([], Some(Err(error))) => Err(self.wire.lost(error)),
            (octets, _) => self.wire.received(octets),
        };
        if let Err(error) = heard {
            self.fail(error);
        }
        true
    }

    /// So many octets of the last output are with the operating system.
    pub fn sent(&mut self, octets: usize) {
        // Of a farewell nothing is counted.
        if self.operation.is_some() {
            self.wire.sent(octets);
        }
    }

    /// Octets have come; none at all is the end of them. `output` takes them in.
    pub fn received(&mut self, octets: &[u8]) {
        match octets {
            [] => self.end_of_input(Ok(())),
            octets => self.unread.extend_from_slice(octets),
        }
    }

    /// The connection is gone.
    pub fn lost(&mut self, error: io::Error) {
        self.end_of_input(Err(error));
    }

    fn end_of_input(&mut self, how: io::Result<()>) {
        self.ended.get_or_insert(how);
    }

    /// Whether the session is open, nothing is under way, and the server has said
    /// nothing that was not asked for.
    pub fn is_quiet(&mut self) -> bool {
        if self.operation.is_some() || self.ended.is_some() {
            return false;
        }
        self.take_in();
        let session = self.wire.session();
        session.is_idle() && !session.state().is_over() && !self.wire.is_of_another_process()
    }

    /// Octets that are not taken in yet.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Seconds until the operation's time is up; None when nothing is waited for.
    pub fn seconds_left(&self) -> Option<f64> {
        self.operation?;
        if self.at_rest && self.is_serving() {
            return None;
        }
        let left = self.wire.left(self.stage).unwrap_or_default();
        let silence = self.wire.until_silence(self.stage).unwrap_or(left);
        Some(left.min(silence).as_secs_f64())
    }

    /// Why the server may be silent, once, when it has been for a while.
    pub fn silence(&mut self) -> Option<String> {
        self.operation.and_then(|_| self.wire.silence(self.stage))
    }

    /// Looks at the clock: an operation whose time is up has failed.
    pub fn check_time(&mut self) {
        if self.operation.is_some()
            && !(self.at_rest && self.is_serving())
            && let Err(error) = self.wire.left(self.stage)
        {
            self.fail(error);
        }
    }

    /// Ends what is under way by an error, and with it the session.
    pub fn fail(&mut self, error: Error) {
        if self.operation.is_none() {
            return;
        }
        let settled = match self.is_serving() {
            // What was decided before it is told by the session.
            true => Err(self.wire.session_mut().fail(error)),
            false => self.wire.settle(error).map(Some),
        };
        self.farewell = self.wire.last_octets().unwrap_or_default().to_vec();
        self.finish(settled);
    }

    /// Ends the session without a word.
    pub fn close(&mut self) {
        let message = "the connection was closed by another task";
        self.fail(Error::new(Kind::Disconnected, self.stage, message));
        self.wire.close();
    }

    pub fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// What the last operation has come to, once.
    pub fn take_settled(&mut self) -> Settled {
        let nothing = || Err(Error::new(Kind::Misuse, Stage::Command, "nothing was asked of the session"));
        self.settled.take().unwrap_or_else(nothing)
    }

    fn finish(&mut self, settled: Settled) {
        self.wire.session_mut().hold_events(false);
        self.operation = None;
        self.settled = Some(settled);
    }
}
