//! Converts the arguments of `Catcher.fault` to a fault.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::argument::bad_argument;
use crate::binding::argument;
use crate::catcher::{Armed, BadCertificate, Disconnect, Fault, FaultReply, Stage};
use crate::protocol::reply::Reply;

/// A fault as it stands.
#[pyclass(frozen, module = "rsmtp", get_all)]
pub struct ArmedFault {
    /// Which fault of the catcher's it is, from 1 on.
    number: u64,
    /// One of `Catcher.stages()`.
    stage: &'static str,
    /// The address or domain that it is for; None: for all.
    address: Option<String>,
    /// How many times the stage will still be passed unharmed.
    skip: u32,
    /// How many times it will still strike; None: always.
    times: Option<u32>,
    /// What it does, in words.
    text: String,
}

impl From<Armed> for ArmedFault {
    fn from(armed: Armed) -> Self {
        let Armed { number, fault, skip, left } = armed;
        let (stage, address, text) = (fault.stage.name(), fault.address.clone(), fault.to_string());
        Self { number, stage, address, skip, times: left, text }
    }
}

#[pymethods]
impl ArmedFault {
    fn __repr__(&self) -> String {
        format!("<ArmedFault {} at {}: {}>", self.number, self.stage, self.text)
    }
}

/// What `reply=` and `extra=` take.
#[derive(FromPyObject)]
pub enum Words<'py> {
    /// Octets, exactly as they are to go out.
    Raw(Bound<'py, PyBytes>),
    /// A code and its text.
    Reply(u16, Text),
    /// "usual".
    Named(String),
}

#[derive(FromPyObject)]
pub enum Text {
    One(String),
    Lines(Vec<String>),
}

/// What `disconnect=` takes.
#[derive(FromPyObject)]
pub enum End {
    Whether(bool),
    How(String),
}

/// What `reply=` takes: no other shape.
pub fn reply<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Words<'py>>> {
    shaped("reply", "(code, text), bytes, or \"usual\"", given)
}

/// What `extra=` takes.
pub fn extra<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Words<'py>>> {
    shaped("extra", "(code, text) or bytes", given)
}

/// What `disconnect=` takes.
pub fn end(given: &Bound<'_, PyAny>) -> PyResult<Option<End>> {
    shaped("disconnect", "True, \"fin\", \"reset\" or \"half-close\"", given)
}

fn shaped<'py, T>(name: &str, what: &str, given: &Bound<'py, PyAny>) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    if given.is_none() {
        return Ok(None);
    }
    let wanted = |_| argument::complete(given.py(), argument::wanted(name, what, given));
    given.extract().map(Some).map_err(wanted)
}

impl Words<'_> {
    /// What is said in place of the usual reply.
    pub fn reply(&self) -> PyResult<FaultReply> {
        Ok(match self {
            Words::Raw(octets) => FaultReply::Raw(octets.as_bytes().to_vec()),
            Words::Reply(code, text) => FaultReply::Reply { code: *code, wire: wire("reply", *code, text)? },
            Words::Named(name) if name == "usual" => FaultReply::Usual,
            Words::Named(name) => {
                let why = format!("(code, text), bytes or \"usual\" is wanted, not {name:?}");
                return Err(bad_argument("reply", &why));
            }
        })
    }

    /// What is said in addition.
    pub fn octets(&self) -> PyResult<Vec<u8>> {
        match self {
            Words::Raw(octets) => Ok(octets.as_bytes().to_vec()),
            Words::Reply(code, text) => wire("extra", *code, text),
            Words::Named(name) => {
                let why = format!("(code, text) or bytes is wanted, not {name:?}");
                Err(bad_argument("extra", &why))
            }
        }
    }
}

fn wire(argument: &str, code: u16, text: &Text) -> PyResult<Vec<u8>> {
    let text = match text {
        Text::One(text) => text.clone(),
        Text::Lines(lines) => lines.join("\n"),
    };
    if !(200..=599).contains(&code) {
        return Err(bad_argument(argument, &format!("{code} is no reply code; bytes can say anything")));
    }
    if text.contains(['\r', '\0']) {
        return Err(bad_argument(argument, &"CR and NUL can't stand in a reply; bytes can say anything"));
    }
    let mut wire = Vec::new();
    Reply::new(code, text).write_to(&mut wire);
    Ok(wire)
}

pub fn disconnect(end: Option<End>) -> PyResult<Option<Disconnect>> {
    Ok(match end {
        None | Some(End::Whether(false)) => None,
        Some(End::Whether(true)) => Some(Disconnect::Fin),
        Some(End::How(how)) => {
            let known = [
                ("fin", Disconnect::Fin),
                ("reset", Disconnect::Reset),
                ("half-close", Disconnect::HalfClose),
            ];
            Some(argument::one_of("disconnect", &how, &known)?)
        }
    })
}

pub fn certificate(name: &str) -> PyResult<BadCertificate> {
    let known = [
        ("wrong-name", BadCertificate::WrongName),
        ("expired", BadCertificate::Expired),
        ("not-yet-valid", BadCertificate::NotYetValid),
        ("untrusted", BadCertificate::Untrusted),
        ("self-signed", BadCertificate::SelfSigned),
    ];
    argument::one_of("certificate", name, &known)
}

/// Refuses what would have no effect where it is asked for.
pub fn check(fault: &Fault) -> PyResult<()> {
    let stage = fault.stage;
    if fault.certificate.is_some() && stage != Stage::Handshake {
        return Err(bad_argument("certificate", &"only at stage \"handshake\""));
    }
    if fault.after > 0 && stage != Stage::MailData {
        return Err(bad_argument("after", &"only at stage \"mail-data\""));
    }
    let has_address = matches!(stage, Stage::Mail | Stage::Rcpt | Stage::EndOfData);
    if fault.address.is_some() && !has_address {
        return Err(bad_argument(
            "address",
            &"only at stages \"MAIL\", \"RCPT\" and, in LMTP, \"end-of-data\"",
        ));
    }
    if fault.endless && matches!(fault.reply, FaultReply::Nothing) {
        return Err(bad_argument("endless", &"only together with reply"));
    }
    Ok(())
}
