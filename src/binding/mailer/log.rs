//! What a mailer logs, gathered while locks are held and said afterwards.

use super::parcel::Shipment;
use crate::binding::advice::told;
use crate::binding::logs::{self, Level};
use crate::bulk;
use crate::driver::Listener;
use crate::protocol::Error;
use pyo3::prelude::*;

/// What is to be logged when no lock is held.
#[derive(Default)]
pub(super) struct Log {
    pub(super) heard: bulk::Log,
    pub(super) messages: Vec<String>,
}

impl Log {
    pub(super) fn say(self, py: Python<'_>, listener: Listener) -> PyResult<()> {
        for line in self.heard.lines {
            logs::say_line(py, &line)?;
        }
        if listener.trouble {
            self.heard.news.iter().try_for_each(|text| logs::MAIL.say(py, Level::Warning, text))?;
        }
        if listener.messages {
            self.messages.iter().try_for_each(|text| logs::MAIL.say(py, Level::Info, text))?;
        }
        Ok(())
    }
}

/// What a receipt comes to in one line of a log.
pub(super) fn spoken(py: Python<'_>, receipt: &bulk::Receipt<Shipment>) -> String {
    // A failure to write a log line must not lose a receipt.
    let full =
        |error: &Error| told(py, &error.to_string(), error.advice).unwrap_or_else(|_| error.to_string());
    let error = receipt.error.as_deref().map(full);
    let (server, error) = (receipt.server.as_deref(), error.as_deref());
    logs::message(&receipt.recipients, server, receipt.took, receipt.attempts, error)
}
