//! Arguments by their names. What is wrong with one is said by `rsmtp.arguments`, in the same
//! words for what is taken here and for what is taken in Python.

use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;

/// What a check of `rsmtp.arguments` makes of the argument of this name.
pub fn checked<T>(check: &str, name: &str, given: &Bound<'_, PyAny>) -> PyResult<T>
where
    T: for<'py> FromPyObjectOwned<'py>,
{
    let found = given.py().import("rsmtp.arguments")?.call_method1(check, (name, given))?;
    found.extract().map_err(Into::into)
}

/// Functions for `from_py_with`, one for each argument, by its name and its check.
macro_rules! arguments {
    ($($name:ident: $check:ident -> $type:ty;)*) => {
        $(
            pub fn $name(given: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<$type> {
                $crate::binding::argument::checked(stringify!($check), stringify!($name), given)
            }
        )*
    };
}
pub(super) use arguments;
