//! Attachments, as `attachments=` takes them.

use super::bytes::Bytes;
use super::create::blank;
use super::file::Source;
use super::open_file::OpenFile;
use super::state::Payload;
use super::{content, fields};
use crate::message::transfer::{self, Encoding};
use crate::message::{encoded_word, field, parameter};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

/// A path, a file object, `(name, content)`, `(name, content, type)`, or a part.
pub(crate) fn part_of<'py>(item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    if item.hasattr("get_content_type")? {
        return part_or_message(item);
    }
    if let Ok(tuple) = item.cast::<PyTuple>() {
        let (name, data) = match tuple.len() {
            2 | 3 => (tuple.get_item(0)?, tuple.get_item(1)?),
            _ => {
                return Err(PyTypeError::new_err(
                    "attachments: a tuple is (filename, content) or (filename, content, type)",
                ));
            }
        };
        let kind: Option<String> = if tuple.len() == 3 { tuple.get_item(2)?.extract()? } else { None };
        let name: String = name.extract()?;
        return file(&name, Data::of(&data)?, kind, py);
    }
    let source = Source::of(item)?;
    file(&source.file_name(py)?, Data::Stored(source), None, py)
}

/// What is in an attachment.
enum Data {
    Text(Bytes),
    Octets(Bytes),
    Stored(Source),
}

impl Data {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Data::Text(Bytes::of_text(text)?));
        }
        if OpenFile::is_one(object)? || object.hasattr("__fspath__")? {
            return Ok(Data::Stored(Source::of(object)?));
        }
        Ok(Data::Octets(Bytes::of_buffer(object)?))
    }
}

/// A message with fields of its own is enclosed; a body part is attached as it is.
fn part_or_message<'py>(item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    for name in ["From", "Date", "Subject", "To", "Message-ID"] {
        if item.contains(name)? {
            let part = blank(py)?;
            part.set_item("Content-Type", "message/rfc822")?;
            content::store(&part, Payload::Object(PyList::new(py, [item])?.into_any().unbind()));
            return Ok(part.into_any());
        }
    }
    Ok(item.clone())
}

fn file<'py>(name: &str, data: Data, kind: Option<String>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    field::check_value("attachments: the file name", name).map_err(fields::refused)?;
    let kind = match kind {
        Some(kind) => kind,
        None => {
            let guess = py.import("mimetypes")?.call_method1("guess_type", (name,))?;
            let (kind, packing): (Option<String>, Option<String>) = guess.extract()?;
            // A packed file is what it is packed as.
            kind.filter(|_| packing.is_none()).unwrap_or_else(|| "application/octet-stream".to_owned())
        }
    };
    check_type(&kind)?;
    let is_text = matches!(data, Data::Text(_));
    let (kind, cte, payload) = if ["message/", "multipart/"].iter().any(|main| kind.starts_with(main)) {
        enclosed(kind, data, py)?
    } else {
        let payload = match data {
            Data::Text(bytes) | Data::Octets(bytes) => Payload::Deferred(bytes, Encoding::Base64),
            Data::Stored(source) => Payload::File(source),
        };
        (kind, "base64", payload)
    };
    let part = blank(py)?;
    let mut content_type = kind;
    if is_text && content_type.starts_with("text/") && !content_type.contains(';') {
        content_type.push_str("; charset=\"utf-8\"");
    }
    // Both forms of the name: some programs read one, some the other. RFC 2231 is
    // the standard; the encoded-word in Content-Type is what older ones expect.
    content_type.push_str("; ");
    if name.is_ascii() {
        parameter::write("name", name, true, &mut content_type);
    } else {
        let mut word = String::new();
        for piece in pieces(name, 30) {
            if !word.is_empty() {
                word.push(' ');
            }
            encoded_word::Chosen::B.write(piece.as_bytes(), "utf-8", &mut word);
        }
        parameter::write("name", &word, true, &mut content_type);
    }
    let mut disposition = "attachment; ".to_owned();
    parameter::write("filename", name, true, &mut disposition);
    part.set_item("Content-Type", content_type)?;
    part.set_item("Content-Transfer-Encoding", cte)?;
    part.set_item("Content-Disposition", disposition)?;
    content::store(&part, payload);
    Ok(part.into_any())
}

/// A message in base64 is no message (RFC 2046 section 5.2.1): it stays as it is, and
/// one that can't is a file like any other. Which it is, tells what is in it.
fn enclosed(kind: String, data: Data, py: Python<'_>) -> PyResult<(String, &'static str, Payload)> {
    let bytes = match data {
        Data::Text(bytes) | Data::Octets(bytes) => bytes,
        Data::Stored(source) => Bytes::Owned(source.read(py)?),
    };
    Ok(match transfer::is_seven_bit(bytes.as_ref()) {
        true => (kind, "7bit", Payload::Raw(bytes)),
        false => {
            ("application/octet-stream".to_owned(), "base64", Payload::Deferred(bytes, Encoding::Base64))
        }
    })
}

fn check_type(kind: &str) -> PyResult<()> {
    let is_token = |word: &str| {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
        !word.is_empty() && word.bytes().all(is_allowed)
    };
    let main = kind.split(';').next().unwrap_or_default().trim_end_matches(' ');
    match main.split_once('/') {
        Some((main, sub)) if is_token(main) && is_token(sub) => Ok(()),
        _ => Err(PyValueError::new_err(format!("attachments: {kind:?} is no type (RFC 2045 section 5.1)"))),
    }
}

fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while rest.len() > most {
        let mut cut = most;
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (piece, more) = rest.split_at(cut);
        found.push(piece);
        rest = more;
    }
    found.push(rest);
    found
}
