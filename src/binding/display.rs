//! The notebook displays of objects, which `rsmtp.display` makes in Python.

/// `_repr_mimebundle_` for a class: what that function of that module makes of the object, and what
/// its docstring says.
macro_rules! displayed {
    ($class:ty, $module:literal, $function:literal) => {
        $crate::binding::display::displayed!(
            $class,
            $module,
            $function,
            "For notebooks: the same as text and as static HTML."
        );
    };
    ($class:ty, $module:literal, $function:literal, $doc:literal) => {
        #[pymethods]
        impl $class {
            #[doc = $doc]
            #[pyo3(signature = (include: "object" = None, exclude: "object" = None) -> "dict[str, str]")]
            fn _repr_mimebundle_<'py>(
                slf: &Bound<'py, Self>,
                include: Option<Bound<'py, PyAny>>,
                exclude: Option<Bound<'py, PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let _ = (include, exclude);
                slf.py().import($module)?.call_method1($function, (slf,))
            }
        }
    };
}
pub(super) use displayed;
