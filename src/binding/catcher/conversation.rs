//! What was said on a connection, as Python reads it.

use std::convert::Infallible;
use std::sync::Arc;

use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{type_hint_identifier, type_hint_subscript};

use super::message::CaughtTls;
use crate::catcher::{Client, Conversation, Snapshot};

/// What was said on one connection, secrets masked.
///
/// Iterating gives the lines: `C: EHLO me`, `S: 250 ok`, and `-- ...` for what
/// was done and not said. Long conversations are cut in the middle.
#[pyclass(frozen, module = "rsmtp")]
pub struct CaughtConversation {
    client: Arc<Client>,
    conversation: Conversation,
    closed: bool,
}

impl CaughtConversation {
    pub fn of_connection(snapshot: Snapshot) -> Self {
        let Snapshot { client, conversation, closed } = snapshot;
        Self { client, conversation, closed }
    }

    pub fn of_message(client: &Arc<Client>, conversation: &Conversation) -> Self {
        Self { client: Arc::clone(client), conversation: conversation.clone(), closed: true }
    }
}

#[pymethods]
impl CaughtConversation {
    /// The lines, in order.
    #[getter]
    fn lines(&self) -> Vec<String> {
        self.conversation.lines()
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

    /// As whom the client has authenticated; None if it hasn't.
    #[getter]
    fn user(&self) -> Option<&str> {
        self.client.user.as_deref()
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
        format!("<CaughtConversation with {}, {} lines, {state}>", self.client.peer, self.__len__())
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
