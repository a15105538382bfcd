//! Options of one recipient: parameters of RCPT.

use super::xtext;
use super::{Extension, Moment};
use std::fmt;

/// One option of a recipient. It exists only with a value that its RFC allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RcptOption {
    Notify(Notify),
    OriginalRecipient(OriginalRecipient),
    ValidSince(ValidSince),
}

/// The events that the sender wants to be notified of (RFC 3461 4.1). `NEVER` if there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    success: bool,
    failure: bool,
    delay: bool,
}

/// The original recipient (RFC 3461 4.2, RFC 6533 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    kind: String,
    address: String,
}

/// Since when the address has belonged to the intended recipient (RFC 7293 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidSince {
    pub since: Moment,
    /// A server on the way that doesn't know the option passes the message on without it.
    pub goes_on: bool,
}

/// The longest ORCPT in characters (RFC 3461 4.2).
const LONGEST: usize = 500;
/// The address type for addresses with characters beyond ASCII (RFC 6533 3).
const UTF8: &str = "utf-8";

impl Notify {
    /// Takes SUCCESS, FAILURE and DELAY, or NEVER alone, in any case.
    pub fn new<'a>(events: impl IntoIterator<Item = &'a str>) -> Result<Self, &'static str> {
        let (mut notify, mut never, mut count) = (Self::default(), false, 0);
        for event in events {
            count += 1;
            match event.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                "NEVER" => never = true,
                _ => return Err("is not success, failure, delay or never"),
            }
        }
        match (count, never) {
            (0, _) => Err("is empty: that no notice is wanted is said by never"),
            (2.., true) => Err("has something beside never, which stands alone (RFC 3461 4.1)"),
            _ => Ok(notify),
        }
    }
}

impl OriginalRecipient {
    pub fn new(address: &str) -> Result<Self, &'static str> {
        let kind = if address.is_ascii() { "rfc822" } else { UTF8 };
        Self::of_kind(kind, address)
    }

    fn of_kind(kind: &str, address: &str) -> Result<Self, &'static str> {
        if address.is_empty() {
            return Err("is empty");
        }
        if address.chars().any(char::is_control) {
            return Err("has a control character");
        }
        let original = Self { kind: kind.to_owned(), address: address.to_owned() };
        match original.to_string().len() > LONGEST {
            true => Err("is longer than 500 characters, as it is encoded (RFC 3461 4.2)"),
            false => Ok(original),
        }
    }

    fn read(value: &str) -> Result<Self, &'static str> {
        let (kind, encoded) = value.split_once(';').ok_or("is not type;address")?;
        let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        if kind.is_empty() || !kind.chars().all(is_atom) {
            return Err("is not type;address");
        }
        let decoded = match kind.eq_ignore_ascii_case(UTF8) {
            true => xtext::decode_unicode(encoded),
            false => xtext::decode(encoded),
        };
        Self::of_kind(&kind.to_ascii_lowercase(), &decoded.ok_or("is not encoded as its type wants it")?)
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = match self.kind == UTF8 {
            true => xtext::encode_unicode(&self.address),
            false => xtext::encode(&self.address),
        };
        write!(f, "{};{encoded}", self.kind)
    }
}

impl RcptOption {
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Notify(_) => "NOTIFY",
            Self::OriginalRecipient(_) => "ORCPT",
            Self::ValidSince(_) => "RRVS",
        }
    }

    pub fn extension(&self) -> Extension {
        match self {
            Self::Notify(_) | Self::OriginalRecipient(_) => Extension::Dsn,
            Self::ValidSince(_) => Extension::Rrvs,
        }
    }

    /// Whether a server that doesn't know the option can go without it harmlessly.
    pub fn may_be_left_out(&self) -> bool {
        match self {
            Self::Notify(_) | Self::OriginalRecipient(_) => true,
            Self::ValidSince(valid) => valid.goes_on,
        }
    }

    /// Parses a received parameter. None if it isn't one of these options.
    pub fn read(keyword: &str, value: Option<&str>) -> Option<Result<Self, &'static str>> {
        let wanted = value.ok_or("has no value");
        Some(match keyword.to_ascii_uppercase().as_str() {
            "NOTIFY" => wanted.and_then(|value| Notify::new(value.split(','))).map(Self::Notify),
            "ORCPT" => wanted.and_then(OriginalRecipient::read).map(Self::OriginalRecipient),
            "RRVS" => wanted.and_then(valid_since).map(Self::ValidSince),
            _ => return None,
        })
    }
}

/// `2014-04-03T23:01:00Z`, optionally followed by `;C` or `;R`. Without either, the message goes
/// no further than the option can.
fn valid_since(value: &str) -> Result<ValidSince, &'static str> {
    let malformed = "is no time of RFC 3339 with ;C or ;R behind it";
    let (since, action) = value.split_once(';').unwrap_or((value, "R"));
    let goes_on = match action {
        "C" | "c" => true,
        "R" | "r" => false,
        _ => return Err(malformed),
    };
    since.parse().map(|since| ValidSince { since, goes_on }).map_err(|_| malformed)
}

/// As written after the path.
impl fmt::Display for RcptOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.keyword())?;
        match self {
            Self::Notify(Notify { success, failure, delay }) => {
                let events = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
                let wanted: Vec<&str> = events.iter().filter(|(on, _)| **on).map(|(_, name)| *name).collect();
                f.write_str(if wanted.is_empty() { "NEVER" } else { "" })?;
                f.write_str(&wanted.join(","))
            }
            Self::OriginalRecipient(original) => original.fmt(f),
            Self::ValidSince(ValidSince { since, goes_on }) => {
                write!(f, "{since};{}", if *goes_on { "C" } else { "R" })
            }
        }
    }
}
