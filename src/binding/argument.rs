//! Raises errors about arguments, which name the argument. `rsmtp._common.arguments` words them, so
//! that they read the same whether Rust or Python checks the argument.

use super::error::{as_raised_by_the_call, bad_argument};
use crate::protocol::command::Parameter;
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::fmt::Display;
use std::str::FromStr;

/// What a check of `rsmtp._common.arguments` makes of the argument of this name.
pub fn checked<T>(check: &str, name: &str, given: &Bound<'_, PyAny>) -> PyResult<T>
where
    T: for<'py> FromPyObjectOwned<'py>,
{
    let py = given.py();
    let found = py
        .import("rsmtp._common.arguments")?
        .call_method1(check, (name, given))
        .map_err(|raised| as_raised_by_the_call(py, raised))?;
    found.extract().map_err(Into::into)
}

/// The error for what is not taken.
pub fn wanted(name: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let made = given
        .py()
        .import("rsmtp._common.arguments")
        .and_then(|m| m.call_method1("wanted", (name, what, given)));
    made.map_or_else(|failed| failed, PyErr::from_value)
}

/// Raises TypeError for a keyword argument that `function` does not have, with the nearest name. pyo3's
/// own error names no other one.
pub fn none_unknown(
    name: &str,
    function: &Bound<'_, PyAny>,
    unknown: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let Some(given) = unknown.and_then(|unknown| unknown.keys().iter().next()) else { return Ok(()) };
    let arguments = function.py().import("rsmtp._common.arguments")?;
    Err(PyErr::from_value(arguments.call_method1("unexpected", (name, given, function))?))
}

/// One of the words that an argument takes. The error for another one names them, and the nearest.
pub fn one_of<T>(name: &str, given: &str, words: &[(&str, T)]) -> PyResult<T>
where
    T: Clone,
{
    match words.iter().find(|(word, _)| *word == given) {
        Some((_, meant)) => Ok(meant.clone()),
        None => Err(none_of(name, given, words.iter().map(|(word, _)| *word))),
    }
}

/// The error for a word that is not taken.
pub fn none_of<'a>(name: &str, given: &str, words: impl Iterator<Item = &'a str>) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("rsmtp._common.arguments")
            .and_then(|m| m.call_method1("none_of", (name, given, words.collect::<Vec<_>>())));
        made.map_or_else(|failed| failed, PyErr::from_value)
    })
}

/// A text parsed into one of the engine's types.
pub fn parse<T: FromStr>(argument: &str, text: &str) -> PyResult<T>
where
    T::Err: Display,
{
    text.parse().map_err(|why: T::Err| bad_argument(argument, &why))
}

/// Parameters of MAIL or RCPT.
pub fn parameters(argument: &str, options: &[String]) -> PyResult<Vec<Parameter>> {
    let all = || options.join(" ").replace('\n', "\\n").replace('\r', "\\r");
    let parse = |option: &String| {
        option.parse().map_err(|why| bad_argument(argument, &format!("{why} (in: {})", all())))
    };
    options.iter().map(parse).collect()
}

/// A text as it lies in Python; the check says what is wrong with anything else.
pub fn text<'a>(name: &str, given: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    if let Ok(text) = given.cast::<PyString>()
        && let Ok(text) = text.to_str()
    {
        return Ok(text);
    }
    checked::<String>("text", name, given)?;
    Err(wanted(name, "a str", given))
}

/// An error that pyo3 adds no note to. It names the argument in a note of its own, and these errors name
/// it already.
pub fn complete(py: Python<'_>, raised: PyErr) -> PyErr {
    let made = py
        .import("rsmtp._common.arguments")
        .and_then(|arguments| arguments.call_method1("complete", (raised.value(py),)));
    made.map_or_else(|failed| failed, |_| raised)
}

/// Functions for `from_py_with`, one for each argument, by its name and its check.
macro_rules! arguments {
    ($($name:ident: $check:ident -> $type:ty;)*) => {
        $(
            pub fn $name(given: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<$type> {
                $crate::binding::argument::checked(stringify!($check), stringify!($name), given)
                    .map_err(|raised| $crate::binding::argument::complete(given.py(), raised))
            }
        )*
    };
}

/// The same for texts of methods that are called often.
macro_rules! texts {
    ($($name:ident)*) => {
        $(
            pub fn $name<'a>(given: &'a pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<&'a str> {
                $crate::binding::argument::text(stringify!($name).trim_start_matches("r#"), given)
                    .map_err(|raised| $crate::binding::argument::complete(given.py(), raised))
            }
        )*
    };
}
pub(super) use {arguments, texts};
