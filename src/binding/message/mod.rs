//! Messages for Python: one class that holds and renders them, for `rsmtp.Message`
//! and for every class of `rsmtp.email`.

mod addresses;
mod attachment;
mod bytes;
mod class;
mod class_content;
mod class_copies;
mod class_displays;
mod class_fields;
mod class_params;
mod class_render;
mod content;
mod create;
mod errors;
mod fields;
mod file;
mod file_name;
mod header;
mod mime;
mod modern;
mod node;
mod node_fields;
mod open_file;
mod origin;
mod output;
mod params;
mod rendered;
mod state;
mod style;
mod types;

pub(crate) use addresses::{envelope_addresses_py, formataddr, read_address_py, read_addresses_py};
pub(crate) use class::Message;
pub(crate) use header::{
    encode_word_py, encode_words_py, fold_field_py, fold_runs_py, fold_tokens_py, quoted_printable_py,
};
pub(crate) use rendered::{MailData, RenderedMessage, rendered_elsewhere};
pub(crate) use style::KeptStyle;
