//! A connection and how to wait for it: a non-blocking TCP or Unix socket, or a foreign
//! connection.

use super::foreign::Foreign;
use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub enum Socket {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

/// A connection with its readiness.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    readable: bool,
    writable: bool,
    /// Something was read, and nothing that would acknowledge it has been written since.
    unacknowledged: bool,
}

#[derive(Debug)]
enum Kind {
    /// Readiness is edge-triggered: waiting discovers it, and only an operation that would have
    /// blocked clears it.
    /// `waker`: once it was asked for. A poll may be asked for one only once, and the system may have no
    /// descriptor left for it.
    Ours { socket: Socket, poll: Poll, events: Events, waker: Option<Option<Arc<Waker>>> },
    /// A foreign connection finds out by receiving. What was received is kept until it is read.
    Others { foreign: Box<dyn Foreign>, heard: Option<Vec<u8>> },
}

/// While writing to a foreign connection, check for input after this time.
const WRITE: Duration = Duration::from_millis(100);
/// The time for one check for input.
const LOOK: Duration = Duration::from_millis(1);

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

impl Stream {
    pub fn new(mut socket: Socket) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry().register(socket.source(), SOCKET, BOTH)?;
        Ok(Self::over(socket, poll))
    }

    /// A stream on a socket that is registered with this poll already.
    pub fn in_poll(poll: Poll, mut socket: Socket) -> io::Result<Self> {
        poll.registry().reregister(socket.source(), SOCKET, BOTH)?;
        Ok(Self::over(socket, poll))
    }

    fn over(socket: Socket, poll: Poll) -> Self {
        let kind = Kind::Ours { socket, poll, events: Events::with_capacity(4), waker: None };
        Self { kind, readable: false, writable: false, unacknowledged: false }
    }

    pub fn foreign(foreign: Box<dyn Foreign>) -> Self {
        let kind = Kind::Others { foreign, heard: None };
        Self { kind, readable: false, writable: true, unacknowledged: false }
    }

    /// Ends a wait from another thread. None: that is impossible, as for a foreign connection.
    pub fn waker(&mut self) -> Option<Arc<Waker>> {
        let Kind::Ours { poll, waker, .. } = &mut self.kind else { return None };
        waker.get_or_insert_with(|| Waker::new(poll.registry(), WAKER).ok().map(Arc::new)).clone()
    }

    /// None: nothing is there at the moment. Some(0): the peer has closed.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let read = match &mut self.kind {
            Kind::Ours { socket, .. } => retried(|| socket.read(buffer)),
            Kind::Others { foreign, heard } => {
                let came = match heard.take() {
                    Some(came) => Some(came),
                    None if foreign.has_something() => foreign.receive(LOOK)?,
                    None => None,
                };
                Ok(came.map(|mut came| {
                    let rest = came.split_off(came.len().min(buffer.len()));
                    buffer[..came.len()].copy_from_slice(&came);
                    *heard = Some(rest).filter(|rest| !rest.is_empty());
                    came.len()
                }))
            }
        }?;
        match &self.kind {
            Kind::Others { heard, .. } => self.readable = heard.is_some(),
            Kind::Ours { .. } if read.is_none() => self.readable = false,
            Kind::Ours { .. } => self.unacknowledged = true,
        }
        Ok(read)
    }

    /// A server that leaves Nagle's algorithm on (RFC 896) holds the second answer to a group of
    /// commands until the first is acknowledged, and the system would delay that by 40 ms. Linux
    /// resets this option, so it is set before each wait that follows a read. A write acknowledges
    /// by itself.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn acknowledge_at_once(&self) {
        let Kind::Ours { socket: Socket::Tcp(socket), .. } = &self.kind else { return };
        // If this fails, answers only come later.
        let _ = socket2::SockRef::from(socket).set_tcp_quickack(true);
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn acknowledge_at_once(&self) {}

    /// None: the connection accepts nothing at the moment.
    pub fn try_write(&mut self, octets: &[u8]) -> io::Result<Option<usize>> {
        let written = match &mut self.kind {
            Kind::Ours { socket, .. } => retried(|| socket.write(octets)),
            Kind::Others { foreign, .. } => return foreign.send(octets, WRITE),
        }?;
        match written {
            Some(_) => self.unacknowledged = false,
            None => self.writable = false,
        }
        Ok(written)
    }

    pub fn is_readable(&self) -> bool {
        self.readable
    }

    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Waits for either. Returns at once on a signal, and at the end of `limit`.
    pub fn wait(&mut self, limit: Duration) -> io::Result<()> {
        if std::mem::take(&mut self.unacknowledged) {
            self.acknowledge_at_once();
        }
        match &mut self.kind {
            Kind::Others { foreign, heard } => {
                if heard.is_none() {
                    *heard = foreign.receive(limit)?;
                }
                self.readable = heard.is_some();
            }
            Kind::Ours { poll, events, .. } => {
                match poll.poll(events, Some(limit)) {
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                    _ => {}
                }
                for event in events.iter().filter(|event| event.token() == SOCKET) {
                    // Reading or writing will find an error or a hang-up.
                    let trouble = event.is_error();
                    self.readable |= event.is_readable() || event.is_read_closed() || trouble;
                    self.writable |= event.is_writable() || event.is_write_closed() || trouble;
                }
            }
        }
        Ok(())
    }

    /// Why connecting failed, if it did.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &self.kind {
            Kind::Ours { socket: Socket::Tcp(socket), .. } => socket.take_error(),
            #[cfg(unix)]
            Kind::Ours { socket: Socket::Unix(socket), .. } => socket.take_error(),
            Kind::Others { .. } => Ok(None),
        }
    }

    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Ours { socket: Socket::Tcp(socket), .. } => socket.peer_addr().ok(),
            #[cfg(unix)]
            Kind::Ours { socket: Socket::Unix(_), .. } => None,
            Kind::Others { foreign, .. } => foreign.peer_addr(),
        }
    }

    /// Whether what is sent may leave this machine, whatever the peer's address is.
    pub fn leads_elsewhere(&self) -> bool {
        match &self.kind {
            Kind::Ours { .. } => false,
            Kind::Others { foreign, .. } => foreign.leads_elsewhere(),
        }
    }

    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Ours { socket: Socket::Tcp(socket), .. } => socket.local_addr().ok(),
            #[cfg(unix)]
            Kind::Ours { socket: Socket::Unix(_), .. } => None,
            Kind::Others { foreign, .. } => foreign.local_addr(),
        }
    }

    pub fn shutdown(&self) {
        // The peer may have closed first, and nothing can be done about that.
        let _ = match &self.kind {
            Kind::Ours { socket: Socket::Tcp(socket), .. } => socket.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Kind::Ours { socket: Socket::Unix(socket), .. } => socket.shutdown(Shutdown::Both),
            Kind::Others { foreign, .. } => {
                foreign.close();
                Ok(())
            }
        };
    }

    /// -1 means that the connection has no file descriptor of ours.
    pub fn raw_fd(&self) -> i64 {
        match &self.kind {
            Kind::Ours { socket, .. } => socket.raw_fd(),
            Kind::Others { .. } => -1,
        }
    }
}

/// None: it would have blocked.
fn retried(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match operation() {
            Ok(octets) => return Ok(Some(octets)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

impl Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            #[cfg(unix)]
            Self::Unix(socket) => socket.read(buffer),
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(octets),
            #[cfg(unix)]
            Self::Unix(socket) => socket.write(octets),
        }
    }

    #[cfg(unix)]
    fn raw_fd(&self) -> i64 {
        use std::os::fd::AsRawFd;
        i64::from(match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
        })
    }

    #[cfg(windows)]
    fn raw_fd(&self) -> i64 {
        use std::os::windows::io::AsRawSocket;
        match self {
            Self::Tcp(socket) => socket.as_raw_socket() as i64,
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(socket) => socket,
        }
    }
}
