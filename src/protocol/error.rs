//! What can go wrong, described so that a caller can act on it: whose fault it is, at which stage
//! it happened, what the server said, and whether to try again.

use super::code;
use super::reply::{EnhancedStatusCode, Reply, Severity};
use super::state::State;
use super::transaction::Outcome;
use super::transcript::Line;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The point of the conversation at which an error happened, or that the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Connect,
    Greeting,
    Hello,
    StartTls,
    Handshake,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// While mail data is being sent.
    MailData,
    /// After the end of mail data. The answer decides what becomes of the mail.
    EndOfData,
    Reset,
    Quit,
    Command,
}

impl Stage {
    pub const ALL: [Self; 14] = [
        Self::Connect,
        Self::Greeting,
        Self::Hello,
        Self::StartTls,
        Self::Handshake,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::MailData,
        Self::EndOfData,
        Self::Reset,
        Self::Quit,
        Self::Command,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Hello => "hello",
            Self::StartTls => "starttls",
            Self::Handshake => "handshake",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::MailData => "mail data",
            Self::EndOfData => "end of data",
            Self::Reset => "reset",
            Self::Quit => "quit",
            Self::Command => "command",
        }
    }

    /// All stages by name.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let (mut names, mut at) = ([""; Self::ALL.len()], 0);
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// How long a client must wait at this stage (RFC 5321 4.5.3.2). If the RFC gives no time,
    /// five minutes, or less if no mail depends on the answer.
    pub fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Connect | Self::Handshake => 60,
            Self::Data => 120,
            Self::MailData => 180,
            Self::EndOfData => 600,
            Self::Quit => 30,
            _ => 300,
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The cause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our fault or the caller's: the request isn't allowed here. Nothing was sent.
    Misuse,
    /// The server doesn't offer what the request needs. Nothing was sent.
    NotSupported,
    /// An address needs SMTPUTF8, which isn't available. Nothing was sent.
    NonAsciiAddress,
    /// The message exceeds the size that the server announced. Nothing was sent.
    TooLarge,
    /// The content of the message could not be read while it was being sent. No recipient received
    /// it.
    Unreadable,
    /// No mechanism is left that both sides support.
    NoMechanism,
    /// The server refused.
    Refused,
    /// A program or the file system did not accept the message.
    Local,
    /// The caller's own limit is reached. Nothing was sent; it can be sent later.
    NotNow,
    /// The peer broke the protocol.
    Protocol,
    /// The connection was lost.
    Disconnected,
    /// The peer did not answer in time.
    Timeout,
    /// The server hasn't sent anything, and very likely waits for TLS.
    Silent,
    /// TLS could not be established.
    Tls,
    /// The certificate doesn't prove that this is the requested server.
    Certificate,
    /// No connection could be made.
    Unreachable,
    /// No connection could be made, because the port is closed.
    ConnectionRefused,
    /// The host name has no address.
    UnknownHost,
    /// The caller stopped waiting (a signal, a cancelled task).
    Interrupted,
}

/// What a caller can do about it. The wording depends on the caller's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Wait for the outstanding reply.
    HearReply,
    /// Ask for STARTTLS together with its handshake.
    ShakeHands,
    /// Encrypt, or allow a login without it.
    Encrypt,
    /// Encrypt, or allow mail without it.
    EncryptMail,
    /// Send by TLS, to a server whose certificate is verified.
    VerifyTheServer,
    /// Say that the option is wanted only if it is offered.
    AskIfOffered,
    /// Turn CHUNKING off.
    WithoutChunking,
    /// Turn TLS off explicitly, if the network is trusted.
    TrustTheNetwork,
    /// Connect: there is no session.
    Connect,
    /// Connect again: the session is over.
    ConnectAgain,
    /// Use a port on which TLS begins with the first octet.
    UseAPortForTls,
    /// Log in on another port, or after STARTTLS.
    LogInElsewhere,
    /// Speak TLS from the first octet.
    BeginWithTls,
    /// Use TLS as the port expects it: with STARTTLS, or from the first octet.
    MatchThePort,
    /// Allow TLS versions that are no longer considered safe.
    AllowOldTls,
    /// Present a client certificate, or ask for another name.
    Identify,
    /// Connect to a name that the certificate is for, or say which name that is.
    NameTheServer,
    /// Connect to a DNS name or an address, or say which name the certificate is for.
    NameWithDns,
    /// Trust the authority that signed the server's certificate.
    TrustItsAuthority,
    /// Trust the authority of the server's new certificate, if it really was replaced. Otherwise
    /// there may be an attacker in between.
    TrustItsNewAuthority,
    /// Assume that the server is an impostor until its owner has explained it.
    DistrustTheServer,
    /// Have the server's certificate signed by its authority, or trust the certificate itself.
    SignByTheAuthority,
    /// Install the certificates of public authorities, or say which ones to trust.
    InstallAuthorities,
    CheckClock,
    /// The server's owner must renew its certificate.
    AwaitRenewal,
    CheckClockAndAwaitRenewal,
    /// The server's owner must replace its certificate.
    AwaitReplacement,
}

impl Advice {
    /// The name under which the layer with the wording looks it up.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HearReply => "hear the reply",
            Self::ShakeHands => "shake hands",
            Self::Encrypt => "encrypt",
            Self::EncryptMail => "encrypt mail",
            Self::VerifyTheServer => "verify the server",
            Self::AskIfOffered => "ask if offered",
            Self::WithoutChunking => "do without chunking",
            Self::TrustTheNetwork => "trust the network",
            Self::Connect => "connect",
            Self::ConnectAgain => "connect again",
            Self::UseAPortForTls => "use a port for tls",
            Self::LogInElsewhere => "log in elsewhere",
            Self::BeginWithTls => "begin with tls",
            Self::MatchThePort => "match the port",
            Self::AllowOldTls => "allow old tls",
            Self::Identify => "identify yourself",
            Self::NameTheServer => "name the server",
            Self::NameWithDns => "name it with dns",
            Self::TrustItsAuthority => "trust its authority",
            Self::TrustItsNewAuthority => "trust its new authority",
            Self::DistrustTheServer => "distrust the server",
            Self::SignByTheAuthority => "sign it by its authority",
            Self::InstallAuthorities => "install authorities",
            Self::CheckClock => "check the clock",
            Self::AwaitRenewal => "await its renewal",
            Self::CheckClockAndAwaitRenewal => "check the clock, await its renewal",
            Self::AwaitReplacement => "await its replacement",
        }
    }
}

/// The underlying cause of an error, for a layer that can say more about it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// An error of a conversation.
#[derive(Clone, Debug)]
pub struct Error {
    pub kind: Kind,
    pub stage: Stage,
    /// For people: what happened and, if known, what to do about it.
    pub message: String,
    /// The server's reply, if there was one.
    pub reply: Option<Reply>,
    /// The address concerned.
    pub address: Option<String>,
    /// The operating system's error number, if there is one.
    pub os_error: Option<i32>,
    /// What is known of each recipient, if a transaction was in progress.
    pub outcome: Option<Box<Outcome>>,
    pub cause: Option<Cause>,
    pub advice: Option<Advice>,
    /// How the conversation got there.
    pub trace: Option<Arc<Trace>>,
}

/// The states that a conversation went through, and its last lines, with secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The server, if it is known by name.
    pub server: Option<Arc<str>>,
    pub path: Vec<State>,
    pub lines: Vec<Line>,
}

impl Trace {
    /// Adds the server of the conversation to the trace.
    #[must_use]
    pub fn with_server(self: Arc<Self>, server: &Arc<str>) -> Arc<Self> {
        Arc::new(Self { server: Some(Arc::clone(server)), ..Arc::unwrap_or_clone(self) })
    }
}

impl Error {
    pub fn new(kind: Kind, stage: Stage, message: impl Into<String>) -> Self {
        Self {
            kind,
            stage,
            message: message.into(),
            reply: None,
            address: None,
            os_error: None,
            outcome: None,
            cause: None,
            advice: None,
            trace: None,
        }
    }

    /// Only the first trace is kept: the layer that adds it knows most.
    #[must_use]
    pub fn traced(mut self, trace: impl FnOnce() -> Arc<Trace>) -> Self {
        self.trace.get_or_insert_with(trace);
        self
    }

    /// Whether the session is over, so that nothing more can be sent.
    pub fn over(stage: Stage) -> Self {
        Self::new(Kind::Disconnected, stage, "the session is over").with_advice(Advice::Connect)
    }

    #[must_use]
    pub fn with_advice(self, advice: Advice) -> Self {
        Self { advice: Some(advice), ..self }
    }

    #[must_use]
    pub fn with_reply(self, reply: Reply) -> Self {
        Self { reply: Some(reply), ..self }
    }

    pub fn enhanced(&self) -> Option<EnhancedStatusCode> {
        self.reply.as_ref()?.enhanced()
    }

    /// Whether the server rejected the credentials (RFC 4954 4), so that others may work.
    pub fn rejects_credentials(&self) -> bool {
        self.kind == Kind::Refused
            && self.stage == Stage::Auth
            && self.reply.as_ref().is_some_and(|reply| reply.code() == code::CREDENTIALS_INVALID)
    }

    /// Whether the message itself, or its envelope, is the reason that it was not sent.
    pub fn is_about_the_message(&self) -> bool {
        match self.kind {
            Kind::TooLarge | Kind::NonAsciiAddress | Kind::Unreadable => true,
            Kind::NotSupported | Kind::Misuse => matches!(self.stage, Stage::Mail | Stage::Rcpt),
            _ => false,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            Kind::Misuse
            | Kind::NotSupported
            | Kind::NonAsciiAddress
            | Kind::TooLarge
            | Kind::Unreadable
            | Kind::NoMechanism
            | Kind::Silent => false,
            Kind::Protocol | Kind::Tls | Kind::Certificate | Kind::Interrupted | Kind::UnknownHost => false,
            Kind::NotNow | Kind::Local => true,
            Kind::Refused
            | Kind::Disconnected
            | Kind::Timeout
            | Kind::Unreachable
            | Kind::ConnectionRefused => {
                self.reply.as_ref().is_none_or(|reply| reply.severity() != Severity::Permanent)
            }
        }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Misuse => "misuse",
            Self::NotSupported => "not supported",
            Self::NonAsciiAddress => "non-ascii address",
            Self::TooLarge => "too large",
            Self::Unreadable => "unreadable",
            Self::NoMechanism => "no mechanism",
            Self::Refused => "refused",
            Self::NotNow => "not now",
            Self::Local => "local",
            Self::Protocol => "protocol",
            Self::Disconnected => "disconnected",
            Self::Timeout | Self::Silent => "timeout",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Unreachable => "unreachable",
            Self::ConnectionRefused => "connection refused",
            Self::UnknownHost => "unknown host",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The operating system's description without its number, which is in [`Error::os_error`].
pub fn system_words(error: &dyn fmt::Display) -> String {
    let words = error.to_string();
    let words = words.split(" (os error ").next().unwrap_or_default();
    words.trim_start_matches("I/O error: ").to_owned()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.reply {
            Some(reply) => write!(f, " (the server said: {reply})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}
