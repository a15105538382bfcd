//! The DNS record that is published for a key.

use crate::sign::record;
use pyo3::prelude::*;

/// A TXT record of the DNS.
#[pyclass(frozen, module = "rsmtp", get_all)]
pub(crate) struct DnsRecord {
    /// As "s2026._domainkey.example.com", without a dot at its end.
    pub name: String,
    /// As "v=DKIM1; k=rsa; p=...", in one piece.
    pub value: String,
}

#[pymethods]
impl DnsRecord {
    /// A line for a zone file, whose strings are 255 octets at most (RFC 1035 3.3).
    fn __str__(&self) -> String {
        record::zone_line(&self.name, &self.value)
    }

    fn __repr__(&self) -> String {
        format!("DnsRecord(name={:?}, value={:?})", self.name, self.value)
    }
}
