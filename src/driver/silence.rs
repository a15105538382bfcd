//! The likely reason for a server's silence before its greeting: a server that waits for TLS sends
//! nothing, and neither does a client that waits for the greeting.

use super::deadline::Deadline;
use crate::protocol::error::Advice;
use crate::protocol::{Error, Kind, Stage};
use std::time::Duration;

/// Implicit TLS (RFC 8314 3.3).
const SUBMISSIONS: u16 = 465;

/// On the port of implicit TLS, a server without TLS would have greeted within this time. On
/// another port the server may take longer (RFC 5321 4.5.3.2.1), and only the likely reason is
/// reported.
const SILENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Silence {
    /// The server's port. None for a Unix socket, a proxy, or if TLS comes first.
    port: Option<u16>,
    is_told: bool,
}

impl Silence {
    /// Waits for a greeting without TLS from this port.
    pub fn on(port: Option<u16>) -> Self {
        Self { port, is_told: false }
    }

    /// The time left for this stage, or the error that it is over.
    pub fn left(&self, stage: Stage, deadline: &Deadline) -> Result<Duration, Error> {
        let Some(port) = self.port.filter(|_| stage == Stage::Greeting) else { return deadline.left(stage) };
        // Each side waits for the other's first octet, because in TLS the client speaks first.
        let most = if port == SUBMISSIONS { SILENCE } else { Duration::MAX };
        deadline.left_within(stage, most).map_err(|error| {
            let kind = if port == SUBMISSIONS { Kind::Silent } else { error.kind };
            let likely = match port {
                SUBMISSIONS => "port 465 is for TLS from the first octet",
                _ => "a server that waits for TLS is silent, too",
            };
            let message = format!("{}: {likely}", error.message);
            Error { kind, message, ..error }.with_advice(Advice::BeginWithTls)
        })
    }

    /// The port on which the server may take its time, while its silence hasn't been reported.
    fn untold(&self, stage: Stage) -> Option<u16> {
        self.port.filter(|port| !self.is_told && stage == Stage::Greeting && *port != SUBMISSIONS)
    }

    /// Why there may be no greeting after a few seconds. Reported once.
    pub fn tell(&mut self, stage: Stage, deadline: &Deadline) -> Option<String> {
        let port = self.untold(stage).filter(|_| deadline.waited() >= SILENCE)?;
        self.is_told = true;
        let seconds = SILENCE.as_secs();
        Some(format!(
            "no greeting on port {port} for {seconds} s: the server is slow, or it waits for TLS from the \
             first octet"
        ))
    }

    /// How long to wait for a greeting before its absence is reported.
    pub fn until_told(&self, stage: Stage, deadline: &Deadline) -> Option<Duration> {
        self.untold(stage).map(|_| SILENCE.saturating_sub(deadline.waited()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Patience;

    #[test]
    fn silence_on_the_port_of_implicit_tls_is_not_waited_out() {
        let deadline = Deadline::start(Patience::default());
        let left = |port, stage| Silence::on(Some(port)).left(stage, &deadline).unwrap();
        assert!(left(465, Stage::Greeting) <= SILENCE);
        assert!(left(465, Stage::Mail) > SILENCE);
        assert!(left(587, Stage::Greeting) > SILENCE);
    }

    #[test]
    fn on_another_port_silence_is_told_once_and_waited_out() {
        let mut deadline = Deadline::start(Patience::default());
        let mut silence = Silence::on(Some(587));
        assert!(silence.until_told(Stage::Greeting, &deadline).unwrap() <= SILENCE);
        assert_eq!(silence.tell(Stage::Greeting, &deadline), None);
        deadline.backdate(SILENCE);
        assert_eq!(silence.tell(Stage::Mail, &deadline), None);
        assert!(silence.tell(Stage::Greeting, &deadline).unwrap().contains("waits for TLS"));
        assert_eq!(silence.tell(Stage::Greeting, &deadline), None);
        assert_eq!(silence.until_told(Stage::Greeting, &deadline), None);
        assert!(silence.left(Stage::Greeting, &deadline).unwrap() > SILENCE);
        assert_eq!(Silence::on(Some(465)).until_told(Stage::Greeting, &deadline), None);
        assert_eq!(Silence::on(None).until_told(Stage::Greeting, &deadline), None);
    }

    #[test]
    fn a_timeout_tells_the_likely_reason() {
        let deadline = Deadline::start(Patience { stage: Some(Duration::ZERO), operation: None });
        for (port, kind, words) in
            [(465, Kind::Silent, "port 465 is for TLS"), (25, Kind::Timeout, "waits for TLS is silent, too")]
        {
            let error = Silence::on(Some(port)).left(Stage::Greeting, &deadline).unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(error.message.contains(words), "{error}");
        }
        assert!(!Error::new(Kind::Silent, Stage::Greeting, "").is_transient());
    }
}
