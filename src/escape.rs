//! Makes untrusted text safe to display in a terminal, a log or an error.

use std::borrow::Cow;

/// Escapes control characters. They could move a terminal's cursor, forge a line of the log, or
/// reverse the direction of the text (RFC 5198 2; Unicode's UAX 9).
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_control(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Tabs are harmless.
fn is_control(c: char) -> bool {
    let turns = matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(escaped("a\r\n\u{1b}[2J\0\u{9b}b\t"), "a\\r\\n\\u{1b}[2J\\u{0}\\u{9b}b\t");
        assert_eq!(escaped("\u{202e}gpj.exe\u{2066}\u{2028}"), "\\u{202e}gpj.exe\\u{2066}\\u{2028}");
    }

    #[test]
    fn other_text_is_what_it_was() {
        assert!(matches!(escaped("CN=müller"), Cow::Borrowed("CN=müller")));
    }
}
