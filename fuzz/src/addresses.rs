//! Addresses and the other words of a command. A word that parses stays within its brackets and on
//! its line. The readers of message addresses accept any input.

use rsmtp::address::{Mailbox, ReversePath};
use rsmtp::address::{lenient, list, phrase};
use rsmtp::message::{identity, stdlib::parameter};
use rsmtp::protocol::command::{ClientName, Command, Letters, LineText, Parameter};

pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    envelope(&text);
    words(&text);
    message(&text);
}

fn envelope(text: &str) {
    let mailbox = text.parse::<Mailbox>();
    if let Ok(mailbox) = &mailbox {
        for smtputf8 in [false, true] {
            let wire = mailbox.wire(smtputf8);
            let rcpt = Command::Rcpt(mailbox.clone(), Vec::new()).line(smtputf8, Letters::Rfc);
            assert_eq!(path_of(&rcpt, "RCPT TO:<"), wire);
            assert_eq!(wire.parse::<Mailbox>().map(|again| again.wire(smtputf8)).as_ref(), Ok(&wire));
            assert!(smtputf8 || mailbox.needs_smtputf8() || wire.is_ascii(), "8-bit without SMTPUTF8");
        }
    }
    if let Ok(path) = text.parse::<ReversePath>() {
        assert!(path == ReversePath::Null || mailbox.is_ok());
        let mail = Command::Mail(path.clone(), Vec::new()).line(true, Letters::Smtplib);
        assert_eq!(path_of(&mail, "mail FROM:<"), path.wire(true));
    }
}

/// The path as a server reads it: from its `<` to the first `>` outside quotes. Nothing may follow
/// it.
fn path_of<'a>(line: &'a str, start: &str) -> &'a str {
    assert!(line[..start.len()].eq_ignore_ascii_case(start));
    assert!(!line.chars().any(char::is_control), "{line:?}");
    let path = &line[start.len()..];
    let (mut quoted, mut escaped, mut literal) = (false, false, false);
    let mut at_signs = 0;
    for (at, c) in path.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => {
                assert_eq!(at + 1, path.len(), "something follows the path in {line:?}");
                assert!(at_signs <= 1, "two at signs outside quotes in {line:?}");
                return &path[..at];
            }
            // Within an address literal, commas and the like are ordinary characters.
            '[' if !quoted => literal = true,
            c if literal => assert!(c.is_ascii_graphic() && c != '<', "{c:?} in {line:?}"),
            '@' if !quoted => at_signs += 1,
            c if !quoted => assert!(!c.is_whitespace() && !"<,;".contains(c), "{c:?} in {line:?}"),
            _ => {}
        }
    }
    panic!("the path of {line:?} has no end");
}

fn words(text: &str) {
    if let Ok(name) = text.parse::<ClientName>() {
        assert!(!name.as_str().is_empty() && name.as_str().chars().all(|c| c.is_ascii_graphic()), "{name:?}");
    }
    if let Ok(option) = text.parse::<Parameter>() {
        let word = |c: char| !c.is_whitespace() && !c.is_control();
        assert!(option.as_str() == text && text.chars().all(word), "{option:?}");
    }
    if let Ok(line) = text.parse::<LineText>() {
        assert!(!line.as_str().bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)));
    }
}

fn message(text: &str) {
    if let Ok(list) = list::parse(text) {
        for mailbox in list::mailboxes(&list) {
            let Some(spec) = mailbox.spec.in_a_labels() else { continue };
            let name = mailbox.display_name.as_deref().unwrap_or("");
            let written = phrase::mailbox(name, &format!("<{spec}>").replace(['<', '>'], ""));
            // A name must not turn into an address.
            if let Ok(again) = list::parse(&written) {
                assert_eq!(list::mailboxes(&again).count(), 1, "{text:?} became {written:?}");
            }
        }
    }
    let values = [text.to_owned(), "b@example.org".to_owned()];
    for strict in [false, true] {
        let _ = lenient::read_one(text, strict);
        let _ = lenient::read_all(&values, strict);
    }
    let _ = identity::message_id(Some(text));
    let _ = parameter::main_value(text);
    for (_, value) in parameter::parse(text) {
        let _ = value.unquoted();
    }
}
