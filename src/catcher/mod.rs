//! The catcher: a server for first runs and tests. It accepts mail, shows it, and never delivers
//! it. It misbehaves on request.
//!
//! ```text
//! server      listens, starts a thread for each connection, ends them all
//!   connection    moves octets between the socket and the session, does effects
//!     wire        the socket, with or without TLS (identity: the certificates)
//!     session     SMTP and LMTP from the server's side, without I/O
//!       auth      SASL from the server's side (scram: that mechanism)
//!       path      what MAIL and RCPT carry
//!       fault     what to do wrong, at which stage
//!       conversation   what was said, secrets masked
//!   store         what was received
//! ```
//!
//! It runs on its own threads and doesn't use Python while it works. It shares basic types with
//! the client's engine (`protocol`).

mod auth;
mod authority;
mod connection;
mod conversation;
mod counted;
mod fault;
mod fault_text;
mod identity;
mod offer;
mod path;
mod random;
mod scram;
mod server;
pub mod session;
mod settings;
mod stage;
mod stop;
mod store;
mod temp_file;
mod wire;

pub use auth::{Credentials, Mechanism, Secured};
pub use conversation::{Conversation, Line, Log, Said, Side};
pub use counted::counted;
pub use fault::{Armed, BadCertificate, Disconnect, Fault, FaultPlan, FaultReply, Stage};
pub use offer::{Offer, Offers};
pub use path::Parameters;
pub use random::hex as random_hex;
pub use scram::Account;
pub use server::Catcher;
pub use settings::{Dialect, Settings, TlsMode};
pub use store::{Client, Received, Recipient, Record, Snapshot, Store, TlsFacts};
