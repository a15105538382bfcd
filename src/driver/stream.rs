//! A non-blocking socket, TCP or Unix, and the waiting for it.

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

/// The socket with its readiness. Readiness is edge-triggered: it is learnt by
/// waiting and lost only by an operation that would have blocked.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    poll: Poll,
    events: Events,
    readable: bool,
    writable: bool,
    waker: Option<Arc<Waker>>,
}

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

impl Stream {
    pub fn new(mut socket: Socket) -> io::Result<Self> {
        let poll = Poll::new()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(socket.source(), SOCKET, interest)?;
        let events = Events::with_capacity(4);
        Ok(Self { socket, poll, events, readable: false, writable: false, waker: None })
    }

    /// Ends a wait from another thread.
    pub fn waker(&mut self) -> io::Result<Arc<Waker>> {
        if let Some(waker) = &self.waker {
            return Ok(Arc::clone(waker));
        }
        let waker = Arc::new(Waker::new(self.poll.registry(), WAKER)?);
        Ok(Arc::clone(self.waker.insert(waker)))
    }

    /// None: nothing there at the moment. Some(0): the peer has closed.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let read = match &mut self.socket {
                Socket::Tcp(socket) => socket.read(buffer),
                #[cfg(unix)]
                Socket::Unix(socket) => socket.read(buffer),
            };
            match read {
                Ok(octets) => {
                    self.acknowledge_at_once();
                    return Ok(Some(octets));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A server that leaves Nagle's algorithm on (RFC 896) holds the second answer to a
    /// group of commands until the first is acknowledged, and the system would do that 40 ms
    /// later. Linux forgets it again, so it is said after each read.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn acknowledge_at_once(&self) {
        let Socket::Tcp(socket) = &self.socket else { return };
        // Without it answers only come later.
        let _ = socket2::SockRef::from(socket).set_tcp_quickack(true);
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn acknowledge_at_once(&self) {}

    /// None: the socket takes nothing at the moment.
    pub fn try_write(&mut self, octets: &[u8]) -> io::Result<Option<usize>> {
        loop {
            let written = match &mut self.socket {
                Socket::Tcp(socket) => socket.write(octets),
                #[cfg(unix)]
                Socket::Unix(socket) => socket.write(octets),
            };
            match written {
                Ok(octets) => return Ok(Some(octets)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub fn is_readable(&self) -> bool {
        self.readable
    }

    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Waits for either; returns at once on a signal, and at the end of `limit`.
    pub fn wait(&mut self, limit: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(limit)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            // An error or a hang-up is found out by reading or writing.
            let trouble = event.is_error();
            self.readable |= event.is_readable() || event.is_read_closed() || trouble;
            self.writable |= event.is_writable() || event.is_write_closed() || trouble;
        }
        Ok(())
    }

    /// Why connecting failed, if it did.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &self.socket {
            Socket::Tcp(socket) => socket.take_error(),
            #[cfg(unix)]
            Socket::Unix(socket) => socket.take_error(),
        }
    }

    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.peer_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    pub fn shutdown(&self) {
        // The peer may have been faster; there is nothing to do about it.
        let _ = match &self.socket {
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Socket::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }

    #[cfg(unix)]
    pub fn raw_fd(&self) -> i64 {
        use std::os::fd::AsRawFd;
        i64::from(match &self.socket {
            Socket::Tcp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket) => socket.as_raw_fd(),
        })
    }

    #[cfg(windows)]
    pub fn raw_fd(&self) -> i64 {
        use std::os::windows::io::AsRawSocket;
        match &self.socket {
            Socket::Tcp(socket) => socket.as_raw_socket() as i64,
        }
    }
}

impl Socket {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(socket) => socket,
        }
    }
}
