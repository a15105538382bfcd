//! Whether what the session has told is so.

use super::super::flight::{self, Seen};
use super::super::wire;
use super::Run;
use super::asking::{SECRET, SECRET_CODED};
use rsmtp::protocol::command::{Command, Verb};
use rsmtp::protocol::error::Stage;
use rsmtp::protocol::reply::Reply;
use rsmtp::protocol::session::Plaintext;
use rsmtp::protocol::transaction::{Fate, Outcome, Verdict};
use rsmtp::protocol::transcript::{MASK, Speaker};
use rsmtp::protocol::{Request, State, Step};

impl Run {
    pub(super) fn transaction_ended(&mut self, outcome: &Outcome) {
        let open = self.open.pop_front().expect("an outcome for no transaction");
        let number = self.flight.ended;
        self.flight.ended += 1;
        let replies = &self.flight.replies;
        let all_seen = flight::read(&self.said[self.flight.from..], replies, self.options.lmtp);
        let none = Seen::default();
        let seen = all_seen.get(number).unwrap_or(&none);
        let fates: Vec<&Fate> = outcome.recipients.iter().map(|(_, fate)| fate).collect();
        assert_eq!(fates.len(), open.recipients);
        let is = |place: usize, reply: &Reply| {
            let said = reply.text();
            // Text that repeats the password is masked, so its words can't be compared.
            let masked = said.windows(MASK.len()).any(|octets| octets == MASK.as_bytes());
            replies
                .get(place)
                .is_some_and(|heard| heard.code == reply.code() && (masked || heard.text == said))
        };
        let (mut sent, mut end) = (false, seen.end);
        for (which, fate) in fates.iter().enumerate() {
            match fate {
                Fate::Sent(reply) => {
                    let place = end.expect("sent, and the message was never taken whole");
                    assert_eq!(reply.code() / 100, 2);
                    assert!(is(place, reply), "sent by the answer to something else");
                    assert!(replies[place].taken.contains(&number), "sent by a reply that began too early");
                    sent = true;
                }
                Fate::Refused(Stage::Rcpt, reply) => {
                    let at_its_rcpt = match seen.rcpts.get(which) {
                        Some(&place) => is(place, reply),
                        // The server's 421 may arrive while this RCPT is still being sent.
                        None => {
                            which == seen.rcpts.len()
                                && reply.closes_channel()
                                && replies.len().checked_sub(1).is_some_and(|last| is(last, reply))
                        }
                    };
                    assert!(at_its_rcpt, "refused by the answer to something else");
                }
                _ => {}
            }
            // LMTP sends one answer for each accepted recipient.
            if self.options.lmtp && matches!(fate, Fate::Sent(_) | Fate::Refused(Stage::EndOfData, _)) {
                end = end.map(|place| place + 1);
            }
        }
        let taken = seen.message.is_some();
        assert_eq!(outcome.verdict == Verdict::Sent, sent && outcome.verdict != Verdict::Lost);
        if let Some(got) = seen.message.as_ref().filter(|_| sent) {
            let is_binary = open.options.as_ref().is_some_and(|options| options.is_binary());
            let mut content = if is_binary { open.body.clone() } else { wire::canonical(&open.body) };
            if !is_binary && *got != content && !content.is_empty() && !content.ends_with(b"\r\n") {
                content.extend(b"\r\n");
            }
            assert!(*got == content, "the server got another message: {}", got.escape_ascii());
        }
        if let Some(said) = &outcome.options {
            let has = |keyword: &str| open.offered.iter().any(|offered| offered == keyword);
            let options = open.options.as_ref().expect("options that no caller has asked for");
            assert!(said.left_out.iter().all(|extension| !has(extension.keyword())), "left out, and offered");
            assert!(options.if_offered || said.left_out.is_empty(), "left out, and the caller wants it");
        }
        if fates.contains(&&Fate::Unknown) {
            assert!(taken && outcome.verdict == Verdict::Lost, "unknown, and the end was never sent");
        }
        if taken && outcome.verdict == Verdict::Lost && fates.contains(&&Fate::NotSent) {
            // The server stopped before this transaction with a 421, refused RSET, or did not know
            // BDAT. In each case it has sent a negative reply.
            let said_so = replies.iter().any(|reply| reply.code >= 400);
            assert!(said_so, "lost after the end, and called not sent");
        }
    }

    /// The transactions in flight whose message has been taken as a whole.
    pub(super) fn taken(&self) -> Vec<usize> {
        if self.open.is_empty() {
            return Vec::new();
        }
        let seen = flight::read(&self.said[self.flight.from..], &self.flight.replies, self.options.lmtp);
        let numbered = seen.iter().enumerate();
        numbered.filter(|(_, seen)| seen.message.is_some()).map(|(number, _)| number).collect()
    }

    pub(super) fn check_lines(&mut self) {
        while let Some(line) = self.session.next_line() {
            if line.speaker == Speaker::Client {
                let text = String::from_utf8_lossy(&line.text);
                let shows = |secret: &str| text.contains(secret);
                assert!(!shows(SECRET) && !SECRET_CODED.iter().any(|coded| shows(coded)), "{text}");
            }
        }
    }

    pub(super) fn check_end(&mut self) {
        assert!(self.session.state().is_over());
        assert!(matches!(self.session.state(), State::Closed | State::Broken));
        assert!(self.open.is_empty(), "a transaction without an outcome");
        assert!(self.session.legal().is_empty());
        let request = Request::Command(Command::Noop(None));
        assert!(self.session.request(request).is_err() && matches!(self.session.step(), Step::Idle));
        self.check_lines();
        if !self.by_hand {
            self.check_plaintext();
        }
    }

    fn check_plaintext(&self) {
        let verbs = |octets: &[u8]| -> Vec<Verb> {
            let text = String::from_utf8_lossy(octets);
            text.lines().map(Verb::of_line).collect()
        };
        let plain = &self.said[..self.plain];
        if self.options.plaintext != Plaintext::Everything {
            assert!(!verbs(plain).contains(&Verb::Auth), "AUTH without TLS");
        }
        if let Some(from) = self.tls_from.filter(|&from| from < plain.len()) {
            let speaks = |verb: &Verb| matches!(verb, Verb::Mail | Verb::Rcpt | Verb::Data | Verb::Auth);
            assert!(!verbs(&plain[from..]).iter().any(speaks), "plaintext after STARTTLS was asked for");
        }
    }
}
