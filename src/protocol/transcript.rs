//! The conversation, line by line. Secrets are masked when a line is written: a secret that is
//! never recorded can't be shown.

use super::state::State;

/// Replaces a secret.
pub const MASK: &str = "***";
/// How many lines of mail data are kept for each message.
pub const BODY_LINES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    Client,
    Server,
    /// Neither side: TLS came up, or the connection ended.
    Note,
}

/// One line of the conversation, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub speaker: Speaker,
    pub text: Vec<u8>,
    /// The state of the session when the line was sent.
    pub state: State,
}
