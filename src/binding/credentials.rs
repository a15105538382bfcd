//! What a login takes, as Python gives it: a text, or a callable that is asked at each login.

use super::error::{Told, bad_argument};
use crate::protocol::auth::{Credentials, Secret};
use crate::protocol::opening::Source;
use crate::protocol::{Error, Kind, Stage};
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::sync::Arc;

/// A password or an access token: a text, or a callable that is asked at each login.
pub fn source(
    py: Python<'_>,
    username: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
) -> PyResult<Option<Source>> {
    let (argument, secret, wrap): (_, _, fn(String) -> Secret) = match (password, access_token) {
        (Some(password), None) => ("password", password, Secret::Password),
        (None, Some(token)) => ("access_token", token, Secret::AccessToken),
        (None, None) if username.is_none() => return Ok(None),
        (None, None) => return Err(bad_argument("password", &"is missing: a username alone can't log in")),
        _ => return Err(bad_argument("access_token", &"stands for a password: give one of them")),
    };
    let Some(username) = username else {
        return Err(bad_argument("username", &"is missing: a password alone can't log in"));
    };
    let credentials = move |secret: String| {
        Credentials::new(&username, wrap(secret)).map_err(|bad| PyValueError::new_err(bad.to_string()))
    };
    if !secret.bind(py).is_callable() {
        let text = text(argument, "a text or a callable is wanted", secret.bind(py))?;
        return Ok(Some(Source::Fixed(credentials(text)?)));
    }
    Ok(Some(Source::Asked(Arc::new(move || {
        Python::attach(|py| {
            let told = secret.call0(py);
            let told = told.and_then(|told| text(argument, "its callable must return a text", told.bind(py)));
            told.and_then(&credentials).map_err(|raised| {
                // Where tokens come from may be out of reach for a while.
                let is_network = raised.is_instance_of::<PyOSError>(py);
                let kind = if is_network { Kind::Unreachable } else { Kind::Misuse };
                let error = Error::new(kind, Stage::Auth, raised.value(py).to_string());
                Error { cause: Some(Arc::new(Told(raised))), ..error }
            })
        })
    }))))
}

fn text(argument: &str, wanted: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    given.extract().map_err(|_| {
        let kind =
            given.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("{argument}: {wanted}, not {kind}"))
    })
}
