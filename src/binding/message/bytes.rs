//! Text and bytes borrowed from Python objects, which they keep alive.

use crate::binding::argument::wanted;
use crate::message::rope::Rope;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyMemoryView, PyString};
use std::sync::Arc;

#[allow(clippy::enum_variant_names, reason = "as Python names its types")]
pub(crate) enum Bytes {
    Str(PyBackedStr),
    Raw(PyBackedBytes),
    Owned(Vec<u8>),
    /// What another rope has kept at this place.
    Kept(Arc<Rope<Bytes>>, usize),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Str(text) => text.as_bytes(),
            Bytes::Raw(bytes) => bytes,
            Bytes::Owned(bytes) => bytes,
            Bytes::Kept(rope, place) => rope.kept_octets(*place),
        }
    }
}

impl Bytes {
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Bytes::Str(text) => Bytes::Str(text.clone_ref(py)),
            Bytes::Raw(bytes) => Bytes::Raw(bytes.clone_ref(py)),
            Bytes::Owned(bytes) => Bytes::Owned(bytes.clone()),
            Bytes::Kept(rope, place) => Bytes::Kept(Arc::clone(rope), *place),
        }
    }

    /// The text in UTF-8; surrogates (PEP 383) become the bytes they stand for.
    pub fn of_text(text: &Bound<'_, PyString>) -> PyResult<Self> {
        if let Ok(plain) = PyBackedStr::try_from(text.clone()) {
            return Ok(Bytes::Str(plain));
        }
        let escaped = text.call_method1("encode", ("utf-8", "surrogateescape"))?;
        Ok(Bytes::Raw(escaped.cast_into::<PyBytes>()?.into()))
    }

    /// Whether the object has a buffer. `bytes(5)` would make five octets of a number.
    pub fn are(object: &Bound<'_, PyAny>) -> bool {
        object.is_instance_of::<PyBytes>() || PyMemoryView::from(object).is_ok()
    }

    /// The bytes of any object that has a buffer; a `bytes` object isn't copied. TypeError for others: a
    /// file would be read by lines, and a dict would be empty.
    pub fn of_buffer(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        match object.cast::<PyBytes>() {
            Ok(bytes) => Ok(Bytes::Raw(bytes.clone().into())),
            Err(_) => {
                let Ok(view) = PyMemoryView::from(object) else {
                    return Err(wanted("payload", "a str or bytes", object));
                };
                let copy = object.py().get_type::<PyBytes>().call1((view,))?;
                Ok(Bytes::Raw(copy.cast_into::<PyBytes>()?.into()))
            }
        }
    }

    /// As a `bytes` object: the one that was given, where it was one.
    pub fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        match self {
            Bytes::Raw(bytes) => match bytes.into_pyobject(py) {
                Ok(bytes) => bytes,
                Err(never) => match never {},
            },
            other => PyBytes::new(py, other.as_ref()),
        }
    }

    /// A `str` of ASCII characters and surrogates.
    pub fn to_escaped_str<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.as_ref().is_ascii()
            && let Ok(text) = std::str::from_utf8(self.as_ref())
        {
            return Ok(PyString::new(py, text).into_any());
        }
        self.to_bytes(py).call_method1("decode", ("ascii", "surrogateescape"))
    }
}
