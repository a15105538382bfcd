//! What became of a message, and of each of its recipients.

use crate::envelope::ForwardPath;
use crate::protocol::body::Unreadable;
use crate::protocol::error::Stage;
use crate::protocol::reply::Reply;

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took responsibility: its reply to the end of mail data.
    Sent(Reply),
    Refused(Stage, Reply),
    /// The connection was lost after the end of mail data had been sent.
    Unknown,
    /// The message was not handed over for this recipient.
    NotSent,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub recipients: Vec<(ForwardPath, Fate)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sent to at least one recipient.
    Sent,
    SenderRefused(Reply),
    RecipientsRefused,
    DataRefused(Reply),
    /// It was not its turn, and the server has taken nothing of it: elsewhere it may go well.
    /// The session has had as many messages as the server takes (452 4.5.3 to MAIL); or it was
    /// said before the server had answered the end of the message ahead of it (RFC 2920 3.1),
    /// and this server takes no command there: 503 to its MAIL or to the RSET in front of it.
    OutOfSequence(Reply),
    /// The content could not be read to its end. Nobody has received it.
    Unreadable(Unreadable),
    /// The conversation ended before the server's answer.
    Lost,
}
