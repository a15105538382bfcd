//! The moments of a conversation at which the catcher can misbehave.

use std::str::FromStr;

macro_rules! stages {
    ($($(#[$doc:meta])* $stage:ident = $name:literal,)*) => {
        /// A moment at which the server replies or acts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Stage { $($(#[$doc])* $stage,)* }

        impl Stage {
            /// Every stage, so that tests over all stages include new ones.
            pub const ALL: &'static [Stage] = &[$(Stage::$stage,)*];

            /// The stage's name in Python and in error messages.
            pub fn name(self) -> &'static str {
                match self { $(Stage::$stage => $name,)* }
            }
        }
    };
}

stages! {
    /// The 220 at the start.
    Greeting = "greeting",
    Ehlo = "EHLO",
    Helo = "HELO",
    Lhlo = "LHLO",
    /// The 220 before the handshake.
    StartTls = "STARTTLS",
    /// The TLS handshake itself, after STARTTLS or at the start of the connection.
    Handshake = "handshake",
    /// The first reply to AUTH, which is final or a challenge.
    Auth = "AUTH",
    /// The reply to each further line of an AUTH exchange.
    AuthResponse = "auth-response",
    Mail = "MAIL",
    Rcpt = "RCPT",
    /// The 354.
    Data = "DATA",
    /// While mail data arrives by DATA or by BDAT.
    MailData = "mail-data",
    /// The reply after mail data: to the final dot or to the last BDAT chunk, and in LMTP the reply
    /// for each recipient.
    EndOfData = "end-of-data",
    /// The reply to a BDAT chunk that isn't the last one.
    Bdat = "BDAT",
    Rset = "RSET",
    Noop = "NOOP",
    Vrfy = "VRFY",
    Expn = "EXPN",
    Help = "HELP",
    Xclient = "XCLIENT",
    Quit = "QUIT",
    /// The reply to a command that the catcher doesn't know.
    Unknown = "unknown",
}

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(name: &str) -> Result<Self, UnknownStage> {
        let name = name.replace([' ', '_'], "-");
        Stage::ALL
            .iter()
            .copied()
            .find(|stage| stage.name().eq_ignore_ascii_case(&name))
            .ok_or(UnknownStage(name))
    }
}

/// The catcher has no stage of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStage(pub String);

impl std::fmt::Display for UnknownStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<_> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        write!(f, "no such stage: {:?}; the catcher knows {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownStage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_generously() {
        assert_eq!("end of data".parse(), Ok(Stage::EndOfData));
        assert_eq!("rcpt".parse(), Ok(Stage::Rcpt));
        assert!("TURN".parse::<Stage>().is_err());
    }
}
