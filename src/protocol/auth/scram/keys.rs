//! What both sides of SCRAM derive from a password (RFC 5802 3).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// RFC 5802 5.1 and RFC 7677 4: a server must not ask for fewer.
pub const FEWEST_ITERATIONS: u32 = 4096;

/// The hash function of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
}

/// The keys for one password and one salt.
#[derive(Clone)]
pub struct Keys {
    hash: Hash,
    client: Vec<u8>,
    stored: Vec<u8>,
    server: Vec<u8>,
}

impl Keys {
    /// `salted` is the result of [`Pbkdf2`] for the password.
    pub fn new(hash: Hash, salted: &[u8]) -> Self {
        let client = hash.hmac(salted, b"Client Key");
        Self { hash, stored: hash.of(&client), server: hash.hmac(salted, b"Server Key"), client }
    }

    /// The client's proof over the message that both sides sign.
    pub fn proof(&self, signed: &[u8]) -> Vec<u8> {
        let signature = self.hash.hmac(&self.stored, signed);
        self.client.iter().zip(&signature).map(|(one, other)| one ^ other).collect()
    }

    /// The server's signature.
    pub fn signature(&self, signed: &[u8]) -> Vec<u8> {
        self.hash.hmac(&self.server, signed)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(...)")
    }
}

/// What a server asks for in the derivation of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub hash: Hash,
    pub salt: Vec<u8>,
    pub iterations: u32,
}

/// The keys that were derived last, for further sessions with the same credentials: a server
/// asks for the same terms again, and the derivation is slow by design. They live as long as the
/// password beside which they are kept.
#[derive(Clone, Default)]
pub struct Derived(Arc<Mutex<Option<(Terms, Keys)>>>);

impl Derived {
    pub fn get(&self, terms: &Terms) -> Option<Keys> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(known, _)| known == terms).map(|(_, keys)| keys.clone())
    }

    pub fn keep(&self, terms: Terms, keys: Keys) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((terms, keys));
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived(...)")
    }
}

/// They follow from the credentials, so credentials don't differ by them.
impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Derived {}

/// Compares in constant time.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
}

impl Hash {
    fn of(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        Keyed::new(self, key).sign(&[text])
    }
}

/// An HMAC with its key.
enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl Keyed {
    fn new(hash: Hash, key: &[u8]) -> Self {
        // HMAC takes keys of any length, so this error can't occur.
        match hash {
            Hash::Sha1 => Self::Sha1(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())),
            Hash::Sha256 => Self::Sha256(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())),
        }
    }

    fn sign(&self, pieces: &[&[u8]]) -> Vec<u8> {
        fn signed<M: Mac>(mut mac: M, pieces: &[&[u8]]) -> Vec<u8> {
            pieces.iter().for_each(|piece| mac.update(piece));
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1(mac) => signed(mac.clone(), pieces),
            Self::Sha256(mac) => signed(mac.clone(), pieces),
        }
    }

    /// Runs this many rounds. Each one signs the previous result, and all results are combined
    /// with XOR.
    fn repeat(&self, rounds: u32, last: &mut [u8], sum: &mut [u8]) {
        fn repeated<M: Mac + Clone>(mac: &M, rounds: u32, last: &mut [u8], sum: &mut [u8]) {
            for _ in 0..rounds {
                let mut mac = mac.clone();
                mac.update(last);
                last.copy_from_slice(&mac.finalize().into_bytes());
                sum.iter_mut().zip(&*last).for_each(|(sum, last)| *sum ^= last);
            }
        }
        match self {
            Self::Sha1(mac) => repeated(mac, rounds, last, sum),
            Self::Sha256(mac) => repeated(mac, rounds, last, sum),
        }
    }
}

/// The one block of PBKDF2 (RFC 8018 5.2) that SCRAM needs: its `Hi` (RFC 5802 2.2).
pub struct Pbkdf2 {
    keyed: Keyed,
    last: Vec<u8>,
    sum: Vec<u8>,
    left: u32,
}

impl fmt::Debug for Pbkdf2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pbkdf2({} left)", self.left)
    }
}

impl Pbkdf2 {
    pub fn new(hash: Hash, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let keyed = Keyed::new(hash, password);
        let last = keyed.sign(&[salt, &[0, 0, 0, 1]]);
        Self { keyed, sum: last.clone(), last, left: iterations.saturating_sub(1) }
    }

    /// Returns the result once it is done.
    pub fn go_on(&mut self, rounds: u32) -> Option<Vec<u8>> {
        let rounds = rounds.min(self.left);
        self.keyed.repeat(rounds, &mut self.last, &mut self.sum);
        self.left -= rounds;
        (self.left == 0).then(|| self.sum.clone())
    }
}
