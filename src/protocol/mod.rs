//! SMTP as a state machine without I/O (RFC 5321; LMTP, RFC 2033).
//!
//! # Theory of operation
//!
//! A conversation is a sequence of commands and replies, and only their order tells which reply
//! belongs to which command. A session therefore keeps one queue (`outgoing.rs`). Every command
//! written to the buffer adds an entry (`awaited.rs`), and every reply removes the first one. A
//! single command, a pipelined group and several messages in flight differ only in how many entries
//! the queue holds at a time. A reply without an entry, or one whose command hasn't been sent
//! completely, means that the order is lost. That ends the session, because later replies can't be
//! matched to commands.
//!
//! The visible state (`state.rs`) depends on what has been *answered*, not on what has been sent.
//! Requests of more than one turn (an AUTH exchange, a transaction) are procedures with two parts:
//! *entering*, which sends something, and *hearing*, which takes a reply and decides what follows.
//!
//! # The contract
//!
//! A driver calls [`Session::step`](session::Session::step) and does what it returns, until the
//! session yields an event or is idle:
//!
//! - `Send`: write some of the octets, and report how many with `sent`;
//! - `Receive(stage)`: wait for octets at most as long as the stage may take, and pass them to
//!   `received` (or call `received_eof`, or `fail` with the error);
//! - `UpgradeTls`: bring up TLS below the session, and call `tls_established`;
//! - `Work`: let the session compute for a while with `work`, and come back;
//! - `Yield(event)`: hand the event to the caller that made the request.
//!
//! A caller that records which messages may have arrived can make the session hold each end of
//! mail data (`session/ends.rs`): nothing from there on is sent before `say_ends`.
//!
//! `opening.rs` makes the requests that lead from the greeting to mail (EHLO, STARTTLS, EHLO,
//! AUTH) according to a plan. It uses the session the way any caller does.
//!
//! What the session can't decide by the order of replies alone is decided beside it: which login is
//! tried and what answers a challenge in `auth/`, what becomes of a message and its recipients in
//! `transaction/`.
//!
//! No code in this folder knows about sockets, clocks, threads, TLS or Python. The blocking
//! driver, an asyncio protocol and a test that feeds one byte at a time all use the same session.

pub mod auth;
mod awaited;
pub mod body;
pub mod code;
pub mod command;
pub mod error;
pub mod event;
pub mod extension;
mod line;
pub mod mail_data;
mod masked;
pub mod opening;
mod outgoing;
mod queue_id;
pub mod reply;
pub mod reply_reader;
pub mod session;
pub mod state;
pub mod table;
pub mod transaction;
pub mod transcript;
pub mod xclient;

pub use body::{Body, Content, Pieces, Unreadable};
pub use error::{Error, Kind, Stage};
pub use event::{Event, Request, Step};
pub use session::{Options, Session};
pub use state::State;
