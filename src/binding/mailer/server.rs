//! A server as `rsmtp.mailer` describes it, made into the engine's terms.

use crate::binding::connection::target;
use crate::binding::error::{Told, bad_argument};
use crate::binding::foreign_socket::ReplacedSockets;
use crate::binding::proxy::ProxySettings;
use crate::binding::request::parse;
use crate::binding::ssl_context::Raised;
use crate::binding::tls::layer_for;
use crate::bulk::{Hop, Server};
use crate::driver::{Patience, Target};
use crate::protocol::auth::{Credentials, Secret};
use crate::protocol::opening::{Security, Source};
use crate::protocol::{Error, Kind, Options, Stage};
use crate::tls::MakeLayer;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The attributes of a `rsmtp.servers.Server`.
#[derive(FromPyObject)]
pub struct ServerSettings {
    host: String,
    port: u16,
    path: Option<PathBuf>,
    source_address: Option<(String, u16)>,
    tls: String,
    context: Option<Py<PyAny>>,
    user: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
    local_hostname: Option<String>,
    lmtp: bool,
    pipelining: bool,
    chunking: bool,
    proxy: Option<ProxySettings>,
    allow_plaintext_auth: bool,
    initial_response_ok: bool,
    timeout: Option<f64>,
    deadline: Option<f64>,
}

impl ServerSettings {
    pub fn into_hop(self, py: Python<'_>) -> PyResult<Hop> {
        let name = match &self.path {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", self.host, self.port),
        };
        let (there, port) = match &self.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => (self.host.clone(), self.port),
        };
        let dial = Arc::new(ReplacedSockets {
            host: there,
            port,
            path: self.path.clone(),
            source_address: self.source_address.clone(),
        });
        let otherwise =
            target(self.host.clone(), self.port, self.path.clone(), self.source_address.clone(), self.proxy)?;
        let target = Target::Foreign { dial, otherwise: Box::new(otherwise) };
        let security = match self.tls.as_str() {
            "none" => Security::None,
            "starttls" => Security::StartTls,
            "implicit" => Security::Implicit,
            other => {
                let why = format!("{other:?} is none of \"none\", \"starttls\" and \"implicit\"");
                return Err(bad_argument("tls", &why));
            }
        };
        let credentials = source(py, self.user, self.password, self.access_token)?;
        let options = Options {
            lmtp: self.lmtp,
            pipelining: self.pipelining,
            chunking: self.chunking,
            plaintext_auth: self.allow_plaintext_auth,
            ..Options::default()
        };
        let server = Server {
            name: name.into(),
            options,
            security,
            make_layer: make_layer(py, self.context, self.host),
            credentials,
            initial_response: self.initial_response_ok,
            client_name: match &self.local_hostname {
                Some(name) => Some(parse("local_hostname", name)?),
                None => None,
            },
        };
        let patience = Patience {
            stage: seconds("timeout", self.timeout)?,
            operation: seconds("deadline", self.deadline)?,
        };
        Ok(Hop { server, target, patience })
    }
}

/// A password or an access token: a text, or a callable that is asked at each login.
fn source(
    py: Python<'_>,
    user: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
) -> PyResult<Option<Source>> {
    let (argument, secret, wrap): (_, _, fn(String) -> Secret) = match (password, access_token) {
        (Some(password), None) => ("password", password, Secret::Password),
        (None, Some(token)) => ("access_token", token, Secret::AccessToken),
        (None, None) if user.is_none() => return Ok(None),
        (None, None) => return Err(bad_argument("password", &"is missing: a user alone can't log in")),
        _ => return Err(bad_argument("access_token", &"stands for a password: give one of them")),
    };
    let Some(user) = user else {
        return Err(bad_argument("user", &"is missing: a password alone can't log in"));
    };
    let credentials = move |secret: String| {
        Credentials::new(&user, wrap(secret)).map_err(|bad| PyValueError::new_err(bad.to_string()))
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

pub fn seconds(argument: &str, given: Option<f64>) -> PyResult<Option<Duration>> {
    crate::binding::settings::seconds(argument, given)
}

/// One configuration for all sessions, so that TLS resumes them.
fn make_layer(py: Python<'_>, context: Option<Py<PyAny>>, host: String) -> MakeLayer {
    let context = context.map(|context| context.clone_ref(py));
    Arc::new(move || {
        Python::attach(|py| {
            let context = context.as_ref().map(|context| context.bind(py));
            // What it raises later stands in the error that it is the cause of.
            layer_for(py, context, &host, &Raised::default()).unwrap_or_else(|raised| {
                let error = Error::new(Kind::Tls, Stage::Handshake, raised.value(py).to_string());
                Err(Error { cause: Some(Arc::new(Told(raised))), ..error })
            })
        })
    })
}
