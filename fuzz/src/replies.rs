//! Replies. No octets make the reader panic or hold more than its limits. It finds what a plain
//! reading finds, wherever the stream is cut.

use rsmtp::protocol::reply::Reply;
use rsmtp::protocol::reply_reader::{Fault, LINE_LIMIT, REPLY_LIMIT, ReplyReader};

/// Long enough to reach the limits. A short input is repeated up to this length.
const MOST: usize = REPLY_LIMIT + 2 * LINE_LIMIT;

/// The input gives the size of the pieces, how often the rest is repeated, and the rest.
pub fn check(data: &[u8]) {
    let Some((&[piece, times], rest)) = data.split_first_chunk::<2>() else { return };
    let times = if times < 128 { 1 } else { usize::from(times - 127) * 64 };
    let times = times.min(MOST / rest.len().max(1) + 1);
    let wire = rest.repeat(times);
    let found = read(&wire, wire.len().max(1));
    assert_eq!(found, read(&wire, usize::from(piece) + 1), "where the stream is cut matters");
    assert_eq!(found, plainly(&wire));
    for reply in &found.0 {
        written_and_read_back(reply);
    }
}

/// The complete replies, and the reason why the stream ended, if it did.
type Found = (Vec<Reply>, Option<&'static str>);

fn read(wire: &[u8], piece: usize) -> Found {
    let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
    for mut piece in wire.chunks(piece) {
        while !piece.is_empty() {
            let (taken, found) = reader.read(piece);
            assert!(taken > 0 && taken <= piece.len(), "no progress");
            piece = &piece[taken..];
            match found {
                Ok(None) => {}
                Ok(Some(reply)) => {
                    replies.push(reply.clone());
                    // As a session does: the next one may be the same.
                    reader.keep(reply);
                }
                Err(fault) => {
                    assert!(fault.to_string().len() < 600, "a giant error message");
                    return (replies, Some(name(&fault)));
                }
            }
        }
    }
    (replies, None)
}

/// Names the fault. Both limits have one name, because the pieces decide which of them a long line
/// in a long reply reaches first.
fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::LineTooLong | Fault::ReplyTooLong => "too long",
        Fault::Malformed(_) => "malformed",
        Fault::CodeOutOfRange(..) => "out of range",
        Fault::CodeChanged(..) => "changed",
    }
}

fn plainly(wire: &[u8]) -> Found {
    let mut replies = Vec::new();
    let (mut code, mut lines, mut size): (Option<u16>, Vec<&[u8]>, usize) = (None, Vec::new(), 0);
    for line in wire.split_inclusive(|&b| b == b'\n') {
        size += line.len();
        if line.len() > LINE_LIMIT || size > REPLY_LIMIT {
            return (replies, Some("too long"));
        }
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let Some(digits) = digits.filter(|_| matches!(line.get(3), None | Some(b' ' | b'-'))) else {
            return (replies, Some("malformed"));
        };
        let number: u16 = std::str::from_utf8(digits).unwrap().parse().unwrap();
        if *code.get_or_insert(number) != number {
            return (replies, Some("changed"));
        }
        lines.push(line.get(4..).unwrap_or(b""));
        if line.get(3) != Some(&b'-') {
            if !(200..=599).contains(&number) {
                return (replies, Some("out of range"));
            }
            replies.push(Reply::new(number, lines.join(&b'\n')));
            (code, lines, size) = (None, Vec::new(), 0);
        }
    }
    (replies, None)
}

fn written_and_read_back(reply: &Reply) {
    let mut wire = Vec::new();
    reply.write_to(&mut wire);
    if wire.len() < LINE_LIMIT {
        assert_eq!(read(&wire, wire.len()), (vec![reply.clone()], None));
    }
    // A reply is shown to people as one line.
    assert!(!reply.to_string().contains('\n'));
    let _ = (reply.enhanced(), reply.severity());
}
