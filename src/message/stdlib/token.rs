//! The tokens of a parsed field, and how each may be written.

use crate::address::{a_labels, lexis};
use std::borrow::Cow;

/// How a token may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text for people.
    Word,
    /// A word of a phrase: special characters (RFC 5322 section 3.2.3) have to be hidden.
    Atom,
    /// White space.
    Blank,
    /// Text that is never encoded: separators, identifiers, local parts.
    Fixed,
    /// An address: A-labels replace what isn't ASCII in its domain.
    Address,
    /// Tokens that are kept on one line if possible.
    Unit,
    /// Words between quotes.
    Quoted,
    /// Words and comments between parentheses.
    Comment,
    /// Names, each with its value inside (RFC 2231).
    Parameters,
}

/// A piece of a value.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    /// Decoded. Raw bytes are represented by [`crate::message::charset::raw_char`]s.
    pub text: String,
    /// Whether the text contains raw bytes of an unknown character set.
    pub is_raw: bool,
    pub inner: Vec<Token>,
}

impl Token {
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Token { kind, text: text.into(), is_raw: false, inner: Vec::new() }
    }

    #[must_use]
    pub fn of(kind: Kind, inner: Vec<Token>) -> Self {
        Token { kind, text: String::new(), is_raw: false, inner }
    }

    /// The text as written if nothing has to be encoded.
    pub(super) fn written(&self, utf8: bool) -> Cow<'_, str> {
        match self.kind {
            Kind::Word | Kind::Atom | Kind::Blank | Kind::Fixed => Cow::Borrowed(&self.text),
            Kind::Address => {
                if utf8 {
                    Cow::Borrowed(&self.text)
                } else {
                    in_a_labels(&self.text)
                }
            }
            Kind::Unit => Cow::Owned(self.joined(utf8)),
            Kind::Quoted => Cow::Owned(format!("\"{}\"", lexis::escape(&self.joined(utf8)))),
            Kind::Comment => {
                let inner: String = self.inner.iter().map(|token| token.in_comment(utf8)).collect();
                Cow::Owned(format!("({inner})"))
            }
            Kind::Parameters => {
                let all: Vec<String> = self.inner.iter().map(Token::as_parameter).collect();
                Cow::Owned(if all.is_empty() { String::new() } else { format!(" {}", all.join("; ")) })
            }
        }
    }

    pub(super) fn joined(&self, utf8: bool) -> String {
        self.inner.iter().map(|token| token.written(utf8)).collect()
    }

    pub(super) fn in_comment(&self, utf8: bool) -> String {
        match self.kind {
            Kind::Comment => self.written(utf8).into_owned(),
            _ => self.written(utf8).replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)"),
        }
    }

    fn as_parameter(&self) -> String {
        match self.inner.first() {
            Some(value) if !value.text.is_empty() => {
                format!("{}=\"{}\"", self.text, lexis::escape(&value.text))
            }
            _ => self.text.clone(),
        }
    }

    /// Whether part of it can only be written as an encoded-word (or in RFC 2231's form of a
    /// parameter).
    pub(super) fn needs_words(&self, utf8: bool) -> bool {
        match self.kind {
            Kind::Blank | Kind::Fixed | Kind::Address => false,
            Kind::Word => self.is_hostile(utf8),
            Kind::Atom => self.is_hostile(utf8) || self.text.contains(is_special),
            // Quotes and parentheses hide special characters.
            Kind::Quoted | Kind::Comment => {
                let hostile = |token: &Token| match token.kind {
                    Kind::Comment => token.needs_words(utf8),
                    _ => token.is_hostile(utf8),
                };
                self.inner.iter().any(hostile) || looks_encoded(&self.joined(utf8))
            }
            Kind::Unit => self.inner.iter().any(|token| token.needs_words(utf8)),
            Kind::Parameters => {
                self.inner.iter().any(|token| token.inner.iter().any(|value| value.is_hostile(utf8)))
            }
        }
    }

    /// Text that a reader would misinterpret if it were written unchanged.
    pub(super) fn is_hostile(&self, utf8: bool) -> bool {
        self.is_raw
            || (!utf8 && !self.text.is_ascii())
            || self.text.contains(['\r', '\n'])
            || looks_encoded(&self.text)
    }

    pub(super) fn has_parameters(&self) -> bool {
        self.inner.iter().any(|token| token.kind == Kind::Parameters)
    }

    /// Whether none of it may become an encoded-word merely because a line is full.
    pub(super) fn is_bound(&self) -> bool {
        match self.kind {
            Kind::Fixed | Kind::Address | Kind::Parameters => true,
            _ => self.inner.iter().any(Token::is_bound),
        }
    }
}

/// The address with a domain that every server understands, if there is one. A text without "@" is a
/// local part, which keeps its letters.
fn in_a_labels(text: &str) -> Cow<'_, str> {
    let Some(at) = text.rfind('@').map(|at| at + 1) else { return Cow::Borrowed(text) };
    match a_labels(text[at..].trim_end_matches('>')) {
        Some(Cow::Owned(domain)) => {
            let end = if text.ends_with('>') { ">" } else { "" };
            Cow::Owned(format!("{}{domain}{end}", &text[..at]))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The specials of RFC 5322 section 3.2.3.
fn is_special(c: char) -> bool {
    c == '.' || lexis::is_special(c)
}

/// Whether a reader would find an encoded-word in the text.
#[must_use]
pub fn looks_encoded(text: &str) -> bool {
    text.match_indices("=?").any(|(at, _)| {
        let mut parts = text[at + 2..].splitn(3, '?');
        let (charset, encoding, rest) = (parts.next(), parts.next(), parts.next());
        charset.is_some_and(|charset| !charset.is_empty() && !charset.contains([' ', '\t']))
            && encoding.is_some_and(|encoding| !encoding.contains([' ', '\t']))
            && rest.is_some_and(|rest| rest.contains("?="))
    })
}
