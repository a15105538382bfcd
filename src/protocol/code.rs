//! The meaning of the reply codes that affect decisions. The numbers appear in this file alone.

use super::reply::Severity;
use std::ops::RangeInclusive;

/// The range of valid codes (RFC 5321 4.2).
pub const ALL: RangeInclusive<u16> = 200..=599;

// RFC 5321 4.2.2.
pub const SERVICE_READY: u16 = 220;
pub const SERVICE_CLOSING: u16 = 221;
pub const COMPLETED: u16 = 250;
pub const WILL_FORWARD: u16 = 251;
pub const START_MAIL_INPUT: u16 = 354;
/// The server is about to close the connection (RFC 5321 3.8).
pub const SERVICE_NOT_AVAILABLE: u16 = 421;
pub const INSUFFICIENT_STORAGE: u16 = 452;
pub const UNRECOGNIZED_COMMAND: u16 = 500;
pub const NOT_IMPLEMENTED: u16 = 502;
pub const BAD_SEQUENCE: u16 = 503;
pub const PARAMETER_NOT_IMPLEMENTED: u16 = 504;
pub const EXCEEDED_STORAGE: u16 = 552;
pub const TRANSACTION_FAILED: u16 = 554;

// RFC 4954 4 and 6.
pub const AUTHENTICATED: u16 = 235;
pub const AUTH_CONTINUES: u16 = 334;
pub const LOGIN_REQUIRED: u16 = 530;
pub const MECHANISM_TOO_WEAK: u16 = 534;
pub const CREDENTIALS_INVALID: u16 = 535;
pub const ENCRYPTION_REQUIRED: u16 = 538;

/// The meaning of a code's first digit. None if it isn't a reply code.
pub fn severity(code: u16) -> Option<Severity> {
    match code {
        200..=299 => Some(Severity::Completion),
        300..=399 => Some(Severity::Intermediate),
        400..=499 => Some(Severity::Transient),
        500..=599 => Some(Severity::Permanent),
        _ => None,
    }
}

/// Whether a refusal means that the server doesn't know the command (RFC 5321 4.2.4).
pub fn is_of_unknown_command(code: u16) -> bool {
    matches!(code, UNRECOGNIZED_COMMAND | NOT_IMPLEMENTED)
}

/// Whether a reply to AUTH refers to the mechanism and not to the credentials (RFC 4954 4, 6). If
/// so, another mechanism may be tried.
pub fn refuses_mechanism(code: u16) -> bool {
    matches!(
        code,
        UNRECOGNIZED_COMMAND
            | NOT_IMPLEMENTED
            | PARAMETER_NOT_IMPLEMENTED
            | MECHANISM_TOO_WEAK
            | ENCRYPTION_REQUIRED
    )
}
