//! A blocking connection as Python sees it: every wait without the GIL, one
//! thread at a time.

use super::attendant::Attending;
use super::conversation::{Conversation, Shared, settle};
use super::proxy::ProxySettings;
use super::request::Request;
use super::settings::Settings;
use super::ssl_context::Raised;
use crate::driver::{self, Operation, Target};
#[cfg(not(unix))]
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A connection and the session on it.
///
/// Methods wait without the GIL, look at signals at least every 100 ms, and
/// raise from `rsmtp.errors`. A second thread waits its turn.
#[pyclass(frozen, extends = Conversation, module = "rsmtp._rsmtp")]
pub struct Connection {
    shared: Arc<Shared<driver::Connection>>,
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
        let shared = Shared::new(driver, host, raised);
        let conversation = Conversation::new(&shared);
        Py::new(py, (Self { shared, abandoned }, conversation))
    }

    /// Carries a request out: `(code, text)` for a reply, the dict of the refused
    /// recipients for a transaction, the challenge (bytes) of an AUTH exchange
    /// that the caller answers, None where no reply is waited for.
    #[pyo3(signature = (request, observer: "object" = None) -> "typing.Any")]
    fn perform(&self, py: Python<'_>, request: &Request, observer: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let begun = request.take(py, &self.shared.host, &self.shared.raised)?;
        let given = request.given();
        let mut attendant = Attending::new(py, observer)?;
        self.shared.begins();
        let until = request.until();
        let event = self.shared.work(py, &mut attendant, |connection, attendant| {
            let ask = |operation: &mut Operation| begun.begin(operation).map_err(|error| given.blame(error));
            connection.perform(until, ask, attendant)
        })?;
        self.shared.conclude(py, event, given)
    }

    /// Ends the connection without a word; another thread that waits on it is
    /// told so.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.shared.turn.is_lost() {
            // A forked child has nothing to end; its parent goes on.
            return Ok(());
        }
        self.abandoned.store(true, Ordering::Relaxed);
        self.shared.look(py, driver::Connection::close)
    }

    /// The socket's number; -1 when it is closed.
    fn fileno(&self, py: Python<'_>) -> PyResult<i64> {
        self.shared.look(py, |connection| connection.stream().map_or(-1, driver::Stream::raw_fd))
    }

    /// `(host, port)` of the peer; None for a Unix socket.
    fn getpeername(&self, py: Python<'_>) -> PyResult<Option<(String, u16)>> {
        let look =
            |connection: &mut driver::Connection| connection.stream().and_then(driver::Stream::peer_addr);
        let address = self.shared.look(py, look)?;
        Ok(address.map(|address| (address.ip().to_string(), address.port())))
    }

    /// `(host, port)` of this side; None for a Unix socket.
    fn getsockname(&self, py: Python<'_>) -> PyResult<Option<(String, u16)>> {
        let look =
            |connection: &mut driver::Connection| connection.stream().and_then(driver::Stream::local_addr);
        let address = self.shared.look(py, look)?;
        Ok(address.map(|address| (address.ip().to_string(), address.port())))
    }
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
