//! Converts a server from `rsmtp.mailer` to the engine's types.

use crate::binding::argument::parse;
use crate::binding::connection::target;
use crate::binding::credentials::source;
use crate::binding::foreign_socket::ReplacedSockets;
use crate::binding::proxy::ProxySettings;
use crate::binding::tls::make_layer;
use crate::driver::{Patience, Server, Target};
use crate::protocol::opening::Security;
use crate::protocol::session::{Options, Plaintext};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The attributes of a `rsmtp._mailer.servers.Server`.
#[derive(FromPyObject)]
pub struct ServerSettings {
    host: String,
    port: u16,
    path: Option<PathBuf>,
    source_address: Option<(String, u16)>,
    tls: String,
    context: Option<Py<PyAny>>,
    username: Option<String>,
    password: Option<Py<PyAny>>,
    access_token: Option<Py<PyAny>>,
    mechanism: Option<String>,
    local_hostname: Option<String>,
    lmtp: bool,
    pipelining: bool,
    chunking: bool,
    proxy: Option<ProxySettings>,
    allow_plaintext_auth: bool,
    initial_response_ok: bool,
    timeout: Option<f64>,
    deadline: Option<f64>,
    largest: Option<u64>,
    most_recipients: Option<usize>,
}

impl ServerSettings {
    pub fn context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.context.as_ref().map(|context| context.clone_ref(py))
    }

    pub fn into_server(self, py: Python<'_>) -> PyResult<Server> {
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
        let security: Security = parse("tls", &self.tls)?;
        let patience = Patience {
            stage: seconds("timeout", self.timeout)?,
            operation: seconds("deadline", self.deadline)?,
        };
        let credentials = source(
            py,
            &self.host,
            self.username,
            self.password,
            self.access_token,
            self.mechanism,
            patience,
        )?;
        let options = Options {
            lmtp: self.lmtp,
            pipelining: self.pipelining,
            chunking: self.chunking,
            plaintext: match (security, self.allow_plaintext_auth) {
                (Security::Default | Security::StartTls | Security::Implicit, _) => Plaintext::Local,
                (Security::None | Security::Opportunistic, false) => Plaintext::Mail,
                (Security::None | Security::Opportunistic, true) => Plaintext::Everything,
            },
            largest: self.largest,
            most_recipients: self.most_recipients,
            ..Options::default()
        };
        Ok(Server {
            name: name.into(),
            target,
            patience,
            options,
            security,
            make_layer: make_layer(self.context, self.host, None),
            credentials,
            initial_response: self.initial_response_ok,
            client_name: match &self.local_hostname {
                Some(name) => Some(parse("local_hostname", name)?),
                None => None,
            },
        })
    }
}

pub fn seconds(argument: &str, given: Option<f64>) -> PyResult<Option<Duration>> {
    crate::binding::settings::seconds(argument, given)
}
