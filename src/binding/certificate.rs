//! A server's certificate as Python sees it.

use crate::tls;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::time::SystemTime;

/// A server's certificate (RFC 5280), whether it was verified or not.
///
/// All but `der` raise ValueError where the certificate can't be read.
#[pyclass(frozen, module = "rsmtp")]
pub struct Certificate {
    der: Py<PyBytes>,
    read: Result<tls::Certificate, String>,
}

impl Certificate {
    pub fn new(py: Python<'_>, der: &[u8]) -> Self {
        let read = tls::Certificate::from_der(der).map_err(|error| error.message);
        Self { der: PyBytes::new(py, der).unbind(), read }
    }

    fn read(&self) -> PyResult<&tls::Certificate> {
        self.read.as_ref().map_err(|why| PyValueError::new_err(why.clone()))
    }
}

crate::binding::display::displayed!(Certificate, "rsmtp.display.certificate", "bundle");

#[pymethods]
impl Certificate {
    /// The subject, as `CN=mail.example.org, O=Example`.
    #[getter]
    fn subject(&self) -> PyResult<&str> {
        Ok(&self.read()?.subject)
    }

    /// Who has signed it, in the same form.
    #[getter]
    fn issuer(&self) -> PyResult<&str> {
        Ok(&self.read()?.issuer)
    }

    /// The DNS names and IP addresses that it is for (RFC 5280 4.2.1.6).
    #[getter]
    fn names(&self) -> PyResult<Vec<String>> {
        Ok(self.read()?.names.clone())
    }

    /// From when on it is valid, in UTC.
    #[getter]
    fn not_before(&self) -> PyResult<SystemTime> {
        Ok(self.read()?.not_before)
    }

    /// Until when it is valid, in UTC.
    #[getter]
    fn not_after(&self) -> PyResult<SystemTime> {
        Ok(self.read()?.not_after)
    }

    /// The certificate itself, DER.
    #[getter]
    fn der(&self, py: Python<'_>) -> Py<PyBytes> {
        self.der.clone_ref(py)
    }

    fn __repr__(&self) -> String {
        match &self.read {
            Ok(read) => format!("<Certificate {}, issued by {}>", read.subject, read.issuer),
            Err(_) => "<Certificate that can't be read>".to_owned(),
        }
    }
}
