//! Folds a field whose value has been parsed into tokens (RFC 5322 section 2.2.3).
//!
//! A token determines how it may be written. A word may become an encoded-word (RFC 2047), an
//! address or an identifier may not, and a quoted string keeps its quotes on every line or becomes
//! encoded-words as a whole. So nothing that a reader treats as syntax changes its role: a comma
//! inside a display name never separates two addresses, whatever the width.
//!
//! Lines are filled like those of `email`'s modern policies: the largest token that fits stays
//! together, and one that doesn't fit is split into its parts. [`Lines`] does the rest.

use super::encoded_lines::{Lines, USUAL_WIDTH};
use super::parameter;
use super::token::{Kind, Token, looks_encoded};
use crate::address::lexis;
use crate::message::charset::raw_bytes;

/// How a field is folded.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    pub linesep: &'a str,
    /// In characters.
    pub width: usize,
    /// Text is written unencoded (RFC 6532).
    pub utf8: bool,
    /// The blank after the name stays on its line when nothing else does.
    pub blank_stays: bool,
}

/// A line is too short to hold an encoded-word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooNarrow;

/// The SMTP limit: a longer word is encoded, wherever it stands.
const LONGEST_WORD: usize = 990;

/// The folded field, with its line end. Raw bytes that can't be encoded in their place are still
/// represented by characters.
pub fn fold(name: &str, tokens: &[Token], shape: Shape<'_>) -> Result<String, TooNarrow> {
    let start = if tokens.is_empty() { format!("{name}:") } else { format!("{name}: ") };
    let mut folder = Folder { lines: Lines::new(start, shape.width, shape.linesep), utf8: shape.utf8 };
    folder.lines.blank_stays = shape.blank_stays;
    folder.unit(tokens, false, 0);
    folder.lines.finish().ok_or(TooNarrow)
}

struct Folder<'a> {
    lines: Lines<'a>,
    utf8: bool,
}

impl Folder<'_> {
    /// The tokens of a unit, one after the other.
    fn unit(&mut self, tokens: &[Token], is_bound: bool, depth: usize) {
        for token in tokens {
            self.token(token, is_bound, depth);
        }
    }

    fn token(&mut self, token: &Token, is_bound: bool, depth: usize) {
        if token.kind == Kind::Parameters {
            return self.parameters(&token.inner);
        }
        let written = token.written(self.utf8);
        if token.needs_words(self.utf8) {
            return self.encoded(token, depth);
        }
        if matches!(token.kind, Kind::Fixed | Kind::Address) {
            self.lines.end_word();
        }
        let width = written.chars().count();
        // An identifier that is longer than any line stays beside the name of its field, because
        // some readers take a first line without one for an empty field.
        let is_stuck = token.kind == Kind::Fixed && written.is_ascii() && width >= self.lines.width();
        if width <= self.lines.room() || (is_stuck && self.lines.is_at_start()) {
            return self.lines.push(&written);
        }
        // A comma belongs to the text before it, and parameters belong to their main value.
        let can_begin_line = written != "," && !token.has_parameters();
        if can_begin_line && width < self.lines.width() && self.lines.break_before(&written) {
            return;
        }
        let may_encode = !is_bound || width > LONGEST_WORD;
        match token.kind {
            Kind::Word | Kind::Atom if may_encode => self.lines.push_encoded(&token.text, token.is_raw),
            Kind::Word | Kind::Atom | Kind::Blank | Kind::Fixed | Kind::Address => {
                self.lines.push_long(&written);
            }
            Kind::Unit => {
                self.unit(&token.inner, is_bound || token.is_bound(), depth + 1);
            }
            Kind::Quoted => self.quoted(token),
            Kind::Comment => self.comment(token, depth),
            Kind::Parameters => {}
        }
    }

    /// A token with content that has to be encoded.
    fn encoded(&mut self, token: &Token, depth: usize) {
        match token.kind {
            Kind::Word | Kind::Atom => self.lines.push_encoded(&token.text, token.is_raw),
            Kind::Quoted => self.dissolved(token),
            Kind::Comment => self.comment(token, depth),
            _ => {
                // A mailbox on its own line is easier to read than two halves.
                const DEEPEST: usize = 6;
                if token.is_bound() {
                    self.lines.end_word();
                    if depth < DEEPEST
                        && !token.has_parameters()
                        && let Some(line) = self.on_one_line(&token.inner, depth)
                    {
                        let width = line.chars().count();
                        if width > self.lines.room() {
                            self.lines.break_line();
                        }
                        return self.lines.push(&line);
                    }
                }
                self.unit(&token.inner, false, depth + 1);
            }
        }
    }

    fn on_one_line(&self, tokens: &[Token], depth: usize) -> Option<String> {
        let lines = Lines::new(String::new(), self.lines.width(), "\n");
        let mut folder = Folder { lines, utf8: self.utf8 };
        folder.unit(tokens, false, depth + 1);
        folder.lines.into_single()
    }

    /// A quoted string that doesn't fit on a line. It is folded between its quotes, where white
    /// space may become a fold (RFC 5322 section 3.2.4), unless a word is too long for that.
    fn quoted(&mut self, token: &Token) {
        let text = token.joined(self.utf8);
        let escaped = lexis::escape(&text);
        let longest = escaped.split([' ', '\t']).map(|word| word.chars().count()).max().unwrap_or_default();
        if longest + 3 > self.lines.width() {
            return self.lines.push_encoded(&text, token.inner.iter().any(|inner| inner.is_raw));
        }
        self.lines.end_word();
        self.pieces(&format!("\"{escaped}\""));
    }

    /// A quoted string without its quotes. Words that need it become encoded-words.
    fn dissolved(&mut self, token: &Token) {
        let text = token.joined(self.utf8);
        let is_raw = token.inner.iter().any(|inner| inner.is_raw);
        // White space that a phrase would lose becomes part of an encoded-word across several
        // words.
        let is_spaced = text.contains("  ") || text.contains('\t') || text.trim() != text;
        if is_spaced || (is_raw && !raw_bytes(&text).is_ascii()) || looks_encoded(&text) {
            return self.lines.push_encoded(&text, is_raw);
        }
        for word in text.split_inclusive(' ') {
            let (word, blank) = match word.strip_suffix(' ') {
                Some(word) => (word, true),
                None => (word, false),
            };
            self.token(&Token::new(Kind::Atom, word), false, 0);
            if blank {
                self.token(&Token::new(Kind::Blank, " "), false, 0);
            }
        }
    }

    /// Text that may be folded at its white space and is never encoded.
    fn pieces(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let is_blank = rest.starts_with([' ', '\t']);
            let end = rest.find(|c| matches!(c, ' ' | '\t') != is_blank).unwrap_or(rest.len());
            let (piece, more) = rest.split_at(end);
            rest = more;
            if piece.chars().count() <= self.lines.room() {
                self.lines.push(piece);
            } else if !self.lines.break_before(piece) {
                self.lines.push_long(piece);
            }
        }
    }

    fn comment(&mut self, token: &Token, depth: usize) {
        self.lines.end_word();
        self.pieces("(");
        for inner in &token.inner {
            match inner.kind {
                Kind::Comment => self.token(inner, false, depth + 1),
                _ if inner.is_hostile(self.utf8) => self.lines.push_encoded(&inner.text, inner.is_raw),
                _ => {
                    let escaped = inner.in_comment(self.utf8);
                    let width = escaped.chars().count();
                    if width >= self.lines.width() && inner.kind != Kind::Blank {
                        self.lines.push_encoded(&inner.text, inner.is_raw);
                    } else {
                        if escaped != inner.text {
                            self.lines.end_word();
                        }
                        self.pieces(&escaped);
                    }
                }
            }
        }
        self.lines.end_word();
        self.lines.push(")");
    }

    /// Parameters, each on its own line if it doesn't fit (RFC 2231).
    fn parameters(&mut self, parameters: &[Token]) {
        self.lines.end_word();
        for parameter in parameters {
            if !self.lines.is_after_semicolon() {
                self.lines.push(";");
            }
            let name = &parameter.text;
            let Some(value) = parameter.inner.first() else {
                continue;
            };
            let is_extended = value.is_hostile(self.utf8);
            let charset = match (value.is_raw, is_extended) {
                (true, _) => "unknown-8bit",
                (false, false) if value.text.is_ascii() => "us-ascii",
                _ => "utf-8",
            };
            let written = match is_extended {
                true => {
                    format!("{name}*={charset}''{}", parameter::percent_encode(&bytes_of(value, &value.text)))
                }
                false => format!("{name}=\"{}\"", lexis::escape(&value.text)),
            };
            let width = written.chars().count();
            if width + 1 < self.lines.room() {
                self.lines.push(" ");
                self.lines.push(&written);
            } else if width + 2 <= self.lines.width() {
                self.lines.new_line(&format!(" {written}"));
            } else {
                self.sections(name, value, charset);
            }
        }
    }

    /// A value in several sections (RFC 2231 section 3), all of them in the extended form.
    fn sections(&mut self, name: &str, value: &Token, charset: &str) {
        let characters: Vec<String> = value
            .text
            .chars()
            .map(|c| parameter::percent_encode(&bytes_of(value, c.encode_utf8(&mut [0; 4]))))
            .collect();
        let widest = characters.iter().map(String::len).max().unwrap_or_default();
        let mut rest = characters.into_iter().peekable();
        let mut chrome = format!("{charset}''");
        for section in 0_usize.. {
            let mut line = format!(" {name}*{section}*={chrome}");
            // Leaves room for the semicolon, and for any character of the value.
            let least = line.chars().count() + 1 + widest;
            let width = if least > self.lines.width() { USUAL_WIDTH.max(least) } else { self.lines.width() };
            let mut columns = line.chars().count() + 1;
            while let Some(character) = rest.next_if(|next| columns + next.len() <= width) {
                columns += character.len();
                line.push_str(&character);
            }
            let is_last = rest.peek().is_none();
            if !is_last {
                line.push(';');
            }
            self.lines.new_line(&line);
            if is_last {
                break;
            }
            chrome.clear();
        }
    }
}

fn bytes_of(value: &Token, text: &str) -> Vec<u8> {
    if value.is_raw { raw_bytes(text) } else { text.as_bytes().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: Kind, text: &str) -> Vec<Token> {
        text.split_inclusive(' ')
            .flat_map(|word| {
                [Token::new(kind, word.trim_end()), Token::new(Kind::Blank, &word[word.trim_end().len()..])]
            })
            .collect()
    }

    fn mailbox(name: Token, address: &str) -> Token {
        let name = Token::of(Kind::Unit, vec![name, Token::new(Kind::Blank, " ")]);
        Token::of(Kind::Unit, vec![name, Token::new(Kind::Address, address)])
    }

    fn folded(token: Token, width: usize) -> String {
        fold("To", &[token], Shape { linesep: "\n", width, utf8: false, blank_stays: false })
            .expect("a line wide enough")
    }

    #[test]
    fn a_special_character_is_hidden() {
        let name = Token::of(Kind::Unit, words(Kind::Atom, "\"Boss\" <boss@x.example>,"));
        assert_eq!(
            folded(mailbox(name, "<a@x.example>"), 78),
            "To: =?utf-8?b?IkJvc3MiIDxib3NzQHguZXhhbXBsZT4s?= <a@x.example>\n"
        );
    }

    #[test]
    fn a_quoted_string_keeps_its_quotes_on_every_line() {
        let name = Token::of(Kind::Quoted, words(Kind::Atom, "first, second, <third@x.example>"));
        assert_eq!(
            folded(mailbox(name, "<a@x.example>"), 24),
            "To: \"first, second,\n <third@x.example>\"\n <a@x.example>\n"
        );
    }

    #[test]
    fn a_comment_keeps_its_parentheses() {
        let inner = vec![Token::new(Kind::Word, "x".repeat(60))];
        let list = vec![
            Token::of(Kind::Comment, inner),
            Token::new(Kind::Blank, " "),
            Token::new(Kind::Address, "a@x.example"),
        ];
        let field = folded(Token::of(Kind::Unit, list), 40);
        assert!(field.starts_with("To: (=?utf-8?q?") && field.contains("?=)"), "{field}");
    }

    #[test]
    fn domains_become_a_labels() {
        assert_eq!(
            folded(Token::new(Kind::Address, "<j@bücher.example>"), 78),
            "To: <j@xn--bcher-kva.example>\n"
        );
        assert_eq!(folded(Token::new(Kind::Address, "jürgen"), 78), "To: jürgen\n");
    }

    #[test]
    fn an_encoded_word_is_one_to_a_reader() {
        for text in ["=?utf-8?q?x?=", "a=?utf-8?b?a?=b", "=?x*en?Q??="] {
            assert!(looks_encoded(text), "{text}");
        }
        for text in ["=?", "=?utf-8?q?x", "a =? b ?= c", "=?=", "=??q?x?="] {
            assert!(!looks_encoded(text), "{text}");
        }
    }
}
