//! The last check of a field before it is sent. It also covers fields written by a mirror's old
//! rules, by a foreign policy or by a caller's header object.

use super::field::Refusal;
use super::head::Head;
use super::transfer::LONGEST_LINE;

/// Checks that it is one field with a printable name, on lines that SMTP can carry, all but the
/// first of them continuation lines, without control characters except the tab.
pub fn check(field: &[u8], linesep: &str) -> Result<(), Refusal> {
    let Some(field) = field.strip_suffix(linesep.as_bytes()) else {
        return if field.is_empty() { Ok(()) } else { Err(refusal(field, "has no line end")) };
    };
    let name = field.split(|&b| b == b':').next().unwrap_or_default();
    if name.is_empty() || name.len() == field.len() || !name.iter().all(u8::is_ascii_graphic) {
        return Err(refusal(field, "has a name that no server could read (RFC 5322 section 2.2)"));
    }
    // Most fields are one line in which nothing is wrong.
    if field.len() <= LONGEST_LINE && !field.iter().fold(false, |found, &octet| found | is_control(octet)) {
        return Ok(());
    }
    let mut rest = field;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, linesep.as_bytes());
        let (line, more) = rest.split_at(end.unwrap_or(rest.len()));
        if line.iter().any(|&octet| is_control(octet)) {
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

fn is_control(octet: u8) -> bool {
    octet.is_ascii_control() && octet != b'\t'
}

/// The fields of an entity as they were read, with their empty line, but without hidden fields and
/// an mbox's first line. None if they contain something that a server won't accept.
#[must_use]
pub fn as_read(head: &[u8], is_hidden: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(head.len());
    let read = Head::read(head, 0..head.len());
    for (number, at) in read.fields.iter().enumerate() {
        let field = &head[at.whole.clone()];
        if number == 0 && field.starts_with(b"From ") {
            continue;
        }
        let (name, _) = at.parts(head)?;
        let linesep = if field.ends_with(b"\r\n") { "\r\n" } else { "\n" };
        check(field, linesep).ok()?;
        if !is_hidden(std::str::from_utf8(name).ok()?) {
            out.extend_from_slice(field);
        }
    }
    out.extend_from_slice(&head[read.end_of_fields..]);
    Some(out)
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
    fn fields_as_they_were_read() {
        let head = b"From me Thu Jan  1\nA:  b\nBcc: c\n d\nE:\n f \n\n";
        let bcc = |name: &str| name == "Bcc";
        assert_eq!(as_read(head, bcc).as_deref(), Some(&b"A:  b\nE:\n f \n\n"[..]));
        assert_eq!(as_read(b"A: b\nnonsense\n\n", bcc), None);
        assert_eq!(as_read(format!("A: {}\n\n", "x".repeat(1000)).as_bytes(), bcc), None);
    }

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
