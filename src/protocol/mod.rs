//! SMTP as a state machine without I/O (RFC 5321; LMTP, RFC 2033).
//!
//! # Theory of operation
//!
//! A conversation is a sequence of commands and replies, and the only thing that
//! relates a reply to its command is order. A session therefore keeps one queue
//! (`outgoing.rs`): every command that is put into the buffer leaves an entry
//! there, every reply that comes takes the first entry out. A single command, a
//! pipelined group and several messages in flight differ in nothing but how
//! many entries stand in the queue at a time. A reply that finds no entry, or
//! one whose command has not been sent whole, is disorder, and disorder ends the
//! session: from then on replies can't be matched to commands.
//!
//! The visible state (`state.rs`) is a function of what has been *answered*, not
//! of what has been sent. Requests of more than one turn (an AUTH exchange, a
//! transaction) are procedures with two moments each: *entering*, which says
//! something, and *hearing*, which takes a reply and says what follows.
//!
//! # The contract
//!
//! A driver calls [`Session::step`](session::Session::step) and does what it
//! says, until it yields an event or is idle:
//!
//! - `Send`: write some of the octets, tell how many with `sent`;
//! - `Receive(stage)`: wait for octets as long as the stage may take, give them
//!   to `received` (or say `received_eof`, or `fail` with what went wrong);
//! - `UpgradeTls`: bring TLS up under the session, say `tls_established`;
//! - `Work`: let it compute a while by `work`, and come back;
//! - `Yield(event)`: hand it to the caller that made the request.
//!
//! A caller who takes note of what may have arrived has the session hold each end of
//! mail data (`session/ends.rs`): nothing from there on is said before `say_ends`.
//!
//! `opening.rs` composes the requests that lead from the greeting to mail: EHLO,
//! STARTTLS, EHLO, AUTH, by a plan. It stands on a session as a caller does.
//!
//! Nothing here knows sockets, clocks, threads, TLS or Python: the blocking
//! driver, an asyncio protocol and a test that feeds one byte at a time use the
//! same session.

pub mod auth;
pub mod body;
pub mod code;
pub mod command;
pub mod error;
pub mod event;
pub mod extension;
pub mod gssapi;
pub mod mail_data;
pub mod opening;
mod outgoing;
mod queue_id;
pub mod reply;
pub mod reply_reader;
pub mod scram;
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
