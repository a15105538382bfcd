//! Many messages through real sessions: the catcher is the server.

use rsmtp::bulk::*;
use rsmtp::catcher::{Catcher, Credentials, Settings, TlsMode};
use rsmtp::driver::{Attendant, Patience, Target, TimedLine};
use rsmtp::protocol::opening::Security;
use rsmtp::protocol::transaction::Fate;
use rsmtp::protocol::{Body, Error, Kind, Options};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn catcher() -> Catcher {
    let credentials = Credentials {
        any: false,
        username: "user".into(),
        password: "password".into(),
        token: "token".into(),
    };
    Catcher::start(Settings { tls: TlsMode::None, ..Settings::new(credentials) }).unwrap()
}

fn hop(port: u16) -> Hop {
    let name: Arc<str> = format!("127.0.0.1:{port}").into();
    let server = Server {
        name,
        options: Options::default(),
        security: Security::None,
        make_layer: Arc::new(|| {
            Err(Error::new(Kind::Misuse, rsmtp::protocol::Stage::Handshake, "no TLS here"))
        }),
        credentials: None,
        initial_response: true,
        client_name: None,
    };
    let target = Target::Tcp { host: "127.0.0.1".to_owned(), port, source: None };
    Hop { server, target, patience: Patience { stage: Some(Duration::from_secs(10)), operation: None } }
}

fn shared(hops: Vec<Hop>, connections: usize) -> Arc<Shared> {
    Arc::new(Shared {
        route: Route::new(hops),
        local: None,
        pool: Pool::new(Keep {
            most: connections,
            idle: Duration::from_secs(30),
            age: Duration::from_secs(300),
        }),
        bounds: Bounds { window: 1000, messages: None, rate: None },
        limits: Arc::new(Mutex::default()),
        connections,
        recorded: AtomicBool::new(false),
    })
}

fn policy() -> Policy {
    Policy { retries: 2, backoff: Duration::from_millis(20), resend_unknown: false }
}

/// Nobody listens and nobody interrupts.
struct Alone;

impl Attendant for Alone {
    fn attend(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn hear(&mut self, _: &TimedLine) {}
}

type Octets = Arc<Vec<u8>>;

fn job(index: u64, recipient: &str) -> Job<Octets> {
    let content = format!("Subject: {index}\r\n\r\nhi\r\n").into_bytes();
    let recipients = vec![recipient.parse().unwrap()];
    Job::new(index, Arc::new(content), "a@example.org".parse().unwrap(), recipients)
}

/// A message that a fault of ours strikes.
#[derive(Clone, Debug)]
struct Panics(bool);

impl Payload for Panics {
    fn body(&self) -> Body {
        assert!(!self.0, "as this test wants it");
        Arc::new(b"Subject: x\r\n\r\nhi\r\n".to_vec()).body()
    }

    fn size(&self) -> usize {
        1
    }
}

fn run<P: Payload>(shared: &Arc<Shared>, jobs: Vec<Job<P>>) -> Vec<Receipt<P>> {
    let (receipts, panicked) = run_and_count_panics(shared, jobs);
    assert_eq!(panicked, 0);
    receipts
}

fn run_and_count_panics<P: Payload>(shared: &Arc<Shared>, jobs: Vec<Job<P>>) -> (Vec<Receipt<P>>, usize) {
    let batch = Arc::new(Batch::new(Arc::clone(shared), policy()));
    let mut workers = Vec::new();
    for job in jobs {
        batch.push(job);
    }
    while let Some(worker) = batch.start_worker().unwrap() {
        workers.push(worker);
    }
    batch.end_of_input();
    let mut receipts = Vec::new();
    while !batch.is_over() {
        batch.wait(0);
        receipts.extend(batch.take_receipts());
    }
    let panicked = workers.into_iter().filter_map(|worker| worker.join().err()).count();
    batch.wait_for_rest();
    receipts.extend(batch.take_receipts());
    (receipts, panicked)
}

#[test]
fn every_message_arrives_once_on_one_session_and_on_several() {
    for connections in [1, 4] {
        let catcher = catcher();
        let shared = shared(vec![hop(catcher.address().unwrap().port())], connections);
        let receipts = run(&shared, (0..5000).map(|index| job(index, "b@example.org")).collect());
        assert_eq!(receipts.len(), 5000);
        assert!(receipts.iter().all(Receipt::ok));
        let mut indices: Vec<u64> = receipts.iter().map(|receipt| receipt.index).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..5000).collect::<Vec<u64>>());
        assert_eq!(catcher.store().count(), 5000);
        assert!((1..=connections).contains(&shared.pool.len()));
        // The pool is used again.
        let before = catcher.store().records().len();
        assert!(run(&shared, vec![job(0, "c@example.org")])[0].ok());
        assert_eq!(catcher.store().records().len(), before);
    }
}

/// Bound, and nobody listens: refused for as long as it is held.
fn nobody() -> (socket2::Socket, u16) {
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    bound.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = bound.local_addr().unwrap().as_socket().unwrap().port();
    (bound, port)
}

#[test]
fn nobody_there_is_an_error_for_every_message() {
    let (_held, port) = nobody();
    let receipts = run(&shared(vec![hop(port)], 1), vec![job(0, "b@example.org"), job(1, "b@example.org")]);
    assert_eq!(receipts.len(), 2);
    for receipt in receipts {
        assert_eq!(receipt.recipients[0].1, Fate::NotSent);
        assert_eq!(receipt.error.unwrap().kind, Kind::Unreachable);
    }
}

#[test]
fn a_worker_that_panics_loses_no_message_and_keeps_nobody_waiting() {
    let catcher = catcher();
    let shared = shared(vec![hop(catcher.address().unwrap().port())], 1);
    let jobs = |panics: &[u64]| {
        let job = |index| {
            let recipients = vec!["b@example.org".parse().unwrap()];
            Job::new(index, Panics(panics.contains(&index)), "a@example.org".parse().unwrap(), recipients)
        };
        (0..4).map(job).collect::<Vec<_>>()
    };
    let (receipts, panicked) = run_and_count_panics(&shared, jobs(&[1]));
    assert_eq!((receipts.len(), panicked), (4, 1));
    for receipt in receipts {
        assert_eq!(receipt.recipients[0].1, Fate::NotSent);
        assert_eq!(receipt.error.unwrap().kind, Kind::Misuse);
    }
    assert_eq!(catcher.store().count(), 0);
    // The sessions' places are free again.
    assert!(run(&shared, jobs(&[])).iter().all(Receipt::ok));
}

#[test]
fn the_next_server_takes_over() {
    let catcher = catcher();
    let (_held, port) = nobody();
    let hops = vec![hop(port), hop(catcher.address().unwrap().port())];
    let receipts = run(&shared(hops, 1), vec![job(0, "b@example.org")]);
    assert!(receipts[0].ok());
    assert_ne!(receipts[0].server.as_deref(), Some(format!("127.0.0.1:{port}").as_str()));
}

#[test]
fn who_fails_when_all_is_settled_fails_nobody() {
    let catcher = catcher();
    let batch = Batch::new(shared(vec![hop(catcher.address().unwrap().port())], 1), policy());
    batch.push(job(0, "b@example.org"));
    batch.end_of_input();
    batch.work_here(&mut Alone).unwrap();
    let late = Error::new(Kind::Interrupted, rsmtp::protocol::Stage::Connect, "sending was stopped");
    batch.fail(&late);
    assert!(batch.failure().is_none() && batch.is_over());
    assert!(batch.take_receipts()[0].ok());
}

#[test]
fn what_comes_after_the_end_has_a_receipt_too() {
    let catcher = catcher();
    let batch = Batch::new(shared(vec![hop(catcher.address().unwrap().port())], 1), policy());
    batch.stop();
    batch.push(job(0, "b@example.org"));
    assert_eq!(batch.take_receipts()[0].recipients[0].1, Fate::NotSent);
    assert_eq!(catcher.store().count(), 0);
}

#[test]
fn our_smtp_is_one_of_lettres_transports() {
    use lettre::Transport;
    let catcher = catcher();
    let shared = shared(vec![hop(catcher.address().unwrap().port())], 1);
    let transport = SmtpTransport { shared, policy: policy() };
    let envelope = lettre::address::Envelope::new(
        Some("a@example.org".parse().unwrap()),
        vec!["b@example.org".parse().unwrap()],
    );
    let receipt = transport.send_raw(&envelope.unwrap(), b"Subject: x\n\nhi\n").unwrap();
    assert!(receipt.ok());
    assert_eq!(catcher.store().count(), 1);
    transport.shutdown();
}
