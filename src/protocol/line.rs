//! What command lines consist of, appended to the octets that are about to be sent.

use super::command::{Letters, Parameter, Verb};

pub(super) fn verb(line: &mut Vec<u8>, verb: Verb, letters: Letters) {
    let begin = line.len();
    text(line, verb.name());
    if letters == Letters::Smtplib && !matches!(verb, Verb::StartTls | Verb::Auth) {
        line[begin..].make_ascii_lowercase();
    }
}

pub(super) fn mail(line: &mut Vec<u8>, path: [&str; 2], letters: Letters) {
    in_brackets(line, if letters == Letters::Smtplib { "mail from:<" } else { "MAIL FROM:<" }, path);
}

pub(super) fn rcpt(line: &mut Vec<u8>, path: [&str; 2], letters: Letters) {
    in_brackets(line, if letters == Letters::Smtplib { "rcpt to:<" } else { "RCPT TO:<" }, path);
}

fn in_brackets(line: &mut Vec<u8>, begin: &str, path: [&str; 2]) {
    text(line, begin);
    path.into_iter().for_each(|piece| text(line, piece));
    line.push(b'>');
}

/// RFC 3030.
pub(super) fn bdat(line: &mut Vec<u8>, octets: u64, last: bool, letters: Letters) {
    text(line, if letters == Letters::Smtplib { "bdat " } else { "BDAT " });
    number(line, octets);
    text(line, if last { " LAST" } else { "" });
}

/// The parameter of MAIL (RFC 1870).
pub(super) fn size(line: &mut Vec<u8>, octets: u64, letters: Letters) {
    text(line, if letters == Letters::Smtplib { " size=" } else { " SIZE=" });
    number(line, octets);
}

pub(super) fn parameters(line: &mut Vec<u8>, parameters: &[Parameter]) {
    parameters.iter().for_each(|parameter| word(line, parameter.as_str()));
}

pub(super) fn word(line: &mut Vec<u8>, word: &str) {
    line.push(b' ');
    text(line, word);
}

pub(super) fn text(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(text.as_bytes());
}

/// A number in digits. Each message has two of them, and `write!` would cost more than the digits.
pub(super) fn number(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        for octets in [0, 7, 10, 2048, 1_000_000, u64::MAX] {
            let mut line = Vec::new();
            size(&mut line, octets, Letters::Rfc);
            assert_eq!(line, format!(" SIZE={octets}").into_bytes());
        }
    }
}
