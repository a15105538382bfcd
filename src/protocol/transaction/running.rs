//! A transaction in progress: one group of commands if the server offers PIPELINING (RFC 2920),
//! otherwise one command at a time. Replies are matched in order, and every recipient gets its own
//! outcome.

mod fates;

use super::{Fate, Fitted, Outcome, SaidOptions, Terms, Transaction, Verdict};
use crate::address::ForwardPath;
use crate::protocol::awaited::Awaited;
use crate::protocol::body::{Body, Unreadable};
use crate::protocol::code;
use crate::protocol::command::{Parameter, Verb};
use crate::protocol::error::{Error, Stage};
use crate::protocol::line;
use crate::protocol::outgoing::Outgoing;
use crate::protocol::reply::Reply;
use crate::protocol::session::Options;
use fates::decide;
use std::iter::repeat_n;

/// Which command of the transaction a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Part {
    /// RSET before a transaction that is sent before the previous one is answered. If that one
    /// fails, no part of it may end up in this one.
    Clear,
    Mail,
    Rcpt(usize),
    Data,
    /// The end of mail data: for the recipient at this position (LMTP), or for all.
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

/// What to do after a reply.
#[derive(Debug)]
pub(in crate::protocol) enum Then {
    GoOn,
    Done(Outcome),
    /// The server can't keep this transaction apart from the previous one.
    Disorder(Stage, &'static str, Reply),
    /// LMTP: the server asks for mail data without having accepted a recipient. It answers mail
    /// data once for each recipient (RFC 2033 4.2), so it would never answer.
    NoAnswer(Reply),
    /// The server has offered CHUNKING but doesn't know BDAT. It takes the content for commands.
    NoChunking(Reply),
}

/// A transaction in progress.
#[derive(Debug)]
pub(in crate::protocol) struct Running {
    rcpt_parameters: Vec<Parameter>,
    options: Option<Box<SaidOptions>>,
    fates: Vec<(ForwardPath, Fate)>,
    accepted: usize,
    body: Option<Body>,
    verdict: Option<Verdict>,
    smtputf8: bool,
    grouped: bool,
    /// It was sent before the previous one was answered.
    follows: bool,
    /// The mail data waits for the answers to the rest of the group.
    cautious: bool,
    /// Mail data is sent with BDAT, not DATA.
    chunked: bool,
    lmtp: bool,
    /// smtplib sends RSET after every refusal.
    like_smtplib: bool,
    /// Its MAIL is refused for what came before it: the session has had its messages, or the previous
    /// one isn't answered yet.
    is_out_of_place: bool,
    /// The server's reply to the RSET before it, if that was a refusal.
    reset_refused: Option<Reply>,
    /// The server has refused one of its chunks.
    chunk_refused: bool,
    /// How many octets the server must have received before it can have the end of the mail data.
    /// None until the end is written.
    end: Option<u64>,
}

impl Running {
    /// Sends the first command, or the whole group, and takes what it needs of the transaction.
    /// `follows` tells whether an earlier one isn't answered yet.
    pub(in crate::protocol) fn begin(
        transaction: &mut Transaction,
        terms: Terms,
        options: Options,
        follows: bool,
        out: &mut Outgoing,
    ) -> Result<Self, Error> {
        let Fitted { smtputf8, size, said } = transaction.fit(terms, options)?;
        let Transaction {
            reverse_path, mail_parameters, recipients, rcpt_parameters, body, cautious, ..
        } = transaction;
        let mut running = Self {
            rcpt_parameters: std::mem::take(rcpt_parameters),
            options: said.map(Box::new),
            fates: Vec::new(),
            accepted: 0,
            body: Some(body.taken_over()),
            verdict: None,
            smtputf8,
            grouped: options.pipelining && terms.extensions.known().pipelining,
            follows,
            cautious: *cautious,
            chunked: terms.chunked,
            lmtp: options.lmtp,
            like_smtplib: options.like_smtplib,
            is_out_of_place: false,
            reset_refused: None,
            chunk_refused: false,
            end: None,
        };
        if follows && running.chunked {
            // The end of DATA clears the buffers (RFC 5321 4.1.1.4). A failed BDAT doesn't (RFC
            // 3030 2).
            say(Verb::Rset, Part::Clear, out);
        }
        out.say(Awaited::Transaction(Part::Mail), |out, letters| {
            line::mail(out, reverse_path.pieces(smtputf8), letters);
            size.into_iter().for_each(|octets| line::size(out, octets, letters));
            line::parameters(out, mail_parameters);
        });
        if running.grouped {
            let paths = recipients.iter().enumerate();
            paths.for_each(|(index, path)| running.say_recipient(index, path, out));
            if !running.cautious {
                running.say_mail_data(out);
                running.end = out.take_end();
            }
        }
        // Taken last, so that a panic in between loses none.
        running.fates = std::mem::take(&mut recipients.0);
        Ok(running)
    }

    /// Handles a reply to this part.
    pub(in crate::protocol) fn hear(
        &mut self,
        part: Part,
        reply: &Reply,
        alone: bool,
        out: &mut Outgoing,
    ) -> Then {
        if let Some(refusal) = self.reset_refused.take() {
            return Then::Disorder(Stage::Reset, RESET_REFUSED, refusal);
        }
        match part {
            Part::Clear if reply.is_completion() => {}
            Part::Clear if denies_sequence(reply) => {
                self.verdict = Some(Verdict::OutOfSequence(reply.clone()));
            }
            // If the server closes the connection now, this was its goodbye.
            Part::Clear => self.reset_refused = Some(reply.clone()),
            // RSET was out of sequence, but MAIL is not. It is unknown to which message this one
            // belongs.
            Part::Mail if reply.is_completion() && self.is_out_of_sequence() => {
                self.verdict = None;
                return Then::Disorder(Stage::Mail, RESET_REFUSED, reply.clone());
            }
            Part::Mail if reply.is_completion() => return self.next_recipient(0, alone, out),
            Part::Mail => {
                if self.is_out_of_place || self.follows && denies_sequence(reply) {
                    self.verdict = Some(Verdict::OutOfSequence(reply.clone()));
                } else if !self.is_out_of_sequence() {
                    self.verdict = Some(Verdict::SenderRefused(reply.clone()));
                }
                if !self.grouped {
                    return self.tidy_up(out);
                }
            }
            Part::Rcpt(index) => {
                if reply.is_completion() {
                    self.accepted += 1;
                } else if self.verdict.is_none() {
                    // Without a sender, a group's recipients are refused for that reason alone.
                    self.fates[index].1 = Fate::Refused(Stage::Rcpt, self.kept(reply));
                }
                return self.next_recipient(index + 1, alone, out);
            }
            Part::Data => return self.hear_data(reply, out),
            // A server that has accepted a chunk knows BDAT, so its reply to the next one is an
            // answer.
            Part::Chunk { .. } if reply.is_completion() && !out.chunks_taken => {
                out.chunks_taken = true;
                return self.hear(part, reply, alone, out);
            }
            Part::Chunk { .. } if self.denies_chunking(reply, out.chunks_taken) => {
                return Then::NoChunking(reply.clone());
            }
            // The server accepted content without a sender. It is unknown whose message that is.
            Part::Chunk { last: true } if reply.is_completion() && self.is_out_of_sequence() => {
                self.verdict = None;
                return Then::Disorder(Stage::EndOfData, RESET_REFUSED, reply.clone());
            }
            // The server refused a chunk and accepted the end. It is unknown what is left of the
            // message.
            Part::Chunk { last: true } if reply.is_completion() && self.chunk_refused => {
                self.forget_refusal();
                return Then::Disorder(Stage::EndOfData, CHUNK_REFUSED, reply.clone());
            }
            Part::Chunk { last: true } => return self.hear_end(None, reply, out),
            Part::Chunk { last: false } => self.hear_chunk(reply, alone, out),
            Part::End(one) => return self.hear_end(one, reply, out),
            Part::LoneDot | Part::Reset => return Then::Done(self.conclude(Verdict::Lost)),
        }
        Then::GoOn
    }

    /// Whether the server has decided and only cleanup is left.
    pub(in crate::protocol) fn is_decided(&self) -> bool {
        self.verdict.is_some()
    }

    /// The server's refusal of the RSET before it, if that was its last reply so far.
    pub(in crate::protocol) fn reset_refused(&self) -> Option<&Reply> {
        self.reset_refused.as_ref()
    }

    /// Its MAIL is refused for what came before it.
    pub(in crate::protocol) fn is_out_of_place(&mut self) {
        self.is_out_of_place = true;
    }

    /// Whether it was sent with DATA before the previous one was answered.
    pub(in crate::protocol) fn follows_data(&self) -> bool {
        self.follows && !self.chunked
    }

    /// Whether the server accepts nothing before it has answered the previous one.
    pub(in crate::protocol) fn is_out_of_sequence(&self) -> bool {
        matches!(self.verdict, Some(Verdict::OutOfSequence(_)))
    }

    /// Whether the server has accepted any recipient.
    pub(in crate::protocol) fn has_recipients(&self) -> bool {
        self.accepted > 0
    }

    /// Whether the server has begun it before answering the previous one.
    pub(in crate::protocol) fn was_taken_in_sequence(&self) -> bool {
        self.follows && self.verdict.is_none()
    }

    /// Whether another transaction may be sent on top of this one: it is sent completely, nothing
    /// has gone wrong so far, and the server will understand where it ends. Before a server has
    /// accepted a chunk, it isn't known to support BDAT: after the first chunk, nothing may be
    /// sent that it could take for another message.
    pub(in crate::protocol) fn may_be_followed(&self, chunks_taken: bool) -> bool {
        let said_whole = self.grouped && !self.lmtp && self.body.is_none();
        said_whole && self.verdict.is_none() && (chunks_taken || !self.chunked)
    }

    /// Whether the reply to a chunk means that the server doesn't know BDAT.
    pub(in crate::protocol) fn denies_chunking(&self, reply: &Reply, chunks_taken: bool) -> bool {
        !chunks_taken && self.is_wanted() && denies_command(reply)
    }

    /// Whether the server has accepted a recipient, and refused nothing since.
    fn is_wanted(&self) -> bool {
        self.accepted > 0 && self.verdict.is_none()
    }

    /// The end of its mail data is written. The server has it after this many octets.
    pub(in crate::protocol) fn end_said(&mut self, octets: u64) {
        self.end = Some(octets);
    }

    /// Whether the server has its end after this many octets.
    pub(in crate::protocol) fn ends_behind(&self, octets: u64) -> bool {
        self.end.is_some_and(|end| end > octets)
    }

    fn say_recipient(&self, index: usize, path: &ForwardPath, out: &mut Outgoing) {
        out.say(Awaited::Transaction(Part::Rcpt(index)), |out, letters| {
            line::rcpt(out, path.pieces(self.smtputf8), letters);
            line::parameters(out, &self.rcpt_parameters);
            let own = self.options.iter().flat_map(|said| said.rcpt(path));
            own.for_each(|parameter| line::word(out, parameter.as_str()));
        });
    }

    fn next_recipient(&mut self, index: usize, alone: bool, out: &mut Outgoing) -> Then {
        if index == self.fates.len() && self.accepted == 0 {
            self.verdict.get_or_insert(Verdict::RecipientsRefused);
        }
        if index < self.fates.len() {
            if !self.grouped {
                self.say_recipient(index, &self.fates[index].0, out);
            }
        } else if self.grouped && !self.cautious {
            match self.verdict {
                // Behind another transaction's commands, the pending chunks belong to that one.
                _ if !alone => {}
                // The session's first BDAT shows whether the server knows the command.
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

    /// The transaction has failed. RSET is sent if the server would otherwise take what follows as
    /// part of it. Some servers count RSETs, and hang up after a few.
    fn tidy_up(&mut self, out: &mut Outgoing) -> Then {
        let nothing_begun =
            matches!(&self.verdict, Some(Verdict::SenderRefused(_) | Verdict::OutOfSequence(_)));
        if nothing_begun && !self.like_smtplib {
            return Then::Done(self.conclude(Verdict::Lost));
        }
        say(Verb::Rset, Part::Reset, out);
        Then::GoOn
    }

    /// DATA, or the first chunk. In a group, it is sent before it is known whether a recipient is
    /// accepted. Only the first chunk is: the others wait for the answers.
    fn say_mail_data(&mut self, out: &mut Outgoing) {
        match self.body.take_if(|_| self.chunked) {
            Some(body) => {
                let said = out.first_chunk(body);
                self.take_back_unread(said, out);
            }
            None => say(Verb::Data, Part::Data, out),
        }
    }

    /// The content can't be read any further. Returns whether the message could be taken back. If
    /// not, the connection has to be closed.
    pub(in crate::protocol) fn take_back(&mut self, why: Unreadable, out: &mut Outgoing) -> bool {
        self.verdict.get_or_insert(Verdict::Unreadable(why));
        if self.chunked {
            say(Verb::Rset, Part::Reset, out);
        }
        self.chunked
    }

    fn take_back_unread(&mut self, said: Result<(), Unreadable>, out: &mut Outgoing) {
        if let Err(why) = said {
            self.take_back(why, out);
        }
    }

    /// A chunk in the middle. After a refusal the transaction is over for the server too (RFC 3030
    /// 2), and RSET makes that clear.
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
            say(Verb::Rset, Part::Reset, out);
        }
    }

    fn hear_data(&mut self, reply: &Reply, out: &mut Outgoing) -> Then {
        if reply.code() != code::START_MAIL_INPUT {
            self.refuse_data(Stage::Data, reply);
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
            return Then::NoAnswer(reply.clone());
        } else {
            // No recipient is left: RFC 2920 3.1.
            out.lone_dot(Awaited::Transaction(Part::LoneDot));
        }
        Then::GoOn
    }

    fn hear_end(&mut self, one: Option<usize>, reply: &Reply, out: &mut Outgoing) -> Then {
        match one {
            // RFC 2033 4.2: one reply for each accepted recipient.
            Some(index) => {
                self.fates[index].1 = decide(self.kept(reply));
                if self.fates[index + 1..].iter().any(|(_, fate)| *fate == Fate::NotSent) {
                    return Then::GoOn;
                }
                self.verdict = Some(self.verdict_of_all());
            }
            None if reply.is_completion() && self.verdict.is_none() => {
                let kept = self.kept(reply);
                // The last of them is moved, which is the only one of most messages.
                let kept = repeat_n(kept, self.fates.len());
                let open = self.fates.iter_mut().filter(|(_, fate)| *fate == Fate::NotSent);
                open.zip(kept).for_each(|((_, fate), kept)| *fate = Fate::Sent(kept));
            }
            None => {
                self.refuse_data(Stage::EndOfData, reply);
                // The end of DATA clears the buffers (RFC 5321 4.1.1.4), but a failed BDAT doesn't
                // (RFC 3030 2). The next command already has its own RSET before it, or is QUIT.
                if (self.chunked || self.like_smtplib) && !out.awaits_more() {
                    return self.tidy_up(out);
                }
            }
        }
        Then::Done(self.conclude(Verdict::Sent))
    }
}

/// A command without arguments.
fn say(verb: Verb, part: Part, out: &mut Outgoing) {
    out.say(Awaited::Transaction(part), |out, letters| line::verb(out, verb, letters));
}

const RESET_REFUSED: &str = "the server refused RSET between messages: they can't be told apart";
const CHUNK_REFUSED: &str = "the server refused a chunk (RFC 3030) and took the end of the same message";

/// RFC 5321 4.2.2: the command itself may be fine elsewhere.
fn denies_sequence(reply: &Reply) -> bool {
    reply.code() == code::BAD_SEQUENCE
}

/// Whether the reply is about the command and not about the message (RFC 5321 4.2.2). A recipient
/// was accepted, so the command was in sequence.
fn denies_command(reply: &Reply) -> bool {
    matches!(
        reply.code(),
        code::UNRECOGNIZED_COMMAND
            | code::NOT_IMPLEMENTED
            | code::BAD_SEQUENCE
            | code::PARAMETER_NOT_IMPLEMENTED
    )
}
