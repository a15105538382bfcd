//! Connections made by code outside the engine, which also does the waiting.

use crate::protocol::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Makes connections instead of the engine, if there is a reason to.
pub trait Dial: Send + Sync + fmt::Debug {
    /// Connects within this time. None means that there is no reason, and the engine connects
    /// itself.
    fn dial(&self, limit: Duration) -> Result<Option<Box<dyn Foreign>>, Error>;
}

/// A connected byte stream that the engine didn't make.
pub trait Foreign: Send + fmt::Debug {
    /// Receives within this time. None if nothing came. No octets at all mean the end of the
    /// stream.
    fn receive(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>>;

    /// How many octets were sent within this time. None if none were.
    fn send(&mut self, octets: &[u8], limit: Duration) -> io::Result<Option<usize>>;

    /// Whether octets can be received at once, as far as the stream can tell.
    fn has_something(&mut self) -> bool;

    fn peer_addr(&self) -> Option<SocketAddr>;

    /// Whether what is sent may leave this machine, whatever the peer's address is.
    fn leads_elsewhere(&self) -> bool;

    fn local_addr(&self) -> Option<SocketAddr>;

    fn close(&self);
}
