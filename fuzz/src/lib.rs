//! What must hold whatever comes: one module a target, each with a `check` that
//! takes any octets and panics where a promise is broken.
//!
//! libFuzzer calls them (`make fuzz`), and so does `tests/fuzz_targets.rs` with the
//! seeds and some thousand random inputs, without libFuzzer. What is expected is
//! computed here a second time, as plainly as possible, and never by the code that
//! is under test.

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

/// Panics where a promise is broken.
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
