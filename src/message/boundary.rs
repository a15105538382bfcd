//! Boundaries of multiparts (RFC 2046 section 5.1.1), and other unique words.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A boundary that no body contains: 64 random bits, between characters that neither
/// quoted-printable nor base64 can produce.
#[must_use]
pub fn new() -> String {
    format!("==============={:019}==", random() >> 1)
}

/// Whether this has the form of one that was made here.
#[must_use]
pub fn is_ours(boundary: &str) -> bool {
    let digits = boundary.strip_prefix("===============").and_then(|rest| rest.strip_suffix("=="));
    digits.is_some_and(|digits| digits.len() == 19 && digits.bytes().all(|octet| octet.is_ascii_digit()))
}

/// 64 unpredictable bits that this process hasn't used before.
#[must_use]
pub fn random() -> u64 {
    let [one, _] = random_pair();
    one
}

/// Two such numbers.
#[must_use]
pub fn random_pair() -> [u64; 2] {
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    // Each call has its own key from the system's randomness.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(GIVEN.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    if let Ok(now) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        hasher.write_u128(now.as_nanos());
    }
    let one = hasher.finish();
    hasher.write_u8(1);
    [one, hasher.finish()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_differ_and_have_a_fixed_length() {
        let [first, second] = random_pair();
        assert_ne!(first, second);
        let (one, two) = (new(), new());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(two.len(), 36);
        assert!(is_ours(&one) && !is_ours(&one[1..]) && !is_ours("===============x=="));
    }
}
