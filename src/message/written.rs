//! The last look at a field on its way to a server, whoever wrote it: a mirror's old
//! habits, a foreign policy, a header object of the caller's own.

use super::field::Refusal;
use super::transfer::LONGEST_LINE;

/// One field of printable name, on lines that SMTP carries, every line but the
/// first a folded one; no control character but the tab.
pub fn check(field: &[u8], linesep: &str) -> Result<(), Refusal> {
    let Some(field) = field.strip_suffix(linesep.as_bytes()) else {
        return if field.is_empty() { Ok(()) } else { Err(refusal(field, "has no line end")) };
    };
    let name = field.split(|&b| b == b':').next().unwrap_or_default();
    if name.is_empty() || name.len() == field.len() || !name.iter().all(u8::is_ascii_graphic) {
        return Err(refusal(field, "has a name that no server could read (RFC 5322 section 2.2)"));
    }
    let mut rest = field;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, linesep.as_bytes());
        let (line, more) = rest.split_at(end.unwrap_or(rest.len()));
        if line.iter().any(|&b| b.is_ascii_control() && b != b'\t') {
            return Err(refusal(field, "contains a control character"));
        }
        if line.len() > LONGEST_LINE {
            return Err(refusal(
                field,
                "has a word that doesn't fit into a line of 998 bytes (RFC 5322 2.1.1)",
            ));
        }
        let Some(more) = more.get(linesep.len()..).filter(|_| end.is_some()) else { break };
        if !more.starts_with(b" ") && !more.starts_with(b"\t") {
            return Err(refusal(field, "has a line end that would end the field"));
        }
        rest = more;
    }
    Ok(())
}

fn refusal(field: &[u8], why: &str) -> Refusal {
    let name = field.split(|&b| b == b':').next().unwrap_or_default();
    let shown = name[..name.len().min(80)].escape_ascii();
    Refusal::new(&format!("header field \"{shown}\""), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_and_nothing_else() {
        for fine in ["", "A: b\r\n", "A:\r\n", "A: b\r\n\tc\r\n d\r\n", "A: \u{fc}\r\n"] {
            assert!(check(fine.as_bytes(), "\r\n").is_ok(), "{fine:?}");
        }
        let long = format!("A: {}\r\n", "x".repeat(996));
        for bad in [
            "A: b",
            ": b\r\n",
            "A b: c\r\n",
            "\u{fc}: c\r\n",
            "Ab\r\n",
            "A: b\r\nB: c\r\n",
            "A: b\r\n\r\n",
            "A: b\nB: c\r\n",
            "A: b\rc\r\n",
            "A: \0\r\n",
            "A: \x7f\r\n",
            &long,
        ] {
            assert!(check(bad.as_bytes(), "\r\n").is_err(), "{bad:?}");
        }
    }
}
