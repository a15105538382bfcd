//! Holds the ends of messages until the caller has recorded them.
//!
//! Before its end is sent, the server can't have accepted a message. After that, it may have.

use super::Session;
use crate::protocol::transaction::Running;
use std::ops::Range;

impl Session {
    /// Whether the end of each transaction's mail data, the final dot or the last chunk, waits for
    /// `say_ends`. Everything after it waits too.
    pub fn hold_ends(&mut self, hold: bool) {
        self.out.hold_ends(hold);
    }

    /// The ends that are held, as positions among the transactions in flight.
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

    /// Releases all ends that are held.
    pub fn say_ends(&mut self) {
        self.out.say_ends();
    }
}
