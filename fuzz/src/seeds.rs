//! Seeds: the dialogues of `tests/dialogues` in the format that each target reads.

use super::script::{self, Move};
use super::session::REQUESTS;
use std::fs;
use std::path::Path;

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let dialogues = dialogues();
    let mut seeds: Vec<Vec<u8>> = dialogues
        .iter()
        .flat_map(|text| match target {
            "replies" => vec![[&[0, 0][..], &said(text, "S: ")].concat()],
            "session" => vec![conversation(text)],
            "mail_data" => vec![[&[2][..], &said(text, "| ")].concat()],
            "addresses" => words(text),
            "headers" => headers(text),
            // For this target, any octets are a course of events.
            "sender" => vec![conversation(text)],
            other => panic!("no target {other}"),
        })
        .collect();
    seeds.sort();
    seeds.dedup();
    seeds
}

fn dialogues() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = [folder.join("tests/dialogues"), folder.join("../tests/dialogues")];
    let folder = folder.iter().find(|folder| folder.is_dir()).expect("tests/dialogues");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "smtp")).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// All lines with this mark, each with its line end.
fn said(text: &str, mark: &str) -> Vec<u8> {
    text.lines().filter_map(|line| line.strip_prefix(mark)).flat_map(unescape).collect()
}

fn conversation(text: &str) -> Vec<u8> {
    let mut options = 0;
    let mut moves = Vec::new();
    for line in text.lines() {
        let (mark, rest) = line.split_at(line.find(' ').map_or(line.len(), |space| space + 1));
        match mark.trim_end() {
            "options:" => options = options_bits(rest),
            "!" => moves.push(request(rest)),
            "S:" => moves.extend([Move::Hear(unescape(rest)), Move::Pump]),
            "S-eof" => moves.push(Move::Eof),
            "TLS" => moves.push(Move::Secure),
            _ => {}
        }
    }
    [&[options, 0][..], &script::write(&moves)].concat()
}

fn options_bits(text: &str) -> u8 {
    const NAMES: [&str; 6] =
        ["lmtp", "no-pipelining", "no-chunking", "implicit-tls", "plaintext-auth", "like-smtplib"];
    text.split(' ').filter_map(|word| NAMES.iter().position(|name| *name == word)).map(|bit| 1 << bit).sum()
}

/// The request of `session` that comes closest.
fn request(text: &str) -> Move {
    let words: Vec<&str> = text.split(' ').collect();
    let name = match words[..] {
        ["timeout"] => return Move::TimeOut,
        ["send", _, to] => return Move::Send(to.split(',').count() as u8 - 1),
        // The closest options of this kind: those that may be left out.
        ["send", _, to, ..] => return Move::Send((to.split(',').count() as u8 - 1) | 6 << 4),
        ["login", _, _, "with", mechanism] => format!("login with {mechanism}"),
        ["free", verb, ..] => format!("free {}", verb.to_ascii_lowercase()),
        [first, ..] => first.to_owned(),
        [] => String::new(),
    };
    let found = REQUESTS.iter().position(|request| *request == name);
    Move::Ask(found.or_else(|| REQUESTS.iter().position(|request| *request == "noop")).unwrap_or(0) as u8)
}

fn words(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("! ").or(line.strip_prefix("C: ")));
    lines.flat_map(|line| line.split([' ', ',']).map(|word| word.as_bytes().to_vec())).collect()
}

/// Each `something: something` in a dialogue makes a field.
fn headers(text: &str) -> Vec<Vec<u8>> {
    let mut lines = text.lines().filter(|line| line.contains(": ")).enumerate();
    lines.by_ref().map(|(number, line)| [&[number as u8, 0][..], line.as_bytes()].concat()).collect()
}

/// Resolves the escapes that `tests/dialogues/README.md` describes.
fn unescape(text: &str) -> Vec<u8> {
    let (text, end) = match (text.strip_suffix("\\n"), text.strip_suffix("\\c")) {
        (Some(text), _) => (text, "\n"),
        (_, Some(text)) => (text, ""),
        _ => (text, "\r\n"),
    };
    let mut pieces = text.split("\\x");
    let mut octets = pieces.next().unwrap_or("").as_bytes().to_vec();
    for piece in pieces {
        octets.push(u8::from_str_radix(&piece[..2], 16).expect("two hexadecimal digits"));
        octets.extend_from_slice(&piece.as_bytes()[2..]);
    }
    octets.extend_from_slice(end.as_bytes());
    octets
}
