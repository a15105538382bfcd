//! Mail data, by DATA and by BDAT, piece by piece. The client sends the canonical content and
//! nothing else, and its end comes once and last, whatever the content is.

use super::wire::{canonical, has_bare_line_end, lines, message_in, unstuff};
use rsmtp::protocol::mail_data::{Decoder, Encoder, Framing, canonical_size};
use rsmtp::protocol::transaction::Transaction;
use rsmtp::protocol::{Body, Options, Request, Session, Step};

/// The input gives the size of the pieces, then the content.
pub fn check(data: &[u8]) {
    let Some((&piece, content)) = data.split_first() else { return };
    let piece = usize::from(piece) + 1;
    let canonical = canonical(content);
    assert_eq!(canonical_size(content), canonical.len() as u64);

    let chunk = encode(Framing::Chunk, content, piece);
    assert_eq!(chunk, canonical);
    let wire = encode(Framing::Data, content, piece);
    assert_eq!(wire, encode(Framing::Data, content, content.len().max(1)), "where it is cut matters");

    let mut expected = canonical.clone();
    if !expected.is_empty() && !expected.ends_with(b"\r\n") {
        expected.extend(b"\r\n");
    }
    assert!(!has_bare_line_end(&wire) && !has_bare_line_end(&chunk));
    let ends = lines(&wire).0.iter().filter(|line| **line == b".").count();
    assert_eq!((ends, unstuff(&wire)), (1, Some((expected.clone(), &b""[..]))));
    assert_eq!(decode(&wire, piece), expected);

    let said = through_a_session(content, "CHUNKING", &["250 ok", "250 ok"]);
    assert_eq!(message_in(&said), Some(canonical));
    let said = through_a_session(content, "8BITMIME", &["250 ok", "250 ok", "354 go on"]);
    assert_eq!(message_in(&said), Some(expected));
}

fn encode(framing: Framing, content: &[u8], piece: usize) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(framing), Vec::new());
    content.chunks(piece).for_each(|piece| encoder.encode(piece, &mut out));
    encoder.finish(&mut out);
    out
}

/// Decodes mail data with the project's own decoder.
fn decode(wire: &[u8], piece: usize) -> Vec<u8> {
    let (mut decoder, mut out, mut ended) = (Decoder::default(), Vec::new(), false);
    for piece in wire.chunks(piece) {
        assert!(!ended, "ended early");
        let (taken, end) = decoder.decode(piece, &mut out);
        assert_eq!(taken, piece.len());
        ended = end;
    }
    assert!(ended, "the end was not seen");
    out
}

/// Runs a transaction through a session, with its replies given one at a time.
fn through_a_session(content: &[u8], offer: &str, replies: &[&str]) -> Vec<u8> {
    let mut session = Session::new(Options { like_smtplib: true, ..Options::default() });
    let hear = |session: &mut Session, reply: &str| {
        session.received(format!("{reply}\r\n").as_bytes()).unwrap();
        take_all(session)
    };
    hear(&mut session, "220 mx.example");
    session.request(Request::Hello("client.example".parse().unwrap())).unwrap();
    take_all(&mut session);
    hear(&mut session, &format!("250-mx.example\r\n250 {offer}"));
    let (sender, recipient) = ("a@example.org".parse().unwrap(), "b@example.org".parse().unwrap());
    let transaction = Transaction::new(sender, [recipient], Body::new(content.to_vec()));
    session.request(Request::Transaction(transaction)).unwrap();
    let mut said = take_all(&mut session);
    replies.iter().for_each(|reply| said.extend(hear(&mut session, reply)));
    said
}

fn take_all(session: &mut Session) -> Vec<u8> {
    let mut said = Vec::new();
    loop {
        match session.step() {
            Step::Send(octets) => {
                let taken = octets.len();
                said.extend_from_slice(octets);
                session.sent(taken);
            }
            Step::Yield(_) => {}
            Step::Receive(_) | Step::Idle | Step::UpgradeTls | Step::Work => return said,
        }
    }
}
