//! Python <-> Rust: convert, detach, raise. The only folder that names pyo3.

mod catcher;

/// The engine under `rsmtp`.
#[pyo3::pymodule]
mod _rsmtp {
    #[pymodule_export]
    use super::catcher::{Catcher, CaughtConversation, CaughtMessage, CaughtTls};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
