//! Tests a ledger that records the ends of messages, with both drivers and the catcher as the
//! server.

use rsmtp::bulk::*;
use rsmtp::catcher::{Catcher, Fault, FaultReply};
use rsmtp::driver::{Operation, Patience, Target, Until};
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Error, Kind, Options, Stage};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use through_catcher::{Octets, catcher, hop};

mod through_catcher;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Begun(u64, u32),
    /// A recipient of this message was settled before the end that is now announced.
    Fate(u64, String),
    EndSaid(u64),
    Settled(u64),
}

/// Records all calls, and at each end asks the server how many messages it has.
#[derive(Debug)]
struct Journal {
    told: Mutex<Vec<Told>>,
    writes: Mutex<usize>,
    /// The message that the ledger refuses to begin.
    refused: Option<u64>,
    /// The number of the write that fails.
    fails: Option<usize>,
}

impl Journal {
    fn new(refused: Option<u64>, fails: Option<usize>) -> Arc<Self> {
        Arc::new(Self { told: Mutex::default(), writes: Mutex::default(), refused, fails })
    }

    fn told(&self, what: &Told) -> usize {
        let told = self.told.lock().unwrap();
        told.iter().filter(|one| *one == what).count()
    }

    fn place(&self, what: &Told) -> Option<usize> {
        self.told.lock().unwrap().iter().position(|one| one == what)
    }
}

impl Ledger<Octets> for Journal {
    fn begun(&self, job: &Job<Octets>, _: usize) -> Result<(), Error> {
        if self.refused == Some(job.index) {
            return Err(Error::new(Kind::Local, Stage::Mail, "suppressed"));
        }
        self.told.lock().unwrap().push(Told::Begun(job.index, job.attempts));
        Ok(())
    }

    fn minds_ends(&self) -> bool {
        true
    }

    fn end_said(&self, messages: &[&Job<Octets>]) -> Result<bool, Error> {
        let mut writes = self.writes.lock().unwrap();
        *writes += 1;
        if self.fails == Some(*writes) {
            return Err(Error::new(Kind::Local, Stage::EndOfData, "the disk is full"));
        }
        for job in messages {
            let told = job.newly_settled().iter().map(|(path, _)| Told::Fate(job.index, path.to_string()));
            self.told.lock().unwrap().extend(told.chain([Told::EndSaid(job.index)]));
        }
        Ok(true)
    }

    fn settled(&self, receipt: &Receipt<Octets>) {
        self.told.lock().unwrap().push(Told::Settled(receipt.index));
    }
}

fn mailer(port: u16, chunking: bool) -> Arc<Mailer> {
    let hop = hop(port, Options { chunking, ..Options::default() });
    Arc::new(Mailer::new(vec![hop], None, BOUNDS, POLICY, Limits::default()))
}

const BOUNDS: Bounds = Bounds {
    sessions: 1,
    idle: Duration::ZERO,
    age: Duration::from_secs(300),
    window: 1000,
    messages: None,
    rate: None,
};

const POLICY: Policy =
    Policy { retries: 0, give_up_after: None, backoff: Duration::from_millis(10), resend_unknown: false };

/// Creates jobs. Large messages take several chunks.
fn jobs(count: u64) -> Vec<Job<Octets>> {
    let content = |index: u64| {
        let size = if index % 10 == 3 { 600_000 } else { 10 };
        [format!("Subject: {index}\r\n\r\n").into_bytes(), b"x\r\n".repeat(size / 3)].concat()
    };
    let recipients = || vec!["b@example.org".parse().unwrap()];
    let job =
        |index| Job::new(index, Octets::new(content(index)), "a@example.org".parse().unwrap(), recipients());
    (0..count).map(job).collect()
}

fn by_threads(mailer: Arc<Mailer>, journal: Arc<Journal>, jobs: Vec<Job<Octets>>) -> Vec<Receipt<Octets>> {
    let batch = Arc::new(Batch::new(mailer, journal, Interest::default(), None));
    for job in jobs {
        batch.push([job]);
    }
    batch.start_workers();
    batch.end_of_input();
    while !batch.lock().is_over() {
        batch.wait(0);
    }
    batch.stop();
    batch.join();
    batch.lock().queue.take_receipts()
}

/// Runs the jobs as an event loop does.
fn by_a_loop(mailer: Arc<Mailer>, journal: Arc<Journal>, jobs: Vec<Job<Octets>>) -> Vec<Receipt<Octets>> {
    let mut sender = Sender::new(&mailer, journal, Interest::default());
    jobs.into_iter().for_each(|job| sender.queue.push(job));
    sender.queue.end_of_input();
    assert!(sender.enlist());
    let sender = Arc::new(Mutex::new(sender));
    let mut worker = Worker::new(Arc::clone(&sender), false);
    loop {
        let now = Instant::now();
        match worker.next(now) {
            Do::Dial(hop) => {
                let Target::Tcp { host, port, .. } = &mailer.hops[hop].target else { panic!() };
                let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
                let mut operation = Operation::new(mailer.options(hop, now), None, Patience::default());
                operation.connected(host, None, false);
                worker.dialled("[127.0.0.1]".parse().unwrap(), None, &mut operation, now);
                converse(&mut worker, operation, stream);
            }
            Do::Leave => break,
            other => panic!("{other:?}"),
        }
    }
    sender.lock().unwrap().queue.take_receipts()
}

fn converse(worker: &mut Worker<Octets>, mut operation: Operation, mut stream: TcpStream) {
    operation.begin(Until::Ended, |_| Ok(())).unwrap();
    loop {
        if let Some(octets) = operation.output(<[u8]>::to_vec) {
            stream.write_all(&octets).unwrap();
            operation.sent(octets.len());
            continue;
        }
        let now = Instant::now();
        worker.hear(&mut operation, now);
        if !operation.is_serving() {
            break;
        }
        match worker.talk(operation.session_mut(), now) {
            Do::Wait(Some(when)) if when > now + Duration::from_secs(60) => panic!("a place was lost"),
            Do::Talk | Do::Wait(_) => {}
            _ => {
                operation.end_serving();
                break;
            }
        }
        if !operation.is_about_to_send() {
            let mut octets = [0; 65536];
            let count = stream.read(&mut octets).unwrap();
            operation.received(&octets[..count]);
        }
    }
    let error = operation.take_settled().err();
    worker.part(operation.session_mut(), error.as_ref(), Instant::now());
}

type Run = fn(Arc<Mailer>, Arc<Journal>, Vec<Job<Octets>>) -> Vec<Receipt<Octets>>;

fn for_each(check: impl Fn(&Catcher, Arc<Mailer>, Run)) {
    for run in [by_threads as Run, by_a_loop] {
        for chunking in [true, false] {
            let catcher = catcher();
            let mailer = mailer(catcher.address().unwrap().port(), chunking);
            check(&catcher, mailer, run);
        }
    }
}

#[test]
fn each_message_is_begun_then_its_end_is_said_then_it_is_settled() {
    for_each(|catcher, mailer, run| {
        let journal = Journal::new(None, None);
        let receipts = run(mailer, Arc::clone(&journal), jobs(30));
        assert!(receipts.len() == 30 && receipts.iter().all(Receipt::ok));
        assert_eq!(catcher.store().count(), 30);
        for index in 0..30 {
            let [begun, said, settled] = [Told::Begun(index, 0), Told::EndSaid(index), Told::Settled(index)];
            assert!([&begun, &said, &settled].map(|what| journal.told(what)) == [1, 1, 1]);
            assert!(journal.place(&begun) < journal.place(&said));
            assert!(journal.place(&said) < journal.place(&settled));
        }
    });
}

#[test]
fn one_write_does_for_what_is_in_hand() {
    let catcher = catcher();
    let mailer = mailer(catcher.address().unwrap().port(), true);
    let journal = Journal::new(None, None);
    let batch = Arc::new(Batch::new(mailer, journal.clone(), Interest::default(), None));
    let small = |index| {
        Job::new(index, Octets::new(*b"x\r\n"), "a@b.c".parse().unwrap(), vec!["b@b.c".parse().unwrap()])
    };
    for index in 0..400 {
        batch.push([small(index)]);
    }
    batch.end_of_input();
    batch.start_workers();
    while !batch.lock().is_over() {
        batch.wait(0);
    }
    assert_eq!(catcher.store().count(), 400);
    let writes = *journal.writes.lock().unwrap();
    assert!(writes < 200, "{writes} writes for 400 messages");
}

#[test]
fn nothing_goes_out_of_a_message_that_is_refused() {
    for_each(|catcher, mailer, run| {
        let journal = Journal::new(Some(5), None);
        let receipts = run(mailer, Arc::clone(&journal), jobs(10));
        assert_eq!((receipts.len(), catcher.store().count()), (10, 9));
        for receipt in receipts {
            assert_eq!(receipt.ok(), receipt.index != 5);
            if let Some(error) = receipt.error {
                assert_eq!((receipt.index, error.message.as_str(), receipt.attempts), (5, "suppressed", 0));
            }
        }
        assert_eq!([Told::EndSaid(5), Told::Settled(5)].map(|what| journal.told(&what)), [0, 1]);
    });
}

#[test]
fn what_is_declined_takes_no_place_in_a_rate() {
    let catcher = catcher();
    let hop = hop(catcher.address().unwrap().port(), Options::default());
    let hourly = 1.0 / 3600.0;
    let bounds = Bounds { rate: Some(hourly), ..BOUNDS };
    let limits = Limits {
        rate: Some(Rate::new(hourly, Instant::now())),
        per_day: Some(PerDay::new(1, Counted::Messages)),
    };
    for (bounds, limits) in [(bounds, Limits::default()), (BOUNDS, limits)] {
        let mailer = Arc::new(Mailer::new(vec![hop.clone()], None, bounds, POLICY, limits));
        let receipts = by_a_loop(mailer, Journal::new(Some(0), None), jobs(2));
        assert_eq!(receipts.iter().map(Receipt::ok).collect::<Vec<_>>(), [false, true]);
    }
}

#[test]
fn what_a_session_took_and_did_not_say_is_not_begun_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hop = hop(listener.local_addr().unwrap().port(), Options::default());
    let policy = Policy { retries: 1, ..POLICY };
    let mailer = Arc::new(Mailer::new(vec![hop], None, BOUNDS, policy, Limits::default()));
    let server = std::thread::spawn(move || {
        // The first session ends at its first message, and the second one takes all messages.
        for goodbye in [true, false] {
            let (stream, _) = listener.accept().unwrap();
            answer(&stream, goodbye);
        }
    });
    let journal = Journal::new(None, None);
    let batch = Arc::new(Batch::new(mailer, journal.clone(), Interest::default(), None));
    for job in jobs(3) {
        batch.push([job]);
    }
    batch.end_of_input();
    batch.start_workers();
    while !batch.lock().is_over() {
        batch.wait(0);
    }
    batch.stop();
    batch.join();
    server.join().unwrap();
    assert!(batch.lock().queue.take_receipts().iter().all(Receipt::ok));
    let begun = [(0, 0), (0, 1), (1, 0), (2, 0)].map(|(index, attempt)| Told::Begun(index, attempt));
    assert_eq!(begun.map(|what| journal.told(&what)), [1, 1, 1, 1]);
}

/// With several transactions in flight, each end reports the recipients settled before it.
#[test]
fn what_a_transaction_has_settled_is_known_before_the_end_of_the_next_one() {
    for run in [by_threads as Run, by_a_loop] {
        let catcher = catcher();
        let too_many = Fault {
            skip: 2,
            times: Some(1),
            reply: FaultReply::Raw(b"452 4.5.3 too many\r\n".to_vec()),
            accept: Some(false),
            ..Fault::at(rsmtp::catcher::Stage::Rcpt)
        };
        catcher.faults().add(too_many);
        let journal = Journal::new(None, None);
        let recipients = ["a@b.c", "b@b.c", "c@b.c"].map(|one| one.parse().unwrap()).to_vec();
        let job = Job::new(0, Octets::new(*b"x\r\n"), "a@example.org".parse().unwrap(), recipients);
        assert!(
            run(mailer(catcher.address().unwrap().port(), true), Arc::clone(&journal), vec![job])[0].ok()
        );
        let fate = |one: &str| Told::Fate(0, one.to_owned());
        let told = [Told::Begun(0, 0), Told::EndSaid(0), Told::Begun(0, 0), fate("a@b.c"), fate("b@b.c")];
        let rest = [Told::EndSaid(0), Told::Settled(0)];
        assert_eq!(*journal.told.lock().unwrap(), [&told[..], &rest].concat());
    }
}

/// Answers as a server without extensions.
fn answer(mut stream: &TcpStream, goodbye: bool) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    stream.write_all(b"220 hello\r\n").unwrap();
    while let Some(line) = lines.next() {
        let reply: &[u8] = match line.split(' ').next().unwrap() {
            "MAIL" if goodbye => b"421 4.3.2 goodbye\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").unwrap();
                assert!(lines.any(|line| line == "."));
                b"250 taken\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).unwrap();
        if reply.starts_with(b"421") {
            return;
        }
    }
}

#[test]
fn an_end_that_is_not_noted_is_not_said_and_nothing_more_is_sent() {
    for fails in [1, 3] {
        for_each(|catcher, mailer, run| {
            let journal = Journal::new(None, Some(fails));
            let receipts = run(mailer, Arc::clone(&journal), jobs(20));
            let said = (0..20).filter(|&index| journal.told(&Told::EndSaid(index)) == 1);
            let said: Vec<u64> = said.collect();
            assert_eq!(receipts.len(), 20);
            for receipt in receipts {
                let may_have_arrived = matches!(receipt.recipients[0].1, Fate::Sent(_) | Fate::Unknown);
                assert_eq!(may_have_arrived, said.contains(&receipt.index), "{receipt:?}");
                if !may_have_arrived {
                    assert!(receipt.error.unwrap().message.contains("the disk is full"));
                }
            }
            assert!(catcher.store().count() <= said.len() as u64);
            assert_eq!(said.is_empty(), fails == 1);
        });
    }
}
