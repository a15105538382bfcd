//! The methods that write the message.

use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::{
        message::given::policy,
        style::{Family, Style},
    },
    fields::modern,
    output::{node, object},
    types::truth,
};
use crate::binding::signing::signed;
use crate::message::render::Rules;
use crate::message::rope::Rope;
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyBytes, PyDict, PyString};
use pyo3::{intern, prelude::*};
use std::sync::Arc;

mod given {
    crate::binding::argument::arguments! {
        maxheaderlen: maybe_count -> Option<usize>;
        utf8: maybe_flag -> Option<bool>;
    }
}

#[pymethods]
impl Message {
    fn __str__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        Ok(slf.call_method0(intern!(slf.py(), "as_string"))?.cast_into()?)
    }

    fn __bytes__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(slf.call_method0(intern!(slf.py(), "as_bytes"))?.cast_into()?)
    }

    /// The whole message as text, with LF line ends (or those of the policy).
    ///
    /// `unixfrom` puts an mbox line before it. `maxheaderlen` is the width at which
    /// classic policies fold fields; 0, their default here, means not at all.
    #[pyo3(signature = (unixfrom: "bool" = false, maxheaderlen: "int | None" = None, policy: "object" = None) -> "str")]
    fn as_string<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = truth)] unixfrom: bool,
        #[pyo3(from_py_with = given::maxheaderlen)] maxheaderlen: Option<usize>,
        #[pyo3(from_py_with = policy)] policy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (policy, style) = chosen(slf, policy)?;
        let width = match style.family {
            Family::Modern => maxheaderlen.unwrap_or(style.rules.max_width),
            _ => maxheaderlen.unwrap_or(0),
        };
        let rules = Rules { max_width: width, mangle_from: false, binary: false, ..style.rules.clone() };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let text = object::to_string(slf.py(), rope)?;
        if unixfrom { unix_from(slf, &rules.linesep)?.add(text) } else { Ok(text) }
    }

    /// The whole message as bytes, with LF line ends (or those of the policy).
    #[pyo3(signature = (unixfrom: "bool" = false, policy: "object" = None) -> "bytes")]
    fn as_bytes<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = truth)] unixfrom: bool,
        #[pyo3(from_py_with = policy)] policy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (policy, style) = chosen(slf, policy)?;
        let rules = Rules { mangle_from: false, ..style.rules.clone() };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let bytes = object::to_bytes(slf.py(), rope)?.into_any();
        if !unixfrom {
            return Ok(bytes);
        }
        let line = unix_from(slf, &rules.linesep)?.call_method1("encode", ("ascii", "surrogateescape"))?;
        line.add(bytes)
    }

    /// The message as a generator writes it: `bytes` if `binary`, else `str`.
    #[pyo3(signature = (policy, *, linesep: "str | None" = None, max_width: "int | None" = None, mangle_from: "bool" = false, binary: "bool" = true, unixfrom: "bool" = false) -> "Any")]
    fn _flatten<'py>(
        slf: &Bound<'py, Self>,
        policy: Bound<'py, PyAny>,
        linesep: Option<String>,
        max_width: Option<usize>,
        #[pyo3(from_py_with = truth)] mangle_from: bool,
        #[pyo3(from_py_with = truth)] binary: bool,
        #[pyo3(from_py_with = truth)] unixfrom: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let (policy, style) = chosen(slf, Some(policy))?;
        let rules = Rules {
            linesep: linesep.unwrap_or_else(|| style.rules.linesep.clone()),
            max_width: max_width.unwrap_or(style.rules.max_width),
            mangle_from,
            binary,
            ..style.rules.clone()
        };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let whole =
            if binary { object::to_bytes(py, rope)?.into_any() } else { object::to_string(py, rope)? };
        if !unixfrom {
            return Ok(whole);
        }
        let line = unix_from(slf, &rules.linesep)?;
        let line = if binary { line.call_method1("encode", ("ascii", "surrogateescape"))? } else { line };
        line.add(whole)
    }

    /// What goes to a server: what `as_bytes()` says, with CRLF line ends, without Bcc,
    /// with Date and Message-ID where the policy is ours.
    ///
    /// Fields are ASCII only, unless `utf8` asks for the form of RFC 6531 and RFC 6532,
    /// which needs a server that offers SMTPUTF8. Raises ValueError for an address that
    /// can't be written in ASCII.
    ///
    /// Where bodies are large they are still to be encoded, and files to be read. Where
    /// they are 8-bit, a server without 8BITMIME gets them re-encoded.
    #[pyo3(signature = (*, utf8: "bool" = false) -> "bytes | RenderedMessage")]
    fn _content_for_sending<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = truth)] utf8: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        object::to_send(slf.py(), rendered_for_sending(slf, utf8, None)?)
    }

    /// The message as it goes to a server, with DKIM signatures before it (RFC 6376): octets, or
    /// what makes them while they are sent, for a client's `sendmail`, a `Mailer` (with its
    /// envelope) and any other sender, which has to leave them as they are. A Mailer with `dkim`
    /// signs by itself.
    ///
    /// Args:
    ///     dkim: an `rsmtp.Dkim`, a list of them, or a dict of them by the domain of From.
    ///     utf8: write fields in UTF-8, for servers that offer SMTPUTF8. Default: as the
    ///         message's policy says.
    ///
    /// Date and Message-ID are added first, where the policy is ours. Attached files are read
    /// now, and once more when they are sent: one that has changed meanwhile is an error then.
    /// Raises ValueError for a message that can't be signed, and what the key raises.
    #[pyo3(signature = (dkim: "rsmtp.typing.DkimKeys", *, utf8: "bool | None" = None) -> "bytes | RenderedMessage")]
    fn sign<'py>(
        slf: &Bound<'py, Self>,
        dkim: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = given::utf8)] utf8: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        signed(slf.as_any(), dkim, utf8)
    }
}

/// `domain`: that of its From field, where it has been read already.
pub(crate) fn rendered_for_sending(
    message: &Bound<'_, Message>,
    utf8: bool,
    domain: Option<&str>,
) -> PyResult<Rope<Bytes>> {
    let py = message.py();
    let mut policy = message.get().policy(py);
    let mut style = message.get().style(py)?;
    if matches!(style.family, Family::Structured | Family::Foreign) {
        let change = PyDict::new(py);
        change.set_item("linesep", "\r\n")?;
        if policy.hasattr("utf8")? {
            change.set_item("utf8", utf8)?;
        }
        policy = policy.call_method("clone", (), Some(&change))?;
        style = Style::of(&policy)?;
    }
    if style.family == Family::Modern {
        modern::complete(message, domain)?;
    }
    let rules = Rules {
        linesep: "\r\n".to_owned(),
        max_width: style.rules.max_width,
        seven_bit: style.rules.seven_bit && !utf8,
        mangle_from: false,
        utf8,
        binary: true,
        sending: true,
        sealed: style.rules.sealed,
    };
    node::rendered(message, &policy, &style, &rules)
}

fn chosen<'py>(
    message: &Bound<'py, Message>,
    policy: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Arc<Style>)> {
    match policy.filter(|policy| !policy.is_none()) {
        Some(policy) => {
            let style = Style::of(&policy)?;
            Ok((policy, style))
        }
        None => Ok((message.get().policy(message.py()), message.get().style(message.py())?)),
    }
}

fn unix_from<'py>(message: &Bound<'py, Message>, linesep: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let line = match Message::get_unixfrom(message) {
        Some(line) if line.bind(py).is_truthy()? => line.into_bound(py),
        _ => {
            let now = py.import("time")?.call_method0("ctime")?;
            PyString::new(py, &format!("From nobody {}", now.str()?.to_str()?)).into_any()
        }
    };
    if line.contains("\n")? && line.contains("\r")? {
        return Err(PyValueError::new_err("unixfrom: has to be one line"));
    }
    line.add(linesep)
}
