//! A connection's conversation, for Python.

use std::convert::Infallible;
use std::sync::Arc;

use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{type_hint_identifier, type_hint_subscript};

use super::message::CaughtTls;
use crate::catcher::{Client, Conversation, Record, Said, Side, Snapshot, counted};

/// What was said on one connection, secrets masked.
///
/// Iterating gives the lines: `C: EHLO me`, `S: 250 ok`, and `-- ...` for what
/// was done and not said. Long conversations are cut in the middle.
#[pyclass(frozen, module = "rsmtp")]
pub struct CaughtConversation {
    client: Arc<Client>,
    conversation: Conversation,
    closed: bool,
    number: Option<u64>,
}

impl CaughtConversation {
    pub fn of_connection(record: &Record) -> Self {
        let Snapshot { client, conversation, closed } = record.read();
        Self { client, conversation, closed, number: Some(record.number()) }
    }

    pub fn of_message(client: &Arc<Client>, conversation: &Conversation) -> Self {
        Self { client: Arc::clone(client), conversation: conversation.clone(), closed: true, number: None }
    }
}

crate::binding::display::displayed!(CaughtConversation, "rsmtp.display.caught", "conversation");

#[pymethods]
impl CaughtConversation {
    /// The lines, in order.
    #[getter]
    fn lines(&self) -> Vec<String> {
        self.conversation.lines()
    }

    /// The lines with their times.
    #[getter]
    fn timeline(&self) -> Vec<CaughtLine> {
        self.conversation.said().into_iter().map(CaughtLine::from).collect()
    }

    /// Which connection of the catcher's it is, from 1 on; None where it is what
    /// one message was said with.
    #[getter]
    fn number(&self) -> Option<u64> {
        self.number
    }

    /// The client's socket address, as `127.0.0.1:40000`; `unix` for a Unix
    /// socket.
    #[getter]
    fn peer(&self) -> &str {
        &self.client.peer
    }

    /// The name that the client gave with EHLO, HELO or LHLO; empty before that.
    #[getter]
    fn helo(&self) -> &str {
        &self.client.helo
    }

    /// The user name that the client has logged in with; None without a login.
    #[getter]
    fn username(&self) -> Option<&str> {
        self.client.user.as_deref()
    }

    /// Another name of `username`.
    #[getter]
    fn user(&self) -> Option<&str> {
        self.username()
    }

    /// What was agreed on in the TLS handshake; None without TLS.
    #[getter]
    fn tls(&self) -> Option<CaughtTls> {
        CaughtTls::of(&self.client)
    }

    /// Whether the connection has ended.
    #[getter]
    fn closed(&self) -> bool {
        self.closed
    }

    fn __len__(&self) -> usize {
        self.conversation.lines().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Lines<'py>> {
        Ok(Lines(self.lines().into_pyobject(py)?.try_iter()?))
    }

    fn __str__(&self) -> String {
        self.conversation.lines().join("\n")
    }

    fn __repr__(&self) -> String {
        let state = if self.closed { "closed" } else { "open" };
        let lines = counted(self.__len__(), "line");
        format!("<CaughtConversation with {}, {lines}, {state}>", self.client.peer)
    }
}

/// One line of a conversation with the catcher, secrets masked.
#[pyclass(frozen, module = "rsmtp", get_all)]
pub struct CaughtLine {
    /// Seconds since the connection was begun; None for a note about lines that
    /// were not kept.
    at: Option<f64>,
    /// "C" for the client, "S" for the catcher, "*" for what happened besides.
    direction: &'static str,
    /// Without the line end; bytes that are not UTF-8 are shown as U+FFFD.
    text: String,
}

impl From<Said> for CaughtLine {
    fn from(said: Said) -> Self {
        let direction = match said.side {
            Side::Client => "C",
            Side::Server => "S",
            Side::Event => "*",
        };
        Self { at: said.at.map(|at| at.as_secs_f64()), direction, text: said.text }
    }
}

#[pymethods]
impl CaughtLine {
    fn __repr__(&self) -> String {
        format!("<{:.3} {}: {}>", self.at.unwrap_or(f64::NAN), self.direction, self.text)
    }
}

/// An iterator whose stub says of what.
struct Lines<'py>(Bound<'py, PyIterator>);

impl<'py> IntoPyObject<'py> for Lines<'py> {
    type Target = PyIterator;
    type Output = Bound<'py, PyIterator>;
    type Error = Infallible;

    const OUTPUT_TYPE: PyStaticExpr = type_hint_subscript!(
        type_hint_identifier!("collections.abc", "Iterator"),
        type_hint_identifier!("builtins", "str")
    );

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.0)
    }
}
