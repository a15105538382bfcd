//! A server, how to reach it, and how to open a session with it.

use super::connect::Target;
use super::deadline::Patience;
use crate::protocol::auth::Credentials;
use crate::protocol::command::ClientName;
use crate::protocol::opening::{Plan, Security};
use crate::protocol::{Error, Options};
use crate::tls::MakeLayer;
use std::fmt;
use std::sync::Arc;

/// The source of the credentials.
#[derive(Clone)]
pub enum Source {
    Fixed(Credentials),
    /// Asked for each session before anything is sent, because tokens expire. If the server has
    /// rejected credentials, they are passed in.
    Asked(Arc<Ask>),
}

type Ask = dyn Fn(Option<&Credentials>) -> Result<Credentials, Error> + Send + Sync;

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(...)")
    }
}

/// Everything needed to make a session ready for mail, with any pump.
#[derive(Clone)]
pub struct Server {
    /// The name in receipts and errors: `host:port`, or a path.
    pub name: Arc<str>,
    pub target: Target,
    pub patience: Patience,
    pub options: Options,
    pub security: Security,
    pub make_layer: MakeLayer,
    pub credentials: Option<Source>,
    /// Whether the first response may be sent with the AUTH command.
    pub initial_response: bool,
    /// The name for EHLO. None means the local address of the connection.
    pub client_name: Option<ClientName>,
}

impl Server {
    /// The credentials for a new session. None if there is nothing to ask for. `rejected` are the
    /// credentials that the server refused.
    pub fn ask(&self, rejected: Option<&Credentials>) -> Result<Option<Credentials>, Error> {
        match &self.credentials {
            Some(Source::Asked(ask)) => ask(rejected).map(Some),
            Some(Source::Fixed(_)) | None => Ok(None),
        }
    }

    /// How to open a session. `literal` is the local address of the connection, and `asked` is the
    /// result of [`Server::ask`].
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
