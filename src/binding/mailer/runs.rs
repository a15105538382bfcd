//! Receipts of many messages, for a journal in which consecutive ones share a row.

use super::receipt::Receipt;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Fate;
use pyo3::prelude::*;

/// The number of the first message, the server, and the code and the texts of the replies.
type Run = (i64, Option<String>, u16, Vec<String>);

#[pymethods]
impl Receipt {
    /// Divides receipts of numbered messages into runs and others, each in order. A run has
    /// consecutive messages, each of which one reply accepted for all recipients with nothing
    /// more to tell, by one server and with one code. Of two receipts for one message, the first
    /// counts.
    #[staticmethod]
    #[pyo3(signature = (told: "list[tuple[int, Receipt]]"))]
    fn _runs(mut told: Vec<(i64, Bound<'_, Receipt>)>) -> (Vec<Run>, Vec<(i64, Bound<'_, Receipt>)>) {
        told.sort_by_key(|(number, _)| *number);
        told.dedup_by_key(|(number, _)| *number);
        let mut runs: Vec<Run> = Vec::new();
        let mut others = Vec::new();
        for (number, one) in told {
            let Some(reply) = one.get().only_reply() else {
                others.push((number, one));
                continue;
            };
            let (server, code) = (one.get().receipt.server.as_deref(), reply.code());
            let text = String::from_utf8_lossy(&reply.text()).into_owned();
            match runs.last_mut() {
                Some((first, its_server, its_code, texts))
                    if *first + texts.len() as i64 == number
                        && its_server.as_deref() == server
                        && *its_code == code =>
                {
                    texts.push(text);
                }
                _ => runs.push((number, server.map(str::to_owned), code, vec![text])),
            }
        }
        (runs, others)
    }
}

impl Receipt {
    /// The reply, where it accepted the message for all recipients and there is no more to tell.
    fn only_reply(&self) -> Option<&Reply> {
        let ((_, first), others) = self.receipt.recipients.split_first()?;
        let Fate::Sent(reply) = first else { return None };
        let alike = others.iter().all(|(_, fate)| fate == first);
        let more = self.receipt.error.is_some()
            || self.receipt.options.is_some()
            || self.raised.is_some()
            || !self.held_back().is_empty();
        (alike && !more).then_some(reply)
    }
}
