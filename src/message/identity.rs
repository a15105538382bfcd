//! The fields that every sent message needs and few callers supply: Date and Message-ID (RFC 5322
//! sections 3.6.1 and 3.6.4).

use super::boundary;
use crate::address::{a_labels, list};
use mail_builder::headers::date::Date;
use std::borrow::Cow;

/// The present time, as written in a Date field.
#[must_use]
pub fn date_now() -> String {
    Date::now().to_rfc822()
}

/// A unique Message-ID. Its right side is the domain of the sender's address. So no name server is
/// asked, and the name of this machine isn't revealed.
#[must_use]
pub fn message_id(sender: Option<&str>) -> String {
    let domain = sender.and_then(domain_of).unwrap_or_else(|| "localhost".to_owned());
    message_id_at(&domain)
}

/// The same for a sender at this domain, which is in ASCII.
#[must_use]
pub fn message_id_at(domain: &str) -> String {
    let [one, other] = boundary::random_pair();
    format!("<{one:016x}.{other:016x}@{domain}>")
}

fn domain_of(sender: &str) -> Option<String> {
    let list = list::parse(sender).ok()?;
    let domain = list::mailboxes(&list).find_map(|mailbox| mailbox.spec.domain.as_deref())?;
    a_labels(domain).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_senders() {
        let id = message_id(Some("Jürgen <j@bücher.example>"));
        assert!(id.ends_with("@xn--bcher-kva.example>"), "{id}");
        assert!(message_id(None).ends_with("@localhost>"));
    }
}
