//! Addresses: who mail is from and for. All address parsers are here and share one set of rules,
//! because a text that is one address for one parser must not be two for another.
//!
//! - [`spec`]: local part and domain, however they were found; [`a_labels`]: the A-labels of a
//!   domain.
//! - [`mailbox`], [`path`]: what an envelope may contain, checked once and then trusted (RFC 5321
//!   4.1.2). [`path`] has the reverse-path, the forward-path, and the server's way of reading
//!   them.
//! - [`list`]: an address list by the grammar of RFC 5322 3.4. A member becomes a [`Mailbox`]
//!   without being parsed again.
//! - [`phrase`]: how display names are written.
//! - [`plain`]: the most common forms, read without the grammar.
//! - [`lenient`]: reads any text exactly as `email.utils` does.
//! - [`lexis`]: quoted strings, comments and specials, shared by all parsers.

mod a_labels;
#[cfg(feature = "message")]
pub mod lenient;
pub(crate) mod lexis;
#[cfg(any(feature = "message", feature = "sign"))]
pub mod list;
mod mailbox;
pub mod path;
#[cfg(any(feature = "message", feature = "sign"))]
pub mod phrase;
pub mod plain;
mod spec;

pub use a_labels::a_labels;
#[cfg(feature = "driver")]
pub(crate) use a_labels::name_to_look_up;
pub use mailbox::{BadAddress, Mailbox};
pub use path::{ForwardPath, ReversePath};
pub use spec::AddrSpec;
