//! Converts the user's TLS settings to rustls's types.

use super::chain::SignedByAuthorities;
use super::error::TlsError;
use crate::protocol::error::{Advice, system_words};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as Rustls, RootCertStore, SignatureScheme,
    SupportedProtocolVersion, version,
};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// By default, certificates are verified with the operating system's trust store (or SSL_CERT_FILE
/// and SSL_CERT_DIR), and against the host name. These settings can change that.
#[derive(Debug, Default)]
pub struct TlsConfig {
    /// PEM. If set, these are the only trusted authorities.
    pub ca_file: Option<PathBuf>,
    /// PEM: the chain, and the key if it isn't in the same file.
    pub client_certificate: Option<(PathBuf, Option<PathBuf>)>,
    /// The name to verify instead of the host that was connected to.
    pub server_name: Option<String>,
    pub minimum_version: Option<TlsVersion>,
    pub no_verify: bool,
    built: OnceLock<Arc<ClientConfig>>,
}

impl TlsConfig {
    pub fn is_default(&self) -> bool {
        self.ca_file.is_none()
            && self.client_certificate.is_none()
            && self.minimum_version.is_none()
            && !self.no_verify
    }

    /// Checks whether the files and the name can be used.
    pub fn check(&self) -> Result<(), TlsError> {
        if let Some(name) = &self.server_name {
            ServerName::try_from(name.as_str()).map_err(|_| {
                TlsError::new(format!("server_name: {name:?} is neither a DNS name nor an address"))
            })?;
        }
        match self.ca_file.is_some() || self.client_certificate.is_some() {
            true => self.client_config().map(|_| ()),
            false => Ok(()),
        }
    }

    /// Reads the files. The result is kept, so that sessions can be resumed.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if self.is_default() {
            return default_config();
        }
        if let Some(built) = self.built.get() {
            return Ok(Arc::clone(built));
        }
        let config = Arc::new(self.build()?);
        Ok(Arc::clone(self.built.get_or_init(|| config)))
    }

    fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let versions: &[&SupportedProtocolVersion] = match self.minimum_version {
            Some(TlsVersion::Tls13) => &[&version::TLS13],
            _ => &[&version::TLS13, &version::TLS12],
        };
        let general = |error: Rustls| TlsError::new(format!("TLS can't be set up: {error}"));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(general)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(self.verifier(provider)?);
        match &self.client_certificate {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => {
                let certificates = read_certificates("client_certificate", chain)?;
                let key_file = key.as_deref().unwrap_or(chain);
                let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| {
                    TlsError::new(format!(
                        "client_certificate: no private key in {}: {}",
                        key_file.display(),
                        system_words(&error)
                    ))
                })?;
                builder
                    .with_client_auth_cert(certificates, key)
                    .map_err(|error| TlsError::new(format!("client_certificate: {error}")))
            }
        }
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        if self.no_verify {
            return Ok(Arc::new(Unverified(provider)));
        }
        let Some(ca_file) = &self.ca_file else {
            let verifier = rustls_platform_verifier::Verifier::new(provider);
            return Ok(Arc::new(SignedByAuthorities(Arc::new(verifier.map_err(no_trust_store)?))));
        };
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates("ca_file", ca_file)? {
            roots.add(certificate).map_err(|error| {
                TlsError::new(format!(
                    "ca_file: a certificate in {} can't be used: {error}",
                    ca_file.display()
                ))
            })?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        verifier
            .map(|v| Arc::new(SignedByAuthorities(v)) as Arc<dyn ServerCertVerifier>)
            .map_err(|error| TlsError::new(format!("ca_file: {error}")))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

fn no_trust_store(error: Rustls) -> TlsError {
    TlsError::new(format!("this machine's trusted certificates can't be read: {error}"))
        .with_advice(Advice::InstallAuthorities)
}

/// One per process, because reading the trust store takes milliseconds. It is read again when the
/// environment variables that name it have changed.
fn default_config() -> Result<Arc<ClientConfig>, TlsError> {
    type Key = [Option<OsString>; 2];
    static DEFAULT: Mutex<Option<(Key, Arc<ClientConfig>)>> = Mutex::new(None);
    let key = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(std::env::var_os);
    let mut kept = DEFAULT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*kept {
        Some((known, config)) if *known == key => Ok(Arc::clone(config)),
        _ => {
            let config = Arc::new(TlsConfig::default().build()?);
            *kept = Some((key, Arc::clone(&config)));
            Ok(config)
        }
    }
}

fn read_certificates(argument: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        TlsError::new(format!("{argument}: {} can't be read: {}", file.display(), system_words(error)))
    };
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?.collect();
    let found = found.map_err(|error| unreadable(&error))?;
    if found.is_empty() {
        return Err(TlsError::new(format!("{argument}: {} holds no PEM certificate", file.display())));
    }
    Ok(found)
}

/// `verify=False` accepts any certificate. The signatures of the handshake are still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
