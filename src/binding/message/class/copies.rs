//! The methods that copy, compare and convert the message.

use crate::binding::message::{
    Message, class::Origin, fields, output::node, payload::content, types::OfSelf,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

#[pymethods]
impl Message {
    /// The same message as one of ours, rendered by the same kind of policy.
    #[classmethod]
    fn from_stdlib<'py>(cls: &Bound<'py, PyType>, message: &Bound<'py, PyAny>) -> PyResult<OfSelf<'py>> {
        cls.py().import("rsmtp.email._convert")?.getattr("from_stdlib")?.call1((cls, message)).map(OfSelf)
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

    /// For parsers: what the message was read from, its body and its end there.
    fn _keep_origin(slf: &Bound<'_, Self>, text: Bound<'_, PyBytes>, begin: usize, body: usize, end: usize) {
        Origin::keep(slf, text, begin, body, end);
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
        if let Some(origin) = Origin::of(slf) {
            all.set_item("_origin", origin.to_tuple(py)?)?;
        }
        all.set_item("_supplied", Self::_supplied(slf))?;
        // The object's own dictionary. `rsmtp.Message.__dict__` hides it behind copies of the
        // state.
        let slot = py.get_type::<Message>().getattr("__dict__")?.get_item("__dict__")?;
        let own = slot.call_method1("__get__", (slf,))?.cast_into::<PyDict>()?;
        for (name, value) in own {
            if !all.contains(&name)? {
                all.set_item(name, value)?;
            }
        }
        // And what a class of the caller's keeps in `__slots__`.
        for name in py.import("copyreg")?.call_method1("_slotnames", (slf.get_type(),))?.try_iter()? {
            let name = name?.cast_into::<PyString>()?;
            if let Some(value) = slf.getattr_opt(&name)? {
                all.set_item(name, value)?;
            }
        }
        Ok(all)
    }

    #[pyo3(signature = (state: "dict[str, Any]") -> "None")]
    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut origin = None;
        for (name, value) in state {
            if name.eq("_headers")? {
                fields::set_raw_list(slf, &value)?;
                continue;
            }
            if name.eq("_origin")? {
                origin = Some(value);
                continue;
            }
            slf.setattr(name.cast::<PyString>()?, value)?;
        }
        // The origin is set last, when all that it refers to has been restored.
        if let Some(origin) = origin {
            let (text, begin, body, end) = origin.extract()?;
            Origin::keep(slf, text, begin, body, end);
        }
        Ok(())
    }
}
