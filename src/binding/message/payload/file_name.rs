//! File names as Python represents them: octets that can't be decoded are surrogates (PEP 383).

use crate::message::file_name;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// The name as a message says it.
pub(crate) fn readable(name: &Bound<'_, PyString>) -> PyResult<String> {
    if let Ok(text) = name.to_str() {
        return Ok(text.to_owned());
    }
    match name.call_method1("encode", ("utf-8", "surrogateescape")) {
        Ok(octets) => Ok(file_name::readable(octets.cast::<PyBytes>()?.as_bytes())),
        // Windows allows a name that has half a UTF-16 character.
        Err(_) => {
            let octets = name.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
            octets.call_method1("decode", ("utf-16-le", "replace"))?.extract()
        }
    }
}
