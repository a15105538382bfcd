//! The session against any stream of octets, with any requests in between.
//!
//! - No panic and no endless loop.
//! - A recipient is *sent* only if the connection had taken the whole message before the first
//!   octet of a 2yz reply arrived, and the message is exactly the given one.
//! - Every mail transaction has exactly one outcome (an event's, an error's or a stranded one),
//!   in order, however many are in flight.
//! - No reply answers the wrong command. A recipient that is *sent* or *refused* has the reply at
//!   the place of its end of mail data, or of its RCPT, in the stream (`flight.rs`).
//! - A recipient is *unknown* only if the whole message was taken.
//! - After the end the session sends nothing and accepts no request.
//! - There is no AUTH without TLS unless it is allowed. After a request for STARTTLS there is no
//!   mail and no AUTH without TLS. After the handshake the session has forgotten all it learnt
//!   before.
//! - The transcript has no secret.
//! - The result doesn't depend on where the stream is cut.

use super::flight::{self, Heard, Scanner, Seen};
use super::script::{self, Move};
use super::wire;
use rsmtp::protocol::auth::{Credentials, Mechanism, Secret};
use rsmtp::protocol::command::{Command, Verb};
use rsmtp::protocol::error::{Error, Kind, Stage};
use rsmtp::protocol::extension::Extensions;
use rsmtp::protocol::reply::Reply;
use rsmtp::protocol::session::Plaintext;
use rsmtp::protocol::transaction::{DeliveryOptions, MailOption, RcptOption};
use rsmtp::protocol::transaction::{Fate, Outcome, Transaction, Verdict};
use rsmtp::protocol::transcript::{MASK, Speaker};
use rsmtp::protocol::xclient::{Attribute, Xclient};
use rsmtp::protocol::{Body, Event, Options, Request, Session, State, Step};
use std::collections::VecDeque;
use std::sync::Arc;

const SECRET: &str = "correct-horse-battery";
/// The base64 of the secret, and the base64 of its end after `\0alice\0`.
const SECRET_CODED: [&str; 2] = ["Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "b3JyZWN0LWhvcnNlLWJhdHRlcn"];

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

/// The input gives the options, the size of the pieces, and the script.
pub fn check(data: &[u8]) {
    let Some((&[options, piece], script)) = data.split_first_chunk::<2>() else { return };
    let moves = script::read(script);
    let whole = Run::new(options, usize::MAX).play(&moves);
    let pieces = Run::new(options, usize::from(piece) + 1).play(&moves);
    assert_eq!(whole, pieces, "where the stream is cut matters");
}

/// The options that `Run::new` reads from its first octet.
pub fn options(bits: u8) -> Options {
    Options {
        lmtp: bits & 1 != 0,
        pipelining: bits & 2 == 0,
        chunking: bits & 4 == 0,
        implicit_tls: bits & 8 != 0,
        plaintext: if bits & 16 != 0 { Plaintext::Everything } else { Plaintext::Mail },
        like_smtplib: bits & 32 != 0,
        ..Options::default()
    }
}

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

struct Run {
    session: Session,
    options: Options,
    piece: usize,
    /// How many octets the connection takes at a time.
    take: usize,
    /// All octets that the connection has taken. The first `plain` of them went without TLS.
    said: Vec<u8>,
    plain: usize,
    /// The place in `said` where STARTTLS was requested.
    tls_from: Option<usize>,
    /// The caller sends lines of its own, so not all of `said` comes from the session.
    by_hand: bool,
    /// The transactions that have no outcome yet, in order.
    open: VecDeque<Open>,
    flight: Flight,
    scanner: Scanner,
    came: Vec<String>,
}

/// A mail transaction in progress.
struct Open {
    recipients: usize,
    body: Vec<u8>,
    options: Option<Arc<DeliveryOptions>>,
    /// The extensions that the server offers when the client asks.
    offered: Vec<String>,
}

/// The transactions since the first one that was requested while nothing else was in progress.
#[derive(Default)]
struct Flight {
    /// The place in `said` where it begins.
    from: usize,
    /// How many transactions were requested (`begun`), and how many have their outcome (`ended`).
    begun: usize,
    ended: usize,
    replies: Vec<Heard>,
}

impl Run {
    fn new(bits: u8, piece: usize) -> Self {
        let options = options(bits);
        let mut session = Session::new(options);
        // The nonce from the dialogues, which their servers extend.
        session.draw_nonces(|| Some("rOprNGfwEbeRWgbNEkqO".to_owned()));
        Self {
            session,
            options,
            piece,
            take: usize::MAX,
            said: Vec::new(),
            plain: 0,
            tls_from: None,
            by_hand: false,
            open: VecDeque::new(),
            flight: Flight::default(),
            scanner: Scanner::default(),
            came: Vec::new(),
        }
    }

    /// Plays the script and returns what happened.
    fn play(mut self, moves: &[Move]) -> Vec<String> {
        self.pump();
        for one in moves {
            match one {
                Move::Hear(octets) => self.hear(octets),
                Move::Ask(which) => self.ask(REQUESTS[usize::from(*which) % REQUESTS.len()]),
                Move::Send(which) => self.send(*which),
                Move::Take(0) => self.take = usize::MAX,
                Move::Take(octets) => self.take = usize::from(*octets),
                Move::Secure => self.secure(),
                Move::Eof => {
                    let heard = self.session.received_eof();
                    self.note(heard);
                }
                Move::TimeOut => self.time_out(),
                Move::Pump => {}
            }
            self.pump();
            self.check_lines();
        }
        let ended = self.session.received_eof();
        self.note(ended);
        self.pump();
        self.check_end();
        self.came
    }

    fn hear(&mut self, octets: &[u8]) {
        let taken = self.taken();
        let upgrading = self.session.is_upgrading();
        for piece in octets.chunks(self.piece) {
            let over = self.session.state().is_over();
            let heard = self.session.received(piece);
            assert!(!over || heard.is_ok(), "an ended session has heard something");
            assert!(!upgrading || over || heard.is_err(), "plaintext was taken for what TLS says");
            self.flight.replies.extend(self.scanner.read(piece, &taken));
            self.note(heard);
        }
    }

    fn time_out(&mut self) {
        let error = Error::new(Kind::Timeout, self.session.stage(), "timed out");
        let failed = self.session.fail(error);
        assert!(self.session.state().is_over());
        self.note(Err(failed));
    }

    /// The session may need some seconds for the server's SCRAM iterations, so the caller gives up
    /// before that.
    fn work(&mut self) {
        self.session.work();
        if self.session.is_at_work() {
            self.time_out();
        }
    }

    fn secure(&mut self) {
        if self.session.is_upgrading() {
            self.session.tls_established(Vec::new(), true);
            assert_eq!(self.session.extensions().iter().count(), 0, "learnt before TLS, known after it");
            assert!(self.session.is_secure());
        }
    }

    fn send(&mut self, which: u8) {
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

    fn ask(&mut self, name: &str) {
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

    /// Makes a request. Returns whether the session accepted it.
    fn request(&mut self, request: Request) -> bool {
        let over = self.session.state().is_over();
        let shown = format!("{request:?}");
        let asked = self.session.request(request);
        assert!(!over || asked.is_err(), "{shown} was taken by an ended session");
        let taken = asked.is_ok();
        self.note(asked);
        taken
    }

    fn pump(&mut self) {
        let mut room = self.take;
        for _ in 0..10_000 {
            let (over, secure) = (self.session.state().is_over(), self.session.is_secure());
            match self.session.step() {
                Step::Send(octets) => {
                    assert!(!over, "said after the end: {}", octets.escape_ascii());
                    assert!(!octets.is_empty());
                    let taken = octets.len().min(room);
                    if taken == 0 {
                        return;
                    }
                    self.said.extend_from_slice(&octets[..taken]);
                    room -= taken;
                    self.session.sent(taken);
                    if !secure {
                        self.plain = self.said.len();
                    }
                }
                Step::Yield(event) => self.came(&event),
                Step::Receive(_) => {
                    assert!(!over, "an ended session waits");
                    return;
                }
                Step::Work => self.work(),
                Step::UpgradeTls | Step::Idle => return self.tell_stranded(),
            }
        }
        panic!("the steps never end");
    }

    fn note(&mut self, result: Result<(), Error>) {
        let Err(error) = result else { return };
        while let Some(event) = self.session.decided() {
            self.came(&event);
        }
        if let Some(outcome) = &error.outcome {
            self.transaction_ended(outcome);
        }
        self.tell_stranded();
        self.came.push(format!("{} {} {error} {:?}", error.kind.name(), error.stage, error.outcome));
    }

    /// Reports the fates of the later transactions that were in flight when the session ended.
    fn tell_stranded(&mut self) {
        for outcome in self.session.take_stranded() {
            self.transaction_ended(&outcome);
            self.came.push(format!("stranded {outcome:?}"));
        }
    }

    fn came(&mut self, event: &Event) {
        if let Event::Transaction(outcome) = event {
            self.transaction_ended(outcome);
        }
        self.came.push(format!("{event:?} {}", self.session.state()));
    }

    fn transaction_ended(&mut self, outcome: &Outcome) {
        let open = self.open.pop_front().expect("an outcome for no transaction");
        let number = self.flight.ended;
        self.flight.ended += 1;
        let replies = &self.flight.replies;
        let all_seen = flight::read(&self.said[self.flight.from..], replies, self.options.lmtp);
        let none = Seen::default();
        let seen = all_seen.get(number).unwrap_or(&none);
        let fates: Vec<&Fate> = outcome.recipients.iter().map(|(_, fate)| fate).collect();
        assert_eq!(fates.len(), open.recipients);
        let is = |place: usize, reply: &Reply| {
            let said = reply.text();
            // Text that repeats the password is masked, so its words can't be compared.
            let masked = said.windows(MASK.len()).any(|octets| octets == MASK.as_bytes());
            replies
                .get(place)
                .is_some_and(|heard| heard.code == reply.code() && (masked || heard.text == said))
        };
        let (mut sent, mut end) = (false, seen.end);
        for (which, fate) in fates.iter().enumerate() {
            match fate {
                Fate::Sent(reply) => {
                    let place = end.expect("sent, and the message was never taken whole");
                    assert_eq!(reply.code() / 100, 2);
                    assert!(is(place, reply), "sent by the answer to something else");
                    assert!(replies[place].taken.contains(&number), "sent by a reply that began too early");
                    sent = true;
                }
                Fate::Refused(Stage::Rcpt, reply) => {
                    let at_its_rcpt = match seen.rcpts.get(which) {
                        Some(&place) => is(place, reply),
                        // The server's 421 may arrive while this RCPT is still being sent.
                        None => {
                            which == seen.rcpts.len()
                                && reply.closes_channel()
                                && replies.len().checked_sub(1).is_some_and(|last| is(last, reply))
                        }
                    };
                    assert!(at_its_rcpt, "refused by the answer to something else");
                }
                _ => {}
            }
            // LMTP sends one answer for each accepted recipient.
            if self.options.lmtp && matches!(fate, Fate::Sent(_) | Fate::Refused(Stage::EndOfData, _)) {
                end = end.map(|place| place + 1);
            }
        }
        let taken = seen.message.is_some();
        assert_eq!(outcome.verdict == Verdict::Sent, sent && outcome.verdict != Verdict::Lost);
        if let Some(got) = seen.message.as_ref().filter(|_| sent) {
            let is_binary = open.options.as_ref().is_some_and(|options| options.is_binary());
            let mut content = if is_binary { open.body.clone() } else { wire::canonical(&open.body) };
            if !is_binary && *got != content && !content.is_empty() && !content.ends_with(b"\r\n") {
                content.extend(b"\r\n");
            }
            assert!(*got == content, "the server got another message: {}", got.escape_ascii());
        }
        if let Some(said) = &outcome.options {
            let has = |keyword: &str| open.offered.iter().any(|offered| offered == keyword);
            let options = open.options.as_ref().expect("options that no caller has asked for");
            assert!(said.left_out.iter().all(|extension| !has(extension.keyword())), "left out, and offered");
            assert!(options.if_offered || said.left_out.is_empty(), "left out, and the caller wants it");
        }
        if fates.contains(&&Fate::Unknown) {
            assert!(taken && outcome.verdict == Verdict::Lost, "unknown, and the end was never sent");
        }
        if taken && outcome.verdict == Verdict::Lost && fates.contains(&&Fate::NotSent) {
            // The server stopped before this transaction with a 421, refused RSET, or did not know
            // BDAT. In each case it has sent a negative reply.
            let said_so = replies.iter().any(|reply| reply.code >= 400);
            assert!(said_so, "lost after the end, and called not sent");
        }
    }

    /// The transactions in flight whose message has been taken as a whole.
    fn taken(&self) -> Vec<usize> {
        if self.open.is_empty() {
            return Vec::new();
        }
        let seen = flight::read(&self.said[self.flight.from..], &self.flight.replies, self.options.lmtp);
        let numbered = seen.iter().enumerate();
        numbered.filter(|(_, seen)| seen.message.is_some()).map(|(number, _)| number).collect()
    }

    fn check_lines(&mut self) {
        while let Some(line) = self.session.next_line() {
            if line.speaker == Speaker::Client {
                let text = String::from_utf8_lossy(&line.text);
                let shows = |secret: &str| text.contains(secret);
                assert!(!shows(SECRET) && !SECRET_CODED.iter().any(|coded| shows(coded)), "{text}");
            }
        }
    }

    fn check_end(&mut self) {
        assert!(self.session.state().is_over());
        assert!(matches!(self.session.state(), State::Closed | State::Broken));
        assert!(self.open.is_empty(), "a transaction without an outcome");
        assert!(self.session.legal().is_empty());
        let request = Request::Command(Command::Noop(None));
        assert!(self.session.request(request).is_err() && matches!(self.session.step(), Step::Idle));
        self.check_lines();
        if !self.by_hand {
            self.check_plaintext();
        }
    }

    fn check_plaintext(&self) {
        let verbs = |octets: &[u8]| -> Vec<Verb> {
            let text = String::from_utf8_lossy(octets);
            text.lines().map(Verb::of_line).collect()
        };
        let plain = &self.said[..self.plain];
        if self.options.plaintext != Plaintext::Everything {
            assert!(!verbs(plain).contains(&Verb::Auth), "AUTH without TLS");
        }
        if let Some(from) = self.tls_from.filter(|&from| from < plain.len()) {
            let speaks = |verb: &Verb| matches!(verb, Verb::Mail | Verb::Rcpt | Verb::Data | Verb::Auth);
            assert!(!verbs(&plain[from..]).iter().any(speaks), "plaintext after STARTTLS was asked for");
        }
    }
}
