//! Turns a tree of entities (RFC 2045 section 2.4) into one run of bytes.
//!
//! This module defines the order of the parts. It doesn't know where an entity keeps its fields
//! and its content: [`Entity`] provides them. An entity's content is requested before its fields
//! are written, because content determines fields: the boundary of a multipart, or the transfer
//! encoding of a text that turns out not to be ASCII.

use super::{
    rope::Rope,
    stored::Stored,
    text::{has_line_ends, quote_from_lines, write_lines},
    transfer::{Encoding, write_quoted_printable},
};
use std::sync::Arc;

/// How a message is written.
#[derive(Clone, Debug)]
pub struct Rules {
    /// LF in memory, CRLF on the wire.
    pub linesep: String,
    /// The longest line of a folded field. 0 means no folding.
    pub max_width: usize,
    /// Content that isn't ASCII has to be encoded.
    pub seven_bit: bool,
    /// Put `>` before body lines that begin with `From `.
    pub mangle_from: bool,
    /// Fields in UTF-8 (RFC 6532).
    pub utf8: bool,
    /// The output is bytes. Otherwise it is text.
    pub binary: bool,
    /// The message goes to a server: supply what is missing, and leave out Bcc.
    pub sending: bool,
    /// The output will be signed or encrypted: change nothing unnecessarily.
    pub sealed: bool,
}

/// One message or body part.
pub trait Entity: Sized {
    type Error;
    type Bytes: AsRef<[u8]>;

    /// What it contains.
    fn content(&self, rules: &Rules) -> Result<Content<Self>, Self::Error>;

    /// Whether a signature covers it unchanged (RFC 6376, RFC 8617).
    fn is_signed(&self) -> bool {
        false
    }

    /// Its fields, folded, each with its line end.
    fn write_fields(&self, rules: &Rules, place: Place, out: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// The tree is deeper than any sensible message (or contains itself).
    fn too_deep() -> Self::Error;
}

/// An entity's position in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The message that is rendered.
    Root,
    /// A message inside it.
    Inner,
}

/// What an entity contains.
#[derive(Debug)]
pub enum Content<E: Entity> {
    Nothing,
    /// Text, which gets the line ends of the rules.
    Text(E::Bytes),
    /// Octets that aren't text. Their line ends are still converted to those of the rules, because
    /// mail knows no others.
    Octets(E::Bytes),
    /// Exactly these bytes.
    Exactly(E::Bytes),
    /// Bytes that are transfer-encoded when the message is sent.
    Encoded(E::Bytes, Encoding),
    /// Octets that are read and base64-encoded when the message is sent.
    Stored(Arc<dyn Stored>),
    Multipart(Multipart<E>),
    /// Groups of fields separated by empty lines (RFC 3464 section 2.1).
    Blocks(Vec<E>),
    /// Another message (RFC 2046 section 5.2).
    Message(Box<E>),
    /// Fields and body as they were read, except for line ends. The fields end with their empty
    /// line, if there was one.
    AsRead(E::Bytes, E::Bytes),
    /// The content of another entity, which replaces this one completely, including its fields.
    Instead(Box<E>, Box<Content<E>>),
}

/// Body parts between boundaries (RFC 2046 section 5.1).
#[derive(Debug)]
pub struct Multipart<E: Entity> {
    pub boundary: String,
    pub preamble: Option<E::Bytes>,
    pub parts: Vec<E>,
    pub epilogue: Option<E::Bytes>,
    /// Signed and encrypted parts stay unchanged: their fields aren't folded, and their bodies
    /// aren't encoded (RFC 1847 section 2.1).
    pub is_sealed: bool,
}

const DEEPEST: usize = 200;

/// Renders an entity and everything in it.
pub fn render<E: Entity>(entity: &E, rules: &Rules) -> Result<Rope<E::Bytes>, E::Error> {
    render_in(Rope::new(), entity, rules)
}

/// The same in a rope with nothing in it yet.
pub fn render_in<E: Entity>(
    mut rope: Rope<E::Bytes>,
    entity: &E,
    rules: &Rules,
) -> Result<Rope<E::Bytes>, E::Error> {
    write_entity(entity, rules, Place::Root, &mut rope, 0)?;
    Ok(rope)
}

fn write_entity<E: Entity>(
    entity: &E,
    rules: &Rules,
    place: Place,
    out: &mut Rope<E::Bytes>,
    depth: usize,
) -> Result<(), E::Error> {
    if depth > DEEPEST {
        return Err(E::too_deep());
    }
    match entity.content(rules)? {
        Content::AsRead(fields, body) => {
            write_lines(fields.as_ref(), &rules.linesep, out.text());
            write_text(body, rules, out);
            Ok(())
        }
        Content::Instead(other, content) => {
            out.push_fields(rules.utf8, |out| other.write_fields(rules, place, out))?;
            out.push(rules.linesep.as_bytes());
            write_content(*content, rules, out, depth)
        }
        content => {
            if depth == 0 {
                // At once, so that nothing moves when the text comes.
                out.make_room(if let Content::Text(text) = &content { text.as_ref().len() } else { 0 });
            }
            out.push_fields(rules.utf8, |out| entity.write_fields(rules, place, out))?;
            out.push(rules.linesep.as_bytes());
            write_content(content, rules, out, depth)
        }
    }
}

fn write_content<E: Entity>(
    content: Content<E>,
    rules: &Rules,
    out: &mut Rope<E::Bytes>,
    depth: usize,
) -> Result<(), E::Error> {
    match content {
        Content::Nothing => Ok(()),
        Content::Text(text) => {
            write_text(text, rules, out);
            Ok(())
        }
        Content::Octets(octets) if rules.sending => {
            out.push_octets(octets, &rules.linesep);
            Ok(())
        }
        Content::Octets(octets) => {
            write_text(octets, rules, out);
            Ok(())
        }
        Content::Exactly(bytes) => {
            out.push_body(bytes);
            Ok(())
        }
        Content::Encoded(bytes, Encoding::Base64) => {
            out.push_base64(bytes, &rules.linesep);
            Ok(())
        }
        Content::Encoded(bytes, Encoding::QuotedPrintable) => {
            write_quoted(bytes.as_ref(), rules, out.text());
            Ok(())
        }
        Content::Stored(stored) => {
            out.push_stored(stored, &rules.linesep);
            Ok(())
        }
        Content::Multipart(multipart) => write_multipart(multipart, rules, out, depth),
        Content::Blocks(blocks) => {
            let linesep = rules.linesep.as_bytes();
            for (number, block) in blocks.iter().enumerate() {
                if number > 0 {
                    out.push(linesep);
                }
                write_entity(block, rules, Place::Inner, out, depth + 1)?;
                out.drop_line_end(&rules.linesep);
            }
            Ok(())
        }
        Content::Message(message) if message.is_signed() && !rules.sealed => {
            write_entity(&*message, &sealed(rules), Place::Inner, out, depth + 1)
        }
        Content::Message(message) => write_entity(&*message, rules, Place::Inner, out, depth + 1),
        Content::AsRead(_, body) => {
            write_text(body, rules, out);
            Ok(())
        }
        Content::Instead(_, content) => write_content(*content, rules, out, depth),
    }
}

fn write_multipart<E: Entity>(
    multipart: Multipart<E>,
    rules: &Rules,
    out: &mut Rope<E::Bytes>,
    depth: usize,
) -> Result<(), E::Error> {
    let unchanged;
    let part_rules = if multipart.is_sealed {
        unchanged = sealed(rules);
        &unchanged
    } else {
        rules
    };
    let linesep = rules.linesep.as_bytes();
    let boundary = multipart.boundary.as_bytes();
    if let Some(preamble) = multipart.preamble {
        write_text(preamble, rules, out);
        out.push(linesep);
    }
    for (number, part) in multipart.parts.iter().enumerate() {
        if number > 0 {
            out.push(linesep);
        }
        for piece in [b"--", boundary, linesep] {
            out.push(piece);
        }
        write_entity(part, part_rules, Place::Inner, out, depth + 1)?;
    }
    if multipart.parts.is_empty() {
        for piece in [b"--", boundary, linesep] {
            out.push(piece);
        }
    }
    for piece in [linesep, b"--", boundary, b"--", linesep] {
        out.push(piece);
    }
    if let Some(epilogue) = multipart.epilogue {
        write_text(epilogue, rules, out);
    }
    Ok(())
}

fn sealed(rules: &Rules) -> Rules {
    Rules { max_width: 0, sealed: true, ..rules.clone() }
}

fn write_text<B: AsRef<[u8]>>(text: B, rules: &Rules, out: &mut Rope<B>) {
    if rules.mangle_from
        && let Some(quoted) = quote_from_lines(text.as_ref())
    {
        write_lines(&quoted, &rules.linesep, out.text());
    } else if has_line_ends(text.as_ref(), &rules.linesep) {
        out.push_body(text);
    } else {
        write_lines(text.as_ref(), &rules.linesep, out.text());
    }
}

fn write_quoted(bytes: &[u8], rules: &Rules, out: &mut Vec<u8>) {
    const WIDTH: usize = 76;
    if rules.mangle_from && memchr::memmem::find(bytes, b"From ").is_some() {
        let mut encoded = Vec::with_capacity(bytes.len() * 5 / 4);
        write_quoted_printable(bytes, WIDTH, &rules.linesep, &mut encoded);
        out.extend_from_slice(&quote_from_lines(&encoded).unwrap_or(encoded));
    } else {
        out.reserve(bytes.len() * 5 / 4);
        write_quoted_printable(bytes, WIDTH, &rules.linesep, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entity for tests, with given content.
    struct Part {
        fields: &'static str,
        content: fn() -> Content<Part>,
    }

    impl Entity for Part {
        type Error = &'static str;
        type Bytes = Vec<u8>;

        fn content(&self, _: &Rules) -> Result<Content<Self>, Self::Error> {
            Ok((self.content)())
        }

        fn write_fields(&self, rules: &Rules, _: Place, out: &mut Vec<u8>) -> Result<(), Self::Error> {
            write_lines(self.fields.as_bytes(), &rules.linesep, out);
            Ok(())
        }

        fn too_deep() -> Self::Error {
            "too deep"
        }
    }

    fn rules() -> Rules {
        Rules {
            linesep: "\r\n".to_owned(),
            max_width: 78,
            seven_bit: true,
            mangle_from: true,
            utf8: false,
            binary: true,
            sending: true,
            sealed: false,
        }
    }

    fn leaf() -> Part {
        Part { fields: "A: b\n", content: || Content::Text(b"From me\nto you".to_vec()) }
    }

    #[test]
    fn parts_stand_between_boundaries() {
        let root = Part {
            fields: "Content-Type: multipart/mixed\n",
            content: || {
                Content::Multipart(Multipart {
                    boundary: "x".to_owned(),
                    preamble: Some(b"before".to_vec()),
                    parts: vec![leaf(), leaf()],
                    epilogue: None,
                    is_sealed: false,
                })
            },
        };
        let out = render(&root, &rules()).map(|rope| rope.into_vec().expect("nothing is stored"));
        let part = "--x\r\nA: b\r\n\r\n>From me\r\nto you\r\n";
        let expected = format!("Content-Type: multipart/mixed\r\n\r\nbefore\r\n{part}{part}--x--\r\n");
        assert_eq!(out, Ok(expected.into_bytes()));
    }

    #[test]
    fn blocks_have_one_empty_line_between_them() {
        let root = Part {
            fields: "",
            content: || {
                let block = || Part { fields: "A: b\n", content: || Content::Nothing };
                Content::Blocks(vec![block(), block()])
            },
        };
        let out = render(&root, &rules()).map(|rope| rope.into_vec().expect("nothing is stored"));
        assert_eq!(out, Ok(b"\r\nA: b\r\n\r\nA: b\r\n".to_vec()));
    }

    #[test]
    fn an_entity_in_itself_is_refused() {
        fn endless() -> Content<Part> {
            Content::Message(Box::new(Part { fields: "", content: endless }))
        }
        let root = Part { fields: "", content: endless };
        assert!(matches!(render(&root, &rules()), Err("too deep")));
    }
}
