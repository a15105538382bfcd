//! The sessions that a mailer keeps, for all of its calls.

use super::ledger::Noting;
use super::log::{Log, spoken};
use super::parcel::{self, Packer, Prepared, Shipment, hold_back};
use super::receipt::Receipt;
use super::sending::Sending;
use super::server::{ServerSettings, seconds};
use super::tally::{Tally, Totals};
use crate::binding::attendant::Attending;
use crate::binding::error::to_python;
use crate::binding::logs;
use crate::binding::settings::Settings;
use crate::binding::signing::DkimChoice;
use crate::bulk::{
    Batch, Bounds, Counted, Interest, Ledger, Limits, Mailer, Nudge, Payload, PerDay, Policy, Rate,
};
use crate::driver::Attendant;
use crate::local::Local;
use crate::protocol::opening::Security;
use crate::sign::Choice;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sessions, limits and rules of a mailer. `rsmtp.mailer` says what they mean.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Engine {
    mailer: Arc<Mailer>,
    /// The servers' SSLContexts.
    contexts: Vec<Option<Py<PyAny>>>,
    totals: Arc<Totals>,
    /// Who signs what goes out.
    choice: Option<Arc<Choice>>,
}

#[pymethods]
impl Engine {
    /// A mailer by these servers, in the order of preference.
    #[new]
    #[pyo3(signature = (
        servers: "list[typing.Any]", *, connections, window, keep_idle, max_age, max_messages=None, rate=None,
        rate_per_connection=None, per_day=None, of_recipients=false, retries=2, give_up_after=None, backoff=1.0,
        resend_unknown=false, dkim=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        servers: Vec<ServerSettings>,
        connections: usize,
        window: usize,
        keep_idle: f64,
        max_age: f64,
        max_messages: Option<usize>,
        rate: Option<f64>,
        rate_per_connection: Option<f64>,
        per_day: Option<usize>,
        of_recipients: bool,
        retries: u32,
        give_up_after: Option<f64>,
        backoff: f64,
        resend_unknown: bool,
        dkim: Option<&DkimChoice>,
    ) -> PyResult<Self> {
        let choice = dkim.map(|dkim| Arc::clone(&dkim.0));
        let contexts = servers.iter().map(|server| server.context(py)).collect();
        let hops: PyResult<Vec<_>> = servers.into_iter().map(|server| server.into_server(py)).collect();
        let bounds = Bounds {
            sessions: connections,
            idle: Duration::from_secs_f64(keep_idle),
            age: Duration::from_secs_f64(max_age),
            window,
            messages: max_messages,
            rate: rate_per_connection,
        };
        let policy = Policy {
            retries,
            give_up_after: seconds("give_up_after", give_up_after)?,
            backoff: seconds("backoff", Some(backoff))?.unwrap_or_default(),
            resend_unknown,
        };
        let mailer = Mailer::new(hops?, None, bounds, policy, limits(rate, per_day, of_recipients));
        Ok(Self { mailer: Arc::new(mailer), contexts, totals: Arc::default(), choice })
    }

    /// A mailer that stores messages in a folder ("file"), gives them to a program
    /// ("sendmail") or throws them away ("null").
    #[staticmethod]
    #[pyo3(signature = (kind, path=None, *, rate=None, per_day=None, dkim=None))]
    fn local(
        kind: &str,
        path: Option<PathBuf>,
        rate: Option<f64>,
        per_day: Option<usize>,
        dkim: Option<&DkimChoice>,
    ) -> PyResult<Self> {
        let choice = dkim.map(|dkim| Arc::clone(&dkim.0));
        let local = match (kind, path) {
            ("file", Some(folder)) => Local::files(&folder),
            ("sendmail", program) => Local::sendmail(program),
            _ => Local::null(),
        };
        let policy =
            Policy { retries: 0, give_up_after: None, backoff: Duration::ZERO, resend_unknown: false };
        let (idle, age) = (Duration::ZERO, Duration::ZERO);
        let bounds = Bounds { sessions: 1, idle, age, window: 1, messages: None, rate: None };
        let mailer = Mailer::new(Vec::new(), Some(local), bounds, policy, limits(rate, per_day, false));
        Ok(Self { mailer: Arc::new(mailer), contexts: Vec::new(), totals: Arc::default(), choice })
    }

    /// Sends one message in this thread, as `rsmtp._client.outgoing.prepare` has made it ready.
    /// `suppressed` are recipients that are held back, each with the reason. `timed`: the receipt
    /// has the course of the conversation.
    #[pyo3(signature = (item, prepared: "tuple[str, list[str], bytes | RenderedMessage, list[str], DeliveryOptions | None]", suppressed: "list[tuple[str, str]] | None" = None, *, timed=false))]
    fn send(
        &self,
        py: Python<'_>,
        item: &Bound<'_, PyAny>,
        prepared: Prepared<'_>,
        suppressed: Option<Vec<(String, String)>>,
        timed: bool,
    ) -> PyResult<Receipt> {
        let mut job = self.packer().pack(item, 0, prepared)?;
        hold_back(&mut job, parcel::suppressed(suppressed.unwrap_or_default()));
        let batch = self.batch(py, true, timed, None, None)?;
        let mut attendant = Attending::new(py, None)?;
        let payload = job.payload.clone();
        if let Err(error) = py.detach(|| payload.prepare(&mut || attendant.attend())) {
            return Err(attendant.take_raised().unwrap_or_else(|| to_python(py, &error)));
        }
        batch.push([job]);
        batch.end_of_input();
        let worked = py.detach(|| batch.work_here(&mut attendant));
        let receipt = batch.lock().queue.take_receipts().pop();
        if let Some(receipt) = &receipt {
            let mut one = Tally::default();
            one.count(receipt);
            self.totals.add(one, Tally::default());
        }
        let listener = batch.interest.listener;
        let messages = receipt.iter().filter(|_| listener.messages).map(|receipt| spoken(py, receipt));
        let log = Log { heard: std::mem::take(&mut batch.lock().queue.log), messages: messages.collect() };
        if let Some(exception) = attendant.take_raised().or_else(|| log.say(py, listener).err()) {
            if let Some(receipt) = receipt {
                // An exception class with slots may not accept the attribute. The exception is
                // raised in any case.
                let _ = exception.value(py).setattr("receipt", Receipt::new(receipt));
            }
            return Err(exception);
        }
        match (receipt, worked) {
            (receipt, Err(error)) => {
                let raised = to_python(py, &error);
                if let Some(receipt) = receipt {
                    let _ = raised.value(py).setattr("receipt", Receipt::new(receipt));
                }
                Err(raised)
            }
            (Some(receipt), Ok(())) => Ok(Receipt::new(receipt)),
            (None, Ok(())) => Err(PyRuntimeError::new_err("the message was not settled")),
        }
    }

    /// Begins to send many. With `every`, `go_on` returns a receipt for each;
    /// otherwise for each that did not go to every recipient, and for the first `kept`
    /// of the others.
    /// `recorded`: each line of the conversations is kept for the errors, and not only their
    /// beginnings.
    /// `note(indexes, settled)` is called before the ends of these messages are said, in a
    /// session's own thread or in the loop's: True, they are written down; False, not yet.
    /// `settled` has the recipients of each that were settled since it was noted last.
    /// `nudge` is given where an event loop moves the sessions, and not `go_on`: it is called by
    /// threads that sign, when there is more to send.
    /// `timed`: receipts have the course of the conversation, as far as it is recorded.
    #[pyo3(signature = (every, kept, recorded, note: "typing.Callable[[list[int], dict[int, list[Recipient]]], bool] | None" = None, nudge: "typing.Callable[[], None] | None" = None, *, timed=false))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn send_all(
        &self,
        py: Python<'_>,
        every: bool,
        kept: u64,
        recorded: bool,
        note: Option<Py<PyAny>>,
        nudge: Option<Py<PyAny>>,
        timed: bool,
    ) -> PyResult<Sending> {
        let by_threads = nudge.is_none();
        let nudge = nudge.map(|nudge| -> Box<dyn Nudge> { Box::new(Nudging(nudge)) });
        let batch = self.batch(py, recorded, timed, note, nudge)?;
        let (kept, totals) = (if every { u64::MAX } else { kept }, Arc::clone(&self.totals));
        Ok(Sending::new(batch, kept, by_threads, totals, self.packer()))
    }

    /// How a session with this server is to be held, for an event loop.
    fn settings(&self, py: Python<'_>, server: usize) -> Settings {
        let options = self.mailer.options(server, Instant::now());
        let hop = &self.mailer.hops[server];
        let implicit_tls = hop.security == Security::Implicit;
        let context = self.contexts[server].as_ref().map(|context| context.clone_ref(py));
        Settings { options, patience: hop.patience, implicit_tls, context }
    }

    /// Whose turn it is to have a session: a number that a worker queues by.
    #[getter]
    fn next_in_line(&self) -> Option<u64> {
        self.mailer.sessions().next_in_line()
    }

    /// The sessions at rest have gone with their event loop.
    fn forget(&self) {
        self.mailer.sessions().clear();
    }

    /// Numbers of messages so far, of all calls: sent to every recipient, refused for one at
    /// least, unknown for one at least, not sent, suppressed for all.
    #[getter]
    fn tally(&self) -> (u64, u64, u64, u64, u64) {
        self.totals.tally().as_tuple()
    }

    /// Idle sessions.
    #[getter]
    fn idle(&self) -> usize {
        self.mailer.sessions().at_rest()
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.mailer.sessions().is_closed()
    }

    /// Ends the sessions at rest; nothing can be sent any more.
    fn close(&self, py: Python<'_>) {
        self.mailer.sessions().close();
        py.detach(|| self.mailer.pool.clear());
    }
}

impl Engine {
    fn packer(&self) -> Packer {
        Packer::new(self.choice.clone())
    }

    fn batch(
        &self,
        py: Python<'_>,
        recorded: bool,
        timed: bool,
        note: Option<Py<PyAny>>,
        nudge: Option<Box<dyn Nudge>>,
    ) -> PyResult<Batch<Shipment>> {
        if self.is_closed() {
            return Err(PyRuntimeError::new_err("this mailer is closed"));
        }
        let ledger: Arc<dyn Ledger<Shipment>> = match note {
            Some(note) => Arc::new(Noting(note)),
            None => Arc::new(()),
        };
        let interest = Interest { listener: logs::listener(py)?, recorded, timed };
        Ok(Batch::new(Arc::clone(&self.mailer), ledger, interest, nudge))
    }
}

/// What wakes an event loop.
#[derive(Debug)]
struct Nudging(Py<PyAny>);

impl Nudge for Nudging {
    fn nudge(&self) {
        // A closed loop or an interpreter that shuts down needs no wake-up.
        let _ = Python::try_attach(|py| self.0.call0(py).is_ok());
    }
}

fn limits(rate: Option<f64>, per_day: Option<usize>, of_recipients: bool) -> Limits {
    let of = if of_recipients { Counted::Recipients } else { Counted::Messages };
    Limits {
        rate: rate.map(|rate| Rate::new(rate, Instant::now())),
        per_day: per_day.map(|most| PerDay::new(most, of)),
    }
}
