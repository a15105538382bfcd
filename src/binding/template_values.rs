//! Converts Python values for a template, and back. Plain values become the template's own. Any
//! other value stays a Python object, and is asked for its attributes, its methods and its text
//! when the template needs them.

use crate::render::value::{Markup, fail};
use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use pyo3::exceptions::{PyAttributeError, PyException, PyLookupError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// How deep lists and dicts may be nested. One that contains itself has no end.
const DEEPEST: usize = 64;

/// What a template makes of a value.
pub fn to_value(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    nested(given, DEEPEST)
}

fn too_deep() -> PyErr {
    PyValueError::new_err(format!("a value is nested more than {DEEPEST} levels deep, or contains itself"))
}

/// The same, for a value in which there may be so many levels more.
fn nested(given: &Bound<'_, PyAny>, levels: usize) -> PyResult<Value> {
    if let Some(value) = plain(given, levels)? {
        return Ok(value);
    }
    // Converts NumPy numbers, missing values, and the frames of pandas and polars to plain values.
    let py = given.py();
    static PLAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ask = PLAIN.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("rsmtp._content.values")?.getattr("plain")?.unbind())
    })?;
    let given = ask.bind(py).call1((given,))?;
    if let Some(value) = plain(&given, levels)? {
        return Ok(value);
    }
    if let Ok(show) = given.getattr("__html__") {
        let html = show.call0()?.str()?.to_string_lossy().into_owned();
        let text = given.str()?.to_string_lossy().into_owned();
        return Ok(Value::from_object(Markup { html, text }));
    }
    let iterates = given.hasattr("__iter__")?;
    Ok(Value::from_object(Foreign { object: given.unbind(), iterates, levels }))
}

/// None: it is not of one of the types that everyone has.
fn plain(given: &Bound<'_, PyAny>, levels: usize) -> PyResult<Option<Value>> {
    let inner = |item: &Bound<'_, PyAny>| match levels.checked_sub(1) {
        Some(left) => nested(item, left),
        None => Err(too_deep()),
    };
    if let Ok(text) = given.cast_exact::<PyString>() {
        return Ok(Some(Value::from(&*text.to_string_lossy())));
    }
    if given.is_none() {
        return Ok(Some(Value::from(())));
    }
    if let Ok(flag) = given.cast_exact::<PyBool>() {
        return Ok(Some(Value::from(flag.is_true())));
    }
    if let Ok(number) = given.cast_exact::<PyInt>() {
        return Ok(number.extract::<i64>().map(Value::from).ok());
    }
    if let Ok(number) = given.cast_exact::<PyFloat>() {
        let number = number.value();
        // pandas has NaN for a missing value.
        return Ok(Some(if number.is_nan() { Value::from(()) } else { Value::from(number) }));
    }
    if let Ok(items) = given.cast_exact::<PyList>() {
        return items.iter().map(|item| inner(&item)).collect::<PyResult<Vec<_>>>().map(|v| Some(v.into()));
    }
    if let Ok(items) = given.cast_exact::<PyTuple>() {
        return items.iter().map(|item| inner(&item)).collect::<PyResult<Vec<_>>>().map(|v| Some(v.into()));
    }
    if let Ok(items) = given.cast_exact::<PyDict>() {
        let pairs = items.iter().map(|(key, value)| Ok((inner(&key)?, inner(&value)?)));
        return Ok(Some(Value::from_pairs(pairs.collect::<PyResult<Vec<_>>>()?)));
    }
    Ok(None)
}

/// What a Python function gets.
fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    if let Some(foreign) = value.downcast_object_ref::<Foreign>() {
        return Ok(foreign.object.bind(py).clone());
    }
    if let Some(text) = value.as_str() {
        return Ok(PyString::new(py, text).into_any());
    }
    if let Some(markup) = value.downcast_object_ref::<Markup>() {
        return Ok(PyString::new(py, &markup.html).into_any());
    }
    Ok(match value.kind() {
        ValueKind::Bool => PyBool::new(py, value.is_true()).to_owned().into_any(),
        ValueKind::Number => match i128::try_from(value.clone()).ok().filter(|_| value.is_integer()) {
            Some(whole) => whole.into_pyobject(py)?.into_any(),
            None => f64::try_from(value.clone()).unwrap_or(f64::NAN).into_pyobject(py)?.into_any(),
        },
        ValueKind::Bytes => PyBytes::new(py, value.as_bytes().unwrap_or_default()).into_any(),
        ValueKind::Map => {
            let found = PyDict::new(py);
            for key in items(value) {
                let inner = value.get_item(&key).unwrap_or(Value::UNDEFINED);
                found.set_item(to_python(py, &key)?, to_python(py, &inner)?)?;
            }
            found.into_any()
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let found = PyList::empty(py);
            for item in items(value) {
                found.append(to_python(py, &item)?)?;
            }
            found.into_any()
        }
        _ => py.None().into_bound(py),
    })
}

fn items(value: &Value) -> Vec<Value> {
    value.try_iter().map(Iterator::collect).unwrap_or_default()
}

/// A function of Python's as a filter.
pub fn filter(function: &Py<PyAny>) -> impl Fn(Rest<Value>) -> Result<Value, Error> + Send + Sync + 'static {
    let function = Python::attach(|py| function.clone_ref(py));
    move |args: Rest<Value>| Python::attach(|py| called(function.bind(py), &args))
}

/// A method that templates don't know of their own values: what Python's value of the kind has.
pub fn method(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if name.starts_with('_') || value.is_undefined() || value.is_none() {
        return Err(ErrorKind::UnknownMethod.into());
    }
    Python::attach(|py| {
        let object = to_python(py, value).map_err(|raised| error(py, raised))?;
        match object.getattr(name) {
            Ok(bound) => called(&bound, args),
            Err(_) => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("{} has no method named {name}", value.kind()),
            )),
        }
    })
}

fn called(function: &Bound<'_, PyAny>, args: &[Value]) -> Result<Value, Error> {
    let py = function.py();
    let named = args.last().filter(|last| last.is_kwargs());
    let positional = &args[..args.len() - usize::from(named.is_some())];
    let call = || -> PyResult<Value> {
        let keywords = PyDict::new(py);
        if let Some(kwargs) = named.and_then(|named| Kwargs::try_from(named.clone()).ok()) {
            for name in kwargs.args() {
                if let Ok(value) = kwargs.get::<Value>(name) {
                    keywords.set_item(name, to_python(py, &value)?)?;
                }
            }
        }
        let positional = positional.iter().map(|value| to_python(py, value)).collect::<PyResult<Vec<_>>>()?;
        to_value(&function.call(PyTuple::new(py, positional)?, Some(&keywords))?)
    };
    call().map_err(|raised| error(py, raised))
}

/// What a comparison takes for a value: a number or a text, if it is one in Python.
pub fn compared(value: Value) -> Result<Value, Error> {
    let Some(foreign) = value.downcast_object_ref::<Foreign>() else { return Ok(value) };
    let found = Python::attach(|py| {
        static COMPARED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let ask = || -> PyResult<Option<Value>> {
            let ask = COMPARED.import(py, "rsmtp._content.values", "compared")?;
            plain(&ask.call1((foreign.object.bind(py),))?, 0)
        };
        ask().map_err(|raised| error(py, raised))
    })?;
    Ok(found.unwrap_or(value))
}

/// An object of Python's that a template has.
struct Foreign {
    object: Py<PyAny>,
    iterates: bool,
    /// How many levels there may be in its items.
    levels: usize,
}

/// In a list it is written as Python writes it there.
impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(|object| object.repr()))
    }
}

impl Foreign {
    fn words(
        &self,
        ask: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>>,
    ) -> String {
        Python::attach(|py| match ask(self.object.bind(py)) {
            Ok(words) => words.to_string_lossy().into_owned(),
            Err(raised) => {
                failed(py, raised);
                String::new()
            }
        })
    }

    fn items(&self, py: Python<'_>) -> PyResult<Vec<Value>> {
        let levels = self.levels.checked_sub(1).ok_or_else(too_deep)?;
        self.object.bind(py).try_iter()?.map(|item| nested(&item?, levels)).collect()
    }
}

impl Object for Foreign {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.iterates { ObjectRepr::Iterable } else { ObjectRepr::Plain }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str();
        if name.is_some_and(|name| name.starts_with('_')) {
            return None;
        }
        Python::attach(|py| {
            let object = self.object.bind(py);
            let found = match name.map(|name| object.getattr(name)) {
                Some(Err(raised)) if !raised.is_instance_of::<PyAttributeError>(py) => Err(raised),
                Some(Ok(value)) => Ok(value),
                // If there is no such attribute, the item is taken, as in Jinja2.
                _ => object.get_item(to_python(py, key).ok()?),
            };
            match found.and_then(|value| to_value(&value)) {
                Ok(value) => Some(value),
                Err(raised) => {
                    if !is_missing(py, &raised) {
                        failed(py, raised);
                    }
                    None
                }
            }
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if !self.iterates {
            return Enumerator::NonEnumerable;
        }
        let all = Python::attach(|py| {
            self.items(py).unwrap_or_else(|raised| {
                failed(py, raised);
                Vec::new()
            })
        });
        Enumerator::Iter(Box::new(all.into_iter()))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        Python::attach(|py| {
            self.object.bind(py).is_truthy().unwrap_or_else(|raised| {
                failed(py, raised);
                false
            })
        })
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Python::attach(|py| called(self.object.bind(py), args))
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        method(&Value::from_dyn_object(Arc::clone(self)), name, args)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        let order = Python::attach(|py| match self.object.bind(py).compare(other.object.bind(py)) {
            Ok(order) => Some(order),
            // Two values that have no order can still be equal or not, and the engine asks for both
            // in the same way.
            Err(raised) if raised.is_instance_of::<PyTypeError>(py) => None,
            Err(raised) => {
                failed(py, raised);
                Some(Ordering::Equal)
            }
        });
        Some(order.unwrap_or_else(|| {
            let text = |one: &Self| one.words(|object| object.str());
            text(self).cmp(&text(other)).then(self.object.as_ptr().cmp(&other.object.as_ptr()))
        }))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(|object| object.str()))
    }
}

/// There is no such attribute, and no such item.
fn is_missing(py: Python<'_>, raised: &PyErr) -> bool {
    raised.is_instance_of::<PyLookupError>(py)
        || raised.is_instance_of::<PyTypeError>(py)
        || raised.is_instance_of::<PyAttributeError>(py)
}

/// What ends a program (KeyboardInterrupt, say) is raised when the rows of this thread are done.
#[derive(Debug)]
pub struct Raised;

thread_local! {
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

impl Raised {
    fn keep(py: Python<'_>, raised: PyErr) {
        if !raised.is_instance_of::<PyException>(py) {
            RAISED.with_borrow_mut(|kept| *kept = Some(raised));
        }
    }

    pub fn take() -> Option<PyErr> {
        RAISED.with_borrow_mut(Option::take)
    }
}

fn error(py: Python<'_>, raised: PyErr) -> Error {
    let words = words_of(py, &raised);
    Raised::keep(py, raised);
    Error::new(ErrorKind::InvalidOperation, words)
}

/// The part fails that asked for the value.
fn failed(py: Python<'_>, raised: PyErr) {
    fail(words_of(py, &raised));
    Raised::keep(py, raised);
}

/// An exception as a fault tells it.
pub fn words_of(py: Python<'_>, raised: &PyErr) -> String {
    let kind = raised.get_type(py).name().map_or_else(|_| "exception".to_owned(), |name| name.to_string());
    let words =
        raised.value(py).str().map_or_else(|_| String::new(), |words| words.to_string_lossy().into_owned());
    if words.is_empty() { kind } else { format!("{kind}: {words}") }
}
