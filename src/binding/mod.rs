//! Python <-> Rust: convert, detach, raise. The only folder that names pyo3.
//!
//! Parses no mail and branches on no reply code: what a reply means is decided
//! in `protocol/`, what it is called in Python in `rsmtp/errors.py`.

#![allow(missing_debug_implementations, reason = "what Python sees has a __repr__ instead")]

mod advice;
mod answer;
mod argument;
mod attendant;
mod catcher;
mod certificate;
mod conclusion;
mod connection;
mod content;
mod credentials;
mod delivery_options;
mod dialling;
mod display;
mod envelope;
mod error;
mod foreign_socket;
mod logs;
mod machine;
mod mailer;
mod message;
mod operation;
mod outcome;
mod proxy;
mod pump;
mod request;
mod settings;
mod signing;
mod ssl_context;
mod template;
mod template_values;
mod tls;
mod transcript;
mod transport_pump;
mod username;

/// The engine under `rsmtp`. The shapes that people know stand in the package
/// around it.
#[pyo3::pymodule]
mod _rsmtp {
    use crate::protocol::{Stage, State, code};

    #[pymodule_export]
    use super::answer::Answer;
    #[pymodule_export]
    use super::catcher::{ArmedFault, Catcher, CaughtConversation, CaughtLine, CaughtMessage, CaughtTls};
    #[pymodule_export]
    use super::certificate::Certificate;
    #[pymodule_export]
    use super::connection::Connection;
    #[pymodule_export]
    use super::content::{html_of_markdown, text_of_html};
    #[pymodule_export]
    use super::credentials::{Exchange, Login, cram_md5};
    #[pymodule_export]
    use super::delivery_options::DeliveryOptions;
    #[pymodule_export]
    use super::envelope::{ascii_host, envelope_py, needs_smtputf8};
    #[pymodule_export]
    use super::logs::before_warning;
    #[pymodule_export]
    use super::machine::{Edge, StateMachine, state_machine};
    #[pymodule_export]
    use super::mailer::{Engine, Receipt, Recipient, Sending, Worker};
    #[pymodule_export]
    use super::message::{
        KeptStyle, Message, RenderedMessage, encode_word_py, encode_words_py, envelope_addresses_py,
        fold_field_py, fold_runs_py, fold_tokens_py, formataddr, quoted_printable_py, read_address_py,
        read_addresses_py, ready_py, rendered_elsewhere,
    };
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::outcome::{Opened, enhanced_code, refuses_mechanism, severity};
    #[pymodule_export]
    use super::request::Request;
    #[pymodule_export]
    use super::settings::Settings;
    #[pymodule_export]
    use super::signing::{Dkim, DkimChoice, DnsRecord, new_dkim_key};
    #[pymodule_export]
    use super::template::Templates;
    #[pymodule_export]
    use super::tls::{TlsConfig, TlsFacts};
    #[pymodule_export]
    use super::transcript::TranscriptLine;
    #[pymodule_export]
    use super::transport_pump::TransportPump;
    #[pymodule_export]
    use super::username::username_py;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python has for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// What `state` can be, and what the `stage` of an exception can be.
    #[pymodule_export]
    const STATES: [&str; State::ALL.len()] = State::NAMES;
    #[pymodule_export]
    const STAGES: [&str; Stage::ALL.len()] = Stage::NAMES;

    // The reply codes that Python's decisions depend on.
    #[pymodule_export]
    const SERVICE_READY: u16 = code::SERVICE_READY;
    #[pymodule_export]
    const SERVICE_CLOSING: u16 = code::SERVICE_CLOSING;
    #[pymodule_export]
    const COMPLETED: u16 = code::COMPLETED;
    #[pymodule_export]
    const WILL_FORWARD: u16 = code::WILL_FORWARD;
    #[pymodule_export]
    const START_MAIL_INPUT: u16 = code::START_MAIL_INPUT;
    #[pymodule_export]
    const SERVICE_NOT_AVAILABLE: u16 = code::SERVICE_NOT_AVAILABLE;
    #[pymodule_export]
    const EXCEEDED_STORAGE: u16 = code::EXCEEDED_STORAGE;
    #[pymodule_export]
    const AUTH_CONTINUES: u16 = code::AUTH_CONTINUES;
    #[pymodule_export]
    const CREDENTIALS_INVALID: u16 = code::CREDENTIALS_INVALID;
    #[pymodule_export]
    const LOGIN_REQUIRED: u16 = code::LOGIN_REQUIRED;
}
