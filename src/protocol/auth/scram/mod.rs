//! SCRAM (RFC 5802, RFC 7677), the client's side. Neither side sends the password, and both prove
//! that they know it.
//!
//! # Theory of operation
//!
//! ```text
//! us      gs2-header n=user,r=nonce
//! server  r=nonce+its own,s=salt,i=iterations
//! us      c=gs2-header and what binds TLS,r=nonce,p=proof      (behind PBKDF2)
//! server  v=signature                                          (then 235)
//! ```
//! The proof and the signature are HMACs over everything said before, with keys derived from the
//! password by PBKDF2. So a server that can sign knows the password (or what it stores of it) and
//! has received what we sent. A server that can't sign is an impostor, whatever its reply code is:
//! nothing it says is believed, and we send it nothing more. That is the purpose of
//! [`Answer::Distrust`].
//!
//! The header says how TLS is bound to the exchange (RFC 5802 6): `p=` and the binding's name with
//! a -PLUS mechanism; `y` if we could bind but the server offers no -PLUS, so that a server whose
//! offer was hidden from us finds out; `n` if there is nothing to bind.
//!
//! PBKDF2 is slow by design. It runs in slices, so that the driver of a session can do something
//! else in between, and once for all sessions with the same credentials and the same salt
//! (RFC 5802 3 names the keys; [`Derived`] keeps them).

mod keys;
mod server_first;

use super::Answer;
use encodify::base64::STANDARD;
use keys::Terms;
pub use keys::{Derived, FEWEST_ITERATIONS, Hash, Keys, Pbkdf2, is_equal};
use server_first::ServerFirst;
use std::borrow::Cow;
use std::fmt;

/// The rounds in one slice, which takes some milliseconds.
const SLICE: u32 = 8192;

/// What ties an exchange to its TLS connection (RFC 5056).
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// The name, such as `tls-exporter`.
    pub name: &'static str,
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// A value that TLS has derived for this connection alone (RFC 9266).
    pub const EXPORTER: &'static str = "tls-exporter";
    /// The hash of the server's certificate (RFC 5929).
    pub const CERTIFICATE: &'static str = "tls-server-end-point";
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({})", self.name)
    }
}

/// How the exchange is bound to TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    By(ChannelBinding),
    /// We support binding, but the server doesn't offer it.
    NotOffered,
    /// There is nothing to bind, or the caller has turned binding off.
    No,
}

impl Bound {
    /// The gs2-header. We log in as ourselves, so the authorization identity is empty.
    fn header(&self) -> String {
        match self {
            Self::By(binding) => format!("p={},,", binding.name),
            Self::NotOffered => "y,,".to_owned(),
            Self::No => "n,,".to_owned(),
        }
    }
}

/// The name and password, prepared with SASLprep (RFC 4013). Err names the argument that can't be
/// prepared.
pub fn prepared<'a>(user: &'a str, password: &'a str) -> Result<(Cow<'a, str>, Cow<'a, str>), &'static str> {
    let prepared = |argument, text| match stringprep::saslprep(text) {
        Ok(prepared) if !prepared.is_empty() => Ok(prepared),
        _ => Err(argument),
    };
    Ok((prepared("user", user)?, prepared("password", password)?))
}

/// One exchange.
pub struct Scram {
    hash: Hash,
    bound: Bound,
    /// The client's first message, without the header.
    first: String,
    nonce: String,
    password: Vec<u8>,
    derived: Derived,
    stage: Stage,
}

enum Stage {
    Begun,
    Asked,
    Deriving(Box<Deriving>),
    /// The signature that the server must send.
    Answered {
        signature: Vec<u8>,
    },
    Proven,
    /// The server has said why it refuses.
    Refused,
}

impl Scram {
    /// None if the name or the password can't be prepared. `derived` has the keys of an earlier
    /// exchange with this password.
    pub fn new(
        derived: Derived,
        hash: Hash,
        bound: Bound,
        user: &str,
        password: &str,
        nonce: String,
    ) -> Option<Self> {
        let (user, password) = prepared(user, password).ok()?;
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        let password = password.as_bytes().to_vec();
        Some(Self { hash, bound, first, nonce, password, derived, stage: Stage::Begun })
    }

    /// Whether it is done with a -PLUS mechanism.
    pub fn is_bound(&self) -> bool {
        matches!(self.bound, Bound::By(_))
    }

    pub fn has_spoken(&self) -> bool {
        !matches!(self.stage, Stage::Begun)
    }

    pub fn respond(&mut self, challenge: &[u8]) -> Answer {
        match std::mem::replace(&mut self.stage, Stage::Refused) {
            Stage::Begun => {
                self.stage = Stage::Asked;
                Answer::Say(format!("{}{}", self.bound.header(), self.first).into_bytes())
            }
            Stage::Asked => self.hear_first(challenge),
            Stage::Answered { signature } => self.hear_final(challenge, &signature),
            stage @ (Stage::Deriving(_) | Stage::Proven | Stage::Refused) => {
                self.stage = stage;
                Answer::Cancel
            }
        }
    }

    fn hear_first(&mut self, challenge: &[u8]) -> Answer {
        if challenge.starts_with(b"e=") {
            // The server has received no more than a name and a nonce.
            return Answer::Cancel;
        }
        match ServerFirst::read(challenge, &self.nonce) {
            Ok(first) => {
                let header = self.bound.header().into_bytes();
                let binding = match &self.bound {
                    Bound::By(binding) => [header, binding.data.clone()].concat(),
                    Bound::NotOffered | Bound::No => header,
                };
                let without_proof = format!("c={},r={}", STANDARD.encode(&binding), first.nonce);
                let signed = format!("{},{},{without_proof}", self.first, first.text);
                let terms = Terms { hash: self.hash, salt: first.salt, iterations: first.iterations };
                if let Some(keys) = self.derived.get(&terms) {
                    return Answer::Say(self.prove(&keys, &without_proof, signed.as_bytes()));
                }
                self.stage = Stage::Deriving(Box::new(Deriving {
                    salted: Pbkdf2::new(self.hash, &self.password, &terms.salt, terms.iterations),
                    terms,
                    without_proof,
                    signed,
                }));
                Answer::Work
            }
            Err(why) => Answer::Distrust(why),
        }
    }

    fn hear_final(&mut self, message: &[u8], signature: &[u8]) -> Answer {
        if let Some(why) = message.strip_prefix(b"e=") {
            let why = why.split(|&octet| octet == b',').next().unwrap_or_default();
            return Answer::Refused(String::from_utf8_lossy(why).into_owned());
        }
        match is_signed(message, signature) {
            true => {
                self.stage = Stage::Proven;
                Answer::Say(Vec::new())
            }
            false => Answer::Distrust(NO_PROOF.to_owned()),
        }
    }

    /// Whether there is something to compute, by [`Scram::work`].
    pub fn is_at_work(&self) -> bool {
        matches!(self.stage, Stage::Deriving(_))
    }

    /// Computes for some milliseconds. Returns what to send once it is done.
    pub fn work(&mut self) -> Option<Vec<u8>> {
        let Stage::Deriving(deriving) = &mut self.stage else { return None };
        let salted = deriving.salted.go_on(SLICE)?;
        let keys = Keys::new(self.hash, &salted);
        let Stage::Deriving(deriving) = std::mem::replace(&mut self.stage, Stage::Refused) else {
            return None;
        };
        let Deriving { terms, without_proof, signed, .. } = *deriving;
        let said = self.prove(&keys, &without_proof, signed.as_bytes());
        self.derived.keep(terms, keys);
        Some(said)
    }

    /// The client's last message, with its proof.
    fn prove(&mut self, keys: &Keys, without_proof: &str, signed: &[u8]) -> Vec<u8> {
        self.stage = Stage::Answered { signature: keys.signature(signed) };
        format!("{without_proof},p={}", STANDARD.encode(keys.proof(signed))).into_bytes()
    }

    /// The server accepts the login. Returns why that isn't believed, if so. Some servers put
    /// their last message into that reply, although RFC 4954 4 doesn't allow it there.
    pub fn concluded(&mut self, reply: &[u8]) -> Result<(), &'static str> {
        if let Stage::Answered { signature } = &self.stage {
            let signed = |word: &[u8]| {
                is_signed(word, signature)
                    || STANDARD.decode(word).is_ok_and(|message| is_signed(&message, signature))
            };
            if reply.split(|octet| octet.is_ascii_whitespace()).any(signed) {
                self.stage = Stage::Proven;
            }
        }
        match self.stage {
            Stage::Proven => Ok(()),
            _ => Err(NO_PROOF),
        }
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scram({:?}, {:?})", self.hash, self.bound)
    }
}

const NO_PROOF: &str = "the server has not proven that it knows the password: it may be an impostor";

/// `v=` and the signature.
fn is_signed(message: &[u8], signature: &[u8]) -> bool {
    let Some(message) = message.strip_prefix(b"v=") else { return false };
    // Extensions may follow (RFC 5802 7).
    let encoded = message.split(|&octet| octet == b',').next().unwrap_or_default();
    let Ok(given) = STANDARD.decode(encoded) else { return false };
    is_equal(&given, signature)
}

struct Deriving {
    salted: Pbkdf2,
    terms: Terms,
    without_proof: String,
    /// The message that both sides sign.
    signed: String,
}

#[cfg(test)]
mod tests;
