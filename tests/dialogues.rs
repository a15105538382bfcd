//! Replays conversations in plain text, as a whole, by line and by byte.
//! `tests/dialogues/README.md` describes the format.

use rsmtp::protocol::auth::{ChannelBinding, Credentials, Mechanism, Secret};
use rsmtp::protocol::command::Command;
use rsmtp::protocol::session::{Options, Plaintext};
use rsmtp::protocol::transaction::{DeliveryOptions, Fate, MailOption, RcptOption, Transaction, Verdict};
use rsmtp::protocol::xclient::Xclient;
use rsmtp::protocol::{Body, Error, Event, Request, Session, Step};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// The server's adjacent lines arrive in one write.
    Whole,
    Line,
    /// One octet at a time in both directions.
    Byte,
}

struct Replay {
    pace: Pace,
    session: Session,
    /// The part of the client's output that the dialogue has not matched yet.
    said: Vec<u8>,
    /// The events that the dialogue has not matched yet.
    came: Vec<String>,
    tls_due: bool,
}

#[test]
fn dialogues() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut replayed = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "smtp") {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            for pace in [Pace::Whole, Pace::Line, Pace::Byte] {
                if catch_unwind(|| replay(&name, &text, pace)).is_err() {
                    failed.push(format!("{name} {pace:?}"));
                }
            }
            replayed += 1;
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(replayed > 30, "only {replayed} dialogues were found");
}

fn replay(name: &str, text: &str, pace: Pace) {
    let options = options(text.lines().find_map(|line| line.strip_prefix("options: ")).unwrap_or(""));
    let mut session = Session::new(options);
    // The nonces from the examples in RFC 5802 section 5 and RFC 7677 section 3.
    session.draw_nonces(match text.contains("fyko+d2lbbFgONRv9qkxdawL") {
        true => || Some("fyko+d2lbbFgONRv9qkxdawL".to_owned()),
        false => || Some("rOprNGfwEbeRWgbNEkqO".to_owned()),
    });
    let mut replay = Replay { pace, session, said: Vec::new(), came: Vec::new(), tls_due: false };
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        let (mark, rest) = line.split_at(line.find(' ').map_or(line.len(), |space| space + 1));
        let context = format!("{name}, line {at}, {pace:?}: {line}");
        match mark.trim_end() {
            "" | "#" | "options:" => {}
            "!" => {
                let body: Vec<&str> = lines[at..].iter().map_while(|line| line.strip_prefix("| ")).collect();
                at += body.len();
                replay.ask(rest, &body, &context);
            }
            "S:" => {
                let mut wire = unescape(rest);
                while replay.pace == Pace::Whole && at < lines.len() && lines[at].starts_with("S: ") {
                    wire.extend(unescape(&lines[at][3..]));
                    at += 1;
                }
                replay.server_says(&wire);
            }
            "S-eof" => {
                let ended = replay.session.received_eof();
                replay.note(ended);
                replay.pump();
            }
            "C:" => replay.client_said(&unescape(rest), &context),
            "TLS" => {
                assert!(replay.tls_due, "{context}: TLS is not due");
                replay.tls_due = false;
                // The binding has the given length, and its octets count up from 0.
                let binding = rest.split_once(' ').map(|(name, octets)| ChannelBinding {
                    name: if name == "tls-exporter" { "tls-exporter" } else { "tls-server-end-point" },
                    data: (0..octets.parse().expect(&context)).collect(),
                });
                replay.session.tls_established(binding.into_iter().collect(), rest != "unverified");
                replay.pump();
            }
            "=" => {
                assert!(!replay.came.is_empty(), "{context}: nothing came of it");
                assert_eq!(replay.came.remove(0), rest, "{context}");
            }
            "~" => assert_eq!(replay.session.state().name(), rest, "{context}"),
            "legal:" => {
                let legal: Vec<&str> = replay.session.legal().into_iter().map(|verb| verb.name()).collect();
                assert_eq!(legal.join(" "), rest, "{context}");
            }
            other => panic!("{context}: what is {other:?}?"),
        }
    }
    assert!(replay.said.is_empty(), "{name}: unmatched: {}", replay.said.escape_ascii());
    assert!(replay.came.is_empty(), "{name}: unmatched: {:?}", replay.came);
}

impl Replay {
    fn ask(&mut self, request: &str, body: &[&str], context: &str) {
        let words: Vec<&str> = request.split(' ').collect();
        let asked = match words[..] {
            ["respond", response] => self.session.respond(Some(response.as_bytes())),
            ["cancel"] => self.session.respond(None),
            ["raw", ..] => self.session.raw(&unescape(&request[4..])),
            ["expect"] => self.session.expect_reply(),
            ["timeout"] => {
                let stage = self.session.stage();
                let kind = rsmtp::protocol::Kind::Timeout;
                Err(self.session.fail(Error::new(kind, stage, format!("timed out at {stage}"))))
            }
            _ => {
                let content = body.iter().map(|line| format!("{line}\n")).collect::<String>();
                self.session.request(parse(&words, unescape_text(&content), context))
            }
        };
        self.note(asked);
        self.pump();
    }

    fn server_says(&mut self, wire: &[u8]) {
        let pieces: Vec<&[u8]> = match self.pace {
            Pace::Byte => wire.chunks(1).collect(),
            _ => vec![wire],
        };
        for piece in pieces {
            let heard = self.session.received(piece);
            let failed = heard.is_err();
            self.note(heard);
            self.pump();
            if failed {
                break;
            }
        }
    }

    fn client_said(&mut self, wire: &[u8], context: &str) {
        let said = self.said.get(..wire.len()).unwrap_or(&self.said);
        assert_eq!(said.escape_ascii().to_string(), wire.escape_ascii().to_string(), "{context}");
        self.said.drain(..wire.len());
    }

    fn note(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            while let Some(event) = self.session.decided() {
                self.came.push(describe(&event));
            }
            self.came.push(describe_error(&error));
        }
    }

    fn pump(&mut self) {
        loop {
            match self.session.step() {
                Step::Send(octets) => {
                    let taken = if self.pace == Pace::Byte { 1 } else { octets.len() };
                    self.said.extend_from_slice(&octets[..taken]);
                    self.session.sent(taken);
                }
                Step::Yield(event) => self.came.push(describe(&event)),
                Step::UpgradeTls => {
                    self.tls_due = true;
                    return;
                }
                Step::Work => self.session.work(),
                Step::Receive(_) | Step::Idle => break,
            }
        }
        for outcome in self.session.take_stranded() {
            self.came.push(format!("stranded; {}", describe(&Event::Transaction(outcome))));
        }
    }
}

fn options(text: &str) -> Options {
    let has = |word: &str| text.split(' ').any(|given| given == word);
    assert!(has_only_known(text), "unknown option in {text}");
    Options {
        lmtp: has("lmtp"),
        pipelining: !has("no-pipelining"),
        chunking: !has("no-chunking"),
        implicit_tls: has("implicit-tls"),
        plaintext: match () {
            () if has("plaintext-auth") => Plaintext::Everything,
            () if has("no-plaintext") => Plaintext::Local,
            () => Plaintext::Mail,
        },
        like_smtplib: has("like-smtplib"),
        largest: text.split(' ').find_map(|word| word.strip_prefix(LARGEST)?.parse().ok()),
        most_recipients: None,
    }
}

/// A known fact about the server: the largest message in octets.
const LARGEST: &str = "largest=";

fn has_only_known(text: &str) -> bool {
    let known = [
        "lmtp",
        "no-pipelining",
        "no-chunking",
        "implicit-tls",
        "plaintext-auth",
        "no-plaintext",
        "like-smtplib",
        "",
    ];
    text.split(' ').all(|word| known.contains(&word) || word.starts_with(LARGEST))
}

fn parse(words: &[&str], content: String, context: &str) -> Request {
    let password = |user: &str, password: &str| {
        Credentials::new(user, Secret::Password(password.to_owned())).expect(context)
    };
    let body = || Body::new(content.clone().into_bytes());
    match *words {
        ["hello", name] => Request::Hello(name.parse().expect(context)),
        ["ehlo", name] => Request::Command(Command::Ehlo(name.parse().expect(context))),
        ["lhlo", name] => Request::Command(Command::Lhlo(name.parse().expect(context))),
        ["helo", name] => Request::Command(Command::Helo(name.parse().expect(context))),
        ["starttls"] => Request::Command(Command::StartTls),
        ["login", user, secret] => {
            Request::Login { credentials: password(user, secret), initial_response: true }
        }
        ["login", user, secret, "with", mechanism] => Request::Login {
            credentials: password(user, secret)
                .by(Mechanism::from_name(mechanism).expect(context))
                .expect(context),
            initial_response: false,
        },
        ["token", user, token] => Request::Login {
            credentials: Credentials::new(user, Secret::AccessToken(token.to_owned())).expect(context),
            initial_response: true,
        },
        ["certificate", user] => Request::Login {
            credentials: Credentials::new(user, Secret::Certificate).expect(context),
            initial_response: true,
        },
        ["certificate"] => Request::Login {
            credentials: Credentials::new("", Secret::Certificate).expect(context),
            initial_response: true,
        },
        ["auth", mechanism] => Request::AuthBy { mechanism: mechanism.to_owned(), initial_response: None },
        ["mail", path, ref options @ ..] => Request::Command(Command::Mail(
            path.parse().expect(context),
            options.iter().map(|option| option.parse().expect(context)).collect(),
        )),
        ["rcpt", path] => Request::Command(Command::Rcpt(path.parse().expect(context), Vec::new())),
        ["data"] => Request::MailData(body()),
        ["send", from, to, ref options @ ..] => Request::Transaction(Transaction {
            reverse_path: from.parse().expect(context),
            mail_parameters: Vec::new(),
            recipients: to.split(',').map(|path| path.parse().expect(context)).collect(),
            rcpt_parameters: Vec::new(),
            options: (!options.is_empty()).then(|| Arc::new(delivery(options, context))),
            cautious: false,
            body: body(),
        }),
        ["rset"] => Request::Command(Command::Rset),
        ["noop"] => Request::Command(Command::Noop(None)),
        ["vrfy", who] => Request::Command(Command::Vrfy(who.parse().expect(context))),
        ["xclient", ref attributes @ ..] => {
            let mut client = Xclient::default();
            for (name, value) in attributes.iter().map(|word| word.split_once('=').expect(context)) {
                client.add(name.parse().expect(context), value).expect(context);
            }
            Request::Command(Command::Xclient(client))
        }
        ["quit"] => Request::Command(Command::Quit),
        ["free", ..] => Request::Command(Command::Free(words[1..].join(" ").parse().expect(context))),
        _ => panic!("{context}: no such request"),
    }
}

/// Reads options of MAIL and RCPT, and `if-offered`. `b@example.org:NOTIFY=NEVER` is an option of
/// one recipient.
fn delivery(words: &[&str], context: &str) -> DeliveryOptions {
    let mut options = DeliveryOptions::default();
    for word in words {
        if *word == "if-offered" {
            options.if_offered = true;
            continue;
        }
        let (whose, text) = match word.split_once(':').filter(|(whose, _)| whose.contains('@')) {
            Some((address, text)) => (Some(address), text),
            None => (None, *word),
        };
        let (keyword, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
        match (MailOption::read(keyword, value), RcptOption::read(keyword, value), whose) {
            (Some(option), _, None) => options.mail.push(option.expect(context)),
            (_, Some(option), None) => options.rcpt.push(option.expect(context)),
            (_, Some(option), Some(address)) => {
                options.own.entry(address.to_owned()).or_default().push(option.expect(context));
            }
            _ => panic!("{context}: what is {word:?}?"),
        }
    }
    options
}

fn describe(event: &Event) -> String {
    match event {
        Event::Reply(reply) => format!("reply {reply}"),
        Event::Secured(reply) => format!("secured {reply}"),
        Event::Challenge(challenge) => format!("challenge {}", challenge.escape_ascii()),
        Event::Auth { accepted: true, reply } => format!("authenticated {reply}"),
        Event::Auth { accepted: false, reply } => format!("not authenticated {reply}"),
        Event::DataRefused(reply) => format!("data refused {reply}"),
        Event::Opened(opened) => format!("opened {:?}", opened.greeting.as_ref().map(ToString::to_string)),
        Event::EndHeld => "an end is held".to_owned(),
        Event::Unreadable(why) => format!("unreadable: {}", why.message),
        Event::Transaction(outcome) => {
            let verdict = match &outcome.verdict {
                Verdict::Sent => "sent".to_owned(),
                Verdict::SenderRefused(reply) => format!("sender refused {}", reply.code()),
                Verdict::OutOfSequence(reply) => format!("out of sequence {}", reply.code()),
                Verdict::RecipientsRefused => "recipients refused".to_owned(),
                Verdict::DataRefused(reply) => format!("data refused {}", reply.code()),
                Verdict::Unreadable(why) => format!("unreadable: {}", why.message),
                Verdict::Lost => "lost".to_owned(),
            };
            format!("{verdict}{}", fates(&outcome.recipients))
        }
    }
}

fn fates(recipients: &[(rsmtp::address::ForwardPath, Fate)]) -> String {
    let fate = |fate: &Fate| match fate {
        Fate::Sent(reply) => format!("sent {}", reply.code()),
        Fate::Refused(stage, reply) => format!("refused at {stage} {}", reply.code()),
        Fate::Unknown => "unknown".to_owned(),
        Fate::NotSent => "not sent".to_owned(),
    };
    recipients.iter().map(|(path, what)| format!("; {path} {}", fate(what))).collect()
}

fn describe_error(error: &Error) -> String {
    let fates = error.outcome.as_deref().map_or(String::new(), |outcome| fates(&outcome.recipients));
    format!("error {} at {}: {error}{fates}", error.kind.name(), error.stage)
}

/// Reads one line and adds its CRLF. `\n` at the end means a bare LF instead, `\c` means no line
/// end, and `\xNN` is an octet.
fn unescape(text: &str) -> Vec<u8> {
    let (text, end) = match (text.strip_suffix("\\n"), text.strip_suffix("\\c")) {
        (Some(text), _) => (text, &b"\n"[..]),
        (_, Some(text)) => (text, &b""[..]),
        _ => (text, &b"\r\n"[..]),
    };
    let mut wire = unescape_octets(text);
    wire.extend_from_slice(end);
    wire
}

fn unescape_text(text: &str) -> String {
    String::from_utf8(unescape_octets(text)).expect("the body of a dialogue is UTF-8")
}

fn unescape_octets(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        wire.extend_from_slice(&rest.as_bytes()[..at]);
        wire.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).expect("two hexadecimal digits"));
        rest = &rest[at + 4..];
    }
    wire.extend_from_slice(rest.as_bytes());
    wire
}
