//! What can go wrong, told so that a caller can act on it: whose fault, at which
//! stage, the server's own words, whether to try again.

use super::code;
use super::reply::{EnhancedStatusCode, Reply, Severity};
use super::state::State;
use super::transaction::Outcome;
use super::transcript::Line;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where in the conversation something happened or is waited for.
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
    /// While mail data is on its way.
    MailData,
    /// After the end of mail data: the answer decides what became of the mail.
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

    /// The names of all.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let (mut names, mut at) = ([""; Self::ALL.len()], 0);
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// How long a client waits here at least (RFC 5321 4.5.3.2); where the RFC
    /// names no time, five minutes, and less where no mail depends on the answer.
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

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours or the caller's: the request is not legal here. Nothing was sent.
    Misuse,
    /// The server does not offer what the request needs. Nothing was sent.
    NotSupported,
    /// An address needs SMTPUTF8, which is not to be had. Nothing was sent.
    NonAsciiAddress,
    /// The message is over the size that the server announced. Nothing was sent.
    TooLarge,
    /// The content of the message could not be read while it was being sent.
    /// No recipient has it.
    Unreadable,
    /// No mechanism is left that both sides know.
    NoMechanism,
    /// The server said no, in its own words.
    Refused,
    /// A program or the file system did not take the message.
    Local,
    /// The caller's own limit is reached: later it may go. Nothing was sent.
    NotNow,
    /// The peer broke the protocol.
    Protocol,
    /// The connection is gone.
    Disconnected,
    /// The peer did not answer in time.
    Timeout,
    /// The peer has not said a word, and very likely waits for TLS.
    Silent,
    /// No TLS.
    Tls,
    /// Not the server that was asked for, as far as its certificate tells.
    Certificate,
    /// No connection could be made.
    Unreachable,
    /// No connection could be made, because the port is closed.
    ConnectionRefused,
    /// The host's name has no address.
    UnknownHost,
    /// The caller gave up waiting (a signal, a cancelled task).
    Interrupted,
}

/// What a caller can do about it. How that is said depends on the caller's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Take the reply that is still to come.
    HearReply,
    /// Ask for STARTTLS together with its handshake.
    ShakeHands,
    /// Encrypt, or allow a login without it.
    Encrypt,
    /// Encrypt, or allow mail without it.
    EncryptMail,
    /// Send by TLS, to a server whose certificate is verified.
    VerifyTheServer,
    /// Say that the option is wanted where it is offered.
    AskIfOffered,
    /// Do without CHUNKING.
    WithoutChunking,
    /// Do without TLS, in words, if the network is trusted.
    TrustTheNetwork,
    /// Connect: there is no session.
    Connect,
    /// Connect again: the session is over.
    ConnectAgain,
    /// Take a port where TLS begins with the first octet.
    UseAPortForTls,
    /// Log in on another port, or after STARTTLS.
    LogInElsewhere,
    /// Speak TLS from the first octet.
    BeginWithTls,
    /// Speak TLS as the port is for it: by STARTTLS, or from the first octet.
    MatchThePort,
    /// Allow TLS versions that are no longer safe.
    AllowOldTls,
    /// Show a certificate of the client's, or ask for another name.
    Identify,
    /// Connect by a name that the certificate is for, or say which name that is.
    NameTheServer,
    /// Connect by a DNS name or an address, or say which name the certificate is for.
    NameWithDns,
    /// Trust the authority that has signed the server's certificate.
    TrustItsAuthority,
    /// The same, if it has a new certificate: otherwise an attacker may be in between.
    TrustItsNewAuthority,
    /// Take the server for an impostor until its owner has explained it.
    DistrustTheServer,
    /// Sign the server's certificate by its authority, or trust it as it is.
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
    /// By this name the layer that has the words looks them up.
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

/// The cause of an error, for a layer that can say more about it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// An error of a conversation.
#[derive(Clone, Debug)]
pub struct Error {
    pub kind: Kind,
    pub stage: Stage,
    /// For people: what happened and, where it is known, what to do.
    pub message: String,
    /// The server's own words, where it said any.
    pub reply: Option<Reply>,
    /// The address that it is about.
    pub address: Option<String>,
    /// The operating system's number, where it gave one.
    pub os_error: Option<i32>,
    /// What is known of each recipient, where a transaction was under way.
    pub outcome: Option<Box<Outcome>>,
    pub cause: Option<Cause>,
    pub advice: Option<Advice>,
    /// How the conversation came to it.
    pub trace: Option<Arc<Trace>>,
}

/// The states that a conversation went through, and what was said last, secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// With whom, where the server is known by name.
    pub server: Option<Arc<str>>,
    pub path: Vec<State>,
    pub lines: Vec<Line>,
}

impl Trace {
    /// The same, of a conversation with this server.
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

    /// The first to tell how it came about knows it best.
    #[must_use]
    pub fn traced(mut self, trace: impl FnOnce() -> Arc<Trace>) -> Self {
        self.trace.get_or_insert_with(trace);
        self
    }

    /// The session is over, and nothing more can be said.
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

    /// Whether the server did not accept the credentials (RFC 4954 4.2): others may do.
    pub fn rejects_credentials(&self) -> bool {
        self.kind == Kind::Refused
            && self.stage == Stage::Auth
            && self.reply.as_ref().is_some_and(|reply| reply.code() == code::CREDENTIALS_INVALID)
    }

    /// Whether the same request may succeed later, unchanged.
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

/// What the operating system says, without its number: [`Error::os_error`] has that.
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
