//! Endings: by the server's word, by disorder, by the network.

use super::hear::authenticated;
use super::{Procedure, Session};
use crate::protocol::body::Unreadable;
use crate::protocol::error::{Advice, Error, Kind, Stage};
use crate::protocol::event::Event;
use crate::protocol::outgoing::Awaited;
use crate::protocol::reply::{Reply, Severity};
use crate::protocol::reply_reader::Fault;
use crate::protocol::state::State;
use crate::protocol::transaction::{Part, Running};
use crate::protocol::transcript::Speaker;

impl Session {
    /// 421 (RFC 5321 3.8): the server's words answer what was asked, and nothing
    /// can be asked any more.
    pub(super) fn closed_by(&mut self, awaited: Awaited, reply: Reply) -> Result<(), Error> {
        let error = Error::new(Kind::Disconnected, awaited.stage(), "the server closed the session")
            .with_reply(reply.clone());
        let event = match (self.procedure.take(), awaited) {
            (_, Awaited::Transaction(part)) => {
                match part {
                    // LMTP: the others' answers will never come (RFC 2033 4.2).
                    Part::End(Some(index)) if self.input.began_due => self.refuse_one(index, &reply),
                    _ => self.decide_by(part, &reply),
                }
                // It works through what it is sent in order, and stops here.
                let later = self.flight.transactions.drain(1..);
                self.ending.stranded.extend(later.map(|running| running.end(0)));
                let is_decided = self.flight.transactions.front().is_some_and(Running::is_decided);
                let error = self.end(State::Closed, error);
                return if is_decided { Ok(()) } else { Err(error) };
            }
            (Some(Procedure::Login { .. } | Procedure::AuthBy(_)), _) => authenticated(reply),
            (Some(Procedure::MailData(Some(_))), _) => Event::DataRefused(reply),
            _ => Event::Reply(reply),
        };
        self.events.queue.push_back(event);
        self.end(State::Closed, error);
        Ok(())
    }

    fn refuse_one(&mut self, index: usize, reply: &Reply) {
        if let Some(running) = self.flight.transactions.front_mut() {
            running.refuse_one(index, reply);
        }
    }

    fn decide_by(&mut self, part: Part, reply: &Reply) {
        if let Some(running) = self.flight.transactions.front_mut() {
            running.end_by(part, reply);
        }
    }

    /// A reply to what has not been sent whole. A refusal of mail data that is
    /// still on its way is an answer, but the rest can't be taken back: the
    /// session ends with it. Anything else is disorder.
    pub(super) fn too_early(&mut self, awaited: Awaited, stage: Stage, reply: Reply) -> Result<(), Error> {
        let refusal = matches!(reply.severity(), Severity::Transient | Severity::Permanent);
        match awaited {
            // It reads a line at a time, and does not know this one.
            Awaited::Transaction(Part::Chunk { .. })
                if self
                    .flight
                    .transactions
                    .front()
                    .is_some_and(|first| first.denies_chunking(&reply, self.out.chunks_taken)) =>
            {
                return Err(self.no_chunking(reply));
            }
            Awaited::Transaction(part @ (Part::End(_) | Part::Chunk { .. })) if refusal => {
                self.decide_by(part, &reply);
            }
            Awaited::DataEnd if refusal => {
                self.procedure = None;
                self.events.queue.push_back(Event::Reply(reply.clone()));
            }
            _ => {
                let message = "the server answered before it was asked";
                return Err(self.broke_with(stage, message, reply));
            }
        }
        let error = Error::new(Kind::Disconnected, stage, "the server refused the message before its end")
            .with_reply(reply);
        self.end(State::Broken, error);
        Ok(())
    }

    /// The content can't be read any further. Between chunks RSET takes the message
    /// back (RFC 3030 2) and the session goes on; within the mail data of DATA every
    /// end but a lost connection would deliver what is there so far.
    pub(super) fn unreadable(&mut self, why: Unreadable) {
        let error = why.to_error();
        // Whose content it is was said last.
        match self.flight.transactions.back_mut() {
            Some(running) => {
                if running.take_back(why, &mut self.out) {
                    return;
                }
            }
            None => self.events.queue.push_back(Event::Unreadable(why)),
        }
        self.end(State::Broken, error);
    }

    /// A server that answers a session's first BDAT as a command that it does not take has taken
    /// nothing by it, and nothing was said behind it; but what it answers next may be the content.
    pub(super) fn no_chunking(&mut self, reply: Reply) -> Error {
        let outcome = self.flight.transactions.pop_front().map(|first| Box::new(first.end(0)));
        let message = "the server offers CHUNKING (RFC 3030) and does not take BDAT: nothing was sent";
        let error = self.broke_with(Stage::MailData, message, reply);
        Error { outcome, ..error.with_advice(Advice::WithoutChunking) }
    }

    pub(super) fn unsolicited(&mut self, reply: Reply) -> Error {
        if reply.closes_channel() {
            let error = Error::new(Kind::Disconnected, Stage::Command, "the server closed the session");
            return self.end(State::Closed, error.with_reply(reply));
        }
        self.broke_with(Stage::Command, "the server sent a reply that was not asked for", reply)
    }

    pub(super) fn fault(&mut self, fault: &Fault) -> Error {
        let stage = self.stage();
        let error = Error::new(Kind::Protocol, stage, fault.to_string());
        self.end(State::Broken, error)
    }

    pub(super) fn broke(&mut self, stage: Stage, message: &str) -> Error {
        self.end(State::Broken, Error::new(Kind::Protocol, stage, message))
    }

    pub(super) fn broke_with(&mut self, stage: Stage, message: &str, reply: Reply) -> Error {
        self.end(State::Broken, Error::new(Kind::Protocol, stage, message).with_reply(reply))
    }

    /// The one way out: state, transcript, the fate of what was under way.
    pub(super) fn end(&mut self, state: State, mut error: Error) -> Error {
        let mut state = state;
        let mut reached = self.out.reached();
        let goodbye = self.flight.transactions.front().and_then(Running::reset_refused).cloned();
        let ended_by_peer = matches!(error.kind, Kind::Disconnected | Kind::Tls);
        if let Some(reply) = goodbye.filter(|_| ended_by_peer && error.reply.is_none()) {
            // As with a 421 it works through what it is sent in order, and has stopped there.
            reached = 0;
            state = State::Closed;
            let why = "the server refused RSET and closed the session";
            error = Error::new(Kind::Disconnected, Stage::Reset, why).with_reply(reply);
        }
        let mut in_flight = std::mem::take(&mut self.flight.transactions).into_iter();
        match in_flight.next() {
            // What was decided is the answer, whatever went wrong after it.
            Some(first) if first.is_decided() => {
                self.events.queue.push_back(Event::Transaction(first.end(0)));
            }
            Some(first) => error.outcome = Some(Box::new(first.end(reached))),
            None => {}
        }
        self.ending.stranded.extend(in_flight.map(|running| running.end(reached)));
        self.procedure = None;
        self.out.abandon();
        self.tls.due = None;
        self.set_state(state);
        if state == State::Broken {
            self.out.note(Speaker::Note, error.message.clone().into_bytes());
        }
        self.ending.why = Some(Error { outcome: None, cause: None, ..error.clone() });
        error
    }
}
