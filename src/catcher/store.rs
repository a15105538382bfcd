//! Stores the latest messages and conversations, with exact counts.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::conversation::Conversation;
use super::path::Parameters;

/// How many connections' conversations are kept.
const KEPT_CONVERSATIONS: usize = 1000;

/// The known facts about a client, apart from what it sends.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The client's socket address, or `unix`. After XCLIENT, the address of the client that
    /// XCLIENT names.
    pub peer: String,
    /// The name that the client gave with EHLO, HELO or LHLO. It is empty before that.
    pub helo: String,
    /// Whether the client said EHLO or LHLO, and not HELO.
    pub extended: bool,
    /// The user name that the client has logged in with.
    pub user: Option<String>,
    pub tls: Option<TlsFacts>,
    /// The attributes that XCLIENT has given.
    pub xclient: Vec<(String, String)>,
}

/// The result of a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// The TLS version in the spelling of Python's ssl module, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite's IANA name.
    pub cipher: String,
    /// The host that the client asked for (SNI).
    pub server_name: Option<String>,
}

/// A recipient that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub address: String,
    pub parameters: Parameters,
}

/// A message that was accepted.
#[derive(Debug)]
pub struct Received {
    /// The queue id in the server's reply.
    pub id: u64,
    pub at: SystemTime,
    pub client: Arc<Client>,
    /// The sender. It is empty for the null reverse-path.
    pub mail_from: String,
    pub mail_parameters: Parameters,
    pub recipients: Vec<Recipient>,
    /// The mail data with dots un-stuffed. It is empty if nothing is kept.
    pub data: Vec<u8>,
    /// The length of the mail data in octets, even if it was not kept.
    pub size: u64,
    /// Whether the data came by BDAT and not by DATA.
    pub chunked: bool,
    pub conversation: Conversation,
}

/// A connection's conversation, which can be read during and after the connection.
#[derive(Debug, Default)]
pub struct Record {
    number: u64,
    latest: Mutex<Snapshot>,
}

/// The current state of a connection.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub client: Arc<Client>,
    pub conversation: Conversation,
    /// Whether the connection has ended.
    pub closed: bool,
}

impl Record {
    /// The connection's number. Each catcher counts its connections from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn publish(&self, snapshot: Snapshot) {
        *lock(&self.latest) = snapshot;
    }

    pub fn read(&self) -> Snapshot {
        lock(&self.latest).clone()
    }
}

/// The messages and conversations of all connections.
#[derive(Debug)]
pub struct Store {
    keep: usize,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    messages: VecDeque<Arc<Received>>,
    count: u64,
    records: VecDeque<Arc<Record>>,
    connections: u64,
    changes: u64,
}

impl Store {
    /// A store that keeps the latest `keep` messages.
    pub fn new(keep: usize) -> Self {
        Store { keep, inner: Mutex::default(), changed: Condvar::new() }
    }

    /// Moves all messages of `received` to the store, in order.
    pub fn add(&self, received: &mut Vec<Received>) {
        let mut inner = self.to_change();
        inner.count += received.len() as u64;
        let kept = received.len().min(self.keep);
        // The caller frees messages that don't fit, outside the lock. No more kept messages are
        // removed than new ones arrive.
        let mut gone = Vec::with_capacity(kept);
        while inner.messages.len() + kept > self.keep {
            gone.extend(inner.messages.pop_front());
        }
        let first = received.len() - kept;
        inner.messages.extend(received.drain(first..).map(Arc::new));
        drop(inner);
        self.changed.notify_all();
        received.clear();
    }

    /// Stores a message of an earlier run at the place given by its number. `count` stays the same,
    /// because the message did not arrive in this run. Returns whether it is kept.
    pub fn restore(&self, message: Received) -> bool {
        let mut inner = self.to_change();
        let place = inner.messages.partition_point(|kept| kept.id < message.id);
        let is_new = inner.messages.get(place).is_none_or(|kept| kept.id != message.id);
        let kept = is_new && inner.messages.len() < self.keep;
        if kept {
            inner.messages.insert(place, Arc::new(message));
        }
        drop(inner);
        self.changed.notify_all();
        kept
    }

    /// Creates the record of a new connection.
    pub fn record(&self) -> Arc<Record> {
        let mut inner = self.to_change();
        inner.connections += 1;
        let record = Arc::new(Record { number: inner.connections, ..Record::default() });
        if inner.records.len() == KEPT_CONVERSATIONS {
            inner.records.pop_front();
        }
        inner.records.push_back(Arc::clone(&record));
        drop(inner);
        self.changed.notify_all();
        record
    }

    /// Notes that a connection has ended.
    pub fn ended(&self) {
        drop(self.to_change());
        self.changed.notify_all();
    }

    /// The kept messages, oldest first.
    pub fn messages(&self) -> Vec<Arc<Received>> {
        lock(&self.inner).messages.iter().cloned().collect()
    }

    /// The message with this number, if it is kept.
    pub fn message(&self, id: u64) -> Option<Arc<Received>> {
        lock(&self.inner).messages.iter().find(|message| message.id == id).cloned()
    }

    /// Removes one message. Returns whether it existed.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = lock(&self.inner);
        let Some(at) = inner.messages.iter().position(|message| message.id == id) else {
            return false;
        };
        let gone = inner.messages.remove(at);
        inner.changes += 1;
        // The removed message is freed outside the lock.
        drop(inner);
        self.changed.notify_all();
        gone.is_some()
    }

    /// The latest connections, oldest first.
    pub fn records(&self) -> Vec<Arc<Record>> {
        lock(&self.inner).records.iter().cloned().collect()
    }

    /// How many messages have arrived since the start or the last [`clear`](Self::clear).
    pub fn count(&self) -> u64 {
        lock(&self.inner).count
    }

    /// Removes all messages, and the conversations of closed connections.
    pub fn clear(&self) {
        let mut inner = self.to_change();
        inner.count = 0;
        inner.records.retain(|record| !lock(&record.latest).closed);
        let gone = std::mem::take(&mut inner.messages);
        drop(inner);
        self.changed.notify_all();
        drop(gone);
    }

    /// Waits until `count` messages have arrived, for at most `time`. Returns how many have
    /// arrived.
    pub fn wait(&self, count: u64, time: Duration) -> u64 {
        self.wait_until(time, |inner| inner.count >= count).count
    }

    /// The number of changes so far. A change is a message that arrives or is removed, or a
    /// connection that begins or ends.
    pub fn changes(&self) -> u64 {
        lock(&self.inner).changes
    }

    /// Waits until there are more than `seen` changes, for at most `time`. Returns their number.
    pub fn wait_for_change(&self, seen: u64, time: Duration) -> u64 {
        self.wait_until(time, |inner| inner.changes != seen).changes
    }

    fn wait_until(&self, time: Duration, enough: impl Fn(&Inner) -> bool) -> MutexGuard<'_, Inner> {
        let deadline = Instant::now() + time;
        let mut inner = lock(&self.inner);
        while !enough(&inner) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner
    }

    /// Takes the lock and counts a change.
    fn to_change(&self) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.inner);
        inner.changes += 1;
        inner
    }
}

/// These locks guard plain values, which stay valid after a panic in another thread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(id: u64) -> Received {
        Received {
            id,
            at: SystemTime::UNIX_EPOCH,
            client: Arc::default(),
            mail_from: String::new(),
            mail_parameters: Vec::new(),
            recipients: Vec::new(),
            data: Vec::new(),
            size: 0,
            chunked: false,
            conversation: Conversation::default(),
        }
    }

    #[test]
    fn the_latest_are_kept_and_all_are_counted() {
        let store = Store::new(3);
        store.add(&mut (1..=2).map(received).collect());
        store.add(&mut (3..=4).map(received).collect());
        store.add(&mut (5..=9).map(received).collect());
        let ids: Vec<_> = store.messages().iter().map(|message| message.id).collect();
        assert_eq!((ids, store.count()), (vec![7, 8, 9], 9));
        store.clear();
        assert_eq!((store.messages().len(), store.count()), (0, 0));
    }

    #[test]
    fn one_message_is_forgotten_and_the_count_stays() {
        let store = Store::new(3);
        store.add(&mut (1..=3).map(received).collect());
        assert!(store.remove(2));
        assert!(!store.remove(2));
        assert!(store.message(2).is_none());
        assert_eq!((store.messages().len(), store.count()), (2, 3));
        assert_eq!(store.message(3).map(|message| message.id), Some(3));
    }

    #[test]
    fn a_restored_message_has_its_place_and_is_not_counted() {
        let store = Store::new(3);
        store.add(&mut vec![received(5)]);
        assert!(store.restore(received(2)) && store.restore(received(3)));
        assert!(!store.restore(received(3)), "it is there");
        assert!(!store.restore(received(4)), "there is no room");
        let ids: Vec<_> = store.messages().iter().map(|message| message.id).collect();
        assert_eq!((ids, store.count()), (vec![2, 3, 5], 1));
    }

    #[test]
    fn everything_that_happens_is_a_change() {
        let store = Store::new(3);
        let mut seen = store.changes();
        let mut changed = |what: &dyn Fn()| {
            what();
            let now = store.wait_for_change(seen, Duration::ZERO);
            assert_ne!(now, seen);
            seen = now;
        };
        changed(&|| store.add(&mut vec![received(1)]));
        changed(&|| drop(store.record()));
        changed(&|| store.ended());
        changed(&|| assert!(store.remove(1)));
        changed(&|| store.clear());
        assert!(!store.remove(1));
        assert_eq!(store.wait_for_change(seen, Duration::from_millis(1)), seen);
    }

    #[test]
    fn keeping_nothing_still_counts() {
        let store = Store::new(0);
        store.add(&mut (1..=5).map(received).collect());
        assert_eq!((store.messages().len(), store.count()), (0, 5));
    }

    #[test]
    fn a_wait_ends_with_the_message_or_with_the_time() {
        let store = Store::new(1);
        assert_eq!(store.wait(1, Duration::from_millis(1)), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| store.add(&mut vec![received(1)]));
            assert_eq!(store.wait(1, Duration::from_secs(10)), 1);
        });
    }
}
