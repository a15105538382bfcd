//! Messages: RFC 5322 and MIME. Knows no SMTP and no Python.
//!
//! What a message is made of, from the smallest piece:
//!
//! - [`text`], [`charset`], [`encoded_word`]: lines, character sets, RFC 2047.
//! - [`field`], [`field_fold`]: what a header field may be, and how ours are folded.
//! - [`stdlib`]: what `email` does to the byte: its folds, its reading of parameters.
//! - [`transfer`], [`boundary`], [`identity`]: transfer encodings, boundaries, Date
//!   and Message-ID.
//! - [`head`], [`downgrade`], [`downgrade_field`]: a message that is octets already,
//!   rewritten for a server that takes less than it says.
//! - [`render`]: the order of things, over anything that is an
//!   [`Entity`](render::Entity), into a [`rope`]; [`rope_reader`] takes that piece by
//!   piece, [`stored`] is what stays in a file until then, [`base64_lines`] encodes.

pub mod base64_lines;
pub mod boundary;
pub mod charset;
pub mod downgrade;
pub mod downgrade_field;
pub mod encoded_word;
pub mod field;
pub mod field_fold;
pub mod file_name;
pub mod head;
pub mod identity;
pub mod render;
pub mod rope;
pub mod rope_reader;
pub mod stdlib;
pub mod stored;
pub mod text;
pub mod transfer;
pub mod written;
