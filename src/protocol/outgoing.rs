//! The outgoing half of a session: bytes that wait to be sent, the mail data after them, and the
//! commands that wait for replies, in order.

mod chunks;

use super::auth;
use super::awaited::Awaited;
use super::body::{Body, Slice, Unreadable};
use super::command::{Command, Letters};
use super::mail_data::{Encoder, Framing};
use super::masked::{mask_free, mask_raw};
use super::state::State;
use super::transcript::{BODY_LINES, Line, MASK, Speaker};
use std::collections::VecDeque;

/// Mail data is encoded in pieces of this many octets, as fast as the connection takes them.
const PIECE: usize = 64 * 1024;
/// Content that is sent without a copy is scanned and passed to the driver in parts, because some
/// drivers copy. A run of lines without dots that is shorter than LONG is copied here.
const PART: usize = 1024 * 1024;
const LONG: usize = 32 * 1024;
/// No more is added to the buffer while this much is unsent.
const BACKLOG: usize = 128 * 1024;

/// Whether the ends of mail data wait until the caller releases them.
#[derive(Debug, Default)]
struct Ends {
    are_held: bool,
    /// How much was written before the first end that waits.
    held: Option<u64>,
    /// How much had been written when the last end was released.
    let_go: u64,
    /// The caller has been told that one waits.
    told: bool,
}

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    buffer: Vec<u8>,
    /// How much of the buffer has been sent.
    start: usize,
    /// Total octets ever put into the buffer, and ever sent.
    written: u64,
    sent: u64,
    /// How much had been written with the latest end of mail data.
    end: Option<u64>,
    ends: Ends,
    /// Each with the total number of octets that must be sent before its reply may come.
    awaited: VecDeque<(Awaited, u64)>,
    /// Content that follows the buffer and is sent without a copy.
    lying: Option<Slice>,
    body: Option<(Body, Encoder)>,
    /// The part of chunked mail data that hasn't been written yet.
    chunks: Option<(Body, Encoder)>,
    chunks_wanted: bool,
    /// Where small chunks are assembled.
    scratch: Vec<u8>,
    /// The server has accepted a chunk.
    pub(super) chunks_taken: bool,
    /// The current run of raw bytes contains an AUTH command.
    raw_is_secret: bool,
    lines: VecDeque<Line>,
    /// The transcript is off.
    pub(super) quiet: bool,
    pub(super) letters: Letters,
    /// The state of the session, for the lines of the transcript.
    pub(super) state: Option<State>,
}

impl Outgoing {
    pub(super) fn command(&mut self, command: &Command, smtputf8: bool, awaited: Awaited) {
        match command {
            // It may hold a secret.
            Command::Free(text) => self.line(text.as_str(), mask_free(text.as_str()), awaited),
            _ => self.say(awaited, |out, letters| command.write_to(out, smtputf8, letters)),
        }
    }

    /// A line that may appear differently in the transcript, with secrets masked.
    pub(super) fn line(&mut self, line: &str, shown: String, awaited: Awaited) {
        self.note(Speaker::Client, shown.into_bytes());
        self.put(line.as_bytes());
        self.put(b"\r\n");
        self.expect(awaited);
    }

    /// The command that `write` appends, without its line end, and that has no secret.
    pub(super) fn say(&mut self, awaited: Awaited, write: impl FnOnce(&mut Vec<u8>, Letters)) {
        self.write_line(write);
        self.expect(awaited);
    }

    fn write_line(&mut self, write: impl FnOnce(&mut Vec<u8>, Letters)) {
        self.make_room();
        let begin = self.buffer.len();
        write(&mut self.buffer, self.letters);
        if !self.quiet {
            self.note(Speaker::Client, self.buffer[begin..].to_vec());
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.written += (self.buffer.len() - begin) as u64;
    }

    /// A response within AUTH, in base64.
    pub(super) fn response(&mut self, response: &[u8]) {
        self.line(&auth::encode(response), MASK.to_owned(), Awaited::Auth);
    }

    /// Bytes that the caller framed: one reply is expected for each run.
    pub(super) fn raw(&mut self, bytes: &[u8], secret: bool) {
        self.put(bytes);
        let goes_on = matches!(self.awaited.back(), Some((Awaited::Raw, _)));
        let (shown, secret) = mask_raw(bytes, secret || goes_on && self.raw_is_secret);
        self.raw_is_secret = secret;
        self.note(Speaker::Client, shown);
        if let Some((Awaited::Raw, due)) = self.awaited.back_mut() {
            *due = self.written;
        } else {
            self.expect(Awaited::Raw);
        }
    }

    /// Starts the mail data. From now on a reply to its end is expected, and one that comes before
    /// the end is sent is too early.
    pub(super) fn mail_data(&mut self, body: Body, ends: impl Iterator<Item = Awaited>) {
        self.body = Some((body, Encoder::new(Framing::Data)));
        self.awaited.extend(ends.map(|awaited| (awaited, u64::MAX)));
    }

    /// The position of the end of mail data, if one was written since the last call. A server that
    /// has received this many octets has the whole message.
    pub(super) fn take_end(&mut self) -> Option<u64> {
        self.end.take()
    }

    /// The number of octets that the server may have received.
    pub(super) fn reached(&self) -> u64 {
        self.sent
    }

    /// Whether everything is in the buffer or sent, including mail data, and the buffer isn't so
    /// full that a slow peer would make it grow.
    pub(super) fn takes_more(&self) -> bool {
        if self.buffer.len() - self.start > BACKLOG || self.lying.is_some() {
            return false;
        }
        self.body.is_none() && self.chunks.is_none()
    }

    /// Ends mail data at once: the server sent 354 although it accepted no recipient.
    pub(super) fn lone_dot(&mut self, awaited: Awaited) {
        self.line(".", ".".to_owned(), awaited);
    }

    pub(super) fn expect(&mut self, awaited: Awaited) {
        self.awaited.push_back((awaited, self.written));
    }

    /// What to send next, or an empty slice. Call `refill` first.
    pub(super) fn pending(&self) -> &[u8] {
        let unsent = match (&self.buffer[self.start..], &self.lying) {
            ([], Some(lying)) => &lying[..lying.len().min(PART)],
            (unsent, _) => unsent,
        };
        match self.ends.held {
            None => unsent,
            Some(held) => &unsent[..unsent.len().min((held - self.sent) as usize)],
        }
    }

    pub(super) fn hold_ends(&mut self, hold: bool) {
        if hold != self.ends.are_held {
            self.ends.are_held = hold;
            self.say_ends();
        }
    }

    pub(super) fn holds_ends(&self) -> bool {
        self.ends.are_held
    }

    /// How much had been written when the last end was released.
    pub(super) fn let_go(&self) -> u64 {
        self.ends.let_go
    }

    pub(super) fn say_ends(&mut self) {
        self.ends = Ends { let_go: self.written, ..Ends { are_held: self.ends.are_held, ..Ends::default() } };
    }

    /// Whether everything is sent except for an end that waits. Reported once.
    pub(super) fn has_come_to_an_end(&mut self) -> bool {
        self.ends.held == Some(self.sent) && !std::mem::replace(&mut self.ends.told, true)
    }

    pub(super) fn sent(&mut self, octets: usize) {
        let buffered = octets.min(self.buffer.len() - self.start);
        self.start += buffered;
        self.lying = self.lying.take().and_then(|lying| lying.behind(octets - buffered));
        self.sent += octets as u64;
    }

    /// What the next reply answers has been answered.
    pub(super) fn answered(&mut self) {
        self.awaited.pop_front();
    }

    /// Whether a command that has been sent completely awaits its reply.
    pub(super) fn is_reply_due(&self) -> bool {
        self.awaited.front().is_some_and(|&(_, due)| due <= self.sent)
    }

    pub(super) fn awaits_more(&self) -> bool {
        !self.awaited.is_empty()
    }

    pub(super) fn next_awaited(&self) -> Option<Awaited> {
        self.awaited.front().map(|&(awaited, _)| awaited)
    }

    /// Whether mail data is still being sent.
    pub(super) fn is_sending_mail_data(&self) -> bool {
        self.awaited.front().is_some_and(|&(awaited, due)| awaited.is_mail_data() && due > self.sent)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.awaited.is_empty() && !self.has_unsent() && self.body.is_none()
    }

    fn has_unsent(&self) -> bool {
        self.start < self.buffer.len() || self.lying.is_some()
    }

    /// Drops everything that hasn't been sent. Nothing more will be written.
    pub(super) fn abandon(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.lying = None;
        self.body = None;
        self.chunks = None;
        self.awaited.clear();
        self.ends.held = None;
    }

    pub(super) fn note(&mut self, speaker: Speaker, text: Vec<u8>) {
        if self.quiet {
            return;
        }
        let state = self.state.unwrap_or(State::Connected);
        self.lines.push_back(Line { speaker, text, state });
    }

    pub(super) fn next_line(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.make_room();
        self.buffer.extend_from_slice(bytes);
        self.written += bytes.len() as u64;
    }

    /// Before anything is written into the buffer.
    fn make_room(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > BACKLOG {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if let Some(lying) = self.lying.take() {
            // What is written from now on comes after it.
            self.buffer.extend_from_slice(&lying);
        }
    }

    /// Sends content without a copy.
    fn lie(&mut self, content: Slice) {
        if self.lying.is_some() {
            return self.put(&content);
        }
        self.written += content.len() as u64;
        self.lying = Some(content);
    }

    /// Once everything is sent, encodes the next piece of mail data, or its end.
    pub(super) fn refill(&mut self) -> Result<(), Unreadable> {
        if self.has_unsent() {
            return Ok(());
        }
        if self.chunks_wanted {
            self.next_chunk()?;
        }
        let Some((mut body, mut encoder)) = self.body.take() else { return Ok(()) };
        self.buffer.clear();
        self.start = 0;
        let is_first = body.taken() == 0;
        let rest = body.len();
        if body.is_canonical() {
            let passed = encoder.passes(body.left(PART));
            if passed >= LONG {
                let slice = body.next_slice(passed);
                encoder.passed(&slice);
                if is_first {
                    self.note_body(&slice, rest - passed as u64);
                }
                self.lie(slice);
                self.body = Some((body, encoder));
                return Ok(());
            }
        }
        let piece = body.next_piece(PIECE)?;
        encoder.encode(piece, &mut self.buffer);
        if is_first {
            self.note_body(piece, rest - piece.len() as u64);
        }
        let done = body.is_done();
        if done {
            if self.ends.are_held {
                self.ends.held.get_or_insert(self.written + self.buffer.len() as u64);
            }
            encoder.finish(&mut self.buffer);
            self.note(Speaker::Client, b".".to_vec());
        } else {
            self.body = Some((body, encoder));
        }
        self.written += self.buffer.len() as u64;
        if done {
            let written = self.written;
            self.end = Some(written);
            self.awaited.iter_mut().filter(|(_, due)| *due == u64::MAX).for_each(|(_, due)| *due = written);
        }
        Ok(())
    }

    /// Records the first lines of the content, given that this many octets follow.
    fn note_body(&mut self, content: &[u8], follow: u64) {
        if self.quiet {
            return;
        }
        // The empty rest after a final line end is not a line.
        let lines = content.strip_suffix(b"\n").unwrap_or(content);
        let mut lines = lines.splitn(BODY_LINES + 1, |&b| b == b'\n');
        for line in lines.by_ref().take(BODY_LINES) {
            let line = line.trim_ascii_end();
            self.note(Speaker::Client, line[..line.len().min(200)].to_vec());
        }
        let rest = lines.next().map_or(0, |rest| rest.len() as u64) + follow;
        if rest > 0 {
            self.note(Speaker::Client, format!("... ({rest} more octets)").into_bytes());
        }
    }
}
