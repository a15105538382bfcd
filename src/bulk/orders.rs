//! What a worker tells its driver to do.

use std::time::Instant;

/// What the driver must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Connect to this server, then call `dialled` or `not_opened`.
    Dial(usize),
    /// Continue with this idle session: call `reused`.
    Reuse(u64),
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
