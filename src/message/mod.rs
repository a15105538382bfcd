//! Messages: RFC 5322 and MIME. Knows no SMTP and no Python.
pub mod address;
pub mod address_lenient;
pub mod boundary;
pub mod charset;
pub mod encoded_word;
pub mod field;
pub mod fold_classic;
pub mod identity;
pub mod parameter;
pub mod render;
pub mod rope;
pub mod text;
pub mod transfer;
