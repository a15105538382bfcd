//! The certificate authority that issues the catcher's certificates. It is made for one run, or
//! kept in a folder, so that a client that trusts it once still trusts it at the next start.
//!
//! A kept authority may sign only for loopback names (RFC 5280 4.2.1.10). Even with its key, no
//! other server can impersonate a real one to a client that trusts it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PublicKeyData,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::parse_x509_certificate;

use super::random;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an authority for one run is valid. Some platforms refuse certificates that are valid
/// for years.
const ONE_RUN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const KEPT: Duration = Duration::from_secs(5 * 365 * 24 * 60 * 60);
/// A stored authority that expires within this time is replaced at the next start.
const LEFT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";

#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Creates an authority for one run. Its key is never written to disk.
    pub fn create() -> io::Result<Self> {
        Self::new(KeyPair::generate().map_err(broken)?, Scope::Anything)
    }

    /// Loads the authority stored in this folder. If there is none, or it is damaged or about to
    /// expire, a new one is created and stored there.
    pub fn kept_in(folder: &Path) -> io::Result<Self> {
        if let Some(kept) = Self::load(folder) {
            return Ok(kept);
        }
        let authority = Self::new(KeyPair::generate().map_err(broken)?, Scope::Loopback)?;
        match authority.keep_in(folder) {
            Ok(()) => Ok(authority),
            // Another catcher that started at the same moment may have stored its authority first.
            Err(error) => Self::load(folder).ok_or(error),
        }
    }

    /// The path of the certificate in a folder.
    pub fn certificate_in(folder: &Path) -> PathBuf {
        folder.join(CERTIFICATE)
    }

    /// The certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn sign(&self, params: CertificateParams, key: &KeyPair) -> io::Result<CertificateDer<'static>> {
        Ok(params.signed_by(key, &self.issuer).map_err(broken)?.der().clone())
    }

    pub fn sign_pem(&self, params: CertificateParams, key: &KeyPair) -> io::Result<String> {
        Ok(params.signed_by(key, &self.issuer).map_err(broken)?.pem())
    }

    fn new(key: KeyPair, scope: Scope) -> io::Result<Self> {
        let params = params(scope);
        let pem = params.self_signed(&key).map_err(broken)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Returns `None` if the folder has no usable authority.
    fn load(folder: &Path) -> Option<Self> {
        let pem = fs::read_to_string(folder.join(CERTIFICATE)).ok()?;
        let key = KeyPair::from_pem(&fs::read_to_string(folder.join(KEY)).ok()?).ok()?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let (_, certificate) = parse_x509_certificate(&der).ok()?;
        let end = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        let lasts = Duration::from_secs(end) > since_epoch() + LEFT;
        let is_ours = certificate.public_key().raw == key.subject_public_key_info();
        (lasts && is_ours).then(|| Self { issuer: Issuer::new(params(Scope::Loopback), key), pem })
    }

    /// Stores the certificate and the key together: either both are written or neither is.
    fn keep_in(&self, folder: &Path) -> io::Result<()> {
        let (above, Some(name)) = (folder.parent().unwrap_or(Path::new(".")), folder.file_name()) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the folder for the authority has no name",
            ));
        };
        private_folder(above, true)?;
        let mut new = name.to_owned();
        new.push(format!(".{}", random::hex(8)?));
        let new = above.join(new);
        private_folder(&new, false)?;
        let written = private_file(&new.join(KEY), &self.issuer.key().serialize_pem())
            .and_then(|()| private_file(&new.join(CERTIFICATE), &self.pem))
            .and_then(|()| {
                let old = above.join(format!("{}.old", new.display()));
                let replaced = Self::load(folder).is_none() && fs::rename(folder, &old).is_ok();
                let renamed = fs::rename(&new, folder);
                if replaced {
                    fs::remove_dir_all(&old)?;
                }
                renamed
            });
        if written.is_err() {
            // A leftover folder does no harm.
            let _ = fs::remove_dir_all(&new);
        }
        written
    }
}

/// The names that an authority may issue certificates for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Anything,
    Loopback,
}

fn params(scope: Scope) -> CertificateParams {
    let mut params = CertificateParams::default();
    let life = match scope {
        Scope::Anything => ONE_RUN,
        Scope::Loopback => KEPT,
    };
    name_and_date(&mut params, "rsmtp catcher: test authority", since_epoch().saturating_sub(DAY), life);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    // Python's strict verification (3.13) requires the key usage.
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    if scope == Scope::Loopback {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![
                GeneralSubtree::DnsName("localhost".to_owned()),
                GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
                GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                    128,
                )),
            ],
            excluded_subtrees: Vec::new(),
        });
    }
    params
}

/// The period in which a server's certificate is valid.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    Past,
    Now,
    Future,
}

impl Validity {
    pub fn name_and_date(self, params: &mut CertificateParams, common_name: &str) {
        let now = since_epoch();
        let (from, life) = match self {
            Validity::Past => (now.saturating_sub(30 * DAY), 29 * DAY),
            Validity::Now => (now.saturating_sub(DAY), 31 * DAY),
            Validity::Future => (now + DAY, 29 * DAY),
        };
        name_and_date(params, common_name, from, life);
    }
}

fn name_and_date(params: &mut CertificateParams, common_name: &str, from: Duration, life: Duration) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from;
    params.not_after = epoch + from + life;
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Creates a folder that only its owner can enter. An existing folder is left unchanged.
fn private_folder(path: &Path, may_exist: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(may_exist);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content.as_bytes())
}

pub fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("rsmtp-test-{}", random::hex(8).unwrap()))
    }

    #[test]
    fn an_authority_is_kept_and_a_damaged_one_replaced() {
        let above = folder();
        let folder = above.join("authority");
        let first = Authority::kept_in(&folder).unwrap();
        let again = Authority::kept_in(&folder).unwrap();
        assert_eq!(first.pem(), again.pem());
        assert_eq!(fs::read_to_string(Authority::certificate_in(&folder)).unwrap(), first.pem());
        let other = Authority::new(KeyPair::generate().unwrap(), Scope::Loopback).unwrap();
        for damaged in ["", other.pem()] {
            fs::write(Authority::certificate_in(&folder), damaged).unwrap();
            let anew = Authority::kept_in(&folder).unwrap();
            assert_ne!(anew.pem(), first.pem());
            assert_eq!(Authority::kept_in(&folder).unwrap().pem(), anew.pem());
        }
        let beside: Vec<_> = fs::read_dir(&above).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(beside, ["authority"], "nothing is left beside it");
        fs::remove_dir_all(&above).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        Authority::kept_in(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(KEY))), (0o700, 0o600));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_can_t_be_made_is_an_error() {
        let file = folder();
        fs::write(&file, "").unwrap();
        assert!(Authority::kept_in(&file.join("authority")).is_err());
        fs::remove_file(&file).unwrap();
    }
}
