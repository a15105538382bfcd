//! Concurrent connection attempts to several addresses of a host, without a thread. The first to
//! connect is kept. The others are closed when this is dropped.

use super::stream::{Socket, Stream};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub struct Race<'a> {
    /// The local address to connect from.
    source: Option<&'a [SocketAddr]>,
    poll: Poll,
    events: Events,
    /// Attempts without an answer, in the order in which they were begun.
    under_way: Vec<(usize, TcpStream)>,
}

impl<'a> Race<'a> {
    pub fn new(source: Option<&'a [SocketAddr]>) -> io::Result<Self> {
        Ok(Self { source, poll: Poll::new()?, events: Events::with_capacity(8), under_way: Vec::new() })
    }

    /// Begins to connect to the address at this position in the list.
    pub fn enter(&mut self, place: usize, address: SocketAddr) -> io::Result<()> {
        let mut socket = begin(address, self.source)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(place), interest)?;
        self.under_way.push((place, socket));
        Ok(())
    }

    /// Waits at most this long for an attempt to connect. Returns its number, for [`Race::won`].
    /// Failures are reported. If several connect at the same time, the one begun first wins.
    pub fn wait(
        &mut self,
        limit: Duration,
        mut failed: impl FnMut(usize, io::Error),
    ) -> io::Result<Option<usize>> {
        match self.poll.poll(&mut self.events, Some(limit)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let has_news = |place: usize| self.events.iter().any(|event| event.token() == Token(place));
        let mut number = 0;
        while let Some((place, socket)) = self.under_way.get(number) {
            match if has_news(*place) { socket.take_error() } else { Ok(None) } {
                Ok(None) if has_news(*place) && socket.peer_addr().is_ok() => return Ok(Some(number)),
                Ok(None) => number += 1,
                Ok(Some(error)) | Err(error) => {
                    failed(*place, error);
                    self.under_way.remove(number);
                }
            }
        }
        Ok(None)
    }

    /// Closes the other attempts. The stream keeps using the poll of this race.
    pub fn won(mut self, number: usize) -> io::Result<Stream> {
        let (_, socket) = self.under_way.swap_remove(number);
        self.under_way.clear();
        Stream::in_poll(self.poll, Socket::Tcp(socket))
    }
}

fn begin(address: SocketAddr, source: Option<&[SocketAddr]>) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Without this, a group of commands waits until the last one is acknowledged.
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        let fits = |candidate: &&SocketAddr| candidate.is_ipv4() == address.is_ipv4();
        let source = source.iter().find(fits).ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.set_reuse_address(cfg!(unix))?;
        socket.bind(&SockAddr::from(*source))?;
    }
    match socket.connect(&SockAddr::from(address)) {
        Err(error) if !in_progress(&error) => return Err(error),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

fn in_progress(error: &io::Error) -> bool {
    // std has no error kind for EINPROGRESS.
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const EINPROGRESS: i32 = 115;
#[cfg(windows)]
const EINPROGRESS: i32 = 10036;
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
const EINPROGRESS: i32 = 36;
