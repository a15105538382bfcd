//! The catcher's TLS identity: the server certificates that its authority issues, valid and
//! invalid.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::parse_x509_certificate;

use super::authority::{Authority, Validity, broken};
use super::fault::BadCertificate;
use super::temp_file::TempFile;

const WRONG_NAME: &str = "elsewhere.example";

/// The certificate authority, its file, and the server configuration in use.
#[derive(Debug)]
pub struct Identity {
    names: Vec<String>,
    authority: Authority,
    ca_file: CaFile,
    good: Shown,
    /// The certificate and key for a client, created at the first request.
    client: Mutex<Option<TempFile>>,
}

/// The TLS settings that a client meets.
#[derive(Clone, Debug)]
pub struct Shown {
    pub config: Arc<ServerConfig>,
    /// The server's certificate, in DER.
    pub certificate: CertificateDer<'static>,
}

/// Where the authority's certificate can be read.
#[derive(Debug)]
enum CaFile {
    /// A temporary file that exists as long as the catcher runs.
    Temporary(TempFile),
    /// A file in the folder that stores the authority.
    Kept(PathBuf),
}

impl Identity {
    /// Issues a server certificate for `names` (DNS names and IP addresses). The authority is the
    /// one stored in the folder, or a new one for this run alone. If `asks_clients` is true,
    /// clients are asked for a certificate from that authority, but may connect without one.
    pub fn create(names: Vec<String>, folder: Option<&Path>, asks_clients: bool) -> io::Result<Self> {
        let (authority, ca_file) = match folder {
            Some(folder) => {
                let authority = Authority::kept_in(folder)?;
                (authority, CaFile::Kept(Authority::certificate_in(folder)))
            }
            None => {
                let authority = Authority::create()?;
                let file = TempFile::create("rsmtp-catcher-", ".pem", authority.pem().as_bytes())?;
                (authority, CaFile::Temporary(file))
            }
        };
        let trusted = asks_clients.then_some(&authority);
        let key = KeyPair::generate().map_err(broken)?;
        let certificate = authority.sign(server_params(&names, Validity::Now)?, &key)?;
        let good = shown(certificate, &key, trusted)?;
        Ok(Identity { names, authority, ca_file, good, client: Mutex::default() })
    }

    /// The path of a PEM file with a certificate and key for a client of this name, for EXTERNAL.
    pub fn client_file(&self, name: &str) -> io::Result<PathBuf> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*client {
            return Ok(file.path().to_owned());
        }
        let key = KeyPair::generate().map_err(broken)?;
        let mut params = CertificateParams::default();
        Validity::Now.name_and_date(&mut params, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = self.authority.sign_pem(params, &key)?;
        let pem = format!("{certificate}{}", key.serialize_pem());
        let file = TempFile::create_private("rsmtp-catcher-client-", ".pem", pem.as_bytes())?;
        let path = file.path().to_owned();
        *client = Some(file);
        Ok(path)
    }

    /// The path of the authority's certificate, in PEM.
    pub fn ca_file(&self) -> &Path {
        match &self.ca_file {
            CaFile::Temporary(file) => file.path(),
            CaFile::Kept(path) => path,
        }
    }

    /// Removes the temporary files. A stored authority stays.
    pub fn remove_files(&self) {
        if let CaFile::Temporary(file) = &self.ca_file {
            file.remove();
        }
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The TLS settings for a connection, with the good certificate or one that every client should
    /// refuse.
    pub fn shown(&self, bad: Option<BadCertificate>) -> io::Result<Shown> {
        match bad {
            None => Ok(self.good.clone()),
            Some(BadCertificate::WrongName) => {
                issue(&self.authority, &[WRONG_NAME.to_owned()], Validity::Now)
            }
            Some(BadCertificate::Expired) => issue(&self.authority, &self.names, Validity::Past),
            Some(BadCertificate::NotYetValid) => issue(&self.authority, &self.names, Validity::Future),
            Some(BadCertificate::Untrusted) => issue(&Authority::create()?, &self.names, Validity::Now),
            Some(BadCertificate::SelfSigned) => self_signed(&self.names),
        }
    }
}

/// The name that a certificate was issued to.
pub fn owner(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

fn issue(authority: &Authority, names: &[String], validity: Validity) -> io::Result<Shown> {
    let key = KeyPair::generate().map_err(broken)?;
    shown(authority.sign(server_params(names, validity)?, &key)?, &key, None)
}

fn self_signed(names: &[String]) -> io::Result<Shown> {
    let key = KeyPair::generate().map_err(broken)?;
    let params = server_params(names, Validity::Now)?;
    let certificate = params.self_signed(&key).map_err(broken)?;
    shown(certificate.der().clone(), &key, None)
}

fn server_params(names: &[String], validity: Validity) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(broken)?;
    validity.name_and_date(&mut params, "rsmtp catcher");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Builds the TLS settings. If `trusted` is given, clients are asked for a certificate from it.
fn shown(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    trusted: Option<&Authority>,
) -> io::Result<Shown> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(broken)?;
    let config = match trusted {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).map_err(broken)?)
                .map_err(broken)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(broken)?;
            config.with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![certificate.clone()], key).map_err(broken)?;
    Ok(Shown { config: Arc::new(config), certificate })
}
