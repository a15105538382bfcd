//! Header fields as `rsmtp.Message` writes them.
//!
//! Content that a field can't carry (control characters, 8-bit addresses, lines too long for SMTP)
//! is refused here, and text that isn't ASCII is encoded. The rest is folded at its white space.

use super::encoded_word::{Chosen, LONGEST_WORD, WordEncoding};
use super::field::{Kind, Refusal, check_name, check_value, kind};
use super::stdlib::{fold_parameters, parameter};
use super::text::{lines_fit, write_lines};
use super::transfer::LONGEST_LINE;
use crate::address::list::{self, Address, Malformed, Member};
use crate::address::phrase;
use memchr::{memchr2, memrchr2};

const FOLD_AT: usize = 78;

/// Whether a field is written as it is, on one line. Name and value have been checked.
#[must_use]
pub fn is_short(name: &str, value: &str) -> bool {
    value.is_ascii() && name.len() + 2 + value.len() <= FOLD_AT
}

/// Writes a whole field with its line end.
pub fn fold(name: &str, value: &str, linesep: &str, utf8: bool, out: &mut Vec<u8>) -> Result<(), Refusal> {
    check_name(name)?;
    check_value(name, value)?;
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let column = name.len() + 2;
    if is_short(name, value) {
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(linesep.as_bytes());
        return Ok(());
    }
    let is_ascii = value.is_ascii();
    let kind = kind(name);
    let other = if is_ascii || utf8 {
        // A fold isn't allowed at white space in quotes, except between encoded-words, which older
        // programs look for in a name.
        let folds_in_quotes =
            kind == Kind::Parameters && !utf8 && !value.contains("=?") && parameter::is_clear(value);
        write_folded(value, kind, column, linesep, out);
        if folds_in_quotes || !fits_on_lines(&out[start..]) {
            match kind {
                Kind::Text => Some(in_words(name, value)),
                Kind::Parameters => fold_parameters::fold(name, value, "\r\n", FOLD_AT),
                _ => None,
            }
        } else {
            None
        }
    } else {
        match kind {
            Kind::Text => Some(in_words(name, value)),
            Kind::Addresses => {
                write_folded(&in_ascii(name, value)?, kind, column, linesep, out);
                None
            }
            Kind::Parameters => Some(parameters(name, value)?),
            Kind::Tokens => {
                return Err(Refusal::new(name, "has to be ASCII (RFC 5322 section 3.6.4)"));
            }
        }
    };
    if let Some(field) = other {
        out.truncate(start);
        write_lines(field.as_bytes(), linesep, out);
    }
    if !fits_on_lines(&out[start..]) {
        return Err(Refusal::new(
            name,
            format!(
                "has a word that doesn't fit into a line of {LONGEST_LINE} bytes (RFC 5322 section 2.1.1)"
            ),
        ));
    }
    Ok(())
}

/// Writes a value that begins in this column, with its line end: folded before white space (RFC
/// 5322 section 2.2.3), as many words on a line as it has room for. Line by line, not word by word:
/// a list of addresses may have thousands. A name in quotes stays on one line if it can: RFC 5322
/// allows a fold in it, but Python's `getaddresses` takes the rest for another address.
fn write_folded(value: &str, kind: Kind, mut column: usize, linesep: &str, out: &mut Vec<u8>) {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let has_quotes = kind == Kind::Addresses && value.contains('"');
    let mut in_quotes = false;
    let mut rest = value.as_bytes();
    // White space at the beginning stays there.
    let mut begin = match column < FOLD_AT {
        true => rest.iter().take_while(|octet| is_blank(octet)).count(),
        false => 0,
    };
    while column + rest.len() > FOLD_AT {
        let room = FOLD_AT.saturating_sub(column);
        let line = rest.get(begin..=room);
        let outside = line.filter(|_| has_quotes).and_then(|line| outside_quotes(line, in_quotes).0);
        let within = || line.and_then(|line| memrchr2(b' ', b'\t', line));
        let behind = || {
            let start = begin.max(room);
            memchr2(b' ', b'\t', &rest[start..]).map(|at| start + at)
        };
        let Some(blank) = outside.or_else(within).map(|at| begin + at).or_else(behind) else { break };
        in_quotes = has_quotes && outside.is_none() && outside_quotes(&rest[..blank], in_quotes).1;
        let (line, more) =
            rest.split_at(rest[..blank].iter().rposition(|o| !is_blank(o)).map_or(0, |at| at + 1));
        let (blanks, more) = more.split_at(more.iter().take_while(|octet| is_blank(octet)).count());
        if more.is_empty() {
            // White space at the end is no reason for another line.
            break;
        }
        for piece in [line, linesep.as_bytes(), blanks] {
            out.extend_from_slice(piece);
        }
        (column, rest, begin) = (blanks.len(), more, 0);
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(linesep.as_bytes());
}

/// The last blank outside quotes, and whether the text ends within them.
fn outside_quotes(text: &[u8], mut in_quotes: bool) -> (Option<usize>, bool) {
    let (mut escaped, mut blank) = (false, None);
    for (at, octet) in text.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_quotes = !in_quotes,
            b' ' | b'\t' if !in_quotes => blank = Some(at),
            _ => {}
        }
    }
    (blank, in_quotes)
}

/// The field with its text in encoded-words, one per line.
fn in_words(name: &str, text: &str) -> String {
    let mut field = format!("{name}: ");
    write_words(text, LONGEST_WORD.min(FOLD_AT.saturating_sub(name.len() + 2)), "\r\n ", &mut field);
    field.push_str("\r\n");
    field
}

/// Text as encoded-words, separated by spaces that don't count. Unlike a long word, this can be
/// folded anywhere.
#[must_use]
pub fn as_words(text: &str) -> String {
    let mut words = String::new();
    write_words(text, LONGEST_WORD, " ", &mut words);
    words
}

/// The encoded-words for a text. The first has at most this many characters, and each ends after a
/// blank if there is one.
fn write_words(text: &str, first: usize, between: &str, out: &mut String) {
    const CHROME: usize = "=?utf-8?q??=".len();
    // This works for a field name of any length.
    const LEAST: usize = 30;
    let chosen = WordEncoding::Shortest.choose(text.as_bytes()).unwrap_or(Chosen::B);
    let mut most = first.max(LEAST) - CHROME;
    let mut rest = text;
    out.reserve(text.len() * 2);
    while let Some(next) = rest.chars().next() {
        // A character is never split (RFC 2047 section 5).
        let mut end = chosen.fitting(rest, most).max(next.len_utf8());
        if end < rest.len()
            && let Some(blank) = rest[..end].rfind([' ', '\t'])
        {
            end = blank + 1;
        }
        chosen.write(&rest.as_bytes()[..end], "utf-8", out);
        rest = &rest[end..];
        if !rest.is_empty() {
            out.push_str(between);
        }
        most = LONGEST_WORD - CHROME;
    }
}

fn fits_on_lines(field: &[u8]) -> bool {
    lines_fit(field, LONGEST_LINE)
}

/// An address list in ASCII. Parts that are ASCII already stay as written, since they may contain
/// encoded-words and comments.
pub fn in_ascii(name: &str, value: &str) -> Result<String, Refusal> {
    let list = list::parse(value).map_err(|Malformed(why)| Refusal::new(name, why))?;
    let written: Result<Vec<_>, _> = list
        .iter()
        .map(|address| match address {
            Address::Mailbox(mailbox) => mailbox_in_ascii(name, mailbox),
            Address::Group { name: group, members } => {
                let members: Result<Vec<_>, _> =
                    members.iter().map(|member| mailbox_in_ascii(name, member)).collect();
                Ok(format!("{}: {};", written_phrase(group), members?.join(", ")))
            }
        })
        .collect();
    Ok(written?.join(", "))
}

fn mailbox_in_ascii(name: &str, mailbox: &Member) -> Result<String, Refusal> {
    if mailbox.source.is_ascii() {
        return Ok(mailbox.source.clone());
    }
    if mailbox.spec.needs_smtputf8() {
        return Err(Refusal::new(
            name,
            format!(
                "{:?} has a local part that isn't ASCII: it can only be sent to a server that offers SMTPUTF8 (RFC 6531)",
                mailbox.spec.local
            ),
        ));
    }
    let no_ascii = || Refusal::new(name, "a domain that has no ASCII form (RFC 5891)");
    let spec = mailbox.spec.in_a_labels().ok_or_else(no_ascii)?;
    Ok(match &mailbox.display_name {
        Some(display_name) => format!("{} <{spec}>", written_phrase(display_name)),
        None => spec,
    })
}

/// A display name: unchanged, quoted, or in encoded-words.
fn written_phrase(text: &str) -> String {
    if text.is_ascii() { phrase::quoted(text) } else { as_words(text) }
}

/// Only the value of a parameter can be anything but ASCII (RFC 2231).
fn parameters(field: &str, value: &str) -> Result<String, Refusal> {
    for (number, (name, _)) in parameter::parse(value).into_iter().enumerate() {
        if !name.is_ascii() {
            let what = if number == 0 { "a value" } else { "a parameter" };
            return Err(Refusal::new(
                field,
                format!("has {what} {name:?} where only ASCII can stand (RFC 2045 5.1)"),
            ));
        }
    }
    fold_parameters::fold(field, value, "\r\n", FOLD_AT)
        .ok_or_else(|| Refusal::new(field, "has a parameter in a character set that isn't known here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_builder::headers::{Header, raw::Raw};
    use proptest::prelude::*;

    fn folded(name: &str, value: &str) -> String {
        let mut out = Vec::new();
        match fold(name, value, "\r\n", false, &mut out) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned(),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    fn refusal(name: &str, value: &str) -> String {
        match fold(name, value, "\r\n", false, &mut Vec::new()) {
            Ok(()) => panic!("{name} was not refused"),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn words_fill_the_lines() {
        let list = ["Some Name <someone@some.example>"; 4].join(", ");
        assert_eq!(
            folded("To", &list),
            "To: Some Name <someone@some.example>, Some Name <someone@some.example>, Some\r\n \
             Name <someone@some.example>, Some Name <someone@some.example>\r\n"
        );
        let mut out = Vec::new();
        fold("To", &list, "\n", false, &mut out).expect("fit to be sent");
        assert_eq!(String::from_utf8_lossy(&out), folded("To", &list).replace("\r\n", "\n"));
    }

    #[test]
    fn a_name_in_quotes_stays_on_one_line_if_it_can() {
        let list =
            r#""Doe, John" <john@some.example>, "O \"x\" y, Jo" <j@some.example>, "Doe, J" <k@some.example>"#;
        assert_eq!(
            folded("To", list),
            "To: \"Doe, John\" <john@some.example>, \"O \\\"x\\\" y, Jo\" <j@some.example>,\r\n \
             \"Doe, J\" <k@some.example>\r\n"
        );
        let long = ["word"; 40].join(" ");
        let field = folded("To", &format!("\"{long}, {long}\" <a@some.example>, \"B, C\" <b@some.example>"));
        assert!(field.lines().all(|line| line.len() <= FOLD_AT), "{field}");
        assert!(field.contains("\"B, C\""), "{field}");
    }

    proptest! {
        /// mail-builder goes from word to word.
        #[test]
        fn folds_stand_where_mail_builder_puts_them(
            value in r"[ \t]{0,2}([a-z]{1,90}[ \t]{1,3}){0,12}([a-z]{0,60}| {1,80}[a-z])",
            name in "[A-Z]{1,100}",
        ) {
            let mut ours = Vec::new();
            write_folded(&value, Kind::Text, name.len() + 2, "\r\n", &mut ours);
            let mut theirs = Vec::new();
            Raw::new(&*value).write_header(&mut theirs, name.len() + 2);
            prop_assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
        }
    }

    #[test]
    fn names_are_encoded_and_domains_become_a_labels() {
        assert_eq!(
            folded("To", "Jürgen <j@bücher.example>, a@x.example"),
            "To: =?utf-8?q?J=C3=BCrgen?= <j@xn--bcher-kva.example>, a@x.example\r\n"
        );
    }

    #[test]
    fn what_is_encoded_already_stays_as_it_is() {
        assert_eq!(
            folded("To", "=?utf-8?q?J=C3=BC?= <j@x.example>, \"Ü, K\" <k@x.example>, l@x.example (L)"),
            "To: =?utf-8?q?J=C3=BC?= <j@x.example>, =?utf-8?b?w5wsIEs=?= <k@x.example>,\r\n l@x.example (L)\r\n"
        );
    }

    #[test]
    fn long_names_take_several_words() {
        let name = "Ä".repeat(100);
        let field = folded("To", &format!("{name} <a@x.example>"));
        for word in field.split_ascii_whitespace() {
            assert!(word.len() <= 75, "{word}");
        }
        let field = folded("To", &format!("{}ß <a@x.example>", "word ".repeat(40)));
        for word in field.split_ascii_whitespace() {
            assert!(word.len() <= 75, "{word}");
        }
    }

    #[test]
    fn line_ends_are_refused() {
        for value in ["a\r\nBcc: b@x", "a\nb", "a\rb", "a\0b", "a\x1bb"] {
            assert!(refusal("Subject", value).contains("control character"), "{value:?}");
        }
        assert!(refusal("Sub:ject", "x").contains("it can't contain ':'"));
    }

    #[test]
    fn an_eight_bit_local_part_is_refused() {
        assert!(refusal("To", "jürgen@x.example").contains("SMTPUTF8"));
    }

    #[test]
    fn no_line_is_longer_than_smtp_carries() {
        let field = folded("Subject", &"x".repeat(3000));
        assert!(super::super::text::longest_line(field.as_bytes()) <= 80, "{field}");
        assert!(refusal("Message-ID", &"x".repeat(3000)).contains("doesn't fit"));
    }

    #[test]
    fn only_the_value_of_a_parameter_may_be_more_than_ascii() {
        assert!(refusal("Content-Type", "t\u{e9}xt/plain").contains("only ASCII"));
        assert!(refusal("Content-Disposition", "attachment; n\u{e4}me=x; a=\u{e9}").contains("only ASCII"));
    }

    #[test]
    fn file_names_are_extended() {
        let field = folded("Content-Disposition", "attachment; filename=\"Übersicht.pdf\"");
        assert_eq!(field, "Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf\r\n");
    }
}
