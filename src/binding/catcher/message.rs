//! A message that the catcher has accepted, as Python reads it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;

use pyo3::exceptions::PyRecursionError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::type_hint_identifier;
use pyo3::types::{PyBytes, PyDict};

use super::conversation::CaughtConversation;
use crate::catcher::{Client, Parameters, Received, counted};

/// A message that the catcher has accepted: its envelope, its mail data, and
/// how it came.
#[pyclass(frozen, module = "rsmtp")]
pub struct CaughtMessage {
    received: Arc<Received>,
    email: PyOnceLock<Py<PyAny>>,
}

impl CaughtMessage {
    pub fn new(received: Arc<Received>) -> Self {
        Self { received, email: PyOnceLock::new() }
    }
}

crate::binding::display::displayed!(CaughtMessage, "rsmtp.display.caught", "message");

#[pymethods]
impl CaughtMessage {
    /// The reverse-path of MAIL; empty for the null reverse-path `<>`.
    #[getter]
    fn mail_from(&self) -> &str {
        &self.received.mail_from
    }

    /// The forward-paths that were accepted, in order. In LMTP: those accepted
    /// after the mail data too.
    #[getter]
    fn rcpt_tos(&self) -> Vec<&str> {
        self.received.recipients.iter().map(|recipient| recipient.address.as_str()).collect()
    }

    /// MAIL's parameters (SIZE, BODY, SMTPUTF8, AUTH, RET, ENVID, REQUIRETLS, HOLDFOR, HOLDUNTIL,
    /// BY, MT-PRIORITY, XVERP): keywords in capitals, values as they came, None for a keyword without a
    /// value.
    #[getter]
    fn mail_parameters(&self) -> BTreeMap<&str, Option<&str>> {
        by_keyword(&self.received.mail_parameters)
    }

    /// RCPT's parameters (NOTIFY, ORCPT, RRVS), one dict for each of rcpt_tos.
    #[getter]
    fn rcpt_parameters(&self) -> Vec<BTreeMap<&str, Option<&str>>> {
        self.received.recipients.iter().map(|recipient| by_keyword(&recipient.parameters)).collect()
    }

    /// The mail data exactly as it came, except that the stuffed dots of DATA
    /// are taken away again (RFC 5321 section 4.5.2).
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.received.data)
    }

    /// The octets of the mail data.
    #[getter]
    fn size(&self) -> u64 {
        self.received.size
    }

    /// The mail data as an `email.message.EmailMessage`, parsed by the standard
    /// library when it is first asked for. Its lines end with LF, as that
    /// library's own do; `data` has the CRLF that were sent. Of parts
    /// nested deeper than it can read, some hundred, that is the header alone.
    #[getter]
    fn email<'py>(&self, py: Python<'py>) -> PyResult<EmailMessage<'py>> {
        let parsed = self.email.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
            let kwargs = PyDict::new(py);
            kwargs.set_item("policy", py.import("email.policy")?.getattr("default")?)?;
            let parse = py.import("email")?.getattr("message_from_bytes")?;
            let data = self.data(py).call_method1("replace", (b"\r\n", b"\n"))?;
            let parsed = match parse.call((&data,), Some(&kwargs)) {
                Err(raised) if raised.is_instance_of::<PyRecursionError>(py) => {
                    let parse = py.import("functools")?.getattr("partial")?.call((parse,), Some(&kwargs))?;
                    py.import("rsmtp.display.reader")?.call_method1("parsed", (data, parse))?
                }
                done => done?,
            };
            Ok(parsed.unbind())
        })?;
        Ok(EmailMessage(parsed.bind(py).clone()))
    }

    /// What was said: how the connection was opened, and this message's own
    /// transaction. Secrets are masked, the mail data is left out.
    #[getter]
    fn conversation(&self) -> CaughtConversation {
        CaughtConversation::of_message(&self.received.client, &self.received.conversation)
    }

    /// Which message of the catcher's it is, from 1 on.
    #[getter]
    fn number(&self) -> u64 {
        self.received.id
    }

    /// The queue id that the client was told: `250 2.0.0 Ok: queued as 1F`.
    #[getter]
    fn queue_id(&self) -> String {
        format!("{:X}", self.received.id)
    }

    /// When its mail data had come in, in UTC.
    #[getter]
    fn received_at(&self) -> SystemTime {
        self.received.at
    }

    /// Whether the mail data came by BDAT (RFC 3030) and not by DATA.
    #[getter]
    fn chunked(&self) -> bool {
        self.received.chunked
    }

    /// The client's socket address, as `127.0.0.1:40000`; `unix` for a Unix
    /// socket; what XCLIENT has said instead.
    #[getter]
    fn peer(&self) -> &str {
        &self.received.client.peer
    }

    /// The name that the client gave with EHLO, HELO or LHLO.
    #[getter]
    fn helo(&self) -> &str {
        &self.received.client.helo
    }

    /// The user name that the client had logged in with; None without a login.
    #[getter]
    fn username(&self) -> Option<&str> {
        self.received.client.user.as_deref()
    }

    /// Another name of `username`.
    #[getter]
    fn user(&self) -> Option<&str> {
        self.username()
    }

    /// What the client has said by XCLIENT of the one that it speaks for: NAME, ADDR, PORT, PROTO,
    /// HELO, LOGIN, DESTADDR, DESTPORT, as far as it has. Empty without XCLIENT.
    #[getter]
    fn xclient(&self) -> BTreeMap<&str, &str> {
        self.received.client.xclient.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// What was agreed on in the TLS handshake; None without TLS.
    #[getter]
    fn tls(&self) -> Option<CaughtTls> {
        CaughtTls::of(&self.received.client)
    }

    fn __repr__(&self) -> String {
        let received = &self.received;
        format!(
            "<CaughtMessage from {:?} to {:?}, {}>",
            received.mail_from,
            self.rcpt_tos(),
            counted(received.size, "octet")
        )
    }
}

fn by_keyword(parameters: &Parameters) -> BTreeMap<&str, Option<&str>> {
    parameters.iter().map(|(keyword, value)| (keyword.as_str(), value.as_deref())).collect()
}

/// The standard library's class, by its name in the stubs.
struct EmailMessage<'py>(Bound<'py, PyAny>);

impl<'py> IntoPyObject<'py> for EmailMessage<'py> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    const OUTPUT_TYPE: PyStaticExpr = type_hint_identifier!("email.message", "EmailMessage");

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.0)
    }
}

/// What the catcher and a client agreed on in a TLS handshake.
#[pyclass(frozen, module = "rsmtp", get_all)]
pub struct CaughtTls {
    /// As `TLSv1.3`.
    version: String,
    /// The cipher suite's IANA name.
    cipher: String,
    /// The host that the client asked for (SNI); None if it named none.
    server_name: Option<String>,
}

impl CaughtTls {
    pub fn of(client: &Client) -> Option<Self> {
        let facts = client.tls.clone()?;
        Some(Self { version: facts.version, cipher: facts.cipher, server_name: facts.server_name })
    }
}

#[pymethods]
impl CaughtTls {
    fn __repr__(&self) -> String {
        format!("<CaughtTls {} with {}>", self.version, self.cipher)
    }
}
