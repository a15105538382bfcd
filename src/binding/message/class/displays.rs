//! How a message shows itself. What is shown is made by `rsmtp.display`, which is
//! loaded when it is first asked for.

use crate::binding::argument::none_unknown;
use crate::binding::message::Message;
use pyo3::prelude::*;
use pyo3::types::PyDict;

mod given {
    crate::binding::argument::arguments! {
        browser: flag -> bool;
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

    /// Show the mail as its reader will see it in the browser; the path of the page.
    ///
    /// The page is a file of its own in the directory for temporary files, readable
    /// by you alone, and stays there. Where there is no browser, standard error says
    /// where the page is. `browser=False` only writes it.
    #[pyo3(signature = (*, browser: "bool" = true, **unknown: "typing.Never") -> "pathlib.Path",
        text_signature = "($self, *, browser=True)")]
    fn preview<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::browser)] browser: bool,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        none_unknown("preview", &slf.getattr("preview")?, unknown)?;
        slf.py().import("rsmtp.display.preview")?.call_method1("preview", (slf, browser))
    }
}
