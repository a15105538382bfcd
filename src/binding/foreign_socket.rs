//! Connections through a replacement for Python's sockets, for the blocking driver.

use super::error::Told;
use crate::driver::{Dial, Foreign};
use crate::protocol::{Error, Kind, Stage};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A write of an object that can't tell how much it took.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects by Python's sockets, if another library has replaced them.
#[derive(Debug)]
pub struct ReplacedSockets {
    pub host: String,
    pub port: u16,
    pub path: Option<PathBuf>,
    pub source_address: Option<(String, u16)>,
}

impl Dial for ReplacedSockets {
    fn dial(&self, limit: Duration) -> Result<Option<Box<dyn Foreign>>, Error> {
        let dial = |py: Python<'_>| -> PyResult<Option<Box<dyn Foreign>>> {
            let there =
                (&*self.host, self.port, self.path.as_deref(), limit.as_secs_f64(), &self.source_address);
            let made = py.import("rsmtp._transport.foreign_socket")?.call_method1("dial", there)?;
            if made.is_none() {
                return Ok(None);
            }
            let address = |name| -> PyResult<Option<SocketAddr>> {
                let found: Option<(String, u16)> = made.getattr(name)?.extract()?;
                Ok(found.and_then(|(host, port)| Some(SocketAddr::new(host.parse().ok()?, port))))
            };
            let (peer, own) = (address("peer")?, address("own")?);
            let elsewhere = made.getattr("leads_elsewhere")?.extract()?;
            Ok(Some(Box::new(PythonSocket { socket: made.unbind(), peer, own, elsewhere })))
        };
        Python::try_attach(|py| {
            dial(py).map_err(|raised| {
                // A network failure may be gone tomorrow, so it counts as transient. A refusal by a
                // network guard does not.
                let is_network = raised.is_instance_of::<PyOSError>(py);
                let kind = if is_network { Kind::Unreachable } else { Kind::Misuse };
                let error = Error::new(kind, Stage::Connect, raised.value(py).to_string());
                Error { cause: Some(Arc::new(Told(raised))), ..error }
            })
        })
        // A message of an object that Python deletes last of all.
        .unwrap_or_else(|| Err(Error::new(Kind::Misuse, Stage::Connect, "Python is shutting down")))
    }
}

struct PythonSocket {
    /// `rsmtp._transport.foreign_socket.ForeignSocket`.
    socket: Py<PyAny>,
    peer: Option<SocketAddr>,
    own: Option<SocketAddr>,
    elsewhere: bool,
}

impl Foreign for PythonSocket {
    fn receive(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>> {
        Python::attach(|py| {
            let came = self.socket.call_method1(py, "receive", (limit.as_secs_f64(),));
            came.and_then(|came| came.extract(py)).map_err(|raised| to_io(py, &raised))
        })
    }

    fn send(&mut self, octets: &[u8], limit: Duration) -> io::Result<Option<usize>> {
        Python::attach(|py| {
            let given = (PyBytes::new(py, octets), limit.as_secs_f64(), PATIENCE.as_secs_f64());
            let sent = self.socket.call_method1(py, "send", given);
            sent.and_then(|sent| sent.extract(py)).map_err(|raised| to_io(py, &raised))
        })
    }

    fn has_something(&mut self) -> bool {
        Python::attach(|py| {
            let told = self.socket.call_method0(py, "has_something");
            told.and_then(|told| told.extract(py)).unwrap_or(false)
        })
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.own
    }

    fn leads_elsewhere(&self) -> bool {
        self.elsewhere
    }

    fn close(&self) {
        // While the interpreter shuts down there is nothing left to close.
        let _ = Python::try_attach(|py| self.socket.call_method0(py, "close"));
    }
}

impl fmt::Debug for PythonSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PythonSocket").field("peer", &self.peer).finish_non_exhaustive()
    }
}

fn to_io(py: Python<'_>, raised: &PyErr) -> io::Error {
    let number: Option<i32> = raised.value(py).getattr("errno").and_then(|errno| errno.extract()).ok();
    match number {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(raised.value(py).to_string()),
    }
}
