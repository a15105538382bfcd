use super::*;
use crate::protocol::transaction::{Fate, Transaction, Verdict};

/// A session that has been told to go on with mail data of so many octets.
fn at_mail_data(octets: usize) -> Session {
    let mut session = Session::new(Options::default());
    hear(&mut session, "220 hi");
    let request = Request::Transaction(Transaction {
        reverse_path: "a@example.org".parse().unwrap(),
        mail_parameters: Vec::new(),
        recipients: vec!["b@example.org".parse().unwrap()],
        rcpt_parameters: Vec::new(),
        cautious: false,
        body: Body::new(vec![b'x'; octets]),
    });
    session.request(request).unwrap();
    for reply in ["250 ok", "250 ok", "354 go on"] {
        while let Step::Send(octets) = session.step() {
            let all = octets.len();
            session.sent(all);
        }
        session.received(format!("{reply}\r\n").as_bytes()).unwrap();
    }
    session
}

fn hear(session: &mut Session, reply: &str) {
    session.received(format!("{reply}\r\n").as_bytes()).unwrap();
    assert!(matches!(session.step(), Step::Yield(Event::Reply(_))));
}

/// Takes one piece; whether there was any.
fn send_a_piece(session: &mut Session) -> bool {
    let Step::Send(octets) = session.step() else { return false };
    let all = octets.len();
    session.sent(all);
    true
}

#[test]
fn a_250_that_waits_before_the_final_dot_is_not_an_answer() {
    for octets in [10, 200_000] {
        let mut session = at_mail_data(octets);
        if octets > 10 {
            assert!(send_a_piece(&mut session));
            assert_eq!(session.stage(), Stage::MailData);
        }
        let error = session.received(b"250 queued\r\n").unwrap_err();
        assert_eq!(error.kind, Kind::Protocol);
        assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::NotSent);
        assert_eq!(session.state(), State::Broken);
        assert!(!send_a_piece(&mut session));
    }
}

/// Found by fuzzing: its first octet came before the end of mail data, so it answers
/// something else; but the whole message is with the server, who may have taken it.
#[test]
fn a_reply_that_began_before_it_was_due_is_no_answer() {
    let mut session = at_mail_data(10);
    session.received(b"2").unwrap();
    assert!(send_a_piece(&mut session));
    let error = session.received(b"50 queued\r\n").unwrap_err();
    assert_eq!((error.kind, error.stage), (Kind::Protocol, Stage::EndOfData));
    assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::Unknown);
    assert_eq!(session.state(), State::Broken);
}

#[test]
fn a_refusal_in_the_middle_of_mail_data_is_an_answer_and_the_end() {
    let mut session = at_mail_data(200_000);
    assert!(send_a_piece(&mut session));
    session.received(b"552 too much\r\n").unwrap();
    let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
    assert!(matches!(outcome.verdict, Verdict::DataRefused(reply) if reply.code() == 552));
    assert!(matches!(session.step(), Step::Idle));
    assert_eq!(session.state(), State::Broken);
}

#[test]
fn once_it_is_sent_whole_the_answer_counts() {
    let mut session = at_mail_data(200_000);
    while send_a_piece(&mut session) {}
    assert_eq!(session.stage(), Stage::EndOfData);
    session.received(b"250 queued\r\n").unwrap();
    let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
    assert_eq!(outcome.verdict, Verdict::Sent);
    assert_eq!(session.state(), State::Greeted);
}

/// All that is sent until the session waits or is idle.
fn say_all(session: &mut Session, said: &mut Vec<u8>) {
    while let Step::Send(octets) = session.step() {
        said.extend_from_slice(octets);
        let all = octets.len();
        session.sent(all);
    }
}

#[test]
fn a_large_message_goes_in_chunks_that_make_up_its_canonical_form() {
    let content: Vec<u8> = b"..a\rb\nc\r\n".repeat(70_000);
    let mut session = Session::new(Options::default());
    hear(&mut session, "220 hi");
    session.assume([("PIPELINING", ""), ("CHUNKING", "")].into_iter().collect());
    let request = Request::Transaction(Transaction {
        reverse_path: "a@example.org".parse().unwrap(),
        mail_parameters: Vec::new(),
        recipients: vec!["b@example.org".parse().unwrap()],
        rcpt_parameters: Vec::new(),
        cautious: false,
        body: Body::new(content),
    });
    session.request(request).unwrap();
    let mut said = Vec::new();
    say_all(&mut session, &mut said);
    assert!(said.len() < 400_000, "more than one chunk went out before the recipients were known");
    session.received(b"250 ok\r\n250 ok\r\n").unwrap();
    say_all(&mut session, &mut said);

    let (mut chunks, mut got) = (0, Vec::new());
    let mut rest = &said[said.windows(4).position(|w| w == b"BDAT").unwrap()..];
    while !rest.is_empty() {
        let end = rest.iter().position(|&b| b == b'\n').unwrap() + 1;
        let line = String::from_utf8(rest[..end].to_vec()).unwrap();
        let octets: usize = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
        got.extend_from_slice(&rest[end..end + octets]);
        rest = &rest[end + octets..];
        chunks += 1;
        assert_eq!(line.contains("LAST"), rest.is_empty());
    }
    assert_eq!((chunks, got), (3, b"..a\r\nb\r\nc\r\n".repeat(70_000)));
    for _ in 0..chunks {
        session.received(b"250 ok\r\n").unwrap();
    }
    let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
    assert_eq!(outcome.verdict, Verdict::Sent);
}

#[test]
fn no_bytes_from_the_wire_make_it_panic() {
    use proptest::prelude::*;
    proptest!(|(pieces in proptest::collection::vec("(220|250|354|334|421|550)[ -]?[a-z=]{0,8}(\r?\n)?|[\\PC]{0,6}", 0..12))| {
        let mut session = at_mail_data(100);
        for piece in pieces {
            let _ = session.received(piece.as_bytes());
            while send_a_piece(&mut session) {}
            while let Step::Yield(_) = session.step() {}
            let _ = session.request(Request::Command(Command::Rset));
        }
    });
}
