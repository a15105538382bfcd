//! Which of a host's addresses is tried next, for how long, and what is told when none of
//! them answers. Pure: the blocking driver and the event loop connect as it says.

use super::connect::unreachable;
use crate::protocol::error::system_words;
use crate::protocol::{Error, Kind};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The addresses of one host, in the order in which the system gave them.
#[derive(Debug)]
pub struct Dialling {
    host: String,
    addresses: Vec<SocketAddr>,
    /// How many were tried; the last of them is under way.
    tried: usize,
    first_failure: Option<(SocketAddr, io::Error)>,
}

impl Dialling {
    pub fn new(host: &str, addresses: Vec<SocketAddr>) -> Self {
        Self { host: host.to_owned(), addresses, tried: 0, first_failure: None }
    }

    /// The next address, and its share of what is left of the time: one that does not answer
    /// leaves time for those behind it. None: all have been tried.
    pub fn next_address(&mut self, left: Duration) -> Option<(SocketAddr, Duration)> {
        let address = *self.addresses.get(self.tried)?;
        let behind = u32::try_from(self.addresses.len() - self.tried).unwrap_or(u32::MAX);
        self.tried += 1;
        Some((address, left / behind))
    }

    /// The address that was tried last can't be connected to: as a line of the record.
    pub fn failed(&mut self, error: io::Error) -> String {
        let Some(&address) = self.tried.checked_sub(1).and_then(|last| self.addresses.get(last)) else {
            return format!("no connection: {}", system_words(&error));
        };
        let note = format!("no connection to {address}: {}", system_words(&error));
        self.first_failure.get_or_insert((address, error));
        note
    }

    /// None of the addresses could be connected to. The first is the one that was meant, so
    /// its failure is told.
    pub fn nowhere(self) -> Error {
        let Some((address, error)) = self.first_failure else {
            return unreachable(&self.host, &io::ErrorKind::NotFound.into());
        };
        let more = match self.addresses.len() {
            1 => String::new(),
            n => format!(", and {} more of its addresses failed", n - 1),
        };
        let mut failed = unreachable(&format!("{} ({address}{more})", self.host), &error);
        if error.kind() == io::ErrorKind::TimedOut {
            failed.kind = Kind::Timeout;
        }
        failed
    }
}

/// The address that a proxy is asked for: it can be one only, and IPv4 goes everywhere.
pub fn best(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
}

/// For the record: a few of the addresses that a name has.
pub fn looked_up(host: &str, addresses: &[IpAddr]) -> String {
    const SHOWN: usize = 4;
    let mut found: Vec<String> = addresses.iter().take(SHOWN).map(IpAddr::to_string).collect();
    if addresses.len() > SHOWN {
        found.push(format!("{} more", addresses.len() - SHOWN));
    }
    format!("looked up {host}: {}", found.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn addresses(count: u8) -> Vec<SocketAddr> {
        (1..=count).map(|last| SocketAddr::from(([192, 0, 2, last], 25))).collect()
    }

    #[test]
    fn each_address_has_its_share_of_what_is_left() {
        let mut dialling = Dialling::new("mail.test", addresses(3));
        // The first takes its whole share, the second fails at once: the third has the rest.
        let shares: Vec<_> = [9, 6, 6].map(|left| dialling.next_address(left * SECOND).unwrap().1).into();
        assert_eq!(shares, [3 * SECOND, 3 * SECOND, 6 * SECOND]);
        assert!(dialling.next_address(SECOND).is_none());
    }

    #[test]
    fn the_first_failure_is_told() {
        let mut dialling = Dialling::new("mail.test", addresses(2));
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut] {
            dialling.next_address(SECOND).unwrap();
            dialling.failed(kind.into());
        }
        let error = dialling.nowhere();
        assert_eq!(error.kind, Kind::ConnectionRefused);
        assert!(error.message.contains("mail.test (192.0.2.1:25, and 1 more of its addresses failed)"));
    }

    #[test]
    fn silence_of_the_first_is_a_timeout() {
        let mut dialling = Dialling::new("mail.test", addresses(1));
        dialling.next_address(SECOND).unwrap();
        assert!(
            dialling.failed(io::ErrorKind::TimedOut.into()).starts_with("no connection to 192.0.2.1:25: ")
        );
        assert_eq!(dialling.nowhere().kind, Kind::Timeout);
        assert_eq!(Dialling::new("mail.test", Vec::new()).nowhere().kind, Kind::Unreachable);
    }

    #[test]
    fn a_proxy_is_asked_for_ipv4_where_there_is_one() {
        let found: Vec<IpAddr> = ["2001:db8::1", "192.0.2.1"].map(|text| text.parse().unwrap()).into();
        assert_eq!(best(&found), Some(found[1]));
        assert_eq!((best(&found[..1]), best(&[])), (Some(found[0]), None));
    }
}
