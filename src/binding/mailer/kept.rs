//! Saves receipts and restores them, as a dictionary for JSON and as a pickle.

use super::parcel::{Parcel, Suppressed};
use super::receipt::Receipt;
use super::recipient::Recipient;
use crate::address::{ForwardPath, ReversePath};
use crate::binding::argument::{self, parse};
use crate::binding::error::bad_argument;
use crate::bulk;
use crate::protocol::Stage;
use crate::protocol::reply::Reply;
use crate::protocol::transaction::Fate;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::sync::Arc;
use std::time::Duration;

/// What a receipt that was read back can't find out from its message any more.
pub struct Kept {
    pub message_id: Option<String>,
    /// For each recipient, whether the same may succeed later.
    pub transient: Vec<bool>,
    /// What the server was told of delivery options: of the message, and with each recipient.
    pub options: Vec<String>,
    pub left_out: Vec<String>,
    pub of_recipients: Vec<Vec<String>>,
}

/// What is known of one recipient that is suppressed, or else of one that a server was to get.
enum Read {
    Suppressed(Suppressed),
    Told(Told),
}

/// What is known of one recipient.
struct Told {
    path: ForwardPath,
    fate: Fate,
    transient: bool,
    options: Vec<String>,
}

impl Read {
    fn from(told: &Bound<'_, PyDict>) -> PyResult<Self> {
        let address: String = wanted(told, "address")?;
        let fate: String = wanted(told, "fate")?;
        let code: Option<u16> = wanted(told, "code")?;
        let text: Option<String> = wanted(told, "text")?;
        if fate == "suppressed" {
            return Ok(Self::Suppressed(Suppressed { address, why: text.unwrap_or_default() }));
        }
        let reply = code.map(|code| Reply::new(code, text.unwrap_or_default()));
        let stage: Option<String> = wanted(told, "stage")?;
        let stage = stage.and_then(|name| Stage::ALL.into_iter().find(|stage| stage.name() == name));
        let fate = match (fate.as_str(), reply, stage) {
            ("sent", Some(reply), _) => Fate::Sent(reply),
            ("refused", Some(reply), Some(stage)) => Fate::Refused(stage, reply),
            ("unknown", ..) => Fate::Unknown,
            ("not sent", ..) => Fate::NotSent,
            _ => {
                let why = format!("{fate:?} with this code and stage is the fate of no recipient");
                return Err(bad_argument("fate", &why));
            }
        };
        let path = parse("address", &address)?;
        let options = texts(told, "options")?;
        Ok(Self::Told(Told { path, fate, transient: wanted(told, "transient")?, options }))
    }
}

/// What `from_dict` was given.
fn dict_of<'a, 'py>(told: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyDict>> {
    told.cast().map_err(|_| argument::wanted("told", "what to_dict() writes", told))
}

/// What stands there under this name. ValueError for what `to_dict` can't have written.
fn wanted<'py, T>(told: &Bound<'py, PyDict>, name: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    let value = told.get_item(name)?;
    let value =
        value.ok_or_else(|| PyValueError::new_err(format!("{name:?} is missing: this is no receipt")))?;
    value.extract().map_err(|_| bad_argument(name, &"is not what to_dict() writes"))
}

/// Texts that older versions did not write.
fn texts(told: &Bound<'_, PyDict>, name: &str) -> PyResult<Vec<String>> {
    if told.contains(name)? { wanted(told, name) } else { Ok(Vec::new()) }
}

#[pymethods]
impl Recipient {
    /// What it tells, for JSON: address, fate, stage, code, text, transient and
    /// options.
    #[pyo3(signature = () -> "dict[str, typing.Any]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        told.set_item("address", &self.address)?;
        told.set_item("fate", self.fate)?;
        told.set_item("stage", self.stage.map(Stage::name))?;
        told.set_item("code", self.reply.as_ref().map(Reply::code))?;
        told.set_item("text", self.text())?;
        told.set_item("transient", self.transient)?;
        told.set_item("options", &self.options)?;
        Ok(told)
    }

    /// One that `to_dict` has written. ValueError or TypeError for anything else.
    #[staticmethod]
    #[pyo3(signature = (told: "dict[str, typing.Any]"))]
    fn from_dict(told: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(match Read::from(dict_of(told)?)? {
            Read::Suppressed(one) => Self::suppressed(one),
            Read::Told(Told { path, fate, transient, options }) => {
                Self::new(&path, &fate, transient, options, None)
            }
        })
    }

    #[pyo3(signature = () -> "tuple[typing.Any, ...]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        Ok((py.get_type::<Self>().getattr("from_dict")?, (self.to_dict(py)?,)))
    }
}

#[pymethods]
impl Receipt {
    /// What it tells, for JSON: everything but the message. `error` is there in words.
    #[pyo3(signature = () -> "dict[str, typing.Any]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        told.set_item("index", self.receipt.index)?;
        told.set_item("from_addr", self.sender())?;
        told.set_item("message_id", self.message_id())?;
        told.set_item("attempts", self.receipt.attempts)?;
        told.set_item("server", self.receipt.server.as_deref())?;
        told.set_item("seconds", self.receipt.took.map(|took| took.as_secs_f64()))?;
        let error = self.error(py).map(|error| error.bind(py).str()).transpose()?;
        told.set_item("error", error)?;
        told.set_item("options", self.options())?;
        told.set_item("options_left_out", self.options_left_out())?;
        let recipients: PyResult<Vec<_>> = self.recipients().iter().map(|one| one.to_dict(py)).collect();
        told.set_item("recipients", PyList::new(py, recipients?)?)?;
        Ok(told)
    }

    /// One that `to_dict` has written. Its `message` is None, and its `error` an
    /// SMTPException with the same words. ValueError or TypeError for anything
    /// else.
    #[staticmethod]
    #[pyo3(signature = (told: "dict[str, typing.Any]"))]
    fn from_dict(told: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, told) = (told.py(), dict_of(told)?);
        let words: Option<String> = wanted(told, "error")?;
        let error = match words {
            None => py.None(),
            Some(words) => py.import("rsmtp.errors")?.getattr("SMTPException")?.call1((words,))?.unbind(),
        };
        Self::_restored(told, py.None(), error)
    }

    /// One out of a pickle.
    #[staticmethod]
    #[pyo3(signature = (told: "dict[str, typing.Any]", message: "object", error: "BaseException | None"))]
    fn _restored(told: &Bound<'_, PyDict>, message: Py<PyAny>, error: Py<PyAny>) -> PyResult<Self> {
        let py = told.py();
        let recipients: Vec<Bound<'_, PyDict>> = wanted(told, "recipients")?;
        let (mut suppressed, mut read) = (Vec::new(), Vec::new());
        for one in &recipients {
            match Read::from(one)? {
                Read::Suppressed(one) => suppressed.push(one),
                Read::Told(one) => read.push(one),
            }
        }
        let recipients = read;
        let transient = recipients.iter().map(|one| one.transient).collect();
        let of_recipients = recipients.iter().map(|one| one.options.clone()).collect();
        let sender: String = wanted(told, "from_addr")?;
        let reverse_path: ReversePath = parse("from_addr", &sender)?;
        let seconds: Option<f64> = wanted(told, "seconds")?;
        let server: Option<String> = wanted(told, "server")?;
        let receipt = bulk::Receipt {
            index: wanted(told, "index")?,
            payload: Arc::new(Parcel::empty(message, suppressed)),
            reverse_path,
            recipients: recipients.into_iter().map(|one| (one.path, one.fate)).collect(),
            attempts: wanted(told, "attempts")?,
            server: server.map(Into::into),
            error: None,
            trace: None,
            options: None,
            took: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            ended: None,
            course: None,
        };
        let kept = Kept {
            message_id: wanted(told, "message_id")?,
            transient,
            options: texts(told, "options")?,
            left_out: texts(told, "options_left_out")?,
            of_recipients,
        };
        Ok(Self { receipt, raised: Some(error).filter(|error| !error.is_none(py)), kept: Some(kept) })
    }

    /// With its message, which has to be one that can be pickled.
    #[pyo3(signature = () -> "tuple[typing.Any, ...]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let restored = py.get_type::<Self>().getattr("_restored")?;
        let error = self.error(py).map_or_else(|| py.None(), Py::into_any);
        Ok((restored, (self.to_dict(py)?, self.message(py), error)))
    }
}

type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyDict>, Py<PyAny>, Py<PyAny>));
