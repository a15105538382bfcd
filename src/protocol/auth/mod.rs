//! SASL for SMTP (RFC 4954). Secrets live here and never reach a transcript.
//!
//! # Theory of operation
//!
//! A login begins with [`Credentials`], which were checked when they were given
//! (`credentials.rs`). Which of the server's mechanisms fit them, and in which order they are tried,
//! is decided in `choice.rs` and nowhere else. Each of them is an [`Exchange`] (`exchange.rs`): it
//! answers one challenge after another, and says at the end whether the server's success can be
//! believed. The session sends what it answers, and knows nothing about the mechanism.
//!
//! What a mechanism says stands in a file of its own: `login.rs`, `cram.rs`, `oauth.rs`, `scram/`,
//! `gssapi.rs`. `line.rs` writes a response as the command line has it. `confided.rs` removes secrets
//! from replies that repeat them.

mod choice;
mod confided;
mod cram;
mod credentials;
mod exchange;
pub mod gssapi;
mod line;
mod login;
mod mechanism;
mod oauth;
pub mod scram;

pub use choice::Order;
pub(in crate::protocol) use confided::Confided;
pub use cram::cram_md5;
pub use credentials::{BadCredential, Credentials, Secret};
pub use exchange::{Answer, Exchange, Ground};
pub(in crate::protocol) use line::{decode, encode, fits_a_line};
pub use mechanism::Mechanism;
pub use scram::{ChannelBinding, Hash};
