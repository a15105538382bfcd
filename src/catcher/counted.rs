use std::fmt;

/// Writes a count with its noun: `1 message`, `2 messages`.
#[must_use]
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}

#[test]
fn one_is_singular() {
    assert_eq!(
        [0_u64, 1, 2].map(|count| counted(count, "message")),
        ["0 messages", "1 message", "2 messages"]
    );
}
