//! The names of `Message`'s arguments, for the sentence about one that is misspelt.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

/// Those of header fields that `rsmtp._content.keywords` writes.
pub(crate) const FIELDS: [&str; 13] = [
    "sender",
    "date",
    "message_id",
    "in_reply_to",
    "priority",
    "read_receipt",
    "unsubscribe",
    "list_id",
    "auto_submitted",
    "feedback_id",
    "tags",
    "metadata",
    "provider",
];

const NAMES: [&str; 19] = [
    "text",
    "subtype",
    "charset",
    "subject",
    "from_",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "html",
    "markdown",
    "inline",
    "inline_from",
    "css",
    "attachments",
    "calendar",
    "headers",
    "policy",
    "local",
];

/// Raises TypeError for an argument that `Message` does not have, with the name that may be
/// meant. A subclass whose constructor is its own decides for itself.
pub(crate) fn check(class: &Bound<'_, PyType>, given: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = class.py();
    for (name, _) in given {
        let Ok(text) = name.cast::<PyString>() else { continue };
        if text.to_str().is_ok_and(|text| NAMES.contains(&text) || FIELDS.contains(&text)) {
            continue;
        }
        let message = py.get_type::<super::message::Message>();
        let ours = message.getattr("__init__")?;
        if !class.getattr("__init__")?.is(&ours) {
            return Ok(());
        }
        let class = class.name()?;
        let made =
            py.import("rsmtp._common.arguments")?.call_method1("unexpected", (class, text, message))?;
        return Err(PyErr::from_value(made));
    }
    Ok(())
}
