//! rsmtp: how Python sends email. Shapes people know, a Rust engine underneath.
//!
//! The layers, from the inside out; each imports only what stands above it here:
//!
//! - `escape`: text of others as a person may see it.
//! - [`address`]: every reader of addresses; the paths of an envelope, validated once.
//! - [`protocol`]: SMTP as a state machine without I/O. Bytes in, bytes and events out.
//! - `message`: RFC 5322 and MIME. Knows no SMTP.
//! - `sign`: DKIM. A message's octets in, a header field out. Knows neither SMTP nor Python.
//! - `render`: what content is made from: the text beside HTML. Knows no message.
//! - `tls`: the record layer under a session, also without I/O.
//! - `driver`: one loop that moves octets and keeps time, without a socket, and the pumps around
//!   it. Decides nothing about SMTP.
//! - `local`: what takes messages without a conversation: files, a program. Knows no queue.
//! - `bulk`: many messages over several sessions; receipts.
//! - `catcher`: the server side of the same protocol, for first runs and tests.
//! - `binding`: Python <-> Rust. The only folder that names pyo3.
#![forbid(unsafe_code)]
// Every fault of a peer or a caller becomes an error: a panic is a fault of ours. Nothing is
// printed but through the log.
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
