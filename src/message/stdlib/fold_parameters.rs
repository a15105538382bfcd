//! Fields with long or non-ASCII parameter values: they are written in sections, one per line (RFC
//! 2231 section 3).

use super::fold_structured::{self, Shape};
use super::parameter::{self, Value};
use super::token::{Kind, Token};

/// The folded field, with its line end. None if a parameter's character set can't be read here, or
/// a line is too short for a parameter.
#[must_use]
pub fn fold(name: &str, value: &str, linesep: &str, width: usize) -> Option<String> {
    let mut all = parameter::parse(&parameter::unfolded(value)).into_iter();
    let main = all.next().map(|(main, _)| main).unwrap_or_default();
    let parameters = all.map(|(name, value)| Some((name, decoded(value)?)));
    let tokens = [
        Token::new(Kind::Fixed, main),
        Token::of(Kind::Parameters, parameters.map(|pair| pair.map(token)).collect::<Option<_>>()?),
    ];
    let shape = Shape { linesep, width, utf8: false, blank_stays: false };
    fold_structured::fold(name, &[Token::of(Kind::Unit, tokens.into())], shape).ok()
}

fn token((name, value): (String, String)) -> Token {
    Token { inner: vec![Token::new(Kind::Fixed, value)], ..Token::new(Kind::Fixed, name) }
}

fn decoded(value: Value) -> Option<String> {
    match value.unquoted() {
        Value::Plain(text) => Some(text),
        Value::Extended { charset, value, .. } => {
            let octets: Vec<u8> = value.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>()?;
            match charset.as_deref().unwrap_or("us-ascii").to_ascii_lowercase().as_str() {
                "utf-8" | "us-ascii" => String::from_utf8(octets).ok(),
                "iso-8859-1" => Some(value),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_into_sections() {
        let value = format!("attachment; filename=\"{}.pdf\"; size=1", "漢".repeat(30));
        let field = fold("Content-Disposition", &value, "\r\n", 78).expect("a field that can be written");
        assert!(
            field.starts_with("Content-Disposition: attachment;\r\n filename*0*=utf-8''%E6%BC%A2"),
            "{field}"
        );
        assert!(field.contains("\r\n filename*1*=%"), "{field}");
        assert!(field.split("\r\n").all(|line| line.len() <= 78), "{field}");
        assert_eq!(parameter::parse(&field.replace("\r\n", ""))[1].0, "size");
    }

    #[test]
    fn extended_values_are_read() {
        let field = fold("X", "a; n*=iso-8859-1''%FC; m*=utf-8''%C3%BC", "\n", 78);
        assert_eq!(field.as_deref(), Some("X: a; n*=utf-8''%C3%BC; m*=utf-8''%C3%BC\n"));
        assert_eq!(fold("X", "a; n*=koi8-r''%FC", "\n", 78), None);
    }
}
