//! What a message carries: text, octets, parts, files.

pub(crate) mod attachment;
pub(crate) mod content;
pub(crate) mod file;
pub(crate) mod file_name;
pub(crate) mod mime;
mod open_file;
