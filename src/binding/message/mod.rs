//! Messages for Python: one class that holds and renders them, for `rsmtp.Message`
//! and for every class of `rsmtp.email`.

mod addresses;
mod bytes;
mod class;
mod content;
mod create;
mod errors;
mod fields;
mod flag;
mod header;
mod modern;
mod node;
mod output;
mod params;
mod state;
mod style;

pub(crate) use addresses::{read_address_py, read_addresses_py};
pub(crate) use class::Message;
pub(crate) use header::{
    encode_word_py, encode_words_py, fold_field_py, fold_runs_py, formataddr, quoted_printable_py,
};
pub(crate) use style::KeptStyle;
