//! What the blocking and the asyncio binding of the engine share: a conversation
//! that one owner drives at a time and every thread may look at.

use super::attendant::Attending;
use super::error::{fates, tell_conversation, to_python};
use super::logs::{self, Level};
use super::outcome::{Opened, PyReply, event_to_python, extensions_to_python, reply_to_python};
use super::request::Given;
use super::settings::patience;
use super::ssl_context::Raised;
use super::tls::TlsFacts;
use super::transcript::TranscriptLine;
use crate::driver::{self, Operation, Turn, View};
use crate::protocol::opening;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::{Fate, Outcome};
use crate::protocol::{Error, Event, State};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A conversation as far as it can be looked at. What is asked of it, and who
/// waits, is the matter of its subclasses.
#[pyclass(frozen, subclass, module = "rsmtp._rsmtp")]
pub struct Conversation {
    shared: Arc<Shared<dyn Driver>>,
}

#[pymethods]
impl Conversation {
    /// Takes these extensions for the server's: keywords with their parameters.
    fn assume(&self, py: Python<'_>, extensions: Vec<(String, String)>) -> PyResult<()> {
        let extensions = extensions.iter().map(|(keyword, parameters)| (keyword, parameters)).collect();
        self.look(py, |operation| operation.session_mut().assume(extensions))
    }

    /// Limits in seconds: for each stage (None: those of RFC 5321 4.5.3.2) and
    /// for one whole operation (None: no limit).
    #[pyo3(signature = (timeout, deadline))]
    fn set_patience(&self, py: Python<'_>, timeout: Option<f64>, deadline: Option<f64>) -> PyResult<()> {
        let patience = patience(timeout, deadline)?;
        self.look(py, |operation| operation.patience = patience)
    }

    /// The name of the session's state, also while another thread talks.
    #[getter]
    fn state(&self) -> &'static str {
        self.shared.view.state().name()
    }

    /// Whether nothing can be said any more, in this process.
    #[getter]
    fn is_over(&self) -> bool {
        self.shared.view.state().is_over() || self.shared.view.is_of_another_process()
    }

    /// Whether this is a forked child's copy of its parent's connection.
    #[getter]
    fn is_of_another_process(&self) -> bool {
        self.shared.view.is_of_another_process()
    }

    /// Whether what is said can be read on its way: it leaves this machine, without TLS.
    #[getter]
    fn is_exposed(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |operation| !operation.session().is_secure() && !operation.session().is_local())
    }

    /// Whether the server took an EHLO or LHLO, not a HELO.
    #[getter]
    fn speaks_esmtp(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |operation| operation.session().speaks_esmtp())
    }

    /// The verbs that are legal in this state (RFC 5321 4.1.4) and offered.
    #[getter]
    fn legal_requests(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.look(py, |operation| operation.session().legal().into_iter().map(|verb| verb.name()).collect())
    }

    /// What the server offers: lower-case keywords with their parameters, in its
    /// order.
    #[getter]
    fn extensions(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        self.look(py, |operation| extensions_to_python(operation.session().extensions()))
    }

    /// The server's reply to the end of the mail data of the last transaction that sent
    /// something: (code, text). It often names the message in the server's queue.
    #[getter]
    fn final_reply<'py>(&self, py: Python<'py>) -> Option<PyReply<'py>> {
        let kept = self.shared.final_reply.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|reply| reply_to_python(py, reply))
    }

    #[getter]
    fn tls(&self, py: Python<'_>) -> PyResult<Option<TlsFacts>> {
        self.shared.view.tls().map(|facts| TlsFacts::new(py, facts)).transpose()
    }

    /// The states gone through so far, the present one last, as far as the last
    /// 2,000 lines show.
    #[getter]
    fn path(&self) -> Vec<&'static str> {
        self.shared.view.path().into_iter().map(State::name).collect()
    }

    /// The last lines that were said (2,000, or a MiB of them), secrets masked.
    #[getter]
    fn transcript(&self) -> Vec<TranscriptLine> {
        self.shared.view.lines().iter().map(TranscriptLine::from).collect()
    }
}

impl Conversation {
    pub fn new<D: Driver + 'static>(shared: &Arc<Shared<D>>) -> Self {
        Self { shared: Arc::<Shared<D>>::clone(shared) }
    }

    fn look<T: Send>(&self, py: Python<'_>, look: impl FnOnce(&mut Operation) -> T + Send) -> PyResult<T> {
        self.shared.look(py, |driver| look(driver.operation()))
    }
}

/// A driver of either kind.
pub trait Driver: Send {
    fn operation(&mut self) -> &mut Operation;
}

impl Driver for driver::Connection {
    fn operation(&mut self) -> &mut Operation {
        self.operation_mut()
    }
}

impl Driver for Operation {
    fn operation(&mut self) -> &mut Operation {
        self
    }
}

/// A driver that one thread holds at a time.
pub struct Shared<D: ?Sized> {
    pub turn: Turn,
    view: Arc<View>,
    /// The name that was connected to.
    pub host: String,
    /// The exception of an `ssl.SSLContext`, to be raised as it is.
    pub raised: Raised,
    /// Of the last transaction that sent something.
    final_reply: Mutex<Option<Reply>>,
    /// When the last operation began.
    began: Mutex<Option<Instant>>,
    inner: Mutex<D>,
}

impl<D: Driver> Shared<D> {
    pub fn new(mut driver: D, host: String, raised: Raised) -> Arc<Self> {
        let view = driver.operation().view();
        let final_reply = Mutex::default();
        let (turn, began, inner) = (Turn::default(), Mutex::default(), Mutex::new(driver));
        Arc::new(Self { turn, view, host, raised, final_reply, began, inner })
    }
}

impl<D: Driver + ?Sized> Shared<D> {
    /// Work on the conversation, without the GIL, when it is this thread's turn.
    pub fn work<T: Send>(
        &self,
        py: Python<'_>,
        attendant: &mut Attending,
        work: impl FnOnce(&mut D, &mut Attending) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let worked = py.detach(|| {
            let _turn = self.turn.take(attendant)?;
            work(&mut self.lock(), attendant)
        });
        if let Err(error) = &worked {
            self.log_failure(py, error)?;
        }
        self.told(py, settle(py, worked, attendant, &self.raised))
    }

    /// An operation begins: from here on a message takes its time.
    pub fn begins(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A message that was under way when the conversation failed has its line, too.
    pub fn log_failure(&self, py: Python<'_>, error: &Error) -> PyResult<()> {
        match error.outcome.as_deref() {
            Some(outcome) => {
                let logged = self.log_message(py, outcome, Some(error));
                logged.inspect_err(|raised| tell_fates(raised.value(py), outcome))
            }
            None => Ok(()),
        }
    }

    /// A look without a conversation; it waits until the one under way is over.
    pub fn look<T: Send>(&self, py: Python<'_>, look: impl FnOnce(&mut D) -> T + Send) -> PyResult<T> {
        let mut attendant = Attending::silent();
        let seen = py.detach(|| {
            let _turn = self.turn.take(&mut attendant)?;
            Ok(look(&mut self.lock()))
        });
        settle(py, seen, &mut attendant, &self.raised)
    }

    /// An error of the conversation tells how it was come to.
    pub fn told<T>(&self, py: Python<'_>, result: PyResult<T>) -> PyResult<T> {
        let Err(raised) = &result else { return result };
        let value = raised.value(py);
        if value.hasattr("path").unwrap_or(false) {
            let path: Vec<&str> = self.view.path().into_iter().map(State::name).collect();
            let lines = last_words(&self.view);
            // It explains an error and must not become another one.
            let _ = tell_conversation(value, &path, lines);
        }
        result
    }

    /// What an operation has come to, as Python wants it.
    pub fn conclude(&self, py: Python<'_>, event: Option<Event>, given: &Given) -> PyResult<Py<PyAny>> {
        let Some(event) = event else { return Ok(py.None()) };
        if matches!(event, Event::Secured(_)) {
            self.log_tls(py)?;
        }
        if let Event::Transaction(outcome) = &event {
            self.keep_final_reply(outcome);
            // The message has gone, also where a handler is interrupted.
            let logged = self.log_message(py, outcome, None);
            logged.inspect_err(|raised| tell_fates(raised.value(py), outcome))?;
        }
        if let Event::Opened(opened) = event {
            return self.opened(py, *opened);
        }
        self.told(py, event_to_python(py, event, given))
    }

    /// An opening's trouble is told by what it has come to, and raised there.
    fn opened(&self, py: Python<'_>, opened: opening::Opened) -> PyResult<Py<PyAny>> {
        if opened.offered_in_plaintext.is_some() {
            self.log_tls(py)?;
        }
        let failed = opened.trouble.as_deref().map_or(Ok(()), |trouble| Err(trouble.clone()));
        let settled = settle(py, failed, &mut Attending::silent(), &self.raised);
        let trouble = self.told(py, settled).err();
        Ok(Opened::new(opened, trouble).into_pyobject(py)?.into_any().unbind())
    }

    fn keep_final_reply(&self, outcome: &Outcome) {
        let accepted = outcome.recipients.iter().find_map(|(_, fate)| match fate {
            Fate::Sent(reply) => Some(reply),
            _ => None,
        });
        if let Some(reply) = accepted {
            *self.final_reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply.clone());
        }
    }

    fn log_tls(&self, py: Python<'_>) -> PyResult<()> {
        if logs::TLS.wants(py, Level::Debug)?
            && let Some(facts) = self.view.tls()
        {
            let verified = if facts.verified { "verified" } else { "not verified" };
            let (version, name, cipher) = (&facts.version, &facts.server_name, &facts.cipher);
            logs::TLS.say(py, Level::Debug, &format!("{version} with {name}: {cipher}, {verified}"))?;
        }
        Ok(())
    }

    /// One line for a message; nothing of its content.
    fn log_message(&self, py: Python<'_>, outcome: &Outcome, error: Option<&Error>) -> PyResult<()> {
        if !logs::MAIL.wants(py, Level::Info)? {
            return Ok(());
        }
        let took = self.began.lock().unwrap_or_else(PoisonError::into_inner).map(|began| began.elapsed());
        let error = error.map(ToString::to_string);
        let text = logs::message(&outcome.recipients, Some(&self.host), took, 1, error.as_deref());
        logs::MAIL.say(py, Level::Info, &text)
    }

    fn lock(&self) -> MutexGuard<'_, D> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the transcript, to explain an error.
fn last_words(view: &View) -> Vec<TranscriptLine> {
    const ENOUGH: usize = 20;
    let lines = view.lines();
    lines.iter().skip(lines.len().saturating_sub(ENOUGH)).map(TranscriptLine::from).collect()
}

/// Exceptions of others go before ours: a signal handler's, an `SSLContext`'s.
pub fn settle<T>(
    py: Python<'_>,
    result: Result<T, Error>,
    attendant: &mut Attending,
    raised: &Raised,
) -> PyResult<T> {
    if let Some(exception) = attendant.take_raised() {
        if let Err(Error { outcome: Some(outcome), .. }) = &result {
            tell_fates(exception.value(py), outcome);
        }
        return Err(exception);
    }
    result.map_err(|error| {
        let exception = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        exception.unwrap_or_else(|| to_python(py, &error))
    })
}

/// An exception that ended a wait (KeyboardInterrupt, a cancelled task) tells what
/// became of a message in flight, as ours do: by `fates`, and in words.
pub fn tell_fates(exception: &Bound<'_, PyAny>, outcome: &Outcome) {
    let tell = || -> PyResult<()> {
        let known = PyDict::new(exception.py());
        let mut words = Vec::new();
        for (address, fate) in fates(outcome) {
            known.set_item(&address, fate)?;
            words.push(format!("{address}: {fate}"));
        }
        exception.setattr("fates", known)?;
        let note = format!("the message that was under way: {}", words.join(", "));
        exception.call_method1("add_note", (note,)).map(|_| ())
    };
    // An exception that takes no attributes goes as it is.
    let _ = tell();
}
