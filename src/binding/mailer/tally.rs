//! How many messages were sent and how many were not.

use crate::bulk;
use crate::protocol::transaction::Fate;
use std::sync::{Mutex, PoisonError};

/// Where a whole message is counted: by its worst recipient.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub sent: u64,
    pub refused: u64,
    pub unknown: u64,
    pub not_sent: u64,
    /// Held back from all recipients by the mailer's own rules.
    pub suppressed: u64,
}

/// The numbers of all messages that a mailer has settled so far, over its calls.
#[derive(Debug, Default)]
pub struct Totals(Mutex<Tally>);

impl Totals {
    /// Adds what a call has counted since `before`.
    pub fn add(&self, now: Tally, before: Tally) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.sent += now.sent - before.sent;
        all.refused += now.refused - before.refused;
        all.unknown += now.unknown - before.unknown;
        all.not_sent += now.not_sent - before.not_sent;
        all.suppressed += now.suppressed - before.suppressed;
    }

    pub fn tally(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// As Python has them.
    pub fn as_tuple(self) -> (u64, u64, u64, u64, u64) {
        (self.sent, self.refused, self.unknown, self.not_sent, self.suppressed)
    }

    pub fn count<P>(&mut self, receipt: &bulk::Receipt<P>) {
        let any = |wanted: fn(&Fate) -> bool| receipt.recipients.iter().any(|(_, fate)| wanted(fate));
        if receipt.ok() {
            self.sent += 1;
        } else if any(|fate| *fate == Fate::Unknown) {
            self.unknown += 1;
        } else if any(|fate| matches!(fate, Fate::Refused(..))) {
            self.refused += 1;
        } else {
            self.not_sent += 1;
        }
    }
}
