//! Parameters of a field: `message.get_param("charset")` and its like.

use crate::binding::argument::wanted;
use crate::binding::message::{Message, errors::HeaderParseError, fields, payload::file_name};
use crate::message::stdlib::parameter::{self, Value};
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyList, PyString, PyTuple};
use pyo3::{intern, prelude::*};

/// The main value and the parameters of a field; None when there is no such field.
fn read(message: &Bound<'_, Message>, header: &str) -> PyResult<Option<Vec<(String, Value)>>> {
    Ok(fields::get_parameters(message, header)?.map(|text| parameter::parse(&text)))
}

fn to_object(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        Value::Plain(text) => PyString::new(py, &text).into_any(),
        Value::Extended { charset, language, value } => {
            (charset, language, value).into_pyobject(py)?.into_any()
        }
    })
}

pub(crate) fn all<'py>(
    message: &Bound<'py, Message>,
    header: &str,
    unquote: bool,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let py = message.py();
    let Some(found) = read(message, header)? else {
        return Ok(None);
    };
    let list = PyList::empty(py);
    for (name, value) in found {
        let value = to_object(py, if unquote { value.unquoted() } else { value })?;
        list.append((name, value))?;
    }
    Ok(Some(list))
}

pub(crate) fn get<'py>(
    message: &Bound<'py, Message>,
    name: &str,
    header: &str,
    unquote: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = read(message, header)?.unwrap_or_default();
    match found.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, value)) => to_object(message.py(), if unquote { value.unquoted() } else { value }).map(Some),
        None => Ok(None),
    }
}

/// A parameter as plain text, decoded if it was extended.
pub(crate) fn text(message: &Bound<'_, Message>, name: &str, header: &str) -> PyResult<Option<String>> {
    let found = read(message, header)?.unwrap_or_default();
    let Some((_, value)) = found.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        return Ok(None);
    };
    match value.unquoted() {
        Value::Plain(text) => Ok(Some(text)),
        Value::Extended { charset, value, .. } => {
            let charset = charset.unwrap_or_else(|| "us-ascii".to_owned());
            decode(message.py(), &value, &charset).map(Some)
        }
    }
}

/// Bytes carried one in a character, decoded; unknown characters are replaced.
fn decode(py: Python<'_>, value: &str, charset: &str) -> PyResult<String> {
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let Some(bytes) = bytes else {
        return Ok(value.to_owned());
    };
    if charset.eq_ignore_ascii_case("utf-8") {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let decoded = pyo3::types::PyBytes::new(py, &bytes).call_method1("decode", (charset, "replace"));
    match decoded {
        Ok(text) => text.extract(),
        // Python doesn't know the character set.
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyLookupError>(py) => {
            Ok(parameter::unquote(value))
        }
        Err(error) => Err(error),
    }
}

/// `name="value"`, where the value may be a (charset, language, text) triple.
pub(crate) fn write(
    name: &str,
    value: Option<&Bound<'_, PyAny>>,
    always_quote: bool,
    out: &mut String,
) -> PyResult<()> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        out.push_str(name);
        return Ok(());
    };
    if let Ok(triple) = value.cast::<PyTuple>() {
        if triple.is_empty() {
            out.push_str(name);
            return Ok(());
        }
        let (charset, language, text): (Option<String>, Option<String>, Bound<'_, PyString>) =
            triple.extract().map_err(|_| wanted(name, "a str or (charset, language, text)", value))?;
        out.push_str(name);
        out.push_str("*=");
        out.push_str(&extended(&text, charset.as_deref(), language.as_deref())?);
        return Ok(());
    }
    let Ok(text) = value.cast::<PyString>() else {
        return Err(wanted(name, "a str or (charset, language, text)", value));
    };
    let text = file_name::readable(text)?;
    parameter::write(name, &text, always_quote, out);
    Ok(())
}

/// `charset'language'percent-encoded` (RFC 2231 section 4).
pub(crate) fn extended(
    text: &Bound<'_, PyString>,
    charset: Option<&str>,
    language: Option<&str>,
) -> PyResult<String> {
    let text = PyString::new(text.py(), &file_name::readable(text)?);
    let bytes =
        text.call_method1("encode", (charset.filter(|c| !c.is_empty()).unwrap_or("ascii"), "strict"))?;
    let encoded = parameter::percent_encode(bytes.extract::<&[u8]>()?);
    Ok(match (charset, language) {
        (None, None) => encoded,
        (charset, language) => {
            format!("{}'{}'{encoded}", charset.unwrap_or("None"), language.unwrap_or_default())
        }
    })
}

#[allow(clippy::too_many_arguments, reason = "set_param has that many")]
pub(crate) fn set<'py>(
    message: &Bound<'py, Message>,
    name: &str,
    value: Bound<'py, PyAny>,
    header: &str,
    requote: bool,
    charset: Option<&str>,
    language: &str,
    replace: bool,
) -> PyResult<()> {
    let py = message.py();
    let value = match charset {
        Some(charset) if !charset.is_empty() && !value.is_instance_of::<PyTuple>() => {
            (charset, language, value).into_pyobject(py)?.into_any()
        }
        _ => value,
    };
    let is_content_type = header.eq_ignore_ascii_case("content-type");
    let before = fields::get_parameters(message, header)?;
    let current = match &before {
        None if is_content_type => Some("text/plain".to_owned()),
        other => other.clone(),
    };
    let is_set = match get(message, name, header, true)? {
        Some(found) => found.is_truthy()?,
        None => false,
    };
    let mut text = String::new();
    if is_set {
        for item in all(message, header, requote)?.into_iter().flatten() {
            let (known, old): (String, Bound<'py, PyAny>) = item.extract()?;
            let (name, value) =
                if known.eq_ignore_ascii_case(name) { (name, &value) } else { (known.as_str(), &old) };
            write(name, Some(value), requote, separated(&mut text))?;
        }
    } else {
        text.push_str(&current.unwrap_or_default());
        write(name, Some(&value), requote, separated(&mut text))?;
    }
    store(message, header, &text, before.as_deref(), replace)
}

pub(crate) fn delete(message: &Bound<'_, Message>, name: &str, header: &str, requote: bool) -> PyResult<()> {
    let before = fields::get_parameters(message, header)?;
    let Some(found) = all(message, header, requote)? else {
        return Ok(());
    };
    let mut text = String::new();
    for item in found {
        let (known, value): (String, Bound<'_, PyAny>) = item.extract()?;
        if !known.eq_ignore_ascii_case(name) {
            write(&known, Some(&value), requote, separated(&mut text))?;
        }
    }
    store(message, header, &text, before.as_deref(), false)
}

/// Ready for another parameter.
fn separated(text: &mut String) -> &mut String {
    if !text.is_empty() {
        text.push_str("; ");
    }
    text
}

fn store(
    message: &Bound<'_, Message>,
    header: &str,
    text: &str,
    before: Option<&str>,
    in_place: bool,
) -> PyResult<()> {
    if before == Some(text) {
        return Ok(());
    }
    if in_place || message.get().is_modern(message.py()) && before.is_some() {
        return fields::replace(message, header, PyString::new(message.py(), text).as_any());
    }
    message.del_item(header)?;
    message.set_item(header, text)
}

pub(crate) fn set_type(
    message: &Bound<'_, Message>,
    kind: &str,
    header: &str,
    requote: bool,
) -> PyResult<()> {
    if kind.matches('/').count() != 1 {
        return Err(PyValueError::new_err("the type has to look like \"text/plain\""));
    }
    if header.eq_ignore_ascii_case("content-type") {
        message.del_item("MIME-Version")?;
        message.set_item("MIME-Version", "1.0")?;
    }
    let Some(old) = all(message, header, requote)? else {
        return message.set_item(header, kind);
    };
    message.del_item(header)?;
    message.set_item(header, kind)?;
    for item in old.iter().skip(1) {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        set(message, &name, value, header, requote, None, "", false)?;
    }
    Ok(())
}

pub(crate) fn set_boundary(message: &Bound<'_, Message>, boundary: &str) -> PyResult<()> {
    let Some(found) = read(message, "content-type")? else {
        return Err(HeaderParseError::new_err("No Content-Type header found"));
    };
    let mut text = String::new();
    let mut is_set = false;
    for (name, value) in found {
        separated(&mut text).push_str(&name);
        match value {
            _ if name.eq_ignore_ascii_case("boundary") => {
                is_set = true;
                text.push_str(&format!("=\"{boundary}\""));
            }
            Value::Plain(value) if value.is_empty() => {}
            Value::Plain(value) => {
                text.push('=');
                text.push_str(&value);
            }
            Value::Extended { charset, language, value } => {
                let bytes: Vec<u8> = parameter::unquote(&value).chars().map(|c| c as u8).collect();
                text.push_str(&format!(
                    "*={}'{}'{}",
                    charset.unwrap_or_default(),
                    language.unwrap_or_default(),
                    parameter::percent_encode(&bytes)
                ));
            }
        }
    }
    if !is_set {
        text.push_str(&format!("; boundary=\"{boundary}\""));
    }
    fields::replace_every(message, "content-type", PyString::new(message.py(), &text).as_any())
}

/// The type in lower case; `text/plain` where the field makes no sense.
pub(crate) fn content_type(message: &Bound<'_, Message>) -> PyResult<String> {
    let py = message.py();
    let Some(text) = fields::get_parameters(message, "content-type")? else {
        let default = message.get().with(py, |s| s.default_type.as_ref().map(|d| d.clone_ref(py)));
        return match default {
            Some(default) => default.extract(py),
            None => Ok("text/plain".to_owned()),
        };
    };
    let main = parameter::main_value(&text);
    Ok(if main.matches('/').count() == 1 { main } else { "text/plain".to_owned() })
}

/// `content_type`, cut at the slash.
pub(crate) fn main_and_sub(message: &Bound<'_, Message>) -> PyResult<(String, String)> {
    let whole = content_type(message)?;
    let (main, sub) = whole.split_once('/').unwrap_or((&whole, ""));
    Ok((main.to_owned(), sub.to_owned()))
}

pub(crate) fn boundary(message: &Bound<'_, Message>) -> PyResult<Option<String>> {
    Ok(text(message, "boundary", "content-type")?.map(|found| found.trim_end().to_owned()))
}

pub(crate) fn charset(message: &Bound<'_, Message>) -> PyResult<Option<String>> {
    let found = get(message, "charset", "content-type", true)?;
    let Some(found) = found else {
        return Ok(None);
    };
    let text = match found.extract::<(Option<String>, Option<String>, String)>() {
        Ok((charset, _, value)) => {
            let charset = charset.filter(|c| !c.is_empty()).unwrap_or_else(|| "us-ascii".to_owned());
            let bytes = PyString::new(found.py(), &value)
                .call_method1(intern!(found.py(), "encode"), ("raw-unicode-escape",))?;
            match bytes.call_method1(intern!(found.py(), "decode"), (charset,)) {
                Ok(text) => text.extract()?,
                Err(_) => value,
            }
        }
        Err(_) => found.extract()?,
    };
    Ok(text.is_ascii().then(|| text.to_lowercase()))
}
