//! Counts the RSETs of a session, because servers do.
//!
//! Exim (`smtp_accept_max_nonmail`, 10 by default) allows one uncounted RSET after each message
//! whose content it has received. If all recipients of a message were refused, there is no
//! content, so the RSET that RFC 3030 asks for after it counts. At the eleventh, Exim replies 554
//! and closes the connection, whatever is in flight. Our session takes no more messages before
//! that point, and pipelines fewer of them once refusals have come. With Exim it never exceeds the
//! limit, because over TLS its 554 can't be read.
//!
//! Exim has never offered ENHANCEDSTATUSCODES (RFC 2034). The servers that do bear far more RSETs:
//! Postfix a hundred (`smtpd_junk_command_limit`).

use super::Session;
use crate::protocol::extension::Extensions;
use crate::protocol::reply::Reply;

/// The most RSETs that count, with a server that may be Exim, and with one that isn't.
const FEWEST: usize = 9;
const MOST: usize = 99;
/// Refusals come in clusters: this many times more are expected than have come so far.
const CLUSTER: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Resets {
    /// The RSET that doesn't count has been sent.
    one_was_free: bool,
    counted: usize,
    /// The number of messages answered, and of those whose content was answered.
    answered: usize,
    refused: bool,
    content: bool,
    /// The server is known to count, so there are never more in flight than it allows.
    is_strict: bool,
    /// The server isn't Exim.
    is_lenient: bool,
}

impl Resets {
    /// Exim announces its name, unless it is configured not to.
    pub(super) fn greeted(&mut self, greeting: &Reply) {
        self.is_strict = memchr::memmem::find(&greeting.text(), b" Exim ").is_some();
    }

    /// The server has said what it offers.
    pub(super) fn introduced(&mut self, extensions: &Extensions) {
        self.is_lenient = extensions.has("ENHANCEDSTATUSCODES");
    }

    fn most(&self) -> usize {
        if self.is_lenient && !self.is_strict { MOST } else { FEWEST }
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

    /// Whether one more message may be sent on top of this many in flight. Assumes a RSET before
    /// each and one after the last, and estimates from the past how many of them count.
    pub(super) fn leave_room_for(&self, in_flight: usize) -> bool {
        if self.is_strict {
            return !self.refused && in_flight < self.most().saturating_sub(self.counted);
        }
        if self.counted == 0 {
            // If a list begins with refusals, nothing is known before the first answers.
            return !self.refused && in_flight < self.most().max(self.answered);
        }
        let left = self.most().saturating_sub(self.counted);
        in_flight < left.max(left * self.answered / (CLUSTER * self.counted))
    }

    fn are_used_up(&self) -> bool {
        self.refused || self.counted >= self.most()
    }
}

impl Session {
    /// Whether the server would soon close the session because of the RSETs so far. If so, another
    /// session has to take the next messages.
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
    fn a_server_that_cannot_be_exim_bears_more() {
        let offered: Extensions = [("CHUNKING", ""), ("ENHANCEDSTATUSCODES", "")].into_iter().collect();
        let mut resets = Resets::default();
        resets.introduced(&offered);
        assert!(resets.leave_room_for(98) && !resets.leave_room_for(99));
        for _ in 0..99 {
            assert!(!resets.are_used_up());
            resets.answered(true);
        }
        resets.answered(true);
        assert!(resets.are_used_up());
        resets.greeted(&Reply::new(220, "mx.example ESMTP Exim 4.96"));
        assert!(!resets.leave_room_for(0), "its greeting is believed first");
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
