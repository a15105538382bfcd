use super::*;
use crate::protocol::body::Body;
use crate::protocol::body::tests::Failing;
use crate::protocol::command::Command;
use crate::protocol::error::{Advice, Kind};
use crate::protocol::event::{Event, Request, Step};
use crate::protocol::transaction::{Fate, Transaction, Verdict};

/// A session that has started to send this much mail data.
fn at_mail_data(octets: usize) -> Session {
    let mut session = Session::new(Options::default());
    hear(&mut session, "220 hi");
    session.request(message(Body::new(vec![b'x'; octets]))).unwrap();
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

#[test]
fn a_reply_in_which_there_was_no_secret_is_masked_once_it_tells_one() {
    let mut session = Session::new(Options::default());
    session.stays_on_this_machine();
    hear(&mut session, "220 hi");
    let mut said = |request: Request, reply: &str| {
        session.request(request).unwrap();
        while send_a_piece(&mut session) {}
        session.received(format!("{reply}\r\n").as_bytes()).unwrap();
        match session.step() {
            Step::Yield(Event::Reply(reply) | Event::Auth { reply, .. }) => reply.to_string(),
            step => panic!("{step:?}"),
        }
    };
    let noop = || Request::Command(Command::Noop(None));
    for _ in 0..2 {
        assert_eq!(said(noop(), "250 hunter22"), "250 hunter22");
    }
    let login = Request::AuthBy {
        mechanism: "PLAIN".to_owned(),
        initial_response: Some(b"\0alice\0hunter22".to_vec()),
    };
    said(login, "235 welcome");
    for _ in 0..2 {
        assert!(!said(noop(), "250 hunter22").contains("hunter22"));
    }
}

/// Takes one piece. Returns whether there was any.
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

/// Found by fuzzing: the reply's first octet came before the end of mail data, so it answers
/// something else. But the server has the whole message and may have accepted it.
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

/// Everything sent until the session waits, is idle or yields an event.
fn say_all(session: &mut Session, said: &mut Vec<u8>) -> Option<Event> {
    loop {
        match session.step() {
            Step::Send(octets) => {
                said.extend_from_slice(octets);
                let all = octets.len();
                session.sent(all);
            }
            Step::Yield(event) => return Some(event),
            _ => return None,
        }
    }
}

/// A session with a server that is known to accept chunks.
fn with_chunks() -> Session {
    let mut session = offering_chunks();
    session.request(message(Body::new("the first"))).unwrap();
    assert!(say_all(&mut session, &mut Vec::new()).is_none());
    session.received(&b"250 ok\r\n".repeat(3)).unwrap();
    assert!(matches!(session.step(), Step::Yield(Event::Transaction(_))));
    session
}

fn offering_chunks() -> Session {
    let mut session = Session::new(Options::default());
    hear(&mut session, "220 hi");
    session.assume([("PIPELINING", ""), ("CHUNKING", "")].into_iter().collect());
    session
}

#[test]
fn behind_the_first_chunk_of_a_session_nothing_goes_out_before_its_answer() {
    let mut session = offering_chunks();
    session.request(message(Body::new(vec![b'x'; 600_000]))).unwrap();
    let mut said = Vec::new();
    assert!(say_all(&mut session, &mut said).is_none());
    session.received(&b"250 ok\r\n".repeat(2)).unwrap();
    assert!(say_all(&mut session, &mut said).is_none());
    assert!(said.len() < 400_000 && !session.takes_transaction());
    session.received(b"250 ok\r\n").unwrap();
    assert!(say_all(&mut session, &mut said).is_none());
    assert!(said.len() > 600_000 && session.takes_transaction());
}

/// The rest must not be sent as a message of its own: a server that accepts it would deliver a
/// part.
#[test]
fn where_the_first_of_many_chunks_is_not_taken_the_others_stay_here() {
    for refusal in ["500 what", "502 what", "503 what", "504 what"] {
        let mut session = offering_chunks();
        session.request(message(Body::new(vec![b'x'; 600_000]))).unwrap();
        let mut said = Vec::new();
        say_all(&mut session, &mut said);
        session.received(&b"250 ok\r\n".repeat(2)).unwrap();
        say_all(&mut session, &mut said);
        let error = session.received(format!("{refusal}\r\n").as_bytes()).unwrap_err();
        assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::NotSent);
        assert!(!said.windows(5).any(|octets| octets == b" LAST"));
    }
}

/// Found by hand: 2yz to the end after a refused chunk. The messages behind it may have arrived,
/// too.
#[test]
fn where_a_chunk_is_refused_and_the_end_taken_the_message_is_unknown() {
    let mut session = with_chunks();
    session.request(message(Body::new(vec![b'x'; 300_000]))).unwrap();
    let mut said = Vec::new();
    say_all(&mut session, &mut said);
    session.received(&b"250 ok\r\n".repeat(2)).unwrap();
    say_all(&mut session, &mut said);
    session.request(message(Body::new("behind it"))).unwrap();
    say_all(&mut session, &mut said);
    session.received(b"552 full\r\n").unwrap();
    let error = session.received(b"250 taken\r\n").unwrap_err();
    assert_eq!((error.kind, error.stage), (Kind::Protocol, Stage::EndOfData));
    assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::Unknown);
    assert_eq!(session.take_stranded()[0].recipients[0].1, Fate::Unknown);
}

#[test]
fn a_large_message_goes_in_chunks_that_make_up_its_canonical_form() {
    let lines = b"..a\r\nb\r\nc\r\n";
    // Content that is in memory as it will be sent is sent in growing chunks.
    for (content, canonical, sizes) in [
        (b"..a\rb\nc\r\n".repeat(70_000), lines.repeat(70_000), vec![320_398, 320_398, 129_204]),
        (lines.repeat(200_000), lines.repeat(200_000), vec![262_144, 1_048_576, 889_280]),
    ] {
        let mut session = with_chunks();
        session.request(message(Body::new(content))).unwrap();
        let mut said = Vec::new();
        say_all(&mut session, &mut said);
        assert!(said.len() < 400_000, "more than one chunk went out before the recipients were known");
        session.received(b"250 ok\r\n250 ok\r\n").unwrap();
        say_all(&mut session, &mut said);

        let (mut chunks, mut got) = (Vec::new(), Vec::new());
        let mut rest = &said[said.windows(4).position(|w| w == b"BDAT").unwrap()..];
        while !rest.is_empty() {
            let end = rest.iter().position(|&b| b == b'\n').unwrap() + 1;
            let line = String::from_utf8(rest[..end].to_vec()).unwrap();
            let octets: usize = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
            got.extend_from_slice(&rest[end..end + octets]);
            rest = &rest[end + octets..];
            chunks.push(octets);
            assert_eq!(line.contains("LAST"), rest.is_empty());
        }
        assert_eq!(chunks, sizes);
        assert!(got == canonical);
        for _ in chunks {
            session.received(b"250 ok\r\n").unwrap();
        }
        let Step::Yield(Event::Transaction(outcome)) = session.step() else { panic!("no outcome") };
        assert_eq!(outcome.verdict, Verdict::Sent);
    }
}

/// A server that doesn't know BDAT says so when it has read the line, when the chunk may still be
/// in transit.
#[test]
fn bdat_that_is_denied_before_its_chunk_is_said_whole_is_no_refusal_of_the_message() {
    let mut session = offering_chunks();
    session.request(message(Body::new(vec![b'x'; 100_000]))).unwrap();
    session.sent(1000);
    let error = session.received(b"250 ok\r\n250 ok\r\n502 what?\r\n").unwrap_err();
    assert_eq!(error.advice, Some(Advice::WithoutChunking));
    assert_eq!(error.outcome.unwrap().recipients[0].1, Fate::NotSent);
}

#[test]
fn a_large_message_is_dotted_where_its_lines_begin_with_dots_and_its_end_is_behind_it() {
    let many = |line: &[u8]| line.repeat(500_000);
    let content =
        [many(b"x\r\n"), b"one\r\n.two\r\n".repeat(1000), many(b"y\r\n"), b"the end".to_vec()].concat();
    let dotted =
        [many(b"x\r\n"), b"one\r\n..two\r\n".repeat(1000), many(b"y\r\n"), b"the end\r\n.\r\n".to_vec()];
    for (offered, asks, wire) in
        [("PIPELINING", "354 go on", dotted.concat()), ("CHUNKING", "250 ok", content.clone())]
    {
        let mut session = with_chunks();
        session.assume(["PIPELINING", offered].into_iter().map(|keyword| (keyword, "")).collect());
        session.request(message(Body::new(content.clone()))).unwrap();
        let mut said = Vec::new();
        say_all(&mut session, &mut said);
        let begun = said.windows(4).position(|w| w == b"BDAT").unwrap_or(said.len());
        said.drain(..begun);
        session.received(format!("250 ok\r\n250 ok\r\n{asks}\r\n").as_bytes()).unwrap();
        while !session.takes_quit() {
            let Step::Send(octets) = session.step() else { panic!("it does not go on") };
            said.extend_from_slice(octets);
            let octets = octets.len();
            session.sent(octets);
        }
        session.request(Request::Command(Command::Quit)).unwrap();
        say_all(&mut session, &mut said);
        while let Some(at) = said.windows(5).position(|w| w == b"BDAT ") {
            let line = said[at..].iter().position(|&b| b == b'\n').unwrap();
            said.drain(at..=at + line);
        }
        assert!(said == [wire, b"QUIT\r\n".to_vec()].concat(), "{offered}");
    }
}

fn message(body: Body) -> Request {
    let (sender, recipient) = ("a@example.org".parse().unwrap(), "b@example.org".parse().unwrap());
    Request::Transaction(Transaction::new(sender, [recipient], body))
}

/// What is sent, and the outcome, if only this many octets of 600,000 can be read.
fn cut_short(readable: u64, offered: &str, replies: &[&str]) -> (Session, String) {
    let mut session = with_chunks();
    session.assume(offered.split(' ').map(|keyword| (keyword, "")).collect());
    session.request(message(Body::on_demand(Failing { octets: 600_000, readable }))).unwrap();
    let mut said = Vec::new();
    for reply in replies {
        assert!(say_all(&mut session, &mut said).is_none());
        session.received(format!("{reply}\r\n").as_bytes()).unwrap();
    }
    let Some(Event::Transaction(outcome)) = say_all(&mut session, &mut said) else { panic!("no outcome") };
    assert_eq!(outcome.recipients[0].1, Fate::NotSent);
    assert!(matches!(&outcome.verdict, Verdict::Unreadable(why) if why.message == "the disk is gone"));
    (session, String::from_utf8(said).unwrap())
}

#[test]
fn after_data_only_a_lost_connection_takes_back_what_cannot_be_read() {
    for readable in [0, 100_000, 599_999] {
        let (mut session, said) = cut_short(readable, "PIPELINING", &["250 ok", "250 ok", "354 go on"]);
        let (_, data) = said.split_once("DATA\r\n").unwrap();
        assert!(!data.contains('.') && data.len() as u64 <= readable);
        assert_eq!(session.state(), State::Broken);
        assert!(session.request(Request::Command(Command::Rset)).is_err());
    }
}

#[test]
fn between_chunks_rset_takes_back_what_cannot_be_read() {
    for (readable, offered, replies) in [
        (0, "CHUNKING PIPELINING", &["250 ok", "250 ok", "250 reset"][..]),
        (0, "CHUNKING", &["250 ok", "250 ok", "250 reset"]),
        (300_000, "CHUNKING PIPELINING", &["250 ok", "250 ok", "250 chunk", "250 reset"]),
        (300_000, "CHUNKING", &["250 ok", "250 ok", "250 chunk", "250 reset"]),
        (599_999, "CHUNKING PIPELINING", &["250 ok", "250 ok", "250 chunk", "250 chunk", "250 reset"]),
        // A further refusal changes nothing.
        (300_000, "CHUNKING PIPELINING", &["250 ok", "250 ok", "552 full", "250 reset"]),
    ] {
        let (mut session, said) = cut_short(readable, offered, replies);
        assert!(!said.contains("LAST") && said.ends_with("RSET\r\n"), "{offered} {readable}");
        assert_eq!(said.matches("RSET").count(), 1);
        assert_eq!(said.matches("BDAT").count() as u64, readable / (256 * 1024));
        assert_eq!(session.state(), State::Greeted);
        session.request(Request::Command(Command::Noop(None))).unwrap();
        assert!(send_a_piece(&mut session));
        hear(&mut session, "250 ok");
    }
}

#[test]
fn a_message_that_cannot_be_read_leaves_those_ahead_of_it_alone() {
    let mut session = with_chunks();
    session.request(message(Body::new("fine"))).unwrap();
    assert!(session.takes_transaction());
    session.request(message(Body::on_demand(Failing { octets: 9, readable: 5 }))).unwrap();
    assert!(!session.takes_transaction());
    let mut said = Vec::new();
    assert!(say_all(&mut session, &mut said).is_none());
    assert!(said.ends_with(b"RCPT TO:<b@example.org>\r\nRSET\r\n"));
    session.received(&b"250 ok\r\n".repeat(3)).unwrap();
    let Some(Event::Transaction(first)) = say_all(&mut session, &mut said) else { panic!("no outcome") };
    assert_eq!(first.verdict, Verdict::Sent);
    session.received(&b"250 ok\r\n".repeat(4)).unwrap();
    let Some(Event::Transaction(second)) = say_all(&mut session, &mut said) else { panic!("no outcome") };
    assert!(matches!(second.verdict, Verdict::Unreadable(_)));
    assert!(session.takes_transaction());
}

#[test]
fn mail_data_of_its_own_that_cannot_be_read_ends_the_session() {
    let mut session = Session::new(Options::default());
    hear(&mut session, "220 hi");
    session
        .request(Request::MailData(Body::on_demand(Failing { octets: 600_000, readable: 70_000 })))
        .unwrap();
    let mut said = Vec::new();
    say_all(&mut session, &mut said);
    session.received(b"354 go on\r\n").unwrap();
    assert!(matches!(say_all(&mut session, &mut said), Some(Event::Unreadable(_))));
    assert_eq!((session.state(), said.contains(&b'.')), (State::Broken, false));
}

/// Found by fuzzing: the waiting chunks belong to the last transaction, whatever becomes of
/// earlier ones.
#[test]
fn a_refusal_ahead_takes_no_chunks_from_a_large_message() {
    let mut session = with_chunks();
    session.request(message(Body::new("small"))).unwrap();
    session.request(message(Body::new(vec![b'x'; 600_000]))).unwrap();
    let mut said = Vec::new();
    assert!(say_all(&mut session, &mut said).is_none());
    session.received(b"250 ok\r\n550 no\r\n").unwrap();
    assert!(say_all(&mut session, &mut said).is_none());
    assert!(said.len() < 400_000, "more went out before the recipients were known");
    session.received(b"554 no valid recipients\r\n").unwrap();
    let Some(Event::Transaction(first)) = say_all(&mut session, &mut said) else { panic!("no outcome") };
    assert_eq!(first.verdict, Verdict::RecipientsRefused);
    session.received(&b"250 ok\r\n".repeat(3)).unwrap();
    assert!(say_all(&mut session, &mut said).is_none());
    assert!(said.len() > 600_000 && said.windows(5).any(|octets| octets == b" LAST"));
    session.received(&b"250 ok\r\n".repeat(2)).unwrap();
    let Some(Event::Transaction(second)) = say_all(&mut session, &mut said) else { panic!("no outcome") };
    assert_eq!(second.verdict, Verdict::Sent);
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
