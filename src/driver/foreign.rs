//! Connections that others make: what stands behind them knows how to wait.

use crate::protocol::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Makes connections in the place of ours, where there is a reason to.
pub trait Dial: Send + Sync + fmt::Debug {
    /// A connection within this time; None: there is no reason, ours will do.
    fn dial(&self, limit: Duration) -> Result<Option<Box<dyn Foreign>>, Error>;
}

/// A connected byte stream that is not ours.
pub trait Foreign: Send + fmt::Debug {
    /// What comes within this time; None: nothing. No octets at all are the end of them.
    fn receive(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>>;

    /// How many octets it took within this time; None: none.
    fn send(&mut self, octets: &[u8], limit: Duration) -> io::Result<Option<usize>>;

    /// Whether something is there to be received at once, as far as it can tell.
    fn has_something(&mut self) -> bool;

    fn peer_addr(&self) -> Option<SocketAddr>;

    /// Whether what is sent may leave this machine, whatever the peer's address is.
    fn leads_elsewhere(&self) -> bool;

    fn local_addr(&self) -> Option<SocketAddr>;

    fn close(&self);
}
