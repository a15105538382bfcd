//! TLS settings and facts as Python sees them, and which record layer a
//! `context=` asks for.

use super::advice::value_error;
use super::argument::{checked, complete, none_unknown};
use super::certificate::Certificate;
use super::error::{Told, bad_argument};
use super::ssl_context::{Raised, SslContextLayer};
use crate::protocol::{Error, Kind, Stage};
use crate::tls::client::TlsClient;
use crate::tls::config::TlsVersion;
use crate::tls::{self, MakeLayer, RecordLayer, TlsError};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::path::PathBuf;
use std::sync::Arc;

/// How TLS is to be done, for every `context=` beside an `ssl.SSLContext`.
///
/// Args:
///     ca_file: PEM file; the only authorities that are trusted then. Default:
///         the operating system's trust store, or SSL_CERT_FILE.
///     client_certificate: PEM file with chain and key, or a pair of files.
///     server_name: the name that the certificate must be for. Default: the
///         host that was connected to.
///     minimum_version: "1.2" (default) or "1.3".
///     verify: False accepts any certificate: then an attacker in the network can
///         read and change what is sent.
///
/// Files are read at once. Raises ValueError where one can't be used, and for a name
/// that no certificate can be checked against.
#[pyclass(frozen, module = "rsmtp")]
pub struct TlsConfig {
    pub config: Arc<tls::TlsConfig>,
}

enum ClientCertificate {
    Pair(PathBuf, PathBuf),
    One(PathBuf),
}

mod given {
    use super::PathBuf;

    super::super::argument::arguments! {
        ca_file: maybe_path -> Option<PathBuf>;
        server_name: maybe_text -> Option<String>;
        minimum_version: maybe_text -> Option<String>;
        verify: flag -> bool;
    }
}

fn client_certificate(given: &Bound<'_, PyAny>) -> PyResult<Option<ClientCertificate>> {
    let file = |given: &Bound<'_, PyAny>| {
        checked("path", "client_certificate", given).map_err(|raised| complete(given.py(), raised))
    };
    if given.is_none() {
        return Ok(None);
    }
    match given.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() {
        Ok((chain, key)) if given.is_instance_of::<PyTuple>() => {
            Ok(Some(ClientCertificate::Pair(file(&chain)?, file(&key)?)))
        }
        _ => file(given).map(|file| Some(ClientCertificate::One(file))),
    }
}

#[pymethods]
impl TlsConfig {
    #[new]
    #[pyo3(signature = (
        ca_file: "str | os.PathLike[str] | None" = None,
        client_certificate: "str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None" = None,
        server_name: "str | None" = None, minimum_version: "str | None" = None, verify: "bool" = true,
        **unknown: "typing.Never"
    ), text_signature = "(ca_file=None, client_certificate=None, server_name=None, minimum_version=None, verify=True)")]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = given::ca_file)] ca_file: Option<PathBuf>,
        #[pyo3(from_py_with = client_certificate)] client_certificate: Option<ClientCertificate>,
        #[pyo3(from_py_with = given::server_name)] server_name: Option<String>,
        #[pyo3(from_py_with = given::minimum_version)] minimum_version: Option<String>,
        #[pyo3(from_py_with = given::verify)] verify: bool,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        none_unknown("TlsConfig", &py.get_type::<Self>(), unknown)?;
        let minimum_version = match minimum_version.as_deref() {
            None => None,
            Some("1.2" | "TLSv1.2") => Some(TlsVersion::Tls12),
            Some("1.3" | "TLSv1.3") => Some(TlsVersion::Tls13),
            Some(other) => {
                return Err(bad_argument(
                    "minimum_version",
                    &format!("{other:?} is neither \"1.2\" nor \"1.3\""),
                ));
            }
        };
        let client_certificate = client_certificate.map(|given| match given {
            ClientCertificate::One(file) => (file, None),
            ClientCertificate::Pair(chain, key) => (chain, Some(key)),
        });
        let mut config = tls::TlsConfig::default();
        config.ca_file = ca_file;
        config.client_certificate = client_certificate;
        config.server_name = server_name;
        config.minimum_version = minimum_version;
        config.no_verify = !verify;
        py.detach(|| config.check()).map_err(|error| value_error(py, &error.message, error.advice))?;
        Ok(Self { config: Arc::new(config) })
    }

    #[getter]
    fn _verify(&self) -> bool {
        !self.config.no_verify
    }

    fn __repr__(&self) -> String {
        let config = &self.config;
        let mut said = Vec::new();
        if let Some(file) = &config.ca_file {
            said.push(format!("ca_file={:?}", file.display().to_string()));
        }
        if let Some((chain, _)) = &config.client_certificate {
            said.push(format!("client_certificate={:?}", chain.display().to_string()));
        }
        if let Some(name) = &config.server_name {
            said.push(format!("server_name={name:?}"));
        }
        if let Some(version) = config.minimum_version {
            said.push(format!(
                "minimum_version={:?}",
                if version == TlsVersion::Tls12 { "1.2" } else { "1.3" }
            ));
        }
        if config.no_verify {
            said.push("verify=False".to_owned());
        }
        format!("TlsConfig({})", said.join(", "))
    }
}

/// What a TLS handshake settled.
#[pyclass(frozen, module = "rsmtp", get_all)]
pub struct TlsFacts {
    /// As "TLSv1.3".
    version: String,
    cipher: String,
    /// The name that the certificate was asked for.
    server_name: String,
    /// The server's certificate; None where an `ssl.SSLContext` does not show it.
    certificate: Option<Py<Certificate>>,
    /// Whether name, chain and dates were checked.
    verified: bool,
}

impl TlsFacts {
    pub fn new(py: Python<'_>, facts: &tls::TlsFacts) -> PyResult<Self> {
        let certificate = facts.certificate.as_ref().map(|der| Py::new(py, Certificate::new(py, der)));
        Ok(Self {
            version: facts.version.clone(),
            cipher: facts.cipher.clone(),
            server_name: facts.server_name.clone(),
            certificate: certificate.transpose()?,
            verified: facts.verified,
        })
    }
}

crate::binding::display::displayed!(TlsFacts, "rsmtp.display.certificate", "tls");

#[pymethods]
impl TlsFacts {
    fn __repr__(&self) -> String {
        let verified = if self.verified { "verified" } else { "not verified" };
        format!("<{} {} {} {verified}>", self.version, self.cipher, self.server_name)
    }
}

/// The record layer that `context` asks for: None and TlsConfig are ours, an
/// `ssl.SSLContext` is honoured exactly. `raised` is where its exceptions go.
pub fn layer_for(
    py: Python<'_>,
    context: Option<&Bound<'_, PyAny>>,
    host: &str,
    raised: &Raised,
) -> PyResult<Result<Box<dyn RecordLayer>, Error>> {
    let ours = |config: &tls::TlsConfig| {
        TlsClient::new(config, host).map(|layer| Box::new(layer) as Box<dyn RecordLayer>).map_err(to_error)
    };
    let Some(context) = context else { return Ok(py.detach(|| ours(&tls::TlsConfig::default()))) };
    if let Ok(config) = context.cast::<TlsConfig>() {
        let config = Arc::clone(&config.get().config);
        return Ok(py.detach(|| ours(&config)));
    }
    if context.hasattr("wrap_bio")? {
        let layer = SslContextLayer::new(context, host, Arc::clone(raised))?;
        return Ok(Ok(Box::new(layer)));
    }
    Err(PyTypeError::new_err("context must be a TlsConfig, an ssl.SSLContext or None"))
}

/// Makes the layer of each new connection: one configuration for all, so that TLS resumes
/// sessions.
/// `raised` is where exceptions of an `ssl.SSLContext` go, if they are to be raised as they
/// are.
pub fn make_layer(context: Option<Py<PyAny>>, host: String, raised: Option<Raised>) -> MakeLayer {
    Arc::new(move || {
        Python::attach(|py| {
            let context = context.as_ref().map(|context| context.bind(py));
            let raised = raised.clone().unwrap_or_default();
            layer_for(py, context, &host, &raised).unwrap_or_else(|raised| {
                let error = Error::new(Kind::Tls, Stage::Handshake, raised.value(py).to_string());
                Err(Error { cause: Some(Arc::new(Told(raised))), ..error })
            })
        })
    })
}

fn to_error(error: TlsError) -> Error {
    let kind = if error.certificate { Kind::Certificate } else { Kind::Tls };
    Error { advice: error.advice, ..Error::new(kind, Stage::Handshake, error.message) }
}
