pub mod extension;
pub mod mail_data;
pub mod reply;
pub mod reply_reader;
