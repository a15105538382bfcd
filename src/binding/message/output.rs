//! From a rope to a Python object, copied once.

use super::bytes::Bytes;
use crate::message::rope::Rope;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

pub(crate) fn to_bytes<'py>(py: Python<'py>, mut rope: Rope<Bytes>) -> PyResult<Bound<'py, PyBytes>> {
    if rope.is_gathered() {
        return Ok(PyBytes::new(py, rope.text()));
    }
    PyBytes::new_with(py, rope.len(), |out| {
        py.detach(|| rope.write_to(out));
        Ok(())
    })
}

pub(crate) fn to_string<'py>(py: Python<'py>, mut rope: Rope<Bytes>) -> PyResult<Bound<'py, PyAny>> {
    let written;
    let bytes = if rope.is_gathered() {
        &*rope.text()
    } else {
        written = py.detach(|| rope.into_vec());
        &written
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}
