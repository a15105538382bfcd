//! A rope made from another: edited, without some encodings, with octets before it. Bodies that are
//! encoded when sent stay where they are.

use super::{Body, Piece, Rope};
use crate::message::base64_lines::Lines;
use crate::message::binary_parts::{self, Gap};
use crate::message::downgrade::Edit;
use std::sync::Arc;

impl<B: AsRef<[u8]>> Rope<B> {
    /// The same with edits to [`Rope::exact`] applied. `hold` keeps a body that is encoded when
    /// sent alive: the one that [`Rope::kept_octets`] returns for this index.
    #[must_use]
    pub fn edited(&self, edits: &[Edit], hold: impl Fn(usize) -> B) -> Self {
        self.changed(edits, &[], hold)
    }

    /// The same with its parts unencoded where that can be (RFC 3030 section 3). None: there are none.
    #[must_use]
    pub fn unencoded(&self, hold: impl Fn(usize) -> B) -> Option<Self> {
        let mut at = 0;
        let mut gaps = Vec::new();
        let mut places = Vec::new();
        for (index, piece) in self.pieces().enumerate() {
            let octets = match piece {
                Piece::Exactly(octets) => {
                    at += octets.len();
                    continue;
                }
                Piece::Base64(octets, _) => Some(octets),
                Piece::Stored(..) => None,
            };
            gaps.push(Gap { at, octets });
            places.push(index / 2);
        }
        let plan = binary_parts::plan(&self.exact(), &gaps);
        let bare: Vec<usize> = plan.bare.iter().map(|&gap| places[gap]).collect();
        (!plan.edits.is_empty()).then(|| self.changed(&plan.edits, &bare, hold))
    }

    /// With these edits, and without the encoding of the bodies at these places.
    fn changed(&self, edits: &[Edit], bare: &[usize], hold: impl Fn(usize) -> B) -> Self {
        let mut new = Rope::new();
        let mut edits = edits.iter().peekable();
        // The start of the current piece, and the position up to which everything has been added.
        let (mut begin, mut said) = (0, 0);
        for (index, piece) in self.pieces().enumerate() {
            match piece {
                Piece::Exactly(octets) => {
                    let end = begin + octets.len();
                    while let Some(edit) = edits.next_if(|edit| edit.at.start < end) {
                        new.push(&octets[said.max(begin) - begin..edit.at.start - begin]);
                        new.push(&edit.with);
                        said = edit.at.end;
                    }
                    if said < end {
                        new.push(&octets[said.max(begin) - begin..]);
                        said = end;
                    }
                    begin = end;
                }
                Piece::Base64(..) if bare.contains(&(index / 2)) => new.keep(Body::Exactly(hold(index / 2))),
                Piece::Base64(_, lines) => new.keep(Body::Base64(hold(index / 2), lines.clone())),
                Piece::Stored(stored, lines) => {
                    let lines = if bare.contains(&(index / 2)) { Lines::unencoded() } else { lines.clone() };
                    new.keep(Body::Stored(Arc::clone(stored), lines));
                }
            }
        }
        edits.for_each(|edit| new.push(&edit.with));
        new.has_utf8_fields = self.has_utf8_fields;
        new
    }

    /// The same, with these octets before it. `hold` keeps a body alive: the one that
    /// [`Rope::kept_octets`] returns for this index.
    #[must_use]
    pub fn behind(&self, octets: &[u8], hold: impl Fn(usize) -> B) -> Self {
        let mut new = Rope::new();
        new.push(octets);
        for (index, piece) in self.pieces().enumerate() {
            match piece {
                Piece::Exactly(octets) if index % 2 == 0 => new.push(octets),
                Piece::Exactly(_) => new.keep(Body::Exactly(hold(index / 2))),
                Piece::Base64(_, lines) => new.keep(Body::Base64(hold(index / 2), lines.clone())),
                Piece::Stored(stored, lines) => new.keep(Body::Stored(Arc::clone(stored), lines.clone())),
            }
        }
        new.has_utf8_fields = self.has_utf8_fields;
        new
    }

    /// The octets of the body at this index. None if they are stored elsewhere.
    #[must_use]
    pub fn kept_octets(&self, place: usize) -> &[u8] {
        match self.kept.get(place).map(|kept| &kept.body) {
            Some(Body::Exactly(owner) | Body::Base64(owner, _)) => owner.as_ref(),
            Some(Body::Stored(..)) | None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;
    use crate::message::stored::tests::Told;

    #[test]
    fn edits_go_around_what_is_encoded_on_the_way_out() {
        let rope = mixed(Told { len: 114_000, octets: vec![0xff; 114_000] });
        assert!(rope.is_ascii());
        assert_eq!(rope.exact().len(), 5 + 8 + 5000 + 4);
        let edits = [
            Edit { at: 0..4, with: b"H".to_vec() },
            Edit { at: 5..5, with: b"more ".to_vec() },
            Edit { at: 13..5013, with: b"y".to_vec() },
            Edit { at: 5017..5017, with: b"!".to_vec() },
        ];
        let edited = rope.edited(&edits, |place| rope.kept_octets(place).to_vec());
        let before = rope.into_vec().expect("readable");
        let after = edited.into_vec().expect("readable");
        let encoded = |from: usize, octets: usize| &before[from..from + octets];
        let expected =
            [b"H\n", encoded(5, 7700), b"more between\n", encoded(5 + 7700 + 8, 2000 * 77), b"ytail!"];
        assert_eq!(after, expected.concat());
    }

    #[test]
    fn parts_go_unencoded_and_are_as_long_as_they_are_then() {
        let boundary = crate::message::boundary::new();
        let mut rope = Rope::new();
        rope.push(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").as_bytes());
        let head = b"Content-Transfer-Encoding: base64\r\n\r\n";
        let start = format!("--{boundary}\r\nContent-Type: image/png\r\n");
        let content: Vec<u8> = (0..200_000).map(|n| (n * 13) as u8).collect();
        for number in 0..3 {
            rope.push(start.as_bytes());
            rope.push(head);
            match number {
                0 => rope.push_base64(content.clone(), "\r\n"),
                1 => rope.push_stored(Arc::new(Told { len: 200_000, octets: content.clone() }), "\r\n"),
                _ => rope.push_base64(content[..100].to_vec(), "\r\n"),
            }
            rope.push(b"\r\n");
        }
        rope.push(format!("--{boundary}--\r\n").as_bytes());
        let new = rope.unencoded(|place| rope.kept_octets(place).to_vec()).expect("encoded before");
        let length = new.len();
        let out = new.into_vec().expect("readable");
        assert_eq!(out.len() as u64, length);
        assert!(length < 401_000 && rope.len() > 540_000);
        let binary = b"Content-Transfer-Encoding: binary\r\n\r\n";
        let parts = [&content[..], &content[..], &content[..100]]
            .map(|content| [start.as_bytes(), binary, content, b"\r\n"].concat());
        let (at, end) = (out.len() - parts.concat().len() - 42, out.len() - 42);
        assert!(out[at..end] == parts.concat()[..]);
    }

    #[test]
    fn octets_go_before_all_of_it() {
        let rope = mixed(Told { len: 114_000, octets: vec![0xff; 114_000] });
        let new = rope.behind(b"first ", |place| rope.kept_octets(place).to_vec());
        let whole = rope.into_vec().expect("readable");
        assert_eq!(new.into_vec().expect("readable"), [b"first ", whole.as_slice()].concat());
    }
}
