//! A catcher, and a mailer's connection settings for it, for the tests of bulk sending.

use rsmtp::bulk::Payload;
use rsmtp::catcher::{Catcher, Credentials, Settings, TlsMode};
use rsmtp::driver::{Patience, Server, Target};
use rsmtp::protocol::opening::Security;
use rsmtp::protocol::{Body, Error, Kind, Options, Stage};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Octets(Arc<Vec<u8>>);

impl Octets {
    pub fn new(content: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(content.into()))
    }
}

impl Payload for Octets {
    fn body(&self) -> Body {
        Body::shared(Arc::clone(&self.0) as _)
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

pub fn catcher() -> Catcher {
    let credentials = Credentials::new("user".into(), "password".into(), "token".into());
    Catcher::start(Settings { tls: TlsMode::None, ..Settings::new(credentials) }).unwrap()
}

pub fn hop(port: u16, options: Options) -> Server {
    Server {
        name: format!("127.0.0.1:{port}").into(),
        target: Target::Tcp { host: "127.0.0.1".to_owned(), port, source: None },
        patience: Patience { stage: Some(Duration::from_secs(10)), operation: None },
        options,
        security: Security::None,
        make_layer: Arc::new(|| Err(Error::new(Kind::Misuse, Stage::Handshake, "no TLS here"))),
        credentials: None,
        initial_response: true,
        client_name: None,
    }
}
