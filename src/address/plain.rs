//! Addresses in the most common forms, read in one pass and without the grammar: nearly every text is one of
//! them, and a list may have thousands. What is found is what the parsers find; any other text is
//! left to them.

use super::lexis::find_closing_quote;
use super::mailbox::{LONGEST, Mailbox};

/// `local@domain` of letters, digits and similarly plain characters, about which nothing needs a
/// further check. Nearly every address is of this kind.
#[derive(Clone, Copy)]
pub(super) struct Spec<'a> {
    pub(super) text: &'a str,
    /// Where the local part ends.
    pub(super) at: usize,
}

impl<'a> Spec<'a> {
    /// The one at the start of a text, as long as it is.
    fn begins(text: &'a str) -> Option<Self> {
        static LOCAL: Alphabet = Alphabet::with(b".-_+=");
        static LABEL: Alphabet = Alphabet::with(b"-");
        let octets = text.as_bytes();
        let at = LOCAL.prefix(octets);
        if at == 0 || octets.get(at) != Some(&b'@') {
            return None;
        }
        let mut end = at;
        loop {
            // Behind the `@` or a dot.
            let label = LABEL.prefix(&octets[end + 1..]);
            if label == 0 {
                return None;
            }
            end += 1 + label;
            if octets.get(end) != Some(&b'.') {
                break;
            }
        }
        (end <= LONGEST).then(|| Self { text: &text[..end], at })
    }

    pub(super) fn whole(text: &'a str) -> Option<Self> {
        Self::begins(text).filter(|spec| spec.text.len() == text.len())
    }
}

/// The single mailbox of a text in one of the most common forms: `local@domain`, `Some Name
/// <local@domain>` and `"Name, Some" <local@domain>`, the address of letters, digits and similarly
/// plain characters. It is what [`super::list::parse`] finds. None for any other text, which may still be a
/// list.
#[must_use]
pub fn mailbox(text: &str) -> Option<Mailbox> {
    let (spec, rest) = member(text)?;
    rest.is_empty().then(|| spec.into())
}

/// Whether there is one.
#[must_use]
pub fn is_mailbox(text: &str) -> bool {
    member(text).is_some_and(|(_, rest)| rest.is_empty())
}

/// The same for each of a list.
#[must_use]
pub fn mailboxes(text: &str) -> Option<Vec<Mailbox>> {
    let mut found = Vec::new();
    each(text, |spec| found.push(spec.into())).then_some(found)
}

/// Whether a list has mailboxes of those forms alone.
#[must_use]
pub fn is_list(text: &str) -> bool {
    each(text, |_| {})
}

/// Whether all of it could be read.
fn each<'a>(text: &'a str, mut take: impl FnMut(Spec<'a>)) -> bool {
    let mut rest = text;
    while let Some((spec, behind)) = member(rest) {
        take(spec);
        match behind.strip_prefix(',') {
            Some(more) => rest = more,
            None => return behind.is_empty(),
        }
    }
    false
}

/// The address of the mailbox that begins a text, and what is behind that.
fn member(text: &str) -> Option<(Spec<'_>, &str)> {
    static NAME: Alphabet = Alphabet::with(b" .!#$%&'*+-/=?^_`{|}~").and_all_beyond_ascii();
    let text = text.trim_start_matches(' ');
    let (name, behind) = if let Some(quoted) = text.strip_prefix('"') {
        let (quoted, behind) = quoted.split_at(find_closing_quote(quoted)? + 1);
        (quoted, behind.trim_start_matches(' '))
    } else {
        text.split_at(NAME.prefix(text.as_bytes()))
    };
    let (spec, behind) = match behind.strip_prefix('<') {
        Some(_) if name.is_empty() => return None,
        Some(inside) => {
            let spec = Spec::begins(inside)?;
            (spec, inside[spec.text.len()..].strip_prefix('>')?)
        }
        None => {
            let spec = Spec::begins(text)?;
            (spec, &text[spec.text.len()..])
        }
    };
    Some((spec, behind.trim_start_matches(' ')))
}

/// A set of octets, as a table: a list may have thousands of addresses.
struct Alphabet([bool; 256]);

impl Alphabet {
    /// Letters, digits and these.
    const fn with(more: &[u8]) -> Self {
        let mut has = [false; 256];
        let mut octet = 0;
        while octet < 128 {
            has[octet] = (octet as u8).is_ascii_alphanumeric();
            octet += 1;
        }
        let mut at = 0;
        while at < more.len() {
            has[more[at] as usize] = true;
            at += 1;
        }
        Self(has)
    }

    /// The same, and whatever isn't ASCII.
    const fn and_all_beyond_ascii(mut self) -> Self {
        let mut octet = 128;
        while octet < 256 {
            self.0[octet] = true;
            octet += 1;
        }
        self
    }

    /// How many of these begin the text.
    fn prefix(&self, text: &[u8]) -> usize {
        text.iter().position(|&octet| !self.0[usize::from(octet)]).unwrap_or(text.len())
    }
}

#[cfg(all(test, any(feature = "message", feature = "sign")))]
mod tests {
    use super::*;
    use crate::address::list::{into_mailboxes, tidied};
    use crate::address::phrase;
    use proptest::prelude::*;

    fn found(text: &str) -> Option<Vec<Mailbox>> {
        let (list, None) = tidied(text).ok()? else { return None };
        into_mailboxes(list).map(|member| Mailbox::try_from(member.spec).ok()).collect()
    }

    proptest! {
        #[test]
        fn what_is_plain_is_what_the_grammar_finds(
            text in r#"(([ab. é]{0,3}|"[a,<\\é ]{0,3}") ?<?[ab.]{1,3}@[ab.]{1,3}>?[ ;(]?,?){0,3}"#,
        ) {
            if let Some(mailboxes) = mailboxes(&text) {
                prop_assert_eq!(Some(mailboxes), found(&text));
            }
        }

        #[test]
        fn a_list_of_plain_addresses_is_plain_whatever_their_names(
            pairs in prop::collection::vec((r"|[^ \p{Cc}]([ ,<>@\x22\\.;:()\[\]é\t]|\PC){0,5}", r"[ab.]{1,3}@[ab]{1,3}"), 1..4),
        ) {
            let mut text = String::new();
            pairs.iter().for_each(|(name, address)| phrase::push_mailbox(&mut text, name, address));
            prop_assert!(is_list(&text), "{text}");
            let found = mailboxes(&text).into_iter().flatten().map(|mailbox| mailbox.to_string());
            prop_assert!(found.eq(pairs.into_iter().map(|(_, address)| address)), "{text}");
        }
    }

    #[test]
    fn plain_ones_are_what_the_grammar_finds() {
        let names = ["\u{fc} <a@x>", "=?utf-8?q?=C3?= <a@x>", "\"B, \\\"C\" <c@x>", "A<a@x>", " a@x "];
        let bare = ["a@x.example", "A B. C-D <a.b+c=d@x-y.example>", "O'Neil 3 <a_b@x>", "a..b@x"];
        for text in names.into_iter().chain(bare) {
            assert_eq!(mailbox(text).map(|mailbox| vec![mailbox]), found(text), "{text}");
            assert!(mailbox(text).is_some(), "{text}");
        }
        for text in
            ["a@x.example", "a@x, B <b@y.example>,c@z", "a@x , b@x", "\"A, B\" <a@x>, \"C\"<c@x> , d@x"]
        {
            assert_eq!(mailboxes(text), found(text), "{text}");
            assert!(is_list(text) && mailboxes(text).is_some(), "{text}");
        }
        for text in [
            "",
            ",",
            "a@x,",
            ",a@x",
            "a@x,,b@x",
            "a@x, b",
            "a@x, \"B, C\" c@x",
            "a@x;b@x",
            "a@x\tb@x",
            "a@x b@x",
        ] {
            assert!(!is_list(text) && mailboxes(text).is_none(), "{text}");
        }
        let other =
            ["", "a", "@", "a@", "@x", "a@x@y", "a b@x", "<a@x>", " <a@x>", "a@x.", "a@.x", "A <a@x> b"];
        let more =
            ["A <a@x", "A a@x>", "A <<a@x>", "A <a@x>>", "A, B <a@x>", "A <@x:a@x>", "b@x <a@x>", "\"a@x"];
        for text in other.into_iter().chain(more).chain(["a@x, b@x", "A\t<a@x>", "g: a@x;", "A <a@x >"]) {
            assert_eq!(mailbox(text), None, "{text}");
        }
    }
}
