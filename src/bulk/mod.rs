//! Sends many messages over several sessions, with a receipt for each.
//!
//! # Theory of operation
//!
//! A call of a mailer is a [`Sender`]: a queue of messages and the number of workers that serve
//! it. A [`Worker`] has one session at a time. Its driver asks it what to do ([`Do`]) and reports
//! the result. The worker moves no octets, knows no sockets, and is told the time. The drivers are
//! a thread (`threads.rs`) and an event loop (`python/rsmtp/_aio/sending.py`). They do what their
//! workers say and decide nothing. `sessions.rs` has what all calls of a mailer share: its idle
//! sessions and its servers.
//!
//! The states of a worker, and the transitions between them. A debug build panics at any other:
//!
//! | from | when | to |
//! | --- | --- | --- |
//! | Idle | there is work | Queued |
//! | Idle | there is nothing any more | Ended |
//! | Queued | it is its turn | Choosing |
//! | Queued | the work is gone | Idle |
//! | Queued | its own thread has the place | Ended |
//! | Choosing | a session is at rest | Reusing |
//! | Choosing | none is | Dialling |
//! | Reusing | the server is there | Working |
//! | Reusing | it has gone, or is too old | Choosing |
//! | Dialling | connected | Opening |
//! | Dialling | not connected, the next server | Dialling |
//! | Dialling | no server is left, again later | Pausing |
//! | Dialling | no server is left, given up | Idle |
//! | Opening | ready for mail | Working |
//! | Opening | not let in, the next server or other credentials | Dialling |
//! | Opening | no server is left, again later | Pausing |
//! | Opening | no server is left, given up | Idle |
//! | Working | at rest, or ended with an answer | Idle |
//! | Working | ended without an answer | Pausing |
//! | Pausing | time is up, or all is decided | Idle |
//!
//! In `Working`, the session is ready for mail. From `Choosing` until its session ends, a worker
//! holds one of the mailer's places. Places are given out in the order of the requests.
//!
//! # What happens to a message
//!
//! A message is in one place at a time: in the queue (in line, or put off until a time), with one
//! worker, or in a receipt. Preparation that it needs before it can be sent, such as a signature,
//! is done by separate threads while it waits in line (`preparers.rs`). A worker takes a few
//! messages, sends as many as its window has room for (`pipeline.rs`), and reads the answers in
//! the order in which it sent the messages. When a session ends, all its messages are settled at
//! once: those never begun go back to the front of the queue, those sent to the end without an
//! answer are unknown, and the attempt counts only for the message that the server had to answer
//! next.
//!
//! A [`Ledger`] is told about each message, in order: `begun`, `end_said`, `settled`. The fate of
//! a message can be unknown only from `end_said` on. A ledger that wants to hear of ends makes the
//! session hold each end of mail data until it has recorded it, for a whole window at a time. With
//! threads the ledger may block. In an event loop it answers "not yet" and is asked again.
//!
//! `policy.rs` alone decides what is retried, when, and when to give up. The first session of a
//! call shows whether there is a server. Further sessions are opened only when that one is ready
//! for mail.

mod answers;
mod job;
mod ledger;
mod local;
mod mailer;
mod orders;
mod pipeline;
mod policy;
mod queue;
mod rate;
mod sender;
mod sessions;
mod threads;
mod wakeups;
mod window;
mod worker;

pub use job::{Job, Payload, Receipt};
pub use ledger::Ledger;
pub use mailer::{Bounds, Mailer};
pub use orders::{Do, Parting};
pub use policy::Policy;
pub use queue::{Interest, Log};
pub use rate::{Counted, Limits, PerDay, Rate};
pub use sender::{Sender, stopped};
pub use threads::{Batch, Nudge, Pushed};
pub use worker::Worker;
