//! A connection's socket, with or without TLS on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use super::auth::Secured;
use super::fault::Disconnect;
use super::identity;
use super::stop::Stop;
use super::store::TlsFacts;
use crate::tls::binding::{self, EXPORTED, EXPORTER_LABEL};

/// How long the server keeps reading after its last reply. Closing a socket that has unread octets
/// would send a RST instead of a FIN, and the client could lose the last reply.
const LINGER: Duration = Duration::from_secs(1);

/// A socket of either kind. It is shared with the server, which shuts it down to end the
/// connection's thread.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Makes the socket blocking, limits how long it waits, and turns off Nagle's algorithm.
    pub fn prepare(&self, idle: Duration) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(false)?;
                socket.set_nodelay(true)?;
                socket.set_write_timeout(Some(idle))?;
            }
            #[cfg(unix)]
            Socket::Unix(socket) => {
                socket.set_nonblocking(false)?;
                socket.set_write_timeout(Some(idle))?;
            }
        }
        self.read_limit(idle)
    }

    pub fn shutdown(&self, how: Shutdown) {
        // This fails only if the client has already left, which is the same result.
        let _ = match self {
            Socket::Tcp(socket) => socket.shutdown(how),
            #[cfg(unix)]
            Socket::Unix(socket) => socket.shutdown(how),
        };
    }

    fn read_limit(&self, time: Duration) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.set_read_timeout(Some(time)),
            #[cfg(unix)]
            Socket::Unix(socket) => socket.set_read_timeout(Some(time)),
        }
    }

    /// Makes the next close send a RST.
    fn reset_at_close(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO)),
            #[cfg(unix)]
            Socket::Unix(_) => Ok(()),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&mut &*socket).read(into),
            #[cfg(unix)]
            Socket::Unix(socket) => (&mut &*socket).read(into),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&mut &*socket).write(octets),
            #[cfg(unix)]
            Socket::Unix(socket) => (&mut &*socket).write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The octet stream of a conversation, with or without TLS.
#[derive(Debug)]
pub struct Wire {
    socket: Arc<Socket>,
    tls: Option<Box<ServerConnection>>,
}

impl Wire {
    pub fn new(socket: Arc<Socket>) -> Self {
        Wire { socket, tls: None }
    }

    /// Reads the octets that are available. Returns 0 at the end.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = &*self.socket;
        let Some(tls) = &mut self.tls else {
            return uninterrupted(|| socket.read(into));
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The client left without a close_notify. This counts as an end, too.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            uninterrupted(|| tls.read_tls(&mut socket))?;
            tls.process_new_packets().map_err(io::Error::other)?;
            flush(tls, socket)?;
        }
    }

    /// Writes all octets.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut socket = &*self.socket;
        match &mut self.tls {
            None => socket.write_all(octets),
            Some(tls) => {
                tls.writer().write_all(octets)?;
                flush(tls, socket)
            }
        }
    }

    /// Performs the TLS handshake. Anything read before it is discarded.
    pub fn handshake(&mut self, config: Arc<ServerConfig>) -> io::Result<TlsFacts> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        // A batch of replies is sent as a whole, however long it is.
        tls.set_buffer_limit(None);
        tls.complete_io(&mut &*self.socket)?;
        let facts = facts(&tls);
        self.tls = Some(Box::new(tls));
        Ok(facts)
    }

    /// What TLS contributes to a login, given the server's certificate.
    pub fn secured(&self, certificate: &[u8]) -> Secured {
        let Some(tls) = &self.tls else { return Secured::default() };
        let is_exportable = tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let exported = is_exportable
            .then(|| tls.export_keying_material([0; EXPORTED], EXPORTER_LABEL, None).ok())
            .flatten()
            .map(binding::of_connection);
        let theirs = tls.peer_certificates().and_then(|chain| chain.first());
        Secured {
            bindings: exported.into_iter().chain(binding::of_certificate(certificate)).collect(),
            certificate: theirs.and_then(|theirs| identity::owner(theirs)),
        }
    }

    /// Sends nothing more. For `Fin`, waits so that the client can read everything.
    pub fn close(&mut self, how: Disconnect, stop: &Stop) {
        // Errors don't matter here, because the connection is over in any case.
        if how == Disconnect::Reset {
            let _ = self.socket.reset_at_close();
            return;
        }
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = flush(tls, &self.socket);
        }
        self.socket.shutdown(Shutdown::Write);
        let until = (how == Disconnect::Fin).then(|| Instant::now() + LINGER);
        let _ = self.drain(until, stop);
    }

    /// Reads and drops all input until the client leaves.
    pub fn drain(&mut self, until: Option<Instant>, stop: &Stop) -> io::Result<()> {
        let mut dropped = vec![0; 64 * 1024];
        let mut socket = &*self.socket;
        if until.is_some() {
            socket.read_limit(LINGER)?;
        }
        while !stop.is_said() && until.is_none_or(|until| Instant::now() < until) {
            if uninterrupted(|| socket.read(&mut dropped))? == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn flush(tls: &mut ServerConnection, mut socket: &Socket) -> io::Result<()> {
    while tls.wants_write() {
        uninterrupted(|| tls.write_tls(&mut socket))?;
    }
    Ok(())
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn facts(tls: &ServerConnection) -> TlsFacts {
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
    // rustls says TLS13_AES_...; IANA and other libraries say TLS_AES_...
    let cipher = suite.and_then(|suite| suite.as_str()).unwrap_or("unknown");
    TlsFacts {
        version,
        cipher: cipher.replacen("TLS13_", "TLS_", 1),
        server_name: tls.server_name().map(str::to_owned),
    }
}
