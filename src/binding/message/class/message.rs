//! The class under `rsmtp.Message` (`python/rsmtp/message.py`) and every message class of
//! `rsmtp.email`.
//!
//! Each method is one line that says where the work is done. Everything a method
//! holds the lock for is plain data: no Python code runs under it.

use crate::binding::error;
use crate::binding::message::{
    class::{
        keywords,
        state::{Payload, State},
        style::{Family, Style},
    },
    create, fields,
    payload::file::Source,
};
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern, prelude::*};
use std::sync::{Arc, Mutex, PoisonError};

/// An email message, or a part of one.
///
/// `Message(text, subtype="plain", charset=None)` has `email.mime`'s shape; header
/// fields are items: `message["Subject"] = "Hello"`. Keyword arguments cover the
/// common case: `subject`, `from_`, `to`, `cc`, `bcc`, `reply_to`, `html` (beside
/// `text`, or alone), `attachments`, `headers` (a mapping or pairs) and `policy`.
///
/// `text="auto"` is made from the HTML. `markdown` gives both, text and HTML; HTML in it
/// is shown as text. `html` and `markdown` are a text, or the `Path` of a file.
///
/// Pictures in the HTML become parts that it shows (RFC 2387, RFC 2392): those in `data:`
/// URLs, which many programs don't show, always; `inline={"plot": figure}` gives
/// what `src="cid:plot"` means, a path, bytes, an open file, a figure of matplotlib or
/// plotly, a PIL image or anything else with a `_repr_png_`; `inline="auto"` takes the files
/// that the HTML names, pictures alone, from the folder `inline_from` and from nowhere
/// else (default: the folder of the HTML's file, or else the current one). Nothing is ever
/// fetched. `inline=False` leaves the HTML as it is. `css="inline"` writes the rules of
/// `<style>` into the elements (`pip install rsmtp[css]`).
///
/// Addresses are a text (`"Ann <ann@example.org>, bob@example.org"`), a `(name,
/// address)` pair, or a list of either. A tuple of two texts is always a pair: what
/// stands in the name is no recipient, whatever it looks like. An address without a
/// domain, as `root`, is a mailbox of the server itself; in a text with several addresses
/// it has to be meant, by `local=True`: `Smith, John <john@example.org>` is refused.
///
/// Attachments are a list of paths, binary file objects, messages, `(filename,
/// content)` and `(filename, content, type)` with bytes, text, a `Path` or a file
/// object as content; or one of these alone; or a mapping of names to contents. A text
/// is a path where it stands in a list by itself, and a content elsewhere.
///
/// Files stay on their disk: they are read and encoded in small pieces while the
/// message is sent, whatever their size. A path means the file as it is when the
/// message is sent, a file object what follows its present position. A file object
/// has to be able to seek, and to stay open until the message is sent; it is not
/// closed. A file that changes while it is being sent ends that with
/// SMTPContentError: no recipient gets half of it. Enclosed messages (`.eml`) are read
/// at once.
///
/// Text is UTF-8 unless `charset` says otherwise. Whatever 7-bit lines of at most
/// 998 bytes can't carry is transfer-encoded; display names and subjects become
/// encoded-words (RFC 2047), domains A-labels (RFC 5890), file names both RFC 2231
/// parameters and encoded-words. Bcc is never written. Date and Message-ID are supplied
/// when the message is sent, and stand in it from then on: sent again it is the same
/// message. A change of its fields or its content makes another of it, which gets new
/// ones.
///
/// More keywords write the fields that people look up, each checked: `sender` (RFC 5322),
/// `date` (a datetime with a time zone), `message_id`, `in_reply_to` (a message, or
/// Message-IDs), `priority` ("high" or "low"), `read_receipt` (an address, or True for
/// From's; RFC 8098), `unsubscribe` (an https URL for one click, RFC 8058, an address, or
/// a list of both), `list_id` (RFC 2919), `auto_submitted` (True, or a keyword of RFC
/// 3834), `feedback_id` (Gmail's), `tags` and `metadata` with the `provider` that reads
/// them ("mailgun", "postmark", "sendgrid", "ses", ...).
///
/// `calendar` is an invitation: an `rsmtp.Invite`, an object of the package icalendar, or a
/// calendar's octets, text (`BEGIN:VCALENDAR...`) or `Path`. It becomes the last form of the
/// content and the file invite.ics (RFC 6047). A message without a text or a subject gets them
/// from an `Invite`.
///
/// Raises ValueError, naming the argument, for control characters (RFC 5322), for a
/// second value of a field that may stand only once, and for a pipe, a device or a
/// file object that can't seek as an attachment; OSError for a file that can't be
/// read, TypeError for one that is open as text.
#[pyclass(subclass, dict, weakref, frozen, module = "rsmtp._rsmtp", name = "Message")]
#[derive(Default)]
pub struct Message(Mutex<State>);

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").finish_non_exhaustive()
    }
}

impl Message {
    pub(crate) fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn policy<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let own = self.with(py, |state| state.policy.as_ref().map(|policy| policy.clone_ref(py)));
        match own {
            Some(policy) => policy.into_bound(py),
            None => default_policy(py),
        }
    }

    pub(crate) fn style(&self, py: Python<'_>) -> PyResult<Arc<Style>> {
        if let Some(style) = self.with(py, |state| state.style.clone()) {
            return Ok(style);
        }
        let style = Style::of(&self.policy(py))?;
        let kept = style.clone();
        self.with(py, |state| state.style = Some(kept));
        Ok(style)
    }

    pub(crate) fn family(&self, py: Python<'_>) -> Family {
        match self.with(py, |state| state.style.as_ref().map(|style| style.family)) {
            Some(family) => family,
            None => self.style(py).map_or(Family::Foreign, |style| style.family),
        }
    }

    pub(crate) fn is_modern(&self, py: Python<'_>) -> bool {
        self.family(py) == Family::Modern
    }

    /// A plain message with the same fields, payload and policy.
    pub(crate) fn copied<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, Message>> {
        let py = message.py();
        let fields = fields::snapshot(message);
        let copy = message.get().with(py, |state| state.copied(py, fields));
        Bound::new(py, Message(Mutex::new(copy)))
    }
}

fn default_policy(py: Python<'_>) -> Bound<'_, PyAny> {
    static MAIL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = MAIL.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("rsmtp.email._mail_policy")?.getattr("mail")?.unbind())
    });
    match found {
        Ok(policy) => policy.bind(py).clone(),
        // This happens only while the package is being imported.
        Err(_) => py.None().into_bound(py),
    }
}

pub(crate) mod given {
    use pyo3::prelude::*;

    crate::binding::argument::texts! { subtype }

    crate::binding::argument::arguments! {
        charset: maybe_text -> Option<String>;
        local: flag -> bool;
    }

    pub fn policy<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if given.is_none() {
            return Ok(None);
        }
        let py = given.py();
        let checked = py.import("rsmtp._common.arguments")?.call_method1("policy", ("policy", given));
        checked.map(Some).map_err(|raised| crate::binding::argument::complete(py, raised))
    }
}

#[pymethods]
impl Message {
    #[new]
    #[classmethod]
    #[pyo3(
        signature = (*_args: "object", **_kwargs: "object") -> "Self",
        text_signature = "(text=None, subtype='plain', charset=None, *, subject=None, from_=None, to=None, \
                          cc=None, bcc=None, reply_to=None, html=None, markdown=None, inline=None, \
                          inline_from=None, css=None, attachments=None, headers=None, policy=None, \
                          local=False, sender=None, date=None, message_id=None, in_reply_to=None, priority=None, \
                          read_receipt=None, unsubscribe=None, list_id=None, \
                          auto_submitted=None, feedback_id=None, tags=None, metadata=None, provider=None, \
                          calendar=None)"
    )]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        // Subclasses have their own constructor arguments, so the rest is left to `__init__`.
        if let Some(given) = _kwargs {
            keywords::check(cls, given)?;
        }
        Ok(Message::default())
    }

    #[pyo3(signature = (
        text: "str | None" = None,
        subtype: "str" = "plain",
        charset: "str | None" = None,
        *,
        subject: "str | None" = None,
        from_: "rsmtp.typing.Addresses | None" = None,
        to: "rsmtp.typing.Addresses | None" = None,
        cc: "rsmtp.typing.Addresses | None" = None,
        bcc: "rsmtp.typing.Addresses | None" = None,
        reply_to: "rsmtp.typing.Addresses | None" = None,
        html: "str | os.PathLike[str] | None" = None,
        markdown: "str | os.PathLike[str] | None" = None,
        inline: "rsmtp.typing.Pictures | typing.Literal['auto', False] | None" = None,
        inline_from: "str | os.PathLike[str] | None" = None,
        css: "typing.Literal['inline'] | None" = None,
        attachments: "rsmtp.typing.Attachments | None" = None,
        headers: "collections.abc.Mapping[str, object] | collections.abc.Iterable[tuple[str, object]] | None" = None,
        policy: "rsmtp.email.policy.Policy | email.policy.Policy[typing.Any] | None" = None,
        local: "bool" = false,
        sender: "rsmtp.typing.Mailbox | None" = None,
        date: "datetime | None" = None,
        message_id: "str | None" = None,
        in_reply_to: "rsmtp.typing.AnyMessage | str | list[str] | None" = None,
        priority: "typing.Literal['high', 'normal', 'low'] | None" = None,
        read_receipt: "rsmtp.typing.Addresses | bool | None" = None,
        unsubscribe: "str | tuple[str, ...] | list[str] | None" = None,
        list_id: "str | None" = None,
        auto_submitted: "bool | typing.Literal['auto-generated', 'auto-replied', 'no'] | None" = None,
        feedback_id: "str | list[str] | tuple[str, ...] | None" = None,
        tags: "str | collections.abc.Collection[str] | None" = None,
        metadata: "collections.abc.Mapping[str, str | float] | None" = None,
        provider: "str | None" = None,
        calendar: "rsmtp.typing.Calendar | None" = None
    ) -> "None")]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        text: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = given::subtype)] subtype: &str,
        #[pyo3(from_py_with = given::charset)] charset: Option<String>,
        subject: Option<Bound<'py, PyAny>>,
        from_: Option<Bound<'py, PyAny>>,
        to: Option<Bound<'py, PyAny>>,
        cc: Option<Bound<'py, PyAny>>,
        bcc: Option<Bound<'py, PyAny>>,
        reply_to: Option<Bound<'py, PyAny>>,
        html: Option<Bound<'py, PyAny>>,
        markdown: Option<Bound<'py, PyAny>>,
        inline: Option<Bound<'py, PyAny>>,
        inline_from: Option<Bound<'py, PyAny>>,
        css: Option<Bound<'py, PyAny>>,
        attachments: Option<Bound<'py, PyAny>>,
        headers: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = given::policy)] policy: Option<Bound<'py, PyAny>>,
        #[pyo3(from_py_with = given::local)] local: bool,
        sender: Option<Bound<'py, PyAny>>,
        date: Option<Bound<'py, PyAny>>,
        message_id: Option<Bound<'py, PyAny>>,
        in_reply_to: Option<Bound<'py, PyAny>>,
        priority: Option<Bound<'py, PyAny>>,
        read_receipt: Option<Bound<'py, PyAny>>,
        unsubscribe: Option<Bound<'py, PyAny>>,
        list_id: Option<Bound<'py, PyAny>>,
        auto_submitted: Option<Bound<'py, PyAny>>,
        feedback_id: Option<Bound<'py, PyAny>>,
        tags: Option<Bound<'py, PyAny>>,
        metadata: Option<Bound<'py, PyAny>>,
        provider: Option<Bound<'py, PyAny>>,
        calendar: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        Self::_reset(slf, policy)?;
        let keywords = keywords::FIELDS.into_iter().zip([
            sender,
            date,
            message_id,
            in_reply_to,
            priority,
            read_receipt,
            unsubscribe,
            list_id,
            auto_submitted,
            feedback_id,
            tags,
            metadata,
            provider,
        ]);
        let keywords = keywords.filter_map(|(name, value)| Some((name, value?))).collect();
        let fields = [
            (intern!(py, "From"), from_),
            (intern!(py, "To"), to),
            (intern!(py, "Cc"), cc),
            (intern!(py, "Bcc"), bcc),
            (intern!(py, "Reply-To"), reply_to),
            (intern!(py, "Subject"), subject),
        ];
        let subtype = subtype.to_owned();
        let body = [("markdown", markdown), ("inline", inline), ("inline_from", inline_from), ("css", css)];
        let body = body.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let request = create::Request {
            text,
            subtype,
            charset,
            html,
            body,
            attachments,
            fields,
            keywords,
            headers,
            calendar,
            local,
        };
        create::fill(slf, request).map_err(|raised| error::as_raised_by_the_call(py, raised))
    }

    #[classmethod]
    #[pyo3(signature = (**_kwargs: "object"))]
    fn __init_subclass__(cls: &Bound<'_, PyType>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        // The constructors call these methods. If a class overrides one of them, its own method has
        // to be called.
        const HOOKS: [&str; 8] = [
            "__setitem__",
            "add_header",
            "set_payload",
            "set_charset",
            "set_param",
            "get_payload",
            "__contains__",
            "get",
        ];
        // And a generator reads the message by these.
        const READ: [&str; 2] = ["get_payload", "raw_items"];
        let own = cls.getattr("__dict__")?;
        for (hooks, flag, value) in [(&HOOKS[..], "_is_plain", false), (&READ, "_is_read_by_methods", true)] {
            for hook in hooks {
                if own.contains(hook)? {
                    cls.setattr(flag, value)?;
                }
            }
        }
        Ok(())
    }

    #[classattr]
    fn _is_read_by_methods() -> bool {
        false
    }

    #[classattr]
    fn _is_plain() -> bool {
        true
    }

    /// Forget everything and take this policy.
    #[pyo3(signature = (policy: "object" = None) -> "None")]
    fn _reset(slf: &Bound<'_, Self>, policy: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let policy = policy.filter(|policy| !policy.is_none());
        let style = policy.as_ref().map(Style::of).transpose()?;
        let new = State { policy: policy.map(Bound::unbind), style, ..State::default() };
        let old = slf.get().with(slf.py(), |state| std::mem::replace(state, new));
        drop(old);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A message that is in use at this moment is certainly alive.
        let Ok(state) = self.0.try_lock() else {
            return Ok(());
        };
        for field in &state.fields {
            visit.call(&field.value)?;
        }
        visit.call(&state.live)?;
        if let Some(origin) = state.origin.as_ref().filter(|origin| Arc::strong_count(origin) == 1) {
            origin.traverse(&visit)?;
        }
        match &state.payload {
            Payload::Object(object) => visit.call(object)?,
            Payload::File(Source::Open(file)) => visit.call(file.object())?,
            _ => {}
        }
        for object in [
            &state.policy,
            &state.charset,
            &state.preamble,
            &state.epilogue,
            &state.unixfrom,
            &state.default_type,
        ] {
            visit.call(object)?;
        }
        visit.call(&state.defects)
    }

    fn __clear__(&self) {
        let old = self.0.try_lock().map(|mut state| std::mem::take(&mut *state));
        drop(old);
    }
}
