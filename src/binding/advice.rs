//! Advice about an error, in words for a Python programmer. The engine supplies the kind of
//! advice, and `rsmtp._common.hints` has the words.

use crate::protocol::error::Advice;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What happened, and behind it what to do.
pub fn told(py: Python<'_>, message: &str, advice: Option<Advice>) -> PyResult<String> {
    static TOLD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match advice {
        Some(advice) => {
            TOLD.import(py, "rsmtp._common.hints", "told")?.call1((message, advice.name()))?.extract()
        }
        None => Ok(message.to_owned()),
    }
}

/// A ValueError that carries the kind of advice, as the errors of a conversation do.
pub fn value_error(py: Python<'_>, message: &str, advice: Option<Advice>) -> PyErr {
    let error = told(py, message, advice).map(pyo3::exceptions::PyValueError::new_err);
    let error = error.unwrap_or_else(|failed| failed);
    if let Some(advice) = advice {
        // Advice only helps the command line. Failing to attach it must not raise another error.
        let _ = error.value(py).setattr("_advice", advice.name());
    }
    error
}
