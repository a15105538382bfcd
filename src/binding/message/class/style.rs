//! A policy object, read once.
//!
//! Policies are immutable, so what rendering needs of one is read into a [`Style`]
//! and kept on the policy itself. A policy whose class overrides how headers are
//! stored, fetched or folded (or that comes from elsewhere) is asked each time.

use crate::message::render::Rules;
use pyo3::prelude::*;
use pyo3::{intern, types::PyString};
use std::sync::Arc;

/// Which rules a policy stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// compat32: values are kept as they are given and folded as text.
    Classic,
    /// EmailPolicy: values become header objects, which fold themselves.
    Structured,
    /// The policy of `rsmtp.Message`.
    Modern,
    /// Any other: its methods are called.
    Foreign,
}

#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub family: Family,
    pub rules: Rules,
    /// Headers are checked after folding, also if a policy of the caller folded them.
    pub verify: bool,
}

/// A [`Style`] where Python can keep it.
#[pyclass(frozen, module = "rsmtp._rsmtp", name = "_Style")]
pub(crate) struct KeptStyle(Arc<Style>);

impl Style {
    pub fn of(policy: &Bound<'_, PyAny>) -> PyResult<Arc<Style>> {
        let py = policy.py();
        if let Some(kept) = policy.getattr_opt(intern!(py, "_style"))?
            && let Ok(kept) = kept.cast::<KeptStyle>()
        {
            return Ok(kept.get().0.clone());
        }
        let style = Arc::new(Style::read(policy)?);
        if policy.getattr_opt(intern!(py, "_family"))?.is_some() {
            let kept = Bound::new(py, KeptStyle(style.clone()))?;
            py.import(intern!(py, "builtins"))?
                .getattr("object")?
                .call_method1("__setattr__", (policy, intern!(py, "_style"), kept))?;
        }
        Ok(style)
    }

    fn read(policy: &Bound<'_, PyAny>) -> PyResult<Style> {
        let family = match policy.getattr_opt("_family")? {
            Some(name) => match name.cast::<PyString>()?.to_str()? {
                "classic" => Family::Classic,
                "structured" => Family::Structured,
                "modern" => Family::Modern,
                _ => Family::Foreign,
            },
            None => {
                // The standard library's own compat32 behaves like ours.
                let class = policy.get_type();
                let is_classic = class.module()? == "email._policybase" && class.name()? == "Compat32";
                if is_classic { Family::Classic } else { Family::Foreign }
            }
        };
        let width: Option<usize> = policy.getattr("max_line_length")?.extract()?;
        let flag = |name: &str| -> PyResult<bool> {
            match policy.getattr_opt(name)? {
                Some(value) => value.is_truthy(),
                None => Ok(false),
            }
        };
        Ok(Style {
            family,
            rules: Rules {
                linesep: policy.getattr("linesep")?.extract()?,
                max_width: width.unwrap_or(0),
                seven_bit: policy.getattr("cte_type")?.eq("7bit")?,
                mangle_from: flag("mangle_from_")?,
                utf8: flag("utf8")?,
                binary: true,
                sending: false,
                sealed: false,
            },
            verify: match policy.getattr_opt("verify_generated_headers")? {
                Some(value) => value.is_truthy()?,
                None => true,
            },
        })
    }
}
