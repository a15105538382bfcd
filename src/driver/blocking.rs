//! The blocking driver: one thread waits, in slices, with an attendant to ask
//! whether to go on.

use super::connect::{Target, connect};
use super::deadline::SLICE;
use super::record::TimedLine;
use super::stream::Stream;
use super::wire::Wire;
use crate::protocol::{Error, Event, Kind, Stage};
use crate::tls::Move;
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
    wire: Wire,
    /// None once the session is over.
    stream: Option<Stream>,
    incoming: Vec<u8>,
    /// Set by another thread to end a wait.
    abandoned: Arc<AtomicBool>,
    attended: Instant,
}

/// Octets that are read at a time.
const READ: usize = 64 * 1024;

impl Connection {
    /// Connects; the greeting is the first event of [`Connection::run`].
    pub fn open(target: &Target, mut wire: Wire, attendant: &mut dyn Attendant) -> Result<Self, Error> {
        let stream = connect(target, wire.deadline(), attendant)?;
        wire.connected(target.host(), stream.peer_addr());
        wire.note_lines(|line| attendant.hear(line));
        Ok(Self {
            wire,
            stream: Some(stream),
            incoming: vec![0; READ],
            abandoned: Arc::default(),
            attended: Instant::now(),
        })
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// To make requests; [`Connection::run`] carries them out.
    pub fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
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
        self.wire.session_mut().hold_events(true);
        let flushed = self.go_on_and_settle(attendant, true);
        self.wire.session_mut().hold_events(false);
        flushed.map(|_| ())
    }

    /// Ends the connection without a word.
    pub fn close(&mut self) {
        self.wire.close();
        self.hang_up();
    }

    fn go_on_and_settle(
        &mut self,
        attendant: &mut dyn Attendant,
        only_send: bool,
    ) -> Result<Option<Event>, Error> {
        self.wire.begin()?;
        let settled = self.go_on(attendant, only_send).or_else(|error| {
            let settled = self.wire.settle(error);
            if let (Some(octets), Some(stream)) = (self.wire.last_octets(), &mut self.stream) {
                let _ = stream.try_write(octets);
            }
            settled.map(Some)
        });
        self.wire.note_lines(|line| attendant.hear(line));
        if self.wire.session().state().is_over() {
            self.hang_up();
        }
        settled
    }

    fn go_on(&mut self, attendant: &mut dyn Attendant, only_send: bool) -> Result<Option<Event>, Error> {
        loop {
            if self.wire.is_about_to_send() {
                // Nothing is said on top of what has not been read.
                self.take_in()?;
            }
            self.wire.note_lines(|line| attendant.hear(line));
            match self.wire.next_move()? {
                Move::Send(octets) => match socket(&mut self.stream)?.try_write(octets) {
                    Ok(Some(sent)) => self.wire.sent(sent),
                    // A server may take no more until its replies are read.
                    Ok(None) if self.is_readable() => {}
                    Ok(None) => self.wait(Stage::MailData, attendant)?,
                    Err(error) => self.last_words(&error)?,
                },
                Move::Receive(_) if only_send => return Ok(None),
                Move::Receive(stage) => {
                    if !self.is_readable() || !self.take_in()? {
                        self.wait(stage, attendant)?;
                    }
                }
                Move::Yield(event) => return Ok(Some(event)),
                Move::Idle => return Ok(None),
            }
        }
    }

    /// Reads what is there, without waiting. Whether there was anything.
    fn take_in(&mut self) -> Result<bool, Error> {
        match socket(&mut self.stream)?.try_read(&mut self.incoming) {
            Ok(None) => Ok(false),
            Ok(Some(octets)) => self.wire.received(&self.incoming[..octets]).map(|()| true),
            Err(error) => Err(self.wire.lost(&error)),
        }
    }

    fn wait(&mut self, stage: Stage, attendant: &mut dyn Attendant) -> Result<(), Error> {
        let slice = self.wire.left(stage)?.min(SLICE);
        socket(&mut self.stream)?.wait(slice).map_err(|error| self.wire.lost(&error))?;
        if self.abandoned.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Disconnected, stage, "the connection was closed by another thread"));
        }
        let ready = self.stream.as_ref().is_some_and(|stream| stream.is_readable() || stream.is_writable());
        if !ready || self.attended.elapsed() >= SLICE {
            self.attended = Instant::now();
            attendant.attend()?;
        }
        Ok(())
    }

    /// Writing failed; what the server said before it went may say why.
    fn last_words(&mut self, error: &io::Error) -> Result<(), Error> {
        while self.wire.is_about_to_send() {
            if !self.take_in()? {
                return Err(self.wire.lost(error));
            }
        }
        Ok(())
    }

    fn hang_up(&mut self) {
        if let Some(stream) = self.stream.take() {
            // A child's shutdown would end its parent's connection.
            if !self.wire.is_of_another_process() {
                stream.shutdown();
            }
        }
    }

    fn is_readable(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_readable)
    }
}

fn socket(stream: &mut Option<Stream>) -> Result<&mut Stream, Error> {
    stream
        .as_mut()
        .ok_or_else(|| Error::new(Kind::Disconnected, Stage::Command, "please run connect() first"))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("wire", &self.wire).finish_non_exhaustive()
    }
}
