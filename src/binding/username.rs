//! `username`, which smtplib calls `user`: two names of one argument.

use crate::binding::error::bad_argument;
use pyo3::prelude::*;

/// The one that was given. Given twice, one of them may be a mistake.
pub fn one_of<T>(username: Option<T>, user: Option<T>) -> PyResult<Option<T>> {
    if username.is_some() && user.is_some() {
        return Err(bad_argument("username and user", &"two names of the same argument; give one of them"));
    }
    Ok(username.or(user))
}

/// The one that was given, of two names of the same argument.
#[pyfunction]
#[pyo3(name = "_username")]
pub fn username_py<'py>(
    username: Option<Bound<'py, PyAny>>,
    user: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    one_of(username, user)
}
