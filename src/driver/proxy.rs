//! Connecting through a proxy, without I/O: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT (RFC 9110
//! 9.3.6).
//!
//! A [`Tunnel`] says what to send to the proxy and takes what comes back, until the proxy has
//! connected to the server. Whatever follows comes from the server. Existing libraries for these
//! protocols bring a runtime or a blocking socket of their own, but our three pumps need the same
//! few octets.

use crate::address::name_to_look_up;
use crate::escape::escaped;
use crate::protocol::{Error, Kind, Stage};
use crate::tls::Passage;
use encodify::base64::STANDARD;
use std::fmt;
use std::net::IpAddr;

/// The most octets in a proxy's answer.
const LONGEST: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// This machine looks up the server's name.
    Socks5,
    /// The proxy looks up the server's name.
    Socks5h,
    /// CONNECT. The proxy looks up the name.
    Http,
}

#[derive(Clone)]
pub struct Proxy {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    pub login: Option<(String, String)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({:?} {}:{})", self.scheme, self.host, self.port)
    }
}

impl Proxy {
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub fn resolves_here(&self) -> bool {
        self.scheme == Scheme::Socks5
    }
}

/// Reports an error of connecting as one of the proxy.
pub fn blame(error: Error) -> Error {
    Error { message: format!("the proxy can't be reached: {}", error.message), ..error }
}

#[derive(Debug)]
enum Awaited {
    Method,
    Login,
    Connected,
    Response,
}

#[derive(Debug)]
pub struct Tunnel {
    proxy: Proxy,
    server: String,
    /// The SOCKS request for the server.
    request: Vec<u8>,
    awaited: Awaited,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Tunnel {
    /// Connects to `host` and `port` through this proxy, or to an address if one is given.
    pub fn new(proxy: &Proxy, host: &str, port: u16, address: Option<IpAddr>) -> Result<Self, Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = address.or_else(|| bare.parse().ok());
        let name = name_to_look_up(bare);
        let server = match address {
            Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            Some(IpAddr::V4(address)) => format!("{address}:{port}"),
            None => format!("{name}:{port}"),
        };
        let mut request = vec![5, 1, 0];
        match address {
            Some(IpAddr::V4(address)) => {
                request.push(1);
                request.extend(address.octets());
            }
            Some(IpAddr::V6(address)) => {
                request.push(4);
                request.extend(address.octets());
            }
            None => {
                let too_long = |_| misuse("the server's name is too long for SOCKS5: 255 octets at most");
                request.extend([3, u8::try_from(name.len()).map_err(too_long)?]);
                request.extend(name.as_bytes());
            }
        }
        request.extend(port.to_be_bytes());
        let (awaited, outgoing) = match proxy.scheme {
            Scheme::Http => (Awaited::Response, connect_request(proxy, &server)),
            Scheme::Socks5 | Scheme::Socks5h if proxy.login.is_some() => (Awaited::Method, vec![5, 2, 0, 2]),
            Scheme::Socks5 | Scheme::Socks5h => (Awaited::Method, vec![5, 1, 0]),
        };
        Ok(Self { proxy: proxy.clone(), server, request, awaited, outgoing, incoming: Vec::new() })
    }

    fn hear_method(&mut self) -> Result<(), Error> {
        let Some(&[version, method]) = self.incoming.first_chunk() else { return Ok(()) };
        self.incoming.drain(..2);
        match (version, method, &self.proxy.login) {
            (5, 0, _) => {
                self.awaited = Awaited::Connected;
                self.outgoing = std::mem::take(&mut self.request);
            }
            (5, 2, Some((user, password))) => {
                let mut login = vec![1];
                for (argument, text) in [("user", user), ("password", password)] {
                    let too_long = |_| misuse(&format!("the proxy's {argument} is over 255 octets long"));
                    login.push(u8::try_from(text.len()).map_err(too_long)?);
                    login.extend(text.as_bytes());
                }
                self.awaited = Awaited::Login;
                self.outgoing = login;
            }
            (5, _, None) => return Err(self.failed("it wants a user and a password: put them into its URL")),
            (5, ..) => return Err(self.failed("it takes neither this password nor a client without one")),
            _ => return Err(self.failed("it does not speak SOCKS5; is it a proxy for http://?")),
        }
        Ok(())
    }

    fn hear_login(&mut self) -> Result<(), Error> {
        let Some(&[_, status]) = self.incoming.first_chunk() else { return Ok(()) };
        self.incoming.drain(..2);
        if status != 0 {
            return Err(self.failed("it does not accept this user and password"));
        }
        self.awaited = Awaited::Connected;
        self.outgoing = std::mem::take(&mut self.request);
        Ok(())
    }

    fn hear_connected(&mut self) -> Result<bool, Error> {
        let Some(&[version, reply]) = self.incoming.first_chunk() else { return Ok(false) };
        if version != 5 {
            return Err(self.failed("it does not speak SOCKS5"));
        }
        if reply != 0 {
            return Err(self.failed(match reply {
                2 => "its rules do not allow it",
                3 => "the network is unreachable from there",
                4 => "the host is unreachable from there, or has no address",
                5 => "the server refused the connection",
                6 => "the server did not answer in time",
                7 => "it does not make connections",
                8 => "it does not know this kind of address",
                _ => "it failed, and does not say why",
            }));
        }
        let Some(&[_, _, _, kind, first]) = self.incoming.first_chunk() else { return Ok(false) };
        let address = match kind {
            1 => 4,
            4 => 16,
            _ => 1 + usize::from(first),
        };
        let whole = 4 + address + 2;
        if self.incoming.len() < whole {
            return Ok(false);
        }
        self.incoming.drain(..whole);
        Ok(true)
    }

    fn hear_response(&mut self) -> Result<bool, Error> {
        let Some(end) = memchr::memmem::find(&self.incoming, b"\r\n\r\n") else {
            let begins = self.incoming.get(..5).is_none_or(|start| start == b"HTTP/");
            return if begins { Ok(false) } else { Err(self.failed("it does not speak HTTP")) };
        };
        let head = String::from_utf8_lossy(&self.incoming[..end]).into_owned();
        let status = head.lines().next().unwrap_or_default();
        let mut words = status.splitn(3, ' ');
        let (version, code) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let reason = words.next().unwrap_or_default();
        if !version.starts_with("HTTP/1.") {
            return Err(self.failed("it does not speak HTTP"));
        }
        match code.as_bytes() {
            [b'2', _, _] => {
                self.incoming.drain(..end + 4);
                Ok(true)
            }
            b"407" if self.proxy.login.is_none() => {
                Err(self.failed("it wants a user and a password: put them into its URL"))
            }
            b"407" => Err(self.failed("it does not accept this user and password")),
            _ => Err(self.failed(&escaped(&format!("it said {code} {reason}")))),
        }
    }

    fn failed(&self, why: &str) -> Error {
        let message =
            format!("no connection to {} through the proxy {}: {why}", self.server, self.proxy.name());
        Error::new(Kind::Unreachable, Stage::Connect, message)
    }
}

impl Passage for Tunnel {
    fn pending(&self) -> &[u8] {
        &self.outgoing
    }

    fn sent(&mut self, octets: usize) {
        self.outgoing.drain(..octets.min(self.outgoing.len()));
    }

    fn received(&mut self, octets: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.incoming.extend_from_slice(octets);
        loop {
            let before = self.incoming.len();
            let connected = match self.awaited {
                Awaited::Method => self.hear_method().map(|()| false)?,
                Awaited::Login => self.hear_login().map(|()| false)?,
                Awaited::Connected => self.hear_connected()?,
                Awaited::Response => self.hear_response()?,
            };
            if connected {
                return Ok(Some(std::mem::take(&mut self.incoming)));
            }
            if self.incoming.len() > LONGEST {
                return Err(self.failed("its answer has no end"));
            }
            if self.incoming.len() == before {
                return Ok(None);
            }
        }
    }

    fn received_eof(&self) -> Error {
        self.failed("it closed the connection without an answer")
    }

    fn name(&self) -> String {
        format!("{} by the proxy {}", self.server, self.proxy.name())
    }
}

fn connect_request(proxy: &Proxy, server: &str) -> Vec<u8> {
    let login = match &proxy.login {
        Some((user, password)) => {
            let login = STANDARD.encode(format!("{user}:{password}").as_bytes());
            format!("Proxy-Authorization: Basic {login}\r\n")
        }
        None => String::new(),
    };
    format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{login}\r\n").into_bytes()
}

fn misuse(message: &str) -> Error {
    Error::new(Kind::Misuse, Stage::Connect, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnel(scheme: Scheme, login: bool) -> Tunnel {
        let login = login.then(|| ("ann".to_owned(), "secret".to_owned()));
        let proxy = Proxy { scheme, host: "proxy.test".to_owned(), port: 1080, login };
        Tunnel::new(&proxy, "mail.test", 25, None).unwrap()
    }

    /// Feeds octets one by one. Returns the result of the tunnel.
    fn hear(tunnel: &mut Tunnel, octets: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        for octet in octets {
            if let Some(rest) = tunnel.received(&[*octet])? {
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    fn said(tunnel: &mut Tunnel) -> Vec<u8> {
        let said = tunnel.pending().to_vec();
        tunnel.sent(said.len());
        said
    }

    #[test]
    fn socks_with_a_login() {
        let mut tunnel = tunnel(Scheme::Socks5h, true);
        assert_eq!(said(&mut tunnel), [5, 2, 0, 2]);
        assert!(hear(&mut tunnel, &[5, 2]).unwrap().is_none());
        assert_eq!(said(&mut tunnel), b"\x01\x03ann\x06secret");
        assert!(hear(&mut tunnel, &[1, 0]).unwrap().is_none());
        assert_eq!(said(&mut tunnel), b"\x05\x01\x00\x03\x09mail.test\x00\x19");
        assert_eq!(hear(&mut tunnel, &[5, 0, 0, 1, 127, 0, 0, 1, 0, 25]).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn what_comes_behind_the_answer_is_the_servers() {
        let mut tunnel = tunnel(Scheme::Http, false);
        assert_eq!(said(&mut tunnel), b"CONNECT mail.test:25 HTTP/1.1\r\nHost: mail.test:25\r\n\r\n");
        let answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n220 hi\r\n";
        assert_eq!(tunnel.received(answer).unwrap().unwrap(), b"220 hi\r\n");
    }

    #[test]
    fn every_refusal_says_why() {
        for (scheme, login, answers, why) in [
            (Scheme::Socks5h, false, &b"\x05\xff"[..], "wants a user and a password"),
            (Scheme::Socks5h, true, b"\x05\x02\x01\x01", "does not accept this user"),
            (Scheme::Socks5h, true, b"\x05\xff", "takes neither"),
            (Scheme::Socks5h, false, b"\x05\x00\x05\x05", "refused the connection"),
            (Scheme::Socks5h, false, b"\x05\x00\x05\x04", "unreachable from there"),
            (Scheme::Socks5h, false, b"HTTP/1.1 400", "does not speak SOCKS5"),
            (Scheme::Http, false, b"HTTP/1.1 407 Proxy\r\n\r\n", "wants a user and a password"),
            (Scheme::Http, true, b"HTTP/1.1 407 Proxy\r\n\r\n", "does not accept this user"),
            (Scheme::Http, false, b"HTTP/1.0 403 Filtered\r\n\r\n", "it said 403 Filtered"),
            (Scheme::Http, false, b"HTTP/1.0 \x1b[2J a\xe2\x80\xaeb\r\n\r\n", "said \\u{1b}[2J a\\u{202e}b"),
            (Scheme::Http, false, b"220 mail.test", "does not speak HTTP"),
        ] {
            let error = hear(&mut tunnel(scheme, login), answers).unwrap_err();
            assert!(error.message.contains(why), "{}", error.message);
            assert!(!error.message.contains("secret"));
        }
    }

    #[test]
    fn an_answer_without_an_end_is_an_error() {
        let mut tunnel = tunnel(Scheme::Http, false);
        let endless = [b"HTTP/1.1 200 ".to_vec(), vec![b'x'; LONGEST]].concat();
        assert!(tunnel.received(&endless).unwrap_err().message.contains("no end"));
    }
}
