//! What proves a user's identity, checked once.

use super::gssapi::Held;
use super::mechanism::Mechanism;
use super::scram::{self, Derived};
use std::fmt;

/// What proves the user's identity.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Password(String),
    /// An OAuth 2.0 access token, for OAUTHBEARER and XOAUTH2.
    AccessToken(String),
    /// No secret of ours: the client's TLS certificate, for EXTERNAL. The user may be empty, in
    /// which case it is the one that the certificate names.
    Certificate,
    /// A Kerberos ticket. The user may be empty, in which case it is the ticket's owner.
    Ticket(Held),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// A user and a secret without NUL, CR or LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) secret: Secret,
    /// The mechanism that the caller has chosen.
    pub(super) mechanism: Option<Mechanism>,
    /// What SCRAM has made of the password.
    pub(super) derived: Derived,
}

impl Credentials {
    /// Refuses NUL, CR and LF, which would end or split a mechanism's message.
    pub fn new(user: &str, secret: Secret) -> Result<Self, BadCredential> {
        let (argument, text) = match &secret {
            Secret::Password(text) => ("password", text.as_str()),
            Secret::AccessToken(text) => ("access_token", text.as_str()),
            Secret::Certificate | Secret::Ticket(_) => ("user", ""),
        };
        for (argument, text) in [("user", user), (argument, text)] {
            if text.contains(['\0', '\r', '\n']) {
                return Err(BadCredential { argument, why: "contains NUL, CR or LF" });
            }
        }
        // RFC 7628 3.1 and XOAUTH2 separate their fields with ^A. A token is visible ASCII (RFC
        // 6750 2.1).
        if matches!(&secret, Secret::AccessToken(_)) {
            if user.contains('\x01') {
                return Err(BadCredential { argument: "user", why: "contains a control character" });
            }
            if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
                return Err(BadCredential { argument, why: "is not visible ASCII" });
            }
        }
        let credentials =
            Self { user: user.to_owned(), secret, mechanism: None, derived: Derived::default() };
        match credentials.secret {
            // These mechanisms are used only if the caller names them.
            Secret::Certificate => credentials.by(Mechanism::External),
            Secret::Ticket(_) => credentials.by(Mechanism::Gssapi),
            _ => Ok(credentials),
        }
    }

    /// Whether asking for them again may give others. A ticket is kept by the library that has
    /// got it, and would be the same one.
    pub fn may_be_renewed(&self) -> bool {
        matches!(self.secret, Secret::Password(_) | Secret::AccessToken(_))
    }

    /// Logs in with this mechanism and no other.
    pub fn by(self, mechanism: Mechanism) -> Result<Self, BadCredential> {
        if !mechanism.takes(&self.secret) {
            return Err(BadCredential { argument: "mechanism", why: "takes another kind of secret" });
        }
        if let Mechanism::Scram { .. } = mechanism
            && let Err(argument) = scram::prepared(&self.user, self.secret())
        {
            let why = "is empty, or has characters that SCRAM does not take (SASLprep, RFC 4013)";
            return Err(BadCredential { argument, why });
        }
        Ok(Self { mechanism: Some(mechanism), ..self })
    }

    /// The password or the token.
    pub fn secret(&self) -> &str {
        match &self.secret {
            Secret::Password(text) | Secret::AccessToken(text) => text,
            Secret::Certificate | Secret::Ticket(_) => "",
        }
    }

    /// The mechanism that the caller has chosen.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    pub fn fits(&self, mechanism: Mechanism) -> bool {
        mechanism.takes(&self.secret)
    }
}

/// The error names the argument, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCredential {
    pub argument: &'static str,
    pub why: &'static str,
}

impl fmt::Display for BadCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.argument, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hash;
    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::new(user, Secret::Password(password.to_owned())).unwrap()
    }

    #[test]
    fn a_named_mechanism_has_to_fit() {
        let refused = |credentials: Credentials, mechanism| credentials.by(mechanism).unwrap_err();
        let scram = Mechanism::Scram { hash: Hash::Sha256, plus: false };
        assert_eq!(refused(password("u", "p"), Mechanism::External).argument, "mechanism");
        assert_eq!(refused(password("u", "p\u{7}"), scram).argument, "password");
        assert_eq!(refused(password("", "p"), scram).argument, "user");
        let token = Credentials::new("u", Secret::AccessToken("t".to_owned())).unwrap();
        assert_eq!(refused(token, Mechanism::Plain).argument, "mechanism");
    }

    #[test]
    fn credentials_that_would_part_a_message_are_refused_and_not_shown() {
        for bad in ["a\0b", "a\rb", "a\nb"] {
            assert_eq!(Credentials::new(bad, Secret::Password(String::new())).unwrap_err().argument, "user");
            let refused = Credentials::new("u", Secret::Password(bad.to_owned())).unwrap_err();
            assert_eq!(refused.to_string(), "password contains NUL, CR or LF");
            assert!(Credentials::new("u", Secret::AccessToken(bad.to_owned())).is_err());
        }
        assert!(Credentials::new("u", Secret::AccessToken("a b".to_owned())).is_err());
        assert!(!format!("{:?}", password("u", "hunter2")).contains("hunter2"));
    }
}
