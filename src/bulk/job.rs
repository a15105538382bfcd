//! A message on its way, and its final outcome.

use crate::address::{ForwardPath, ReversePath};
use crate::driver::Course;
use crate::protocol::command::Parameter;
use crate::protocol::error::Trace;
use crate::protocol::transaction::{DeliveryOptions, Fate, Offer, Recipients, SaidOptions, Transaction};
use crate::protocol::{Body, Error};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a job carries: the mail data, and whatever its owner wants back with the receipt. It is
/// cloned for each attempt, so it should be a cheap handle to the content.
pub trait Payload: Clone + Send + 'static {
    fn body(&self) -> Body;
    /// The approximate size in octets. It limits how much may be in flight.
    fn size(&self) -> usize;

    /// Whether the message can be sent without further preparation.
    fn is_prepared(&self) -> bool {
        true
    }

    /// Prepares the message. This may take a while and runs on a thread that serves no session. It
    /// calls `attend` now and then to learn whether to continue.
    fn prepare(&self, _attend: &mut dyn FnMut() -> Result<(), Error>) -> Result<(), Error> {
        Ok(())
    }
}

/// A message with its envelope, tried until its outcome is settled. Small, because it moves often.
#[derive(Debug)]
pub struct Job<P> {
    /// The position of the message in its owner's batch, counted from 0.
    pub index: u64,
    pub payload: P,
    pub reverse_path: ReversePath,
    pub mail_parameters: Box<[Parameter]>,
    pub options: Option<Arc<DeliveryOptions>>,
    /// The recipients that aren't settled yet, without those of a transaction that has begun.
    pub recipients: Recipients,
    /// How many times a server was asked to take it.
    pub attempts: u32,
    /// When a server was first asked to take it.
    pub(super) first_tried: Option<Instant>,
    /// Whether the ledger has been told that this attempt begins.
    pub(super) told: bool,
    /// Whether it counts towards the daily limit. It counts once, however often it is tried; one
    /// that is sent in parts, once for each part.
    pub(super) counted: bool,
    /// Another session is tried, as this one asked for a login (530) that it had accepted.
    pub(super) logs_in_again: bool,
    /// A session ended on this message before any other was answered.
    pub(super) ended_session: bool,
    pub(super) past: Option<Box<Past>>,
}

/// The result of preparing a job, available once it is known.
pub(super) type Prepared = Arc<OnceLock<Result<(), Error>>>;

/// What has happened to a job that could not simply be sent.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Set if the message has to be prepared before it can be sent.
    pub prepared: Option<Prepared>,
    /// Recipients that are settled already, and how many of them the ledger knows.
    pub settled: Vec<(ForwardPath, Fate)>,
    pub known_settled: usize,
    /// The last known fate of recipients that an earlier attempt has left open, and this one hasn't
    /// decided yet.
    pub known: VecDeque<(ForwardPath, Fate)>,
    /// Recipients that this attempt has left open. They are kept apart, as an address that is given
    /// twice is two recipients, and the one has not learnt its fate from the other.
    pub again: VecDeque<(ForwardPath, Fate)>,
    /// The next attempt has to wait for a while.
    pub pause: bool,
    /// Why the last attempt failed.
    pub trouble: Option<Box<Error>>,
    /// At most so many recipients are named in a transaction: a server has refused the message for more.
    pub most_recipients: Option<usize>,
    /// How many sessions that had carried mail before ended with the answer to its MAIL.
    pub goodbyes: u32,
    /// How the conversation reached this outcome, unless all went well.
    pub trace: Option<Arc<Trace>>,
    pub ended: Option<Instant>,
    /// What was sent for it, with times, if the caller wants to know.
    pub course: Option<Arc<Course>>,
    /// The delivery options that were sent to the last server.
    pub said: Option<Box<SaidOptions>>,
}

impl Past {
    /// Combines this fate with an earlier one.
    pub(super) fn learnt(&mut self, path: ForwardPath, fate: Fate) -> (ForwardPath, Fate) {
        let before = self.known.iter().position(|(known, _)| *known == path);
        match before.and_then(|at| self.known.remove(at)) {
            Some((path, before)) => (path, fate.after(before)),
            None => (path, fate),
        }
    }
}

impl<P: Payload> Job<P> {
    pub fn new(
        index: u64,
        payload: P,
        reverse_path: ReversePath,
        recipients: impl IntoIterator<Item = ForwardPath>,
    ) -> Self {
        Self {
            index,
            payload,
            reverse_path,
            mail_parameters: Box::default(),
            options: None,
            recipients: recipients.into_iter().collect(),
            attempts: 0,
            first_tried: None,
            told: false,
            counted: false,
            logs_in_again: false,
            ended_session: false,
            past: None,
        }
    }

    /// Settled recipients that the ledger hasn't heard about, decided before the end of mail data
    /// that is about to be sent.
    pub fn newly_settled(&self) -> &[(ForwardPath, Fate)] {
        self.past.as_ref().map_or(&[], |past| &past.settled[past.known_settled..])
    }

    /// How many recipients its next transaction names, if there is room for so many.
    pub(super) fn next_recipients(&self, room: usize) -> usize {
        let most = self.past.as_ref().and_then(|past| past.most_recipients);
        room.min(self.recipients.len()).min(most.unwrap_or(usize::MAX))
    }

    /// A transaction for the first recipients, as many as the server takes (RFC 9422 RCPTMAX).
    pub(super) fn offer(&mut self, recipients: usize, cautious: bool) -> Offer<'_> {
        let (mail_parameters, options) = (self.mail_parameters.to_vec(), self.options.clone());
        let transaction = Transaction::new(self.reverse_path.clone(), [], self.payload.body());
        let transaction = Transaction { mail_parameters, options, cautious, ..transaction };
        Offer::new(transaction, &mut self.recipients, recipients)
    }

    /// Ends the job with these final fates. `ended`: a server has answered just now.
    pub(super) fn receipt(
        self,
        mut fates: Vec<(ForwardPath, Fate)>,
        server: Option<Arc<str>>,
        error: Option<Box<Error>>,
        ended: Option<Instant>,
    ) -> Receipt<P> {
        let past = self.past.map(|past| *past).unwrap_or_default();
        if !past.settled.is_empty() {
            fates.splice(..0, past.settled);
        }
        let ended = ended.or(past.ended);
        Receipt {
            index: self.index,
            payload: self.payload,
            reverse_path: self.reverse_path,
            recipients: fates,
            attempts: self.attempts,
            took: ended.zip(self.first_tried).map(|(ended, first)| ended.saturating_duration_since(first)),
            ended,
            course: past.course,
            options: past.said,
            trace: past.trace.or_else(|| error.as_ref()?.trace.clone()),
            server,
            error,
        }
    }

    /// Ends the job without another attempt.
    pub(super) fn give_up(mut self, server: Option<Arc<str>>, error: Option<Error>) -> Receipt<P> {
        let past = self.past.get_or_insert_default();
        let error = error.map(Box::new).or_else(|| past.trouble.take());
        let mut fates: Vec<_> =
            self.recipients.drain().map(|path| past.learnt(path, Fate::NotSent)).collect();
        fates.extend(std::mem::take(&mut past.again));
        self.receipt(fates, server, error, None)
    }
}

/// What became of one message, for each of its recipients.
#[derive(Debug)]
pub struct Receipt<P> {
    pub index: u64,
    pub payload: P,
    pub reverse_path: ReversePath,
    pub recipients: Vec<(ForwardPath, Fate)>,
    pub attempts: u32,
    /// The server that was asked last.
    pub server: Option<Arc<str>>,
    /// What went wrong, if the recipients' fates don't say it.
    pub error: Option<Box<Error>>,
    /// How the conversation got there, if it didn't end well.
    pub trace: Option<Arc<Trace>>,
    /// From the first attempt to the last answer. None if no server answered.
    pub took: Option<Duration>,
    /// When the last answer came.
    pub ended: Option<Instant>,
    /// What was sent for it (and for its session, if one was opened for it), with times, if the
    /// caller wants to know.
    pub course: Option<Arc<Course>>,
    /// What the server was told of the delivery options. None if no options were requested.
    pub options: Option<Box<SaidOptions>>,
}

impl<P> Receipt<P> {
    /// Whether the message was sent to every recipient.
    pub fn ok(&self) -> bool {
        self.recipients.iter().all(|(_, fate)| matches!(fate, Fate::Sent(_))) && !self.recipients.is_empty()
    }

    /// Whether a retry may succeed for a recipient with this fate: the server hasn't refused it
    /// permanently, and the message itself wasn't the reason.
    pub fn may_succeed_later(&self, fate: &Fate) -> bool {
        match fate {
            Fate::Sent(_) | Fate::Unknown => false,
            Fate::Refused(..) => fate.is_transient(),
            Fate::NotSent => self.error.as_ref().is_none_or(|error| !error.is_about_the_message()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_given_twice_is_two_recipients() {
        let path: ForwardPath = "b@example.org".parse().unwrap();
        let known = || VecDeque::from([(path.clone(), Fate::Unknown)]);
        let mut past = Past { known: known(), again: known(), ..Past::default() };
        for fate in [Fate::Unknown, Fate::NotSent] {
            assert_eq!(past.learnt(path.clone(), Fate::NotSent).1, fate);
            assert!(past.known.is_empty() && past.again.len() == 1);
        }
    }
}
