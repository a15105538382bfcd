//! Values of Python in comparisons.
//!
//! minijinja compares values of different kinds by their kinds alone, so that an object such as
//! Decimal("3") would be more than 100, and it asks nothing else before. So what is compared goes
//! through a filter, which makes a number of such a value: it is added to the source of a template
//! before that is compiled, at both sides of `==`, `!=`, `<`, `<=`, `>` and `>=`.

use minijinja::machinery::{Span, Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error};
use std::collections::BTreeSet;

const FILTER: &str = "__compared";
const ADDED: &str = "|__compared";

/// The tests that compare, with their other names.
type Comparison = fn(&Value, &Value) -> bool;
const TESTS: [(&[&str], Comparison); 6] = [
    (&["eq", "equalto", "=="], |one, other| one == other),
    (&["ne", "!="], |one, other| one != other),
    (&["lt", "lessthan", "<"], |one, other| one < other),
    (&["le", "<="], |one, other| one <= other),
    (&["gt", "greaterthan", ">"], |one, other| one > other),
    (&["ge", ">="], |one, other| one >= other),
];

/// The filter, and the same in minijinja's own tests (`x is gt(100)`). `compared` is what a comparison
/// takes for a value.
pub fn add_comparisons(environment: &mut Environment<'static>, compared: fn(Value) -> Result<Value, Error>) {
    environment.add_filter(FILTER, move |value: Value| compared(value));
    for (names, comparison) in TESTS {
        for name in names {
            environment.add_test(*name, move |one: Value, other: Value| {
                Ok::<_, Error>(comparison(&compared(one)?, &compared(other)?))
            });
        }
    }
}

/// The source of a template with the filter in it. One that can't be read is left as it is: the
/// compiler says why.
pub fn prepared(source: String) -> String {
    let read: Result<Vec<_>, _> = tokenize(&source, false, SyntaxConfig::default()).collect();
    let Ok(tokens) = read else { return source };
    let mut places = BTreeSet::new();
    for (at, (token, _)) in tokens.iter().enumerate() {
        if matches!(token, Token::Eq | Token::Ne | Token::Lt | Token::Lte | Token::Gt | Token::Gte) {
            let (before, behind) = (at.checked_sub(1), end_of_operand(&tokens, at + 1));
            let ends = [before, behind].into_iter().flatten().filter_map(|end| tokens.get(end));
            places.extend(
                ends.filter(|(token, _)| !is_constant(token)).map(|(_, span)| span.end_offset as usize),
            );
        }
    }
    let (mut made, mut from) = (String::with_capacity(source.len()), 0);
    for place in places {
        let Some(part) = source.get(from..place) else { return source };
        made += part;
        made += ADDED;
        from = place;
    }
    made += &source[from..];
    if parse(&made, "", SyntaxConfig::default()).is_ok() { made } else { source }
}

/// As the author wrote it.
pub fn restored(part: &str) -> String {
    part.replace(ADDED, "")
}

fn is_constant(token: &Token<'_>) -> bool {
    matches!(token, Token::Int(_) | Token::Int128(_) | Token::Float(_) | Token::Str(_) | Token::String(_))
}

/// The last token of the operand that begins at `at`: of arithmetic, its first operand, because the
/// result is a number in any case. None: it is a test, whose result is a boolean.
fn end_of_operand(tokens: &[(Token<'_>, Span)], at: usize) -> Option<usize> {
    let token = |at: usize| tokens.get(at).map(|(token, _)| token);
    let mut end = at;
    while matches!(token(end)?, Token::Minus | Token::Plus | Token::Ident("not")) {
        end += 1;
    }
    if is_open(token(end)?) {
        end = closing(tokens, end)?;
    }
    loop {
        match token(end + 1) {
            Some(Token::Dot | Token::Pipe) => end += 2,
            Some(Token::ParenOpen | Token::BracketOpen) => end = closing(tokens, end + 1)?,
            Some(Token::Ident("is")) => return None,
            _ => return Some(end),
        }
    }
}

fn is_open(token: &Token<'_>) -> bool {
    matches!(token, Token::ParenOpen | Token::BracketOpen | Token::BraceOpen)
}

/// The bracket that closes the one at `at`.
fn closing(tokens: &[(Token<'_>, Span)], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, (token, _)) in tokens.iter().enumerate().skip(at) {
        if is_open(token) {
            depth += 1;
        } else if matches!(token, Token::ParenClose | Token::BracketClose | Token::BraceClose) {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(place);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_comparison_are_asked_and_constants_are_not() {
        for (source, wanted) in [
            ("{{ x > 100 }}", "{{ x* > 100 }}"),
            ("{% if 3 <= a.b[c](1)|int(2) -%}{% endif %}", "{% if 3 <= a.b[c](1)|int(2)* -%}{% endif %}"),
            ("{{ (a + b) < c + d }}", "{{ (a + b)* < c* + d }}"),
            ("{{ a < b < -c }}", "{{ a* < b* < -c* }}"),
            ("{{ x == (y, [z]) }}", "{{ x* == (y, [z])* }}"),
            ("{{ true != x is defined }}", "{{ true* != x is defined }}"),
            (
                "{{ 'ä' == x }} > {# y > z #}{% raw %}{{ x > y }}{% endraw %}",
                "{{ 'ä' == x* }} > {# y > z #}{% raw %}{{ x > y }}{% endraw %}",
            ),
            (
                "{{ f(a=1, b=x) }}{% for x in y %}{% endfor %}",
                "{{ f(a=1, b=x) }}{% for x in y %}{% endfor %}",
            ),
            ("{{ x > (y }}", "{{ x > (y }}"),
            ("{{ 'x > y }}", "{{ 'x > y }}"),
        ] {
            let made = prepared(source.to_owned());
            assert_eq!(made, wanted.replace('*', ADDED));
            assert_eq!(restored(&made), source);
        }
    }
}
