//! Commands (RFC 5321 4.1.1). They are parsed into a type once, so that each is written to the
//! wire as exactly one line, whatever the caller gave.

use super::xclient::Xclient;
use crate::address::{ForwardPath, ReversePath, a_labels};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The verb of a command line, as far as the session needs to distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Ehlo,
    Helo,
    Lhlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Expn,
    Help,
    Xclient,
    Quit,
    Other,
}

impl Verb {
    pub const ALL: [Self; 17] = [
        Self::Ehlo,
        Self::Helo,
        Self::Lhlo,
        Self::StartTls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Rset,
        Self::Noop,
        Self::Vrfy,
        Self::Expn,
        Self::Help,
        Self::Xclient,
        Self::Quit,
        Self::Other,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::Lhlo => "LHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Bdat => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Help => "HELP",
            Self::Xclient => "XCLIENT",
            Self::Quit => "QUIT",
            Self::Other => "command",
        }
    }

    /// As smtplib writes it.
    fn smtplib_name(self) -> String {
        match self {
            Self::StartTls | Self::Auth => self.name().to_owned(),
            _ => self.name().to_ascii_lowercase(),
        }
    }

    /// Whether the command belongs to a login or to mail, which others must not read.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Auth | Self::Mail | Self::Rcpt | Self::Data | Self::Bdat)
    }

    /// The verb that a command line begins with, in any case (RFC 5321 2.4).
    pub fn of_line(line: &str) -> Self {
        let word = line.trim_start().split([' ', '\t', ':']).next().unwrap_or("");
        let found = Self::ALL.into_iter().find(|verb| verb.name().eq_ignore_ascii_case(word));
        found.unwrap_or(Self::Other)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Text that fits in one command line: no control characters except the tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineText(String);

/// Why a text can't be part of a command. Shown after the name of the argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    text: String,
    why: Cow<'static, str>,
}

impl BadText {
    /// Gives the reason alone, because the text may be a secret.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.text, self.why)
    }
}

impl std::error::Error for BadText {}

impl LineText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LineText {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text.contains(['\r', '\n', '\0']) {
            let why = "contains NUL or prohibited newline characters: they would start another command";
            return Err(BadText { text: text.to_owned(), why: why.into() });
        }
        // Some servers and proxies take one of these for a line end, too.
        if text.contains(|c: char| c != '\t' && c.is_control()) {
            return Err(BadText { text: text.to_owned(), why: "contains a control character".into() });
        }
        Ok(Self(text.to_owned()))
    }
}

/// The argument of EHLO, HELO or LHLO: a domain or an address literal (RFC 5321 4.1.3). It is one
/// word without control characters. An internationalized name is sent as A-labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &'static str| Err(BadText { text: text.to_owned(), why: why.into() });
        if text.is_empty() {
            return bad("is empty: EHLO needs a domain or an address literal such as [127.0.0.1]");
        }
        if text.contains(['\r', '\n']) {
            let line = text.replace('\n', "\\n").replace('\r', "\\r");
            let why = format!("contains prohibited newline characters: ehlo {line}");
            return Err(BadText { text: text.to_owned(), why: why.into() });
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return bad("contains white space or a control character, and EHLO takes one word");
        }
        if text.is_ascii() {
            return Ok(Self(text.to_owned()));
        }
        a_labels(text)
            .map(|domain| Self(domain.into_owned()))
            .map_or_else(|| bad("is not a valid internationalized domain name"), Ok)
    }
}

/// `KEYWORD` or `KEYWORD=value`, after the path of MAIL or RCPT (RFC 5321 4.1.2). A value may
/// contain "=" (some servers define such values) but no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    text: String,
    keyword: usize,
}

impl Parameter {
    pub fn size(octets: u64, letters: Letters) -> Self {
        let keyword = if letters == Letters::Smtplib { "size" } else { "SIZE" };
        let mut text = String::with_capacity(25);
        text.push_str(keyword);
        text.push('=');
        push_number(&mut text, octets);
        Self { text, keyword: 4 }
    }

    pub fn body_8bitmime() -> Self {
        Self { text: "BODY=8BITMIME".to_owned(), keyword: 4 }
    }

    /// From a delivery option, which has already written `KEYWORD` or `KEYWORD=value`.
    pub(super) fn of_option(keyword: &str, text: String) -> Self {
        Self { keyword: keyword.len(), text }
    }

    pub fn smtputf8() -> Self {
        Self { text: "SMTPUTF8".to_owned(), keyword: 8 }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is(&self, keyword: &str) -> bool {
        self.text[..self.keyword].eq_ignore_ascii_case(keyword)
    }
}

impl FromStr for Parameter {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &'static str| Err(BadText { text: text.to_owned(), why: why.into() });
        if text.contains(['\r', '\n']) {
            return bad("contains prohibited newline characters: they would start another command");
        }
        let (keyword, value) = match text.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (text, None),
        };
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !keyword.starts_with(|c: char| c.is_ascii_alphanumeric()) || !keyword.chars().all(word) {
            return bad("is not KEYWORD or KEYWORD=value");
        }
        match value {
            Some("") => bad("has an empty value"),
            Some(value) if value.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                bad("contains white space or a control character; pass one option per item")
            }
            _ => Ok(Self { text: text.to_owned(), keyword: keyword.len() }),
        }
    }
}

/// How verbs are spelled. No server may care (RFC 5321 2.4), but some tests do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// As in the RFC: `MAIL FROM:<...>`.
    #[default]
    Rfc,
    /// As in CPython's smtplib: `mail from:<...>`.
    Smtplib,
}

/// One command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Ehlo(ClientName),
    Helo(ClientName),
    Lhlo(ClientName),
    StartTls,
    Mail(ReversePath, Vec<Parameter>),
    Rcpt(ForwardPath, Vec<Parameter>),
    Data,
    Rset,
    Noop(Option<LineText>),
    Vrfy(LineText),
    Expn(LineText),
    Help(Option<LineText>),
    Xclient(Xclient),
    Quit,
    /// A line that the caller composed.
    Free(LineText),
}

impl Command {
    pub fn verb(&self) -> Verb {
        match self {
            Self::Ehlo(_) => Verb::Ehlo,
            Self::Helo(_) => Verb::Helo,
            Self::Lhlo(_) => Verb::Lhlo,
            Self::StartTls => Verb::StartTls,
            Self::Mail(..) => Verb::Mail,
            Self::Rcpt(..) => Verb::Rcpt,
            Self::Data => Verb::Data,
            Self::Rset => Verb::Rset,
            Self::Noop(_) => Verb::Noop,
            Self::Vrfy(_) => Verb::Vrfy,
            Self::Expn(_) => Verb::Expn,
            Self::Help(_) => Verb::Help,
            Self::Xclient(_) => Verb::Xclient,
            Self::Quit => Verb::Quit,
            Self::Free(line) => Verb::of_line(line.as_str()),
        }
    }

    /// The command line without its line end. `smtputf8` tells whether its transaction uses
    /// SMTPUTF8.
    pub fn line(&self, smtputf8: bool, letters: Letters) -> String {
        let mut line = String::with_capacity(80);
        self.write_to(&mut line, smtputf8, letters);
        line
    }

    /// Appends the command line to `out`.
    pub fn write_to(&self, line: &mut String, smtputf8: bool, letters: Letters) {
        let smtplib = letters == Letters::Smtplib;
        match self {
            Self::Free(text) => line.push_str(text.as_str()),
            _ if smtplib => line.push_str(&self.verb().smtplib_name()),
            _ => line.push_str(self.verb().name()),
        }
        match self {
            Self::Ehlo(name) | Self::Helo(name) | Self::Lhlo(name) => push(line, name.as_str()),
            Self::Mail(path, parameters) => {
                line.push_str(if smtplib { " from:<" } else { " FROM:<" });
                path.write_to(line, smtputf8);
                push_parameters(line, parameters);
            }
            Self::Rcpt(path, parameters) => {
                line.push_str(if smtplib { " to:<" } else { " TO:<" });
                path.write_to(line, smtputf8);
                push_parameters(line, parameters);
            }
            Self::Vrfy(text) | Self::Expn(text) => push(line, text.as_str()),
            Self::Noop(Some(text)) | Self::Help(Some(text)) => push(line, text.as_str()),
            Self::Xclient(attributes) => {
                attributes.iter().for_each(|(name, value)| push(line, &format!("{name}={value}")));
            }
            Self::StartTls | Self::Data | Self::Rset | Self::Quit | Self::Noop(None) | Self::Help(None) => {}
            Self::Free(_) => {}
        }
    }
}

/// Appends a number in digits. Each message has two of them, and `write!` would cost more than the
/// digits.
pub(super) fn push_number(line: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
}

/// Closes the path and appends the parameters.
fn push_parameters(line: &mut String, parameters: &[Parameter]) {
    line.push('>');
    parameters.iter().for_each(|parameter| push(line, parameter.as_str()));
}

fn push(line: &mut String, word: &str) {
    line.push(' ');
    line.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let mail = Command::Mail("a@bücher.example".parse().unwrap(), vec![Parameter::size(7, Letters::Rfc)]);
        assert_eq!(mail.line(false, Letters::Rfc), "MAIL FROM:<a@xn--bcher-kva.example> SIZE=7");
        assert_eq!(mail.line(true, Letters::Rfc), "MAIL FROM:<a@bücher.example> SIZE=7");
        assert_eq!(Command::Mail(ReversePath::Null, vec![]).line(false, Letters::Rfc), "MAIL FROM:<>");
        assert_eq!(Command::Help(None).line(false, Letters::Rfc), "HELP");
        assert_eq!(mail.line(false, Letters::Smtplib), "mail from:<a@xn--bcher-kva.example> SIZE=7");
        assert_eq!(Command::StartTls.line(false, Letters::Smtplib), "STARTTLS");
        assert_eq!(Command::Vrfy("Smith".parse().unwrap()).line(false, Letters::Rfc), "VRFY Smith");
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 2048, 1_000_000, u64::MAX] {
            let mut line = String::from("BDAT ");
            push_number(&mut line, number);
            assert_eq!(line, format!("BDAT {number}"));
        }
    }

    #[test]
    fn verbs_are_known_in_any_case() {
        assert_eq!(Verb::of_line("mail FROM:<a>"), Verb::Mail);
        assert_eq!(Verb::of_line("Data"), Verb::Data);
        assert_eq!(Verb::of_line("xclient ADDR=192.0.2.1"), Verb::Xclient);
        assert_eq!(Verb::of_line("XFORWARD a=b"), Verb::Other);
        assert_eq!(Verb::of_line(""), Verb::Other);
    }

    #[test]
    fn nothing_starts_another_command() {
        for bad in ["a\r\nRSET", "a\nb", "a\rb", "a\0b"] {
            assert!(bad.parse::<LineText>().is_err() && bad.parse::<ClientName>().is_err(), "{bad:?}");
            assert!(format!("X={bad}").parse::<Parameter>().is_err());
        }
        // Mapped to a space on the way to A-labels.
        assert!("a\u{2da}b".parse::<ClientName>().is_err());
        for bad in ["", "SIZE=1 BODY=8BITMIME", "a b", "=x", "X=", "X=\u{7f}", "-X", "X=a\u{a0}b", "é=1"] {
            assert!(bad.parse::<Parameter>().is_err(), "{bad:?}");
        }
        for good in ["SMTPUTF8", "XVERP==+", "ORCPT=rfc822;a@b", "AUTH=<>"] {
            assert_eq!(good.parse::<Parameter>().unwrap().as_str(), good);
        }
    }
}
