//! Address lists (RFC 5322 section 3.4), with UTF-8 wherever RFC 6532 allows it.
//!
//! An address list is parsed only when part of it has to be rewritten: a display name that needs
//! encoded-words, or a domain that needs A-labels.

use super::AddrSpec;
use super::lexis::{find_closing_quote, find_comment_end, is_blank, is_special, unescape};
use super::phrase;

/// A mailbox, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Mailbox(Member),
    Group { name: String, members: Vec<Member> },
}

/// A mailbox of a list: its address, and the text around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The whole mailbox as written, including comments.
    pub source: String,
    /// Without quotes.
    pub display_name: Option<String>,
    pub spec: AddrSpec,
}

/// Why a text isn't an address list, and the part at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

fn malformed(why: &str) -> Malformed {
    Malformed(why.to_owned())
}

impl Address {
    /// The correct form.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Address::Mailbox(mailbox) => mailbox.source.clone(),
            Address::Group { name, members } => {
                let members: Vec<_> = members.iter().map(|member| member.source.as_str()).collect();
                format!("{}: {};", phrase::quoted(name), members.join(", "))
            }
        }
    }
}

impl Member {
    fn of(local: String, domain: Option<String>) -> Self {
        Self { spec: AddrSpec { local, domain }, ..Self::default() }
    }
}

/// All mailboxes of a list, those in groups too.
pub fn mailboxes(list: &[Address]) -> impl Iterator<Item = &Member> {
    list.iter().flat_map(|address| match address {
        Address::Mailbox(mailbox) => std::slice::from_ref(mailbox),
        Address::Group { members, .. } => members.as_slice(),
    })
}

/// The same, taking ownership.
pub fn into_mailboxes(list: Vec<Address>) -> impl Iterator<Item = Member> {
    list.into_iter().flat_map(|address| {
        let (one, several) = match address {
            Address::Mailbox(mailbox) => (Some(mailbox), Vec::new()),
            Address::Group { members, .. } => (None, members),
        };
        one.into_iter().chain(several)
    })
}

/// Reads an address list.
///
/// Read too is what RFC 5322 section 4.4 has programs read and not write (empty places
/// between commas, routes), and an address that stands as the name before itself:
/// [`tidied`] writes those as they should be.
pub fn parse(text: &str) -> Result<Vec<Address>, Malformed> {
    read(text).map(|(list, _)| list)
}

/// The list, and its text if that had to be rewritten.
pub fn tidied(text: &str) -> Result<(Vec<Address>, Option<String>), Malformed> {
    let (list, is_tidy) = read(text)?;
    let written = (!is_tidy).then(|| list.iter().map(Address::written).collect::<Vec<_>>().join(", "));
    Ok((list, written))
}

/// An address without a domain in a list of several. `Smith, John <j@x.example>` is one person to
/// its author, and two addresses to every reader.
#[must_use]
pub fn local_among_several(list: &[Address]) -> Option<&Member> {
    let is_several = mailboxes(list).nth(1).is_some();
    mailboxes(list).find(|mailbox| is_several && mailbox.spec.domain.is_none())
}

/// The list, and whether it follows the form that RFC 5322 asks programs to write.
fn read(text: &str) -> Result<(Vec<Address>, bool), Malformed> {
    let mut reader = Reader { rest: text, is_tidy: true };
    let mut found = Vec::new();
    let mut commas = 0;
    loop {
        let start = reader.rest;
        let step = reader.skip_space().and_then(|()| match reader.peek() {
            None => Ok(false),
            Some(',') => {
                commas += 1;
                reader.bump();
                Ok(true)
            }
            Some(_) => {
                found.push(reader.address_with_source(true)?);
                match reader.peek() {
                    None | Some(',') => Ok(true),
                    Some(';') => Err(malformed("addresses are separated by commas, not by semicolons")),
                    Some(c @ ('[' | ']' | '(' | ')' | '\\')) => {
                        Err(Malformed(format!("{c:?} can stand in a name only inside quotes")))
                    }
                    Some(_) => Err(malformed("no comma between two addresses")),
                }
            }
        });
        match step {
            Ok(true) => {}
            Ok(false) => {
                let is_tidy = reader.is_tidy && (found.is_empty() || commas + 1 == found.len());
                return Ok((found, is_tidy));
            }
            Err(Malformed(why)) => {
                let piece = piece(start);
                return Err(if piece == text.trim() {
                    Malformed(why)
                } else {
                    Malformed(format!("{piece:?}: {why}"))
                });
            }
        }
    }
}

/// From here to the next comma, or as much of that as is useful to show.
fn piece(rest: &str) -> &str {
    const MOST: usize = 80;
    let rest = rest.trim_start();
    let end = rest.find(',').unwrap_or(rest.len());
    let end = rest.char_indices().nth(MOST).map_or(end, |(at, _)| end.min(at));
    rest[..end].trim_end()
}

struct Reader<'a> {
    rest: &'a str,
    /// Whether nothing so far needs to be rewritten.
    is_tidy: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    /// White space and comments.
    fn skip_space(&mut self) -> Result<(), Malformed> {
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            if self.peek() != Some('(') {
                return Ok(());
            }
            let at = find_comment_end(self.rest).ok_or_else(|| malformed("a comment without an end"))?;
            self.rest = &self.rest[at + 1..];
        }
    }

    fn address_with_source(&mut self, may_be_group: bool) -> Result<Address, Malformed> {
        let before = self.rest;
        let mut address = self.address(may_be_group)?;
        self.skip_space()?;
        if let Address::Mailbox(mailbox) = &mut address
            && mailbox.source.is_empty()
        {
            before[..before.len() - self.rest.len()].trim().clone_into(&mut mailbox.source);
        }
        Ok(address)
    }

    fn address(&mut self, may_be_group: bool) -> Result<Address, Malformed> {
        // The beginning is a phrase or a local part. What follows tells which.
        let words = self.words()?;
        match self.peek() {
            Some('<') => {
                let mut mailbox = self.angle()?;
                mailbox.display_name = (!words.is_empty()).then(|| text_of(&words));
                Ok(Address::Mailbox(mailbox))
            }
            Some(':') if !may_be_group => Err(malformed("a group inside a group")),
            Some(':') => {
                self.bump();
                Ok(Address::Group { name: text_of(&words), members: self.members()? })
            }
            Some('@') => {
                self.bump();
                let domain = self.domain()?;
                let local = one_word(&words)?;
                self.skip_space()?;
                if self.peek() == Some('<') {
                    return self.named_by(&format!("{local}@{domain}"));
                }
                Ok(Address::Mailbox(Member::of(local, Some(domain))))
            }
            _ => Ok(Address::Mailbox(Member::of(one_word(&words)?, None))),
        }
    }

    /// `a@x.example <a@x.example>`: many programs write an address without a name like this. If
    /// the address in the brackets is different, it is unknown which one is meant.
    fn named_by(&mut self, name: &str) -> Result<Address, Malformed> {
        let mailbox = self.angle()?;
        let spec = mailbox.spec.to_string();
        if !spec.eq_ignore_ascii_case(name) {
            return Err(Malformed(format!(
                "the name {name:?} is another address than the one in brackets: put the name in quotes"
            )));
        }
        self.is_tidy = false;
        let source = phrase::mailbox(name, &spec);
        Ok(Address::Mailbox(Member { source, display_name: Some(name.to_owned()), ..mailbox }))
    }

    fn members(&mut self) -> Result<Vec<Member>, Malformed> {
        let mut members = Vec::new();
        let mut commas = 0;
        loop {
            self.skip_space()?;
            match self.peek() {
                None => return Err(malformed("a group without its semicolon")),
                Some(';') => {
                    self.bump();
                    self.is_tidy &= members.is_empty() || commas + 1 == members.len();
                    return Ok(members);
                }
                Some(',') => {
                    commas += 1;
                    self.bump();
                }
                Some(_) => {
                    if let Address::Mailbox(mailbox) = self.address_with_source(false)? {
                        members.push(mailbox);
                    }
                }
            }
        }
    }

    fn angle(&mut self) -> Result<Member, Malformed> {
        self.bump();
        self.skip_space()?;
        self.route()?;
        let local = one_word(&self.words()?)?;
        let domain = if self.peek() == Some('@') {
            self.bump();
            Some(self.domain()?)
        } else {
            None
        };
        self.skip_space()?;
        if self.peek() != Some('>') {
            return Err(malformed("an angle bracket without its partner"));
        }
        self.bump();
        Ok(Member::of(local, domain))
    }

    /// `@relay.example:` before an address: obsolete and without meaning (RFC 5321 appendix C).
    fn route(&mut self) -> Result<(), Malformed> {
        while let Some(c @ ('@' | ',' | ':')) = self.peek() {
            self.bump();
            if c == '@' {
                self.domain()?;
            }
            self.skip_space()?;
            if c == ':' {
                break;
            }
        }
        Ok(())
    }

    /// Atoms (with dots) and quoted strings, up to anything else.
    fn words(&mut self) -> Result<Vec<Word<'a>>, Malformed> {
        let mut words = Vec::new();
        loop {
            self.skip_space()?;
            match self.peek() {
                Some('"') => words.push(Word::Quoted(self.quoted()?)),
                Some(c) if !is_special(c) => words.push(Word::Atom(self.atom())),
                _ => return Ok(words),
            }
        }
    }

    fn atom(&mut self) -> &'a str {
        let end = self.rest.find(|c| is_special(c) || is_blank(c));
        let (atom, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        atom
    }

    fn quoted(&mut self) -> Result<&'a str, Malformed> {
        let end = find_closing_quote(&self.rest[1..]);
        let at = end.ok_or_else(|| malformed("a quoted string without its end"))?;
        let (quoted, rest) = self.rest.split_at(at + 2);
        self.rest = rest;
        Ok(quoted)
    }

    fn domain(&mut self) -> Result<String, Malformed> {
        self.skip_space()?;
        if self.peek() == Some('[') {
            let end = self.rest.find(']').ok_or_else(|| malformed("a domain literal without its end"))?;
            let (literal, rest) = self.rest.split_at(end + 1);
            self.rest = rest;
            return Ok(literal.to_owned());
        }
        let domain = self.atom();
        if domain.is_empty() {
            return Err(malformed("no domain after the @"));
        }
        Ok(domain.to_owned())
    }
}

enum Word<'a> {
    Atom(&'a str),
    /// The quoted string with its quotes.
    Quoted(&'a str),
}

fn one_word(words: &[Word<'_>]) -> Result<String, Malformed> {
    match words {
        [Word::Atom(word) | Word::Quoted(word)] => Ok((*word).to_owned()),
        [] => Err(malformed("no address where one should be")),
        _ => Err(malformed(
            "several words where one address should be: after a name, the address stands in <brackets>",
        )),
    }
}

/// What a phrase says.
fn text_of(words: &[Word<'_>]) -> String {
    let plain: Vec<String> = words
        .iter()
        .map(|word| match word {
            Word::Atom(atom) => (*atom).to_owned(),
            Word::Quoted(quoted) => unescape(&quoted[1..quoted.len() - 1]),
        })
        .collect();
    plain.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(source: &str, name: Option<&str>, local: &str, domain: &str) -> Address {
        Address::Mailbox(Member {
            source: source.to_owned(),
            display_name: name.map(str::to_owned),
            spec: AddrSpec { local: local.to_owned(), domain: Some(domain.to_owned()) },
        })
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(
            parse("a@x.example, Jürgen Groß <j@bücher.example>,\n \"B, C\" (comment) <\"b c\"@[127.0.0.1]>"),
            Ok(vec![
                mailbox("a@x.example", None, "a", "x.example"),
                mailbox("Jürgen Groß <j@bücher.example>", Some("Jürgen Groß"), "j", "bücher.example"),
                mailbox("\"B, C\" (comment) <\"b c\"@[127.0.0.1]>", Some("B, C"), "\"b c\"", "[127.0.0.1]"),
            ])
        );
    }

    #[test]
    fn groups_are_read() {
        let Ok(list) = parse("Friends: a@x.example, b@x.example;, c@x.example") else {
            unreachable!("a valid list");
        };
        assert_eq!(list.len(), 2);
        assert_eq!(mailboxes(&list).count(), 3);
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        for text in
            ["a b@x", "a@", "<a@x", "\"a", "a@x b@x", "a@x (", "x: a@x", "@x", "a@x; b@x", "X [Y] <a@x>"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_the_piece() {
        let Err(Malformed(why)) = parse("a@x.example, Bob b@x.example, c@x.example") else {
            unreachable!("no list of addresses");
        };
        assert!(why.starts_with("\"Bob b@x.example\": several words"), "{why}");
    }

    #[test]
    fn what_should_be_written_in_another_way_is_read_and_tidied() {
        for (text, tidy) in [
            ("a@x.example, , b@x.example,", Some("a@x.example, b@x.example")),
            (",a@x.example", Some("a@x.example")),
            ("a@x.example <a@x.example>", Some("\"a@x.example\" <a@x.example>")),
            ("a@x.example (Joe, Sr.), b@x.example", None),
            ("G: a@x.example,, b@x.example;, c@x.example", Some("G: a@x.example, b@x.example;, c@x.example")),
            ("G: a@x.example, b@x.example;", None),
            ("root@[10.0.0.5], \"ticket[42]\"@b.example", None),
        ] {
            let written = tidied(text).map(|(_, written)| written);
            assert_eq!(written, Ok(tidy.map(str::to_owned)), "{text}");
        }
        assert!(parse("a@x.example <b@x.example>").is_err());
    }

    #[test]
    fn a_route_says_nothing() {
        let Ok(list) = parse("Mary <@a.example,@b.example:mary@x.example>") else {
            unreachable!("a valid list")
        };
        let found = mailboxes(&list).next().map(|mailbox| mailbox.spec.to_string());
        assert_eq!(found.as_deref(), Some("mary@x.example"));
    }

    #[test]
    fn a_name_with_a_comma_shows() {
        let local =
            |text| parse(text).map(|list| local_among_several(&list).map(|found| found.source.clone()));
        assert_eq!(local("Smith, John <j@x.example>"), Ok(Some("Smith".to_owned())));
        assert_eq!(local("root"), Ok(None));
        assert_eq!(local("\"Smith, John\" <j@x.example>, b@x.example"), Ok(None));
    }

    #[test]
    fn the_reader_gets_on_and_groups_do_not_nest() {
        for text in ["\x0c", "a\x0cb@x.example", "\x0b\x0c,\x1c"] {
            assert!(parse(text).is_ok(), "{text:?}");
        }
        assert!(parse("x: y: a@x.example;;").is_err());
        assert!(parse(&"x:".repeat(100_000)).is_err());
    }

    #[test]
    fn domains_become_a_labels() {
        let Ok(list) = parse("j@bücher.example") else { unreachable!("a valid list") };
        let found = mailboxes(&list).next().and_then(|mailbox| mailbox.spec.in_a_labels());
        assert_eq!(found.as_deref(), Some("j@xn--bcher-kva.example"));
    }
}
