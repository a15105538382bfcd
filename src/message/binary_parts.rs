//! Takes the base64 off the parts of a message, for a server that takes binary content (RFC 3030
//! section 3). A file in base64 is a third longer than it has to be.
//!
//! What is signed or encrypted stays as it is, and so do messages within the message, which are
//! other people's. Text keeps its encoding unless its lines end as those of mail do: a server that
//! has to encode it again may change them.
//!
//! Only base64 is sure not to contain a boundary. Content in memory is searched for those around
//! it. A file isn't read for that: it loses its encoding only behind boundaries of our own, whose
//! 64 random bits no file contains.

use super::boundary;
use super::downgrade::Edit;
use super::head::Head;
use super::parts::{DEEPEST, Parts, boundary_of, kind_of};
use encodify::base64::STANDARD;
use memchr::memmem;
use std::ops::Range;

/// A body that is encoded only when it is sent, so that the octets of the message have a gap here.
#[derive(Clone, Copy, Debug)]
pub struct Gap<'a> {
    /// Where it belongs.
    pub at: usize,
    /// What is encoded. None: it is in a file.
    pub octets: Option<&'a [u8]>,
}

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub edits: Vec<Edit>,
    /// The gaps whose bodies go without an encoding, in order.
    pub bare: Vec<usize>,
}

/// How to take the base64 off a message, of which these are the octets and the gaps in them.
#[must_use]
pub fn plan(message: &[u8], gaps: &[Gap]) -> Plan {
    let mut walk = Walk { message, gaps, plan: Plan::default(), boundaries: Vec::new() };
    walk.entity(0..message.len(), "text/plain");
    walk.plan.edits.sort_by_key(|edit| edit.at.start);
    walk.plan
}

struct Walk<'a> {
    message: &'a [u8],
    gaps: &'a [Gap<'a>],
    plan: Plan,
    /// Of the multiparts around the place.
    boundaries: Vec<String>,
}

impl Walk<'_> {
    /// Whether something in it has become binary.
    fn entity(&mut self, range: Range<usize>, default: &str) -> bool {
        let head = Head::read(self.message, range.clone());
        if head.is_signed(self.message) {
            return false;
        }
        let field = head.value(self.message, "content-type");
        let (main, sub) = kind_of(field.as_deref(), default);
        let body = head.body..range.end;
        let changed = match main.as_str() {
            "multipart" if matches!(sub.as_str(), "signed" | "encrypted") => false,
            "multipart" => self.multipart(body, &sub, field.as_deref()),
            "message" => false,
            // The last line of a message that is a single part has to end.
            _ => !self.boundaries.is_empty() && self.leaf(&head, body, main == "text"),
        };
        if changed {
            // What encloses binary content says so as well (RFC 2045 section 6.4).
            self.plan.edits.push(Edit::of_encoding(self.message, &head, "binary", "\r\n"));
        }
        changed
    }

    fn multipart(&mut self, body: Range<usize>, sub: &str, field: Option<&str>) -> bool {
        let Some(boundary) = field.and_then(boundary_of).filter(|found| !found.is_empty()) else {
            return false;
        };
        if self.boundaries.len() >= DEEPEST {
            return false;
        }
        let parts = Parts::of(self.message, body, &boundary);
        self.boundaries.push(boundary);
        let default = if sub == "digest" { "message/rfc822" } else { "text/plain" };
        let mut changed = false;
        for part in parts.inside {
            changed |= self.entity(part, default);
        }
        self.boundaries.pop();
        changed
    }

    fn leaf(&mut self, head: &Head, body: Range<usize>, is_text: bool) -> bool {
        let encoding = head.value(self.message, "content-transfer-encoding").unwrap_or_default();
        if !encoding.eq_ignore_ascii_case("base64") {
            return false;
        }
        let first = self.gaps.partition_point(|gap| gap.at < body.start);
        let count = self.gaps[first..].partition_point(|gap| gap.at <= body.end);
        match count {
            0 => match decoded(&self.message[body.clone()]) {
                Some(octets) if self.may_be_bare(&octets, is_text) => {
                    self.plan.edits.push(Edit { at: body, with: octets });
                    true
                }
                _ => false,
            },
            1 if body.is_empty() => {
                let is_fit = match self.gaps[first].octets {
                    Some(octets) => self.may_be_bare(octets, is_text),
                    None => !is_text && self.boundaries.iter().all(|one| boundary::is_ours(one)),
                };
                if is_fit {
                    self.plan.bare.push(first);
                }
                is_fit
            }
            _ => false,
        }
    }

    fn may_be_bare(&self, octets: &[u8], is_text: bool) -> bool {
        let is_fit = !is_text || has_mail_lines(octets);
        is_fit
            && self.boundaries.iter().all(|boundary| {
                let delimiter = [b"--", boundary.as_bytes()].concat();
                memmem::find(octets, &delimiter).is_none()
            })
    }
}

/// None for what isn't plain base64: readers may differ about it.
fn decoded(body: &[u8]) -> Option<Vec<u8>> {
    let said: Vec<u8> = body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    STANDARD.decode(said).ok()
}

/// Whether each CR and LF belongs to a CRLF.
fn has_mail_lines(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', text).all(|at| match text[at] {
        b'\r' => text.get(at + 1) == Some(&b'\n'),
        _ => at > 0 && text[at - 1] == b'\r',
    })
}

#[cfg(test)]
mod tests {
    use super::super::downgrade::edited;
    use super::*;

    const OURS: &str = "===============0123456789012345678==";

    fn bare(message: &str) -> Vec<u8> {
        edited(message.as_bytes(), &plan(message.as_bytes(), &[]).edits)
    }

    fn mixed(part: &str) -> String {
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\n\r\n\
             text\r\n--x\r\n{part}\r\n--x--\r\n"
        )
    }

    #[test]
    fn parts_lose_their_base64_and_all_around_them_says_binary() {
        let inner = "Content-Type: multipart/related; boundary=y\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                     --y\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: BASE64\r\n\r\n\
                     iQoNAP8\r\nu\r\n\r\n--y--\r\n";
        let expected = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\
            Content-Transfer-Encoding: binary\r\n\r\n--x\r\n\r\ntext\r\n--x\r\n\
            Content-Type: multipart/related; boundary=y\r\nContent-Transfer-Encoding: binary\r\n\r\n\
            --y\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\
            \x89\n\r\0\xff\x2e\r\n--y--\r\n\r\n--x--\r\n";
        assert_eq!(bare(&mixed(inner)), expected);
    }

    #[test]
    fn what_has_to_stay_stays() {
        let part = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n";
        assert_ne!(bare(&mixed(part)), mixed(part).as_bytes());
        let alone = format!("MIME-Version: 1.0\r\n{part}");
        let signed = mixed(part).replace("multipart/mixed", "multipart/signed");
        let dkim = format!("DKIM-Signature: v=1\r\n{}", mixed(part));
        let arc = format!("ARC-Message-Signature: i=1\r\n{}", mixed(part));
        let enclosed =
            mixed(&format!("Content-Type: message/rfc822\r\n\r\n{}", mixed(part).replace('x', "z")));
        let quoted = mixed(part).replace("base64", "quoted-printable");
        let odd = mixed(part).replace("AAAA", "AA*A");
        let cut = mixed(part).replace("AAAA", "AAAAA");
        // CRLF, "--x": a part of its own, if it were decoded.
        let within = mixed(part).replace("AAAA", "DQotLXgNCg==");
        // Two lines that end with LF.
        let text = mixed(part).replace("image/png", "text/csv").replace("AAAA", "YQpiCg==");
        for kept in [alone, signed, dkim, arc, enclosed, quoted, odd, cut, within, text] {
            assert_eq!(String::from_utf8_lossy(&bare(&kept)), kept);
        }
        let text = mixed(part).replace("image/png", "text/csv").replace("AAAA", "YQ0KYg0K");
        assert!(String::from_utf8_lossy(&bare(&text)).contains("binary\r\n\r\na\r\nb\r\n\r\n--x"));
    }

    #[test]
    fn gaps_lose_theirs_where_no_boundary_can_be_in_them() {
        let message =
            |kind: &str| mixed(&format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
        let planned = |message: &str, octets| {
            let at = message.find("base64\r\n\r\n").map_or(0, |at| at + 10);
            plan(message.as_bytes(), &[Gap { at, octets }])
        };
        let png = message("image/png");
        let of_memory = planned(&png, Some(b"\0\n--xy".as_slice()));
        assert_eq!(of_memory, Plan::default());
        let of_memory = planned(&png, Some(b"\0\n-x".as_slice()));
        assert_eq!((of_memory.bare, of_memory.edits.len()), (vec![0], 2));
        assert_eq!(planned(&png, None), Plan::default());
        let ours = png.replace("\"x\"", &format!("\"{OURS}\"")).replace("--x", &format!("--{OURS}"));
        assert_eq!(planned(&ours, None).bare, [0]);
        assert_eq!(planned(&ours.replace("image/png", "text/csv"), None), Plan::default());
    }
}
