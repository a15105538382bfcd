//! The recipients of a message that are still to be tried.

use super::{Fate, Transaction};
use crate::address::ForwardPath;

/// Each has a place for its fate, which is open, so that nothing is copied when it is known.
#[derive(Debug, Default)]
pub struct Recipients(pub(super) Vec<(ForwardPath, Fate)>);

impl Recipients {
    pub fn iter(&self) -> impl Iterator<Item = &ForwardPath> {
        self.0.iter().map(|(path, _)| path)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, each taken out.
    pub fn drain(&mut self) -> impl Iterator<Item = ForwardPath> {
        self.0.drain(..).map(|(path, _)| path)
    }

    /// Takes out the first, as many as this.
    #[must_use]
    pub fn take(&mut self, first: usize) -> Self {
        let others = if first < self.len() { self.0.split_off(first) } else { Vec::new() };
        Self(std::mem::replace(&mut self.0, others))
    }

    /// Puts some in front.
    pub fn put_back(&mut self, mut first: Self) {
        first.0.append(&mut self.0);
        *self = first;
    }
}

impl FromIterator<ForwardPath> for Recipients {
    fn from_iter<I: IntoIterator<Item = ForwardPath>>(paths: I) -> Self {
        Self(paths.into_iter().map(|path| (path, Fate::NotSent)).collect())
    }
}

/// A transaction that has not begun. If it doesn't, or something panics meanwhile, its recipients go
/// back to where they came from.
#[derive(Debug)]
pub struct Offer<'a> {
    pub transaction: Transaction,
    from: &'a mut Recipients,
}

impl<'a> Offer<'a> {
    /// The transaction for the first of these recipients.
    pub fn new(mut transaction: Transaction, from: &'a mut Recipients, first: usize) -> Self {
        transaction.recipients = from.take(first);
        Self { transaction, from }
    }
}

impl Drop for Offer<'_> {
    fn drop(&mut self) {
        let recipients = std::mem::take(&mut self.transaction.recipients);
        if !recipients.is_empty() {
            self.from.put_back(recipients);
        }
    }
}
