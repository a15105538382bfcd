//! A conversation as octets. The server's text stands for itself. An octet from 0xF0 up, which
//! never occurs in UTF-8 text, begins another kind of step with one octet of argument. A change to
//! any octet leaves a script that can be played.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The server sends these octets.
    Hear(Vec<u8>),
    /// The caller makes this request of `session::REQUESTS`.
    Ask(u8),
    /// The caller sends a message. The octet chooses the number of recipients, the sender and the
    /// body.
    Send(u8),
    /// From now on the connection takes this many octets at a time, or all of them if 0.
    Take(u8),
    /// TLS is established, if it is due.
    Secure,
    /// The server closes its side.
    Eof,
    /// A deadline passes.
    TimeOut,
    /// All pending output is sent.
    Pump,
}

const ASK: u8 = 0xF0;
const SEND: u8 = 0xF1;
const TAKE: u8 = 0xF2;
const SECURE: u8 = 0xF3;
const EOF: u8 = 0xF4;
const TIME_OUT: u8 = 0xF5;
const PUMP: u8 = 0xF6;
/// The next octet is the server's, even if it is 0xF0 or above.
const LITERAL: u8 = 0xFF;

pub fn read(script: &[u8]) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut heard = Vec::new();
    let mut octets = script.iter().copied();
    while let Some(octet) = octets.next() {
        if octet < 0xF0 {
            heard.push(octet);
            continue;
        }
        let argument = octets.next().unwrap_or(0);
        let next = match octet {
            ASK => Move::Ask(argument),
            SEND => Move::Send(argument),
            TAKE => Move::Take(argument),
            SECURE => Move::Secure,
            EOF => Move::Eof,
            TIME_OUT => Move::TimeOut,
            PUMP => Move::Pump,
            _ => {
                heard.push(argument);
                continue;
            }
        };
        if !heard.is_empty() {
            moves.push(Move::Hear(std::mem::take(&mut heard)));
        }
        moves.push(next);
    }
    if !heard.is_empty() {
        moves.push(Move::Hear(heard));
    }
    moves
}

pub fn write(moves: &[Move]) -> Vec<u8> {
    let mut script = Vec::new();
    for one in moves {
        match one {
            Move::Hear(octets) => octets.iter().for_each(|&octet| {
                if octet >= 0xF0 {
                    script.push(LITERAL);
                }
                script.push(octet);
            }),
            Move::Ask(which) => script.extend([ASK, *which]),
            Move::Send(which) => script.extend([SEND, *which]),
            Move::Take(octets) => script.extend([TAKE, *octets]),
            Move::Secure => script.extend([SECURE, 0]),
            Move::Eof => script.extend([EOF, 0]),
            Move::TimeOut => script.extend([TIME_OUT, 0]),
            Move::Pump => script.extend([PUMP, 0]),
        }
    }
    script
}
