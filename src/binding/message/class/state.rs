//! What a message object holds.
//!
//! Header values and payloads stay the Python objects they were given as: reading
//! one back gives the same object, and rendering borrows from them. Content that a
//! constructor was asked to encode is kept raw and encoded while it is rendered,
//! and kept encoded only if a caller asks for the encoded text. Files are read each time.

use crate::address::Mailbox;
use crate::binding::message::{
    bytes::Bytes,
    class::{Origin, style::Style},
    payload::file::Source,
};
use crate::message::transfer::Encoding;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct State {
    pub policy: Option<Py<PyAny>>,
    pub style: Option<Arc<Style>>,
    /// The header fields; `fields.rs` alone reads and writes them.
    pub fields: Vec<Field>,
    /// The list of (name, value) tuples that a program holds: the fields are in it.
    pub live: Option<Py<PyList>>,
    pub payload: Payload,
    /// The payload, if it is a text that was found to be 7-bit lines when it was given.
    pub seven_bit: Option<Py<PyString>>,
    pub charset: Option<Py<PyAny>>,
    pub preamble: Option<Py<PyAny>>,
    pub epilogue: Option<Py<PyAny>>,
    pub unixfrom: Option<Py<PyAny>>,
    pub default_type: Option<Py<PyAny>>,
    pub defects: Option<Py<PyList>>,
    /// What it was read from.
    pub origin: Option<Arc<Origin>>,
    /// Date and Message-ID as they were supplied when the message was sent: name and value.
    pub supplied: Vec<(Py<PyString>, Py<PyString>)>,
}

impl State {
    /// The state of a copy with these fields.
    pub fn copied(&self, py: Python<'_>, fields: Vec<Field>) -> Self {
        let object = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.clone_ref(py));
        State {
            policy: object(&self.policy),
            style: self.style.clone(),
            fields,
            live: None,
            payload: self.payload.clone_ref(py),
            seven_bit: None,
            charset: object(&self.charset),
            preamble: object(&self.preamble),
            epilogue: object(&self.epilogue),
            unixfrom: object(&self.unixfrom),
            default_type: object(&self.default_type),
            defects: self.defects.as_ref().map(|defects| defects.clone_ref(py)),
            origin: None,
            // This state is only for rendering. It has its final fields, even if something else in
            // it changes.
            supplied: Vec::new(),
        }
    }
}

pub(crate) struct Field {
    pub name: Py<PyString>,
    /// The length of the name in UTF-8, by which most names differ already.
    octets: usize,
    pub value: Py<PyAny>,
    /// The one address that the value is, as it was read when the field was set.
    pub mailbox: Option<Mailbox>,
    /// It was found to be in order when it was set, and [`field_fold::is_short`](crate::message::field_fold::is_short).
    pub is_short: bool,
}

impl Field {
    pub fn new(name: Bound<'_, PyString>, value: Bound<'_, PyAny>) -> Self {
        let octets = name.to_str().map_or_else(|_| name.to_string_lossy().len(), str::len);
        Field { name: name.unbind(), octets, value: value.unbind(), mailbox: None, is_short: false }
    }

    pub fn with_mailbox(self, mailbox: Option<Mailbox>) -> Self {
        Field { mailbox, ..self }
    }

    pub fn short(self, is_short: bool) -> Self {
        Field { is_short, ..self }
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        let mailbox = self.mailbox.clone();
        Field { name: self.name.clone_ref(py), value: self.value.clone_ref(py), mailbox, ..*self }
    }

    /// Field names are compared without regard to case (RFC 5322 section 1.2.2).
    #[inline]
    pub fn is_named(&self, py: Python<'_>, name: &str) -> bool {
        self.octets == name.len() && self.reads(py, name)
    }

    fn reads(&self, py: Python<'_>, name: &str) -> bool {
        match self.name.bind(py).to_str() {
            Ok(own) => own.eq_ignore_ascii_case(name),
            Err(_) => self.name.bind(py).to_string_lossy().eq_ignore_ascii_case(name),
        }
    }
}

#[derive(Default)]
pub(crate) enum Payload {
    #[default]
    Nothing,
    /// A string, a list of parts, or whatever else a program puts there.
    Object(Py<PyAny>),
    /// Raw bytes. To Python it is a `str` of ASCII and surrogates.
    Raw(Bytes),
    /// Bytes still to be encoded. To Python it is the encoded `str`.
    Deferred(Bytes, Encoding),
    /// A file, still to be read and encoded in base64. To Python it is the encoded
    /// `str`, of what the file has in it when it is asked for.
    File(Source),
}

impl Payload {
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Payload::Nothing => Payload::Nothing,
            Payload::Object(object) => Payload::Object(object.clone_ref(py)),
            Payload::Raw(bytes) => Payload::Raw(bytes.clone_ref(py)),
            Payload::File(source) => Payload::File(source.clone_ref(py)),
            Payload::Deferred(bytes, encoding) => Payload::Deferred(bytes.clone_ref(py), *encoding),
        }
    }

    pub fn from_object(object: Bound<'_, PyAny>) -> Self {
        if object.is_none() { Payload::Nothing } else { Payload::Object(object.unbind()) }
    }
}
