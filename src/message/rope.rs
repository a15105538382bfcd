//! Rendered output before it is one piece.
//!
//! Header fields and short texts are gathered in one buffer; large bodies stay
//! where their owner keeps them and are copied, or base64-encoded, once: straight
//! into their final place. So a 10 MB attachment costs its own output and no more.

use encodify::base64::{self, Base64, LineEnding};
use std::convert::Infallible;

/// Bodies at least this long are left with their owner; shorter ones are gathered.
const WORTH_KEEPING: usize = 4096;

/// Width of a base64 line (RFC 2045 section 6.8).
const BASE64_WIDTH: usize = 76;

/// Pieces of output in order.
#[derive(Debug, Default)]
pub struct Rope<B> {
    gathered: Vec<u8>,
    kept: Vec<Kept<B>>,
    kept_len: usize,
}

#[derive(Debug)]
struct Kept<B> {
    /// How much of `gathered` comes before this body.
    after: usize,
    owner: B,
    encoder: Option<Base64>,
}

impl<B: AsRef<[u8]>> Rope<B> {
    #[must_use]
    pub fn new() -> Self {
        Rope { gathered: Vec::with_capacity(1024), kept: Vec::new(), kept_len: 0 }
    }

    /// The buffer for everything short.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }

    /// Adds a body as it is.
    pub fn push_body(&mut self, owner: B) {
        if owner.as_ref().len() < WORTH_KEEPING {
            self.gathered.extend_from_slice(owner.as_ref());
        } else {
            self.keep(owner, None);
        }
    }

    /// Adds a body in base64, each line (the last one too) ended by `linesep`.
    pub fn push_base64(&mut self, owner: B, linesep: &str) {
        match base64_lines(linesep) {
            Some(encoder) if owner.as_ref().len() >= WORTH_KEEPING => {
                self.keep(owner, Some(encoder));
            }
            Some(encoder) => {
                encoder.encode_append(owner.as_ref(), &mut self.gathered);
            }
            None => {
                for line in owner.as_ref().chunks(BASE64_WIDTH / 4 * 3) {
                    base64::STANDARD.encode_append(line, &mut self.gathered);
                    self.gathered.extend_from_slice(linesep.as_bytes());
                }
            }
        }
    }

    fn keep(&mut self, owner: B, encoder: Option<Base64>) {
        self.kept_len += encoded_len(owner.as_ref(), encoder);
        self.kept.push(Kept { after: self.gathered.len(), owner, encoder });
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.gathered.len() + self.kept_len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of the output was short: then `text` holds it already.
    #[must_use]
    pub fn is_gathered(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether the output ends with these bytes, as far as that can be told
    /// without encoding anything.
    #[must_use]
    pub fn ends_with(&self, end: &[u8]) -> bool {
        match self.kept.last() {
            Some(kept) if kept.after + end.len() > self.gathered.len() => {
                kept.after == self.gathered.len()
                    && (kept.encoder.is_some() || kept.owner.as_ref().ends_with(end))
            }
            _ => self.gathered.ends_with(end),
        }
    }

    /// Writes everything to `out`, which has to be [`Rope::len`] bytes long.
    pub fn write_to(&self, mut out: &mut [u8]) {
        let infallible: Result<(), Infallible> = self.pieces(|bytes, encoder| {
            let (here, rest) = std::mem::take(&mut out).split_at_mut(encoded_len(bytes, encoder));
            match encoder {
                // The slice is exactly as long as the encoding, so this can't fail.
                Some(encoder) => drop(encoder.encode_slice(bytes, here)),
                None => here.copy_from_slice(bytes),
            }
            out = rest;
            Ok(())
        });
        let Ok(()) = infallible;
    }

    /// Everything in one vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        if self.is_gathered() {
            return self.gathered;
        }
        let mut out = vec![0; self.len()];
        self.write_to(&mut out);
        out
    }

    fn pieces<'a, E>(
        &'a self,
        mut each: impl FnMut(&'a [u8], Option<Base64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut from = 0;
        for kept in &self.kept {
            each(&self.gathered[from..kept.after], None)?;
            each(kept.owner.as_ref(), kept.encoder)?;
            from = kept.after;
        }
        each(&self.gathered[from..], None)
    }
}

fn encoded_len(bytes: &[u8], encoder: Option<Base64>) -> usize {
    encoder.map_or(bytes.len(), |encoder| encoder.encoded_len(bytes.len()))
}

fn base64_lines(linesep: &str) -> Option<Base64> {
    let ending = match linesep {
        "\n" => LineEnding::Lf,
        "\r\n" => LineEnding::CrLf,
        _ => return None,
    };
    Some(base64::STANDARD.wrapped(BASE64_WIDTH, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_kept_and_come_out_in_order() {
        let mut rope = Rope::new();
        rope.push(b"head\n");
        rope.push_base64(vec![0; 5700], "\n");
        rope.push(b"between\n");
        rope.push_body(vec![b'x'; 5000]);
        rope.push(b"tail");
        assert_eq!(rope.len(), 5 + 100 * 77 + 8 + 5000 + 4);
        let length = rope.len();
        let out = rope.into_vec();
        assert_eq!(out.len(), length);
        assert!(out.starts_with(b"head\nAAAA"));
        assert!(out.ends_with(b"xxtail"));
    }

    #[test]
    fn unusual_line_ends_are_honoured() {
        let mut rope = Rope::<&[u8]>::new();
        rope.push_base64(&[0; 58], "\r");
        assert_eq!(rope.into_vec(), [&[b'A'; 76][..], b"\rAA==\r"].concat());
    }
}
