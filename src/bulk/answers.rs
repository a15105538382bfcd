//! Matches answers to messages, and decides what happens to a session's messages when it ends.

use super::job::{Job, Payload};
use super::mailer::locked;
use super::orders::Parting;
use super::pipeline::Pipeline;
use super::policy::Failure;
use super::sender::Sender;
use crate::protocol::state::State;
use crate::protocol::transaction::{Fate, Outcome, Verdict};
use crate::protocol::{Error, Event, Kind, Session, Stage};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl<P: Payload> Pipeline<P> {
    /// Handles the answer to the first message in flight.
    pub fn hear(&mut self, event: Event, session: &Session, sender: &mut Sender<P>, now: Instant) {
        let Event::Transaction(outcome) = event else { return };
        let Some(job) = self.in_flight.pop_front() else { return };
        let before = self.answers;
        self.answered(job, outcome, sender, None, false, now);
        if before == 0 && self.answers > 0 {
            let mut sessions = self.mailer.sessions();
            sessions.up(self.session.hop);
            // Sessions that are being opened meanwhile make use of it.
            sessions.learn(self.session.hop, session);
        }
    }

    /// `uncounted`: the end of the session says nothing about this message, and isn't an attempt.
    fn answered(
        &mut self,
        mut job: Job<P>,
        mut outcome: Outcome,
        sender: &mut Sender<P>,
        trouble: Option<&Error>,
        uncounted: bool,
        now: Instant,
    ) {
        self.window.answered(job.payload.size(), now);
        let (said, course) = (outcome.options.take(), self.course(&job));
        if said.is_some() || course.is_some() || job.past.is_some() {
            let past = job.past.get_or_insert_default();
            (past.said, past.course) = (said, course);
        }
        if outcome.recipients.iter().any(|(_, fate)| !matches!(fate, Fate::Sent(_))) {
            let before = trouble.and_then(|error| error.trace.clone());
            job.past.get_or_insert_default().trace = before.or_else(|| Some(self.trace()));
        }
        let goes_back = self.was_never_begun(&job, &outcome);
        if goes_back && outcome.ends_session_before_it() {
            job.past.get_or_insert_default().goodbyes += 1;
        }
        // `try_anew` doesn't count it either.
        if uncounted && !goes_back {
            job.attempts = job.attempts.saturating_sub(1);
        }
        // With messages queued behind this one, the server may simply have had enough. The next
        // session will tell.
        job.ended_session |= self.answers == 0 && outcome.ends_session() && !goes_back;
        let server = &self.mailer.hops[self.session.hop];
        let wants_login = outcome.wants_login();
        let may_log_in = server.credentials.is_some() && self.welcome && !job.logs_in_again;
        if wants_login && (self.logged_out || may_log_in) {
            // No message is refused before another login has been tried. The messages behind this
            // one didn't discover the problem.
            job.logs_in_again |= !std::mem::replace(&mut self.logged_out, true);
            return sender.queue.try_anew(job, outcome);
        }
        if outcome.is_an_answer() {
            self.answers += 1;
            self.welcome |= !wants_login;
            sender.answered(wants_login);
        }
        let name = Arc::clone(self.server());
        match &outcome.verdict {
            _ if goes_back => sender.queue.try_anew(job, outcome),
            Verdict::Unreadable(why) => {
                let error = why.to_error();
                sender.queue.settle(job, outcome.into_fates(), name, Some(&error), now);
            }
            _ => {
                self.set_excess_apart(&mut job, &mut outcome);
                sender.queue.settle(job, outcome.into_fates(), name, trouble, now);
            }
        }
    }

    /// Whether the server's answer is about the session, and not about this message, of which it has
    /// taken nothing. Either the command was sent too early for this server, or the session, which
    /// has carried mail before, has had as much of it or has been open for as long as the server
    /// allows (421 to MAIL, RCPT or DATA, RFC 5321 3.8).
    fn was_never_begun(&self, job: &Job<P>, outcome: &Outcome) -> bool {
        let carried = !self.fresh || self.answers > 0;
        let goodbyes = job.past.as_ref().map_or(0, |past| past.goodbyes);
        let may_be_the_reason = job.ended_session || !self.mailer.policy.forgives(goodbyes);
        matches!(outcome.verdict, Verdict::OutOfSequence(_))
            || outcome.ends_session_before_it() && carried && !may_be_the_reason
    }

    /// Recipients over the server's limit are sent in the next transaction, as part of the same
    /// attempt. From now on no transaction of this session exceeds the limit.
    fn set_excess_apart(&mut self, job: &mut Job<P>, outcome: &mut Outcome) {
        let Some(excess) = outcome.take_excess() else { return };
        self.recipients = self.recipients.min(excess.taken);
        if excess.is_whole {
            // The next session may not know the limit, and the message must not come back for ever.
            job.past.get_or_insert_default().most_recipients = Some(excess.taken);
        }
        job.recipients.put_back(excess.recipients);
    }

    /// Handles the end of the session: settles messages in flight and returns unsent ones to the
    /// queue. Returns what to do with the session, and the pause before the next one.
    pub fn end(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> (Parting, Duration) {
        let error = self.unnoted.take().or_else(|| error.cloned()).map(|error| error.traced(|| self.trace()));
        let pause = self.settle(session, error.as_ref(), now);
        self.session.since = now;
        let parting = match session.state().is_over() || error.is_some() {
            true => Parting::Close,
            false if !self.spent && self.mailer.sessions().rest(self.session) => {
                Parting::Rest(self.session.id)
            }
            false => Parting::Quit,
        };
        (parting, pause)
    }

    fn settle(&mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> Duration {
        let (mailer, sender, hop) = (Arc::clone(&self.mailer), Arc::clone(&self.sender), self.session.hop);
        let mut sender = locked(&sender);
        while let Some(event) = session.decided() {
            if let Event::Transaction(outcome) = event
                && let Some(job) = self.in_flight.pop_front()
            {
                self.answered(job, outcome, &mut sender, None, false, now);
            }
        }
        mailer.sessions().learn(hop, session);
        let stopped = error.is_some_and(|error| error.kind == Kind::Interrupted);
        let silent = self.answers == 0 && session.state().is_over() && !stopped;
        // Only a session that broke can have broken because of an extension, and only if it used
        // one.
        let offers = ["PIPELINING", "CHUNKING"].iter().any(|keyword| session.extensions().has(keyword));
        let broke = silent && self.fresh && offers && session.state() == State::Broken;
        let plainly = broke && mailer.sessions().speak_plainly(hop, session.is_plain(), now);
        // If the session broke on an extension, or on an earlier message, or had died while idle,
        // that says nothing about this message.
        let disorder = error.is_some_and(|error| error.kind == Kind::Protocol);
        let forgiven = if silent { !self.fresh || (plainly && disorder) } else { disorder };
        self.settle_rest(session, error, forgiven, &mut sender, now);
        if !silent || !self.fresh {
            return Duration::ZERO;
        }
        if !plainly {
            mailer.sessions().down(hop, now);
        }
        let error = match error {
            Some(error) => Error { outcome: None, ..error.clone() },
            None => ended_early(Stage::Mail).traced(|| self.trace()),
        };
        let pause = sender.failed(Failure::of_session(&error), &error);
        // The message may succeed without extensions or with another server, and needn't wait.
        if plainly || !mailer.sessions().all_are_down(now) { Duration::ZERO } else { pause }
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
        let jobs = std::mem::take(&mut self.in_flight).into_iter();
        for (mut job, (outcome, uncounted)) in jobs.zip(outcomes).rev() {
            let begun = outcome.recipients.iter().any(|(_, fate)| *fate != Fate::NotSent);
            let uncounted = uncounted && !begun;
            job.ended_session |= !uncounted && error.is_some() && self.answers == 0;
            self.answered(job, outcome, sender, error, uncounted, now);
        }
    }
}

pub fn ended_early(stage: Stage) -> Error {
    Error::new(Kind::Disconnected, stage, "the server ended the session before it had taken a message")
}
