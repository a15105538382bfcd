//! The smallest pieces of RFC 5322 3.2, on which all readers must agree: where a quoted string and
//! a comment end, which characters are special, and what a backslash does.

/// What separates words. Every other character belongs to a word or is special, even a form feed,
/// so that a reader makes progress whatever it sees.
#[cfg(any(feature = "message", feature = "sign"))]
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The specials of RFC 5322 3.2.3, without the dot, which addresses have in atoms.
#[cfg(any(feature = "message", feature = "sign"))]
pub(crate) const fn is_special(c: char) -> bool {
    matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"')
}

/// Where the quoted string that has just begun ends. A backslash escapes the next character (RFC
/// 5321 4.1.2 quoted-pairSMTP).
pub(crate) fn find_closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

/// Where the comment at the start of the text ends (its `)`). Comments nest.
pub(crate) fn find_comment_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The position of `wanted` outside a quoted string.
pub(crate) fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find([wanted, '"'])?;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1 + find_closing_quote(&text[at + 1..])? + 1;
    }
}

/// The text with a backslash before each backslash and quote.
#[cfg(any(feature = "message", feature = "sign"))]
pub(crate) fn escape(text: &str) -> String {
    if !text.contains(['\\', '"']) {
        return text.to_owned();
    }
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The text without the backslashes of quoted-pairs.
#[cfg(any(feature = "message", feature = "sign"))]
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}
