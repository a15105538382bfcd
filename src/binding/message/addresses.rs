//! Reading and writing addresses for `rsmtp.email.utils`.

use crate::message::address_lenient::{Pair, read_all, read_one};
use pyo3::prelude::*;

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.str()?.to_string_lossy().into_owned())
}

/// All addresses of some header values as (name, address) tuples.
///
/// With `strict`, whatever isn't plainly a list of addresses is one ("", "").
#[pyfunction]
#[pyo3(signature = (values, strict), name = "_read_addresses")]
pub(crate) fn read_addresses_py(values: &Bound<'_, PyAny>, strict: bool) -> PyResult<Vec<Pair>> {
    let values = values
        .try_iter()?
        .map(|value| text(&value?))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(read_all(&values, strict))
}

/// The one address of a header value as a (name, address) tuple; ("", "") where there
/// is none.
#[pyfunction]
#[pyo3(signature = (value, strict), name = "_read_address")]
pub(crate) fn read_address_py(value: &Bound<'_, PyAny>, strict: bool) -> PyResult<Pair> {
    Ok(read_one(&text(value)?, strict))
}
