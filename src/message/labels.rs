//! Says of multiparts and enclosed messages that there is 8-bit content in them (RFC 2045 section
//! 6.4): without a Content-Transfer-Encoding they would say that it is all 7-bit.
//!
//! What is signed or encrypted stays as it came.

use super::downgrade::Edit;
use super::head::Head;
use super::parts::{DEEPEST, Parts, boundary_of, kind_of};
use std::ops::Range;

/// The fields that a message lacks, in order. `linesep` is its line end.
#[must_use]
pub fn edits(message: &[u8], linesep: &str) -> Vec<Edit> {
    let mut walk = Walk { message, linesep, edits: Vec::new() };
    walk.entity(0..message.len(), "text/plain", 0);
    walk.edits.sort_by_key(|edit| edit.at.start);
    walk.edits
}

struct Walk<'a> {
    message: &'a [u8],
    linesep: &'a str,
    edits: Vec<Edit>,
}

impl Walk<'_> {
    fn entity(&mut self, range: Range<usize>, default: &str, depth: usize) {
        let head = Head::read(self.message, range.clone());
        let body = head.body..range.end;
        if depth > DEEPEST || head.is_signed(self.message) || self.message[body.clone()].is_ascii() {
            return;
        }
        let field = head.value(self.message, "content-type");
        let (main, sub) = kind_of(field.as_deref(), default);
        match (main.as_str(), sub.as_str()) {
            ("multipart", "signed" | "encrypted") => return,
            ("multipart", _) => {
                let boundary = field.and_then(|field| boundary_of(&field)).unwrap_or_default();
                let default = if sub == "digest" { "message/rfc822" } else { "text/plain" };
                for part in Parts::of(self.message, body, &boundary).inside {
                    self.entity(part, default, depth + 1);
                }
            }
            ("message", "rfc822") => self.entity(body, "text/plain", depth + 1),
            // The others have an encoding of their own.
            _ => return,
        }
        let encoding = head.value(self.message, "content-transfer-encoding").unwrap_or_default();
        if encoding.is_empty() || encoding.eq_ignore_ascii_case("7bit") {
            self.edits.push(Edit::of_encoding(self.message, &head, "8bit", self.linesep));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::downgrade::edited;
    use super::*;

    fn labelled(message: &str) -> String {
        let out = edited(message.as_bytes(), &edits(message.as_bytes(), "\n"));
        String::from_utf8(out).expect("what was UTF-8 before")
    }

    /// `8` is where a label belongs.
    fn check(message: &str) {
        let label = "Content-Transfer-Encoding: 8bit\n";
        assert_eq!(labelled(&message.replace("8\n", "")), message.replace("8\n", label));
    }

    #[test]
    fn all_around_8_bit_content_says_so() {
        check(
            "A: b\nContent-Type: multipart/mixed; boundary=x\n8\n\n--x\n\ntext\n--x\n\
             Content-Type: message/rfc822\n8\n\nDKIM-Signature: v=1\nContent-Transfer-Encoding: 8bit\n\n\
             Gr\u{fc}\u{df}e\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n--y\n\ntext\n--y--\n--x--\n",
        );
        check("Content-Type: multipart/digest; boundary=x\n8\n\n--x\n8\n\nA: b\n\n\u{fc}\n--x--\n");
        let said = "Content-Transfer-Encoding: 7bit\nContent-Type: message/rfc822\n\nA: b\n\n\u{fc}\n";
        assert_eq!(labelled(said), said.replace("7bit", "8bit"));
    }

    #[test]
    fn the_others_stay_as_they_are() {
        for message in [
            "A: \u{fc}\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\ntext\n--x--\n",
            "Content-Type: text/plain\n\n\u{fc}\n",
            "Content-Transfer-Encoding: binary\nContent-Type: message/rfc822\n\nA: b\n\n\u{fc}\n",
            "Content-Type: multipart/signed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\nA: b\n\n\u{fc}\n--x--\n",
            "DKIM-Signature: v=1\nContent-Type: message/rfc822\n\nA: b\n\n\u{fc}\n",
            "ARC-Message-Signature: i=1\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n\u{fc}\n--x--\n",
        ] {
            assert_eq!(labelled(message), message);
        }
    }
}
