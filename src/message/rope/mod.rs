//! Rendered output that isn't in one piece yet.
//!
//! Header fields and short texts are collected in one buffer. Large bodies stay with their owners,
//! and files stay on disk. When the whole is written, they are copied or base64-encoded once,
//! straight to their final position. When it is written piece by piece
//! ([`Reader`](reader::Reader)), they are never in memory as a whole.

mod edits;
pub mod reader;

use super::base64_lines::Lines;
use super::stored::{Exactly, ReadError, Stored};
use super::text::{has_line_ends, write_lines};
use std::io;
use std::sync::Arc;

/// Bodies of at least this length stay with their owner. Shorter ones are collected.
const WORTH_KEEPING: usize = 4096;

/// Pieces of output in order.
#[derive(Debug, Default)]
pub struct Rope<B> {
    gathered: Vec<u8>,
    kept: Vec<Kept<B>>,
    kept_len: u64,
    /// Octets that aren't text and have lost their original line ends.
    originals: Vec<B>,
    has_utf8_fields: bool,
}

#[derive(Debug)]
struct Kept<B> {
    /// How much of `gathered` comes before this body.
    after: usize,
    body: Body<B>,
}

#[derive(Debug)]
enum Body<B> {
    Exactly(B),
    Base64(B, Lines),
    Stored(Arc<dyn Stored>, Lines),
}

/// A run of output: plain octets, or a source that produces them.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    Exactly(&'a [u8]),
    Base64(&'a [u8], &'a Lines),
    Stored(&'a Arc<dyn Stored>, &'a Lines),
}

impl Piece<'_> {
    /// The length of the output in octets.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Piece::Exactly(octets) => octets.len() as u64,
            Piece::Base64(octets, lines) => lines.encoded_len(octets.len() as u64),
            Piece::Stored(stored, lines) => lines.encoded_len(stored.len()),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<B: AsRef<[u8]>> Rope<B> {
    #[must_use]
    pub fn new() -> Self {
        Rope::in_room(Vec::new())
    }

    /// A rope that collects in this buffer, which has to be empty.
    #[must_use]
    pub fn in_room(gathered: Vec<u8>) -> Self {
        Rope { gathered, kept: Vec::new(), kept_len: 0, originals: Vec::new(), has_utf8_fields: false }
    }

    /// Its buffer, once the output has been copied.
    #[must_use]
    pub fn into_room(self) -> Vec<u8> {
        self.gathered
    }

    /// Makes room for the fields of a message, and for this content of it.
    pub fn make_room(&mut self, content: usize) {
        const FIELDS: usize = 768;
        let collected = if content < WORTH_KEEPING { content + content / 32 } else { 0 };
        self.gathered.reserve(FIELDS + collected);
    }

    /// Adds fields. `utf8` tells whether they may be in UTF-8 (RFC 6532).
    pub fn push_fields<E>(
        &mut self,
        utf8: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.gathered.len();
        write(&mut self.gathered)?;
        self.has_utf8_fields |= utf8 && !self.gathered[start..].is_ascii();
        Ok(())
    }

    /// Adds fields that were written elsewhere, in UTF-8.
    pub fn note_utf8_fields(&mut self) {
        self.has_utf8_fields = true;
    }

    #[must_use]
    pub fn has_utf8_fields(&self) -> bool {
        self.has_utf8_fields
    }

    /// The buffer for short content.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }

    /// Adds a body unchanged.
    pub fn push_body(&mut self, owner: B) {
        if owner.as_ref().len() < WORTH_KEEPING {
            self.gathered.extend_from_slice(owner.as_ref());
        } else {
            self.keep(Body::Exactly(owner));
        }
    }

    /// Adds octets that aren't text. Mail knows only one kind of line end, but the original octets
    /// are kept too. If the body has to be encoded later, they are used.
    pub fn push_octets(&mut self, owner: B, linesep: &str) {
        if has_line_ends(owner.as_ref(), linesep) {
            self.push_body(owner);
        } else {
            write_lines(owner.as_ref(), linesep, &mut self.gathered);
            self.originals.push(owner);
        }
    }

    /// The octets that appear in the output with different line ends.
    #[must_use]
    pub fn originals(&self) -> &[B] {
        &self.originals
    }

    /// Adds some of those.
    pub fn remember(&mut self, originals: impl IntoIterator<Item = B>) {
        self.originals.extend(originals);
    }

    /// Adds a body in base64. Each line, including the last one, ends with `linesep`.
    pub fn push_base64(&mut self, owner: B, linesep: &str) {
        let lines = Lines::ended_by(linesep);
        if owner.as_ref().len() < WORTH_KEEPING {
            lines.append(owner.as_ref(), &mut self.gathered);
        } else {
            self.keep(Body::Base64(owner, lines));
        }
    }

    /// Adds a body that is not in memory, in base64 as above.
    pub fn push_stored(&mut self, stored: Arc<dyn Stored>, linesep: &str) {
        self.keep(Body::Stored(stored, Lines::ended_by(linesep)));
    }

    fn keep(&mut self, body: Body<B>) {
        self.kept_len = self.kept_len.saturating_add(body.piece().len());
        self.kept.push(Kept { after: self.gathered.len(), body });
    }

    #[must_use]
    pub fn len(&self) -> u64 {
        self.kept_len.saturating_add(self.gathered.len() as u64)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of the output was short, so that `text` holds it already.
    #[must_use]
    pub fn is_gathered(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether all of it is ASCII.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.exact_pieces().all(<[u8]>::is_ascii)
    }

    /// The whole output, except for what is encoded when sent, which is ASCII in short lines.
    #[must_use]
    pub fn exact(&self) -> Vec<u8> {
        self.exact_pieces().collect::<Vec<_>>().concat()
    }

    /// The octets that need no encoding.
    pub fn exact_pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Exactly(octets) => Some(octets),
            Piece::Base64(..) | Piece::Stored(..) => None,
        })
    }

    /// Removes a line end, if it was collected last. A line end that belongs to a body stays.
    pub fn drop_line_end(&mut self, linesep: &str) {
        let from = self.kept.last().map_or(0, |kept| kept.after);
        if self.gathered[from..].ends_with(linesep.as_bytes()) {
            self.gathered.truncate(self.gathered.len() - linesep.len());
        }
    }

    /// Writes everything to `out`, which must be [`Rope::len`] bytes long.
    pub fn write_to(&self, mut out: &mut [u8]) -> Result<(), ReadError> {
        let mut next = |octets: u64| {
            let (here, rest) = std::mem::take(&mut out).split_at_mut(octets as usize);
            out = rest;
            here
        };
        for piece in self.pieces() {
            match piece {
                Piece::Exactly(octets) => next(piece.len()).copy_from_slice(octets),
                Piece::Base64(octets, lines) => lines.write(octets, next(piece.len())),
                Piece::Stored(stored, lines) => {
                    let mut exactly = Exactly::open(&**stored)?;
                    let mut buffer = vec![0; Lines::PIECE];
                    let mut left = stored.len();
                    while left > 0 {
                        let octets = exactly.read(&mut buffer)?;
                        lines.write(octets, next(lines.encoded_len(octets.len() as u64)));
                        left -= octets.len() as u64;
                    }
                }
            }
        }
        Ok(())
    }

    /// Everything in one vector.
    pub fn into_vec(self) -> Result<Vec<u8>, ReadError> {
        if self.is_gathered() {
            return Ok(self.gathered);
        }
        let mut out = room_for(self.len())
            .map_err(|error| ReadError { name: "the message as a whole".to_owned(), error })?;
        self.write_to(&mut out)?;
        Ok(out)
    }

    /// The pieces in their order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        (0..).map_while(|index| self.piece(index))
    }

    /// The piece at this index. Collected pieces and bodies alternate.
    #[must_use]
    pub fn piece(&self, index: usize) -> Option<Piece<'_>> {
        let turn = index / 2;
        if index % 2 == 1 {
            return self.kept.get(turn).map(|kept| kept.body.piece());
        }
        let from = match turn {
            0 => 0,
            _ => self.kept.get(turn - 1)?.after,
        };
        let to = self.kept.get(turn).map_or(self.gathered.len(), |kept| kept.after);
        Some(Piece::Exactly(&self.gathered[from..to]))
    }
}

impl<B: AsRef<[u8]>> Body<B> {
    fn piece(&self) -> Piece<'_> {
        match self {
            Body::Exactly(owner) => Piece::Exactly(owner.as_ref()),
            Body::Base64(owner, lines) => Piece::Base64(owner.as_ref(), lines),
            Body::Stored(stored, lines) => Piece::Stored(stored, lines),
        }
    }
}

/// Allocates this many octets, or returns an error if there isn't enough memory. Files are
/// sometimes larger than memory.
pub fn room_for(octets: u64) -> io::Result<Vec<u8>> {
    let octets = usize::try_from(octets).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut room = Vec::new();
    room.try_reserve_exact(octets).map_err(|_| io::ErrorKind::OutOfMemory)?;
    room.resize(octets, 0);
    Ok(room)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::stored::tests::Told;
    use super::*;

    /// One piece of each kind.
    pub fn mixed(stored: Told) -> Rope<Vec<u8>> {
        let mut rope = Rope::new();
        rope.push(b"head\n");
        rope.push_base64(vec![0; 5700], "\n");
        rope.push(b"between\n");
        rope.push_stored(Arc::new(stored), "\n");
        rope.push_body(vec![b'x'; 5000]);
        rope.push(b"tail");
        rope
    }

    #[test]
    fn long_bodies_are_kept_and_come_out_in_order() {
        let octets = vec![0xff; 114_000];
        let rope = mixed(Told { len: 114_000, octets });
        assert_eq!(rope.len(), 5 + 100 * 77 + 8 + 2000 * 77 + 5000 + 4);
        let length = rope.len();
        let out = rope.into_vec().expect("readable");
        assert_eq!(out.len() as u64, length);
        assert!(out.starts_with(b"head\nAAAA"));
        assert_eq!(&out[5 + 7700..][..12], b"between\n////");
        assert!(out.ends_with(b"xxtail"));
    }

    #[test]
    fn what_is_stored_is_not_taken_shorter_or_longer() {
        for octets in [4, 6] {
            assert!(mixed(Told { len: 5, octets: vec![0; octets] }).into_vec().is_err());
        }
    }

    #[test]
    fn a_line_end_is_taken_back_from_what_was_gathered_only() {
        let mut rope = Rope::new();
        rope.push(b"a\n");
        rope.push_base64(vec![0; 5700], "\n");
        rope.drop_line_end("\n");
        assert_eq!(rope.len(), 2 + 7700);
        rope.push(b"b\n");
        rope.drop_line_end("\n");
        assert_eq!(rope.len(), 2 + 7700 + 1);
    }
}
