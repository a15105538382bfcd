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

impl Phase {
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Queued,
        Self::Choosing,
        Self::Reusing,
        Self::Dialling,
        Self::Opening,
        Self::Working,
        Self::Pausing,
        Self::Ended,
    ];

    /// Where it leads, and on what. A worker goes no other way.
    pub const fn moves(self) -> &'static [(&'static str, Self)] {
        match self {
            Self::Idle => &[("there is work", Self::Queued), ("there is nothing any more", Self::Ended)],
            Self::Queued => &[
                ("it is its turn", Self::Choosing),
                ("the work is gone", Self::Idle),
                ("its own thread has the place", Self::Ended),
            ],
            Self::Choosing => &[("a session is at rest", Self::Reusing), ("none is", Self::Dialling)],
            Self::Reusing => &[("the server is there", Self::Working), ("it has gone", Self::Choosing)],
            Self::Dialling => &[
                ("connected", Self::Opening),
                ("not connected, the next server", Self::Dialling),
                ("no server is left, again later", Self::Pausing),
                ("no server is left, given up", Self::Idle),
            ],
            Self::Opening => &[
                ("ready for mail", Self::Working),
                ("not let in, the next server or other credentials", Self::Dialling),
                ("no server is left, again later", Self::Pausing),
                ("no server is left, given up", Self::Idle),
            ],
            Self::Working => &[
                ("at rest, or ended with an answer", Self::Idle),
                ("ended without an answer", Self::Pausing),
            ],
            Self::Pausing => &[("time is up, or all is decided", Self::Idle)],
            Self::Ended => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_off_the_code() {
        let written = include_str!("mod.rs").lines().filter(|line| line.starts_with("//! | "));
        let row = |from: Phase| {
            from.moves().iter().map(move |(when, to)| format!("//! | {from:?} | {when} | {to:?} |"))
        };
        let read: Vec<String> = Phase::ALL.into_iter().flat_map(row).collect();
        assert_eq!(written.skip(2).collect::<Vec<_>>(), read);
    }

    #[test]
    fn every_phase_but_the_last_leads_on_and_each_is_come_to() {
        for phase in Phase::ALL {
            assert_eq!(phase.moves().is_empty(), phase == Phase::Ended);
            let is_come_to = Phase::ALL.iter().any(|from| from.moves().iter().any(|(_, to)| *to == phase));
            assert!(is_come_to, "{phase:?}");
        }
    }
}
