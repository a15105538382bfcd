//! Requests: arguments parsed into the engine's types before anything is sent.

use super::argument::{parameters, parse};
use super::credentials::{Login, credentials, secret};
use super::delivery_options::{AskedOptions, DeliveryOptions};
use super::error::{bad_argument, to_python};
use super::message::{MailData, Ready, ready};
use super::ssl_context::Raised;
use super::tls::{layer_for, make_layer};
use crate::address::{ForwardPath, ReversePath};
use crate::driver::{Operation, Until};
use crate::protocol;
use crate::protocol::Error;
use crate::protocol::auth::Credentials;
use crate::protocol::command::{BadText, ClientName, Command, Letters, LineText};
use crate::protocol::opening::{Plan, Security};
use crate::protocol::xclient::Xclient;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use std::sync::{Arc, Mutex, PoisonError};

/// What a client asks of a session, once.
///
/// Every constructor parses its arguments; ValueError names the one that could
/// not stand in the conversation (RFC 5321 4.1.2), before anything is sent.
#[pyclass(frozen, module = "rsmtp._rsmtp")]
pub struct Request {
    asked: Mutex<Option<Asked>>,
    /// Only sent: a reply is asked for by `Request.reply()`.
    unanswered: bool,
    /// Addresses as the caller wrote them, for results and exceptions.
    given: Given,
}

enum Asked {
    Session(protocol::Request),
    /// Octets as the caller framed them.
    Raw(PyBackedBytes),
    Reply,
    Response(Option<Vec<u8>>),
    StartTls {
        context: Option<Py<PyAny>>,
        host: Option<String>,
    },
    Open {
        name: ClientName,
        security: Security,
        credentials: Option<Credentials>,
        context: Option<Py<PyAny>>,
    },
}

/// Makes a request of a session, over any pump.
pub type Ask = Box<dyn FnOnce(&mut Operation) -> Result<(), Error> + Send>;

/// The addresses of a transaction as the caller wrote them.
#[derive(Default)]
pub struct Given {
    pub sender: Option<String>,
    pub recipients: Vec<String>,
}

impl Request {
    fn asking(asked: Asked) -> Self {
        Self { asked: Mutex::new(Some(asked)), unanswered: false, given: Given::default() }
    }

    fn new(request: protocol::Request) -> Self {
        Self::asking(Asked::Session(request))
    }

    fn command(command: Command) -> Self {
        Self::new(protocol::Request::Command(command))
    }

    /// For a conversation with `host`; where exceptions of an `ssl.SSLContext` are
    /// kept is `raised`.
    pub fn take(&self, py: Python<'_>, host: &str, raised: &Raised) -> PyResult<Ask> {
        let taken = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(match taken.ok_or_else(|| PyValueError::new_err("a request can be made once"))? {
            Asked::Session(request) => Box::new(|operation| operation.session_mut().request(request)),
            Asked::Raw(octets) => Box::new(move |operation| operation.session_mut().raw(&octets)),
            Asked::Reply => Box::new(|operation| operation.session_mut().expect_reply()),
            Asked::Response(response) => {
                Box::new(move |operation| operation.session_mut().respond(response.as_deref()))
            }
            Asked::StartTls { context, host: other } => {
                let context = context.as_ref().map(|context| context.bind(py));
                let layer = layer_for(py, context, other.as_deref().unwrap_or(host), raised)?;
                let layer = layer.map_err(|error| to_python(py, &error))?;
                Box::new(|operation| operation.start_tls(layer))
            }
            Asked::Open { name, security, credentials, context } => {
                let plan = Plan { security, server: host.into(), name, credentials, initial_response: true };
                let make_layer = make_layer(context, host.to_owned(), Some(Arc::clone(raised)));
                Box::new(|operation| {
                    operation.open(plan, make_layer);
                    Ok(())
                })
            }
        })
    }

    pub fn until(&self) -> Until {
        if self.unanswered { Until::Said } else { Until::Answered }
    }

    pub fn given(&self) -> &Given {
        &self.given
    }
}

impl Given {
    /// An error without an address is about the sender.
    pub fn blame(&self, error: Error) -> Error {
        Error { address: error.address.or_else(|| self.sender.clone()), ..error }
    }
}

mod given {
    crate::binding::argument::arguments! {
        user: text -> String;
        access_token: maybe_secret -> Option<String>;
    }

    pub fn maybe_password(given: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<Option<String>> {
        crate::binding::argument::checked("maybe_secret", "password", given)
    }
}

#[pymethods]
impl Request {
    /// The command line of a request that is a single command, in smtplib's
    /// letters: for clients that have their own way of sending one.
    #[getter]
    fn line(&self) -> Option<String> {
        match &*self.asked.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Asked::Session(protocol::Request::Command(command))) => {
                Some(command.line(true, Letters::Smtplib))
            }
            _ => None,
        }
    }

    /// Whether it is a command of a login or of mail, which is not for others to read.
    #[getter]
    fn is_private(&self) -> bool {
        match &*self.asked.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Asked::Session(protocol::Request::Command(command))) => command.verb().is_private(),
            _ => false,
        }
    }

    /// EHLO, or LHLO in an LMTP session. With `fall_back`, HELO follows if the
    /// server refuses EHLO (RFC 5321 3.2).
    #[staticmethod]
    #[pyo3(signature = (name, *, fall_back=false, lmtp=false))]
    fn ehlo(name: &str, fall_back: bool, lmtp: bool) -> PyResult<Self> {
        let name = parse("name", name)?;
        Ok(match (fall_back, lmtp) {
            (true, _) => Self::new(protocol::Request::Hello(name)),
            (false, true) => Self::command(Command::Lhlo(name)),
            (false, false) => Self::command(Command::Ehlo(name)),
        })
    }

    /// HELO (RFC 5321 4.1.1.1).
    #[staticmethod]
    fn helo(name: &str) -> PyResult<Self> {
        Ok(Self::command(Command::Helo(parse("name", name)?)))
    }

    /// AUTH (RFC 4954) by the session itself: with `mechanism`, or with the first
    /// that the server offers and the secret fits: under TLS PLAIN, otherwise the
    /// strongest, SCRAM before all. Either a password or an OAuth 2.0 access token; neither for
    /// EXTERNAL.
    #[staticmethod]
    #[pyo3(signature = (
        user, password=None, *, access_token=None, ticket=None, mechanism=None, initial_response=true
    ))]
    fn login(
        #[pyo3(from_py_with = given::user)] user: String,
        #[pyo3(from_py_with = given::maybe_password)] password: Option<String>,
        #[pyo3(from_py_with = given::access_token)] access_token: Option<String>,
        ticket: Option<Py<PyAny>>,
        mechanism: Option<&str>,
        initial_response: bool,
    ) -> PyResult<Self> {
        let credentials = credentials(&user, secret(password, access_token, ticket, mechanism)?, mechanism)?;
        Ok(Self::new(protocol::Request::Login { credentials, initial_response }))
    }

    /// AUTH whose responses the caller gives to each challenge.
    #[staticmethod]
    #[pyo3(signature = (mechanism, initial_response=None))]
    fn auth(mechanism: &str, initial_response: Option<Vec<u8>>) -> PyResult<Self> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if mechanism.is_empty() || !mechanism.chars().all(word) {
            return Err(bad_argument(
                "mechanism",
                &format!("{mechanism:?} is not the name of a SASL mechanism"),
            ));
        }
        Ok(Self::new(protocol::Request::AuthBy { mechanism: mechanism.to_owned(), initial_response }))
    }

    /// MAIL (RFC 5321 4.1.1.2). An empty sender is the null reverse-path.
    #[staticmethod]
    #[pyo3(signature = (sender, options=None))]
    fn mail(sender: &str, options: Option<Vec<String>>) -> PyResult<Self> {
        Ok(Self::command(Command::Mail(
            parse("sender", sender)?,
            parameters("options", &options.unwrap_or_default())?,
        )))
    }

    /// RCPT (RFC 5321 4.1.1.3).
    #[staticmethod]
    #[pyo3(signature = (recip, options=None))]
    fn rcpt(recip: &str, options: Option<Vec<String>>) -> PyResult<Self> {
        Ok(Self::command(Command::Rcpt(
            parse("recip", recip)?,
            parameters("options", &options.unwrap_or_default())?,
        )))
    }

    /// DATA and the mail data (RFC 5321 4.1.1.4). Line ends become CRLF and dots
    /// are stuffed on the way out.
    #[staticmethod]
    #[pyo3(signature = (msg: "bytes | RenderedMessage"))]
    fn data(msg: MailData) -> Self {
        Self::new(protocol::Request::MailData(msg.into()))
    }

    /// RSET (RFC 5321 4.1.1.5).
    #[staticmethod]
    fn rset() -> Self {
        Self::command(Command::Rset)
    }

    /// NOOP (RFC 5321 4.1.1.9).
    #[staticmethod]
    fn noop() -> Self {
        Self::command(Command::Noop(None))
    }

    /// VRFY (RFC 5321 4.1.1.6).
    #[staticmethod]
    fn vrfy(address: &str) -> PyResult<Self> {
        Ok(Self::command(Command::Vrfy(parse("address", address)?)))
    }

    /// EXPN (RFC 5321 4.1.1.7).
    #[staticmethod]
    fn expn(address: &str) -> PyResult<Self> {
        Ok(Self::command(Command::Expn(parse("address", address)?)))
    }

    /// HELP (RFC 5321 4.1.1.8).
    #[staticmethod]
    #[pyo3(signature = (args=""))]
    fn help(args: &str) -> PyResult<Self> {
        let text: LineText = parse("args", args)?;
        Ok(Self::command(Command::Help((!args.is_empty()).then_some(text))))
    }

    /// XCLIENT (Postfix): (name, value) for each attribute. Raises ValueError naming the one whose
    /// value can't be meant.
    #[staticmethod]
    fn xclient(attributes: Vec<(String, String)>) -> PyResult<Self> {
        let mut said = Xclient::default();
        for (name, value) in &attributes {
            let attribute = name.parse().map_err(|()| bad_argument(name, &"no attribute of XCLIENT"))?;
            said.add(attribute, value).map_err(|why| bad_argument(name, &format!("{value:?} {why}")))?;
        }
        Ok(Self::command(Command::Xclient(said)))
    }

    /// QUIT (RFC 5321 4.1.1.10).
    #[staticmethod]
    fn quit() -> Self {
        Self::command(Command::Quit)
    }

    /// STARTTLS (RFC 3207) and the handshake behind a 220. `host` is the name
    /// that the certificate must be for; default: the one connected to.
    #[staticmethod]
    #[pyo3(signature = (context: "object" = None, host=None))]
    fn starttls(context: Option<Py<PyAny>>, host: Option<String>) -> Self {
        Self::asking(Asked::StartTls { context, host })
    }

    /// Gets the session ready for mail, from where it stands: greeting, EHLO as `name`,
    /// STARTTLS by `security` ("none", "starttls", "implicit"; "default": unless the connection
    /// does not leave this machine; "opportunistic": where it is offered), EHLO again, AUTH. It
    /// comes to an `Opened`, also where it fails.
    #[staticmethod]
    #[pyo3(signature = (name, security, *, context: "object" = None, login=None))]
    fn opening(
        name: &str,
        security: &str,
        context: Option<Py<PyAny>>,
        login: Option<&Login>,
    ) -> PyResult<Self> {
        let credentials = login.map(|login| login.credentials.clone());
        let (name, security) = (parse("name", name)?, parse("security", security)?);
        Ok(Self::asking(Asked::Open { name, security, credentials, context }))
    }

    /// Answers the challenge of an AUTH exchange; None cancels it.
    #[staticmethod]
    #[pyo3(signature = (response))]
    fn response(response: Option<Vec<u8>>) -> Self {
        Self::asking(Asked::Response(response))
    }

    /// A command line of the caller's own. Its reply is not waited for: `reply` is.
    #[staticmethod]
    fn free(line: &str) -> PyResult<Self> {
        // The line may be an AUTH command or part of an exchange, so no error shows it.
        let line = line.parse().map_err(|bad: BadText| bad_argument("command and arguments", &bad.why()))?;
        let command = Self::command(Command::Free(line));
        Ok(Self { unanswered: true, ..command })
    }

    /// Octets as they are. A run of them is expected to earn one reply.
    #[staticmethod]
    fn raw(octets: PyBackedBytes) -> Self {
        Self { unanswered: true, ..Self::asking(Asked::Raw(octets)) }
    }

    /// The next reply.
    #[staticmethod]
    fn reply() -> Self {
        Self::asking(Asked::Reply)
    }

    /// A whole mail transaction (RFC 5321 3.3). SIZE, BODY and SMTPUTF8 are
    /// added where the server offers and the message needs them.
    #[staticmethod]
    #[pyo3(signature = (
        from_addr, to_addrs, msg: "bytes | RenderedMessage", mail_options=None, rcpt_options=None,
        delivery=None
    ))]
    fn transaction(
        from_addr: &str,
        to_addrs: Vec<String>,
        msg: MailData,
        mail_options: Option<Vec<String>>,
        rcpt_options: Option<Vec<String>>,
        delivery: Option<&DeliveryOptions>,
    ) -> PyResult<Self> {
        let recipients: PyResult<Vec<ForwardPath>> =
            to_addrs.iter().map(|to| parse("to_addrs", to)).collect();
        let asked = AskedOptions::read(mail_options, rcpt_options, delivery)?;
        let transaction =
            asked.transaction(parse::<ReversePath>("from_addr", from_addr)?, recipients?, msg.into());
        let given = Given { sender: Some(from_addr.to_owned()), recipients: to_addrs };
        Ok(Self { given, ..Self::new(protocol::Request::Transaction(transaction)) })
    }

    /// The transaction of a plain message of ours, its envelope named by its fields. None for
    /// anything else: `transaction` sends what `rsmtp._client.outgoing` has made of it.
    #[staticmethod]
    #[pyo3(signature = (msg: "object", mail_options=None, rcpt_options=None, delivery=None))]
    fn of_message(
        msg: &Bound<'_, PyAny>,
        mail_options: Option<Vec<String>>,
        rcpt_options: Option<Vec<String>>,
        delivery: Option<&DeliveryOptions>,
    ) -> PyResult<Option<Self>> {
        let Some(ready) = ready(msg)? else { return Ok(None) };
        let reverse_path = ready.reverse_path();
        let Ready { sender, recipients, content } = ready;
        let given = Given {
            sender: Some(sender.to_string()),
            recipients: recipients.iter().map(ToString::to_string).collect(),
        };
        let asked = AskedOptions::read(mail_options, rcpt_options, delivery)?;
        let is_binary = asked.typed.as_ref().is_some_and(|typed| typed.is_binary());
        let body = if is_binary { content.for_binary() } else { content.into() };
        let transaction = asked.transaction(reverse_path, recipients, body);
        Ok(Some(Self { given, ..Self::new(protocol::Request::Transaction(transaction)) }))
    }
}
