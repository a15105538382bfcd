//! `rsmtp.Catcher`.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::argument::seconds;
use super::conversation::CaughtConversation;
use super::message::CaughtMessage;
use crate::binding::argument::none_unknown;
use crate::catcher::{self, Dialect, counted};

mod given {
    crate::binding::argument::arguments! {
        number: count -> u64;
        seen: count -> u64;
        count: count -> u64;
        timeout: number -> f64;
    }
}

/// How long a wait goes on before Ctrl-C is looked for.
const SLICE: Duration = Duration::from_millis(50);

/// An SMTP server for first runs and tests: it takes mail, shows it, and
/// delivers it nowhere. Told to, it misbehaves.
///
/// It listens as soon as it is made and until it is closed; use it in a `with`
/// statement. It works on threads of its own, without Python's lock.
///
/// Args:
///     host: the address to bind. One that other machines can reach is refused
///         unless allow_remote is true.
///     port: the port to bind; 0 takes a free one.
///     tls: "starttls" (RFC 3207), "implicit" (TLS from the first byte on), or
///         "none".
///     protocol: "smtp" (RFC 5321), or "lmtp" (RFC 2033).
///     unix: listen on a Unix socket of this path instead.
///     username: the one login; "catcher" by default. `user` is another name of it.
///     password: its password for SCRAM, CRAM-MD5, PLAIN and LOGIN; random by default.
///     token: its token for XOAUTH2 and OAUTHBEARER; random by default.
///     any_login: accept every name with every password or token; username, password
///         and token are then only what a client may be told.
///     require_auth: MAIL is answered with 530 before AUTH.
///     require_tls: MAIL is answered with 530 before STARTTLS.
///     auth_before_tls: AUTH is allowed before STARTTLS too; 538 by default.
///     extensions: the service extensions that are offered; all by default:
///         STARTTLS AUTH PIPELINING CHUNKING 8BITMIME SMTPUTF8 SIZE DSN
///         ENHANCEDSTATUSCODES HELP FUTURERELEASE DELIVERBY MT-PRIORITY BINARYMIME
///         RRVS XVERP, by TLS REQUIRETLS, and LIMITS where max_messages is given.
///     without: extensions that are not offered.
///     mechanisms: the SASL mechanisms that are offered, in this order; by default
///         SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN
///         XOAUTH2 OAUTHBEARER EXTERNAL. A -PLUS is offered under TLS alone, EXTERNAL to a client
///         that shows a certificate (`client_certificate`), and SCRAM is left out where any_login
///         is true: its server has to know the password.
///     max_size: the longest mail data, in octets (552 above it).
///     max_recipients: the most recipients of a message (452 above it).
///     max_messages: the most messages of one connection (421 after it).
///     max_connections: the most open connections (421 to the next one).
///     idle_timeout: seconds of silence after which a client is closed (421).
///     keep: how many messages are kept; older ones make room, count stays
///         exact. With 0 the mail data isn't even gathered.
///     hostname: how it calls itself.
///     authority: a folder that keeps the certificate authority, so that `ca_file` is
///         the same at every start. Without one, each catcher has its own. It
///         vouches for localhost, 127.0.0.0/8 and ::1 alone.
///     allow_remote: let a host be bound that other machines can reach.
///     xclient: offer XCLIENT to clients on this machine, as Postfix does to its gateways: they
///         say for whom they speak.
///
/// Raises ValueError for arguments that make no sense, OSError if it can't
/// listen.
#[pyclass(frozen, module = "rsmtp")]
pub struct Catcher {
    pub(super) inner: catcher::Catcher,
}

crate::binding::display::displayed!(
    Catcher,
    "rsmtp.display.catcher",
    "bundle",
    "For notebooks: where it listens, and the last messages with links to its inbox."
);

#[pymethods]
impl Catcher {
    /// The address that it listens on; the path of a Unix socket.
    #[getter]
    fn host(&self) -> String {
        match (self.inner.address(), &self.inner.settings().unix) {
            (Some(address), _) => address.ip().to_string(),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// The port that it listens on; 0 for a Unix socket.
    #[getter]
    fn port(&self) -> u16 {
        self.inner.address().map_or(0, |address| address.port())
    }

    /// A PEM file with the certificate of the authority that has issued the
    /// catcher's own: trust it to verify the catcher. It is removed when the
    /// catcher is closed, unless it is kept (`authority`). None without TLS.
    #[getter]
    fn ca_file(&self) -> Option<String> {
        self.inner.ca_file().map(|path| path.display().to_string())
    }

    /// A PEM file with a certificate that names `username`, issued by the catcher's authority,
    /// and its key: for `TlsConfig(client_certificate=...)`, so that a client can log in by
    /// EXTERNAL. Only its owner can read it, and it is removed when the catcher is closed. None
    /// without TLS. Raises OSError where it can't be written.
    #[getter]
    fn client_certificate(&self) -> PyResult<Option<String>> {
        Ok(self.inner.client_file()?.map(|path| path.display().to_string()))
    }

    /// The name of the one login.
    #[getter]
    fn username(&self) -> &str {
        &self.inner.settings().credentials.username
    }

    /// Another name of `username`.
    #[getter]
    fn user(&self) -> &str {
        self.username()
    }

    /// The password of the one login.
    #[getter]
    fn password(&self) -> &str {
        &self.inner.settings().credentials.password
    }

    /// The OAuth token of the one login.
    #[getter]
    fn token(&self) -> &str {
        &self.inner.settings().credentials.token
    }

    /// "starttls", "implicit" or "none".
    #[getter]
    fn tls(&self) -> &'static str {
        self.inner.settings().tls.name()
    }

    /// "smtp" or "lmtp".
    #[getter]
    fn protocol(&self) -> &'static str {
        match self.inner.settings().dialect {
            Dialect::Smtp => "smtp",
            Dialect::Lmtp => "lmtp",
        }
    }

    /// The messages that were accepted, oldest first; at most `keep`.
    #[getter]
    fn messages(&self) -> Vec<CaughtMessage> {
        self.inner.store().messages().into_iter().map(CaughtMessage::new).collect()
    }

    /// The message of this number (`CaughtMessage.number`); None if it is not kept.
    #[pyo3(signature = (number: "int"))]
    fn message(&self, #[pyo3(from_py_with = given::number)] number: u64) -> Option<CaughtMessage> {
        self.inner.store().message(number).map(CaughtMessage::new)
    }

    /// Forgets one message; count stays. Returns whether it was there.
    #[pyo3(signature = (number: "int"))]
    fn delete(&self, py: Python<'_>, #[pyo3(from_py_with = given::number)] number: u64) -> bool {
        py.detach(|| self.inner.store().remove(number))
    }

    /// How often something has changed: a message came or was forgotten, a
    /// connection began or ended.
    #[getter]
    fn changes(&self) -> u64 {
        self.inner.store().changes()
    }

    /// Waits until `changes` is another number than `seen`, at most `timeout`
    /// seconds. Returns `changes`. Ctrl-C ends the wait.
    #[pyo3(signature = (seen: "int", timeout: "float" = 10.0))]
    fn wait_for_change(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = given::seen)] seen: u64,
        #[pyo3(from_py_with = given::timeout)] timeout: f64,
    ) -> PyResult<u64> {
        let deadline = Instant::now() + seconds("timeout", timeout)?;
        let store = self.inner.store();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let changes = py.detach(|| store.wait_for_change(seen, left.min(SLICE)));
            if changes != seen || left.is_zero() {
                return Ok(changes);
            }
            py.check_signals()?;
        }
    }

    /// How many messages were accepted, kept or not.
    #[getter]
    fn count(&self) -> u64 {
        self.inner.store().count()
    }

    /// What was said on the latest 1000 connections, oldest first, whether they
    /// brought a message or not.
    #[getter]
    fn conversations(&self) -> Vec<CaughtConversation> {
        let records = self.inner.store().records();
        records.iter().map(|record| CaughtConversation::of_connection(record)).collect()
    }

    /// How many connections are open.
    #[getter]
    fn connections(&self) -> usize {
        self.inner.connections()
    }

    /// Forgets the messages, and the conversations of closed connections;
    /// count is 0 again.
    fn clear(&self, py: Python<'_>) {
        py.detach(|| self.inner.store().clear());
    }

    /// Waits until count is at least `count`, and returns the messages.
    ///
    /// Ctrl-C ends the wait. Raises TimeoutError after `timeout` seconds.
    #[pyo3(signature = (count: "int" = 1, timeout: "float" = 10.0, **unknown: "typing.Never"),
        text_signature = "($self, count=1, timeout=10.0)")]
    fn wait_for(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = given::count)] count: u64,
        #[pyo3(from_py_with = given::timeout)] timeout: f64,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<CaughtMessage>> {
        none_unknown("wait_for", &slf.getattr("wait_for")?, unknown)?;
        let (py, this) = (slf.py(), slf.get());
        let deadline = Instant::now() + seconds("timeout", timeout)?;
        let store = this.inner.store();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let have = py.detach(|| store.wait(count, left.min(SLICE)));
            if have >= count {
                return Ok(this.messages());
            }
            py.check_signals()?;
            if left.is_zero() {
                let said = format!("waited {timeout} s for {}: {have} came", counted(count, "message"));
                return Err(PyTimeoutError::new_err(said));
            }
        }
    }

    /// Stops listening and ends all connections. The messages stay. Closing
    /// again does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.inner.close());
    }

    #[pyo3(signature = () -> "Catcher")]
    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let (host, port, count) = (self.host(), self.port(), counted(self.count(), "message"));
        format!("<Catcher {} on {host}:{port}, tls={}, {count}>", self.protocol(), self.tls())
    }
}
