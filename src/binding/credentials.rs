//! What a login takes, as Python gives it: a text, or a callable that is asked for each session.

use super::argument::checked;
use super::error::{Told, bad_argument};
use super::request::known_mechanism;
use crate::bulk::Source;
use crate::driver::Patience;
use crate::protocol::auth::{self, Credentials, Secret};
use crate::protocol::{Error, Kind, Stage};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// A username and a password, or an OAuth 2.0 access token, that were asked for.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Login {
    pub credentials: Credentials,
}

mod given {
    crate::binding::argument::arguments! {
        username: text -> String;
        password: maybe_secret -> Option<String>;
        access_token: maybe_secret -> Option<String>;
        mechanism: text -> String;
    }
}

#[pymethods]
impl Login {
    /// ValueError for what could not stand in a login.
    #[new]
    #[pyo3(signature = (username, *, password=None, access_token=None))]
    fn new(
        #[pyo3(from_py_with = given::username)] username: String,
        #[pyo3(from_py_with = given::password)] password: Option<String>,
        #[pyo3(from_py_with = given::access_token)] access_token: Option<String>,
    ) -> PyResult<Self> {
        let secret = match (password, access_token) {
            (Some(password), None) => Secret::Password(password),
            (None, Some(token)) => Secret::AccessToken(token),
            _ => return Err(bad_argument("access_token", &"give either a password or an access token")),
        };
        Ok(Self { credentials: credentials(&username, secret)? })
    }

    /// The mechanisms of `offered` that fit the secret, in the order in which a session tries
    /// them; only `mechanism` where one is named.
    #[pyo3(signature = (offered, *, encrypted, mechanism=None))]
    fn mechanisms(
        &self,
        offered: Vec<String>,
        encrypted: bool,
        mechanism: Option<&str>,
    ) -> PyResult<Vec<&'static str>> {
        let named = match mechanism {
            None => None,
            Some(name) => Some(known_mechanism(name, &self.credentials)?),
        };
        let mut chosen = self.credentials.choose(&offered, encrypted);
        chosen.retain(|mechanism| named.is_none_or(|named| *mechanism == named));
        Ok(chosen.into_iter().map(auth::Mechanism::name).collect())
    }

    /// An authobject for this mechanism.
    fn exchange(&self, #[pyo3(from_py_with = given::mechanism)] mechanism: String) -> PyResult<Exchange> {
        let mechanism = known_mechanism(&mechanism, &self.credentials)?;
        Ok(Exchange(Mutex::new(auth::Exchange::new(mechanism, self.credentials.clone()))))
    }
}

/// What a session answers within AUTH, as an authobject of smtplib's: called without a
/// challenge it gives the initial response, or None.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Exchange(Mutex<auth::Exchange>);

#[pymethods]
impl Exchange {
    #[pyo3(signature = (challenge=None))]
    fn __call__(&self, challenge: Option<&[u8]>) -> Option<Vec<u8>> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match challenge {
            None => exchange.initial_response(false),
            Some(challenge) => exchange.respond(challenge),
        }
    }
}

fn credentials(username: &str, secret: Secret) -> PyResult<Credentials> {
    Credentials::new(username, secret).map_err(|bad| PyValueError::new_err(bad.to_string()))
}

/// A password or an access token: a text, or a callable that is asked for each session.
pub fn source(
    py: Python<'_>,
    username: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
    patience: Patience,
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
    if !secret.bind(py).is_callable() {
        let text: String = checked("secret_or_function", argument, secret.bind(py))?;
        return Ok(Some(Source::Fixed(credentials(&username, wrap(text))?)));
    }
    let seconds = patience.stage.into_iter().chain(patience.operation).min().map(|limit| limit.as_secs_f64());
    Ok(Some(Source::Asked(Arc::new(move |rejected| {
        Python::attach(|py| {
            let ask = || -> PyResult<Credentials> {
                let asked = py
                    .import("rsmtp._client.credentials")?
                    .call_method1("ask", (argument, &secret, seconds, rejected.map(Credentials::secret)))?;
                credentials(&username, wrap(asked.extract()?))
            };
            ask().map_err(|raised| not_told(py, raised))
        })
    }))))
}

/// What a callable has raised, or is to blame for.
pub fn not_told(py: Python<'_>, raised: PyErr) -> Error {
    // Where tokens come from may be out of reach for a while. An error of ours knows whether it may
    // be: one for a callable that took too long is told at once.
    let told = raised.value(py).getattr("transient").and_then(|value| value.extract::<bool>());
    let may_pass = told.unwrap_or_else(|_| raised.is_instance_of::<PyOSError>(py));
    let kind = if may_pass { Kind::Unreachable } else { Kind::Misuse };
    let error = Error::new(kind, Stage::Auth, raised.value(py).to_string());
    Error { cause: Some(Arc::new(Told(raised))), ..error }
}
