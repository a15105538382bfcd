//! Where the fields are: in the message, or in the list of tuples that a program holds (`_headers`).

use crate::binding::message::{Message, class::state::Field};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

/// Looks at the fields. No code of Python's may run in `look`.
pub(crate) fn read<T>(message: &Bound<'_, Message>, look: impl FnOnce(&[Field]) -> T) -> T {
    let py = message.py();
    let seen = message.get().with(py, |state| match &state.live {
        None => Ok(look(&state.fields)),
        Some(list) => Err((look, list.bind(py).clone())),
    });
    seen.unwrap_or_else(|(look, list)| look(&listed(&list)))
}

/// Changes the fields, in the list that a program holds too. No code of Python's may run
/// in `work`: what it takes out, it returns.
pub(crate) fn change<T>(message: &Bound<'_, Message>, work: impl FnOnce(&mut Vec<Field>) -> T) -> T {
    let py = message.py();
    let done = message.get().with(py, |state| match &state.live {
        None => Ok(work(&mut state.fields)),
        Some(list) => Err((work, list.bind(py).clone())),
    });
    let (work, list) = match done {
        Ok(result) => return result,
        Err(live) => live,
    };
    let mut fields = listed(&list);
    let result = work(&mut fields);
    let pairs = PyList::new(py, fields.iter().map(|f| (f.name.clone_ref(py), f.value.clone_ref(py))));
    if let Ok(pairs) = pairs {
        // Both are lists of pairs with known sizes, so this doesn't fail.
        let _ = list.set_slice(0, list.len(), pairs.as_any());
    }
    result
}

/// What is no (name, value) has a name that can't be written: sending says so.
fn listed(list: &Bound<'_, PyList>) -> Vec<Field> {
    let field = |pair: Bound<'_, PyAny>| match pair_of(&pair) {
        Some((name, value)) => Field::new(name, value),
        None => {
            let shown = pair.repr().map_or_else(|_| "?".to_owned(), |shown| shown.to_string());
            let name = format!("no (name, value) in _headers: {shown}");
            Field::new(PyString::new(list.py(), &name), pair)
        }
    };
    list.iter().map(field).collect()
}

fn pair_of<'py>(pair: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyString>, Bound<'py, PyAny>)> {
    let (name, value) = match pair.cast::<PyTuple>() {
        Ok(tuple) if tuple.len() == 2 => (tuple.get_item(0).ok()?, tuple.get_item(1).ok()?),
        Ok(_) => return None,
        Err(_) => {
            let list = pair.cast::<PyList>().ok().filter(|list| list.len() == 2)?;
            (list.get_item(0).ok()?, list.get_item(1).ok()?)
        }
    };
    Some((name.cast_into::<PyString>().ok()?, value))
}

pub(crate) fn snapshot(message: &Bound<'_, Message>) -> Vec<Field> {
    let py = message.py();
    read(message, |fields| fields.iter().map(|field| field.clone_ref(py)).collect())
}

/// Takes fields out.
pub(crate) fn take(message: &Bound<'_, Message>, is_wanted: impl Fn(&Field) -> bool) -> Vec<Field> {
    // Removed values are dropped after the lock is released, because a destructor may use the
    // message.
    change(message, |fields| {
        let (taken, kept) = std::mem::take(fields).into_iter().partition(is_wanted);
        *fields = kept;
        taken
    })
}

/// All fields as (name, value) tuples, values as they are stored.
pub(crate) fn raw_list<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyList>> {
    let py = message.py();
    PyList::new(py, snapshot(message).iter().map(|f| (f.name.clone_ref(py), f.value.clone_ref(py))))
}

/// Replaces all fields by (name, value) pairs, taken as they are.
pub(crate) fn set_raw_list(message: &Bound<'_, Message>, pairs: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut fields = Vec::new();
    for pair in pairs.try_iter()? {
        let (name, value): (Bound<'_, PyString>, Bound<'_, PyAny>) = pair?.extract()?;
        fields.push(Field::new(name, value));
    }
    let old = message
        .get()
        .with(message.py(), |state| (std::mem::replace(&mut state.fields, fields), state.live.take()));
    drop(old);
    Ok(())
}

/// The list that the fields are in from now on.
pub(crate) fn live_list<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyList>> {
    let py = message.py();
    if let Some(live) = live(message) {
        return Ok(live);
    }
    let list = raw_list(message)?;
    let kept = list.clone().unbind();
    let old = message.get().with(py, |state| (std::mem::take(&mut state.fields), state.live.replace(kept)));
    drop(old);
    Ok(list)
}

/// Puts the fields into a list of the program's own.
pub(crate) fn set_live_list<'py>(message: &Bound<'py, Message>, pairs: Bound<'py, PyAny>) -> PyResult<()> {
    let list = match pairs.cast_into::<PyList>() {
        Ok(list) => list.unbind(),
        Err(other) => return set_raw_list(message, &other.into_inner()),
    };
    let old = message
        .get()
        .with(message.py(), |state| (std::mem::take(&mut state.fields), state.live.replace(list)));
    drop(old);
    Ok(())
}

fn live<'py>(message: &Bound<'py, Message>) -> Option<Bound<'py, PyList>> {
    let py = message.py();
    message.get().with(py, |state| state.live.as_ref().map(|list| list.bind(py).clone()))
}
