//! `rsmtp.Catcher`.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;

use super::argument::{bad_argument, named, seconds};
use super::conversation::CaughtConversation;
use super::fault::{self, ArmedFault, End, Words};
use super::message::CaughtMessage;
use crate::catcher::{
    self, Credentials, Dialect, Fault, FaultReply, Mechanism, Offer, Offers, Settings, Stage, TlsMode,
};

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
///     username: the one login; "catcher" by default.
///     password: its password for PLAIN, LOGIN and CRAM-MD5; random by default.
///     token: its token for XOAUTH2 and OAUTHBEARER; random by default.
///     require_auth: MAIL is answered with 530 before AUTH.
///     require_tls: MAIL is answered with 530 before STARTTLS.
///     auth_before_tls: AUTH is allowed before STARTTLS too; 538 by default.
///     extensions: the service extensions that are offered; all by default:
///         STARTTLS AUTH PIPELINING CHUNKING 8BITMIME SMTPUTF8 SIZE DSN
///         ENHANCEDSTATUSCODES HELP, and LIMITS where max_messages is given.
///     without: extensions that are not offered.
///     mechanisms: the SASL mechanisms that are offered, in this order; by
///         default CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER.
///     max_size: the longest mail data, in octets (552 above it).
///     max_recipients: the most recipients of a message (452 above it).
///     max_messages: the most messages of one connection (421 after it).
///     max_connections: the most open connections (421 to the next one).
///     idle_timeout: seconds of silence after which a client is closed (421).
///     keep: how many messages are kept; older ones make room, count stays
///         exact. With 0 the mail data isn't even gathered.
///     hostname: how it calls itself.
///     allow_remote: let a host be bound that other machines can reach.
///
/// Raises ValueError for arguments that make no sense, OSError if it can't
/// listen.
#[pyclass(frozen, module = "rsmtp")]
pub struct Catcher {
    inner: catcher::Catcher,
}

#[pymethods]
impl Catcher {
    #[new]
    #[pyo3(signature = (
        host = "127.0.0.1",
        port = 0,
        *,
        tls: "typing.Literal['starttls', 'implicit', 'none']" = "starttls",
        protocol: "typing.Literal['smtp', 'lmtp']" = "smtp",
        unix: "str | os.PathLike[str] | None" = None,
        username = None,
        password = None,
        token = None,
        require_auth = false,
        require_tls = false,
        auth_before_tls = false,
        extensions: "collections.abc.Sequence[str] | None" = None,
        without: "collections.abc.Sequence[str]" = Vec::new(),
        mechanisms: "collections.abc.Sequence[str] | None" = None,
        max_size = 33_554_432,
        max_recipients = 1000,
        max_messages = None,
        max_connections = 1000,
        idle_timeout = 300.0,
        keep = 1000,
        hostname = "localhost",
        allow_remote = false,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        tls: &str,
        protocol: &str,
        unix: Option<PathBuf>,
        username: Option<String>,
        password: Option<String>,
        token: Option<String>,
        require_auth: bool,
        require_tls: bool,
        auth_before_tls: bool,
        extensions: Option<Vec<String>>,
        without: Vec<String>,
        mechanisms: Option<Vec<String>>,
        max_size: u64,
        max_recipients: usize,
        max_messages: Option<u64>,
        max_connections: usize,
        idle_timeout: f64,
        keep: usize,
        hostname: &str,
        allow_remote: bool,
    ) -> PyResult<Self> {
        let or_random = |given: Option<String>| given.map_or_else(|| catcher::random_hex(12), Ok);
        let credentials = Credentials {
            username: username.unwrap_or_else(|| "catcher".to_owned()),
            password: or_random(password)?,
            token: or_random(token)?,
        };
        let offers = offers(extensions, &without)?;
        let mechanisms = match mechanisms {
            None => Mechanism::ALL.to_vec(),
            Some(names) => names.iter().map(|name| named("mechanisms", name)).collect::<PyResult<_>>()?,
        };
        let printable = |c: char| c.is_ascii_graphic();
        if hostname.is_empty() || !hostname.chars().all(printable) {
            return Err(bad_argument("hostname", &"a name of printable ASCII, without spaces"));
        }
        let settings = Settings {
            host: host.to_owned(),
            port,
            unix,
            allow_remote,
            hostname: hostname.to_owned(),
            dialect: dialect(protocol)?,
            tls: tls_mode(tls)?,
            offers,
            credentials,
            mechanisms,
            require_auth,
            require_tls,
            auth_before_tls,
            max_size,
            max_recipients,
            max_messages,
            max_connections,
            idle: seconds("idle_timeout", idle_timeout)?,
            keep,
        };
        let inner = py.detach(|| catcher::Catcher::start(settings)).map_err(not_started)?;
        Ok(Self { inner })
    }

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
    /// catcher is closed. None without TLS.
    #[getter]
    fn ca_file(&self) -> Option<String> {
        self.inner.ca_file().map(|path| path.display().to_string())
    }

    /// The name of the one login.
    #[getter]
    fn username(&self) -> &str {
        &self.inner.settings().credentials.username
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
    fn message(&self, number: u64) -> Option<CaughtMessage> {
        self.inner.store().message(number).map(CaughtMessage::new)
    }

    /// Forgets one message; count stays. Returns whether it was there.
    fn delete(&self, py: Python<'_>, number: u64) -> bool {
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
    #[pyo3(signature = (seen, timeout = 10.0))]
    fn wait_for_change(&self, py: Python<'_>, seen: u64, timeout: f64) -> PyResult<u64> {
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
    #[pyo3(signature = (count = 1, timeout = 10.0))]
    fn wait_for(&self, py: Python<'_>, count: u64, timeout: f64) -> PyResult<Vec<CaughtMessage>> {
        let deadline = Instant::now() + seconds("timeout", timeout)?;
        let store = self.inner.store();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let have = py.detach(|| store.wait(count, left.min(SLICE)));
            if have >= count {
                return Ok(self.messages());
            }
            py.check_signals()?;
            if left.is_zero() {
                let said = format!("{have} of {count} messages came within {timeout} s");
                return Err(PyTimeoutError::new_err(said));
            }
        }
    }

    /// Misbehaves from now on when `stage` is reached.
    ///
    /// Of several faults that fit, the first one added acts. Without any other
    /// argument than `stage`, nothing changes. Returns the fault's number.
    ///
    /// Args:
    ///     stage: one of Catcher.stages().
    ///     reply: what is said in place of the usual reply: (code, text), with a
    ///         list of lines or line feeds for a reply of several lines; bytes,
    ///         to be sent exactly so; "usual" for the usual reply. A reply of
    ///         another class than the usual one takes the command's effect
    ///         away; after (421, text) the catcher disconnects.
    ///     address: only for this address, or for the domain if it starts with
    ///         "@": the recipient at "RCPT" and (LMTP) "end-of-data", the
    ///         sender at "MAIL".
    ///     times: so many times; None: always.
    ///     skip: so many times the stage is passed unharmed before that.
    ///     delay: seconds before the reply.
    ///     drip: the reply goes out octet by octet, with so many seconds between.
    ///     extra: a second reply, right behind the first one: (code, text) or
    ///         bytes.
    ///     endless: the reply is repeated until the client leaves.
    ///     stall: no reply ever, and the connection stays open.
    ///     disconnect: True or "fin" (in order), "reset" (TCP's RST), or
    ///         "half-close" (the catcher says no more but reads on); after the
    ///         reply if one is given, instead of it otherwise.
    ///     accept: whether the command takes effect all the same: True keeps a
    ///         message whose 250 is never heard.
    ///     after: at "mail-data": only after so many octets.
    ///     certificate: at "handshake": "wrong-name", "expired",
    ///         "not-yet-valid", "untrusted" or "self-signed".
    ///
    /// Raises ValueError for arguments that make no sense.
    #[pyo3(signature = (
        stage,
        *,
        reply: "tuple[int, str | collections.abc.Sequence[str]] | bytes | typing.Literal['usual'] | None" = None,
        address = None,
        times = None,
        skip = 0,
        delay = 0.0,
        drip = None,
        extra: "tuple[int, str | collections.abc.Sequence[str]] | bytes | None" = None,
        endless = false,
        stall = false,
        disconnect: "bool | typing.Literal['fin', 'reset', 'half-close'] | None" = None,
        accept = None,
        after = 0,
        certificate: "typing.Literal['wrong-name', 'expired', 'not-yet-valid', 'untrusted', 'self-signed'] | None" = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn fault(
        &self,
        stage: &str,
        reply: Option<Words<'_>>,
        address: Option<String>,
        times: Option<u32>,
        skip: u32,
        delay: f64,
        drip: Option<f64>,
        extra: Option<Words<'_>>,
        endless: bool,
        stall: bool,
        disconnect: Option<End>,
        accept: Option<bool>,
        after: u64,
        certificate: Option<&str>,
    ) -> PyResult<u64> {
        let stage: Stage = named("stage", stage)?;
        let disconnect = fault::disconnect(disconnect)?;
        let reply = match reply {
            Some(words) => words.reply()?,
            None if disconnect.is_some() => FaultReply::Nothing,
            None => FaultReply::Usual,
        };
        let fault = Fault {
            stage,
            address,
            skip,
            times,
            after,
            delay: seconds("delay", delay)?,
            reply,
            drip: drip.map(|pause| seconds("drip", pause)).transpose()?,
            endless,
            extra: extra.map_or(Ok(Vec::new()), |words| words.octets())?,
            stall,
            disconnect,
            accept,
            certificate: certificate.map(fault::certificate).transpose()?,
        };
        fault::check(&fault)?;
        Ok(self.inner.faults().add(fault))
    }

    /// The faults that were added, used-up ones too, in their order.
    #[getter]
    fn faults(&self) -> Vec<ArmedFault> {
        self.inner.faults().list().into_iter().map(ArmedFault::from).collect()
    }

    /// Takes one fault away, by its number. Returns whether it was there.
    fn remove_fault(&self, number: u64) -> bool {
        self.inner.faults().remove(number)
    }

    /// Behaves well again.
    fn clear_faults(&self) {
        self.inner.faults().clear();
    }

    /// Every stage at which a fault can strike, by name.
    #[staticmethod]
    fn stages() -> Vec<&'static str> {
        Stage::ALL.iter().map(|stage| stage.name()).collect()
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
        let (host, port, count) = (self.host(), self.port(), self.count());
        format!("<Catcher {} on {host}:{port}, tls={}, {count} messages>", self.protocol(), self.tls())
    }
}

fn offers(extensions: Option<Vec<String>>, without: &[String]) -> PyResult<Offers> {
    let mut offers = match extensions {
        None => Offers::all(),
        Some(names) => {
            let wanted: Vec<Offer> =
                names.iter().map(|name| named("extensions", name)).collect::<PyResult<_>>()?;
            wanted.into_iter().collect()
        }
    };
    for name in without {
        offers = offers.without(named("without", name)?);
    }
    Ok(offers)
}

fn tls_mode(name: &str) -> PyResult<TlsMode> {
    [TlsMode::None, TlsMode::StartTls, TlsMode::Implicit]
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| {
            bad_argument("tls", &format!("{name:?} is not one of \"none\", \"starttls\", \"implicit\""))
        })
}

fn dialect(name: &str) -> PyResult<Dialect> {
    match name {
        "smtp" => Ok(Dialect::Smtp),
        "lmtp" => Ok(Dialect::Lmtp),
        _ => Err(bad_argument("protocol", &format!("{name:?} is neither \"smtp\" nor \"lmtp\""))),
    }
}

fn not_started(error: io::Error) -> PyErr {
    let words = error.to_string();
    match (error.raw_os_error(), error.kind()) {
        (_, io::ErrorKind::InvalidInput) => PyValueError::new_err(words),
        // Called with a number, OSError chooses the class for it, and has `errno`.
        (Some(number), _) => {
            let words = words.trim_end_matches(&format!(" (os error {number})")).to_owned();
            PyOSError::new_err((number, words))
        }
        _ => error.into(),
    }
}
