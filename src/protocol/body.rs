//! The content of an outgoing message: octets in memory, or pieces that are produced when the
//! connection can take them.
//!
//! What a transaction has to know in advance (SIZE, 8BITMIME) is known before any content is read.
//! A clone of a body shares the content and starts again from the beginning, so a sender that may
//! have to resend a message keeps a clone.

use super::error::{Cause, Error, Kind, Stage};
use super::mail_data::{Encoder, Framing, Looks, canonical_size};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Content that is produced on demand. Implementations live outside this folder, because they may
/// read files.
pub trait Content: Send + Sync {
    /// How many octets it has.
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets it has once every line end is CRLF (RFC 1870 5).
    fn canonical_size(&self) -> u64;

    fn is_ascii(&self) -> bool;

    /// The same content for a server that takes 7-bit lines only. An error completes the sentence
    /// "it can't be re-encoded: ". None means that the caller wrote it, so we must not change it.
    fn in_seven_bits(self: Arc<Self>) -> Option<Result<Body, String>> {
        None
    }

    /// The same content for a server that takes binary (RFC 3030 section 3), where that makes a
    /// difference and we may change it.
    fn in_binary(self: Arc<Self>) -> Option<Body> {
        None
    }

    /// Whether it can't be sent but as binary.
    fn needs_binary(&self) -> bool {
        true
    }

    /// How many of its octets are held in memory.
    fn size_in_memory(&self) -> usize {
        0
    }

    /// Begins to read it from the start.
    fn open(self: Arc<Self>) -> Result<Box<dyn Pieces>, Unreadable>;
}

/// A reading in progress.
pub trait Pieces: Send + Sync {
    /// The next octets: at least one and at most `most`, which never exceeds what is left. If the
    /// content differs from what was announced, the reader must report it with the last piece at
    /// the latest. After that nothing can be taken back.
    fn next(&mut self, most: usize) -> Result<&[u8], Unreadable>;
}

/// Why content can't be read completely.
#[derive(Clone, Debug)]
pub struct Unreadable {
    pub message: String,
    /// The operating system's error number, if there is one.
    pub os_error: Option<i32>,
    pub cause: Option<Cause>,
}

impl Unreadable {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), os_error: None, cause: None }
    }

    pub fn to_error(&self) -> Error {
        Error {
            os_error: self.os_error,
            cause: self.cause.clone(),
            ..Error::new(Kind::Unreadable, Stage::MailData, self.message.clone())
        }
    }
}

impl PartialEq for Unreadable {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message && self.os_error == other.os_error
    }
}

impl Eq for Unreadable {}

#[derive(Clone)]
enum Source {
    Memory(Arc<dyn AsRef<[u8]> + Send + Sync>),
    OnDemand(Arc<dyn Content>),
}

/// Some octets of a body in memory, without a copy.
pub(super) struct Slice {
    whole: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl Slice {
    /// What follows the first octets, or None if nothing does.
    pub(super) fn behind(mut self, octets: usize) -> Option<Self> {
        self.range.start += octets;
        (!self.range.is_empty()).then_some(self)
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &(*self.whole).as_ref()[self.range.clone()]
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice({} octets)", self.range.len())
    }
}

/// The content of a message as the caller gave it. It is encoded piece by piece when it is sent,
/// and never copied whole.
pub struct Body {
    source: Source,
    reading: Option<Box<dyn Pieces>>,
    taken: u64,
    /// Content in memory is scanned only once.
    looks: Option<Looks>,
    /// Its line ends must not be changed.
    octet_for_octet: bool,
}

impl Body {
    /// Octets in memory.
    pub fn new(content: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::shared(Arc::new(content))
    }

    /// Octets that are shared with others.
    pub fn shared(content: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Self {
        Self::of(Source::Memory(content))
    }

    pub fn on_demand(content: impl Content + 'static) -> Self {
        Self::of(Source::OnDemand(Arc::new(content)))
    }

    fn of(source: Source) -> Self {
        Self { source, reading: None, taken: 0, looks: None, octet_for_octet: false }
    }

    /// The body as far as it has been taken, which is sent instead of this one.
    pub(super) fn taken_over(&mut self) -> Self {
        Self { source: self.source.clone(), reading: self.reading.take(), ..*self }
    }

    /// The number of octets before line ends are made canonical.
    pub fn len(&self) -> u64 {
        match &self.source {
            Source::Memory(octets) => (**octets).as_ref().len() as u64,
            Source::OnDemand(content) => content.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets it holds in memory.
    pub fn size_in_memory(&self) -> usize {
        match &self.source {
            Source::Memory(octets) => (**octets).as_ref().len(),
            Source::OnDemand(content) => content.size_in_memory(),
        }
    }

    /// From now on it is the content as `BODY=BINARYMIME` announces it (RFC 3030 section 3):
    /// nothing that we may decode is encoded, and no line end is changed.
    pub fn become_binary(&mut self) {
        if let Source::OnDemand(content) = &self.source
            && let Some(unencoded) = Arc::clone(content).in_binary()
        {
            *self = unencoded;
        }
        self.octet_for_octet = true;
    }

    /// Whether it would be changed on its way if it weren't sent as binary.
    pub fn needs_binary(&mut self) -> bool {
        let looks = self.looks();
        match &self.source {
            Source::Memory(_) => looks.is_none_or(|looks| !(looks.canonical && looks.ascii)),
            Source::OnDemand(content) => content.needs_binary(),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        if self.octet_for_octet { Framing::Binary } else { Framing::Chunk }
    }

    /// What SIZE declares (RFC 1870 5).
    pub fn canonical_size(&mut self) -> u64 {
        if self.octet_for_octet {
            return self.len();
        }
        let canonical = self.is_canonical();
        match &self.source {
            Source::Memory(octets) if canonical => (**octets).as_ref().len() as u64,
            Source::Memory(octets) => canonical_size((**octets).as_ref()),
            Source::OnDemand(content) => content.canonical_size(),
        }
    }

    /// Whether it lies in memory exactly as it will be sent, with no line ends to change.
    pub(super) fn is_canonical(&mut self) -> bool {
        self.looks().is_some_and(|looks| looks.canonical || self.octet_for_octet)
    }

    pub fn is_ascii(&mut self) -> bool {
        let looks = self.looks();
        match &self.source {
            Source::OnDemand(content) => content.is_ascii(),
            Source::Memory(_) => looks.is_none_or(|looks| looks.ascii),
        }
    }

    /// None if it isn't in memory.
    fn looks(&mut self) -> Option<Looks> {
        if let (None, Source::Memory(octets)) = (self.looks, &self.source) {
            self.looks = Some(Looks::of((**octets).as_ref()));
        }
        self.looks
    }

    /// The same message in 7-bit lines, if we may change it.
    pub fn in_seven_bits(&self) -> Option<Result<Body, String>> {
        match &self.source {
            Source::Memory(_) => None,
            Source::OnDemand(content) => Arc::clone(content).in_seven_bits(),
        }
    }

    /// The next octets, up to this many. None only at the end.
    pub(super) fn next_piece(&mut self, most: usize) -> Result<&[u8], Unreadable> {
        let left = self.len() - self.taken;
        let most = usize::try_from(left).map_or(most, |left| left.min(most));
        if most == 0 {
            return Ok(&[]);
        }
        let piece = match &self.source {
            Source::Memory(octets) => {
                // Content in memory never exceeds that.
                let from = self.taken as usize;
                &(**octets).as_ref()[from..from + most]
            }
            Source::OnDemand(content) => {
                let reading = match &mut self.reading {
                    Some(reading) => reading,
                    none => none.insert(Arc::clone(content).open()?),
                };
                reading.next(most)?
            }
        };
        if piece.is_empty() || piece.len() > most {
            return Err(Unreadable::new("the content of the message is not as long as it was announced"));
        }
        self.taken += piece.len() as u64;
        Ok(piece)
    }

    /// What is left, or its beginning, if it is in memory.
    pub(super) fn left(&self, most: usize) -> &[u8] {
        match &self.source {
            Source::Memory(octets) => {
                let left = &(**octets).as_ref()[self.taken as usize..];
                &left[..left.len().min(most)]
            }
            Source::OnDemand(_) => &[],
        }
    }

    /// The next octets in memory, without a copy, up to this many.
    pub(super) fn next_slice(&mut self, most: usize) -> Slice {
        let from = self.taken as usize;
        let octets = self.left(most).len();
        self.taken += octets as u64;
        match &self.source {
            Source::Memory(whole) => Slice { whole: Arc::clone(whole), range: from..from + octets },
            Source::OnDemand(_) => Slice { whole: Arc::new([]), range: 0..0 },
        }
    }

    /// The whole content with canonical line ends, as BDAT would send it.
    pub fn canonical(&self) -> Result<Vec<u8>, Unreadable> {
        let mut octets = Vec::new();
        self.each_canonical(|piece| {
            octets.extend_from_slice(piece);
            Ok::<_, Unreadable>(true)
        })?;
        Ok(octets)
    }

    /// Produces the same piece by piece, while `take` wants more.
    pub fn each_canonical<E: From<Unreadable>>(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut body = self.clone();
        let mut encoder = Encoder::new(self.framing());
        let mut piece = Vec::new();
        while !body.is_done() {
            piece.clear();
            encoder.encode(body.next_piece(64 * 1024)?, &mut piece);
            if !take(&piece)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The first octets, as many as come in one piece, up to this many.
    pub fn beginning(&self, most: usize) -> Result<Vec<u8>, Unreadable> {
        self.clone().next_piece(most).map(<[u8]>::to_vec)
    }

    /// How many octets have been taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn is_done(&self) -> bool {
        self.taken == self.len()
    }
}

impl Clone for Body {
    /// The same content, from the beginning.
    fn clone(&self) -> Self {
        Self::of(self.source.clone())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} octets, {} taken)", self.len(), self.taken)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Content of this many octets, in pieces of at most 1000. Only the first `readable` can be
    /// read.
    #[derive(Clone, Copy, Debug)]
    pub struct Failing {
        pub octets: u64,
        pub readable: u64,
    }

    struct Reading {
        left: u64,
        piece: Vec<u8>,
    }

    impl Content for Failing {
        fn len(&self) -> u64 {
            self.octets
        }

        fn canonical_size(&self) -> u64 {
            self.octets
        }

        fn is_ascii(&self) -> bool {
            true
        }

        fn open(self: Arc<Self>) -> Result<Box<dyn Pieces>, Unreadable> {
            Ok(Box::new(Reading { left: self.readable, piece: Vec::new() }))
        }
    }

    impl Pieces for Reading {
        fn next(&mut self, most: usize) -> Result<&[u8], Unreadable> {
            let octets = self.left.min(1000).min(most as u64);
            if octets == 0 {
                return Err(Unreadable::new("the disk is gone"));
            }
            self.left -= octets;
            self.piece = vec![b'x'; octets as usize];
            Ok(&self.piece)
        }
    }

    #[test]
    fn a_clone_begins_at_the_beginning() {
        for mut body in
            [Body::new(vec![b'x'; 1500]), Body::on_demand(Failing { octets: 1500, readable: 1500 })]
        {
            let mut all = Vec::new();
            while !body.is_done() {
                all.extend_from_slice(body.next_piece(700).expect("readable"));
            }
            assert_eq!(all, [b'x'; 1500]);
            assert_eq!(body.next_piece(700), Ok(&[][..]));
            assert_eq!(body.clone().next_piece(10), Ok(&[b'x'; 10][..]));
        }
    }

    #[test]
    fn content_that_ends_early_is_an_error() {
        struct Short;
        impl Content for Short {
            fn len(&self) -> u64 {
                5
            }
            fn canonical_size(&self) -> u64 {
                5
            }
            fn is_ascii(&self) -> bool {
                true
            }
            fn open(self: Arc<Self>) -> Result<Box<dyn Pieces>, Unreadable> {
                Ok(Box::new(Nothing))
            }
        }
        struct Nothing;
        impl Pieces for Nothing {
            fn next(&mut self, _: usize) -> Result<&[u8], Unreadable> {
                Ok(&[])
            }
        }
        assert!(Body::on_demand(Short).next_piece(5).is_err());
    }
}
