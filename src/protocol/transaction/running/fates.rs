//! What becomes of a transaction's recipients, by the replies and by the end of the conversation.

use super::{Part, Running};
use crate::protocol::error::Stage;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::{Fate, Outcome, Verdict};

/// The total octets kept of a server's replies to many recipients, with a minimum for each one. A
/// server may send 64 KiB for every recipient.
const WORDS: usize = 1024 * 1024;
const WORDS_EACH: usize = 2048;

impl Running {
    /// The conversation is over, and the server may have received this many octets. If they
    /// include the end of the mail data, the message's fate is unknown.
    pub(in crate::protocol) fn end(mut self, reached: u64) -> Outcome {
        if self.end.is_some_and(|end| end <= reached) && self.verdict.is_none() {
            let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
            open.for_each(|(_, fate)| *fate = Fate::Unknown);
        }
        self.conclude(Verdict::Lost)
    }

    /// The server ended the session with this reply to this part. That decides the part, if it was
    /// open.
    pub(in crate::protocol) fn end_by(&mut self, part: Part, reply: &Reply) {
        match part {
            Part::Mail => self.verdict = Some(Verdict::SenderRefused(reply.clone())),
            Part::Rcpt(index) => {
                self.fates[index].1 = Fate::Refused(Stage::Rcpt, self.kept(reply));
                self.verdict.get_or_insert(Verdict::RecipientsRefused);
            }
            Part::Data | Part::End(_) | Part::Chunk { .. } => self.refuse_data(part.stage(), reply),
            // It was not begun.
            Part::Clear => self.end = None,
            Part::LoneDot | Part::Reset => {}
        }
    }

    /// LMTP: the server ended the session with its answer for one recipient. The fate of the later
    /// ones stays unknown.
    pub(in crate::protocol) fn refuse_one(&mut self, index: usize, reply: &Reply) {
        self.fates[index].1 = Fate::Refused(Stage::EndOfData, self.kept(reply));
        if self.fates.iter().all(|(_, fate)| *fate != Fate::NotSent) {
            self.verdict = Some(self.verdict_of_all());
        }
    }

    /// LMTP: every recipient has been answered.
    pub(super) fn verdict_of_all(&self) -> Verdict {
        let sent = self.fates.iter().any(|(_, fate)| matches!(fate, Fate::Sent(_)));
        let refused = self.fates.iter().find_map(|(_, fate)| match fate {
            Fate::Refused(Stage::EndOfData, reply) => Some(reply.clone()),
            _ => None,
        });
        refused.filter(|_| !sent).map_or(Verdict::Sent, Verdict::DataRefused)
    }

    /// All accepted recipients are refused now. Earlier verdicts stand.
    pub(super) fn refuse_data(&mut self, stage: Stage, reply: &Reply) {
        if self.verdict.is_none() {
            let kept = self.kept(reply);
            let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
            open.for_each(|(_, fate)| *fate = Fate::Refused(stage, kept.clone()));
            // LMTP: recipients that already have the message keep it.
            let sent = self.fates.iter().any(|(_, fate)| matches!(fate, Fate::Sent(_)));
            self.verdict = Some(if sent { Verdict::Sent } else { Verdict::DataRefused(reply.clone()) });
        }
    }

    /// Recipients that were refused because of the mail data are open again.
    pub(super) fn forget_refusal(&mut self) {
        self.verdict = None;
        let refused = |fate: &Fate| matches!(fate, Fate::Refused(Stage::MailData, _));
        self.fates.iter_mut().filter(|(_, fate)| refused(fate)).for_each(|(_, fate)| *fate = Fate::NotSent);
    }

    /// As much of the reply as is kept for one recipient.
    pub(super) fn kept(&self, reply: &Reply) -> Reply {
        let mut reply = reply.clone();
        reply.shorten((WORDS / self.fates.len().max(1)).max(WORDS_EACH));
        reply
    }

    pub(super) fn conclude(&mut self, otherwise: Verdict) -> Outcome {
        let verdict = self.verdict.take().unwrap_or(otherwise);
        Outcome { verdict, recipients: std::mem::take(&mut self.fates), options: self.options.take() }
    }
}

pub(super) fn decide(reply: Reply) -> Fate {
    if reply.is_completion() { Fate::Sent(reply) } else { Fate::Refused(Stage::EndOfData, reply) }
}
