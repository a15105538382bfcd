//! How a session ends: by the server's word, by lost order, or by the network.

use super::hear::authenticated;
use super::{Procedure, Session};
use crate::protocol::awaited::Awaited;
use crate::protocol::body::Unreadable;
use crate::protocol::error::{Advice, Error, Kind, Stage};
use crate::protocol::event::Event;
use crate::protocol::reply::{Reply, Severity};
use crate::protocol::reply_reader::Fault;
use crate::protocol::state::State;
use crate::protocol::transaction::{Part, Running};
use crate::protocol::transcript::Speaker;

impl Session {
    /// 421 (RFC 5321 3.8): the reply answers the pending request, and nothing more can be
    /// requested.
    pub(super) fn closed_by(&mut self, awaited: Awaited, reply: Reply) -> Result<(), Error> {
        let error = Error::new(Kind::Disconnected, awaited.stage(), "the server closed the session")
            .with_reply(reply.clone());
        let event = match (self.procedure.take(), awaited) {
            (_, Awaited::Transaction(part)) => {
                match part {
                    // LMTP: the answers for the other recipients will never come (RFC 2033 4.2).
                    Part::End(Some(index)) if self.input.began_due => self.refuse_one(index, &reply),
                    _ => self.decide_by(part, &reply),
                }
                // The server handles commands in order, and stops here.
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

    /// Handles a reply to something that hasn't been sent completely. A refusal of mail data that
    /// is still being sent is an answer, but the rest can't be taken back, so the session ends
    /// with it. In any other case the order is lost.
    pub(super) fn too_early(&mut self, awaited: Awaited, stage: Stage, reply: Reply) -> Result<(), Error> {
        let refusal = matches!(reply.severity(), Severity::Transient | Severity::Permanent);
        match awaited {
            // The server reads line by line, and hasn't read the whole of this one.
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

    /// The content can't be read any further. Between chunks, RSET takes the message back (RFC
    /// 3030 2) and the session continues. Within the mail data of DATA, only a lost connection
    /// keeps the server from delivering the part that it has.
    pub(super) fn unreadable(&mut self, why: Unreadable) {
        let error = why.to_error();
        // The content belongs to the last transaction.
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

    /// If a server answers a session's first BDAT as an unknown command, it has accepted nothing,
    /// and nothing was sent after it. But its next replies may be to the content, read as
    /// commands.
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

    /// The only exit: sets the state, the transcript, and the fate of what was in progress.
    pub(super) fn end(&mut self, state: State, mut error: Error) -> Error {
        let mut state = state;
        let mut reached = self.out.reached();
        let goodbye = self.flight.transactions.front().and_then(Running::reset_refused).cloned();
        let ended_by_peer = matches!(error.kind, Kind::Disconnected | Kind::Tls);
        if let Some(reply) = goodbye.filter(|_| ended_by_peer && error.reply.is_none()) {
            // As with a 421: the server handles commands in order, and has stopped there.
            reached = 0;
            state = State::Closed;
            let why = "the server refused RSET and closed the session";
            error = Error::new(Kind::Disconnected, Stage::Reset, why).with_reply(reply);
        }
        self.flight.ended(&error);
        let mut in_flight = std::mem::take(&mut self.flight.transactions).into_iter();
        match in_flight.next() {
            // What was already decided stays the answer, whatever went wrong later.
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
