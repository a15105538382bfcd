//! The engine's transition table as Python sees it, for displays and docs.

use crate::protocol::command::Verb;
use crate::protocol::state::State;
use crate::protocol::table;
use pyo3::prelude::*;

/// One edge of the state machine.
#[pyclass(frozen, module = "rsmtp._rsmtp", get_all)]
pub struct Edge {
    /// The state it leaves.
    source: &'static str,
    /// A verb, "greeting", "TLS handshake", "end of data" or "failure".
    cause: &'static str,
    /// The reply codes that take it: "220", "2yz"; "other" for those that no edge
    /// beside it takes; "" where any does, or none is involved.
    codes: String,
    /// The state it leads to.
    target: &'static str,
}

#[pymethods]
impl Edge {
    fn __repr__(&self) -> String {
        let by = [self.cause, &self.codes].join(" ");
        format!("<{} --{}--> {}>", self.source, by.trim_end(), self.target)
    }
}

/// The state machine that every session is.
#[pyclass(frozen, module = "rsmtp._rsmtp", get_all)]
pub struct StateMachine {
    /// The names of all states.
    states: Vec<&'static str>,
    /// The states in which nothing can be said any more.
    endings: Vec<&'static str>,
    /// The states from which a transaction starts and to which it comes back.
    rests: Vec<&'static str>,
    /// The verbs of all commands.
    verbs: Vec<&'static str>,
    edges: Vec<Py<Edge>>,
}

/// The transition table of the engine, read off the rules that it obeys.
#[pyfunction]
pub fn state_machine(py: Python<'_>) -> PyResult<StateMachine> {
    let names = |which: fn(State) -> bool| {
        State::ALL.into_iter().filter(|&state| which(state)).map(State::name).collect()
    };
    let edge = |edge: table::Edge| {
        let (source, target) = (edge.from.name(), edge.to.name());
        Py::new(py, Edge { source, cause: edge.cause.name(), codes: edge.codes, target })
    };
    Ok(StateMachine {
        states: names(|_| true),
        endings: names(State::is_over),
        rests: names(State::is_rest),
        verbs: Verb::ALL.into_iter().filter(|&verb| verb != Verb::Other).map(Verb::name).collect(),
        edges: table::edges().into_iter().map(edge).collect::<PyResult<_>>()?,
    })
}
