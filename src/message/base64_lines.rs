//! Base64 in lines (RFC 2045 section 6.8), whole or piece by piece.

use encodify::base64::{self, Base64, LineEnding};

/// Width of a line.
const WIDTH: usize = 76;
/// Octets that make a line.
const LINE: usize = WIDTH / 4 * 3;

/// Encodes into lines with this line end, which the last line gets, too.
#[derive(Clone, Debug)]
pub struct Lines {
    linesep: String,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Wrapped(Base64),
    /// Line ends that mail doesn't know.
    Oddly,
    /// As the octets are, for a server that takes them (RFC 3030 section 3).
    Unencoded,
}

impl Lines {
    /// How many octets to encode at a time: 64 KB of whole lines.
    pub const PIECE: usize = 840 * LINE;

    #[must_use]
    pub fn ended_by(linesep: &str) -> Self {
        let wrapped = |ending| How::Wrapped(base64::STANDARD.wrapped(WIDTH, ending));
        let how = match linesep {
            "\n" => wrapped(LineEnding::Lf),
            "\r\n" => wrapped(LineEnding::CrLf),
            _ => How::Oddly,
        };
        Lines { linesep: linesep.to_owned(), how }
    }

    /// The octets as they are.
    #[must_use]
    pub fn unencoded() -> Self {
        Lines { linesep: String::new(), how: How::Unencoded }
    }

    #[must_use]
    pub fn encoded_len(&self, octets: u64) -> u64 {
        if let How::Unencoded = self.how {
            return octets;
        }
        let ends = octets.div_ceil(LINE as u64) * self.linesep.len() as u64;
        octets.div_ceil(3).saturating_mul(4).saturating_add(ends)
    }

    pub fn append(&self, octets: &[u8], out: &mut Vec<u8>) {
        match self.how {
            How::Wrapped(encoder) => drop(encoder.encode_append(octets, out)),
            How::Oddly => {
                for line in octets.chunks(LINE) {
                    base64::STANDARD.encode_append(line, out);
                    out.extend_from_slice(self.linesep.as_bytes());
                }
            }
            How::Unencoded => out.extend_from_slice(octets),
        }
    }

    /// Encodes into a slice of exactly [`Lines::encoded_len`] octets.
    pub fn write(&self, octets: &[u8], out: &mut [u8]) {
        match self.how {
            // The slice is exactly as long as the encoding, so this can't fail.
            How::Wrapped(encoder) => drop(encoder.encode_slice(octets, out)),
            How::Oddly => {
                let mut encoded = Vec::with_capacity(out.len());
                self.append(octets, &mut encoded);
                out.copy_from_slice(&encoded);
            }
            How::Unencoded => out.copy_from_slice(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_known_and_pieces_make_the_whole() {
        let ended = ["\n", "\r\n", "\r"].map(Lines::ended_by);
        for lines in ended.into_iter().chain([Lines::unencoded()]) {
            for octets in [0, 1, 2, 3, 56, 57, 58, 114, Lines::PIECE, 2 * Lines::PIECE + 100] {
                let content: Vec<u8> = (0..octets).map(|n| (n * 7) as u8).collect();
                let (mut whole, mut pieced) = (Vec::new(), Vec::new());
                lines.append(&content, &mut whole);
                content.chunks(Lines::PIECE).for_each(|piece| lines.append(piece, &mut pieced));
                assert_eq!(whole, pieced);
                assert_eq!(whole.len() as u64, lines.encoded_len(octets as u64), "{octets} {lines:?}");
                let mut placed = vec![0; whole.len()];
                lines.write(&content, &mut placed);
                assert_eq!(whole, placed);
            }
        }
    }
}
