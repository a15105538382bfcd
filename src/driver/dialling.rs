//! Decides when to try which of a host's addresses, and what to report if none answers: Happy
//! Eyeballs (RFC 8305). Pure: the caller passes the time. Both the blocking driver and the event
//! loop connect as this module says.
//!
//! An attempt that doesn't answer isn't abandoned. The next one begins beside it, and the first to
//! connect wins. So a silent address costs [`DELAY`], and one that is merely slow can still win
//! after the others have failed.

use super::connect::unreachable;
use crate::protocol::error::system_words;
use crate::protocol::{Error, Kind};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The Connection Attempt Delay (RFC 8305 5), and the shortest one.
const DELAY: Duration = Duration::from_millis(250);
const SHORTEST: Duration = Duration::from_millis(10);

/// The addresses of one host, in the order in which they are tried.
#[derive(Debug)]
pub struct Dialling {
    host: String,
    attempts: Vec<Attempt>,
    /// How many of them have been begun.
    begun: usize,
    /// When to begin the next one if nothing else happens. None means at once.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Attempt {
    address: SocketAddr,
    /// Its position in the list of addresses.
    place: usize,
    failure: Option<io::Error>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Begin to connect to the address at this position. If it isn't the first, the text is a line
    /// for the record.
    Dial { place: usize, address: SocketAddr, note: Option<String> },
    /// Wait for the attempts in progress, at most until then.
    Wait(Option<Instant>),
    /// All attempts have failed.
    Nowhere,
}

impl Dialling {
    /// The addresses come in the system's order (RFC 6724). Their families alternate, beginning
    /// with that of the first address (RFC 8305 4).
    pub fn new(host: &str, addresses: &[SocketAddr]) -> Self {
        let is_new = |&(place, address): &(usize, &SocketAddr)| !addresses[..place].contains(address);
        let attempts = addresses.iter().enumerate().filter(is_new);
        let attempts = attempts.map(|(place, &address)| Attempt { address, place, failure: None });
        let first = addresses.first().is_some_and(SocketAddr::is_ipv4);
        let (one, other): (Vec<_>, Vec<_>) = attempts.partition(|attempt| attempt.address.is_ipv4() == first);
        let (mut one, mut other) = (one.into_iter(), other.into_iter());
        let mut attempts = Vec::with_capacity(addresses.len());
        while one.len() + other.len() > 0 {
            attempts.extend(one.next().into_iter().chain(other.next()));
        }
        Self { host: host.to_owned(), attempts, begun: 0, due: None }
    }

    /// What to do with this much time left. All addresses are tried within it.
    pub fn next(&mut self, now: Instant, left: Duration) -> Next {
        let Some(attempt) = self.attempts.get(self.begun) else {
            let over = self.attempts.iter().all(|attempt| attempt.failure.is_some());
            return if over { Next::Nowhere } else { Next::Wait(None) };
        };
        if let Some(due) = self.due.filter(|due| *due > now) {
            return Next::Wait(Some(due));
        }
        let silent = self.attempts[..self.begun].iter().filter(|attempt| attempt.failure.is_none()).count();
        let note = (self.begun > 0).then(|| match silent {
            0 => format!("trying {}", attempt.address),
            1 => format!("trying {}, too: one address does not answer yet", attempt.address),
            n => format!("trying {}, too: {n} addresses do not answer yet", attempt.address),
        });
        let next = Next::Dial { place: attempt.place, address: attempt.address, note };
        let behind = u32::try_from(self.attempts.len() - self.begun).unwrap_or(u32::MAX);
        self.due = now.checked_add(DELAY.min(left / behind).max(SHORTEST));
        self.begun += 1;
        next
    }

    /// The address at this position can't be connected to. Returns a line for the record. The next
    /// attempt needn't wait.
    pub fn failed(&mut self, place: usize, error: io::Error) -> String {
        self.due = None;
        match self.attempts.iter_mut().find(|attempt| attempt.place == place) {
            Some(attempt) => {
                let note = format!("no connection to {}: {}", attempt.address, system_words(&error));
                attempt.failure = Some(error);
                note
            }
            None => format!("no connection: {}", system_words(&error)),
        }
    }

    /// None of the addresses could be connected to. The first one is the preferred one, so its
    /// failure gives the error its kind.
    pub fn nowhere(&self) -> Error {
        let failures = || self.attempts.iter().filter_map(|attempt| attempt.failure.as_ref());
        let is_silent = |error: &&io::Error| error.kind() == io::ErrorKind::TimedOut;
        let not_found = io::ErrorKind::NotFound.into();
        let first = failures().next().unwrap_or(&not_found);
        let mut told = unreachable(&self.host, first);
        told.message = match self.attempts.is_empty() {
            true => told.message,
            false => format!("no connection to {}", self.reasons()),
        };
        if failures().any(|error| is_silent(&error)) {
            told.kind = Kind::Timeout;
        }
        told
    }

    /// The time is over, as this error says. Adds what is known of each address.
    pub fn out_of_time(&self, error: Error) -> Error {
        match self.begun {
            0 => error,
            _ => {
                Error { message: format!("{}; no connection to {}", error.message, self.reasons()), ..error }
            }
        }
    }

    /// The host, and each address that was tried, with the reason.
    fn reasons(&self) -> String {
        let reason = |attempt: &Attempt| match &attempt.failure {
            Some(error) => system_words(error),
            None => "no answer".to_owned(),
        };
        match &self.attempts[..self.begun] {
            [one] => format!("{} ({}): {}", self.host, one.address, reason(one)),
            several => {
                let told: Vec<String> =
                    several.iter().map(|one| format!("{}: {}", one.address, reason(one))).collect();
                format!("{} ({})", self.host, told.join("; "))
            }
        }
    }
}

/// The address to request from a proxy, which takes only one. IPv4 works everywhere.
pub fn best(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
}

/// A few of the name's addresses, for the record.
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

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 25)).collect()
    }

    fn three() -> Dialling {
        Dialling::new("mail.test", &addresses(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]))
    }

    /// The position of the address that should be tried now.
    fn dials(dialling: &mut Dialling, now: Instant, left: Duration) -> Option<usize> {
        match dialling.next(now, left) {
            Next::Dial { place, .. } => Some(place),
            Next::Wait(_) | Next::Nowhere => None,
        }
    }

    #[test]
    fn families_take_turns_and_no_address_comes_twice() {
        let given = addresses(&["::1", "::2", "::1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "::3"]);
        let dialling = Dialling::new("mail.test", &given);
        let places: Vec<usize> = dialling.attempts.iter().map(|attempt| attempt.place).collect();
        assert_eq!(places, [0, 3, 1, 4, 6, 5]);
    }

    #[test]
    fn a_silent_address_costs_a_quarter_of_a_second() {
        let (mut dialling, now) = (three(), Instant::now());
        assert_eq!(dials(&mut dialling, now, 60 * SECOND), Some(0));
        assert_eq!(dialling.next(now, 60 * SECOND), Next::Wait(Some(now + DELAY)));
        let Next::Dial { place: 1, note: Some(note), .. } = dialling.next(now + DELAY, 59 * SECOND) else {
            panic!("the second is not tried")
        };
        assert_eq!(note, "trying 192.0.2.2:25, too: one address does not answer yet");
        assert_eq!(dials(&mut dialling, now + 2 * DELAY, 59 * SECOND), Some(2));
        // All attempts are still in progress: the first may yet answer.
        assert_eq!(dialling.next(now + 3 * DELAY, 59 * SECOND), Next::Wait(None));
    }

    #[test]
    fn after_a_failure_the_next_is_tried_at_once() {
        let (mut dialling, now) = (three(), Instant::now());
        for place in 0..3 {
            assert_eq!(dials(&mut dialling, now, SECOND), Some(place));
            dialling.failed(place, io::ErrorKind::ConnectionRefused.into());
        }
        assert_eq!(dialling.next(now, SECOND), Next::Nowhere);
    }

    #[test]
    fn all_are_tried_within_a_short_time() {
        let (mut dialling, now) = (three(), Instant::now());
        assert_eq!(dials(&mut dialling, now, DELAY * 3 / 5), Some(0));
        assert_eq!(dialling.next(now, DELAY), Next::Wait(Some(now + DELAY / 5)));
        // But not all at the same time.
        assert_eq!(dials(&mut dialling, now + DELAY, Duration::ZERO), Some(1));
        assert_eq!(dialling.next(now + DELAY, SECOND), Next::Wait(Some(now + DELAY + SHORTEST)));
    }

    #[test]
    fn every_address_is_told_with_its_reason() {
        let mut dialling = Dialling::new("mail.test", &addresses(&["192.0.2.1", "2001:db8::1"]));
        for place in 0..2 {
            dials(&mut dialling, Instant::now(), SECOND);
            dialling.failed(place, io::Error::from_raw_os_error(if place == 0 { 111 } else { 101 }));
        }
        let error = dialling.nowhere();
        assert_eq!(error.kind, Kind::ConnectionRefused);
        assert_eq!(
            error.message,
            "no connection to mail.test (192.0.2.1:25: Connection refused; [2001:db8::1]:25: Network is \
             unreachable)"
        );
        assert_eq!(error.os_error, Some(111));
    }

    #[test]
    fn out_of_time_those_that_did_not_answer_are_told_too() {
        let (mut dialling, now) = (three(), Instant::now());
        dials(&mut dialling, now, SECOND);
        dialling.failed(0, io::ErrorKind::ConnectionRefused.into());
        dials(&mut dialling, now, SECOND);
        let error =
            dialling.out_of_time(Error::new(Kind::Timeout, crate::protocol::Stage::Connect, "time is up"));
        assert_eq!(
            error.message,
            "time is up; no connection to mail.test (192.0.2.1:25: connection refused; 192.0.2.2:25: no answer)"
        );
    }

    #[test]
    fn silence_that_the_system_tells_is_a_timeout() {
        let mut dialling = Dialling::new("mail.test", &addresses(&["192.0.2.1"]));
        dials(&mut dialling, Instant::now(), SECOND);
        let note = dialling.failed(0, io::ErrorKind::TimedOut.into());
        assert!(note.starts_with("no connection to 192.0.2.1:25: "));
        assert_eq!(dialling.nowhere().kind, Kind::Timeout);
        assert!(dialling.nowhere().message.starts_with("no connection to mail.test (192.0.2.1:25): "));
        assert_eq!(Dialling::new("mail.test", &[]).nowhere().kind, Kind::Unreachable);
    }

    #[test]
    fn a_proxy_is_asked_for_ipv4_where_there_is_one() {
        let found: Vec<IpAddr> = ["2001:db8::1", "192.0.2.1"].map(|text| text.parse().unwrap()).into();
        assert_eq!(best(&found), Some(found[1]));
        assert_eq!((best(&found[..1]), best(&[])), (Some(found[0]), None));
    }
}
