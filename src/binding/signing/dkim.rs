//! `rsmtp.Dkim`.

use super::choice::choice;
use super::content::Contents;
use super::key::key;
use super::record::DnsRecord;
use crate::binding::argument::{complete, none_unknown, texts, wanted};
use crate::binding::attendant::Attending;
use crate::binding::error::{bad_argument, to_python};
use crate::binding::message::{Bytes, MailData, Message, RenderedMessage, Sendable, rendered_for_sending};
use crate::driver::Attendant;
use crate::sign::canonical::Form;
use crate::sign::dkim::Settings;
use crate::sign::{self, record};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// A DKIM signature (RFC 6376): for which domain, and by which key.
///
/// Args:
///     domain: the signing domain (`d=`), which DMARC compares with that of From.
///     selector: which of the domain's keys it is (`s=`): verifiers look for
///         `selector._domainkey.domain`.
///     key: the private key, RSA of 2048 bits at least or Ed25519: the path of a PEM file, or
///         PEM as text or bytes. For a key in an HSM or a KMS, a function: it gets the octets to
///         sign and returns the signature, for RSA RSASSA-PKCS1-v1_5 with SHA-256, for Ed25519
///         PureEdDSA (the octets are a SHA-256 digest already, RFC 8463). It may be called by
///         several threads at once.
///     algorithm: "rsa-sha256" (default) or "ed25519-sha256", for a key that is a function.
///     public_key: PEM, for a key that is a function: `dns_record` needs it, and each signature
///         is checked by it.
///     canonicalization: what may change on the way without breaking the signature, for the
///         header and the body: "relaxed/relaxed" (default), "relaxed/simple", "simple/relaxed"
///         or "simple/simple" (RFC 6376 3.4).
///     fields: the names of the fields that are signed, as far as a message has them. Default:
///         those that say who sent what to whom, and how to read it; List-Unsubscribe and
///         List-Unsubscribe-Post among them.
///     oversign: of those, the ones that are named once more than they occur: adding another one
///         on the way breaks the signature. Default: From, To, Cc, Subject and Reply-To; Date and
///         Message-ID where they are there, as servers add missing ones.
///     identity: on whose behalf it is signed (`i=`), as "@news.example.com".
///     expires: seconds after which the signature is no longer good (`x=`). Default: never.
///     seven_bit: whether what a message says in 8-bit is re-encoded in 7-bit lines before it is
///         signed. Servers without 8BITMIME would do it later, and break the signature. Given
///         octets are signed as they are.
///
/// An internationalized domain is written as A-labels. The key is read at once, and never shown:
/// raises ValueError for one that can't sign (encrypted, too short, a public one, of another
/// type), OSError for a file that can't be read, and ValueError for what can't stand in a
/// signature.
#[pyclass(frozen, module = "rsmtp")]
pub(crate) struct Dkim {
    pub dkim: Arc<sign::Dkim>,
    bits: Option<usize>,
}

mod given {
    crate::binding::argument::arguments! {
        fields: maybe_texts -> Option<Vec<String>>;
        oversign: maybe_texts -> Option<Vec<String>>;
        identity: maybe_text -> Option<String>;
        algorithm: maybe_text -> Option<String>;
        seven_bit: flag -> bool;
        utf8: maybe_flag -> Option<bool>;
    }
    super::texts! { canonicalization domain selector }
}

#[pymethods]
impl Dkim {
    #[new]
    #[pyo3(signature = (
        domain: "str", selector: "str",
        key: "str | bytes | bytearray | os.PathLike[str] | collections.abc.Callable[[bytes], bytes]", *,
        algorithm: "str | None" = None, public_key: "str | bytes | bytearray | os.PathLike[str] | None" = None,
        canonicalization: "str" = "relaxed/relaxed",
        fields: "collections.abc.Iterable[str] | None" = None,
        oversign: "collections.abc.Iterable[str] | None" = None,
        identity: "str | None" = None, expires: "int | None" = None, seven_bit: "bool" = true,
        **unknown: "typing.Never"
    ), text_signature = "(domain, selector, key, *, algorithm=None, public_key=None, \
        canonicalization='relaxed/relaxed', fields=None, oversign=None, identity=None, expires=None, seven_bit=True)")]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        domain: &Bound<'_, PyAny>,
        selector: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = given::algorithm)] algorithm: Option<String>,
        public_key: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = given::canonicalization)] canonicalization: &str,
        #[pyo3(from_py_with = given::fields)] fields: Option<Vec<String>>,
        #[pyo3(from_py_with = given::oversign)] oversign: Option<Vec<String>>,
        #[pyo3(from_py_with = given::identity)] identity: Option<String>,
        #[pyo3(from_py_with = expires)] expires: Option<u64>,
        #[pyo3(from_py_with = given::seven_bit)] seven_bit: bool,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        none_unknown("Dkim", &py.get_type::<Self>(), unknown)?;
        let (domain, selector) = (given::domain(domain)?.to_owned(), given::selector(selector)?.to_owned());
        let forms = canonicalization.split_once('/');
        let forms = forms.and_then(|(header, body)| Some((Form::from_name(header)?, Form::from_name(body)?)));
        let (header, body) = forms.ok_or_else(|| {
            let why =
                format!("{canonicalization:?} is not two of \"relaxed\" and \"simple\" with a \"/\" between");
            bad_argument("canonicalization", &why)
        })?;
        let settings = Settings {
            domain,
            selector,
            header,
            body,
            fields,
            oversigned: oversign,
            identity,
            expires,
            seven_bit,
        };
        let (key, bits) = self::key(key, algorithm.as_deref(), public_key)?;
        let dkim = sign::Dkim::new(settings, key).map_err(|bad| bad_argument(bad.name, &bad.why))?;
        Ok(Self { dkim: Arc::new(dkim), bits })
    }

    /// The signing domain, as A-labels.
    #[getter(domain)]
    fn signing_domain(&self) -> &str {
        &self.dkim.settings().domain
    }

    /// Which of the domain's keys it is.
    #[getter(selector)]
    fn its_selector(&self) -> &str {
        &self.dkim.settings().selector
    }

    /// "rsa-sha256" or "ed25519-sha256".
    #[getter(algorithm)]
    fn its_algorithm(&self) -> &'static str {
        self.dkim.key().algorithm().name()
    }

    /// What to publish in the DNS for this key: `name` and `value` of a TXT record, and as text
    /// the line of a zone file. Raises ValueError for a key that is a function, without its
    /// `public_key`.
    fn dns_record(&self) -> PyResult<DnsRecord> {
        let Some(public) = self.dkim.key().public_key() else {
            return Err(bad_argument("public_key", &"is missing: the function that signs does not tell it"));
        };
        let settings = self.dkim.settings();
        let name = record::name(&settings.selector, &settings.domain);
        Ok(DnsRecord { name, value: record::value(public) })
    }

    /// The message with this signature before it, ready to be sent, as `Message.sign` gives it:
    /// of any message, or of octets, which are signed as they are.
    #[pyo3(signature = (message: "bytes | bytearray | memoryview | RenderedMessage | email.message.Message[typing.Any, typing.Any]", *, utf8: "bool | None" = None) -> "bytes | RenderedMessage")]
    fn sign<'py>(
        slf: &Bound<'py, Self>,
        message: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = given::utf8)] utf8: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        signed(message, slf.as_any(), utf8)
    }

    fn __repr__(&self) -> String {
        let settings = self.dkim.settings();
        let bits = self.bits.map(|bits| format!(", {bits} bits")).unwrap_or_default();
        format!("<Dkim {}, selector {}, {}{bits}>", settings.domain, settings.selector, self.its_algorithm())
    }

    #[pyo3(signature = () -> "str")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a Dkim can't be pickled: a private key would travel with it. Make it anew where it is needed, \
             from the key's file",
        ))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyDict>) -> Py<Self> {
        slf
    }
}

fn expires(given: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if given.is_none() {
        return Ok(None);
    }
    let seconds = match given.extract::<u64>() {
        Ok(seconds) if seconds > 0 && seconds < 1 << 40 => Ok(Some(seconds)),
        Ok(_) => Err(PyValueError::new_err(format!("expires: {given} is not a number of seconds from 1 on"))),
        Err(_) if given.extract::<f64>().is_ok() => {
            Err(PyValueError::new_err(format!("expires: {given} is not a whole number of seconds from 1 on")))
        }
        Err(_) => Err(wanted("expires", "a number of seconds", given)),
    };
    seconds.map_err(|raised| complete(given.py(), raised))
}

/// A message, or octets, with the signatures that `dkim` has for it.
pub(crate) fn signed<'py>(
    message: &Bound<'py, PyAny>,
    dkim: &Bound<'_, PyAny>,
    utf8: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    let choice = choice(dkim)?;
    let contents = contents(message, utf8)?;
    let mut attendant = Attending::silent();
    let signed = py.detach(|| contents.signed(&choice, &mut || attendant.attend()));
    match signed {
        Ok(Some(signed)) => signed.into_object(py),
        Ok(None) => contents.into_object(py),
        Err(error) => Err(attendant.take_raised().unwrap_or_else(|| to_python(py, &error))),
    }
}

fn contents(message: &Bound<'_, PyAny>, utf8: Option<bool>) -> PyResult<Contents> {
    let py = message.py();
    if let Ok(ours) = message.cast::<Message>() {
        let utf8 = match utf8 {
            Some(utf8) => utf8,
            None => ours
                .get()
                .policy(py)
                .getattr_opt("utf8")?
                .is_some_and(|utf8| utf8.is_truthy().unwrap_or(false)),
        };
        return Ok(Contents::of_sendable(Sendable::from(rendered_for_sending(ours, utf8, None)?)));
    }
    if let Ok(rendered) = message.cast::<RenderedMessage>() {
        return Ok(Contents::of_data(MailData::Rendered(rendered.clone().unbind())));
    }
    if message.hasattr("get_all")? {
        let options = PyDict::new(py);
        options.set_item("utf8", utf8.unwrap_or(false))?;
        let outgoing = py.import("rsmtp._client.outgoing")?;
        let data = outgoing.call_method("render", (message,), Some(&options))?;
        let ours: MailData = data.extract()?;
        return Ok(Contents::of_data(ours));
    }
    if !Bytes::are(message) {
        return Err(wanted("message", "a message, or octets,", message));
    }
    Ok(Contents::of_octets(Bytes::of_buffer(message)?))
}
