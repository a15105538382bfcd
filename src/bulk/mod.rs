//! Many messages over several sessions, and a receipt for every one.
//!
//! # Theory of operation
//!
//! A call of a mailer is a [`Sender`]: a queue of messages, and how many workers there are
//! for it. A [`Worker`] has one session at a time. It is asked what to do ([`Do`]), and told
//! what came of it; it moves no octets, knows no socket, and is told the time. A thread
//! (`threads.rs`) and an event loop (`python/rsmtp/_aio/sending.py`) do what their workers
//! say, and decide nothing. What all calls of a mailer share, its sessions at rest and its
//! servers, stands in `sessions.rs`.
//!
//! Where a worker stands, and where it goes from there:
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
//! | Reusing | it has gone | Choosing |
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
//! `Working` has a session that is ready for mail; from `Choosing` until its end a place among the mailer's sessions is held, and places are given in the order in
//! which they were asked for.
//!
//! # What becomes of a message
//!
//! A message is in one place at a time: in the queue (in line, or put off until a time), with one
//! worker, or in a receipt. What has to be done about it before it can be sent (a signature) is
//! done while it stands in line, by threads of their own (`preparers.rs`). A worker
//! takes a few, says as many as its window has room for (`pipeline.rs`), and hears the answers
//! in the order in which they were said. When a session ends, all that it had is settled at
//! once: what was never begun goes back to the front, what was said to its end and not answered
//! is unknown, and only the message that was the server's next counts the attempt.
//!
//! A [`Ledger`] is told of each message, in order: `begun`, `end_said`, `settled`. From the
//! second on, and no sooner, its fate may be unknown; so an end of mail data waits in the
//! session until a ledger that minds has taken note of it, of a whole window at a time. Over
//! threads it may take its time; for an event loop it says "not yet", and is asked again.
//!
//! What is tried again, and when, and when to give up, is said in `policy.rs` and nowhere
//! else. The first session of a call shows whether there is a server: only when it is ready
//! for mail, others are opened beside it.

mod answers;
mod job;
mod ledger;
mod local;
mod mailer;
mod phase;
mod pipeline;
mod policy;
mod queue;
mod rate;
mod sender;
mod server;
mod sessions;
mod threads;
mod wakeups;
mod window;
mod worker;

pub use job::{Job, Payload, Receipt};
pub use ledger::Ledger;
pub use mailer::{Bounds, Hop, Mailer};
pub use phase::{Do, Parting, Phase};
pub use policy::Policy;
pub use rate::{Limits, PerDay, Rate};
pub use sender::{Sender, stopped};
pub use server::{Server, Source};
pub use threads::{Batch, Nudge};
pub use worker::Worker;
