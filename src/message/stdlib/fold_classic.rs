//! Folds header values the way `email`'s classic policy (compat32) does.
//!
//! The value is a list of runs, each in its own character set. ASCII text is split at white space,
//! at the preferred split characters first. Other text becomes encoded-words that fill the line.
//! Existing line breaks are kept. Programs compare and sign such output, so it is reproduced
//! exactly, oddities included: a line is a list of the `(white space, word)` pairs below, and a
//! transition between runs is a pair with a space and no word.

use super::fold_line;
use crate::message::{
    charset::{Charset, Codec, Utf8, encode_words},
    encoded_word::WordEncoding,
    text::{is_line_break, is_space, lines},
};
use std::borrow::Cow;

/// In effect, no folding at all.
pub const UNLIMITED: usize = 1_000_000;

/// How a value is folded.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Columns on the first line that the name, the colon and a space already use.
    pub name_width: usize,
    pub max_width: usize,
    /// The text before encoded-words on a continuation line.
    pub indent: &'a str,
    /// Where ASCII text is split, best places first.
    pub split_chars: &'a str,
    pub linesep: &'a str,
}

/// Why a value can't be written.
#[derive(Debug)]
pub enum FoldError<E> {
    Codec(E),
    /// The folded value (held here) would be read as another header field.
    EmbeddedField(String),
}

impl<E> From<E> for FoldError<E> {
    fn from(error: E) -> Self {
        FoldError::Codec(error)
    }
}

/// Where a classic policy splits.
pub const SPLIT_CHARS: &str = ";, \t";

/// Folds a value of printable ASCII, as nearly every one is. False, and nothing is written, for
/// any other. Where it is true, each line end of the output is a fold: white space follows.
#[must_use]
pub fn fold_plain(value: &str, shape: &Shape<'_>, out: &mut Vec<u8>) -> bool {
    let is_printable = fold_line::is_printable(value);
    if is_printable {
        fold_line::fold(value, shape, out);
    }
    is_printable
}

/// Folds plain text: ASCII unchanged, anything else as UTF-8 encoded-words.
pub fn fold_text(
    value: &str,
    shape: &Shape<'_>,
    out: &mut Vec<u8>,
) -> Result<(), FoldError<std::convert::Infallible>> {
    fold_known(value, value.is_ascii(), shape, out)
}

/// Folds text that needs no encoded-words because it is sent in UTF-8 (RFC 6532).
pub fn fold_utf8(
    value: &str,
    shape: &Shape<'_>,
    out: &mut Vec<u8>,
) -> Result<(), FoldError<std::convert::Infallible>> {
    fold_known(value, true, shape, out)
}

fn fold_known(
    value: &str,
    is_ascii: bool,
    shape: &Shape<'_>,
    out: &mut Vec<u8>,
) -> Result<(), FoldError<std::convert::Infallible>> {
    if is_ascii && !fold_line::has_line_break(value) {
        fold_line::fold(value, shape, out);
        return Ok(());
    }
    let charset = Charset {
        encoding: if is_ascii { WordEncoding::Plain } else { WordEncoding::Shortest },
        is_ascii,
        codec_name: "utf-8",
        output_name: "utf-8",
        codec: Utf8,
    };
    let mut folded = String::new();
    fold_runs(&[(value, charset)], shape, &mut folded)?;
    out.extend_from_slice(folded.as_bytes());
    Ok(())
}

/// Folds a value made of runs.
pub fn fold_runs<C: Codec>(
    runs: &[(&str, Charset<'_, C>)],
    shape: &Shape<'_>,
    out: &mut String,
) -> Result<(), FoldError<C::Error>> {
    let start = out.len();
    let mut folder = Folder::new(shape, out);
    let mut before: Option<(bool, bool)> = None; // (was ASCII, ended in non-text)
    for (text, charset) in runs {
        if let Some((was_ascii, spaced)) = before {
            let space_follows = text.chars().next().is_some_and(is_not_text);
            let apart =
                if was_ascii { !charset.is_ascii && !spaced } else { !space_follows || !charset.is_ascii };
            if apart {
                folder.transition();
            }
        }
        before = Some((charset.is_ascii, text.chars().next_back().is_some_and(is_not_text)));
        folder.run(text, charset)?;
    }
    if !runs.is_empty() {
        folder.transition();
    }
    folder.end_line();
    if has_embedded_field(&out[start..]) {
        return Err(FoldError::EmbeddedField(out[start..].to_owned()));
    }
    Ok(())
}

/// A character next to which no space has to be added.
#[must_use]
pub fn is_not_text(c: char) -> bool {
    is_space(c) || matches!(c, '(' | ')' | '\\')
}

/// A line that begins with neither space nor tab and has a colon in its first
/// word would be read as another field.
fn has_embedded_field(value: &str) -> bool {
    value.match_indices('\n').any(|(at, _)| {
        let next = &value[at + 1..];
        let word = &next[..next.find([' ', '\t']).unwrap_or(next.len())];
        word.char_indices().skip(1).any(|(_, c)| c == ':')
    })
}

struct Pair<'a> {
    space: Cow<'a, str>,
    word: Cow<'a, str>,
    width: usize,
}

impl Pair<'_> {
    fn is_transition(&self) -> bool {
        self.space == " " && self.word.is_empty()
    }
}

struct Folder<'a, 'o> {
    shape: &'a Shape<'a>,
    out: &'o mut String,
    lines: usize,
    line: Vec<Pair<'a>>,
    /// Columns that the field name takes on this line.
    offset: usize,
    width: usize,
}

impl<'a, 'o> Folder<'a, 'o> {
    fn new(shape: &'a Shape<'a>, out: &'o mut String) -> Self {
        Folder {
            shape,
            out,
            lines: 0,
            line: Vec::with_capacity(16),
            offset: shape.name_width,
            width: shape.name_width,
        }
    }

    fn run<C: Codec>(&mut self, text: &'a str, charset: &Charset<'_, C>) -> Result<(), C::Error> {
        let split = if text.contains(is_line_break) { lines(text) } else { vec![text] };
        let (first, more) = split.split_first().map_or(("", &[][..]), |(first, more)| (*first, more));
        self.feed("", Cow::Borrowed(first), charset)?;
        for line in more {
            self.end_line();
            let stripped = line.trim_start_matches(is_space);
            if charset.encoding == WordEncoding::Plain {
                let space = &line[..line.len() - stripped.len()];
                self.feed(space, Cow::Borrowed(stripped), charset)?;
            } else {
                self.feed(self.shape.indent, Cow::Owned(format!(" {stripped}")), charset)?;
            }
        }
        if !more.is_empty() {
            self.end_line();
        }
        Ok(())
    }

    fn feed<C: Codec>(
        &mut self,
        space: &'a str,
        text: Cow<'a, str>,
        charset: &Charset<'_, C>,
    ) -> Result<(), C::Error> {
        match text {
            Cow::Borrowed(text) if charset.encoding == WordEncoding::Plain => {
                self.plain(space, text);
                Ok(())
            }
            text => self.words(space, &text, charset),
        }
    }

    /// ASCII text, split at runs of spaces and tabs.
    fn plain(&mut self, mut space: &'a str, text: &'a str) {
        let mut rest = text;
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        if space.chars().any(|c| !is_blank(c)) {
            // Unusual white space counts as part of the word, along with what follows.
            let end = rest.find(is_blank).unwrap_or(rest.len());
            let joined = format!("{space}{}", &rest[..end]);
            let cut = joined.find(|c| !is_blank(c)).unwrap_or(0);
            self.add(Cow::Owned(joined[..cut].to_owned()), Cow::Owned(joined[cut..].to_owned()));
            rest = &rest[end..];
            space = "";
            if rest.is_empty() {
                return;
            }
        }
        loop {
            let skip = rest.find(|c| !is_blank(c)).unwrap_or(rest.len());
            let here = if skip > 0 && !space.is_empty() {
                Cow::Owned(format!("{space}{}", &rest[..skip]))
            } else if skip > 0 {
                Cow::Borrowed(&rest[..skip])
            } else {
                Cow::Borrowed(space)
            };
            rest = &rest[skip..];
            let end = rest.find(is_blank).unwrap_or(rest.len());
            if here.is_empty() && end == 0 {
                return;
            }
            self.add(here, Cow::Borrowed(&rest[..end]));
            rest = &rest[end..];
            space = "";
            if rest.is_empty() {
                return;
            }
        }
    }

    fn words<C: Codec>(
        &mut self,
        space: &'a str,
        text: &str,
        charset: &Charset<'_, C>,
    ) -> Result<(), C::Error> {
        let indent = self.shape.indent;
        let full = self.shape.max_width.saturating_sub(indent.chars().count());
        let first = self.shape.max_width.saturating_sub(self.width);
        let mut words = encode_words(text, charset, std::iter::once(first).chain(std::iter::repeat(full)))?;
        let last = if words.len() > 1 { words.pop().flatten() } else { None };
        let mut words = words.into_iter();
        if let Some(word) = words.next().flatten() {
            self.add(Cow::Borrowed(space), Cow::Owned(word));
        }
        if let Some(last) = last {
            self.end_line();
            for word in words.flatten() {
                self.start_output_line();
                self.out.push_str(indent);
                self.out.push_str(&word);
            }
            self.push(Cow::Borrowed(indent), Cow::Owned(last));
        }
        Ok(())
    }

    fn transition(&mut self) {
        self.push(Cow::Borrowed(" "), Cow::Borrowed(""));
    }

    fn push(&mut self, space: Cow<'a, str>, word: Cow<'a, str>) {
        let width = columns(&space) + columns(&word);
        self.width += width;
        self.line.push(Pair { space, word, width });
    }

    /// Adds a pair, and breaks the line if it has become too long.
    fn add(&mut self, space: Cow<'a, str>, word: Cow<'a, str>) {
        self.push(space, word);
        if self.width <= self.shape.max_width {
            return;
        }
        if let Some(at) = self.best_break() {
            let rest = self.line.split_off(at);
            self.write_line();
            self.offset = 0;
            self.width = rest.iter().map(|pair| pair.width).sum();
            self.line = rest;
        } else if self.offset > 0
            && let Some(last) = self.line.pop()
        {
            // There is nothing to break at, so the name stays alone on its line.
            self.width -= last.width;
            self.end_line();
            let space = if last.space.is_empty() { Cow::Borrowed(" ") } else { last.space };
            self.push(space, last.word);
        }
    }

    /// The pair with which to begin the next line.
    fn best_break(&self) -> Option<usize> {
        self.shape.split_chars.chars().find_map(|wanted| {
            (1..self.line.len()).rev().find(|&at| {
                (is_space(wanted) && self.line[at].space.starts_with(wanted))
                    || self.line[at - 1].word.ends_with(wanted)
            })
        })
    }

    fn end_line(&mut self) {
        if self.line.last().is_some_and(Pair::is_transition) {
            self.line.pop();
            self.width -= 1;
        }
        if self.width > 0 {
            let blank = self.offset == 0
                && self.line.iter().all(|pair| pair.space.chars().chain(pair.word.chars()).all(is_space));
            if blank && self.lines > 0 {
                for pair in self.line.drain(..) {
                    self.out.push_str(&pair.space);
                    self.out.push_str(&pair.word);
                }
            } else {
                self.write_line();
            }
        }
        self.line.clear();
        self.offset = 0;
        self.width = 0;
    }

    fn write_line(&mut self) {
        self.start_output_line();
        for pair in &self.line {
            self.out.push_str(&pair.space);
            self.out.push_str(&pair.word);
        }
    }

    fn start_output_line(&mut self) {
        if self.lines > 0 {
            self.out.push_str(self.shape.linesep);
        }
        self.lines += 1;
    }
}

fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(name: &str, value: &str, max_width: usize) -> String {
        let shape = Shape {
            name_width: name.len() + 2,
            max_width,
            indent: " ",
            split_chars: SPLIT_CHARS,
            linesep: "\n",
        };
        let mut out = Vec::new();
        fold_text(value, &shape, &mut out).expect("a value that can be folded");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn commas_are_better_places_than_spaces() {
        assert_eq!(
            folded("To", "Some One <a@example.com>, Another Person <b@example.com>", 40),
            "Some One <a@example.com>,\n Another Person <b@example.com>"
        );
    }

    #[test]
    fn a_long_word_leaves_the_name_alone() {
        assert_eq!(folded("X", &"y".repeat(20), 10), format!("\n {}", "y".repeat(20)));
    }

    #[test]
    fn line_breaks_are_kept() {
        assert_eq!(folded("X", "one\n\ttwo", 78), "one\n\ttwo");
    }

    #[test]
    fn other_text_becomes_words() {
        assert_eq!(folded("Subject", "Grüße", 78), "=?utf-8?b?R3LDvMOfZQ==?=");
    }

    #[test]
    fn an_embedded_field_is_refused() {
        let shape =
            Shape { name_width: 9, max_width: 78, indent: " ", split_chars: SPLIT_CHARS, linesep: "\n" };
        let result = fold_text("x\nBcc: victim@example.com", &shape, &mut Vec::new());
        assert!(matches!(result, Err(FoldError::EmbeddedField(_))));
    }
}
