//! The server's side of SMTP (RFC 5321) and LMTP (RFC 2033) without I/O.
//!
//! [`Session::receive`] takes octets and returns how many it has processed. Three things come out,
//! and the driver takes them in this order: accepted messages ([`Session::received`], first, so
//! that a client never gets a 250 for a message that can't be seen yet), octets for the client
//! ([`Session::output`]), and [`Effect`]s. An effect is something that only the driver can do,
//! such as a handshake, a pause, or closing the connection. While an effect is pending, the
//! session takes no input. So all commands that came in one read are answered in one write, and a
//! fault stops the conversation at the right place.
//!
//! The session's present activity is its [`Phase`]. What the client has achieved so far is in
//! `client` (greeted, secured, authenticated) and in `transaction`. Each reply goes through
//! [`answer`], where faults take effect.

mod answer;
mod body;
mod command;
mod hello;
mod login;
#[cfg(test)]
mod tests;
mod transaction;
mod xclient;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use super::auth::{Exchange, Secured};
use super::conversation::{Conversation, Side};
use super::fault::{BadCertificate, Disconnect, FaultPlan};
use super::settings::{Settings, TlsMode};
use super::store::{Client, Received, Snapshot, TlsFacts};
use answer::Answer;
use body::Chunk;
use transaction::Transaction;

/// The number of meaningless commands after which the server hangs up.
const PATIENCE: u32 = 100;

/// The reply to a connection above the limit, before it is closed.
pub const TOO_MANY: &[u8] = b"421 4.3.2 Too many connections\r\n";

/// Something that only the driver can do.
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
    /// Nothing can be read yet, because the handshake comes first.
    Handshake,
    Command,
    /// A line that the mechanism has asked for.
    Auth(Exchange),
    /// The rest of a line that is already too long.
    Overlong,
    /// Mail data after 354.
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
    /// The greeting was a refusal, so only QUIT is allowed (RFC 5321 section 3.1).
    unwelcome: bool,
    client: Arc<Client>,
    /// What TLS contributes to a login.
    secured: Secured,
    transaction: Option<Transaction>,
    messages: u64,
    nonsense: u32,
    /// An AUTH exchange has just failed, so the next line may hold a secret that was meant for it.
    after_auth: bool,
    conversation: Conversation,
    received: Vec<Received>,
    output: Vec<u8>,
    effects: VecDeque<Effect>,
}

impl Session {
    /// Starts a session on a new connection. `ids` numbers the messages of all connections.
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
            secured: Secured::default(),
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

    /// Takes octets from the client. `now` is the time since the connection was opened. Returns how
    /// many octets were taken. The rest is an incomplete line, or has to wait for the effects.
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

    /// Continues after the handshake. All that was learnt before it is forgotten (RFC 3207 section
    /// 4.2).
    pub fn secured(&mut self, facts: TlsFacts, secured: Secured, now: Duration) {
        self.now = now;
        let event = format!("{} with {}", facts.version, facts.cipher);
        self.note(&event);
        self.client =
            Arc::new(Client { peer: self.client.peer.clone(), tls: Some(facts), ..Client::default() });
        self.secured = secured;
        self.transaction = None;
        self.phase = Phase::Command;
        if !self.greeted {
            self.greet();
        }
    }

    /// Ends the session because the client has been silent for too long.
    pub fn expire(&mut self) {
        self.put(&Answer::new(421, "4.4.2", "Idle for too long"));
        self.close(Disconnect::Fin);
    }

    /// Records an event of the connection that is not a line of the conversation.
    pub fn note(&mut self, event: &str) {
        let now = self.now;
        self.conversation.current().push(Side::Event, now, event.as_bytes());
    }

    /// The messages accepted since the last call. The caller empties the list.
    pub fn received(&mut self) -> &mut Vec<Received> {
        &mut self.received
    }

    /// The octets for the client. The caller empties the buffer.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The next thing to do, after the output has been sent.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether the connection ends as soon as the output has been sent.
    pub fn is_ending(&self) -> bool {
        matches!(self.effects.front(), Some(Effect::Close(_)))
    }

    /// The connection's current state, for displays.
    pub fn snapshot(&self, closed: bool) -> Snapshot {
        Snapshot { client: Arc::clone(&self.client), conversation: self.conversation.clone(), closed }
    }
}
