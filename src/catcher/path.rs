//! Paths and parameters of MAIL and RCPT (RFC 5321 section 4.1.2).
//!
//! Strict about what is around an address, generous about the address itself:
//! servers differ there, and the catcher is to show what was sent.

/// RFC 5321 section 4.5.3.1.3, with the angle brackets.
const LONGEST_PATH: usize = 256;

/// The parameters of MAIL or RCPT: keywords in capitals, values as they came.
pub type Parameters = Vec<(String, Option<String>)>;

/// What is wrong with a path or its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Splits `FROM:<address> PARAMETERS`, where `prefix` is `FROM:` or `TO:`.
pub fn parse<'a>(argument: &'a [u8], prefix: &str) -> Result<(&'a str, Parameters), Malformed> {
    let argument = std::str::from_utf8(argument).map_err(|_| Malformed("not UTF-8"))?;
    let path = argument
        .get(..prefix.len())
        .filter(|start| start.eq_ignore_ascii_case(prefix))
        .map(|_| &argument[prefix.len()..])
        .ok_or(Malformed("the path is missing"))?;
    let inside = path.strip_prefix('<').ok_or(Malformed("the path must stand in angle brackets"))?;
    let end = closing_bracket(inside).ok_or(Malformed("the path doesn't end"))?;
    if end + 2 > LONGEST_PATH {
        return Err(Malformed("the path is longer than 256 octets"));
    }
    let address = without_source_route(&inside[..end])?;
    check(address)?;
    let parameters = parameters(&inside[end + 1..])?;
    Ok((address, parameters))
}

/// Where the `>` is that doesn't stand in a quoted string.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// `@a,@b:user@host`: the route is read and ignored (RFC 5321 appendix C).
fn without_source_route(path: &str) -> Result<&str, Malformed> {
    if !path.starts_with('@') {
        return Ok(path);
    }
    path.split_once(':').map(|(_, address)| address).ok_or(Malformed("the source route doesn't end"))
}

/// No control characters anywhere, and no spaces, brackets, commas or second
/// `@` outside of a quoted string: an address can't hold two.
fn check(address: &str) -> Result<(), Malformed> {
    let (mut quoted, mut escaped, mut at_signs) = (false, false, 0);
    for character in address.chars() {
        match character {
            _ if character.is_control() => {
                return Err(Malformed("a control character in the address"));
            }
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '<' | '>' | ',' | ';' if !quoted => {
                return Err(Malformed("a character that needs quoting in the address"));
            }
            '@' if !quoted => at_signs += 1,
            _ => {}
        }
    }
    match at_signs {
        0 | 1 if address.starts_with('@') || address.ends_with('@') => {
            Err(Malformed("one side of the address is empty"))
        }
        0 | 1 => Ok(()),
        _ => Err(Malformed("more than one @ in the address")),
    }
}

/// `keyword[=value]`, each after one space (RFC 5321 section 4.1.2).
fn parameters(text: &str) -> Result<Parameters, Malformed> {
    let text = text.trim_end_matches(' ');
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.strip_prefix(' ').ok_or(Malformed("a space is missing after the path"))?;
    text.split(' ').map(parameter).collect()
}

fn parameter(text: &str) -> Result<(String, Option<String>), Malformed> {
    let (keyword, value) = match text.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (text, None),
    };
    let well_formed = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    if !well_formed {
        return Err(Malformed("a parameter's keyword isn't one"));
    }
    if value.is_some_and(|value| value.is_empty() || value.contains(|c: char| c == '=' || c.is_control())) {
        return Err(Malformed("a parameter's value isn't one"));
    }
    Ok((keyword.to_ascii_uppercase(), value.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(argument: &str) -> Result<(&str, Parameters), Malformed> {
        parse(argument.as_bytes(), "FROM:")
    }

    #[test]
    fn addresses_are_kept_as_they_came() {
        for address in
            ["", "a@b", "root", "a..b@x", "\"a b\"@x", "\"a>b\"@x", "\"a\\\"@b\"@x", "ä@ö", "a@[::1]"]
        {
            let line = format!("from:<{address}>");
            assert_eq!(from(&line).unwrap().0, address);
        }
        assert_eq!(from("FROM:<@relay,@other:a@b>").unwrap().0, "a@b");
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for argument in [
            "a@b",
            "FROM: <a@b>",
            "FROM:a@b",
            "FROM:<a@b",
            "FROM:<a@b>x",
            "FROM:<a@b,c@d>",
            "FROM:<a b@c>",
            "FROM:<a@b@c>",
            "FROM:<@b>",
            "FROM:<a@>",
            "FROM:<\"a@b>",
            "FROM:<a\u{0}@b>",
            "TO:<a@b>",
            "FR\u{f6}M:<a@b>",
        ] {
            assert!(from(argument).is_err(), "{argument:?}");
        }
        assert!(from(&format!("FROM:<{}@b>", "a".repeat(300))).is_err());
    }

    #[test]
    fn parameters_are_kept_in_order() {
        let (_, parameters) = from("FROM:<a@b> size=10 BODY=8BITMIME SMTPUTF8").unwrap();
        let expected = [("SIZE", Some("10")), ("BODY", Some("8BITMIME")), ("SMTPUTF8", None)];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.map(str::to_owned)));
        assert_eq!(parameters, expected);
        for wrong in [" =1", " A=", " A=b=c", "  A", " A\u{1}", " ä=1"] {
            assert!(from(&format!("FROM:<a@b>{wrong}")).is_err(), "{wrong:?}");
        }
    }
}
