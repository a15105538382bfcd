//! Header fields as a mapping that keeps order and duplicates.

pub(crate) mod addresses;
pub(crate) mod header;
mod kept;
pub(crate) mod modern;
pub(crate) mod params;

pub(crate) use kept::{change, live_list, raw_list, read, set_live_list, set_raw_list, snapshot, take};

use crate::binding::message::{
    Message,
    class::{state::Field, style::Family},
};
use crate::message::{field, stdlib::parameter};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{intern, prelude::*};

/// `message[name] = value`
pub(crate) fn set<'py>(
    message: &Bound<'py, Message>,
    name: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = message.py();
    let text = name_text(name)?;
    let this = message.get();
    changes(message);
    match this.family(py) {
        Family::Classic => {
            field::check_name(text.to_str()?).map_err(refused)?;
            push(message, text.clone(), value.clone());
        }
        Family::Modern => {
            let name = text.to_str()?;
            let modern::Stored { value, mailbox, is_short } = modern::store(name, value)?;
            if field::is_single(name) && contains(message, name) {
                return Err(PyValueError::new_err(format!(
                    "there is a {name} field already, and a message has at most one \
                     (RFC 5322 section 3.6): give all of its values at once, use \
                     replace_header(), or delete it first"
                )));
            }
            add_fields(message, [Field::new(text.clone(), value).with_mailbox(mailbox).short(is_short)]);
        }
        family @ (Family::Structured | Family::Foreign) => {
            if family == Family::Structured {
                field::check_name(text.to_str()?).map_err(refused)?;
            }
            let policy = this.policy(py);
            let most = policy.call_method1(intern!(py, "header_max_count"), (name,))?;
            if most.is_truthy()? {
                let most: usize = most.extract()?;
                let wanted = text.to_str()?;
                let found = read(message, |fields| fields.iter().filter(|f| f.is_named(py, wanted)).count());
                if found >= most {
                    return Err(PyValueError::new_err(format!(
                        "There may be at most {most} {wanted} headers in a message"
                    )));
                }
            }
            let (name, value) = stored(message, name, value)?;
            push(message, name, value);
        }
    }
    Ok(())
}

/// What the policy makes of a name and a value that a program gives.
fn stored<'py>(
    message: &Bound<'py, Message>,
    name: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyAny>)> {
    let py = message.py();
    match message.get().family(py) {
        Family::Classic => Ok((name_text(name)?.clone(), value.clone())),
        Family::Modern => {
            let name = name_text(name)?.clone();
            let stored = modern::store(name.to_str()?, value)?;
            Ok((name, stored.value))
        }
        Family::Structured | Family::Foreign => {
            let pair =
                message.get().policy(py).call_method1(intern!(py, "header_store_parse"), (name, value))?;
            let pair = pair.cast::<PyTuple>()?;
            Ok((name_text(&pair.get_item(0)?)?.clone(), pair.get_item(1)?))
        }
    }
}

pub(crate) fn push<'py>(message: &Bound<'py, Message>, name: Bound<'py, PyString>, value: Bound<'py, PyAny>) {
    add_fields(message, [Field::new(name, value)]);
}

/// The same for fields that are in order and short, as [`Field::is_short`] has it.
pub(crate) fn push_short<'py, const N: usize>(
    message: &Bound<'py, Message>,
    fields: [(&Bound<'py, PyString>, &Bound<'py, PyString>); N],
) {
    let new = fields.map(|(name, value)| Field::new(name.clone(), value.clone().into_any()).short(true));
    add_fields(message, new);
}

fn add_fields<const N: usize>(message: &Bound<'_, Message>, new: [Field; N]) {
    // As many as most messages have.
    const USUAL: usize = 8;
    change(message, |fields| {
        if fields.is_empty() {
            fields.reserve_exact(USUAL);
        }
        fields.extend(new);
    });
}

/// Adds fields that are missing on the way to a server, but those that are there meanwhile: name,
/// value, and whether it is short, as [`Field::is_short`] has it.
pub(crate) fn supply<'py>(
    message: &Bound<'py, Message>,
    missing: Vec<(&Bound<'py, PyString>, Bound<'py, PyString>, bool)>,
) {
    let py = message.py();
    let mut supplied = Vec::with_capacity(missing.len());
    change(message, |fields| {
        for (name, value, is_short) in missing {
            let text = name.to_str().unwrap_or_default();
            if !fields.iter().any(|field| field.is_named(py, text)) {
                fields.push(Field::new(name.clone(), value.clone().into_any()).short(is_short));
                supplied.push((name.clone().unbind(), value.unbind()));
            }
        }
    });
    message.get().with(py, |state| match state.supplied.is_empty() {
        true => state.supplied = supplied,
        false => state.supplied.append(&mut supplied),
    });
}

/// The message becomes another one: what was supplied when it was sent is no longer true.
pub(crate) fn changes(message: &Bound<'_, Message>) {
    let py = message.py();
    let supplied = message.get().with(py, |state| std::mem::take(&mut state.supplied));
    if supplied.is_empty() {
        return;
    }
    fn text<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a str> {
        text.to_str().ok()
    }
    drop(take(message, |field| {
        let value = field.value.bind(py).cast::<PyString>().ok().and_then(text);
        supplied.iter().any(|(name, given)| {
            text(name.bind(py)).is_some_and(|name| field.is_named(py, name)) && value == text(given.bind(py))
        })
    }));
}

/// What the policy shows of a stored value.
pub(crate) fn fetched<'py>(message: &Bound<'py, Message>, field: &Field) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let value = field.value.bind(py);
    match message.get().family(py) {
        Family::Classic | Family::Modern => match value.cast::<PyString>() {
            // Raw bytes from a parser are shown as a header of an unknown charset.
            Ok(text) if text.to_str().is_err() => {
                let arguments = PyDict::new(py);
                arguments.set_item("charset", "unknown-8bit")?;
                arguments.set_item("header_name", &field.name)?;
                py.import("rsmtp.email.header")?.getattr("Header")?.call((text,), Some(&arguments))
            }
            _ => Ok(value.clone()),
        },
        Family::Structured if value.hasattr(intern!(py, "name"))? => Ok(value.clone()),
        Family::Structured | Family::Foreign => {
            message.get().policy(py).call_method1(intern!(py, "header_fetch_parse"), (&field.name, value))
        }
    }
}

pub(crate) fn find(message: &Bound<'_, Message>, name: &str) -> Option<Field> {
    let py = message.py();
    read(message, |fields| {
        fields.iter().find(|field| field.is_named(py, name)).map(|field| field.clone_ref(py))
    })
}

/// Whether the first field of that name is plain text of which this is true.
pub(crate) fn is_text(message: &Bound<'_, Message>, name: &str, is_so: impl Fn(&str) -> bool) -> bool {
    let py = message.py();
    read(message, |fields| {
        let value = fields.iter().find(|field| field.is_named(py, name)).map(|field| field.value.bind(py));
        let value = value.and_then(|value| value.cast_exact::<PyString>().ok());
        value.is_some_and(|value| value.to_str().is_ok_and(is_so))
    })
}

pub(crate) fn contains(message: &Bound<'_, Message>, name: &str) -> bool {
    let py = message.py();
    read(message, |fields| fields.iter().any(|field| field.is_named(py, name)))
}

pub(crate) fn get<'py>(message: &Bound<'py, Message>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    find(message, name).map(|field| fetched(message, &field)).transpose()
}

/// The value of a field as text, whatever object holds it.
pub(crate) fn get_text(message: &Bound<'_, Message>, name: &str) -> PyResult<Option<String>> {
    let Some(field) = find(message, name) else {
        return Ok(None);
    };
    if let Ok(text) = field.value.bind(message.py()).cast::<PyString>()
        && let Ok(text) = text.to_str()
    {
        return Ok(Some(text.to_owned()));
    }
    let shown = fetched(message, &field)?.str()?;
    Ok(Some(shown.to_string_lossy().into_owned()))
}

/// The value of a field with parameters as text: what its field object says, where the policy
/// has such objects (folds, comments, encoded-words and the forms of RFC 2231 are its matter).
pub(crate) fn get_parameters(message: &Bound<'_, Message>, name: &str) -> PyResult<Option<String>> {
    let family = message.get().family(message.py());
    let Some(text) = get_text(message, name)? else {
        return Ok(None);
    };
    if matches!(family, Family::Classic | Family::Modern) {
        return Ok(Some(text));
    }
    let unfolded = parameter::unfolded(&text);
    if family == Family::Structured && parameter::is_plain(&unfolded) {
        return Ok(Some(unfolded));
    }
    let shown = get(message, name)?.map(|value| value.str()).transpose()?;
    Ok(shown.map(|shown| shown.to_string_lossy().into_owned()))
}

pub(crate) fn get_all<'py>(message: &Bound<'py, Message>, name: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = message.py();
    snapshot(message)
        .iter()
        .filter(|field| field.is_named(py, name))
        .map(|field| fetched(message, field))
        .collect()
}

pub(crate) fn delete(message: &Bound<'_, Message>, name: &str) {
    let py = message.py();
    changes(message);
    drop(take(message, |field| field.is_named(py, name)));
}

/// Replaces the first field of that name, in its place.
pub(crate) fn replace<'py>(
    message: &Bound<'py, Message>,
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let is_there = contains(message, name);
    changes(message);
    if is_there && !contains(message, name) {
        // The field had been supplied by the library and is gone after the change, so it is set
        // anew.
        return message.set_item(name, value);
    }
    replace_up_to(message, name, value, 1)
}

/// Replaces every field of that name, each in its place: a boundary, which rendering makes
/// up as well and which makes no other message.
pub(crate) fn replace_every<'py>(
    message: &Bound<'py, Message>,
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    replace_up_to(message, name, value, usize::MAX)
}

fn replace_up_to<'py>(
    message: &Bound<'py, Message>,
    name: &str,
    value: &Bound<'py, PyAny>,
    most: usize,
) -> PyResult<()> {
    let py = message.py();
    let mut new = Vec::new();
    // Each field keeps its own spelling of the name.
    for found in snapshot(message).into_iter().filter(|field| field.is_named(py, name)).take(most) {
        let (name, value) = stored(message, found.name.bind(py).as_any(), value)?;
        new.push(Field::new(name, value));
    }
    if new.is_empty() {
        return Err(PyKeyError::new_err(name.to_ascii_lowercase()));
    }
    let old: Vec<Field> = change(message, |fields| {
        let places = fields.iter_mut().filter(|field| field.is_named(py, name));
        places.zip(new).map(|(place, new)| std::mem::replace(place, new)).collect()
    });
    drop(old);
    Ok(())
}

/// `add_header(name, value, **parameters)`
pub(crate) fn add<'py>(
    message: &Bound<'py, Message>,
    name: &Bound<'py, PyAny>,
    value: Option<&Bound<'py, PyAny>>,
    parameters: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) else {
        return match value {
            Some(value) => message.set_item(name, value),
            None => message.set_item(name, ""),
        };
    };
    let mut text = match value {
        Some(value) => value.str()?.to_str()?.to_owned(),
        None => String::new(),
    };
    let mut names = Vec::new();
    for key in parameters.keys() {
        names.push(key.cast::<PyString>()?.to_str()?.replace('_', "-"));
    }
    // If a parameter is given both in the value and as a keyword, the keyword counts.
    let is_given = |name: &str| names.iter().any(|given| given.eq_ignore_ascii_case(name));
    text = parameter::without(&text, is_given).into_owned();
    let mut is_first = value.is_none();
    for (key, given) in names.iter().zip(parameters.values()) {
        if !is_first {
            text.push_str("; ");
        }
        is_first = false;
        params::write(key, Some(&given), true, &mut text)?;
    }
    message.set_item(name, text)
}

pub(crate) fn name_text<'a, 'py>(name: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyString>> {
    name.cast::<PyString>().map_err(|_| PyTypeError::new_err("the name of a header field has to be a str"))
}

pub(crate) fn refused(refusal: field::Refusal) -> PyErr {
    PyValueError::new_err(refusal.to_string())
}
