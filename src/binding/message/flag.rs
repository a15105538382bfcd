//! Truth values as Python has them: any object is one.

use pyo3::prelude::*;

#[derive(Clone, Copy)]
pub(crate) struct Flag(pub bool);

impl<'a, 'py> FromPyObject<'a, 'py> for Flag {
    type Error = PyErr;

    const INPUT_TYPE: pyo3::inspect::PyStaticExpr = <bool as FromPyObject<'a, 'py>>::INPUT_TYPE;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        object.is_truthy().map(Flag)
    }
}
