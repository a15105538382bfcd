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

mod journal;
mod peer;

use journal::Journal;
use peer::{Events, Peer, Taken};
use rsmtp::bulk::{
    Bounds, Do, Interest, Job, Limits, Mailer, Parting, Payload, Policy, Rate, Sender, Worker, stopped,
};
use rsmtp::driver::{Operation, Patience, Server, Source, Target, Until};
use rsmtp::protocol::auth::{Credentials, Secret};
use rsmtp::protocol::opening::Security;
use rsmtp::protocol::session::Plaintext;
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Body, Error, Kind, Options, Stage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More steps than any input of a fuzzer needs.
const STEPS: usize = 200_000;

/// The input gives the settings, then the events.
pub fn check(data: &[u8]) {
    let Some((&[settings, messages], events)) = data.split_first_chunk::<2>() else { return };
    World::new(settings, messages, events).play();
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
                let peer = Peer::greeting(&mut self.events);
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
