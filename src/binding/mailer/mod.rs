//! Sending many, as Python sees it.

mod engine;
mod kept;
mod ledger;
mod log;
mod parcel;
mod progress;
mod receipt;
mod recipient;
mod runs;
mod sending;
mod server;
mod serving;
mod tally;

pub use engine::Engine;
pub use receipt::Receipt;
pub use recipient::Recipient;
pub use sending::Sending;
pub use serving::{Serving, Worker};
