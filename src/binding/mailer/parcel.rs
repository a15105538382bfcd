//! Converts the items that the caller supplies to jobs.

use crate::address::{ForwardPath, ReversePath};
use crate::binding::argument::{parameters, parse};
use crate::binding::delivery_options::DeliveryOptions;
use crate::binding::error::bad_argument;
use crate::binding::message::{MailData, Ready, Sendable};
use crate::binding::signing::{Contents, Sealed};
use crate::bulk::{Job, Payload};
use crate::protocol::transaction::Recipients;
use crate::protocol::{Body, Error};
use crate::sign::Choice;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyList, PyString, PyTuple};
use std::iter::once;
use std::sync::Arc;

/// A recipient that the mailer's own rules keep the message from, and why.
#[derive(Clone)]
pub struct Suppressed {
    pub address: String,
    pub why: String,
}

/// The mail data, and the caller's own object for the receipt.
pub struct Parcel {
    pub item: Py<PyAny>,
    pub suppressed: Vec<Suppressed>,
    content: Content,
}

enum Content {
    /// The parcel itself holds them: a body of it is made without memory of its own.
    Octets(PyBackedBytes),
    /// Written for this message.
    Written(Vec<u8>),
    Rendered {
        body: Body,
        size: usize,
    },
    /// Signed before it is sent.
    Sealed(Sealed),
}

impl Content {
    fn of_body(body: Body) -> Self {
        Content::Rendered { size: body.size_in_memory(), body }
    }
}

impl Parcel {
    /// For what can't be sent.
    pub fn empty(item: Py<PyAny>, suppressed: Vec<Suppressed>) -> Self {
        let content = Content::Rendered { body: Body::new([]), size: 0 };
        Self { item, suppressed, content }
    }
}

pub type Shipment = Arc<Parcel>;

impl Payload for Shipment {
    fn body(&self) -> Body {
        match &self.content {
            Content::Octets(_) | Content::Written(_) => Body::shared(Self::clone(self)),
            Content::Rendered { body, .. } => body.clone(),
            Content::Sealed(sealed) => sealed.body(),
        }
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Octets(octets) => octets.len(),
            Content::Written(octets) => octets.capacity(),
            Content::Rendered { size, .. } => *size,
            Content::Sealed(sealed) => sealed.size(),
        }
    }

    fn is_prepared(&self) -> bool {
        !matches!(&self.content, Content::Sealed(sealed) if !sealed.is_signed())
    }

    fn prepare(&self, attend: &mut dyn FnMut() -> Result<(), Error>) -> Result<(), Error> {
        match &self.content {
            Content::Sealed(sealed) => sealed.sign(attend),
            _ => Ok(()),
        }
    }
}

impl AsRef<[u8]> for Parcel {
    fn as_ref(&self) -> &[u8] {
        match &self.content {
            Content::Octets(octets) => octets,
            Content::Written(octets) => octets,
            Content::Rendered { .. } | Content::Sealed(_) => &[],
        }
    }
}

/// Addresses come again and again: each is parsed once.
#[derive(Default)]
pub struct Packer {
    /// Who signs what goes out.
    choice: Option<Arc<Choice>>,
    sender: Option<(String, ReversePath)>,
    recipient: Option<(String, ForwardPath)>,
}

/// Sender, recipients, data, MAIL options and delivery options of a message, as
/// `rsmtp._client.outgoing.prepare` gives them.
pub type Prepared<'py> =
    (Bound<'py, PyAny>, Bound<'py, PyAny>, MailData, Vec<String>, Option<Bound<'py, DeliveryOptions>>);

/// `(from_addr, to_addrs, data)` with addresses and data that are there already.
pub fn as_prepared<'py>(item: &Bound<'py, PyAny>) -> Option<Prepared<'py>> {
    let tuple = item.cast::<PyTuple>().ok().filter(|tuple| tuple.len() == 3)?;
    let data: MailData = tuple.get_item(2).ok()?.extract().ok()?;
    if data.has_utf8_fields() {
        return None;
    }
    let to_addrs = tuple.get_item(1).ok()?;
    // Other types may run the caller's code, and a tuple may be (name, address).
    let is_there = to_addrs.is_exact_instance_of::<PyString>()
        || to_addrs
            .cast_exact::<PyList>()
            .is_ok_and(|list| list.iter().all(|one| !one.is_instance_of::<PyTuple>()));
    let from_addr = tuple.get_item(0).ok().filter(|from_addr| !from_addr.is_instance_of::<PyTuple>())?;
    is_there.then_some((from_addr, to_addrs, data, Vec::new(), None))
}

/// `(address, why)`, as `rsmtp._mailer.rules` gives them.
pub fn suppressed(given: Vec<(String, String)>) -> Vec<Suppressed> {
    given.into_iter().map(|(address, why)| Suppressed { address, why }).collect()
}

/// What of a message is held back stands in its parcel, which nothing else has yet.
pub fn hold_back(job: &mut Job<Shipment>, these: Vec<Suppressed>) {
    if let Some(parcel) = Arc::get_mut(&mut job.payload) {
        parcel.suppressed = these;
    }
}

impl Packer {
    pub fn new(choice: Option<Arc<Choice>>) -> Self {
        Self { choice, ..Self::default() }
    }

    /// Whether something is to be done about messages before they are sent.
    pub fn signs(&self) -> bool {
        self.choice.is_some()
    }

    /// An error is the caller's: this one can't be sent as it is.
    pub fn pack(
        &mut self,
        item: &Bound<'_, PyAny>,
        index: u64,
        prepared: Prepared<'_>,
    ) -> PyResult<Job<Shipment>> {
        let (from_addr, to_addrs, data, mail_options, delivery) = prepared;
        let reverse_path = self.sender(&text("from_addr", &from_addr)?)?;
        let recipients = self.recipients(&to_addrs)?;
        if self.choice.is_some() && delivery.as_ref().is_some_and(|asked| asked.get().options.is_binary()) {
            let why = "this mailer signs what it sends, and a signature is over lines of text: octets that go out \
                       as they are (BINARYMIME) can't have one";
            return Err(bad_argument("binary", &why));
        }
        let content = match (&self.choice, data) {
            (Some(choice), data) => Content::Sealed(Sealed::new(Contents::of_data(data), Arc::clone(choice))),
            (None, MailData::Whole(octets)) => Content::Octets(octets),
            (None, rendered) => Content::of_body(rendered.into()),
        };
        let parcel = Parcel { item: item.clone().unbind(), suppressed: Vec::new(), content };
        let mut job = Job::new(index, Arc::new(parcel), reverse_path, []);
        job.recipients = recipients;
        if !mail_options.is_empty() {
            job.mail_parameters = parameters("mail_options", &mail_options)?.into();
        }
        job.options = delivery.map(|delivery| Arc::clone(&delivery.get().options));
        Ok(job)
    }

    /// A message of ours, which is fit to be sent.
    pub fn pack_ready(&self, item: &Bound<'_, PyAny>, index: u64, ready: Ready) -> Job<Shipment> {
        let reverse_path = ready.reverse_path();
        let content = match (&self.choice, ready.content) {
            (Some(choice), content) => {
                Content::Sealed(Sealed::new(Contents::of_sendable(content), Arc::clone(choice)))
            }
            (None, Sendable::Octets(octets)) => Content::Written(octets),
            (None, rendered) => Content::of_body(rendered.into()),
        };
        let parcel = Parcel { item: item.clone().unbind(), suppressed: Vec::new(), content };
        Job::new(index, Arc::new(parcel), reverse_path, ready.recipients)
    }

    fn sender(&mut self, address: &PyBackedStr) -> PyResult<ReversePath> {
        if let Some((known, path)) = &self.sender
            && **known == **address
        {
            return Ok(path.clone());
        }
        let path: ReversePath = parse("from_addr", address)?;
        self.sender = Some((address.to_string(), path.clone()));
        Ok(path)
    }

    fn recipient(&mut self, address: &PyBackedStr) -> PyResult<ForwardPath> {
        if let Some((known, path)) = &self.recipient
            && **known == **address
        {
            return Ok(path.clone());
        }
        let path: ForwardPath = parse("to_addrs", address)?;
        self.recipient = Some((address.to_string(), path.clone()));
        Ok(path)
    }

    fn recipients(&mut self, addresses: &Bound<'_, PyAny>) -> PyResult<Recipients> {
        if let Ok(list) = addresses.cast::<PyList>()
            && list.len() == 1
        {
            return Ok(once(self.recipient(&text("to_addrs", &list.get_item(0)?)?)?).collect());
        }
        if addresses.is_instance_of::<PyString>() {
            return Ok(once(self.recipient(&text("to_addrs", addresses)?)?).collect());
        }
        let mut recipients: Vec<ForwardPath> = Vec::new();
        let iterator = addresses
            .try_iter()
            .map_err(|_| bad_argument("to_addrs", &"is neither an address nor an iterable of addresses"))?;
        for address in iterator {
            recipients.push(parse("to_addrs", &text("to_addrs", &address?)?)?);
        }
        if recipients.is_empty() {
            return Err(bad_argument("to_addrs", &"the message has no recipients"));
        }
        Ok(recipients.into_iter().collect())
    }
}

fn text(argument: &str, given: &Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    given.extract().map_err(|_| {
        let kind = given.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
        pyo3::exceptions::PyTypeError::new_err(format!("{argument}: an address is text, not {kind}"))
    })
}
