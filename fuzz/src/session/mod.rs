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

mod asking;
mod checking;

pub use asking::REQUESTS;

use super::flight::{Heard, Scanner};
use super::script::{self, Move};
use rsmtp::protocol::error::{Error, Kind};
use rsmtp::protocol::session::Plaintext;
use rsmtp::protocol::transaction::DeliveryOptions;
use rsmtp::protocol::{Event, Options, Request, Session, Step};
use std::collections::VecDeque;
use std::sync::Arc;

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
}
