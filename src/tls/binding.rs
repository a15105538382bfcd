//! Channel bindings (RFC 5056): they tie a login to its TLS connection, so that an attacker in
//! between can't reuse it on another connection.

use crate::protocol::auth::ChannelBinding;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::oid_registry as oid;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// The length of an exporter's binding in octets, and its label (RFC 9266 2).
pub const EXPORTED: usize = 32;
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The binding to this connection alone (RFC 9266).
pub fn of_connection(exported: [u8; EXPORTED]) -> ChannelBinding {
    ChannelBinding { name: ChannelBinding::EXPORTER, data: exported.to_vec() }
}

/// The binding to the server's certificate (RFC 5929 4.1): its hash, by the function of its
/// signature, but at least SHA-256. None if the signature has no such function.
pub fn of_certificate(der: &[u8]) -> Option<ChannelBinding> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm;
    let hash = match SignatureAlgorithm::try_from(algorithm).ok()? {
        SignatureAlgorithm::RSASSA_PSS(parameters) => {
            oid::Oid::new(parameters.hash_algorithm_oid().as_bytes().to_vec().into())
        }
        SignatureAlgorithm::ED25519 => return None,
        _ => algorithm.algorithm.clone(),
    };
    let is_one_of = |known: &[oid::Oid<'_>]| known.contains(&hash);
    let data = if is_one_of(&[
        oid::OID_PKCS1_SHA384WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA384,
        oid::OID_NIST_HASH_SHA384,
    ]) {
        Sha384::digest(der).to_vec()
    } else if is_one_of(&[
        oid::OID_PKCS1_SHA512WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA512,
        oid::OID_NIST_HASH_SHA512,
    ]) {
        Sha512::digest(der).to_vec()
    } else if is_one_of(&[
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_SHA1_WITH_RSA,
        oid::OID_SIG_DSA_WITH_SHA1,
        oid::OID_HASH_SHA1,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA256,
        oid::OID_NIST_HASH_SHA256,
    ]) {
        Sha256::digest(der).to_vec()
    } else {
        return None;
    };
    Some(ChannelBinding { name: ChannelBinding::CERTIFICATE, data })
}
