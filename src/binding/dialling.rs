//! Connecting, by a pump in Python: an operation hears which addresses there are and what came of
//! them, and tells which one is to be tried.

use super::argument::parse;
use super::attendant::Attending;
use super::conclusion::settle;
use super::error::to_python;
use super::operation::Operation;
use super::proxy::ProxySettings;
use crate::driver::dialling::{self, Dialling};
use crate::driver::{self, Attendant, Tunnel, connect};
use pyo3::prelude::*;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

#[pymethods]
impl Operation {
    /// The connection is to a proxy (a `rsmtp._transport.proxies.Proxy`), which is asked for this port
    /// of the server, and for the best of the addresses that were found here, if any were.
    #[pyo3(signature = (proxy: "typing.Any", port, addresses=None))]
    fn tunnel(
        &self,
        py: Python<'_>,
        proxy: ProxySettings,
        port: u16,
        addresses: Option<Vec<String>>,
    ) -> PyResult<()> {
        let best = dialling::best(&parsed(&addresses.unwrap_or_default())?);
        let tunnel = Tunnel::new(&proxy.into_proxy()?, &self.host, port, best);
        let tunnel = tunnel.map_err(|error| to_python(py, &error))?;
        self.look(py, |operation| operation.tunnel(tunnel))
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
        self.note(py, observer, |operation, host| operation.connected(host, peer, elsewhere))
    }

    /// For the transcript: the host's name has these addresses.
    #[pyo3(signature = (addresses, observer: "object" = None))]
    fn looked_up(&self, py: Python<'_>, addresses: Vec<String>, observer: Option<Py<PyAny>>) -> PyResult<()> {
        let addresses = parsed(&addresses)?;
        self.note(py, observer, |operation, host| {
            operation.session_mut().note(dialling::looked_up(host, &addresses));
        })
    }

    /// These addresses of `host` are to be tried.
    fn dial(&self, py: Python<'_>, host: &str, addresses: Vec<String>, port: u16) -> PyResult<()> {
        let addresses = parsed(&addresses)?.into_iter().map(|address| SocketAddr::new(address, port));
        let dialling = Dialling::new(host, &addresses.collect::<Vec<_>>());
        self.look(py, |operation| operation.dial(dialling))
    }

    /// What to do with them: the place of one to be tried, or None, and the seconds to wait for
    /// those under way. Raises when none of them could be connected to, or time is up.
    #[pyo3(signature = (observer: "object" = None) -> "tuple[int | None, float]")]
    fn next_address(&self, py: Python<'_>, observer: Option<Py<PyAny>>) -> PyResult<(Option<usize>, f64)> {
        let mut next = Ok(dialling::Next::Nowhere);
        self.note(py, observer, |operation, _| next = operation.next_address())?;
        match next.map_err(|error| to_python(py, &error))? {
            dialling::Next::Dial { place, .. } => Ok((Some(place), 0.0)),
            dialling::Next::Wait(Some(until)) => {
                Ok((None, until.saturating_duration_since(Instant::now()).as_secs_f64()))
            }
            dialling::Next::Wait(None) | dialling::Next::Nowhere => Ok((None, f64::INFINITY)),
        }
    }

    /// There is no connection to the address at this place, by this `errno` (None: it did
    /// not answer).
    #[pyo3(signature = (place, errno, observer: "object" = None))]
    fn address_failed(
        &self,
        py: Python<'_>,
        place: usize,
        errno: Option<i32>,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.note(py, observer, |operation, _| operation.address_failed(place, system_error(errno)))
    }

    /// Raises what it means that `host` has no address.
    fn unknown_host(&self, py: Python<'_>, host: &str, why: &str) -> PyResult<()> {
        let error = connect::unknown_host(host, &why);
        Err(to_python(py, &self.look(py, |operation| operation.not_connected(error))?))
    }

    /// Raises what it means that there is no connection to the Unix socket at this path.
    #[pyo3(signature = (path, errno))]
    fn unreachable(&self, py: Python<'_>, path: &str, errno: Option<i32>) -> PyResult<()> {
        Err(to_python(py, &connect::unreachable(path, &system_error(errno))))
    }
}

impl Operation {
    /// While connecting: what happens is told, and heard at once.
    fn note(
        &self,
        py: Python<'_>,
        observer: Option<Py<PyAny>>,
        tell: impl FnOnce(&mut driver::Operation, &str) + Send,
    ) -> PyResult<()> {
        let mut attending = Attending::new(py, observer)?;
        let host = &self.host;
        self.look(py, |operation| {
            tell(operation, host);
            operation.note_lines(attending.listens(), |line| attending.hear_later(line));
        })?;
        let heard = py.detach(|| attending.catch_up());
        settle(py, heard, &mut attending, &self.raised)
    }
}

fn parsed(addresses: &[String]) -> PyResult<Vec<IpAddr>> {
    addresses.iter().map(|address| parse("addresses", address)).collect()
}

fn socket_address(argument: &str, (host, port): &(String, u16)) -> PyResult<SocketAddr> {
    Ok(SocketAddr::new(parse::<IpAddr>(argument, host)?, *port))
}

/// None: there was no answer.
fn system_error(errno: Option<i32>) -> io::Error {
    errno.map_or(io::ErrorKind::TimedOut.into(), io::Error::from_raw_os_error)
}
