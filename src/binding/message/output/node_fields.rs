//! The header fields of a message, folded as its policy says.

use crate::binding::message::{
    bytes::Bytes,
    class::state::Field,
    errors::{HeaderParseError, HeaderWriteError},
    fields::{self, header},
    output::node::Node,
};
use crate::message::render::Rules;
use crate::message::stdlib::encoded_lines::USUAL_WIDTH;
use crate::message::stdlib::fold_classic::{self, FoldError, SPLIT_CHARS, Shape, UNLIMITED};
use crate::message::text::lines_fit;
use crate::message::transfer::LONGEST_LINE;
use crate::message::{field, field_fold, stdlib::fold_parameters};
use pyo3::types::{PyBytes, PyString};
use pyo3::{intern, prelude::*};

/// Where the line ends inside a written field come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// Each was made here, before white space.
    Folds,
    /// From a value, an object or a policy of the caller's.
    Given,
}

impl Node<'_, '_> {
    /// Writes the fields if each of them is one short line, as most are: whatever the policy, they go
    /// out as they are. Otherwise it writes nothing, and returns false.
    pub(crate) fn write_short(
        &self,
        is_left_out: impl Fn(&str) -> bool,
        rules: &Rules,
        out: &mut Vec<u8>,
    ) -> bool {
        let py = self.message.py();
        let start = out.len();
        let most = if rules.max_width == 0 { LONGEST_LINE } else { rules.max_width.min(LONGEST_LINE) };
        let mut put = |field: &Field| {
            let name = field.name.bind(py).to_str().ok()?;
            let value = field.value.bind(py).cast_exact::<PyString>().ok()?.to_str().ok()?;
            if is_left_out(name) {
                return Some(());
            }
            field::is_one_line(name, value, most).then_some(())?;
            for piece in [name, ": ", value, &rules.linesep] {
                out.extend_from_slice(piece.as_bytes());
            }
            Some(())
        };
        let is_done = fields::read(&self.message, |fields| fields.iter().all(|field| put(field).is_some()));
        if !is_done {
            out.truncate(start);
        }
        is_done
    }

    pub(crate) fn write_classic(
        &self,
        field: &Field,
        name: &[u8],
        rules: &Rules,
        out: &mut Vec<u8>,
    ) -> PyResult<LineEnds> {
        let py = self.message.py();
        let start = out.len();
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        let width = field.name.bind(py).len()?;
        let shape = Shape {
            name_width: width + 2,
            max_width: if rules.max_width == 0 { UNLIMITED } else { rules.max_width },
            indent: " ",
            split_chars: SPLIT_CHARS,
            linesep: &rules.linesep,
        };
        let value = field.value.bind(py);
        if value.is_none() {
            // Scripts may set a field to None. The standard library writes an empty value, too.
            out.extend_from_slice(rules.linesep.as_bytes());
            return Ok(LineEnds::Given);
        }
        // An address has no encoded form. With SMTPUTF8 it is sent as it is (RFC 6532).
        let as_it_is = rules.utf8 && rules.sending && is_of_addresses(name);
        if !as_it_is
            && let Ok(text) = value.cast::<PyString>()
            && let Ok(text) = text.to_str()
            && fold_classic::fold_plain(text, &shape, out)
        {
            if !rules.sealed && in_sections(name, text, rules, start, out) {
                return Ok(LineEnds::Given);
            }
            out.extend_from_slice(rules.linesep.as_bytes());
            let folds = matches!(&*rules.linesep, "\n" | "\r\n") && name.iter().all(u8::is_ascii_graphic);
            return Ok(if folds { LineEnds::Folds } else { LineEnds::Given });
        }
        let shown;
        let value = if as_it_is && value.hasattr(intern!(py, "encode"))? {
            shown = value.str()?.into_any();
            &shown
        } else {
            value
        };
        match value.cast::<PyString>() {
            Ok(text) => match text.to_str() {
                Ok(text) => {
                    // The tests of the standard library compare text of a requested width, and
                    // expect the address within the encoded-word.
                    let is_exact = as_it_is || !rules.binary && !rules.sending && rules.max_width != 0;
                    let in_ascii = if is_exact { None } else { addresses_in_ascii(name, text) };
                    let text = in_ascii.as_deref().unwrap_or(text);
                    let fold = if as_it_is { fold_classic::fold_utf8 } else { fold_classic::fold_text };
                    match fold(text, &shape, out) {
                        Ok(()) => {
                            if !rules.sealed && in_sections(name, text, rules, start, out) {
                                return Ok(LineEnds::Given);
                            }
                        }
                        Err(FoldError::Codec(never)) => match never {},
                        Err(FoldError::EmbeddedField(value)) => return Err(embedded(py, &value)?),
                    }
                }
                // Raw bytes from a parser go out unchanged.
                Err(_) if rules.binary && !rules.seven_bit => {
                    out.extend_from_slice(Bytes::of_text(text)?.as_ref());
                }
                Err(_) => {
                    let folded = header::fold_unknown(text, &shape)?;
                    out.extend_from_slice(folded.as_bytes());
                }
            },
            // The value is a Header or another object that encodes itself.
            Err(_) => {
                let arguments = pyo3::types::PyDict::new(py);
                arguments.set_item("linesep", &rules.linesep)?;
                arguments.set_item("maxlinelen", rules.max_width)?;
                let folded = value.call_method("encode", (), Some(&arguments))?;
                let folded = folded.cast::<PyString>()?;
                out.extend_from_slice(Bytes::of_text(folded)?.as_ref());
            }
        }
        if out.ends_with(rules.linesep.as_bytes()) {
            return Ok(LineEnds::Given);
        }
        if value.cast::<PyString>().is_ok_and(|text| begins_on_next_line(text)) {
            // The blank before the value would be white space at the end of a line. It is not part
            // of the text that a parser read.
            out.remove(start + name.len() + 1);
        }
        out.extend_from_slice(rules.linesep.as_bytes());
        Ok(LineEnds::Given)
    }

    pub(crate) fn write_by_policy(
        &self,
        field: &Field,
        (policy, width): (&Bound<'_, PyAny>, usize),
        rules: &Rules,
        out: &mut Vec<u8>,
    ) -> PyResult<LineEnds> {
        let py = self.message.py();
        let value = field.value.bind(py);
        let method = if rules.binary { intern!(py, "fold_binary") } else { intern!(py, "fold") };
        let mut policy = policy.clone();
        if rules.max_width != width {
            let change = pyo3::types::PyDict::new(py);
            change.set_item("max_line_length", rules.max_width)?;
            policy = policy.call_method("clone", (), Some(&change))?;
        }
        let folded = policy.call_method1(method, (&field.name, value))?;
        match folded.cast::<PyBytes>() {
            Ok(bytes) => out.extend_from_slice(bytes.as_bytes()),
            Err(_) => {
                out.extend_from_slice(Bytes::of_text(folded.cast::<PyString>()?)?.as_ref());
            }
        }
        Ok(LineEnds::Given)
    }
}

fn begins_on_next_line(value: &Bound<'_, PyString>) -> bool {
    let begins = |text: &str| text.starts_with(['\n', '\r']);
    value.to_str().map_or_else(|_| begins(&value.to_string_lossy()), begins)
}

fn is_of_addresses(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| field::kind(name) == field::Kind::Addresses)
}

/// Addresses whose names aren't ASCII: the names are encoded, and the addresses stay outside,
/// where a server finds them. None where there are none, or no such form of them.
fn addresses_in_ascii(name: &[u8], text: &str) -> Option<String> {
    if text.is_ascii() || !is_of_addresses(name) || text.contains(['\r', '\n']) {
        return None;
    }
    field_fold::in_ascii("", text).ok()
}

/// Writes a field with parameters anew, its line end included, where a line is longer than SMTP
/// carries. Whether it did.
fn in_sections(name: &[u8], text: &str, rules: &Rules, start: usize, out: &mut Vec<u8>) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    if field::kind(name) != field::Kind::Parameters || lines_fit(&out[start..], LONGEST_LINE) {
        return false;
    }
    let width = if rules.max_width == 0 { USUAL_WIDTH } else { rules.max_width };
    let Some(field) = fold_parameters::fold(name, text, &rules.linesep, width) else { return false };
    out.truncate(start);
    out.extend_from_slice(field.as_bytes());
    true
}

fn embedded(py: Python<'_>, value: &str) -> PyResult<PyErr> {
    let shown = PyString::new(py, value).repr()?;
    Ok(HeaderParseError::new_err(format!(
        "header value appears to contain an embedded header: {}",
        shown.to_string_lossy()
    )))
}

/// A folded field ends with its line end and has no other that isn't followed by
/// white space: nothing in it can be taken for another field.
pub(crate) fn verify(py: Python<'_>, folded: &[u8], linesep: &str) -> PyResult<()> {
    let complaint = match folded.strip_suffix(linesep.as_bytes()) {
        None => "does not end with its line separator",
        Some(inner) if breaks_out(inner) => "contains newline",
        Some(_) => return Ok(()),
    };
    let shown = PyString::new(py, &String::from_utf8_lossy(folded)).repr()?;
    Err(HeaderWriteError::new_err(format!("folded header {complaint}: {}", shown.to_string_lossy())))
}

/// Has no branch per octet, so that the compiler can compare many octets at a time.
fn breaks_out(folded: &[u8]) -> bool {
    let (Some(&last), Some(behind)) = (folded.last(), folded.get(1..)) else { return false };
    // A break at the very end would be followed by the line end.
    let mut breaks = u8::from(last == b'\r') | u8::from(last == b'\n');
    for (&octet, &next) in folded.iter().zip(behind) {
        let (cr, lf) = (u8::from(octet == b'\r'), u8::from(octet == b'\n'));
        let goes_on = u8::from(next == b' ') | u8::from(next == b'\t') | (cr & u8::from(next == b'\n'));
        breaks |= (cr | lf) & !goes_on;
    }
    breaks != 0
}
