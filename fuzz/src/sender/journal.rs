//! The ledger of a sending, which checks how it is called.

use super::Content;
use rsmtp::address::ForwardPath;
use rsmtp::bulk::{Job, Ledger, Receipt};
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Error, Kind, Stage};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the ledger knows about one message.
#[derive(Debug, Default)]
pub(super) struct Entry {
    begun: bool,
    pub(super) end_said: bool,
    /// Whether its end has ever been announced.
    ever_said: bool,
    settled: bool,
    /// The fates of its recipients that were reported before its last end.
    fates: Vec<(ForwardPath, Fate)>,
}

/// A ledger that refuses now and then, and checks that it is called in order.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) minds_ends: bool,
    /// The ledger's answers, taken from the end. After that it always agrees.
    pub(super) answers: Mutex<Vec<u8>>,
    pub(super) entries: Mutex<HashMap<u64, Entry>>,
}

impl Journal {
    pub(super) fn entries(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, refusals: u8) -> Result<(), Error> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(0);
        match answer < refusals {
            true if answer > 0 => Err(Error::new(Kind::Local, Stage::Connect, "the ledger is full")),
            _ => Ok(()),
        }
    }
}

impl Ledger<Content> for Journal {
    fn begun(&self, job: &Job<Content>, recipients: usize) -> Result<(), Error> {
        assert!((1..=job.recipients.len()).contains(&recipients));
        self.answer(30)?;
        let mut entries = self.entries();
        let entry = entries.entry(job.index).or_default();
        assert!(!entry.settled, "begun after it was settled");
        (entry.begun, entry.end_said) = (true, false);
        Ok(())
    }

    fn minds_ends(&self) -> bool {
        self.minds_ends
    }

    fn end_said(&self, messages: &[&Job<Content>]) -> Result<bool, Error> {
        assert!(self.minds_ends && !messages.is_empty());
        self.answer(3)?;
        for job in messages {
            let mut entries = self.entries();
            let entry = entries.get_mut(&job.index).expect("a message that was begun");
            entry.fates.extend_from_slice(job.newly_settled());
            assert!(entry.begun && !entry.end_said && !entry.settled, "out of order: {entry:?}");
            (entry.end_said, entry.ever_said) = (true, true);
        }
        Ok(true)
    }

    fn settled(&self, receipt: &Receipt<Content>) {
        let mut entries = self.entries();
        let entry = entries.entry(receipt.index).or_default();
        assert!(!std::mem::replace(&mut entry.settled, true), "settled twice");
        let may_have_arrived = |fate: &Fate| matches!(fate, Fate::Sent(_) | Fate::Unknown);
        let may_have_arrived = receipt.recipients.iter().any(|(_, fate)| may_have_arrived(fate));
        assert!(!may_have_arrived || entry.begun && (entry.ever_said || !self.minds_ends), "{receipt:?}");
        assert_eq!(receipt.recipients[..entry.fates.len()], entry.fates, "told once, and for good");
    }
}
