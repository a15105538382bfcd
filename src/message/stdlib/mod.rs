//! What the standard library's `email` does, reproduced to the byte.
//!
//! Programs compare, sign and store what `email` writes and depend on how it reads what is
//! malformed, so its oddities are kept here, and here alone: a rule of this folder follows
//! `email`, a rule outside it follows the RFC. `tests/message` and `make corpus` compare both.
//!
//! - [`fold_classic`]: how the classic policy (compat32) folds; [`fold_line`] is the quick way
//!   for one line of ASCII.
//! - [`fold_structured`]: how the modern policies fold a value that was read into tokens, over
//!   [`encoded_lines`]; [`fold_parameters`]: the same for parameters (RFC 2231).
//! - [`parameter`]: the forgiving reading of parameters, and their writing.
//!
//! `message/` uses of it what it would otherwise write twice: parameters and their folds.

pub mod encoded_lines;
pub mod fold_classic;
mod fold_line;
pub mod fold_parameters;
pub mod fold_structured;
pub mod parameter;
