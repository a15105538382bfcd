//! The server's side of SMTP (RFC 5321) and LMTP (RFC 2033) without I/O.
//!
//! Octets go in by [`Session::receive`], which returns how many it has taken.
//! Three things come out, and whoever moves the octets takes them in this
//! order: messages that were accepted ([`Session::received`], first, so that
//! nobody hears a 250 for a message that can't be seen yet), octets for the
//! client ([`Session::output`]), and [`Effect`]s: things which only the mover
//! can do, such as a handshake, a pause, or an end. While an effect is pending
//! the session takes no input. So a client's commands, however many came in
//! one read, are answered in one write, and a fault stops the line where it
//! stands.
//!
//! What the session does at a moment is its [`Phase`]; what the client has
//! achieved so far is in `client` (greeted, secured, authenticated) and in
//! `transaction`. Each reply goes through [`answer`], where faults strike.

mod answer;
mod body;
mod hello;
mod login;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use super::auth::Exchange;
use super::conversation::{Conversation, Side};
use super::fault::{BadCertificate, Disconnect, FaultPlan, Stage};
use super::settings::{Settings, TlsMode};
use super::store::{Client, Received, Snapshot, TlsFacts};
use answer::Answer;
use body::Chunk;
use transaction::Transaction;

/// The longest command line, with room for parameters (RFC 5321 section
/// 4.5.3.1.4 asks for 512, extensions add to it).
const LONGEST_LINE: usize = 2048;
/// The longest line of an AUTH exchange (RFC 4954 section 4).
const LONGEST_AUTH_LINE: usize = 12288 + 32;
/// After so many commands that made no sense we hang up.
const PATIENCE: u32 = 100;

/// What a connection too many is told before it is closed.
pub const TOO_MANY: &[u8] = b"421 4.3.2 Too many connections\r\n";

/// Something that only the mover of octets can do.
#[derive(Debug)]
pub enum Effect {
    /// Wait before anything else happens.
    Wait(Duration),
    /// Send these octets.
    Send(Vec<u8>),
    /// Send these octets one by one, with a pause between them.
    Drip(Vec<u8>, Duration),
    /// Send these octets again and again, until the client leaves.
    Endless(Vec<u8>),
    /// Do nothing until the client leaves.
    Stall,
    /// Drop what came in plaintext, shake hands, and tell [`Session::secured`].
    UpgradeTls(Option<BadCertificate>),
    /// End the connection.
    Close(Disconnect),
}

/// What the next octets from the client are.
#[derive(Debug)]
enum Phase {
    /// Nothing is due yet: the handshake comes first.
    Handshake,
    Command,
    /// A line that the mechanism has asked for.
    Auth(Exchange),
    /// The rest of a line that is already too long.
    Overlong,
    /// After 354.
    Data,
    /// The octets that BDAT has announced.
    Chunk(Chunk),
    Closed,
}

/// One connection's state.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    faults: Arc<FaultPlan>,
    ids: Arc<AtomicU64>,
    started: SystemTime,
    now: Duration,
    phase: Phase,
    greeted: bool,
    /// The greeting was a refusal: only QUIT is left (RFC 5321 section 3.1).
    unwelcome: bool,
    client: Arc<Client>,
    transaction: Option<Transaction>,
    messages: u64,
    nonsense: u32,
    /// An AUTH exchange has just failed: the next line may hold a secret that
    /// was meant for it.
    after_auth: bool,
    conversation: Conversation,
    received: Vec<Received>,
    output: Vec<u8>,
    effects: VecDeque<Effect>,
}

impl Session {
    /// A connection that has just been opened. `ids` numbers the messages of
    /// all connections.
    pub fn new(settings: Arc<Settings>, faults: Arc<FaultPlan>, ids: Arc<AtomicU64>, peer: String) -> Self {
        let mut session = Session {
            settings,
            faults,
            ids,
            started: SystemTime::now(),
            now: Duration::ZERO,
            phase: Phase::Command,
            greeted: false,
            unwelcome: false,
            client: Arc::new(Client { peer, ..Client::default() }),
            transaction: None,
            messages: 0,
            nonsense: 0,
            after_auth: false,
            conversation: Conversation::default(),
            received: Vec::new(),
            output: Vec::new(),
            effects: VecDeque::new(),
        };
        if session.settings.tls == TlsMode::Implicit {
            session.begin_tls();
        } else {
            session.greet();
        }
        session
    }

    /// Takes octets from the client; `now` is the time since the connection
    /// was opened. Returns how many were taken. The rest is an incomplete line,
    /// or has to wait for the effects.
    pub fn receive(&mut self, input: &[u8], now: Duration) -> usize {
        self.now = now;
        let mut taken = 0;
        while self.effects.is_empty() && taken < input.len() {
            let rest = &input[taken..];
            let step = match std::mem::replace(&mut self.phase, Phase::Command) {
                Phase::Command => self.line(None, rest),
                Phase::Auth(exchange) => self.line(Some(exchange), rest),
                Phase::Chunk(chunk) => self.chunk(chunk, rest),
                Phase::Data => {
                    self.phase = Phase::Data;
                    self.mail_data(rest)
                }
                Phase::Overlong => self.overlong(rest),
                Phase::Handshake => {
                    self.phase = Phase::Handshake;
                    0
                }
                Phase::Closed => {
                    self.phase = Phase::Closed;
                    rest.len()
                }
            };
            if step == 0 {
                break;
            }
            taken += step;
        }
        taken
    }

    /// The handshake is done: all that was learnt before it is forgotten (RFC
    /// 3207 section 4.2).
    pub fn secured(&mut self, facts: TlsFacts, now: Duration) {
        self.now = now;
        let event = format!("{} with {}", facts.version, facts.cipher);
        self.note(&event);
        self.client =
            Arc::new(Client { peer: self.client.peer.clone(), tls: Some(facts), ..Client::default() });
        self.transaction = None;
        self.phase = Phase::Command;
        if !self.greeted {
            self.greet();
        }
    }

    /// The client has been silent for too long.
    pub fn expire(&mut self) {
        self.put(&Answer::new(421, "4.4.2", "Idle for too long"));
        self.close(Disconnect::Fin);
    }

    /// Something happened to the connection that nobody said.
    pub fn note(&mut self, event: &str) {
        let now = self.now;
        self.conversation.current().push(Side::Event, now, event.as_bytes());
    }

    /// Messages accepted since the last look; the caller empties it.
    pub fn received(&mut self) -> &mut Vec<Received> {
        &mut self.received
    }

    /// Octets for the client; the caller empties it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The next thing to do, after the output has been sent.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether the connection's end is due as soon as the output is sent.
    pub fn is_ending(&self) -> bool {
        matches!(self.effects.front(), Some(Effect::Close(_)))
    }

    /// How things stand, for those who look on.
    pub fn snapshot(&self, closed: bool) -> Snapshot {
        Snapshot { client: Arc::clone(&self.client), conversation: self.conversation.clone(), closed }
    }

    /// One line: a command, or what an exchange has asked for. Returns 0 if it
    /// isn't whole.
    fn line(&mut self, exchange: Option<Exchange>, rest: &[u8]) -> usize {
        let secret = exchange.is_some() || starts_auth(rest);
        let longest = if secret { LONGEST_AUTH_LINE } else { LONGEST_LINE };
        let Some(end) = memchr::memchr(b'\n', rest) else {
            if rest.len() > longest {
                self.phase = Phase::Overlong;
                return rest.len();
            }
            if let Some(exchange) = exchange {
                self.phase = Phase::Auth(exchange);
            }
            return 0;
        };
        if end >= longest {
            return self.overlong(rest);
        }
        match rest[..end].strip_suffix(b"\r") {
            None => {
                // RFC 5321 section 2.3.8: a bare LF doesn't end a line.
                self.record(b"<a line without CR>");
                self.nonsense(&Answer::new(500, "5.5.2", "Lines must end with CR LF"));
            }
            Some(line) => match exchange {
                Some(exchange) => self.auth_response(exchange, line),
                None => self.command(line, rest.len() > end + 1),
            },
        }
        end + 1
    }

    /// The rest of a line that is too long: nothing of it is kept.
    fn overlong(&mut self, rest: &[u8]) -> usize {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.phase = Phase::Overlong;
            return rest.len();
        };
        self.record(b"<a line that is too long>");
        self.nonsense(&Answer::new(500, "5.5.2", "Line too long"));
        end + 1
    }

    fn command(&mut self, line: &[u8], pipelined: bool) {
        let (verb, argument) = split(line);
        let stage = stage_of(verb);
        if stage == Stage::Mail && self.transaction.is_none() {
            self.conversation.cut();
        }
        self.record_command(stage, line, argument);
        self.after_auth &= stage == Stage::Unknown;
        if memchr::memchr2(b'\r', 0, line).is_some() {
            return self.nonsense(&Answer::new(501, "5.5.2", "A bare CR or NUL in a line"));
        }
        if self.unwelcome && stage != Stage::Quit {
            return self.refuse(stage, 503, "5.5.1", "Not welcome here");
        }
        if pipelined && self.minds_pipelining(stage) {
            return self.nonsense_end("Sent before the last reply, but PIPELINING isn't offered");
        }
        match stage {
            Stage::Ehlo | Stage::Helo | Stage::Lhlo => self.hello(stage, argument),
            Stage::StartTls => self.start_tls(argument, pipelined),
            Stage::Auth => self.auth(argument),
            Stage::Mail => self.mail(argument),
            Stage::Rcpt => self.rcpt(argument),
            Stage::Data => self.data(argument),
            Stage::Bdat => self.bdat(argument),
            Stage::Rset => self.rset(argument),
            Stage::Noop => {
                self.answer(stage, None, &Answer::new(250, "2.0.0", "Ok"));
            }
            Stage::Vrfy => self.vrfy(argument),
            Stage::Expn => self.refuse(stage, 550, "5.1.1", "No mailing lists here"),
            Stage::Help => self.help(),
            Stage::Quit => self.quit(argument),
            _ => self.nonsense(&Answer::new(500, "5.5.2", "No such command")),
        }
    }

    /// Without PIPELINING, one command at a time; BDAT brings its chunk along,
    /// and STARTTLS has a rule of its own.
    fn minds_pipelining(&self, stage: Stage) -> bool {
        !self.settings.offers(super::Offer::Pipelining) && !matches!(stage, Stage::Bdat | Stage::StartTls)
    }

    fn rset(&mut self, argument: &[u8]) {
        if !argument.is_empty() {
            return self.refuse(Stage::Rset, 501, "5.5.4", "RSET takes no argument");
        }
        if self.answer(Stage::Rset, None, &Answer::new(250, "2.0.0", "Ok")) {
            self.transaction = None;
        }
    }

    fn vrfy(&mut self, argument: &[u8]) {
        if argument.is_empty() {
            return self.refuse(Stage::Vrfy, 501, "5.5.4", "VRFY whom?");
        }
        // RFC 5321 section 3.5.3: we verify nothing, and take everything.
        let answer = Answer::new(252, "2.1.5", "Can't verify, but will take mail");
        self.answer(Stage::Vrfy, None, &answer);
    }

    fn quit(&mut self, argument: &[u8]) {
        if !argument.is_empty() {
            return self.refuse(Stage::Quit, 501, "5.5.4", "QUIT takes no argument");
        }
        if self.answer(Stage::Quit, None, &Answer::new(221, "2.0.0", "Bye")) {
            self.close(Disconnect::Fin);
        }
    }

    /// Records what the client said, secrets masked.
    fn record_command(&mut self, stage: Stage, line: &[u8], argument: &[u8]) {
        if stage == Stage::Auth {
            let (mechanism, secret) = split(argument);
            let mut masked = [b"AUTH ", mechanism].concat();
            if !secret.is_empty() {
                masked.extend_from_slice(b" ****");
            }
            self.record(&masked);
        } else if stage == Stage::Unknown && self.after_auth {
            self.record(b"****");
        } else {
            self.record(line);
        }
    }

    fn record(&mut self, line: &[u8]) {
        let now = self.now;
        self.conversation.current().push(Side::Client, now, line);
    }
}

fn starts_auth(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH"))
}

/// The first word, and the rest without spaces around it.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => (&line[..space], line[space + 1..].trim_ascii()),
        None => (line, &[]),
    }
}

fn stage_of(verb: &[u8]) -> Stage {
    let mut capitals = [0; 8];
    let Some(capitals) = capitals.get_mut(..verb.len()) else {
        return Stage::Unknown;
    };
    capitals.copy_from_slice(verb);
    capitals.make_ascii_uppercase();
    match &*capitals {
        b"MAIL" => Stage::Mail,
        b"RCPT" => Stage::Rcpt,
        b"BDAT" => Stage::Bdat,
        b"DATA" => Stage::Data,
        b"EHLO" => Stage::Ehlo,
        b"HELO" => Stage::Helo,
        b"LHLO" => Stage::Lhlo,
        b"STARTTLS" => Stage::StartTls,
        b"AUTH" => Stage::Auth,
        b"RSET" => Stage::Rset,
        b"NOOP" => Stage::Noop,
        b"VRFY" => Stage::Vrfy,
        b"EXPN" => Stage::Expn,
        b"HELP" => Stage::Help,
        b"QUIT" => Stage::Quit,
        _ => Stage::Unknown,
    }
}
