//! The blocking driver. Its thread waits in slices, and asks an attendant between them whether to
//! continue.

use super::connect::{Target, connect};
use super::deadline::SLICE;
use super::operation::{Operation, Until};
use super::record::TimedLine;
use super::stream::Stream;
use crate::protocol::command::{ClientName, Command};
use crate::protocol::{Error, Event, Kind, Request, Session, Stage};
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The party that asked for the conversation.
pub trait Attendant {
    /// Called at least every 100 ms while waiting. An error ends the wait and, with it, the
    /// conversation.
    fn attend(&mut self) -> Result<(), Error>;

    /// Receives a line of the conversation.
    fn hear(&mut self, line: &TimedLine);

    /// Whether lines should be reported at all.
    fn listens(&self) -> bool {
        true
    }

    /// A warning for the operator of the program, before anything has failed.
    fn warn(&mut self, _text: &str) {}

    /// Retries may have been recorded. An attendant that reports them should fetch them now.
    fn hear_news(&mut self, _news: &mut dyn FnMut() -> Vec<String>) {}
}

/// An operation, and the stream that carries its octets.
pub struct Connection {
    operation: Operation,
    /// None once the session is over, or if the stream isn't ours.
    stream: Option<Stream>,
    incoming: Vec<u8>,
    /// Another thread uses this to end a wait.
    abandoned: Arc<AtomicBool>,
    attended: Instant,
}

/// How many octets to read at a time.
const READ: usize = 64 * 1024;

impl Connection {
    /// Connects. The greeting is the first event of [`Connection::run`].
    pub fn open(
        target: &Target,
        mut operation: Operation,
        attendant: &mut dyn Attendant,
    ) -> Result<Self, Error> {
        let stream = connect(target, &mut operation, attendant)?;
        operation.connected(target.host(), stream.peer_addr(), stream.leads_elsewhere());
        operation.note_lines(attendant.listens(), |line| attendant.hear(line));
        Ok(Self { stream: Some(stream), incoming: vec![0; READ], ..Self::without_stream(operation) })
    }

    /// A conversation whose octets are moved by other code.
    pub fn without_stream(operation: Operation) -> Self {
        let (abandoned, attended) = (Arc::default(), Instant::now());
        Self { operation, stream: None, incoming: Vec::new(), abandoned, attended }
    }

    pub fn operation_mut(&mut self) -> &mut Operation {
        &mut self.operation
    }

    pub fn session(&self) -> &Session {
        self.operation.session()
    }

    pub fn session_mut(&mut self) -> &mut Session {
        self.operation.session_mut()
    }

    /// None once the session is over.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// Waking it ends a wait in another thread.
    pub fn abandoned(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.abandoned)
    }

    /// Continues with the session's request until there is an event.
    pub fn run(&mut self, attendant: &mut dyn Attendant) -> Result<Event, Error> {
        let event = self.perform(Until::Answered, |_| Ok(()), attendant)?;
        event.ok_or_else(|| Error::new(Kind::Misuse, Stage::Command, "nothing was asked of the session"))
    }

    /// Carries out what `ask` requests. A panic of ours ends the conversation, because its state
    /// is no longer known.
    pub fn perform(
        &mut self,
        until: Until,
        ask: impl FnOnce(&mut Operation) -> Result<(), Error>,
        attendant: &mut dyn Attendant,
    ) -> Result<Option<Event>, Error> {
        let performed = panic::catch_unwind(AssertUnwindSafe(|| {
            self.operation.begin(until, ask)?;
            loop {
                if !self.exchange(attendant) {
                    self.wait(SLICE, attendant);
                }
                if self.operation.is_settled() {
                    return self.conclude(attendant);
                }
            }
        }));
        performed.unwrap_or_else(|panicked| {
            self.operation.fail(Error::new(Kind::Misuse, Stage::Command, "it has panicked"));
            self.close();
            panic::resume_unwind(panicked)
        })
    }

    /// Begins a conversation with many requests in flight, for [`Connection::advance`].
    pub fn begin_serving(&mut self) -> Result<(), Error> {
        self.operation.begin(Until::Ended, |_| Ok(()))
    }

    /// Ends it, so that the session can rest or be left. Returns the error that has already ended
    /// it, if there is one.
    pub fn end_serving(&mut self) -> Result<(), Error> {
        self.operation.end_serving();
        self.operation.take_settled().map(drop)
    }

    /// One round: moves the octets that can be moved. If none could, waits until `limit`, for one
    /// slice of time at most, or until sending has made room for more. The results so far are the
    /// operation's events.
    pub fn advance(&mut self, attendant: &mut dyn Attendant, limit: Duration) -> Result<(), Error> {
        if !self.operation.has_events() && !self.exchange(attendant) {
            self.wait(limit, attendant);
        }
        if self.operation.is_settled() && !self.operation.has_events() {
            return self.conclude(attendant).map(drop);
        }
        self.tell_lines(attendant);
        Ok(())
    }

    /// Whether the session is open and the server has sent nothing since the last check, so that
    /// the session may be used again after a silence.
    pub fn is_quiet(&mut self) -> bool {
        if !self.operation.is_of_another_process() {
            // TLS has messages of its own: new tickets for later sessions.
            self.take_in();
        }
        self.stream.is_some() && self.operation.is_quiet()
    }

    /// Sends QUIT and leaves without waiting for the answer, because nothing depends on it.
    pub fn leave(&mut self) {
        let quit =
            |operation: &mut Operation| operation.session_mut().request(Request::Command(Command::Quit));
        if self.operation.begin(Until::Said, quit).is_ok() {
            let _ = self.write();
        }
        self.close();
    }

    /// The local address of the connection, as EHLO writes it (RFC 5321 4.1.3).
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
        self.stream.as_mut()?.waker()
    }

    /// Closes the connection without QUIT.
    pub fn close(&mut self) {
        self.operation.close();
        self.hang_up();
    }

    fn conclude(&mut self, attendant: &mut dyn Attendant) -> Result<Option<Event>, Error> {
        // An alert that tells the peer what was wrong with its TLS.
        let _ = self.write();
        self.tell_lines(attendant);
        self.operation.take_settled()
    }

    fn tell_lines(&mut self, attendant: &mut dyn Attendant) {
        self.operation.note_lines(attendant.listens(), |line| attendant.hear(line));
        if self.session().state().is_over() {
            self.hang_up();
        }
    }

    /// Moves octets for as long as that needs no waiting and there is no result. Returns whether
    /// there is no need to wait.
    fn exchange(&mut self, attendant: &mut dyn Attendant) -> bool {
        let mut moved = false;
        loop {
            if self.operation.is_about_to_send() {
                self.take_in();
            }
            self.operation.note_lines(attendant.listens(), |line| attendant.hear(line));
            let moves = match self.write() {
                Some(Ok(Some(sent))) => {
                    self.operation.sent(sent);
                    true
                }
                // A server may accept no more until its replies are read.
                Some(Ok(None)) => self.is_readable(),
                Some(Err(error)) => {
                    self.last_words(error);
                    true
                }
                None if self.operation.is_settled() || self.operation.has_events() => true,
                None => self.is_readable() && self.take_in(),
            };
            if self.operation.is_settled() || self.operation.has_events() {
                return true;
            }
            if !moves {
                return moved;
            }
            moved = true;
            // A sender of much data may never have to wait. The same is true of a receiver of many
            // octets that never complete a reply.
            self.operation.check_time();
            self.attend(false, attendant);
        }
    }

    /// None: there is nothing to send. Some(None): the system accepts nothing at the moment.
    fn write(&mut self) -> Option<io::Result<Option<usize>>> {
        let stream = &mut self.stream;
        self.operation.output(|octets| match stream {
            Some(stream) => stream.try_write(octets),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// Reads what is there, without waiting. Returns whether there was anything.
    fn take_in(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            self.operation.fail(Error::over(Stage::Command));
            return true;
        };
        match stream.try_read(&mut self.incoming) {
            Ok(None) => return false,
            Ok(Some(octets)) => self.operation.received(&self.incoming[..octets]),
            Err(error) => self.operation.lost(error),
        }
        true
    }

    fn wait(&mut self, limit: Duration, attendant: &mut dyn Attendant) {
        self.operation.check_time();
        let Some(left) = self.operation.left() else { return };
        if let Some(text) = self.operation.silence() {
            attendant.warn(&text);
        }
        let Some(stream) = &mut self.stream else { return self.operation.fail(Error::over(Stage::Command)) };
        if let Err(error) = stream.wait(left.min(limit).min(SLICE)) {
            self.operation.lost(error);
        }
        let is_ready = stream.is_readable() || stream.is_writable();
        self.attend(!is_ready, attendant);
    }

    /// Asks the attendant whether to continue, if it is time to.
    fn attend(&mut self, at_once: bool, attendant: &mut dyn Attendant) {
        if self.abandoned.load(Ordering::Relaxed) {
            let message = "the connection was closed by another thread";
            self.operation.fail(Error::new(Kind::Disconnected, self.operation.stage(), message));
        } else if at_once || self.attended.elapsed() >= SLICE {
            self.attended = Instant::now();
            if let Err(error) = attendant.attend() {
                self.operation.fail(error);
            }
        }
    }

    /// Writing failed. The server's last reply may say why.
    fn last_words(&mut self, error: io::Error) {
        while self.operation.is_about_to_send() {
            if !self.take_in() {
                return self.operation.lost(error);
            }
        }
    }

    fn hang_up(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            // If a child shut the socket down, that would end its parent's connection.
            if self.operation.is_of_another_process() {
                return;
            }
            if let Some(octets) = self.operation.end_tls() {
                let _ = stream.try_write(octets);
            }
            stream.shutdown();
        }
    }

    fn is_readable(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_readable)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("operation", &self.operation).finish_non_exhaustive()
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

    /// A server that has sent its greeting, and a connection to it.
    fn greeted() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Target::Tcp { host: "127.0.0.1".to_owned(), port, source: None };
        let patience = Patience { stage: Some(SLICE * 200), operation: None };
        let operation = Operation::new(Options::default(), None, patience);
        let connection = Connection::open(&target, operation, &mut Idle).unwrap();
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
        let (sender, recipient) = ("a@example.org".parse().unwrap(), "b@example.org".parse().unwrap());
        let body = Body::new(*b"Subject: x\r\n\r\n");
        Request::Transaction(Transaction::new(sender, [recipient], body))
    }

    #[test]
    fn what_was_sent_makes_room_for_more_before_anything_is_waited_for() {
        let (mut server, mut connection) = greeted();
        connection.run(&mut Idle).unwrap();
        let silent = std::thread::spawn(move || {
            let _ = server.read(&mut [0; 100]).unwrap();
            server.write_all(b"250-server\r\n250-PIPELINING\r\n250 CHUNKING\r\n").unwrap();
            // Nothing follows a session's first chunk before the server has accepted it.
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
        connection.begin_serving().unwrap();
        connection.session_mut().request(transaction()).unwrap();
        // The attendant must not be due because of the time alone.
        connection.attended = Instant::now() + SLICE * 10_000;
        connection.advance(&mut Impatient, SLICE).unwrap();
        assert!(!connection.operation.has_events());
        assert!(connection.session_mut().takes_transaction());
        // Now the driver can only wait.
        connection.attended = Instant::now();
        assert_eq!(connection.advance(&mut Impatient, SLICE).unwrap_err().kind, Kind::Interrupted);
    }
}
