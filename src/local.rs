//! Delivery without a server: to files, to a sendmail program (through lettre's transport), or to
//! nothing at all.

use crate::address::{Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Recipients;
use crate::protocol::{Error, Kind, Stage};
use lettre::Transport;
use lettre::address::{Address, Envelope};
use lettre::transport::sendmail::SendmailTransport;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A destination that takes each message whole, or not at all, without a conversation.
#[derive(Debug)]
pub struct Local {
    /// The name used in receipts and errors, written as in a URL.
    pub name: Arc<str>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Files(PathBuf, AtomicU64),
    Sendmail(SendmailTransport),
    Null,
}

impl Local {
    /// Writes each message to its own file, readable by its owner alone. (lettre's file transport
    /// leaves the permissions to the umask.) The folder must exist.
    pub fn files(folder: &Path) -> Self {
        let name = format!("file:{}", folder.display());
        Self { name: name.into(), way: Way::Files(folder.to_owned(), AtomicU64::new(0)) }
    }

    /// Hands the message to a program through lettre's sendmail transport. Without a path, it runs
    /// `sendmail` from PATH.
    pub fn sendmail(program: Option<PathBuf>) -> Self {
        let program: OsString = program.map_or_else(|| "sendmail".into(), Into::into);
        let name = format!("sendmail:{}", program.display());
        Self { name: name.into(), way: Way::Sendmail(SendmailTransport::new_with_command(program)) }
    }

    /// Discards the message.
    pub fn null() -> Self {
        Self { name: "null:".into(), way: Way::Null }
    }

    /// Delivery options have no effect on a message that isn't delivered.
    pub fn delivers(&self) -> bool {
        matches!(self.way, Way::Sendmail(_))
    }

    /// Plays the part of the server's reply to the end of mail data.
    pub fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error> {
        let words = match &self.way {
            Way::Files(folder, count) => {
                let stored = store(folder, count, octets).map_err(|error| self.did_not_take(&error))?;
                format!("2.0.0 queued as {stored}")
            }
            Way::Sendmail(_) if envelope.from().is_none() => {
                let why =
                    "sendmail can't be told of the null reverse-path (RFC 5321 4.5.5): it would name you";
                return Err(Error::new(Kind::NotSupported, Stage::Mail, why));
            }
            Way::Sendmail(program) => {
                let ran = program.send_raw(envelope, octets);
                ran.map_err(|error| self.did_not_take(&words_of(&error)))?;
                "2.0.0 taken by the program".to_owned()
            }
            Way::Null => "2.0.0 thrown away".to_owned(),
        };
        Ok(Reply::completed(words))
    }

    fn did_not_take(&self, why: &dyn fmt::Display) -> Error {
        let message = format!("{} did not take the message: {why}", self.name);
        Error::new(Kind::Local, Stage::EndOfData, message)
    }
}

/// lettre keeps what the program wrote to stderr, and nothing of its exit status, in the error's source.
fn words_of(error: &dyn std::error::Error) -> String {
    let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match words.trim() {
        "" => "it failed, and said nothing".to_owned(),
        said => said.to_owned(),
    }
}

/// Names sort by time. The process ID and a counter keep names from the same moment distinct.
fn store(folder: &Path, count: &AtomicU64, octets: &[u8]) -> io::Result<String> {
    loop {
        let count = count.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stored = format!("{:016x}-{:x}-{count:x}.eml", now.as_nanos(), process::id());
        let path = folder.join(&stored);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        if let Err(error) = file.write_all(octets) {
            // A partly written file must not be mistaken for a message.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        return Ok(stored);
    }
}

/// Converts the envelope to lettre's type. lettre requires every address to have a domain.
pub fn envelope(reverse_path: &ReversePath, recipients: &Recipients) -> Result<Envelope, Error> {
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
