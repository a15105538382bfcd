//! Checks something about a chain that webpki doesn't: whether each authority in it may sign
//! certificates (RFC 5280 4.2.1.3, 6.1.4 n). OpenSSL checks this, and so do we.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Verifies like the inner verifier, without the certificates that may not sign.
#[derive(Debug)]
pub struct SignedByAuthorities(pub Arc<dyn ServerCertVerifier>);

/// The chain includes a certificate that may not sign others.
#[derive(Clone, Copy, Debug)]
pub struct MayNotSign;

impl fmt::Display for MayNotSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an authority in its chain may not sign certificates (keyUsage without keyCertSign)")
    }
}

impl std::error::Error for MayNotSign {}

impl ServerCertVerifier for SignedByAuthorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |these: &[CertificateDer<'_>]| {
            self.0.verify_server_cert(end_entity, these, server_name, ocsp_response, now)
        };
        let verified = verify(intermediates)?;
        let authorities: Vec<_> = intermediates.iter().filter(|one| may_sign(one)).cloned().collect();
        if authorities.len() == intermediates.len() {
            return Ok(verified);
        }
        // A server may send more than its chain. Certificates that aren't needed do no harm.
        let why = || Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(MayNotSign))));
        verify(&authorities).map_err(|_| why())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// If the certificate restricts the use of its key, signing certificates must be included.
fn may_sign(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(certificate) else { return false };
    match read.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        // The extension occurs twice, or can't be read.
        Err(_) => false,
    }
}
