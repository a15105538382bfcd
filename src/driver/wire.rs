//! A conversation with its clock and its record: all of a driver but the socket.
//! The owner of the socket moves the octets.

use super::blocking::Attendant;
use super::deadline::{Deadline, Patience};
use super::proxy::{Tunnel, blame};
use super::record::TimedLine;
use super::view::View;
use crate::protocol::error::{Advice, system_words};
use crate::protocol::opening::Plan;
use crate::protocol::{Error, Event, Kind, Options, Session, Stage};
use crate::tls::{Conversation, MakeLayer, Move, Passage, RecordLayer, TlsFacts};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub struct Wire {
    conversation: Conversation,
    view: Arc<View>,
    pub patience: Patience,
    deadline: Deadline,
    /// The greeting comes without TLS.
    greets_plainly: bool,
    /// The server's port; None on a Unix socket.
    port: Option<u16>,
    /// The likely reason of the server's silence has been told.
    silence_told: bool,
}

/// Implicit TLS (RFC 8314 3.3).
const SUBMISSIONS: u16 = 465;

/// A server that speaks without TLS on the port of implicit TLS would have greeted by then. On
/// another port it may take its time (RFC 5321 4.5.3.2.1), and the likely reason is told.
const SILENCE: Duration = Duration::from_secs(5);

impl Wire {
    /// The clock starts with the first operation: connecting.
    pub fn new(options: Options, layer: Option<Box<dyn RecordLayer>>, patience: Patience) -> Self {
        let greets_plainly = layer.is_none() && !options.implicit_tls;
        Self {
            greets_plainly,
            conversation: Conversation::new(options, layer),
            view: Arc::new(View::new()),
            patience,
            deadline: Deadline::start(patience),
            port: None,
            silence_told: false,
        }
    }

    /// The connection to `host` stands; without a peer's address it is a Unix socket, or
    /// something else that has none. `elsewhere`: what the peer hears may leave this machine
    /// all the same.
    pub fn connected(&mut self, host: &str, peer: Option<SocketAddr>, elsewhere: bool) {
        let is_tunnelled = self.conversation.is_tunnelled();
        self.port = peer.filter(|_| !is_tunnelled).map(|address| address.port());
        let session = self.conversation.session_mut();
        session.note(match peer {
            Some(address) => format!("connected to {address}"),
            None => format!("connected to {host}"),
        });
        // What stays on this machine can't be read on the way.
        if !elsewhere && !is_tunnelled && peer.is_none_or(|address| address.ip().to_canonical().is_loopback())
        {
            session.stays_on_this_machine();
        }
    }

    /// The conversation goes through this tunnel, which is to be made first.
    pub fn tunnel(&mut self, tunnel: Tunnel) {
        self.conversation.go_through(Box::new(tunnel));
    }

    /// An error of connecting, which may have been to a proxy.
    pub fn not_connected(&self, error: Error) -> Error {
        if self.conversation.is_tunnelled() { blame(error) } else { error }
    }

    /// What happens before the session begins: the look-up, the connecting.
    pub fn note(&mut self, text: String, attendant: &mut dyn Attendant) {
        self.session_mut().note(text);
        self.note_lines(|line| attendant.hear(line));
    }

    /// Another operation begins: its clock starts.
    pub fn begin(&mut self) -> Result<(), Error> {
        if self.is_of_another_process() {
            let message = "this session belongs to the parent process: connect anew after a fork";
            return Err(Error::new(Kind::Misuse, Stage::Command, message));
        }
        self.deadline = Deadline::start(self.patience);
        Ok(())
    }

    pub fn session(&self) -> &Session {
        self.conversation.session()
    }

    /// To make requests; the driver carries them out.
    pub fn session_mut(&mut self) -> &mut Session {
        self.conversation.session_mut()
    }

    pub fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        self.conversation.start_tls(layer)
    }

    /// Opens the session by this plan: ends with [`Event::Opened`].
    pub fn open(&mut self, plan: Plan, make_layer: MakeLayer) {
        self.conversation.open(plan, make_layer);
    }

    pub fn tls(&self) -> Option<&TlsFacts> {
        self.conversation.tls()
    }

    /// What others may see of it while it is under way.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    fn show(&self) {
        self.view.show(self.session().state(), self.conversation.tls());
    }

    /// Takes the lines that were said since, and tells of each.
    pub fn note_lines(&mut self, mut hear: impl FnMut(&TimedLine)) {
        while let Some(line) = self.conversation.session_mut().next_line() {
            hear(&self.view.push(line));
        }
        self.show();
    }

    /// Whether the next move sends something. What has come is taken in before
    /// that: nothing is said on top of an unread reply.
    pub fn is_about_to_send(&mut self) -> bool {
        self.conversation.is_about_to_send()
    }

    pub fn next_move(&mut self) -> Result<Move<'_>, Error> {
        self.conversation.next_move()
    }

    /// So many octets of the last [`Move::Send`] are with the operating system.
    pub fn sent(&mut self, octets: usize) {
        let before = self.conversation.progress();
        self.conversation.sent(octets);
        if self.conversation.progress() != before {
            self.deadline.progress();
        }
    }

    /// Octets have come; none at all is the end of them.
    pub fn received(&mut self, octets: &[u8]) -> Result<(), Error> {
        let before = self.conversation.progress();
        let result = match octets {
            [] => self.conversation.received_eof(),
            octets => self.conversation.received(octets),
        };
        // A drip of octets is no progress, a whole reply is.
        if self.conversation.progress() != before {
            self.deadline.progress();
        }
        self.show();
        result
    }

    /// What is left for this stage, or the error that time is up.
    pub fn left(&self, stage: Stage) -> Result<Duration, Error> {
        let Some(port) = self.port.filter(|_| stage == Stage::Greeting && self.greets_plainly) else {
            return self.deadline.left(stage);
        };
        // Each side waits for the other's first octet: a client of TLS speaks first.
        let most = if port == SUBMISSIONS { SILENCE } else { Duration::MAX };
        self.deadline.left_within(stage, most).map_err(|error| {
            let kind = if port == SUBMISSIONS { Kind::Silent } else { error.kind };
            let likely = match port {
                SUBMISSIONS => "port 465 is for TLS from the first octet",
                _ => "a server that waits for TLS is silent, too",
            };
            let message = format!("{}: {likely}", error.message);
            Error { kind, message, ..error }.with_advice(Advice::BeginWithTls)
        })
    }

    /// Whether a greeting is waited for that comes without TLS, and on a port where it may take
    /// its time.
    fn may_be_silent(&self, stage: Stage) -> bool {
        stage == Stage::Greeting && self.greets_plainly && self.port.is_some_and(|port| port != SUBMISSIONS)
    }

    /// After a few seconds without a greeting: why there may be none. It is a line of the
    /// transcript as well, and told once.
    pub fn silence(&mut self, stage: Stage) -> Option<String> {
        if self.silence_told || !self.may_be_silent(stage) || self.deadline.waited() < SILENCE {
            return None;
        }
        self.silence_told = true;
        let port = self.port.unwrap_or_default();
        let seconds = SILENCE.as_secs();
        let text = format!(
            "no greeting on port {port} for {seconds} s: the server is slow, or it waits for TLS from the \
             first octet"
        );
        self.session_mut().note(text.clone());
        Some(text)
    }

    /// How long a greeting may still be waited for before its silence is told.
    pub fn until_silence(&self, stage: Stage) -> Option<Duration> {
        let waits = !self.silence_told && self.may_be_silent(stage);
        waits.then(|| SILENCE.saturating_sub(self.deadline.waited()))
    }

    pub fn deadline(&mut self) -> &mut Deadline {
        &mut self.deadline
    }

    /// The network's error as one of the conversation.
    pub fn lost(&self, error: &io::Error) -> Error {
        let message = format!("Connection unexpectedly closed: {}", system_words(error));
        Error {
            os_error: error.raw_os_error(),
            ..Error::new(Kind::Disconnected, self.conversation.stage(), message)
        }
    }

    /// Whatever goes wrong, the session hears of it and stays broken. What was
    /// decided before that is the answer, but not for a caller who has left.
    pub fn settle(&mut self, error: Error) -> Result<Event, Error> {
        let error = self.conversation.session_mut().fail(error);
        let decided = self.conversation.decided(&error);
        self.show();
        match (decided, error.kind) {
            (Some(event), kind) if kind != Kind::Interrupted => Ok(event),
            _ => Err(error),
        }
    }

    /// What is left to send: after an error, the alert that tells the peer what was wrong
    /// with its TLS. Takes no event from the queue.
    pub fn last_octets(&mut self) -> Option<&[u8]> {
        self.conversation.unsent()
    }

    /// What ends TLS, before the connection is closed.
    pub fn end_tls(&mut self) -> Option<&[u8]> {
        if self.is_of_another_process() {
            return None;
        }
        self.conversation.end_tls()
    }

    /// Ends the session without a word.
    pub fn close(&mut self) {
        self.conversation.session_mut().close(Error::over(Stage::Command));
        self.show();
    }

    /// Whether this is a forked child's copy of its parent's connection.
    pub fn is_of_another_process(&self) -> bool {
        self.view.is_of_another_process()
    }
}

impl Passage for Tunnel {
    fn pending(&self) -> &[u8] {
        Self::pending(self)
    }

    fn sent(&mut self, octets: usize) {
        Self::sent(self, octets);
    }

    fn received(&mut self, octets: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Self::received(self, octets)
    }

    fn received_eof(&self) -> Error {
        Self::received_eof(self)
    }

    fn name(&self) -> String {
        Self::name(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaiting_greeting(port: u16) -> Wire {
        let mut wire = Wire::new(Options::default(), None, Patience::default());
        wire.connected("mail.example.org", Some(SocketAddr::from(([192, 0, 2, 1], port))), false);
        wire
    }

    #[test]
    fn silence_on_the_port_of_implicit_tls_is_not_waited_out() {
        assert!(awaiting_greeting(465).left(Stage::Greeting).unwrap() <= SILENCE);
        assert!(awaiting_greeting(465).left(Stage::Mail).unwrap() > SILENCE);
        assert!(awaiting_greeting(587).left(Stage::Greeting).unwrap() > SILENCE);
    }

    #[test]
    fn on_another_port_silence_is_told_once_and_waited_out() {
        let mut wire = awaiting_greeting(587);
        assert!(wire.until_silence(Stage::Greeting).unwrap() <= SILENCE);
        assert_eq!(wire.silence(Stage::Greeting), None);
        wire.deadline.backdate(SILENCE);
        assert_eq!(wire.silence(Stage::Mail), None);
        assert!(wire.silence(Stage::Greeting).unwrap().contains("waits for TLS"));
        assert_eq!(wire.silence(Stage::Greeting), None);
        assert_eq!(wire.until_silence(Stage::Greeting), None);
        assert!(wire.left(Stage::Greeting).unwrap() > SILENCE);
        assert_eq!(awaiting_greeting(465).until_silence(Stage::Greeting), None);
    }

    #[test]
    fn a_timeout_tells_the_likely_reason() {
        let patience = Patience { stage: Some(Duration::ZERO), operation: None };
        for (port, kind, words) in
            [(465, Kind::Silent, "port 465 is for TLS"), (25, Kind::Timeout, "waits for TLS is silent, too")]
        {
            let mut wire = awaiting_greeting(port);
            wire.deadline = Deadline::start(patience);
            let error = wire.left(Stage::Greeting).unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(error.message.contains(words), "{error}");
        }
        assert!(!Error::new(Kind::Silent, Stage::Greeting, "").is_transient());
    }
}
