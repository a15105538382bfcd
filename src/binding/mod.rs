//! Python <-> Rust: convert, detach, raise. The only folder that names pyo3.

mod message;

/// The engine under `rsmtp`.
#[pyo3::pymodule]
mod _rsmtp {
    #[pymodule_export]
    use super::message::{
        KeptStyle, Message, encode_word_py, encode_words_py, fold_field_py, fold_runs_py,
        formataddr, quoted_printable_py, read_address_py, read_addresses_py,
    };

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
