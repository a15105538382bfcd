//! The positions of the parts of a multipart (RFC 2046 section 5.1.1).

use super::stdlib::parameter;
use std::ops::Range;

/// Parts of parts are followed to this depth.
pub(super) const DEEPEST: usize = 200;

/// The boundary that a Content-Type names.
#[must_use]
pub fn boundary_of(content_type: &str) -> Option<String> {
    let found = parameter::parse(content_type);
    let (_, value) = found.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let (parameter::Value::Plain(text) | parameter::Value::Extended { value: text, .. }) = value.unquoted();
    Some(text.trim_end().to_owned())
}

/// Type and subtype, or the default for a field that names none.
#[must_use]
pub fn kind_of(content_type: Option<&str>, default: &str) -> (String, String) {
    let kind = content_type.map(parameter::main_value);
    let kind = kind.filter(|kind| kind.matches('/').count() == 1).unwrap_or_else(|| default.to_owned());
    let (main, sub) = kind.split_once('/').unwrap_or(("text", "plain"));
    (main.to_owned(), sub.to_owned())
}

#[derive(Debug)]
pub struct Parts {
    pub preamble: Range<usize>,
    pub inside: Vec<Range<usize>>,
    pub epilogue: Range<usize>,
}

impl Parts {
    #[must_use]
    pub fn of(message: &[u8], body: Range<usize>, boundary: &str) -> Self {
        let mut parts = Parts { preamble: body.clone(), inside: Vec::new(), epilogue: body.end..body.end };
        if boundary.is_empty() {
            return parts;
        }
        let mut open: Option<usize> = None;
        let mut at = body.start;
        while at < body.end {
            let line = memchr::memchr(b'\n', &message[at..body.end]).map_or(body.end, |lf| at + lf + 1);
            if let Some(is_last) = delimits(&message[at..line], boundary) {
                let end = before_line_end(message, at, open.unwrap_or(body.start));
                match open {
                    Some(start) => parts.inside.push(start..end),
                    None => parts.preamble = body.start..end,
                }
                if is_last {
                    parts.epilogue = line..body.end;
                    return parts;
                }
                open = Some(line);
            }
            at = line;
        }
        if let Some(start) = open {
            parts.inside.push(start..body.end);
        }
        parts
    }
}

/// Some(whether it is the last one) for a delimiter line.
fn delimits(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    let rest = rest.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The line end before a delimiter belongs to the delimiter.
fn before_line_end(message: &[u8], at: usize, least: usize) -> usize {
    let before = &message[least..at];
    let without = before.strip_suffix(b"\n").unwrap_or(before);
    least + without.strip_suffix(b"\r").unwrap_or(without).len()
}
