//! The catcher as Python sees it.

mod argument;
mod conversation;
mod fault;
mod message;
mod server;
mod server_faults;
mod server_restore;
mod server_start;

pub use conversation::{CaughtConversation, CaughtLine};
pub use fault::ArmedFault;
pub use message::{CaughtMessage, CaughtTls};
pub use server::Catcher;
