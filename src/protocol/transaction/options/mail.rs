//! Options of a message: parameters of MAIL.

use super::xtext;
use super::{Extension, Moment};
use crate::protocol::extension::Extensions;
use std::fmt;

/// One option of a message. It exists only with a value that its RFC allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailOption {
    Return(Return),
    EnvelopeId(EnvelopeId),
    RequireTls,
    HoldFor(HoldFor),
    HoldUntil(Moment),
    DeliverBy(DeliverBy),
    Priority(Priority),
    BinaryMime,
    Xverp(VerpDelimiters),
}

/// How much of the message a notice of failure returns (RFC 3461 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    Full,
    Headers,
}

/// The identifier by which the sender recognises the message in a notice (RFC 3461 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeId(String);

/// Seconds, at least 1, in at most nine digits (RFC 4865 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldFor(u32);

/// The deadline for delivery, and what to do if it is missed (RFC 2852 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverBy {
    seconds: i32,
    returns: bool,
    traces: bool,
}

/// From -9 to 9 (RFC 6710 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority(i8);

/// What stands between the sender's local part and the recipient's, and in place of the recipient's
/// @ (Postfix, VERP_README).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerpDelimiters([char; 2]);

/// Seconds in at most nine digits.
const MOST_SECONDS: i64 = 999_999_999;
/// The longest ENVID in characters, once encoded.
const LONGEST_ID: usize = 100;

impl HoldFor {
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl EnvelopeId {
    pub fn new(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => Err("is empty"),
            text if !text.bytes().all(|octet| matches!(octet, b' '..=b'~')) => {
                Err("takes printable ASCII alone (RFC 3461 4.4)")
            }
            text if xtext::encode(text).len() > LONGEST_ID => {
                Err("is longer than 100 characters, as it is encoded (RFC 3461 4.4)")
            }
            text => Ok(Self(text.to_owned())),
        }
    }
}

impl HoldFor {
    pub fn new(seconds: i64) -> Result<Self, &'static str> {
        match u32::try_from(seconds) {
            Ok(given) if given > 0 && seconds <= MOST_SECONDS => Ok(Self(given)),
            _ => Err("is not from 1 to 999999999 seconds (RFC 4865 3)"),
        }
    }
}

impl DeliverBy {
    /// `returns` tells whether a message that misses the deadline is returned. Otherwise a notice
    /// of the delay is sent.
    pub fn new(seconds: i64, returns: bool, traces: bool) -> Result<Self, &'static str> {
        if returns && seconds <= 0 {
            return Err(
                "has to be a time that is still to come, where the message is to be returned (RFC 2852 4)",
            );
        }
        match i32::try_from(seconds) {
            Ok(given) if seconds.abs() <= MOST_SECONDS => Ok(Self { seconds: given, returns, traces }),
            _ => Err("is not within 999999999 seconds (RFC 2852 4)"),
        }
    }
}

impl Priority {
    pub fn new(level: i64) -> Result<Self, &'static str> {
        let level = i8::try_from(level).ok().filter(|level| (-9..=9).contains(level));
        level.map(Self).ok_or("is not from -9 to 9 (RFC 6710 4)")
    }
}

impl VerpDelimiters {
    pub fn new(text: &str) -> Result<Self, &'static str> {
        // Postfix's verp_delimiter_filter, as it comes.
        match <[char; 2]>::try_from(text.chars().collect::<Vec<_>>()) {
            Ok(both) if both.iter().all(|one| matches!(one, '-' | '=' | '+')) => Ok(Self(both)),
            _ => Err("is not two of the characters - = + (Postfix, VERP_README)"),
        }
    }
}

impl MailOption {
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Return(_) => "RET",
            Self::EnvelopeId(_) => "ENVID",
            Self::RequireTls => "REQUIRETLS",
            Self::HoldFor(_) => "HOLDFOR",
            Self::HoldUntil(_) => "HOLDUNTIL",
            Self::DeliverBy(_) => "BY",
            Self::Priority(_) => "MT-PRIORITY",
            Self::BinaryMime => "BODY",
            Self::Xverp(_) => "XVERP",
        }
    }

    pub fn extension(&self) -> Extension {
        match self {
            Self::Return(_) | Self::EnvelopeId(_) => Extension::Dsn,
            Self::RequireTls => Extension::RequireTls,
            Self::HoldFor(_) | Self::HoldUntil(_) => Extension::FutureRelease,
            Self::DeliverBy(_) => Extension::DeliverBy,
            Self::Priority(_) => Extension::MtPriority,
            Self::BinaryMime => Extension::BinaryMime,
            Self::Xverp(_) => Extension::Xverp,
        }
    }

    /// Whether a server that doesn't know the option can go without it harmlessly: a notice
    /// doesn't come, or says less of whom it is about, or content is sent in base64. That doesn't apply
    /// to a message that must be held, returned or kept from plaintext, or to content that can't be
    /// sent otherwise.
    pub fn may_be_left_out(&self, needs_binary: bool) -> bool {
        match self {
            Self::Return(_) | Self::EnvelopeId(_) | Self::Priority(_) | Self::Xverp(_) => true,
            Self::DeliverBy(by) => !by.returns,
            Self::BinaryMime => !needs_binary,
            Self::RequireTls | Self::HoldFor(_) | Self::HoldUntil(_) => false,
        }
    }

    /// What exceeds a limit that the server has announced.
    pub(super) fn check_limits(&self, extensions: &Extensions) -> Result<(), String> {
        let named = extensions.parameters(self.extension().keyword()).unwrap_or_default();
        let mut named = named.split_ascii_whitespace();
        match self {
            // RFC 4865 3: the longest interval, and the latest time.
            Self::HoldFor(HoldFor(seconds)) => match named.next().and_then(|most| most.parse::<u64>().ok()) {
                Some(most) if u64::from(*seconds) > most => Err(format!(
                    "a message is to be held for {seconds} s, and the server holds one for {most} s"
                )),
                _ => Ok(()),
            },
            Self::HoldUntil(when) => match named.nth(1).and_then(|last| last.parse::<Moment>().ok()) {
                Some(last) if *when > last => Err(format!(
                    "a message is to be held until {when}, and the server holds one until {last}"
                )),
                _ => Ok(()),
            },
            // RFC 2852 3: the shortest time after which it can be asked to return a message.
            Self::DeliverBy(by) if by.returns => {
                match named.next().and_then(|least| least.parse::<i32>().ok()) {
                    Some(least) if by.seconds < least => Err(format!(
                        "a message is to be returned after {} s, and the server takes no less than {least} s",
                        by.seconds
                    )),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Parses a received parameter. None if it isn't one of these options.
    pub fn read(keyword: &str, value: Option<&str>) -> Option<Result<Self, &'static str>> {
        let wanted = value.ok_or("has no value");
        Some(match keyword.to_ascii_uppercase().as_str() {
            "RET" => wanted.and_then(|value| match value.to_ascii_uppercase().as_str() {
                "FULL" => Ok(Self::Return(Return::Full)),
                "HDRS" => Ok(Self::Return(Return::Headers)),
                _ => Err("is neither FULL nor HDRS"),
            }),
            "ENVID" => wanted
                .and_then(|value| xtext::decode(value).ok_or("is no xtext"))
                .and_then(|text| EnvelopeId::new(&text).map(Self::EnvelopeId)),
            "REQUIRETLS" => value.map_or(Ok(Self::RequireTls), |_| Err("takes no value")),
            "HOLDFOR" => wanted
                .and_then(|value| digits(value).filter(|_| !value.starts_with('0')).ok_or("is no number"))
                .and_then(|seconds| HoldFor::new(seconds).map(Self::HoldFor)),
            "HOLDUNTIL" => wanted
                .and_then(|value| value.parse().map(Self::HoldUntil).map_err(|_| "is no time of RFC 3339")),
            "BY" => wanted.and_then(deliver_by).map(Self::DeliverBy),
            "MT-PRIORITY" => wanted.and_then(|value| {
                let level = value.strip_prefix('-').unwrap_or(value);
                let is_level = level.len() == 1 && (level != "0" || level == value);
                let number = digits(level).filter(|_| is_level).ok_or("is not from -9 to 9")?;
                Priority::new(if level == value { number } else { -number }).map(Self::Priority)
            }),
            "BODY" if value.is_some_and(|value| value.eq_ignore_ascii_case("BINARYMIME")) => {
                Ok(Self::BinaryMime)
            }
            // Without a value it stands for the server's own delimiters.
            "XVERP" => VerpDelimiters::new(value.unwrap_or("+=")).map(Self::Xverp),
            _ => return None,
        })
    }
}

/// Such as `120;R`, `-10;NT`.
fn deliver_by(value: &str) -> Result<DeliverBy, &'static str> {
    let malformed = "is not seconds;N or seconds;R";
    let (time, mode) = value.split_once(';').ok_or(malformed)?;
    let number = digits(time.strip_prefix(['-', '+']).unwrap_or(time)).ok_or(malformed)?;
    let seconds = if time.starts_with('-') { -number } else { number };
    let (returns, traces) = match mode.to_ascii_uppercase().as_str() {
        "N" => (false, false),
        "NT" => (false, true),
        "R" => (true, false),
        "RT" => (true, true),
        _ => return Err(malformed),
    };
    DeliverBy::new(seconds, returns, traces)
}

/// One to nine digits.
fn digits(text: &str) -> Option<i64> {
    let are_digits = (1..=9).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

/// As written after the path.
impl fmt::Display for MailOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())?;
        match self {
            Self::Return(Return::Full) => f.write_str("=FULL"),
            Self::Return(Return::Headers) => f.write_str("=HDRS"),
            Self::EnvelopeId(EnvelopeId(text)) => write!(f, "={}", xtext::encode(text)),
            Self::RequireTls => Ok(()),
            Self::HoldFor(HoldFor(seconds)) => write!(f, "={seconds}"),
            Self::HoldUntil(when) => write!(f, "={when}"),
            Self::DeliverBy(DeliverBy { seconds, returns, traces }) => {
                let mode = if *returns { "R" } else { "N" };
                write!(f, "={seconds};{mode}{}", if *traces { "T" } else { "" })
            }
            Self::Priority(Priority(level)) => write!(f, "={level}"),
            Self::BinaryMime => f.write_str("=BINARYMIME"),
            Self::Xverp(VerpDelimiters([before, between])) => write!(f, "={before}{between}"),
        }
    }
}
