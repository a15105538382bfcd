//! What the constructors of `email.mime` do.

use crate::binding::argument::wanted;
use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::{state::Payload, style::Family},
    fields,
    payload::{content, file::Source},
};
use crate::message::transfer::Encoding;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};
use pyo3::{intern, prelude::*};

/// What `MIMEText.__init__` does, without going through Python for plain classes
/// and the character sets that nearly every message has.
pub(crate) fn become_text<'py>(
    message: &Bound<'py, Message>,
    text: &Bound<'py, PyAny>,
    subtype: &Bound<'py, PyAny>,
    charset: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = message.py();
    if let (Ok(text), Ok(subtype)) = (text.cast_exact::<PyString>(), subtype.cast_exact::<PyString>())
        && let (Ok(plain), Ok(subtype)) = (text.to_str(), subtype.to_str())
        && message.get().family(py) == Family::Classic
        && !subtype.contains(';')
        && is_plain_class(message)?
        && let Some(is_utf8) = usual_charset(py, plain, charset)?
    {
        let kind = match (subtype, is_utf8) {
            ("plain", false) => intern!(py, "text/plain; charset=\"us-ascii\"").clone(),
            ("html", false) => intern!(py, "text/html; charset=\"us-ascii\"").clone(),
            ("plain", true) => intern!(py, "text/plain; charset=\"utf-8\"").clone(),
            ("html", true) => intern!(py, "text/html; charset=\"utf-8\"").clone(),
            (other, is_utf8) => {
                let charset = if is_utf8 { "utf-8" } else { "us-ascii" };
                PyString::new(py, &format!("text/{other}; charset=\"{charset}\""))
            }
        };
        fields::push(message, intern!(py, "Content-Type").clone(), kind.into_any());
        fields::push(message, intern!(py, "MIME-Version").clone(), intern!(py, "1.0").clone().into_any());
        let cte = if is_utf8 { intern!(py, "base64") } else { intern!(py, "7bit") };
        fields::push(message, intern!(py, "Content-Transfer-Encoding").clone(), cte.clone().into_any());
        let name = if is_utf8 { intern!(py, "utf-8") } else { intern!(py, "us-ascii") };
        let payload = if is_utf8 && !plain.is_empty() {
            Payload::Deferred(Bytes::of_text(text)?, Encoding::Base64)
        } else {
            Payload::Object(text.clone().into_any().unbind())
        };
        let name = name.clone().into_any().unbind();
        message.get().with(py, |state| {
            state.payload = payload;
            // The Charset object with this name is created when a caller asks for it.
            state.charset = Some(name);
        });
        return Ok(());
    }
    if !text.hasattr(intern!(py, "encode"))? && !Bytes::are(text) {
        return Err(wanted("_text", "a str", text));
    }
    let charset = match charset.filter(|charset| !charset.is_none()) {
        Some(charset) => charset.clone(),
        None => {
            let is_ascii = text.call_method1("encode", ("us-ascii",)).is_ok();
            PyString::new(py, if is_ascii { "us-ascii" } else { "utf-8" }).into_any()
        }
    };
    let parameters = PyDict::new(py);
    parameters.set_item("charset", charset.str()?)?;
    become_part(message, "text", subtype, Some(&parameters))?;
    message.call_method1(intern!(py, "set_payload"), (text, charset)).map(drop)
}

/// Some(is it UTF-8) for the two usual character sets, unless a program has changed
/// what they mean.
fn usual_charset(py: Python<'_>, text: &str, charset: Option<&Bound<'_, PyAny>>) -> PyResult<Option<bool>> {
    static UNCHANGED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let is_utf8 = match charset.filter(|charset| !charset.is_none()) {
        None => !text.is_ascii(),
        Some(charset) => match charset.cast_exact::<PyString>().map(|name| name.to_str()) {
            Ok(Ok("utf-8")) => true,
            Ok(Ok("us-ascii")) if text.is_ascii() => false,
            _ => return Ok(None),
        },
    };
    let unchanged = UNCHANGED.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("rsmtp.email.charset")?.getattr("_is_as_shipped")?.unbind())
    })?;
    let name = if is_utf8 { intern!(py, "utf-8") } else { intern!(py, "us-ascii") };
    Ok(unchanged.bind(py).call1((name,))?.is_truthy()?.then_some(is_utf8))
}

/// Whether no class of the object overrides what the constructors would call.
fn is_plain_class(message: &Bound<'_, Message>) -> PyResult<bool> {
    message.get_type().getattr(intern!(message.py(), "_is_plain"))?.is_truthy()
}

/// What `MIMEBase.__init__` does after the class of the message is set up.
pub(crate) fn become_part<'py>(
    message: &Bound<'py, Message>,
    main: &str,
    subtype: &Bound<'py, PyAny>,
    parameters: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    let py = message.py();
    let kind = PyString::new(py, &format!("{main}/{}", subtype.str()?.to_str()?));
    match parameters.filter(|parameters| !parameters.is_empty()) {
        None => message.call_method1(intern!(py, "add_header"), (intern!(py, "Content-Type"), kind))?,
        parameters => {
            message.call_method(intern!(py, "add_header"), (intern!(py, "Content-Type"), kind), parameters)?
        }
    };
    message.set_item(intern!(py, "MIME-Version"), intern!(py, "1.0"))
}

/// What `MIMEImage` and its like do with their data when no encoder of the caller's
/// own is to run.
pub(crate) fn become_data(message: &Bound<'_, Message>, data: &Bound<'_, PyAny>) -> PyResult<()> {
    let bytes = match data.cast::<PyBytes>() {
        Ok(bytes) => Bytes::Raw(bytes.clone().into()),
        Err(_) => {
            message.call_method1("set_payload", (data,))?;
            return content::encode_base64(message);
        }
    };
    content::store(message, Payload::Deferred(bytes, Encoding::Base64));
    message.set_item("Content-Transfer-Encoding", "base64")
}

/// The same with what is in a file: a path, or a file object.
pub(crate) fn become_file<'py>(message: &Bound<'py, Message>, file: &Bound<'py, PyAny>) -> PyResult<()> {
    content::store(message, Payload::File(Source::of(file)?));
    message.set_item("Content-Transfer-Encoding", "base64")
}
