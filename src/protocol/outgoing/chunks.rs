//! Mail data in chunks (BDAT, RFC 3030).

use super::{Outgoing, PIECE};
use crate::protocol::awaited::Awaited;
use crate::protocol::body::{Body, Unreadable};
use crate::protocol::line;
use crate::protocol::mail_data::Encoder;
use crate::protocol::transaction::Part;

/// The content of one BDAT chunk (RFC 3030). Most messages fit in one. A first chunk is sent
/// before it is known whether the server wants the message.
const CHUNK: usize = 256 * 1024;
/// For a message in memory, later chunks grow: each may be this many times the size of everything
/// sent before it. If the server refuses a chunk, little was sent in vain, and if it accepts them,
/// it has few replies to send.
const GROWTH: u64 = 4;
const LARGEST: u64 = 16 * 1024 * 1024;

impl Outgoing {
    /// Starts mail data in chunks and writes the first one. `go_on_with_chunks` writes the rest.
    pub(in crate::protocol) fn first_chunk(&mut self, body: Body) -> Result<(), Unreadable> {
        let encoder = Encoder::new(body.framing());
        self.chunks_wanted = false;
        self.write_chunk(body, encoder)
    }

    /// From now on chunks are written as fast as the connection takes them.
    pub(in crate::protocol) fn go_on_with_chunks(&mut self) {
        self.chunks_wanted = true;
    }

    /// Writes the next chunk, if there is one.
    pub(in crate::protocol) fn next_chunk(&mut self) -> Result<(), Unreadable> {
        match self.chunks.take() {
            Some((body, encoder)) => self.write_chunk(body, encoder),
            None => Ok(()),
        }
    }

    /// The chunk is read completely before any of it is written: if reading fails, the server
    /// still waits for a command.
    fn write_chunk(&mut self, mut body: Body, mut encoder: Encoder) -> Result<(), Unreadable> {
        if body.is_canonical() {
            // The first chunk is sent in one write with the commands: a server that hasn't
            // received all of it hasn't answered it.
            let is_first = body.taken() == 0;
            let most = if is_first { CHUNK as u64 } else { (body.taken() * GROWTH).min(LARGEST) };
            if is_first {
                let last = body.len() <= most;
                let content = body.next_piece(most as usize)?;
                self.say_chunk(content, last);
                self.put(content);
            } else {
                let slice = body.next_slice(most as usize);
                self.say_chunk(&slice, body.is_done());
                self.lie(slice);
            }
            self.chunk_said(body.is_done(), body, encoder);
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.scratch);
        chunk.clear();
        let end = body.taken() + CHUNK as u64;
        while body.taken() < end && !body.is_done() {
            encoder.encode(body.next_piece((end - body.taken()) as usize)?, &mut chunk);
        }
        let last = body.is_done();
        self.say_chunk(&chunk, last);
        self.put(&chunk);
        self.chunk_said(last, body, encoder);
        if chunk.capacity() <= PIECE {
            self.scratch = chunk;
        }
        Ok(())
    }

    /// Writes the command. Its chunk must follow.
    fn say_chunk(&mut self, content: &[u8], last: bool) {
        if last && self.ends.are_held {
            self.ends.held.get_or_insert(self.written);
        }
        self.write_line(|out, letters| line::bdat(out, content.len() as u64, last, letters));
        if !self.quiet {
            self.note_body(content, 0);
        }
    }

    fn chunk_said(&mut self, last: bool, body: Body, encoder: Encoder) {
        self.expect(Awaited::Transaction(Part::Chunk { last }));
        match last {
            true => self.end = Some(self.written),
            false => self.chunks = Some((body, encoder)),
        }
    }

    /// Drops the unsent chunks, which are no longer wanted.
    pub(in crate::protocol) fn drop_chunks(&mut self) {
        self.chunks = None;
    }
}
