//! Converts the result of a request to what smtplib returns or raises.

use super::request::Given;
use crate::protocol::extension::Extensions;
use crate::protocol::opening;
use crate::protocol::reply::{Reply, Severity};
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Stage, code};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

/// `(code, text)`; the lines of the text without white space around them, joined
/// by LF.
pub type PyReply<'py> = (u16, Bound<'py, PyBytes>);

pub fn reply_to_python<'py>(py: Python<'py>, reply: &Reply) -> PyReply<'py> {
    (reply.code(), PyBytes::new(py, &reply.text()))
}

/// A reply as a pair, a transaction as the dict of the refused recipients, an opening as
/// what it has found.
pub fn event_to_python(py: Python<'_>, event: Event, given: &Given) -> PyResult<Py<PyAny>> {
    match event {
        Event::Reply(reply) | Event::Secured(reply) | Event::Auth { accepted: true, reply } => {
            Ok(reply_to_python(py, &reply).into_pyobject(py)?.into_any().unbind())
        }
        Event::Auth { accepted: false, reply } => Err(refusal(py, "auth", Some(&reply), None, None)),
        Event::DataRefused(reply) => Err(refusal(py, "data", Some(&reply), None, None)),
        Event::Unreadable(why) => Err(super::error::to_python(py, &why.to_error())),
        Event::Challenge(challenge) => Ok(PyBytes::new(py, &challenge).into_any().unbind()),
        Event::Transaction(outcome) => transaction_to_python(py, &outcome, given),
        // No client asks for the end to be held.
        Event::EndHeld => Ok(py.None()),
        Event::Opened(opened) => {
            let trouble = opened.trouble.as_deref().map(|trouble| super::error::to_python(py, trouble));
            Ok(Opened::new(*opened, trouble).into_pyobject(py)?.into_any().unbind())
        }
    }
}

/// What opening a session has come to.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Opened {
    opened: opening::Opened,
    trouble: Option<PyErr>,
}

impl Opened {
    pub fn new(opened: opening::Opened, trouble: Option<PyErr>) -> Self {
        Self { opened, trouble }
    }
}

#[pymethods]
impl Opened {
    /// (code, text); None where it had come before, or never came.
    #[getter]
    fn greeting<'py>(&self, py: Python<'py>) -> Option<PyReply<'py>> {
        self.opened.greeting.as_ref().map(|reply| reply_to_python(py, reply))
    }

    /// The reply to the last EHLO, LHLO or HELO; None where none was said.
    #[getter]
    fn hello<'py>(&self, py: Python<'py>) -> Option<PyReply<'py>> {
        self.opened.hello.as_ref().map(|reply| reply_to_python(py, reply))
    }

    /// What the server offered before STARTTLS: lower-case keywords with their parameters.
    /// None where STARTTLS was not asked for.
    #[getter]
    fn offered_in_plaintext(&self) -> Option<Vec<(String, String)>> {
        self.opened.offered_in_plaintext.as_ref().map(extensions_to_python)
    }

    /// Why the session is not ready for mail; None: it is.
    #[getter]
    fn trouble<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBaseException>> {
        self.trouble.as_ref().map(|raised| raised.value(py).clone())
    }
}

/// Lower-case keywords with their parameters, in the server's order.
pub fn extensions_to_python(extensions: &Extensions) -> Vec<(String, String)> {
    let pair = |(keyword, parameters): (&str, &str)| (keyword.to_ascii_lowercase(), parameters.to_owned());
    extensions.iter().map(pair).collect()
}

/// The enhanced status code that the text of a reply begins with, as "5.1.1", if it
/// agrees with the reply code (RFC 3463, RFC 2034 4).
#[pyfunction]
pub fn enhanced_code(code: i64, text: &[u8]) -> Option<String> {
    // The code is -1 if there was no reply.
    let reply = Reply::new(u16::try_from(code).ok()?, text);
    reply.enhanced().map(|enhanced| enhanced.to_string())
}

/// What a reply code says by its first digit (RFC 5321 4.2.1): "completion", "intermediate",
/// "transient" or "permanent"; None for what is no reply code.
#[pyfunction]
pub fn severity(code: i64) -> Option<&'static str> {
    Some(match code::severity(u16::try_from(code).ok()?)? {
        Severity::Completion => "completion",
        Severity::Intermediate => "intermediate",
        Severity::Transient => "transient",
        Severity::Permanent => "permanent",
    })
}

/// Whether a reply to AUTH refuses the mechanism, and says nothing about the credentials: another
/// mechanism may be tried.
#[pyfunction]
pub fn refuses_mechanism(code: i64) -> bool {
    u16::try_from(code).is_ok_and(code::refuses_mechanism)
}

fn transaction_to_python(py: Python<'_>, outcome: &Outcome, given: &Given) -> PyResult<Py<PyAny>> {
    let refused = PyDict::new(py);
    for (key, (_, fate)) in given.recipients.iter().zip(&outcome.recipients) {
        if let Fate::Refused(_, reply) = fate {
            refused.set_item(key, reply_to_python(py, reply))?;
        }
    }
    let raised = match &outcome.verdict {
        Verdict::Sent | Verdict::Lost => return Ok(refused.into_any().unbind()),
        Verdict::Unreadable(why) => {
            let outcome = Some(Box::new(outcome.clone()));
            super::error::to_python(py, &Error { outcome, ..why.to_error() })
        }
        Verdict::SenderRefused(reply) | Verdict::OutOfSequence(reply) => {
            refusal(py, "mail", Some(reply), None, Some((outcome, given)))
        }
        Verdict::RecipientsRefused => refusal(py, "rcpt", None, Some(&refused), Some((outcome, given))),
        Verdict::DataRefused(reply) => {
            refusal(py, stage_of(outcome), Some(reply), Some(&refused), Some((outcome, given)))
        }
    };
    Err(raised)
}

/// Where the message was refused: at DATA, or after its end.
fn stage_of(outcome: &Outcome) -> &'static str {
    let refused = outcome.recipients.iter().find_map(|(_, fate)| match fate {
        Fate::Refused(stage @ (Stage::MailData | Stage::EndOfData), _) => Some(stage.name()),
        _ => None,
    });
    refused.unwrap_or("data")
}

/// `rsmtp._common.raising.refusal` knows the class for each stage.
fn refusal(
    py: Python<'_>,
    stage: &str,
    reply: Option<&Reply>,
    refused: Option<&Bound<'_, PyDict>>,
    transaction: Option<(&Outcome, &Given)>,
) -> PyErr {
    static REFUSAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = || -> PyResult<PyErr> {
        let facts = PyDict::new(py);
        facts.set_item("reply", reply.map(|reply| reply_to_python(py, reply)))?;
        facts.set_item("oauth_error", reply.and_then(Reply::explanation))?;
        facts.set_item("refused", refused)?;
        facts.set_item("fates", transaction.map(|(outcome, _)| super::error::fates(outcome)))?;
        facts.set_item(
            "address",
            transaction.and_then(|(_, given)| given.sender.as_deref()).filter(|_| stage == "mail"),
        )?;
        let refusal = REFUSAL.import(py, "rsmtp._common.raising", "refusal")?;
        Ok(PyErr::from_value(refusal.call((stage,), Some(&facts))?))
    };
    make().unwrap_or_else(|failed| failed)
}
