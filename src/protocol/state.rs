//! The states of a session, and how replies change them (RFC 5321 3, 4.1.4).
//!
//! ```text
//! connected --220--> greeted --EHLO--> ready --AUTH--> authenticated
//!                                       |  ^                |
//!                                STARTTLS  EHLO             | MAIL
//!                                       v  |                v
//!                        securing --> secured             mail --RCPT--> recipients
//!                                                           ^               | DATA
//!                            (RSET, or the answer to        |               v
//!                             the end of mail data, leads back to rest)    data
//! ```
//! A transaction starts and ends in `ready` or `authenticated`. QUIT or a 421 leads from any state
//! to `closed`, and a broken conversation to `broken`.

use super::code;
use super::command::Verb;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting for the greeting.
    Connected,
    /// The server has said 220.
    Greeted,
    /// The server has greeted with a refusal. Only QUIT is allowed.
    Rejected,
    /// EHLO, HELO or LHLO has been answered.
    Ready,
    /// 220 to STARTTLS: the TLS handshake comes next.
    Securing,
    /// TLS is up, and everything learnt before it is forgotten.
    Secured,
    /// In the middle of an AUTH exchange.
    Authenticating,
    Authenticated,
    /// The reverse-path is accepted.
    Mail,
    /// At least one forward-path is accepted.
    Recipients,
    /// 354: mail data comes next or is being sent.
    Data,
    Closed,
    /// The conversation lost its order. Nothing more can be sent.
    Broken,
}

/// How a reply changes the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Stay,
    /// Back to the state in which the session rests between transactions.
    Rest,
    To(State),
}

impl State {
    pub const ALL: [Self; 13] = [
        Self::Connected,
        Self::Greeted,
        Self::Rejected,
        Self::Ready,
        Self::Securing,
        Self::Secured,
        Self::Authenticating,
        Self::Authenticated,
        Self::Mail,
        Self::Recipients,
        Self::Data,
        Self::Closed,
        Self::Broken,
    ];

    /// All states by name.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let (mut names, mut at) = ([""; Self::ALL.len()], 0);
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    pub const fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Greeted => "greeted",
            Self::Rejected => "rejected",
            Self::Ready => "ready",
            Self::Securing => "securing",
            Self::Secured => "secured",
            Self::Authenticating => "authenticating",
            Self::Authenticated => "authenticated",
            Self::Mail => "mail",
            Self::Recipients => "recipients",
            Self::Data => "data",
            Self::Closed => "closed",
            Self::Broken => "broken",
        }
    }

    /// Whether RFC 5321 4.1.4 lets a client send this command here. A server may still refuse it.
    /// The session checks this before sending only if an illegal command would disturb the order
    /// of the replies.
    pub fn allows(self, verb: Verb) -> bool {
        use Verb::*;
        match self {
            Self::Connected | Self::Securing | Self::Authenticating | Self::Data => false,
            Self::Closed | Self::Broken => false,
            Self::Rejected => verb == Quit,
            Self::Greeted | Self::Secured => {
                matches!(verb, Ehlo | Helo | Lhlo | Rset | Noop | Vrfy | Expn | Help | Quit | Other)
            }
            Self::Ready => !matches!(verb, Rcpt | Data | Bdat),
            Self::Authenticated => !matches!(verb, Rcpt | Data | Bdat | Auth | StartTls),
            Self::Mail => !matches!(verb, Mail | Data | Bdat | Auth | StartTls | Xclient),
            Self::Recipients => !matches!(verb, Mail | Auth | StartTls | Xclient),
        }
    }

    /// How the reply `code` to a command with this verb changes this state.
    pub fn after(self, verb: Verb, code: u16) -> Next {
        use Verb::*;
        let done = code / 100 == 2;
        match verb {
            _ if code == code::SERVICE_NOT_AVAILABLE => Next::To(Self::Closed),
            Quit => Next::To(Self::Closed),
            // A new greeting command also ends a transaction (RFC 5321 4.1.4).
            Ehlo | Helo | Lhlo if done => match self {
                Self::Authenticated => Next::Stay,
                Self::Mail | Self::Recipients => Next::Rest,
                _ => Next::To(Self::Ready),
            },
            StartTls if code == code::SERVICE_READY => Next::To(Self::Securing),
            Auth if code == code::AUTH_CONTINUES => Next::To(Self::Authenticating),
            Auth if code == code::AUTHENTICATED => Next::To(Self::Authenticated),
            Auth if self == Self::Authenticating => Next::Rest,
            Mail if done => Next::To(Self::Mail),
            Rcpt if done => Next::To(Self::Recipients),
            Data if code == code::START_MAIL_INPUT => Next::To(Self::Data),
            // The session acts for another client, which hasn't introduced itself yet.
            Xclient if code == code::SERVICE_READY => Next::To(Self::Greeted),
            Rset if done && matches!(self, Self::Mail | Self::Recipients) => Next::Rest,
            _ => Next::Stay,
        }
    }

    /// How the greeting (RFC 5321 3.1) changes [`State::Connected`].
    pub fn after_greeting(code: u16) -> Next {
        match code {
            code::SERVICE_READY => Next::To(Self::Greeted),
            code::SERVICE_NOT_AVAILABLE => Next::To(Self::Closed),
            _ => Next::To(Self::Rejected),
        }
    }

    /// How the reply to the end of mail data changes the state. Whether the mail was accepted or
    /// not, the transaction is over.
    pub fn after_mail_data(code: u16) -> Next {
        if code == code::SERVICE_NOT_AVAILABLE { Next::To(Self::Closed) } else { Next::Rest }
    }

    /// Whether the session can rest here between transactions.
    pub fn is_rest(self) -> bool {
        matches!(self, Self::Greeted | Self::Ready | Self::Secured | Self::Authenticated)
    }

    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Broken)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorials_path() {
        let mut state = State::Greeted;
        for (verb, code, name) in
            [(Verb::Ehlo, 250, "ready"), (Verb::StartTls, 220, "securing"), (Verb::Other, 250, "securing")]
        {
            if let Next::To(next) = state.after(verb, code) {
                state = next;
            }
            assert_eq!(state.name(), name);
        }
    }

    #[test]
    fn a_421_closes_and_a_refusal_leaves_the_state_everywhere() {
        for state in State::ALL {
            for verb in Verb::ALL {
                assert_eq!(state.after(verb, 421), Next::To(State::Closed));
                if verb != Verb::Quit && !(verb == Verb::Auth && state == State::Authenticating) {
                    assert_eq!(state.after(verb, 550), Next::Stay, "{state} {verb}");
                }
            }
        }
    }

    #[test]
    fn every_state_that_is_not_over_can_be_left() {
        for state in State::ALL.into_iter().filter(|s| !s.is_over()) {
            let by_command = Verb::ALL.into_iter().any(|verb| state.allows(verb));
            let by_waiting =
                matches!(state, State::Connected | State::Securing | State::Authenticating | State::Data);
            assert!(by_command != by_waiting, "{state}");
        }
    }
}
