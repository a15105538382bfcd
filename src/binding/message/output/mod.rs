//! From a message to what is written, and from there to Python or to a mail transaction.

pub(crate) mod node;
mod node_fields;
mod node_text;
pub(crate) mod object;
mod rendered;
mod room;

pub(crate) use rendered::{MailData, RenderedMessage, in_seven_bits, mail_body, rendered_elsewhere};
