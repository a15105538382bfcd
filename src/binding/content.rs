//! Functions that `rsmtp._content` uses to build content.

use crate::render::{html, markdown};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The text that says what this HTML says.
#[pyfunction]
pub fn text_of_html(py: Python<'_>, html: &str) -> PyResult<String> {
    py.detach(|| html::text(html)).map_err(|html::TooDeep| {
        PyValueError::new_err("html: its elements are nested too deeply for a text to be made from it")
    })
}

/// A page of HTML that shows this Markdown, in the language that a tag names.
#[pyfunction]
#[pyo3(signature = (text, language = None))]
pub fn html_of_markdown(py: Python<'_>, text: &str, language: Option<&str>) -> String {
    py.detach(|| markdown::page(text, language))
}
