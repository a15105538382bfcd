//! Where a worker can stand, where it goes from there (the table in `mod.rs`), and what it
//! says is to be done.

use std::time::Instant;

/// Where a worker stands.
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

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Connect to this server; then `dialled` or `not_opened`.
    Dial(usize),
    /// Go on with this session, which is at rest; then `reused`.
    Reuse(u64),
    /// End this session, which is at rest: it is too old.
    Discard(u64),
    /// Wait until it is this number's turn to have a session.
    Queue(u64),
    /// Nothing but the end of all matters before this time.
    Pause(Instant),
    /// Nothing is to be said before this time, or before there is more work. What is in
    /// flight is waited for.
    Wait(Option<Instant>),
    /// Go on with the conversation.
    Talk,
    /// The conversation has come to its end; then `part`.
    Part,
    /// There is nothing any more.
    Leave,
}

/// What to do with a session that is parted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Keep it by this number.
    Rest(u64),
    /// Say QUIT.
    Quit,
    /// It is over: close it.
    Close,
}

/// From where a worker goes on what, and to where. It goes no other way.
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
