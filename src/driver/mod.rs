//! Moves octets between a conversation and a socket, enforces deadlines, and lets signals through.
//! Makes no decisions about SMTP.
//!
//! There is one loop, and it has no socket. [`operation`] asks the session and its TLS what to
//! send, tells them what was received, and keeps the clock. A pump around it does the waiting.
//! There are three pumps:
//! |---|---|---|
//! | [`blocking`] | a socket of ours, or one behind [`Foreign`] | poll, in slices, asking its [`Attendant`] |
//! | `rsmtp/_transport/asyncio_connection.py` | an asyncio transport | the event loop |
//! | `rsmtp/_transport/socket_connection.py` | a caller's socket object | the object's own methods |
//!
//! Time-outs belong to the operation. [`Operation::left`] and [`Operation::check_time`] say how
//! long each stage and the whole operation may take, and what happens after that. A pump only
//! waits, and never longer than it is told. Before there is a socket, [`dialling`] and [`proxy`]
//! decide what to connect to. They don't wait for anything either. A [`Server`] is all that has to
//! be known to reach one and to open a session with it.

pub mod blocking;
pub mod connect;
mod deadline;
pub mod dialling;
mod foreign;
pub mod operation;
pub mod proxy;
mod race;
mod record;
mod server;
mod silence;
mod stream;
mod turn;
mod view;

pub use blocking::{Attendant, Connection};
pub use connect::Target;
pub use deadline::{Deadline, Patience, SLICE};
pub use foreign::{Dial, Foreign};
pub use operation::{Operation, Until};
pub use proxy::{Proxy, Tunnel};
pub use record::{Listener, Record, TimedLine};
pub use server::{Server, Source};
pub use stream::Stream;
pub use turn::Turn;
pub use view::{Course, View};
