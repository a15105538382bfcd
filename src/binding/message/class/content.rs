//! The methods about the payload.

use crate::binding::argument::none_unknown;
use crate::binding::message::{
    Message, create,
    payload::{attachment, content, mime},
    types::truth,
};
use pyo3::types::{PyDict, PyString};
use pyo3::{intern, prelude::*};

mod given {
    crate::binding::argument::arguments! {
        filename: maybe_name -> Option<Py<PyString>>;
        maintype: maybe_text -> Option<String>;
        subtype: maybe_text -> Option<String>;
    }

    use pyo3::{Py, types::PyString};
}

#[pymethods]
impl Message {
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

    /// Add a file beside what the message has already.
    ///
    /// `content` is bytes, text (a content too, not a path), a `Path`, a binary file
    /// object, a message or a part, or a tuple as `attachments=` takes it. The type is
    /// told by the name where it is not given; the name is the file's own where it has
    /// one.
    #[pyo3(signature = (content: "rsmtp.typing.Content | rsmtp.typing.Attachment", maintype: "str | None" = None, subtype: "str | None" = None, *, filename: "str | None" = None, **unknown: "typing.Never") -> "None",
        text_signature = "($self, content, maintype=None, subtype=None, *, filename=None)")]
    fn add_attachment<'py>(
        slf: &Bound<'py, Self>,
        content: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = given::maintype)] maintype: Option<String>,
        #[pyo3(from_py_with = given::subtype)] subtype: Option<String>,
        #[pyo3(from_py_with = given::filename)] filename: Option<Py<PyString>>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        none_unknown("add_attachment", &slf.getattr("add_attachment")?, unknown)?;
        let kind = (maintype.as_deref(), subtype.as_deref());
        let part = attachment::part_from(content, kind, filename.as_ref().map(|name| name.bind(slf.py())))?;
        create::add_attachment(slf, &part)
    }

    /// The content: a list of parts, or text.
    ///
    /// With `i`, that part; with `decode=True`, the bytes without their transfer
    /// encoding (None for a multipart). Raises TypeError for `i` where there are no
    /// parts.
    #[pyo3(signature = (i: "int | None" = None, decode: "bool" = false) -> "Any")]
    fn get_payload<'py>(
        slf: &Bound<'py, Self>,
        i: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = truth)] decode: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        content::get(slf, i, decode)
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
    pub(crate) fn get_charset<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
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
    pub(crate) fn get_unixfrom(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let py = slf.py();
        slf.get().with(py, |s| s.unixfrom.as_ref().map(|line| line.clone_ref(py)))
    }

    #[pyo3(signature = (unixfrom: "str | None") -> "None")]
    pub(crate) fn set_unixfrom(slf: &Bound<'_, Self>, unixfrom: Option<Py<PyAny>>) {
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
        mime::become_text(slf, text, subtype, charset)
    }

    #[pyo3(signature = (maintype: "str", subtype: "object", params: "dict[str, Any] | None" = None) -> "None")]
    fn _become_part<'py>(
        slf: &Bound<'py, Self>,
        maintype: &str,
        subtype: &Bound<'py, PyAny>,
        params: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        mime::become_part(slf, maintype, subtype, params)
    }

    #[pyo3(signature = (file: "object") -> "None")]
    fn _become_file<'py>(slf: &Bound<'py, Self>, file: &Bound<'py, PyAny>) -> PyResult<()> {
        mime::become_file(slf, file)
    }

    fn _become_data(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        mime::become_data(slf, data)
    }
}
