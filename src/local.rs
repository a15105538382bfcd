//! Delivery without a server: to files, to a sendmail program, or to nothing at all.

use crate::address::{Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Recipients;
use crate::protocol::{Error, Kind, Stage};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    Sendmail(OsString),
    Null,
}

/// The sender, unless it is the null reverse-path, and the recipients.
#[derive(Debug)]
pub struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

impl Local {
    /// Writes each message to its own file, readable by its owner alone. The folder must exist.
    pub fn files(folder: &Path) -> Self {
        let name = format!("file:{}", folder.display());
        Self { name: name.into(), way: Way::Files(folder.to_owned(), AtomicU64::new(0)) }
    }

    /// Hands the message to a program. Without a path, it runs `sendmail` from PATH.
    pub fn sendmail(program: Option<PathBuf>) -> Self {
        let program: OsString = program.map_or_else(|| "sendmail".into(), Into::into);
        let name = format!("sendmail:{}", program.display());
        Self { name: name.into(), way: Way::Sendmail(program) }
    }

    /// Discards the message.
    pub fn null() -> Self {
        Self { name: "null:".into(), way: Way::Null }
    }

    /// Delivery options have no effect on a message that isn't delivered.
    pub fn delivers(&self) -> bool {
        matches!(self.way, Way::Sendmail(_))
    }

    /// Plays the part of the server's reply to the end of mail data. `attend` is called while a program
    /// runs; if it fails, the program is killed.
    pub fn take(
        &self,
        envelope: &Envelope,
        octets: &[u8],
        attend: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        let words = match &self.way {
            Way::Files(folder, count) => {
                let stored = store(folder, count, octets).map_err(|error| self.did_not_take(&error))?;
                format!("2.0.0 queued as {stored}")
            }
            Way::Sendmail(_) if envelope.from.is_none() => {
                let why =
                    "sendmail can't be told of the null reverse-path (RFC 5321 4.5.5): it would name you";
                return Err(Error::new(Kind::NotSupported, Stage::Mail, why));
            }
            Way::Sendmail(program) => {
                let ended = run(program, envelope, octets.to_vec(), attend);
                ended.map_err(|error| self.did_not_take(&error))??;
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

/// A program that takes a message for longer is killed: as long as a server may take (RFC 5321 4.5.3.2.6).
const LONGEST: Duration = Duration::from_secs(600);
/// While it runs, it is looked at after this time.
const SLICE: Duration = Duration::from_millis(50);
/// Once it has ended, what it has said, and whether it had read all, is known after this time. Another
/// program that it has left behind may hold its pipes open.
const REST: Duration = Duration::from_millis(200);
/// As much is kept of what it says.
const WORDS: usize = 2048;

/// Runs a sendmail program. The outer error: it did not take the message. The inner one: it may have taken
/// it, because it was killed when it had all of it, or has left it to another program.
fn run(
    program: &OsStr,
    envelope: &Envelope,
    octets: Vec<u8>,
    attend: &mut dyn FnMut() -> Result<(), Error>,
) -> io::Result<Result<(), Error>> {
    let mut command = Command::new(program);
    command.arg("-i");
    if let Some(from) = &envelope.from {
        command.arg("-f").arg(from);
    }
    command.arg("--").args(&envelope.to).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let given = give(child.stdin.take(), octets)?;
    let (words, closed) = listen(child.stderr.take())?;
    let started = Instant::now();
    let (mut is_open, mut pause) = (true, Duration::from_millis(1));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // It closes its standard error when it ends.
        match is_open {
            true => is_open = closed.recv_timeout(pause) == Err(RecvTimeoutError::Timeout),
            false => thread::sleep(pause),
        }
        pause = (pause * 2).min(SLICE);
        let ended = match started.elapsed() > LONGEST {
            true => Err(Error::new(Kind::Timeout, Stage::EndOfData, "the program took too long")),
            false => attend(),
        };
        if let Err(error) = ended {
            child.kill()?;
            child.wait()?;
            let had_all = matches!(given.recv_timeout(REST), Ok(Ok(())));
            return if had_all { Ok(Err(error)) } else { Err(io::Error::other(error.to_string())) };
        }
    };
    if is_open {
        let _ = closed.recv_timeout(REST);
    }
    if !status.success() {
        return Err(io::Error::other(told(&words, status)));
    }
    match given.recv_timeout(REST) {
        Ok(written) => Ok(Ok(written?)),
        Err(_) => {
            let why = "the program has ended, and another one has yet to read all of the message";
            Ok(Err(Error::new(Kind::Timeout, Stage::EndOfData, why)))
        }
    }
}

/// Writes the message to it, in a thread that is left behind if it does not read.
fn give(to: Option<impl Write + Send + 'static>, octets: Vec<u8>) -> io::Result<Receiver<io::Result<()>>> {
    let (tell, told) = channel();
    thread::Builder::new().name("rsmtp-sendmail".into()).spawn(move || {
        let _ = tell.send(to.map_or(Ok(()), |mut to| to.write_all(&octets)));
    })?;
    Ok(told)
}

type Words = Arc<Mutex<Vec<u8>>>;

/// Reads what it says to the end, in a thread as well.
fn listen(from: Option<impl Read + Send + 'static>) -> io::Result<(Words, Receiver<()>)> {
    let (words, (tell, told)) = (Words::default(), channel());
    let heard = Arc::clone(&words);
    thread::Builder::new().name("rsmtp-sendmail".into()).spawn(move || {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let room = WORDS.saturating_sub(heard.len()).min(count);
            heard.extend_from_slice(&buffer[..room]);
        }
        let _ = tell.send(());
    })?;
    Ok((words, told))
}

fn told(words: &Words, status: ExitStatus) -> String {
    let words = words.lock().unwrap_or_else(PoisonError::into_inner);
    match String::from_utf8_lossy(&words).trim() {
        "" => format!("it failed, and said nothing ({status})"),
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

/// The addresses as a program's arguments. A program is not told what an address without a domain means.
pub fn envelope(reverse_path: &ReversePath, recipients: &Recipients) -> Result<Envelope, Error> {
    let address = |mailbox: &Mailbox| {
        let text = mailbox.wire(false);
        if text.contains('@') {
            return Ok(text);
        }
        let why = "only an SMTP server knows what an address without a domain means";
        Err(Error { address: Some(text), ..Error::new(Kind::NotSupported, Stage::Rcpt, why) })
    };
    let from = match reverse_path {
        ReversePath::Null => None,
        ReversePath::Mailbox(mailbox) => Some(address(mailbox)?),
    };
    Ok(Envelope { from, to: recipients.iter().map(address).collect::<Result<_, _>>()? })
}
