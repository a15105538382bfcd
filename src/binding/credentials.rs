//! The credentials of a login as given in Python: a text, or a callable that is asked for each
//! session.

use super::argument::checked;
use super::error::{Told, bad_argument, to_python};
use crate::driver::{Patience, Source};
use crate::protocol::auth::gssapi::{self, Held};
use crate::protocol::auth::{
    self, Answer, BadCredential, ChannelBinding, Credentials, Ground, Mechanism, Order, Secret,
};
use crate::protocol::error::Advice;
use crate::protocol::{Error, Kind, Stage};
use crate::tls::random::nonce;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        user: text -> String;
    }

    pub mod needed {
        crate::binding::argument::arguments! { password: secret -> String; }
    }
}

#[pymethods]
impl Login {
    /// ValueError for what could not stand in a login, and for a mechanism that the secret does
    /// not fit.
    #[new]
    #[pyo3(signature = (username, *, password=None, access_token=None, ticket=None, mechanism=None))]
    fn new(
        #[pyo3(from_py_with = given::username)] username: String,
        #[pyo3(from_py_with = given::password)] password: Option<String>,
        #[pyo3(from_py_with = given::access_token)] access_token: Option<String>,
        ticket: Option<Py<PyAny>>,
        mechanism: Option<&str>,
    ) -> PyResult<Self> {
        let secret = secret(password, access_token, ticket, mechanism)?;
        Ok(Self { credentials: credentials(&username, secret, mechanism)? })
    }

    /// The mechanisms of `offered` that fit it, in smtplib's order, and behind those the ones
    /// that smtplib does not know.
    fn mechanisms(&self, offered: Vec<String>) -> Vec<&'static str> {
        let chosen = self.credentials.choose(&offered, Order::Smtplib, None);
        chosen.into_iter().map(Mechanism::name).collect()
    }

    /// An authobject for this mechanism, which knows nothing of TLS.
    fn exchange(&self, #[pyo3(from_py_with = given::mechanism)] mechanism: String) -> PyResult<Exchange> {
        let mechanism = known_mechanism(&mechanism, &self.credentials)?;
        let ground = Ground { offered: &[], bindings: &[], nonce };
        let exchange = auth::Exchange::new(mechanism, self.credentials.clone(), ground);
        let exchange = exchange.ok_or_else(|| {
            let why = format!("{} can't be shown to an overridden method", mechanism.name());
            bad_argument("mechanism", &why)
        })?;
        Ok(Exchange(Mutex::new(exchange)))
    }
}

/// What a session answers within AUTH, as an authobject of smtplib's: called without a
/// challenge it gives the initial response, or None.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Exchange(Mutex<auth::Exchange>);

#[pymethods]
impl Exchange {
    #[pyo3(signature = (challenge=None))]
    fn __call__(&self, py: Python<'_>, challenge: Option<&[u8]>) -> PyResult<Option<Vec<u8>>> {
        let Some(challenge) = challenge else { return Ok(self.exchange().initial_response(false)) };
        let answer = py.detach(|| {
            let mut exchange = self.exchange();
            match exchange.respond(challenge) {
                Answer::Work => loop {
                    if let Some(said) = exchange.work() {
                        return Answer::Say(said);
                    }
                },
                answer => answer,
            }
        });
        match answer {
            Answer::Say(said) => Ok(Some(said)),
            Answer::Refused(_) => Ok(Some(Vec::new())),
            Answer::Cancel | Answer::Work => Ok(None),
            Answer::Distrust(why) => Err(impostor(py, &why)),
            Answer::Failed(error) => Err(to_python(py, &error)),
        }
    }

    /// The server says that we are in, with this text: raises SMTPProtocolError if it has not
    /// proven what it had to.
    fn conclude(&self, py: Python<'_>, text: &[u8]) -> PyResult<()> {
        let concluded = self.exchange().concluded(text);
        concluded.map_err(|why| impostor(py, why))
    }
}

impl Exchange {
    fn exchange(&self) -> MutexGuard<'_, auth::Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn impostor(py: Python<'_>, why: &str) -> PyErr {
    to_python(py, &Error::new(Kind::Protocol, Stage::Auth, why).with_advice(Advice::DistrustTheServer))
}

/// The response to a CRAM-MD5 challenge (RFC 2195).
#[pyfunction]
pub fn cram_md5(
    #[pyo3(from_py_with = given::user)] user: String,
    #[pyo3(from_py_with = given::needed::password)] password: String,
    challenge: &[u8],
) -> String {
    String::from_utf8_lossy(&auth::cram_md5(&user, &password, challenge)).into_owned()
}

/// What a login proves itself by: one of a password, a token, for GSSAPI a ticket and for EXTERNAL
/// none of them.
pub fn secret(
    password: Option<String>,
    access_token: Option<String>,
    ticket: Option<Py<PyAny>>,
    mechanism: Option<&str>,
) -> PyResult<Secret> {
    match (password, access_token, ticket) {
        (Some(password), None, None) => Ok(Secret::Password(password)),
        (None, Some(token), None) => Ok(Secret::AccessToken(token)),
        (None, None, Some(ticket)) => Ok(Secret::Ticket(Held(Arc::new(Ticket(ticket))))),
        (None, None, None) if is(mechanism, Mechanism::External) => Ok(Secret::Certificate),
        _ => Err(PyValueError::new_err("login takes a password or an access_token, one of them")),
    }
}

fn is(named: Option<&str>, mechanism: Mechanism) -> bool {
    named.and_then(Mechanism::from_name) == Some(mechanism)
}

pub fn credentials(username: &str, secret: Secret, mechanism: Option<&str>) -> PyResult<Credentials> {
    let bad = |bad: BadCredential| PyValueError::new_err(bad.to_string());
    let credentials = Credentials::new(username, secret).map_err(bad)?;
    match mechanism {
        None => Ok(credentials),
        Some(name) => {
            let mechanism = known_mechanism(name, &credentials)?;
            credentials.by(mechanism).map_err(bad)
        }
    }
}

fn known_mechanism(name: &str, credentials: &Credentials) -> PyResult<Mechanism> {
    let known = Mechanism::from_name(name).filter(|mechanism| credentials.fits(*mechanism));
    known.ok_or_else(|| {
        let fitting = Mechanism::ALL.into_iter().filter(|mechanism| credentials.fits(*mechanism));
        let names: Vec<&str> = fitting.map(Mechanism::name).collect();
        bad_argument(
            "mechanism",
            &format!("{name:?} is not one of {} (for others: auth())", names.join(", ")),
        )
    })
}

/// A password or an access token: a text, or a callable that is asked for each session.
pub fn source(
    py: Python<'_>,
    host: &str,
    username: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
    mechanism: Option<String>,
    patience: Patience,
) -> PyResult<Option<Source>> {
    let (argument, secret, wrap): (_, _, fn(String) -> Secret) = match (password, access_token) {
        (Some(password), None) => ("password", password, Secret::Password),
        (None, Some(token)) => ("access_token", token, Secret::AccessToken),
        (None, None) if is(mechanism.as_deref(), Mechanism::Gssapi) => {
            return Ok(Some(by_ticket(username.unwrap_or_default(), host, patience)?));
        }
        (None, None) if is(mechanism.as_deref(), Mechanism::External) => {
            let username = username.as_deref().unwrap_or_default();
            let credentials = credentials(username, Secret::Certificate, mechanism.as_deref())?;
            return Ok(Some(Source::Fixed(credentials)));
        }
        (None, None) if username.is_none() && mechanism.is_some() => {
            return Err(bad_argument("mechanism", &"is for a login, which wants a username and a secret"));
        }
        (None, None) if username.is_none() => return Ok(None),
        (None, None) => return Err(bad_argument("password", &"is missing: a username alone can't log in")),
        _ => return Err(bad_argument("access_token", &"stands for a password: give one of them")),
    };
    let Some(username) = username else {
        return Err(bad_argument("username", &"is missing: a password alone can't log in"));
    };
    // Check the other arguments before the callable is asked, with a secret that every mechanism
    // accepts.
    credentials(&username, wrap("x".to_owned()), mechanism.as_deref())?;
    if !secret.bind(py).is_callable() {
        let text: String = checked("secret_or_function", argument, secret.bind(py))?;
        return Ok(Some(Source::Fixed(credentials(&username, wrap(text), mechanism.as_deref())?)));
    }
    let seconds = limit(patience);
    Ok(Some(Source::Asked(Arc::new(move |rejected| {
        Python::attach(|py| {
            let ask = || -> PyResult<Credentials> {
                let asked = py
                    .import("rsmtp._client.credentials")?
                    .call_method1("ask", (argument, &secret, seconds, rejected.map(Credentials::secret)))?;
                credentials(&username, wrap(asked.extract()?), mechanism.as_deref())
            };
            ask().map_err(|raised| not_told(py, raised))
        })
    }))))
}

/// A ticket for the service of this host, asked for where a session is opened.
fn by_ticket(username: String, host: &str, patience: Patience) -> PyResult<Source> {
    // Refuse a user name that the exchange can't carry.
    let bad = |bad: BadCredential| PyValueError::new_err(bad.to_string());
    Credentials::new(&username, Secret::Certificate).map_err(bad)?;
    let (host, seconds) = (host.to_owned(), limit(patience));
    Ok(Source::Asked(Arc::new(move |_| {
        Python::attach(|py| {
            let ask = || -> PyResult<Credentials> {
                let asking = py.import("rsmtp._client.credentials")?;
                let ticket = asking.call_method1("ask_for_ticket", (&host, seconds))?;
                let secret = secret(None, None, Some(ticket.unbind()), None)?;
                credentials(&username, secret, None)
            };
            ask().map_err(|raised| not_told(py, raised))
        })
    })))
}

/// The seconds that asking may take.
fn limit(patience: Patience) -> Option<f64> {
    patience.stage.into_iter().chain(patience.operation).min().map(|limit| limit.as_secs_f64())
}

/// A ticket of Python's: `context(user, binding)` gives what answers challenges.
struct Ticket(Py<PyAny>);

impl gssapi::Ticket for Ticket {
    fn context(
        &self,
        user: &str,
        certificate: Option<&ChannelBinding>,
    ) -> Result<Box<dyn gssapi::Context>, Error> {
        Python::attach(|py| {
            // RFC 5056 section 2.1: the name of the binding, a colon, and its octets.
            let binding = certificate.map(|one| [one.name.as_bytes(), b":", &one.data].concat());
            let made = self.0.call_method1(py, "context", (user, binding));
            Ok(Box::new(Context(made.map_err(|raised| not_told(py, raised))?)) as Box<dyn gssapi::Context>)
        })
    }
}

struct Context(Py<PyAny>);

impl gssapi::Context for Context {
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        Python::attach(|py| {
            let said = self.0.call_method1(py, "respond", (challenge,));
            said.and_then(|said| said.extract(py)).map_err(|raised| not_told(py, raised))
        })
    }

    fn is_complete(&self) -> bool {
        Python::attach(|py| {
            let told = self.0.getattr(py, "is_complete");
            told.and_then(|told| told.extract(py)).unwrap_or(false)
        })
    }
}

/// What a callable has raised, or is to blame for.
pub fn not_told(py: Python<'_>, raised: PyErr) -> Error {
    // The source of tokens may be unreachable for a while, so an OSError counts as transient. One
    // of our own errors knows whether it is transient. The error for a callable that took too long
    // is not, and is raised at once.
    let told = raised.value(py).getattr("transient").and_then(|value| value.extract::<bool>());
    let may_pass = told.unwrap_or_else(|_| raised.is_instance_of::<PyOSError>(py));
    let kind = if may_pass { Kind::Unreachable } else { Kind::Misuse };
    let error = Error::new(kind, Stage::Auth, raised.value(py).to_string());
    Error { cause: Some(Arc::new(Told(raised))), ..error }
}
