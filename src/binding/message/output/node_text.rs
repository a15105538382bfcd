//! The content of an entity without parts: a body that can go out as it is, or has to be encoded.

use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::{state::Payload, style::Family},
    fields::{self, modern, params},
    output::node::Node,
    payload::content,
};
use crate::message::render::{Content, Rules};
use crate::message::transfer;
use pyo3::exceptions::{PyLookupError, PyTypeError, PyUnicodeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

impl<'py> Node<'_, 'py> {
    pub(super) fn text(&self, is_text: bool, rules: &Rules) -> PyResult<Content<Self>> {
        let py = self.message.py();
        let is_modern = self.context.style.family == Family::Modern;
        match self.payload() {
            Payload::Nothing => Ok(Content::Nothing),
            Payload::Deferred(bytes, encoding) => Ok(Content::Encoded(bytes, encoding)),
            Payload::File(source) => Ok(Content::Stored(source.stored(py)?)),
            Payload::Raw(bytes) if is_modern => self.safe(bytes, is_text, rules),
            Payload::Raw(bytes) if bytes.as_ref().is_ascii() => Ok(Content::Text(bytes)),
            Payload::Raw(bytes) if takes_octets(rules) => Ok(octets(bytes, is_text)),
            Payload::Raw(bytes) => {
                let escaped = bytes.to_escaped_str(py)?;
                self.encoded(escaped.cast::<PyString>()?, rules)
            }
            Payload::Object(object) => {
                let object = object.bind(py);
                let Ok(text) = object.cast::<PyString>() else {
                    let kind = object.get_type();
                    return Err(PyTypeError::new_err(format!("string payload expected: {}", kind.str()?)));
                };
                match Bytes::of_text(text)? {
                    bytes if is_modern && self.is_seven_bit(text) => Ok(Content::Text(bytes)),
                    bytes if is_modern => self.safe(bytes, is_text, rules),
                    bytes @ Bytes::Str(_) => {
                        if rules.binary && !bytes.as_ref().is_ascii() {
                            // Raises Python's own error about the text.
                            text.call_method1("encode", ("ascii",))?;
                        }
                        Ok(Content::Text(bytes))
                    }
                    bytes if takes_octets(rules) => Ok(octets(bytes, is_text)),
                    _ => self.encoded(text, rules),
                }
            }
        }
    }

    /// Whether this text is known to be 7-bit lines.
    fn is_seven_bit(&self, text: &Bound<'py, PyString>) -> bool {
        self.message
            .get()
            .with(text.py(), |state| state.seven_bit.as_ref().is_some_and(|known| known.is(text)))
    }

    /// Text that carries raw bytes, where they can't go out as they are: it is encoded,
    /// which takes a copy of the message, with other fields.
    fn encoded(&self, text: &Bound<'py, PyString>, rules: &Rules) -> PyResult<Content<Self>> {
        let py = self.message.py();
        if rules.binary
            && let Some(repaired) = self.repaired(Bytes::of_text(text)?.as_ref())?
        {
            return Ok(Content::Text(repaired));
        }
        let charset = params::get(&self.message, "charset", "content-type", true)?;
        let Some(charset) = charset else {
            return readable(&self.message, rules);
        };
        // The copy has the same class, because a subclass may handle payloads in its own way.
        let copy = py.import("copy")?.call_method1("copy", (&self.message,))?;
        let copy = copy.cast_into::<Message>()?;
        copy.del_item("Content-Transfer-Encoding")?;
        if let Err(error) = copy.call_method1("set_payload", (text, charset)) {
            let is_unknown =
                error.is_instance_of::<PyLookupError>(py) || error.is_instance_of::<PyUnicodeError>(py);
            // Text that can't be encoded is still shown in readable form.
            return if is_unknown && !rules.binary { readable(&self.message, rules) } else { Err(error) };
        }
        // The original's fields, in their order, with the copy's new values.
        let cte = fields::get(&copy, "content-transfer-encoding")?;
        let kind = fields::get(&copy, "content-type")?;
        fields::set_raw_list(&copy, fields::raw_list(&self.message)?.as_any())?;
        if let Some(cte) = cte {
            if fields::contains(&copy, "content-transfer-encoding") {
                fields::replace(&copy, "content-transfer-encoding", &cte)?;
            } else {
                copy.set_item("Content-Transfer-Encoding", cte)?;
            }
        }
        if let Some(kind) = kind {
            fields::replace(&copy, "content-type", &kind)?;
        }
        let node = Node { message: copy, ..*self };
        let content = match node.payload() {
            Payload::Deferred(bytes, encoding) => Content::Encoded(bytes, encoding),
            // The charset doesn't encode bodies.
            _ => readable(&node.message, rules)?,
        };
        Ok(Content::Instead(Box::new(node), Box::new(content)))
    }

    /// A body that is encoded already, but for some octets.
    fn repaired(&self, body: &[u8]) -> PyResult<Option<Bytes>> {
        if body.is_ascii() {
            return Ok(None);
        }
        let cte = fields::get_text(&self.message, "content-transfer-encoding")?.unwrap_or_default();
        Ok(match cte.trim().to_ascii_lowercase().as_str() {
            "quoted-printable" => Some(Bytes::Owned(transfer::repaired_quoted_printable(body, "\n"))),
            "base64" => Some(Bytes::Owned(transfer::repaired_base64(body, "\n"))),
            _ => None,
        })
    }

    /// A body of ours: encoded unless it can go out as it is, or has to.
    fn safe(&self, bytes: Bytes, is_text: bool, rules: &Rules) -> PyResult<Content<Self>> {
        if rules.sealed {
            return Ok(octets(bytes, is_text));
        }
        if let Some(repaired) = self.repaired(bytes.as_ref())? {
            return Ok(Content::Text(repaired));
        }
        let cte = fields::get_text(&self.message, "content-transfer-encoding")?;
        let (copy, content) = modern::made_safe(&self.message, bytes, cte.as_deref())?;
        match copy {
            None => Ok(into_content(content)),
            Some(copy) => {
                let node = Node { message: copy, ..*self };
                Ok(Content::Instead(Box::new(node), Box::new(into_content(content))))
            }
        }
    }
}

/// Whether raw bytes go out as they are.
pub(super) fn takes_octets(rules: &Rules) -> bool {
    rules.binary && !rules.seven_bit
}

fn octets<'a, 'py>(bytes: Bytes, is_text: bool) -> Content<Node<'a, 'py>> {
    let is_text = is_text && !bytes.as_ref().contains(&0);
    if is_text || bytes.as_ref().is_ascii() { Content::Text(bytes) } else { Content::Octets(bytes) }
}

/// The payload as text. What can't be read is replaced where the output is text, and
/// Python's own words for it are raised where it is bytes: nothing else would say it.
fn readable<'a, 'py>(message: &Bound<'py, Message>, rules: &Rules) -> PyResult<Content<Node<'a, 'py>>> {
    let text = content::get(message, None, false)?;
    let text = text.cast::<PyString>()?;
    if rules.binary {
        text.call_method1("encode", ("ascii", "surrogateescape"))?;
    }
    Ok(Content::Text(Bytes::of_text(text)?))
}

fn into_content<'a, 'py>(content: modern::Safe) -> Content<Node<'a, 'py>> {
    match content {
        modern::Safe::Text(bytes) => Content::Text(bytes),
        modern::Safe::Encoded(bytes, encoding) => Content::Encoded(bytes, encoding),
    }
}
