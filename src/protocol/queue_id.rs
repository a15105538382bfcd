//! Finds queue IDs in servers' replies.
//!
//! No RFC says how a server reports the name under which it has accepted a message. This is the
//! list of known forms, each with its source. A text of another form has no ID.

/// The first match counts. Forms with distinctive words come before those known only by their
/// shape.
const FORMS: [fn(&str) -> Option<&str>; 9] = [
    // Postfix, Dovecot submission, SendGrid and more
    // (postfix/src/smtpd/smtpd.c: "Ok: queued as %s")
    |text| word_after(text, "queued as "),
    // Stalwart
    // (stalwart/crates/smtp/src/inbound/data.rs: "Message queued with id")
    |text| word_after(text, "queued with id "),
    // Exchange, Microsoft 365
    // (MS-OXPROTO message flow: "<id> [InternalId=..., Hostname=...] Queued mail for delivery")
    |text| match word_after(text, "internalid=") {
        Some(id) => Some(id),
        None => text.split_once("> [")?.0.rsplit_once('<').map(|(_, id)| id),
    },
    // Exim
    // (exim/src/receive.c: "OK id=%s")
    |text| word_after(text, " id="),
    // sendmail, OpenSMTPD
    // (sendmail/srvrsmtp.c and smtpd/smtp_session.c: "%s Message accepted for delivery")
    |text| word_before(text, " message accepted for delivery"),
    // Gmail
    // (smtp.gmail.com: "OK  <time> <id> - gsmtp")
    |text| word_before(text, " - gsmtp"),
    // qmail, netqmail, s/qmail
    // (qmail/qmail-smtpd.c, acceptmessage(): "ok %d qp %d")
    |text| word_after(text, " qp "),
    // Haraka
    // (Haraka/connection.js, queue_msg(): "Message Queued (<uuid>)")
    |text| word_after(text, "message queued ("),
    // Amazon SES
    // (SES developer guide, the SMTP response: "Ok <message id>")
    |text| {
        let (ok, id) = text.split_once(' ')?;
        (ok.eq_ignore_ascii_case("ok") && is_dashed_hex(id)).then_some(id)
    },
];

pub(super) fn find(text: &str) -> Option<&str> {
    FORMS.iter().find_map(|form| form(text)).filter(|id| !id.is_empty())
}

/// The word after the last occurrence of this mark, which is in lower case. The last one is used
/// because a server in front of another one quotes it.
fn word_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let at = text.to_ascii_lowercase().rfind(mark)? + mark.len();
    Some(bare(text[at..].split(ends_word).find(|word| !bare(word).is_empty())?))
}

fn word_before<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let at = text.to_ascii_lowercase().rfind(mark)?;
    text[..at].rsplit(' ').next().map(bare)
}

fn ends_word(character: char) -> bool {
    character.is_whitespace() || ",;)]>".contains(character)
}

fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\'', '<', '(', '.'])
}

/// Such as "0100018f4c2b1a3d-0a1b2c3d-4e5f-6789-abcd-ef0123456789-000000".
fn is_dashed_hex(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let is_hex = |part: &&str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_hexdigit());
    parts.len() >= 6 && parts[0].len() == 16 && parts.iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_of_well_known_servers() {
        let said = [
            ("Postfix", "2.0.0 Ok: queued as 4bQx1y2z3T", Some("4bQx1y2z3T")),
            ("Postfix", "2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 8F2A", Some("8F2A")),
            ("Stalwart", "2.0.0 Message queued with id 1a2b3c.", Some("1a2b3c")),
            ("Exim", "OK id=1sVxyz-0000Ab-2C", Some("1sVxyz-0000Ab-2C")),
            ("Exchange", "2.6.0 <m@x> [InternalId=42, Hostname=h] Queued mail for delivery", Some("42")),
            ("Exchange", "2.6.0 <m@x> [Hostname=h.prod.outlook.com] Queued mail for delivery", Some("m@x")),
            ("sendmail", "2.0.0 4A1B2c3d012345 Message accepted for delivery", Some("4A1B2c3d012345")),
            ("OpenSMTPD", "2.0.0 1f2e3d4c Message accepted for delivery", Some("1f2e3d4c")),
            ("Gmail", "2.0.0 OK  1764000000 abc123def - gsmtp", Some("abc123def")),
            ("qmail", "ok 1764000000 qp 12345", Some("12345")),
            (
                "Haraka",
                "Message Queued (0A2C1E7B-5C1D-4B7C-8E57-2B7E1F6D0A11.1)",
                Some("0A2C1E7B-5C1D-4B7C-8E57-2B7E1F6D0A11.1"),
            ),
            (
                "SES",
                "Ok 0100018f4c2b1a3d-0a1b2c3d-4e5f-6789-abcd-ef0123456789-000000",
                Some("0100018f4c2b1a3d-0a1b2c3d-4e5f-6789-abcd-ef0123456789-000000"),
            ),
            ("any server", "2.0.0 ok", None),
            ("any server", "Ok thanks-a-lot", None),
            ("any server", "queued as ", None),
            ("any server", "Message Queued", None),
        ];
        for (server, text, id) in said {
            assert_eq!(find(text), id, "{server}: {text}");
        }
    }
}
