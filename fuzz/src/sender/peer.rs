//! A server that answers anything, and what the servers have taken.

use super::journal::Journal;
use std::collections::HashMap;
use std::sync::Arc;

/// The events, one octet each. After the last one, everything succeeds.
pub(super) struct Events<'a>(pub(super) &'a [u8]);

impl Events<'_> {
    pub(super) fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

/// How often the servers have taken each message for each recipient.
pub(super) struct Taken {
    pub(super) times: HashMap<(u64, String), usize>,
    /// The number of MAIL commands that servers have received.
    pub(super) mails: u64,
    pub(super) journal: Arc<Journal>,
}

impl Taken {
    pub(super) fn take(&mut self, index: u64, recipient: String) {
        let entry = &self.journal.entries()[&index];
        assert!(entry.end_said || !self.journal.minds_ends, "the server has an end that was not to be said");
        *self.times.entry((index, recipient)).or_default() += 1;
    }
}

/// The server's side of a session.
#[derive(Default)]
pub(super) struct Peer {
    unread: Vec<u8>,
    pub(super) said: Vec<u8>,
    /// `gone`: the server has hung up. `silent`: it no longer answers.
    pub(super) gone: bool,
    pub(super) silent: bool,
    offers: u8,
    recipients: Vec<String>,
    content: Option<Vec<u8>>,
    data: bool,
    chunk: Option<(usize, bool)>,
}

impl Peer {
    pub(super) fn greeting(events: &mut Events<'_>) -> Self {
        let mut peer = Self { offers: events.next(), ..Self::default() };
        peer.answer(events.next(), "220 hello");
        peer
    }

    /// Answers by chance with `well` or with another reply. Returns whether it was `well`.
    fn answer(&mut self, chance: u8, well: &str) -> bool {
        let reply = match chance {
            0..=213 => well,
            214..=215 => "500 5.5.1 what",
            216..=217 => "502 5.5.1 what",
            218..=219 => "504 5.5.4 what",
            220..=224 => "450 4.2.0 later",
            225..=229 => "550 5.1.1 no",
            230..=233 => "530 5.7.0 a login first",
            234..=237 => "452 4.5.3 too many",
            238..=241 => "421 4.3.2 goodbye",
            242..=243 => "503 5.5.1 out of sequence",
            244 => "999 what",
            245 => {
                self.silent = true;
                return false;
            }
            _ => {
                self.gone = true;
                return false;
            }
        };
        self.said.extend_from_slice(reply.as_bytes());
        self.said.extend_from_slice(b"\r\n");
        self.gone |= reply.starts_with("421");
        reply == well
    }

    pub(super) fn hear(&mut self, octets: &[u8], events: &mut Events<'_>, taken: &mut Taken) {
        self.unread.extend_from_slice(octets);
        while !self.gone && !self.silent {
            if let Some((left, last)) = self.chunk {
                if self.unread.len() < left {
                    return;
                }
                let chunk: Vec<u8> = self.unread.drain(..left).collect();
                self.content.get_or_insert_default().extend(chunk);
                self.chunk = None;
                self.end(last, events, taken);
                continue;
            }
            let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") else { return };
            let line: Vec<u8> = self.unread.drain(..end + 2).collect();
            let line = String::from_utf8(line[..end].to_vec()).unwrap();
            if self.data {
                match line.as_str() {
                    "." => {
                        self.data = false;
                        self.end(true, events, taken);
                    }
                    line => self.content.get_or_insert_default().extend(format!("{line}\r\n").bytes()),
                }
                continue;
            }
            taken.mails += u64::from(line.starts_with("MAIL"));
            self.command(&line, events);
        }
    }

    fn command(&mut self, line: &str, events: &mut Events<'_>) {
        let chance = events.next();
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => {
                let offers = match self.offers % 4 {
                    0 => "250-server\r\n250 AUTH PLAIN",
                    1 => "250-server\r\n250-AUTH PLAIN\r\n250 PIPELINING",
                    // This server does not know BDAT after all, and reads the content as commands.
                    _ => "250-server\r\n250-AUTH PLAIN\r\n250-PIPELINING\r\n250 CHUNKING",
                };
                self.answer(chance, offers);
            }
            "AUTH" => drop(self.answer(chance, "235 welcome")),
            "MAIL" => {
                self.reset();
                if self.answer(chance, "250 ok") {
                    self.content = Some(Vec::new());
                }
            }
            "RCPT" if self.content.is_some() => {
                if self.answer(chance, "250 ok") {
                    self.recipients.push(line["RCPT TO:<".len()..].trim_end_matches('>').to_owned());
                }
            }
            "DATA" if !self.recipients.is_empty() => self.data = self.answer(chance, "354 go on"),
            "BDAT" if self.offers % 4 == 2 => {
                let mut words = line.split(' ').skip(1);
                let octets = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
                self.chunk = Some((octets, words.next().is_some()));
            }
            "RSET" => {
                self.reset();
                self.answer(chance, "250 ok");
            }
            "QUIT" => {
                self.said.extend_from_slice(b"221 bye\r\n");
                self.gone = true;
            }
            _ => drop(self.answer(0, "503 5.5.1 not here")),
        }
    }

    /// The end of mail data or of a chunk.
    fn end(&mut self, last: bool, events: &mut Events<'_>, taken: &mut Taken) {
        if self.recipients.is_empty() {
            self.answer(0, "554 5.5.1 no recipients");
            return;
        }
        let chance = events.next();
        if !last {
            self.answer(chance, "250 go on");
            return;
        }
        // The message may be taken even if its answer never arrives.
        if self.answer(chance, "250 taken") || chance >= 250 {
            let text = String::from_utf8(self.content.take().unwrap_or_default()).unwrap();
            let index: u64 = text.trim_end().parse().expect("one message, whole");
            for recipient in self.recipients.drain(..) {
                taken.take(index, recipient);
            }
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.recipients.clear();
        self.content = None;
    }
}
