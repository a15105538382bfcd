//! Messages made whole by a constructor.

use super::bytes::Bytes;
use super::class::Message;
use super::state::Payload;
use super::style::Family;
use super::{content, fields};
use crate::message::transfer::{self, Encoding};
use crate::message::{encoded_word, field, parameter};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use pyo3::{intern, prelude::*};

/// What `rsmtp.Message(...)` is called with.
pub(crate) struct Request<'py> {
    pub text: Option<Bound<'py, PyAny>>,
    pub subtype: String,
    pub charset: Option<String>,
    pub html: Option<Bound<'py, PyAny>>,
    pub attachments: Option<Bound<'py, PyAny>>,
    /// Name and value, in the order in which they are written.
    pub fields: Vec<(&'static str, Option<Bound<'py, PyAny>>)>,
    pub headers: Option<Bound<'py, PyAny>>,
}

/// Fills a new message with what it was asked to be.
pub(crate) fn fill<'py>(message: &Bound<'py, Message>, request: Request<'py>) -> PyResult<()> {
    let py = message.py();
    for (name, value) in &request.fields {
        if let Some(value) = value.as_ref().filter(|value| !value.is_none()) {
            message.set_item(*name, value)?;
        }
    }
    if let Some(headers) = request.headers {
        let pairs = match headers.cast::<PyDict>() {
            Ok(mapping) => mapping.items().into_any(),
            Err(_) => headers,
        };
        for pair in pairs.try_iter()? {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
            message.set_item(name, value)?;
        }
    }
    let is_alternative = request.text.is_some() && request.html.is_some();
    let (first, subtype) = match (&request.text, &request.html) {
        (Some(text), _) => (Some(text), request.subtype.as_str()),
        (None, Some(html)) => (Some(html), "html"),
        (None, None) => (None, ""),
    };
    match first {
        Some(text) => set_text(message, text, subtype, request.charset.as_deref())?,
        None => message.set_item("MIME-Version", "1.0")?,
    }
    if let Some(html) = request.html.filter(|_| is_alternative) {
        let part = blank(py)?;
        set_text(&part, &html, "html", request.charset.as_deref())?;
        fields::delete(&part, "mime-version");
        make_multipart(message, "alternative")?;
        content::attach(message, part.as_any())?;
    }
    if let Some(attachments) = request.attachments.filter(|given| !given.is_none()) {
        for item in several(&attachments)? {
            let part = attachment(&item)?;
            if content::parts(message).is_none() || is_alternative && !is_mixed(message)? {
                make_multipart(message, "mixed")?;
            }
            content::attach(message, &part)?;
        }
    }
    Ok(())
}

fn is_mixed(message: &Bound<'_, Message>) -> PyResult<bool> {
    Ok(super::params::content_type(message)? == "multipart/mixed")
}

/// One attachment may be given without a list around it.
fn several<'py>(given: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_one = given.is_instance_of::<PyString>()
        || given.hasattr("__fspath__")?
        || given.hasattr("get_content_type")?;
    if is_one { Ok(vec![given.clone()]) } else { given.try_iter()?.collect() }
}

/// An empty message with our own policy.
pub(crate) fn blank(py: Python<'_>) -> PyResult<Bound<'_, Message>> {
    Bound::new(py, Message::default())
}

/// Makes a text part of a message that has no content yet.
fn set_text<'py>(
    message: &Bound<'py, Message>,
    text: &Bound<'py, PyAny>,
    subtype: &str,
    charset: Option<&str>,
) -> PyResult<()> {
    let py = message.py();
    let Ok(text) = text.cast::<PyString>() else {
        return Err(PyTypeError::new_err("text: has to be a str; bytes make an attachment"));
    };
    let token = |what: &str, value: &str| -> PyResult<()> {
        let is_token = !value.is_empty()
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
        if is_token {
            Ok(())
        } else {
            Err(PyValueError::new_err(format!("{what}: {value:?} is no token (RFC 2045 section 5.1)")))
        }
    };
    token("subtype", subtype)?;
    let charset = charset.unwrap_or("utf-8");
    token("charset", charset)?;
    let body = if charset.eq_ignore_ascii_case("utf-8") {
        match Bytes::of_text(text)? {
            plain @ Bytes::Str(_) => plain,
            _ => {
                return Err(PyValueError::new_err("text: contains surrogates, which are no characters"));
            }
        }
    } else {
        Bytes::of_buffer(&text.call_method1("encode", (charset,))?)?
    };
    let encoding = transfer::choose_for_text(body.as_ref());
    let payload = match encoding {
        None => Payload::Object(text.clone().into_any().unbind()),
        Some(Encoding::Base64) => {
            // Base64 of text has CRLF line ends in it (RFC 2045 section 6.8).
            let plain = text.to_str().ok().and_then(transfer::canonical);
            match plain.filter(|_| charset.eq_ignore_ascii_case("utf-8")) {
                Some(canonical) => Payload::Deferred(Bytes::Owned(canonical), Encoding::Base64),
                None => Payload::Deferred(body, Encoding::Base64),
            }
        }
        Some(encoding) => Payload::Deferred(body, encoding),
    };
    let put = |name: &str, value: &str| {
        fields::push(message, PyString::new(py, name), PyString::new(py, value).into_any());
    };
    if !fields::contains(message, "mime-version") {
        put("MIME-Version", "1.0");
    }
    put("Content-Type", &format!("text/{subtype}; charset=\"{}\"", charset.to_ascii_lowercase()));
    put("Content-Transfer-Encoding", encoding.map_or("7bit", Encoding::name));
    content::store(message, payload);
    Ok(())
}

/// Makes a message a multipart; what it contained becomes the first part.
pub(crate) fn make_multipart(message: &Bound<'_, Message>, subtype: &str) -> PyResult<()> {
    let py = message.py();
    let part = blank(py)?;
    let has_content = message.get().with(py, |s| !matches!(s.payload, Payload::Nothing));
    let all = fields::snapshot(message);
    let (inner, outer): (Vec<_>, Vec<_>) = all.into_iter().partition(|field| {
        let name = field.name.bind(py).to_string_lossy();
        name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
    });
    let old = message.get().with(py, |state| std::mem::replace(&mut state.fields, outer));
    drop(old);
    part.get().with(py, |state| state.fields = inner);
    let payload = message.get().with(py, |state| std::mem::take(&mut state.payload));
    content::store(&part, payload);
    let parts = if has_content { PyList::new(py, [part])? } else { PyList::empty(py) };
    content::store(message, Payload::Object(parts.into_any().unbind()));
    fields::push(
        message,
        PyString::new(py, "Content-Type"),
        PyString::new(py, &format!("multipart/{subtype}")).into_any(),
    );
    Ok(())
}

/// A path, `(name, bytes)`, `(name, bytes, type)`, or a part.
fn attachment<'py>(item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    if item.hasattr("get_content_type")? {
        return part_or_message(item);
    }
    if let Ok(tuple) = item.cast::<PyTuple>() {
        let (name, data) = match tuple.len() {
            2 | 3 => (tuple.get_item(0)?, tuple.get_item(1)?),
            _ => {
                return Err(PyTypeError::new_err(
                    "attachments: a tuple is (filename, bytes) or (filename, bytes, type)",
                ));
            }
        };
        let kind: Option<String> = if tuple.len() == 3 { tuple.get_item(2)?.extract()? } else { None };
        let name: String = name.extract()?;
        return file(py, &name, &data, kind);
    }
    let path = py.import("os")?.call_method1("fspath", (item,))?;
    let name: String = py.import("os.path")?.call_method1("basename", (&path,))?.extract()?;
    let open = py.import("builtins")?.getattr("open")?.call1((path, "rb"))?;
    let data = open.call_method0("read");
    open.call_method0("close")?;
    file(py, &name, &data?, None)
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
    py: Python<'py>,
    name: &str,
    data: &Bound<'py, PyAny>,
    kind: Option<String>,
) -> PyResult<Bound<'py, PyAny>> {
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
    let part = blank(py)?;
    let mut content_type = kind;
    if !content_type.contains('/') {
        return Err(PyValueError::new_err(format!("attachments: {content_type:?} is no type (RFC 2046)")));
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
    part.set_item("Content-Transfer-Encoding", "base64")?;
    part.set_item("Content-Disposition", disposition)?;
    let bytes = match data.cast::<PyString>() {
        Ok(text) => Bytes::of_text(text)?,
        Err(_) => Bytes::of_buffer(data)?,
    };
    content::store(&part, Payload::Deferred(bytes, Encoding::Base64));
    Ok(part.into_any())
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
            // A Charset of this name is made when someone asks for it.
            state.charset = Some(name);
        });
        return Ok(());
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

/// Some(is it UTF-8) for the two usual character sets, as long as nobody has changed
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
        Ok(bytes) => Bytes::Bytes(bytes.clone().into()),
        Err(_) => {
            message.call_method1("set_payload", (data,))?;
            return content::encode_base64(message);
        }
    };
    content::store(message, Payload::Deferred(bytes, Encoding::Base64));
    message.set_item("Content-Transfer-Encoding", "base64")
}
