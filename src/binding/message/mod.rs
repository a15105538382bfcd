//! Messages for Python: one class that holds and renders them, for `rsmtp.Message`
//! and for every class of `rsmtp.email`.
//!
//! - `class/`: the class, its state and its methods; `create`: what its constructor does.
//! - `fields/`: its header fields, as the caller sees them and as they are stored.
//! - `payload/`: its content, attachments and files.
//! - `output/`: how it is written.
//! - `ready`: its envelope and its content, for one that is sent.

mod bytes;
mod class;
mod create;
mod errors;
mod fields;
mod output;
mod payload;
mod ready;
mod types;

pub(crate) use bytes::Bytes;
pub(crate) use class::style::KeptStyle;
pub(crate) use class::{Message, rendered_for_sending};
pub(crate) use fields::addresses::{envelope_addresses_py, formataddr, read_address_py, read_addresses_py};
pub(crate) use fields::header::{
    encode_word_py, encode_words_py, fold_field_py, fold_runs_py, fold_tokens_py, quoted_printable_py,
};
pub(crate) use output::object::Sendable;
pub(crate) use output::{MailData, RenderedMessage, in_seven_bits, mail_body, rendered_elsewhere};
pub(crate) use ready::{Ready, ready, ready_py};
