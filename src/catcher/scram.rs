//! The server's side of SCRAM (RFC 5802, RFC 7677).
//!
//! ```text
//! client  gs2-header n=user,r=nonce
//! us      r=nonce+ours,s=salt,i=iterations
//! client  c=gs2-header and what binds TLS,r=nonce,p=proof
//! us      v=signature
//! client  (nothing)                                            then 235
//! ```
//! To sign its answer, the server has to know the password. SCRAM therefore can't accept any login,
//! as the other mechanisms can.

use std::sync::{Arc, OnceLock};

use encodify::base64::STANDARD;

use super::auth::{Credentials, Exchange, Mechanism, Outcome};
use super::random;
use crate::protocol::auth::scram::{FEWEST_ITERATIONS, Keys, Pbkdf2, is_equal, prepared};
use crate::protocol::auth::{ChannelBinding, Hash};

/// The length of the salt in octets.
const SALT: usize = 16;
const NONCE: usize = 18;

/// The keys derived from a password. They are computed at the first use, because that takes some
/// milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Account {
    sha1: OnceLock<Option<Arc<Kept>>>,
    sha256: OnceLock<Option<Arc<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    salt: String,
    keys: Keys,
}

impl Account {
    /// Returns `None` if the password can't be prepared (RFC 4013) or there are no random octets.
    fn kept(&self, hash: Hash, login: &Credentials) -> Option<Arc<Kept>> {
        let place = match hash {
            Hash::Sha1 => &self.sha1,
            Hash::Sha256 => &self.sha256,
        };
        let make = || {
            let (_, password) = prepared(&login.username, &login.password).ok()?;
            let salt = random::octets(SALT).ok()?;
            let salted = Pbkdf2::new(hash, password.as_bytes(), &salt, FEWEST_ITERATIONS).go_on(u32::MAX)?;
            Some(Arc::new(Kept { salt: STANDARD.encode(&salt), keys: Keys::new(hash, &salted) }))
        };
        place.get_or_init(make).clone()
    }
}

/// Which variant of SCRAM an exchange uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub hash: Hash,
    pub plus: bool,
}

/// The server waits for the client's proof.
#[derive(Debug)]
pub struct Asked {
    hash: Hash,
    user: String,
    /// The expected value of `c=`: the client's header and the channel binding.
    bound: Vec<u8>,
    nonce: String,
    /// The part of the signed text that precedes the client's last message.
    said: String,
}

/// Reads the client's first message. `bindings` are those of this connection, and `offered` holds
/// the mechanisms that the server offered.
pub fn begin(
    kind: Kind,
    message: &[u8],
    bindings: &[ChannelBinding],
    offered: &[Mechanism],
    login: &Credentials,
) -> Outcome {
    let Some(first) = First::read(message) else { return Outcome::Malformed };
    let bound = match (first.flag, kind.plus) {
        (Flag::By(name), true) => match bindings.iter().find(|binding| binding.name == name) {
            Some(binding) => [first.header.as_bytes(), &binding.data].concat(),
            None => return Outcome::Unbound("unsupported-channel-binding-type"),
        },
        (Flag::By(_), false) | (_, true) => return Outcome::Unbound("channel-binding-not-supported"),
        // The client supports channel binding but did not see the server's offer, so the offer was
        // removed on the way.
        (Flag::NotOffered, false) if offered.contains(&Mechanism::Scram(Kind { plus: true, ..kind })) => {
            return Outcome::Unbound("server-does-support-channel-binding");
        }
        (Flag::NotOffered | Flag::No, false) => first.header.as_bytes().to_vec(),
    };
    if !first.acting.is_empty() && first.acting != first.user {
        return Outcome::Refused;
    }
    let (Some(kept), Ok(ours)) = (login.account.kept(kind.hash, login), random::octets(NONCE)) else {
        return Outcome::Refused;
    };
    let nonce = format!("{}{}", first.nonce, STANDARD.encode(&ours));
    let question = format!("r={nonce},s={},i={FEWEST_ITERATIONS}", kept.salt);
    let said = format!("{},{question}", first.bare);
    let asked = Asked { hash: kind.hash, user: first.user, bound, nonce, said };
    Outcome::Challenge(Exchange::ScramProof(Box::new(asked)), question.into_bytes())
}

impl Asked {
    /// Checks the client's proof.
    pub fn hear(self, message: &[u8], login: &Credentials) -> Outcome {
        let read = || {
            let (without_proof, proof) = std::str::from_utf8(message).ok()?.rsplit_once(",p=")?;
            let mut attributes = without_proof.split(',');
            let bound = STANDARD.decode(attributes.next()?.strip_prefix("c=")?.as_bytes()).ok()?;
            let nonce = attributes.next()?.strip_prefix("r=")?;
            Some((without_proof, bound, nonce, STANDARD.decode(proof.as_bytes()).ok()?))
        };
        let Some((without_proof, bound, nonce, proof)) = read() else { return Outcome::Malformed };
        if bound != self.bound {
            return Outcome::Unbound("channel-bindings-dont-match");
        }
        if nonce != self.nonce {
            return Outcome::Malformed;
        }
        let Some(kept) = login.account.kept(self.hash, login) else { return Outcome::Refused };
        let signed = format!("{},{without_proof}", self.said);
        // The check takes as long for an unknown user name as for the right one.
        let is_right = is_equal(&kept.keys.proof(signed.as_bytes()), &proof);
        if !is_right || !(login.any || self.user == login.username) {
            return Outcome::Refused;
        }
        let signature = format!("v={}", STANDARD.encode(kept.keys.signature(signed.as_bytes())));
        Outcome::Challenge(Exchange::ScramProven(self.user), signature.into_bytes())
    }
}

/// What the client says about channel binding (RFC 5802 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag<'a> {
    By(&'a str),
    NotOffered,
    No,
}

#[derive(Debug, PartialEq, Eq)]
struct First<'a> {
    flag: Flag<'a>,
    header: &'a str,
    acting: String,
    /// The message without its GS2 header.
    bare: &'a str,
    user: String,
    nonce: &'a str,
}

impl<'a> First<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let (flag, rest) = text.split_once(',')?;
        let (acting, bare) = rest.split_once(',')?;
        let header = &text[..text.len() - bare.len()];
        let flag = match flag {
            "n" => Flag::No,
            "y" => Flag::NotOffered,
            _ => Flag::By(flag.strip_prefix("p=")?),
        };
        let acting = match acting {
            "" => String::new(),
            _ => name(acting.strip_prefix("a=")?)?,
        };
        // Extensions may follow. A mandatory one (m=) would come first.
        let mut attributes = bare.split(',');
        let user = name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        (!user.is_empty() && !nonce.is_empty()).then_some(Self { flag, header, acting, bare, user, nonce })
    }
}

/// Decodes a name: "=" may appear only in "=2C" and "=3D" (RFC 5802 section 5.1).
fn name(escaped: &str) -> Option<String> {
    let name = escaped.replace("=2C", ",").replace("=3D", "\0");
    (!name.contains('=')).then(|| name.replace('\0', "="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_rfc_5802_and_others() {
        let first = First::read(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL").unwrap();
        assert_eq!(
            (first.flag, first.header, first.bare),
            (Flag::No, "n,,", "n=user,r=fyko+d2lbbFgONRv9qkxdawL")
        );
        assert_eq!((first.user.as_str(), first.nonce), ("user", "fyko+d2lbbFgONRv9qkxdawL"));
        let first = First::read(b"p=tls-exporter,a=x=2Cy,n=a=3Db=2Cc,r=n,ext=1").unwrap();
        assert_eq!(
            (first.flag, first.acting.as_str(), first.user.as_str()),
            (Flag::By("tls-exporter"), "x,y", "a=b,c")
        );
        assert_eq!(First::read(b"y,,n=u,r=n").unwrap().flag, Flag::NotOffered);
        for bad in [
            "",
            "n",
            "n,",
            "n,,",
            "x,,n=u,r=n",
            "n,b,n=u,r=n",
            "n,,r=n,n=u",
            "n,,n=,r=n",
            "n,,n=u,r=",
            "n,,m=x,n=u,r=n",
            "n,,n=a=b,r=n",
            "n,,n=u",
        ] {
            assert_eq!(First::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
