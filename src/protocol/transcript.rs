//! What was said, line by line, with secrets masked where they are written: a
//! secret that is never recorded can't be shown.

use super::state::State;

/// What stands for a secret.
pub const MASK: &str = "***";
/// Lines of mail data that are kept of each message.
pub const BODY_LINES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    Client,
    Server,
    /// Neither: TLS came up, the connection ended.
    Note,
}

/// One line of the conversation, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub speaker: Speaker,
    pub text: Vec<u8>,
    /// Where the session stood when it was said.
    pub state: State,
}
