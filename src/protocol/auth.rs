//! SASL for SMTP (RFC 4954): the mechanisms, which of them is chosen, and the
//! exchange of one of them. Secrets live here and never reach a transcript.

use super::error::Error;
use super::gssapi::{Gssapi, Held};
use super::reply::Reply;
use super::scram::{self, Bound, Derived, Scram};
pub use super::scram::{ChannelBinding, Hash};
use super::transcript::MASK;
use encodify::base64::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use std::fmt;

/// A mechanism that the session can carry out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 5802: the password itself is never sent, and the server proves that it knows it too.
    /// With `plus`, the exchange is bound to the TLS connection.
    Scram { hash: Hash, plus: bool },
    /// RFC 2195: the password itself is never sent.
    CramMd5,
    /// RFC 7628: an access token.
    OAuthBearer,
    /// Google's and Microsoft's older form of OAUTHBEARER.
    XOAuth2,
    /// RFC 4616.
    Plain,
    /// Never standardised, but supported everywhere.
    Login,
    /// RFC 4422 A: the server uses the client's TLS certificate.
    External,
    /// RFC 4752: a Kerberos ticket.
    Gssapi,
}

impl Mechanism {
    /// Strongest first. A -PLUS mechanism that is offered and that we support must be used (RFC
    /// 5802 6).
    pub const ALL: [Self; 11] = [
        Self::Scram { hash: Hash::Sha256, plus: true },
        Self::Scram { hash: Hash::Sha1, plus: true },
        Self::Scram { hash: Hash::Sha256, plus: false },
        Self::Scram { hash: Hash::Sha1, plus: false },
        Self::CramMd5,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Plain,
        Self::Login,
        Self::External,
        Self::Gssapi,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scram { hash: Hash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Self::Scram { hash: Hash::Sha256, plus: false } => "SCRAM-SHA-256",
            Self::Scram { hash: Hash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Self::Scram { hash: Hash::Sha1, plus: false } => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::External => "EXTERNAL",
            Self::Gssapi => "GSSAPI",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether the mechanism takes this kind of secret.
    fn takes(self, secret: &Secret) -> bool {
        match self {
            Self::OAuthBearer | Self::XOAuth2 => matches!(secret, Secret::AccessToken(_)),
            Self::External => matches!(secret, Secret::Certificate),
            Self::Gssapi => matches!(secret, Secret::Ticket(_)),
            Self::Scram { .. } | Self::CramMd5 | Self::Plain | Self::Login => {
                matches!(secret, Secret::Password(_))
            }
        }
    }
}

/// The order in which mechanisms are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Strongest first.
    Strongest,
    /// SCRAM first, then PLAIN, which takes the fewest turns: for a connection on which only the
    /// server can read the password.
    Quickest,
    /// CRAM-MD5, PLAIN and LOGIN, in smtplib's order, and then those that smtplib doesn't know.
    Smtplib,
}

impl Order {
    fn rank(self, mechanism: Mechanism) -> u8 {
        let scram = matches!(mechanism, Mechanism::Scram { .. });
        match self {
            Self::Strongest => 0,
            Self::Quickest if scram => 0,
            Self::Quickest => 1 + u8::from(mechanism != Mechanism::Plain),
            Self::Smtplib => u8::from(scram),
        }
    }
}

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
    user: String,
    secret: Secret,
    /// The mechanism that the caller has chosen.
    mechanism: Option<Mechanism>,
    /// What SCRAM has made of the password.
    derived: Derived,
}

impl Credentials {
    /// Refuses NUL, CR and LF, which would end or split a mechanism's message.
    pub fn new(user: &str, secret: Secret) -> Result<Self, BadCredential> {
        let (argument, text) = match &secret {
            Secret::Password(text) => ("password", text),
            Secret::AccessToken(text) => ("access_token", text),
            Secret::Certificate | Secret::Ticket(_) => ("user", &String::new()),
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
            if text_of(&secret).is_empty() || !text_of(&secret).chars().all(|c| c.is_ascii_graphic()) {
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
            && let Err(argument) = scram::prepared(&self.user, text_of(&self.secret))
        {
            let why = "is empty, or has characters that SCRAM does not take (SASLprep, RFC 4013)";
            return Err(BadCredential { argument, why });
        }
        Ok(Self { mechanism: Some(mechanism), ..self })
    }

    /// The mechanisms of `offered` that fit this secret, in the order in which to try them. A
    /// -PLUS mechanism is included if there is a channel binding, and SCRAM if it accepts these
    /// characters. A mechanism that the caller named is always used.
    pub fn choose(
        &self,
        offered: &[String],
        order: Order,
        binding: Option<&ChannelBinding>,
    ) -> Vec<Mechanism> {
        let offers = |m: &Mechanism| offered.iter().any(|name| name.eq_ignore_ascii_case(m.name()));
        let prepared = || scram::prepared(&self.user, text_of(&self.secret)).is_ok();
        let possible = |m: &Mechanism| match m {
            Mechanism::Scram { plus, .. } => (binding.is_some() || !plus) && prepared(),
            _ => true,
        };
        let mut chosen: Vec<_> = Mechanism::ALL
            .into_iter()
            .filter(|m| self.mechanism.is_none_or(|named| named == *m))
            .filter(|m| m.takes(&self.secret) && offers(m) && possible(m))
            .collect();
        // Not every server with -PLUS supports binding to the certificate, and it has no way to
        // say so: Dovecot, and Exim with GSASL, refuse the login. They all support the exporter.
        let doubtful = binding.is_some_and(|binding| binding.name != ChannelBinding::EXPORTER);
        let is_last = |m: &Mechanism| doubtful && matches!(m, Mechanism::Scram { plus: true, .. });
        // The sort is stable.
        chosen.sort_by_key(|m| (order.rank(*m), is_last(m)));
        chosen
    }

    /// The password or the token.
    pub fn secret(&self) -> &str {
        text_of(&self.secret)
    }

    /// The mechanism that the caller has chosen.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    pub fn fits(&self, mechanism: Mechanism) -> bool {
        mechanism.takes(&self.secret)
    }
}

fn text_of(secret: &Secret) -> &str {
    match secret {
        Secret::Password(text) | Secret::AccessToken(text) => text,
        Secret::Certificate | Secret::Ticket(_) => "",
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

/// One exchange: an initial response if the client speaks first in this mechanism, then a response
/// to each challenge.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    credentials: Credentials,
    answered: usize,
    scram: Option<Box<Scram>>,
    gssapi: Option<Box<Gssapi>>,
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

impl Exchange {
    /// None if the mechanism can't be used here: there is no channel binding, SCRAM doesn't accept
    /// the characters, or there are no random octets.
    pub fn new(mechanism: Mechanism, credentials: Credentials, ground: Ground<'_>) -> Option<Self> {
        let scram = match mechanism {
            Mechanism::Scram { plus: true, .. } if ground.bindings.is_empty() => return None,
            Mechanism::Scram { hash, plus } => {
                let (user, password) = (&credentials.user, text_of(&credentials.secret));
                let (derived, bound) = (credentials.derived.clone(), ground.bound(plus));
                let scram = Scram::new(derived, hash, bound, user, password, (ground.nonce)()?)?;
                Some(Box::new(scram))
            }
            _ => None,
        };
        let gssapi = match &credentials.secret {
            Secret::Ticket(ticket) => {
                // Other implementations know this one (RFC 5929), whatever the TLS version.
                let certificate = ground.bindings.iter().find(|one| one.name == ChannelBinding::CERTIFICATE);
                Some(Box::new(Gssapi::new(ticket, &credentials.user, certificate)))
            }
            _ => None,
        };
        Some(Self { mechanism, credentials, answered: 0, scram, gssapi })
    }

    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What can be sent with the AUTH command itself to save a turn (RFC 4954 4). No specification
    /// allows this for LOGIN: servers that ignore the response there ask for the user name. Only
    /// smtplib sends it anyway.
    pub fn initial_response(&mut self, like_smtplib: bool) -> Option<Vec<u8>> {
        let speaks_first = match self.mechanism {
            // A ticket can be longer than a line may be.
            Mechanism::CramMd5 | Mechanism::Gssapi => false,
            Mechanism::Login => like_smtplib,
            Mechanism::Scram { .. }
            | Mechanism::OAuthBearer
            | Mechanism::XOAuth2
            | Mechanism::Plain
            | Mechanism::External => true,
        };
        if !speaks_first {
            return None;
        }
        let before = self.answered;
        let Answer::Say(response) = self.respond(b"") else { return None };
        if !fits_a_line(self.mechanism.name(), &response) {
            // The answer to a 334 may be longer.
            self.answered = before;
            if let Some(scram) = &mut self.scram {
                scram.begin_anew();
            }
            return None;
        }
        Some(response)
    }

    pub(super) fn secret(&self) -> &str {
        text_of(&self.credentials.secret)
    }

    /// For these mechanisms, a challenge says why the server refuses the token (RFC 7628 3.2.3).
    pub fn is_by_token(&self) -> bool {
        matches!(self.mechanism, Mechanism::OAuthBearer | Mechanism::XOAuth2)
    }

    /// Whether another mechanism may be tried after the server refuses this one. Not if it is bound
    /// to TLS: an attacker in between can't bind, and would refuse it too.
    pub fn may_give_way(&self) -> bool {
        !self.scram.as_ref().is_some_and(|scram| scram.is_bound())
    }

    /// Whether the server has to prove something before we believe that the login succeeded.
    pub fn wants_proof(&self) -> bool {
        self.scram.is_some() || self.gssapi.is_some()
    }

    pub fn is_at_work(&self) -> bool {
        self.scram.as_ref().is_some_and(|scram| scram.is_at_work())
    }

    /// Computes for some milliseconds. Returns what to send once it is done.
    pub fn work(&mut self) -> Option<Vec<u8>> {
        self.scram.as_mut()?.work()
    }

    /// The server accepts the login, with this text. Err says why that isn't believed.
    pub fn concluded(&mut self, reply: &[u8]) -> Result<(), &'static str> {
        match (&mut self.scram, &self.gssapi) {
            (Some(scram), _) => scram.concluded(reply),
            (None, Some(gssapi)) => gssapi.concluded(),
            (None, None) => Ok(()),
        }
    }

    /// Answers the text of a 334.
    pub fn hear(&mut self, text: &[u8]) -> Answer {
        match &self.scram {
            Some(scram) if scram.has_spoken() => match STANDARD.decode(text) {
                Ok(challenge) => self.respond(&challenge),
                Err(_) => Answer::Distrust("the server's SCRAM challenge is not base64".to_owned()),
            },
            _ => self.respond(&decode(text)),
        }
    }

    /// Answers a challenge.
    pub fn respond(&mut self, challenge: &[u8]) -> Answer {
        if let Some(scram) = &mut self.scram {
            return scram.respond(challenge);
        }
        if let Some(gssapi) = &mut self.gssapi {
            return gssapi.respond(challenge);
        }
        match self.respond_with_secret(challenge) {
            Some(response) => Answer::Say(response),
            None => Answer::Cancel,
        }
    }

    fn respond_with_secret(&mut self, challenge: &[u8]) -> Option<Vec<u8>> {
        let (user, secret) = (&self.credentials.user, text_of(&self.credentials.secret));
        if self.mechanism == Mechanism::Login {
            return self.respond_to_prompt(challenge);
        }
        let response = match (self.mechanism, self.answered) {
            (Mechanism::Plain, 0) => format!("\0{user}\0{secret}").into_bytes(),
            (Mechanism::CramMd5, 0) => cram_md5(user, secret, challenge),
            (Mechanism::OAuthBearer, 0) => oauthbearer(user, secret),
            // The server's 334 says why it refuses. This response asks for its 535.
            (Mechanism::OAuthBearer, 1) => vec![1],
            (Mechanism::XOAuth2, 0) => format!("user={user}\x01auth=Bearer {secret}\x01\x01").into_bytes(),
            (Mechanism::XOAuth2, 1) => Vec::new(),
            // The identity to act as. Empty means the owner of the certificate.
            (Mechanism::External, 0) => user.clone().into_bytes(),
            _ => return None,
        };
        self.answered += 1;
        Some(response)
    }

    /// LOGIN: sends what the prompt asks for, or if that isn't clear, the user name first. Each is
    /// sent at most twice, the password at most once.
    fn respond_to_prompt(&mut self, prompt: &[u8]) -> Option<Vec<u8>> {
        const PASSWORD_SAID: usize = usize::MAX;
        if self.answered > 2 {
            return None;
        }
        let wants_password = match login_prompt(prompt) {
            Prompt::User => false,
            Prompt::Password => true,
            Prompt::Unclear => self.answered > 0,
        };
        if wants_password {
            self.answered = PASSWORD_SAID;
            return Some(text_of(&self.credentials.secret).as_bytes().to_vec());
        }
        self.answered += 1;
        (self.answered <= 2).then(|| self.credentials.user.clone().into_bytes())
    }
}

/// What a server asks for in LOGIN.
enum Prompt {
    User,
    Password,
    Unclear,
}

/// "Username:" and "Password:" in most servers, "User Name" and others in old ones.
fn login_prompt(prompt: &[u8]) -> Prompt {
    let prompt = prompt.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| find(&prompt, word.as_bytes()).is_some());
    match (says(&["user", "name", "login", "account"]), says(&["pass"])) {
        (true, false) => Prompt::User,
        (false, true) => Prompt::Password,
        _ => Prompt::Unclear,
    }
}

/// Whether AUTH with this initial response is short enough for every server: 512 octets with its
/// CRLF (RFC 5321 4.5.3.1.4). Otherwise the client must not send the response with the command
/// (RFC 4954 4).
pub(super) fn fits_a_line(mechanism: &str, initial_response: &[u8]) -> bool {
    const LINE: usize = 512;
    let encoded = initial_response.len().div_ceil(3) * 4;
    "AUTH ".len() + mechanism.len() + 1 + encoded + 2 <= LINE
}

/// The response to a CRAM-MD5 challenge (RFC 2195 2).
pub fn cram_md5(user: &str, password: &str, challenge: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length, so this error can't occur.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(password.as_bytes()) else { return Vec::new() };
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{user} {hex}").into_bytes()
}

/// RFC 7628 3.1. The authorization identity escapes "," and "=" (RFC 5801 4).
fn oauthbearer(user: &str, token: &str) -> Vec<u8> {
    let escaped = user.replace('=', "=3D").replace(',', "=2C");
    format!("n,a={escaped},\x01auth=Bearer {token}\x01\x01").into_bytes()
}

/// Secrets that were sent to the server. Some servers repeat them in their replies, which end up
/// in transcripts, logs and exceptions.
#[derive(Default)]
pub(super) struct Confided(Vec<Vec<u8>>);

impl Confided {
    /// Shorter secrets would match too many unrelated words.
    const SHORTEST: usize = 4;

    /// A password or token, as plain text and in base64.
    pub(super) fn add(&mut self, secret: &[u8]) {
        for form in [secret.to_vec(), encode(secret).into_bytes()] {
            if form.len() >= Self::SHORTEST && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
        // The longest first, because it may contain another one.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// A response that the caller composed, and for PLAIN, the part after its last NUL.
    pub(super) fn add_response(&mut self, response: &[u8]) {
        self.add(response);
        if let Some(at) = response.iter().rposition(|&b| b == 0) {
            self.add(&response[at + 1..]);
        }
    }

    pub(super) fn mask(&self, reply: &Reply) -> Option<Reply> {
        let tells = |line: &[u8]| self.0.iter().any(|secret| find(line, secret).is_some());
        if self.0.is_empty() || !reply.lines().any(tells) {
            return None;
        }
        let lines: Vec<Vec<u8>> = reply.lines().map(|line| self.mask_line(line)).collect();
        Some(Reply::new(reply.code(), lines.join(&b'\n')))
    }

    fn mask_line(&self, line: &[u8]) -> Vec<u8> {
        let mut line = line.to_vec();
        for secret in &self.0 {
            let mut from = 0;
            while let Some(at) = find(&line[from..], secret) {
                line.splice(from + at..from + at + secret.len(), MASK.bytes());
                from += at + MASK.len();
            }
        }
        line
    }
}

impl fmt::Debug for Confided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confided({})", self.0.len())
    }
}

fn find(line: &[u8], secret: &[u8]) -> Option<usize> {
    memchr::memmem::find(line, secret)
}

/// A response or initial response as sent on the line. RFC 4954 4: an empty initial response is
/// "=".
pub(super) fn encode(response: &[u8]) -> String {
    STANDARD.encode(response)
}

/// The challenge of a 334 reply. Some servers send text that isn't base64 here (often none at
/// all). It is then used unchanged.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_else(|_| text.to_vec())
}

#[cfg(test)]
mod tests {
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
    fn the_example_of_rfc_2195() {
        let mut exchange = begun(Mechanism::CramMd5, password("tim", "tanstaaftanstaaf"));
        assert_eq!(exchange.initial_response(false), None);
        let response = said(&mut exchange, b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response, b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(said(&mut exchange, b"again"), None);
    }

    #[test]
    fn plain_and_login_in_utf8() {
        let mut plain = begun(Mechanism::Plain, password("jörg", "pässword"));
        assert_eq!(plain.initial_response(false).unwrap(), "\0jörg\0pässword".as_bytes());
        assert_eq!(said(&mut plain, b""), None);
        let mut login = begun(Mechanism::Login, password("u", "p"));
        assert_eq!(login.initial_response(false), None);
        assert_eq!(login.initial_response(true).unwrap(), b"u");
        assert_eq!(said(&mut login, b"Password:").unwrap(), b"p");
        assert_eq!(said(&mut login, b"Again:"), None);
    }

    #[test]
    fn login_answers_what_the_prompt_asks_for() {
        let said = |prompts: &[&str], first: bool| -> Vec<String> {
            let mut login = begun(Mechanism::Login, password("u", "p"));
            let initial = if first { login.initial_response(true) } else { None };
            let heard = prompts.iter().map(|prompt| said(&mut login, prompt.as_bytes()));
            let said = initial.into_iter().map(Some).chain(heard);
            said.map(|one| one.map_or("*".to_owned(), |one| String::from_utf8(one).unwrap())).collect()
        };
        assert_eq!(said(&["Username:", "Password:"], false), ["u", "p"]);
        assert_eq!(said(&["User Name\0", "Password\0"], false), ["u", "p"]);
        assert_eq!(said(&["", ""], false), ["u", "p"]);
        assert_eq!(said(&["Benutzer:", "Kennwort:"], false), ["u", "p"]);
        assert_eq!(said(&["Username:", "Password:"], true), ["u", "u", "p"]);
        assert_eq!(said(&["Password:"], true), ["u", "p"]);
        assert_eq!(said(&["Password:", "Username:"], false), ["p", "*"]);
        assert_eq!(said(&["Username:", "Username:", "Username:"], false), ["u", "u", "*"]);
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
    fn tokens() {
        let token = || Credentials::new("a=b,c@d", Secret::AccessToken("tok".to_owned())).unwrap();
        let mut bearer = begun(Mechanism::OAuthBearer, token());
        assert_eq!(bearer.initial_response(false).unwrap(), b"n,a=a=3Db=2Cc@d,\x01auth=Bearer tok\x01\x01");
        assert_eq!(said(&mut bearer, b"{\"status\":\"invalid_token\"}").unwrap(), b"\x01");
        let mut xoauth2 = begun(Mechanism::XOAuth2, token());
        assert_eq!(xoauth2.initial_response(false).unwrap(), b"user=a=b,c@d\x01auth=Bearer tok\x01\x01");
        assert_eq!(said(&mut xoauth2, b"{}").unwrap(), b"");
    }

    #[test]
    fn the_strongest_that_fits_the_secret_comes_first() {
        let offered: Vec<String> =
            ["LOGIN", "plain", "XOAUTH2", "CRAM-MD5", "GSSAPI"].map(str::to_owned).into();
        use Mechanism::*;
        assert_eq!(password("u", "p").choose(&offered, Order::Strongest, None), [CramMd5, Plain, Login]);
        assert_eq!(password("u", "p").choose(&offered, Order::Quickest, None), [Plain, CramMd5, Login]);
        let token = Credentials::new("u", Secret::AccessToken("t".to_owned())).unwrap();
        assert_eq!(token.choose(&offered, Order::Quickest, None), [XOAuth2]);
    }

    fn scram(hash: Hash, plus: bool) -> Mechanism {
        Mechanism::Scram { hash, plus }
    }

    #[test]
    fn scram_comes_first_but_for_smtplib() {
        use Mechanism::{CramMd5, External, Login, Plain};
        let offered: Vec<String> = Mechanism::ALL.map(|mechanism| mechanism.name().to_owned()).into();
        let unbound = [scram(Hash::Sha256, false), scram(Hash::Sha1, false)];
        let bound = [scram(Hash::Sha256, true), scram(Hash::Sha1, true)];
        let exporter = ChannelBinding { name: ChannelBinding::EXPORTER, data: vec![1] };
        let certificate = ChannelBinding { name: ChannelBinding::CERTIFICATE, data: vec![1] };
        let choose = |order, binding| password("u", "p").choose(&offered, order, binding);
        assert_eq!(choose(Order::Strongest, None), [&unbound[..], &[CramMd5, Plain, Login]].concat());
        let others = [Plain, CramMd5, Login];
        assert_eq!(choose(Order::Quickest, Some(&exporter)), [&bound[..], &unbound, &others].concat());
        // Servers that don't know it refuse the login.
        assert_eq!(choose(Order::Quickest, Some(&certificate)), [&unbound[..], &bound, &others].concat());
        assert_eq!(choose(Order::Smtplib, None), [&[CramMd5, Plain, Login], &unbound[..]].concat());
        // SASLprep rejects a bell, and characters that Unicode didn't have in 2002.
        for odd in [password("u", "p\u{7}"), password("u", "\u{1F600}"), password("", "p")] {
            assert_eq!(odd.choose(&offered, Order::Quickest, Some(&exporter)), [Plain, CramMd5, Login]);
        }
        let named = password("u", "p").by(Login).unwrap();
        assert_eq!(named.choose(&offered, Order::Quickest, Some(&exporter)), [Login]);
        let owner = Credentials::new("", Secret::Certificate).unwrap();
        assert_eq!(owner.choose(&offered, Order::Quickest, Some(&exporter)), [External]);
        let plus = password("u", "p").by(scram(Hash::Sha1, true)).unwrap();
        assert_eq!(plus.choose(&offered, Order::Quickest, None), []);
    }

    #[test]
    fn a_named_mechanism_has_to_fit() {
        let refused = |credentials: Credentials, mechanism| credentials.by(mechanism).unwrap_err();
        let scram = scram(Hash::Sha256, false);
        assert_eq!(refused(password("u", "p"), Mechanism::External).argument, "mechanism");
        assert_eq!(refused(password("u", "p\u{7}"), scram).argument, "password");
        assert_eq!(refused(password("", "p"), scram).argument, "user");
        let token = Credentials::new("u", Secret::AccessToken("t".to_owned())).unwrap();
        assert_eq!(refused(token, Mechanism::Plain).argument, "mechanism");
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

    #[test]
    fn a_secret_that_a_reply_repeats_is_masked() {
        let mut confided = Confided::default();
        confided.add(b"hunter2");
        confided.add_response(b"\0alice\0swordfish");
        confided.add(b"abc");
        let masked =
            confided.mask(&Reply::new(535, "no: hunter2hunter2 aHVudGVyMg==\nabc swordfish")).unwrap();
        assert_eq!(masked.text(), format!("no: {MASK}{MASK} {MASK}\nabc {MASK}").into_bytes());
        assert_eq!(confided.mask(&Reply::new(535, "5.7.8 no")), None);
        assert!(!format!("{confided:?}").contains("hunter2"));
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
