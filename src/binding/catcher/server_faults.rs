//! The catcher's methods about faults.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::argument::{named, seconds};
use super::fault::{self, ArmedFault, End, Words};
use super::server::Catcher;
use crate::binding::argument::none_unknown;
use crate::catcher::{Fault, FaultReply, Stage};

mod given {
    crate::binding::argument::arguments! {
        stage: text -> String;
        address: maybe_text -> Option<String>;
        times: maybe_times -> Option<u32>;
        skip: times -> u32;
        delay: number -> f64;
        drip: maybe_number -> Option<f64>;
        endless: flag -> bool;
        stall: flag -> bool;
        accept: maybe_flag -> Option<bool>;
        after: count -> u64;
        number: count -> u64;
        certificate: maybe_text -> Option<String>;
    }
}

#[pymethods]
impl Catcher {
    /// Misbehaves from now on when `stage` is reached.
    ///
    /// Of several faults that fit, the first one added acts. Without any other
    /// argument than `stage`, nothing changes. Returns the fault's number.
    ///
    /// Args:
    ///     stage: one of Catcher.stages().
    ///     reply: what is said in place of the usual reply: (code, text), with a
    ///         list of lines or line feeds for a reply of several lines; bytes,
    ///         to be sent exactly so; "usual" for the usual reply. A reply of
    ///         another class than the usual one takes the command's effect
    ///         away; after (421, text) the catcher disconnects.
    ///     address: only for this address, or for the domain if it starts with
    ///         "@": the recipient at "RCPT" and (LMTP) "end-of-data", the
    ///         sender at "MAIL".
    ///     times: so many times; None: always.
    ///     skip: so many times the stage is passed unharmed before that.
    ///     delay: seconds before the reply.
    ///     drip: the reply goes out octet by octet, with so many seconds between.
    ///     extra: a second reply, right behind the first one: (code, text) or
    ///         bytes.
    ///     endless: the reply is repeated until the client leaves.
    ///     stall: no reply ever, and the connection stays open.
    ///     disconnect: True or "fin" (in order), "reset" (TCP's RST), or
    ///         "half-close" (the catcher says no more but reads on); after the
    ///         reply if one is given, instead of it otherwise.
    ///     accept: whether the command takes effect all the same: True keeps a
    ///         message whose 250 is never heard.
    ///     after: at "mail-data": only after so many octets.
    ///     certificate: at "handshake": "wrong-name", "expired",
    ///         "not-yet-valid", "untrusted" or "self-signed".
    ///
    /// Raises ValueError for arguments that make no sense.
    #[pyo3(signature = (
        stage: "str",
        *,
        reply: "tuple[int, str | collections.abc.Sequence[str]] | bytes | typing.Literal['usual'] | None" = None,
        address: "str | None" = None,
        times: "int | None" = None,
        skip: "int" = 0,
        delay: "float" = 0.0,
        drip: "float | None" = None,
        extra: "tuple[int, str | collections.abc.Sequence[str]] | bytes | None" = None,
        endless: "bool" = false,
        stall: "bool" = false,
        disconnect: "bool | typing.Literal['fin', 'reset', 'half-close'] | None" = None,
        accept: "bool | None" = None,
        after: "int" = 0,
        certificate: "typing.Literal['wrong-name', 'expired', 'not-yet-valid', 'untrusted', 'self-signed'] | None" = None,
        **unknown: "typing.Never",
    ), text_signature = "($self, stage, *, reply=None, address=None, times=None, skip=0, delay=0.0, drip=None, \
        extra=None, endless=False, stall=False, disconnect=None, accept=None, after=0, certificate=None)")]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn fault(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = given::stage)] stage: String,
        #[pyo3(from_py_with = fault::reply)] reply: Option<Words<'_>>,
        #[pyo3(from_py_with = given::address)] address: Option<String>,
        #[pyo3(from_py_with = given::times)] times: Option<u32>,
        #[pyo3(from_py_with = given::skip)] skip: u32,
        #[pyo3(from_py_with = given::delay)] delay: f64,
        #[pyo3(from_py_with = given::drip)] drip: Option<f64>,
        #[pyo3(from_py_with = fault::extra)] extra: Option<Words<'_>>,
        #[pyo3(from_py_with = given::endless)] endless: bool,
        #[pyo3(from_py_with = given::stall)] stall: bool,
        #[pyo3(from_py_with = fault::end)] disconnect: Option<End>,
        #[pyo3(from_py_with = given::accept)] accept: Option<bool>,
        #[pyo3(from_py_with = given::after)] after: u64,
        #[pyo3(from_py_with = given::certificate)] certificate: Option<String>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        none_unknown("fault", &slf.getattr("fault")?, unknown)?;
        let stage: Stage = named("stage", &stage, Stage::ALL.iter().map(|known| known.name()))?;
        let disconnect = fault::disconnect(disconnect)?;
        let reply = match reply {
            Some(words) => words.reply()?,
            None if disconnect.is_some() => FaultReply::Nothing,
            None => FaultReply::Usual,
        };
        let fault = Fault {
            stage,
            address,
            skip,
            times,
            after,
            delay: seconds("delay", delay)?,
            reply,
            drip: drip.map(|pause| seconds("drip", pause)).transpose()?,
            endless,
            extra: extra.map_or(Ok(Vec::new()), |words| words.octets())?,
            stall,
            disconnect,
            accept,
            certificate: certificate.as_deref().map(fault::certificate).transpose()?,
        };
        fault::check(&fault)?;
        Ok(slf.get().inner.faults().add(fault))
    }

    /// The faults that were added, used-up ones too, in their order.
    #[getter]
    fn faults(&self) -> Vec<ArmedFault> {
        self.inner.faults().list().into_iter().map(ArmedFault::from).collect()
    }

    /// Takes one fault away, by its number. Returns whether it was there.
    #[pyo3(signature = (number: "int"))]
    fn remove_fault(&self, #[pyo3(from_py_with = given::number)] number: u64) -> bool {
        self.inner.faults().remove(number)
    }

    /// Behaves well again.
    fn clear_faults(&self) {
        self.inner.faults().clear();
    }

    /// Every stage at which a fault can strike, by name.
    #[staticmethod]
    fn stages() -> Vec<&'static str> {
        Stage::ALL.iter().map(|stage| stage.name()).collect()
    }
}
