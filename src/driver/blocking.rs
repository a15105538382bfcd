//! The blocking driver: one thread waits, in slices, with an attendant to ask
//! whether to go on.

use super::connect::{Target, connect};
use super::deadline::SLICE;
use super::record::TimedLine;
use super::stream::Stream;
use super::wire::Wire;
use crate::protocol::command::{ClientName, Command};
use crate::protocol::{Error, Event, Kind, Request, Session, Stage};
use crate::tls::Move;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Who has asked for the conversation.
pub trait Attendant {
    /// Called at least every 100 ms while waiting: an error ends the wait and,
    /// with it, the conversation.
    fn attend(&mut self) -> Result<(), Error>;

    /// A line has been said.
    fn hear(&mut self, line: &TimedLine);

    /// A warning for the operator of the program, before anything has failed.
    fn warn(&mut self, _text: &str) {}

    /// There may be news of what is tried again: asks for them if it is to hear them.
    fn hear_news(&mut self, _news: &mut dyn FnMut() -> Vec<String>) {}
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
        let stream = connect(target, &mut wire, attendant)?;
        wire.connected(target.host(), stream.peer_addr(), stream.leads_elsewhere());
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

    pub fn session(&self) -> &Session {
        self.wire.session()
    }

    pub fn session_mut(&mut self) -> &mut Session {
        self.wire.session_mut()
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

    /// Starts the clock for [`Connection::advance`].
    pub fn begin(&mut self) -> Result<(), Error> {
        self.wire.begin()
    }

    /// One round of a conversation that has many requests in flight: takes in what
    /// has come, sends what can be sent, and waits (`limit` and a slice of time at most)
    /// where neither was possible: what was sent has made room for more. None: nothing
    /// has come of it yet.
    pub fn advance(
        &mut self,
        attendant: &mut dyn Attendant,
        limit: Duration,
    ) -> Result<Option<Event>, Error> {
        let round = self.round(attendant, limit);
        self.wire.note_lines(|line| attendant.hear(line));
        let settled = round.map_err(|error| {
            let error = self.wire.session_mut().fail(error);
            self.say_goodbye();
            error
        });
        if self.session().state().is_over() {
            self.hang_up();
        }
        settled
    }

    fn round(&mut self, attendant: &mut dyn Attendant, limit: Duration) -> Result<Option<Event>, Error> {
        let mut got_on = false;
        loop {
            if self.wire.is_about_to_send() || self.is_readable() {
                got_on |= self.take_in()?;
            }
            match self.wire.next_move()? {
                Move::Send(octets) => match socket(&mut self.stream)?.try_write(octets) {
                    Ok(Some(sent)) => {
                        self.wire.sent(sent);
                        got_on = true;
                    }
                    Ok(None) if self.is_readable() => {}
                    Ok(None) if got_on => return Ok(None),
                    Ok(None) => return self.wait(Stage::MailData, limit, attendant).map(|()| None),
                    Err(error) => self.last_words(&error)?,
                },
                Move::Receive(stage) => {
                    if self.is_readable() {
                        continue;
                    }
                    if !got_on {
                        self.wait(stage, limit, attendant)?;
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
        if self.wire.is_of_another_process() || !self.is_resting() {
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
                self.wire.received(&self.incoming[..octets]).is_ok() && self.is_resting()
            }
            _ => false,
        }
    }

    fn is_resting(&self) -> bool {
        self.session().is_idle() && !self.session().state().is_over()
    }

    /// Says QUIT and leaves without waiting for the answer: nothing hangs on it.
    pub fn leave(&mut self) {
        if !self.wire.is_of_another_process()
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
        self.wire.close();
        self.hang_up();
    }

    /// A panic of ours ends the conversation: its state is no longer known.
    fn go_on_and_settle(
        &mut self,
        attendant: &mut dyn Attendant,
        only_send: bool,
    ) -> Result<Option<Event>, Error> {
        let settled = panic::catch_unwind(AssertUnwindSafe(|| self.settle(attendant, only_send)));
        settled.unwrap_or_else(|panicked| {
            self.wire.session_mut().fail(Error::new(Kind::Misuse, Stage::Command, "it has panicked"));
            self.close();
            panic::resume_unwind(panicked)
        })
    }

    fn settle(&mut self, attendant: &mut dyn Attendant, only_send: bool) -> Result<Option<Event>, Error> {
        self.wire.begin()?;
        let settled = self.go_on(attendant, only_send).or_else(|error| {
            let settled = self.wire.settle(error);
            self.say_goodbye();
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
                    Ok(Some(sent)) => {
                        self.wire.sent(sent);
                        // Who sends a lot may never have to wait.
                        self.wire.left(Stage::MailData)?;
                        self.attend(Stage::MailData, false, attendant)?;
                    }
                    // A server may take no more until its replies are read.
                    Ok(None) if self.is_readable() => {}
                    Ok(None) => self.wait(Stage::MailData, SLICE, attendant)?,
                    Err(error) => self.last_words(&error)?,
                },
                Move::Receive(_) if only_send => return Ok(None),
                Move::Receive(stage) => {
                    match self.is_readable() && self.take_in()? {
                        // Who hears a lot, and never a whole reply, neither.
                        true => {
                            self.wire.left(stage)?;
                            self.attend(stage, false, attendant)?;
                        }
                        false => self.wait(stage, SLICE, attendant)?,
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

    fn wait(&mut self, stage: Stage, limit: Duration, attendant: &mut dyn Attendant) -> Result<(), Error> {
        let slice = self.wire.left(stage)?.min(limit).min(SLICE);
        if let Some(text) = self.wire.silence(stage) {
            attendant.warn(&text);
        }
        socket(&mut self.stream)?.wait(slice).map_err(|error| self.wire.lost(&error))?;
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
    fn last_words(&mut self, error: &io::Error) -> Result<(), Error> {
        while self.wire.is_about_to_send() {
            if !self.take_in()? {
                return Err(self.wire.lost(error));
            }
        }
        Ok(())
    }

    /// Lets an alert out that tells the peer what was wrong with its TLS, or a QUIT.
    fn say_goodbye(&mut self) {
        if let (Some(octets), Some(stream)) = (self.wire.last_octets(), &mut self.stream) {
            let _ = stream.try_write(octets);
        }
    }

    fn hang_up(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            if let Some(octets) = self.wire.end_tls() {
                let _ = stream.try_write(octets);
            }
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
    stream.as_mut().ok_or_else(|| Error::over(Stage::Command))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("wire", &self.wire).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Patience;
    use crate::protocol::transaction::Transaction;
    use crate::protocol::{Body, Options};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    struct Idle;

    impl Attendant for Idle {
        fn attend(&mut self) -> Result<(), Error> {
            Ok(())
        }

        fn hear(&mut self, _: &TimedLine) {}
    }

    struct Panics;

    impl Attendant for Panics {
        fn attend(&mut self) -> Result<(), Error> {
            Ok(())
        }

        fn hear(&mut self, _: &TimedLine) {
            panic!("as this test wants it");
        }
    }

    /// A server that has said its greeting, and a connection to it.
    fn greeted() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Target::Tcp { host: "127.0.0.1".to_owned(), port, source: None };
        let patience = Patience { stage: Some(SLICE * 200), operation: None };
        let wire = Wire::new(Options::default(), None, patience);
        let connection = Connection::open(&target, wire, &mut Idle).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"220 hello\r\n").unwrap();
        (server, connection)
    }

    #[test]
    fn a_panic_ends_the_conversation() {
        let (mut server, mut connection) = greeted();
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| connection.run(&mut Panics)));
        assert!(panicked.is_err() && connection.stream().is_none());
        assert!(connection.session().state().is_over());
        let asked = connection.session_mut().request(Request::Command(Command::Rset));
        assert_eq!(asked.unwrap_err().kind, Kind::Disconnected);
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
    }

    /// Fails when it is asked, which happens only during a wait.
    struct Impatient;

    impl Attendant for Impatient {
        fn attend(&mut self) -> Result<(), Error> {
            Err(Error::new(Kind::Interrupted, Stage::Command, "it waits"))
        }

        fn hear(&mut self, _: &TimedLine) {}
    }

    fn transaction() -> Request {
        Request::Transaction(Transaction {
            reverse_path: "a@example.org".parse().unwrap(),
            mail_parameters: Vec::new(),
            recipients: vec!["b@example.org".parse().unwrap()],
            rcpt_parameters: Vec::new(),
            body: Body::new(*b"Subject: x\r\n\r\n"),
            cautious: false,
        })
    }

    #[test]
    fn what_was_sent_makes_room_for_more_before_anything_is_waited_for() {
        let (mut server, mut connection) = greeted();
        connection.run(&mut Idle).unwrap();
        let silent = std::thread::spawn(move || {
            let _ = server.read(&mut [0; 100]).unwrap();
            server.write_all(b"250-server\r\n250-PIPELINING\r\n250 CHUNKING\r\n").unwrap();
            // Behind a session's first chunk nothing goes out before it was taken.
            let mut heard = Vec::new();
            while !heard.ends_with(b"Subject: x\r\n\r\n") {
                let mut octets = [0; 1000];
                let count = server.read(&mut octets).unwrap();
                heard.extend_from_slice(&octets[..count]);
            }
            server.write_all(b"250 sender\r\n250 recipient\r\n250 taken\r\n").unwrap();
            server
        });
        let hello = Request::Hello("[127.0.0.1]".parse().unwrap());
        connection.session_mut().request(hello).unwrap();
        connection.run(&mut Idle).unwrap();
        connection.session_mut().request(transaction()).unwrap();
        connection.run(&mut Idle).unwrap();
        let _server = silent.join().unwrap();
        connection.begin().unwrap();
        connection.session_mut().request(transaction()).unwrap();
        assert!(connection.advance(&mut Impatient, SLICE).unwrap().is_none());
        assert!(connection.session_mut().takes_transaction());
        // Now there is nothing to do but wait.
        assert_eq!(connection.advance(&mut Impatient, SLICE).unwrap_err().kind, Kind::Interrupted);
    }
}
