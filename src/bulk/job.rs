//! A message on its way, and what is known of it in the end.

use crate::address::{ForwardPath, ReversePath};
use crate::driver::Course;
use crate::protocol::command::Parameter;
use crate::protocol::error::Trace;
use crate::protocol::transaction::{DeliveryOptions, Fate, Outcome, SaidOptions, Transaction, Verdict};
use crate::protocol::{Body, Error, Kind, Stage};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a job carries: the mail data, and whatever its owner wants back with the
/// receipt. Cloned for each attempt, so a handle and not the content.
pub trait Payload: Clone + Send + 'static {
    fn body(&self) -> Body;
    /// Octets, about: for how much may be in flight.
    fn size(&self) -> usize;

    /// Whether it may be sent as it is.
    fn is_prepared(&self) -> bool {
        true
    }

    /// Does what has to be done before, and may take its time, in a thread that moves no
    /// session. `attend` is asked now and then whether to go on.
    fn prepare(&self, _attend: &mut dyn FnMut() -> Result<(), Error>) -> Result<(), Error> {
        Ok(())
    }
}

/// A message with its envelope, to be sent until it is settled.
#[derive(Debug)]
pub struct Job<P> {
    /// Which message of its owner's it is, from 0 on.
    pub index: u64,
    pub payload: P,
    pub reverse_path: ReversePath,
    pub mail_parameters: Vec<Parameter>,
    pub options: Option<Arc<DeliveryOptions>>,
    /// Those that are not settled.
    pub recipients: Vec<ForwardPath>,
    /// Times that the server was asked about it.
    pub attempts: u32,
    pub(super) past: Past,
}

/// What came of preparing a job, as soon as it is known.
pub(super) type Prepared = Arc<OnceLock<Result<(), Error>>>;

/// What has come of a job so far.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Where something has to be done before it can be sent.
    pub prepared: Option<Prepared>,
    /// When the server was asked about it first.
    pub first_tried: Option<Instant>,
    /// Recipients that earlier attempts or transactions have settled, and of how many of them
    /// the ledger knows.
    pub settled: Vec<(ForwardPath, Fate)>,
    pub known_settled: usize,
    /// Recipients of this attempt that another one will ask for again.
    pub again: Vec<ForwardPath>,
    /// What became of those that are still open when they were last asked for.
    pub known: Vec<(ForwardPath, Fate)>,
    /// The next attempt has to wait.
    pub pause: bool,
    /// The ledger knows that this attempt begins.
    pub told: bool,
    /// It stands among the day's messages: once, however often it is tried.
    pub counted: bool,
    /// What kept it from being sent last time.
    pub trouble: Option<Box<Error>>,
    /// A server that had let us in asked for a login (530), and another session is tried.
    pub logs_in_again: bool,
    /// A session has ended on it before any other was answered.
    pub ended_session: bool,
    /// How the conversation came to what became of it, where that is not all well.
    pub trace: Option<Arc<Trace>>,
    /// From its first attempt on, and when the last one was over.
    pub took: Option<Duration>,
    pub ended: Option<Instant>,
    /// What was said for it, where the caller wants to know when.
    pub course: Option<Arc<Course>>,
    /// What the server that was asked last was told of its options.
    pub said: Option<Box<SaidOptions>>,
}

impl<P: Payload> Job<P> {
    pub fn new(index: u64, payload: P, reverse_path: ReversePath, recipients: Vec<ForwardPath>) -> Self {
        Self {
            index,
            payload,
            reverse_path,
            mail_parameters: Vec::new(),
            options: None,
            recipients,
            attempts: 0,
            past: Past::default(),
        }
    }

    /// Recipients that are settled, and that the ledger was not told of: what was decided
    /// before the end that is about to be said.
    pub fn newly_settled(&self) -> &[(ForwardPath, Fate)] {
        &self.past.settled[self.past.known_settled..]
    }

    /// The transaction for the first recipients, at most so many: a server may
    /// limit them (RFC 9422 RCPTMAX).
    pub(super) fn transaction(&self, recipients: usize, cautious: bool) -> Transaction {
        Transaction {
            reverse_path: self.reverse_path.clone(),
            mail_parameters: self.mail_parameters.clone(),
            recipients: self.recipients.iter().take(recipients).cloned().collect(),
            rcpt_parameters: Vec::new(),
            options: self.options.clone(),
            body: self.payload.body(),
            cautious,
        }
    }

    /// Ends it: these are the last fates.
    pub(super) fn receipt(
        mut self,
        fates: Vec<(ForwardPath, Fate)>,
        server: Option<Arc<str>>,
        error: Option<Error>,
    ) -> Receipt<P> {
        let recipients = if self.past.settled.is_empty() {
            fates
        } else {
            self.past.settled.extend(fates);
            self.past.settled
        };
        Receipt {
            index: self.index,
            payload: self.payload,
            reverse_path: self.reverse_path,
            recipients,
            attempts: self.attempts,
            took: self.past.took,
            ended: self.past.ended,
            course: self.past.course,
            options: self.past.said,
            trace: self.past.trace.or_else(|| error.as_ref()?.trace.clone()),
            server,
            error,
        }
    }

    /// Ends it without another attempt.
    pub(super) fn give_up(mut self, server: Option<Arc<str>>, error: Option<Error>) -> Receipt<P> {
        let mut open = std::mem::take(&mut self.recipients);
        open.append(&mut self.past.again);
        let error = error.or_else(|| self.past.trouble.take().map(|trouble| *trouble));
        let fates = open.into_iter().map(|path| self.learnt(path, Fate::NotSent)).collect();
        self.receipt(fates, server, error)
    }

    /// This fate and what was known before: what may have arrived once stays unknown
    /// until the server says that it has it, and a refusal says more than silence.
    pub(super) fn learnt(&mut self, path: ForwardPath, fate: Fate) -> (ForwardPath, Fate) {
        let before = self.past.known.iter().position(|(known, _)| *known == path);
        let before = before.map(|at| self.past.known.swap_remove(at).1);
        match (before, fate) {
            (_, fate @ Fate::Sent(_)) => (path, fate),
            (Some(Fate::Unknown), _) => (path, Fate::Unknown),
            (Some(before), Fate::NotSent) => (path, before),
            (_, fate) => (path, fate),
        }
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
    /// Who was asked last.
    pub server: Option<Arc<str>>,
    /// What went wrong, where that is not told by a recipient's fate.
    pub error: Option<Error>,
    /// How the conversation came to it, where it did not end well.
    pub trace: Option<Arc<Trace>>,
    /// From the first attempt to the last answer; None: there was none.
    pub took: Option<Duration>,
    /// When the last answer came.
    pub ended: Option<Instant>,
    /// What was said for it, and for its session where that was opened for it, where the caller
    /// wants to know when.
    pub course: Option<Arc<Course>>,
    /// What the server was told of the delivery options; None where none were asked for.
    pub options: Option<Box<SaidOptions>>,
}

impl<P> Receipt<P> {
    /// Sent to every recipient.
    pub fn ok(&self) -> bool {
        self.recipients.iter().all(|(_, fate)| matches!(fate, Fate::Sent(_))) && !self.recipients.is_empty()
    }

    /// Whether the same may succeed later for a recipient with this fate: the server has
    /// not refused it for good, and the message itself was not the reason.
    pub fn may_succeed_later(&self, fate: &Fate) -> bool {
        match fate {
            Fate::Sent(_) | Fate::Unknown => false,
            Fate::Refused(..) => fate.is_transient(),
            Fate::NotSent => self.error.as_ref().is_none_or(|error| match error.kind {
                Kind::TooLarge | Kind::NonAsciiAddress | Kind::Unreadable => false,
                Kind::NotSupported | Kind::Misuse => !matches!(error.stage, Stage::Mail | Stage::Rcpt),
                _ => true,
            }),
        }
    }
}

/// Of a server's words a receipt keeps so many octets: there may be a million receipts.
const WORDS: usize = 2048;

/// The fate of each recipient, as a receipt tells it: a refused sender is a
/// refusal for every recipient, and the reply to MAIL is the reason, not the replies to
/// the RCPTs behind it.
pub(super) fn fates_of(outcome: Outcome) -> Vec<(ForwardPath, Fate)> {
    let Outcome { verdict, mut recipients, .. } = outcome;
    if let Verdict::SenderRefused(reply) = verdict {
        for (_, fate) in &mut recipients {
            *fate = Fate::Refused(Stage::Mail, reply.clone());
        }
    }
    for (_, fate) in &mut recipients {
        if let Fate::Sent(reply) | Fate::Refused(_, reply) = fate {
            reply.shorten(WORDS);
        }
    }
    recipients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reply::Reply;

    #[derive(Clone)]
    struct Nothing;

    impl Payload for Nothing {
        fn body(&self) -> Body {
            Body::new(*b"")
        }

        fn size(&self) -> usize {
            0
        }
    }

    #[test]
    fn what_may_have_arrived_stays_unknown_until_it_is_sent_and_a_refusal_says_more_than_silence() {
        let path: ForwardPath = "b@example.org".parse().unwrap();
        let job = || Job::new(0, Nothing, ReversePath::Null, Vec::new());
        let refused = || Fate::Refused(Stage::Rcpt, Reply::new(450, "4.2.1 later"));
        let sent = || Fate::Sent(Reply::new(250, "ok"));
        for (before, fate, learnt) in [
            (Fate::Unknown, Fate::NotSent, Fate::Unknown),
            (Fate::Unknown, refused(), Fate::Unknown),
            (Fate::Unknown, sent(), sent()),
            (refused(), Fate::NotSent, refused()),
            (Fate::NotSent, refused(), refused()),
        ] {
            let mut job = job();
            job.past.known.push((path.clone(), before));
            assert_eq!(job.learnt(path.clone(), fate).1, learnt);
        }
    }
}
