//! Converts the result of an operation to Python: return values, exceptions, lines of the log.

use super::attendant::Attending;
use super::error::{fates, tell_conversation, to_python};
use super::logs::{self, Level};
use super::operation::Operation;
use super::outcome::{Opened, event_to_python};
use super::request::Given;
use super::ssl_context::Raised;
use super::transcript::TranscriptLine;
use crate::driver::View;
use crate::protocol::opening;
use crate::protocol::transaction::{Fate, Outcome};
use crate::protocol::{Error, Event, State};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::PoisonError;

impl Operation {
    /// An error of the conversation tells how it was come to.
    pub fn told<T>(&self, py: Python<'_>, result: PyResult<T>) -> PyResult<T> {
        let Err(raised) = &result else { return result };
        let value = raised.value(py);
        if value.hasattr("path").unwrap_or(false) {
            let path: Vec<&str> = self.view.path().into_iter().map(State::name).collect();
            let lines = last_words(&self.view);
            // The conversation explains an error. Failing to attach it must not raise another
            // error.
            let _ = tell_conversation(value, &path, lines);
        }
        result
    }

    pub fn conclude(&self, py: Python<'_>, event: Option<Event>, given: &Given) -> PyResult<Py<PyAny>> {
        let Some(event) = event else { return Ok(py.None()) };
        if matches!(event, Event::Secured(_)) {
            self.log_tls(py)?;
        }
        if let Event::Transaction(outcome) = &event {
            self.keep_final_reply(outcome);
            // The message has been sent, even if a log handler is interrupted. The exception then
            // gets the fates of its recipients.
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
    // An exception that accepts no attributes is raised as it is.
    let _ = tell();
}
