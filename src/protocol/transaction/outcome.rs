//! What became of a message, and of each of its recipients.

use super::{Recipients, SaidOptions};
use crate::address::ForwardPath;
use crate::protocol::body::Unreadable;
use crate::protocol::code;
use crate::protocol::error::Stage;
use crate::protocol::reply::{Reply, Severity};

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took responsibility: its reply to the end of mail data.
    Sent(Reply),
    Refused(Stage, Reply),
    /// The connection was lost after the end of mail data had been sent.
    Unknown,
    /// The message was not delivered to the server for this recipient.
    NotSent,
}

impl Fate {
    /// Combines it with an earlier one. A message that may have arrived stays unknown until the
    /// server confirms it, and a refusal says more than silence.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        match (before, self) {
            (_, Self::Sent(reply)) => Self::Sent(reply),
            (Self::Unknown, _) => Self::Unknown,
            (before, Self::NotSent) => before,
            (_, fate) => fate,
        }
    }

    /// Refused for the time being (4yz).
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Refused(_, reply) if reply.severity() == Severity::Transient)
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub recipients: Vec<(ForwardPath, Fate)>,
    /// The delivery options as sent to the server. None if no options were requested.
    pub options: Option<Box<SaidOptions>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server accepted it for at least one recipient.
    Sent,
    SenderRefused(Reply),
    RecipientsRefused,
    DataRefused(Reply),
    /// The server has taken nothing of it, and the message may succeed elsewhere. Either the
    /// session has had as many messages as the server allows (452 4.5.3 to MAIL), or the message
    /// was sent before the server had answered the end of the previous one (RFC 2920 3.1), and
    /// this server doesn't accept that: 503 to its MAIL or to the RSET before it.
    OutOfSequence(Reply),
    /// The content could not be read to its end. No recipient received it.
    Unreadable(Unreadable),
    /// The conversation ended before the server's answer.
    Lost,
}

/// The recipients that another transaction may name.
#[derive(Debug)]
pub struct Excess {
    pub recipients: Recipients,
    /// How many the server has accepted, at least one.
    pub taken: usize,
    /// Those that it accepted are among them, as it refused the message for their number.
    pub is_whole: bool,
}

/// How many octets of a reply are kept with a fate. There may be a million of them.
const WORDS: usize = 2048;

impl Outcome {
    /// Takes out the recipients that were refused only because there were too many (RFC 5321
    /// 4.5.3.1.10), while others were accepted. Another transaction may name them. If the server then
    /// refused the whole (Exim's recipients_max_reject), the accepted ones are taken out, too. Returns
    /// none for most messages.
    pub fn take_excess(&mut self) -> Option<Excess> {
        let first = self.recipients.iter().position(|(_, fate)| is_one_too_many(fate))?;
        let is_taken = |(_, fate): &(ForwardPath, Fate)| !matches!(fate, Fate::Refused(Stage::Rcpt, _));
        if matches!(self.verdict, Verdict::SenderRefused(_)) || !self.recipients[..first].iter().any(is_taken)
        {
            return None;
        }
        let taken = self.recipients.iter().filter(|one| is_taken(one)).count();
        let is_whole = matches!(&self.verdict, Verdict::DataRefused(reply)
            if reply.severity() == Severity::Permanent && !reply.closes_channel());
        let again = |one: &mut (ForwardPath, Fate)| is_one_too_many(&one.1) || is_whole && is_taken(one);
        let recipients = self.recipients.extract_if(.., again).map(|(path, _)| path).collect();
        Some(Excess { recipients, taken, is_whole })
    }

    /// The fate of each recipient. A server that refused the sender has refused every recipient,
    /// and the reason is its reply to MAIL rather than its replies to the RCPT commands after it.
    pub fn into_fates(mut self) -> Vec<(ForwardPath, Fate)> {
        if let Verdict::SenderRefused(reply) = self.verdict {
            for (_, fate) in &mut self.recipients {
                *fate = Fate::Refused(Stage::Mail, reply.clone());
            }
        }
        for (_, fate) in &mut self.recipients {
            if let Fate::Sent(reply) | Fate::Refused(_, reply) = fate {
                reply.shorten(WORDS);
            }
        }
        self.recipients
    }

    /// The recipients, to be tried anew whatever their fates.
    pub fn into_recipients(self) -> Recipients {
        self.recipients.into_iter().map(|(path, _)| path).collect()
    }

    /// Whether the server has accepted or refused this message, as opposed to only saying goodbye.
    pub fn is_an_answer(&self) -> bool {
        let told = |fate: &Fate| match fate {
            Fate::Sent(_) => true,
            Fate::Refused(_, reply) => !reply.closes_channel(),
            Fate::Unknown | Fate::NotSent => false,
        };
        match &self.verdict {
            Verdict::SenderRefused(reply) => !reply.closes_channel(),
            Verdict::Unreadable(_) => true,
            _ => self.recipients.iter().any(|(_, fate)| told(fate)),
        }
    }

    /// Whether the server ended the session with its answer to this message (421).
    pub fn ends_session(&self) -> bool {
        let ends = |fate: &Fate| matches!(fate, Fate::Refused(_, reply) if reply.closes_channel());
        matches!(&self.verdict, Verdict::SenderRefused(reply) if reply.closes_channel())
            || self.recipients.iter().any(|(_, fate)| ends(fate))
    }

    /// Whether the server ended the session before it had the message, and not because of it: 421 to
    /// MAIL, RCPT or DATA.
    pub fn ends_session_before_it(&self) -> bool {
        let ends = |reply: &Reply| reply.closes_channel() && !reply.is_about_policy();
        matches!(&self.verdict, Verdict::SenderRefused(reply) if ends(reply))
            || self.recipients.iter().any(|(_, fate)| match fate {
                Fate::Refused(Stage::Rcpt | Stage::Data, reply) => ends(reply),
                _ => false,
            })
    }

    /// Whether the server demands a login first (RFC 4954 6). If so, it accepted nothing.
    pub fn wants_login(&self) -> bool {
        let wants = |reply: &Reply| reply.code() == code::LOGIN_REQUIRED;
        match &self.verdict {
            Verdict::SenderRefused(reply) | Verdict::DataRefused(reply) => wants(reply),
            Verdict::RecipientsRefused => self
                .recipients
                .iter()
                .all(|(_, fate)| matches!(fate, Fate::Refused(_, reply) if wants(reply))),
            _ => false,
        }
    }
}

/// The enhanced code says so (RFC 3463 X.5.3; OpenSMTPD gives it with 451). Without one it is 452 to
/// RCPT, or the older 552.
fn is_one_too_many(fate: &Fate) -> bool {
    let Fate::Refused(Stage::Rcpt, reply) = fate else { return false };
    match reply.enhanced() {
        Some(enhanced) => enhanced.is_too_many_recipients(),
        None => matches!(reply.code(), code::INSUFFICIENT_STORAGE | code::EXCEEDED_STORAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_arrived_stays_unknown_until_it_is_sent_and_a_refusal_says_more_than_silence() {
        let refused = || Fate::Refused(Stage::Rcpt, Reply::new(450, "4.2.1 later"));
        let sent = || Fate::Sent(Reply::new(250, "ok"));
        for (before, fate, combined) in [
            (Fate::Unknown, Fate::NotSent, Fate::Unknown),
            (Fate::Unknown, refused(), Fate::Unknown),
            (Fate::Unknown, sent(), sent()),
            (refused(), Fate::NotSent, refused()),
            (Fate::NotSent, refused(), refused()),
        ] {
            assert_eq!(fate.after(before), combined);
        }
    }
}
