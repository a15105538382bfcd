//! Reading and writing addresses: of header fields and arguments by the grammar, for
//! `rsmtp.email.utils` as leniently as the standard library's.

use crate::address::lenient::{Pair, read_all, read_one};
use crate::address::list::{self, Address};
use crate::address::{Mailbox, a_labels, lexis};
use crate::binding::argument::wanted;
use crate::message::encoded_word::{LONGEST_WORD, WordEncoding};
use crate::message::{charset as words, field_fold};
use pyo3::exceptions::{PyUnicodeError, PyValueError};
use pyo3::types::{PyString, PyTuple};
use pyo3::{intern, prelude::*};
use std::borrow::Cow;

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.str()?.to_string_lossy().into_owned())
}

/// What a field is about to send to, or an argument: each address could stand in an
/// envelope, and nothing was guessed. `local`: an address without a domain may stand
/// beside others. With the list comes its text where that has to be written in another way.
pub(crate) fn read(what: &str, text: &str, local: bool) -> PyResult<(Vec<Address>, Option<String>)> {
    let refused = |why: &dyn std::fmt::Display| {
        // The list may hold ten thousand addresses, so only its beginning is shown.
        let cut = text.char_indices().nth(200).map(|(at, _)| &text[..at]);
        let (shown, more) = cut.map_or((text, ""), |cut| (cut, " and so on"));
        PyValueError::new_err(format!(
            "{what}: {shown:?}{more} is not an address or a list of them (RFC 5322 3.4): {why}"
        ))
    };
    let (list, tidied) = list::tidied(text).map_err(|malformed| refused(&malformed.0))?;
    if let Some(alone) = list::local_among_several(&list).filter(|_| !local) {
        return Err(refused(&format!(
            "{:?} has no domain. A name with a comma in it stands in quotes, as in \"Smith, John\" \
             <john@example.org>; mailboxes of the server itself are given as a list, or with local=True",
            alone.source
        )));
    }
    for mailbox in list::mailboxes(&list) {
        Mailbox::try_from(mailbox.spec.clone()).map_err(|bad| refused(&bad))?;
    }
    Ok((list, tidied))
}

/// The addresses in a header field or an argument, for an envelope. ValueError names it,
/// and the piece, where anything can't be read.
#[pyfunction]
#[pyo3(signature = (what, text, local=false), name = "_envelope_addresses")]
pub(crate) fn envelope_addresses_py(
    what: &str,
    text: &Bound<'_, PyString>,
    local: bool,
) -> PyResult<Vec<String>> {
    let Ok(text) = text.to_str() else {
        return Err(PyValueError::new_err(format!("{what}: contains surrogates, which are no characters")));
    };
    let (list, _) = read(what, text, local)?;
    Ok(list::mailboxes(&list).map(|mailbox| mailbox.spec.to_string()).collect())
}

/// All addresses of some header values as (name, address) tuples.
///
/// With `strict`, whatever isn't plainly a list of addresses is one ("", "").
#[pyfunction]
#[pyo3(signature = (values, strict), name = "_read_addresses")]
pub(crate) fn read_addresses_py(values: &Bound<'_, PyAny>, strict: bool) -> PyResult<Vec<Pair>> {
    let values = values.try_iter()?.map(|value| text(&value?)).collect::<PyResult<Vec<_>>>()?;
    Ok(read_all(&values, strict))
}

/// The one address of a header value as a (name, address) tuple; ("", "") where there
/// is none.
#[pyfunction]
#[pyo3(signature = (value, strict), name = "_read_address")]
pub(crate) fn read_address_py(value: &Bound<'_, PyAny>, strict: bool) -> PyResult<Pair> {
    Ok(read_one(&text(value)?, strict))
}

/// A display name in encoded-words of a character set: several where one would be too long
/// (RFC 2047 section 2).
fn in_charset(name: &Bound<'_, PyString>, charset: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = name.py();
    let word: String = charset.call_method1("header_encode", (name,))?.extract()?;
    if word.len() <= LONGEST_WORD || !charset.hasattr("header_encode_lines")? {
        return Ok(word);
    }
    let widths = py.import("itertools")?.call_method1("repeat", (LONGEST_WORD,))?;
    let words: Vec<Option<String>> =
        charset.call_method1("header_encode_lines", (name, widths))?.extract()?;
    Ok(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// An address with a domain that every server understands. A local part that isn't ASCII has
/// no other form: UnicodeEncodeError.
fn in_a_labels<'a>(spec: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    let plain = spec.to_str().unwrap_or_default();
    if plain.is_ascii() && !plain.is_empty() {
        return Ok(Cow::Borrowed(plain));
    }
    if let Some((local, domain)) = plain.rsplit_once('@')
        && local.is_ascii()
        && let Some(domain) = a_labels(domain)
    {
        return Ok(Cow::Owned(format!("{local}@{domain}")));
    }
    // Text that isn't ASCII raises Python's own UnicodeEncodeError here.
    spec.call_method1(intern!(spec.py(), "encode"), ("ascii",))?;
    Ok(Cow::Borrowed(plain))
}

/// Whether a display name is ASCII without the characters that are allowed only within quotes. Has
/// no branch per octet: a list may have a thousand names.
fn is_plain(name: &str) -> bool {
    const IS_PLAIN: [bool; 256] = {
        let mut table = [true; 256];
        let specials = b"()<>@,:;\".[]\\";
        let mut at = 0;
        while at < specials.len() {
            table[specials[at] as usize] = false;
            at += 1;
        }
        let mut octet = 128;
        while octet < table.len() {
            table[octet] = false;
            octet += 1;
        }
        table
    };
    name.bytes().fold(true, |plain, octet| plain & IS_PLAIN[usize::from(octet)])
}

/// `Name <address>` of a plain name and an ASCII address, which nearly every pair is, written where
/// no allocation is needed. None for any other pair.
fn plain_mailbox<'py>(pair: &Bound<'py, PyTuple>) -> Option<Bound<'py, PyString>> {
    const ROOM: usize = 128;
    let (name, address) = (pair.get_borrowed_item(0).ok()?, pair.get_borrowed_item(1).ok()?);
    let (name, address) = (name.cast_exact::<PyString>().ok()?, address.cast_exact::<PyString>().ok()?);
    let (name, address) = (name.to_str().ok()?, address.to_str().ok()?);
    if name.is_empty() || address.is_empty() || !is_plain(name) || !address.is_ascii() {
        return None;
    }
    let mut room = [0; ROOM];
    let out = room.get_mut(..name.len() + address.len() + 3)?;
    let (first, rest) = out.split_at_mut(name.len());
    first.copy_from_slice(name.as_bytes());
    rest[..2].copy_from_slice(b" <");
    rest[2..2 + address.len()].copy_from_slice(address.as_bytes());
    rest[2 + address.len()] = b'>';
    PyString::from_bytes(pair.py(), out).ok()
}

/// `(name, address)` as a mailbox: `Name <address>`, the name quoted or encoded as
/// it needs (RFC 5322 section 3.4, RFC 2047).
///
/// `charset` is the name of a character set, or an object with a `header_encode`
/// method. A domain that isn't ASCII becomes A-labels (RFC 5890). Raises UnicodeError for a
/// local part that isn't: it has no such form.
#[pyfunction]
#[pyo3(signature = (pair, charset = None))]
pub(crate) fn formataddr<'py>(
    pair: &Bound<'py, PyAny>,
    charset: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyString>> {
    let py = pair.py();
    let (name, address) = match pair.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => {
            if let Some(mailbox) = plain_mailbox(pair) {
                return Ok(mailbox);
            }
            (pair.get_item(0)?, pair.get_item(1)?)
        }
        // Any iterable of two items is accepted, as in the standard library.
        _ => {
            let both = || PyTuple::new(py, pair.try_iter()?.collect::<PyResult<Vec<_>>>()?)?.extract();
            both().map_err(|_: PyErr| wanted("pair", "(name, address)", pair))?
        }
    };
    let address = address.cast_into::<PyString>();
    let address = address.map_err(|other| wanted("pair", "an address, a str,", &other.into_inner()))?;
    let spec = in_a_labels(&address)?;
    let alone = || match &spec {
        Cow::Borrowed(_) => address.clone(),
        Cow::Owned(spec) => PyString::new(py, spec),
    };
    let Ok(name) = name.cast::<PyString>() else {
        return if name.is_truthy()? { Err(wanted("pair", "a name, a str,", &name)) } else { Ok(alone()) };
    };
    let Ok(plain) = name.to_str() else {
        return Err(PyUnicodeError::new_err("surrogates in a display name"));
    };
    if plain.is_empty() {
        return Ok(alone());
    }
    let mut out = String::with_capacity(plain.len() + spec.len() + 5);
    if plain.is_ascii() {
        if is_plain(plain) {
            out.push_str(plain);
        } else {
            out.push('"');
            out.push_str(&lexis::escape(plain));
            out.push('"');
        }
    } else {
        let charset = match charset {
            Some(charset) if !charset.is_instance_of::<PyString>() => Some(charset.clone()),
            Some(charset) if !charset.eq("utf-8")? => {
                Some(py.import("rsmtp.email.charset")?.getattr("Charset")?.call1((charset,))?)
            }
            _ => None,
        };
        match charset {
            Some(charset) => out.push_str(&in_charset(name, &charset)?),
            None => {
                let encoding = WordEncoding::Shortest;
                let Ok(word) = words::encode_word(plain, &words::Utf8, "utf-8", encoding);
                out.push_str(&if word.len() > LONGEST_WORD { field_fold::as_words(plain) } else { word });
            }
        }
    }
    out.push_str(" <");
    out.push_str(&spec);
    out.push('>');
    Ok(PyString::new(py, &out))
}
