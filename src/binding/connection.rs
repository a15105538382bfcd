//! A blocking connection for Python. Every wait releases the GIL, and one thread uses the
//! connection at a time.

use super::attendant::Attending;
use super::conclusion::settle;
use super::operation::Operation;
use super::proxy::ProxySettings;
use super::request::Request;
use super::settings::Settings;
use super::ssl_context::Raised;
use crate::driver::{self, Target};
#[cfg(not(unix))]
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A connection and the session on it.
///
/// Methods wait without the GIL, look at signals at least every 100 ms, and
/// raise from `rsmtp.errors`. A second thread waits its turn.
#[pyclass(frozen, extends = Operation, module = "rsmtp._rsmtp")]
pub struct Connection {
    abandoned: Arc<AtomicBool>,
}

#[pymethods]
impl Connection {
    /// Connects to `host` and `port`, or to the Unix socket at `path`, through a proxy (a
    /// `rsmtp._transport.proxies.Proxy`) if there is one. The greeting is the first reply to be read.
    #[staticmethod]
    #[pyo3(signature = (
        host, port, settings, *, path=None, source_address=None,
        proxy: "typing.Any" = None, observer: "object" = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn open(
        py: Python<'_>,
        host: String,
        port: u16,
        settings: &Settings,
        path: Option<std::path::PathBuf>,
        source_address: Option<(String, u16)>,
        proxy: Option<ProxySettings>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<Py<Self>> {
        let target = target(host.clone(), port, path, source_address, proxy)?;
        let raised = Raised::default();
        let operation = settings.operation(py, &host, &raised)?;
        let mut attendant = Attending::new(py, observer)?;
        let opened = py.detach(|| driver::Connection::open(&target, operation, &mut attendant));
        let driver = settle(py, opened, &mut attendant, &raised)?;
        let abandoned = driver.abandoned();
        Py::new(py, (Self { abandoned }, Operation::over(driver, host, raised)))
    }

    /// Carries a request out: `(code, text)` for a reply, the dict of the refused
    /// recipients for a transaction, the challenge (bytes) of an AUTH exchange
    /// that the caller answers, None where no reply is waited for.
    #[pyo3(signature = (request, observer: "object" = None) -> "typing.Any")]
    fn perform(slf: &Bound<'_, Self>, request: &Request, observer: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let (py, operation) = (slf.py(), slf.as_super().get());
        let ask = request.take(py, &operation.host, &operation.raised)?;
        let (until, given) = (request.until(), request.given());
        let mut attendant = Attending::new(py, observer)?;
        operation.begins();
        let event = operation.work(py, &mut attendant, |connection, attendant| {
            connection.perform(until, |asked| ask(asked).map_err(|error| given.blame(error)), attendant)
        })?;
        operation.conclude(py, event, given)
    }

    /// Ends the connection without a word; another thread that waits on it is
    /// told so.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let operation = slf.as_super().get();
        if operation.turn.is_lost() {
            // The connection belongs to the parent process, so a forked child ends nothing.
            return Ok(());
        }
        slf.get().abandoned.store(true, Ordering::Relaxed);
        operation.look_at_connection(slf.py(), driver::Connection::close)
    }

    /// The socket's number; -1 when it is closed.
    fn fileno(slf: &Bound<'_, Self>) -> PyResult<i64> {
        let look =
            |connection: &mut driver::Connection| connection.stream().map_or(-1, driver::Stream::raw_fd);
        slf.as_super().get().look_at_connection(slf.py(), look)
    }

    /// `(host, port)` of the peer; None for a Unix socket.
    fn getpeername(slf: &Bound<'_, Self>) -> PyResult<Option<(String, u16)>> {
        address(slf, driver::Stream::peer_addr)
    }

    /// `(host, port)` of this side; None for a Unix socket.
    fn getsockname(slf: &Bound<'_, Self>) -> PyResult<Option<(String, u16)>> {
        address(slf, driver::Stream::local_addr)
    }
}

fn address(
    slf: &Bound<'_, Connection>,
    of: fn(&driver::Stream) -> Option<SocketAddr>,
) -> PyResult<Option<(String, u16)>> {
    let look = |connection: &mut driver::Connection| connection.stream().and_then(of);
    let address = slf.as_super().get().look_at_connection(slf.py(), look)?;
    Ok(address.map(|address| (address.ip().to_string(), address.port())))
}

/// Where to connect to, and by what way.
pub fn target(
    host: String,
    port: u16,
    path: Option<std::path::PathBuf>,
    source: Option<(String, u16)>,
    proxy: Option<ProxySettings>,
) -> PyResult<Target> {
    match (path, proxy) {
        (Some(path), _) => unix(path),
        (None, None) => Ok(Target::Tcp { host, port, source }),
        (None, Some(proxy)) => {
            Ok(Target::Proxied { proxy: Arc::new(proxy.into_proxy()?), host, port, source })
        }
    }
}

#[cfg(unix)]
fn unix(path: std::path::PathBuf) -> PyResult<Target> {
    Ok(Target::Unix(path))
}

#[cfg(not(unix))]
fn unix(_: std::path::PathBuf) -> PyResult<Target> {
    Err(PyValueError::new_err("path: this system has no Unix sockets"))
}
