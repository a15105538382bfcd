//! Remembers the text from which a parser read a message, for as long as the message is unchanged.
//!
//! A signature covers the exact octets, including folds, blanks and the line on which a value
//! begins. So a signed part, or a message within another one, is written exactly as it was read,
//! as long as it is unchanged. This is checked when it is written: the fields, the payload and the
//! parts must be the same objects.

use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::state::{Field, Payload},
    fields,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use std::ops::Range;
use std::sync::Arc;

pub(crate) struct Origin {
    text: Py<PyBytes>,
    head: Range<usize>,
    body: Range<usize>,
    fields: Vec<Field>,
    payload: Option<Py<PyAny>>,
    parts: Vec<Py<PyAny>>,
    preamble: Option<Py<PyAny>>,
    epilogue: Option<Py<PyAny>>,
}

impl Origin {
    /// The message is what is read from there, now.
    pub fn keep<'py>(
        message: &Bound<'py, Message>,
        text: Bound<'py, PyBytes>,
        begin: usize,
        body: usize,
        end: usize,
    ) {
        let py = message.py();
        let end = end.min(text.as_bytes().len());
        let body = body.min(end);
        let fields = fields::snapshot(message);
        let clone = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.clone_ref(py));
        let old = message.get().with(py, |state| {
            let payload = match &state.payload {
                Payload::Object(object) => Some(object.clone_ref(py)),
                _ => None,
            };
            let origin = Origin {
                text: text.unbind(),
                head: begin.min(body)..body,
                body: body..end,
                fields,
                parts: payload.as_ref().map(|payload| parts(payload.bind(py))).unwrap_or_default(),
                payload,
                preamble: clone(&state.preamble),
                epilogue: clone(&state.epilogue),
            };
            state.origin.replace(Arc::new(origin))
        });
        drop(old);
    }

    /// The origin of a message that has not been changed.
    pub fn of(message: &Bound<'_, Message>) -> Option<Arc<Origin>> {
        let py = message.py();
        let origin = message.get().with(py, |state| state.origin.clone())?;
        origin.is_current(message).then_some(origin)
    }

    fn is_current(&self, message: &Bound<'_, Message>) -> bool {
        let py = message.py();
        let is_same = |one: &Option<Py<PyAny>>, other: &Option<Py<PyAny>>| match (one, other) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        let same_fields = fields::read(message, |fields| {
            fields.len() == self.fields.len()
                && fields
                    .iter()
                    .zip(&self.fields)
                    .all(|(now, then)| now.value.is(&then.value) && now.name.is(&then.name))
        });
        let same_payload = message.get().with(py, |state| {
            let payload = match &state.payload {
                Payload::Object(object) => Some(object.clone_ref(py)),
                Payload::Nothing => None,
                _ => return false,
            };
            is_same(&payload, &self.payload)
                && is_same(&state.preamble, &self.preamble)
                && is_same(&state.epilogue, &self.epilogue)
        });
        if !same_fields || !same_payload {
            return false;
        }
        let now = self.payload.as_ref().map(|payload| parts(payload.bind(py))).unwrap_or_default();
        now.len() == self.parts.len()
            && now.iter().zip(&self.parts).all(|(now, then)| now.is(then))
            && self
                .parts
                .iter()
                .all(|part| part.bind(py).cast::<Message>().is_ok_and(|part| Origin::of(part).is_some()))
    }

    /// The fields, each with its line end, and the empty line.
    pub fn head<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        &self.text.bind(py).as_bytes()[self.head.clone()]
    }

    pub fn body(&self, py: Python<'_>) -> Bytes {
        Bytes::Owned(self.text.bind(py).as_bytes()[self.body.clone()].to_vec())
    }

    pub fn is_ascii(&self, py: Python<'_>) -> bool {
        self.text.bind(py).as_bytes()[self.head.start..self.body.end].is_ascii()
    }

    /// What [`Origin::keep`] takes.
    pub fn to_tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (&self.text, self.head.start, self.body.start, self.body.end).into_pyobject(py)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.fields.iter().try_for_each(|field| visit.call(&field.value))?;
        self.parts.iter().try_for_each(|part| visit.call(part))?;
        visit.call(&self.payload)
    }
}

fn parts(payload: &Bound<'_, PyAny>) -> Vec<Py<PyAny>> {
    payload.cast::<PyList>().map(|list| list.iter().map(Bound::unbind).collect()).unwrap_or_default()
}
