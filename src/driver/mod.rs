//! Moves bytes between a conversation and a socket, keeps deadlines, lets
//! signals through. Decides nothing about SMTP.

pub mod blocking;
pub mod connect;
mod deadline;
pub mod dialling;
mod foreign;
pub mod proxy;
pub mod reactive;
mod record;
mod stream;
mod turn;
mod view;
mod wire;

pub use blocking::{Attendant, Connection};
pub use connect::Target;
pub use deadline::{Deadline, Patience, SLICE};
pub use foreign::{Dial, Foreign};
pub use proxy::{Proxy, Tunnel};
pub use reactive::Reactive;
pub use record::{Listener, Record, TimedLine};
pub use stream::Stream;
pub use turn::Turn;
pub use view::View;
pub use wire::Wire;
