//! Mail data, by DATA (RFC 5321 section 4.1.1.4) or by BDAT (RFC 3030), and the replies after it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::answer::Answer;
use super::command::split;
use super::transaction::{Transaction, announced_size, says_binary};
use super::{Phase, Session};
use crate::catcher::Offer;
use crate::catcher::counted::counted;
use crate::catcher::fault::{Fault, Stage};
use crate::catcher::settings::{Dialect, Settings};
use crate::catcher::store::Received;
use crate::protocol::mail_data::Decoder;

/// The most memory that is reserved at once for mail data of an announced size.
const MOST_ROOM: u64 = 1024 * 1024;

/// Mail data that is arriving.
#[derive(Debug, Default)]
pub(super) struct Body {
    data: Vec<u8>,
    size: u64,
    too_big: bool,
    decoder: Decoder,
    /// BDAT has begun, so neither RCPT nor DATA may follow.
    chunked: bool,
    fault: Option<Arc<Fault>>,
}

/// The octets announced by a BDAT command.
#[derive(Debug)]
pub(super) struct Chunk {
    left: u64,
    size: u64,
    last: bool,
    /// If set, the octets are read and dropped, and this is the answer.
    refusal: Option<Answer<'static>>,
}

impl Session {
    pub(super) fn data(&mut self, argument: &[u8]) {
        let stage = Stage::Data;
        if !argument.is_empty() {
            return self.refuse(stage, 501, "5.5.4", "DATA takes no argument");
        }
        if let Err(refusal) = self.data_in_order() {
            self.answer(stage, None, &refusal);
            return;
        }
        let go_on = Answer::new(354, "", "End data with <CR><LF>.<CR><LF>");
        if self.answer(stage, None, &go_on) && !matches!(self.phase, Phase::Closed) {
            self.begin_body(0);
            self.phase = Phase::Data;
        }
    }

    fn data_in_order(&self) -> Result<(), Answer<'static>> {
        match &self.transaction {
            Some(transaction) if transaction.body.chunked => {
                Err(Answer::new(503, "5.5.1", "BDAT has begun, and DATA can't end it"))
            }
            Some(transaction) if says_binary(&transaction.parameters) => {
                Err(Answer::new(503, "5.5.1", "BINARYMIME wants BDAT, and not DATA"))
            }
            _ => self.recipients_in_order(),
        }
    }

    fn recipients_in_order(&self) -> Result<(), Answer<'static>> {
        match &self.transaction {
            None => Err(Answer::new(503, "5.5.1", "MAIL comes first")),
            Some(transaction) if !transaction.recipients.is_empty() => Ok(()),
            // RFC 2033 section 4.2 asks for 503, RFC 2920 section 3.1 for 554.
            Some(_) => Err(match self.settings.dialect {
                Dialect::Lmtp => Answer::new(503, "5.5.1", "No recipient was accepted"),
                Dialect::Smtp => Answer::new(554, "5.5.1", "No valid recipients"),
            }),
        }
    }

    fn begin_body(&mut self, chunk: u64) {
        let fault = self.faults.take(Stage::MailData, None);
        if let Some(transaction) = &mut self.transaction {
            let room = announced_size(&transaction.parameters).max(chunk).min(MOST_ROOM);
            if self.settings.keep > 0 {
                transaction.body.data.reserve(room as usize);
            }
            transaction.body.fault = fault;
        }
    }

    /// Reads mail data after 354, up to its end at most.
    pub(super) fn mail_data(&mut self, rest: &[u8]) -> usize {
        let Some(transaction) = &mut self.transaction else {
            self.phase = Phase::Command;
            return 0;
        };
        let body = &mut transaction.body;
        let before = body.data.len();
        let (taken, ended) = body.decoder.decode(rest, &mut body.data);
        body.grown(before, &self.settings);
        self.mail_data_fault();
        if ended && matches!(self.phase, Phase::Data) {
            self.phase = Phase::Command;
            self.end_of_data();
        }
        taken
    }

    /// Octets that can't be accepted are read and dropped before the refusal. Otherwise they would
    /// be read as commands (RFC 3030 section 2).
    pub(super) fn bdat(&mut self, argument: &[u8]) {
        let stage = Stage::Bdat;
        if !self.settings.offers(Offer::Chunking) {
            return self.refuse(stage, 502, "5.5.1", "BDAT is not offered");
        }
        let Some((size, last)) = chunk_size(argument) else {
            return self.refuse(stage, 501, "5.5.4", "BDAT takes a size, and LAST at the end");
        };
        let refusal = self.recipients_in_order().err();
        let begins = self.transaction.as_ref().is_some_and(|open| !open.body.chunked);
        if refusal.is_none() && begins {
            self.begin_body(size);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.body.chunked = true;
        }
        let chunk = Chunk { left: size, size, last, refusal };
        if size == 0 {
            self.end_of_chunk(&chunk);
        } else {
            self.phase = Phase::Chunk(chunk);
        }
    }

    /// Reads octets of the current chunk, up to its end at most.
    pub(super) fn chunk(&mut self, mut chunk: Chunk, rest: &[u8]) -> usize {
        let taken = chunk.left.min(rest.len() as u64) as usize;
        chunk.left -= taken as u64;
        if let (None, Some(transaction)) = (&chunk.refusal, &mut self.transaction) {
            let body = &mut transaction.body;
            let before = body.data.len();
            body.data.extend_from_slice(&rest[..taken]);
            body.grown(before, &self.settings);
        }
        self.phase = Phase::Command;
        self.mail_data_fault();
        if matches!(self.phase, Phase::Command) {
            if chunk.left == 0 {
                self.end_of_chunk(&chunk);
            } else {
                self.phase = Phase::Chunk(chunk);
            }
        }
        taken
    }

    fn end_of_chunk(&mut self, chunk: &Chunk) {
        let stage = if chunk.last { Stage::EndOfData } else { Stage::Bdat };
        let too_big = self.transaction.as_ref().is_some_and(|open| open.body.too_big);
        if let Some(refusal) = &chunk.refusal {
            self.transaction = None;
            self.answer(stage, None, refusal);
        } else if chunk.last {
            self.end_of_data();
        } else if too_big {
            self.transaction = None;
            self.refuse(stage, 552, "5.3.4", "The message is too big");
        } else {
            let text = format!("{} received", counted(chunk.size, "octet"));
            if !self.answer(stage, None, &Answer::new(250, "2.0.0", &text)) {
                self.transaction = None;
            }
        }
    }

    /// Applies a fault in the middle of mail data, if one is due.
    fn mail_data_fault(&mut self) {
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let size = transaction.body.size;
        if let Some(fault) = transaction.body.fault.take_if(|fault| size >= fault.after) {
            self.misbehave(&fault, 250, Vec::new());
        }
    }

    /// The mail data is complete. Sends one reply, or in LMTP one for each recipient (RFC 2033
    /// section 4.2).
    fn end_of_data(&mut self) {
        let Some(mut transaction) = self.transaction.take() else {
            return;
        };
        let event = format!("<{} of mail data>", counted(transaction.body.size, "octet"));
        self.record(event.as_bytes());
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!("Ok: queued as {id:X}");
        let answer = if transaction.body.too_big {
            Answer::new(552, "5.3.4", "The message is too big")
        } else {
            Answer::new(250, "2.0.0", &text)
        };
        let stage = Stage::EndOfData;
        match self.settings.dialect {
            Dialect::Lmtp => transaction
                .recipients
                .retain(|recipient| self.answer(stage, Some(&recipient.address), &answer)),
            Dialect::Smtp => {
                if !self.answer(stage, None, &answer) {
                    return;
                }
            }
        }
        if !transaction.recipients.is_empty() {
            self.deliver(id, transaction);
        }
    }

    fn deliver(&mut self, id: u64, transaction: Transaction) {
        self.messages += 1;
        let run = self.conversation.cut();
        self.received.push(Received {
            id,
            at: self.started + self.now,
            client: Arc::clone(&self.client),
            mail_from: transaction.mail_from,
            mail_parameters: transaction.parameters,
            recipients: transaction.recipients,
            data: transaction.body.data,
            size: transaction.body.size,
            chunked: transaction.body.chunked,
            conversation: self.conversation.around(run),
        });
    }
}

impl Body {
    pub(super) fn chunked(&self) -> bool {
        self.chunked
    }

    /// Counts the octets that arrived since `before`, and drops those that are not kept.
    fn grown(&mut self, before: usize, settings: &Settings) {
        self.size += (self.data.len() - before) as u64;
        if self.size > settings.max_size && !self.too_big {
            self.too_big = true;
            self.data = Vec::new();
        }
        if self.too_big || settings.keep == 0 {
            self.data.clear();
        }
    }
}

/// Reads `size [LAST]`.
fn chunk_size(argument: &[u8]) -> Option<(u64, bool)> {
    let (size, rest) = split(argument);
    let last = rest.eq_ignore_ascii_case(b"LAST");
    if !(last || rest.is_empty()) || !size.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(size).ok()?.parse().ok()?;
    Some((size, last))
}
