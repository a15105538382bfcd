//! From a host's name to a connected socket: every address is tried, in the
//! order that the system gives, within one time.

use super::blocking::Attendant;
use super::deadline::{Deadline, SLICE};
use super::dialling::{Dialling, best, looked_up};
use super::foreign::Dial;
use super::operation::Operation;
use super::proxy::{Proxy, Tunnel, blame};
use super::stream::{Socket, Stream};
use crate::address::name_to_look_up;
use crate::protocol::error::system_words;
use crate::protocol::{Error, Kind, Stage};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Where to connect to.
#[derive(Clone, Debug)]
pub enum Target {
    Tcp {
        host: String,
        port: u16,
        /// The local address and port to connect from.
        source: Option<(String, u16)>,
    },
    #[cfg(unix)]
    Unix(PathBuf),
    /// The server, through a proxy.
    Proxied { proxy: Arc<Proxy>, host: String, port: u16, source: Option<(String, u16)> },
    /// By others where there is a reason, otherwise there.
    Foreign { dial: Arc<dyn Dial>, otherwise: Box<Target> },
}

impl Target {
    /// The name that the peer goes by.
    pub fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } | Self::Proxied { host, .. } => host,
            Self::Foreign { otherwise, .. } => otherwise.host(),
            #[cfg(unix)]
            Self::Unix(_) => "localhost",
        }
    }
}

/// The tunnel through the proxy is the conversation's own first part.
pub fn connect(
    target: &Target,
    operation: &mut Operation,
    attendant: &mut dyn Attendant,
) -> Result<Stream, Error> {
    match target {
        Target::Tcp { host, port, source } => connect_tcp(host, *port, source.as_ref(), operation, attendant),
        #[cfg(unix)]
        Target::Unix(path) => mio::net::UnixStream::connect(path)
            .and_then(|socket| Stream::new(Socket::Unix(socket)))
            .map_err(|error| unreachable(&path.display().to_string(), &error)),
        Target::Proxied { proxy, host, port, source } => {
            dig(proxy, host, *port, operation, attendant)?;
            connect_tcp(&proxy.host, proxy.port, source.as_ref(), operation, attendant).map_err(blame)
        }
        Target::Foreign { dial, otherwise } => {
            let Some(foreign) = dial.dial(operation.deadline().left(Stage::Connect)?)? else {
                return connect(otherwise, operation, attendant);
            };
            if let Target::Proxied { proxy, host, port, .. } = &**otherwise {
                dig(proxy, host, *port, operation, attendant)?;
            }
            Ok(Stream::foreign(foreign))
        }
    }
}

/// What happens before the session begins is heard at once.
fn note(operation: &mut Operation, text: String, attendant: &mut dyn Attendant) {
    operation.session_mut().note(text);
    operation.note_lines(attendant.listens(), |line| attendant.hear(line));
}

fn dig(
    proxy: &Proxy,
    host: &str,
    port: u16,
    operation: &mut Operation,
    attendant: &mut dyn Attendant,
) -> Result<(), Error> {
    let address = match proxy.resolves_here() && literal(host).is_none() {
        false => None,
        true => {
            let found = resolve(host, port, operation.deadline(), attendant)?;
            let found: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            note(operation, looked_up(host, &found), attendant);
            best(&found)
        }
    };
    operation.tunnel(Tunnel::new(proxy, host, port, address)?);
    Ok(())
}

fn connect_tcp(
    host: &str,
    port: u16,
    source: Option<&(String, u16)>,
    operation: &mut Operation,
    attendant: &mut dyn Attendant,
) -> Result<Stream, Error> {
    let addresses = resolve(host, port, operation.deadline(), attendant)?;
    if literal(host).is_none() {
        let found: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
        note(operation, looked_up(host, &found), attendant);
    }
    let source = match source {
        None => None,
        Some((host, port)) => Some(resolve(host, *port, operation.deadline(), attendant)?),
    };
    connect_any(host, addresses, source.as_deref(), operation, attendant)
}

/// The system's resolver can't be given a deadline or be interrupted: it runs on
/// a thread of its own, which is left behind when it takes too long.
fn resolve(
    host: &str,
    port: u16,
    deadline: &Deadline,
    attendant: &mut dyn Attendant,
) -> Result<Vec<SocketAddr>, Error> {
    // An empty name is any local address, as it is for Python's sockets.
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    if let Some(address) = literal(host) {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown = |why: &dyn Display| unknown_host(host, why);
    let ascii = name_to_look_up(host);
    let (answer, question) = channel();
    std::thread::Builder::new()
        .name("rsmtp-resolver".to_owned())
        .spawn(move || {
            // The caller may have stopped waiting.
            let _ = answer.send((ascii.as_str(), port).to_socket_addrs().map(Vec::from_iter));
        })
        .map_err(|error| unreachable(host, &error))?;
    loop {
        match question.recv_timeout(SLICE.min(deadline.left(Stage::Connect)?)) {
            Ok(Ok(addresses)) if addresses.is_empty() => return Err(unknown(&"the answer was empty")),
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(unknown(&error)),
            Err(RecvTimeoutError::Timeout) => attendant.attend()?,
            Err(RecvTimeoutError::Disconnected) => return Err(unknown(&"the resolver failed")),
        }
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn connect_any(
    host: &str,
    addresses: Vec<SocketAddr>,
    source: Option<&[SocketAddr]>,
    operation: &mut Operation,
    attendant: &mut dyn Attendant,
) -> Result<Stream, Error> {
    let mut dialling = Dialling::new(host, addresses);
    while let Some((address, share)) = dialling.next_address(operation.deadline().left(Stage::Connect)?) {
        match connect_one(address, source, share, operation.deadline(), attendant) {
            Ok(stream) => return Ok(stream),
            Err(Failed::Here(error)) => note(operation, dialling.failed(error), attendant),
            Err(Failed::Everywhere(error)) => return Err(*error),
        }
    }
    Err(dialling.nowhere())
}

enum Failed {
    Here(io::Error),
    Everywhere(Box<Error>),
}

fn connect_one(
    address: SocketAddr,
    source: Option<&[SocketAddr]>,
    share: Duration,
    deadline: &Deadline,
    attendant: &mut dyn Attendant,
) -> Result<Stream, Failed> {
    let mut stream = begin(address, source).map_err(Failed::Here)?;
    let mut waited = Duration::ZERO;
    loop {
        let slice = SLICE.min(share);
        stream.wait(slice).map_err(Failed::Here)?;
        if stream.is_writable() || stream.is_readable() {
            return match stream.take_error() {
                Ok(None) if stream.peer_addr().is_some() => Ok(stream),
                Ok(None) => Err(Failed::Here(io::ErrorKind::NotConnected.into())),
                Ok(Some(error)) | Err(error) => Err(Failed::Here(error)),
            };
        }
        waited += slice;
        if waited >= share {
            return Err(Failed::Here(io::ErrorKind::TimedOut.into()));
        }
        let everywhere = |error| Failed::Everywhere(Box::new(error));
        deadline.left(Stage::Connect).map_err(everywhere)?;
        attendant.attend().map_err(everywhere)?;
    }
}

fn begin(address: SocketAddr, source: Option<&[SocketAddr]>) -> io::Result<Stream> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Without it a group of commands waits for the acknowledgement of the last.
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
    Stream::new(Socket::Tcp(mio::net::TcpStream::from_std(socket.into())))
}

fn in_progress(error: &io::Error) -> bool {
    // EINPROGRESS has no kind of its own in std.
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const EINPROGRESS: i32 = 115;
#[cfg(windows)]
const EINPROGRESS: i32 = 10036;
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
const EINPROGRESS: i32 = 36;

pub fn unknown_host(host: &str, why: &dyn Display) -> Error {
    // The standard library says first which of its calls failed.
    let why = why.to_string();
    let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
    Error::new(Kind::UnknownHost, Stage::Connect, format!("the host name {host:?} has no address: {why}"))
}

pub fn unreachable(what: &str, error: &io::Error) -> Error {
    let message = format!("no connection to {what}: {}", system_words(error));
    let kind = match error.kind() {
        io::ErrorKind::ConnectionRefused => Kind::ConnectionRefused,
        _ => Kind::Unreachable,
    };
    Error { os_error: error.raw_os_error(), ..Error::new(kind, Stage::Connect, message) }
}
