//! The methods about Content-Type and other fields with parameters (RFC 2045 section 5).

use crate::binding::message::{
    Message,
    fields::{self, params},
    types::truth,
};
use pyo3::types::PyString;
use pyo3::{intern, prelude::*};

mod given {
    crate::binding::argument::texts! { boundary header language param r#type }

    crate::binding::argument::arguments! {
        charset: maybe_text -> Option<String>;
    }
}

#[pymethods]
impl Message {
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
    pub(crate) fn get_default_type<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        let py = slf.py();
        let own = slf.get().with(py, |s| s.default_type.as_ref().map(|kind| kind.clone_ref(py)));
        match own {
            Some(kind) => kind.into_bound(py),
            None => intern!(py, "text/plain").clone().into_any(),
        }
    }

    #[pyo3(signature = (ctype: "str") -> "None")]
    pub(crate) fn set_default_type(slf: &Bound<'_, Self>, ctype: Py<PyAny>) {
        let old = slf.get().with(slf.py(), |s| s.default_type.replace(ctype));
        drop(old);
    }

    /// All parameters of a field as (name, value); its main value comes first, with
    /// an empty value of its own.
    #[pyo3(signature = (failobj: "Any" = None, header: "str" = "content-type", unquote: "bool" = true) -> "Any")]
    fn get_params<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = given::header)] header: &str,
        #[pyo3(from_py_with = truth)] unquote: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(params::all(slf, header, unquote)?.map(Bound::into_any).or(failobj))
    }

    /// A parameter of a field: text, or a (charset, language, text) tuple where
    /// RFC 2231 was used.
    #[pyo3(signature = (param: "str", failobj: "Any" = None, header: "str" = "content-type", unquote: "bool" = true) -> "Any")]
    fn get_param<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::param)] param: &str,
        failobj: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = given::header)] header: &str,
        #[pyo3(from_py_with = truth)] unquote: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(params::get(slf, param, header, unquote)?.or(failobj))
    }

    /// Set a parameter of a field. With `charset`, it is written as RFC 2231 says.
    #[pyo3(signature = (param: "str", value: "object", header: "str" = "Content-Type", requote: "bool" = true, charset: "str | None" = None, language: "str" = "", replace: "bool" = false) -> "None")]
    #[allow(clippy::too_many_arguments, reason = "set_param has that many")]
    fn set_param<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = given::param)] param: &str,
        value: Bound<'py, PyAny>,
        #[pyo3(from_py_with = given::header)] header: &str,
        #[pyo3(from_py_with = truth)] requote: bool,
        #[pyo3(from_py_with = given::charset)] charset: Option<String>,
        #[pyo3(from_py_with = given::language)] language: &str,
        #[pyo3(from_py_with = truth)] replace: bool,
    ) -> PyResult<()> {
        params::set(slf, param, value, header, requote, charset.as_deref(), language, replace)
    }

    /// Remove a parameter of a field.
    #[pyo3(signature = (param: "str", header: "str" = "content-type", requote: "bool" = true) -> "None")]
    fn del_param(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = given::param)] param: &str,
        #[pyo3(from_py_with = given::header)] header: &str,
        #[pyo3(from_py_with = truth)] requote: bool,
    ) -> PyResult<()> {
        params::delete(slf, param, header, requote)
    }

    /// Replace the type and keep its parameters. Raises ValueError for anything but
    /// `maintype/subtype`.
    #[pyo3(signature = (r#type: "str", header: "str" = "Content-Type", requote: "bool" = true) -> "None")]
    fn set_type(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = given::r#type)] r#type: &str,
        #[pyo3(from_py_with = given::header)] header: &str,
        #[pyo3(from_py_with = truth)] requote: bool,
    ) -> PyResult<()> {
        params::set_type(slf, r#type, header, requote)
    }

    /// The file name in Content-Disposition, or else in Content-Type (RFC 2183).
    #[pyo3(signature = (failobj: "Any" = None) -> "Any")]
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

    #[pyo3(signature = (failobj: "Any" = None) -> "Any")]
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
    #[pyo3(signature = (boundary: "str") -> "None")]
    fn set_boundary(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = given::boundary)] boundary: &str,
    ) -> PyResult<()> {
        params::set_boundary(slf, boundary)
    }

    /// The charset parameter in lower case.
    #[pyo3(signature = (failobj: "Any" = None) -> "Any")]
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
    #[pyo3(signature = (failobj: "Any" = None) -> "list[Any]")]
    fn get_charsets<'py>(
        slf: &Bound<'py, Self>,
        failobj: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let all = slf.call_method0("walk")?;
        all.try_iter()?.map(|part| part?.call_method1("get_content_charset", (failobj.clone(),))).collect()
    }

    /// `inline`, `attachment` or None (RFC 2183).
    fn get_content_disposition(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        let text = fields::get_parameters(slf, "content-disposition")?;
        Ok(text.map(|text| crate::message::stdlib::parameter::main_value(&text)))
    }
}
