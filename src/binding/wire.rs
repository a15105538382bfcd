//! A conversation for an event loop: the loop says what has happened on its
//! transport and asks what is to be sent; nothing here waits.

use super::attendant::Attending;
use super::conversation::{Conversation, Shared, settle, tell_fates};
use super::error::{bad_argument, to_python};
use super::logs::{self, Level};
use super::mailer::Serving;
use super::proxy::ProxySettings;
use super::request::Request;
use super::settings::Settings;
use super::ssl_context::Raised;
use crate::address::name_to_look_up;
use crate::driver::dialling::{self, Dialling};
use crate::driver::{Operation, Tunnel, connect};
use crate::protocol::{Error, Event, Kind, Stage};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// A session without a socket.
///
/// The clock of connecting starts with it. After `connected`: `begin` a request,
/// send what `output` gives and say so by `sent`, tell what comes by `received`,
/// until `is_settled`; then `result` gives, once, what it has come to.
#[pyclass(frozen, subclass, extends = Conversation, module = "rsmtp._rsmtp")]
pub struct Wire {
    pub(super) shared: Arc<Shared<Operation>>,
    under_way: Mutex<Option<UnderWay>>,
    /// Instead of a request: a mailer's messages.
    pub(super) serving: Mutex<Option<Serving>>,
}

struct UnderWay {
    request: Py<Request>,
    attending: Attending,
}

#[pymethods]
impl Wire {
    #[new]
    fn new(py: Python<'_>, host: String, settings: &Settings) -> PyResult<PyClassInitializer<Self>> {
        let raised = Raised::default();
        let operation = settings.operation(py, &host, &raised)?;
        let shared = Shared::new(operation, host, raised);
        let conversation = Conversation::new(&shared);
        let wire = Self { shared, under_way: Mutex::default(), serving: Mutex::default() };
        Ok(PyClassInitializer::from(conversation).add_subclass(wire))
    }

    /// The connection is to a proxy (a `rsmtp._transport.proxies.Proxy`), which is asked for this port
    /// of the server, and for the best of the addresses that were found here, if any were.
    #[pyo3(signature = (proxy: "typing.Any", port, addresses=vec![]))]
    fn tunnel(
        &self,
        py: Python<'_>,
        proxy: ProxySettings,
        port: u16,
        addresses: Vec<String>,
    ) -> PyResult<()> {
        let addresses: PyResult<Vec<IpAddr>> =
            addresses.iter().map(|address| ip_address("addresses", address)).collect();
        let best = dialling::best(&addresses?);
        let tunnel = Tunnel::new(&proxy.into_proxy()?, &self.shared.host, port, best);
        let tunnel = tunnel.map_err(|error| to_python(py, &error))?;
        self.shared.look(py, |driver| driver.tunnel(tunnel))
    }

    /// The connection stands: to the peer at this address and port, or, with None, to
    /// a Unix socket or something else that has no address. `elsewhere`: what the peer
    /// hears may leave this machine, wherever the peer is.
    #[pyo3(signature = (peer, observer: "object" = None, *, elsewhere=false))]
    fn connected(
        &self,
        py: Python<'_>,
        peer: Option<(String, u16)>,
        observer: Option<Py<PyAny>>,
        elsewhere: bool,
    ) -> PyResult<()> {
        let peer = peer.map(|address| socket_address("peer", &address)).transpose()?;
        self.note(py, observer, |driver, host| driver.connected(host, peer, elsewhere))
    }

    /// For the transcript: the host's name has these addresses.
    #[pyo3(signature = (addresses, observer: "object" = None))]
    fn looked_up(&self, py: Python<'_>, addresses: Vec<String>, observer: Option<Py<PyAny>>) -> PyResult<()> {
        let addresses: PyResult<Vec<IpAddr>> =
            addresses.iter().map(|address| ip_address("addresses", address)).collect();
        let addresses = addresses?;
        self.note(py, observer, |driver, host| {
            driver.session_mut().note(dialling::looked_up(host, &addresses));
        })
    }

    /// These addresses of `host` are to be tried, in this order.
    fn dial(&self, py: Python<'_>, host: &str, addresses: Vec<String>, port: u16) -> PyResult<()> {
        let address = |text: &String| Ok(SocketAddr::new(ip_address("addresses", text)?, port));
        let dialling = Dialling::new(host, addresses.iter().map(address).collect::<PyResult<_>>()?);
        self.shared.look(py, |driver| driver.dial(dialling))
    }

    /// Seconds for the next of the addresses; None: all have been tried, or time is up.
    fn next_address(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let next = self.shared.look(py, Operation::next_address)?;
        Ok(next.map(|(_, share)| share.as_secs_f64()))
    }

    /// There is no connection to the address that was tried, by this `errno` (None: it did
    /// not answer).
    #[pyo3(signature = (errno, observer: "object" = None))]
    fn address_failed(
        &self,
        py: Python<'_>,
        errno: Option<i32>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.note(py, observer, |driver, _| driver.address_failed(system_error(errno)))
    }

    /// Raises what it means that none of the addresses could be connected to.
    fn nowhere(&self, py: Python<'_>) -> PyResult<()> {
        let error = self.shared.look(py, Operation::nowhere)?;
        error.map_or(Ok(()), |error| Err(to_python(py, &error)))
    }

    /// Raises what it means that `host` has no address.
    fn unknown_host(&self, py: Python<'_>, host: &str, why: &str) -> PyResult<()> {
        let error = connect::unknown_host(host, &why);
        Err(to_python(py, &self.shared.look(py, |driver| driver.not_connected(error))?))
    }

    /// Raises what it means that there is no connection to the Unix socket at this path.
    #[pyo3(signature = (path, errno))]
    fn unreachable(&self, py: Python<'_>, path: &str, errno: Option<i32>) -> PyResult<()> {
        Err(to_python(py, &connect::unreachable(path, &system_error(errno))))
    }

    /// Begins a request. One that can't be made raises here, and nothing is sent.
    #[pyo3(signature = (request, observer: "object" = None))]
    fn begin(&self, py: Python<'_>, request: Py<Request>, observer: Option<Py<PyAny>>) -> PyResult<()> {
        let asked = request.get();
        let begun = asked.take(py, &self.shared.host, &self.shared.raised)?;
        let mut attending = Attending::new(py, observer)?;
        self.shared.begins();
        self.shared.work(py, &mut attending, |driver, _| {
            let begun = driver.begin(asked.until(), |operation| begun.begin(operation));
            begun.map_err(|error| asked.given().blame(error))
        })?;
        *self.lock() = Some(UnderWay { request, attending });
        Ok(())
    }

    /// The octets that are to be sent now. None: there is something to wait for, or
    /// the request is settled.
    fn output<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        // Copied while the GIL is held, into Python's own bytes.
        let output = match self.serve_output(py)? {
            Some(output) => output,
            None => self.tell(py, |driver| driver.output(<[u8]>::to_vec))?,
        };
        Ok(output.map(|octets| PyBytes::new(py, &octets)))
    }

    /// What ends TLS (close_notify, RFC 8446 6.1), once: for a transport that is about to be
    /// closed.
    fn end_tls<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let octets = self.shared.look(py, |driver| driver.end_tls().map(<[u8]>::to_vec))?;
        Ok(octets.map(|octets| PyBytes::new(py, &octets)))
    }

    /// So many octets of the output are with the operating system.
    fn sent(&self, py: Python<'_>, octets: usize) -> PyResult<()> {
        self.shared.look(py, |driver| driver.sent(octets))
    }

    /// Octets have come; none at all is the end of them. What comes while nothing is
    /// asked is kept for the next request; gives how many octets are kept.
    fn received(&self, py: Python<'_>, octets: PyBackedBytes) -> PyResult<usize> {
        self.tell(py, |driver| {
            driver.received(&octets);
            driver.unread()
        })
    }

    /// Octets that have come and are not taken in.
    #[getter]
    fn unread(&self, py: Python<'_>) -> PyResult<usize> {
        self.shared.look(py, |driver| driver.unread())
    }

    /// The connection is gone; `errno` is the operating system's number.
    #[pyo3(signature = (errno))]
    fn lost(&self, py: Python<'_>, errno: Option<i32>) -> PyResult<()> {
        let error = match errno {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::ErrorKind::ConnectionAborted.into(),
        };
        self.tell(py, |driver| driver.lost(error))
    }

    /// Seconds until the time of what is waited for is up (RFC 5321 4.5.3.2); None
    /// when nothing is.
    fn seconds_left(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let left = self.shared.look(py, |driver| driver.left())?.map(|left| left.as_secs_f64());
        Ok(left.into_iter().chain(self.seconds_to_work()).reduce(f64::min))
    }

    /// Looks at the clock: a request whose time is up is settled by that.
    fn check_time(&self, py: Python<'_>) -> PyResult<()> {
        let silence = self.tell(py, |driver| {
            driver.check_time();
            driver.silence()
        })?;
        match silence {
            Some(text) => logs::MAIL.say(py, Level::Warning, &text),
            None => Ok(()),
        }
    }

    /// The caller has left, by this exception: the session ends, and the exception
    /// is told what became of a message that was under way (`fates`).
    fn interrupt(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = Error::new(Kind::Interrupted, Stage::Command, "the wait was interrupted");
        let settled = self.tell(py, |driver| {
            driver.fail(error);
            driver.take_settled()
        })?;
        self.lock().take();
        match &settled {
            Ok(Some(Event::Transaction(outcome))) => tell_fates(exception, outcome),
            Err(Error { outcome: Some(outcome), .. }) => tell_fates(exception, outcome),
            _ => {}
        }
        Ok(())
    }

    /// Ends the session without a word; a request under way is settled by that.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.tell(py, Operation::close)
    }

    #[getter]
    fn is_settled(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.look(py, |driver| driver.is_settled())
    }

    /// What the request has come to: `(code, text)` for a reply, the dict of the
    /// refused recipients for a transaction, the challenge (bytes) of an AUTH
    /// exchange that the caller answers, None where no reply was waited for.
    #[pyo3(signature = () -> "typing.Any")]
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let settled = self.shared.look(py, Operation::take_settled)?;
        let under_way = self.lock().take();
        let Some(UnderWay { request, mut attending }) = under_way else {
            return settle(py, settled.map(|_| py.None()), &mut Attending::silent(), &self.shared.raised);
        };
        if let Err(error) = &settled {
            self.shared.log_failure(py, error)?;
        }
        let event = settle(py, settled, &mut attending, &self.shared.raised)?;
        self.shared.conclude(py, event, request.get().given())
    }
}

impl Wire {
    /// While connecting: what happens is told, and heard at once.
    fn note(
        &self,
        py: Python<'_>,
        observer: Option<Py<PyAny>>,
        tell: impl FnOnce(&mut Operation, &str) + Send,
    ) -> PyResult<()> {
        let mut attending = Attending::new(py, observer)?;
        let host = &self.shared.host;
        self.shared.look(py, |driver| {
            tell(driver, host);
            driver.note_lines(|line| attending.hear_later(line));
        })?;
        let heard = py.detach(|| attending.catch_up());
        settle(py, heard, &mut attending, &self.shared.raised)
    }

    /// The driver is told, and what was said thereby is heard: by logging and the
    /// observer, with no lock of ours held.
    fn tell<T: Send>(&self, py: Python<'_>, tell: impl FnOnce(&mut Operation) -> T + Send) -> PyResult<T> {
        let Some(mut under_way) = self.lock().take() else { return self.shared.look(py, tell) };
        let told = self.shared.work(py, &mut Attending::silent(), |driver, _| {
            let told = tell(driver);
            driver.note_lines(|line| under_way.attending.hear_later(line));
            Ok(told)
        });
        if under_way.attending.has_to_catch_up() {
            let heard = py.detach(|| under_way.attending.catch_up());
            if let Err(interrupted) = heard {
                self.shared.look(py, |driver| driver.fail(interrupted))?;
            }
        }
        *self.lock() = Some(under_way);
        told
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn socket_address(argument: &str, (host, port): &(String, u16)) -> PyResult<SocketAddr> {
    Ok(SocketAddr::new(ip_address(argument, host)?, *port))
}

fn ip_address(argument: &str, address: &str) -> PyResult<IpAddr> {
    address.parse().map_err(|why| bad_argument(argument, &why))
}

/// None: there was no answer.
fn system_error(errno: Option<i32>) -> io::Error {
    errno.map_or(io::ErrorKind::TimedOut.into(), io::Error::from_raw_os_error)
}

/// The name that is asked for at the resolver: A-labels (RFC 5891).
#[pyfunction]
pub fn ascii_host(host: &str) -> String {
    name_to_look_up(host)
}
