//! What became of a message, as a whole and for each recipient.

use super::kept::Kept;
use super::parcel::{self, Parcel, Shipment, Suppressed};
use super::recipient::Recipient;
use crate::address::ReversePath;
use crate::binding::delivery_options::{left_out, texts};
use crate::binding::error::{tell_trace, to_python};
use crate::binding::transcript::TranscriptLine;
use crate::bulk::{self, Payload};
use crate::escape::escaped;
use crate::message::field;
use crate::protocol::Error;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Fate;
use pyo3::exceptions::{PyBaseException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// Octets of a message in which its Message-ID is looked for.
const HEADER: usize = 64 * 1024;

/// What became of one message. `ok` is true only if it was sent to every recipient, and so
/// is the receipt itself; `print` shows a line for each recipient, in the server's words.
#[pyclass(frozen, module = "rsmtp")]
pub struct Receipt {
    pub(super) receipt: bulk::Receipt<Shipment>,
    /// What is wrong with the message itself.
    pub(super) raised: Option<Py<PyAny>>,
    /// It was written down, and read again.
    pub(super) kept: Option<Kept>,
}

impl Receipt {
    pub fn new(receipt: bulk::Receipt<Shipment>) -> Self {
        Self { receipt, raised: None, kept: None }
    }

    /// For what can't be sent as it is.
    pub fn unfit(py: Python<'_>, index: u64, parcel: Parcel, raised: PyErr) -> Self {
        Self { raised: Some(raised.into_value(py).into_any()), ..Self::new(unsent(index, parcel)) }
    }

    /// For a message that the mailer's own rules keep from all its recipients.
    pub fn suppressed(item: &Bound<'_, PyAny>, index: u64, these: Vec<Suppressed>) -> Self {
        let parcel = Parcel::empty(item.clone().unbind(), these);
        Self::new(unsent(index, parcel))
    }

    /// The recipients that are held back.
    pub(super) fn held_back(&self) -> &[Suppressed] {
        &self.receipt.payload.suppressed
    }

    fn is_ok(&self) -> bool {
        let all_suppressed = self.receipt.recipients.is_empty() && !self.held_back().is_empty();
        self.receipt.ok() || all_suppressed
    }

    fn reply(&self) -> Option<&Reply> {
        self.receipt.recipients.iter().find_map(|(_, fate)| match fate {
            Fate::Sent(reply) => Some(reply),
            _ => None,
        })
    }

    fn addresses(&self, wanted: fn(&Fate) -> bool) -> Vec<String> {
        let all = self.receipt.recipients.iter();
        all.filter(|(_, fate)| wanted(fate)).map(|(path, _)| path.to_string()).collect()
    }
}

crate::binding::display::displayed!(
    Receipt,
    "rsmtp.display.report",
    "receipt_bundle",
    "For notebooks: a table of the recipients, refused and unknown first."
);

#[pymethods]
impl Receipt {
    /// Which message of the call it was, from 0 on.
    #[getter]
    fn index(&self) -> u64 {
        self.receipt.index
    }

    /// The caller's own object: a message, or (from_addr, to_addrs, data).
    #[getter]
    pub(super) fn message(&self, py: Python<'_>) -> Py<PyAny> {
        self.receipt.payload.item.clone_ref(py)
    }

    /// The sender in the envelope; "" is the null reverse-path.
    #[getter(from_addr)]
    pub(super) fn sender(&self) -> String {
        self.receipt.reverse_path.wire(true)
    }

    /// What became of each recipient.
    #[getter]
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        let all = self.receipt.recipients.iter().enumerate().map(|(at, (path, fate))| {
            let transient = match &self.kept {
                Some(kept) => kept.transient.get(at).copied().unwrap_or_default(),
                None => self.receipt.may_succeed_later(fate),
            };
            let options = match (&self.kept, &self.receipt.options) {
                (Some(kept), _) => kept.of_recipients.get(at).cloned().unwrap_or_default(),
                (None, Some(said)) => texts(said.rcpt(path)),
                (None, None) => Vec::new(),
            };
            Recipient::new(path, fate, transient, options, self.receipt.server.clone())
        });
        all.chain(self.held_back().iter().cloned().map(Recipient::suppressed)).collect()
    }

    /// The Message-ID that the message went out with; None where it has none.
    #[getter]
    pub(super) fn message_id(&self) -> Option<String> {
        if let Some(kept) = &self.kept {
            return kept.message_id.clone();
        }
        // The header comes before any content that would have to be read.
        let header = self.receipt.payload.body().beginning(HEADER).ok()?;
        field::first_value(&header, "message-id")
    }

    /// The message as it went out: CRLF line ends, Date and Message-ID, no Bcc. For a copy in
    /// a folder of sent messages.
    ///
    /// It is written anew each time and takes no memory until then. Raises what reading an
    /// attached file raises, when that has changed since. A server without 8BITMIME may
    /// have got parts of the message in another encoding. ValueError for a receipt that was
    /// read back: it has no content.
    ///
    /// With BINARYMIME it is as binary as it went out.
    fn sent_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.kept.is_some() {
            let why = "this receipt was read back from a file or a pickle, and has no content of the message";
            return Err(PyValueError::new_err(why));
        }
        let mut body = self.receipt.payload.body();
        let is_binary = self.receipt.options.as_ref().is_some_and(|said| said.is_binary());
        let octets = py.detach(|| {
            if is_binary {
                body.become_binary();
            }
            body.canonical()
        });
        let octets = octets.map_err(|why| to_python(py, &why.to_error()))?;
        Ok(PyBytes::new(py, &octets))
    }

    /// Whether the message was sent to every recipient, but for those that are suppressed.
    #[getter]
    fn ok(&self) -> bool {
        self.is_ok()
    }

    /// The addresses that it was sent to.
    #[getter]
    fn sent(&self) -> Vec<String> {
        self.addresses(|fate| matches!(fate, Fate::Sent(_)))
    }

    /// The addresses that the server refused.
    #[getter]
    fn refused(&self) -> Vec<String> {
        self.addresses(|fate| matches!(fate, Fate::Refused(..)))
    }

    /// The addresses whose fate is unknown: the connection was lost after the end of
    /// the message and before the answer.
    #[getter]
    fn unknown(&self) -> Vec<String> {
        self.addresses(|fate| *fate == Fate::Unknown)
    }

    /// The addresses for which the message was not handed over.
    #[getter]
    fn not_sent(&self) -> Vec<String> {
        self.addresses(|fate| *fate == Fate::NotSent)
    }

    /// The addresses that the mailer's own rules kept the message from.
    #[getter(suppressed)]
    fn suppressed_addresses(&self) -> Vec<String> {
        self.held_back().iter().map(|one| one.address.clone()).collect()
    }

    /// The name under which the server took the message, where its answer tells.
    #[getter]
    fn queue_id(&self) -> Option<String> {
        self.reply()?.queue_id()
    }

    /// How often a server was asked.
    #[getter]
    fn attempts(&self) -> u32 {
        self.receipt.attempts
    }

    /// The server that was asked last, as "host:port"; None: none was.
    #[getter]
    fn server(&self) -> Option<&str> {
        self.receipt.server.as_deref()
    }

    /// The delivery options of the message that the server was told, as "RET=HDRS": those of an
    /// `rsmtp.Envelope`. Each recipient has its own `options`.
    #[getter]
    pub(super) fn options(&self) -> Vec<String> {
        match &self.kept {
            Some(kept) => kept.options.clone(),
            None => self.receipt.options.as_ref().map_or_else(Vec::new, |said| texts(said.mail())),
        }
    }

    /// The extensions whose options the message went without, as "DSN": the server does not offer
    /// them, and the envelope has said `if_offered`.
    #[getter]
    pub(super) fn options_left_out(&self) -> Vec<String> {
        match &self.kept {
            Some(kept) => kept.left_out.clone(),
            None => self.receipt.options.as_ref().map_or_else(Vec::new, |said| left_out(said)),
        }
    }

    /// What went wrong beside refusals: an exception, not raised, or None.
    #[getter]
    pub(super) fn error(&self, py: Python<'_>) -> Option<Py<PyBaseException>> {
        if let Some(raised) = &self.raised {
            return raised.bind(py).cast::<PyBaseException>().ok().map(|raised| raised.clone().unbind());
        }
        let error = self.receipt.error.as_deref()?;
        // The receipt already has the fates of the recipients.
        let error = Error { outcome: None, ..error.clone() };
        Some(to_python(py, &error).into_value(py))
    }

    /// Raises if the message did not go to every recipient: SMTPRecipientsRefused,
    /// SMTPSenderRefused or SMTPDataError for a refusal, `error` otherwise. The
    /// exception's `fates` has the fate of each recipient.
    fn raise_for_refused(slf: Bound<'_, Self>) -> PyResult<()> {
        if slf.get().is_ok() {
            return Ok(());
        }
        static RAISE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        RAISE
            .import(slf.py(), "rsmtp._common.raising", "raise_for_receipt")?
            .call1((slf.clone(),))
            .map(|_| ())
            .inspect_err(|raised| {
                if let Some(trace) = &slf.get().receipt.trace {
                    let _ = tell_trace(raised.value(slf.py()), trace);
                }
                // The caller has no use for the frames that made the exception. Since CPython 3.14 it
                // keeps those of its own that it is not raised with.
                let _ = raised.value(slf.py()).setattr("__traceback__", slf.py().None());
                raised.set_traceback(slf.py(), None);
            })
    }

    /// Seconds since the last answer, and those from the first attempt to it.
    #[getter]
    fn _times(&self) -> Option<(f64, f64)> {
        Some((self.receipt.ended?.elapsed().as_secs_f64(), self.receipt.took?.as_secs_f64()))
    }

    /// Where the sending was `timed`: seconds since its connection was begun, from which the times
    /// of the lines count, and the lines.
    #[getter]
    fn _course(&self) -> Option<(f64, Vec<TranscriptLine>)> {
        let course = self.receipt.course.as_ref()?;
        let lines = course.lines.iter().map(TranscriptLine::from).collect();
        Some((course.began.elapsed().as_secs_f64(), lines))
    }

    /// For a message that no recipient is to get.
    #[staticmethod]
    #[pyo3(signature = (message: "object", suppressed: "list[tuple[str, str]]"))]
    fn _suppressed(message: &Bound<'_, PyAny>, suppressed: Vec<(String, String)>) -> Self {
        Self::suppressed(message, 0, parcel::suppressed(suppressed))
    }

    /// As `ok`.
    fn __bool__(&self) -> bool {
        self.is_ok()
    }

    /// A line for each recipient, with the server's words, and one for what else went wrong.
    fn __str__(&self, py: Python<'_>) -> String {
        let mut lines: Vec<String> = self.recipients().iter().map(Recipient::line).collect();
        if let Some(error) = self.error(py) {
            lines.push(error.bind(py).str().map_or_else(|_| String::new(), |words| words.to_string()));
        }
        if lines.is_empty() { "not sent".to_owned() } else { lines.join("\n") }
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let receipt = &self.receipt;
        let count =
            |wanted: fn(&Fate) -> bool| receipt.recipients.iter().filter(|(_, fate)| wanted(fate)).count();
        let mut said = Vec::new();
        for (name, count) in [
            ("sent to", count(|fate| matches!(fate, Fate::Sent(_)))),
            ("refused to", count(|fate| matches!(fate, Fate::Refused(..)))),
            ("unknown to", count(|fate| *fate == Fate::Unknown)),
            ("not sent to", count(|fate| *fate == Fate::NotSent)),
            ("suppressed for", self.held_back().len()),
        ] {
            if count > 0 {
                said.push(format!("{name} {count}"));
            }
        }
        let id = self.queue_id().map(|id| format!(", queued as {}", escaped(&id))).unwrap_or_default();
        if said.is_empty() {
            said.push("not sent".to_owned());
        }
        let error = self.error(py).map(|error| format!(": {}", error.bind(py))).unwrap_or_default();
        format!("<Receipt {}: {}{id}{error}>", receipt.index, said.join(", "))
    }
}

/// A message that no server was asked about.
fn unsent(index: u64, parcel: Parcel) -> bulk::Receipt<Shipment> {
    bulk::Receipt {
        index,
        payload: Arc::new(parcel),
        reverse_path: ReversePath::Null,
        recipients: Vec::new(),
        attempts: 0,
        server: None,
        error: None,
        trace: None,
        took: None,
        ended: None,
        course: None,
        options: None,
    }
}
