//! SCRAM (RFC 5802, RFC 7677), the client's side. Neither side sends the password, and both prove
//! that they know it.
//!
//! # Theory of operation
//!
//! ```text
//! us      gs2-header n=user,r=nonce
//! server  r=nonce+its own,s=salt,i=iterations
//! us      c=gs2-header and what binds TLS,r=nonce,p=proof      (behind PBKDF2)
//! server  v=signature                                          (then 235)
//! ```
//! The proof and the signature are HMACs over everything said before, with keys derived from the
//! password by PBKDF2. So a server that can sign knows the password (or what it stores of it) and
//! has received what we sent. A server that can't sign is an impostor, whatever its reply code is:
//! nothing it says is believed, and we send it nothing more. That is the purpose of
//! [`Answer::Distrust`].
//!
//! The header says how TLS is bound to the exchange (RFC 5802 6): `p=` and the binding's name with
//! a -PLUS mechanism; `y` if we could bind but the server offers no -PLUS, so that a server whose
//! offer was hidden from us finds out; `n` if there is nothing to bind.
//!
//! PBKDF2 is slow by design. It runs in slices, so that the driver of a session can do something
//! else in between, and once for all sessions with the same credentials and the same salt
//! (RFC 5802 3 names the keys; [`Derived`] keeps them).

mod keys;

use super::auth::Answer;
use encodify::base64::STANDARD;
use keys::Terms;
pub use keys::{Derived, FEWEST_ITERATIONS, Hash, Keys, Pbkdf2, is_equal};
use std::borrow::Cow;
use std::fmt;

/// A higher count would be an attack on our time: this one already takes some seconds.
const MOST_ITERATIONS: u32 = 10_000_000;
/// The rounds in one slice, which takes some milliseconds.
const SLICE: u32 = 8192;
/// The longest salt and nonce that any server needs.
const LONGEST: usize = 1024;

/// What ties an exchange to its TLS connection (RFC 5056).
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// The name, such as `tls-exporter`.
    pub name: &'static str,
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// A value that TLS has derived for this connection alone (RFC 9266).
    pub const EXPORTER: &'static str = "tls-exporter";
    /// The hash of the server's certificate (RFC 5929).
    pub const CERTIFICATE: &'static str = "tls-server-end-point";
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({})", self.name)
    }
}

/// How the exchange is bound to TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    By(ChannelBinding),
    /// We support binding, but the server doesn't offer it.
    NotOffered,
    /// There is nothing to bind, or the caller has turned binding off.
    No,
}

impl Bound {
    /// The gs2-header. We log in as ourselves, so the authorization identity is empty.
    fn header(&self) -> String {
        match self {
            Self::By(binding) => format!("p={},,", binding.name),
            Self::NotOffered => "y,,".to_owned(),
            Self::No => "n,,".to_owned(),
        }
    }
}

/// The name and password, prepared with SASLprep (RFC 4013). Err names the argument that can't be
/// prepared.
pub fn prepared<'a>(user: &'a str, password: &'a str) -> Result<(Cow<'a, str>, Cow<'a, str>), &'static str> {
    let prepared = |argument, text| match stringprep::saslprep(text) {
        Ok(prepared) if !prepared.is_empty() => Ok(prepared),
        _ => Err(argument),
    };
    Ok((prepared("user", user)?, prepared("password", password)?))
}

/// One exchange.
pub struct Scram {
    hash: Hash,
    bound: Bound,
    /// The client's first message, without the header.
    first: String,
    nonce: String,
    password: Vec<u8>,
    derived: Derived,
    stage: Stage,
}

enum Stage {
    Begun,
    Asked,
    Deriving(Box<Deriving>),
    /// The signature that the server must send.
    Answered {
        signature: Vec<u8>,
    },
    Proven,
    /// The server has said why it refuses.
    Refused,
}

impl Scram {
    /// None if the name or the password can't be prepared. `derived` has the keys of an earlier
    /// exchange with this password.
    pub fn new(
        derived: Derived,
        hash: Hash,
        bound: Bound,
        user: &str,
        password: &str,
        nonce: String,
    ) -> Option<Self> {
        let (user, password) = prepared(user, password).ok()?;
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        let password = password.as_bytes().to_vec();
        Some(Self { hash, bound, first, nonce, password, derived, stage: Stage::Begun })
    }

    /// Whether it is done with a -PLUS mechanism.
    pub fn is_bound(&self) -> bool {
        matches!(self.bound, Bound::By(_))
    }

    pub fn has_spoken(&self) -> bool {
        !matches!(self.stage, Stage::Begun)
    }

    /// The first message takes another turn, because it wasn't sent with the command.
    pub fn begin_anew(&mut self) {
        self.stage = Stage::Begun;
    }

    pub fn respond(&mut self, challenge: &[u8]) -> Answer {
        match std::mem::replace(&mut self.stage, Stage::Refused) {
            Stage::Begun => {
                self.stage = Stage::Asked;
                Answer::Say(format!("{}{}", self.bound.header(), self.first).into_bytes())
            }
            Stage::Asked => self.hear_first(challenge),
            Stage::Answered { signature } => self.hear_final(challenge, &signature),
            stage @ (Stage::Deriving(_) | Stage::Proven | Stage::Refused) => {
                self.stage = stage;
                Answer::Cancel
            }
        }
    }

    fn hear_first(&mut self, challenge: &[u8]) -> Answer {
        if challenge.starts_with(b"e=") {
            // The server has received no more than a name and a nonce.
            return Answer::Cancel;
        }
        match ServerFirst::read(challenge, &self.nonce) {
            Ok(first) => {
                let header = self.bound.header().into_bytes();
                let binding = match &self.bound {
                    Bound::By(binding) => [header, binding.data.clone()].concat(),
                    Bound::NotOffered | Bound::No => header,
                };
                let without_proof = format!("c={},r={}", STANDARD.encode(&binding), first.nonce);
                let signed = format!("{},{},{without_proof}", self.first, first.text);
                let terms = Terms { hash: self.hash, salt: first.salt, iterations: first.iterations };
                if let Some(keys) = self.derived.get(&terms) {
                    return Answer::Say(self.prove(&keys, &without_proof, signed.as_bytes()));
                }
                self.stage = Stage::Deriving(Box::new(Deriving {
                    salted: Pbkdf2::new(self.hash, &self.password, &terms.salt, terms.iterations),
                    terms,
                    without_proof,
                    signed,
                }));
                Answer::Work
            }
            Err(why) => Answer::Distrust(why),
        }
    }

    fn hear_final(&mut self, message: &[u8], signature: &[u8]) -> Answer {
        if let Some(why) = message.strip_prefix(b"e=") {
            let why = why.split(|&octet| octet == b',').next().unwrap_or_default();
            return Answer::Refused(String::from_utf8_lossy(why).into_owned());
        }
        match is_signed(message, signature) {
            true => {
                self.stage = Stage::Proven;
                Answer::Say(Vec::new())
            }
            false => Answer::Distrust(NO_PROOF.to_owned()),
        }
    }

    /// Whether there is something to compute, by [`Scram::work`].
    pub fn is_at_work(&self) -> bool {
        matches!(self.stage, Stage::Deriving(_))
    }

    /// Computes for some milliseconds. Returns what to send once it is done.
    pub fn work(&mut self) -> Option<Vec<u8>> {
        let Stage::Deriving(deriving) = &mut self.stage else { return None };
        let salted = deriving.salted.go_on(SLICE)?;
        let keys = Keys::new(self.hash, &salted);
        let Stage::Deriving(deriving) = std::mem::replace(&mut self.stage, Stage::Refused) else {
            return None;
        };
        let Deriving { terms, without_proof, signed, .. } = *deriving;
        let said = self.prove(&keys, &without_proof, signed.as_bytes());
        self.derived.keep(terms, keys);
        Some(said)
    }

    /// The client's last message, with its proof.
    fn prove(&mut self, keys: &Keys, without_proof: &str, signed: &[u8]) -> Vec<u8> {
        self.stage = Stage::Answered { signature: keys.signature(signed) };
        format!("{without_proof},p={}", STANDARD.encode(keys.proof(signed))).into_bytes()
    }

    /// The server accepts the login. Returns why that isn't believed, if so. Some servers put
    /// their last message into that reply, although RFC 4954 4 doesn't allow it there.
    pub fn concluded(&mut self, reply: &[u8]) -> Result<(), &'static str> {
        if let Stage::Answered { signature } = &self.stage {
            let signed = |word: &[u8]| {
                is_signed(word, signature)
                    || STANDARD.decode(word).is_ok_and(|message| is_signed(&message, signature))
            };
            if reply.split(|octet| octet.is_ascii_whitespace()).any(signed) {
                self.stage = Stage::Proven;
            }
        }
        match self.stage {
            Stage::Proven => Ok(()),
            _ => Err(NO_PROOF),
        }
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scram({:?}, {:?})", self.hash, self.bound)
    }
}

const NO_PROOF: &str = "the server has not proven that it knows the password: it may be an impostor";

/// `v=` and the signature.
fn is_signed(message: &[u8], signature: &[u8]) -> bool {
    let Some(message) = message.strip_prefix(b"v=") else { return false };
    // Extensions may follow (RFC 5802 7).
    let encoded = message.split(|&octet| octet == b',').next().unwrap_or_default();
    let Ok(given) = STANDARD.decode(encoded) else { return false };
    is_equal(&given, signature)
}

/// The server's first message.
struct ServerFirst<'a> {
    text: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    /// RFC 5802 7: `r=`, `s=`, `i=` in this order, then extensions. Err says why the message can't
    /// be trusted.
    fn read(message: &'a [u8], ours: &str) -> Result<Self, String> {
        let text = std::str::from_utf8(message).map_err(|_| odd("it is no UTF-8"))?;
        let mut attributes = text.split(',');
        let mut next = |name| attributes.next().and_then(|one| one.strip_prefix(name));
        if text.starts_with("m=") {
            return Err(odd("it demands an extension that we don't know (RFC 5802 5.1)"));
        }
        let nonce = next("r=").ok_or_else(|| odd("it has no nonce"))?;
        if !nonce.starts_with(ours) || nonce.len() == ours.len() || nonce.len() > LONGEST {
            return Err(odd("its nonce does not extend ours: this is not an answer to what we said"));
        }
        if !nonce.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(odd("its nonce is not printable ASCII"));
        }
        let salt = next("s=").and_then(|salt| STANDARD.decode(salt.as_bytes()).ok());
        let salt = salt.filter(|salt| (1..=LONGEST).contains(&salt.len()));
        let salt = salt.ok_or_else(|| odd("it has no salt"))?;
        let count = next("i=").filter(|count| count.bytes().all(|octet| octet.is_ascii_digit()));
        let count =
            count.filter(|count| !count.is_empty()).ok_or_else(|| odd("it has no iteration count"))?;
        // A count that overflows the number is too high.
        let iterations = count.parse().unwrap_or(u32::MAX);
        if iterations < FEWEST_ITERATIONS {
            return Err(format!(
                "the server asks for {count} iterations of the password's hash, RFC 5802 wants \
                 {FEWEST_ITERATIONS} at least: with fewer, the password could be guessed from our answer"
            ));
        }
        if iterations > MOST_ITERATIONS {
            return Err(format!(
                "the server asks for {count} iterations of the password's hash, more than {MOST_ITERATIONS}: \
                 that would keep this machine busy"
            ));
        }
        Ok(Self { text, nonce, salt, iterations })
    }
}

fn odd(why: &str) -> String {
    format!("the server's SCRAM challenge can't be trusted: {why}")
}

struct Deriving {
    salted: Pbkdf2,
    terms: Terms,
    without_proof: String,
    /// The message that both sides sign.
    signed: String,
}

#[cfg(test)]
mod tests {
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
        let challenge =
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
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
                Scram::new(Derived::default(), Hash::Sha1, Bound::No, user, password, "x".to_owned())
                    .is_none()
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
}
