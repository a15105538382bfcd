//! The server's side of AUTH (RFC 4954): the SASL mechanisms, and the check of the login.

use std::str::FromStr;

use encodify::base64;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::scram::{self, Account, Asked, Kind};
use crate::protocol::auth::{ChannelBinding, Hash};

/// A SASL mechanism that the catcher can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 5802 and RFC 7677. The -PLUS variants are possible only under TLS.
    Scram(Kind),
    /// RFC 2195.
    CramMd5,
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
    /// Google's mechanism, older than RFC 7628.
    XOauth2,
    /// RFC 7628.
    OauthBearer,
    /// RFC 4422 appendix A. Possible only if the client has shown a certificate.
    External,
}

impl Mechanism {
    pub const ALL: [Mechanism; 10] = [
        Mechanism::Scram(Kind { hash: Hash::Sha256, plus: true }),
        Mechanism::Scram(Kind { hash: Hash::Sha1, plus: true }),
        Mechanism::Scram(Kind { hash: Hash::Sha256, plus: false }),
        Mechanism::Scram(Kind { hash: Hash::Sha1, plus: false }),
        Mechanism::CramMd5,
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::XOauth2,
        Mechanism::OauthBearer,
        Mechanism::External,
    ];

    /// The mechanisms offered by default. SCRAM needs a password that the server knows, so it is
    /// not offered if any login is accepted.
    pub fn by_default(any_login: bool) -> Vec<Self> {
        let fits = |mechanism: &Self| !(any_login && matches!(mechanism, Mechanism::Scram(_)));
        Self::ALL.into_iter().filter(fits).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Scram(Kind { hash: Hash::Sha256, plus: true }) => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram(Kind { hash: Hash::Sha256, plus: false }) => "SCRAM-SHA-256",
            Mechanism::Scram(Kind { hash: Hash::Sha1, plus: true }) => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram(Kind { hash: Hash::Sha1, plus: false }) => "SCRAM-SHA-1",
            Mechanism::CramMd5 => "CRAM-MD5",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::XOauth2 => "XOAUTH2",
            Mechanism::OauthBearer => "OAUTHBEARER",
            Mechanism::External => "EXTERNAL",
        }
    }

    /// Whether the mechanism can be used on this connection.
    pub(super) fn is_open(self, secured: &Secured) -> bool {
        match self {
            Mechanism::Scram(Kind { plus: true, .. }) => !secured.bindings.is_empty(),
            Mechanism::External => secured.certificate.is_some(),
            _ => true,
        }
    }
}

/// What TLS contributes to a login.
#[derive(Clone, Debug, Default)]
pub struct Secured {
    pub bindings: Vec<ChannelBinding>,
    /// The name in the client's certificate.
    pub certificate: Option<String>,
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(name: &str) -> Result<Self, UnknownMechanism> {
        Mechanism::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownMechanism(name.to_owned()))
    }
}

/// The catcher has no mechanism of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMechanism(pub String);

impl std::fmt::Display for UnknownMechanism {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<_> = Mechanism::ALL.iter().map(|m| m.name()).collect();
        write!(f, "no such mechanism: {:?}; the catcher knows {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownMechanism {}

/// The login that the catcher accepts.
#[derive(Clone)]
pub struct Credentials {
    /// Accepts every name with every secret. The values below are then only a suggestion.
    pub any: bool,
    pub username: String,
    /// The password for SCRAM, CRAM-MD5, PLAIN and LOGIN.
    pub password: String,
    /// The token for XOAUTH2 and OAUTHBEARER.
    pub token: String,
    /// The keys that SCRAM derives from the password.
    pub(super) account: Account,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("any", &self.any)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Accepts this login and no other.
    pub fn new(username: String, password: String, token: String) -> Self {
        Self { any: false, username, password, token, account: Account::default() }
    }

    /// Accepts the login if the user name is known and `is_right` says that the secret fits it.
    fn accept(&self, user: &[u8], is_right: bool) -> Outcome {
        if self.any || (user == self.username.as_bytes() && is_right) {
            Outcome::Accepted(String::from_utf8_lossy(user).into_owned())
        } else {
            Outcome::Refused
        }
    }
}

/// The next step of an exchange.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Send 334 with this text in base64.
    Challenge(Exchange, Vec<u8>),
    /// Send 235: the client has logged in under this name.
    Accepted(String),
    /// Send 535.
    Refused,
    /// Send 535: the login is not bound to this connection as it has to be (RFC 5802 section 7).
    Unbound(&'static str),
    /// Send 501: the client's message breaks the mechanism's syntax.
    Malformed,
}

/// An exchange in progress. The variant says how the client's next line is read.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginUser,
    LoginPassword {
        user: Vec<u8>,
    },
    CramMd5 {
        challenge: Vec<u8>,
    },
    Oauth(Mechanism),
    /// The last challenge reported an error. The login is refused whatever the client sends next
    /// (RFC 7628 section 3.2.3).
    OauthRefused,
    Scram(Kind),
    ScramProof(Box<Asked>),
    /// Both sides have proved that they know the password. The client has nothing more to send.
    ScramProven(String),
    External,
}

/// The facts about the connection that an exchange depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub login: &'a Credentials,
    pub secured: &'a Secured,
    /// The mechanisms that the server has offered to the client.
    pub offered: &'a [Mechanism],
}

/// Starts an exchange. `challenge` is used by CRAM-MD5 only.
pub(super) fn begin(
    mechanism: Mechanism,
    initial: Option<&[u8]>,
    challenge: String,
    ground: Ground<'_>,
) -> Outcome {
    let (exchange, opening) = match mechanism {
        Mechanism::Plain => (Exchange::Plain, Vec::new()),
        Mechanism::Login => (Exchange::LoginUser, b"Username:".to_vec()),
        Mechanism::XOauth2 | Mechanism::OauthBearer => (Exchange::Oauth(mechanism), Vec::new()),
        Mechanism::CramMd5 => {
            let challenge = challenge.into_bytes();
            let opening = challenge.clone();
            (Exchange::CramMd5 { challenge }, opening)
        }
        Mechanism::Scram(kind) => (Exchange::Scram(kind), Vec::new()),
        Mechanism::External => (Exchange::External, Vec::new()),
    };
    match initial {
        None => Outcome::Challenge(exchange, opening),
        // In CRAM-MD5 the server speaks first (RFC 4954 section 4).
        Some(_) if mechanism == Mechanism::CramMd5 => Outcome::Malformed,
        // "=" means an empty initial response, which base64 can't express.
        Some(b"=") => exchange.hear(b"", ground),
        Some(encoded) => exchange.hear(encoded, ground),
    }
}

impl Exchange {
    /// Reads the client's next line, which is still in base64.
    pub(super) fn hear(self, encoded: &[u8], ground: Ground<'_>) -> Outcome {
        let Ground { login, secured, offered } = ground;
        let Ok(response) = base64::STANDARD.decode(encoded) else {
            return Outcome::Malformed;
        };
        match self {
            Exchange::Plain => plain(&response, login),
            Exchange::LoginUser => {
                Outcome::Challenge(Exchange::LoginPassword { user: response }, b"Password:".to_vec())
            }
            Exchange::LoginPassword { user } => login.accept(&user, response == login.password.as_bytes()),
            Exchange::CramMd5 { challenge } => cram_md5(&challenge, &response, login),
            Exchange::Oauth(mechanism) => oauth(mechanism, &response, login),
            Exchange::OauthRefused => Outcome::Refused,
            Exchange::Scram(kind) => scram::begin(kind, &response, &secured.bindings, offered, login),
            Exchange::ScramProof(asked) => asked.hear(&response, login),
            Exchange::ScramProven(user) if response.is_empty() => Outcome::Accepted(user),
            Exchange::ScramProven(_) => Outcome::Malformed,
            Exchange::External => external(&response, secured.certificate.as_deref(), login),
        }
    }
}

/// Reads the name that the certificate's owner wants to act as. An empty response means their own
/// name (RFC 4422 section A.1).
fn external(response: &[u8], certificate: Option<&str>, login: &Credentials) -> Outcome {
    let (Ok(acting), Some(owner)) = (std::str::from_utf8(response), certificate) else {
        return Outcome::Malformed;
    };
    match acting {
        "" => Outcome::Accepted(owner.to_owned()),
        acting if acting == owner || login.any => Outcome::Accepted(acting.to_owned()),
        _ => Outcome::Refused,
    }
}

/// Reads `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2).
fn plain(response: &[u8], login: &Credentials) -> Outcome {
    let mut fields = response.split(|&octet| octet == 0);
    let (Some(acting), Some(user), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Outcome::Malformed;
    };
    if !acting.is_empty() && acting != user {
        return Outcome::Refused;
    }
    login.accept(user, password == login.password.as_bytes())
}

/// Reads `user digest`, with the digest in lower-case hexadecimal (RFC 2195 section 2).
fn cram_md5(challenge: &[u8], response: &[u8], login: &Credentials) -> Outcome {
    let Some(space) = response.iter().rposition(|&octet| octet == b' ') else {
        return Outcome::Malformed;
    };
    // HMAC takes keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(login.password.as_bytes()) else {
        return Outcome::Refused;
    };
    mac.update(challenge);
    let digest: String = mac.finalize().into_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
    login.accept(&response[..space], &response[space + 1..] == digest.as_bytes())
}

/// Reads `user=U ^A auth=Bearer T ^A ^A`, or `n,a=U, ^A ... ^A auth=Bearer T ^A ^A`.
fn oauth(mechanism: Mechanism, response: &[u8], login: &Credentials) -> Outcome {
    let Some(text) = std::str::from_utf8(response).ok().and_then(|text| text.strip_suffix("\u{1}\u{1}"))
    else {
        return Outcome::Malformed;
    };
    let mut fields = text.split('\u{1}');
    let head = fields.next().unwrap_or_default();
    let user = match mechanism {
        Mechanism::XOauth2 => head.strip_prefix("user=").map(str::to_owned),
        _ => gs2_user(head),
    };
    let (Some(user), Some(token)) = (user, fields.find_map(bearer)) else {
        return Outcome::Malformed;
    };
    match login.accept(user.as_bytes(), token == login.token) {
        Outcome::Refused => {
            let problem = br#"{"status":"invalid_token","schemes":"bearer","scope":"smtp"}"#;
            Outcome::Challenge(Exchange::OauthRefused, problem.to_vec())
        }
        accepted => accepted,
    }
}

/// The user in a GS2 header, `n,a=user,` (RFC 5801 section 4).
fn gs2_user(header: &str) -> Option<String> {
    let name = header.strip_prefix("n,a=")?.strip_suffix(',')?;
    Some(name.replace("=2C", ",").replace("=3D", "="))
}

fn bearer(field: &str) -> Option<&str> {
    let (scheme, token) = field.strip_prefix("auth=")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Credentials {
        Credentials::new("tim".into(), "tanstaaftanstaaf".into(), "t0ken".into())
    }

    static NOTHING: Secured = Secured { bindings: Vec::new(), certificate: None };

    fn on(login: &Credentials) -> Ground<'_> {
        Ground { login, secured: &NOTHING, offered: &[] }
    }

    fn at_once(mechanism: Mechanism, response: &str) -> Outcome {
        let encoded = base64::STANDARD.encode(response);
        begin(mechanism, Some(encoded.as_bytes()), String::new(), on(&login()))
    }

    #[test]
    fn the_example_of_rfc_2195_is_accepted() {
        let challenge = "<1896.697170952@postoffice.reston.mci.net>".to_owned();
        let Outcome::Challenge(exchange, _) = begin(Mechanism::CramMd5, None, challenge, on(&login())) else {
            panic!("the server speaks first");
        };
        let response = base64::STANDARD.encode("tim b913a602c7eda7a495b4e6e7334d3890");
        let outcome = exchange.hear(response.as_bytes(), on(&login()));
        assert!(matches!(outcome, Outcome::Accepted(user) if user == "tim"));
    }

    #[test]
    fn plain_takes_the_right_password_only() {
        let cases = [
            ("\0tim\0tanstaaftanstaaf", "Accepted(\"tim\")"),
            ("tim\0tim\0tanstaaftanstaaf", "Accepted(\"tim\")"),
            ("other\0tim\0tanstaaftanstaaf", "Refused"),
            ("\0tim\0wrong", "Refused"),
            ("\0tim", "Malformed"),
            ("", "Malformed"),
        ];
        for (response, expected) in cases {
            let outcome = format!("{:?}", at_once(Mechanism::Plain, response));
            assert_eq!(outcome, expected, "{response:?}");
        }
    }

    #[test]
    fn any_name_logs_in_with_any_secret_where_that_is_asked_for() {
        let any = Credentials { any: true, ..login() };
        for (mechanism, response) in [
            (Mechanism::Plain, "\0eve\0wrong"),
            (Mechanism::XOauth2, "user=eve\u{1}auth=Bearer wrong\u{1}\u{1}"),
            (Mechanism::OauthBearer, "n,a=eve,\u{1}auth=Bearer wrong\u{1}\u{1}"),
        ] {
            let encoded = base64::STANDARD.encode(response);
            let outcome = begin(mechanism, Some(encoded.as_bytes()), String::new(), on(&any));
            assert!(matches!(&outcome, Outcome::Accepted(user) if user == "eve"), "{outcome:?}");
        }
        let Outcome::Challenge(exchange, _) = begin(Mechanism::CramMd5, None, "<1@x>".to_owned(), on(&any))
        else {
            panic!("the server speaks first");
        };
        let digest = base64::STANDARD.encode("eve 0123");
        assert!(
            matches!(exchange.hear(digest.as_bytes(), on(&any)), Outcome::Accepted(user) if user == "eve")
        );
        assert!(matches!(at_once(Mechanism::Plain, "\0eve\0wrong"), Outcome::Refused));
    }

    #[test]
    fn a_wrong_token_is_explained_before_it_is_refused() {
        let good = "user=tim\u{1}auth=Bearer t0ken\u{1}\u{1}";
        assert!(matches!(at_once(Mechanism::XOauth2, good), Outcome::Accepted(_)));
        let good = "n,a=tim,\u{1}host=h\u{1}port=1\u{1}auth=Bearer t0ken\u{1}\u{1}";
        assert!(matches!(at_once(Mechanism::OauthBearer, good), Outcome::Accepted(_)));
        let bad = "user=tim\u{1}auth=Bearer other\u{1}\u{1}";
        let Outcome::Challenge(exchange, _) = at_once(Mechanism::XOauth2, bad) else {
            panic!("the problem is told first");
        };
        assert!(matches!(exchange.hear(b"", on(&login())), Outcome::Refused));
    }
}
