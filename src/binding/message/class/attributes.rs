//! What a message is made of, as attributes: those of `email.message.Message`, and the private ones
//! of it that programs read and write.

use crate::binding::message::{
    Message,
    class::{state::Payload, style::Style},
    fields,
    payload::content,
};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

#[pymethods]
impl Message {
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
    pub(crate) fn preamble(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
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
    pub(crate) fn epilogue(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
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
    pub(crate) fn defects<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyList> {
        let py = slf.py();
        let made = PyList::empty(py);
        slf.get().with(py, |state| state.defects.get_or_insert_with(|| made.unbind()).bind(py).clone())
    }

    #[setter]
    fn set_defects(slf: &Bound<'_, Self>, defects: Py<PyList>) {
        let old = slf.get().with(slf.py(), |s| s.defects.replace(defects));
        drop(old);
    }

    /// The fields as (name, value) tuples. What is done with the list is done with the
    /// fields, as programs that sign messages expect it.
    #[getter]
    fn _headers<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        fields::live_list(slf)
    }

    #[setter]
    #[pyo3(name = "_headers")]
    fn store_headers(slf: &Bound<'_, Self>, pairs: Bound<'_, PyAny>) -> PyResult<()> {
        fields::set_live_list(slf, pairs)
    }

    #[getter]
    pub(crate) fn _supplied(slf: &Bound<'_, Self>) -> Vec<(Py<PyString>, Py<PyString>)> {
        let py = slf.py();
        slf.get().with(py, |state| {
            state.supplied.iter().map(|(name, value)| (name.clone_ref(py), value.clone_ref(py))).collect()
        })
    }

    #[setter]
    #[pyo3(name = "_supplied")]
    fn store_supplied(slf: &Bound<'_, Self>, supplied: Vec<(Py<PyString>, Py<PyString>)>) {
        let old = slf.get().with(slf.py(), |state| std::mem::replace(&mut state.supplied, supplied));
        drop(old);
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
}
