//! Reproduces the behaviour of the standard library's `email` exactly.
//!
//! Programs compare, sign and store what `email` writes, and depend on how it reads malformed
//! input. So its oddities are kept here, and only here: the rules in this folder follow `email`,
//! and the rules outside it follow the RFCs. `tests/message` and `make corpus` compare both.
//!
//! - [`fold_classic`]: how the classic policy (compat32) folds. [`fold_line`] is the fast path for
//!   one line of ASCII.
//! - [`fold_structured`]: how the modern policies fold a value that was parsed into [`token`]s, using
//!   [`encoded_lines`]. [`fold_parameters`] does the same for parameters (RFC 2231).
//! - [`parameter`]: lenient reading of parameters, and writing them.
//!
//! The rest of `message/` uses only what it would otherwise have to duplicate: parameters and
//! their folding.

pub mod encoded_lines;
pub mod fold_classic;
mod fold_line;
pub mod fold_parameters;
pub mod fold_structured;
pub mod parameter;
pub mod token;
