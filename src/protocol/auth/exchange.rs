//! One exchange, whichever its mechanism.

use super::credentials::{Credentials, Secret};
use super::gssapi::Gssapi;
use super::line::{decode, fits_a_line};
use super::login::Login;
use super::mechanism::Mechanism;
use super::scram::{Bound, ChannelBinding, Scram};
use super::{cram, oauth};
use crate::protocol::error::Error;
use encodify::base64::STANDARD;
use std::{fmt, vec};

/// The reaction to a challenge.
#[derive(Debug)]
#[must_use = "an unsaid answer stalls the exchange"]
pub enum Answer {
    Say(Vec<u8>),
    /// [`Exchange::work`] must run before there is an answer.
    Work,
    /// The server has said why it will refuse. Listen until its final reply.
    Refused(String),
    /// The exchange must be cancelled.
    Cancel,
    /// The server can't be trusted, for this reason. Send nothing more.
    Distrust(String),
    /// There is no answer, for this reason.
    Failed(Error),
}

/// What an exchange depends on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The mechanisms that the server offers.
    pub offered: &'a [String],
    /// The available channel bindings, best first.
    pub bindings: &'a [ChannelBinding],
    /// An unpredictable nonce for SCRAM: printable ASCII without a comma.
    pub nonce: fn() -> Option<String>,
}

impl Ground<'_> {
    fn bound(&self, plus: bool) -> Bound {
        // Any hash will do: a server that offers one -PLUS mechanism can bind.
        let offers_plus = || {
            let mut named = self.offered.iter().filter_map(|name| Mechanism::from_name(name));
            named.any(|mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. }))
        };
        match (plus, self.bindings.first()) {
            (true, Some(binding)) => Bound::By(binding.clone()),
            (false, Some(_)) if !offers_plus() => Bound::NotOffered,
            _ => Bound::No,
        }
    }
}

/// An initial response if the client speaks first in this mechanism, then a response to each
/// challenge.
pub struct Exchange {
    mechanism: Mechanism,
    credentials: Credentials,
    side: Side,
    /// The initial response, if it was too long to be sent with the command. It answers the first
    /// 334.
    withheld: Option<Vec<u8>>,
}

/// The client's side of a mechanism, with what it keeps between two responses.
enum Side {
    /// PLAIN, EXTERNAL and tokens: what is said doesn't depend on the challenges.
    Recited(vec::IntoIter<Vec<u8>>),
    CramMd5 {
        has_answered: bool,
    },
    Login(Login),
    Scram(Box<Scram>),
    Gssapi(Box<Gssapi>),
}

impl Exchange {
    /// None if the mechanism can't be used here: there is no channel binding, SCRAM doesn't accept
    /// the characters, there are no random octets, or the secret is of another kind.
    pub fn new(mechanism: Mechanism, credentials: Credentials, ground: Ground<'_>) -> Option<Self> {
        let (user, secret) = (&credentials.user, credentials.secret());
        let recited = |messages: Vec<Vec<u8>>| Side::Recited(messages.into_iter());
        let side = match mechanism {
            Mechanism::Scram { plus: true, .. } if ground.bindings.is_empty() => return None,
            Mechanism::Scram { hash, plus } => {
                let (derived, bound) = (credentials.derived.clone(), ground.bound(plus));
                let scram = Scram::new(derived, hash, bound, user, secret, (ground.nonce)()?)?;
                Side::Scram(Box::new(scram))
            }
            Mechanism::CramMd5 => Side::CramMd5 { has_answered: false },
            Mechanism::OAuthBearer => recited(oauth::oauthbearer(user, secret).into()),
            Mechanism::XOAuth2 => recited(oauth::xoauth2(user, secret).into()),
            // RFC 4616 2.
            Mechanism::Plain => recited(vec![format!("\0{user}\0{secret}").into_bytes()]),
            Mechanism::Login => Side::Login(Login::default()),
            // The identity to act as. Empty means the owner of the certificate.
            Mechanism::External => recited(vec![user.clone().into_bytes()]),
            Mechanism::Gssapi => {
                let Secret::Ticket(ticket) = &credentials.secret else { return None };
                // Other implementations know this one (RFC 5929), whatever the TLS version.
                let certificate = ground.bindings.iter().find(|one| one.name == ChannelBinding::CERTIFICATE);
                Side::Gssapi(Box::new(Gssapi::new(ticket, user, certificate)))
            }
        };
        Some(Self { mechanism, credentials, side, withheld: None })
    }

    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What can be sent with the AUTH command itself to save a turn (RFC 4954 4). No specification
    /// allows this for LOGIN: servers that ignore the response there ask for the user name. Only
    /// smtplib sends it anyway.
    pub fn initial_response(&mut self, like_smtplib: bool) -> Option<Vec<u8>> {
        let speaks_first = match self.side {
            // A ticket can be longer than a line may be.
            Side::CramMd5 { .. } | Side::Gssapi(_) => false,
            Side::Login(_) => like_smtplib,
            Side::Recited(_) | Side::Scram(_) => true,
        };
        if !speaks_first {
            return None;
        }
        let Answer::Say(response) = self.respond(b"") else { return None };
        if !fits_a_line(self.mechanism.name(), &response) {
            self.withheld = Some(response);
            return None;
        }
        Some(response)
    }

    pub(in crate::protocol) fn secret(&self) -> &str {
        self.credentials.secret()
    }

    /// For these mechanisms, a challenge says why the server refuses the token (RFC 7628 3.2.3).
    pub fn is_by_token(&self) -> bool {
        matches!(self.mechanism, Mechanism::OAuthBearer | Mechanism::XOAuth2)
    }

    /// Whether another mechanism may be tried after the server refuses this one. Not if it is bound
    /// to TLS: an attacker in between can't bind, and would refuse it too.
    pub fn may_give_way(&self) -> bool {
        !matches!(&self.side, Side::Scram(scram) if scram.is_bound())
    }

    /// Whether the server has to prove something before we believe that the login succeeded.
    pub fn wants_proof(&self) -> bool {
        matches!(self.side, Side::Scram(_) | Side::Gssapi(_))
    }

    pub fn is_at_work(&self) -> bool {
        matches!(&self.side, Side::Scram(scram) if scram.is_at_work())
    }

    /// Computes for some milliseconds. Returns what to send once it is done.
    pub fn work(&mut self) -> Option<Vec<u8>> {
        match &mut self.side {
            Side::Scram(scram) => scram.work(),
            _ => None,
        }
    }

    /// The server accepts the login, with this text. Err says why that isn't believed.
    pub fn concluded(&mut self, reply: &[u8]) -> Result<(), &'static str> {
        match &mut self.side {
            Side::Scram(scram) => scram.concluded(reply),
            Side::Gssapi(gssapi) => gssapi.concluded(),
            Side::Recited(_) | Side::CramMd5 { .. } | Side::Login(_) => Ok(()),
        }
    }

    /// Answers the text of a 334.
    pub fn hear(&mut self, text: &[u8]) -> Answer {
        match &self.side {
            Side::Scram(scram) if scram.has_spoken() && self.withheld.is_none() => {
                match STANDARD.decode(text) {
                    Ok(challenge) => self.respond(&challenge),
                    Err(_) => Answer::Distrust("the server's SCRAM challenge is not base64".to_owned()),
                }
            }
            _ => self.respond(&decode(text)),
        }
    }

    /// Answers a challenge.
    pub fn respond(&mut self, challenge: &[u8]) -> Answer {
        if let Some(response) = self.withheld.take() {
            return Answer::Say(response);
        }
        let (user, secret) = (&self.credentials.user, self.credentials.secret());
        let response = match &mut self.side {
            Side::Scram(scram) => return scram.respond(challenge),
            Side::Gssapi(gssapi) => return gssapi.respond(challenge),
            Side::Recited(messages) => messages.next(),
            Side::CramMd5 { has_answered: true } => None,
            Side::CramMd5 { has_answered } => {
                *has_answered = true;
                Some(cram::cram_md5(user, secret, challenge))
            }
            Side::Login(login) => login.respond(challenge, user, secret).map(|said| said.as_bytes().to_vec()),
        };
        response.map_or(Answer::Cancel, Answer::Say)
    }
}

/// Neither the secret nor what is made of it.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.mechanism.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hash, line::encode};
    use super::*;

    fn begun(mechanism: Mechanism, credentials: Credentials) -> Exchange {
        let ground = Ground { offered: &[], bindings: &[], nonce: || Some("nonce".to_owned()) };
        Exchange::new(mechanism, credentials, ground).unwrap()
    }

    fn said(exchange: &mut Exchange, challenge: &[u8]) -> Option<Vec<u8>> {
        match exchange.respond(challenge) {
            Answer::Say(said) => Some(said),
            Answer::Cancel => None,
            other => panic!("{other:?}"),
        }
    }

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::new(user, Secret::Password(password.to_owned())).unwrap()
    }

    #[test]
    fn each_mechanism_says_no_more_than_it_has_to() {
        let mut plain = begun(Mechanism::Plain, password("jörg", "pässword"));
        assert_eq!(plain.initial_response(false).unwrap(), "\0jörg\0pässword".as_bytes());
        assert_eq!(said(&mut plain, b""), None);
        let mut login = begun(Mechanism::Login, password("u", "p"));
        assert_eq!(login.initial_response(false), None);
        assert_eq!(login.initial_response(true).unwrap(), b"u");
        assert_eq!(said(&mut login, b"Password:").unwrap(), b"p");
        assert_eq!(said(&mut login, b"Again:"), None);
        let mut cram = begun(Mechanism::CramMd5, password("u", "p"));
        assert_eq!(cram.initial_response(false), None);
        assert_eq!(said(&mut cram, b"<1@host>").unwrap(), cram::cram_md5("u", "p", b"<1@host>"));
        assert_eq!(said(&mut cram, b"again"), None);
        let token = Credentials::new("u", Secret::AccessToken("t".to_owned())).unwrap();
        let mut token = begun(Mechanism::XOAuth2, token);
        assert_eq!(token.initial_response(false).unwrap(), b"user=u\x01auth=Bearer t\x01\x01");
        assert_eq!(said(&mut token, b"{}").unwrap(), b"");
        assert_eq!(said(&mut token, b"{}"), None);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", begun(Mechanism::Plain, password("u", "hunter2"))).contains("hunter2"));
    }

    #[test]
    fn an_initial_response_stays_within_512_octets() {
        for (length, fits) in [(351, true), (352, false), (4000, false)] {
            let token = Credentials::new("u", Secret::AccessToken("t".repeat(length))).unwrap();
            for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
                let mut exchange = begun(mechanism, token.clone());
                let initial = exchange.initial_response(false);
                let fits_here = match &initial {
                    Some(initial) => {
                        let line = format!("AUTH {} {}\r\n", mechanism.name(), encode(initial));
                        assert!(line.len() <= 512);
                        true
                    }
                    None => said(&mut exchange, b"").is_some_and(|said| {
                        format!("AUTH {} {}\r\n", mechanism.name(), encode(&said)).len() <= 512
                    }),
                };
                assert_eq!(initial.is_some(), fits_here);
                if mechanism == Mechanism::XOAuth2 {
                    assert_eq!(initial.is_some(), fits, "{length}");
                }
            }
        }
    }

    #[test]
    fn external_says_as_whom_or_nothing() {
        for user in ["", "ann@example.org"] {
            let mut ours = begun(Mechanism::External, Credentials::new(user, Secret::Certificate).unwrap());
            assert_eq!(ours.initial_response(false).unwrap(), user.as_bytes());
            assert_eq!(said(&mut ours, b""), None);
        }
        assert_eq!(Credentials::new("a\0b", Secret::Certificate).unwrap_err().argument, "user");
    }

    fn scram(hash: Hash, plus: bool) -> Mechanism {
        Mechanism::Scram { hash, plus }
    }

    #[test]
    fn scram_tells_whether_it_could_be_bound() {
        let binding = ChannelBinding { name: "tls-exporter", data: vec![1] };
        let plus = scram(Hash::Sha256, true);
        let first = |mechanism, offered: &[Mechanism], binding: Option<&ChannelBinding>| {
            let offered: Vec<String> = offered.iter().map(|mechanism| mechanism.name().to_owned()).collect();
            let nonce = || Some("nonce".to_owned());
            let ground =
                Ground { offered: &offered, bindings: binding.map_or(&[], std::slice::from_ref), nonce };
            let mut ours = Exchange::new(mechanism, password("u", "p"), ground)?;
            let initial = ours.initial_response(false)?;
            Some((String::from_utf8(initial).unwrap(), ours.may_give_way()))
        };
        let plain = scram(Hash::Sha256, false);
        let said = |header: &str, gives_way| Some((format!("{header}n=u,r=nonce"), gives_way));
        assert_eq!(first(plus, &[plus, plain], Some(&binding)), said("p=tls-exporter,,", false));
        assert_eq!(first(plus, &[plus, plain], None), None);
        // The offer of -PLUS may have been hidden from us. The server will find out.
        assert_eq!(first(plain, &[plain], Some(&binding)), said("y,,", true));
        assert_eq!(first(plain, &[plain], None), said("n,,", true));
        assert_eq!(first(plain, &[scram(Hash::Sha1, true), plain], Some(&binding)), said("n,,", true));
        // The caller has chosen this one although the other is offered.
        assert_eq!(first(plain, &[plus, plain], Some(&binding)), said("n,,", true));
    }
}
