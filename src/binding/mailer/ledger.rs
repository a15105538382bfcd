//! A ledger that Python keeps: a journal of what may have arrived.

use super::parcel::Shipment;
use super::recipient::Recipient;
use crate::binding::error::Told;
use crate::bulk::{Job, Ledger};
use crate::protocol::{Error, Kind, Stage};
use pyo3::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// Asks `note(indexes, settled)` before the ends of these messages are said. True: they are
/// written down. False: not yet, and it is asked again. What it raises ends the sending.
/// `settled` are the recipients of each that earlier attempts or transactions have settled
/// since it was noted last, where there are any.
#[derive(Debug)]
pub struct Noting(pub Py<PyAny>);

impl Ledger<Shipment> for Noting {
    fn minds_ends(&self) -> bool {
        true
    }

    fn end_said(&self, messages: &[&Job<Shipment>]) -> Result<bool, Error> {
        let indexes: Vec<u64> = messages.iter().map(|job| job.index).collect();
        let some = messages.iter().filter(|job| !job.newly_settled().is_empty());
        let recipients = |job: &Job<Shipment>| -> Vec<Recipient> {
            job.newly_settled()
                .iter()
                .map(|(path, fate)| Recipient::new(path, fate, fate.is_transient(), Vec::new(), None))
                .collect()
        };
        let settled: HashMap<u64, Vec<Recipient>> = some.map(|job| (job.index, recipients(job))).collect();
        // While the interpreter shuts down the ledger can't be written to.
        let noted = Python::try_attach(|py| self.0.call1(py, (indexes, settled))?.extract(py));
        match noted {
            Some(Ok(noted)) => Ok(noted),
            Some(Err(raised)) => Err(not_noted(Some(raised))),
            None => Err(not_noted(None)),
        }
    }
}

fn not_noted(raised: Option<PyErr>) -> Error {
    let why = raised.as_ref().map(|raised| format!(": {raised}")).unwrap_or_default();
    let message = format!("it could not be written down that messages are about to be sent{why}");
    let cause = raised.map(|raised| -> crate::protocol::error::Cause { Arc::new(Told(raised)) });
    Error { cause, ..Error::new(Kind::Local, Stage::EndOfData, message) }
}
