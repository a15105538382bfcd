//! Messages: RFC 5322 and MIME. Knows neither SMTP nor Python.
//!
//! The modules, beginning with the smallest building blocks:
//!
//! - [`text`], [`charset`], [`encoded_word`]: lines, character sets, RFC 2047.
//! - [`field`], [`field_fold`]: what a header field may contain, and how ours are folded.
//! - [`stdlib`]: exact copies of `email`'s behaviour: its folding, and its reading of parameters.
//! - [`transfer`], [`boundary`], [`identity`]: transfer encodings, boundaries, Date and
//!   Message-ID.
//! - [`head`], [`parts`], [`downgrade`], [`downgrade_field`]: rewrite a message that is octets
//!   already, for a server that can't accept it as it is; [`binary_parts`] for one that takes more;
//!   [`labels`] says where it is 8-bit.
//! - [`render`]: writes anything that is an [`Entity`](render::Entity) into a [`rope`], with all
//!   parts in the right order. [`rope::reader`] reads that piece by piece, [`stored`] represents
//!   content that stays in a file until then, and [`base64_lines`] encodes.

pub mod base64_lines;
pub mod binary_parts;
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
pub mod labels;
pub mod parts;
pub mod render;
pub mod rope;
pub mod stdlib;
pub mod stored;
pub mod text;
pub mod transfer;
pub mod written;
