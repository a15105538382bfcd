//! Arguments that several methods of the catcher share.

use std::str::FromStr;
use std::time::Duration;

use pyo3::prelude::*;

use crate::binding::argument::none_of;
pub use crate::binding::error::bad_argument;

/// One of the names that a type knows, which are these.
pub fn named<'a, T: FromStr>(
    argument: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> PyResult<T> {
    name.parse().map_err(|_| none_of(argument, name, known))
}

/// Longer than any caller waits; a clock can't count to the longest `Duration`.
const AGES: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time in seconds, as Python counts it.
pub fn seconds(argument: &str, seconds: f64) -> PyResult<Duration> {
    let time = Duration::try_from_secs_f64(seconds).map_err(|why| bad_argument(argument, &why))?;
    Ok(time.min(AGES))
}
