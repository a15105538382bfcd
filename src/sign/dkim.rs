//! One DKIM signature: its settings, and the field that it produces.

use super::canonical::Form;
use super::header::Header;
use super::key::{Algorithm, PrivateKey};
use super::{Reading, Signer, Unsigned};
use crate::address::a_labels;
use aws_lc_rs::digest::{SHA256, digest};
use encodify::base64::STANDARD;
use std::fmt;
use std::sync::Arc;

/// Fields that say who sent what to whom, and how to read it (RFC 6376 section 5.4.1; RFC 8058
/// section 4 for the two about unsubscribing). Fields that are legitimately added or changed on
/// the way (Return-Path, Received, Bcc) aren't included.
pub const FIELDS: [&str; 18] = [
    "from",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "feedback-id",
];

/// A mail program shows only one of each of these, and it is unclear which one. MIME-Version and
/// Content-* aren't included, because gateways add missing ones.
pub const OVERSIGNED: [&str; 7] = ["from", "to", "cc", "subject", "date", "reply-to", "message-id"];

/// A submission server adds these if they are missing (RFC 6409 section 8), so a missing one isn't
/// oversigned unless that was requested.
const ADDED: [&str; 2] = ["date", "message-id"];

/// Fields that may never be signed: they change before the message arrives (section 5.4.1), or it
/// is this very field.
const NEVER: [&str; 4] = ["return-path", "received", "bcc", "dkim-signature"];

/// The approximate length of a line of the field, without its line end.
const WIDTH: usize = 72;

/// Settings as given.
#[derive(Clone, Debug)]
pub struct Settings {
    pub domain: String,
    pub selector: String,
    pub header: Form,
    pub body: Form,
    /// Names of fields, in any case. None means [`FIELDS`].
    pub fields: Option<Vec<String>>,
    /// None means [`OVERSIGNED`], as far as they are signed.
    pub oversigned: Option<Vec<String>>,
    /// The agent or user on whose behalf the message is signed (the tag `i=`).
    pub identity: Option<String>,
    /// Seconds until the signature expires.
    pub expires: Option<u64>,
    pub seven_bit: bool,
}

/// What is wrong with a setting, and the setting's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    pub name: &'static str,
    pub why: String,
}

/// A signature to be made, with its key.
pub struct Dkim {
    settings: Settings,
    fields: Vec<String>,
    oversigned: Vec<String>,
    key: Arc<dyn PrivateKey>,
}

impl Dkim {
    /// The domain, the selector and the identity's domain are converted to A-labels.
    pub fn new(mut settings: Settings, key: Arc<dyn PrivateKey>) -> Result<Self, BadSetting> {
        settings.domain = domain("domain", &settings.domain)?;
        settings.selector = labels("selector", &settings.selector)?;
        settings.identity =
            settings.identity.map(|identity| self::identity(&identity, &settings.domain)).transpose()?;
        if settings.expires == Some(0) {
            return Err(bad("expires", "0 seconds from now is no time in which a message arrives".into()));
        }
        let fields = names("fields", settings.fields.as_deref(), &FIELDS)?;
        if !fields.iter().any(|name| name == "from") {
            return Err(bad("fields", "\"From\" is missing, which has to be signed (RFC 6376 5.4)".into()));
        }
        let is_signed = |name: &&str| fields.iter().any(|field| field == name);
        let default: Vec<&str> = OVERSIGNED.iter().copied().filter(is_signed).collect();
        let oversigned = names("oversign", settings.oversigned.as_deref(), &default)?;
        if let Some(name) = oversigned.iter().find(|name| !is_signed(&name.as_str())) {
            return Err(bad("oversign", format!("{name:?} is not among the fields that are signed")));
        }
        Ok(Dkim { settings, fields, oversigned, key })
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    #[must_use]
    pub fn key(&self) -> &dyn PrivateKey {
        &*self.key
    }

    /// The names for `h=`: each as often as it occurs, and once more if adding another one has to
    /// break the signature.
    fn signed_names<'a>(&'a self, header: &Header<'_>) -> Vec<&'a str> {
        let may_be_added =
            |name: &String| self.settings.oversigned.is_none() && ADDED.contains(&name.as_str());
        let times = |name: &String| {
            let there = header.count(name);
            let is_oversigned = self.oversigned.contains(name) && (there > 0 || !may_be_added(name));
            there + usize::from(is_oversigned)
        };
        self.fields.iter().flat_map(|name| std::iter::repeat_n(name.as_str(), times(name))).collect()
    }

    /// The value of the field up to `b=`, the last tag, which is still empty.
    fn value(&self, names: &[&str], body_hash: &[u8], now: u64) -> String {
        let Settings { domain, selector, header, body, identity, expires, .. } = &self.settings;
        let algorithm = self.key.algorithm().name();
        let mut tags = Folded::default();
        tags.add(&format!("v=1; a={algorithm}; c={}/{};", header.name(), body.name()));
        tags.add(&format!("d={domain};"));
        tags.add(&format!("s={selector};"));
        if let Some(identity) = identity {
            tags.add(&format!("i={identity};"));
        }
        tags.add(&format!("t={now};"));
        if let Some(expires) = expires {
            tags.add(&format!("x={};", now.saturating_add(*expires)));
        }
        for (index, name) in names.iter().enumerate() {
            let (before, after) = (if index == 0 { "h=" } else { "" }, index + 1 == names.len());
            let word = format!("{before}{name}{}", if after { ";" } else { ":" });
            // White space is allowed around the colons, but not needed.
            tags.push(&word, if index == 0 { " " } else { "" });
        }
        tags.add(&format!("bh={};", STANDARD.encode(body_hash)));
        tags.add("b=");
        tags.text
    }
}

impl Signer for Dkim {
    fn body(&self) -> Form {
        self.settings.body
    }

    fn wants_seven_bit(&self) -> bool {
        self.settings.seven_bit
    }

    fn has_signed(&self, header: &Header<'_>) -> bool {
        let Settings { domain, selector, .. } = &self.settings;
        header.named(NAME).any(|field| {
            let value = String::from_utf8_lossy(field.value);
            let tag = |name: &str| {
                let mut tags = value.split(';').filter_map(|tag| tag.split_once('='));
                tags.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned())
            };
            let is = |name, own: &str| tag(name).is_some_and(|value| value.eq_ignore_ascii_case(own));
            is("d", domain) && is("s", selector)
        })
    }

    fn field(&self, reading: &Reading, now: u64) -> Result<Vec<u8>, Unsigned> {
        let header = reading.header()?;
        if header.count("from") == 0 {
            return Err(Unsigned::Unfit(
                "it has no From field, which has to be signed (RFC 6376 5.4)".into(),
            ));
        }
        let form = self.settings.header;
        let names = self.signed_names(&header);
        let mut hashed = Vec::with_capacity(1024);
        for (index, name) in names.iter().enumerate() {
            // For a repeated name, the next one above. After the topmost there is nothing.
            let before = names[..index].iter().filter(|known| known == &name).count();
            if let Some(field) = header.named(name).nth(before) {
                form.add_field(field.name, field.value, &mut hashed);
                hashed.extend_from_slice(b"\r\n");
            }
        }
        let mut value = self.value(&names, reading.body_hash(self.settings.body), now);
        form.add_field(NAME.as_bytes(), value.as_bytes(), &mut hashed);
        let signature = match self.key.algorithm() {
            Algorithm::RsaSha256 => self.key.sign(&hashed),
            Algorithm::Ed25519Sha256 => self.key.sign(digest(&SHA256, &hashed).as_ref()),
        };
        let signature = STANDARD.encode(&signature.map_err(Unsigned::Key)?);
        for line in signature.as_bytes().chunks(WIDTH) {
            value.push_str("\r\n\t");
            value.extend(line.iter().copied().map(char::from));
        }
        Ok([NAME.as_bytes(), b":", value.as_bytes(), b"\r\n"].concat())
    }
}

const NAME: &str = "DKIM-Signature";

/// The key is not shown.
impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A tag list, folded at places where white space is allowed (RFC 6376 section 3.5).
#[derive(Default)]
struct Folded {
    text: String,
    /// The length of the last line.
    column: usize,
}

impl Folded {
    fn add(&mut self, word: &str) {
        self.push(word, " ");
    }

    fn push(&mut self, word: &str, space: &str) {
        // The first line begins with the field's name.
        let first = if self.text.is_empty() { NAME.len() + 1 } else { 0 };
        self.column += first;
        if self.column + space.len() + word.len() > WIDTH && first == 0 {
            self.text.push_str("\r\n\t");
            self.column = 1;
        } else {
            self.text.push_str(space);
            self.column += space.len();
        }
        self.text.push_str(word);
        self.column += word.len();
    }
}

// -- settings ----------------------------------------------------------------------------

fn bad(name: &'static str, why: String) -> BadSetting {
    BadSetting { name, why }
}

/// A domain with at least two labels, as A-labels.
fn domain(name: &'static str, given: &str) -> Result<String, BadSetting> {
    let domain = labels(name, given)?;
    if !domain.contains('.') {
        return Err(bad(name, format!("{given:?} is one label: no record can be published there")));
    }
    Ok(domain)
}

/// Labels of letters, digits, hyphens and underscores, separated by dots, as A-labels (RFC 6376
/// section 3.1; not all verifiers can find records with other names).
fn labels(name: &'static str, given: &str) -> Result<String, BadSetting> {
    let wrong = |why: &str| bad(name, format!("{given:?} {why}"));
    let text = a_labels(given).ok_or_else(|| wrong("has no form in ASCII (RFC 5891)"))?.to_ascii_lowercase();
    if text.is_empty() {
        return Err(wrong("is empty"));
    }
    let fine = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 || !label.bytes().all(fine) {
            return Err(wrong("is not labels of letters, digits and hyphens, with dots between them"));
        }
    }
    // Together with the selector and "._domainkey." it has to be a valid DNS name.
    if text.len() > 200 {
        return Err(wrong("is too long for a name of the DNS"));
    }
    Ok(text)
}

/// `local@domain` or `@domain`, with the signing domain or one below it (section 3.5).
fn identity(given: &str, signing: &str) -> Result<String, BadSetting> {
    let wrong = |why: String| bad("identity", format!("{given:?} {why}"));
    let (local, own) = given
        .rsplit_once('@')
        .ok_or_else(|| wrong(format!("has no @: \"@{signing}\" is the domain as a whole")))?;
    let own = domain("identity", own)?;
    if own != signing && !own.ends_with(&format!(".{signing}")) {
        return Err(wrong(format!("is not in {signing} (RFC 6376 3.5)")));
    }
    // Characters that a tag may contain without quoting.
    let fine = |octet: u8| matches!(octet, b'!'..=b'~') && !matches!(octet, b';' | b'=' | b'@');
    if !local.bytes().all(fine) {
        return Err(wrong("has characters that can't stand in it: letters, digits and + - . _ can".into()));
    }
    Ok(format!("{local}@{own}"))
}

/// Names of fields, in lower case, without duplicates.
fn names(
    argument: &'static str,
    given: Option<&[String]>,
    default: &[&str],
) -> Result<Vec<String>, BadSetting> {
    let Some(given) = given else { return Ok(default.iter().map(|&name| name.to_owned()).collect()) };
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    for name in given {
        let lower = name.to_ascii_lowercase();
        let fine = |octet: u8| matches!(octet, b'!'..=b'~') && !matches!(octet, b':' | b';');
        if lower.is_empty() || !lower.bytes().all(fine) {
            return Err(bad(argument, format!("{name:?} is not the name of a header field")));
        }
        if NEVER.contains(&lower.as_str()) {
            return Err(bad(
                argument,
                format!("{name:?} can't be signed: it is changed or removed on the way"),
            ));
        }
        if !names.contains(&lower) {
            names.push(lower);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::key::PublicKey;
    use super::super::reading::Reader;
    use super::*;
    use std::error::Error;

    /// Signs nothing, and returns what it was given.
    struct Shown;

    impl PrivateKey for Shown {
        fn algorithm(&self) -> Algorithm {
            Algorithm::RsaSha256
        }

        fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, Arc<dyn Error + Send + Sync>> {
            Ok(octets.to_vec())
        }

        fn public_key(&self) -> Option<&PublicKey> {
            None
        }
    }

    fn settings() -> Settings {
        Settings {
            domain: "Example.com".into(),
            selector: "s".into(),
            header: Form::Simple,
            body: Form::Simple,
            fields: Some(["From", "To", "Comments"].map(str::to_owned).to_vec()),
            oversigned: Some(vec!["To".to_owned()]),
            identity: None,
            expires: None,
            seven_bit: true,
        }
    }

    fn field(dkim: Dkim, message: &[u8]) -> Result<String, Unsigned> {
        let signers: [Arc<dyn Signer>; 1] = [Arc::new(dkim)];
        let mut reader = Reader::new(&signers);
        reader.update(message);
        let fields = reader.finish().fields(&signers, 7)?;
        Ok(String::from_utf8(fields).expect("ASCII"))
    }

    #[test]
    fn what_is_hashed_are_the_fields_in_their_order_and_the_field_itself() {
        let message = b"Comments: 1\r\nFROM:a@example.com\r\ncomments: 2\r\n\r\n";
        let field = field(Dkim::new(settings(), Arc::new(Shown)).unwrap(), message).unwrap();
        let (said, signature) = field.split_once("; b=").or(field.split_once(";\r\n\tb=")).unwrap();
        let signature: String = signature.split_whitespace().collect();
        let hashed = String::from_utf8(STANDARD.decode(&signature).unwrap()).unwrap();
        let (fields, own) = hashed.split_once("DKIM-Signature:").unwrap();
        assert_eq!(fields, "FROM:a@example.com\r\ncomments: 2\r\nComments: 1\r\n");
        assert!(own.ends_with("b="), "its own signature is empty, and nothing follows: {own:?}");
        assert!(said.contains("h=from:to:comments:comments;") && said.contains("t=7;"), "{said:?}");
        assert!(field.split("\r\n").all(|line| line.len() <= 78));
    }

    #[test]
    fn one_that_this_key_has_signed_is_not_signed_again() {
        let by = |tags: &str| format!("DKIM-Signature: {tags}\r\nFrom: a@example.com\r\n\r\n");
        for (tags, is_signed) in [
            ("v=1; d=example.com; s=s; b=x", true),
            ("v=1; s=S;\r\n d=EXAMPLE.com; b=x", true),
            ("v=1; d=example.com; s=other; b=x", false),
            ("v=1; d=example.org; s=s; b=x", false),
            ("nonsense", false),
        ] {
            let dkim = Dkim::new(settings(), Arc::new(Shown)).unwrap();
            let field = field(dkim, by(tags).as_bytes()).unwrap();
            assert_eq!(field.is_empty(), is_signed, "{tags}");
        }
    }

    #[test]
    fn long_names_are_folded_and_none_is_broken() {
        let names: Vec<String> =
            (0..40).map(|number| format!("X-Field-{number}")).chain(["From".into()]).collect();
        let dkim = Dkim::new(
            Settings { fields: Some(names.clone()), oversigned: Some(names), ..settings() },
            Arc::new(Shown),
        );
        let field = field(dkim.unwrap(), b"From: a@example.com\r\n\r\n").unwrap();
        assert!(field.split("\r\n").all(|line| line.len() <= 78));
        let unfolded: String = field.split_whitespace().collect();
        assert!(unfolded.contains(":x-field-38:x-field-39:from:from;bh="), "{unfolded}");
    }
}
