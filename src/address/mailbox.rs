//! The mailbox of an envelope (RFC 5321 2.3.1, 4.1.2), parsed once and then trusted. A value of
//! this type contains no line end, no second address and no parameter.
//!
//! More is accepted than RFC 5321 allows (`root`, `a..b@example.org`), because servers accept it.
//! Anything that could change the meaning of a command line is refused.

use super::a_labels;
use super::lexis::{find_closing_quote, find_comment_end, find_unquoted};
use super::plain::Spec;
use super::spec::AddrSpec;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text is not an address. Shown after the name of the argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress {
    address: String,
    why: &'static str,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an address: {}", self.address, self.why)
    }
}

impl std::error::Error for BadAddress {}

/// A mailbox: a local part and, except for `postmaster` and the like, a domain.
///
/// It is shared, not copied: a message is kept during its conversation in case it has to be sent
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The address as given. After it comes its domain in A-labels (RFC 5890), if that is
    /// different.
    text: Arc<str>,
    /// Where the local part ends, and where the address does. None is longer than LONGEST.
    local: u16,
    address: u16,
    /// Asked of each address of each message.
    needs_smtputf8: bool,
}

impl Mailbox {
    /// Of parts that have been checked.
    fn of(spec: &AddrSpec, a_labels: Option<&str>) -> Self {
        let mut text = spec.to_string();
        let (local, address) = (spec.local.len() as u16, text.len() as u16);
        text.push_str(a_labels.unwrap_or_default());
        Self { text: text.into(), local, address, needs_smtputf8: !spec.local.is_ascii() }
    }

    /// Whether the text is an address of letters, digits and similarly plain characters, with
    /// nothing around it.
    pub fn is_plain(text: &str) -> bool {
        Spec::whole(text).is_some()
    }

    fn split(&self) -> (&str, &str, &str) {
        let (address, a_labels) = self.text.split_at(self.address.into());
        let (local, domain) = address.split_at(self.local.into());
        (local, domain, a_labels)
    }

    /// Whether the local part needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        self.needs_smtputf8
    }

    /// The domain in A-labels. None for `postmaster` and the like.
    pub fn domain(&self) -> Option<&str> {
        match self.split() {
            (_, domain, "") => domain.strip_prefix('@'),
            (_, _, a_labels) => Some(a_labels),
        }
    }

    /// The text inside the angle brackets. The domain is written in A-labels unless SMTPUTF8 is in
    /// use.
    pub fn wire(&self, smtputf8: bool) -> String {
        self.pieces(smtputf8).concat()
    }

    /// That text in two pieces, of which the second is mostly empty.
    pub fn pieces(&self, smtputf8: bool) -> [&str; 2] {
        match self.split() {
            (_, _, a_labels) if smtputf8 || a_labels.is_empty() => [&self.text[..self.address.into()], ""],
            (local, _, a_labels) => [&self.text[..local.len() + 1], a_labels],
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wire(true))
    }
}

/// RFC 5321 4.5.3.1.3 allows 256 octets. Some servers accept more for a local part that contains
/// another address.
pub(super) const LONGEST: usize = 768;

impl FromStr for Mailbox {
    type Err = BadAddress;

    /// Takes `local@domain`, `<local@domain>`, `Some Name <local@domain>` and
    /// `local@domain (comment)`.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why| BadAddress { address: text.to_owned(), why };
        if let Some(plain) = Spec::whole(text) {
            return Ok(plain.into());
        }
        if text.chars().any(char::is_control) {
            return Err(bad("it contains a control character"));
        }
        let address = without_name(without_comment(text.trim())).map_err(bad)?;
        let at = find_unquoted(address, '@');
        if at == Some(0) && address.contains(':') {
            return Err(bad(
                "it begins with a route, which is obsolete (RFC 5321 appendix C): leave out all up to the colon",
            ));
        }
        let local = address[..at.unwrap_or(address.len())].to_owned();
        let domain = at.map(|at| address[at + 1..].to_owned());
        let spec = AddrSpec { local, domain };
        let a_labels = checked(&spec).map_err(bad)?;
        Ok(Self::of(&spec, a_labels.as_deref()))
    }
}

impl TryFrom<AddrSpec> for Mailbox {
    type Error = BadAddress;

    fn try_from(spec: AddrSpec) -> Result<Self, BadAddress> {
        match checked(&spec) {
            Ok(a_labels) => Ok(Self::of(&spec, a_labels.as_deref())),
            Err(why) => Err(BadAddress { address: spec.to_string(), why }),
        }
    }
}

/// This function alone decides what an envelope may contain; a plain [`Spec`] is always fine. It
/// also returns the domain in A-labels, if that is different.
fn checked(spec: &AddrSpec) -> Result<Option<String>, &'static str> {
    let length = spec.local.len() + spec.domain.as_ref().map_or(0, |domain| domain.len() + 1);
    if length > LONGEST {
        return Err("it is longer than a command line can take");
    }
    if spec.local.chars().any(char::is_control) {
        return Err("it contains a control character");
    }
    check_local(&spec.local)?;
    let mut in_a_labels = None;
    if let Some(domain) = &spec.domain {
        check_domain(domain)?;
        match a_labels(domain) {
            Some(Cow::Owned(encoded)) => in_a_labels = Some(encoded),
            Some(Cow::Borrowed(_)) => {}
            None => return Err("its domain is not a valid internationalized domain name"),
        }
    }
    Ok(in_a_labels)
}

impl From<Spec<'_>> for Mailbox {
    fn from(Spec { text, at }: Spec<'_>) -> Self {
        let (local, address) = (at as u16, text.len() as u16);
        Self { text: text.into(), local, address, needs_smtputf8: false }
    }
}

/// Removes the single comment at the end (RFC 5322 3.2.2), the old way to write a name.
fn without_comment(text: &str) -> &str {
    let Some(open) = find_unquoted(text, '(').filter(|_| text.ends_with(')')) else { return text };
    match find_comment_end(&text[open..]) {
        Some(length) if open + length + 1 == text.len() => text[..open].trim_end(),
        _ => text,
    }
}

/// The content of the angle brackets at the end, or the whole text if it has none.
fn without_name(text: &str) -> Result<&str, &'static str> {
    let Some(open) = find_unquoted(text, '<') else { return Ok(text) };
    let inner = text[open + 1..].strip_suffix('>').ok_or("text follows the address")?;
    if find_unquoted(&text[..open], ',').is_some() || find_unquoted(inner, '<').is_some() {
        return Err("it holds more than one address; pass a list");
    }
    let name = text[..open].trim();
    if find_unquoted(name, '@').is_some() && !name.eq_ignore_ascii_case(inner.trim()) {
        return Err("the name before the brackets is another address: put the name in quotes");
    }
    Ok(inner)
}

fn check_local(local: &str) -> Result<(), &'static str> {
    if local.is_empty() {
        return Err("its local part is empty");
    }
    if let Some(quoted) = local.strip_prefix('"') {
        return match find_closing_quote(quoted) {
            Some(end) if end + 1 == quoted.len() => Ok(()),
            _ => Err("its quoted local part does not end before the \"@\""),
        };
    }
    match local.chars().find(|c| c.is_whitespace() || "()<>[]:;,\\\"".contains(*c)) {
        Some(',' | ';') => Err("it holds more than one address; pass a list"),
        Some(c) if c.is_whitespace() => Err("it contains white space outside quotes"),
        Some(_) => Err("it contains a special character outside quotes"),
        None => Ok(()),
    }
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // IPv4, `IPv6:...` or another tag: no literal needs a quote or a comma.
        let fine = |c: char| c.is_ascii_alphanumeric() || ":.-_%".contains(c);
        return if !literal.is_empty() && literal.chars().all(fine) {
            Ok(())
        } else {
            Err("its address literal is malformed")
        };
    }
    if domain.contains([',', ';']) {
        return Err("it holds more than one address; pass a list");
    }
    let fine =
        |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (!c.is_ascii() && c.is_alphanumeric());
    // IDNA's own tables judge marks and its other full stops.
    let judged_by_idna = |c: char| !c.is_ascii() && !c.is_whitespace();
    if domain.is_empty() {
        Err("its domain is empty")
    } else if domain.starts_with('.') || domain.contains("..") {
        Err("its domain has an empty label")
    } else if domain.chars().all(|c| fine(c) || judged_by_idna(c)) {
        Ok(())
    } else {
        Err("its domain contains a character that no domain has")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_servers_accept_is_accepted() {
        for (text, wire) in [
            ("a@example.org", "a@example.org"),
            ("<a@example.org>", "a@example.org"),
            ("Some Name <a@example.org>", "a@example.org"),
            ("\"Name, Some\" <a@example.org>", "a@example.org"),
            (" a@example.org ", "a@example.org"),
            ("root", "root"),
            ("a..b@example.org", "a..b@example.org"),
            ("a+tag/x=y@sub.example.org", "a+tag/x=y@sub.example.org"),
            ("\"a b@c,<d>\"@example.org", "\"a b@c,<d>\"@example.org"),
            ("\"a\\\"b\"@example.org", "\"a\\\"b\"@example.org"),
            ("a@[127.0.0.1]", "a@[127.0.0.1]"),
            ("a@[IPv6:::1]", "a@[IPv6:::1]"),
            ("a@under_score.example", "a@under_score.example"),
            ("a@example.org (Joe, Sr.)", "a@example.org"),
            ("a@example.org (Joe \\) (Sr.))", "a@example.org"),
            ("a@example.org <a@example.org>", "a@example.org"),
            ("\"b@example.net\" <a@example.org>", "a@example.org"),
        ] {
            assert_eq!(text.parse::<Mailbox>().unwrap().wire(false), wire, "{text}");
        }
    }

    #[test]
    fn a_route_is_refused_in_its_own_words() {
        for text in ["@r.org:b@x.org", "<@r.org:b@x.org>", "Bob <@r.org,@s.org:b@x.org>", "@r.org:"] {
            let error = text.parse::<Mailbox>().unwrap_err();
            assert!(error.why.starts_with("it begins with a route"), "{error}");
        }
    }

    #[test]
    fn lists_parameters_and_control_characters_are_refused() {
        for text in [
            "",
            "@example.org",
            "a@",
            "b@example.org, evil@example.net",
            "b@example.org,evil@example.net",
            "<b@example.org>, <evil@example.net>",
            "x@y, Name <b@example.org>",
            "b@example.org;evil@example.net",
            "b@example.org> SIZE=1",
            "<b@example.org> SIZE=1",
            "b@example.org SIZE=1",
            "b@example.org\r\nRCPT TO:<evil@example.net>",
            "b\0@example.org",
            "b\t@example.org",
            "a b@example.org",
            "a@b@example.org",
            "\"a@example.org",
            "\"a\"b@example.org",
            "a@exam ple.org",
            "a@[",
            "a@[x]>",
            "a@[\"x]",
            "a@[x,y@z]",
            "a(comment)@example.org",
            "a@example.org (x) b@example.org (y)",
            "a@example.org (x",
            "b@example.net <a@example.org>",
            "(a@example.org)",
            "a@b\u{85}c",
            // These are mapped to > = < space and nothing.
            "a@b\u{ff1e}",
            "a@b\u{ff1e}\u{2da}SIZE\u{ff1d}1",
            "a@\u{fe64}b",
            "a@b\u{2da}c",
            "a@\u{ad}",
            "a@b\u{2028}c",
            "a@b..c",
            "a@.b",
            "a@..",
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn domains_go_as_a_labels_unless_smtputf8_is_in_use() {
        let mailbox: Mailbox = "a@bücher.example".parse().unwrap();
        assert_eq!(mailbox.wire(false), "a@xn--bcher-kva.example");
        assert_eq!(mailbox.wire(true), "a@bücher.example");
        assert!(!mailbox.needs_smtputf8());
        assert!("jörg@example.org".parse::<Mailbox>().unwrap().needs_smtputf8());
    }

    proptest! {
        #[test]
        fn a_path_that_exists_stays_inside_its_brackets(text in r#"[a-c@<>" ,;:\\\[\]().\r\n\x00\t\u{e9}=]{0,16}"#) {
            if let Ok(mailbox) = text.parse::<Mailbox>() {
                let wire = mailbox.wire(true);
                prop_assert!(!wire.chars().any(char::is_control));
                let outside: String = {
                    let mut inside = false;
                    let mut escaped = false;
                    wire.chars().filter(|&c| {
                        let quote = c == '"' && !(inside && escaped);
                        escaped = inside && c == '\\' && !escaped;
                        inside ^= quote;
                        !inside && !quote
                    }).collect()
                };
                prop_assert!(!outside.contains(['<', '>', ' ', ',', ';']), "{}", wire);
            }
        }
    }
}
