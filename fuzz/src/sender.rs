//! A mailer's sender against servers that do anything, in any order, at any time.
//!
//! Workers are stepped in the order that the input says, over real sessions without sockets;
//! the servers and the clock are simulated.
//!
//! - Nothing is lost: every message has one receipt, with a fate for each of its recipients.
//! - Nothing goes twice: no recipient gets a message more than once.
//! - *Sent* means that the server has taken the message, *refused* and *not sent* that it has not.
//! - Every wait ends: if no worker can continue, at least one waits for a time that will come.
//! - Every resource is released: in the end no worker is left, and no place is taken.
//! - The rate is kept, even if a server answers that a message came too early.
//! - The ledger is called in order: begun, end said, settled. A message that it refused is not
//!   sent, no end is sent that it has not recorded, and each message is settled once.

use rsmtp::address::ForwardPath;
use rsmtp::bulk::{
    Bounds, Do, Interest, Job, Ledger, Limits, Mailer, Parting, Payload, Policy, Rate, Receipt, Sender,
    Worker, stopped,
};
use rsmtp::driver::{Operation, Patience, Server, Source, Target, Until};
use rsmtp::protocol::auth::{Credentials, Secret};
use rsmtp::protocol::opening::Security;
use rsmtp::protocol::session::Plaintext;
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Body, Error, Kind, Options, Stage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More steps than any input of a fuzzer needs.
const STEPS: usize = 200_000;

/// The input gives the settings, then the events.
pub fn check(data: &[u8]) {
    let Some((&[settings, messages], events)) = data.split_first_chunk::<2>() else { return };
    World::new(settings, messages, events).play();
}

/// The events, one octet each. After the last one, everything succeeds.
struct Events<'a>(&'a [u8]);

impl Events<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

#[derive(Clone, Debug)]
struct Content(Arc<Vec<u8>>);

impl Payload for Content {
    fn body(&self) -> Body {
        Body::new(self.0.as_ref().clone())
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// How often the servers have taken each message for each recipient.
struct Taken {
    times: HashMap<(u64, String), usize>,
    /// The number of MAIL commands that servers have received.
    mails: u64,
    journal: Arc<Journal>,
}

impl Taken {
    fn take(&mut self, index: u64, recipient: String) {
        let entry = &self.journal.entries()[&index];
        assert!(entry.end_said || !self.journal.minds_ends, "the server has an end that was not to be said");
        *self.times.entry((index, recipient)).or_default() += 1;
    }
}

/// What the ledger knows about one message.
#[derive(Debug, Default)]
struct Entry {
    begun: bool,
    end_said: bool,
    /// Whether its end has ever been announced.
    ever_said: bool,
    settled: bool,
    /// The fates of its recipients that were reported before its last end.
    fates: Vec<(ForwardPath, Fate)>,
}

/// A ledger that refuses now and then, and checks that it is called in order.
#[derive(Debug)]
struct Journal {
    minds_ends: bool,
    /// The ledger's answers, taken from the end. After that it always agrees.
    answers: Mutex<Vec<u8>>,
    entries: Mutex<HashMap<u64, Entry>>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, refusals: u8) -> Result<(), Error> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(0);
        match answer < refusals {
            true if answer > 0 => Err(Error::new(Kind::Local, Stage::Connect, "the ledger is full")),
            _ => Ok(()),
        }
    }
}

impl Ledger<Content> for Journal {
    fn begun(&self, job: &Job<Content>, recipients: usize) -> Result<(), Error> {
        assert!((1..=job.recipients.len()).contains(&recipients));
        self.answer(30)?;
        let mut entries = self.entries();
        let entry = entries.entry(job.index).or_default();
        assert!(!entry.settled, "begun after it was settled");
        (entry.begun, entry.end_said) = (true, false);
        Ok(())
    }

    fn minds_ends(&self) -> bool {
        self.minds_ends
    }

    fn end_said(&self, messages: &[&Job<Content>]) -> Result<bool, Error> {
        assert!(self.minds_ends && !messages.is_empty());
        self.answer(3)?;
        for job in messages {
            let mut entries = self.entries();
            let entry = entries.get_mut(&job.index).expect("a message that was begun");
            entry.fates.extend_from_slice(job.newly_settled());
            assert!(entry.begun && !entry.end_said && !entry.settled, "out of order: {entry:?}");
            (entry.end_said, entry.ever_said) = (true, true);
        }
        Ok(true)
    }

    fn settled(&self, receipt: &Receipt<Content>) {
        let mut entries = self.entries();
        let entry = entries.entry(receipt.index).or_default();
        assert!(!std::mem::replace(&mut entry.settled, true), "settled twice");
        let may_have_arrived = |fate: &Fate| matches!(fate, Fate::Sent(_) | Fate::Unknown);
        let may_have_arrived = receipt.recipients.iter().any(|(_, fate)| may_have_arrived(fate));
        assert!(!may_have_arrived || entry.begun && (entry.ever_said || !self.minds_ends), "{receipt:?}");
        assert_eq!(receipt.recipients[..entry.fates.len()], entry.fates, "told once, and for good");
    }
}

struct World<'a> {
    mailer: Arc<Mailer>,
    sender: Arc<Mutex<Sender<Content>>>,
    workers: Vec<Slot>,
    at_rest: HashMap<u64, Connection>,
    taken: Taken,
    events: Events<'a>,
    began: Instant,
    now: Instant,
    rated: bool,
    recipients: usize,
    messages: u64,
}

struct Slot {
    worker: Worker<Content>,
    connection: Option<Connection>,
}

/// The result of a step.
enum Came {
    On,
    Blocked(Option<Instant>),
    Left,
}

struct Connection {
    operation: Operation,
    peer: Peer,
}

/// The server's side of a session.
#[derive(Default)]
struct Peer {
    unread: Vec<u8>,
    said: Vec<u8>,
    /// `gone`: the server has hung up. `silent`: it no longer answers.
    gone: bool,
    silent: bool,
    offers: u8,
    recipients: Vec<String>,
    content: Option<Vec<u8>>,
    data: bool,
    chunk: Option<(usize, bool)>,
}

fn hop(number: usize, credentials: bool) -> Server {
    let secret = || Credentials::new("user", Secret::Password("password".to_owned())).unwrap();
    Server {
        name: format!("server {number}").into(),
        target: Target::Tcp { host: "server".to_owned(), port: 25, source: None },
        patience: Patience::default(),
        options: Options { plaintext: Plaintext::Everything, ..Options::default() },
        security: Security::None,
        make_layer: Arc::new(|| Err(Error::new(Kind::Misuse, Stage::Handshake, "no TLS here"))),
        credentials: credentials.then(|| Source::Fixed(secret())),
        initial_response: true,
        client_name: None,
    }
}

impl<'a> World<'a> {
    fn new(settings: u8, messages: u8, events: &'a [u8]) -> Self {
        let hops = (0..1 + usize::from(settings & 1)).map(|number| hop(number, settings & 2 != 0)).collect();
        let idle = if settings & 4 == 0 { Duration::from_secs(30) } else { Duration::ZERO };
        let (sessions, age) = (1 + usize::from(settings >> 3 & 3), Duration::from_secs(600));
        let bounds = Bounds { sessions, idle, age, window: 8, messages: None, rate: None };
        let now = Instant::now();
        let rated = events.len() % 4 == 3;
        let limits = Limits { rate: rated.then(|| Rate::new(1.0, now)), per_day: None };
        let policy = Policy {
            retries: u32::from(settings >> 5 & 3),
            give_up_after: (settings & 128 != 0).then_some(Duration::from_secs(3)),
            backoff: Duration::from_secs(1),
            resend_unknown: false,
        };
        let mailer = Arc::new(Mailer::new(hops, None, bounds, policy, limits));
        let ledger = messages & 128 != 0;
        let journal = Arc::new(Journal {
            minds_ends: ledger,
            answers: Mutex::new(if ledger { events.to_vec() } else { Vec::new() }),
            entries: Mutex::default(),
        });
        let mut sender = Sender::new(&mailer, Arc::<Journal>::clone(&journal), Interest::default());
        let (messages, recipients) = (u64::from(messages & 31), 1 + usize::from(messages >> 5 & 3));
        for index in 0..messages {
            let content = Content(Arc::new(format!("{index}\r\n").into_bytes()));
            let all = (0..recipients).map(|one| format!("r{one}@example.org").parse().unwrap());
            sender.queue.push(Job::new(index, content, "a@example.org".parse().unwrap(), all));
        }
        sender.queue.end_of_input();
        let taken = Taken { times: HashMap::new(), mails: 0, journal };
        Self {
            mailer,
            sender: Arc::new(Mutex::new(sender)),
            workers: Vec::new(),
            at_rest: HashMap::new(),
            taken,
            events: Events(events),
            began: now,
            now,
            rated,
            recipients,
            messages,
        }
    }

    fn play(mut self) {
        let mut stopped = false;
        for step in 0.. {
            assert!(step < STEPS, "it never ends");
            self.enlist();
            if self.workers.is_empty() {
                break;
            }
            let first = usize::from(self.events.next());
            if first == 255 && !stopped {
                stopped = true;
                self.stop();
                continue;
            }
            if !self.any_goes_on(first) {
                continue;
            }
            let allowed = 1 + self.now.duration_since(self.began).as_secs();
            assert!(!self.rated || self.taken.mails <= allowed, "{} of {allowed}", self.taken.mails);
        }
        self.check_receipts();
    }

    /// One worker continues. If none can, the clock advances.
    fn any_goes_on(&mut self, first: usize) -> bool {
        let mut until: Option<Instant> = None;
        for turn in 0..self.workers.len() {
            let at = (first + turn) % self.workers.len();
            match self.step(at) {
                Came::On => return true,
                Came::Left => {
                    self.workers.remove(at);
                    return true;
                }
                Came::Blocked(when) => until = until.into_iter().chain(when).min(),
            }
        }
        let until = until.expect("every worker waits, and for nothing that comes");
        self.now = self.now.max(until);
        false
    }

    fn enlist(&mut self) {
        while self.sender.lock().unwrap_or_else(PoisonError::into_inner).enlist() {
            let worker = Worker::new(Arc::clone(&self.sender), false);
            self.workers.push(Slot { worker, connection: None });
        }
    }

    fn stop(&mut self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).stop();
        for slot in &mut self.workers {
            if let Some(mut connection) = slot.connection.take() {
                connection.operation.fail(stopped());
                let error = connection.operation.take_settled().err();
                slot.worker.part(connection.operation.session_mut(), error.as_ref(), self.now);
            }
        }
    }

    fn step(&mut self, at: usize) -> Came {
        let slot = &mut self.workers[at];
        if slot.connection.is_some() {
            return self.converse(at);
        }
        match slot.worker.next(self.now) {
            Do::Dial(_) if self.events.next() > 230 => {
                let error = Error::new(Kind::Unreachable, Stage::Connect, "no server there");
                slot.worker.not_opened(&error, self.now);
            }
            Do::Dial(hop) => {
                let options = self.mailer.options(hop, self.now);
                let mut operation = Operation::new(options, None, Patience::default());
                operation.connected("server", None, true);
                slot.worker.dialled("[127.0.0.1]".parse().unwrap(), None, &mut operation, self.now);
                operation.begin(Until::Ended, |_| Ok(())).expect("nothing else is under way");
                let mut peer = Peer { offers: self.events.next(), ..Peer::default() };
                peer.greet(&mut self.events);
                slot.connection = Some(Connection { operation, peer });
            }
            Do::Reuse(id) => {
                let kept = self.at_rest.remove(&id).expect("a session that is at rest");
                // The worker's server may have gone, whether or not the worker knows.
                match self.events.next() {
                    241.. => slot.worker.reused(None, self.now),
                    chance => {
                        let mut kept = kept;
                        kept.peer.gone |= chance > 230;
                        slot.worker.reused(Some(&mut kept.operation), self.now);
                        kept.operation.begin(Until::Ended, |_| Ok(())).expect("nothing else is under way");
                        slot.connection = Some(kept);
                    }
                }
            }
            Do::Queue(_) => return Came::Blocked(None),
            Do::Pause(when) | Do::Wait(Some(when)) => return Came::Blocked(Some(when)),
            Do::Wait(None) => return Came::Blocked(None),
            Do::Leave => return Came::Left,
            Do::Talk | Do::Part => panic!("there is no session to talk over"),
        }
        Came::On
    }

    fn converse(&mut self, at: usize) -> Came {
        let slot = &mut self.workers[at];
        let Some(mut connection) = slot.connection.take() else { return Came::On };
        let Connection { operation, peer } = &mut connection;
        let mut went_on = false;
        while operation.is_serving() {
            if !peer.said.is_empty() {
                went_on = true;
                operation.received(&std::mem::take(&mut peer.said));
            }
            let sent = operation.output(|octets| {
                peer.hear(octets, &mut self.events, &mut self.taken);
                octets.len()
            });
            went_on |= operation.has_events();
            slot.worker.hear(operation, self.now);
            if let Some(sent) = sent {
                operation.sent(sent);
                went_on = true;
                continue;
            }
            let waits = operation.left().is_some();
            if waits && peer.gone {
                operation.received(&[]);
                continue;
            }
            if waits && peer.silent {
                self.now += Duration::from_secs(300);
                operation.fail(Error::new(Kind::Timeout, operation.stage(), "timed out"));
                continue;
            }
            if operation.session().state().is_over() {
                break;
            }
            match slot.worker.talk(operation.session_mut(), self.now) {
                Do::Part => break,
                Do::Talk if operation.is_about_to_send() => {}
                Do::Wait(when) if !operation.is_about_to_send() => {
                    slot.connection = Some(connection);
                    return if went_on { Came::On } else { Came::Blocked(when) };
                }
                Do::Talk | Do::Wait(_) => {
                    let more = !peer.said.is_empty() || peer.gone || peer.silent;
                    assert!(more || operation.is_about_to_send(), "it waits for a server that owes nothing");
                }
                other => panic!("{other:?} over a session"),
            }
        }
        operation.end_serving();
        let ended = operation.take_settled().err();
        match slot.worker.part(operation.session_mut(), ended.as_ref(), self.now) {
            Parting::Rest(id) => drop(self.at_rest.insert(id, connection)),
            Parting::Quit | Parting::Close => {}
        }
        Came::On
    }

    fn check_receipts(&mut self) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(sender.is_over() && sender.workers() == 0 && sender.working() == 0);
        let mut receipts = sender.queue.take_receipts();
        receipts.sort_by_key(|receipt| receipt.index);
        let indices: Vec<u64> = receipts.iter().map(|receipt| receipt.index).collect();
        assert_eq!(indices, (0..self.messages).collect::<Vec<_>>(), "one receipt for each message");
        for receipt in receipts {
            assert_eq!(receipt.recipients.len(), self.recipients);
            for (path, fate) in &receipt.recipients {
                let times = self.taken.times.get(&(receipt.index, path.to_string())).copied().unwrap_or(0);
                match fate {
                    Fate::Sent(_) => assert_eq!(times, 1, "sent, and taken {times} times"),
                    Fate::Unknown => assert!(times <= 1, "taken {times} times"),
                    Fate::Refused(..) | Fate::NotSent => assert_eq!(times, 0, "taken, and told as {fate:?}"),
                }
            }
        }
        let number = self.mailer.sessions().queue_up();
        assert!(self.mailer.sessions().admit(number), "a place is held by none");
    }
}

impl Peer {
    fn greet(&mut self, events: &mut Events<'_>) {
        self.answer(events.next(), "220 hello");
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

    fn hear(&mut self, octets: &[u8], events: &mut Events<'_>, taken: &mut Taken) {
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
