//! What may go over a connection without TLS. This is the one rule: every request, every
//! command line of the caller's and every run of raw octets passes it.
//!
//! A login (AUTH) and mail (MAIL, RCPT, DATA, BDAT) need a connection that is encrypted, or
//! that does not leave this machine, unless the caller has said otherwise. Once TLS has been
//! asked for, neither goes without it, on this machine too. The other commands carry
//! nothing that needs protection: EHLO has to come before STARTTLS.

use super::Session;
use crate::protocol::command::Verb;
use crate::protocol::error::{Advice, Error, Kind};
use crate::protocol::outgoing::Awaited;
use crate::protocol::state::State;

/// What the caller lets go over a connection without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// Neither a login nor mail: TLS was asked for.
    Nothing,
    /// What stays on this machine.
    Local,
    /// That, and mail to any server.
    Mail,
    /// Mail and passwords, to any server.
    Everything,
}

impl Session {
    /// Whether `verb` may be said now, as far as TLS is concerned.
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

    /// The same for octets that the caller framed: of a group of lines the first one counts,
    /// since what follows it may be mail data.
    pub(super) fn check_raw_plaintext(&self, octets: &[u8]) -> Result<(), Error> {
        if self.tls.up || matches!(self.state, State::Data | State::Authenticating) {
            return Ok(());
        }
        let line = octets.split(|&octet| octet == b'\r' || octet == b'\n').next().unwrap_or_default();
        // No verb and no white space before it is that long.
        let begin = &line[..line.len().min(64)];
        self.check_plaintext(Verb::of_line(&String::from_utf8_lossy(begin)))
    }

    /// From here on it is TLS or nothing.
    pub(super) fn demand_tls(&mut self) {
        self.options.plaintext = Plaintext::Nothing;
    }
}
