//! Why a part could not be compiled or filled in, read out of minijinja's errors.

use super::comparing::restored;
use minijinja::{Error, ErrorKind};
use std::any::Any;
use std::fmt::Write as _;

/// The texts of our own errors, by which [`Fault::of`] recognises them.
pub(super) const MISSING: &str = "missing";
pub(super) const LINE_END: &str = "line end";

/// Why a part could not be compiled or filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The template and the line in it.
    pub place: Option<(String, usize)>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The requested name doesn't exist.
    Undefined(String),
    /// The name exists and has no value.
    Missing(String),
    /// The value has a line end or another control character. Holds the name and the value.
    LineEnd(String, String),
    Other(String),
}

impl Fault {
    pub(super) fn other(words: &str) -> Self {
        Self { place: None, what: What::Other(words.to_owned()) }
    }

    pub(super) fn of(error: &Error) -> Self {
        // An include and a block wrap the errors that occur in them.
        let innermost = innermost(error);
        let place = innermost.name().or(error.name()).map(|name| {
            let line = innermost.line().or(error.line()).unwrap_or(1);
            (name.to_owned(), line)
        });
        let expression = || {
            let found = innermost.range().and_then(|range| innermost.template_source()?.get(range));
            restored(found.unwrap_or("a value").trim())
        };
        let detail = innermost.detail().unwrap_or("");
        let what = match innermost.kind() {
            _ if detail == MISSING => What::Missing(expression()),
            _ if detail.starts_with(LINE_END) => {
                What::LineEnd(expression(), detail.trim_start_matches(LINE_END).to_owned())
            }
            _ if detail.contains("` is undefined") => {
                let name = detail.split('`').nth(1).unwrap_or("");
                What::Undefined(name.to_owned())
            }
            ErrorKind::UndefinedError => What::Undefined(expression()),
            kind => {
                let mut words = kind.to_string();
                if !detail.is_empty() {
                    let _ = write!(words, ": {detail}");
                }
                What::Other(words)
            }
        };
        Self { place, what }
    }
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic").to_owned()
}

fn innermost(error: &Error) -> &Error {
    let mut found = error;
    while let Some(source) =
        std::error::Error::source(found).and_then(|source| source.downcast_ref::<Error>())
    {
        found = source;
    }
    found
}
