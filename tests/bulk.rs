//! Sends many messages through real sessions to the catcher.

use rsmtp::bulk::*;
use rsmtp::driver::{Attendant, SLICE, Server, TimedLine};
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Body, Error, Kind, Options, Stage};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use through_catcher::{Octets, catcher};

mod through_catcher;

fn hop(port: u16) -> Server {
    through_catcher::hop(port, Options::default())
}

struct Sender {
    mailer: Arc<Mailer>,
}

fn sender(hops: Vec<Server>, connections: usize) -> Sender {
    let (idle, age) = (Duration::from_secs(30), Duration::from_secs(300));
    let bounds = Bounds { sessions: connections, idle, age, window: 1000, messages: None, rate: None };
    let backoff = Duration::from_millis(20);
    let policy = Policy { retries: 2, give_up_after: None, backoff, resend_unknown: false };
    Sender { mailer: Arc::new(Mailer::new(hops, None, bounds, policy, Limits::default())) }
}

impl Sender {
    fn batch<P: Payload>(&self) -> Batch<P> {
        Batch::new(Arc::clone(&self.mailer), Arc::new(()), Interest::default(), None)
    }
}

/// An attendant that ignores all lines and never interrupts.
struct Alone;

impl Attendant for Alone {
    fn attend(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn hear(&mut self, _: &TimedLine) {}
}

fn job(index: u64, recipient: &str) -> Job<Octets> {
    let content = format!("Subject: {index}\r\n\r\nhi\r\n").into_bytes();
    let recipients = vec![recipient.parse().unwrap()];
    Job::new(index, Octets::new(content), "a@example.org".parse().unwrap(), recipients)
}

/// A message whose content panics when it is asked for, or when it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Panics {
    Never,
    Asked,
    Read,
}

impl AsRef<[u8]> for Panics {
    fn as_ref(&self) -> &[u8] {
        assert!(*self != Self::Read, "as this test wants it");
        b"Subject: x\r\n\r\nhi\r\n"
    }
}

impl Payload for Panics {
    fn body(&self) -> Body {
        assert!(*self != Self::Asked, "as this test wants it");
        Body::new(*self)
    }

    fn size(&self) -> usize {
        1
    }
}

fn run<P: Payload>(sender: &Sender, jobs: Vec<Job<P>>) -> Vec<Receipt<P>> {
    let batch = Arc::new(sender.batch());
    for job in jobs {
        batch.push([job]);
    }
    batch.start_workers();
    batch.end_of_input();
    let mut receipts = Vec::new();
    while !batch.lock().is_over() {
        batch.wait(0);
        receipts.extend(batch.lock().queue.take_receipts());
    }
    batch.wait_for_rest();
    receipts.extend(batch.lock().queue.take_receipts());
    receipts
}

#[test]
fn every_message_arrives_once_on_one_session_and_on_several() {
    for connections in [1, 4] {
        let catcher = catcher();
        let sender = sender(vec![hop(catcher.address().unwrap().port())], connections);
        let receipts = run(&sender, (0..5000).map(|index| job(index, "b@example.org")).collect());
        assert_eq!(receipts.len(), 5000);
        assert!(receipts.iter().all(Receipt::ok));
        let mut indices: Vec<u64> = receipts.iter().map(|receipt| receipt.index).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..5000).collect::<Vec<u64>>());
        assert_eq!(catcher.store().count(), 5000);
        assert!((1..=connections).contains(&sender.mailer.sessions().at_rest()));
        // The sessions in the pool are used again.
        let before = catcher.store().records().len();
        assert!(run(&sender, vec![job(0, "c@example.org")])[0].ok());
        assert_eq!(catcher.store().records().len(), before);
    }
}

#[test]
fn a_stream_that_pauses_has_all_its_receipts_meanwhile() {
    const TURNS: u32 = 50;
    let catcher = catcher();
    let batch = Arc::new(sender(vec![hop(catcher.address().unwrap().port())], 1).batch());
    let began = Instant::now();
    for _ in 0..TURNS {
        (0..10).for_each(|index| _ = batch.push([job(index, "b@example.org")]));
        batch.start_workers();
        let mut told = 0;
        while told < 10 {
            batch.wait(0);
            told += batch.lock().queue.take_receipts().len();
        }
    }
    // Where one is kept back, the wait for it ends with its slice.
    assert!(began.elapsed() < TURNS * SLICE / 2, "{:?}", began.elapsed());
    batch.stop();
    batch.join();
}

/// A port that is bound but not listening. Connections are refused as long as the socket exists.
fn closed_port() -> (socket2::Socket, u16) {
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    bound.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = bound.local_addr().unwrap().as_socket().unwrap().port();
    (bound, port)
}

#[test]
fn no_server_there_is_an_error_for_every_message() {
    let (_held, port) = closed_port();
    let receipts = run(&sender(vec![hop(port)], 1), vec![job(0, "b@example.org"), job(1, "b@example.org")]);
    assert_eq!(receipts.len(), 2);
    for receipt in receipts {
        assert_eq!(receipt.recipients[0].1, Fate::NotSent);
        assert_eq!(receipt.error.unwrap().kind, Kind::ConnectionRefused);
    }
}

#[test]
fn a_worker_that_panics_loses_no_message_and_keeps_no_caller_waiting() {
    let jobs = |second| {
        let job = |index| {
            let recipients = ["b@example.org", "c@example.org"].map(|one| one.parse().unwrap());
            let panics = if index == 1 { second } else { Panics::Never };
            Job::new(index, panics, "a@example.org".parse().unwrap(), recipients)
        };
        (0..4).map(job).collect::<Vec<_>>()
    };
    for panics in [Panics::Asked, Panics::Read] {
        let catcher = catcher();
        let sender = sender(vec![hop(catcher.address().unwrap().port())], 1);
        let receipts = run(&sender, jobs(panics));
        assert_eq!(receipts.len(), 4);
        for receipt in receipts {
            assert_eq!(receipt.recipients.len(), 2);
            // The first message is sent alone, and answered before the others begin.
            assert_eq!(receipt.ok(), receipt.index == 0);
            assert_eq!(receipt.error.map(|error| error.kind), (receipt.index > 0).then_some(Kind::Misuse));
        }
        assert_eq!(catcher.store().count(), 1);
        // The sessions' places are free again.
        assert!(run(&sender, jobs(Panics::Never)).iter().all(Receipt::ok));
    }
}

#[test]
fn the_next_server_takes_over() {
    let catcher = catcher();
    let (_held, port) = closed_port();
    let hops = vec![hop(port), hop(catcher.address().unwrap().port())];
    let receipts = run(&sender(hops, 1), vec![job(0, "b@example.org")]);
    assert!(receipts[0].ok());
    assert_ne!(receipts[0].server.as_deref(), Some(format!("127.0.0.1:{port}").as_str()));
}

#[test]
fn a_late_failure_fails_no_message() {
    let catcher = catcher();
    let batch = sender(vec![hop(catcher.address().unwrap().port())], 1).batch();
    batch.push([job(0, "b@example.org")]);
    batch.end_of_input();
    batch.work_here(&mut Alone).unwrap();
    let late = Error::new(Kind::Interrupted, Stage::Connect, "sending was stopped");
    batch.fail(&late);
    assert!(batch.lock().queue.failure().is_none() && batch.lock().is_over());
    assert!(batch.lock().queue.take_receipts()[0].ok());
}

#[test]
fn what_comes_after_the_end_has_a_receipt_too() {
    let catcher = catcher();
    let batch = sender(vec![hop(catcher.address().unwrap().port())], 1).batch();
    batch.stop();
    batch.push([job(0, "b@example.org")]);
    assert_eq!(batch.lock().queue.take_receipts()[0].recipients[0].1, Fate::NotSent);
    assert_eq!(catcher.store().count(), 0);
}

/// Content that is ready or still has to be prepared.
#[derive(Clone, Debug)]
struct Prepared(bool);

impl Payload for Prepared {
    fn body(&self) -> Body {
        Body::new(*b"Subject: x\r\n\r\nhi\r\n")
    }

    fn size(&self) -> usize {
        1
    }

    fn is_prepared(&self) -> bool {
        self.0
    }
}

/// Counts the turns of a worker, which asks `minds_ends` in each of them.
#[derive(Debug, Default)]
struct Turns(AtomicUsize);

impl Ledger<Prepared> for Turns {
    fn minds_ends(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }
}

/// The worker calls this once in each slice of its wait. In the fifth call the server is allowed to
/// answer, and the other message to be prepared.
struct Fifth {
    asked: usize,
    batch: Arc<Batch<Prepared>>,
    answer: mpsc::Sender<()>,
}

impl Attendant for Fifth {
    fn attend(&mut self) -> Result<(), Error> {
        self.asked += 1;
        if self.asked == 5 {
            self.batch.start_preparers();
            self.answer.send(()).unwrap();
        }
        Ok(())
    }

    fn hear(&mut self, _: &TimedLine) {}
}

/// Jobs with content that is ready or not.
fn some(ready: &[bool]) -> impl Iterator<Item = Job<Prepared>> {
    let recipients = || vec!["b@example.org".parse().unwrap()];
    let job = move |(index, ready): (u64, &bool)| {
        Job::new(index, Prepared(*ready), "a@example.org".parse().unwrap(), recipients())
    };
    (0..).zip(ready).map(job)
}

#[test]
fn messages_go_out_as_they_came_in_whichever_is_prepared_first() {
    let batch = sender(vec![hop(closed_port().1)], 1).batch();
    batch.push(some(&[true, false, false, true]));
    let take = |most| {
        let mut taken = VecDeque::new();
        batch.lock().queue.take(most, Instant::now(), &mut taken);
        taken.iter().map(|job| job.index).collect::<Vec<_>>()
    };
    let next = || batch.lock().queue.unprepared.pop_front().expect("one is left").1;
    let (first, second) = (next(), next());
    assert!(batch.lock().queue.unprepared.pop_front().is_none());
    assert_eq!(take(9), [0]);
    second.set(Ok(())).unwrap();
    assert!(take(9).is_empty());
    first.set(Err(Error::new(Kind::Misuse, Stage::Command, "no"))).unwrap();
    assert_eq!(take(9), [2, 3]);
    let receipts = batch.lock().queue.take_receipts();
    assert_eq!(receipts.iter().map(|receipt| receipt.index).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_is_stopped_while_it_is_prepared_has_one_receipt() {
    let batch = sender(vec![hop(closed_port().1)], 1).batch();
    batch.push(some(&[false, false]));
    let (_, begun) = batch.lock().queue.unprepared.pop_front().expect("one");
    batch.stop();
    begun.set(Ok(())).unwrap();
    assert!(batch.lock().queue.unprepared.pop_front().is_none() && !batch.lock().queue.is_ready());
    assert_eq!(batch.lock().queue.take_receipts().len(), 2);
}

#[test]
fn a_thread_that_waits_for_an_answer_does_not_look_for_what_is_still_being_prepared() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answer, may_answer) = mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut answered = 0;
        let mut next = "220 server";
        while stream.write_all(format!("{next}\r\n").as_bytes()).is_ok()
            && let Some(Ok(line)) = lines.next()
        {
            next = if line.starts_with("EHLO") { "250-server\r\n250 PIPELINING" } else { "250 ok" };
            if line == "DATA" {
                stream.write_all(b"354 go on\r\n").unwrap();
                lines.by_ref().map(Result::unwrap).find(|line| line == ".").unwrap();
                if answered == 0 {
                    may_answer.recv().unwrap();
                }
                answered += 1;
            }
        }
        answered
    });
    let turns = Arc::new(Turns::default());
    let mailer = sender(vec![hop(port)], 1).mailer;
    let ledger = Arc::clone(&turns) as Arc<dyn Ledger<Prepared>>;
    let batch = Arc::new(Batch::new(mailer, ledger, Interest::default(), None));
    batch.push(some(&[true, false]));
    batch.end_of_input();
    batch.work_here(&mut Fifth { asked: 0, batch: Arc::clone(&batch), answer }).unwrap();
    let receipts = batch.lock().queue.take_receipts();
    assert!(receipts.len() == 2 && receipts.iter().all(Receipt::ok));
    // There are a few turns in each slice, not thousands.
    let turns = turns.0.load(Ordering::Relaxed);
    assert!(turns < 100, "{turns} turns");
    batch.mailer.pool.clear();
    assert_eq!(server.join().unwrap(), 2);
}
