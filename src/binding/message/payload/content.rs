//! The payload: text, bytes, or parts.

use crate::binding::argument::wanted;
use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::{state::Payload, style::Family},
    create,
    fields::{self, params},
};
use crate::message::transfer::{Encoding, write_quoted_printable};
use encodify::base64::{self, LineEnding};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyString};
use pyo3::{intern, prelude::*};

/// The payload as Python sees it. Encodes what was deferred, and keeps the result.
pub(crate) fn object<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let payload = message.get().with(py, |state| state.payload.clone_ref(py));
    let made = match payload {
        Payload::Nothing => return Ok(py.None().into_bound(py)),
        Payload::Object(object) => return Ok(object.into_bound(py)),
        Payload::Raw(bytes) => bytes.to_escaped_str(py)?,
        Payload::Deferred(bytes, encoding) => {
            PyString::new(py, &encoded(bytes.as_ref(), encoding)).into_any()
        }
        // The text is not stored, because the message keeps the file as its payload.
        Payload::File(source) => {
            let text = encoded(&source.read(py)?, Encoding::Base64);
            return Ok(PyString::new(py, &text).into_any());
        }
    };
    store(message, Payload::Object(made.clone().unbind()));
    Ok(made)
}

fn encoded(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Base64 => base64::STANDARD.wrapped(76, LineEnding::Lf).encode(bytes),
        Encoding::QuotedPrintable => {
            let mut out = Vec::with_capacity(bytes.len() * 5 / 4);
            write_quoted_printable(bytes, 76, "\n", &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

pub(crate) fn store(message: &Bound<'_, Message>, payload: Payload) {
    let old = message
        .get()
        .with(message.py(), |s| (std::mem::replace(&mut s.payload, payload), s.seven_bit.take()));
    drop(old);
}

/// The list of parts, if the payload is one.
pub(crate) fn parts<'py>(message: &Bound<'py, Message>) -> Option<Bound<'py, PyList>> {
    let py = message.py();
    message.get().with(py, |state| match &state.payload {
        Payload::Object(object) => object.bind(py).cast::<PyList>().ok().cloned(),
        _ => None,
    })
}

pub(crate) fn attach<'py>(message: &Bound<'py, Message>, part: &Bound<'py, PyAny>) -> PyResult<()> {
    let py = message.py();
    fields::changes(message);
    let is_modern = message.get().is_modern(py);
    if let Some(list) = parts(message) {
        if !(is_modern && is_attachment(part)? && is_one_thing(message)?) {
            return list.append(part);
        }
        // A file is not an alternative form of the text, so the message becomes multipart/mixed.
        create::make_multipart(message, "mixed")?;
        return attach(message, part);
    }
    let is_empty = message.get().with(py, |s| matches!(s.payload, Payload::Nothing));
    // A parser may have set a composite type before it adds the parts. The type then stays.
    let (main, _) = params::main_and_sub(message)?;
    let is_composite = is_empty && matches!(main.as_str(), "multipart" | "message");
    if is_modern && !is_composite {
        create::make_multipart(message, "mixed")?;
        return match parts(message) {
            Some(parts) => parts.append(part),
            None => Ok(()),
        };
    }
    if is_empty {
        store(message, Payload::Object(PyList::new(py, [part])?.into_any().unbind()));
        return Ok(());
    }
    let payload = object(message)?;
    match payload.getattr_opt(intern!(py, "append"))? {
        Some(append) => append.call1((part,)).map(drop),
        None => Err(PyTypeError::new_err("Attach is not valid on a message with a non-multipart payload")),
    }
}

fn is_attachment(part: &Bound<'_, PyAny>) -> PyResult<bool> {
    match part.getattr_opt(intern!(part.py(), "get_content_disposition"))? {
        Some(method) => method.call0()?.eq("attachment"),
        None => Ok(false),
    }
}

/// Whether the parts are all the same thing, in other forms or with what belongs to it.
fn is_one_thing(message: &Bound<'_, Message>) -> PyResult<bool> {
    let kind = params::content_type(message)?;
    Ok(matches!(kind.as_str(), "multipart/alternative" | "multipart/related"))
}

pub(crate) fn get<'py>(
    message: &Bound<'py, Message>,
    index: Option<Bound<'py, PyAny>>,
    decode: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    if let Some(parts) = parts(message) {
        return match index {
            _ if decode => Ok(py.None().into_bound(py)),
            None => Ok(parts.into_any()),
            Some(index) => parts.as_any().get_item(index),
        };
    }
    if index.is_some() {
        let kind = object(message)?.get_type();
        return Err(PyTypeError::new_err(format!("Expected list, got {}", kind.str()?)));
    }
    if decode {
        return decoded(message);
    }
    let payload = object(message)?;
    match payload.cast::<PyString>() {
        Ok(text) if text.to_str().is_err() => readable(message, text),
        _ => Ok(payload),
    }
}

/// Text that carries raw bytes, decoded as the message says.
fn readable<'py>(message: &Bound<'py, Message>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let Ok(bytes) = text.call_method1("encode", ("ascii", "surrogateescape")) else {
        return Ok(text.clone().into_any());
    };
    let charset = params::charset(message)?.unwrap_or_else(|| "ascii".to_owned());
    match bytes.call_method1("decode", (charset, "replace")) {
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyLookupError>(py) => {
            bytes.call_method1("decode", ("ascii", "replace"))
        }
        result => result,
    }
}

/// The content as bytes, its transfer encoding undone.
pub(crate) fn decoded<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let cte = transfer_encoding(message)?;
    let payload = message.get().with(py, |state| state.payload.clone_ref(py));
    match &payload {
        Payload::Deferred(bytes, Encoding::Base64) if cte == "base64" => {
            return Ok(bytes.to_bytes(py).into_any());
        }
        Payload::File(source) if cte == "base64" => {
            return Ok(PyBytes::new(py, &source.read(py)?).into_any());
        }
        Payload::Raw(bytes) if !is_encoding(&cte) => return Ok(bytes.to_bytes(py).into_any()),
        _ => {}
    }
    let payload = object(message)?;
    let bytes = match payload.cast::<PyString>() {
        Ok(text) => match text.call_method1("encode", ("ascii", "surrogateescape")) {
            Ok(bytes) => bytes,
            Err(_) => text.call_method1("encode", ("raw-unicode-escape",))?,
        },
        Err(_) => payload,
    };
    if !is_encoding(&cte) {
        return Ok(bytes);
    }
    py.import("rsmtp.email._decoding")?.getattr("decode_payload")?.call1((message, bytes, cte))
}

/// Content-Transfer-Encoding without folds; without comments where the field is an object.
fn transfer_encoding(message: &Bound<'_, Message>) -> PyResult<String> {
    const NAME: &str = "content-transfer-encoding";
    let text = fields::get_text(message, NAME)?.unwrap_or_default().trim().to_lowercase();
    let is_token = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_object = matches!(message.get().family(message.py()), Family::Structured | Family::Foreign);
    if !is_token
        && is_object
        && let Some(field) = fields::get(message, NAME)?
        && let Some(known) = field.getattr_opt(intern!(message.py(), "cte"))?
    {
        return Ok(known.str()?.to_string_lossy().trim().to_lowercase());
    }
    Ok(text)
}

fn is_encoding(cte: &str) -> bool {
    matches!(cte, "quoted-printable" | "base64" | "x-uuencode" | "uuencode" | "uue" | "x-uue")
}

pub(crate) fn set<'py>(
    message: &Bound<'py, Message>,
    payload: Bound<'py, PyAny>,
    charset: Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = message.py();
    fields::changes(message);
    let charset = charset.map(|charset| as_charset(&charset)).transpose()?;
    let payload = match (&charset, payload.hasattr(intern!(py, "encode"))?) {
        (None, true) => {
            store(message, Payload::from_object(payload));
            return Ok(());
        }
        (Some(charset), true) => {
            let codec = charset.getattr(intern!(py, "output_charset"))?;
            payload.call_method1(intern!(py, "encode"), (codec, "surrogateescape"))?
        }
        (_, false) => payload,
    };
    if payload.is_instance_of::<PyBytes>() || payload.is_instance_of::<PyByteArray>() {
        store(message, Payload::Raw(Bytes::of_buffer(&payload)?));
    } else if payload.hasattr(intern!(py, "decode"))? {
        let text = payload.call_method1(intern!(py, "decode"), ("ascii", "surrogateescape"))?;
        store(message, Payload::from_object(text));
    } else {
        store(message, Payload::from_object(payload));
    }
    match charset {
        Some(charset) => message.call_method1(intern!(py, "set_charset"), (charset,)).map(drop),
        None => Ok(()),
    }
}

/// A `Charset`, made from its name if need be.
fn as_charset<'py>(charset: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if charset.hasattr(intern!(charset.py(), "get_body_encoding"))? {
        return Ok(charset.clone());
    }
    if !charset.is_instance_of::<PyString>() && !charset.is_instance_of::<PyBytes>() {
        return Err(wanted("charset", "the name of a character set or a Charset", charset));
    }
    charset.py().import("rsmtp.email.charset")?.getattr("Charset")?.call1((charset,))
}

pub(crate) fn set_charset<'py>(
    message: &Bound<'py, Message>,
    charset: Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = message.py();
    let Some(charset) = charset else {
        message.call_method1(intern!(py, "del_param"), ("charset",))?;
        let old = message.get().with(py, |state| state.charset.take());
        drop(old);
        return Ok(());
    };
    let charset = as_charset(&charset)?;
    let kept = charset.clone().unbind();
    let old = message.get().with(py, |state| state.charset.replace(kept));
    drop(old);
    let output = charset.call_method0(intern!(py, "get_output_charset"))?;
    if !fields::contains(message, "mime-version") {
        message.set_item("MIME-Version", "1.0")?;
    }
    if fields::contains(message, "content-type") {
        message.call_method1(intern!(py, "set_param"), ("charset", &output))?;
    } else {
        let mut text = "text/plain; ".to_owned();
        params::write("charset", Some(&output), true, &mut text)?;
        message.set_item("Content-Type", text)?;
    }
    if charset.ne(&output)? {
        let encoded = charset.call_method1(intern!(py, "body_encode"), (object(message)?,))?;
        store(message, Payload::from_object(encoded));
    }
    if fields::contains(message, "content-transfer-encoding") {
        return Ok(());
    }
    let encoding = charset.call_method0(intern!(py, "get_body_encoding"))?;
    let Ok(name) = encoding.cast::<PyString>() else {
        // The value is a function that determines the encoding from the payload.
        return encoding.call1((message,)).map(drop);
    };
    encode_body(message, &charset)?;
    message.set_item("Content-Transfer-Encoding", name)
}

fn encode_body<'py>(message: &Bound<'py, Message>, charset: &Bound<'py, PyAny>) -> PyResult<()> {
    let py = message.py();
    let payload = message.get().with(py, |state| state.payload.clone_ref(py));
    let (object, bytes) = match payload {
        Payload::Nothing => (py.None().into_bound(py), None),
        Payload::Raw(bytes) => (bytes.to_bytes(py).into_any(), Some(bytes)),
        _ => {
            let object = object(message)?;
            let bytes = match object.cast::<PyString>() {
                Ok(text) => match text.call_method1("encode", ("ascii", "surrogateescape")) {
                    Ok(bytes) => Some(bytes),
                    Err(_) => {
                        let codec = charset.getattr("output_charset")?;
                        Some(text.call_method1("encode", (codec,))?)
                    }
                },
                Err(_) => None,
            };
            match bytes {
                Some(bytes) => (bytes.clone(), Some(Bytes::of_buffer(&bytes)?)),
                None => (object, None),
            }
        }
    };
    let is_ours = charset.get_type().module()? == "rsmtp.email.charset";
    let deferred = match charset.getattr("body_encoding")?.extract::<u8>() {
        Ok(1) if is_ours => Some(Encoding::QuotedPrintable),
        Ok(2) if is_ours => Some(Encoding::Base64),
        _ => None,
    };
    match (deferred, bytes) {
        (Some(encoding), Some(bytes)) => store(message, Payload::Deferred(bytes, encoding)),
        _ => {
            let encoded = charset.call_method1("body_encode", (object,))?;
            store(message, Payload::from_object(encoded));
        }
    }
    Ok(())
}

/// Base64-encodes the payload (when it is needed) and says so in the fields.
pub(crate) fn encode_base64(message: &Bound<'_, Message>) -> PyResult<()> {
    let bytes = message.call_method1("get_payload", (message.py().None(), true))?;
    store(message, Payload::Deferred(Bytes::of_buffer(&bytes)?, Encoding::Base64));
    message.set_item("Content-Transfer-Encoding", "base64")
}
