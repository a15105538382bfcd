//! The paths of an envelope (RFC 5321 4.1.2), as a client writes them and as a server reads them.

use super::{BadAddress, Mailbox};
use std::str::FromStr;

/// The argument of MAIL FROM: the address for failure notices. `Null` is `<>`, the reverse-path of
/// such notices themselves (RFC 5321 4.5.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReversePath {
    Null,
    Mailbox(Mailbox),
}

impl ReversePath {
    pub fn needs_smtputf8(&self) -> bool {
        matches!(self, Self::Mailbox(mailbox) if mailbox.needs_smtputf8())
    }

    pub fn wire(&self, smtputf8: bool) -> String {
        self.pieces(smtputf8).concat()
    }

    /// The same as [`Mailbox::pieces`].
    pub fn pieces(&self, smtputf8: bool) -> [&str; 2] {
        match self {
            Self::Null => [""; 2],
            Self::Mailbox(mailbox) => mailbox.pieces(smtputf8),
        }
    }
}

impl FromStr for ReversePath {
    type Err = BadAddress;

    /// An empty text and `<>` are the null reverse-path.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        match text.trim_matches(' ') {
            "" | "<>" => Ok(Self::Null),
            mailbox => mailbox.parse().map(Self::Mailbox),
        }
    }
}

/// The argument of RCPT TO.
pub type ForwardPath = Mailbox;

#[cfg(feature = "catcher")]
pub(crate) use received::received;

#[cfg(feature = "catcher")]
mod received {
    use crate::address::lexis::find_unquoted;

    /// RFC 5321 section 4.5.3.1.3, including the angle brackets.
    const LONGEST_PATH: usize = 256;

    /// The address of a path as received in a command, and what follows the path. The syntax
    /// around an address is checked strictly, the address itself generously: servers differ there,
    /// and the catcher should show what was sent.
    pub(crate) fn received(path: &str) -> Result<(&str, &str), &'static str> {
        let inside = path.strip_prefix('<').ok_or("the path must stand in angle brackets")?;
        let end = find_unquoted(inside, '>').ok_or("the path doesn't end")?;
        if end + 2 > LONGEST_PATH {
            return Err("the path is longer than 256 octets");
        }
        let address = without_source_route(&inside[..end])?;
        check(address)?;
        Ok((address, &inside[end + 1..]))
    }

    /// `@a,@b:user@host`: the route is read and ignored (RFC 5321 appendix C).
    fn without_source_route(path: &str) -> Result<&str, &'static str> {
        if !path.starts_with('@') {
            return Ok(path);
        }
        path.split_once(':').map(|(_, address)| address).ok_or("the source route doesn't end")
    }

    /// No control characters anywhere, and no spaces, brackets, commas or second `@` outside a
    /// quoted string, so that the text can't contain two addresses.
    fn check(address: &str) -> Result<(), &'static str> {
        if address.chars().any(char::is_control) {
            return Err("a control character in the address");
        }
        if [' ', '<', '>', ',', ';'].into_iter().any(|c| find_unquoted(address, c).is_some()) {
            return Err("a character that needs quoting in the address");
        }
        let Some(at) = find_unquoted(address, '@') else { return Ok(()) };
        if find_unquoted(&address[at + 1..], '@').is_some() {
            return Err("more than one @ in the address");
        }
        if at == 0 || at + 1 == address.len() {
            return Err("one side of the address is empty");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_reverse_path() {
        assert_eq!("".parse(), Ok(ReversePath::Null));
        assert_eq!("<>".parse(), Ok(ReversePath::Null));
        assert_eq!(ReversePath::Null.wire(false), "");
    }
}
