//! An addr-spec (RFC 5322 3.4.1) as a parser has found it, not yet checked for use in an envelope.

use super::a_labels;
use std::borrow::Cow;

/// A local part and, except for `postmaster` and the like, a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddrSpec {
    /// As written, with its quotes if it has any.
    pub local: String,
    /// As written.
    pub domain: Option<String>,
}

impl AddrSpec {
    /// Whether the local part needs SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// The address with its domain as A-labels. None if it has no such form.
    #[must_use]
    pub fn in_a_labels(&self) -> Option<String> {
        let domain = match &self.domain {
            Some(domain) => Some(a_labels(domain)?),
            None => None,
        };
        Some(joined(&self.local, domain.map(Cow::into_owned).as_deref()))
    }
}

impl std::fmt::Display for AddrSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&joined(&self.local, self.domain.as_deref()))
    }
}

/// `local@domain`
fn joined(local: &str, domain: Option<&str>) -> String {
    let mut text = String::with_capacity(local.len() + domain.map_or(0, |domain| domain.len() + 1));
    text.push_str(local);
    if let Some(domain) = domain {
        text.push('@');
        text.push_str(domain);
    }
    text
}
