//! From a rope to a Python object, copied once.

use crate::binding::message::{
    bytes::Bytes,
    output::{
        rendered::{RenderedMessage, in_short_lines},
        room,
    },
    payload::file::read_error,
};
use crate::message::rope::Rope;
use crate::protocol::Body;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

pub(crate) fn to_bytes(py: Python<'_>, mut rope: Rope<Bytes>) -> PyResult<Bound<'_, PyBytes>> {
    let bytes = if rope.is_gathered() { PyBytes::new(py, rope.text()) } else { whole(py, &rope)? };
    room::kept(rope.into_room());
    Ok(bytes)
}

/// Everything, which is in memory then.
pub(crate) fn whole<'py>(py: Python<'py>, rope: &Rope<Bytes>) -> PyResult<Bound<'py, PyBytes>> {
    // A Python object can't be larger than this.
    let octets = isize::try_from(rope.len()).map_err(|_| PyMemoryError::new_err(()))?;
    PyBytes::new_with(py, octets.unsigned_abs(), |out| {
        py.detach(|| rope.write_to(out)).map_err(|failed| read_error(py, failed))
    })
}

/// What is sent: `bytes` where that is all there is to it, otherwise something that
/// makes them piece by piece, or that a server may not be able to take as it is.
pub(crate) fn to_send(py: Python<'_>, rope: Rope<Bytes>) -> PyResult<Bound<'_, PyAny>> {
    Sendable::from(rope).into_object(py)
}

/// The same before it is an object of Python's.
pub(crate) enum Sendable {
    Octets(Vec<u8>),
    Rendered(RenderedMessage),
}

impl From<Rope<Bytes>> for Sendable {
    fn from(rope: Rope<Bytes>) -> Self {
        let mut rope = in_short_lines(rope);
        if rope.is_gathered() && rope.is_ascii() {
            Sendable::Octets(std::mem::take(rope.text()))
        } else {
            Sendable::Rendered(RenderedMessage::new(rope))
        }
    }
}

impl Sendable {
    /// What nothing may change any more.
    pub fn signed(mut rope: Rope<Bytes>) -> Self {
        match rope.is_gathered() {
            true => Sendable::Octets(std::mem::take(rope.text())),
            false => Sendable::Rendered(RenderedMessage::new(rope)),
        }
    }

    /// The content of a transaction that may send it as binary.
    pub fn for_binary(self) -> Body {
        match self {
            Sendable::Octets(octets) => {
                let mut rope = Rope::new();
                rope.push_body(Bytes::Owned(octets));
                RenderedMessage::new(rope).body()
            }
            rendered => rendered.into(),
        }
    }

    pub fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Sendable::Octets(octets) => Ok(PyBytes::new(py, &octets).into_any()),
            Sendable::Rendered(message) => Ok(Bound::new(py, message)?.into_any()),
        }
    }
}

impl From<Sendable> for Body {
    fn from(content: Sendable) -> Body {
        match content {
            Sendable::Octets(octets) => Body::new(octets),
            Sendable::Rendered(message) => message.body(),
        }
    }
}

pub(crate) fn to_string(py: Python<'_>, mut rope: Rope<Bytes>) -> PyResult<Bound<'_, PyAny>> {
    if rope.is_gathered() {
        let text = decoded(py, rope.text());
        room::kept(rope.into_room());
        return text;
    }
    decoded(py, &py.detach(|| rope.into_vec()).map_err(|failed| read_error(py, failed))?)
}

fn decoded<'py>(py: Python<'py>, octets: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => PyBytes::new(py, octets).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}
