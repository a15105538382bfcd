//! Messages made whole by a constructor.

use crate::address::list::Address;
use crate::binding::content::text_of_html;
use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::state::Payload,
    fields::{self, addresses, params},
    payload::{attachment, content},
};
use crate::message::field;
use crate::message::transfer::{self, Encoding};
use memchr::memmem;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};
use pyo3::{intern, prelude::*};

/// What `rsmtp.Message(...)` is called with.
pub(crate) struct Request<'py> {
    pub text: Option<Bound<'py, PyAny>>,
    pub subtype: String,
    pub charset: Option<String>,
    pub html: Option<Bound<'py, PyAny>>,
    /// What HTML and its pictures are made from: those of `rsmtp._content.body` that are given.
    pub body: Vec<(&'static str, Bound<'py, PyAny>)>,
    pub attachments: Option<Bound<'py, PyAny>>,
    /// Name and value, in the order in which they are written.
    pub fields: [(&'py Bound<'py, PyString>, Option<Bound<'py, PyAny>>); 6],
    /// Fields that have a keyword of their own, those that are given.
    pub keywords: Vec<(&'static str, Bound<'py, PyAny>)>,
    pub headers: Option<Bound<'py, PyAny>>,
    pub calendar: Option<Bound<'py, PyAny>>,
    /// A text with several addresses may have some without a domain.
    pub local: bool,
}

/// Fills a new message with what it was asked to be.
pub(crate) fn fill<'py>(message: &Bound<'py, Message>, mut request: Request<'py>) -> PyResult<()> {
    let py = message.py();
    if let Some(headers) = request.headers.take() {
        // They are read twice, and may be an iterator.
        request.headers = Some(pairs(&headers)?.into_any());
    }
    let pictures = make_body(py, &mut request)?;
    if let (Some(text), Some(html)) = (&request.text, &request.html)
        && is_automatic(text)
        && let Ok(html) = html.cast::<PyString>()
    {
        let text = text_of_html(py, &html.to_string_lossy())?;
        request.text = Some(PyString::new(py, &text).into_any());
    }
    for (name, value) in &request.fields {
        let Some(value) = value.as_ref().filter(|value| !value.is_none()) else { continue };
        // A field can't hold an empty list of addresses (RFC 5322 section 3.6.3), so it is left
        // out.
        let known = name.to_str()?;
        let of_addresses = field::kind(known) == field::Kind::Addresses;
        if of_addresses && value.len().is_ok_and(|n| n == 0) {
            continue;
        }
        let set = match value.cast::<PyString>() {
            Ok(text) if of_addresses && request.local => {
                addresses::read(known, &text.to_string_lossy(), true).and_then(|(list, _)| {
                    message.set_item(name, PyList::new(py, list.iter().map(Address::written))?)
                })
            }
            _ => message.set_item(name, value),
        };
        set.map_err(|refused| about_keyword(py, known, refused))?;
    }
    if !request.keywords.is_empty() {
        let given = PyDict::new(py);
        for (name, value) in &request.keywords {
            given.set_item(name, value)?;
        }
        py.import("rsmtp._content.keywords")?.getattr("write")?.call((message,), Some(&given))?;
    }
    if let Some(headers) = request.headers {
        for pair in headers.try_iter()? {
            let (name, value) =
                pair?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(|_| no_pairs())?;
            message.set_item(name, value)?;
        }
    }
    let calendar = match request.calendar.filter(|given| !given.is_none()) {
        Some(given) => Some(calendar_parts(message, &mut request.text, request.html.is_some(), &given)?),
        None => None,
    };
    let is_alternative = request.text.is_some() && request.html.is_some();
    let (first, subtype) = match (&request.text, &request.html) {
        (Some(text), _) => (Some(text), request.subtype.as_str()),
        (None, Some(html)) => (Some(html), "html"),
        (None, None) => (None, ""),
    };
    match first {
        Some(text) => {
            let argument = if request.text.is_some() { "text" } else { "html" };
            set_text(message, argument, text, subtype, request.charset.as_deref())?;
            if !is_alternative {
                add_pictures(message, &pictures)?;
            }
        }
        None => message.set_item("MIME-Version", "1.0")?,
    }
    if let Some(html) = request.html.filter(|_| is_alternative) {
        let part = blank(py)?;
        set_text(&part, "html", &html, "html", request.charset.as_deref())?;
        fields::delete(&part, "mime-version");
        add_pictures(&part, &pictures)?;
        make_multipart(message, "alternative")?;
        content::attach(message, part.as_any())?;
    }
    if let Some((form, file)) = calendar {
        if params::content_type(message)? != "multipart/alternative" {
            make_multipart(message, "alternative")?;
        }
        // Mail programs that know calendars show the last form, so the calendar comes last.
        content::attach(message, &form)?;
        if !file.is_none() {
            add_attachment(message, &attachment::part_of(&file)?)?;
        }
    }
    if let Some(attachments) = request.attachments.filter(|given| !given.is_none()) {
        for item in attachment::several(&attachments)? {
            add_attachment(message, &attachment::part_of(&item)?)?;
        }
    }
    Ok(())
}

/// The error about a field, which names the keyword that it was to be made from.
fn about_keyword(py: Python<'_>, field: &str, refused: PyErr) -> PyErr {
    let kind = refused.get_type(py);
    let is_about_value = kind.is(py.get_type::<PyValueError>()) || kind.is(py.get_type::<PyTypeError>());
    let told = refused.value(py).to_string();
    match told.strip_prefix(field).filter(|rest| is_about_value && rest.starts_with([':', '['])) {
        Some(rest) => {
            let keyword = match field {
                "From" => "from_".to_owned(),
                other => other.to_ascii_lowercase().replace('-', "_"),
            };
            PyErr::from_type(kind, format!("{keyword}{rest}"))
        }
        None => refused,
    }
}

fn pairs<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match headers.cast::<PyDict>() {
        Ok(mapping) => Ok(mapping.items()),
        Err(_) => {
            let pairs = headers.try_iter().map_err(|_| no_pairs())?;
            PyList::new(headers.py(), pairs.collect::<PyResult<Vec<_>>>()?)
        }
    }
}

fn no_pairs() -> PyErr {
    PyTypeError::new_err("headers: a dict, or pairs of name and value, are wanted")
}

/// A calendar as a form of the content and as a file. A message that says nothing else gets a text
/// and a subject.
fn calendar_parts<'py>(
    message: &Bound<'py, Message>,
    text: &mut Option<Bound<'py, PyAny>>,
    has_html: bool,
    given: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = message.py();
    let made = py.import("rsmtp._content.calendar.parts")?.call_method1("parts", (given, message))?;
    let (form, file, told, subject): (_, _, Bound<'py, PyAny>, Bound<'py, PyAny>) = made.extract()?;
    if text.is_none() && !has_html {
        *text = Some(told);
    }
    if !subject.is_none() && !fields::contains(message, "subject") {
        message.set_item("Subject", subject)?;
    }
    Ok((form, file))
}

/// What `rsmtp._content.body` makes of the content, where it has something to do: text and HTML as
/// they are sent, and the pictures that the HTML shows.
fn make_body<'py>(py: Python<'py>, request: &mut Request<'py>) -> PyResult<Vec<attachment::Picture<'py>>> {
    let html = request.html.as_ref();
    // HTML with inline pictures needs parts for them. Other HTML without text needs no processing.
    let is_plain = html.is_none_or(|html| {
        html.cast::<PyString>().is_ok_and(|html| {
            html.to_str().is_ok_and(|html| memmem::find(html.as_bytes(), b"data:").is_none())
        })
    });
    if is_plain && request.body.is_empty() {
        return Ok(Vec::new());
    }
    let given = PyDict::new(py);
    for (name, value) in &request.body {
        given.set_item(name, value)?;
        if *name == "markdown" {
            given.set_item("headers", &request.headers)?;
        }
    }
    let made = py
        .import("rsmtp._content.body")?
        .getattr("made")?
        .call((request.text.as_ref(), request.html.as_ref()), Some(&given))?;
    let (text, html, pictures) = made.extract()?;
    (request.text, request.html) = (text, html);
    Ok(pictures)
}

/// HTML and the pictures that it shows: the HTML is the root, and comes first (RFC 2387).
fn add_pictures<'py>(html: &Bound<'py, Message>, pictures: &[attachment::Picture<'py>]) -> PyResult<()> {
    if pictures.is_empty() {
        return Ok(());
    }
    make_multipart(html, "related; type=\"text/html\"")?;
    for picture in pictures {
        content::attach(html, attachment::picture(picture)?.as_any())?;
    }
    Ok(())
}

/// Whether the text beside HTML is to be made from it.
fn is_automatic(text: &Bound<'_, PyAny>) -> bool {
    text.cast::<PyString>().is_ok_and(|text| text.to_str().is_ok_and(|text| text == "auto"))
}

/// Adds a part that is a file beside the text, not another form of it.
pub(crate) fn add_attachment<'py>(message: &Bound<'py, Message>, part: &Bound<'py, PyAny>) -> PyResult<()> {
    if content::parts(message).is_none() || !is_mixed(message)? {
        make_multipart(message, "mixed")?;
    }
    content::attach(message, part)
}

fn is_mixed(message: &Bound<'_, Message>) -> PyResult<bool> {
    Ok(params::content_type(message)? == "multipart/mixed")
}

/// `rsmtp.Message`.
pub(crate) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "rsmtp.message", "Message")
}

/// An empty one.
pub(crate) fn blank(py: Python<'_>) -> PyResult<Bound<'_, Message>> {
    let class = class(py)?;
    Ok(class.call_method1(intern!(py, "__new__"), (class,))?.cast_into::<Message>()?)
}

/// Makes a text part of a message that has no content yet.
fn set_text<'py>(
    message: &Bound<'py, Message>,
    argument: &str,
    text: &Bound<'py, PyAny>,
    subtype: &str,
    charset: Option<&str>,
) -> PyResult<()> {
    let py = message.py();
    let Ok(text) = text.cast::<PyString>() else {
        let kind = text.get_type().name()?;
        let message = format!("{argument}: a str is wanted, not {kind}; bytes make an attachment");
        return Err(PyTypeError::new_err(message));
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
    let is_usual = subtype == "plain" && charset.is_none();
    if !is_usual {
        token("subtype", subtype)?;
        token("charset", charset.unwrap_or("utf-8"))?;
    }
    let charset = charset.unwrap_or("utf-8");
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
    let body = if is_utf8 {
        match Bytes::of_text(text)? {
            plain @ Bytes::Str(_) => plain,
            _ => {
                let message = format!("{argument}: contains surrogates, which are no characters");
                return Err(PyValueError::new_err(message));
            }
        }
    } else {
        Bytes::of_buffer(&text.call_method1("encode", (charset,))?)?
    };
    let encoding = transfer::choose_for_text(body.as_ref());
    // In another character set the text itself may be more than that.
    let is_seven_bit = encoding.is_none() && is_utf8;
    let payload = match encoding {
        None => Payload::Object(text.clone().into_any().unbind()),
        Some(Encoding::Base64) => {
            // In Base64, text has CRLF line ends (RFC 2045 section 6.8).
            let plain = text.to_str().ok().and_then(transfer::canonical);
            match plain.filter(|_| is_utf8) {
                Some(canonical) => Payload::Deferred(Bytes::Owned(canonical), Encoding::Base64),
                None => Payload::Deferred(body, Encoding::Base64),
            }
        }
        Some(encoding) => Payload::Deferred(body, encoding),
    };
    let kind = is_usual.then(|| intern!(py, "text/plain; charset=\"utf-8\""));
    let version = (intern!(py, "MIME-Version"), intern!(py, "1.0"));
    let encoding = match encoding {
        None => intern!(py, "7bit"),
        Some(Encoding::Base64) => intern!(py, "base64"),
        Some(Encoding::QuotedPrintable) => intern!(py, "quoted-printable"),
    };
    let encoding = (intern!(py, "Content-Transfer-Encoding"), encoding);
    let name = intern!(py, "Content-Type");
    match (kind, fields::contains(message, "mime-version")) {
        (Some(kind), false) => fields::push_short(message, [version, (name, kind), encoding]),
        (Some(kind), true) => fields::push_short(message, [(name, kind), encoding]),
        (None, is_there) => {
            if !is_there {
                fields::push_short(message, [version]);
            }
            let kind = format!("text/{subtype}; charset=\"{}\"", charset.to_ascii_lowercase());
            fields::push(message, name.clone(), PyString::new(py, &kind).into_any());
            fields::push_short(message, [encoding]);
        }
    }
    content::store(message, payload);
    if is_seven_bit {
        let known = text.clone().unbind();
        message.get().with(py, |state| state.seven_bit = Some(known));
    }
    Ok(())
}

/// Makes a message a multipart; what it contained becomes the first part.
pub(crate) fn make_multipart(message: &Bound<'_, Message>, subtype: &str) -> PyResult<()> {
    let py = message.py();
    let part = blank(py)?;
    let has_content = message.get().with(py, |s| !matches!(s.payload, Payload::Nothing));
    let inner = fields::take(message, |field| {
        let name = field.name.bind(py).to_string_lossy();
        name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
    });
    fields::change(&part, |fields| *fields = inner);
    let (payload, seven_bit) =
        message.get().with(py, |state| (std::mem::take(&mut state.payload), state.seven_bit.take()));
    content::store(&part, payload);
    part.get().with(py, |state| state.seven_bit = seven_bit);
    let parts = if has_content { PyList::new(py, [part])? } else { PyList::empty(py) };
    content::store(message, Payload::Object(parts.into_any().unbind()));
    fields::push(
        message,
        PyString::new(py, "Content-Type"),
        PyString::new(py, &format!("multipart/{subtype}")).into_any(),
    );
    Ok(())
}
