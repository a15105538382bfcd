use super::server_first::LONGEST;
use super::*;

const SIGNATURE_256: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn exchange(hash: Hash, nonce: &str) -> Scram {
    Scram::new(Derived::default(), hash, Bound::No, "user", "pencil", nonce.to_owned()).unwrap()
}

fn said(answer: Answer) -> String {
    let Answer::Say(said) = answer else { panic!("{answer:?}") };
    String::from_utf8(said).unwrap()
}

fn worked(scram: &mut Scram) -> String {
    loop {
        assert!(scram.is_at_work());
        if let Some(said) = scram.work() {
            return String::from_utf8(said).unwrap();
        }
    }
}

/// The exchange of RFC 7677 3, up to the server's last message.
fn answered() -> Scram {
    let mut scram = exchange(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO");
    assert_eq!(said(scram.respond(b"")), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    assert!(matches!(scram.respond(challenge), Answer::Work));
    assert_eq!(
        worked(&mut scram),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    scram
}

#[test]
fn the_example_of_rfc_5802() {
    let mut scram = exchange(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL");
    assert_eq!(said(scram.respond(b"")), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    let challenge = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    assert!(matches!(scram.respond(challenge), Answer::Work));
    assert_eq!(
        worked(&mut scram),
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    );
    assert_eq!(said(scram.respond(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "");
    assert_eq!(scram.concluded(b"2.7.0 welcome"), Ok(()));
    assert!(matches!(scram.respond(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Answer::Cancel));
}

#[test]
fn the_example_of_rfc_7677() {
    let mut scram = answered();
    assert_eq!(said(scram.respond(SIGNATURE_256.as_bytes())), "");
    assert_eq!(scram.concluded(b"welcome"), Ok(()));
}

#[test]
fn keys_are_derived_once_for_the_same_salt() {
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    let derived = Derived::default();
    let asked = |hash, salt: &str, count: u32| {
        let (derived, nonce) = (derived.clone(), NONCE.to_owned());
        let mut scram = Scram::new(derived, hash, Bound::No, "user", "pencil", nonce).unwrap();
        assert!(said(scram.respond(b"")).ends_with(NONCE));
        let challenge = format!("r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s={salt},i={count}");
        let answer = scram.respond(challenge.as_bytes());
        (scram, answer)
    };
    let (mut first, answer) = asked(Hash::Sha256, SALT, 4096);
    assert!(matches!(answer, Answer::Work));
    let proof = worked(&mut first);
    // The same proof, at once; and the server has to prove itself as before.
    let (mut second, answer) = asked(Hash::Sha256, SALT, 4096);
    assert_eq!(said(answer), proof);
    assert!(!second.is_at_work());
    assert_eq!(second.concluded(b"welcome"), Err(NO_PROOF));
    assert_eq!(said(second.respond(SIGNATURE_256.as_bytes())), "");
    assert_eq!(second.concluded(b"welcome"), Ok(()));
    let (mut cheated, _) = asked(Hash::Sha256, SALT, 4096);
    assert!(matches!(cheated.respond(b"v=AAAA"), Answer::Distrust(_)));
    // Other terms are other keys.
    for (hash, salt, count) in
        [(Hash::Sha1, SALT, 4096), (Hash::Sha256, "AAAA", 4096), (Hash::Sha256, SALT, 4097)]
    {
        assert!(matches!(asked(hash, salt, count).1, Answer::Work), "{hash:?} {salt} {count}");
    }
}

#[test]
fn a_signature_within_the_235_counts_and_its_absence_does_too() {
    let encoded = STANDARD.encode(SIGNATURE_256.as_bytes());
    for reply in [SIGNATURE_256.to_owned(), encoded.clone(), format!("2.7.0 {encoded}")] {
        assert_eq!(answered().concluded(reply.as_bytes()), Ok(()), "{reply}");
    }
    let wrong = SIGNATURE_256.replace("6r", "7r");
    for reply in ["", "2.7.0 welcome", "v=", &wrong, &STANDARD.encode(wrong.as_bytes())] {
        assert_eq!(answered().concluded(reply.as_bytes()), Err(NO_PROOF), "{reply}");
    }
    assert_eq!(exchange(Hash::Sha1, "x").concluded(SIGNATURE_256.as_bytes()), Err(NO_PROOF));
}

#[test]
fn a_wrong_signature_is_an_impostors_and_an_error_is_heard_out() {
    for wrong in [
        SIGNATURE_256.replace("6r", "7r"),
        SIGNATURE_256.replace("v=", "x="),
        SIGNATURE_256[..30].to_owned(),
        "v=".to_owned(),
        "v=?".to_owned(),
        String::new(),
    ] {
        let mut scram = answered();
        assert!(matches!(scram.respond(wrong.as_bytes()), Answer::Distrust(_)), "{wrong}");
        assert!(scram.concluded(SIGNATURE_256.as_bytes()).is_err());
    }
    let mut scram = answered();
    let Answer::Refused(why) = scram.respond(b"e=invalid-proof,x=y") else { panic!() };
    assert_eq!(why, "invalid-proof");
    // After that, nothing counts as a proof.
    assert!(matches!(scram.respond(SIGNATURE_256.as_bytes()), Answer::Cancel));
    assert!(scram.concluded(SIGNATURE_256.as_bytes()).is_err());
}

#[test]
fn a_challenge_that_is_not_one_ends_it() {
    let long = "x".repeat(LONGEST);
    for (challenge, why) in [
        ("", "has no nonce"),
        ("r=other,s=QSXCR+Q6sek8bf92,i=4096", "does not extend ours"),
        ("r=ours,s=QSXCR+Q6sek8bf92,i=4096", "does not extend ours"),
        ("r=our,s=QSXCR+Q6sek8bf92,i=4096", "does not extend ours"),
        (&format!("r=ours{long},s=QSXCR+Q6sek8bf92,i=4096"), "does not extend ours"),
        ("r=ours \u{1},s=QSXCR+Q6sek8bf92,i=4096", "not printable"),
        ("r=ours+,s=,i=4096", "has no salt"),
        ("r=ours+,s=QSX,i=4096", "has no salt"),
        ("r=ours+,i=4096,s=QSXCR+Q6sek8bf92", "has no salt"),
        ("s=QSXCR+Q6sek8bf92,r=ours+,i=4096", "has no nonce"),
        ("r=ours+,s=QSXCR+Q6sek8bf92", "has no iteration count"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=", "has no iteration count"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=+5000", "has no iteration count"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=4095", "4096 at least"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=0", "4096 at least"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=10000001", "more than 10000000"),
        ("r=ours+,s=QSXCR+Q6sek8bf92,i=99999999999999999999", "more than 10000000"),
        ("m=x,r=ours+,s=QSXCR+Q6sek8bf92,i=4096", "extension"),
    ] {
        let mut scram = exchange(Hash::Sha256, "ours");
        let _ = scram.respond(b"");
        let Answer::Distrust(told) = scram.respond(challenge.as_bytes()) else { panic!("{challenge}") };
        assert!(told.contains(why), "{challenge}: {told}");
        assert!(!scram.is_at_work());
    }
    let mut scram = exchange(Hash::Sha256, "ours");
    let _ = scram.respond(b"");
    assert!(matches!(scram.respond(b"\xff"), Answer::Distrust(_)));
    // Unknown extensions after the known part are ignored.
    let mut scram = exchange(Hash::Sha256, "ours");
    let _ = scram.respond(b"");
    assert!(matches!(scram.respond(b"r=ours+,s=QSXCR+Q6sek8bf92,i=4096,x=y"), Answer::Work));
}

#[test]
fn many_iterations_are_done_in_slices() {
    let mut scram = exchange(Hash::Sha256, "ours");
    let _ = scram.respond(b"");
    let _ = scram.respond(b"r=ours+,s=QSXCR+Q6sek8bf92,i=40000");
    let slices = (1..).find(|_| scram.work().is_some()).unwrap();
    assert_eq!(slices, 5);
    // hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4096)
    let mut known = Pbkdf2::new(Hash::Sha256, b"password", b"salt", 4096);
    let hex: String = loop {
        if let Some(done) = known.go_on(1000) {
            break done.iter().map(|octet| format!("{octet:02x}")).collect();
        }
    };
    assert_eq!(hex, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

#[test]
fn names_are_prepared_and_escaped() {
    let first = |user| {
        let mut scram =
            Scram::new(Derived::default(), Hash::Sha1, Bound::No, user, "p", "x".to_owned()).unwrap();
        said(scram.respond(b""))
    };
    assert_eq!(first("a=b,c"), "n,,n=a=3Db=2Cc,r=x");
    // RFC 4013 3: a soft hyphen is removed, and a compatibility character is replaced by its
    // equivalent.
    assert_eq!(first("I\u{AD}X"), "n,,n=IX,r=x");
    assert_eq!(first("\u{2168}"), "n,,n=IX,r=x");
    assert_eq!(first("jörg"), "n,,n=jörg,r=x");
    assert_eq!(first("jo\u{308}rg"), "n,,n=jörg,r=x");
    for (user, password, bad) in
        [("", "p", "user"), ("u", "", "password"), ("u\u{7}", "p", "user"), ("u", "\u{AD}", "password")]
    {
        assert_eq!(prepared(user, password).unwrap_err(), bad);
        assert!(
            Scram::new(Derived::default(), Hash::Sha1, Bound::No, user, password, "x".to_owned()).is_none()
        );
    }
}

#[test]
fn the_header_is_repeated_with_what_binds() {
    let binding = ChannelBinding { name: "tls-exporter", data: vec![0xff; 32] };
    for (bound, header, repeated) in [
        (Bound::NotOffered, "y,,", b"y,,".to_vec()),
        (Bound::By(binding), "p=tls-exporter,,", [&b"p=tls-exporter,,"[..], &[0xff; 32]].concat()),
    ] {
        let mut scram =
            Scram::new(Derived::default(), Hash::Sha1, bound, "u", "p", "ours".to_owned()).unwrap();
        assert_eq!(said(scram.respond(b"")), format!("{header}n=u,r=ours"));
        let _ = scram.respond(b"r=ours+,s=QSXCR+Q6sek8bf92,i=4096");
        let said = worked(&mut scram);
        assert!(said.starts_with(&format!("c={},r=ours+,p=", STANDARD.encode(&repeated))), "{said}");
    }
}
