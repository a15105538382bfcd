//! A message object as an entity to render.

use crate::binding::message::{
    Message,
    bytes::Bytes,
    class::{
        Origin,
        state::Payload,
        style::{Family, Style},
    },
    create,
    fields::{self, modern, params},
    output::{
        node_fields::{self, LineEnds},
        node_text::takes_octets,
        rendered, room,
    },
    payload::file,
};
use crate::message::head::SIGNATURES;
use crate::message::render::{Content, Entity, Multipart, Place, Rules, render, render_in};
use crate::message::rope::Rope;
use crate::message::{boundary, field, written};
use pyo3::exceptions::{PyRecursionError, PyTypeError};
use pyo3::types::{PyDict, PyList, PyString};
use pyo3::{intern, prelude::*};

/// Renders a message by a policy.
pub(crate) fn rendered<'py>(
    message: &Bound<'py, Message>,
    policy: &Bound<'py, PyAny>,
    style: &Style,
    rules: &Rules,
) -> PyResult<Rope<Bytes>> {
    // Fields that fold themselves ask the policy, so the policy has to agree with the rules.
    let mut policy = policy.clone();
    let asked = matches!(style.family, Family::Structured | Family::Foreign);
    if asked && (rules.max_width != style.rules.max_width || rules.linesep != style.rules.linesep) {
        policy = by_rules(&policy, rules)?;
    }
    let context = Context { policy: &policy, style, width: rules.max_width, keep_boundaries: true };
    // What is sent goes on living in its buffer.
    let rope = if rules.sending { Rope::new() } else { Rope::in_room(room::taken()) };
    let rope = render_in(
        rope,
        &Node {
            message: as_its_class_reads(message, style.family)?,
            context: &context,
            is_root: true,
            is_enclosed: false,
        },
        rules,
    )?;
    let may_lack_labels = style.family == Family::Modern && rules.binary && !rules.sealed;
    if may_lack_labels && has_parts(message) && !rope.is_ascii() {
        return Ok(rendered::labelled(rope, &rules.linesep));
    }
    Ok(rope)
}

fn has_parts(message: &Bound<'_, Message>) -> bool {
    let py = message.py();
    message.get().with(py, |state| match &state.payload {
        Payload::Object(object) => object.bind(py).is_instance_of::<PyList>(),
        _ => false,
    })
}

/// The policy with the line length and the line end of the rules.
fn by_rules<'py>(policy: &Bound<'py, PyAny>, rules: &Rules) -> PyResult<Bound<'py, PyAny>> {
    let change = PyDict::new(policy.py());
    change.set_item("max_line_length", rules.max_width)?;
    change.set_item("linesep", &rules.linesep)?;
    policy.call_method("clone", (), Some(&change))
}

/// Renders without leaving anything behind, boundaries included: for comparison.
pub(crate) fn compared(message: &Bound<'_, Message>) -> PyResult<Vec<u8>> {
    let py = message.py();
    let policy = message.get().policy(py);
    let style = message.get().style(py)?;
    let rules = Rules { mangle_from: false, ..style.rules.clone() };
    let width = rules.max_width;
    let context = Context { policy: &policy, style: &style, width, keep_boundaries: false };
    let rope = render(
        &Node { message: message.clone(), context: &context, is_root: true, is_enclosed: false },
        &rules,
    )?;
    py.detach(|| rope.into_vec()).map_err(|failed| file::read_error(py, failed))
}

pub(crate) struct Context<'a, 'py> {
    pub(crate) policy: &'a Bound<'py, PyAny>,
    pub(super) style: &'a Style,
    /// Where the policy folds fields.
    pub(crate) width: usize,
    /// A boundary that had to be made up becomes the message's own.
    keep_boundaries: bool,
}

pub(crate) struct Node<'a, 'py> {
    pub(crate) message: Bound<'py, Message>,
    pub(crate) context: &'a Context<'a, 'py>,
    pub(super) is_root: bool,
    /// It is an enclosed message, or in one.
    pub(super) is_enclosed: bool,
}

impl Entity for Node<'_, '_> {
    type Error = PyErr;
    type Bytes = Bytes;

    fn content(&self, rules: &Rules) -> PyResult<Content<Self>> {
        if let Some(content) = self.as_read(rules) {
            return Ok(content);
        }
        match kind(&self.message)? {
            Kind::Multipart { is_sealed } => self.multipart(is_sealed, rules),
            Kind::Enclosed { is_report } => self.enclosed(is_report, rules),
            Kind::Text => self.text(true, rules),
            Kind::Other => self.text(false, rules),
        }
    }

    fn is_signed(&self) -> bool {
        SIGNATURES.iter().any(|name| fields::contains(&self.message, name))
    }

    fn write_fields(&self, rules: &Rules, place: Place, out: &mut Vec<u8>) -> PyResult<()> {
        let py = self.message.py();
        let family = self.context.style.family;
        let is_modern = family == Family::Modern;
        // Nor is it told with a message of one's own that is forwarded as an attachment.
        let hides = match place {
            Place::Root => rules.sending || is_modern,
            Place::Inner => is_modern && !rules.sealed,
        };
        let is_left_out = |name: &str| hides && field::is_hidden(name);
        let own = if is_modern && self.is_enclosed { self.own_policy(rules)? } else { None };
        let (family, policy, width, rules) = match &own {
            Some((family, policy, own)) => (*family, policy, own.max_width, own),
            None => (family, self.context.policy, self.context.width, rules),
        };
        if family == Family::Modern {
            return modern::write(&self.message, is_left_out, rules, out);
        }
        if family == Family::Classic && self.write_short(is_left_out, rules, out) {
            return Ok(());
        }
        for field in fields::snapshot(&self.message) {
            let name = Bytes::of_text(field.name.bind(py))?;
            let text = String::from_utf8_lossy(name.as_ref());
            if is_left_out(&text) {
                continue;
            }
            if rules.sending {
                // A reader would mistake a colon or a space in a name for the end of the name.
                field::check_name(&text).map_err(fields::refused)?;
            }
            let start = out.len();
            let line_ends = match family {
                Family::Classic => self.write_classic(&field, name.as_ref(), rules, out)?,
                _ => self.write_by_policy(&field, (policy, width), rules, out)?,
            };
            if self.context.style.verify && line_ends == LineEnds::Given {
                node_fields::verify(py, &out[start..], &rules.linesep)?;
            }
            if rules.sending {
                written::check(&out[start..], &rules.linesep).map_err(fields::refused)?;
            }
        }
        Ok(())
    }

    fn too_deep() -> PyErr {
        PyRecursionError::new_err("the message contains itself, or parts in parts in parts")
    }
}

impl<'py> Node<'_, 'py> {
    /// Another entity, which may be an object of the standard library.
    fn other(&self, object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let message = match object.cast::<Message>() {
            Ok(message) => as_its_class_reads(message, self.context.style.family)?,
            Err(_) => adopted(object)?,
        };
        Ok(Node { message, context: self.context, is_root: false, is_enclosed: self.is_enclosed })
    }

    fn others(&self, parts: &Bound<'py, PyList>) -> PyResult<Vec<Self>> {
        parts.iter().map(|part| self.other(&part)).collect()
    }

    /// What a parser read, if it has not been changed and can be written as it is.
    fn as_read(&self, rules: &Rules) -> Option<Content<Self>> {
        let py = self.message.py();
        if !self.context.keep_boundaries {
            return None;
        }
        let origin = Origin::of(&self.message)?;
        let is_modern = self.context.style.family == Family::Modern;
        let is_sealed = || {
            let kind = params::content_type(&self.message);
            let kind = kind.is_ok_and(|kind| matches!(&*kind, "multipart/signed" | "multipart/encrypted"));
            rules.sealed || kind || self.is_signed()
        };
        let takes_octets = takes_octets(rules) || rules.binary && is_modern && is_sealed();
        if !(origin.is_ascii(py) || takes_octets) || is_modern && self.is_root {
            return None;
        }
        let head = origin.head(py);
        let head = if self.is_root || rules.sending && !rules.sealed {
            let is_hidden = |name: &str| self.is_root && rules.sending && field::is_hidden(name);
            written::as_read(head, is_hidden)?
        } else {
            head.to_vec()
        };
        Some(Content::AsRead(Bytes::Owned(head), origin.body(py)))
    }

    /// The policy with which an enclosed message was read or made, and what it makes of the rules. It
    /// writes the fields as they came; ours folds them anew, and a signature covers the folds.
    fn own_policy(&self, rules: &Rules) -> PyResult<Option<(Family, Bound<'py, PyAny>, Rules)>> {
        let py = self.message.py();
        let style = self.message.get().style(py)?;
        let policy = self.message.get().policy(py);
        let rules = Rules { seven_bit: style.rules.seven_bit, ..rules.clone() };
        match style.family {
            Family::Modern => Ok(None),
            Family::Classic => Ok(Some((style.family, policy, rules))),
            Family::Structured | Family::Foreign => {
                let policy = by_rules(&policy, &rules)?;
                Ok(Some((style.family, policy, rules)))
            }
        }
    }

    pub(super) fn payload(&self) -> Payload {
        let py = self.message.py();
        self.message.get().with(py, |state| state.payload.clone_ref(py))
    }

    fn multipart(&self, is_sealed: bool, rules: &Rules) -> PyResult<Content<Self>> {
        let py = self.message.py();
        let parts = match self.payload() {
            Payload::Nothing => Vec::new(),
            Payload::Object(object) => match object.bind(py).cast::<PyList>() {
                Ok(list) => self.others(list)?,
                // A lenient parser leaves text where it found no boundary.
                Err(_) => match object.bind(py).cast::<PyString>() {
                    Ok(text) => return Ok(self.ready(Bytes::of_text(text)?, rules)),
                    Err(_) => vec![self.other(object.bind(py))?],
                },
            },
            Payload::Raw(bytes) => return Ok(self.ready(bytes, rules)),
            Payload::Deferred(bytes, encoding) => return Ok(Content::Encoded(bytes, encoding)),
            Payload::File(source) => return Ok(Content::Stored(source.stored(py)?)),
        };
        let (preamble, epilogue) = self.message.get().with(py, |state| {
            let text = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.clone_ref(py));
            (text(&state.preamble), text(&state.epilogue))
        });
        let text = |object: Option<Py<PyAny>>| -> PyResult<Option<Bytes>> {
            object.map(|object| Bytes::of_text(object.bind(py).cast::<PyString>()?)).transpose()
        };
        Ok(Content::Multipart(Multipart {
            boundary: self.boundary()?,
            preamble: text(preamble)?,
            parts,
            epilogue: text(epilogue)?,
            is_sealed,
        }))
    }

    /// A whole body as text. The classic way is to leave its line ends as they are.
    fn ready(&self, text: Bytes, rules: &Rules) -> Content<Self> {
        if rules.sending || self.context.style.family == Family::Modern {
            Content::Text(text)
        } else {
            Content::Exactly(text)
        }
    }

    fn boundary(&self) -> PyResult<String> {
        if let Some(known) = params::boundary(&self.message)?.filter(|known| !known.is_empty()) {
            return Ok(known);
        }
        if !self.context.keep_boundaries {
            return Ok(String::new());
        }
        let made = boundary::new();
        self.message.call_method1(intern!(self.message.py(), "set_boundary"), (&made,))?;
        Ok(made)
    }

    fn enclosed(&self, is_report: bool, rules: &Rules) -> PyResult<Content<Self>> {
        let py = self.message.py();
        match self.payload() {
            Payload::Nothing => Err(PyTypeError::new_err("a message/* part without a message in it")),
            Payload::Object(object) => match object.bind(py).cast::<PyList>() {
                Ok(list) if is_report => Ok(Content::Blocks(self.others(list)?)),
                Ok(list) => {
                    let message = self.other(&list.get_item(0)?)?;
                    Ok(Content::Message(Box::new(Node { is_enclosed: true, ..message })))
                }
                Err(_) => {
                    let text = object.bind(py).cast::<PyString>()?;
                    Ok(self.ready(Bytes::of_text(text)?, rules))
                }
            },
            Payload::Raw(bytes) => Ok(self.ready(bytes, rules)),
            Payload::Deferred(bytes, encoding) => Ok(Content::Encoded(bytes, encoding)),
            Payload::File(source) => Ok(Content::Stored(source.stored(py)?)),
        }
    }
}

/// What the type of an entity says about its structure.
enum Kind {
    Multipart { is_sealed: bool },
    Enclosed { is_report: bool },
    Text,
    Other,
}

fn kind(message: &Bound<'_, Message>) -> PyResult<Kind> {
    // This is what most messages say, as they say it.
    let is_text = |value: &str| value.starts_with("text/plain;");
    let keeps_texts = matches!(message.get().family(message.py()), Family::Classic | Family::Modern);
    if keeps_texts && fields::is_text(message, "content-type", is_text) {
        return Ok(Kind::Text);
    }
    let (main, sub) = params::main_and_sub(message)?;
    Ok(match main.as_str() {
        "multipart" => Kind::Multipart { is_sealed: matches!(sub.as_str(), "signed" | "encrypted") },
        "message" => Kind::Enclosed { is_report: sub == "delivery-status" },
        "text" => Kind::Text,
        _ => Kind::Other,
    })
}

/// The message, or, if its class overrides what a generator reads, a plain one with what the methods
/// return.
fn as_its_class_reads<'py>(message: &Bound<'py, Message>, family: Family) -> PyResult<Bound<'py, Message>> {
    let (py, class) = (message.py(), message.get_type());
    if class.is(py.get_type::<Message>())
        || family == Family::Modern && class.is(create::class(py)?)
        || !class.getattr(intern!(py, "_is_read_by_methods"))?.is_truthy()?
    {
        return Ok(message.clone());
    }
    let made = py.import("rsmtp.email._convert")?.getattr("by_methods")?.call1((message,))?;
    Ok(made.cast_into::<Message>()?)
}

/// A message of the standard library as one of ours.
pub(crate) fn adopted<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Message>> {
    let py = object.py();
    let made = py
        .import("rsmtp.email._convert")?
        .getattr("from_stdlib")?
        .call1((py.get_type::<Message>(), object))?;
    Ok(made.cast_into::<Message>()?)
}
