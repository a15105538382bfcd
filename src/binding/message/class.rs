//! The class: `rsmtp.Message`, and below it every class of `rsmtp.email`.
//!
//! Each method is one line that says where the work is done. Everything a method
//! holds the lock for is plain data: no Python code runs under it.

use super::state::{Payload, State};
use super::style::{Family, Style};
use super::{content, create, fields, flag::Flag, node, output, params};
use crate::message::render::Rules;
use pyo3::exceptions::PyValueError;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern, prelude::*};
use std::sync::{Arc, Mutex, PoisonError};

/// An email message, or a part of one.
///
/// `Message(text, subtype="plain", charset=None)` has `email.mime`'s shape; header
/// fields are items: `message["Subject"] = "Hello"`. Keyword arguments cover the
/// common case: `subject`, `from_`, `to`, `cc`, `bcc`, `reply_to` (an address, a
/// `(name, address)` pair, or a list of either), `html` (beside `text`, or alone),
/// `attachments` (paths, `(filename, bytes)`, `(filename, bytes, type)`, messages),
/// `headers` (a mapping or pairs) and `policy`.
///
/// Text is UTF-8 unless `charset` says otherwise. Whatever 7-bit lines of at most
/// 998 bytes can't carry is transfer-encoded; display names and subjects become
/// encoded-words (RFC 2047), domains A-labels (RFC 5890), file names both RFC 2231
/// parameters and encoded-words. Date and Message-ID are supplied when the message
/// is sent. Bcc is never written.
///
/// Raises ValueError, naming the argument, for control characters (RFC 5322) and for
/// a second value of a field that may stand only once.
#[pyclass(subclass, dict, weakref, frozen, module = "rsmtp", name = "Message")]
#[derive(Default)]
pub struct Message(Mutex<State>);

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").finish_non_exhaustive()
    }
}

impl Message {
    pub(crate) fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn policy<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let own = self.with(py, |state| state.policy.as_ref().map(|policy| policy.clone_ref(py)));
        match own {
            Some(policy) => policy.into_bound(py),
            None => default_policy(py),
        }
    }

    pub(crate) fn style(&self, py: Python<'_>) -> PyResult<Arc<Style>> {
        if let Some(style) = self.with(py, |state| state.style.clone()) {
            return Ok(style);
        }
        let style = Style::of(&self.policy(py))?;
        let kept = style.clone();
        self.with(py, |state| state.style = Some(kept));
        Ok(style)
    }

    pub(crate) fn family(&self, py: Python<'_>) -> Family {
        self.style(py).map_or(Family::Foreign, |style| style.family)
    }

    pub(crate) fn is_modern(&self, py: Python<'_>) -> bool {
        self.family(py) == Family::Modern
    }

    /// A plain message with the same fields, payload and policy.
    pub(crate) fn copied<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, Message>> {
        let py = message.py();
        let copy = message.get().with(py, |state| copied_state(py, state));
        Bound::new(py, Message(Mutex::new(copy)))
    }
}

fn copied_state(py: Python<'_>, state: &State) -> State {
    let object = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.clone_ref(py));
    State {
        policy: object(&state.policy),
        style: state.style.clone(),
        fields: state.fields.iter().map(|field| field.clone_ref(py)).collect(),
        payload: state.payload.clone_ref(py),
        charset: object(&state.charset),
        preamble: object(&state.preamble),
        epilogue: object(&state.epilogue),
        unixfrom: object(&state.unixfrom),
        default_type: object(&state.default_type),
        defects: state.defects.as_ref().map(|defects| defects.clone_ref(py)),
    }
}

fn default_policy(py: Python<'_>) -> Bound<'_, PyAny> {
    static MAIL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = MAIL
        .get_or_try_init(py, || Ok::<_, PyErr>(py.import("rsmtp.email.policy")?.getattr("mail")?.unbind()));
    match found {
        Ok(policy) => policy.bind(py).clone(),
        // Only while the package is being imported.
        Err(_) => py.None().into_bound(py),
    }
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        // Subclasses have constructors of their own kinds: everything is __init__'s.
        Message::default()
    }

    #[pyo3(signature = (
        text: "str | None" = None,
        subtype: "str" = "plain",
        charset: "str | None" = None,
        *,
        subject: "str | None" = None,
        from_: "object" = None,
        to: "object" = None,
        cc: "object" = None,
        bcc: "object" = None,
        reply_to: "object" = None,
        html: "str | None" = None,
        attachments: "object" = None,
        headers: "object" = None,
        policy: "object" = None
    ) -> "None")]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        text: Option<Bound<'py, PyAny>>,
        subtype: &str,
        charset: Option<String>,
        subject: Option<Bound<'py, PyAny>>,
        from_: Option<Bound<'py, PyAny>>,
        to: Option<Bound<'py, PyAny>>,
        cc: Option<Bound<'py, PyAny>>,
        bcc: Option<Bound<'py, PyAny>>,
        reply_to: Option<Bound<'py, PyAny>>,
        html: Option<Bound<'py, PyAny>>,
        attachments: Option<Bound<'py, PyAny>>,
        headers: Option<Bound<'py, PyAny>>,
        policy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        Self::_reset(slf, policy)?;
        let fields = vec![
            ("From", from_),
            ("To", to),
            ("Cc", cc),
            ("Bcc", bcc),
            ("Reply-To", reply_to),
            ("Subject", subject),
        ];
        let request = create::Request {
            text,
            subtype: subtype.to_owned(),
            charset,
            html,
            attachments,
            fields,
            headers,
        };
        create::fill(slf, request)
    }

    #[classmethod]
    #[pyo3(signature = (**_kwargs))]
    fn __init_subclass__(cls: &Bound<'_, PyType>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        // A class that overrides what the constructors call has to be asked.
        const HOOKS: [&str; 8] = [
            "__setitem__",
            "add_header",
            "set_payload",
            "set_charset",
            "set_param",
            "get_payload",
            "__contains__",
            "get",
        ];
        let own = cls.getattr("__dict__")?;
        for hook in HOOKS {
            if own.contains(hook)? {
                cls.setattr("_is_plain", false)?;
            }
        }
        Ok(())
    }

    #[classattr]
    fn _is_plain() -> bool {
        true
    }

    /// Forget everything and take this policy.
    #[pyo3(signature = (policy: "object" = None) -> "None")]
    fn _reset(slf: &Bound<'_, Self>, policy: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let policy = policy.filter(|policy| !policy.is_none());
        let style = policy.as_ref().map(Style::of).transpose()?;
        let new = State { policy: policy.map(Bound::unbind), style, ..State::default() };
        let old = slf.get().with(slf.py(), |state| std::mem::replace(state, new));
        drop(old);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A message that is being used right now is alive anyway.
        let Ok(state) = self.0.try_lock() else {
            return Ok(());
        };
        for field in &state.fields {
            visit.call(&field.value)?;
        }
        if let Payload::Object(object) = &state.payload {
            visit.call(object)?;
        }
        for object in [
            &state.policy,
            &state.charset,
            &state.preamble,
            &state.epilogue,
            &state.unixfrom,
            &state.default_type,
        ] {
            visit.call(object)?;
        }
        visit.call(&state.defects)
    }

    fn __clear__(&self) {
        let old = self.0.try_lock().map(|mut state| std::mem::take(&mut *state));
        drop(old);
    }

    // -- what it is made of

    /// The policy that says how the message is kept and rendered.
    #[getter]
    fn get_policy<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        slf.get().policy(slf.py())
    }

    #[setter]
    fn set_policy(slf: &Bound<'_, Self>, policy: Bound<'_, PyAny>) -> PyResult<()> {
        let style = Style::of(&policy)?;
        let old = slf.get().with(slf.py(), |state| {
            state.style = Some(style);
            state.policy.replace(policy.unbind())
        });
        drop(old);
        Ok(())
    }

    /// Text before the first boundary of a multipart (RFC 2046 section 5.1.1).
    #[getter]
    fn preamble(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let py = slf.py();
        slf.get().with(py, |s| s.preamble.as_ref().map(|text| text.clone_ref(py)))
    }

    #[setter]
    fn set_preamble(slf: &Bound<'_, Self>, text: Option<Py<PyAny>>) {
        let old = slf.get().with(slf.py(), |s| std::mem::replace(&mut s.preamble, text));
        drop(old);
    }

    /// Text after the last boundary of a multipart (RFC 2046 section 5.1.1).
    #[getter]
    fn epilogue(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let py = slf.py();
        slf.get().with(py, |s| s.epilogue.as_ref().map(|text| text.clone_ref(py)))
    }

    #[setter]
    fn set_epilogue(slf: &Bound<'_, Self>, text: Option<Py<PyAny>>) {
        let old = slf.get().with(slf.py(), |s| std::mem::replace(&mut s.epilogue, text));
        drop(old);
    }

    /// What a parser found wrong.
    #[getter]
    fn defects<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyList> {
        let py = slf.py();
        let made = PyList::empty(py);
        slf.get().with(py, |state| state.defects.get_or_insert_with(|| made.unbind()).bind(py).clone())
    }

    #[setter]
    fn set_defects(slf: &Bound<'_, Self>, defects: Py<PyList>) {
        let old = slf.get().with(slf.py(), |s| s.defects.replace(defects));
        drop(old);
    }

    #[getter]
    fn _headers<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        fields::raw_list(slf)
    }

    #[setter]
    #[pyo3(name = "_headers")]
    fn store_headers(slf: &Bound<'_, Self>, pairs: &Bound<'_, PyAny>) -> PyResult<()> {
        fields::set_raw_list(slf, pairs)
    }

    #[getter]
    fn _payload<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        content::object(slf)
    }

    #[setter]
    #[pyo3(name = "_payload")]
    fn store_payload(slf: &Bound<'_, Self>, payload: Bound<'_, PyAny>) {
        content::store(slf, Payload::from_object(payload));
    }

    #[getter]
    fn _charset<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::get_charset(slf)
    }

    #[setter]
    #[pyo3(name = "_charset")]
    fn store_charset(slf: &Bound<'_, Self>, charset: Option<Py<PyAny>>) {
        let old = slf.get().with(slf.py(), |s| std::mem::replace(&mut s.charset, charset));
        drop(old);
    }

    #[getter]
    fn _unixfrom(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        Self::get_unixfrom(slf)
    }

    #[setter]
    #[pyo3(name = "_unixfrom")]
    fn store_unixfrom(slf: &Bound<'_, Self>, line: Option<Py<PyAny>>) {
        Self::set_unixfrom(slf, line);
    }

    #[getter]
    fn _default_type<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        Self::get_default_type(slf)
    }

    #[setter]
    #[pyo3(name = "_default_type")]
    fn store_default_type(slf: &Bound<'_, Self>, kind: Py<PyAny>) {
        Self::set_default_type(slf, kind);
    }

    // -- header fields

    fn __len__(slf: &Bound<'_, Self>) -> usize {
        slf.get().with(slf.py(), |state| state.fields.len())
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        fields::get(slf, fields::name_text(name)?.to_str()?)
    }

    fn __setitem__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        fields::set(slf, name, value)
    }

    fn __delitem__(slf: &Bound<'_, Self>, name: &str) {
        fields::delete(slf, name);
    }

    fn __contains__(slf: &Bound<'_, Self>, name: &str) -> bool {
        fields::contains(slf, name)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyIterator>> {
        Self::keys(slf)?.try_iter()
    }

    /// The names of all fields, in order, as often as they stand there.
    #[pyo3(signature = () -> "list[str]")]
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(slf.py(), fields::snapshot(slf).into_iter().map(|field| field.name))
    }

    /// The values of all fields, in order.
    #[pyo3(signature = () -> "list[Any]")]
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        fields::snapshot(slf).iter().map(|field| fields::fetched(slf, field)).collect()
    }

    /// All fields as (name, value), in order.
    #[pyo3(signature = () -> "list[tuple[str, Any]]")]
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<(Py<PyString>, Bound<'py, PyAny>)>> {
        let py = slf.py();
        fields::snapshot(slf)
            .iter()
            .map(|field| Ok((field.name.clone_ref(py), fields::fetched(slf, field)?)))
            .collect()
    }

    /// The value of the first field of that name; `failobj` if there is none.
    #[pyo3(signature = (name: "str", failobj = None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(fields::get(slf, name)?.or(failobj))
    }

    /// The values of all fields of that name; `failobj` if there are none.
    #[pyo3(signature = (name: "str", failobj = None))]
    fn get_all<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = fields::get_all(slf, name)?;
        if found.is_empty() { Ok(failobj) } else { Ok(Some(PyList::new(slf.py(), found)?.into_any())) }
    }

    /// Add a field with parameters: `name: value; key="parameter"`.
    ///
    /// Underscores in keys become hyphens. A parameter that is None is written
    /// without a value; one that isn't ASCII, or is a (charset, language, text)
    /// tuple, is written as RFC 2231 says.
    #[pyo3(signature = (_name: "str", _value: "str | None", **_params) -> "None")]
    fn add_header<'py>(
        slf: &Bound<'py, Self>,
        _name: &Bound<'py, PyAny>,
        _value: Option<&Bound<'py, PyAny>>,
        _params: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        fields::add(slf, _name, _value, _params)
    }

    /// Replace the first field of that name, in its place. Raises KeyError if there
    /// is none.
    #[pyo3(signature = (_name: "str", _value: "object") -> "None")]
    fn replace_header<'py>(slf: &Bound<'py, Self>, _name: &str, _value: &Bound<'py, PyAny>) -> PyResult<()> {
        fields::replace(slf, _name, _value)
    }

    /// Store a field without asking the policy: for parsers.
    #[pyo3(signature = (name: "str", value: "object") -> "None")]
    fn set_raw<'py>(slf: &Bound<'py, Self>, name: Bound<'py, PyString>, value: Bound<'py, PyAny>) {
        fields::push(slf, name, value);
    }

    /// The fields as they are stored: for generators.
    #[pyo3(signature = () -> "Iterator[tuple[str, Any]]")]
    fn raw_items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(fields::raw_list(slf)?.try_iter()?.into_any())
    }

    // -- content

    /// Whether the message consists of parts.
    fn is_multipart(slf: &Bound<'_, Self>) -> bool {
        content::parts(slf).is_some()
    }

    /// Add a part. A message that has a text already becomes multipart/mixed with the
    /// text as its first part. Raises TypeError where that can't be.
    #[pyo3(signature = (payload: "object") -> "None")]
    fn attach<'py>(slf: &Bound<'py, Self>, payload: &Bound<'py, PyAny>) -> PyResult<()> {
        content::attach(slf, payload)
    }

    /// The content: a list of parts, or text.
    ///
    /// With `i`, that part; with `decode=True`, the bytes without their transfer
    /// encoding (None for a multipart). Raises TypeError for `i` where there are no
    /// parts.
    #[pyo3(signature = (i: "int | None" = None, decode: "bool" = Flag(false)) -> "Any")]
    fn get_payload<'py>(
        slf: &Bound<'py, Self>,
        i: Option<Bound<'py, PyAny>>,
        decode: Flag,
    ) -> PyResult<Bound<'py, PyAny>> {
        content::get(slf, i, decode.0)
    }

    /// Replace the content; with a charset, encode it and say so in the fields.
    #[pyo3(signature = (payload: "object", charset: "object" = None) -> "None")]
    fn set_payload<'py>(
        slf: &Bound<'py, Self>,
        payload: Bound<'py, PyAny>,
        charset: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        content::set(slf, payload, charset)
    }

    /// Set the character set of the content: a `Charset`, its name, or None to
    /// remove it.
    #[pyo3(signature = (charset: "object") -> "None")]
    fn set_charset<'py>(slf: &Bound<'py, Self>, charset: Option<Bound<'py, PyAny>>) -> PyResult<()> {
        content::set_charset(slf, charset)
    }

    /// The `Charset` of the content, if one was set.
    fn get_charset<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let charset = slf.get().with(py, |s| s.charset.as_ref().map(|charset| charset.clone_ref(py)));
        let Some(charset) = charset.map(|charset| charset.into_bound(py)) else {
            return Ok(None);
        };
        if !charset.is_instance_of::<PyString>() {
            return Ok(Some(charset));
        }
        let made = py.import("rsmtp.email.charset")?.getattr("Charset")?.call1((charset,))?;
        let kept = made.clone().unbind();
        let old = slf.get().with(py, |state| state.charset.replace(kept));
        drop(old);
        Ok(Some(made))
    }

    /// This message and all parts in it, depth first.
    #[pyo3(signature = () -> "Iterator[Any]")]
    fn walk<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(intern!(slf.py(), "rsmtp.email.iterators"))?.getattr("walk")?.call1((slf,))
    }

    /// The line that an mbox file has before a message.
    #[pyo3(signature = () -> "str | None")]
    fn get_unixfrom(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let py = slf.py();
        slf.get().with(py, |s| s.unixfrom.as_ref().map(|line| line.clone_ref(py)))
    }

    #[pyo3(signature = (unixfrom: "str | None") -> "None")]
    fn set_unixfrom(slf: &Bound<'_, Self>, unixfrom: Option<Py<PyAny>>) {
        let old = slf.get().with(slf.py(), |s| std::mem::replace(&mut s.unixfrom, unixfrom));
        drop(old);
    }

    fn _encode_base64(slf: &Bound<'_, Self>) -> PyResult<()> {
        content::encode_base64(slf)
    }

    #[pyo3(signature = (text: "object", subtype: "object", charset: "object" = None) -> "None")]
    fn _become_text<'py>(
        slf: &Bound<'py, Self>,
        text: &Bound<'py, PyAny>,
        subtype: &Bound<'py, PyAny>,
        charset: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        create::become_text(slf, text, subtype, charset)
    }

    #[pyo3(signature = (maintype: "str", subtype: "object", params: "dict[str, Any] | None" = None) -> "None")]
    fn _become_part<'py>(
        slf: &Bound<'py, Self>,
        maintype: &str,
        subtype: &Bound<'py, PyAny>,
        params: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        create::become_part(slf, maintype, subtype, params)
    }

    fn _become_data(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        create::become_data(slf, data)
    }

    // -- Content-Type and other fields with parameters (RFC 2045 section 5)

    /// `maintype/subtype` in lower case (RFC 2045 section 5).
    fn get_content_type(slf: &Bound<'_, Self>) -> PyResult<String> {
        params::content_type(slf)
    }

    fn get_content_maintype(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(params::main_and_sub(slf)?.0)
    }

    fn get_content_subtype(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(params::main_and_sub(slf)?.1)
    }

    /// The type of a message without a Content-Type.
    #[pyo3(signature = () -> "str")]
    fn get_default_type<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        let py = slf.py();
        let own = slf.get().with(py, |s| s.default_type.as_ref().map(|kind| kind.clone_ref(py)));
        match own {
            Some(kind) => kind.into_bound(py),
            None => intern!(py, "text/plain").clone().into_any(),
        }
    }

    #[pyo3(signature = (ctype: "str") -> "None")]
    fn set_default_type(slf: &Bound<'_, Self>, ctype: Py<PyAny>) {
        let old = slf.get().with(slf.py(), |s| s.default_type.replace(ctype));
        drop(old);
    }

    /// All parameters of a field as (name, value); its main value comes first, with
    /// an empty value of its own.
    #[pyo3(signature = (failobj = None, header: "str" = "content-type", unquote: "bool" = Flag(true)) -> "Any")]
    fn get_params<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
        header: &str,
        unquote: Flag,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(params::all(slf, header, unquote.0)?.map(Bound::into_any).or(failobj))
    }

    /// A parameter of a field: text, or a (charset, language, text) tuple where
    /// RFC 2231 was used.
    #[pyo3(signature = (param: "str", failobj = None, header: "str" = "content-type", unquote: "bool" = Flag(true)) -> "Any")]
    fn get_param<'py>(
        slf: &Bound<'py, Self>,
        param: &str,
        failobj: Option<Bound<'py, PyAny>>,
        header: &str,
        unquote: Flag,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(params::get(slf, param, header, unquote.0)?.or(failobj))
    }

    /// Set a parameter of a field. With `charset`, it is written as RFC 2231 says.
    #[pyo3(signature = (param: "str", value: "object", header: "str" = "Content-Type", requote: "bool" = Flag(true), charset: "str | None" = None, language: "str" = "", replace: "bool" = Flag(false)) -> "None")]
    #[allow(clippy::too_many_arguments, reason = "set_param has that many")]
    fn set_param<'py>(
        slf: &Bound<'py, Self>,
        param: &str,
        value: Bound<'py, PyAny>,
        header: &str,
        requote: Flag,
        charset: Option<&str>,
        language: &str,
        replace: Flag,
    ) -> PyResult<()> {
        params::set(slf, param, value, header, requote.0, charset, language, replace.0)
    }

    /// Remove a parameter of a field.
    #[pyo3(signature = (param: "str", header: "str" = "content-type", requote: "bool" = Flag(true)) -> "None")]
    fn del_param(slf: &Bound<'_, Self>, param: &str, header: &str, requote: Flag) -> PyResult<()> {
        params::delete(slf, param, header, requote.0)
    }

    /// Replace the type and keep its parameters. Raises ValueError for anything but
    /// `maintype/subtype`.
    #[pyo3(signature = (r#type: "str", header: "str" = "Content-Type", requote: "bool" = Flag(true)) -> "None")]
    fn set_type(slf: &Bound<'_, Self>, r#type: &str, header: &str, requote: Flag) -> PyResult<()> {
        params::set_type(slf, r#type, header, requote.0)
    }

    /// The file name in Content-Disposition, or else in Content-Type (RFC 2183).
    #[pyo3(signature = (failobj = None) -> "Any")]
    fn get_filename<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = match params::text(slf, "filename", "content-disposition")? {
            Some(name) => Some(name),
            None => params::text(slf, "name", "content-type")?,
        };
        match found {
            Some(name) => Ok(Some(PyString::new(slf.py(), name.trim()).into_any())),
            None => Ok(failobj),
        }
    }

    #[pyo3(signature = (failobj = None) -> "Any")]
    fn get_boundary<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match params::boundary(slf)? {
            Some(boundary) => Some(PyString::new(slf.py(), &boundary).into_any()),
            None => failobj,
        })
    }

    /// Set the boundary of a multipart. Raises HeaderParseError if there is no
    /// Content-Type.
    fn set_boundary(slf: &Bound<'_, Self>, boundary: &str) -> PyResult<()> {
        params::set_boundary(slf, boundary)
    }

    /// The charset parameter in lower case.
    #[pyo3(signature = (failobj = None) -> "Any")]
    fn get_content_charset<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match params::charset(slf)? {
            Some(charset) => Some(PyString::new(slf.py(), &charset).into_any()),
            None => failobj,
        })
    }

    /// The charset parameters of this message and of all parts in it.
    #[pyo3(signature = (failobj = None) -> "list[Any]")]
    fn get_charsets<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let all = slf.call_method0("walk")?;
        all.try_iter()?.map(|part| part?.call_method1("get_content_charset", (failobj.clone(),))).collect()
    }

    /// `inline`, `attachment` or None (RFC 2183).
    fn get_content_disposition(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        let text = fields::get_text(slf, "content-disposition")?;
        Ok(text.map(|text| crate::message::parameter::main_value(&text)))
    }

    // -- rendering

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
    #[pyo3(signature = (unixfrom: "bool" = Flag(false), maxheaderlen: "int | None" = None, policy: "object" = None) -> "str")]
    fn as_string<'py>(
        slf: &Bound<'py, Self>,
        unixfrom: Flag,
        maxheaderlen: Option<usize>,
        policy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (policy, style) = chosen(slf, policy)?;
        let width = match style.family {
            Family::Modern => maxheaderlen.unwrap_or(style.rules.max_width),
            _ => maxheaderlen.unwrap_or(0),
        };
        let rules = Rules { max_width: width, mangle_from: false, binary: false, ..style.rules.clone() };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let text = output::to_string(slf.py(), rope)?;
        if unixfrom.0 { unix_from(slf, &rules.linesep)?.add(text) } else { Ok(text) }
    }

    /// The whole message as bytes, with LF line ends (or those of the policy).
    #[pyo3(signature = (unixfrom: "bool" = Flag(false), policy: "object" = None) -> "bytes")]
    fn as_bytes<'py>(
        slf: &Bound<'py, Self>,
        unixfrom: Flag,
        policy: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (policy, style) = chosen(slf, policy)?;
        let rules = Rules { mangle_from: false, ..style.rules.clone() };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let bytes = output::to_bytes(slf.py(), rope)?.into_any();
        if !unixfrom.0 {
            return Ok(bytes);
        }
        let line = unix_from(slf, &rules.linesep)?.call_method1("encode", ("ascii", "surrogateescape"))?;
        line.add(bytes)
    }

    /// The message as a generator writes it: `bytes` if `binary`, else `str`.
    #[pyo3(signature = (policy, *, linesep: "str | None" = None, max_width: "int | None" = None, mangle_from: "bool" = Flag(false), binary: "bool" = Flag(true), unixfrom: "bool" = Flag(false)) -> "Any")]
    fn _flatten<'py>(
        slf: &Bound<'py, Self>,
        policy: Bound<'py, PyAny>,
        linesep: Option<String>,
        max_width: Option<usize>,
        mangle_from: Flag,
        binary: Flag,
        unixfrom: Flag,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let (policy, style) = chosen(slf, Some(policy))?;
        let rules = Rules {
            linesep: linesep.unwrap_or_else(|| style.rules.linesep.clone()),
            max_width: max_width.unwrap_or(style.rules.max_width),
            mangle_from: mangle_from.0,
            binary: binary.0,
            ..style.rules.clone()
        };
        let rope = node::rendered(slf, &policy, &style, &rules)?;
        let whole =
            if binary.0 { output::to_bytes(py, rope)?.into_any() } else { output::to_string(py, rope)? };
        if !unixfrom.0 {
            return Ok(whole);
        }
        let line = unix_from(slf, &rules.linesep)?;
        let line = if binary.0 { line.call_method1("encode", ("ascii", "surrogateescape"))? } else { line };
        line.add(whole)
    }

    /// The bytes that go to a server: CRLF line ends, no Bcc, Date and Message-ID
    /// supplied where the policy is ours.
    ///
    /// ASCII only, unless `utf8` asks for the form of RFC 6531 and RFC 6532, which
    /// needs a server that offers SMTPUTF8. Raises ValueError for an address that
    /// can't be written in ASCII.
    #[pyo3(signature = (*, utf8: "bool" = Flag(false)) -> "bytes")]
    fn _render_for_sending<'py>(slf: &Bound<'py, Self>, utf8: Flag) -> PyResult<Bound<'py, PyBytes>> {
        let py = slf.py();
        let mut policy = slf.get().policy(py);
        let mut style = slf.get().style(py)?;
        if matches!(style.family, Family::Structured | Family::Foreign) {
            let change = PyDict::new(py);
            change.set_item("linesep", "\r\n")?;
            if policy.hasattr("utf8")? {
                change.set_item("utf8", utf8.0)?;
            }
            change.set_item("cte_type", if utf8.0 { "8bit" } else { "7bit" })?;
            policy = policy.call_method("clone", (), Some(&change))?;
            style = Style::of(&policy)?;
        }
        let rules = Rules {
            linesep: "\r\n".to_owned(),
            seven_bit: !utf8.0,
            mangle_from: false,
            utf8: utf8.0,
            binary: true,
            sending: true,
            ..style.rules.clone()
        };
        output::to_bytes(py, node::rendered(slf, &policy, &style, &rules)?)
    }

    /// Whether an address in the message isn't ASCII before its @, so that only a
    /// server with SMTPUTF8 can take the message (RFC 6531).
    fn _needs_smtputf8(slf: &Bound<'_, Self>) -> bool {
        let py = slf.py();
        fields::snapshot(slf).iter().any(|field| {
            let name = field.name.bind(py).to_string_lossy();
            let value = field.value.bind(py).str();
            value.is_ok_and(|value| crate::message::field::needs_utf8(&name, &value.to_string_lossy()))
        })
    }

    // -- copies and comparison

    /// The same message as one of ours, rendered by the same kind of policy.
    #[classmethod]
    fn from_stdlib<'py>(
        cls: &Bound<'py, PyType>,
        message: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        cls.py().import("rsmtp.email._convert")?.getattr("from_stdlib")?.call1((cls, message))
    }

    /// The same message as an object of the standard library's `email` package.
    fn to_stdlib<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("rsmtp.email._convert")?.getattr("to_stdlib")?.call1((slf,))
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if slf.is(other) {
            return Ok(true.into_pyobject(py)?.to_owned().into_any().unbind());
        }
        let Ok(other) = other.cast::<Message>() else {
            return Ok(py.NotImplemented());
        };
        let same = node::compared(slf)? == node::compared(other)?;
        Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    /// By identity: a message changes, and people keep messages in sets.
    fn __hash__(slf: &Bound<'_, Self>) -> isize {
        (slf.as_ptr() as isize) >> 4
    }

    #[pyo3(signature = (_protocol) -> "tuple[Any, ...]")]
    fn __reduce_ex__<'py>(
        slf: &Bound<'py, Self>,
        _protocol: i32,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>, Bound<'py, PyAny>)> {
        let py = slf.py();
        let make = py.import("copyreg")?.getattr("__newobj__")?;
        Ok((make, PyTuple::new(py, [slf.get_type()])?, slf.call_method0("__getstate__")?))
    }

    #[pyo3(signature = () -> "dict[str, Any]")]
    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let py = slf.py();
        let all = PyDict::new(py);
        all.set_item("policy", slf.get().policy(py))?;
        all.set_item("_headers", fields::raw_list(slf)?)?;
        all.set_item("_payload", content::object(slf)?)?;
        all.set_item("_charset", Self::get_charset(slf)?)?;
        all.set_item("preamble", Self::preamble(slf))?;
        all.set_item("epilogue", Self::epilogue(slf))?;
        all.set_item("_unixfrom", Self::get_unixfrom(slf))?;
        all.set_item("_default_type", Self::get_default_type(slf))?;
        all.set_item("defects", Self::defects(slf))?;
        all.update(slf.getattr("__dict__")?.cast::<pyo3::types::PyMapping>()?)?;
        Ok(all)
    }

    #[pyo3(signature = (state: "dict[str, Any]") -> "None")]
    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        for (name, value) in state {
            slf.setattr(name.cast::<PyString>()?, value)?;
        }
        Ok(())
    }
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
