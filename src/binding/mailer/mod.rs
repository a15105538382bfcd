//! Sending many, as Python sees it.

mod engine;
mod parcel;
mod receipt;
mod sending;
mod server;

pub use engine::Engine;
pub use receipt::{Receipt, Recipient};
pub use sending::Sending;
