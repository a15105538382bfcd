use super::*;

/// Each option with an offer of its extension, and with an offer whose limit it exceeds.
const MAIL: [(&str, &str, &str); 15] = [
    ("RET=FULL", "DSN", ""),
    ("RET=HDRS", "DSN", ""),
    ("ENVID=QQ+2B314+20159", "DSN", ""),
    ("REQUIRETLS", "REQUIRETLS", ""),
    ("HOLDFOR=86400", "FUTURERELEASE 86400 2027-01-01T00:00:00Z", "FUTURERELEASE 86399 2027-01-01T00:00:00Z"),
    ("HOLDFOR=999999999", "FUTURERELEASE", ""),
    (
        "HOLDUNTIL=2026-12-31T23:59:59Z",
        "FUTURERELEASE 1 2026-12-31T23:59:59Z",
        "FUTURERELEASE 1 2026-12-31T23:59:58Z",
    ),
    ("BY=120;R", "DELIVERBY 120", "DELIVERBY 121"),
    ("BY=-120;NT", "DELIVERBY 1000", ""),
    ("MT-PRIORITY=-9", "MT-PRIORITY MIXER", ""),
    ("MT-PRIORITY=0", "MT-PRIORITY", ""),
    ("MT-PRIORITY=9", "mt-priority", ""),
    ("BODY=BINARYMIME", "BINARYMIME", ""),
    ("XVERP=+=", "XVERP", ""),
    ("XVERP=-=", "XVERP", ""),
];

const RCPT: [(&str, &str); 6] = [
    ("NOTIFY=NEVER", "DSN"),
    ("NOTIFY=SUCCESS,FAILURE,DELAY", "DSN"),
    ("ORCPT=rfc822;ann+2Bbob@example.org", "DSN"),
    ("ORCPT=utf-8;j\\x{FC}rgen@example.org", "DSN"),
    ("RRVS=2014-04-03T23:01:00Z;R", "RRVS"),
    ("RRVS=2014-04-03T23:01:00Z;C", "RRVS"),
];

fn mail(text: &str) -> Result<MailOption, &'static str> {
    let (keyword, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
    MailOption::read(keyword, value).expect("an option of MAIL")
}

fn rcpt(text: &str) -> Result<RcptOption, &'static str> {
    let (keyword, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
    RcptOption::read(keyword, value).expect("an option of RCPT")
}

fn offers(line: &str) -> Extensions {
    let pair = line.split_once(' ').unwrap_or((line, ""));
    std::iter::once(pair).filter(|(keyword, _)| !keyword.is_empty()).collect()
}

fn said(options: DeliveryOptions, offered: &str, peer: Peer) -> Result<SaidOptions, Error> {
    let extensions = offers(offered);
    Arc::new(options).said(Terms { extensions: &extensions, peer, chunked: true }, true)
}

fn texts(parameters: impl Iterator<Item = Parameter>) -> Vec<String> {
    parameters.map(|parameter| parameter.as_str().to_owned()).collect()
}

#[test]
fn what_is_read_is_written_again() {
    for (text, _, _) in MAIL {
        assert_eq!(mail(text).unwrap().to_string(), text);
        let (keyword, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
        let lower = MailOption::read(&keyword.to_ascii_lowercase(), value).unwrap();
        assert_eq!(lower, mail(text));
    }
    for (text, _) in RCPT {
        assert_eq!(rcpt(text).unwrap().to_string(), text);
    }
    assert_eq!(rcpt("RRVS=2014-04-03T23:01:00Z").unwrap().to_string(), "RRVS=2014-04-03T23:01:00Z;R");
    assert_eq!(rcpt("ORCPT=UTF-8;jürgen@x").unwrap().to_string(), "ORCPT=utf-8;j\\x{FC}rgen@x");
}

#[test]
fn what_no_rfc_allows() {
    let long = format!("ENVID={}", "x".repeat(101));
    for text in [
        "RET",
        "RET=ALL",
        "ENVID",
        "ENVID=",
        "ENVID=a=b",
        "ENVID=+7F",
        &long,
        "REQUIRETLS=YES",
        "HOLDFOR=0",
        "HOLDFOR=01",
        "HOLDFOR=-1",
        "HOLDFOR=1000000000",
        "HOLDFOR=x",
        "HOLDUNTIL=tomorrow",
        "BY=120",
        "BY=0;R",
        "BY=-1;R",
        "BY=1;X",
        "BY=;R",
        "BY=1234567890;N",
        "MT-PRIORITY=10",
        "MT-PRIORITY=+1",
        "MT-PRIORITY=-0",
        "MT-PRIORITY=",
        "MT-PRIORITY=--1",
        "XVERP=",
        "XVERP=+",
        "XVERP=+=+",
        "XVERP=#=",
    ] {
        assert!(mail(text).is_err(), "{text}");
    }
    let long = format!("ORCPT=rfc822;{}", "x".repeat(500));
    for text in [
        "NOTIFY",
        "NOTIFY=",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=SUCCESS,",
        "NOTIFY=ALWAYS",
        "ORCPT=ann@example.org",
        "ORCPT=rfc822;a=b",
        "ORCPT=;a",
        "ORCPT=rfc822;",
        "ORCPT=utf-8;a+2Bb",
        &long,
        "RRVS=",
        "RRVS=2014",
        "RRVS=2014-04-03T23:01:00Z;X",
    ] {
        assert!(rcpt(text).is_err(), "{text}");
    }
    assert_eq!(MailOption::read("BODY", Some("8BITMIME")), None);
    assert_eq!(MailOption::read("SIZE", Some("1")), None);
    assert_eq!(RcptOption::read("X", None), None);
}

#[test]
fn each_option_of_mail_offered_and_not_and_over_its_limit() {
    for (text, offer, over) in MAIL {
        let option = mail(text).unwrap();
        for if_offered in [false, true] {
            let options = || DeliveryOptions { mail: vec![option.clone()], if_offered, ..Default::default() };
            let told = said(options(), offer, Peer::Verified).unwrap();
            assert_eq!((texts(told.mail()), told.left_out.len()), (vec![text.to_owned()], 0));
            match said(options(), "", Peer::Verified) {
                Ok(told) => {
                    assert!(if_offered && option.may_be_left_out(true), "{text}");
                    assert_eq!((texts(told.mail()), told.left_out), (vec![], vec![option.extension()]));
                }
                Err(error) => {
                    assert!(!if_offered || !option.may_be_left_out(true), "{text}");
                    assert_eq!((error.kind, error.stage), (Kind::NotSupported, Stage::Mail));
                    assert!(error.message.contains(option.extension().keyword()), "{error}");
                }
            }
            if !over.is_empty() {
                assert_eq!(said(options(), over, Peer::Verified).unwrap_err().kind, Kind::NotSupported);
            }
        }
    }
}

#[test]
fn each_option_of_a_recipient_offered_and_not() {
    let (ann, bob): (ForwardPath, ForwardPath) = ("ann@x".parse().unwrap(), "bob@x".parse().unwrap());
    for (text, offer) in RCPT {
        let option = rcpt(text).unwrap();
        for if_offered in [false, true] {
            let own = HashMap::from([("ann@x".to_owned(), vec![option.clone()])]);
            let options = || DeliveryOptions { own: own.clone(), if_offered, ..Default::default() };
            let told = said(options(), offer, Peer::Plaintext).unwrap();
            assert_eq!(texts(told.rcpt(&ann)), [text]);
            assert_eq!(texts(told.rcpt(&bob)), [""; 0]);
            let without = said(options(), "", Peer::Plaintext);
            assert_eq!(without.is_ok(), if_offered && option.may_be_left_out(), "{text}");
            if let Ok(told) = without {
                assert_eq!((texts(told.rcpt(&ann)), told.left_out), (vec![], vec![option.extension()]));
            }
            let all = DeliveryOptions { rcpt: vec![option.clone()], if_offered, ..Default::default() };
            assert_eq!(texts(said(all, offer, Peer::Plaintext).unwrap().rcpt(&bob)), [text]);
        }
    }
}

#[test]
fn requiretls_wants_a_server_that_is_known_and_binarymime_chunks() {
    let options =
        |option| Arc::new(DeliveryOptions { mail: vec![option], if_offered: true, ..Default::default() });
    let extensions: Extensions = [("REQUIRETLS", ""), ("BINARYMIME", "")].into_iter().collect();
    for (peer, why) in [(Peer::Plaintext, "not encrypted"), (Peer::Unverified, "not verified")] {
        let terms = Terms { extensions: &extensions, peer, chunked: true };
        let error = options(MailOption::RequireTls).said(terms, true).unwrap_err();
        assert!(error.message.contains(why), "{error}");
    }
    let terms = Terms { extensions: &extensions, peer: Peer::Verified, chunked: false };
    assert!(options(MailOption::RequireTls).said(terms, true).is_ok());
    assert!(options(MailOption::BinaryMime).said(terms, true).unwrap_err().message.contains("BDAT alone"));
    let none = Extensions::default();
    for terms in [terms, Terms { extensions: &none, chunked: true, ..terms }] {
        let told = options(MailOption::BinaryMime).said(terms, false).unwrap();
        assert_eq!((told.left_out.as_slice(), told.is_binary()), (&[Extension::BinaryMime][..], false));
        let wanted = DeliveryOptions { mail: vec![MailOption::BinaryMime], ..Default::default() };
        assert!(Arc::new(wanted).said(terms, false).is_err());
    }
}
