//! Who the catcher is in TLS: a certificate authority of its own, made at
//! start, and the server certificates that it issues, good and bad.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::BadCertificate;
use super::temp_file::TempFile;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WRONG_NAME: &str = "elsewhere.example";

/// The certificate authority, its file, and the server configuration in use.
#[derive(Debug)]
pub struct Identity {
    names: Vec<String>,
    authority: Authority,
    ca_file: TempFile,
    good: Arc<ServerConfig>,
}

impl Identity {
    /// Makes an authority, writes its certificate to a file, and issues a
    /// server certificate for `names` (DNS names and IP addresses).
    pub fn create(names: Vec<String>) -> io::Result<Self> {
        let authority = Authority::create()?;
        let ca_file = TempFile::create("rsmtp-catcher-", ".pem", authority.pem.as_bytes())?;
        let good = authority.issue(&names, Validity::Now)?;
        Ok(Identity { names, authority, ca_file, good })
    }

    /// Where the authority's certificate is, in PEM.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    pub fn remove_ca_file(&self) {
        self.ca_file.remove();
    }

    /// The TLS configuration for a connection: the good one, or one that shows
    /// a certificate which no client should accept.
    pub fn config(&self, bad: Option<BadCertificate>) -> io::Result<Arc<ServerConfig>> {
        match bad {
            None => Ok(Arc::clone(&self.good)),
            Some(BadCertificate::WrongName) => self.authority.issue(&[WRONG_NAME.to_owned()], Validity::Now),
            Some(BadCertificate::Expired) => self.authority.issue(&self.names, Validity::Past),
            Some(BadCertificate::NotYetValid) => self.authority.issue(&self.names, Validity::Future),
            Some(BadCertificate::Untrusted) => Authority::create()?.issue(&self.names, Validity::Now),
            Some(BadCertificate::SelfSigned) => self_signed(&self.names),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Validity {
    Past,
    Now,
    Future,
}

#[derive(Debug)]
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn create() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(broken)?;
        let mut params = CertificateParams::default();
        name(&mut params, "rsmtp catcher: test authority");
        valid(&mut params, Validity::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // Python's strict verification (3.13) asks for the key usage.
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).map_err(broken)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem })
    }

    fn issue(&self, names: &[String], validity: Validity) -> io::Result<Arc<ServerConfig>> {
        let key = KeyPair::generate().map_err(broken)?;
        let params = server_params(names, validity)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(broken)?;
        server_config(certificate.der().clone(), &key)
    }
}

fn self_signed(names: &[String]) -> io::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate().map_err(broken)?;
    let params = server_params(names, Validity::Now)?;
    let certificate = params.self_signed(&key).map_err(broken)?;
    server_config(certificate.der().clone(), &key)
}

fn server_params(names: &[String], validity: Validity) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(broken)?;
    name(&mut params, "rsmtp catcher");
    valid(&mut params, validity);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> io::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(broken)?;
    Ok(Arc::new(config))
}

fn name(params: &mut CertificateParams, common_name: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
}

/// A month at most: some platforms refuse certificates that live for years.
fn valid(params: &mut CertificateParams, validity: Validity) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (from, to) = match validity {
        Validity::Past => (now.saturating_sub(30 * DAY), now.saturating_sub(DAY)),
        Validity::Now => (now.saturating_sub(DAY), now + 30 * DAY),
        Validity::Future => (now + DAY, now + 30 * DAY),
    };
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from;
    params.not_after = epoch + to;
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
