//! How a display name and a mailbox with one are written (RFC 5322 section 3.2.5, 3.4).

use super::lexis::{escape, is_special};

/// `name <address>`, with the name quoted if necessary. Encodes nothing.
#[must_use]
pub fn mailbox(display_name: &str, address: &str) -> String {
    let mut mailbox = String::with_capacity(display_name.len() + address.len() + 5);
    push_mailbox(&mut mailbox, display_name, address);
    mailbox
}

/// Adds it to a list of them.
pub fn push_mailbox(list: &mut String, display_name: &str, address: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    if display_name.is_empty() {
        return list.push_str(address);
    }
    push(list, display_name);
    list.push_str(" <");
    list.push_str(address);
    list.push('>');
}

/// A phrase, quoted if necessary. Encodes nothing.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push(&mut out, text);
    out
}

fn push(out: &mut String, text: &str) {
    if is_in_atoms(text) {
        return out.push_str(text);
    }
    out.push('"');
    out.push_str(&escape(text));
    out.push('"');
}

/// Whether a phrase may stand without quotes: it has neither specials nor control characters. Has no
/// branch per octet: a list may have thousands of names.
#[must_use]
pub fn is_in_atoms(text: &str) -> bool {
    const MAY: [bool; 256] = {
        let mut table = [true; 256];
        let mut octet = 0;
        while octet < 128 {
            let c = octet as u8;
            let is_fine = c.is_ascii_graphic() && !is_special(c as char) && c != b'.';
            table[octet] = c == b' ' || is_fine;
            octet += 1;
        }
        table
    };
    text.bytes().fold(true, |fine, octet| fine & MAY[usize::from(octet)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        let mut list = String::new();
        for name in ["Doe, J.", "Jürgen", "", "a\\b\t"] {
            push_mailbox(&mut list, name, "j@x");
        }
        assert_eq!(list, "\"Doe, J.\" <j@x>, Jürgen <j@x>, j@x, \"a\\\\b\t\" <j@x>");
    }
}
