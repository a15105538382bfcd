//! Arguments that several methods of the catcher share.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Bad input, by the name of the argument.
pub fn bad(argument: &str, why: impl Display) -> PyErr {
    PyValueError::new_err(format!("{argument}: {why}"))
}

/// One of the names that a type knows.
pub fn named<T>(argument: &str, name: &str) -> PyResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    name.parse().map_err(|why| bad(argument, why))
}

/// A time in seconds, as Python counts it.
pub fn seconds(argument: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|why| bad(argument, why))
}
