//! Domains in the form that every server and every resolver understands (RFC 5891).

use std::borrow::Cow;

/// The domain as A-labels. None if it has no such form. The conversion maps characters, such as a
/// fullwidth `>` to a plain one, so the output has to be checked like the input.
pub fn a_labels(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return Some(Cow::Borrowed(domain));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let encoded = idna::domain_to_ascii(domain).ok()?;
    (!encoded.is_empty() && encoded.chars().all(fine)).then_some(Cow::Owned(encoded))
}

/// The name to ask the resolver for. A name that isn't internationalized stays unchanged, because
/// a resolver also knows names that aren't domains.
#[cfg(feature = "driver")]
pub(crate) fn name_to_look_up(host: &str) -> String {
    idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::a_labels;

    #[test]
    fn what_a_domain_is_mapped_to_is_a_domain() {
        assert_eq!(a_labels("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(a_labels("x.example").as_deref(), Some("x.example"));
        for domain in ["b\u{ff1e}\u{ff0c}c.example", "\u{ad}", "b\u{2da}c"] {
            assert_eq!(a_labels(domain), None, "{domain:?}");
        }
    }
}
