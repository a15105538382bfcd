//! How many RSETs a session has said, because servers count them.
//!
//! Exim (`smtp_accept_max_nonmail`, 10 by default) lets one RSET go uncounted after each
//! message whose content it has seen. Behind a message that was refused to all its
//! recipients there is no content, so the RSET that RFC 3030 asks for behind it counts; at
//! the eleventh Exim says 554 and closes the connection, whatever is in flight. A session
//! of ours takes no more messages before that, and says fewer of them on top of each other
//! once refusals have come; and to Exim never more than it bears, because over TLS its 554
//! can't be read.

use super::Session;
use crate::protocol::reply::Reply;

/// RSETs that count, at most.
const MOST: usize = 9;
/// Refusals come in clusters: so many times more of them are expected than came so far.
const CLUSTER: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Resets {
    /// The one that does not count has been said.
    one_was_free: bool,
    counted: usize,
    /// All that were answered, and all messages whose content was.
    answered: usize,
    refused: bool,
    content: bool,
    /// The server is known to count: there are never more on their way than it bears.
    is_strict: bool,
}

impl Resets {
    /// Exim says its name, unless its configuration keeps it from that.
    pub(super) fn greeted(&mut self, greeting: &Reply) {
        self.is_strict = memchr::memmem::find(&greeting.text(), b" Exim ").is_some();
    }

    pub(super) fn answered(&mut self, accepted: bool) {
        self.answered += 1;
        self.counted += usize::from(self.one_was_free);
        self.one_was_free = true;
        self.refused |= !accepted;
    }

    /// The server has said that it takes no more.
    pub(super) fn wear_out(&mut self) {
        self.refused = true;
    }

    /// Whether a message's content was answered over this session.
    pub(super) fn content_was_heard(&self) -> bool {
        self.content
    }

    pub(super) fn mail_data_answered(&mut self) {
        self.content = true;
        self.answered += 1;
        self.one_was_free = false;
    }

    /// Whether one more message may be said on top of so many in flight: with a RSET in
    /// front of each, and one behind the last, by how many of those so far have counted.
    pub(super) fn leave_room_for(&self, in_flight: usize) -> bool {
        if self.is_strict {
            return !self.refused && in_flight < MOST.saturating_sub(self.counted);
        }
        if self.counted == 0 {
            // Of a list that begins with refusals nothing is known before the first answers.
            return !self.refused && in_flight < MOST.max(self.answered);
        }
        let left = MOST.saturating_sub(self.counted);
        in_flight < left.max(left * self.answered / (CLUSTER * self.counted))
    }

    fn are_used_up(&self) -> bool {
        self.refused || self.counted >= MOST
    }
}

impl Session {
    /// Whether the server would soon close the session for what was said over it: another
    /// one has to take the next messages.
    pub fn is_worn_out(&self) -> bool {
        self.flight.resets.are_used_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_narrow_what_is_in_flight_and_good_messages_widen_it() {
        let mut resets = Resets::default();
        assert!(resets.leave_room_for(8) && !resets.leave_room_for(9));
        for _ in 0..2 {
            resets.answered(true);
        }
        assert!(resets.leave_room_for(7) && !resets.leave_room_for(8));
        for _ in 0..1000 {
            resets.answered(true);
            resets.mail_data_answered();
        }
        assert!(resets.leave_room_for(1700) && !resets.are_used_up());
        for _ in 0..9 {
            resets.answered(true);
        }
        assert!(resets.are_used_up() && !resets.leave_room_for(0));
    }

    #[test]
    fn of_exim_no_more_are_on_their_way_than_it_bears() {
        let mut resets = Resets::default();
        resets.greeted(&Reply::new(220, "mx.example ESMTP Exim 4.96 Thu, 26 Nov 2026 15:00:00 +0000"));
        for _ in 0..1000 {
            resets.mail_data_answered();
            resets.answered(true);
        }
        assert!(resets.leave_room_for(8) && !resets.leave_room_for(9));
    }

    #[test]
    fn behind_a_message_with_content_one_is_free() {
        let mut resets = Resets::default();
        for _ in 0..1000 {
            resets.mail_data_answered();
            resets.answered(true);
        }
        assert!(!resets.are_used_up() && resets.leave_room_for(1999));
        resets.answered(false);
        assert!(resets.are_used_up());
    }
}
