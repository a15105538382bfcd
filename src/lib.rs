//! rsmtp is how Python sends email: familiar interfaces on top of a Rust engine.
//!
//! The layers, from the inside out. Each one imports only from layers listed above it:
//!
//! - `escape`: makes untrusted text safe to display.
//! - [`address`]: parses addresses, and validates envelope paths once.
//! - [`protocol`]: SMTP as a state machine without I/O. Bytes go in; bytes and events come out.
//! - `message`: RFC 5322 and MIME. Knows nothing about SMTP.
//! - `sign`: DKIM. Takes a message's octets and returns a header field. Knows neither SMTP nor
//!   Python.
//! - `render`: produces content, such as the plain text that goes beside HTML. Knows nothing about
//!   messages.
//! - `tls`: the TLS record layer below a session, also without I/O.
//! - `driver`: one socket-free loop that moves octets and keeps time, and the pumps that run it.
//!   Makes no decisions about SMTP.
//! - `local`: delivery without a conversation, to files or a program. Knows nothing about queues.
//! - `bulk`: sends many messages over several sessions and produces receipts.
//! - `catcher`: the server side of the same protocol, for first runs and tests.
//! - `binding`: the bridge between Python and Rust. The only folder that uses pyo3.
#![forbid(unsafe_code)]
// Every fault of a peer or a caller becomes an error, so a panic is always a bug in rsmtp. All
// output goes through the log.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unimplemented,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod address;
#[cfg(any(feature = "driver", feature = "catcher"))]
mod escape;
pub mod protocol;

#[cfg(feature = "message")]
pub mod message;

#[cfg(feature = "render")]
pub mod render;

#[cfg(feature = "sign")]
pub mod sign;

#[cfg(feature = "driver")]
pub mod tls;

#[cfg(feature = "driver")]
pub mod driver;

#[cfg(feature = "bulk")]
pub mod local;

#[cfg(feature = "bulk")]
pub mod bulk;

#[cfg(feature = "catcher")]
pub mod catcher;

#[cfg(feature = "python")]
mod binding;
