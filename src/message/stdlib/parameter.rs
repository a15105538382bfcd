//! Parameters of Content-Type and similar fields: `text/plain; charset="utf-8"` (RFC 2045 section
//! 5.1), with the extended and continued forms of RFC 2231.
//!
//! Reading is lenient, because programs rely on `email` being so. A value stays quoted until a
//! caller asks for it without quotes.

use crate::address::lexis::escape;
use std::borrow::Cow;

/// The value of a parameter, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Plain(String),
    /// `name*=charset'language'value`: still in its character set, with one character for each
    /// byte.
    Extended {
        charset: Option<String>,
        language: Option<String>,
        value: String,
    },
}

impl Value {
    #[must_use]
    pub fn unquoted(self) -> Self {
        match self {
            Value::Plain(value) => Value::Plain(unquote(&value)),
            Value::Extended { charset, language, value } => {
                Value::Extended { charset, language, value: unquote(&value) }
            }
        }
    }
}

/// The text before the first semicolon, in lower case.
#[must_use]
pub fn main_value(value: &str) -> String {
    let main = value.split(';').next().unwrap_or_default();
    main.trim().to_lowercase()
}

/// All of the value: its main value first (with an empty value), then the parameters. Extended
/// ones come last.
#[must_use]
pub fn parse(value: &str) -> Vec<(String, Value)> {
    let mut raw = segments(value).into_iter().map(|segment| match segment.split_once('=') {
        Some((name, value)) => (name.trim().to_lowercase(), value.trim().to_owned()),
        None => (segment.trim().to_owned(), String::new()),
    });
    let mut found = Vec::new();
    if let Some((name, value)) = raw.next() {
        found.push((name, Value::Plain(value)));
    }
    let mut extended: Vec<(String, Vec<Section>)> = Vec::new();
    for (name, value) in raw {
        let is_encoded = name.ends_with('*');
        let text = unquote(&value);
        let Some((base, number)) = section_of(&name) else {
            found.push((name, Value::Plain(quoted(&text))));
            continue;
        };
        let section = Section { number, text, is_encoded };
        match extended.iter_mut().find(|(known, _)| known == base) {
            Some((_, sections)) => sections.push(section),
            None => extended.push((base.to_owned(), vec![section])),
        }
    }
    found.extend(extended.into_iter().map(|(name, sections)| (name, join(sections))));
    found
}

/// The value without the line ends of its folds, even within quotes.
#[must_use]
pub fn unfolded(value: &str) -> String {
    value.replace(['\r', '\n'], "")
}

/// Whether the value can be read in only one way: it has tokens, and quoted texts without
/// backslashes, encoded-words or RFC 2231 forms, and no parameter occurs twice.
#[must_use]
pub fn is_plain(value: &str) -> bool {
    let mut pieces = segments(value).into_iter();
    let main = pieces.next().unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    main.split('/').all(is_attribute)
        && pieces.all(|piece| {
            let Some((name, value)) = piece.split_once('=') else {
                return false;
            };
            let is_again = seen.iter().any(|known| known.eq_ignore_ascii_case(name));
            seen.push(name);
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let is_text = |text: &str| {
                !text.is_empty()
                    && text.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'))
                    && !text.contains("=?")
            };
            is_attribute(name) && !is_again && quoted.map_or_else(|| is_attribute(value), is_text)
        })
}

/// Whether reading and rewriting the value loses nothing: it has no comments, and everything in it
/// is a parameter.
#[must_use]
pub fn is_clear(value: &str) -> bool {
    let mut pieces = segments(value).into_iter();
    let main = pieces.next().unwrap_or_default();
    main.split('/').all(is_attribute)
        && pieces.all(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or_default();
            let is_quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
            let is_word = |word: &str| is_attribute(&word.replace(['%', '\'', '*'], ""));
            match section_of(name) {
                Some((name, _)) => is_attribute(name) && is_word(value),
                None => is_attribute(name) && (is_quoted && value.len() > 2 || is_word(value)),
            }
        })
}

/// The value without the parameters of these names, in any form.
pub fn without(value: &str, is_unwanted: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let mut pieces = segments(value);
    let all = pieces.len();
    let mut is_main = true;
    pieces.retain(|piece| {
        let name = piece.split('=').next().unwrap_or_default();
        let name = name.split('*').next().unwrap_or_default().trim();
        std::mem::take(&mut is_main) || !is_unwanted(name)
    });
    if pieces.len() == all { Cow::Borrowed(value) } else { Cow::Owned(pieces.join("; ")) }
}

/// An `attribute-char` word of RFC 2231.
fn is_attribute(word: &str) -> bool {
    let is_one = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+.^_`|~{}-".contains(&b);
    !word.is_empty() && word.bytes().all(is_one)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    number: Option<u64>,
    text: String,
    is_encoded: bool,
}

fn join(mut sections: Vec<Section>) -> Value {
    sections.sort();
    let is_extended = sections.iter().any(|section| section.is_encoded);
    let text: String = sections
        .into_iter()
        .map(|section| if section.is_encoded { percent_decode(&section.text) } else { section.text })
        .collect();
    let text = escape(&text);
    if !is_extended {
        return Value::Plain(format!("\"{text}\""));
    }
    let mut parts = text.splitn(3, '\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(language), Some(value)) => Value::Extended {
            charset: Some(charset.to_owned()),
            language: Some(language.to_owned()),
            value: format!("\"{value}\""),
        },
        _ => Value::Extended { charset: None, language: None, value: format!("\"{text}\"") },
    }
}

/// `name*`, `name*2` or `name*2*`: the name and the number of the section.
fn section_of(name: &str) -> Option<(&str, Option<u64>)> {
    let (base, rest) = name.split_once('*')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if base.is_empty() || !base.chars().all(is_word) {
        return None;
    }
    if rest.is_empty() {
        return Some((base, None));
    }
    let number = rest.strip_suffix('*').unwrap_or(rest);
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| (base, Some(number.parse().unwrap_or(u64::MAX))))
}

/// Splits at semicolons outside quotes.
fn segments(value: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => is_quoted = !is_quoted,
            b';' if !is_quoted => {
                found.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        is_escaped = byte == b'\\';
    }
    found.push(value[start..].trim());
    found
}

/// The text without surrounding quotes or angle brackets.
#[must_use]
pub fn unquote(text: &str) -> String {
    if text.len() > 1 {
        if let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            return if inner.contains('\\') {
                inner.replace("\\\\", "\\").replace("\\\"", "\"")
            } else {
                inner.to_owned()
            };
        }
        if let Some(inner) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// Decodes `%41` to the character U+0041, and so on for every byte.
fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Encodes every byte that RFC 3986 doesn't call unreserved as `%XX`.
#[must_use]
pub fn percent_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `name="value"`, or `name*=utf-8''value` if the value isn't ASCII, or the name alone if there is
/// no value. Quotes may be omitted where they aren't needed.
pub fn write(name: &str, value: &str, always_quote: bool, out: &mut String) {
    out.push_str(name);
    if value.is_empty() {
    } else if !value.is_ascii() {
        out.push_str("*=utf-8''");
        out.push_str(&percent_encode(value.as_bytes()));
    } else if always_quote || value.contains(is_special) {
        out.push_str("=\"");
        out.push_str(&escape(value));
        out.push('"');
    } else {
        out.push('=');
        out.push_str(value);
    }
}

/// The `tspecials` of RFC 2045, and the space.
fn is_special(c: char) -> bool {
    matches!(
        c,
        ' ' | '(' | ')' | '<' | '>' | '@' | ',' | ';' | ':' | '\\' | '"' | '/' | '[' | ']' | '?' | '='
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value {
        Value::Plain(text.to_owned())
    }

    #[test]
    fn the_main_value_comes_first() {
        assert_eq!(
            parse("Text/Plain; Charset=\"us-ascii\"; format=flowed"),
            [
                ("Text/Plain".to_owned(), plain("")),
                ("charset".to_owned(), plain("\"us-ascii\"")),
                ("format".to_owned(), plain("\"flowed\"")),
            ]
        );
    }

    #[test]
    fn semicolons_in_quotes_do_not_cut() {
        assert_eq!(parse(r#"a/b; name="x;\"y""#)[1].1.clone().unquoted(), plain("x;\"y"));
    }

    #[test]
    fn parameters_are_left_out() {
        let without = |value| without(value, |name| name.eq_ignore_ascii_case("name")).into_owned();
        assert_eq!(without("a/b; Name=x; c=\"d; name=e\"; name*0*=utf-8''f"), "a/b; c=\"d; name=e\"");
        assert_eq!(without("a/b ;c=d"), "a/b ;c=d");
        assert_eq!(without("name"), "name");
    }

    #[test]
    fn what_is_plain() {
        for plain in ["text/plain", "a/b; c=d", "inline;\tname=\"x; y\"; d=\"a=b\"", "Text/Plain;c=\"u\""] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "",
            "a/b;",
            "a/b; c",
            "a/b; c=",
            "a/b (c); d=e",
            "a/b; c=d; C=e",
            "a/b; c=d=e",
            "a/b; c*=d",
            r#"a/b; c="d\e""#,
            r#"a/b; c="=?utf-8?q?d?=""#,
            r#"a/b; c="d" e"#,
            r#"a/b; c="ü""#,
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn sections_are_joined_and_decoded() {
        let found = parse("a/b; name*1=tail; name*0*=utf-8'de'%C3%BC");
        assert_eq!(
            found[1].1,
            Value::Extended {
                charset: Some("utf-8".to_owned()),
                language: Some("de".to_owned()),
                value: "\"\u{c3}\u{bc}tail\"".to_owned(),
            }
        );
    }

    #[test]
    fn values_are_written_as_they_need() {
        let written = |value, quote| {
            let mut out = String::new();
            write("name", value, quote, &mut out);
            out
        };
        assert_eq!(written("plain", false), "name=plain");
        assert_eq!(written("two words", false), "name=\"two words\"");
        assert_eq!(written("ü", true), "name*=utf-8''%C3%BC");
        assert_eq!(written("", true), "name");
    }
}
