//! What became of one recipient of a message.

use super::parcel::Suppressed;
use crate::address::ForwardPath;
use crate::binding::outcome::reply_to_python;
use crate::escape::escaped;
use crate::protocol::Stage;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Fate;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::type_hint_identifier;
use pyo3::types::PyBytes;
use std::convert::Infallible;
use std::sync::Arc;

/// What became of one recipient of a message.
#[pyclass(frozen, module = "rsmtp")]
pub struct Recipient {
    /// As it went into the envelope.
    #[pyo3(get)]
    pub(super) address: String,
    /// "sent", "refused", "unknown" (the connection was lost after the end of the
    /// message), "not sent", or "suppressed": the mailer's own rules (`suppression`, `allow`,
    /// `redirect`) kept the message from it.
    #[pyo3(get)]
    pub(super) fate: &'static str,
    pub(super) stage: Option<Stage>,
    pub(super) reply: Option<Reply>,
    /// Whether the same may succeed later: it was refused for the time being (4yz), or
    /// not handed over, for a reason that was not the message.
    #[pyo3(get)]
    pub(super) transient: bool,
    /// Why it is suppressed.
    pub(super) why: Option<String>,
    /// The delivery options that the server was told with it, as "NOTIFY=SUCCESS".
    #[pyo3(get)]
    pub(super) options: Vec<String>,
    /// The server that the message was offered to, as "host:port".
    pub(super) server: Option<Arc<str>>,
}

#[pymethods]
impl Recipient {
    /// Where it was refused: "mail", "rcpt", "data", "mail data" or "end of data".
    #[getter]
    fn stage(&self) -> Option<&'static str> {
        self.stage.map(Stage::name)
    }

    /// The server's reply that decided it: its code; None where there was none.
    #[getter]
    fn code(&self) -> Option<u16> {
        self.reply.as_ref().map(Reply::code)
    }

    /// As "5.1.1" (RFC 3463), where the server gave one.
    #[getter]
    fn enhanced_code(&self) -> Option<String> {
        self.reply.as_ref()?.enhanced().map(|code| code.to_string())
    }

    /// The server's words, its lines joined by LF; of one that is suppressed, the reason.
    #[getter]
    pub(super) fn text(&self) -> Option<String> {
        let said = self.reply.as_ref().map(|reply| String::from_utf8_lossy(&reply.text()).into_owned());
        said.or_else(|| self.why.clone())
    }

    /// `(code, text)` as smtplib has replies.
    #[getter]
    fn reply<'py>(&self, py: Python<'py>) -> Option<(u16, Bound<'py, PyBytes>)> {
        self.reply.as_ref().map(|reply| reply_to_python(py, reply))
    }

    /// What the server's words mean, what to do, and where that is written. None where they are
    /// not known, and for a recipient that was not refused.
    #[getter]
    fn advice<'py>(&self, py: Python<'py>) -> PyResult<Option<Advice<'py>>> {
        static FIND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let (Some(reply), "refused") = (&self.reply, self.fate) else { return Ok(None) };
        let find = FIND.import(py, "rsmtp.advice", "find")?;
        let found = find.call1((reply.code(), self.text(), &self.address, self.server.as_deref()))?;
        Ok((!found.is_none()).then_some(Advice(found)))
    }

    /// Whether it was refused because the server can take nothing now, whatever the message.
    #[getter]
    fn _is_about_the_server(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_about_the_server)
    }

    fn __repr__(&self) -> String {
        format!("<{}>", self.line())
    }
}

impl Recipient {
    pub(super) fn new(
        path: &ForwardPath,
        fate: &Fate,
        transient: bool,
        options: Vec<String>,
        server: Option<Arc<str>>,
    ) -> Self {
        let (fate, stage, reply) = match fate {
            Fate::Sent(reply) => ("sent", None, Some(reply.clone())),
            Fate::Refused(stage, reply) => ("refused", Some(*stage), Some(reply.clone())),
            Fate::Unknown => ("unknown", None, None),
            Fate::NotSent => ("not sent", None, None),
        };
        Self { address: path.to_string(), fate, stage, reply, transient, why: None, options, server }
    }

    pub(super) fn suppressed(Suppressed { address, why }: Suppressed) -> Self {
        let (stage, reply, transient, options, server) = (None, None, false, Vec::new(), None);
        Self { address, fate: "suppressed", stage, reply, transient, why: Some(why), options, server }
    }

    pub(super) fn line(&self) -> String {
        let words = match (&self.reply, &self.why) {
            (Some(reply), _) => format!(": {reply}"),
            (None, Some(why)) => format!(": {why}"),
            (None, None) => String::new(),
        };
        escaped(&format!("{} {}{words}", self.address, self.fate)).into_owned()
    }
}

/// Python's class, by its name in the stubs.
struct Advice<'py>(Bound<'py, PyAny>);

impl<'py> IntoPyObject<'py> for Advice<'py> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    const OUTPUT_TYPE: PyStaticExpr = type_hint_identifier!("rsmtp.advice", "Advice");

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.0)
    }
}
