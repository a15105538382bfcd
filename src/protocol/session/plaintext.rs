//! What may be sent over a connection without TLS. This is the only place with that rule: every
//! request, every command line from the caller and every run of raw octets is checked here.
//!
//! A login (AUTH) and mail (MAIL, RCPT, DATA, BDAT) need a connection that is encrypted or stays
//! on this machine, unless the caller has allowed otherwise. Once TLS has been requested, neither
//! is sent without it, even on this machine. The other commands carry nothing that needs
//! protection, and EHLO has to come before STARTTLS.

use super::Session;
use crate::protocol::awaited::Awaited;
use crate::protocol::command::Verb;
use crate::protocol::error::{Advice, Error, Kind};
use crate::protocol::state::State;

/// What the caller allows over a connection without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// Neither a login nor mail, because TLS was requested.
    Nothing,
    /// Everything, if the connection stays on this machine.
    Local,
    /// As above, and mail to any server.
    Mail,
    /// Mail and passwords, to any server.
    Everything,
}

impl Session {
    /// Whether TLS isn't needed for `verb`, or is up.
    pub(super) fn check_plaintext(&self, verb: Verb) -> Result<(), Error> {
        if self.tls.up || !verb.is_private() {
            return Ok(());
        }
        let why = match (self.options.plaintext, verb) {
            (Plaintext::Everything, _) => return Ok(()),
            (Plaintext::Nothing, _) => {
                let why = "TLS was asked for and is not in use: no login and no mail goes out in plaintext";
                return Err(self.misuse(Awaited::Command(verb).stage(), why));
            }
            _ if self.tls.local => return Ok(()),
            (Plaintext::Mail | Plaintext::Local, Verb::Auth) => {
                "the connection is not encrypted, and the password could be read on the way"
            }
            (Plaintext::Mail, _) => return Ok(()),
            (Plaintext::Local, _) => "the connection is not encrypted, and the mail could be read on the way",
        };
        let advice = if verb == Verb::Auth { Advice::Encrypt } else { Advice::EncryptMail };
        Err(Error::new(Kind::NotSupported, Awaited::Command(verb).stage(), why).with_advice(advice))
    }

    /// The same for octets that the caller framed. In a group of lines only the first one counts,
    /// since what follows may be mail data.
    pub(super) fn check_raw_plaintext(&self, octets: &[u8]) -> Result<(), Error> {
        if self.tls.up || matches!(self.state, State::Data | State::Authenticating) {
            return Ok(());
        }
        let line = octets.split(|&octet| octet == b'\r' || octet == b'\n').next().unwrap_or_default();
        // No verb with white space before it is that long.
        let begin = &line[..line.len().min(64)];
        self.check_plaintext(Verb::of_line(&String::from_utf8_lossy(begin)))
    }

    /// From now on, nothing is sent without TLS.
    pub(super) fn demand_tls(&mut self) {
        self.options.plaintext = Plaintext::Nothing;
    }
}
