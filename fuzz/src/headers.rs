//! Header fields. Each written field is a single one, its lines are fit for SMTP, and a plain
//! reader finds the value that was given.

use rsmtp::message::stdlib::{fold_classic, parameter};
use rsmtp::message::{field, field_fold};

const NAMES: [&str; 12] = [
    "Subject",
    "X-Note",
    "To",
    "From",
    "Content-Type",
    "Content-Disposition",
    "Message-ID",
    "References",
    "Comments",
    "List-Id",
    "Reply-To",
    "A-Name-That-Is-Rather-Longer-Than-Names-Of-Fields-Use-To-Be",
];

/// The input says which field it is, how it is written, and its value.
pub fn check(data: &[u8]) {
    let Some((&[which, how], rest)) = data.split_first_chunk::<2>() else { return };
    let text = String::from_utf8_lossy(rest);
    let (own, rest) = text.split_once(':').unwrap_or(("", &text));
    let (name, value) = match NAMES.get(usize::from(which) % (NAMES.len() + 1)) {
        Some(name) => (*name, text.as_ref()),
        None => (own, rest),
    };
    ours(name, value, how & 1 != 0, if how & 2 != 0 { "\n" } else { "\r\n" });
    classic(value, usize::from(how));
    parameters(value);
}

fn ours(name: &str, value: &str, utf8: bool, linesep: &str) {
    let mut out = b"Before: yes".to_vec();
    out.extend_from_slice(linesep.as_bytes());
    let start = out.len();
    if field_fold::fold(name, value, linesep, utf8, &mut out).is_err() {
        return;
    }
    let clean = |c: char| !c.is_ascii_control() || c == '\t';
    assert!(name.chars().all(|c| c.is_ascii_graphic() && c != ':') && !name.is_empty());
    assert!(value.chars().all(clean), "taken: {value:?}");

    let written = std::str::from_utf8(&out[start..]).expect("UTF-8");
    assert!(utf8 || written.is_ascii(), "{written:?}");
    let body = written.strip_suffix(linesep).expect("a line end at the end");
    let lines: Vec<&str> = body.split(linesep).collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(line.len() <= 998 && line.chars().all(clean), "{line:?}");
        assert!(number == 0 || line.starts_with([' ', '\t']), "another field: {line:?}");
        assert!(number == 0 || !line.trim().is_empty(), "a line of white space ends a header for some");
    }
    let read = lines.concat();
    let (read_name, read_value) = read.split_once(':').expect("a colon");
    assert_eq!(read_name, name);
    if field::kind(name) == field::Kind::Text {
        let read_value = squeezed(&decoded(read_value));
        let given = [squeezed(value), squeezed(&decoded(value))];
        assert!(given.contains(&read_value), "{value:?} was read as {read_value:?} from {written:?}");
    }
}

/// Checks the standard library's classic policy. It leaves line ends to the caller (which checks
/// them when it renders the message), but no other field can begin.
fn classic(value: &str, width: usize) {
    let shape = fold_classic::Shape {
        name_width: 9,
        max_width: if width < 8 { fold_classic::UNLIMITED } else { width },
        indent: " ",
        split_chars: fold_classic::SPLIT_CHARS,
        linesep: "\n",
    };
    let mut out = Vec::new();
    if fold_classic::fold_text(value, &shape, &mut out).is_ok() {
        let out = String::from_utf8(out).expect("text");
        assert!(value.contains(|c: char| c.is_ascii_control()) || out.is_ascii(), "{out:?}");
        for line in out.split('\n').skip(1).filter(|line| !line.is_empty()) {
            let name = line.split(':').next().filter(|name| name.len() < line.len());
            let begins_field = name.is_some_and(|name| !name.is_empty() && !name.contains([' ', '\t']));
            assert!(!begins_field, "another field in {out:?}");
        }
    }
}

/// A parameter is read back as it was written.
fn parameters(value: &str) {
    if value.is_empty() || value.chars().any(|c| c.is_ascii_control()) {
        return;
    }
    let mut out = "attachment; ".to_owned();
    parameter::write("filename", value, true, &mut out);
    let found = parameter::parse(&out);
    assert_eq!(found.len(), 2, "{value:?} was written as {out:?}");
    let (name, read) = found[1].clone();
    assert_eq!(name, "filename");
    match read.unquoted() {
        parameter::Value::Plain(read) => assert_eq!(read, value, "from {out:?}"),
        parameter::Value::Extended { value: read, .. } => {
            let octets: Vec<u8> = read.chars().map(|c| c as u8).collect();
            assert_eq!(String::from_utf8_lossy(&octets), value, "from {out:?}");
        }
    }
}

/// Folding may change white space, so each run of it becomes one space, and none is left at the
/// ends.
fn squeezed(text: &str) -> String {
    text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Decodes the text's encoded-words (RFC 2047 section 6.2). White space between two of them does
/// not count.
fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text);
    let mut after_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        let between = after_word && before.chars().all(|c| matches!(c, ' ' | '\t'));
        match word(from) {
            Some((octets, end)) => {
                if !between {
                    out.extend_from_slice(before.as_bytes());
                }
                out.extend(octets);
                rest = &from[end..];
                after_word = true;
            }
            None => {
                out.extend_from_slice(before.as_bytes());
                out.extend(b"=?");
                rest = &from[2..];
                after_word = false;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads the encoded-word at the start of the text. Returns its octets and where it ends.
fn word(text: &str) -> Option<(Vec<u8>, usize)> {
    let mut parts = text[2..].splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let content = &rest[..rest.find("?=")?];
    if !charset.eq_ignore_ascii_case("utf-8") || content.contains([' ', '\t', '?']) {
        return None;
    }
    let octets = match encoding {
        "q" | "Q" => unquoted(content)?,
        "b" | "B" => unbased(content)?,
        _ => return None,
    };
    Some((octets, 2 + charset.len() + 1 + encoding.len() + 1 + content.len() + 2))
}

fn unquoted(content: &str) -> Option<Vec<u8>> {
    let (mut out, mut bytes) = (Vec::new(), content.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => byte,
        });
    }
    Some(out)
}

fn unbased(content: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for byte in content.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}
