//! What came of a request, as smtplib returns or raises it.

use super::request::Given;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Stage};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

/// `(code, text)`; the lines of the text without white space around them, joined
/// by LF.
pub type PyReply<'py> = (u16, Bound<'py, PyBytes>);

pub fn reply_to_python<'py>(py: Python<'py>, reply: &Reply) -> PyReply<'py> {
    (reply.code(), PyBytes::new(py, &reply.text()))
}

/// A reply as a pair, a transaction as the dict of the refused recipients.
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
        Event::Opened(opened) => match opened.trouble {
            Some(trouble) => Err(super::error::to_python(py, &trouble)),
            None => Ok(reply_to_python(py, &opened.greeting).into_pyobject(py)?.into_any().unbind()),
        },
    }
}

/// The enhanced status code that the text of a reply begins with, as "5.1.1", if it
/// agrees with the reply code (RFC 3463, RFC 2034 4).
#[pyfunction]
pub fn enhanced_code(code: i64, text: &[u8]) -> Option<String> {
    // What was no reply at all has the code -1.
    let reply = Reply::new(u16::try_from(code).ok()?, text);
    reply.enhanced().map(|enhanced| enhanced.to_string())
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

/// `rsmtp.errors.refusal` knows the class for each stage.
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
        facts.set_item("refused", refused)?;
        facts.set_item("fates", transaction.map(|(outcome, _)| super::error::fates(outcome)))?;
        facts.set_item(
            "address",
            transaction.and_then(|(_, given)| given.sender.as_deref()).filter(|_| stage == "mail"),
        )?;
        let refusal = REFUSAL.import(py, "rsmtp.errors", "refusal")?;
        Ok(PyErr::from_value(refusal.call((stage,), Some(&facts))?))
    };
    make().unwrap_or_else(|failed| failed)
}
