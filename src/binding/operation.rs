//! An operation of the engine for Python. One owner drives it at a time, and every thread may
//! inspect it. A subclass moves its octets: `Connection` here, or a pump in Python (its interface
//! is in `pump.rs`).

use super::argument::parse;
use super::attendant::Attending;
use super::conclusion::settle;
use super::delivery_options::{DeliveryOptions, texts};
use super::error::to_python;
use super::mailer::Serving;
use super::outcome::{PyReply, extensions_to_python, reply_to_python};
use super::request::Request;
use super::settings::{Settings, patience};
use super::ssl_context::Raised;
use super::tls::TlsFacts;
use super::transcript::TranscriptLine;
use crate::driver::{self, Turn, View};
use crate::protocol::reply::Reply;
use crate::protocol::{Error, State};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A session, its TLS and its clock, without a socket.
///
/// The clock of connecting starts with it. After `connected`: `begin` a request,
/// send what `output` gives and say so by `sent`, tell what comes by `received`,
/// until `is_settled`; then `result` gives, once, what it has come to.
#[pyclass(frozen, subclass, module = "rsmtp._rsmtp")]
pub struct Operation {
    pub turn: Turn,
    pub(super) view: Arc<View>,
    /// The name that was connected to.
    pub host: String,
    /// The exception of an `ssl.SSLContext`, to be raised as it is.
    pub raised: Raised,
    /// Of the last transaction that sent something.
    pub(super) final_reply: Mutex<Option<Reply>>,
    /// When the last operation began.
    pub(super) began: Mutex<Option<Instant>>,
    /// Without a stream where a pump in Python moves the octets.
    connection: Mutex<driver::Connection>,
    /// For such a pump: what is asked.
    pub(super) under_way: Mutex<Option<UnderWay>>,
    /// And the memory for what it is given to say: a large helping, made anew each time, would
    /// cost more than the copying.
    pub(super) said: Mutex<Vec<u8>>,
    /// Instead of a request: a mailer's messages.
    pub(super) serving: Mutex<Option<Serving>>,
}

pub struct UnderWay {
    pub request: Py<Request>,
    pub attending: Attending,
}

#[pymethods]
impl Operation {
    #[new]
    fn new(py: Python<'_>, host: String, settings: &Settings) -> PyResult<Self> {
        let raised = Raised::default();
        let operation = settings.operation(py, &host, &raised)?;
        Ok(Self::over(driver::Connection::without_stream(operation), host, raised))
    }

    /// Takes these extensions for the server's: keywords with their parameters.
    fn assume(&self, py: Python<'_>, extensions: Vec<(String, String)>) -> PyResult<()> {
        let extensions = extensions.iter().map(|(keyword, parameters)| (keyword, parameters)).collect();
        self.look(py, |operation| operation.session_mut().assume(extensions))
    }

    /// What the server is told of delivery options, for a transaction that is said step by step:
    /// the parameters of MAIL, and of RCPT for each of these recipients. Raises
    /// SMTPNotSupportedError where it can't have the message. `needs_binary`: the content can't be
    /// sent but as BINARYMIME.
    fn said_options(
        &self,
        py: Python<'_>,
        options: &DeliveryOptions,
        recipients: Vec<String>,
        needs_binary: bool,
    ) -> PyResult<(Vec<String>, Vec<Vec<String>>)> {
        let said =
            self.look(py, |operation| operation.session().said_options(&options.options, needs_binary))?;
        let said = said.map_err(|error| to_python(py, &error))?;
        let of_each: PyResult<Vec<_>> =
            recipients.iter().map(|one| Ok(texts(said.rcpt(&parse("to_addrs", one)?)))).collect();
        Ok((texts(said.mail()), of_each?))
    }

    /// Limits in seconds: for each stage (None: those of RFC 5321 4.5.3.2) and
    /// for one whole operation (None: no limit).
    #[pyo3(signature = (timeout, deadline))]
    fn set_patience(&self, py: Python<'_>, timeout: Option<f64>, deadline: Option<f64>) -> PyResult<()> {
        let patience = patience(timeout, deadline)?;
        self.look(py, |operation| operation.patience = patience)
    }

    /// The name of the session's state, also while another thread talks.
    #[getter]
    fn state(&self) -> &'static str {
        self.view.state().name()
    }

    /// Whether nothing can be said any more, in this process.
    #[getter]
    fn is_over(&self) -> bool {
        self.view.state().is_over() || self.view.is_of_another_process()
    }

    /// Whether this is a forked child's copy of its parent's connection.
    #[getter]
    fn is_of_another_process(&self) -> bool {
        self.view.is_of_another_process()
    }

    /// Whether what is said can be read on its way: it leaves this machine, without TLS.
    #[getter]
    fn is_exposed(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |operation| !operation.session().is_secure() && !operation.session().is_local())
    }

    /// Whether the server took an EHLO or LHLO, not a HELO.
    #[getter]
    fn speaks_esmtp(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |operation| operation.session().speaks_esmtp())
    }

    /// The server's reply to EHLO, (code, text), where HELO followed because EHLO was refused.
    #[getter]
    fn refused_ehlo<'py>(&self, py: Python<'py>) -> PyResult<Option<PyReply<'py>>> {
        let refused = self.look(py, |operation| operation.session().refused_ehlo().cloned())?;
        Ok(refused.map(|reply| reply_to_python(py, &reply)))
    }

    /// The verbs that are legal in this state (RFC 5321 4.1.4) and offered.
    #[getter]
    fn legal_requests(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.look(py, |operation| operation.session().legal().into_iter().map(|verb| verb.name()).collect())
    }

    /// What the server offers: lower-case keywords with their parameters, in its
    /// order.
    #[getter]
    fn extensions(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        self.look(py, |operation| extensions_to_python(operation.session().extensions()))
    }

    /// The server's reply to the end of the mail data of the last transaction that sent
    /// something: (code, text). It often names the message in the server's queue.
    #[getter]
    fn final_reply<'py>(&self, py: Python<'py>) -> Option<PyReply<'py>> {
        let kept = self.final_reply.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|reply| reply_to_python(py, reply))
    }

    #[getter]
    fn tls(&self, py: Python<'_>) -> PyResult<Option<TlsFacts>> {
        self.view.tls().map(|facts| TlsFacts::new(py, facts)).transpose()
    }

    /// The states gone through so far, the present one last, as far as the last
    /// 2,000 lines show.
    #[getter]
    fn path(&self) -> Vec<&'static str> {
        self.view.path().into_iter().map(State::name).collect()
    }

    /// The last lines that were said (2,000, or a MiB of them), secrets masked.
    #[getter]
    fn transcript(&self) -> Vec<TranscriptLine> {
        self.view.lines().iter().map(TranscriptLine::from).collect()
    }
}

impl Operation {
    pub fn over(mut connection: driver::Connection, host: String, raised: Raised) -> Self {
        Self {
            turn: Turn::default(),
            view: connection.operation_mut().view(),
            host,
            raised,
            final_reply: Mutex::default(),
            began: Mutex::default(),
            connection: Mutex::new(connection),
            under_way: Mutex::default(),
            said: Mutex::default(),
            serving: Mutex::default(),
        }
    }

    /// Work on the conversation, without the GIL, when it is this thread's turn.
    pub fn work<T: Send>(
        &self,
        py: Python<'_>,
        attendant: &mut Attending,
        work: impl FnOnce(&mut driver::Connection, &mut Attending) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let worked = py.detach(|| {
            let _turn = self.turn.take(attendant)?;
            work(&mut self.lock(), attendant)
        });
        if let Err(error) = &worked {
            self.log_failure(py, error)?;
        }
        self.told(py, settle(py, worked, attendant, &self.raised))
    }

    /// An operation begins: from here on a message takes its time.
    pub fn begins(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A look without a conversation; it waits until the one under way is over.
    pub fn look<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&mut driver::Operation) -> T + Send,
    ) -> PyResult<T> {
        self.look_at_connection(py, |connection| look(connection.operation_mut()))
    }

    pub fn look_at_connection<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&mut driver::Connection) -> T + Send,
    ) -> PyResult<T> {
        let mut attendant = Attending::silent();
        let seen = py.detach(|| {
            let _turn = self.turn.take(&mut attendant)?;
            Ok(look(&mut self.lock()))
        });
        settle(py, seen, &mut attendant, &self.raised)
    }

    fn lock(&self) -> MutexGuard<'_, driver::Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
