//! Converts a message with 8-bit lines to 7-bit ones, octet for octet.
//!
//! A server without 8BITMIME accepts ASCII (RFC 6152 section 3), and no server has to accept a
//! line of more than 998 octets (RFC 5321 section 4.5.3.1.6). Content beyond that is
//! transfer-encoded when the message is sent (RFC 2045 section 6). By then the message is a
//! sequence of octets, and only they count: it makes no difference what their character set is, or
//! whether it is known.
//!
//! A signature covers the octets as they are. In `multipart/signed` and `multipart/encrypted`, and
//! in a message with a DKIM-Signature or an ARC-Message-Signature, nothing is changed. If something would have to be, the
//! result is an error that says so.

use super::base64_lines::Lines;
use super::downgrade_field;
use super::head::Head;
use super::parts::{DEEPEST, Parts, boundary_of, kind_of};
use super::text::{longest_line, write_lines};
use super::transfer::{self, Encoding, LONGEST_LINE, is_seven_bit, write_quoted_printable};
use std::ops::Range;

/// The target of the conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// ASCII, in lines that SMTP can carry.
    SevenBit,
    /// Lines of text that SMTP can carry. Octets may stay 8-bit, and signed content stays as it
    /// is.
    ShortLines,
}

/// Replaces these octets of the message with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub at: Range<usize>,
    pub with: Vec<u8>,
}

impl Edit {
    /// The entity with this head has this transfer encoding.
    pub(super) fn of_encoding(message: &[u8], head: &Head, encoding: &str, linesep: &str) -> Self {
        let at = match head.find(message, "content-transfer-encoding") {
            Some(field) => field.whole.clone(),
            None => head.end_of_fields..head.end_of_fields,
        };
        Edit { at, with: format!("Content-Transfer-Encoding: {encoding}{linesep}").into_bytes() }
    }
}

/// Why a message has to stay as it is. The text completes "it can't be re-encoded: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit(pub &'static str);

const SIGNED: Unfit = Unfit("it stands in multipart/signed, and that would break the signature");
const ENCRYPTED: Unfit = Unfit("it stands in multipart/encrypted, and nothing in there may be changed");
const SIGNED_WHOLE: Unfit = Unfit("it is signed (DKIM or ARC), and that would break the signature");
const AROUND: Unfit = Unfit("it stands before or after the parts of a multipart");
const NO_PARTS: Unfit = Unfit("it is in a multipart without parts");
const ONLY_SEVEN_BIT: Unfit = Unfit("it is in a message/partial or message/external-body");
const UUENCODED: Unfit = Unfit("its Content-Transfer-Encoding says that it is uuencoded already");
const ENCODED_MESSAGE: Unfit = Unfit("it is in a message/rfc822 that is transfer-encoded already");
const DEEP: Unfit = Unfit("it is in a part of a part of a part, too deep down");

const LINESEP: &str = "\r\n";

/// The necessary changes to a message, in order. `originals` are contents whose own line ends were
/// lost when the message was written. If one of them has to be encoded, the original is used.
pub fn edits(message: &[u8], aim: Aim, originals: &[&[u8]]) -> Result<Vec<Edit>, Unfit> {
    let mut walk = Walk { message, aim, originals, edits: Vec::new() };
    walk.entity(0..message.len(), Place { depth: 0, sealed: None, is_message: true, is_digest: false })?;
    Ok(walk.edits)
}

/// The message with its edits applied.
#[must_use]
pub fn edited(message: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 4);
    let mut done = 0;
    for edit in edits {
        out.extend_from_slice(&message[done..edit.at.start]);
        out.extend_from_slice(&edit.with);
        done = edit.at.end;
    }
    out.extend_from_slice(&message[done..]);
    out
}

#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// Nothing within this may be changed.
    sealed: Option<Unfit>,
    /// A whole message, not a part of one.
    is_message: bool,
    /// Its parts are messages unless they declare otherwise (RFC 2046 section 5.1.5).
    is_digest: bool,
}

struct Walk<'a> {
    message: &'a [u8],
    aim: Aim,
    originals: &'a [&'a [u8]],
    edits: Vec<Edit>,
}

impl Walk<'_> {
    /// Whether anything in it is changed.
    fn entity(&mut self, range: Range<usize>, place: Place) -> Result<bool, Unfit> {
        if place.depth > DEEPEST {
            return Err(DEEP);
        }
        if is_seven_bit(&self.message[range.clone()]) {
            return Ok(false);
        }
        let head = Head::read(self.message, range.clone());
        let sealed = place.sealed.or_else(|| head.is_signed(self.message).then_some(SIGNED_WHOLE));
        let place = Place { sealed, ..place };
        let first = self.edits.len();
        self.fields(&head, place)?;
        let before_body = self.edits.len();
        let body = head.body..range.end;
        let default = if place.is_digest { "message/rfc822" } else { "text/plain" };
        let field = head.value(self.message, "content-type");
        let (main, sub) = kind_of(field.as_deref(), default);
        let cte = head.value(self.message, "content-transfer-encoding").unwrap_or_default();
        let cte = cte.trim().to_ascii_lowercase();
        let is_encoded = matches!(cte.as_str(), "base64" | "quoted-printable");
        let now = match main.as_str() {
            "multipart" => {
                let changed = self.multipart(body, &sub, field.as_deref(), place)?;
                changed.then_some("7bit")
            }
            "message" if sub == "rfc822" && is_encoded => self.encoded_message(&body, place)?,
            "message" if sub == "rfc822" => {
                let inner = Place { depth: place.depth + 1, is_message: true, is_digest: false, ..place };
                self.entity(body, inner)?.then_some("7bit")
            }
            "message" if matches!(sub.as_str(), "partial" | "external-body") => self.only_seven_bit(&body)?,
            _ => self.leaf(body, main == "text", &cte, place)?,
        };
        // A composite declares the widest encoding of its parts, which is narrower now.
        let now = now.filter(|now| *now != "7bit" || self.aim == Aim::SevenBit);
        self.say(&head, &cte, now, before_body);
        let changed = self.edits.len() > first;
        if changed && place.is_message && head.find(self.message, "mime-version").is_none() {
            let at = head.end_of_fields;
            let with = b"MIME-Version: 1.0\r\n".to_vec();
            let index = self.edits[first..].partition_point(|edit| edit.at.start <= at) + first;
            self.edits.insert(index, Edit { at: at..at, with });
        }
        Ok(changed)
    }

    /// Updates the fields to match the body's encoding.
    fn say(&mut self, head: &Head, cte: &str, now: Option<&'static str>, before_body: usize) {
        let Some(now) = now.filter(|now| *now != cte && !(*now == "7bit" && cte.is_empty())) else { return };
        let edit = Edit::of_encoding(self.message, head, now, LINESEP);
        let index = self.edits[..before_body].partition_point(|before| before.at.start < edit.at.start);
        self.edits.insert(index, edit);
    }

    fn fields(&mut self, head: &Head, place: Place) -> Result<(), Unfit> {
        if self.aim != Aim::SevenBit {
            return Ok(());
        }
        for field in &head.fields {
            let octets = &self.message[field.whole.clone()];
            if octets.is_ascii() {
                continue;
            }
            if let Some(unfit) = place.sealed {
                return Err(unfit);
            }
            let with = downgrade_field::encoded(octets)?;
            self.edits.push(Edit { at: field.whole.clone(), with });
        }
        Ok(())
    }

    fn multipart(
        &mut self,
        body: Range<usize>,
        sub: &str,
        field: Option<&str>,
        place: Place,
    ) -> Result<bool, Unfit> {
        let sealed = match sub {
            "signed" => Some(SIGNED),
            "encrypted" => Some(ENCRYPTED),
            _ => None,
        };
        let boundary = field.and_then(boundary_of).unwrap_or_default();
        let parts = Parts::of(self.message, body.clone(), &boundary);
        if parts.inside.is_empty() {
            return if self.refuses(&self.message[body]) { Err(NO_PARTS) } else { Ok(false) };
        }
        for around in [parts.preamble, parts.epilogue] {
            if self.refuses(&self.message[around]) {
                return Err(place.sealed.or(sealed).unwrap_or(AROUND));
            }
        }
        let inner = Place {
            depth: place.depth + 1,
            sealed: place.sealed.or(sealed),
            is_message: false,
            is_digest: sub == "digest",
        };
        let mut changed = false;
        for part in parts.inside {
            changed |= self.entity(part, inner)?;
        }
        Ok(changed)
    }

    /// Whether this exceeds the limits in a place where nothing can be changed.
    fn refuses(&self, octets: &[u8]) -> bool {
        self.aim == Aim::SevenBit && !octets.is_ascii()
    }

    fn only_seven_bit(&self, body: &Range<usize>) -> Result<Option<&'static str>, Unfit> {
        if self.refuses(&self.message[body.clone()]) { Err(ONLY_SEVEN_BIT) } else { Ok(None) }
    }

    fn encoded_message(&self, body: &Range<usize>, place: Place) -> Result<Option<&'static str>, Unfit> {
        match self.refuses(&self.message[body.clone()]) {
            true => Err(place.sealed.unwrap_or(ENCODED_MESSAGE)),
            false => Ok(None),
        }
    }

    /// Handles content that isn't made of entities. Returns its new transfer encoding, if it has
    /// to be changed.
    fn leaf(
        &mut self,
        at: Range<usize>,
        is_text: bool,
        cte: &str,
        place: Place,
    ) -> Result<Option<&'static str>, Unfit> {
        let body = &self.message[at.clone()];
        let is_long = (is_text || body.is_ascii()) && longest_line(body) > LONGEST_LINE;
        if !is_long && !self.refuses(body) {
            return Ok(None);
        }
        if let Some(unfit) = place.sealed {
            // Lines that are too long are sent as they were signed: many servers accept them.
            return if self.refuses(body) { Err(unfit) } else { Ok(None) };
        }
        let (with, now) = match cte {
            "quoted-printable" => (transfer::repaired_quoted_printable(body, LINESEP), "quoted-printable"),
            "base64" => (transfer::repaired_base64(body, LINESEP), "base64"),
            "x-uuencode" | "uuencode" | "uue" | "x-uue" => {
                return if self.refuses(body) { Err(UUENCODED) } else { Ok(None) };
            }
            _ => self.encoded(body, is_text),
        };
        self.edits.push(Edit { at, with });
        Ok(Some(now))
    }

    fn encoded(&self, body: &[u8], is_text: bool) -> (Vec<u8>, &'static str) {
        let is_readable = is_text && !body.contains(&0);
        if is_readable && transfer::choose_for_text(body) == Some(Encoding::QuotedPrintable) {
            let mut quoted = Vec::with_capacity(body.len() * 5 / 4);
            write_quoted_printable(body, 76, LINESEP, &mut quoted);
            return (quoted, Encoding::QuotedPrintable.name());
        }
        let original = self.originals.iter().find(|original| {
            let mut written = Vec::with_capacity(body.len());
            write_lines(original, LINESEP, &mut written);
            written == body
        });
        let octets = original.copied().unwrap_or(body);
        let mut base64 = Vec::new();
        Lines::ended_by(LINESEP).append(octets, &mut base64);
        (base64, Encoding::Base64.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::SIGNATURES;
    use super::*;

    fn seven_bit(message: &[u8]) -> Result<String, Unfit> {
        let edits = edits(message, Aim::SevenBit, &[])?;
        Ok(String::from_utf8(edited(message, &edits)).expect("ASCII"))
    }

    #[test]
    fn text_becomes_quoted_printable_whatever_its_charset() {
        let message = b"Content-Type: text/plain; charset=x-unknown\r\n\r\nna\xefve\r\n";
        let expected = "Content-Type: text/plain; charset=x-unknown\r\n\
                        Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\nna=EFve\r\n";
        assert_eq!(seven_bit(message).as_deref(), Ok(expected));
    }

    #[test]
    fn parts_are_encoded_each_for_itself() {
        let message = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\
            Content-Transfer-Encoding: 8bit\r\n\r\n--x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nna\xefve text\r\n\
            --x\r\nContent-Type: image/png\r\n\r\n\x89P\r\n--x\r\n\r\nplain\r\n--x--\r\n";
        let expected = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\n--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            na=EFve text\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVA=\r\n\r\n\
            --x\r\n\r\nplain\r\n--x--\r\n";
        assert_eq!(seven_bit(message).as_deref(), Ok(expected));
    }

    #[test]
    fn an_enclosed_message_is_encoded_inside() {
        let message = b"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\
            Content-Transfer-Encoding: 8bit\r\n\r\nSubject: x\r\n\r\nna\xefve text\r\n";
        let expected = "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\nSubject: x\r\n\
            Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\nna=EFve text\r\n";
        assert_eq!(seven_bit(message).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_encoded_already_is_not_encoded_twice() {
        let quoted =
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC \xff\r\n";
        assert!(seven_bit(quoted).is_ok_and(|message| message.ends_with("\r\n\r\n=C3=BC =FF\r\n")));
        let base64 = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\naGFs\xffbG8=\r\n";
        assert!(seven_bit(base64).is_ok_and(|message| message.ends_with("base64\r\n\r\naGFsbG8=\r\n")));
    }

    #[test]
    fn what_is_signed_stays_as_it_is() {
        let signed = b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\
            \xfc\r\n--x\r\n\r\nsignature\r\n--x--\r\n";
        assert_eq!(seven_bit(signed), Err(SIGNED));
        for name in SIGNATURES {
            let whole = [name.as_bytes(), b": v=1\r\n\r\n\xfc\r\n"].concat();
            assert_eq!(seven_bit(&whole), Err(SIGNED_WHOLE));
        }
    }

    #[test]
    fn an_original_is_encoded_instead_of_what_became_of_it() {
        let message = b"MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n\xff\r\n\r\n";
        let edits = edits(message, Aim::SevenBit, &[b"\xff\n\r"]).expect("fits");
        assert!(edited(message, &edits).ends_with(b"\r\n\r\n/woN\r\n"));
    }

    #[test]
    fn lines_are_made_short() {
        let long = format!("MIME-Version: 1.0\r\n\r\n{}\r\n", "x".repeat(2000));
        let edits = edits(long.as_bytes(), Aim::ShortLines, &[]).expect("fits");
        let short = edited(long.as_bytes(), &edits);
        assert!(longest_line(&short) <= 76);
        let signed = format!("DKIM-Signature: v=1\r\n{long}");
        assert_eq!(super::edits(signed.as_bytes(), Aim::ShortLines, &[]), Ok(Vec::new()));
    }
}
