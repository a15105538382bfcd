//! Prepares a message for sending: its envelope, its missing fields and its content, without
//! calling Python for each. This works only for a plain message. All others (a class derived from
//! `rsmtp.Message`, a block of Resent fields, addresses that need SMTPUTF8, values that are not
//! text, anything invalid) are left to `rsmtp._client.outgoing`, which gives the same result and
//! reports what is wrong.

use crate::address::{ForwardPath, Mailbox, ReversePath, list, plain};
use crate::binding::message::{
    Message,
    class::{rendered_for_sending, state::Field, style::Family},
    create, fields,
    output::object::Sendable,
};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyString;

pub(crate) struct Ready {
    pub sender: Mailbox,
    /// One at least.
    pub recipients: Vec<ForwardPath>,
    pub content: Sendable,
}

impl Ready {
    pub fn reverse_path(&self) -> ReversePath {
        ReversePath::Mailbox(self.sender.clone())
    }
}

/// None: it is not a message, or none that is plain. Raises nothing but what ends a program.
pub(crate) fn ready(item: &Bound<'_, PyAny>) -> PyResult<Option<Ready>> {
    let Ok(message) = item.cast::<Message>() else { return Ok(None) };
    match plain(message) {
        Err(raised) if raised.is_instance_of::<PyException>(item.py()) => Ok(None),
        done => done,
    }
}

fn plain(message: &Bound<'_, Message>) -> PyResult<Option<Ready>> {
    let py = message.py();
    if !message.get_type().is(create::class(py)?) {
        return Ok(None);
    }
    let style = message.get().style(py)?;
    if style.family != Family::Modern || style.rules.utf8 {
        return Ok(None);
    }
    let Some(envelope) = fields::read(message, |fields| envelope(py, fields)) else { return Ok(None) };
    // A Message-ID takes the domain of From. With a Sender field, the envelope's sender is another
    // address.
    let domain = if envelope.is_from { envelope.sender.domain() } else { None };
    let rope = rendered_for_sending(message, false, domain)?;
    let Envelope { sender, recipients, .. } = envelope;
    Ok(Some(Ready { sender, recipients, content: rope.into() }))
}

struct Envelope {
    sender: Mailbox,
    /// Whether that is From's first address.
    is_from: bool,
    recipients: Vec<ForwardPath>,
}

/// The first of From, or of Sender (RFC 5322 section 3.6.2), and all of To, Bcc and Cc. None where
/// Resent fields name another envelope (RFC 5322 section 3.6.6).
fn envelope(py: Python<'_>, fields: &[Field]) -> Option<Envelope> {
    let (mut from, mut sender) = (None, None);
    let (mut to, mut bcc, mut cc) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let is = |name: &str| field.is_named(py, name);
        if is("to") {
            add_mailboxes(py, field, &mut to)?;
        } else if is("cc") {
            add_mailboxes(py, field, &mut cc)?;
        } else if is("bcc") {
            add_mailboxes(py, field, &mut bcc)?;
        } else if is("from") {
            from = from.or(Some(field));
        } else if is("sender") {
            sender = sender.or(Some(field));
        } else if is("resent-date") {
            return None;
        }
    }
    let is_from = sender.is_none();
    let author = sender.or(from)?;
    let sender = match &author.mailbox {
        Some(mailbox) => mailbox.clone(),
        None => {
            let mut senders = Vec::new();
            add_mailboxes(py, author, &mut senders)?;
            senders.into_iter().next()?
        }
    };
    to.append(&mut bcc);
    to.append(&mut cc);
    (!to.is_empty()).then_some(Envelope { sender, is_from, recipients: to })
}

fn add_mailboxes(py: Python<'_>, field: &Field, found: &mut Vec<Mailbox>) -> Option<()> {
    if let Some(mailbox) = &field.mailbox {
        found.push(mailbox.clone());
        return Some(());
    }
    let text = field.value.bind(py).cast_exact::<PyString>().ok()?.to_str().ok()?;
    if let Some(mut mailboxes) = plain::mailboxes(text) {
        found.append(&mut mailboxes);
        return Some(());
    }
    let before = found.len();
    for member in list::into_mailboxes(list::parse(text).ok()?) {
        let mailbox = Mailbox::try_from(member.spec).ok()?;
        if mailbox.needs_smtputf8() {
            return None;
        }
        found.push(mailbox);
    }
    // A field that has an `@` but yields no address is a mistake.
    (found.len() > before || !text.contains('@')).then_some(())
}

/// What `rsmtp._client.outgoing.prepare` returns, of a plain message of ours; None for anything
/// else.
#[pyfunction(name = "_ready")]
#[pyo3(signature = (item: "object") -> "tuple[str, list[str], bytes | RenderedMessage, list[str], None] | None")]
#[allow(clippy::type_complexity, reason = "a tuple, as `rsmtp._client.outgoing.prepare` returns it")]
pub(crate) fn ready_py<'py>(
    item: &Bound<'py, PyAny>,
) -> PyResult<Option<(String, Vec<String>, Bound<'py, PyAny>, Vec<String>, Option<()>)>> {
    let Some(Ready { sender, recipients, content }) = ready(item)? else { return Ok(None) };
    let recipients = recipients.iter().map(ToString::to_string).collect();
    Ok(Some((sender.to_string(), recipients, content.into_object(item.py())?, Vec::new(), None)))
}
