//! Arguments that several methods of the catcher share.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use pyo3::prelude::*;

pub use crate::binding::error::bad_argument;

/// One of the names that a type knows.
pub fn named<T>(argument: &str, name: &str) -> PyResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    name.parse().map_err(|why| bad_argument(argument, &why))
}

/// Longer than any caller waits; a clock can't count to the longest `Duration`.
const AGES: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time in seconds, as Python counts it.
pub fn seconds(argument: &str, seconds: f64) -> PyResult<Duration> {
    let time = Duration::try_from_secs_f64(seconds).map_err(|why| bad_argument(argument, &why))?;
    Ok(time.min(AGES))
}
