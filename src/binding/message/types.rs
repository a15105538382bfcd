//! Types whose only purpose is their conversion to or from Python.

use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use std::convert::Infallible;

/// Whether Python counts this object as true, for arguments that `email` take any object for.
pub(crate) fn truth(given: &Bound<'_, PyAny>) -> PyResult<bool> {
    given.is_truthy()
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
