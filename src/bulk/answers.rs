//! Matches answers to messages, and decides what happens to a session's messages when it ends.

use super::job::{Job, Payload, fates_of};
use super::mailer::locked;
use super::phase::Parting;
use super::pipeline::Pipeline;
use super::policy::Next;
use super::sender::Sender;
use crate::protocol::state::State;
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Kind, Session, Stage};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl<P: Payload> Pipeline<P> {
    /// Handles the answer to the first message in flight.
    pub fn hear(&mut self, event: Event, now: Instant) {
        let Event::Transaction(outcome) = event else { return };
        let before = self.answers;
        self.answered(outcome, &mut locked(&Arc::clone(&self.sender)), None, now);
        self.settled = now;
        if before == 0 && self.answers > 0 {
            self.mailer.sessions().up(self.session.hop);
        }
    }

    fn answered(
        &mut self,
        mut outcome: Outcome,
        sender: &mut Sender<P>,
        trouble: Option<&Error>,
        now: Instant,
    ) {
        let Some(mut job) = self.in_flight.pop_front() else { return };
        self.window.answered(job.payload.size(), now);
        job.past.said = outcome.options.take();
        job.past.course = self.course(&job);
        if outcome.recipients.iter().any(|(_, fate)| !matches!(fate, Fate::Sent(_))) {
            let before = trouble.and_then(|error| error.trace.clone());
            job.past.trace = before.or_else(|| Some(self.trace()));
        }
        // With messages queued behind this one, the server may simply have had enough. The next
        // session will tell.
        job.past.ended_session |= self.answers == 0 && outcome.ends_session();
        let server = &self.mailer.hops[self.session.hop].server;
        let wants_login = outcome.wants_login();
        let may_log_in = server.credentials.is_some() && self.welcome && !job.past.logs_in_again;
        if wants_login && (self.logged_out || may_log_in) {
            // No message is refused before another login has been tried. The messages behind this
            // one didn't discover the problem.
            job.past.logs_in_again |= !std::mem::replace(&mut self.logged_out, true);
            return sender.queue.try_anew(job);
        }
        if is_an_answer(&outcome) {
            self.answers += 1;
            self.welcome |= !wants_login;
            sender.answered(wants_login);
        }
        let name = Arc::clone(self.server());
        match &outcome.verdict {
            // The command was sent too early for this server, which has taken none of the message.
            Verdict::OutOfSequence(_) => sender.queue.try_anew(job),
            Verdict::Unreadable(why) => {
                let error = why.to_error();
                sender.queue.unreadable(job, fates_of(outcome), &name, error);
            }
            _ => {
                let outcome = self.without_excess(&mut job, outcome);
                sender.queue.settle(job, fates_of(outcome), &name, trouble, now);
            }
        }
    }

    /// Recipients over the server's limit are sent in the next transaction, as part of the same
    /// attempt. From now on no transaction of this session exceeds the limit.
    fn without_excess(&mut self, job: &mut Job<P>, mut outcome: Outcome) -> Outcome {
        let excess = outcome.excess();
        if excess.is_empty() || job.recipients.len() < outcome.recipients.len() {
            return outcome;
        }
        let behind = job.recipients.split_off(outcome.recipients.len());
        let mut kept = Vec::new();
        let mut again = Vec::new();
        for (at, recipient) in outcome.recipients.into_iter().enumerate() {
            match excess.binary_search(&at) {
                Ok(_) => again.push(recipient.0),
                Err(_) => kept.push(recipient),
            }
        }
        let taken = kept.iter().filter(|(_, fate)| !matches!(fate, Fate::Refused(Stage::Rcpt, _))).count();
        self.recipients = self.recipients.min(taken.max(1));
        let kept_paths = kept.iter().map(|(path, _)| path.clone());
        job.recipients = kept_paths.chain(again).chain(behind).collect();
        outcome.recipients = kept;
        outcome
    }

    /// Handles the end of the session: settles messages in flight and returns unsent ones to the
    /// queue. Returns what to do with the session and with the next one.
    pub fn end(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> (Parting, Next) {
        let error = self.unnoted.take().or_else(|| error.cloned());
        let error = error.map(|error| error.traced(|| self.trace()));
        let follows = self.settle(session, error.as_ref(), now);
        self.session.since = now;
        let parting = match session.state().is_over() || error.is_some() {
            true => Parting::Close,
            false if !self.spent && self.mailer.sessions().rest(self.session) => {
                Parting::Rest(self.session.id)
            }
            false => Parting::Quit,
        };
        (parting, follows)
    }

    fn settle(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> Next {
        let at_once = Next::Again(Duration::ZERO);
        let (mailer, sender, hop) = (Arc::clone(&self.mailer), Arc::clone(&self.sender), self.session.hop);
        let mut sender = locked(&sender);
        while let Some(event) = session.decided() {
            if let Event::Transaction(outcome) = event {
                self.answered(outcome, &mut sender, None, now);
            }
        }
        mailer.sessions().learn(hop, session);
        let stopped = error.is_some_and(|error| error.kind == Kind::Interrupted);
        let silent = self.answers == 0 && session.state().is_over() && !stopped;
        // Only a session that broke can have broken because of an extension, and only if it used
        // one.
        let offers = ["PIPELINING", "CHUNKING"].iter().any(|keyword| session.extensions().has(keyword));
        let broke = silent && self.fresh && offers && session.state() == State::Broken;
        let plainly = broke && mailer.sessions().speak_plainly(hop, now);
        // If the session broke on an extension, or on an earlier message, or had died while idle,
        // that says nothing about this message.
        let disorder = error.is_some_and(|error| error.kind == Kind::Protocol);
        let forgiven = if silent { !self.fresh || (plainly && disorder) } else { disorder };
        self.settle_rest(session, error, forgiven, &mut sender, now);
        if !silent || !self.fresh {
            return at_once;
        }
        if !plainly {
            mailer.sessions().down(hop, now);
        }
        let error = match error {
            Some(error) => Error { outcome: None, ..error.clone() },
            None => ended_early(Stage::Mail).traced(|| self.trace()),
        };
        match sender.unanswered(&error) {
            // The message may succeed without extensions or with another server, and needn't wait.
            Next::Again(_) if plainly || !mailer.sessions().all_are_down(now) => at_once,
            follows => follows,
        }
    }

    /// Settles the messages that were in flight when the session ended, either with this error or
    /// by the server's word. Only the first one can be the reason, so the attempt counts for that
    /// one alone, and not if it is `forgiven`.
    fn settle_rest(
        &mut self,
        session: &mut Session,
        error: Option<&Error>,
        forgiven: bool,
        sender: &mut Sender<P>,
        now: Instant,
    ) {
        // The server had refused the RSET before the first message, so that one was never begun
        // either.
        let forgiven = forgiven
            || error.is_some_and(|error| (error.kind, error.stage) == (Kind::Disconnected, Stage::Reset));
        let first = error.and_then(|error| error.outcome.as_deref().cloned());
        let first = first.into_iter().map(|outcome| (outcome, forgiven));
        let stranded = session.take_stranded().into_iter().map(|outcome| (outcome, true));
        // Push them back in reverse, so that they keep their order.
        for job in self.taken.drain(..).rev() {
            sender.queue.put_back(job);
        }
        let outcomes: Vec<_> = first.chain(stranded).collect();
        debug_assert_eq!(outcomes.len(), self.in_flight.len(), "every message has its own outcome");
        let count = outcomes.len().min(self.in_flight.len());
        let jobs: Vec<_> = self.in_flight.drain(..count).collect();
        for (mut job, (outcome, uncounted)) in jobs.into_iter().zip(outcomes).rev() {
            let begun = outcome.recipients.iter().any(|(_, fate)| *fate != Fate::NotSent);
            let uncounted = uncounted && !begun;
            // `try_anew` counts this one itself.
            let put_back = matches!(outcome.verdict, Verdict::OutOfSequence(_));
            if uncounted && !put_back {
                job.attempts = job.attempts.saturating_sub(1);
            }
            job.past.ended_session |= !uncounted && error.is_some() && self.answers == 0;
            self.in_flight.push_front(job);
            self.answered(outcome, sender, error, now);
        }
    }
}

pub fn ended_early(stage: Stage) -> Error {
    Error::new(Kind::Disconnected, stage, "the server ended the session before it had taken a message")
}

/// Whether the server has accepted or refused this message, as opposed to only saying goodbye.
fn is_an_answer(outcome: &Outcome) -> bool {
    let told = |fate: &Fate| match fate {
        Fate::Sent(_) => true,
        Fate::Refused(_, reply) => !reply.closes_channel(),
        Fate::Unknown | Fate::NotSent => false,
    };
    match &outcome.verdict {
        Verdict::SenderRefused(reply) => !reply.closes_channel(),
        Verdict::Unreadable(_) => true,
        _ => outcome.recipients.iter().any(|(_, fate)| told(fate)),
    }
}
