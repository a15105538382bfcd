//! A transaction under way: as one group where the server offers PIPELINING (RFC
//! 2920), one command at a time otherwise; replies are matched in order and every
//! recipient gets an outcome of its own.

use super::{Fate, Fitted, Outcome, SaidOptions, Terms, Transaction, Verdict};
use crate::address::ForwardPath;
use crate::protocol::body::{Body, Unreadable};
use crate::protocol::code;
use crate::protocol::command::{Command, Parameter};
use crate::protocol::error::{Error, Stage};
use crate::protocol::outgoing::{Awaited, Outgoing};
use crate::protocol::reply::Reply;
use crate::protocol::session::Options;

/// What a server says to each of many recipients is kept up to so many octets in all,
/// but of each at least so many: it may say 64 KiB to every one of them.
const WORDS: usize = 1024 * 1024;
const WORDS_EACH: usize = 2048;

/// Which command of the transaction a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Part {
    /// RSET in front of a transaction that goes out before the one ahead of it is
    /// answered: if that one fails, nothing of it may become part of this one.
    Clear,
    Mail,
    Rcpt(usize),
    Data,
    /// The end of mail data: for the recipient at this place (LMTP), or for all.
    End(Option<usize>),
    /// A BDAT chunk (RFC 3030).
    Chunk {
        last: bool,
    },
    LoneDot,
    Reset,
}

impl Part {
    pub(in crate::protocol) fn stage(self) -> Stage {
        match self {
            Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data => Stage::Data,
            Self::End(_) | Self::Chunk { last: true } => Stage::EndOfData,
            Self::Chunk { last: false } => Stage::MailData,
            Self::Clear | Self::LoneDot | Self::Reset => Stage::Reset,
        }
    }
}

/// What follows a reply.
#[derive(Debug)]
pub(in crate::protocol) enum Then {
    GoOn,
    Done(Outcome),
    /// The server can't keep this transaction apart from the one ahead of it.
    Disorder(Stage, &'static str, Reply),
    /// LMTP: the server asks for mail data that has no recipient, and answers it once for each
    /// recipient (RFC 2033 4.2): never.
    NoAnswer(Reply),
    /// The server has offered CHUNKING and doesn't know BDAT: it takes the content
    /// for commands.
    NoChunking(Reply),
}

/// A transaction under way.
#[derive(Debug)]
pub(in crate::protocol) struct Running {
    mail: Command,
    rcpt_parameters: Vec<Parameter>,
    options: Option<Box<SaidOptions>>,
    fates: Vec<(ForwardPath, Fate)>,
    accepted: usize,
    body: Option<Body>,
    verdict: Option<Verdict>,
    smtputf8: bool,
    grouped: bool,
    /// It was said on top of one that was not answered yet.
    follows: bool,
    /// The mail data waits for the answers to the rest of the group.
    cautious: bool,
    /// Mail data goes by BDAT, not DATA.
    chunked: bool,
    lmtp: bool,
    /// smtplib says RSET after every refusal.
    like_smtplib: bool,
    /// The server takes no more messages over this session.
    is_one_too_many: bool,
    /// What the server said to the RSET in front of it, where that was no.
    reset_refused: Option<Reply>,
    /// The server has refused a chunk of it.
    chunk_refused: bool,
    /// Octets that the server must have before it can have the end of the mail data; None
    /// while that is not said.
    end: Option<u64>,
}

impl Running {
    /// Says the first command, or the whole group. `follows` is whether an earlier
    /// transaction is not answered yet.
    pub(in crate::protocol) fn begin(
        mut transaction: Transaction,
        terms: Terms,
        options: Options,
        follows: bool,
        out: &mut Outgoing,
    ) -> Result<Self, Error> {
        let Fitted { smtputf8, said } = transaction.fit(terms, options)?;
        let Transaction {
            reverse_path, mail_parameters, recipients, rcpt_parameters, body, cautious, ..
        } = transaction;
        let mut running = Self {
            mail: Command::Mail(reverse_path, mail_parameters),
            rcpt_parameters,
            options: said.map(Box::new),
            fates: recipients.into_iter().map(|path| (path, Fate::NotSent)).collect(),
            accepted: 0,
            body: Some(body),
            verdict: None,
            smtputf8,
            grouped: options.pipelining && terms.extensions.known().pipelining,
            follows,
            cautious,
            chunked: terms.chunked,
            lmtp: options.lmtp,
            like_smtplib: options.like_smtplib,
            is_one_too_many: false,
            reset_refused: None,
            chunk_refused: false,
            end: None,
        };
        if follows && running.chunked {
            // The end of DATA clears the buffers (RFC 5321 4.1.1.4), a failed BDAT
            // does not (RFC 3030 2).
            running.say(Part::Clear, out);
        }
        running.say(Part::Mail, out);
        if running.grouped {
            (0..running.fates.len()).for_each(|index| running.say(Part::Rcpt(index), out));
            if !cautious {
                running.say_mail_data(out);
                running.end = out.take_end();
            }
        }
        Ok(running)
    }

    /// A reply has come to this part.
    pub(in crate::protocol) fn hear(
        &mut self,
        part: Part,
        reply: Reply,
        alone: bool,
        out: &mut Outgoing,
    ) -> Then {
        if let Some(refusal) = self.reset_refused.take() {
            return Then::Disorder(Stage::Reset, RESET_REFUSED, refusal);
        }
        match part {
            Part::Clear if reply.is_completion() => {}
            Part::Clear if denies_sequence(&reply) => self.verdict = Some(Verdict::OutOfSequence(reply)),
            // Where the server closes the connection now, this was its goodbye.
            Part::Clear => self.reset_refused = Some(reply),
            // RSET was out of sequence and MAIL is not: to which message this belongs is unknown.
            Part::Mail if reply.is_completion() && self.is_out_of_sequence() => {
                self.verdict = None;
                return Then::Disorder(Stage::Mail, RESET_REFUSED, reply);
            }
            Part::Mail if reply.is_completion() => return self.next_recipient(0, alone, out),
            Part::Mail => {
                if self.is_one_too_many || self.follows && denies_sequence(&reply) {
                    self.verdict = Some(Verdict::OutOfSequence(reply));
                } else if !self.is_out_of_sequence() {
                    self.verdict = Some(Verdict::SenderRefused(reply));
                }
                if !self.grouped {
                    return self.tidy_up(out);
                }
            }
            Part::Rcpt(index) => {
                if reply.is_completion() {
                    self.accepted += 1;
                } else if self.verdict.is_none() {
                    // Without a sender a group's recipients are refused for that alone.
                    self.fates[index].1 = Fate::Refused(Stage::Rcpt, self.kept(reply));
                }
                return self.next_recipient(index + 1, alone, out);
            }
            Part::Data => return self.hear_data(reply, out),
            // A server that has taken a chunk knows BDAT: what it says of the next is an answer.
            Part::Chunk { .. } if reply.is_completion() && !out.chunks_taken => {
                out.chunks_taken = true;
                return self.hear(part, reply, alone, out);
            }
            Part::Chunk { .. } if self.denies_chunking(&reply, out.chunks_taken) => {
                return Then::NoChunking(reply);
            }
            // It has taken content without a sender: whose message that is, it alone knows.
            Part::Chunk { last: true } if reply.is_completion() && self.is_out_of_sequence() => {
                self.verdict = None;
                return Then::Disorder(Stage::EndOfData, RESET_REFUSED, reply);
            }
            // It has refused a chunk and taken the end: what is there of the message, it alone knows.
            Part::Chunk { last: true } if reply.is_completion() && self.chunk_refused => {
                self.forget_refusal();
                return Then::Disorder(Stage::EndOfData, CHUNK_REFUSED, reply);
            }
            Part::Chunk { last: true } => return self.hear_end(None, reply, out),
            Part::Chunk { last: false } => self.hear_chunk(&reply, alone, out),
            Part::End(one) => return self.hear_end(one, reply, out),
            Part::LoneDot | Part::Reset => return Then::Done(self.conclude(Verdict::Lost)),
        }
        Then::GoOn
    }

    /// Whether the server has decided and only tidying up is left.
    pub(in crate::protocol) fn is_decided(&self) -> bool {
        self.verdict.is_some()
    }

    /// The server's refusal of the RSET in front of it, if that was its last word so far.
    pub(in crate::protocol) fn reset_refused(&self) -> Option<&Reply> {
        self.reset_refused.as_ref()
    }

    /// Its MAIL is refused because the session has had its share.
    pub(in crate::protocol) fn is_one_too_many(&mut self) {
        self.is_one_too_many = true;
    }

    /// Whether the server takes nothing before it has answered the one ahead.
    pub(in crate::protocol) fn is_out_of_sequence(&self) -> bool {
        matches!(self.verdict, Some(Verdict::OutOfSequence(_)))
    }

    /// Whether the server has accepted any recipient.
    pub(in crate::protocol) fn has_recipients(&self) -> bool {
        self.accepted > 0
    }

    /// Whether the server has begun it on top of one that was not answered yet.
    pub(in crate::protocol) fn was_taken_in_sequence(&self) -> bool {
        self.follows && self.verdict.is_none()
    }

    /// Whether another transaction may go out on top of this one: it is said whole,
    /// nothing is wrong with it so far, and its end will be understood. Before a server has
    /// taken a chunk it is not known whether it knows BDAT: behind the first one nothing may
    /// be said that it could take for another message.
    pub(in crate::protocol) fn may_be_followed(&self, chunks_taken: bool) -> bool {
        let said_whole = self.grouped && !self.lmtp && self.body.is_none();
        said_whole && self.verdict.is_none() && (chunks_taken || !self.chunked)
    }

    /// Whether the reply to a chunk says that the server does not know BDAT.
    pub(in crate::protocol) fn denies_chunking(&self, reply: &Reply, chunks_taken: bool) -> bool {
        !chunks_taken && self.is_wanted() && denies_command(reply)
    }

    /// Whether the server has taken a recipient, and refused nothing since.
    fn is_wanted(&self) -> bool {
        self.accepted > 0 && self.verdict.is_none()
    }

    /// The end of its mail data is said: the server has it with so many octets.
    pub(in crate::protocol) fn end_said(&mut self, octets: u64) {
        self.end = Some(octets);
    }

    /// Whether it has its end behind so many octets.
    pub(in crate::protocol) fn ends_behind(&self, octets: u64) -> bool {
        self.end.is_some_and(|end| end > octets)
    }

    /// The conversation is over, and the server may have had so many octets of it. Where the
    /// end of the mail data was among them, what became of the message is unknown.
    pub(in crate::protocol) fn end(mut self, reached: u64) -> Outcome {
        if self.end.is_some_and(|end| end <= reached) && self.verdict.is_none() {
            let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
            open.for_each(|(_, fate)| *fate = Fate::Unknown);
        }
        self.conclude(Verdict::Lost)
    }

    /// The server ended the session with this reply to this part: that decides it,
    /// if it was open.
    pub(in crate::protocol) fn end_by(&mut self, part: Part, reply: &Reply) {
        match part {
            Part::Mail => self.verdict = Some(Verdict::SenderRefused(reply.clone())),
            Part::Rcpt(index) => {
                self.fates[index].1 = Fate::Refused(Stage::Rcpt, self.kept(reply.clone()));
                self.verdict.get_or_insert(Verdict::RecipientsRefused);
            }
            Part::Data | Part::End(_) | Part::Chunk { .. } => self.refuse_data(part.stage(), reply),
            // It was not begun.
            Part::Clear => self.end = None,
            Part::LoneDot | Part::Reset => {}
        }
    }

    /// LMTP: the server ended the session with its answer for one recipient. The fate
    /// of those behind it stays unknown.
    pub(in crate::protocol) fn refuse_one(&mut self, index: usize, reply: &Reply) {
        self.fates[index].1 = Fate::Refused(Stage::EndOfData, self.kept(reply.clone()));
        if self.fates.iter().all(|(_, fate)| *fate != Fate::NotSent) {
            self.verdict = Some(self.verdict_of_all());
        }
    }

    fn say(&self, part: Part, out: &mut Outgoing) {
        let command = match part {
            Part::Mail => &self.mail,
            Part::Rcpt(index) => &self.rcpt(&self.fates[index].0),
            Part::Data => &Command::Data,
            Part::Clear | Part::Reset => &Command::Rset,
            Part::End(_) | Part::Chunk { .. } | Part::LoneDot => return,
        };
        out.command(command, self.smtputf8, Awaited::Transaction(part));
    }

    fn rcpt(&self, path: &ForwardPath) -> Command {
        let mut parameters = self.rcpt_parameters.clone();
        parameters.extend(self.options.iter().flat_map(|said| said.rcpt(path)));
        Command::Rcpt(path.clone(), parameters)
    }

    fn next_recipient(&mut self, index: usize, alone: bool, out: &mut Outgoing) -> Then {
        if index == self.fates.len() && self.accepted == 0 {
            self.verdict.get_or_insert(Verdict::RecipientsRefused);
        }
        if index < self.fates.len() {
            if !self.grouped {
                self.say(Part::Rcpt(index), out);
            }
        } else if self.grouped && !self.cautious {
            match self.verdict {
                // Behind another transaction's commands the chunks are that one's.
                _ if !alone => {}
                // The first of a session shows whether the server knows BDAT.
                None if !out.chunks_taken => {}
                None => out.go_on_with_chunks(),
                Some(_) => out.drop_chunks(),
            }
        } else if self.accepted > 0 && self.verdict.is_none() {
            self.say_mail_data(out);
        } else {
            return self.tidy_up(out);
        }
        Then::GoOn
    }

    /// It has failed. RSET is said where the server would take what follows for more of it;
    /// some count RSETs, and hang up after a few.
    fn tidy_up(&mut self, out: &mut Outgoing) -> Then {
        let nothing_begun =
            matches!(&self.verdict, Some(Verdict::SenderRefused(_) | Verdict::OutOfSequence(_)));
        if nothing_begun && !self.like_smtplib {
            return Then::Done(self.conclude(Verdict::Lost));
        }
        self.say(Part::Reset, out);
        Then::GoOn
    }

    /// DATA, or the first chunk. In a group it goes out before a recipient is known
    /// to be accepted, and only the first: the others wait for the answers.
    fn say_mail_data(&mut self, out: &mut Outgoing) {
        match self.body.take_if(|_| self.chunked) {
            Some(body) => {
                let said = out.first_chunk(body);
                self.take_back_unread(said, out);
            }
            None => self.say(Part::Data, out),
        }
    }

    /// The content can't be read any further. Whether the message could be taken
    /// back; otherwise the connection has to go.
    pub(in crate::protocol) fn take_back(&mut self, why: Unreadable, out: &mut Outgoing) -> bool {
        self.verdict.get_or_insert(Verdict::Unreadable(why));
        if self.chunked {
            self.say(Part::Reset, out);
        }
        self.chunked
    }

    fn take_back_unread(&mut self, said: Result<(), Unreadable>, out: &mut Outgoing) {
        if let Err(why) = said {
            self.take_back(why, out);
        }
    }

    /// A chunk in the middle. After a refusal the transaction is over for the
    /// server too (RFC 3030 2): RSET tells it so.
    fn hear_chunk(&mut self, reply: &Reply, alone: bool, out: &mut Outgoing) {
        if !reply.is_completion() {
            if alone {
                out.drop_chunks();
            }
            self.chunk_refused |= self.is_wanted();
            self.refuse_data(Stage::MailData, reply);
        } else if alone && self.grouped && !self.cautious {
            out.go_on_with_chunks();
        } else if alone {
            let said = out.next_chunk();
            self.take_back_unread(said, out);
        }
        if self.verdict.is_some() && !out.awaits_more() {
            self.say(Part::Reset, out);
        }
    }

    fn hear_data(&mut self, reply: Reply, out: &mut Outgoing) -> Then {
        if reply.code() != code::START_MAIL_INPUT {
            self.refuse_data(Stage::Data, &reply);
            return self.tidy_up(out);
        } else if self.verdict.is_none()
            && let Some(body) = self.body.take()
        {
            let ends: Vec<Part> = if self.lmtp {
                let accepted = self.fates.iter().enumerate().filter(|(_, (_, fate))| *fate == Fate::NotSent);
                accepted.map(|(index, _)| Part::End(Some(index))).collect()
            } else {
                vec![Part::End(None)]
            };
            out.mail_data(body, ends.into_iter().map(Awaited::Transaction));
        } else if self.lmtp {
            return Then::NoAnswer(reply);
        } else {
            // No recipient is left: RFC 2920 3.1.
            out.lone_dot(Awaited::Transaction(Part::LoneDot));
        }
        Then::GoOn
    }

    fn hear_end(&mut self, one: Option<usize>, reply: Reply, out: &mut Outgoing) -> Then {
        match one {
            // RFC 2033 4.2: one reply for each recipient that was accepted.
            Some(index) => {
                self.fates[index].1 = decide(self.kept(reply));
                if self.fates[index + 1..].iter().any(|(_, fate)| *fate == Fate::NotSent) {
                    return Then::GoOn;
                }
                self.verdict = Some(self.verdict_of_all());
            }
            None if reply.is_completion() && self.verdict.is_none() => {
                let kept = self.kept(reply);
                let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
                open.for_each(|(_, fate)| *fate = Fate::Sent(kept.clone()));
            }
            None => {
                self.refuse_data(Stage::EndOfData, &reply);
                // The end of DATA clears the buffers (RFC 5321 4.1.1.4), a failed BDAT does not
                // (RFC 3030 2). What follows already has its own RSET in front, or is QUIT.
                if (self.chunked || self.like_smtplib) && !out.awaits_more() {
                    return self.tidy_up(out);
                }
            }
        }
        Then::Done(self.conclude(Verdict::Sent))
    }

    /// LMTP: every recipient has had an answer.
    fn verdict_of_all(&self) -> Verdict {
        let sent = self.fates.iter().any(|(_, fate)| matches!(fate, Fate::Sent(_)));
        let refused = self.fates.iter().find_map(|(_, fate)| match fate {
            Fate::Refused(Stage::EndOfData, reply) => Some(reply.clone()),
            _ => None,
        });
        refused.filter(|_| !sent).map_or(Verdict::Sent, Verdict::DataRefused)
    }

    /// All that were accepted are refused now; an earlier verdict stands.
    fn refuse_data(&mut self, stage: Stage, reply: &Reply) {
        if self.verdict.is_none() {
            let kept = self.kept(reply.clone());
            let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
            open.for_each(|(_, fate)| *fate = Fate::Refused(stage, kept.clone()));
            // LMTP: recipients that have the message already keep it.
            let sent = self.fates.iter().any(|(_, fate)| matches!(fate, Fate::Sent(_)));
            self.verdict = Some(if sent { Verdict::Sent } else { Verdict::DataRefused(reply.clone()) });
        }
    }

    /// What was refused for its mail data is open again.
    fn forget_refusal(&mut self) {
        self.verdict = None;
        let refused = |fate: &Fate| matches!(fate, Fate::Refused(Stage::MailData, _));
        self.fates.iter_mut().filter(|(_, fate)| refused(fate)).for_each(|(_, fate)| *fate = Fate::NotSent);
    }

    /// As much of it as is kept for one recipient.
    fn kept(&self, mut reply: Reply) -> Reply {
        reply.shorten((WORDS / self.fates.len().max(1)).max(WORDS_EACH));
        reply
    }

    fn conclude(&mut self, otherwise: Verdict) -> Outcome {
        let verdict = self.verdict.take().unwrap_or(otherwise);
        Outcome { verdict, recipients: std::mem::take(&mut self.fates), options: self.options.take() }
    }
}

const RESET_REFUSED: &str = "the server refused RSET between messages: they can't be told apart";
const CHUNK_REFUSED: &str = "the server refused a chunk (RFC 3030) and took the end of the same message";

/// RFC 5321 4.2.2: the command itself may be right elsewhere.
fn denies_sequence(reply: &Reply) -> bool {
    reply.code() == code::BAD_SEQUENCE
}

/// Whether the reply is about the command and not about the message (RFC 5321 4.2.2): a
/// recipient was accepted, so the command was in sequence.
fn denies_command(reply: &Reply) -> bool {
    matches!(
        reply.code(),
        code::UNRECOGNIZED_COMMAND
            | code::NOT_IMPLEMENTED
            | code::BAD_SEQUENCE
            | code::PARAMETER_NOT_IMPLEMENTED
    )
}

fn decide(reply: Reply) -> Fate {
    if reply.is_completion() { Fate::Sent(reply) } else { Fate::Refused(Stage::EndOfData, reply) }
}
