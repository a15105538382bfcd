//! Addresses as `email.utils` reads them: every text has a result.
//!
//! Kept apart from [`super::list`], which follows the grammar of RFC 5322 strictly. Programs
//! depend on the results for input that isn't an address list, so they are reproduced. `strict`
//! protects against their abuse (an address in a display name mistaken for a recipient).

use super::lexis::{escape, is_blank};

/// (display name with comments, address), or ("", "") if there is neither.
pub type Pair = (String, String);

/// All addresses of some header values.
#[must_use]
pub fn read_all(values: &[String], strict: bool) -> Vec<Pair> {
    if !strict {
        return Reader::new(&values.join(", ")).all();
    }
    let values: Vec<&str> = values.iter().map(|value| checked(value)).collect();
    let found: Vec<Pair> = Reader::new(&values.join(", ")).all().into_iter().map(plausible).collect();
    // If their number doesn't match the commas, something was misread.
    let expected: usize = values.iter().map(|value| 1 + without_quoted(value).matches(',').count()).sum();
    if found.len() == expected { found } else { vec![Pair::default()] }
}

/// The single address of a value. ("", "") if there is none, or more than one.
#[must_use]
pub fn read_one(value: &str, strict: bool) -> Pair {
    if !strict {
        return Reader::new(value).all().into_iter().next().unwrap_or_default();
    }
    let mut found = Reader::new(checked(value)).all();
    match found.pop() {
        Some(pair) if found.is_empty() => plausible(pair),
        _ => Pair::default(),
    }
}

/// The value, or one without an address if its parentheses don't match.
fn checked(value: &str) -> &str {
    let mut open = 0_usize;
    let plain = without_quoted(value);
    let mut chars = plain.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '(' => open += 1,
            ')' => match open.checked_sub(1) {
                Some(fewer) => open = fewer,
                None => return "('', '')",
            },
            _ => {}
        }
    }
    if open == 0 { value } else { "('', '')" }
}

/// The bracket of an invalid domain literal.
fn plausible(pair: Pair) -> Pair {
    if pair.1.contains('[') { Pair::default() } else { pair }
}

/// The text without its quoted strings.
fn without_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut opened: Option<usize> = None;
    let mut is_escaped = false;
    let mut done = 0;
    for (at, c) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == '"' {
            match opened.take() {
                None => opened = Some(at),
                Some(start) => {
                    out.push_str(&text[done..start]);
                    done = at + 1;
                }
            }
        }
    }
    out.push_str(&text[done..]);
    out
}

struct Reader {
    text: Vec<char>,
    at: usize,
    comments: Vec<String>,
    /// The number of open groups.
    groups: usize,
}

/// Nested groups are illegal, and each level takes room on the stack.
const DEEPEST: usize = 50;

const SPECIALS: &str = "()<>@,:;.\"[]";

fn ends_atom(c: char) -> bool {
    SPECIALS.contains(c) || is_blank(c)
}

/// A dot is allowed in a phrase, though it shouldn't be (RFC 5322 section 4.1).
fn ends_phrase_atom(c: char) -> bool {
    c != '.' && ends_atom(c)
}

impl Reader {
    fn new(text: &str) -> Self {
        Reader { text: text.chars().collect(), at: 0, comments: Vec::new(), groups: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn all(&mut self) -> Vec<Pair> {
        let mut found = Vec::new();
        while self.at < self.text.len() {
            let more = self.address();
            if more.is_empty() {
                found.push(Pair::default());
            } else {
                found.extend(more);
            }
        }
        found
    }

    fn address(&mut self) -> Vec<Pair> {
        self.comments.clear();
        self.gap();
        let start = self.at;
        let words = self.phrase();
        self.gap();
        let found = match self.peek() {
            Some('.' | '@') => {
                // There is no phrase at all: read it again as an address.
                self.at = start;
                let address = self.addr_spec();
                vec![(self.comments.join(" "), address)]
            }
            Some(':') if self.groups < DEEPEST => self.group(),
            Some('<') => {
                let address = self.angle();
                let mut name = words.join(" ");
                if !self.comments.is_empty() {
                    name = format!("{name} ({})", self.comments.join(" "));
                }
                vec![(name, address)]
            }
            other => match words.into_iter().next() {
                Some(word) => vec![(self.comments.join(" "), word)],
                None => {
                    if other.is_some_and(|c| SPECIALS.contains(c)) {
                        self.at += 1;
                    }
                    Vec::new()
                }
            },
        };
        self.gap();
        if self.peek() == Some(',') {
            self.at += 1;
        }
        found
    }

    fn group(&mut self) -> Vec<Pair> {
        let mut members = Vec::new();
        self.groups += 1;
        self.at += 1;
        while self.at < self.text.len() {
            self.gap();
            if self.peek() == Some(';') {
                self.at += 1;
                break;
            }
            members.extend(self.address());
        }
        self.groups -= 1;
        members
    }

    /// Skips white space and keeps comments. Returns the blanks in between.
    fn gap(&mut self) -> String {
        let mut blanks = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\r' | '\n' => self.at += 1,
                ' ' | '\t' => {
                    blanks.push(c);
                    self.at += 1;
                }
                '(' => {
                    let comment = self.comment();
                    self.comments.push(comment);
                }
                _ => break,
            }
        }
        blanks
    }

    fn phrase(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                _ if is_blank(c) => self.at += 1,
                '"' => words.push(self.delimited('"', false)),
                '(' => {
                    let comment = self.comment();
                    self.comments.push(comment);
                }
                _ if ends_phrase_atom(c) => break,
                _ => words.push(self.atom(ends_phrase_atom)),
            }
        }
        words
    }

    fn atom(&mut self, is_end: fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| !is_end(c)) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn comment(&mut self) -> String {
        self.delimited(')', true)
    }

    /// From an opening character to `end` (or a CR, which ends everything).
    fn delimited(&mut self, end: char, is_comment: bool) -> String {
        let mut out = String::new();
        // Comments may nest to any depth, so they are counted instead of using the stack.
        let mut inner = 0_usize;
        self.at += 1;
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.at += 1;
                    out.extend(self.peek());
                }
                '(' if is_comment => inner += 1,
                c if (c == end || c == '\r') && inner > 0 => inner -= 1,
                c if c == end || c == '\r' => {
                    self.at += 1;
                    break;
                }
                c => out.push(c),
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        out
    }

    /// `<address>`, or `<@relay:address>` with the route left out.
    fn angle(&mut self) -> String {
        self.at += 1;
        self.gap();
        let mut is_route = false;
        while let Some(c) = self.peek() {
            if is_route {
                self.domain();
                is_route = false;
            } else {
                match c {
                    '>' => {
                        self.at += 1;
                        return String::new();
                    }
                    '@' => {
                        self.at += 1;
                        is_route = true;
                    }
                    ':' => self.at += 1,
                    _ => {
                        let address = self.addr_spec();
                        self.at += 1;
                        return address;
                    }
                }
            }
            self.gap();
        }
        String::new()
    }

    fn addr_spec(&mut self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let drop_blank = |parts: &mut Vec<String>| {
            if parts.last().is_some_and(|last| last.trim().is_empty()) {
                parts.pop();
            }
        };
        self.gap();
        while let Some(c) = self.peek() {
            let mut keeps_blanks = true;
            if c == '.' {
                drop_blank(&mut parts);
                parts.push(".".to_owned());
                self.at += 1;
                keeps_blanks = false;
            } else if c == '"' {
                let quoted = self.delimited('"', false);
                parts.push(format!("\"{}\"", escape(&quoted)));
            } else if ends_atom(c) {
                drop_blank(&mut parts);
                break;
            } else {
                parts.push(self.atom(ends_atom));
            }
            let blanks = self.gap();
            if keeps_blanks && !blanks.is_empty() {
                parts.push(blanks);
            }
        }
        let mut address = parts.concat();
        if self.peek() == Some('@') {
            self.at += 1;
            self.gap();
            let domain = self.domain();
            if domain.is_empty() {
                // A local part alone would hide that this isn't an address.
                return domain;
            }
            address.push('@');
            address.push_str(&domain);
        }
        address
    }

    fn domain(&mut self) -> String {
        let mut domain = String::new();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => self.at += 1,
                '(' => {
                    let comment = self.comment();
                    self.comments.push(comment);
                }
                '[' => {
                    let literal = self.delimited(']', false);
                    domain.push('[');
                    domain.push_str(&literal);
                    domain.push(']');
                }
                '.' => {
                    self.at += 1;
                    domain.push('.');
                }
                // `a@evil.example@x.example` belongs to neither domain.
                '@' => return String::new(),
                c if ends_atom(c) => break,
                _ => domain.push_str(&self.atom(ends_atom)),
            }
        }
        domain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str, strict: bool) -> Vec<Pair> {
        read_all(&[text.to_owned()], strict)
    }

    fn pair(name: &str, address: &str) -> Pair {
        (name.to_owned(), address.to_owned())
    }

    #[test]
    fn addresses_are_found_in_what_people_write() {
        assert_eq!(
            pairs("Al (A. P.) Person <al@x.example>", true),
            [pair("Al Person (A. P.)", "al@x.example")]
        );
        assert_eq!(pairs("al@x.example (Al)", true), [pair("Al", "al@x.example")]);
        assert_eq!(pairs("Mary <@relay.example:mary@x.example>", true), [pair("Mary", "mary@x.example")]);
        assert_eq!(pairs("them: ;", true), [pair("", "")]);
    }

    #[test]
    fn an_address_in_a_name_is_no_recipient() {
        let text = "alice@x.example <bob@x.example>";
        assert_eq!(pairs(text, true), [pair("", "")]);
        assert_eq!(pairs(text, false).len(), 2);
        assert_eq!(read_one("a@x@y", true), pair("", ""));
    }

    #[test]
    fn nothing_makes_it_panic() {
        for text in ["\\", "\"\\", "(((", "<", "<@", "[", "a@[", "@", ":", "a:", "(\\", "\"a\\"] {
            let _ = pairs(text, false);
            let _ = pairs(text, true);
        }
    }

    #[test]
    fn no_depth_takes_the_stack() {
        for opening in ["(", "a:", "<(", "\"("] {
            let _ = pairs(&opening.repeat(200_000), false);
        }
        assert_eq!(pairs("(a (b) c) x@y.example", false), [pair("a b c", "x@y.example")]);
    }
}
