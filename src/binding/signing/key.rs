//! Reads keys as Python gives them: a file, a text, or a callable that signs where the key is kept.

use crate::binding::argument::{checked, one_of, wanted};
use crate::binding::error::{Told, bad_argument};
use crate::sign::key::{Algorithm, Key, PrivateKey, PublicKey};
use encodify::base64::STANDARD;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// The key, and its length where it is an RSA key that is here.
pub(super) fn key(
    given: &Bound<'_, PyAny>,
    algorithm: Option<&str>,
    public_key: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Arc<dyn PrivateKey>, Option<usize>)> {
    if given.is_callable() {
        return Ok((Arc::new(called(given, algorithm, public_key)?), None));
    }
    for (name, other) in [("algorithm", algorithm.is_some()), ("public_key", public_key.is_some())] {
        if other {
            return Err(bad_argument(
                name,
                &"is for a key that is a callable: any other one tells it itself",
            ));
        }
    }
    let pem = pem("key", given)?;
    let key = given.py().detach(|| Key::from_pem(&pem)).map_err(|bad| bad_argument("key", &bad))?;
    let bits = key.bits();
    Ok((Arc::new(key), bits))
}

/// A PEM text, or that of the file at a path.
fn pem(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN ";
    if given.is_instance_of::<PyString>() {
        let text: String = checked("secret", name, given)?;
        if text.contains(BEGIN) {
            return Ok(text.into_bytes());
        }
        if text.contains('\n') || text.len() > 1000 {
            return Err(bad_argument(name, &"the text is neither a PEM key nor the path of a file"));
        }
    } else if let Ok(octets) = given.extract::<Vec<u8>>()
        && !given.hasattr("__fspath__")?
        && !given.is_instance_of::<pyo3::types::PyList>()
    {
        return Ok(octets);
    } else if !given.hasattr("__fspath__")? {
        return Err(wanted(name, "a path, a PEM text, or a function that signs", given));
    }
    let path: PathBuf = checked("path", name, given)?;
    let read = given.py().detach(|| std::fs::read(&path));
    read.map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound && is_like_a_key(&path.to_string_lossy()) {
            // The path is not shown, because it may be the key itself.
            return bad_argument(
                name,
                &"there is no such file, and a key that is given as text has to be PEM",
            );
        }
        let number = error.raw_os_error();
        let text = format!("{name}: {}", plain(&error));
        let raised = pyo3::exceptions::PyOSError::new_err((number, text, path.display().to_string()));
        if number.is_none() { bad_argument(name, &error) } else { raised }
    })
}

/// A long text of base64 and nothing else.
fn is_like_a_key(text: &str) -> bool {
    let fine = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    text.len() >= 40 && text.bytes().all(fine)
}

/// The system's words, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn called(
    given: &Bound<'_, PyAny>,
    algorithm: Option<&str>,
    public_key: Option<&Bound<'_, PyAny>>,
) -> PyResult<CalledKey> {
    let asynchronous = given.py().import("rsmtp._client.credentials")?.getattr("is_asynchronous")?;
    if asynchronous.call1((given,))?.extract()? {
        return Err(PyTypeError::new_err(
            "key: its callable is asynchronous, and is called in a thread that has no event loop: give a plain one",
        ));
    }
    let algorithm = match algorithm {
        None => Algorithm::RsaSha256,
        Some(name) => one_of("algorithm", name, &Algorithm::ALL.map(|known| (known.name(), known)))?,
    };
    let public = match public_key {
        None => None,
        Some(given) => {
            let pem = pem("public_key", given)?;
            Some(PublicKey::from_pem(&pem, algorithm).map_err(|bad| bad_argument("public_key", &bad))?)
        }
    };
    Ok(CalledKey { function: given.clone().unbind(), algorithm, public })
}

/// A key elsewhere, and what is called to sign by it.
struct CalledKey {
    function: Py<PyAny>,
    algorithm: Algorithm,
    public: Option<PublicKey>,
}

impl PrivateKey for CalledKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Arc<dyn Error + Send + Sync>> {
        let signed = Python::try_attach(|py| {
            let signature = self.function.call1(py, (PyBytes::new(py, octets),))?;
            let signature = signature.bind(py);
            let is_octets = signature.is_instance_of::<PyBytes>();
            let octets = is_octets.then(|| signature.extract::<Vec<u8>>().ok()).flatten();
            octets.ok_or_else(|| {
                let kind = signature.get_type();
                PyTypeError::new_err(format!(
                    "key: its callable has to return bytes, the signature, not {kind}"
                ))
            })
        });
        let ending = || Err(PyRuntimeError::new_err("the interpreter ends"));
        let signature = signed.unwrap_or_else(ending).map_err(told)?;
        match &self.public {
            Some(public) if !public.verifies(octets, &signature) => Err(told(PyValueError::new_err(
                "key: what its callable has returned is no signature by the public_key: another key has \
                 signed, or something else than what was given",
            ))),
            _ => Ok(signature),
        }
    }

    fn public_key(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }
}

fn told(raised: PyErr) -> Arc<dyn Error + Send + Sync> {
    Arc::new(Told(raised))
}

/// A new private key, in PEM: "rsa-sha256" with 2048, 3072 or 4096 bits, or "ed25519-sha256".
#[pyfunction(name = "_new_dkim_key")]
#[pyo3(signature = (algorithm="rsa-sha256", bits=2048))]
pub(crate) fn new_dkim_key(py: Python<'_>, algorithm: &str, bits: u32) -> PyResult<String> {
    let algorithm = one_of("algorithm", algorithm, &Algorithm::ALL.map(|known| (known.name(), known)))?;
    if algorithm == Algorithm::RsaSha256 && ![2048, 3072, 4096].contains(&bits) {
        return Err(bad_argument("bits", &format!("{bits} is none of 2048, 3072 and 4096")));
    }
    let der = py.detach(|| Key::generate(algorithm, bits)).ok_or_else(|| PyMemoryError::new_err(()))?;
    let text = STANDARD.encode(&der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}
