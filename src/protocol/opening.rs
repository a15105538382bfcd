//! Opens a session according to a plan: from the greeting until mail can be sent.
//!
//! # Theory of operation
//!
//! ```text
//! greeting --220--> EHLO --2yz--> TLS wanted? --no--> credentials? --no--> opened
//!                    ^              | yes                  | yes
//!                    |          STARTTLS                  AUTH --235--> opened
//!                    +---secured----+
//! ```
//! The opening starts from the session's present state: at the greeting, at EHLO if the greeting
//! has come, or at STARTTLS if the server has answered EHLO.
//!
//! The opening makes one request of the session at a time and handles each event that results. A
//! refusal ends the opening without breaking the session, which can still send QUIT. The opening
//! can't set up TLS itself: it returns [`Next::StartTls`], and the layer that has TLS makes the
//! request.

use super::auth::Credentials;
use super::code;
use super::command::ClientName;
use super::error::{Advice, Error, Kind, Stage};
use super::event::{Event, Request};
use super::extension::Extensions;
use super::reply::Reply;
use super::session::Session;
use super::state::State;
use std::str::FromStr;
use std::sync::Arc;

/// When TLS is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Never, because the caller asked for that explicitly.
    None,
    /// The default if the caller said nothing. It is [`Security::StartTls`], but a connection that
    /// stays on this machine goes without TLS, unless the server offers the requested login only
    /// under TLS.
    Default,
    /// With STARTTLS if the server offers it (RFC 7435). An attacker on the path can hide the
    /// offer.
    Opportunistic,
    /// With STARTTLS. Nothing is sent if the server refuses it (RFC 3207).
    StartTls,
    /// Before the greeting (RFC 8314).
    Implicit,
}

impl FromStr for Security {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "none" => Self::None,
            "default" => Self::Default,
            "opportunistic" => Self::Opportunistic,
            "starttls" => Self::StartTls,
            "implicit" => Self::Implicit,
            other => return Err(format!("{other:?} is none of \"none\", \"starttls\" and \"implicit\"")),
        })
    }
}

/// How a session is to be opened.
#[derive(Clone, Debug)]
pub struct Plan {
    pub security: Security,
    /// The server's name, for errors.
    pub server: Arc<str>,
    /// The name to give in EHLO.
    pub name: ClientName,
    /// None means no login.
    pub credentials: Option<Credentials>,
    /// Whether the first response may be sent with the AUTH command (RFC 4954 4).
    pub initial_response: bool,
}

/// The result of opening a session.
#[derive(Clone, Debug)]
pub struct Opened {
    /// None if it was read earlier, or never came.
    pub greeting: Option<Reply>,
    /// What the server offered before STARTTLS, if STARTTLS was requested.
    pub offered_in_plaintext: Option<Extensions>,
    /// The reply to the last EHLO (or LHLO, or HELO), if one was sent.
    pub hello: Option<Reply>,
    /// Why the session is not ready for mail. None if it is.
    pub trouble: Option<Box<Error>>,
}

#[derive(Debug)]
#[must_use = "an opening that is not carried on stalls the session"]
pub enum Next {
    /// The session has something to send.
    Talk,
    /// Request STARTTLS, with a TLS layer to be put below the session.
    StartTls,
    Done,
}

/// An opening in progress.
#[derive(Debug)]
pub struct Opening {
    plan: Plan,
    awaited: Awaited,
    opened: Opened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello,
    Tls,
    Auth,
}

impl Opening {
    pub fn new(plan: Plan) -> Self {
        let opened = Opened { greeting: None, offered_in_plaintext: None, hello: None, trouble: None };
        Self { plan, awaited: Awaited::Greeting, opened }
    }

    /// Makes the first request, depending on the session's state.
    pub fn begin(&mut self, session: &mut Session) -> Next {
        let next = match session.state() {
            State::Connected => Ok(Next::Talk),
            State::Greeted | State::Secured | State::Rejected => self.hello(session),
            // The answer to HELO doesn't show what a server offers.
            _ if self.wants_starttls(session) && !session.speaks_esmtp() => self.hello(session),
            _ => self.introduced(session),
        };
        next.unwrap_or_else(|trouble| self.fail(trouble))
    }

    /// Handles the result of a request and makes the next one.
    pub fn hear(&mut self, event: Event, session: &mut Session) -> Next {
        self.go_on(event, session).unwrap_or_else(|trouble| self.fail(trouble))
    }

    /// The opening can't continue.
    pub fn fail(&mut self, trouble: Error) -> Next {
        self.opened.trouble = Some(Box::new(trouble));
        Next::Done
    }

    pub fn into_opened(self) -> Opened {
        self.opened
    }

    fn go_on(&mut self, event: Event, session: &mut Session) -> Result<Next, Error> {
        match (self.awaited, event) {
            (Awaited::Greeting, Event::Reply(reply)) => {
                self.opened.greeting = Some(reply.clone());
                match reply.code() {
                    code::SERVICE_READY => self.hello(session),
                    _ => Err(refused(Stage::Greeting, reply)),
                }
            }
            (Awaited::Hello, Event::Reply(reply)) => {
                self.opened.hello = Some(reply.clone());
                match reply.is_completion() {
                    true => self.introduced(session),
                    false => Err(refused(Stage::Hello, reply)),
                }
            }
            (Awaited::Tls, Event::Secured(_)) => self.hello(session),
            (Awaited::Tls, Event::Reply(reply)) => Err(refused(Stage::StartTls, reply)),
            (Awaited::Auth, Event::Auth { accepted: true, .. }) => Ok(Next::Done),
            (Awaited::Auth, Event::Auth { reply, .. }) => Err(refused(Stage::Auth, reply)),
            (_, event) => {
                let message = format!("{event:?} was not asked for");
                Err(Error::new(Kind::Misuse, Stage::Command, message))
            }
        }
    }

    fn hello(&mut self, session: &mut Session) -> Result<Next, Error> {
        self.awaited = Awaited::Hello;
        session.request(Request::Hello(self.plan.name.clone())).map(|()| Next::Talk)
    }

    /// Whether the session must not continue without STARTTLS.
    fn wants_starttls(&self, session: &Session) -> bool {
        let wanted = match self.plan.security {
            Security::StartTls => true,
            Security::Default => !session.is_local(),
            Security::None | Security::Opportunistic | Security::Implicit => false,
        };
        wanted && !session.is_secure()
    }

    fn introduced(&mut self, session: &mut Session) -> Result<Next, Error> {
        let offered = session.extensions().has("STARTTLS");
        let wanted = self.wants_starttls(session);
        if (wanted || self.plan.credentials.is_some())
            && let Some(reply) = session.refused_ehlo()
            && !code::is_of_unknown_command(reply.code())
        {
            // The server knows EHLO, and its refusal says why it offers nothing.
            return Err(refused(Stage::Hello, reply.clone()));
        }
        if wanted && !offered {
            let message = format!("{} does not offer STARTTLS", self.plan.server);
            let error = Error::new(Kind::NotSupported, Stage::StartTls, message);
            return Err(error.with_advice(Advice::TrustTheNetwork));
        }
        let tries = !session.is_secure()
            && match self.plan.security {
                Security::Opportunistic => true,
                Security::Default => self.plan.credentials.is_some() && !session.extensions().has("AUTH"),
                Security::None | Security::StartTls | Security::Implicit => false,
            };
        if wanted || (tries && offered) {
            self.opened.offered_in_plaintext = Some(session.extensions().clone());
            self.awaited = Awaited::Tls;
            return Ok(Next::StartTls);
        }
        let Some(credentials) = self.plan.credentials.clone() else { return Ok(Next::Done) };
        self.awaited = Awaited::Auth;
        let login = Request::Login { credentials, initial_response: self.plan.initial_response };
        session.request(login).map(|()| Next::Talk)
    }
}

fn refused(stage: Stage, reply: Reply) -> Error {
    Error::new(Kind::Refused, stage, format!("the server refused at stage \"{stage}\"")).with_reply(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::auth::Secret;
    use crate::protocol::event::Step;
    use crate::protocol::session::{Options, Plaintext};

    /// Follows the script: "S: " is what the server sends, "C: " what the client must send, and
    /// "TLS" means that STARTTLS is requested and TLS comes up. Returns the result of the opening,
    /// and what the session would send next.
    fn opened(plan: Plan, script: &str) -> (Opened, Session) {
        let mut session = Session::new(Options { plaintext: Plaintext::Everything, ..Options::default() });
        let mut opening = Opening::new(plan);
        assert!(matches!(opening.begin(&mut session), Next::Talk));
        let mut said = Vec::new();
        for line in script.lines().map(str::trim) {
            if let Some(reply) = line.strip_prefix("S: ") {
                session.received(format!("{reply}\r\n").as_bytes()).unwrap();
            }
            loop {
                match session.step() {
                    Step::Send(octets) => {
                        said.extend_from_slice(octets);
                        let octets = octets.len();
                        session.sent(octets);
                    }
                    Step::Yield(event) => match opening.hear(event, &mut session) {
                        Next::Talk => {}
                        Next::StartTls => {
                            let command = crate::protocol::command::Command::StartTls;
                            session.request(Request::Command(command)).unwrap();
                        }
                        Next::Done => return (opening.into_opened(), session),
                    },
                    Step::UpgradeTls => session.tls_established(Vec::new(), true),
                    Step::Work => session.work(),
                    Step::Receive(_) | Step::Idle => break,
                }
            }
            if let Some(command) = line.strip_prefix("C: ") {
                assert_eq!(String::from_utf8(std::mem::take(&mut said)).unwrap(), format!("{command}\r\n"));
            }
        }
        panic!("the opening has not come to its end");
    }

    fn plan(security: Security, credentials: Option<Credentials>) -> Plan {
        Plan {
            security,
            server: "mail.test".into(),
            name: "client.test".parse().unwrap(),
            credentials,
            initial_response: true,
        }
    }

    fn password() -> Credentials {
        Credentials::new("u", Secret::Password("p".to_owned())).unwrap()
    }

    #[test]
    fn by_starttls_and_a_login() {
        let script = "S: 220 hi
            C: EHLO client.test
            S: 250-hi
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 go
            C: EHLO client.test
            S: 250-hi
            S: 250 AUTH CRAM-MD5 PLAIN
            C: AUTH PLAIN AHUAcA==
            S: 235 welcome";
        let (opened, session) = opened(plan(Security::StartTls, Some(password())), script);
        assert!(opened.trouble.is_none() && session.is_secure());
        assert!(opened.offered_in_plaintext.unwrap().has("STARTTLS"));
        assert_eq!(opened.greeting.unwrap().code(), 220);
    }

    #[test]
    fn opportunistic_tls_goes_without_where_it_is_not_offered() {
        let (opened, session) = opened(plan(Security::Opportunistic, None), "S: 220 hi\nS: 250 hi");
        assert!(opened.trouble.is_none() && opened.offered_in_plaintext.is_none() && !session.is_secure());
    }

    #[test]
    fn a_refused_ehlo_explains_why_there_is_neither_tls_nor_login() {
        let script =
            |refusal| format!("S: 220 hi\nC: EHLO client.test\nS: {refusal}\nC: HELO client.test\nS: 250 hi");
        for plan in [plan(Security::StartTls, None), plan(Security::None, Some(password()))] {
            let (opened, _) = opened(plan, &script("550 5.7.1 not you"));
            let trouble = opened.trouble.unwrap();
            assert_eq!((trouble.kind, trouble.stage), (Kind::Refused, Stage::Hello));
            assert_eq!(trouble.reply.unwrap().code(), 550);
        }
        let (old, _) = opened(plan(Security::StartTls, None), &script("500 what?"));
        assert_eq!(old.trouble.unwrap().kind, Kind::NotSupported);
        let (plain, _) = opened(plan(Security::None, None), &script("550 what?"));
        assert!(plain.trouble.is_none());
    }

    #[test]
    fn where_nothing_is_said_only_what_stays_on_this_machine_goes_without_tls() {
        let script = "S: 220 hi\nS: 250-hi\nC: EHLO client.test\nS: 250 SIZE";
        let (elsewhere, _) = opened(plan(Security::Default, None), script);
        assert_eq!(elsewhere.trouble.unwrap().kind, Kind::NotSupported);
        let mut session = Session::new(Options::default());
        session.stays_on_this_machine();
        session.received(b"220 hi\r\n").unwrap();
        let mut opening = Opening::new(plan(Security::Default, None));
        let _ = opening.begin(&mut session);
        assert!(!opening.wants_starttls(&session));
    }

    #[test]
    fn on_this_machine_a_login_that_is_offered_under_tls_only_brings_tls_up() {
        for (offered, next) in [("STARTTLS", "STARTTLS"), ("AUTH PLAIN", "AUTH PLAIN AHUAcA==")] {
            let mut session = Session::new(Options::default());
            session.stays_on_this_machine();
            session.received(b"220 hi\r\n").unwrap();
            assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
            session.request(Request::Hello("client.test".parse().unwrap())).unwrap();
            let Step::Send(octets) = session.step() else { panic!("it says EHLO") };
            let octets = octets.len();
            session.sent(octets);
            session.received(format!("250-hi\r\n250 {offered}\r\n").as_bytes()).unwrap();
            assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
            let mut opening = Opening::new(plan(Security::Default, Some(password())));
            match (opening.begin(&mut session), session.step()) {
                (Next::StartTls, _) => assert_eq!(next, "STARTTLS"),
                (Next::Talk, Step::Send(said)) => assert_eq!(said, format!("{next}\r\n").as_bytes()),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn it_begins_where_the_session_stands() {
        let mut session = Session::new(Options::default());
        let said = |session: &mut Session| match session.step() {
            Step::Send(octets) => {
                let said = String::from_utf8(octets.to_vec()).unwrap();
                let octets = said.len();
                session.sent(octets);
                said
            }
            other => format!("{other:?}"),
        };
        session.received(b"220 hi\r\n").unwrap();
        assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
        let mut opening = Opening::new(plan(Security::StartTls, None));
        assert!(matches!(opening.begin(&mut session), Next::Talk));
        assert_eq!(said(&mut session), "EHLO client.test\r\n");
        session.received(b"250-hi\r\n250 STARTTLS\r\n").unwrap();
        assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
        // EHLO has been answered before the opening begins.
        assert!(matches!(Opening::new(plan(Security::StartTls, None)).begin(&mut session), Next::StartTls));
        assert!(matches!(Opening::new(plan(Security::None, None)).begin(&mut session), Next::Done));
    }

    #[test]
    fn nothing_in_plaintext_where_tls_is_wanted() {
        let (opened, mut session) = opened(plan(Security::StartTls, None), "S: 220 hi\nS: 250 hi");
        let trouble = opened.trouble.unwrap();
        assert_eq!((trouble.kind, trouble.stage), (Kind::NotSupported, Stage::StartTls));
        session.request(Request::Command(crate::protocol::command::Command::Quit)).unwrap();
    }

    #[test]
    fn every_refusal_ends_it_with_the_servers_words() {
        let all = Some(password());
        for (script, stage) in [
            ("S: 554 no", Stage::Greeting),
            ("S: 421 busy", Stage::Greeting),
            ("S: 220 hi\nS: 550 no\nS: 550 no", Stage::Hello),
            ("S: 220 hi\nS: 250-hi\nS: 250 STARTTLS\nS: 454 no", Stage::StartTls),
            (
                "S: 220 hi\nS: 250-hi\nS: 250 STARTTLS\nS: 220 go\nS: 250-hi\nS: 250 AUTH PLAIN\nS: 535 no",
                Stage::Auth,
            ),
        ] {
            let trouble = opened(plan(Security::StartTls, all.clone()), script).0.trouble.unwrap();
            assert_eq!((trouble.kind, trouble.stage), (Kind::Refused, stage), "{script}");
            assert!(trouble.reply.is_some());
        }
    }
}
