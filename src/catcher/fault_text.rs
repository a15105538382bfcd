//! Describes a fault in words, for displays.

use std::fmt;

use crate::escape::escaped;

use super::counted::counted;
use super::fault::{BadCertificate, Disconnect, Fault, FaultReply};

/// For example `replies 450 4.2.1 try later; after 2 s; then disconnects`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = vec![self.said()];
        if let Some(certificate) = self.certificate {
            words = vec![certificate.words().to_owned()];
        }
        if self.stall {
            words = vec!["never replies".to_owned()];
        }
        if !self.extra.is_empty() {
            words.push(format!("and at once {}", quoted(&self.extra)));
        }
        if self.endless {
            words.push("repeated without end".to_owned());
        }
        if !self.delay.is_zero() {
            words.push(format!("after {:?}", self.delay));
        }
        if let Some(pause) = self.drip {
            words.push(format!("an octet every {pause:?}"));
        }
        if self.after > 0 {
            words.push(format!("after {}", counted(self.after, "octet")));
        }
        match self.disconnect {
            None => {}
            Some(Disconnect::Fin) => words.push("disconnects".to_owned()),
            Some(Disconnect::Reset) => words.push("resets the connection".to_owned()),
            Some(Disconnect::HalfClose) => words.push("says no more but reads on".to_owned()),
        }
        match self.accept {
            None => {}
            Some(true) => words.push("the command takes effect".to_owned()),
            Some(false) => words.push("the command has no effect".to_owned()),
        }
        words.retain(|word| !word.is_empty());
        if words.is_empty() {
            return write!(f, "replies as usual");
        }
        write!(f, "{}", words.join("; "))
    }
}

impl Fault {
    fn said(&self) -> String {
        match &self.reply {
            FaultReply::Reply { wire, .. } | FaultReply::Raw(wire) => format!("says {}", quoted(wire)),
            FaultReply::Nothing if self.disconnect.is_none() => "says nothing".to_owned(),
            FaultReply::Usual | FaultReply::Nothing => String::new(),
        }
    }
}

impl BadCertificate {
    fn words(self) -> &'static str {
        match self {
            BadCertificate::WrongName => "shows a certificate for another host",
            BadCertificate::Expired => "shows an expired certificate",
            BadCertificate::NotYetValid => "shows a certificate that is not yet valid",
            BadCertificate::Untrusted => "shows a certificate of an unknown authority",
            BadCertificate::SelfSigned => "shows a self-signed certificate",
        }
    }
}

/// Shows octets in readable form, shortened. The usual line end is left out.
fn quoted(octets: &[u8]) -> String {
    const SHOWN: usize = 200;
    let octets = octets.strip_suffix(b"\r\n").unwrap_or(octets);
    let (shown, more) = match octets.get(..SHOWN) {
        Some(shown) if octets.len() > SHOWN => (shown, "..."),
        _ => (octets, ""),
    };
    let text = String::from_utf8_lossy(shown);
    format!("\u{201c}{}{more}\u{201d}", escaped(&text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stage::Stage;
    use super::*;

    #[test]
    fn a_fault_says_what_it_does() {
        let refusal = Fault {
            reply: FaultReply::Reply { code: 450, wire: b"450 4.2.1 try later\r\n".to_vec() },
            delay: Duration::from_millis(1500),
            ..Fault::at(Stage::Rcpt)
        };
        assert_eq!(refusal.to_string(), "says \u{201c}450 4.2.1 try later\u{201d}; after 1.5s");
        let cut = Fault {
            reply: FaultReply::Nothing,
            disconnect: Some(Disconnect::Reset),
            ..Fault::at(Stage::Data)
        };
        assert_eq!(cut.to_string(), "resets the connection");
        assert_eq!(Fault::at(Stage::Data).to_string(), "replies as usual");
    }

    #[test]
    fn octets_are_shown_and_not_sent_on() {
        let raw = Fault { reply: FaultReply::Raw(b"2\x1b[0m\r\n".to_vec()), ..Fault::at(Stage::Noop) };
        assert_eq!(raw.to_string(), "says \u{201c}2\\u{1b}[0m\u{201d}");
    }
}
