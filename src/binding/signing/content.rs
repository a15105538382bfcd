//! Content that is signed before it is sent. It is read once for signing and once for sending.

use crate::binding::error::Told;
use crate::binding::message::{Bytes, MailData, RenderedMessage, Sendable, in_seven_bits, mail_body};
use crate::message::rope::Rope;
use crate::protocol::{Body, Error, Kind, Stage, Unreadable};
use crate::sign::reading::Reader;
use crate::sign::{Choice, Signer, Unsigned};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Asked now and then whether to go on.
pub(crate) type Attend<'a> = &'a mut dyn FnMut() -> Result<(), Error>;

/// Mail data content before it is signed.
#[derive(Clone)]
pub(crate) struct Contents {
    rope: Arc<Rope<Bytes>>,
    /// A message was written, and may be written otherwise. Octets that the caller has given
    /// go out as they are.
    is_ours: bool,
}

impl Contents {
    /// The caller's own.
    pub fn of_octets(octets: Bytes) -> Self {
        let mut rope = Rope::new();
        rope.push_body(octets);
        Contents { rope: Arc::new(rope), is_ours: false }
    }

    pub fn of_data(data: MailData) -> Self {
        match data {
            MailData::Whole(octets) => Self::of_octets(Bytes::Raw(octets)),
            MailData::Rendered(message) => Contents { rope: message.get().rope(), is_ours: true },
        }
    }

    pub fn of_sendable(content: Sendable) -> Self {
        let rope = match content {
            Sendable::Octets(octets) => {
                let mut rope = Rope::new();
                rope.push_body(Bytes::Owned(octets));
                Arc::new(rope)
            }
            Sendable::Rendered(message) => message.rope(),
        };
        Contents { rope, is_ours: true }
    }

    pub fn body(&self) -> Body {
        match self.is_ours {
            true => mail_body(Arc::clone(&self.rope)),
            false => Body::new(Given(Arc::clone(&self.rope))),
        }
    }

    /// With the signatures that it gets; None: it gets none, and goes as it is.
    pub fn signed(&self, choice: &Choice, attend: Attend<'_>) -> Result<Option<Sendable>, Error> {
        let signers = match choice {
            Choice::Always(signers) => Arc::clone(signers),
            Choice::ByDomain(_) => {
                let mut reader = Reader::new(&[]);
                self.body().each_canonical(|octets| {
                    reader.update(octets);
                    Ok::<_, Failed>(!reader.has_header())
                })?;
                let reading = reader.finish();
                reading.header().and_then(|header| choice.of(&header)).map_err(Failed::from)?
            }
        };
        if signers.is_empty() {
            return Ok(None);
        }
        let settled = self.settled(&signers);
        let mut reader = Reader::new(&signers);
        settled.body().each_canonical(|octets| {
            attend().map_err(Failed::Told)?;
            reader.update(octets);
            Ok::<_, Failed>(true)
        })?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let fields = reader.finish().fields(&signers, now).map_err(Failed::from)?;
        if fields.is_empty() {
            return Ok(None);
        }
        let rope = settled.rope;
        let new = rope.behind(&fields, |place| Bytes::Kept(Arc::clone(&rope), place));
        Ok(Some(Sendable::signed(new)))
    }

    pub fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self.is_ours {
            true => Ok(Bound::new(py, RenderedMessage::shared(self.rope))?.into_any()),
            false => Ok(PyBytes::new(py, Given(self.rope).as_ref()).into_any()),
        }
    }

    /// In the form that is signed: nothing changes it afterwards. What can't be said in 7-bit
    /// lines, because it is signed or encrypted already, stays as it is.
    fn settled(&self, signers: &[Arc<dyn Signer>]) -> Self {
        let seven_bit = self.is_ours && signers.iter().any(|signer| signer.wants_seven_bit());
        if !seven_bit || self.rope.is_ascii() || self.rope.has_utf8_fields() {
            return self.clone();
        }
        in_seven_bits(&self.rope).map_or_else(|| self.clone(), |rope| Contents { rope, is_ours: true })
    }
}

/// Octets of the caller's, of which a rope is made.
struct Given(Arc<Rope<Bytes>>);

impl AsRef<[u8]> for Given {
    fn as_ref(&self) -> &[u8] {
        self.0.exact_pieces().find(|piece| !piece.is_empty()).unwrap_or_default()
    }
}

/// What kept a message from being signed.
enum Failed {
    Unreadable(Unreadable),
    Unsigned(Unsigned),
    Told(Error),
}

impl From<Unreadable> for Failed {
    fn from(why: Unreadable) -> Self {
        Failed::Unreadable(why)
    }
}

impl From<Unsigned> for Failed {
    fn from(why: Unsigned) -> Self {
        Failed::Unsigned(why)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Told(error) => error,
            Failed::Unreadable(unreadable) => unreadable.to_error(),
            Failed::Unsigned(why @ Unsigned::Unfit(_)) => {
                let text = format!("dkim: {why}");
                let raised = Told(PyValueError::new_err(text.clone()));
                let error = Error::new(Kind::Misuse, Stage::Mail, text);
                Error { cause: Some(Arc::new(raised)), ..error }
            }
            // A key that is kept elsewhere may be reachable again later.
            Failed::Unsigned(why @ Unsigned::Key(_)) => {
                let error = Error::new(Kind::Misuse, Stage::Command, format!("dkim: {why}"));
                match why {
                    Unsigned::Key(cause) => Error { cause: Some(cause), ..error },
                    Unsigned::Unfit(_) => error,
                }
            }
        }
    }
}

/// Content that is to be signed, and then is.
pub(crate) struct Sealed {
    choice: Arc<Choice>,
    state: Mutex<State>,
    size: usize,
}

enum State {
    Unsigned(Contents),
    Signed(Body),
}

impl Sealed {
    pub fn new(contents: Contents, choice: Arc<Choice>) -> Self {
        let size = contents.body().size_in_memory();
        Sealed { choice, state: Mutex::new(State::Unsigned(contents)), size }
    }

    /// As it is now.
    pub fn body(&self) -> Body {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Unsigned(contents) => contents.body(),
            State::Signed(body) => body.clone(),
        }
    }

    /// Octets in memory, about: the same before and after.
    pub fn size(&self) -> usize {
        self.size
    }

    fn unsigned(&self) -> Option<Contents> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Unsigned(contents) => Some(contents.clone()),
            State::Signed(_) => None,
        }
    }

    pub fn is_signed(&self) -> bool {
        matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Signed(_))
    }

    pub fn sign(&self, attend: Attend<'_>) -> Result<(), Error> {
        let Some(contents) = self.unsigned() else { return Ok(()) };
        let signed = contents.signed(&self.choice, attend)?.map_or_else(|| contents.body(), Body::from);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Signed(signed);
        Ok(())
    }
}
