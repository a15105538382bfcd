//! The ends of messages, where they are held until the caller has taken note of them.
//!
//! Up to there the server can't have taken the message, and from there on it may have.

use super::Session;
use crate::protocol::transaction::Running;
use std::ops::Range;

impl Session {
    /// Whether the end of each transaction's mail data, the final dot or the last chunk, waits
    /// for `say_ends`. What is said behind it waits with it.
    pub fn hold_ends(&mut self, hold: bool) {
        self.out.hold_ends(hold);
    }

    /// Those that are held: places among the transactions in flight.
    pub fn ends_held(&mut self) -> Range<usize> {
        if !self.out.holds_ends() {
            return 0..0;
        }
        self.note_end();
        let let_go = self.out.let_go();
        let is_held = |running: &Running| running.ends_behind(let_go);
        let first = self.flight.transactions.iter().take_while(|running| !is_held(running)).count();
        first..first + self.flight.transactions.iter().skip(first).filter(|running| is_held(running)).count()
    }

    /// Lets all go that are held.
    pub fn say_ends(&mut self) {
        self.out.say_ends();
    }
}
