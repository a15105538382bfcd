//! What is special about the policy of `rsmtp.Message`.

use crate::address::list::Address;
use crate::address::{Mailbox, phrase, plain};
use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::state::Field,
    fields::{self, addresses, params},
};
use crate::message::render::Rules;
use crate::message::transfer::{self, Encoding};
use crate::message::{field, field_fold, identity, transfer::is_seven_bit};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyString, PyTuple};
use pyo3::{intern, prelude::*};
use std::borrow::Cow;
use std::sync::Mutex;

/// What is kept of a value that a program gives.
pub(crate) struct Stored<'py> {
    pub value: Bound<'py, PyAny>,
    /// Its one address, where it plainly is one.
    pub mailbox: Option<Mailbox>,
    pub is_short: bool,
}

/// The text of a value that a program gives: a `str`, a `Header`, a `datetime` for a
/// date, an `Address`, or a list of addresses.
pub(crate) fn store<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Stored<'py>> {
    field::check_name(name).map_err(fields::refused)?;
    let Text { mut text, is_plain_list } = text_of(name, value)?;
    if let Ok(Cow::Owned(unfolded)) = text.to_str().map(field::unfolded) {
        text = PyString::new(value.py(), &unfolded);
    }
    let of_addresses = field::kind(name) == field::Kind::Addresses;
    let Ok(given) = text.to_str() else {
        return Err(PyValueError::new_err(format!("{name}: contains surrogates, which are no characters")));
    };
    field::check_value(name, given).map_err(fields::refused)?;
    let is_short = field_fold::is_short(name, given);
    let stored =
        |text: Bound<'py, PyString>, mailbox| Ok(Stored { value: text.into_any(), mailbox, is_short });
    // Return-Path may hold the null path, which is not an address.
    if of_addresses && !name.eq_ignore_ascii_case("return-path") {
        if let Some(mailbox) = plain::mailbox(given) {
            return stored(text, Some(mailbox));
        }
        if is_plain_list || plain::is_list(given) {
            return stored(text, None);
        }
        // In a list, each item has already been declared to be one address.
        let is_list = !value.is_instance_of::<PyString>() && !value.hasattr("encode")?;
        if let (_, Some(tidied)) = addresses::read(name, given, is_list)? {
            let is_short = field_fold::is_short(name, &tidied);
            let value = PyString::new(value.py(), &tidied).into_any();
            return Ok(Stored { value, mailbox: None, is_short });
        }
    }
    stored(text, None)
}

/// What a value says.
struct Text<'py> {
    text: Bound<'py, PyString>,
    /// It is known to be what [`plain::is_list`] finds. False says nothing.
    is_plain_list: bool,
}

impl<'py> From<Bound<'py, PyString>> for Text<'py> {
    fn from(text: Bound<'py, PyString>) -> Self {
        Text { text, is_plain_list: false }
    }
}

fn text_of<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Text<'py>> {
    let py = value.py();
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(text.clone().into());
    }
    if value.is_none() {
        return Err(PyTypeError::new_err(format!("{name}: None is no value")));
    }
    if field::kind(name) == field::Kind::Addresses {
        return addresses_of(name, value);
    }
    if value.hasattr("utcoffset")? {
        let text = py.import("rsmtp.email.utils")?.call_method1("format_datetime", (value,))?;
        return Ok(text.cast_into::<PyString>()?.into());
    }
    if value.hasattr("__getitem__")? && !value.is_instance_of::<PyString>() {
        // `str()` of a list or of bytes would not be a meaningful subject.
        let kind = value.get_type().qualname()?;
        return Err(PyTypeError::new_err(format!("{name}: a str is wanted, not {kind}")));
    }
    value.str().map(Into::into)
}

/// Addresses in any of their forms, as one value.
fn addresses_of<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Text<'py>> {
    let py = value.py();
    let mut all = String::new();
    if let Some(done) = with_pair(value, |display_name, addr| push_named(&mut all, name, display_name, addr))
    {
        done?;
        return Ok(PyString::new(py, &all).into());
    }
    if let Ok(tuple) = value.cast::<PyTuple>()
        && tuple.iter().any(|item| item.is_instance_of::<PyString>())
    {
        return Err(not_an_address(name, value)?);
    }
    let is_many = value.hasattr("__iter__")?
        && !value.is_instance_of::<PyDict>()
        && !value.is_instance_of::<PyString>()
        && !value.is_instance_of::<PyBytes>()
        && !value.is_instance_of::<PyByteArray>();
    if !is_many {
        return Ok(PyString::new(py, &single(name, value)?).into());
    }
    // Nothing is read twice: a list may have thousands.
    let mut is_plain_list = true;
    for (place, item) in value.try_iter()?.enumerate() {
        let item = item?;
        if let Some(done) =
            with_pair(&item, |display_name, addr| push_named(&mut all, name, display_name, addr))
        {
            is_plain_list &= done?;
        } else if is_address(&item)? {
            let (text, is_plain) = one_of_many(name, &item)?;
            phrase::push_mailbox(&mut all, "", &text);
            is_plain_list &= is_plain;
        } else {
            return Err(not_an_address(&format!("{name}[{place}]"), &item)?);
        }
    }
    Ok(Text { is_plain_list: is_plain_list && !all.is_empty(), text: PyString::new(py, &all) })
}

/// One address, and whether it is one that [`plain::mailbox`] finds.
fn one_of_many(name: &str, item: &Bound<'_, PyAny>) -> PyResult<(String, bool)> {
    let text = single(name, item)?;
    if plain::is_mailbox(&text) {
        return Ok((text, true));
    }
    let (list, tidied) = addresses::read(name, &text, false)?;
    match list.len() {
        1 => Ok((tidied.unwrap_or(text), false)),
        0 => Err(PyValueError::new_err(format!("{name}: {text:?} in the list is no address"))),
        _ => Err(PyValueError::new_err(format!("{name}: {text:?} in the list is more than one address"))),
    }
}

fn single(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if !is_address(value)? {
        return Err(not_an_address(name, value)?);
    }
    let text = value.str()?;
    let text = field::unfolded(text.to_str()?);
    field::check_value(name, &text).map_err(fields::refused)?;
    Ok(text.into_owned())
}

/// A text, an Address or a Group, a Header.
fn is_address(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.is_instance_of::<PyString>()
        || value.hasattr("addr_spec")?
        || value.hasattr("addresses")?
        || value.hasattr("append")?)
}

/// A row of a table lacks an address more often than it has one of a strange type: None and
/// nan are shown as what they are.
fn not_an_address(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyTypeError::new_err(match value.cast::<PyTuple>() {
        Ok(tuple) => {
            let advice = if tuple.len() == 2 { "both must be a str" } else { "several addresses are a list" };
            format!("{name}: a tuple is one (name, address), and {} is not: {advice}", tuple.repr()?)
        }
        Err(_) => {
            let kind = value.get_type().qualname()?.to_string();
            let shown = match value {
                missing if missing.is_none() => "None".to_owned(),
                missing if missing.is_instance_of::<PyFloat>() => format!("{} ({kind})", missing.repr()?),
                _ => kind,
            };
            format!("{name}: an address is a str, an Address or (name, address), not {shown}")
        }
    }))
}

/// (name, address): two texts in a tuple are never anything else, whatever is in them. A
/// name may come from a form, and must not become a recipient.
fn with_pair<T>(value: &Bound<'_, PyAny>, work: impl FnOnce(&str, &str) -> T) -> Option<T> {
    let pair = value.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2)?;
    let (name, addr) = (pair.get_borrowed_item(0).ok()?, pair.get_borrowed_item(1).ok()?);
    let (name, addr) = (name.cast::<PyString>().ok()?, addr.cast::<PyString>().ok()?);
    Some(work(name.to_str().ok()?, addr.to_str().ok()?))
}

/// Adds a pair to a list. Whether that makes a mailbox that [`plain::mailbox`] finds.
fn push_named(list: &mut String, field_name: &str, name: &str, addr: &str) -> PyResult<bool> {
    let is_in_atoms = phrase::is_in_atoms(name);
    if !is_in_atoms {
        field::check_value(field_name, name).map_err(fields::refused)?;
    }
    if Mailbox::is_plain(addr) {
        phrase::push_mailbox(list, name, addr);
        // Without quotes, a name of blanks alone would be none.
        return Ok(!is_in_atoms || name.is_empty() || !name.starts_with(' '));
    }
    field::check_value(field_name, addr).map_err(fields::refused)?;
    let (found, _) = addresses::read(field_name, addr, false)?;
    match &found[..] {
        [Address::Mailbox(mailbox)] if mailbox.display_name.is_none() => {
            phrase::push_mailbox(list, name, &mailbox.source);
            Ok(false)
        }
        _ => Err(PyValueError::new_err(format!("{field_name}: {addr:?} is not one address"))),
    }
}

/// Writes all fields but some.
pub(crate) fn write(
    message: &Bound<'_, Message>,
    is_left_out: impl Fn(&str) -> bool,
    rules: &Rules,
    out: &mut Vec<u8>,
) -> PyResult<()> {
    let py = message.py();
    let put = |field: &Field, value: &str, out: &mut Vec<u8>| {
        let name = field.name.bind(py).to_string_lossy();
        if is_left_out(&name) {
            return Ok(());
        }
        if field.is_short {
            for piece in [&*name, ": ", value, &rules.linesep] {
                out.extend_from_slice(piece.as_bytes());
            }
            return Ok(());
        }
        let begin = out.len();
        let folded = field_fold::fold(&name, value, &rules.linesep, rules.utf8, out);
        folded
            .or_else(|refused| match field::unfolded(value) {
                // An enclosed message was read, and its fields have the folds that they came with.
                Cow::Owned(unfolded) => {
                    out.truncate(begin);
                    field_fold::fold(&name, &unfolded, &rules.linesep, rules.utf8, out)
                }
                Cow::Borrowed(_) => Err(refused),
            })
            .map_err(fields::refused)
    };
    let start = out.len();
    let done = fields::read(message, |fields| {
        for field in fields {
            // Other values may run Python code.
            let Ok(value) = field.value.bind(py).cast_exact::<PyString>() else { return Ok(false) };
            let Ok(value) = value.to_str() else { return Ok(false) };
            put(field, value, out)?;
        }
        Ok::<_, PyErr>(true)
    })?;
    if done {
        return Ok(());
    }
    out.truncate(start);
    for field in fields::snapshot(message) {
        let value = field.value.bind(py);
        let text = match value.cast::<PyString>() {
            Ok(text) => text.clone(),
            Err(_) => value.str()?,
        };
        // Raw bytes that a parser left can't be decoded, so replacement characters are shown.
        put(&field, &text.to_string_lossy(), out)?;
    }
    Ok(())
}

/// Adds what a message needs on its way (RFC 5322 section 3.6), to the message itself: its
/// Message-ID is known afterwards, and what is filed as a copy is what went out. `domain`: that
/// of its From field, where it has been read already.
pub(crate) fn complete(message: &Bound<'_, Message>, domain: Option<&str>) -> PyResult<()> {
    let py = message.py();
    let [date, message_id, version] = fields::read(message, |fields| {
        let mut found = [false; 3];
        for field in fields {
            found[0] |= field.is_named(py, "date");
            found[1] |= field.is_named(py, "message-id");
            found[2] |= field.is_named(py, "mime-version");
        }
        found
    });
    let mut missing = Vec::with_capacity(3);
    if !date {
        missing.push((intern!(py, "Date"), date_now(py), true));
    }
    if !message_id {
        let name = intern!(py, "Message-ID");
        let (made, is_short) = match domain {
            Some(domain) => {
                let made = identity::message_id_at(domain);
                let is_short = field_fold::is_short("Message-ID", &made);
                (made, is_short)
            }
            None => {
                let sender = match fields::get_text(message, "from")? {
                    Some(from) => Some(from),
                    None => fields::get_text(message, "sender")?,
                };
                (identity::message_id(sender.as_deref()), false)
            }
        };
        missing.push((name, PyString::new(py, &made), is_short));
    }
    if !version {
        missing.push((intern!(py, "MIME-Version"), intern!(py, "1.0").clone(), true));
    }
    fields::supply(message, missing);
    Ok(())
}

/// The present time, as written in a Date field. All messages of a second share the text.
fn date_now(py: Python<'_>) -> Bound<'_, PyString> {
    static LAST: Mutex<Option<(i64, Py<PyString>)>> = Mutex::new(None);
    let now = identity::now();
    // Another thread has the lock only for a moment, and it isn't worth waiting for.
    let Ok(mut last) = LAST.try_lock() else { return PyString::new(py, &now.to_rfc822()) };
    if let Some((second, text)) = &*last
        && *second == now.date
    {
        return text.bind(py).clone();
    }
    let text = PyString::new(py, &now.to_rfc822());
    *last = Some((now.date, text.clone().unbind()));
    text
}

/// A body as it can go out.
pub(crate) enum Safe {
    Text(Bytes),
    Encoded(Bytes, Encoding),
}

/// Finds the form in which a body survives its way. A message whose fields have to
/// say something else then comes with it.
pub(crate) fn made_safe<'py>(
    message: &Bound<'py, Message>,
    body: Bytes,
    cte: Option<&str>,
) -> PyResult<(Option<Bound<'py, Message>>, Safe)> {
    let is_encoded = cte.is_some_and(|cte| {
        let cte = cte.trim();
        cte.eq_ignore_ascii_case("base64") || cte.eq_ignore_ascii_case("quoted-printable")
    });
    if is_encoded && body.as_ref().is_ascii() || is_seven_bit(body.as_ref()) {
        return Ok((None, Safe::Text(body)));
    }
    let copy = Message::copied(message)?;
    let (main, _) = params::main_and_sub(message)?;
    let body = in_charset(message, &copy, body, main == "text")?;
    let encoding = match transfer::choose_for_text(body.as_ref()) {
        Some(encoding) if main == "text" => encoding,
        _ => Encoding::Base64,
    };
    let py = message.py();
    let name = PyString::new(py, encoding.name());
    if fields::contains(&copy, "content-transfer-encoding") {
        fields::replace(&copy, "content-transfer-encoding", name.as_any())?;
    } else {
        fields::push(&copy, PyString::new(py, "Content-Transfer-Encoding"), name.into_any());
    }
    Ok((Some(copy), Safe::Encoded(body, encoding)))
}

/// Text in the character set that the fields name; UTF-8 if they name none for it.
fn in_charset<'py>(
    message: &Bound<'py, Message>,
    copy: &Bound<'py, Message>,
    body: Bytes,
    is_text: bool,
) -> PyResult<Bytes> {
    let Bytes::Str(text) = &body else {
        return Ok(body);
    };
    if !is_text || text.is_ascii() {
        return Ok(body);
    }
    let charset = params::charset(message)?;
    match charset.as_deref() {
        Some("utf-8" | "utf8") => Ok(body),
        None | Some("us-ascii" | "ascii") => {
            let value = PyString::new(message.py(), "utf-8").into_any();
            params::set(copy, "charset", value, "Content-Type", true, None, "", true)?;
            Ok(body)
        }
        Some(other) => {
            let encoded = text.as_py_str().bind(message.py()).call_method1("encode", (other,))?;
            Bytes::of_buffer(&encoded)
        }
    }
}
