//! Who the catcher is in TLS: the server certificates that its authority issues,
//! good and bad.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
    good: Arc<ServerConfig>,
}

/// Where the authority's certificate can be read.
#[derive(Debug)]
enum CaFile {
    /// For as long as the catcher runs.
    Temporary(TempFile),
    /// In the folder that keeps the authority.
    Kept(PathBuf),
}

impl Identity {
    /// Issues a server certificate for `names` (DNS names and IP addresses). The
    /// authority is the one kept in the folder, or a new one for this run alone.
    pub fn create(names: Vec<String>, folder: Option<&Path>) -> io::Result<Self> {
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
        let good = issue(&authority, &names, Validity::Now)?;
        Ok(Identity { names, authority, ca_file, good })
    }

    /// Where the authority's certificate is, in PEM.
    pub fn ca_file(&self) -> &Path {
        match &self.ca_file {
            CaFile::Temporary(file) => file.path(),
            CaFile::Kept(path) => path,
        }
    }

    /// A kept authority stays.
    pub fn remove_ca_file(&self) {
        if let CaFile::Temporary(file) = &self.ca_file {
            file.remove();
        }
    }

    /// The TLS configuration for a connection: the good one, or one that shows
    /// a certificate which no client should accept.
    pub fn config(&self, bad: Option<BadCertificate>) -> io::Result<Arc<ServerConfig>> {
        match bad {
            None => Ok(Arc::clone(&self.good)),
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

fn issue(authority: &Authority, names: &[String], validity: Validity) -> io::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate().map_err(broken)?;
    let certificate = authority.sign(server_params(names, validity)?, &key)?;
    server_config(certificate, &key)
}

fn self_signed(names: &[String]) -> io::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate().map_err(broken)?;
    let params = server_params(names, Validity::Now)?;
    let certificate = params.self_signed(&key).map_err(broken)?;
    server_config(certificate.der().clone(), &key)
}

fn server_params(names: &[String], validity: Validity) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(broken)?;
    validity.name_and_date(&mut params, "rsmtp catcher");
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
