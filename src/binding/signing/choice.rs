//! Reads the `dkim=` argument: one `Dkim`, several of them, or a choice by the domain of From.

use super::dkim::Dkim;
use crate::binding::argument::{text, wanted};
use crate::binding::error::bad_argument;
use crate::sign::choice::Signers;
use crate::sign::{Choice, Signer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use std::sync::Arc;

const WANTED: &str = "a Dkim, a list of them, or a dict of them by domain";

/// Who signs which message, as it was given: what a mailer keeps of its `dkim=`.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub(crate) struct DkimChoice(pub Arc<Choice>);

#[pymethods]
impl DkimChoice {
    /// ValueError or TypeError for what is neither one nor several `Dkim`, nor any by domain.
    #[new]
    #[pyo3(signature = (dkim: "rsmtp.typing.DkimKeys"))]
    fn new(dkim: &Bound<'_, PyAny>) -> PyResult<Self> {
        choice(dkim).map(Self)
    }
}

pub(super) fn choice(given: &Bound<'_, PyAny>) -> PyResult<Arc<Choice>> {
    let Ok(by_domain) = given.cast::<PyMapping>() else {
        return Ok(Arc::new(Choice::Always(signers(given)?)));
    };
    let mut chosen = Vec::new();
    for item in by_domain.items()?.iter() {
        let (domain, given): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let domain = text("dkim", &domain)?.to_owned();
        let signers = if given.is_none() { Arc::from(Vec::new()) } else { signers(&given)? };
        chosen.push((domain, signers));
    }
    if chosen.is_empty() {
        return Err(bad_argument("dkim", &"there is no domain in it: to sign nothing, leave it out"));
    }
    let choice = Choice::by_domain(chosen).map_err(|bad| bad_argument("dkim", &bad))?;
    Ok(Arc::new(choice))
}

fn signers(given: &Bound<'_, PyAny>) -> PyResult<Signers> {
    if let Ok(one) = given.cast::<Dkim>() {
        return Ok(Arc::from(vec![signer(one)]));
    }
    if given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>() {
        return Err(wanted("dkim", WANTED, given));
    }
    let all = given.try_iter().map_err(|_| wanted("dkim", WANTED, given))?;
    let mut signers = Vec::new();
    for one in all {
        let one = one?;
        let dkim = one.cast::<Dkim>().map_err(|_| {
            let kind =
                one.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
            PyTypeError::new_err(format!("dkim: each of them is a Dkim, not {kind}"))
        })?;
        signers.push(signer(dkim));
    }
    if signers.is_empty() {
        return Err(bad_argument("dkim", &"the list is empty: to sign nothing, leave it out"));
    }
    Ok(Arc::from(signers))
}

fn signer(dkim: &Bound<'_, Dkim>) -> Arc<dyn Signer> {
    Arc::clone(&dkim.get().dkim) as _
}
