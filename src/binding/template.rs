//! Templates for Python: takes rows and returns the text of each part for each row. Rendering
//! releases the GIL, and uses several cores if there are many rows.

use super::template_values::{Raised, compared, filter, method, to_value, words_of};
use crate::render::fault::{Fault, What};
use crate::render::template::{Library, Part, Templates as Made};
use crate::render::value::Kind;
use minijinja::value::{Enumerator, Object, Value};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::io;
use std::sync::Arc;
use std::thread;

/// Rows that are worth a thread.
const SHARE: usize = 16;
const THREADS: usize = 8;
/// What Python's own threads have on Linux: its limit of recursion is made for it.
const STACK: usize = 8 << 20;

/// Parts of a message, compiled.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Templates {
    made: Made,
    parts: usize,
    /// Parts that are values for the others, by a name.
    given: Vec<(usize, Arc<str>)>,
}

/// What a part says, or why it says nothing.
type Said = Result<String, Fault>;

#[pymethods]
impl Templates {
    /// `parts` are (name, source, kind); the kind is "text", "html", "markdown" or "line". `library` are
    /// templates that they include, by name. `given` are parts that the others have as values: their
    /// places and names. ValueError for a template that can't be compiled.
    #[new]
    #[pyo3(signature = (
        parts: "list[tuple[str, str, str]]",
        library: "dict[str, str]",
        filters: "list[tuple[str, typing.Any]]",
        context: "dict[str, typing.Any]",
        given: "list[tuple[int, str]]",
    ))]
    fn new(
        parts: Vec<(String, String, String)>,
        library: Library,
        filters: Vec<(String, Py<PyAny>)>,
        context: &Bound<'_, PyDict>,
        given: Vec<(usize, String)>,
    ) -> PyResult<Self> {
        let mut values = Vec::with_capacity(context.len());
        for (name, value) in context {
            values.push((name.extract::<String>()?, to_value(&value)?));
        }
        let count = parts.len();
        let parts = parts.into_iter().map(|(name, source, kind)| Part { name, source, kind: kind_of(&kind) });
        let made = Made::new(
            &Arc::new(library),
            parts.collect(),
            |environment| {
                for (name, value) in &values {
                    environment.add_global(name.clone(), value.clone());
                }
                for (name, function) in &filters {
                    environment.add_filter(name.clone(), filter(function));
                }
                environment.set_unknown_method_callback(|_, value, name, args| method(value, name, args));
            },
            compared,
        );
        let made = made.map_err(|fault| {
            let place = fault.place.map_or_else(String::new, |(name, line)| format!("{name}, line {line}: "));
            let words = match fault.what {
                What::Other(words) | What::Undefined(words) | What::Missing(words) => words,
                What::LineEnd(words, _) => words,
            };
            PyValueError::new_err(format!("{place}{words}"))
        })?;
        let given = given.into_iter().map(|(place, name)| (place, Arc::from(name))).collect();
        Ok(Self { made, parts: count, given })
    }

    /// The names that the parts ask for.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.made.names()
    }

    /// For each row, what each part says of it: a text, or (kind of fault, what was asked for, what it
    /// was, name of the template, line).
    #[pyo3(signature = (rows: "list[dict[str, typing.Any]]") -> "list[list[str | tuple[str, str, str, str, int]]]")]
    fn render<'py>(&self, py: Python<'py>, rows: Vec<Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyList>> {
        let mut names = Names::default();
        let rows = rows.iter().map(|row| names.row(row)).collect::<PyResult<Vec<Row>>>()?;
        let (said, raised) = py.detach(|| self.all(rows))?;
        if let Some(raised) = raised {
            return Err(raised);
        }
        let found = PyList::empty(py);
        for row in said {
            let row = row.into_iter().map(|said| into_object(py, said)).collect::<PyResult<Vec<_>>>()?;
            found.append(PyList::new(py, row)?)?;
        }
        Ok(found)
    }
}

impl Templates {
    /// A single row is filled in where it was asked for: what Python functions in it may depend on
    /// belongs to that thread.
    fn all(&self, mut rows: Vec<Row>) -> io::Result<(Vec<Vec<Said>>, Option<PyErr>)> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(THREADS).min(rows.len() / SHARE);
        let work = |rows: Vec<Row>| {
            let said: Vec<_> = rows.into_iter().map(|row| self.one(row)).collect();
            (said, Raised::take())
        };
        if threads < 2 {
            return Ok(work(rows));
        }
        let share = rows.len().div_ceil(threads);
        let mut shares = Vec::with_capacity(threads);
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(share));
            shares.push(std::mem::replace(&mut rows, rest));
        }
        thread::scope(|scope| {
            let begun = shares
                .into_iter()
                .map(|rows| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || work(rows)));
            let begun = begun.collect::<io::Result<Vec<_>>>()?;
            let mut all = Vec::new();
            let mut raised = None;
            for thread in begun {
                match thread.join() {
                    Ok((said, own)) => {
                        all.extend(said);
                        raised = raised.or(own);
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok((all, raised))
        })
    }

    fn one(&self, mut row: Row) -> Vec<Said> {
        let mut known: Vec<(usize, Said)> = Vec::with_capacity(self.given.len());
        for (place, name) in &self.given {
            let value = Value::from_object(row.clone());
            let said = self.made.render(*place, &value);
            // If this part fails, the parts that use its text are not blamed for the failure.
            let text = said.as_deref().unwrap_or("");
            row.more.push((Arc::clone(name), Value::from(text)));
            known.push((*place, said));
        }
        let values = Value::from_object(row);
        (0..self.parts)
            .map(|part| match known.iter().position(|(place, _)| *place == part) {
                Some(at) => known.swap_remove(at).1,
                None => self.made.render(part, &values),
            })
            .collect()
    }
}

fn kind_of(name: &str) -> Kind {
    match name {
        "html" => Kind::Html,
        "markdown" => Kind::Markdown,
        "line" => Kind::Line,
        _ => Kind::Text,
    }
}

fn into_object(py: Python<'_>, said: Said) -> PyResult<Bound<'_, PyAny>> {
    let fault = match said {
        Ok(text) => return Ok(PyString::new(py, &text).into_any()),
        Err(fault) => fault,
    };
    let (kind, asked, was) = match fault.what {
        What::Undefined(asked) => ("undefined", asked, String::new()),
        What::Missing(asked) => ("missing", asked, String::new()),
        What::LineEnd(asked, was) => ("line end", asked, was),
        What::Other(words) => ("other", words, String::new()),
    };
    let (place, line) = fault.place.unwrap_or_default();
    Ok((kind, asked, was, place, line).into_pyobject(py)?.into_any())
}

/// A row as templates see it. Its columns have the same names as those of the row before it.
#[derive(Debug, Clone)]
struct Row {
    names: Arc<[Arc<str>]>,
    values: Arc<[Value]>,
    /// What other parts of the message say.
    more: Vec<(Arc<str>, Value)>,
}

/// The name by which a template reaches a column whose own name is no word: `row["First name"]`.
const WHOLE: &str = "row";

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(at) = self.names.iter().position(|name| &**name == key) {
            return self.values.get(at).cloned();
        }
        if let Some((_, value)) = self.more.iter().find(|(name, _)| &**name == key) {
            return Some(value.clone());
        }
        (key == WHOLE).then(|| Value::from_dyn_object(Arc::clone(self)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names: Vec<Value> = self.names.iter().map(|name| Value::from(&**name)).collect();
        Enumerator::Iter(Box::new(names.into_iter()))
    }
}

/// What a value raised when it was looked at, with the name of its column.
fn named(name: &Bound<'_, PyString>, raised: PyErr) -> PyErr {
    let py = name.py();
    if !raised.is_instance_of::<PyException>(py) {
        return raised;
    }
    let shown = name.repr().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned());
    let named = PyValueError::new_err(format!("{shown}: {}", words_of(py, &raised)));
    named.set_cause(py, Some(raised));
    named
}

/// Makes rows that share their names.
#[derive(Default)]
struct Names {
    last: Option<Arc<[Arc<str>]>>,
}

impl Names {
    fn row(&mut self, row: &Bound<'_, PyDict>) -> PyResult<Row> {
        let mut values = Vec::with_capacity(row.len());
        let mut same = self.last.as_ref().is_some_and(|names| names.len() == row.len());
        for (at, (name, value)) in row.iter().enumerate() {
            let name = name.cast::<PyString>()?;
            same = same
                && self
                    .last
                    .as_ref()
                    .and_then(|names| names.get(at))
                    .is_some_and(|last| name.to_str().is_ok_and(|name| name == &**last));
            values.push(to_value(&value).map_err(|raised| named(name, raised))?);
        }
        let names = match self.last.as_ref().filter(|_| same) {
            Some(names) => Arc::clone(names),
            None => {
                let names: Vec<Arc<str>> = row
                    .keys()
                    .iter()
                    .map(|name| Ok(Arc::from(&*name.cast::<PyString>()?.to_string_lossy())))
                    .collect::<PyResult<_>>()?;
                Arc::from(names)
            }
        };
        self.last = Some(Arc::clone(&names));
        Ok(Row { names, values: Arc::from(values), more: Vec::new() })
    }
}
