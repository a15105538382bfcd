//! The properties that must hold for any input. Each target is a module with a `check` function,
//! which takes any octets and panics if a property is violated.
//!
//! libFuzzer calls these functions (`make fuzz`). So does `tests/fuzz_targets.rs`, with the seeds
//! and some thousand random inputs, without libFuzzer. The expected results are computed here
//! independently, as simply as possible, and never by the code under test.

pub mod addresses;
pub mod flight;
pub mod headers;
pub mod mail_data;
pub mod replies;
pub mod script;
pub mod seeds;
pub mod sender;
pub mod session;
pub mod wire;

/// Panics if a property is violated.
pub type Check = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Check); 6] = [
    ("replies", replies::check),
    ("session", session::check),
    ("mail_data", mail_data::check),
    ("addresses", addresses::check),
    ("headers", headers::check),
    ("sender", sender::check),
];
