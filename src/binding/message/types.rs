//! Types whose only purpose is what Python makes of them.

use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use std::convert::Infallible;

/// A truth value as Python has them: any object is one.
#[derive(Clone, Copy)]
pub(crate) struct Flag(pub bool);

impl<'a, 'py> FromPyObject<'a, 'py> for Flag {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = <bool as FromPyObject<'a, 'py>>::INPUT_TYPE;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        object.is_truthy().map(Flag)
    }
}

/// An object of the class that a method was called on.
pub(crate) struct OfSelf<'py>(pub Bound<'py, PyAny>);

impl<'py> IntoPyObject<'py> for OfSelf<'py> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    const OUTPUT_TYPE: PyStaticExpr =
        PyStaticExpr::Attribute { value: &PyStaticExpr::Name { id: "typing" }, attr: "Self" };

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(self.0)
    }
}
