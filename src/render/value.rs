//! How a value is written into a part of a message: what is escaped, and what is refused.

use super::fault::{LINE_END, MISSING};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, Output, State};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// The kind of a part, which decides how values in it are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Values are written unchanged.
    Text,
    /// Values are escaped, except for those marked as markup.
    Html,
    /// Values are escaped for Markdown and for the HTML in it.
    Markdown,
    /// One line: a header field, an address or a file name. Line ends of the template become white
    /// space, and line ends in a value are refused.
    Line,
}

thread_local! {
    pub(super) static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Says why a value could not be asked for its text, its items or its order. The engine wants an
/// answer from a value where it takes no error, so the value gives any answer, and the part that is
/// being rendered on this thread has failed. Only the first failure is kept.
pub fn fail(words: String) {
    FAILURE.with_borrow_mut(|kept| {
        kept.get_or_insert(words);
    });
}

pub(super) fn write(kind: Kind, out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => return Err(Error::new(ErrorKind::InvalidOperation, MISSING)),
        // minijinja's own error includes the name.
        ValueKind::Undefined | ValueKind::Invalid => {
            return minijinja::escape_formatter(out, state, value);
        }
        _ => {}
    }
    let owned;
    let text = match value.as_str() {
        Some(text) => text,
        None => {
            owned = as_text(kind, value);
            owned.as_str()
        }
    };
    if FAILURE.with_borrow(Option::is_some) {
        // The failure itself says why; this error adds the place.
        return Err(Error::new(ErrorKind::InvalidOperation, "failed"));
    }
    let is_escaped = value.is_safe() || value.downcast_object_ref::<Markup>().is_some();
    match kind {
        Kind::Html | Kind::Markdown if is_escaped => out.write_str(text)?,
        Kind::Html => escape_html(out, text)?,
        Kind::Markdown => escape_markdown(out, text)?,
        Kind::Text => out.write_str(text)?,
        Kind::Line => match text.chars().find(|&c| ends_a_line(c)) {
            Some(_) => {
                let shown: String = text.chars().take(60).collect();
                return Err(Error::new(ErrorKind::InvalidOperation, format!("{LINE_END}{shown:?}")));
            }
            None => out.write_str(text)?,
        },
    }
    Ok(())
}

/// How a value that isn't a string is written.
fn as_text(kind: Kind, value: &Value) -> String {
    match value.downcast_object_ref::<Markup>() {
        Some(markup) if matches!(kind, Kind::Html | Kind::Markdown) => markup.html.clone(),
        Some(markup) => markup.text.clone(),
        None => match value.kind() {
            ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
            _ => value.to_string(),
        },
    }
}

/// A value that defines its own HTML form, and also has a text form.
#[derive(Debug)]
pub struct Markup {
    pub html: String,
    pub text: String,
}

impl minijinja::value::Object for Markup {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Control characters, and the two Unicode separators at which some readers break a line.
fn ends_a_line(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escape_html(out: &mut Output, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, behind) = rest.split_at(at);
        out.write_str(before)?;
        out.write_str(match behind.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&#34;",
            _ => "&#39;",
        })?;
        rest = &behind[1..];
    }
    out.write_str(rest)
}

/// CommonMark 2.4: a backslash may precede any ASCII punctuation. Line ends would begin blocks.
fn escape_markdown(out: &mut Output, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '&' => out.write_str("&amp;")?,
            '\n' | '\r' => out.write_str(" ")?,
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                out.write_fmt(format_args!("\\{c}"))?;
            }
            _ => out.write_fmt(format_args!("{c}"))?,
        }
    }
    Ok(())
}
