//! Many messages: a pool of sessions, a window of unanswered messages on each, and
//! a receipt for every one.
//!
//! # Theory of operation
//!
//! A [`Job`] is a message that is not settled. The [`Dispatch`] holds those that
//! wait, hands them out, and decides from what came of an attempt whether there is
//! another one. A [`Lane`] is one session's share: it says as many jobs as its
//! window has room for and knows to which of them an answer belongs, because
//! answers come in order. Both are told the time and move no octets; a blocking
//! worker thread (`worker.rs`) and an event loop drive them alike.
//!
//! A job is in one place at a time: with the dispatch, with one lane, or in a
//! receipt. What a session leaves behind when it breaks is settled at once: never
//! begun goes back, said to its end and unanswered is unknown.

mod batch;
mod dispatch;
mod errand;
mod job;
mod lane;
mod local;
mod parting;
mod pool;
mod rate;
mod route;
mod server;
mod transport;
mod vigil;
mod window;
mod worker;

pub use batch::{Batch, Queue, Shared, stopped};
pub use dispatch::{Dispatch, Limits, Policy, Work};
pub use errand::{Errand, Left, Next};
pub use job::{Job, Payload, Receipt};
pub use lane::{Bounds, Filled, Lane, Supply};
pub use parting::Parted;
pub use pool::{Keep, Pool};
pub use rate::{PerDay, Rate};
pub use route::{Hop, Route};
pub use server::{Server, quit};
pub use transport::{Files, Local, Null, Sendmail, SmtpTransport};
