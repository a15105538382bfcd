//! Dialogues with the server's session. Both sides are checked, and each dialogue is replayed group
//! by group and octet by octet.

mod faults;

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Session};
use crate::catcher::fault::{BadCertificate, Disconnect, Fault, FaultPlan, FaultReply, Stage};
use crate::catcher::store::{Received, TlsFacts};
use crate::catcher::{Credentials, Dialect, Mechanism, Offer, Offers, Secured, Settings, TlsMode};

fn settings() -> Settings {
    let credentials = Credentials::new("ann".into(), "secret".into(), "token".into());
    Settings { hostname: "mx".into(), tls: TlsMode::None, ..Settings::new(credentials) }
}

fn bare() -> Settings {
    Settings { offers: Offers::NONE.with(Offer::Pipelining), ..settings() }
}

struct Server {
    session: Session,
    pending: Vec<u8>,
    said: Vec<u8>,
    effects: Vec<String>,
}

impl Server {
    fn new(settings: &Settings, faults: &[Fault]) -> Self {
        let plan = FaultPlan::default();
        for fault in faults {
            plan.add(fault.clone());
        }
        let session = Session::new(Arc::new(settings.clone()), Arc::new(plan), Arc::default(), "peer".into());
        let mut server = Server { session, pending: Vec::new(), said: Vec::new(), effects: Vec::new() };
        server.hear(b"");
        server
    }

    fn hear(&mut self, octets: &[u8]) {
        self.pending.extend_from_slice(octets);
        loop {
            self.said.append(self.session.output());
            while let Some(effect) = self.session.effect() {
                self.perform(effect);
            }
            let taken = self.session.receive(&self.pending, Duration::ZERO);
            self.pending.drain(..taken);
            if taken == 0 {
                break;
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send(octets) => self.said.extend(octets),
            Effect::UpgradeTls(bad) => {
                self.effects.push(format!("{bad:?}"));
                self.pending.clear();
                let facts = TlsFacts { version: "TLSv1.3".into(), cipher: "x".into(), server_name: None };
                self.session.secured(facts, Secured::default(), Duration::ZERO);
                self.said.append(self.session.output());
            }
            other => self.effects.push(format!("{other:?}")),
        }
    }
}

/// Runs a dialogue of `C: ` and `S: ` lines twice. All that the client says up to the next `S: ` is
/// sent in one piece.
fn converse(settings: &Settings, faults: &[Fault], dialogue: &str) -> Server {
    replay(settings, faults, dialogue, usize::MAX);
    replay(settings, faults, dialogue, 1)
}

fn replay(settings: &Settings, faults: &[Fault], dialogue: &str, piece: usize) -> Server {
    let mut server = Server::new(settings, faults);
    let mut group = Vec::new();
    for line in dialogue.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (side, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        if side == "C:" {
            group.extend_from_slice(text.as_bytes());
            group.extend_from_slice(b"\r\n");
            continue;
        }
        assert_eq!(side, "S:", "{line}");
        for octets in group.chunks(piece.min(group.len().max(1))) {
            server.hear(octets);
        }
        group.clear();
        let end = server.said.windows(2).position(|pair| pair == b"\r\n");
        let end = end.unwrap_or_else(|| panic!("nothing is said where {text:?} is due"));
        let said: Vec<u8> = server.said.drain(..end + 2).collect();
        assert_eq!(String::from_utf8_lossy(&said[..end]).trim_end(), text, "pieces of {piece}");
    }
    assert!(group.is_empty(), "a dialogue ends with the server");
    assert_eq!(String::from_utf8_lossy(&server.said), "", "more was said");
    server
}

fn data_of(server: &mut Server) -> Vec<Received> {
    std::mem::take(server.session.received())
}

#[test]
fn a_message_by_helo_and_data() {
    let mut server = converse(
        &bare(),
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: HELO me
         S: 250 mx greets me
         C: mail from:<a@example.org>
         S: 250 Sender ok
         C: rcpt to:<b@example.org>
         S: 250 Recipient ok
         C: data
         S: 354 End data with <CR><LF>.<CR><LF>
         C: Subject: dots
         C:
         C: ..one
         C: ..
         C: .
         S: 250 Ok: queued as 1
         C: QUIT
         S: 221 Bye",
    );
    let messages = data_of(&mut server);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].data, b"Subject: dots\r\n\r\n.one\r\n.\r\n");
    assert_eq!(messages[0].mail_from, "a@example.org");
    assert_eq!(messages[0].recipients[0].address, "b@example.org");
    assert_eq!(server.effects, ["Close(Fin)"]);
}

#[test]
fn ehlo_lists_what_is_offered() {
    // FUTURERELEASE announces a time that depends on the clock.
    let offers = Offers::all().without(Offer::FutureRelease);
    converse(
        &Settings { offers, ..settings() },
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250-SIZE 33554432
         S: 250-HELP
         S: 250-AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER
         S: 250-ENHANCEDSTATUSCODES
         S: 250-8BITMIME
         S: 250-DSN
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250-DELIVERBY
         S: 250-MT-PRIORITY
         S: 250-BINARYMIME
         S: 250-RRVS
         S: 250 XVERP",
    );
}

#[test]
fn the_order_of_commands_is_kept() {
    converse(
        &bare(),
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: MAIL FROM:<a@b>
         S: 503 EHLO or HELO comes first
         C: EHLO
         S: 501 Who are you? A domain or an address literal
         C: EHLO me
         S: 250-mx greets me
         S: 250 PIPELINING
         C: RCPT TO:<a@b>
         S: 503 MAIL comes first
         C: DATA
         S: 503 MAIL comes first
         C: MAIL FROM:<>
         S: 250 Sender ok
         C: MAIL FROM:<a@b>
         S: 503 A mail transaction is already open
         C: DATA
         S: 554 No valid recipients
         C: RCPT TO:<>
         S: 501 A forward-path can't be empty
         C: RCPT TO: <a@b>
         S: 501 the path must stand in angle brackets
         C: RSET
         S: 250 Ok
         C: RCPT TO:<a@b>
         S: 503 MAIL comes first
         C: LHLO me
         S: 500 Not in this protocol
         C: TURN
         S: 500 No such command
         C: STARTTLS
         S: 502 STARTTLS is not offered
         C: BDAT 3 LAST
         S: 502 BDAT is not offered
         C: AUTH PLAIN
         S: 502 AUTH is not offered
         C: MAIL FROM:<a@b> SIZE=1
         S: 555 The extension of this parameter isn't offered",
    );
}

#[test]
fn chunks_are_octets_and_not_lines() {
    let mut server = converse(
        &Settings { offers: Offers::NONE.with(Offer::Pipelining).with(Offer::Chunking), ..settings() },
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250 CHUNKING
         C: MAIL FROM:<a@b>
         C: RCPT TO:<c@d>
         C: BDAT 5
         C: ..x
         C: BDAT 12
         C: .
         C: QUIT
         C: .
         C: BDAT 0 LAST
         C: NOOP
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 250 5 octets received
         S: 250 12 octets received
         S: 250 Ok: queued as 1
         S: 250 Ok
         C: BDAT 7 LAST
         C: NOOP!
         S: 503 MAIL comes first
         C: MAIL FROM:<a@b>
         C: RCPT TO:<c@d>
         C: BDAT 3
         C: x
         C: DATA
         C: RCPT TO:<e@f>
         C: BDAT x
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 250 3 octets received
         S: 503 BDAT has begun, and DATA can't end it
         S: 503 Mail data has begun
         S: 501 BDAT takes a size, and LAST at the end",
    );
    let messages = data_of(&mut server);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].chunked);
    assert_eq!(messages[0].data, b"..x\r\n.\r\nQUIT\r\n.\r\n");
}

#[test]
fn too_much_is_refused_before_and_after() {
    let small = Settings {
        max_size: 10,
        max_recipients: 1,
        max_messages: Some(1),
        offers: Offers::NONE.with(Offer::Pipelining).with(Offer::Size).with(Offer::Limits),
        ..settings()
    };
    let mut server = converse(
        &small,
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250-SIZE 10
         S: 250 LIMITS MAILMAX=1 RCPTMAX=1
         C: MAIL FROM:<a@b> SIZE=11
         S: 552 The message is too big
         C: MAIL FROM:<a@b> SIZE=ten
         S: 501 A parameter has the wrong value
         C: MAIL FROM:<a@b> SIZE=10
         C: RCPT TO:<c@d>
         C: RCPT TO:<e@f>
         C: DATA
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 452 Too many recipients
         S: 354 End data with <CR><LF>.<CR><LF>
         C: 12345
         C: 12345
         C: .
         S: 552 The message is too big
         C: MAIL FROM:<a@b>
         C: RCPT TO:<c@d>
         C: DATA
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 354 End data with <CR><LF>.<CR><LF>
         C: 12345
         C: .
         S: 250 Ok: queued as 2
         C: MAIL FROM:<a@b>
         S: 421 Enough messages for one connection",
    );
    assert_eq!(data_of(&mut server).len(), 1);
}

#[test]
fn a_line_has_an_end_and_a_length() {
    let mut server = Server::new(&bare(), &[]);
    server.said.clear();
    server.hear(b"NOOP\nNOOP \rx\r\n");
    server.hear(&[b'x'; 5000]);
    server.hear(b"\r\nNOOP\r\n");
    let said = String::from_utf8_lossy(&server.said).into_owned();
    let codes: Vec<_> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["500", "501", "500", "250"]);
}

#[test]
fn nonsense_is_forgiven_for_a_while() {
    let mut server = Server::new(&bare(), &[]);
    server.hear(&b"X\r\n".repeat(200));
    assert!(server.said.ends_with(b"421 Too many errors\r\n"));
    assert_eq!(server.effects, ["Close(Fin)"]);
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let lmtp = Settings { dialect: Dialect::Lmtp, ..bare() };
    let full = Fault {
        address: Some("full@b".into()),
        reply: FaultReply::Reply { code: 452, wire: b"452 4.2.2 full\r\n".to_vec() },
        ..Fault::at(Stage::EndOfData)
    };
    let mut server = converse(
        &lmtp,
        &[full],
        "S: 220 mx LMTP rsmtp catcher
         C: EHLO me
         S: 500 Not in this protocol
         C: LHLO me
         S: 250-mx greets me
         S: 250 PIPELINING
         C: MAIL FROM:<a@b>
         C: RCPT TO:<one@b>
         C: RCPT TO:<full@b>
         C: RCPT TO:<two@b>
         C: DATA
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 250 Recipient ok
         S: 250 Recipient ok
         S: 354 End data with <CR><LF>.<CR><LF>
         C: .
         S: 250 Ok: queued as 1
         S: 452 4.2.2 full
         S: 250 Ok: queued as 1
         C: MAIL FROM:<a@b>
         C: DATA
         S: 250 Sender ok
         S: 503 No recipient was accepted",
    );
    let messages = data_of(&mut server);
    let recipients: Vec<_> = messages[0].recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(recipients, ["one@b", "two@b"]);
}

#[test]
fn secrets_are_masked_even_where_they_do_not_belong() {
    let auth = Settings { offers: bare().offers.with(Offer::Auth), require_auth: true, ..settings() };
    let server = converse(
        &auth,
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER
         C: MAIL FROM:<a@b>
         S: 530 Authentication required
         C: AUTH PLAIN c2VjcmV0
         S: 501 Not a response of this mechanism
         C: c2VjcmV0
         S: 500 No such command
         C: AUTH GSSAPI c2VjcmV0
         S: 504 That mechanism is not offered
         C: AUTH LOGIN
         S: 334 VXNlcm5hbWU6
         C: *
         S: 501 Cancelled, as you wish
         C: AUTH LOGIN YW5u
         S: 334 UGFzc3dvcmQ6
         C: d3Jvbmc=
         S: 535 Username or password is wrong
         C: AUTH PLAIN
         S: 334
         C: AGFubgBzZWNyZXQ=
         S: 235 Authenticated
         C: AUTH PLAIN c2VjcmV0
         S: 503 You are already authenticated
         C: MAIL FROM:<a@b>
         S: 250 Sender ok",
    );
    let lines = server.session.snapshot(false).conversation.lines();
    for secret in ["c2VjcmV0", "YW5u", "d3Jvbmc=", "AGFubgBzZWNyZXQ="] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret}");
    }
    assert!(lines.contains(&"C: AUTH LOGIN ****".to_owned()));
}

#[test]
fn starttls_forgets_what_was_learnt() {
    let tls = Settings {
        tls: TlsMode::StartTls,
        require_tls: true,
        offers: bare().offers.with(Offer::StartTls).with(Offer::Auth),
        ..settings()
    };
    let server = converse(
        &tls,
        &[],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250 STARTTLS
         C: AUTH PLAIN AGFubgBzZWNyZXQ=
         S: 538 AUTH needs TLS here: STARTTLS comes first
         C: MAIL FROM:<a@b>
         S: 530 Must issue a STARTTLS command first
         C: STARTTLS now
         S: 501 STARTTLS takes no argument
         C: STARTTLS
         S: 220 Ready to start TLS
         C: MAIL FROM:<a@b>
         S: 503 EHLO or HELO comes first
         C: EHLO me
         S: 250-mx greets me
         S: 250-PIPELINING
         S: 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER
         C: STARTTLS
         S: 503 TLS is already in use",
    );
    assert_eq!(server.effects, ["None"]);
}

#[test]
fn nothing_may_follow_starttls() {
    let tls = Settings { tls: TlsMode::StartTls, offers: Offers::all(), ..settings() };
    let mut server = Server::new(&tls, &[]);
    server.hear(b"STARTTLS\r\nRSET\r\n");
    assert_eq!(server.effects, ["Close(Fin)"]);
    assert!(server.said.ends_with(b"554 5.5.1 Nothing may follow STARTTLS before its reply\r\n"));
}

#[test]
fn pipelining_that_is_not_offered_is_an_error() {
    let plain = Settings { offers: Offers::NONE, ..settings() };
    let mut server = Server::new(&plain, &[]);
    server.hear(b"NOOP\r\nNOOP\r\n");
    assert!(server.said.ends_with(b"PIPELINING isn't offered\r\n"));
    assert_eq!(server.effects, ["Close(Fin)"]);
}

#[test]
fn implicit_tls_greets_after_the_handshake() {
    let implicit = Settings { tls: TlsMode::Implicit, ..bare() };
    let bad = Fault { certificate: Some(BadCertificate::Expired), ..Fault::at(Stage::Handshake) };
    let server = converse(&implicit, &[bad], "S: 220 mx ESMTP rsmtp catcher");
    assert_eq!(server.effects, ["Some(Expired)"]);
}

#[test]
fn an_unwelcome_client_can_only_quit() {
    let closed = Fault {
        reply: FaultReply::Reply { code: 554, wire: b"554 no\r\n".to_vec() },
        ..Fault::at(Stage::Greeting)
    };
    converse(
        &bare(),
        &[closed],
        "S: 554 no
         C: EHLO me
         S: 503 Not welcome here
         C: QUIT
         S: 221 Bye",
    );
}

/// Complete and broken lines that a client might send.
const SAYINGS: &[&[u8]] = &[
    b"EHLO me\r\n",
    b"HELO me\r\n",
    b"MAIL FROM:<a@b>\r\n",
    b"MAIL FROM:<\xc3\xa4@b> SMTPUTF8 SIZE=3\r\n",
    b"RCPT TO:<c@d>\r\n",
    b"RCPT TO:<\"@b>\r\n",
    b"DATA\r\n",
    b"BDAT 3\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT 99999999999999999999 LAST\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN =\r\n",
    b"AGFubgBzZWNyZXQ=\r\n",
    b"AUTH CRAM-MD5\r\n",
    b"*\r\n",
    b"STARTTLS\r\n",
    b"RSET\r\n",
    b"QUIT\r\n",
    b"\r\n.\r\n",
    b".",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b" ",
    b"text\r\n",
];

proptest::proptest! {
    /// No input, however it is cut, causes a panic or changes the replies.
    #[test]
    fn any_input_in_any_pieces(
        sayings in proptest::collection::vec(proptest::sample::select(SAYINGS), 0..40),
        piece in 1usize..50,
    ) {
        let input = sayings.concat();
        let replies = |piece: usize| {
            // CRAM-MD5's challenge differs each time, and STARTTLS ends a group.
            let settings = Settings { mechanisms: vec![Mechanism::Plain, Mechanism::Login], ..settings() };
            let mut server = Server::new(&settings, &[]);
            input.chunks(piece).for_each(|octets| server.hear(octets));
            (server.said.clone(), server.effects.clone(), data_of(&mut server).len())
        };
        proptest::prop_assert_eq!(replies(usize::MAX), replies(piece));
    }
}
