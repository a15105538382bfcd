//! Addresses: who mail is from and for. Every reader of them stands here, over one set of
//! rules, as what one reader takes for one address must not be two for another.
//!
//! - [`spec`]: local part and domain, however they were found; [`a_labels`] of a domain.
//! - [`mailbox`], [`path`]: what may stand in an envelope, checked once and then trusted
//!   (RFC 5321 4.1.2); [`path`] has the reverse-path, the forward-path, and the way a server
//!   reads them.
//! - [`list`]: an address list by the grammar of RFC 5322 3.4; a member becomes a [`Mailbox`]
//!   without being read again.
//! - [`lenient`]: what `email.utils` makes of any text, to the byte.
//! - [`lexis`]: quoted strings, comments and specials, as all of them know these.

mod a_labels;
#[cfg(feature = "message")]
pub mod lenient;
pub(crate) mod lexis;
#[cfg(any(feature = "message", feature = "sign"))]
pub mod list;
mod mailbox;
pub mod path;
mod spec;

pub use a_labels::a_labels;
#[cfg(feature = "driver")]
pub(crate) use a_labels::name_to_look_up;
pub use mailbox::{BadAddress, Mailbox};
pub use path::{ForwardPath, ReversePath};
pub use spec::AddrSpec;
