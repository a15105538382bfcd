//! lettre's transports for files and sendmail take what a mailer sends.

use crate::envelope::{ForwardPath, Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use crate::protocol::{Error, Kind, Stage};
use lettre::Transport;
use lettre::address::{Address, Envelope};
use lettre::transport::file::FileTransport;
use lettre::transport::sendmail::SendmailTransport;
use lettre::transport::stub::StubTransport;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// A transport without a conversation: a message is taken whole, or not.
pub trait Local: Send + Sync + fmt::Debug {
    fn name(&self) -> &str;

    /// What would be the server's reply to the end of mail data.
    fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error>;
}

/// lettre's file transport: each message in a file of its own.
#[derive(Debug)]
pub struct Files {
    transport: FileTransport,
    name: String,
}

impl Files {
    /// The folder must be there.
    pub fn new(folder: &Path) -> Self {
        Self { transport: FileTransport::new(folder), name: format!("file:{}", folder.display()) }
    }
}

impl Local for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error> {
        let stored = self.transport.send_raw(envelope, octets).map_err(|error| failed(&self.name, &error))?;
        Ok(Reply::new(250, format!("2.0.0 queued as {stored}.eml")))
    }
}

/// lettre's sendmail transport: a program takes the message.
#[derive(Debug)]
pub struct Sendmail {
    transport: SendmailTransport,
    name: String,
}

impl Sendmail {
    /// Without a program: `sendmail`, wherever PATH has it.
    pub fn new(program: Option<PathBuf>) -> Self {
        let program: OsString = program.map_or_else(|| "sendmail".into(), Into::into);
        let name = format!("sendmail:{}", program.display());
        Self { transport: SendmailTransport::new_with_command(program), name }
    }
}

impl Local for Sendmail {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error> {
        if envelope.from().is_none() {
            let why = "sendmail can't be told of the null reverse-path (RFC 5321 4.5.5): it would name you";
            return Err(Error::new(Kind::NotSupported, Stage::Mail, why));
        }
        self.transport.send_raw(envelope, octets).map_err(|error| failed(&self.name, &error))?;
        Ok(Reply::new(250, "2.0.0 taken by the program"))
    }
}

/// lettre's stub transport: nothing goes anywhere. It keeps what it is given, so
/// each message has one of its own.
#[derive(Debug)]
pub struct Null;

impl Local for Null {
    fn name(&self) -> &str {
        "null:"
    }

    fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error> {
        StubTransport::new_ok().send_raw(envelope, octets).map_err(|error| failed("null:", &error))?;
        Ok(Reply::new(250, "2.0.0 thrown away"))
    }
}

/// The envelope as lettre has it. Its addresses have a domain.
pub(super) fn envelope(reverse_path: &ReversePath, recipients: &[ForwardPath]) -> Result<Envelope, Error> {
    let address = |mailbox: &Mailbox| {
        let text = mailbox.wire(false);
        match text.rsplit_once('@') {
            Some((local, domain)) => Ok(Address::new_dangerous(local, domain)),
            None => {
                let why = "only an SMTP server knows what an address without a domain means";
                Err(Error { address: Some(text), ..Error::new(Kind::NotSupported, Stage::Rcpt, why) })
            }
        }
    };
    let sender = match reverse_path {
        ReversePath::Null => None,
        ReversePath::Mailbox(mailbox) => Some(address(mailbox)?),
    };
    let recipients = recipients.iter().map(address).collect::<Result<_, _>>()?;
    Envelope::new(sender, recipients)
        .map_err(|error| Error::new(Kind::Misuse, Stage::Rcpt, error.to_string()))
}

fn failed(name: &str, error: &dyn std::error::Error) -> Error {
    // lettre's own words are behind its error.
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(Kind::Local, Stage::EndOfData, format!("{name} did not take the message: {why}"))
}
