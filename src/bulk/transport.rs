//! Files, and lettre's transports for sendmail and for nothing, take what a mailer sends.

use crate::address::{ForwardPath, Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use crate::protocol::{Error, Kind, Stage};
use lettre::Transport;
use lettre::address::{Address, Envelope};
use lettre::transport::sendmail::SendmailTransport;
use lettre::transport::stub::StubTransport;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A transport without a conversation: a message is taken whole, or not.
pub trait Local: Send + Sync + fmt::Debug {
    fn name(&self) -> &str;

    /// What would be the server's reply to the end of mail data.
    fn take(&self, envelope: &Envelope, octets: &[u8]) -> Result<Reply, Error>;
}

/// Each message in a file of its own, which its owner alone can read. (lettre's file
/// transport leaves that to the umask.)
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    name: String,
    count: AtomicU64,
}

impl Files {
    /// The folder must be there.
    pub fn new(folder: &Path) -> Self {
        let name = format!("file:{}", folder.display());
        Self { folder: folder.to_owned(), name, count: AtomicU64::new(0) }
    }

    /// Names sort by time; the process and a count keep those of one moment apart.
    fn store(&self, octets: &[u8]) -> io::Result<String> {
        loop {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let stored = format!("{:016x}-{:x}-{count:x}.eml", now.as_nanos(), process::id());
            let path = self.folder.join(&stored);
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
}

impl Local for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&self, _: &Envelope, octets: &[u8]) -> Result<Reply, Error> {
        let stored = self.store(octets).map_err(|error| did_not_take(&self.name, &error))?;
        Ok(Reply::completed(format!("2.0.0 queued as {stored}")))
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
        Ok(Reply::completed("2.0.0 taken by the program"))
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
        Ok(Reply::completed("2.0.0 thrown away"))
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
    did_not_take(name, &why)
}

fn did_not_take(name: &str, why: &dyn fmt::Display) -> Error {
    Error::new(Kind::Local, Stage::EndOfData, format!("{name} did not take the message: {why}"))
}
