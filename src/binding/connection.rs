//! A blocking connection as Python sees it: every wait without the GIL, one
//! thread at a time.

use super::attendant::{Attending, TLS_LOG, wants_debug};
use super::error::{bad_argument, to_python};
use super::outcome::event_to_python;
use super::request::{Given, Request};
use super::ssl_context::Raised;
use super::tls::{TlsFacts, layer_for};
use super::transcript::TranscriptLine;
use crate::driver::{self, Patience, Target, Turn};
use crate::protocol::{Error, Options, State};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A connection and the session on it.
///
/// Methods wait without the GIL, look at signals at least every 100 ms, and
/// raise from `rsmtp.errors`. A second thread waits its turn.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Connection {
    turn: Turn,
    inner: Mutex<driver::Connection>,
    host: String,
    abandoned: Arc<AtomicBool>,
    /// The exception of an `ssl.SSLContext`, to be raised as it is.
    raised: Raised,
}

#[pymethods]
impl Connection {
    /// Connects to `host` and `port`, or to the Unix socket at `path`; with
    /// `implicit_tls`, TLS comes before the greeting. The greeting is the first
    /// reply to be read.
    #[staticmethod]
    #[pyo3(signature = (
        host, port, *, path=None, source_address=None, timeout=None, deadline=None, lmtp=false, pipelining=true, chunking=true,
        plaintext_auth=false, like_smtplib=false, implicit_tls=false,
        context: "object" = None, observer: "object" = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn open(
        py: Python<'_>,
        host: String,
        port: u16,
        path: Option<std::path::PathBuf>,
        source_address: Option<(String, u16)>,
        timeout: Option<f64>,
        deadline: Option<f64>,
        lmtp: bool,
        pipelining: bool,
        chunking: bool,
        plaintext_auth: bool,
        like_smtplib: bool,
        implicit_tls: bool,
        context: Option<Bound<'_, PyAny>>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let target = match path {
            Some(path) => unix(path)?,
            None => Target::Tcp { host: host.clone(), port, source: source_address },
        };
        let options =
            Options { lmtp, pipelining, chunking, plaintext_auth, like_smtplib, ..Options::default() };
        let patience =
            Patience { stage: seconds("timeout", timeout)?, operation: seconds("deadline", deadline)? };
        let raised = Raised::default();
        let layer = match implicit_tls {
            false => None,
            true => Some(
                layer_for(py, context.as_ref(), &host, &raised)?.map_err(|error| to_python(py, &error))?,
            ),
        };
        let mut attendant = Attending::new(py, observer)?;
        let opened =
            py.detach(|| driver::Connection::open(&target, options, layer, patience, &mut attendant));
        let inner = settle(py, opened, &mut attendant, &raised)?;
        let abandoned = inner.abandoned();
        Ok(Self { turn: Turn::default(), inner: Mutex::new(inner), host, abandoned, raised })
    }

    /// Carries a request out: `(code, text)` for a reply, the dict of the refused
    /// recipients for a transaction, the challenge (bytes) of an AUTH exchange
    /// that the caller answers.
    #[pyo3(signature = (request, observer: "object" = None) -> "typing.Any")]
    fn perform(&self, py: Python<'_>, request: &Request, observer: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let asked = request.take()?;
        let event = self.talk(py, observer, |inner, attendant| {
            let begun = inner.session_mut().request(asked);
            begun.map_err(|error| Error {
                address: error.address.or_else(|| request.given().sender.clone()),
                ..error
            })?;
            inner.run(attendant)
        })?;
        self.told(py, event_to_python(py, event, request.given()))
    }

    /// Sends a request and does not wait for its reply: `read_reply` does.
    #[pyo3(signature = (request, observer: "object" = None))]
    fn send(&self, py: Python<'_>, request: &Request, observer: Option<Py<PyAny>>) -> PyResult<()> {
        let asked = request.take()?;
        self.talk(py, observer, |inner, attendant| {
            inner.session_mut().request(asked)?;
            inner.flush(attendant)
        })
    }

    /// Sends bytes as they are.
    #[pyo3(signature = (octets, observer: "object" = None))]
    fn send_raw(&self, py: Python<'_>, octets: PyBackedBytes, observer: Option<Py<PyAny>>) -> PyResult<()> {
        self.talk(py, observer, |inner, attendant| {
            inner.session_mut().raw(&octets)?;
            inner.flush(attendant)
        })
    }

    /// The next reply: `(code, text)`.
    #[pyo3(signature = (observer: "object" = None) -> "tuple[int, bytes]")]
    fn read_reply(&self, py: Python<'_>, observer: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let event = self.talk(py, observer, |inner, attendant| {
            inner.session_mut().expect_reply()?;
            inner.run(attendant)
        })?;
        self.told(py, event_to_python(py, event, &Given::default()))
    }

    /// Answers the challenge of an AUTH exchange; None cancels it.
    #[pyo3(signature = (response, observer: "object" = None) -> "typing.Any")]
    fn respond(
        &self,
        py: Python<'_>,
        response: Option<Vec<u8>>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let event = self.talk(py, observer, |inner, attendant| {
            inner.session_mut().respond(response.as_deref())?;
            inner.run(attendant)
        })?;
        self.told(py, event_to_python(py, event, &Given::default()))
    }

    /// STARTTLS (RFC 3207) and the handshake behind a 220. `host` is the name
    /// that the certificate must be for; default: the one connected to.
    #[pyo3(signature = (context: "object" = None, host=None, observer: "object" = None) -> "tuple[int, bytes]")]
    fn starttls(
        &self,
        py: Python<'_>,
        context: Option<Bound<'_, PyAny>>,
        host: Option<&str>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let host = host.unwrap_or(&self.host);
        let layer =
            layer_for(py, context.as_ref(), host, &self.raised)?.map_err(|error| to_python(py, &error))?;
        let event = self.talk(py, observer, |inner, attendant| {
            inner.start_tls(layer)?;
            inner.run(attendant)
        })?;
        self.log_tls(py)?;
        self.told(py, event_to_python(py, event, &Given::default()))
    }

    /// Takes these extensions for the server's: keywords with their parameters.
    fn assume(&self, py: Python<'_>, extensions: Vec<(String, String)>) -> PyResult<()> {
        self.read(py, |inner| inner.session_mut().assume(extensions.iter().map(|(k, p)| (k, p)).collect()))
    }

    /// Limits in seconds: for each stage (None: those of RFC 5321 4.5.3.2) and
    /// for one whole operation (None: no limit).
    #[pyo3(signature = (timeout, deadline))]
    fn set_patience(&self, py: Python<'_>, timeout: Option<f64>, deadline: Option<f64>) -> PyResult<()> {
        let patience =
            Patience { stage: seconds("timeout", timeout)?, operation: seconds("deadline", deadline)? };
        self.read(py, |inner| inner.patience = patience)
    }

    /// Ends the connection without a word; another thread that waits on it is
    /// told so.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.turn.is_lost() {
            // A forked child has nothing to end; its parent goes on.
            return Ok(());
        }
        self.abandoned.store(true, Ordering::Relaxed);
        self.read(py, driver::Connection::close)
    }

    /// The name of the session's state.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |inner| inner.session().state().name())
    }

    /// Whether nothing can be said any more, in this process.
    #[getter]
    fn is_over(&self, py: Python<'_>) -> PyResult<bool> {
        if self.turn.is_lost() {
            return Ok(true);
        }
        self.read(py, |inner| inner.session().state().is_over() || inner.is_of_another_process())
    }

    /// Whether the server took an EHLO or LHLO, not a HELO.
    #[getter]
    fn speaks_esmtp(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |inner| inner.session().speaks_esmtp())
    }

    /// The verbs that are legal in this state (RFC 5321 4.1.4) and offered.
    #[getter]
    fn legal_requests(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.read(py, |inner| inner.session().legal().into_iter().map(|verb| verb.name()).collect())
    }

    /// What the server offers: lower-case keywords with their parameters, in its
    /// order.
    #[getter]
    fn extensions(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        self.read(py, |inner| {
            let offered = inner.session().extensions().iter();
            offered
                .map(|(keyword, parameters)| (keyword.to_ascii_lowercase(), parameters.to_owned()))
                .collect()
        })
    }

    #[getter]
    fn tls(&self, py: Python<'_>) -> PyResult<Option<TlsFacts>> {
        Ok(self.read(py, |inner| inner.tls().cloned())?.map(|facts| TlsFacts::new(py, &facts)))
    }

    /// The states gone through so far, the present one last, as far as the last
    /// 2,000 lines show.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.read(py, |inner| inner.path().into_iter().map(State::name).collect())
    }

    /// The last 2,000 lines that were said, secrets masked.
    #[getter]
    fn transcript(&self, py: Python<'_>) -> PyResult<Vec<TranscriptLine>> {
        self.read(py, |inner| inner.lines().map(TranscriptLine::from).collect())
    }

    /// The socket's number; -1 when it is closed.
    fn fileno(&self, py: Python<'_>) -> PyResult<i64> {
        self.read(py, |inner| inner.stream().map_or(-1, driver::Stream::raw_fd))
    }

    /// `(host, port)` of the peer; None for a Unix socket.
    fn getpeername(&self, py: Python<'_>) -> PyResult<Option<(String, u16)>> {
        let address = self.read(py, |inner| inner.stream().and_then(driver::Stream::peer_addr))?;
        Ok(address.map(|address| (address.ip().to_string(), address.port())))
    }

    /// `(host, port)` of this side; None for a Unix socket.
    fn getsockname(&self, py: Python<'_>) -> PyResult<Option<(String, u16)>> {
        let address = self.read(py, |inner| inner.stream().and_then(driver::Stream::local_addr))?;
        Ok(address.map(|address| (address.ip().to_string(), address.port())))
    }
}

impl Connection {
    /// One conversation, without the GIL, when it is this thread's turn.
    fn talk<T: Send>(
        &self,
        py: Python<'_>,
        observer: Option<Py<PyAny>>,
        work: impl FnOnce(&mut driver::Connection, &mut Attending) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let mut attendant = Attending::new(py, observer)?;
        let talked = py.detach(|| {
            let _turn = self.turn.take(&mut attendant)?;
            work(&mut self.lock(), &mut attendant)
        });
        self.told(py, settle(py, talked, &mut attendant, &self.raised))
    }

    /// An error of the conversation tells how it was come to.
    fn told<T>(&self, py: Python<'_>, result: PyResult<T>) -> PyResult<T> {
        let Err(raised) = &result else { return result };
        let value = raised.value(py);
        if value.hasattr("path").unwrap_or(false)
            // An error of another thread's conversation has nobody to ask.
            && let Ok((path, lines)) = self.read(py, |inner| (inner.path(), last_words(inner)))
        {
            let path: Vec<&str> = path.into_iter().map(State::name).collect();
            // It explains an error and must not become another one.
            let _ = tell_conversation(py, value, path, lines);
        }
        result
    }

    /// A look without a conversation; it waits until the one under way is over.
    fn read<T: Send>(
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

    fn log_tls(&self, py: Python<'_>) -> PyResult<()> {
        if wants_debug(py, TLS_LOG)?
            && let Some(facts) = self.read(py, |inner| inner.tls().cloned())?
        {
            let verified = if facts.verified { "verified" } else { "not verified" };
            let driver_facts = (facts.version, facts.server_name, facts.cipher);
            py.detach(|| {
                let (version, name, cipher) = driver_facts;
                log::debug!(target: TLS_LOG, "{version} with {name}: {cipher}, {verified}");
            });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, driver::Connection> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the transcript, for whoever explains an error.
fn last_words(connection: &driver::Connection) -> Vec<TranscriptLine> {
    const ENOUGH: usize = 20;
    let count = connection.lines().count();
    connection.lines().skip(count.saturating_sub(ENOUGH)).map(TranscriptLine::from).collect()
}

fn tell_conversation(
    py: Python<'_>,
    error: &Bound<'_, PyAny>,
    path: Vec<&str>,
    lines: Vec<TranscriptLine>,
) -> PyResult<()> {
    static TELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    TELL.import(py, "rsmtp.errors", "tell_conversation")?.call1((error, path, lines)).map(|_| ())
}

/// Exceptions of others go before ours: a signal handler's, an `SSLContext`'s.
fn settle<T>(
    py: Python<'_>,
    result: Result<T, Error>,
    attendant: &mut Attending,
    raised: &Raised,
) -> PyResult<T> {
    if let Some(exception) = attendant.take_raised() {
        return Err(exception);
    }
    result.map_err(|error| {
        let exception = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        exception.unwrap_or_else(|| to_python(py, &error))
    })
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

#[cfg(unix)]
pub fn unix(path: std::path::PathBuf) -> PyResult<Target> {
    Ok(Target::Unix(path))
}

#[cfg(not(unix))]
pub fn unix(_: std::path::PathBuf) -> PyResult<Target> {
    Err(PyValueError::new_err("path: this system has no Unix sockets"))
}
