//! Private keys: RSA (RFC 8301) and Ed25519 (RFC 8463). A key is parsed once, and can sign on any
//! number of threads.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The signature algorithm (the tag `a=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    RsaSha256,
    Ed25519Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 2] = [Self::RsaSha256, Self::Ed25519Sha256];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The type of key, as its DNS record names it (the tag `k=`).
    #[must_use]
    pub const fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa",
            Self::Ed25519Sha256 => "ed25519",
        }
    }
}

/// Something that can sign, wherever the key is kept.
pub trait PrivateKey: Send + Sync {
    fn algorithm(&self) -> Algorithm;

    /// Signs these octets. RSA uses RSASSA-PKCS1-v1_5 with their SHA-256. Ed25519 uses PureEdDSA,
    /// and the octets are a SHA-256 digest already (RFC 8463 section 3).
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Arc<dyn Error + Send + Sync>>;

    fn public_key(&self) -> Option<&PublicKey>;
}

/// Why something can't be used as a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    NoPem,
    Encrypted,
    Public,
    Private,
    Certificate,
    OpenSsh,
    OtherType,
    TooShort,
    Malformed,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPem => "no PEM key is in it, which begins with -----BEGIN PRIVATE KEY-----",
            Self::Encrypted => {
                "the key is encrypted: decrypt it once, with `openssl pkey -in KEY -out PLAIN`, and let only \
                 the sending program read the file"
            }
            Self::Public => "this is a public key: a private key signs",
            Self::Private => "this is a private key: the public key is wanted",
            Self::Certificate => "this is a certificate: a private key signs",
            Self::OpenSsh => {
                "this is a key in OpenSSH's own format: make another one for DKIM, with `rsmtp dkim new`"
            }
            Self::OtherType => "a key of this type can't sign for DKIM: RSA and Ed25519 keys can",
            Self::TooShort => {
                "the RSA key is shorter than 2048 bits, which is too short (RFC 8301): make another one, with \
                 `rsmtp dkim new`"
            }
            Self::Malformed => "the key can't be read: it is damaged or cut off",
        })
    }
}

impl Error for BadKey {}

/// The public half of a key.
pub struct PublicKey {
    algorithm: Algorithm,
    /// As published in the DNS: SubjectPublicKeyInfo for RSA, the key itself for Ed25519.
    octets: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// From PEM text that contains a SubjectPublicKeyInfo.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, BadKey> {
        let found = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| match what_is_in(pem) {
            BadKey::Malformed => BadKey::Private,
            other => other,
        })?;
        let der = found.as_ref();
        if algorithm_of(der) != Some(algorithm) {
            return Err(BadKey::OtherType);
        }
        match algorithm {
            Algorithm::RsaSha256 => Self::new(algorithm, der),
            // The last 32 octets of it are the key (RFC 8410 section 4).
            Algorithm::Ed25519Sha256 => {
                Self::new(algorithm, der.last_chunk::<32>().ok_or(BadKey::Malformed)?)
            }
        }
    }

    fn new(algorithm: Algorithm, octets: &[u8]) -> Result<Self, BadKey> {
        let parsed = match algorithm {
            Algorithm::RsaSha256 => {
                ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, octets)
            }
            Algorithm::Ed25519Sha256 => ParsedPublicKey::new(&ED25519, octets),
        };
        let parsed = parsed.map_err(|_| BadKey::Malformed)?;
        Ok(PublicKey { algorithm, octets: octets.to_vec(), parsed })
    }

    /// As published in the DNS.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this is a signature of these octets as made by [`PrivateKey::sign`].
    #[must_use]
    pub fn verifies(&self, octets: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(octets, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key in memory.
pub struct Key {
    pair: Pair,
    public: PublicKey,
}

impl Key {
    /// The first private key of a PEM text: PKCS#8 (RFC 5958), or PKCS#1 for RSA.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadKey> {
        if let bad @ (BadKey::Encrypted | BadKey::OpenSsh) = what_is_in(pem) {
            return Err(bad);
        }
        match PrivateKeyDer::from_pem_slice(pem).map_err(|_| what_is_in(pem))? {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => {
                Self::of_rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(rejected)?)
            }
            _ => Err(BadKey::OtherType),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, BadKey> {
        match algorithm_of(der) {
            Some(Algorithm::RsaSha256) => Self::of_rsa(RsaKeyPair::from_pkcs8(der).map_err(rejected)?),
            Some(Algorithm::Ed25519Sha256) => {
                Self::of_ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?)
            }
            None => Err(BadKey::OtherType),
        }
    }

    fn of_rsa(pair: RsaKeyPair) -> Result<Self, BadKey> {
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| BadKey::Malformed)?;
        let public = PublicKey::new(Algorithm::RsaSha256, der.as_ref())?;
        Ok(Key { pair: Pair::Rsa(pair), public })
    }

    fn of_ed25519(pair: Ed25519KeyPair) -> Result<Self, BadKey> {
        let public = PublicKey::new(Algorithm::Ed25519Sha256, pair.public_key().as_ref())?;
        Ok(Key { pair: Pair::Ed25519(pair), public })
    }

    /// A new RSA key of 2048, 3072 or 4096 bits, or a new Ed25519 key, as PKCS#8. None if there is
    /// no such size, or if no random octets are available.
    #[must_use]
    pub fn generate(algorithm: Algorithm, bits: u32) -> Option<Vec<u8>> {
        let made: Pkcs8V1Der<'_> = match (algorithm, bits) {
            (Algorithm::Ed25519Sha256, _) => Ed25519KeyPair::generate().ok()?.as_der().ok()?,
            (Algorithm::RsaSha256, bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return None,
                };
                RsaKeyPair::generate(size).ok()?.as_der().ok()?
            }
        };
        Some(made.as_ref().to_vec())
    }

    /// The size of an RSA key. Ed25519 keys have a fixed length.
    #[must_use]
    pub fn bits(&self) -> Option<usize> {
        match &self.pair {
            Pair::Rsa(pair) => Some(pair.public_modulus_len() * 8),
            Pair::Ed25519(_) => None,
        }
    }
}

impl PrivateKey for Key {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Arc<dyn Error + Send + Sync>> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(octets).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                match pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), octets, &mut signature) {
                    Ok(()) => Ok(signature),
                    Err(failed) => Err(Arc::new(failed)),
                }
            }
        }
    }

    fn public_key(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }
}

/// The key itself is never shown.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("public", &self.public).finish_non_exhaustive()
    }
}

fn rejected(why: aws_lc_rs::error::KeyRejected) -> BadKey {
    match why.description_() {
        "TooSmall" => BadKey::TooShort,
        _ => BadKey::Malformed,
    }
}

/// Describes a text that contains no readable key. The labels are those of RFC 7468 and OpenSSL.
fn what_is_in(pem: &[u8]) -> BadKey {
    let has = |wanted: &str| memchr::memmem::find(pem, wanted.as_bytes()).is_some();
    if has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED") {
        BadKey::Encrypted
    } else if has("BEGIN OPENSSH PRIVATE KEY") {
        BadKey::OpenSsh
    } else if has("PRIVATE KEY-----") {
        BadKey::Malformed
    } else if has("PUBLIC KEY-----") {
        BadKey::Public
    } else if has("BEGIN CERTIFICATE-----") {
        BadKey::Certificate
    } else {
        BadKey::NoPem
    }
}

/// Recognised by the object identifier at the start of a PKCS#8 key or a SubjectPublicKeyInfo.
fn algorithm_of(der: &[u8]) -> Option<Algorithm> {
    const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    let beginning = &der[..der.len().min(32)];
    let has = |wanted| memchr::memmem::find(beginning, wanted).is_some();
    match () {
        () if has(RSA_ENCRYPTION) => Some(Algorithm::RsaSha256),
        () if has(ED25519) => Some(Algorithm::Ed25519Sha256),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8], label: &str) -> Vec<u8> {
        use encodify::base64::STANDARD;
        let text = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n").into_bytes()
    }

    #[test]
    fn new_keys_sign_and_their_public_halves_verify() {
        for algorithm in Algorithm::ALL {
            let key = Key::from_pem(&pem(&Key::generate(algorithm, 2048).unwrap(), "PRIVATE KEY")).unwrap();
            let signature = key.sign(b"octets").unwrap();
            let public = key.public_key().unwrap();
            assert!(public.verifies(b"octets", &signature) && !public.verifies(b"others", &signature));
            assert_eq!(key.algorithm(), algorithm);
            assert!(!format!("{key:?}").contains("pair"));
        }
        assert_eq!(Key::generate(Algorithm::RsaSha256, 1024), None);
    }

    #[test]
    fn what_is_no_key_is_told_by_what_it_is() {
        let ec =
            [&[0x30, 0x20, 2, 1, 0, 0x30, 9][..], &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]].concat();
        for (text, bad) in [
            (b"nothing".to_vec(), BadKey::NoPem),
            (pem(b"x", "ENCRYPTED PRIVATE KEY"), BadKey::Encrypted),
            (pem(b"x", "OPENSSH PRIVATE KEY"), BadKey::OpenSsh),
            (pem(b"x", "PUBLIC KEY"), BadKey::Public),
            (pem(b"x", "CERTIFICATE"), BadKey::Certificate),
            (pem(b"x", "EC PRIVATE KEY"), BadKey::OtherType),
            (pem(&ec, "PRIVATE KEY"), BadKey::OtherType),
            (b"-----BEGIN PRIVATE KEY-----\nMII".to_vec(), BadKey::Malformed),
            (pem(b"x", "RSA PRIVATE KEY"), BadKey::Malformed),
        ] {
            assert_eq!(Key::from_pem(&text).unwrap_err(), bad, "{}", String::from_utf8_lossy(&text));
        }
    }
}
