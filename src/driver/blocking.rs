//! The blocking driver: one thread waits, in slices, with an attendant to ask
//! whether to go on.

use super::connect::{Target, connect};
use super::deadline::{Deadline, Patience, SLICE};
use super::record::{Record, TimedLine};
use super::stream::Stream;
use crate::protocol::command::{ClientName, Command};
use crate::protocol::{Error, Event, Kind, Options, Request, Session, Stage, State};
use crate::tls::{Conversation, Move, RecordLayer, TlsFacts};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Who has asked for the conversation.
pub trait Attendant {
    /// Called at least every 100 ms while waiting: an error ends the wait and,
    /// with it, the conversation.
    fn attend(&mut self) -> Result<(), Error>;

    /// A line has been said.
    fn hear(&mut self, line: &TimedLine);
}

/// A connected conversation.
pub struct Connection {
    conversation: Conversation,
    /// None once the session is over.
    stream: Option<Stream>,
    record: Record,
    pub patience: Patience,
    incoming: Vec<u8>,
    /// Set by another thread to end a wait.
    abandoned: Arc<AtomicBool>,
    /// A forked child has a copy of the socket, but the session is its parent's.
    process: u32,
    attended: Instant,
}

/// Octets that are read at a time.
const READ: usize = 64 * 1024;

impl Connection {
    /// Connects; the greeting is the first event of [`Connection::run`].
    pub fn open(
        target: &Target,
        options: Options,
        layer: Option<Box<dyn RecordLayer>>,
        patience: Patience,
        attendant: &mut dyn Attendant,
    ) -> Result<Self, Error> {
        let mut record = Record::start();
        let mut deadline = Deadline::start(patience);
        let stream = connect(target, &mut deadline, &mut record, attendant)?;
        let where_to =
            stream.peer_addr().map_or_else(|| target.host().to_owned(), |address| address.to_string());
        record.note(format!("connected to {where_to}"), attendant);
        // Nobody on the way can listen in on what stays on this machine.
        let local = stream.peer_addr().is_none_or(|address| address.ip().to_canonical().is_loopback());
        let options = Options { plaintext_auth: options.plaintext_auth || local, ..options };
        Ok(Self {
            conversation: Conversation::new(options, layer),
            stream: Some(stream),
            record,
            patience,
            incoming: vec![0; READ],
            abandoned: Arc::default(),
            process: std::process::id(),
            attended: Instant::now(),
        })
    }

    pub fn session(&self) -> &Session {
        self.conversation.session()
    }

    /// To make requests; [`Connection::run`] carries them out.
    pub fn session_mut(&mut self) -> &mut Session {
        self.conversation.session_mut()
    }

    pub fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        self.conversation.start_tls(layer)
    }

    pub fn tls(&self) -> Option<&TlsFacts> {
        self.conversation.tls()
    }

    pub fn lines(&self) -> impl Iterator<Item = &TimedLine> {
        self.record.lines()
    }

    /// The states that the record shows, and the present one.
    pub fn path(&self) -> Vec<State> {
        let mut path = self.record.path();
        path.push(self.session().state());
        path.dedup();
        path
    }

    /// None once the session is over.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// Setting it ends a wait that another thread is in.
    pub fn abandoned(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.abandoned)
    }

    /// Goes on until there is an event.
    pub fn run(&mut self, attendant: &mut dyn Attendant) -> Result<Event, Error> {
        let event = self.go_on_and_settle(attendant, false)?;
        event.ok_or_else(|| Error::new(Kind::Misuse, Stage::Command, "nothing was asked of the session"))
    }

    /// Goes on until all is sent; what is heard meanwhile is kept.
    pub fn flush(&mut self, attendant: &mut dyn Attendant) -> Result<(), Error> {
        self.conversation.session_mut().hold_events(true);
        let flushed = self.go_on_and_settle(attendant, true);
        self.conversation.session_mut().hold_events(false);
        flushed.map(|_| ())
    }

    /// One round of a conversation that has many requests in flight: takes in what
    /// has come, sends what can be sent, and waits (a slice of time at most) where
    /// neither was possible and `waits` allows it. None: nothing has come of it yet.
    pub fn advance(
        &mut self,
        deadline: &mut Deadline,
        attendant: &mut dyn Attendant,
        waits: bool,
    ) -> Result<Option<Event>, Error> {
        let round = self.round(deadline, attendant, waits);
        self.note_lines(attendant);
        let settled = round.map_err(|error| {
            let error = self.conversation.session_mut().fail(error);
            self.say_goodbye();
            error
        });
        if self.session().state().is_over() {
            self.hang_up();
        }
        settled
    }

    fn round(
        &mut self,
        deadline: &mut Deadline,
        attendant: &mut dyn Attendant,
        waits: bool,
    ) -> Result<Option<Event>, Error> {
        let mut heard = false;
        loop {
            if self.conversation.is_about_to_send() || self.is_readable() {
                heard |= self.take_in(deadline)?;
            }
            match self.conversation.next_move()? {
                Move::Send(octets) => match socket(&mut self.stream)?.try_write(octets) {
                    Ok(Some(sent)) => {
                        self.conversation.sent(sent);
                        deadline.progress();
                    }
                    Ok(None) if self.is_readable() => {}
                    Ok(None) if heard || !waits => return Ok(None),
                    Ok(None) => return self.wait(Stage::MailData, deadline, attendant).map(|()| None),
                    Err(error) => self.last_words(&error, deadline)?,
                },
                Move::Receive(stage) => {
                    if self.is_readable() {
                        continue;
                    }
                    if !heard && waits {
                        self.wait(stage, deadline, attendant)?;
                    }
                    return Ok(None);
                }
                Move::Yield(event) => return Ok(Some(event)),
                Move::Idle => return Ok(None),
            }
        }
    }

    /// Whether the session is open and the server has said nothing since it was
    /// last asked: whether it may be used again after a time of silence.
    pub fn is_quiet(&mut self) -> bool {
        if self.is_of_another_process() || self.session().state().is_over() || !self.session().is_idle() {
            return false;
        }
        let heard = socket(&mut self.stream).and_then(|stream| {
            stream.try_read(&mut self.incoming).map_err(|_| {
                Error::new(Kind::Disconnected, Stage::Command, "the connection was lost while it was idle")
            })
        });
        match heard {
            Ok(None) => true,
            // TLS has words of its own: new tickets for later sessions.
            Ok(Some(octets)) if octets > 0 => {
                let heard = self.conversation.received(&self.incoming[..octets]);
                heard.is_ok() && self.session().is_idle() && !self.session().state().is_over()
            }
            _ => false,
        }
    }

    /// Says QUIT and leaves without waiting for the answer: nothing hangs on it.
    pub fn leave(&mut self) {
        if !self.is_of_another_process()
            && self.session_mut().request(Request::Command(Command::Quit)).is_ok()
        {
            self.say_goodbye();
        }
        self.close();
    }

    /// The address that the connection is made from, as EHLO says it (RFC 5321 4.1.3).
    pub fn own_literal(&self) -> ClientName {
        let own =
            self.stream.as_ref().and_then(Stream::local_addr).map(|address| address.ip().to_canonical());
        let literal = match own {
            Some(std::net::IpAddr::V6(address)) => format!("[IPv6:{address}]"),
            Some(std::net::IpAddr::V4(address)) => format!("[{address}]"),
            None => "[127.0.0.1]".to_owned(),
        };
        literal.parse().unwrap_or_else(|_| unreachable!("an address literal has no white space"))
    }

    /// Ends a wait of [`Connection::advance`] from another thread.
    pub fn waker(&mut self) -> Option<Arc<mio::Waker>> {
        self.stream.as_mut()?.waker().ok()
    }

    /// Ends the connection without a word.
    pub fn close(&mut self) {
        let error = Error::new(Kind::Disconnected, Stage::Command, "please run connect() first");
        self.conversation.session_mut().close(error);
        self.hang_up();
    }

    /// Whatever goes wrong, the session hears of it and stays broken.
    fn go_on_and_settle(
        &mut self,
        attendant: &mut dyn Attendant,
        only_send: bool,
    ) -> Result<Option<Event>, Error> {
        if self.is_of_another_process() {
            let message = "this session belongs to the parent process: connect anew after a fork";
            return Err(Error::new(Kind::Misuse, Stage::Command, message));
        }
        let mut deadline = Deadline::start(self.patience);
        let settled = self.go_on(&mut deadline, attendant, only_send).or_else(|error| {
            let error = self.conversation.session_mut().fail(error);
            let decided = self.conversation.session_mut().decided();
            self.say_goodbye();
            match error.kind {
                Kind::Interrupted => Err(error),
                _ => decided.map(Some).ok_or(error),
            }
        });
        self.note_lines(attendant);
        if self.session().state().is_over() {
            self.hang_up();
        }
        settled
    }

    fn go_on(
        &mut self,
        deadline: &mut Deadline,
        attendant: &mut dyn Attendant,
        only_send: bool,
    ) -> Result<Option<Event>, Error> {
        loop {
            if self.conversation.is_about_to_send() {
                // Nothing is said on top of what has not been read.
                self.take_in(deadline)?;
            }
            self.note_lines(attendant);
            match self.conversation.next_move()? {
                Move::Send(octets) => match socket(&mut self.stream)?.try_write(octets) {
                    Ok(Some(sent)) => {
                        self.conversation.sent(sent);
                        deadline.progress();
                        // Who sends a lot may never have to wait.
                        self.attend(Stage::MailData, false, attendant)?;
                    }
                    // A server may take no more until its replies are read.
                    Ok(None) if self.is_readable() => {}
                    Ok(None) => self.wait(Stage::MailData, deadline, attendant)?,
                    Err(error) => self.last_words(&error, deadline)?,
                },
                Move::Receive(_) if only_send => return Ok(None),
                Move::Receive(stage) => {
                    if !self.is_readable() || !self.take_in(deadline)? {
                        self.wait(stage, deadline, attendant)?;
                    }
                }
                Move::Yield(event) => return Ok(Some(event)),
                Move::Idle => return Ok(None),
            }
        }
    }

    /// Reads what is there, without waiting. Whether there was anything.
    fn take_in(&mut self, deadline: &mut Deadline) -> Result<bool, Error> {
        let heard_before = self.session().heard();
        let result = match socket(&mut self.stream)?.try_read(&mut self.incoming) {
            Ok(None) => return Ok(false),
            Ok(Some(0)) => self.conversation.received_eof(),
            Ok(Some(octets)) => self.conversation.received(&self.incoming[..octets]),
            Err(error) => Err(self.lost(&error)),
        };
        // A drip of octets is no progress, a whole reply is.
        if self.session().heard() != heard_before {
            deadline.progress();
        }
        result.map(|()| true)
    }

    fn wait(
        &mut self,
        stage: Stage,
        deadline: &Deadline,
        attendant: &mut dyn Attendant,
    ) -> Result<(), Error> {
        let slice = deadline.left(stage)?.min(SLICE);
        socket(&mut self.stream)?.wait(slice).map_err(|error| self.lost(&error))?;
        let ready = self.stream.as_ref().is_some_and(|stream| stream.is_readable() || stream.is_writable());
        self.attend(stage, !ready, attendant)
    }

    /// Asks whether to go on, if it is time to.
    fn attend(&mut self, stage: Stage, at_once: bool, attendant: &mut dyn Attendant) -> Result<(), Error> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Disconnected, stage, "the connection was closed by another thread"));
        }
        if at_once || self.attended.elapsed() >= SLICE {
            self.attended = Instant::now();
            attendant.attend()?;
        }
        Ok(())
    }

    /// Writing failed; what the server said before it went may say why.
    fn last_words(&mut self, error: &io::Error, deadline: &mut Deadline) -> Result<(), Error> {
        while self.conversation.is_about_to_send() {
            if !self.take_in(deadline)? {
                return Err(self.lost(error));
            }
        }
        Ok(())
    }

    /// Lets an alert out that tells the peer what was wrong with its TLS.
    fn say_goodbye(&mut self) {
        if let (Ok(Move::Send(octets)), Some(stream)) = (self.conversation.next_move(), &mut self.stream) {
            let _ = stream.try_write(octets);
        }
    }

    /// Whether this is a forked child's copy of its parent's connection.
    pub fn is_of_another_process(&self) -> bool {
        self.process != std::process::id()
    }

    fn hang_up(&mut self) {
        if let Some(stream) = self.stream.take() {
            // A child's shutdown would end its parent's connection.
            if !self.is_of_another_process() {
                stream.shutdown();
            }
        }
    }

    fn is_readable(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_readable)
    }

    fn lost(&self, error: &io::Error) -> Error {
        let message = format!("Connection unexpectedly closed: {error}");
        Error {
            os_error: error.raw_os_error(),
            ..Error::new(Kind::Disconnected, self.session().stage(), message)
        }
    }

    fn note_lines(&mut self, attendant: &mut dyn Attendant) {
        while let Some(line) = self.conversation.session_mut().next_line() {
            attendant.hear(self.record.push(line));
        }
    }
}

fn socket(stream: &mut Option<Stream>) -> Result<&mut Stream, Error> {
    stream
        .as_mut()
        .ok_or_else(|| Error::new(Kind::Disconnected, Stage::Command, "please run connect() first"))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}
