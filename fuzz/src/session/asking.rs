//! What a caller asks of the session.

use super::{Flight, Open, Run};
use rsmtp::protocol::auth::{Credentials, Mechanism, Secret};
use rsmtp::protocol::command::Command;
use rsmtp::protocol::error::{Error, Kind};
use rsmtp::protocol::extension::Extensions;
use rsmtp::protocol::transaction::{DeliveryOptions, MailOption, RcptOption, Transaction};
use rsmtp::protocol::xclient::{Attribute, Xclient};
use rsmtp::protocol::{Body, Request};
use std::sync::Arc;

pub(super) const SECRET: &str = "correct-horse-battery";
/// The base64 of the secret, and the base64 of its end after `\0alice\0`.
pub(super) const SECRET_CODED: [&str; 2] = ["Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "b3JyZWN0LWhvcnNlLWJhdHRlcn"];

/// The requests that a caller can make, by name. `Move::Ask` is an index into this list.
pub const REQUESTS: [&str; 42] = [
    "hello",
    "ehlo",
    "helo",
    "lhlo",
    "starttls",
    "login",
    "login with PLAIN",
    "login with LOGIN",
    "login with CRAM-MD5",
    "login with SCRAM-SHA-1",
    "login with SCRAM-SHA-256",
    "certificate",
    "token",
    "auth",
    "auth with response",
    "respond",
    "cancel",
    "mail",
    "mail smtputf8",
    "mail null",
    "mail utf8",
    "rcpt",
    "rcpt utf8",
    "data",
    "data dots",
    "rset",
    "noop",
    "vrfy",
    "expn",
    "help",
    "quit",
    "free noop",
    "free auth",
    "free mail",
    "free data",
    "free starttls",
    "free bdat",
    "expect",
    "raw",
    "assume",
    "close",
    "xclient",
];

const BODIES: [&[u8]; 6] = [
    b"Subject: hi\r\n\r\nhello\r\n",
    b"",
    b"no line end",
    b".\n..\r.\r\nMAIL FROM:<forged@example.org>\n.\r\n",
    b"caf\xc3\xa9\n",
    b"x",
];
/// A message of this size needs several chunks.
const LARGE: usize = 300_000;

/// Returns one of three kinds: no options, options that may be left out, and options that may not.
fn delivery_options(kind: usize, secure: bool) -> Option<Arc<DeliveryOptions>> {
    let mail = |texts: &[(&str, Option<&str>)]| {
        texts.iter().map(|(keyword, value)| MailOption::read(keyword, *value).unwrap().unwrap()).collect()
    };
    let rcpt = |texts: &[(&str, &str)]| {
        texts
            .iter()
            .map(|(keyword, value)| RcptOption::read(keyword, Some(value)).unwrap().unwrap())
            .collect()
    };
    let options = match kind {
        0 => return None,
        1 => DeliveryOptions {
            mail: mail(&[("RET", Some("HDRS")), ("ENVID", Some("a+2Bb")), ("MT-PRIORITY", Some("3"))]),
            rcpt: rcpt(&[("NOTIFY", "SUCCESS,DELAY")]),
            own: [("r1@example.org".to_owned(), rcpt(&[("RRVS", "2026-01-01T00:00:00Z;C")]))].into(),
            if_offered: true,
        },
        _ => DeliveryOptions {
            mail: mail(match secure {
                true => &[("BODY", Some("BINARYMIME")), ("HOLDFOR", Some("60")), ("REQUIRETLS", None)],
                false => &[("BODY", Some("BINARYMIME")), ("BY", Some("60;R"))],
            }),
            rcpt: rcpt(&[("ORCPT", "rfc822;a@b")]),
            ..DeliveryOptions::default()
        },
    };
    Some(Arc::new(options))
}

impl Run {
    pub(super) fn send(&mut self, which: u8) {
        let count = usize::from(which & 3) + 1;
        let large = which == 0xFF;
        let body = match which >> 4 {
            _ if large => b"0123456\n".repeat(LARGE / 8),
            index => BODIES[usize::from(index) % BODIES.len()].to_vec(),
        };
        let sender = ["a@example.org", "<>", "jürgen@example.org", "a@bücher.example"];
        let recipients = (0..count).map(|number| format!("r{number}@example.org").parse().unwrap());
        let options = delivery_options(usize::from(which >> 4) / BODIES.len(), self.session.is_secure());
        let offered = self.session.extensions().iter().map(|(keyword, _)| keyword.to_ascii_uppercase());
        let offered = offered.collect();
        let transaction = Transaction {
            reverse_path: sender[usize::from(which >> 2 & 3)].parse().unwrap(),
            mail_parameters: Vec::new(),
            recipients: recipients.collect(),
            rcpt_parameters: Vec::new(),
            options: options.clone(),
            cautious: false,
            body: Body::new(body.clone()),
        };
        let may = self.session.takes_transaction();
        if self.request(Request::Transaction(transaction)) {
            assert!(may || self.open.is_empty(), "a transaction on top of what it would lose");
            if self.open.is_empty() {
                self.flight = Flight { from: self.said.len(), ..Flight::default() };
            }
            self.flight.begun += 1;
            self.open.push_back(Open { recipients: count, body, options, offered });
            assert!(self.options.pipelining || self.open.len() == 1, "in flight without PIPELINING");
        }
        assert_eq!(self.session.in_flight(), self.open.len());
    }

    pub(super) fn ask(&mut self, name: &str) {
        let line = |text: &str| Request::Command(Command::Free(text.parse().unwrap()));
        let command = Request::Command;
        let login = |secret, mechanism: Option<Mechanism>| {
            let credentials = Credentials::new("alice", secret).unwrap();
            Request::Login {
                credentials: match mechanism {
                    Some(mechanism) => credentials.by(mechanism).unwrap(),
                    None => credentials,
                },
                initial_response: mechanism.is_none(),
            }
        };
        let password = || Secret::Password(SECRET.to_owned());
        let auth = |initial_response| Request::AuthBy { mechanism: "PLAIN".to_owned(), initial_response };
        let mail = |path: &str, options: &[&str]| {
            let options = options.iter().map(|option| option.parse().unwrap()).collect();
            command(Command::Mail(path.parse().unwrap(), options))
        };
        let rcpt = |path: &str| command(Command::Rcpt(path.parse().unwrap(), Vec::new()));
        let client = || "client.example".parse().unwrap();
        let request = match name {
            "hello" => Request::Hello(client()),
            "ehlo" => command(Command::Ehlo(client())),
            "helo" => command(Command::Helo(client())),
            "lhlo" => command(Command::Lhlo(client())),
            "starttls" => command(Command::StartTls),
            "login" => login(password(), None),
            "login with PLAIN" => login(password(), Some(Mechanism::Plain)),
            "login with LOGIN" => login(password(), Some(Mechanism::Login)),
            "login with CRAM-MD5" => login(password(), Some(Mechanism::CramMd5)),
            "login with SCRAM-SHA-1" => login(password(), Mechanism::from_name("SCRAM-SHA-1")),
            "login with SCRAM-SHA-256" => login(password(), Mechanism::from_name("SCRAM-SHA-256")),
            "certificate" => login(Secret::Certificate, None),
            "token" => login(Secret::AccessToken(SECRET.to_owned()), None),
            "auth" => auth(None),
            "auth with response" => auth(Some(format!("\0alice\0{SECRET}").into_bytes())),
            "mail" => mail("a@example.org", &["SIZE=10"]),
            "mail smtputf8" => mail("jürgen@example.org", &["SMTPUTF8"]),
            "mail null" => mail("<>", &[]),
            "mail utf8" => mail("jürgen@example.org", &[]),
            "rcpt" => rcpt("b@example.org"),
            "rcpt utf8" => rcpt("jürgen@example.org"),
            "data" => Request::MailData(Body::new(BODIES[0])),
            "data dots" => Request::MailData(Body::new(BODIES[3])),
            "rset" => command(Command::Rset),
            "noop" => command(Command::Noop(None)),
            "vrfy" => command(Command::Vrfy("postmaster".parse().unwrap())),
            "expn" => command(Command::Expn("list".parse().unwrap())),
            "help" => command(Command::Help(None)),
            "quit" => command(Command::Quit),
            "free noop" => line("noop"),
            "free auth" => line(&format!("AUTH PLAIN {}", SECRET_CODED[0])),
            "free mail" => line("mail from:<a@example.org>"),
            "free data" => line("DATA"),
            "free starttls" => line("starttls"),
            "free bdat" => line("BDAT 3 LAST"),
            "xclient" => {
                let mut client = Xclient::default();
                client.add(Attribute::Addr, "192.0.2.1").unwrap();
                command(Command::Xclient(client))
            }
            _ => return self.ask_otherwise(name),
        };
        let starttls = matches!(&request, Request::Command(Command::StartTls));
        if self.request(request) && starttls {
            self.tls_from.get_or_insert(self.said.len());
        }
    }

    fn ask_otherwise(&mut self, name: &str) {
        let over = self.session.state().is_over();
        let asked = match name {
            "respond" => self.session.respond(Some(SECRET.as_bytes())),
            "cancel" => self.session.respond(None),
            "expect" => self.session.expect_reply(),
            "raw" => self.session.raw(b"by hand\r\n.\r\n"),
            "assume" => {
                let all = ["PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "STARTTLS", "DSN", "REQUIRETLS"];
                let more = ["FUTURERELEASE", "DELIVERBY", "MT-PRIORITY", "BINARYMIME", "RRVS", "XVERP"];
                let all = all.iter().chain(&more).map(|keyword| (*keyword, "")).chain([("XCLIENT", "ADDR")]);
                self.session.assume(all.collect::<Extensions>());
                return;
            }
            "close" => {
                let lost = !self.open.is_empty() && !over;
                self.open.clear();
                self.session.close(Error::new(Kind::Disconnected, self.session.stage(), "closed"));
                assert!(self.session.state().is_over());
                self.session.take_stranded();
                let decided = std::iter::from_fn(|| self.session.decided()).count();
                assert!(!over || (!lost && decided == 0));
                return;
            }
            other => panic!("what is {other}?"),
        };
        assert!(!over || asked.is_err(), "{name} was taken by an ended session");
        self.by_hand |= name == "raw" && asked.is_ok();
        self.note(asked);
    }
}
