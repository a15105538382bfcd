//! Lines that are filled with text and encoded-words (RFC 2047).

use crate::message::charset::raw_bytes;
use crate::message::encoded_word::{Chosen, LONGEST_WORD};

/// The default line width (RFC 5322 section 2.1.1).
pub const USUAL_WIDTH: usize = 78;

/// The last encoded-word of a line.
#[derive(Debug)]
struct Word {
    /// Its start within the line, in bytes and in characters.
    at: (usize, usize),
    /// Its end within the line, in bytes.
    end: usize,
    /// Its decoded text, together with the text after it on the line.
    says: String,
    is_raw: bool,
}

/// Lines, the last of which is being filled.
///
/// An encoded-word absorbs the plain words since the previous one on its line, because a reader
/// would drop the white space between two encoded-words.
#[derive(Debug)]
pub struct Lines<'a> {
    done: String,
    line: String,
    /// The number of characters in the line.
    columns: usize,
    width: usize,
    linesep: &'a str,
    /// The number of characters with which the first line begins.
    start: usize,
    is_first: bool,
    is_too_narrow: bool,
    /// The blank after the name stays on its line when nothing else does.
    pub blank_stays: bool,
    word: Option<Word>,
    /// White space that makes up the whole line, after a line that ends with an encoded-word. It
    /// would be lost before another one.
    blank: String,
}

impl<'a> Lines<'a> {
    #[must_use]
    pub fn new(start: String, width: usize, linesep: &'a str) -> Self {
        let columns = start.chars().count();
        Lines {
            done: String::new(),
            line: start,
            columns,
            width,
            linesep,
            start: columns,
            is_first: true,
            is_too_narrow: false,
            blank_stays: false,
            word: None,
            blank: String::new(),
        }
    }

    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    #[must_use]
    pub fn room(&self) -> usize {
        self.width.saturating_sub(self.columns)
    }

    /// All lines. None if an encoded-word was wider than a line.
    #[must_use]
    pub fn finish(mut self) -> Option<String> {
        // A last line of only white space could be read as the end of the header.
        if self.is_first || !self.line.chars().all(is_blank) {
            self.done.push_str(&self.line);
            self.done.push_str(self.linesep);
        }
        (!self.is_too_narrow).then_some(self.done)
    }

    /// The line, if there is only one.
    #[must_use]
    pub fn into_single(self) -> Option<String> {
        self.is_first.then_some(self.line)
    }

    #[must_use]
    pub fn is_after_semicolon(&self) -> bool {
        self.line.trim_end().ends_with(';')
    }

    /// Whether there is only the beginning of the first line.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.is_first && self.columns == self.start
    }

    /// What follows can't be merged into the last encoded-word.
    pub fn end_word(&mut self) {
        self.word = None;
        self.blank.clear();
    }

    /// Adds text to the line.
    pub fn push(&mut self, text: &str) {
        self.line.push_str(text);
        self.columns += text.chars().count();
        if !text.is_empty() {
            self.blank.clear();
        }
        if let Some(word) = &mut self.word {
            word.says.push_str(text);
        }
    }

    /// Begins a new line with the text, if there is white space to fold at. Returns false if not.
    pub fn break_before(&mut self, text: &str) -> bool {
        if !text.starts_with(is_blank) && !self.line.ends_with(is_blank) {
            return false;
        }
        let after_word = self.is_after_word();
        self.break_line();
        self.push(text);
        if after_word && text.chars().all(is_blank) {
            self.blank = self.line.clone();
        }
        true
    }

    /// Adds text that is wider than a line, on its own line if possible.
    pub fn push_long(&mut self, text: &str) {
        if !self.break_before(text) {
            self.push(text);
        }
    }

    /// Whether the line ends with an encoded-word.
    fn is_after_word(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.end == self.line.len())
    }

    /// Begins a line with the white space at the end of the current line. If that is the whole
    /// line, it has begun already: an empty line would end the header.
    pub fn break_line(&mut self) {
        if !self.is_first && self.line.chars().all(is_blank) {
            return;
        }
        let blank = self.line.chars().next_back().filter(|&c| is_blank(c));
        if blank.is_some() {
            self.line.pop();
        }
        self.new_line("");
        if let Some(blank) = blank {
            self.line.push(blank);
            self.columns = 1;
        }
    }

    /// The usual line width. An encoded-word may fill it, as in `email`.
    fn narrow(&self) -> usize {
        if self.width > USUAL_WIDTH { 0 } else { self.width }
    }

    /// Begins a line with this text.
    pub fn new_line(&mut self, text: &str) {
        self.done.push_str(&self.line);
        self.done.push_str(self.linesep);
        self.line.clear();
        self.line.push_str(text);
        self.columns = text.chars().count();
        self.is_first = false;
        self.word = None;
        self.blank.clear();
    }

    /// Adds text as encoded-words, as many as necessary.
    pub fn push_encoded(&mut self, text: &str, is_raw: bool) {
        if text.is_empty() {
            return;
        }
        let charset = if is_raw { "unknown-8bit" } else { "utf-8" };
        let chrome = charset.len() + "=??q??=".len();
        self.is_too_narrow |= self.width < chrome + 2;
        let width = self.width.max(chrome + 2);
        let mut said = std::mem::take(&mut self.blank);
        let mut at = (self.line.len(), self.columns);
        match self.word.take() {
            Some(word) if word.is_raw == is_raw => {
                at = word.at;
                self.line.truncate(at.0);
                self.columns = at.1;
                said = word.says;
            }
            Some(word) => {
                // Another character set: the new word includes the text in between.
                let between = self.line[word.end..].to_owned();
                if between.is_empty() {
                    self.line.push(' ');
                    self.columns += 1;
                } else if between.chars().all(is_blank) {
                    said = between;
                }
                at = (self.line.len(), self.columns);
            }
            None => {}
        }
        said.push_str(text);
        let mut rest = said.as_str();
        loop {
            let room = width.saturating_sub(self.columns).min(LONGEST_WORD.max(self.narrow()));
            let taken = longest(rest, room, chrome, is_raw);
            let taken = if taken == 0 && self.line.chars().all(is_blank) {
                // Wider than allowed, because there is no alternative.
                rest.chars().next().map_or(0, char::len_utf8)
            } else {
                taken
            };
            if taken == 0 {
                // The blank before the word moves with it.
                let moves = !self.blank_stays || !self.is_at_start();
                if moves && self.line.ends_with(is_blank) {
                    self.break_line();
                } else {
                    self.new_line(" ");
                }
                at = (self.line.len(), self.columns);
                continue;
            }
            let word = encoded_word(&rest[..taken], charset, is_raw);
            self.columns += word.len();
            self.line.push_str(&word);
            if taken == rest.len() {
                break;
            }
            rest = &rest[taken..];
            if self.room() > LONGEST_WORD {
                self.line.push(' ');
                self.columns += 1;
            } else {
                self.new_line(" ");
            }
            at = (self.line.len(), self.columns);
        }
        self.word = Some(Word { at, end: self.line.len(), says: rest.to_owned(), is_raw });
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// How much of the text fits in an encoded-word of at most this many characters.
fn longest(text: &str, room: usize, chrome: usize, is_raw: bool) -> usize {
    let room = room.saturating_sub(chrome);
    let (mut bytes, mut quoted, mut taken) = (0, 0, 0);
    let mut own = [0; 4];
    for (at, c) in text.char_indices().take(room) {
        let encoded = c.encode_utf8(&mut own);
        let raw;
        let own = if is_raw {
            raw = raw_bytes(encoded);
            raw.as_slice()
        } else {
            encoded.as_bytes()
        };
        bytes += own.len();
        quoted += Chosen::Q.len(own);
        let base64 = bytes.div_ceil(3) * 4;
        let len = if is_quoted_better(quoted, base64) { quoted } else { base64 };
        if len <= room {
            taken = at + c.len_utf8();
        }
    }
    taken
}

/// People can read Q, so it is preferred unless it is much longer.
fn is_quoted_better(quoted: usize, base64: usize) -> bool {
    quoted < base64 + 5
}

fn encoded_word(text: &str, charset: &str, is_raw: bool) -> String {
    let bytes = if is_raw { raw_bytes(text) } else { text.as_bytes().to_vec() };
    let is_quoted = is_quoted_better(Chosen::Q.len(&bytes), Chosen::B.len(&bytes));
    let mut word = String::new();
    (if is_quoted { Chosen::Q } else { Chosen::B }).write(&bytes, charset, &mut word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(width: usize, fill: impl Fn(&mut Lines<'_>)) -> String {
        let mut lines = Lines::new("X: ".to_owned(), width, "\n");
        fill(&mut lines);
        lines.finish().expect("lines that are wide enough")
    }

    #[test]
    fn the_space_between_two_encoded_words_is_said_by_one_of_them() {
        let field = filled(78, |lines| {
            lines.push_encoded("ää", false);
            lines.push(" ");
            lines.push_encoded("öö", false);
        });
        assert_eq!(field, "X: =?utf-8?b?w6TDpCDDtsO2?=\n");
    }

    #[test]
    fn no_line_is_empty() {
        let field = filled(10, |lines| {
            lines.push("aaaaaaa");
            for text in [" ", "bbbbbbbbbb", " ", " "] {
                if text.len() > lines.room() {
                    lines.push_long(text);
                } else {
                    lines.push(text);
                }
            }
        });
        assert!(field.lines().all(|line| !line.trim().is_empty()), "{field:?}");
    }

    #[test]
    fn without_a_limit_words_are_as_long_as_allowed() {
        let field = filled(usize::MAX, |lines| lines.push_encoded(&"ä".repeat(100), false));
        assert_eq!(field.lines().count(), 1);
        assert!(field.split_ascii_whitespace().all(|word| word.len() <= LONGEST_WORD), "{field}");
    }

    #[test]
    fn a_line_too_short_for_any_word_is_told() {
        let mut lines = Lines::new("X: ".to_owned(), 13, "\n");
        lines.push_encoded("ä", false);
        assert_eq!(lines.finish(), None);
    }
}
