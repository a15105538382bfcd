//! The settings of a conversation, shared by both drivers.

use super::error::{bad_argument, to_python};
use super::ssl_context::Raised;
use super::tls::layer_for;
use crate::driver::{Operation, Patience};
use crate::protocol::session::{Options, Plaintext};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::time::Duration;

/// How a conversation is to be held.
///
/// Args:
///     timeout: seconds for each stage; None: those of RFC 5321 4.5.3.2.
///     deadline: seconds for one whole operation; None: no limit.
///     lmtp: LMTP (RFC 2033).
///     pipelining, chunking: whether to use what the server offers of them.
///     plaintext: what may go without TLS: "nothing", "local" (what stays on this machine) or
///         "mail" (besides, mail to any server).
///     plaintext_auth: with "mail", passwords too may leave this machine without TLS.
///     like_smtplib: send exactly what smtplib would send.
///     implicit_tls: TLS comes before the greeting (RFC 8314), by `context`.
///     encrypted: the connection is encrypted already, by the code that made it.
///     largest: octets that the server is known to take at most; None: only what it says itself.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Settings {
    pub(super) options: Options,
    pub(super) patience: Patience,
    pub(super) implicit_tls: bool,
    pub(super) context: Option<Py<PyAny>>,
}

#[pymethods]
impl Settings {
    #[new]
    #[pyo3(signature = (
        *, timeout=None, deadline=None, lmtp=false, pipelining=true, chunking=true, plaintext="mail",
        plaintext_auth=false, like_smtplib=false, implicit_tls=false, encrypted=false, context: "object" = None,
        largest=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        timeout: Option<f64>,
        deadline: Option<f64>,
        lmtp: bool,
        pipelining: bool,
        chunking: bool,
        plaintext: &str,
        plaintext_auth: bool,
        like_smtplib: bool,
        implicit_tls: bool,
        encrypted: bool,
        context: Option<Py<PyAny>>,
        largest: Option<u64>,
    ) -> PyResult<Self> {
        let plaintext = match (plaintext, plaintext_auth) {
            ("mail", true) => Plaintext::Everything,
            ("mail", false) => Plaintext::Mail,
            ("local", _) => Plaintext::Local,
            ("nothing", _) => Plaintext::Nothing,
            (other, _) => {
                let why = format!("{other:?} is none of \"nothing\", \"local\" and \"mail\"");
                return Err(bad_argument("plaintext", &why));
            }
        };
        let options = Options {
            lmtp,
            pipelining,
            chunking,
            plaintext,
            like_smtplib,
            implicit_tls: encrypted,
            largest,
            most_recipients: None,
        };
        Ok(Self { options, patience: patience(timeout, deadline)?, implicit_tls, context })
    }
}

impl Settings {
    /// A conversation that is about to be connected to `host`.
    pub fn operation(&self, py: Python<'_>, host: &str, raised: &Raised) -> PyResult<Operation> {
        let context = self.context.as_ref().map(|context| context.bind(py));
        let layer = match self.implicit_tls {
            false => None,
            true => Some(layer_for(py, context, host, raised)?.map_err(|error| to_python(py, &error))?),
        };
        Ok(Operation::new(self.options, layer, self.patience))
    }
}

pub fn patience(timeout: Option<f64>, deadline: Option<f64>) -> PyResult<Patience> {
    Ok(Patience { stage: seconds("timeout", timeout)?, operation: seconds("deadline", deadline)? })
}

pub fn seconds(argument: &str, given: Option<f64>) -> PyResult<Option<Duration>> {
    let Some(seconds) = given else { return Ok(None) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        Ok(_) => Err(PyValueError::new_err(format!(
            "{argument}: Non-blocking socket (timeout=0) is not supported"
        ))),
        Err(_) => Err(bad_argument(argument, &format!("{seconds} is not a time to wait, in seconds"))),
    }
}
