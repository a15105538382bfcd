//! A session's work for whom somebody else moves the octets: from the greeting to
//! the last receipt, as a loop of "what now?" and "this has come".

use super::batch::{Batch, Locked};
use super::dispatch::Work;
use super::job::Payload;
use super::lane::{Filled, Lane};
use super::parting::Parted;
use super::server::quit;
use super::worker::{FAREWELL, TURN};
use crate::driver::Wire;
use crate::protocol::command::ClientName;
use crate::protocol::{Error, Event, Kind, Session};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Since when a session has been silent that its server may have given up.
const STALE: Duration = Duration::from_secs(1);

/// What there is to do for whoever has the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Something is in flight or about to be: go on with the conversation.
    Talk,
    /// There is room, and nothing to say: until this time, or until there is work.
    Wait(Option<Instant>),
    /// The session is at rest, and may be used again unless it is spent.
    Rest { spent: bool },
}

#[derive(Debug)]
pub struct Errand<P> {
    batch: Arc<Batch<P>>,
    hop: usize,
    /// Until the session is ready for mail: the address that it is opened from.
    opening: Option<ClientName>,
    lane: Lane<P>,
    began: Instant,
    fresh: bool,
    quitting: bool,
    /// When the last message was answered.
    settled: Instant,
}

/// How it ended.
#[derive(Debug)]
pub struct Left {
    /// Messages that have gone over the session, all in all.
    pub begun: usize,
    /// Whether the session came to be ready for mail.
    pub ready: bool,
    pub parted: Parted,
}

impl<P: Payload> Errand<P> {
    /// On a session whose greeting is still to come.
    pub fn new(batch: Arc<Batch<P>>, hop: usize, own_literal: ClientName, now: Instant) -> Self {
        let server = &batch.shared.route.hop(hop).server;
        let lane = batch.lane(Arc::clone(&server.name), now, 0, false, now);
        Self {
            opening: Some(own_literal),
            batch,
            hop,
            lane,
            began: now,
            fresh: true,
            quitting: false,
            settled: now,
        }
    }

    /// On a session that is ready: so many messages have gone over it, and so long
    /// ago it was opened and used.
    pub fn again(
        batch: Arc<Batch<P>>,
        hop: usize,
        begun: usize,
        age: Duration,
        silence: Duration,
        now: Instant,
    ) -> Self {
        let name = Arc::clone(&batch.shared.route.hop(hop).server.name);
        let opened = now.checked_sub(age).unwrap_or(now);
        let lane = batch.lane(name, opened, begun, silence > STALE, now);
        Self { batch, hop, opening: None, lane, began: now, fresh: false, quitting: false, settled: now }
    }

    /// Whether the session is not ready for mail yet.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Before anything is said.
    pub fn begin(&self, wire: &mut Wire) {
        self.batch.shared.route.prepare(self.hop, wire.session_mut());
        wire.session_mut().keep_transcript(self.batch.shared.recorded.load(Ordering::Relaxed));
        if let Some(literal) = &self.opening {
            let server = &self.batch.shared.route.hop(self.hop).server;
            wire.open(server.plan(literal.clone()), Arc::clone(&server.make_layer));
        }
    }

    /// Something has come of what was said.
    pub fn hear(&mut self, event: Event, now: Instant) -> Result<(), Error> {
        match event {
            Event::Opened(opened) => match opened.trouble {
                Some(trouble) => return Err(*trouble),
                None => {
                    self.opening = None;
                    self.batch.shared.route.is_up(self.hop);
                }
            },
            event => {
                self.lane.hear(event, &mut self.batch.lock().dispatch, now);
                self.settled = now;
            }
        }
        Ok(())
    }

    /// Says what can be said now.
    pub fn next(&mut self, session: &mut Session, now: Instant) -> Next {
        if self.opening.is_some() || (self.quitting && self.lane.in_flight() > 0) {
            return Next::Talk;
        }
        if self.quitting {
            let end = self.settled + FAREWELL;
            return if now < end { Next::Wait(Some(end)) } else { Next::Rest { spent: true } };
        }
        let keep = self.batch.shared.pool.keep;
        let wanted = self.batch.shared.pool.is_wanted();
        let gives_way = wanted && now.duration_since(self.began) > TURN;
        if gives_way && self.lane.in_flight() == 0 {
            return Next::Rest { spent: false };
        }
        let (workers, failed) = {
            let state = self.batch.lock();
            (state.workers, state.failure.is_some())
        };
        let filled = match (failed, gives_way) {
            (true, _) => Filled::Starved(Work::Finished),
            (_, true) => Filled::Full,
            _ => self.lane.fill(&mut Locked(&self.batch), workers, session, now),
        };
        let drained = self.batch.lock().dispatch.is_drained();
        match filled {
            Filled::Spent if self.lane.in_flight() == 0 => Next::Rest { spent: true },
            Filled::Starved(work) if self.lane.in_flight() == 0 => match work {
                Work::Some => Next::Talk,
                Work::Finished => Next::Rest { spent: false },
                // With nothing to say, nobody else should wait.
                _ if wanted => Next::Rest { spent: false },
                Work::At(when) => Next::Wait(Some(when)),
                Work::None if drained => Next::Rest { spent: false },
                Work::None => Next::Wait(None),
            },
            Filled::Starved(_) if keep.idle.is_zero() && drained && !self.lane.has_taken() => {
                self.quitting = quit(session);
                Next::Talk
            }
            Filled::Starved(Work::At(when)) => Next::Wait(Some(when)),
            _ => Next::Talk,
        }
    }

    /// The session has ended, or is left at rest.
    pub fn leave(mut self, session: &mut Session, error: Option<&Error>, now: Instant) -> Left {
        let parted = match error {
            // Nothing can have been sent.
            Some(error) if self.opening.is_some() && error.kind != Kind::Interrupted => {
                Parted::Barren(error.clone())
            }
            _ => self.batch.part(&mut self.lane, session, self.hop, self.fresh, error, now),
        };
        Left { begun: self.lane.begun(), ready: self.opening.is_none(), parted }
    }
}
