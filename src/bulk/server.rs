//! A server to send by, and how a session with it is opened.

use crate::protocol::auth::{Credentials, Mechanism};
use crate::protocol::command::{ClientName, Command};
use crate::protocol::reply::Reply;
use crate::protocol::{Error, Event, Kind, Options, Request, Session, Stage};
use crate::tls::{Conversation, RecordLayer};
use std::fmt;
use std::sync::Arc;

/// Makes the TLS of a new connection. One maker for all connections to a server
/// lets TLS sessions be resumed (RFC 8446 2.2).
pub type MakeLayer = Arc<dyn Fn() -> Result<Box<dyn RecordLayer>, Error> + Send + Sync>;

/// When TLS comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Never: the caller has said so in words.
    None,
    /// By STARTTLS, and nothing is sent if the server refuses it (RFC 3207).
    StartTls,
    /// Before the greeting (RFC 8314).
    Implicit,
}

/// All that a session needs to be ready for mail, whoever moves its octets.
#[derive(Clone)]
pub struct Server {
    /// For receipts and errors: `host:port`, or a path.
    pub name: Arc<str>,
    pub options: Options,
    pub security: Security,
    pub make_layer: MakeLayer,
    pub credentials: Option<Credentials>,
    /// What EHLO says; None: the address that the connection is made from.
    pub client_name: Option<ClientName>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// Greeting, EHLO, STARTTLS, EHLO, AUTH: what is to be said until mail may go.
/// Nothing is asked twice.
#[derive(Debug)]
pub struct Opening {
    awaited: Awaited,
    name: ClientName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello,
    Tls,
    Auth,
}

/// What a session needs to be asked: a conversation with or without sockets.
pub trait Asks {
    fn session(&mut self) -> &mut Session;
    fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error>;
}

impl Asks for crate::driver::Wire {
    fn session(&mut self) -> &mut Session {
        self.session_mut()
    }

    fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        Self::start_tls(self, layer)
    }
}

impl Asks for Conversation {
    fn session(&mut self) -> &mut Session {
        self.session_mut()
    }

    fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        Self::start_tls(self, layer)
    }
}

impl Opening {
    /// `name` is what EHLO says.
    pub fn new(name: ClientName) -> Self {
        Self { awaited: Awaited::Greeting, name }
    }

    /// Something has come of what was asked: asks the next thing. True once the
    /// session is ready for mail. A refusal is an error here.
    pub fn hear(&mut self, event: Event, server: &Server, to: &mut dyn Asks) -> Result<bool, Error> {
        match (self.awaited, event) {
            (Awaited::Greeting, Event::Reply(reply)) if reply.code() == 220 => self.hello(to),
            (Awaited::Greeting, Event::Reply(reply)) => Err(refused(Stage::Greeting, reply)),
            (Awaited::Hello, Event::Reply(reply)) if reply.is_completion() => self.introduced(server, to),
            (Awaited::Hello, Event::Reply(reply)) => Err(refused(Stage::Hello, reply)),
            (Awaited::Tls, Event::Secured(_)) => self.hello(to),
            (Awaited::Tls, Event::Reply(reply)) => Err(refused(Stage::StartTls, reply)),
            (Awaited::Auth, Event::Auth { accepted: true, .. }) => Ok(true),
            (Awaited::Auth, Event::Auth { reply, .. }) => Err(refused(Stage::Auth, reply)),
            (_, event) => {
                let message = format!("{event:?} was not asked for");
                Err(Error::new(Kind::Misuse, Stage::Command, message))
            }
        }
    }

    fn hello(&mut self, to: &mut dyn Asks) -> Result<bool, Error> {
        self.awaited = Awaited::Hello;
        to.session().request(Request::Hello(self.name.clone())).map(|()| false)
    }

    fn introduced(&mut self, server: &Server, to: &mut dyn Asks) -> Result<bool, Error> {
        let session = to.session();
        if server.security == Security::StartTls && !session.is_secure() {
            if !session.extensions().has("STARTTLS") {
                let message = "the server does not offer STARTTLS, and mail does not go out in plaintext \
                               unless the URL says so in words: ?tls=none";
                return Err(Error::new(Kind::NotSupported, Stage::StartTls, message));
            }
            self.awaited = Awaited::Tls;
            let layer = (server.make_layer)()?;
            return to.start_tls(layer).map(|()| false);
        }
        let Some(credentials) = &server.credentials else { return Ok(true) };
        self.awaited = Awaited::Auth;
        // Under TLS PLAIN tells nobody else, and takes one turn where a challenge takes two.
        let offered = session.extensions().mechanisms();
        let plain = session.is_secure() && credentials.choose(&offered).contains(&Mechanism::Plain);
        let login = Request::Login {
            credentials: credentials.clone(),
            mechanism: plain.then_some(Mechanism::Plain),
            initial_response: true,
        };
        session.request(login).map(|()| false)
    }
}

/// Ends the session politely; nobody waits for the answer.
pub fn quit(session: &mut Session) {
    // A session that can't take it is over, or will be closed without a word.
    let _ = session.request(Request::Command(Command::Quit));
}

fn refused(stage: Stage, reply: Reply) -> Error {
    Error::new(Kind::Refused, stage, format!("the server refused at stage \"{stage}\"")).with_reply(reply)
}
