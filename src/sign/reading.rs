//! Reads one message in order to sign it: keeps the header, and hashes the body.

use super::canonical::{BodyHash, Form};
use super::header::Header;
use super::{Signer, Unsigned};
use aws_lc_rs::digest::Digest;
use std::sync::Arc;

/// A message that is being read. Its octets come in order, with CRLF at the end of each line and
/// no other CR or LF.
#[derive(Debug)]
pub struct Reader {
    header: Vec<u8>,
    is_in_body: bool,
    bodies: Vec<(Form, BodyHash)>,
}

/// A message that has been read completely.
#[derive(Debug)]
pub struct Reading {
    header: Vec<u8>,
    bodies: Vec<(Form, Digest)>,
}

impl Reader {
    /// Starts a reading for these signers.
    #[must_use]
    pub fn new(signers: &[Arc<dyn Signer>]) -> Self {
        let wanted = |form: &Form| signers.iter().any(|signer| signer.body() == *form);
        let forms = Form::ALL.into_iter().filter(wanted);
        let bodies = forms.map(|form| (form, BodyHash::new(form))).collect();
        Reader { header: Vec::new(), is_in_body: false, bodies }
    }

    /// The next octets.
    pub fn update(&mut self, octets: &[u8]) {
        if self.is_in_body {
            return self.update_body(octets);
        }
        let from = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(octets);
        let Some(end) = end_of_header(&self.header, from) else { return };
        let body = self.header.split_off(end);
        self.is_in_body = true;
        self.update_body(body.strip_prefix(b"\r\n").unwrap_or(&body));
    }

    /// Whether the end of the header has been reached.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.is_in_body
    }

    fn update_body(&mut self, octets: &[u8]) {
        self.bodies.iter_mut().for_each(|(_, hash)| hash.update(octets));
    }

    #[must_use]
    pub fn finish(self) -> Reading {
        let bodies = self.bodies.into_iter().map(|(form, hash)| (form, hash.finish())).collect();
        Reading { header: self.header, bodies }
    }
}

/// The position of the empty line. Nothing before `from` is examined.
fn end_of_header(octets: &[u8], from: usize) -> Option<usize> {
    if octets.starts_with(b"\r\n") {
        return Some(0);
    }
    memchr::memmem::find(&octets[from..], b"\r\n\r\n").map(|found| from + found + 2)
}

impl Reading {
    pub fn header(&self) -> Result<Header<'_>, Unsigned> {
        Header::read(&self.header)
    }

    /// The hash of the body in this form, which a signer has requested.
    #[must_use]
    pub fn body_hash(&self, form: Form) -> &[u8] {
        self.bodies.iter().find(|(known, _)| *known == form).map_or(&[], |(_, hash)| hash.as_ref())
    }

    /// The fields of all signers that haven't signed the message yet, to be put before it. The
    /// first signer's field comes first.
    pub fn fields(&self, signers: &[Arc<dyn Signer>], now: u64) -> Result<Vec<u8>, Unsigned> {
        let header = self.header()?;
        let mut fields = Vec::new();
        for signer in signers.iter().filter(|signer| !signer.has_signed(&header)) {
            fields.append(&mut signer.field(self, now)?);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_body_are_parted_wherever_the_pieces_end() {
        for (message, header) in [
            (&b"A: b\r\nC: d\r\n\r\nbody\r\n"[..], &b"A: b\r\nC: d\r\n"[..]),
            (b"A: b\r\n", b"A: b\r\n"),
            (b"A: b", b"A: b"),
            (b"\r\nbody", b""),
            (b"A: b\r\n\r\n", b"A: b\r\n"),
        ] {
            for piece in 1..message.len() {
                let mut reader = Reader::new(&[]);
                message.chunks(piece).for_each(|octets| reader.update(octets));
                assert_eq!(reader.finish().header, header, "{message:?} {piece}");
            }
        }
    }
}
