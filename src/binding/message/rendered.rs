//! A message on its way out: a rope as the content of a mail transaction.

use super::bytes::Bytes;
use super::output;
use crate::message::rope::{Piece, Rope};
use crate::message::rope_reader::Reader;
use crate::message::stored::ReadError;
use crate::protocol::mail_data::CanonicalSize;
use crate::protocol::{Body, Content, Pieces, Unreadable};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// A message as it travels, whose large bodies are encoded, and whose files are
/// read, while it is sent. `len()` is its size, `bytes()` the whole of it.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub(crate) struct RenderedMessage(Arc<Rope<Bytes>>);

impl RenderedMessage {
    pub fn new(rope: Rope<Bytes>) -> Self {
        RenderedMessage(Arc::new(rope))
    }
}

#[pymethods]
impl RenderedMessage {
    fn __len__(&self) -> usize {
        self.0.len() as usize
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        output::whole(py, &self.0)
    }
}

/// Mail data content as Python gives it: `bytes`, or a [`RenderedMessage`].
#[derive(FromPyObject)]
pub(crate) enum MailData {
    Whole(PyBackedBytes),
    Rendered(Py<RenderedMessage>),
}

impl From<MailData> for Body {
    fn from(given: MailData) -> Body {
        match given {
            MailData::Whole(octets) => Body::new(octets),
            MailData::Rendered(message) => Body::on_demand(MailContent(Arc::clone(&message.get().0))),
        }
    }
}

struct MailContent(Arc<Rope<Bytes>>);

impl Content for MailContent {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn canonical_size(&self) -> u64 {
        let mut size = CanonicalSize::default();
        for piece in self.0.pieces() {
            match piece {
                Piece::Exactly(octets) => size.count(octets),
                encoded => size.count_canonical(encoded.len()),
            }
        }
        size.octets()
    }

    fn is_ascii(&self) -> bool {
        self.0.pieces().all(|piece| match piece {
            Piece::Exactly(octets) => octets.is_ascii(),
            Piece::Base64(..) | Piece::Stored(..) => true,
        })
    }

    fn open(self: Arc<Self>) -> Result<Box<dyn Pieces>, Unreadable> {
        Ok(Box::new(MailPieces(Reader::new(Arc::clone(&self.0)))))
    }
}

struct MailPieces(Reader<Bytes>);

impl Pieces for MailPieces {
    fn next(&mut self, most: usize) -> Result<&[u8], Unreadable> {
        self.0.read(most).map_err(unreadable)
    }
}

fn unreadable(failed: ReadError) -> Unreadable {
    let message = format!("an attachment could not be read while it was being sent: {failed}");
    let os_error = failed.error.raw_os_error();
    let cause = failed.error.downcast::<PyErr>().ok().map(|raised| Arc::new(raised) as _);
    Unreadable { message, os_error, cause }
}
