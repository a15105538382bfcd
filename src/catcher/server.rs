//! The catcher as a whole: it listens, starts a thread for each connection, and ends all of them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::auth::Mechanism;
use super::connection::{Connection, at_least_a_moment};
use super::fault::FaultPlan;
use super::identity::Identity;
use super::session::{Session, TOO_MANY};
use super::settings::{Settings, TlsMode};
use super::stop::Stop;
use super::store::{Received, Store};
use super::wire::{Socket, Wire};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
/// How many connections may wait to be accepted. If there are more, the system lets the client
/// believe that it is connected, but no greeting arrives until the client tries again.
const WAITING: i32 = 1024;
/// How long the server waits for a free file descriptor before it accepts again.
const SHORTAGE: Duration = Duration::from_millis(20);

/// A running server. It stops when it is closed or dropped.
#[derive(Debug)]
pub struct Catcher {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    listening: Mutex<Option<Listening>>,
    owner: u32,
}

/// The listening thread, and the waker that interrupts it.
#[derive(Debug)]
struct Listening {
    waker: Waker,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<Settings>,
    identity: Option<Arc<Identity>>,
    faults: Arc<FaultPlan>,
    store: Arc<Store>,
    ids: Arc<AtomicU64>,
    stop: Arc<Stop>,
    open: Mutex<HashMap<u64, Open>>,
    opened: AtomicU64,
}

/// An open connection: its socket, which ends it, and its thread.
#[derive(Debug)]
struct Open {
    socket: Arc<Socket>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
enum Listener {
    Tcp(mio::net::TcpListener),
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
}

impl Catcher {
    /// Starts listening. Fails with `InvalidInput` if other machines could reach the server and the
    /// settings don't allow that.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let identity = match settings.tls {
            TlsMode::None => None,
            _ => {
                let asks_clients = settings.mechanisms.contains(&Mechanism::External);
                let folder = settings.authority.as_deref();
                Some(Arc::new(Identity::create(names(&settings)?, folder, asks_clients)?))
            }
        };
        let (mut listener, address) = listen(&settings)?;
        let poll = Poll::new()?;
        listener.register(&poll)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let shared = Arc::new(Shared {
            identity,
            faults: Arc::default(),
            store: Arc::new(Store::new(settings.keep)),
            ids: Arc::default(),
            stop: Arc::default(),
            open: Mutex::default(),
            opened: AtomicU64::new(0),
            settings: Arc::new(settings),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("rsmtp-catcher".to_owned())
                .spawn(move || shared.listen(poll, &listener))?
        };
        let listening = Mutex::new(Some(Listening { waker, thread }));
        Ok(Catcher { shared, address, listening, owner: std::process::id() })
    }

    /// The address that the server listens on. A Unix socket has none.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The certificate of the authority that clients should trust, in PEM.
    pub fn ca_file(&self) -> Option<&Path> {
        self.shared.identity.as_ref().map(|identity| identity.ca_file())
    }

    /// A certificate and key for the login's user in PEM, for EXTERNAL.
    pub fn client_file(&self) -> io::Result<Option<PathBuf>> {
        let name = &self.shared.settings.credentials.username;
        self.shared.identity.as_ref().map(|identity| identity.client_file(name)).transpose()
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Stores a message of an earlier run. The next message to arrive gets a higher number.
    pub fn restore(&self, message: Received) -> bool {
        self.shared.ids.fetch_max(message.id, Ordering::Relaxed);
        self.shared.store.restore(message)
    }

    pub fn faults(&self) -> &FaultPlan {
        &self.shared.faults
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Stops listening, ends all connections, and waits until their threads have ended. Received
    /// messages stay. Closing again does nothing.
    pub fn close(&self) {
        let listening = lock(&self.listening).take();
        if self.owner != std::process::id() {
            // A forked child has none of its parent's threads, so there is nothing to wait for.
            std::mem::forget(listening);
            let open = std::mem::take(&mut *lock(&self.shared.open));
            return std::mem::forget(open);
        }
        let Some(listening) = listening else {
            return;
        };
        self.shared.stop.say();
        // If the listening thread can't be woken, it is left running: joining it would hang.
        if listening.waker.wake().is_ok() {
            // Joining fails if the thread has panicked. It has ended in that case, too.
            let _ = listening.thread.join();
        }
        let open = std::mem::take(&mut *lock(&self.shared.open));
        for connection in open.values() {
            connection.socket.shutdown(Shutdown::Both);
        }
        for connection in open.into_values() {
            let _ = connection.thread.join();
        }
        if let Some(identity) = &self.shared.identity {
            identity.remove_files();
        }
        if let Some(path) = &self.shared.settings.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Accepts connections until the server is stopped. Runs in the listening thread.
    fn listen(self: &Arc<Self>, mut poll: Poll, listener: &Listener) {
        let mut events = Events::with_capacity(8);
        while !self.stop.is_said() {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
                Ok(()) => {}
            }
            while !self.stop.is_said() {
                match listener.accept() {
                    Ok((socket, peer)) => self.welcome(socket, peer),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // There is no free file descriptor, or the client has already left.
                    Err(_) => drop(self.stop.wait(SHORTAGE)),
                }
            }
        }
    }

    /// Starts a thread for the connection. If that fails, the connection is closed.
    fn welcome(self: &Arc<Self>, socket: Socket, peer: String) {
        if socket.prepare(at_least_a_moment(self.settings.idle)).is_err() {
            return;
        }
        // The thread removes itself from the list, so the lock is held until it has been added.
        let mut open = lock(&self.open);
        if open.len() >= self.settings.max_connections {
            if self.settings.tls != TlsMode::Implicit {
                // If the client doesn't receive this, it still sees the connection close.
                let _ = (&mut &socket).write_all(TOO_MANY);
            }
            return;
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let socket = Arc::new(socket);
        let (shared, wire) = (Arc::clone(self), Wire::new(Arc::clone(&socket)));
        let started = thread::Builder::new().name(format!("rsmtp-catcher-{number}")).spawn(move || {
            shared.serve(wire, peer);
            lock(&shared.open).remove(&number);
        });
        if let Ok(thread) = started {
            open.insert(number, Open { socket, thread });
        }
    }

    fn serve(&self, wire: Wire, peer: String) {
        let session =
            Session::new(Arc::clone(&self.settings), Arc::clone(&self.faults), Arc::clone(&self.ids), peer);
        let connection = Connection {
            wire,
            session,
            record: self.store.record(),
            store: Arc::clone(&self.store),
            stop: Arc::clone(&self.stop),
            identity: self.identity.clone(),
            started: Instant::now(),
        };
        connection.serve();
    }
}

impl Listener {
    fn register(&mut self, poll: &Poll) -> io::Result<()> {
        match self {
            Listener::Tcp(socket) => poll.registry().register(socket, LISTENER, Interest::READABLE),
            #[cfg(unix)]
            Listener::Unix(socket) => poll.registry().register(socket, LISTENER, Interest::READABLE),
        }
    }

    fn accept(&self) -> io::Result<(Socket, String)> {
        match self {
            Listener::Tcp(socket) => {
                let (stream, peer) = socket.accept()?;
                Ok((Socket::Tcp(stream.into()), peer.to_string()))
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                Ok((Socket::Unix(stream.into()), "unix".to_owned()))
            }
        }
    }
}

fn listen(settings: &Settings) -> io::Result<(Listener, Option<SocketAddr>)> {
    if let Some(path) = &settings.unix {
        return Ok((listen_unix(path)?, None));
    }
    let addresses: Vec<_> = (settings.host.as_str(), settings.port).to_socket_addrs()?.collect();
    let loopback = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    if !settings.allow_remote && !addresses.iter().all(loopback) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "host {:?} can be reached from other machines, and the catcher takes any mail: \
                 say allow_remote=True if that is meant",
                settings.host
            ),
        ));
    }
    let mut problem = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for address in addresses {
        match listen_tcp(address) {
            Ok(listener) => {
                let address = listener.local_addr()?;
                return Ok((Listener::Tcp(listener), Some(address)));
            }
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn listen_tcp(address: SocketAddr) -> io::Result<mio::net::TcpListener> {
    let listener = mio::net::TcpListener::bind(address)?;
    socket2::SockRef::from(&listener).listen(WAITING)?;
    Ok(listener)
}

#[cfg(unix)]
fn listen_unix(path: &Path) -> io::Result<Listener> {
    Ok(Listener::Unix(mio::net::UnixListener::bind(path)?))
}

#[cfg(not(unix))]
fn listen_unix(_: &Path) -> io::Result<Listener> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system"))
}

/// The names in the server's certificate.
fn names(settings: &Settings) -> io::Result<Vec<String>> {
    let mut names: Vec<_> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let of_loopback = |name: &str| {
        name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback() || ip.is_unspecified())
    };
    for name in [&settings.hostname, &settings.host] {
        if settings.authority.is_some() && !name.is_empty() && !of_loopback(name) {
            let words = format!("authority: a kept one vouches for loopback names alone, not for {name:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
    }
    for name in [&settings.hostname, &settings.host] {
        let unspecified = name.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        if !unspecified && !name.is_empty() && !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// These locks guard plain values, which stay valid after a panic in another thread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn many_connect_before_one_is_accepted() {
        let listener = listen_tcp(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(10));
        let clients: Result<Vec<_>, _> = (0..400).map(connect).collect();
        assert_eq!(clients.unwrap().len(), 400);
    }
}
