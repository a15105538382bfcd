//! The methods about header fields.

use crate::binding::argument::wanted;
use crate::binding::message::{Message, class::style::Family, fields};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString};

mod given {
    crate::binding::argument::texts! { _name name }
}

#[pymethods]
impl Message {
    fn __len__(slf: &Bound<'_, Self>) -> usize {
        fields::read(slf, <[_]>::len)
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let found = fields::get(slf, fields::name_text(name)?.to_str()?)?;
        Ok(found.unwrap_or_else(|| slf.py().None().into_bound(slf.py())))
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
    pub(crate) fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
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
    #[pyo3(signature = (name: "str", failobj: "Any" = None) -> "Any")]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::name)] name: &str,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(fields::get(slf, name)?.or(failobj))
    }

    /// The values of all fields of that name; `failobj` if there are none.
    #[pyo3(signature = (name: "str", failobj: "Any" = None) -> "Any")]
    fn get_all<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::name)] name: &str,
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
    #[pyo3(signature = (_name: "str", _value: "str | None", **_params: "str | tuple[str, str | None, str] | None") -> "None")]
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
    fn replace_header<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::_name)] _name: &str,
        _value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        fields::replace(slf, _name, _value)
    }

    /// Store a field without asking the policy: for parsers.
    #[pyo3(signature = (name: "str", value: "object") -> "None")]
    fn set_raw<'py>(
        slf: &Bound<'py, Self>,
        name: Bound<'py, PyAny>,
        value: Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let name = name.cast_into::<PyString>();
        let name = name.map_err(|other| wanted("name", "a str", &other.into_inner()))?;
        fields::push(slf, name, value);
        Ok(())
    }

    fn _replace_fields(slf: &Bound<'_, Self>, pairs: &Bound<'_, PyAny>) -> PyResult<()> {
        fields::set_raw_list(slf, pairs)
    }

    /// The fields as they are stored: for generators.
    #[pyo3(signature = () -> "Iterator[tuple[str, Any]]")]
    fn raw_items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let items = fields::raw_list(slf)?;
        if matches!(slf.get().family(py), Family::Modern | Family::Foreign) {
            // The standard library's generator gives each message its own policy while it writes
            // it, and some of those policies write any text as it is.
            let fold_themselves = py.import("rsmtp.email._mail_policy")?.getattr("fold_themselves")?;
            return Ok(fold_themselves.call1((items,))?.try_iter()?.into_any());
        }
        Ok(items.try_iter()?.into_any())
    }
}
