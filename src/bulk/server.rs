//! A server to send by, and how a session with it is opened.

use crate::protocol::auth::Credentials;
use crate::protocol::command::ClientName;
use crate::protocol::opening::{Plan, Security};
use crate::protocol::{Error, Options};
use crate::tls::MakeLayer;
use std::fmt;
use std::sync::Arc;

/// Where the credentials come from.
#[derive(Clone)]
pub enum Source {
    Fixed(Credentials),
    /// Asked for each session, before anything is sent: tokens expire. It is told what the
    /// server has rejected, where that is why it is asked.
    Asked(Arc<Ask>),
}

type Ask = dyn Fn(Option<&Credentials>) -> Result<Credentials, Error> + Send + Sync;

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(...)")
    }
}

/// All that a session needs to become ready for mail, under either driver.
#[derive(Clone)]
pub struct Server {
    /// For receipts and errors: `host:port`, or a path.
    pub name: Arc<str>,
    pub options: Options,
    pub security: Security,
    pub make_layer: MakeLayer,
    pub credentials: Option<Source>,
    /// Whether AUTH may say the first response with the command.
    pub initial_response: bool,
    /// What EHLO says; None: the address that the connection is made from.
    pub client_name: Option<ClientName>,
}

impl Server {
    /// What was asked for a new session; None: there is nothing to ask. `rejected` is what the
    /// server did not take.
    pub fn ask(&self, rejected: Option<&Credentials>) -> Result<Option<Credentials>, Error> {
        match &self.credentials {
            Some(Source::Asked(ask)) => ask(rejected).map(Some),
            Some(Source::Fixed(_)) | None => Ok(None),
        }
    }

    /// How to open a session; `literal` is the address that the connection is made from, and
    /// `asked` what [`Server::ask`] has given.
    pub fn plan(&self, literal: ClientName, asked: Option<Credentials>) -> Plan {
        let credentials = asked.or_else(|| match &self.credentials {
            Some(Source::Fixed(credentials)) => Some(credentials.clone()),
            Some(Source::Asked(_)) | None => None,
        });
        Plan {
            security: self.security,
            server: Arc::clone(&self.name),
            name: self.client_name.clone().unwrap_or(literal),
            credentials,
            initial_response: self.initial_response,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}
