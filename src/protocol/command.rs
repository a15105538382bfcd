//! Commands (RFC 5321 4.1.1). They are parsed into a type once, so that each is written to the
//! wire as exactly one line, whatever the caller gave.

use super::line;
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
    text: Cow<'static, str>,
    keyword: usize,
}

impl Parameter {
    pub fn body_8bitmime() -> Self {
        Self { text: "BODY=8BITMIME".into(), keyword: 4 }
    }

    /// From a delivery option, which has already written `KEYWORD` or `KEYWORD=value`.
    pub(super) fn of_option(keyword: &str, text: String) -> Self {
        Self { keyword: keyword.len(), text: text.into() }
    }

    pub fn smtputf8() -> Self {
        Self { text: "SMTPUTF8".into(), keyword: 8 }
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
            _ => Ok(Self { text: text.to_owned().into(), keyword: keyword.len() }),
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
        let mut line = Vec::new();
        self.write_to(&mut line, smtputf8, letters);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Appends the command line.
    pub(super) fn write_to(&self, out: &mut Vec<u8>, smtputf8: bool, letters: Letters) {
        match self {
            Self::Mail(path, _) => line::mail(out, path.pieces(smtputf8), letters),
            Self::Rcpt(path, _) => line::rcpt(out, path.pieces(smtputf8), letters),
            Self::Free(text) => line::text(out, text.as_str()),
            _ => line::verb(out, self.verb(), letters),
        }
        match self {
            Self::Ehlo(name) | Self::Helo(name) | Self::Lhlo(name) => line::word(out, name.as_str()),
            Self::Mail(_, parameters) | Self::Rcpt(_, parameters) => line::parameters(out, parameters),
            Self::Vrfy(text) | Self::Expn(text) => line::word(out, text.as_str()),
            Self::Noop(Some(text)) | Self::Help(Some(text)) => line::word(out, text.as_str()),
            Self::Xclient(attributes) => {
                attributes.iter().for_each(|(name, value)| line::word(out, &format!("{name}={value}")));
            }
            Self::StartTls | Self::Data | Self::Rset | Self::Quit | Self::Noop(None) | Self::Help(None) => {}
            Self::Free(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let mail = Command::Mail("a@bücher.example".parse().unwrap(), vec!["SIZE=7".parse().unwrap()]);
        assert_eq!(mail.line(false, Letters::Rfc), "MAIL FROM:<a@xn--bcher-kva.example> SIZE=7");
        assert_eq!(mail.line(true, Letters::Rfc), "MAIL FROM:<a@bücher.example> SIZE=7");
        assert_eq!(Command::Mail(ReversePath::Null, vec![]).line(false, Letters::Rfc), "MAIL FROM:<>");
        assert_eq!(Command::Help(None).line(false, Letters::Rfc), "HELP");
        assert_eq!(mail.line(false, Letters::Smtplib), "mail from:<a@xn--bcher-kva.example> SIZE=7");
        assert_eq!(Command::StartTls.line(false, Letters::Smtplib), "STARTTLS");
        assert_eq!(Command::Vrfy("Smith".parse().unwrap()).line(false, Letters::Rfc), "VRFY Smith");
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
