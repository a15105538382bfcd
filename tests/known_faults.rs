//! Sends the published faults of lettre 0.11 before 0.11.24 through our own code. lettre is used only in
//! our tests and never shipped (`tests/test_supply_chain.py`).

use rsmtp::address::phrase;
use rsmtp::message::field_fold;
use rsmtp::protocol::mail_data::{Encoder, Framing};
use rsmtp::protocol::{Request, Session, Step};

/// lettre stuffed dots after CRLF only, and sent a bare LF unchanged.
#[test]
fn a_dot_after_a_bare_line_end_is_stuffed() {
    for content in ["x\n.\nMAIL FROM:<e@example.net>", "x\r.\rMAIL FROM:<e@example.net>", "x\n.\r\nMAIL"] {
        let (mut encoder, mut wire) = (Encoder::new(Framing::Data), Vec::new());
        encoder.encode(content.as_bytes(), &mut wire);
        encoder.finish(&mut wire);
        let wire = String::from_utf8(wire).unwrap();
        assert!(wire.starts_with("x\r\n..\r\nMAIL") && wire.ends_with("\r\n.\r\n"), "{wire:?}");
        assert_eq!(wire.matches("\r\n.\r\n").count(), 1);
    }
}

/// lettre panicked at a line of only white space in the answer to EHLO.
#[test]
fn an_ehlo_line_of_white_space_is_passed_over() {
    for line in ["250- \r\n", "250-\t \t\r\n", "250-\r\n", "250-\u{a0}\r\n"] {
        let mut session = Session::new(Default::default());
        session.received(b"220 mx.example\r\n").unwrap();
        assert!(matches!(session.step(), Step::Yield(_)), "the greeting");
        session.request(Request::Hello("client.example".parse().unwrap())).unwrap();
        loop {
            match session.step() {
                Step::Send(octets) => {
                    let all = octets.len();
                    session.sent(all);
                }
                Step::Yield(_) => {}
                _ => break,
            }
        }
        let reply = format!("250-mx.example\r\n{line}250 SIZE 1000\r\n");
        session.received(reply.as_bytes()).unwrap();
        assert_eq!(session.extensions().known().size_limit, Some(1000), "{line:?}");
    }
}

/// lettre panicked at CR or LF in a display name.
#[test]
fn a_line_end_in_a_display_name_is_refused() {
    for name in ["A\r\nBcc: e@example.net", "A\nB", "A\rB", "J\u{fc}rgen\r\nB"] {
        let value = phrase::mailbox(name, "a@example.org");
        for utf8 in [false, true] {
            assert!(field_fold::fold("To", &value, "\r\n", utf8, &mut Vec::new()).is_err(), "{value:?}");
        }
    }
}
