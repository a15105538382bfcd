//! Splits the client's input into lines, recognises the commands, and calls their handlers.

use super::answer::Answer;
use super::{Phase, Session};
use crate::catcher::Offer;
use crate::catcher::auth::Exchange;
use crate::catcher::conversation::Side;
use crate::catcher::fault::{Disconnect, Stage};

/// The longest command line. RFC 5321 section 4.5.3.1.4 asks for 512 octets, and the parameters of
/// extensions add to that.
const LONGEST_LINE: usize = 2048;
/// The longest line of an AUTH exchange (RFC 4954 section 4).
const LONGEST_AUTH_LINE: usize = 12288 + 32;

impl Session {
    /// Reads one line: a command, or the client's next line in an exchange. Returns 0 if the line
    /// is incomplete.
    pub(super) fn line(&mut self, exchange: Option<Exchange>, rest: &[u8]) -> usize {
        let secret = exchange.is_some() || starts_auth(rest);
        let longest = if secret { LONGEST_AUTH_LINE } else { LONGEST_LINE };
        let Some(end) = memchr::memchr(b'\n', rest) else {
            if rest.len() > longest {
                self.phase = Phase::Overlong;
                return rest.len();
            }
            if let Some(exchange) = exchange {
                self.phase = Phase::Auth(exchange);
            }
            return 0;
        };
        if end >= longest {
            return self.overlong(rest);
        }
        match rest[..end].strip_suffix(b"\r") {
            None => {
                // RFC 5321 section 2.3.8: a bare LF doesn't end a line.
                self.record(b"<a line without CR>");
                self.nonsense(&Answer::new(500, "5.5.2", "Lines must end with CR LF"));
            }
            Some(line) => match exchange {
                Some(exchange) => self.auth_response(exchange, line),
                None => self.command(line, rest.len() > end + 1),
            },
        }
        end + 1
    }

    /// Drops the rest of a line that is too long.
    pub(super) fn overlong(&mut self, rest: &[u8]) -> usize {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.phase = Phase::Overlong;
            return rest.len();
        };
        self.record(b"<a line that is too long>");
        self.nonsense(&Answer::new(500, "5.5.2", "Line too long"));
        end + 1
    }

    fn command(&mut self, line: &[u8], pipelined: bool) {
        let (verb, argument) = split(line);
        let stage = stage_of(verb);
        if stage == Stage::Mail && self.transaction.is_none() {
            self.conversation.cut();
        }
        self.record_command(stage, line, argument);
        self.after_auth &= stage == Stage::Unknown;
        if memchr::memchr2(b'\r', 0, line).is_some() {
            return self.nonsense(&Answer::new(501, "5.5.2", "A bare CR or NUL in a line"));
        }
        if self.unwelcome && stage != Stage::Quit {
            return self.refuse(stage, 503, "5.5.1", "Not welcome here");
        }
        if pipelined && self.minds_pipelining(stage) {
            return self.nonsense_end("Sent before the last reply, but PIPELINING isn't offered");
        }
        match stage {
            Stage::Ehlo | Stage::Helo | Stage::Lhlo => self.hello(stage, argument),
            Stage::StartTls => self.start_tls(argument, pipelined),
            Stage::Auth => self.auth(argument),
            Stage::Mail => self.mail(argument),
            Stage::Rcpt => self.rcpt(argument),
            Stage::Data => self.data(argument),
            Stage::Bdat => self.bdat(argument),
            Stage::Rset => self.rset(argument),
            Stage::Noop => {
                self.answer(stage, None, &Answer::new(250, "2.0.0", "Ok"));
            }
            Stage::Vrfy => self.vrfy(argument),
            Stage::Expn => self.refuse(stage, 550, "5.1.1", "No mailing lists here"),
            Stage::Help => self.help(),
            Stage::Xclient => self.xclient(argument),
            Stage::Quit => self.quit(argument),
            _ => self.nonsense(&Answer::new(500, "5.5.2", "No such command")),
        }
    }

    /// Whether the command has to come alone if PIPELINING is off. BDAT is followed by its chunk,
    /// and STARTTLS has its own rule.
    fn minds_pipelining(&self, stage: Stage) -> bool {
        !self.settings.offers(Offer::Pipelining) && !matches!(stage, Stage::Bdat | Stage::StartTls)
    }

    fn rset(&mut self, argument: &[u8]) {
        if !argument.is_empty() {
            return self.refuse(Stage::Rset, 501, "5.5.4", "RSET takes no argument");
        }
        if self.answer(Stage::Rset, None, &Answer::new(250, "2.0.0", "Ok")) {
            self.transaction = None;
        }
    }

    fn vrfy(&mut self, argument: &[u8]) {
        if argument.is_empty() {
            return self.refuse(Stage::Vrfy, 501, "5.5.4", "VRFY needs a name");
        }
        // RFC 5321 section 3.5.3: the catcher verifies no address and accepts every one.
        let answer = Answer::new(252, "2.1.5", "Can't verify, but will take mail");
        self.answer(Stage::Vrfy, None, &answer);
    }

    fn quit(&mut self, argument: &[u8]) {
        if !argument.is_empty() {
            return self.refuse(Stage::Quit, 501, "5.5.4", "QUIT takes no argument");
        }
        if self.answer(Stage::Quit, None, &Answer::new(221, "2.0.0", "Bye")) {
            self.close(Disconnect::Fin);
        }
    }

    /// Records what the client sent, with secrets masked.
    fn record_command(&mut self, stage: Stage, line: &[u8], argument: &[u8]) {
        if stage == Stage::Auth {
            let (mechanism, secret) = split(argument);
            let mut masked = [b"AUTH ", mechanism].concat();
            if !secret.is_empty() {
                masked.extend_from_slice(b" ****");
            }
            self.record(&masked);
        } else if stage == Stage::Unknown && self.after_auth {
            self.record(b"****");
        } else {
            self.record(line);
        }
    }

    pub(super) fn record(&mut self, line: &[u8]) {
        let now = self.now;
        self.conversation.current().push(Side::Client, now, line);
    }
}

fn starts_auth(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH"))
}

/// Returns the first word, and the rest without spaces around it.
pub(super) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => (&line[..space], line[space + 1..].trim_ascii()),
        None => (line, &[]),
    }
}

fn stage_of(verb: &[u8]) -> Stage {
    let mut capitals = [0; 8];
    let Some(capitals) = capitals.get_mut(..verb.len()) else {
        return Stage::Unknown;
    };
    capitals.copy_from_slice(verb);
    capitals.make_ascii_uppercase();
    match &*capitals {
        b"MAIL" => Stage::Mail,
        b"RCPT" => Stage::Rcpt,
        b"BDAT" => Stage::Bdat,
        b"DATA" => Stage::Data,
        b"EHLO" => Stage::Ehlo,
        b"HELO" => Stage::Helo,
        b"LHLO" => Stage::Lhlo,
        b"STARTTLS" => Stage::StartTls,
        b"AUTH" => Stage::Auth,
        b"RSET" => Stage::Rset,
        b"NOOP" => Stage::Noop,
        b"VRFY" => Stage::Vrfy,
        b"EXPN" => Stage::Expn,
        b"HELP" => Stage::Help,
        b"XCLIENT" => Stage::Xclient,
        b"QUIT" => Stage::Quit,
        _ => Stage::Unknown,
    }
}
