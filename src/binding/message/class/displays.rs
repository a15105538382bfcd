//! How a message shows itself. What is shown is made by `rsmtp.display`, which is
//! loaded when it is first asked for.

use crate::binding::argument::none_unknown;
use crate::binding::message::Message;
use pyo3::prelude::*;
use pyo3::types::PyDict;

mod given {
    crate::binding::argument::arguments! {
        remote: flag -> bool;
    }
}

crate::binding::display::displayed!(
    Message,
    "rsmtp.display.message",
    "bundle",
    "For notebooks: the mail as its reader will see it. HTML stands in a frame in\nwhich no script runs and nothing is loaded from elsewhere."
);

#[pymethods]
impl Message {
    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("rsmtp.display.short")?.call_method1("message", (slf,))
    }

    /// One look before it goes: the mail on a desktop and on a phone, as plain text, in dark mode
    /// and without its pictures, and what is attached.
    ///
    /// In a notebook the result shows itself, as the message does; `.open()` opens it in the
    /// browser, `.save(path)` writes it. Nothing in it runs, and nothing is loaded from
    /// elsewhere, unless `remote=True` asks for the pictures of `https:` addresses.
    #[pyo3(signature = (*, remote: "bool" = false, **unknown: "typing.Never") -> "rsmtp.MessagePreview",
        text_signature = "($self, *, remote=False)")]
    fn preview<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::remote)] remote: bool,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        none_unknown("preview", &slf.getattr("preview")?, unknown)?;
        slf.py().import("rsmtp.display.preview")?.call_method1("MessagePreview", (slf, remote))
    }
}
