//! Tests the catcher with lettre, an independent client.

use std::time::{Duration, Instant};

use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials as Login, Mechanism};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};
use rsmtp::catcher::{
    Catcher, Credentials, Disconnect, Fault, FaultReply, Offer, Offers, Settings, Stage, TlsMode,
};

const WHILE: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    let credentials = Credentials::new("ann".into(), "s3cret".into(), "token".into());
    Settings { tls: TlsMode::None, ..Settings::new(credentials) }
}

fn transport(catcher: &Catcher) -> lettre::transport::smtp::SmtpTransportBuilder {
    let address = catcher.address().unwrap();
    SmtpTransport::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .hello_name(ClientId::Domain("me.example".into()))
        .timeout(Some(WHILE))
}

fn message() -> Message {
    Message::builder()
        .from("Ann <ann@example.org>".parse().unwrap())
        .to("bob@example.org".parse().unwrap())
        .cc("carl@example.net".parse().unwrap())
        .subject("Grüße")
        .multipart(
            MultiPart::mixed()
                .singlepart(SinglePart::plain(".a line that begins with a dot\n..two\n".to_owned()))
                .singlepart(Attachment::new("a.bin".into()).body(vec![0u8; 1000], ContentType::TEXT_PLAIN)),
        )
        .unwrap()
}

#[test]
fn a_message_arrives_as_it_was_made() {
    let catcher = Catcher::start(settings()).unwrap();
    let message = message();
    let reply = transport(&catcher).build().send(&message).unwrap();
    assert!(reply.is_positive());
    let [received] = &catcher.store().messages()[..] else { panic!("one message") };
    assert_eq!(received.mail_from, "ann@example.org");
    let recipients: Vec<_> = received.recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(recipients, ["bob@example.org", "carl@example.net"]);
    // lettre adds its own line end.
    let sent = [&message.formatted()[..], b"\r\n"].concat();
    assert_eq!(String::from_utf8_lossy(&received.data), String::from_utf8_lossy(&sent));
    assert_eq!(received.client.helo, "me.example");
}

#[test]
fn each_mechanism_that_it_knows() {
    let settings = Settings { require_auth: true, ..settings() };
    for (mechanism, secret) in
        [(Mechanism::Plain, "s3cret"), (Mechanism::Login, "s3cret"), (Mechanism::Xoauth2, "token")]
    {
        let catcher = Catcher::start(settings.clone()).unwrap();
        let with = |secret: &str| {
            let login = Login::new("ann".into(), secret.into());
            transport(&catcher).credentials(login).authentication(vec![mechanism]).build()
        };
        with(secret).send(&message()).unwrap();
        assert_eq!(catcher.store().messages()[0].client.user.as_deref(), Some("ann"));
        let refused = with("wrong").send(&message()).unwrap_err();
        // lettre gives up at the challenge that explains why a token is wrong.
        assert!(refused.is_permanent() || mechanism == Mechanism::Xoauth2, "{mechanism}: {refused}");
        assert_eq!(catcher.store().count(), 1);
    }
}

#[test]
fn many_connections_at_once() {
    let catcher = Catcher::start(settings()).unwrap();
    let transport = transport(&catcher).build();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    transport.send(&message()).unwrap();
                }
            });
        }
    });
    assert_eq!(catcher.store().count(), 200);
    drop(transport);
}

#[test]
fn a_server_without_extensions() {
    let catcher = Catcher::start(Settings { offers: Offers::NONE, ..settings() }).unwrap();
    let plain = Message::builder()
        .from("ann@example.org".parse().unwrap())
        .to("bob@example.org".parse().unwrap())
        .body("plain\r\n".to_owned())
        .unwrap();
    transport(&catcher).build().send(&plain).unwrap();
    assert!(catcher.store().messages()[0].mail_parameters.is_empty());
}

#[test]
fn faults_are_seen_for_what_they_are() {
    let catcher =
        Catcher::start(Settings { offers: Offers::all().without(Offer::Size), ..settings() }).unwrap();
    let refusal = |code: u16, stage| Fault {
        times: Some(1),
        reply: FaultReply::Reply { code, wire: format!("{code} no\r\n").into_bytes() },
        ..Fault::at(stage)
    };
    let send = || transport(&catcher).build().send(&message());
    for stage in [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData] {
        catcher.faults().add(refusal(451, stage));
        assert!(send().unwrap_err().is_transient(), "{stage:?}");
        catcher.faults().add(refusal(550, stage));
        assert!(send().unwrap_err().is_permanent(), "{stage:?}");
    }
    for stage in [Stage::Greeting, Stage::Mail, Stage::MailData, Stage::EndOfData] {
        for how in [Disconnect::Fin, Disconnect::Reset] {
            catcher.faults().clear();
            catcher.faults().add(Fault {
                reply: FaultReply::Nothing,
                disconnect: Some(how),
                ..Fault::at(stage)
            });
            let error = send().unwrap_err();
            assert!(!error.is_transient() && !error.is_permanent(), "{stage:?} {how:?}: {error}");
        }
    }
    catcher.faults().clear();
    assert_eq!(catcher.store().count(), 0);
    send().unwrap();
    assert_eq!(catcher.store().count(), 1);
}

#[test]
fn a_stall_runs_into_the_client_s_patience() {
    let catcher = Catcher::start(settings()).unwrap();
    catcher.faults().add(Fault { stall: true, ..Fault::at(Stage::EndOfData) });
    let impatient = transport(&catcher).timeout(Some(Duration::from_millis(100))).build();
    let begin = Instant::now();
    // On Linux, lettre reports the timeout as a broken connection.
    impatient.send(&message()).unwrap_err();
    assert!(begin.elapsed() < WHILE);
}
