//! Attachments, as `attachments=` takes them.

use crate::binding::message::{
    bytes::Bytes,
    class::state::Payload,
    create::blank,
    fields,
    payload::{content, file::Source, file_name, open_file::OpenFile},
};
use crate::message::downgrade::{self, Aim};
use crate::message::transfer::{self, Encoding};
use crate::message::{encoded_word, field, stdlib::parameter};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping, PyString, PyTuple};

/// The items of `attachments=`. A single attachment needs no list around it, except for a
/// text, which could be a path or a content.
pub(crate) fn several<'py>(given: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = given.py();
    if given.is_instance_of::<PyString>() {
        let shown = given.repr()?;
        return Err(PyTypeError::new_err(format!(
            "attachments: {shown} alone may be a path or a content: a path is Path({shown}) or [{shown}], \
             a content has a name, (filename, content)"
        )));
    }
    if given.hasattr("__fspath__")? || given.hasattr("read")? || given.hasattr("get_content_type")? {
        return Ok(vec![given.clone()]);
    }
    if let Ok(mapping) = given.cast::<PyMapping>() {
        // A mapping holds names and contents, so a text in it is never a path.
        let named = |pair: Bound<'py, PyAny>| -> PyResult<Bound<'py, PyAny>> {
            let (name, content): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            Ok(match content.cast::<PyTuple>() {
                Ok(with_type) if with_type.len() == 2 => {
                    PyTuple::new(py, [name, with_type.get_item(0)?, with_type.get_item(1)?])?.into_any()
                }
                _ => PyTuple::new(py, [name, content])?.into_any(),
            })
        };
        return mapping.items()?.iter().map(named).collect();
    }
    if let Ok(tuple) = given.cast::<PyTuple>()
        && tuple.get_item(0).is_ok_and(|first| first.is_instance_of::<PyString>())
    {
        return Ok(vec![given.clone()]);
    }
    if Bytes::are(given) {
        return Err(nameless());
    }
    let items = given.try_iter().map_err(|_| {
        PyTypeError::new_err(format!("attachments: a list of them is wanted, not {}", type_name(given)))
    })?;
    items.collect()
}

/// A path, a file object, `(name, content)`, `(name, content, type)`, or a part.
pub(crate) fn part_of<'py>(item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    if item.hasattr("get_content_type")? {
        return part_or_message(item);
    }
    if let Ok(tuple) = item.cast::<PyTuple>() {
        let wrong = || {
            PyTypeError::new_err(format!(
                "attachments: a tuple is (filename, content) or (filename, content, type), not ({})",
                tuple.iter().map(|item| type_name(&item)).collect::<Vec<_>>().join(", ")
            ))
        };
        let (name, data, kind) = match tuple.len() {
            2 => (tuple.get_item(0)?, tuple.get_item(1)?, None),
            3 => (tuple.get_item(0)?, tuple.get_item(1)?, Some(tuple.get_item(2)?)),
            _ => return Err(wrong()),
        };
        let kind: Option<String> = match kind.filter(|kind| !kind.is_none()) {
            Some(kind) => Some(kind.extract().map_err(|_| wrong())?),
            None => None,
        };
        let name = file_name::readable(name.cast::<PyString>().map_err(|_| wrong())?)?;
        return file(Some(&name), Data::of(&data, Some(&name))?, kind, "attachment", py);
    }
    let source = Source::of(item)?;
    file(Some(&source.file_name(py)?), Data::Stored(source), None, "attachment", py)
}

/// A picture that HTML shows: its name, its content, its type, its Content-ID (RFC 2392).
#[derive(FromPyObject)]
pub(crate) struct Picture<'py>(String, Bound<'py, PyAny>, String, String);

pub(crate) fn picture<'py>(picture: &Picture<'py>) -> PyResult<Bound<'py, PyAny>> {
    let Picture(name, content, kind, id) = picture;
    let octets = Data::Octets(Bytes::of_buffer(content)?);
    let part = file(Some(name), octets, Some(kind.clone()), "inline", content.py())?;
    part.set_item("Content-ID", format!("<{id}>"))?;
    Ok(part)
}

/// What `add_attachment` is given: something that `attachments=` takes, or a content whose
/// name and type stand beside it. A text is a content.
pub(crate) fn part_from<'py>(
    content: &Bound<'py, PyAny>,
    kind: (Option<&str>, Option<&str>),
    name: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = content.py();
    let is_whole = content.is_instance_of::<PyTuple>() || content.hasattr("get_content_type")?;
    if is_whole {
        if kind != (None, None) || name.is_some() {
            return Err(PyTypeError::new_err(
                "maintype, subtype, filename: a message, a part and a tuple have their own",
            ));
        }
        return part_of(content);
    }
    let data = Data::of(content, None)?;
    let own_name = match (&data, name) {
        (_, Some(name)) => Some(file_name::readable(name)?),
        (Data::Stored(source), None) => Some(source.file_name(py)?),
        _ => None,
    };
    let kind = match (kind, &data) {
        ((Some(main), Some(sub)), _) => Some(format!("{main}/{sub}")),
        ((None, Some(sub)), Data::Text(_)) => Some(format!("text/{sub}")),
        ((None, None), Data::Text(_)) if own_name.is_none() => Some("text/plain".to_owned()),
        ((None, None), _) => None,
        _ => return Err(PyTypeError::new_err("maintype, subtype: a type consists of both")),
    };
    file(own_name.as_deref(), data, kind, "attachment", py)
}

pub(crate) fn nameless() -> PyErr {
    PyTypeError::new_err("attachments: bytes have no name: give (filename, bytes)")
}

pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What is in an attachment.
enum Data {
    Text(Bytes),
    Octets(Bytes),
    Stored(Source),
}

impl Data {
    fn of(object: &Bound<'_, PyAny>, name: Option<&str>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Data::Text(Bytes::of_text(text)?));
        }
        if OpenFile::is_one(object)? || object.hasattr("__fspath__")? {
            return Ok(Data::Stored(Source::of(object)?));
        }
        if !Bytes::are(object) {
            if let Some(name) = name
                && let Some(octets) = of_frame(name, object)?
            {
                return Ok(Data::Octets(octets));
            }
            let of = name.map(|name| format!(" of {name:?}")).unwrap_or_default();
            return Err(PyTypeError::new_err(format!(
                "attachments: the content{of} is text, bytes, a path or an open file, not {}",
                type_name(object)
            )));
        }
        Ok(Data::Octets(Bytes::of_buffer(object)?))
    }
}

/// A frame of pandas or polars, as the file that its name says; None: it is none.
fn of_frame(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    let py = object.py();
    if !object.hasattr("columns")? && !object.hasattr("column_names")? {
        return Ok(None);
    }
    let tables = py.import("rsmtp._content.tables")?;
    if !tables.call_method1("is_frame", (object,))?.extract()? {
        return Ok(None);
    }
    Bytes::of_buffer(&tables.call_method1("file", (name, object))?).map(Some)
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

fn file<'py>(
    name: Option<&str>,
    data: Data,
    kind: Option<String>,
    disposition: &str,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    field::check_value("attachments: the file name", name.unwrap_or_default()).map_err(fields::refused)?;
    let kind = match (kind, name) {
        (Some(kind), _) => kind,
        (None, None) => "application/octet-stream".to_owned(),
        (None, Some(name)) => {
            let guess = py.import("mimetypes")?.call_method1("guess_type", (name,))?;
            let (kind, packing): (Option<String>, Option<String>) = guess.extract()?;
            // A compressed file has the type of its compression and not the guessed one.
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
    let mut content_type = match name {
        Some(_) => parameter::without(&kind, |known| known.eq_ignore_ascii_case("name")).into_owned(),
        None => kind,
    };
    if is_text && content_type.starts_with("text/") && !content_type.contains(';') {
        content_type.push_str("; charset=\"utf-8\"");
    }
    let mut disposition = disposition.to_owned();
    if let Some(name) = name {
        write_name(name, &mut content_type, &mut disposition);
    }
    part.set_item("Content-Type", content_type)?;
    part.set_item("Content-Transfer-Encoding", cte)?;
    part.set_item("Content-Disposition", disposition)?;
    content::store(&part, payload);
    Ok(part.into_any())
}

/// Both forms of the name: some programs read one, some the other. RFC 2231 is the
/// standard; the encoded-word in Content-Type is what older ones expect.
fn write_name(name: &str, content_type: &mut String, disposition: &mut String) {
    content_type.push_str("; ");
    if name.is_ascii() {
        parameter::write("name", name, true, content_type);
    } else {
        let mut word = String::new();
        for piece in pieces(name, 30) {
            if !word.is_empty() {
                word.push(' ');
            }
            encoded_word::Chosen::B.write(piece.as_bytes(), "utf-8", &mut word);
        }
        parameter::write("name", &word, true, content_type);
    }
    disposition.push_str("; ");
    parameter::write("filename", name, true, disposition);
}

/// A message in base64 is no message (RFC 2046 section 5.2.1): it stays as it is, 8-bit
/// if it is that; lines that SMTP can't carry are encoded inside. One in which they can't
/// be (it is signed, it has NULs in it) is a file like any other.
fn enclosed(kind: String, data: Data, py: Python<'_>) -> PyResult<(String, &'static str, Payload)> {
    let bytes = match data {
        Data::Text(bytes) | Data::Octets(bytes) => bytes,
        Data::Stored(source) => Bytes::Owned(source.read(py)?),
    };
    let bytes = match transfer::fits_lines(bytes.as_ref()) {
        false if kind.eq_ignore_ascii_case("message/rfc822") => {
            let edits = downgrade::edits(bytes.as_ref(), Aim::ShortLines, &[]).unwrap_or_default();
            Bytes::Owned(downgrade::edited(bytes.as_ref(), &edits))
        }
        _ => bytes,
    };
    let takes_octets = !matches!(kind.as_str(), "message/partial" | "message/external-body");
    Ok(match transfer::fits_lines(bytes.as_ref()) {
        true if bytes.as_ref().is_ascii() => (kind, "7bit", Payload::Raw(bytes)),
        true if takes_octets => (kind, "8bit", Payload::Raw(bytes)),
        _ => ("application/octet-stream".to_owned(), "base64", Payload::Deferred(bytes, Encoding::Base64)),
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
