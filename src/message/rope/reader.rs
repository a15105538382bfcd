//! Reads a rope from start to end, piece by piece, in bounded memory.

use super::{Piece, Rope};
use crate::message::base64_lines::Lines;
use crate::message::stored::{Exactly, ReadError};
use std::sync::Arc;

/// A reading in progress. A rope can have several at a time.
#[derive(Debug)]
pub struct Reader<B> {
    rope: Arc<Rope<B>>,
    /// The index of the piece, and how many of its own octets have been read.
    index: usize,
    done: u64,
    stored: Option<Exactly>,
    raw: Vec<u8>,
    encoded: Vec<u8>,
    /// How much of `encoded` has been returned.
    given: usize,
}

/// The source of the next octets.
enum Next {
    Encoded,
    InMemory { index: usize, from: usize, to: usize },
    End,
}

impl<B: AsRef<[u8]>> Reader<B> {
    #[must_use]
    pub fn new(rope: Arc<Rope<B>>) -> Self {
        let (raw, encoded) = (Vec::new(), Vec::new());
        Reader { rope, index: 0, done: 0, stored: None, raw, encoded, given: 0 }
    }

    /// The next octets, up to this many. None at the end.
    pub fn read(&mut self, most: usize) -> Result<&[u8], ReadError> {
        match self.go_on(most)? {
            Next::Encoded => {
                let from = self.given;
                self.given = self.encoded.len().min(from + most);
                Ok(&self.encoded[from..self.given])
            }
            Next::InMemory { index, from, to } => match self.rope.piece(index) {
                Some(Piece::Exactly(octets)) => Ok(&octets[from..to]),
                _ => Ok(&[]),
            },
            Next::End => Ok(&[]),
        }
    }

    fn go_on(&mut self, most: usize) -> Result<Next, ReadError> {
        loop {
            if self.given < self.encoded.len() {
                return Ok(Next::Encoded);
            }
            let Some(piece) = self.rope.piece(self.index) else { return Ok(Next::End) };
            let octets = match piece {
                Piece::Exactly(octets) | Piece::Base64(octets, _) => octets.len() as u64,
                Piece::Stored(stored, _) => stored.len(),
            };
            if self.done == octets {
                (self.index, self.done, self.stored) = (self.index + 1, 0, None);
                continue;
            }
            // Content in memory is never longer than an index can express.
            let from = self.done as usize;
            self.encoded.clear();
            self.given = 0;
            match piece {
                Piece::Exactly(octets) => {
                    let to = octets.len().min(from + most);
                    self.done = to as u64;
                    return Ok(Next::InMemory { index: self.index, from, to });
                }
                Piece::Base64(octets, lines) => {
                    let to = octets.len().min(from + Lines::PIECE);
                    lines.append(&octets[from..to], &mut self.encoded);
                    self.done = to as u64;
                }
                Piece::Stored(stored, lines) => {
                    let reading = match &mut self.stored {
                        Some(reading) => reading,
                        none => none.insert(Exactly::open(&**stored)?),
                    };
                    self.raw.resize(Lines::PIECE, 0);
                    let read = reading.read(&mut self.raw)?;
                    lines.append(read, &mut self.encoded);
                    self.done += read.len() as u64;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;
    use crate::message::stored::tests::Told;

    #[test]
    fn pieces_of_any_size_make_the_whole() {
        let told = Told { len: 200_000, octets: (0..200_000).map(|n| (n * 13) as u8).collect() };
        let rope = Arc::new(mixed(told.clone()));
        let whole = mixed(told).into_vec().expect("readable");
        for most in [1000, 65_536, 1_000_000] {
            let mut reader = Reader::new(Arc::clone(&rope));
            let mut all = Vec::new();
            loop {
                let piece = reader.read(most).expect("readable");
                if piece.is_empty() {
                    break;
                }
                assert!(piece.len() <= most);
                all.extend_from_slice(piece);
            }
            assert!(all == whole, "in pieces of {most}");
        }
    }

    #[test]
    fn what_changed_is_told_before_its_last_octets_are_given() {
        for (len, octets) in [(100_000, 99_999), (100_000, 100_001)] {
            let mut reader = Reader::new(Arc::new(mixed(Told { len, octets: vec![0; octets] })));
            let mut got = 0;
            let told = loop {
                match reader.read(65_536) {
                    Ok(piece) => got += piece.len(),
                    Err(told) => break told,
                }
            };
            assert!(told.to_string().starts_with("told: the file was changed"));
            assert!(got < 5 + 7700 + 8 + 100_000 * 4 / 3);
        }
    }
}
