//! Addresses of an envelope, and hosts, as the engine has them.

use super::argument::parse;
use crate::address::{ForwardPath, ReversePath, name_to_look_up};
use pyo3::prelude::*;

/// Whether an address can be said only with SMTPUTF8 (RFC 6531): a domain never
/// needs it, a local part that is not ASCII does.
///
/// Raises ValueError for what is not an address.
#[pyfunction]
pub fn needs_smtputf8(address: &str) -> PyResult<bool> {
    Ok(parse::<ReversePath>("address", address)?.needs_smtputf8())
}

/// The addresses of an envelope as receipts tell them. ValueError naming the argument for one
/// that can't stand there (RFC 5321 4.1.2).
#[pyfunction(name = "_envelope")]
pub fn envelope_py(from_addr: &str, to_addrs: Vec<String>) -> PyResult<(String, Vec<String>)> {
    let sender: ReversePath = parse("from_addr", from_addr)?;
    let recipients: PyResult<Vec<ForwardPath>> = to_addrs.iter().map(|one| parse("to_addrs", one)).collect();
    Ok((sender.wire(true), recipients?.iter().map(ToString::to_string).collect()))
}

/// The name that is asked for at the resolver: A-labels (RFC 5891).
#[pyfunction]
pub fn ascii_host(host: &str) -> String {
    name_to_look_up(host)
}
