//! Files, a program by lettre's transport for sendmail, or nothing at all take what a mailer sends.

use crate::address::{ForwardPath, Mailbox, ReversePath};
use crate::protocol::reply::Reply;
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

/// What takes messages without a conversation: each whole, or not.
#[derive(Debug)]
pub struct Local {
    /// For receipts and errors: as in a URL.
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
    /// Each message in a file of its own, which its owner alone can read. (lettre's file
    /// transport leaves that to the umask.) The folder must be there.
    pub fn files(folder: &Path) -> Self {
        let name = format!("file:{}", folder.display());
        Self { name: name.into(), way: Way::Files(folder.to_owned(), AtomicU64::new(0)) }
    }

    /// lettre's sendmail transport: a program takes the message. Without one: `sendmail`, wherever
    /// PATH has it.
    pub fn sendmail(program: Option<PathBuf>) -> Self {
        let program: OsString = program.map_or_else(|| "sendmail".into(), Into::into);
        let name = format!("sendmail:{}", program.display());
        Self { name: name.into(), way: Way::Sendmail(SendmailTransport::new_with_command(program)) }
    }

    /// Nothing goes anywhere.
    pub fn null() -> Self {
        Self { name: "null:".into(), way: Way::Null }
    }

    /// Delivery options make no difference to what is not delivered.
    pub fn delivers(&self) -> bool {
        matches!(self.way, Way::Sendmail(_))
    }

    /// What would be the server's reply to the end of mail data.
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
                // lettre's own words are behind its error.
                let why = |error: &dyn std::error::Error| {
                    error.source().map_or_else(|| error.to_string(), ToString::to_string)
                };
                program.send_raw(envelope, octets).map_err(|error| self.did_not_take(&why(&error)))?;
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

/// Names sort by time; the process and a count keep those of one moment apart.
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
            // Half a message must not be taken for one.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        return Ok(stored);
    }
}

/// The envelope as lettre has it. Its addresses have a domain.
pub fn envelope(reverse_path: &ReversePath, recipients: &[ForwardPath]) -> Result<Envelope, Error> {
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
