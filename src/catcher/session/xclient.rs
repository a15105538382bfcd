//! XCLIENT, as Postfix accepts it from gateways.

use super::Session;
use super::answer::Answer;
use crate::catcher::fault::Stage;
use crate::catcher::store::Client;
use crate::protocol::transaction::from_xtext;
use crate::protocol::xclient::Attribute;
use std::net::SocketAddr;
use std::sync::Arc;

impl Session {
    /// Only clients on this machine may use XCLIENT, because others could claim to be any client. A
    /// client that has already been described by XCLIENT counts as remote.
    pub(super) fn takes_xclient(&self) -> bool {
        let peer = &self.client.peer;
        let is_here = peer.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
        self.settings.xclient && (is_here || peer == "unix")
    }

    pub(super) fn xclient(&mut self, argument: &[u8]) {
        let stage = Stage::Xclient;
        if !self.takes_xclient() {
            return self.refuse(stage, 550, "5.7.0", "XCLIENT is not taken from you");
        }
        if self.transaction.is_some() {
            return self.refuse(stage, 503, "5.5.1", "Not within a mail transaction");
        }
        let Some(mut said) = read(argument) else {
            return self.refuse(stage, 501, "5.5.4", "NAME=value, in xtext, once or more");
        };
        let text = self.greeting();
        if !self.answer(stage, None, &Answer::new(220, "", &text)) {
            return;
        }
        let before = Arc::clone(&self.client);
        // Attributes from an earlier XCLIENT stay.
        let kept = before.xclient.iter().filter(|(name, _)| said.iter().all(|(new, _)| new != name));
        said.extend(kept.cloned().collect::<Vec<_>>());
        let of = |wanted: Attribute| {
            let known = said.iter().find(|(name, _)| name == wanted.name()).map(|(_, value)| value.as_str());
            known.filter(|value| !value.starts_with('['))
        };
        let port = of(Attribute::Port).unwrap_or("0");
        let peer = match of(Attribute::Addr).map(|address| address.trim_start_matches("IPV6:")) {
            Some(address) if address.contains(':') => format!("[{address}]:{port}"),
            Some(address) => format!("{address}:{port}"),
            None => before.peer.clone(),
        };
        self.client = Arc::new(Client {
            peer,
            helo: of(Attribute::Helo).unwrap_or_default().to_owned(),
            extended: false,
            user: of(Attribute::Login).map(str::to_owned),
            tls: before.tls.clone(),
            xclient: said,
        });
    }
}

/// Reads each attribute with its value. Returns `None` if the argument is malformed or empty.
fn read(argument: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(argument).ok()?;
    let each = |word: &str| {
        let (name, value) = word.split_once('=')?;
        let attribute: Attribute = name.parse().ok()?;
        Some((attribute.name().to_owned(), from_xtext(value)?))
    };
    let said = text.split_ascii_whitespace().map(each).collect::<Option<Vec<_>>>()?;
    (!said.is_empty()).then_some(said)
}
