//! The hot paths of the engine, each as often as is asked for and without I/O:
//! `bench/instructions.py` counts the instructions.
//!
//! Run as `instructions PATH COUNT`.

use rsmtp::message::field::Refusal;
use rsmtp::message::field_fold;
use rsmtp::message::render::{Content, Entity, Place, Rules, render};
use rsmtp::protocol::mail_data::{Encoder, Framing};
use rsmtp::protocol::reply_reader::ReplyReader;
use rsmtp::protocol::session::Options;
use rsmtp::protocol::transaction::{Transaction, Verdict};
use rsmtp::protocol::{Body, Event, Request, Session, Step};
use std::hint::black_box;
use std::sync::Arc;

const GREETING: &[u8] = b"220 mx.example.org ESMTP\r\n";
const EHLO: &[u8] = b"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n\
    250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";
/// To MAIL, RCPT and BDAT LAST.
const TAKEN: &[u8] = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: queued as 4XyZ12\r\n";
/// To the RSET in front, then to the same.
const TAKEN_BEHIND: &[u8] =
    b"250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: queued as 4XyZ12\r\n";
const WINDOW: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count] = &arguments[..] else { panic!("usage: instructions PATH COUNT") };
    let count = count.parse().expect("COUNT is a number");
    match path.as_str() {
        "transaction" => transactions(count),
        "window" => window(count),
        "large" => large(count),
        "replies" => replies(count),
        "mail-data" => mail_data(count),
        "render" => renderings(count),
        _ => panic!("{path}: no such path"),
    }
}

/// A message of so many octets, in lines of 64.
fn content(octets: usize) -> Vec<u8> {
    let mut content = b"From: ann@example.org\r\nTo: bob@example.org\r\nSubject: Hello\r\n\r\n".to_vec();
    while content.len() < octets {
        content.extend_from_slice(&[b'x'; 62]);
        content.extend_from_slice(b"\r\n");
    }
    content.truncate(octets - 2);
    content.extend_from_slice(b"\r\n");
    content
}

/// One message after the other over one session, its transcript taken as it grows.
fn transactions(count: usize) {
    let body = Body::new(content(2048));
    let mut session = greeted(&body);
    for _ in 0..count {
        ask(&mut session, &body);
        send(&mut session);
        session.received(TAKEN).expect("in order");
        hear(&mut session);
        while let Some(line) = session.next_line() {
            black_box(line);
        }
    }
}

/// The same with so many in flight, and no transcript: as bulk mail goes.
fn window(count: usize) {
    let body = Body::new(content(2048));
    let mut session = greeted(&body);
    session.keep_transcript(false);
    ask(&mut session, &body);
    send(&mut session);
    let mut taken = TAKEN;
    for _ in 0..count {
        // At first the server has to show that it keeps them apart.
        while session.in_flight() < WINDOW && session.takes_transaction() {
            ask(&mut session, &body);
            send(&mut session);
        }
        session.received(taken).expect("in order");
        taken = TAKEN_BEHIND;
        hear(&mut session);
    }
}

/// A message of 10 MB that lies in memory. What is sent is not copied by a socket here.
fn large(count: usize) {
    let body = Body::new(content(10_000_000));
    let mut session = greeted(&Body::new(content(2048)));
    for _ in 0..count {
        ask(&mut session, &body);
        send(&mut session);
        session.received(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok\r\n").expect("in order");
        while session.in_flight() > 0 {
            send(&mut session);
            session.received(b"250 2.0.0 Ok\r\n").expect("in order");
        }
        hear(&mut session);
    }
}

/// A session behind EHLO, and behind a first message: the server is known to take chunks.
fn greeted(body: &Body) -> Session {
    let mut session = Session::new(Options::default());
    session.received(GREETING).expect("a greeting");
    assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
    session
        .request(Request::Hello("client.example.org".parse().expect("a name")))
        .expect("after the greeting");
    send(&mut session);
    session.received(EHLO).expect("a reply");
    assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
    ask(&mut session, body);
    for reply in TAKEN.split_inclusive(|&octet| octet == b'\n') {
        send(&mut session);
        session.received(reply).expect("in order");
    }
    hear(&mut session);
    while session.next_line().is_some() {}
    session
}

fn ask(session: &mut Session, body: &Body) {
    let sender = "ann@example.org".parse().expect("an address");
    let recipient = "bob@example.org".parse().expect("an address");
    let transaction = Transaction::new(sender, [recipient], body.clone());
    session.request(Request::Transaction(transaction)).expect("a transaction may begin");
}

fn send(session: &mut Session) {
    while let Step::Send(octets) = session.step() {
        let octets = black_box(octets).len();
        session.sent(octets);
    }
}

fn hear(session: &mut Session) {
    match session.step() {
        Step::Yield(Event::Transaction(outcome)) if outcome.verdict == Verdict::Sent => {
            black_box(outcome);
        }
        other => panic!("not sent: {other:?}"),
    }
}

/// The reply to EHLO and those to a message, in one piece.
fn replies(count: usize) {
    let wire = [EHLO, TAKEN].concat();
    let mut reader = ReplyReader::default();
    for _ in 0..count {
        let (mut rest, mut whole) = (&black_box(&wire)[..], 0);
        while !rest.is_empty() {
            let (taken, found) = reader.read(rest);
            rest = &rest[taken..];
            if let Some(reply) = black_box(found).expect("well formed") {
                whole += 1;
                reader.keep(reply);
            }
        }
        assert_eq!(whole, 4);
    }
}

/// 64 KB for DATA: lines of 64 octets, every fourth ends with a bare LF, every
/// eighth begins with a dot.
fn mail_data(count: usize) {
    let mut content = Vec::new();
    for number in 0..1024 {
        content.push(if number % 8 == 0 { b'.' } else { b'x' });
        content.extend_from_slice(&[b'x'; 61]);
        content.extend_from_slice(if number % 4 == 0 { b"x\n" } else { b"\r\n" });
    }
    assert_eq!(content.len(), 64 * 1024);
    let mut out = Vec::new();
    for _ in 0..count {
        out.clear();
        let mut encoder = Encoder::new(Framing::Data);
        encoder.encode(black_box(&content), &mut out);
        encoder.finish(&mut out);
        assert_eq!(black_box(&out).len(), 64 * 1024 + 1024 / 4 + 1024 / 8 + 3);
    }
}

/// A text with seven fields.
#[derive(Debug)]
struct Letter {
    text: Arc<[u8]>,
}

const FIELDS: [(&str, &str); 7] = [
    ("Subject", "Ein Gruß aus Köln: was am Dienstag beschlossen wurde, und was daraus folgt"),
    ("From", "Ann Example <ann@example.org>"),
    ("To", "Bob <bob@example.org>, Carol <carol@example.org>, Dave Example <dave@example.org>"),
    ("Date", "Tue, 01 Jul 2025 10:52:37 +0200"),
    ("Message-ID", "<20250701085237.1.4XyZ12@example.org>"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=\"us-ascii\""),
];

impl Entity for Letter {
    type Error = Refusal;
    type Bytes = Arc<[u8]>;

    fn content(&self, _: &Rules) -> Result<Content<Self>, Refusal> {
        Ok(Content::Text(Arc::clone(&self.text)))
    }

    fn write_fields(&self, rules: &Rules, _: Place, out: &mut Vec<u8>) -> Result<(), Refusal> {
        FIELDS
            .iter()
            .try_for_each(|(name, value)| field_fold::fold(name, value, &rules.linesep, rules.utf8, out))
    }

    fn too_deep() -> Refusal {
        Refusal::new("the message", "is nested too deeply")
    }
}

/// Fields folded and encoded, a text of 1 KB with its line ends made CRLF.
fn renderings(count: usize) {
    let text = "A line of a short letter, as people write it.\n".repeat(22);
    let letter = Letter { text: text.into_bytes().into() };
    let rules = Rules {
        linesep: "\r\n".to_owned(),
        max_width: 78,
        seven_bit: true,
        mangle_from: false,
        utf8: false,
        binary: true,
        sending: true,
        sealed: false,
    };
    for _ in 0..count {
        let rope = render(black_box(&letter), &rules).expect("plain fields");
        black_box(rope.into_vec().expect("in memory"));
    }
}
