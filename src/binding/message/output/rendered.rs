//! A rendered message: a rope that is the content of a mail transaction. Its text no longer
//! changes. If a server can't take some of it, that part is re-encoded while the rope is read
//! (`message::downgrade`).

use crate::binding::error::to_python;
use crate::binding::message::{bytes::Bytes, output::object};
use crate::message::downgrade::{self, Aim, Edit, Unfit};
use crate::message::labels;
use crate::message::rope::reader::Reader;
use crate::message::rope::{Piece, Rope};
use crate::message::stored::ReadError;
use crate::message::text::lines_fit;
use crate::message::transfer::{LONGEST_LINE, is_seven_bit};
use crate::protocol::mail_data::CanonicalSize;
use crate::protocol::transaction;
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

    pub fn shared(rope: Arc<Rope<Bytes>>) -> Self {
        RenderedMessage(rope)
    }

    pub fn rope(&self) -> Arc<Rope<Bytes>> {
        Arc::clone(&self.0)
    }

    pub fn body(&self) -> Body {
        mail_body(self.rope())
    }
}

#[pymethods]
impl RenderedMessage {
    fn __len__(&self) -> usize {
        self.0.len() as usize
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        object::whole(py, &self.0)
    }

    fn __repr__(&self) -> String {
        format!("<RenderedMessage, {} octets>", self.0.len())
    }

    /// Whether both have the same octets.
    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else { return Ok(false) };
        let other = other.get();
        Ok(self.0.len() == other.0.len()
            && object::whole(py, &self.0)?.as_bytes() == object::whole(py, &other.0)?.as_bytes())
    }

    /// With all its octets, those of files included. Encoded parts stay encoded.
    #[pyo3(signature = () -> "tuple[typing.Any, ...]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let read = py.import("rsmtp._rsmtp")?.getattr("_rendered")?;
        let originals = self.0.originals().iter().map(|one| PyBytes::new(py, one.as_ref())).collect();
        Ok((read, (object::whole(py, &self.0)?, originals, self.0.has_utf8_fields(), true)))
    }

    /// The same for a server that does not offer 8BITMIME. Raises SMTPNotSupportedError
    /// for what is signed, and so has to stay as it is.
    #[pyo3(signature = () -> "bytes")]
    fn _in_seven_bits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.0.is_ascii() {
            return object::whole(py, &self.0);
        }
        let body = self.body();
        let body = transaction::in_seven_bits(&body).map_err(|error| to_python(py, &error))?.unwrap_or(body);
        let octets = py.detach(|| body.canonical());
        octets
            .map(|octets| PyBytes::new(py, &octets))
            .map_err(|unreadable| to_python(py, &unreadable.to_error()))
    }

    /// Whether a field of it is in UTF-8 (RFC 6532).
    #[getter]
    fn _has_utf8_fields(&self) -> bool {
        self.0.has_utf8_fields()
    }
}

type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>, bool, bool));

/// A message that another library has rendered, as it travels: where it is more than
/// ASCII in short lines, it may have to be re-encoded. `originals` are contents that are
/// no text, as they were before they were given line ends. `is_kept`: its parts may be asked for
/// without their encoding.
#[pyfunction(name = "_rendered")]
#[pyo3(signature = (octets, originals: "list[bytes]", has_utf8_fields: "bool", is_kept: "bool" = false) -> "bytes | RenderedMessage")]
pub(crate) fn rendered_elsewhere<'py>(
    octets: &Bound<'py, PyBytes>,
    originals: Vec<PyBackedBytes>,
    has_utf8_fields: bool,
    is_kept: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if !is_kept && is_seven_bit(octets.as_bytes()) {
        return Ok(octets.clone().into_any());
    }
    let mut rope = Rope::new();
    if has_utf8_fields {
        rope.note_utf8_fields();
    }
    rope.push_body(Bytes::of_buffer(octets.as_any())?);
    rope.remember(originals.into_iter().map(Bytes::Raw));
    match is_kept {
        true => Ok(Bound::new(octets.py(), RenderedMessage::new(in_short_lines(rope)))?.into_any()),
        false => object::to_send(octets.py(), rope),
    }
}

/// Says what it has to say in lines that SMTP carries, where it is not signed.
pub(crate) fn in_short_lines(rope: Rope<Bytes>) -> Rope<Bytes> {
    if rope.exact_pieces().all(|octets| lines_fit(octets, LONGEST_LINE)) {
        return rope;
    }
    match edits(&rope, Aim::ShortLines) {
        Ok(edits) if !edits.is_empty() => edited(&Arc::new(rope), &edits),
        _ => rope,
    }
}

/// Says of 8-bit content where it is.
pub(crate) fn labelled(rope: Rope<Bytes>, linesep: &str) -> Rope<Bytes> {
    let edits = labels::edits(&rope.exact(), linesep);
    if edits.is_empty() { rope } else { edited(&Arc::new(rope), &edits) }
}

/// In 7-bit lines; None: it is signed or encrypted, and has to stay as it is.
pub(crate) fn in_seven_bits(rope: &Arc<Rope<Bytes>>) -> Option<Arc<Rope<Bytes>>> {
    edits(rope, Aim::SevenBit).ok().map(|edits| Arc::new(edited(rope, &edits)))
}

/// As the content of a mail transaction.
pub(crate) fn mail_body(rope: Arc<Rope<Bytes>>) -> Body {
    Body::on_demand(MailContent(rope))
}

fn edits(rope: &Rope<Bytes>, aim: Aim) -> Result<Vec<Edit>, Unfit> {
    let originals: Vec<&[u8]> = rope.originals().iter().map(AsRef::as_ref).collect();
    downgrade::edits(&rope.exact(), aim, &originals)
}

fn edited(rope: &Arc<Rope<Bytes>>, edits: &[Edit]) -> Rope<Bytes> {
    let mut new = rope.edited(edits, |place| Bytes::Kept(Arc::clone(rope), place));
    new.remember(rope.originals().iter().map(|original| Bytes::Owned(original.as_ref().to_vec())));
    new
}

/// Mail data content as Python gives it: `bytes`, or a [`RenderedMessage`].
#[derive(FromPyObject)]
pub(crate) enum MailData {
    Whole(PyBackedBytes),
    Rendered(Py<RenderedMessage>),
}

impl MailData {
    /// Whether a field that was rendered is in UTF-8 (RFC 6532). Nothing is known about the caller's
    /// octets.
    pub fn has_utf8_fields(&self) -> bool {
        matches!(self, MailData::Rendered(message) if message.get().0.has_utf8_fields())
    }
}

impl From<MailData> for Body {
    fn from(given: MailData) -> Body {
        match given {
            MailData::Whole(octets) => Body::new(octets),
            MailData::Rendered(message) => message.get().body(),
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
        self.0.is_ascii()
    }

    fn in_seven_bits(self: Arc<Self>) -> Option<Result<Body, String>> {
        Some(match edits(&self.0, Aim::SevenBit) {
            Ok(edits) => Ok(Body::on_demand(MailContent(Arc::new(edited(&self.0, &edits))))),
            Err(Unfit(why)) => Err(why.to_owned()),
        })
    }

    fn in_binary(self: Arc<Self>) -> Option<Body> {
        let unencoded = self.0.unencoded(|place| Bytes::Kept(Arc::clone(&self.0), place))?;
        Some(Body::on_demand(MailContent(Arc::new(unencoded))))
    }

    fn needs_binary(&self) -> bool {
        false
    }

    fn size_in_memory(&self) -> usize {
        self.0.exact_pieces().map(<[u8]>::len).sum()
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
