//! Mail data on the wire: canonical line ends, transparency, and the end of data (RFC 5321 2.3.8,
//! 4.5.2; RFC 3030 for BDAT).
//!
//! The order matters. Line ends are made canonical first (every bare CR and bare LF becomes CRLF),
//! and dots are stuffed after that. So no body can forge the end of mail data, whatever the server
//! accepts as a line end.

/// How the mail data is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After DATA: stuffed dots, ended by a line with a single dot.
    Data,
    /// After BDAT: counted octets, without dot-stuffing or a final dot.
    Chunk,
    /// After BDAT, for a message with BODY=BINARYMIME: the octets are counted and sent without any
    /// change (RFC 3030 3).
    Binary,
}

/// Turns content into mail data, piece by piece.
#[derive(Debug)]
pub struct Encoder {
    framing: Framing,
    at_line_start: bool,
    /// The last piece ended with a CR. Its CRLF has been written, so a LF that follows belongs to
    /// it.
    after_cr: bool,
}

impl Encoder {
    pub fn new(framing: Framing) -> Self {
        Self { framing, at_line_start: true, after_cr: false }
    }

    /// Appends the next piece of content to `out`.
    pub fn encode(&mut self, content: &[u8], out: &mut Vec<u8>) {
        if self.framing == Framing::Binary {
            return out.extend_from_slice(content);
        }
        if content.is_empty() {
            return;
        }
        let mut content = content;
        if std::mem::take(&mut self.after_cr) {
            content = content.strip_prefix(b"\n").unwrap_or(content);
            if content.is_empty() {
                return;
            }
        }
        out.reserve(content.len() + content.len() / 32 + 4);
        if self.stuffs(content) {
            out.push(b'.');
        }
        // `copied` lags behind, so that canonical lines are copied in one run.
        let mut copied = 0;
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b'\r', b'\n', &content[at..]) {
            let end = at + found;
            at = end + 1;
            if content[end] == b'\r' && content.get(at) == Some(&b'\n') {
                at += 1;
            } else {
                out.extend_from_slice(&content[copied..end]);
                out.extend_from_slice(b"\r\n");
                copied = at;
            }
            self.at_line_start = true;
            if content.get(at) == Some(&b'.') && self.framing == Framing::Data {
                out.extend_from_slice(&content[copied..at]);
                out.push(b'.');
                copied = at;
            }
        }
        out.extend_from_slice(&content[copied..]);
        self.at_line_start = at == content.len();
        self.after_cr = content.last() == Some(&b'\r');
    }

    /// How many of the next octets, all of them canonical, can be sent as they are: those up to
    /// the first line that needs a dot. A line end is never split.
    pub fn passes(&self, canonical: &[u8]) -> usize {
        let whole = canonical.strip_suffix(b"\r").unwrap_or(canonical);
        if self.after_cr || self.stuffs(whole) {
            return 0;
        }
        match self.framing {
            Framing::Chunk | Framing::Binary => whole.len(),
            Framing::Data => memchr::memmem::find(whole, b"\n.").map_or(whole.len(), |line_end| line_end + 1),
        }
    }

    /// These octets have been sent as they are.
    pub fn passed(&mut self, canonical: &[u8]) {
        if let Some(&last) = canonical.last() {
            self.at_line_start = last == b'\n';
        }
    }

    /// Whether this begins with a dot that must be doubled.
    fn stuffs(&self, content: &[u8]) -> bool {
        self.framing == Framing::Data && self.at_line_start && content.first() == Some(&b'.')
    }

    /// Appends what ends the mail data: a line end if the last line lacks one, and for DATA the
    /// single dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.framing == Framing::Data {
            if !self.at_line_start {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b".\r\n");
        }
    }
}

/// The result of one scan of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    pub ascii: bool,
    /// Every line end is CRLF, and there are no other CRs or LFs.
    pub canonical: bool,
}

impl Looks {
    /// Has no branch per octet or line, so that the compiler can compare many octets at a time.
    pub fn of(content: &[u8]) -> Self {
        let (Some(&last), Some(behind)) = (content.last(), content.get(1..)) else {
            return Self { ascii: true, canonical: true };
        };
        // A CR is right if and only if a LF follows it.
        let mut octets = last;
        let mut bare = u8::from(content[0] == b'\n') | u8::from(last == b'\r');
        for (octet, next) in content.iter().zip(behind) {
            octets |= octet;
            bare |= u8::from(*octet == b'\r') ^ u8::from(*next == b'\n');
        }
        Self { ascii: octets.is_ascii(), canonical: bare == 0 }
    }
}

/// The size of the content once every line end is CRLF, which is what SIZE declares (RFC 1870 5;
/// stuffed dots don't count).
pub fn canonical_size(content: &[u8]) -> u64 {
    let mut size = CanonicalSize::default();
    size.count(content);
    size.octets()
}

/// The same for content that comes in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct CanonicalSize {
    octets: u64,
    after_cr: bool,
}

impl CanonicalSize {
    pub fn count(&mut self, content: &[u8]) {
        // A CR or LF without the other becomes both.
        let crs = memchr::memchr_iter(b'\r', content).count();
        let (mut lfs, mut pairs) = (0, 0);
        for at in memchr::memchr_iter(b'\n', content) {
            lfs += 1;
            let after_cr = if at == 0 { self.after_cr } else { content[at - 1] == b'\r' };
            pairs += u64::from(after_cr);
        }
        // The CR that ended the previous piece has been counted as a lone one.
        self.octets = self.octets + content.len() as u64 + crs as u64 + lfs - 2 * pairs;
        if let Some(last) = content.last() {
            self.after_cr = *last == b'\r';
        }
    }

    /// Counts octets that are already canonical and that end a line.
    pub fn count_canonical(&mut self, octets: u64) {
        self.octets += octets;
        self.after_cr = false;
    }

    pub fn octets(self) -> u64 {
        self.octets
    }
}

/// The receiving side: takes stuffed mail data and returns the content. Only CRLF "." CRLF ends
/// it.
#[derive(Debug)]
pub struct Decoder {
    /// How much of CRLF "." CRLF has been seen: 0 none, 1 CR, 2 CRLF, 3 the dot after it, 4 a CR
    /// after that.
    seen: u8,
}

impl Default for Decoder {
    fn default() -> Self {
        // The CRLF of the DATA command line counts as the first one.
        Self { seen: 2 }
    }
}

impl Decoder {
    /// Appends content to `out`. Returns how many bytes were taken, and whether
    /// the end of mail data has been seen.
    pub fn decode(&mut self, wire: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let mut at = 0;
        while at < wire.len() {
            if self.seen == 0 {
                // The common case: a run without CR.
                let run = memchr::memchr(b'\r', &wire[at..]).unwrap_or(wire.len() - at);
                out.extend_from_slice(&wire[at..at + run]);
                at += run;
                if at == wire.len() {
                    break;
                }
            }
            let byte = wire[at];
            at += 1;
            match (self.seen, byte) {
                (2, b'.') => self.seen = 3,
                (3, b'\r') => self.seen = 4,
                (4, b'\n') => return (at, true),
                (4, _) => {
                    // A line with a stuffed dot and a bare CR: the CR is content.
                    out.push(b'\r');
                    self.content(byte, 1, out);
                }
                (seen, _) => self.content(byte, seen, out),
            }
        }
        (at, false)
    }

    fn content(&mut self, byte: u8, seen: u8, out: &mut Vec<u8>) {
        out.push(byte);
        self.seen = match byte {
            b'\r' => 1,
            b'\n' if seen == 1 => 2,
            _ => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(framing: Framing, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::new(framing), Vec::new());
        for piece in pieces {
            encoder.encode(piece, &mut out);
        }
        encoder.finish(&mut out);
        out
    }

    /// A straightforward reference implementation, one byte at a time.
    fn canonical(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = content.iter().peekable();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'\r' => {
                    bytes.next_if_eq(&&b'\n');
                    out.extend(b"\r\n");
                }
                b'\n' => out.extend(b"\r\n"),
                _ => out.push(byte),
            }
        }
        out
    }

    #[test]
    fn lines_dots_and_the_end() {
        for (content, wire) in [
            (&b""[..], &b".\r\n"[..]),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a\nb\rc\r\n", b"a\r\nb\r\nc\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\n..b", b"a\r\n...b\r\n.\r\n"),
            (b"\r\r\n", b"\r\n\r\n.\r\n"),
            (b"x\n.\rMAIL", b"x\r\n..\r\nMAIL\r\n.\r\n"),
        ] {
            assert_eq!(encode(Framing::Data, &[content]), wire, "{}", content.escape_ascii());
        }
        assert_eq!(encode(Framing::Chunk, &[b".a\n.b"]), b".a\r\n.b");
        // An empty piece between CR and LF doesn't separate them.
        assert_eq!(encode(Framing::Data, &[b"\r", b"", b"\n"]), b"\r\n.\r\n");
    }

    #[test]
    fn only_crlf_dot_crlf_ends_mail_data() {
        for forged in [&b"\n.\n"[..], b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r"] {
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            decoder.decode(b"x", &mut out);
            assert!(!decoder.decode(forged, &mut out).1, "{}", forged.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_content_forges_the_end(pieces in proptest::collection::vec("[\r\n.a]{0,12}", 0..6)) {
            let content = pieces.concat();
            let bytes: Vec<&[u8]> = pieces.iter().map(|p| p.as_bytes()).collect();
            let wire = encode(Framing::Data, &bytes);
            let mut expected = canonical(content.as_bytes());
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend(b"\r\n");
            }
            // Unstuffed, it is the canonical content, and the end occurs once, at the end.
            for cut in 0..=wire.len() {
                let (mut decoder, mut out) = (Decoder::default(), Vec::new());
                let (taken, ended) = decoder.decode(&wire[..cut], &mut out);
                prop_assert_eq!((taken, ended), (cut, cut == wire.len()));
                if !ended {
                    let (taken, ended) = decoder.decode(&wire[cut..], &mut out);
                    prop_assert_eq!((taken, ended), (wire.len() - cut, true));
                }
                prop_assert_eq!(&out, &expected);
            }
        }

        #[test]
        fn what_is_canonical_goes_out_as_it_is_but_for_the_dots(
            lines in proptest::collection::vec("[.a]{0,4}", 0..12),
            last in "[.a]{0,3}",
            cuts in proptest::collection::vec((1usize..9, any::<bool>()), 1..40),
        ) {
            let mut content = lines.join("\r\n");
            content.push_str("\r\n");
            content.push_str(&last);
            prop_assert!(Looks::of(content.as_bytes()).canonical);
            for framing in [Framing::Data, Framing::Chunk] {
                let (mut encoder, mut out) = (Encoder::new(framing), Vec::new());
                let mut left = content.as_bytes();
                for &(size, as_it_is) in cuts.iter().cycle() {
                    if left.is_empty() {
                        break;
                    }
                    let piece = &left[..size.min(left.len())];
                    let passed = if as_it_is { encoder.passes(piece) } else { 0 };
                    if passed > 0 {
                        out.extend_from_slice(&piece[..passed]);
                        encoder.passed(&piece[..passed]);
                        left = &left[passed..];
                    } else {
                        encoder.encode(piece, &mut out);
                        left = &left[piece.len()..];
                    }
                }
                encoder.finish(&mut out);
                prop_assert_eq!(out, encode(framing, &[content.as_bytes()]));
            }
        }

        #[test]
        fn a_look_finds_what_is_bare_and_what_is_8_bit(content in "[\r\né.a]{0,80}", whole in any::<bool>()) {
            let content = if whole { canonical(content.as_bytes()) } else { content.into_bytes() };
            for from in 0..content.len().min(3) {
                let content = &content[from..];
                let looks = Looks::of(content);
                prop_assert_eq!(looks.ascii, content.is_ascii());
                prop_assert_eq!(looks.canonical, canonical(content) == content);
            }
        }

        #[test]
        fn chunks_are_canonical_and_nothing_more(pieces in proptest::collection::vec("[\r\n.a]{0,12}", 0..6)) {
            let bytes: Vec<&[u8]> = pieces.iter().map(|p| p.as_bytes()).collect();
            let chunk = encode(Framing::Chunk, &bytes);
            prop_assert_eq!(&chunk, &canonical(pieces.concat().as_bytes()));
            prop_assert_eq!(chunk.len() as u64, canonical_size(pieces.concat().as_bytes()));
            let mut size = CanonicalSize::default();
            bytes.iter().for_each(|piece| size.count(piece));
            prop_assert_eq!(chunk.len() as u64, size.octets());
        }
    }
}
