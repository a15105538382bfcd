//! What a session awaits: each command that is sent adds an entry to its queue, and the reply to it takes
//! that away.

use super::command::Verb;
use super::error::Stage;
use super::transaction::Part;

/// What the next reply will answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Greeting,
    Command(Verb),
    /// An AUTH command or a response within its exchange.
    Auth,
    /// The `*` that cancels an exchange.
    AuthCancelled,
    /// DATA and the end of mail data, as separate requests.
    DataCommand,
    DataEnd,
    Transaction(Part),
    /// Bytes that the caller framed.
    Raw,
}

impl Awaited {
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Greeting => Stage::Greeting,
            Self::Auth | Self::AuthCancelled => Stage::Auth,
            Self::DataCommand => Stage::Data,
            Self::DataEnd => Stage::EndOfData,
            Self::Transaction(part) => part.stage(),
            Self::Raw => Stage::Command,
            Self::Command(verb) => match verb {
                Verb::Ehlo | Verb::Helo | Verb::Lhlo => Stage::Hello,
                Verb::StartTls => Stage::StartTls,
                Verb::Auth => Stage::Auth,
                Verb::Mail => Stage::Mail,
                Verb::Rcpt => Stage::Rcpt,
                Verb::Data => Stage::Data,
                Verb::Rset => Stage::Reset,
                Verb::Quit => Stage::Quit,
                _ => Stage::Command,
            },
        }
    }

    /// Whether it belongs to a mail transaction that the session carries out itself.
    pub(super) fn is_mail(self) -> bool {
        matches!(self, Self::Transaction(_) | Self::DataCommand | Self::DataEnd)
    }

    /// Whether it is, or ends, mail data.
    pub(super) fn is_mail_data(self) -> bool {
        matches!(self, Self::DataEnd | Self::Transaction(Part::End(_) | Part::Chunk { .. }))
    }
}
