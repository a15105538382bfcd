//! Sending many, as Python sees it.

mod engine;
mod kept;
mod ledger;
mod parcel;
mod receipt;
mod runs;
mod sending;
mod server;
mod serving;

pub use engine::Engine;
pub use receipt::{Receipt, Recipient};
pub use sending::Sending;
pub use serving::{Serving, Worker};
