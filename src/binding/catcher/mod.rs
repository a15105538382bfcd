//! The catcher as Python sees it.

mod argument;
mod conversation;
mod fault;
mod message;
mod server;

pub use conversation::{CaughtConversation, CaughtLine};
pub use fault::ArmedFault;
pub use message::{CaughtMessage, CaughtTls};
pub use server::Catcher;
