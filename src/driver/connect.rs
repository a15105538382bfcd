//! Connects a socket to a host name, trying its addresses in the way that [`super::dialling`]
//! says, within one time limit.

use super::blocking::Attendant;
use super::deadline::{Deadline, SLICE};
use super::dialling::{Dialling, Next, best, looked_up};
use super::foreign::Dial;
use super::operation::Operation;
use super::proxy::{Proxy, Tunnel};
use super::race::Race;
use super::stream::{Socket, Stream};
use crate::address::name_to_look_up;
use crate::protocol::error::system_words;
use crate::protocol::{Error, Kind, Stage};
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

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
    /// The server, reached through a proxy.
    Proxied { proxy: Arc<Proxy>, host: String, port: u16, source: Option<(String, u16)> },
    /// The server, reached through a [`Foreign`] connection if that applies, otherwise directly.
    Foreign { dial: Arc<dyn Dial>, otherwise: Box<Target> },
}

impl Target {
    /// The peer's name.
    pub fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } | Self::Proxied { host, .. } => host,
            Self::Foreign { otherwise, .. } => otherwise.host(),
            #[cfg(unix)]
            Self::Unix(_) => "localhost",
        }
    }
}

/// The conversation itself begins with the tunnel through the proxy.
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
            connect_tcp(&proxy.host, proxy.port, source.as_ref(), operation, attendant)
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

/// Reports events before the session begins at once.
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
    let mut find = |name: &str, port: u16| {
        let found = resolve(name, port, operation.deadline(), attendant);
        found.map_err(|error| operation.not_connected(error))
    };
    let addresses = find(host, port)?;
    let source = source.map(|(host, port)| find(host, *port)).transpose()?;
    if literal(host).is_none() {
        let found: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
        note(operation, looked_up(host, &found), attendant);
    }
    operation.dial(Dialling::new(host, &addresses));
    connect_any(host, source.as_deref(), operation, attendant)
}

/// The system's resolver accepts no deadline and can't be interrupted. It runs on a separate
/// thread, which is abandoned when it takes too long.
fn resolve(
    host: &str,
    port: u16,
    deadline: &Deadline,
    attendant: &mut dyn Attendant,
) -> Result<Vec<SocketAddr>, Error> {
    // An empty name means any local address, as in Python's sockets.
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
    source: Option<&[SocketAddr]>,
    operation: &mut Operation,
    attendant: &mut dyn Attendant,
) -> Result<Stream, Error> {
    let broken = |error: io::Error| unreachable(host, &error);
    let mut race = Race::new(source).map_err(broken)?;
    loop {
        let next = operation.next_address();
        operation.note_lines(attendant.listens(), |line| attendant.hear(line));
        let limit = match next? {
            Next::Dial { place, address, .. } => {
                if let Err(error) = race.enter(place, address) {
                    operation.address_failed(place, error);
                }
                continue;
            }
            Next::Wait(until) => until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now())),
            Next::Nowhere => return Err(broken(io::ErrorKind::NotFound.into())),
        };
        let limit = limit.min(SLICE).min(operation.deadline().left(Stage::Connect).unwrap_or_default());
        let failed = |place, error| operation.address_failed(place, error);
        if let Some(number) = race.wait(limit, failed).map_err(broken)? {
            return race.won(number).map_err(broken);
        }
        attendant.attend()?;
    }
}

pub fn unknown_host(host: &str, why: &dyn Display) -> Error {
    // The standard library's message begins with the call that failed.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Patience, TimedLine};
    use crate::protocol::Options;
    use std::net::TcpListener;
    use std::time::Duration;

    /// Keeps the reported lines.
    #[derive(Default)]
    struct Hearing {
        lines: Vec<TimedLine>,
        impatient: bool,
    }

    impl Attendant for Hearing {
        fn attend(&mut self) -> Result<(), Error> {
            match self.impatient {
                true => Err(Error::new(Kind::Interrupted, Stage::Connect, "Ctrl-C")),
                false => Ok(()),
            }
        }

        fn hear(&mut self, line: &TimedLine) {
            self.lines.push(line.clone());
        }
    }

    impl Hearing {
        fn said(&self) -> Vec<String> {
            self.lines.iter().map(TimedLine::text).collect()
        }
    }

    /// A server whose backlog is full, so that it neither accepts nor refuses connections, and the
    /// connections that fill it.
    fn silent() -> (SocketAddr, TcpListener, Vec<socket2::Socket>) {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let fill = |_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        };
        (address, listener, (0..8).map(fill).collect())
    }

    fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn dial(addresses: &[SocketAddr], seconds: f64, hearing: &mut Hearing) -> Result<Stream, Error> {
        let patience = Patience { stage: Some(Duration::from_secs_f64(seconds)), operation: None };
        let mut operation = Operation::new(Options::default(), None, patience);
        operation.dial(Dialling::new("mail.test", addresses));
        connect_any("mail.test", None, &mut operation, hearing)
    }

    #[test]
    fn a_silent_address_does_not_hold_up_the_next_one() {
        let (first, _listener, _fill) = silent();
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = good.local_addr().unwrap();
        let mut hearing = Hearing::default();
        let stream = dial(&[first, second], 3600.0, &mut hearing).unwrap();
        assert_eq!(stream.peer_addr(), Some(second));
        assert_eq!(hearing.said(), [format!("trying {second}, too: one address does not answer yet")]);
        assert!(hearing.lines[0].at >= Duration::from_millis(250));
    }

    #[test]
    fn after_a_refusal_the_next_one_is_tried_at_once() {
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let (first, second) = (closed(), good.local_addr().unwrap());
        let mut hearing = Hearing::default();
        let stream = dial(&[first, second], 50.0, &mut hearing).unwrap();
        assert_eq!(stream.peer_addr(), Some(second));
        let refused = format!("no connection to {first}: Connection refused");
        assert_eq!(hearing.said(), [refused, format!("trying {second}")]);
    }

    #[test]
    fn an_error_names_every_address() {
        let (first, _listener, _fill) = silent();
        let second = closed();
        let error = dial(&[first, second], 0.5, &mut Hearing::default()).unwrap_err();
        assert_eq!((error.kind, error.stage), (Kind::Timeout, Stage::Connect));
        assert_eq!(
            error.message,
            format!(
                "timed out: no answer within 0.5 s at stage \"connect\"; no connection to mail.test ({first}: no \
                 answer; {second}: Connection refused)"
            )
        );
        let error = dial(&[closed(), second], 50.0, &mut Hearing::default()).unwrap_err();
        assert_eq!(error.kind, Kind::ConnectionRefused);
        assert_eq!(error.message.matches("Connection refused").count(), 2);
    }

    #[test]
    fn an_interrupt_ends_it() {
        let (first, listener, fill) = silent();
        let mut hearing = Hearing { impatient: true, ..Hearing::default() };
        let error = dial(&[first], 50.0, &mut hearing).unwrap_err();
        assert_eq!(error.kind, Kind::Interrupted);
        drop((listener, fill));
    }
}
