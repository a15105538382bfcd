//! The states of a worker, the transitions between them (the table in `mod.rs`), and the
//! instructions that it gives to its driver.

use std::time::Instant;

/// The state of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Queued,
    Choosing,
    Reusing,
    Dialling,
    Opening,
    Working,
    Pausing,
    Ended,
}

/// What the driver must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Connect to this server, then call `dialled` or `not_opened`.
    Dial(usize),
    /// Continue with this idle session, then call `reused`.
    Reuse(u64),
    /// End this idle session, because it is too old.
    Discard(u64),
    /// Wait until this number's turn to have a session comes.
    Queue(u64),
    /// Wait until this time, unless everything ends earlier.
    Pause(Instant),
    /// Nothing needs to be sent before this time, or before more work comes. Wait for the answers
    /// in flight.
    Wait(Option<Instant>),
    /// Continue the conversation.
    Talk,
    /// The conversation is over: call `part`.
    Part,
    /// No work is left.
    Leave,
}

/// What to do with a session that its worker has finished with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Keep it under this number.
    Rest(u64),
    /// Send QUIT.
    Quit,
    /// It has ended: close the connection.
    Close,
}

/// All transitions: the state, the event, and the next state.
pub const MOVES: [(Phase, &str, Phase); 20] = [
    (Phase::Idle, "there is work", Phase::Queued),
    (Phase::Idle, "there is nothing any more", Phase::Ended),
    (Phase::Queued, "it is its turn", Phase::Choosing),
    (Phase::Queued, "the work is gone", Phase::Idle),
    (Phase::Queued, "its own thread has the place", Phase::Ended),
    (Phase::Choosing, "a session is at rest", Phase::Reusing),
    (Phase::Choosing, "none is", Phase::Dialling),
    (Phase::Reusing, "the server is there", Phase::Working),
    (Phase::Reusing, "it has gone", Phase::Choosing),
    (Phase::Dialling, "connected", Phase::Opening),
    (Phase::Dialling, "not connected, the next server", Phase::Dialling),
    (Phase::Dialling, "no server is left, again later", Phase::Pausing),
    (Phase::Dialling, "no server is left, given up", Phase::Idle),
    (Phase::Opening, "ready for mail", Phase::Working),
    (Phase::Opening, "not let in, the next server or other credentials", Phase::Dialling),
    (Phase::Opening, "no server is left, again later", Phase::Pausing),
    (Phase::Opening, "no server is left, given up", Phase::Idle),
    (Phase::Working, "at rest, or ended with an answer", Phase::Idle),
    (Phase::Working, "ended without an answer", Phase::Pausing),
    (Phase::Pausing, "time is up, or all is decided", Phase::Idle),
];

impl Phase {
    pub fn leads_to(self, next: Self) -> bool {
        MOVES.iter().any(|(from, _, to)| (*from, *to) == (self, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_off_the_code() {
        let written = include_str!("mod.rs").lines().filter(|line| line.starts_with("//! | "));
        let read = MOVES.map(|(from, when, to)| format!("//! | {from:?} | {when} | {to:?} |"));
        assert_eq!(written.skip(2).collect::<Vec<_>>(), read);
    }

    #[test]
    fn every_phase_but_the_last_leads_on_and_each_is_come_to() {
        for (from, _, to) in MOVES {
            assert!(MOVES.iter().any(|(_, _, other)| *other == from), "{from:?} is not come to");
            let leads_on = MOVES.iter().any(|(other, _, _)| *other == to);
            assert_eq!(leads_on, to != Phase::Ended, "from {to:?}");
        }
    }
}
