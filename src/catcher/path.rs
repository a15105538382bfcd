//! The arguments of MAIL and RCPT: a path ([`path::received`]) and parameters (RFC 5321 section
//! 4.1.2).

use crate::address::path;

/// The parameters of MAIL or RCPT. Keywords are in capitals, values are unchanged.
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
    let (address, rest) = path::received(path).map_err(Malformed)?;
    let parameters = parameters(rest)?;
    Ok((address, parameters))
}

/// Reads `keyword[=value]` items, each after one space (RFC 5321 section 4.1.2).
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
    // Postfix's XVERP takes an = in its value, which no parameter of an RFC has.
    let takes_equals = keyword.eq_ignore_ascii_case("XVERP");
    let is_wrong = |c: char| (c == '=' && !takes_equals) || c.is_control();
    if value.is_some_and(|value| value.is_empty() || value.contains(is_wrong)) {
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
