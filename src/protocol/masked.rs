//! Command lines of the caller's own, as a transcript may show them: without the secrets of a login.

use super::auth::Mechanism;
use super::command::Verb;
use super::transcript::MASK;

/// Raw bytes as they may be shown, and whether the bytes that follow are secret. Everything from
/// an AUTH on is.
pub(super) fn mask_raw(bytes: &[u8], mut secret: bool) -> (Vec<u8>, bool) {
    let mut shown: Vec<Vec<u8>> = Vec::new();
    for line in bytes.trim_ascii_end().split(|&octet| octet == b'\n') {
        let line = line.trim_ascii_end();
        let text = String::from_utf8_lossy(line);
        if secret {
            shown.push(MASK.into());
        } else if Verb::of_line(&text) == Verb::Auth {
            secret = true;
            shown.push(mask_free(&text).into());
        } else {
            shown.push(line.to_vec());
        }
    }
    (shown.join(&b"\r\n"[..]), secret)
}

/// A free-form command line as it may be shown. Everything after the mechanism of AUTH is a
/// secret.
pub(super) fn mask_free(line: &str) -> String {
    if Verb::of_line(line) != Verb::Auth {
        return line.to_owned();
    }
    let words: Vec<&str> = line.split_ascii_whitespace().take(3).collect();
    match words[..] {
        [verb] => verb.to_owned(),
        [verb, mechanism] if is_mechanism(mechanism) => format!("{verb} {mechanism}"),
        [verb, mechanism, _] if is_mechanism(mechanism) => format!("{verb} {mechanism} {MASK}"),
        // The mechanism was left out, so this is the secret.
        [verb, ..] => format!("{verb} {MASK}"),
        [] => String::new(),
    }
}

/// A mechanism that we know, in any case, or a word with the form of one (RFC 4422 3.1).
fn is_mechanism(word: &str) -> bool {
    let like_one = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-' || c == '_';
    Mechanism::from_name(word).is_some() || (word.len() <= 20 && word.chars().all(like_one))
}
