//! What is to be held against a server when a session's work has ended, whoever moved
//! its octets.

use super::batch::Batch;
use super::job::Payload;
use super::lane::Lane;
use crate::protocol::state::State;
use crate::protocol::{Error, Kind, Session, Stage};
use std::time::Instant;

/// How a session's work has ended.
#[derive(Debug)]
pub enum Parted {
    Well,
    /// Without an answer to any message; the next session is spoken to plainly.
    Plainly,
    /// Without an answer to any message, and for this reason.
    Barren(Error),
}

impl<P: Payload> Batch<P> {
    /// A session's work is over, or the session is: everything that was in flight is
    /// settled, what was not begun goes back. `fresh` is one that had sent nothing before.
    pub(super) fn part(
        &self,
        lane: &mut Lane<P>,
        session: &mut Session,
        hop: usize,
        fresh: bool,
        error: Option<&Error>,
        now: Instant,
    ) -> Parted {
        let dispatch = &mut self.lock().dispatch;
        while let Some(event) = session.decided() {
            lane.hear(event, dispatch, now);
        }
        self.shared.route.learn(hop, session);
        let stopped = error.is_some_and(|error| error.kind == Kind::Interrupted);
        let silent = !lane.is_answered() && session.state().is_over() && !stopped;
        // By its own words or not at all: only what broke can have broken on an extension.
        let broke = session.state() == State::Broken;
        let plainly = silent && fresh && broke && self.shared.route.breaks(hop, now);
        // One that had died at rest says nothing about the message.
        let forgiven = plainly || (silent && !fresh);
        lane.ended(session, error, forgiven, dispatch, now);
        if plainly {
            return Parted::Plainly;
        }
        if !silent || !fresh {
            return Parted::Well;
        }
        self.shared.route.is_down(hop, now);
        Parted::Barren(match error {
            Some(error) => Error { outcome: None, ..error.clone() },
            None => {
                let message = "the server ended the session before it had taken a message";
                Error::new(Kind::Disconnected, Stage::Mail, message)
            }
        })
    }
}
