//! Moves octets between a conversation and a socket, keeps deadlines, lets signals through.
//! Decides nothing about SMTP.
//!
//! There is one loop, and it has no socket: [`operation`] asks the session and its TLS what to
//! say and tells them what has come, and it keeps the clock. What waits is a pump around it,
//! three of them:
//!
//! | pump | over | waits by |
//! |---|---|---|
//! | [`blocking`] | a socket of ours, or one behind [`Foreign`] | poll, in slices, asking its [`Attendant`] |
//! | `rsmtp/_transport/asyncio_connection.py` | a transport of asyncio's | the event loop |
//! | `rsmtp/_transport/socket_connection.py` | a caller's socket object | the object's own methods |
//!
//! A time-out is an operation's: how long each stage may take and the whole, and what that
//! means, is said by [`Operation::left`] and [`Operation::check_time`]. A pump only waits, and
//! never longer. What is being connected to while there is no socket yet is [`dialling`]'s and
//! [`proxy`]'s, which wait for nothing either.

pub mod blocking;
pub mod connect;
mod deadline;
pub mod dialling;
mod foreign;
pub mod operation;
pub mod proxy;
mod race;
mod record;
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
pub use stream::Stream;
pub use turn::Turn;
pub use view::{Course, View};
