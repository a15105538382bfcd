//! Header values in runs of character sets: what `rsmtp.email.header` and
//! `rsmtp.email.charset` stand on.

use super::bytes::Bytes;
use super::errors::HeaderParseError;
use crate::message::charset::{self, Charset, Codec, raw_bytes, raw_char};
use crate::message::encoded_word::WordEncoding;
use crate::message::fold_classic::{FoldError, Shape, UNLIMITED, fold_runs};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

const UNKNOWN: &str = "unknown-8bit";

/// A codec: ours where it is a plain one, Python's otherwise.
enum AnyCodec<'py> {
    Utf8,
    Raw,
    Python { name: String, py: Python<'py> },
}

impl<'py> AnyCodec<'py> {
    fn named(py: Python<'py>, name: &str) -> Self {
        match name {
            "utf-8" => AnyCodec::Utf8,
            UNKNOWN => AnyCodec::Raw,
            _ => AnyCodec::Python { name: name.to_owned(), py },
        }
    }
}

impl Codec for AnyCodec<'_> {
    type Error = PyErr;

    fn encode(&self, text: &str) -> PyResult<Vec<u8>> {
        match self {
            AnyCodec::Utf8 => Ok(text.as_bytes().to_vec()),
            AnyCodec::Raw => Ok(raw_bytes(text)),
            AnyCodec::Python { name, py } => {
                let bytes = PyString::new(*py, text).call_method1("encode", (name,))?;
                Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
            }
        }
    }

    fn is_stateless(&self) -> bool {
        match self {
            AnyCodec::Utf8 | AnyCodec::Raw => true,
            AnyCodec::Python { name, .. } => name.starts_with("iso-8859-") || name == "koi8-r",
        }
    }
}

fn word_encoding(number: Option<u8>) -> WordEncoding {
    match number {
        Some(1) => WordEncoding::Q,
        Some(2) => WordEncoding::B,
        Some(_) => WordEncoding::Shortest,
        None => WordEncoding::Plain,
    }
}

/// Text as the codec will see it: raw bytes travel as private characters.
fn carried(text: &Bound<'_, PyString>, codec: &str) -> PyResult<String> {
    match text.to_str() {
        Ok(plain) if codec != UNKNOWN || plain.is_ascii() => Ok(plain.to_owned()),
        _ if codec == UNKNOWN => {
            let bytes = text.call_method1("encode", ("ascii", "surrogateescape"))?;
            Ok(bytes.extract::<&[u8]>()?.iter().map(|&byte| raw_char(byte)).collect())
        }
        _ => Ok(text.to_string_lossy().into_owned()),
    }
}

/// Fold a header value made of runs, each in a character set of its own.
///
/// `runs` are `(text, header_encoding, codec, output_charset)` with the encoding 1
/// (Q), 2 (B), 3 (whichever is shorter) or None. `max_width` counts characters;
/// 0 means no limit. Raises HeaderParseError when the result would be read as
/// another field, UnicodeError when a codec can't encode its text (RFC 2047).
#[pyfunction]
#[pyo3(signature = (runs, name_width, max_width, linesep, split_chars, indent), name = "_fold_runs")]
#[allow(clippy::needless_pass_by_value, reason = "extracted from Python")]
pub(crate) fn fold_runs_py(
    py: Python<'_>,
    runs: Vec<(Bound<'_, PyString>, Option<u8>, String, String)>,
    name_width: usize,
    max_width: usize,
    linesep: &str,
    split_chars: &str,
    indent: &str,
) -> PyResult<String> {
    let texts = runs.iter().map(|(text, _, codec, _)| carried(text, codec)).collect::<PyResult<Vec<_>>>()?;
    let runs: Vec<_> = runs
        .iter()
        .zip(&texts)
        .map(|((_, encoding, codec, output), text)| {
            let charset = Charset {
                encoding: word_encoding(*encoding),
                is_ascii: output == "us-ascii" && codec == "us-ascii",
                codec_name: codec.as_str(),
                output_name: output.as_str(),
                codec: AnyCodec::named(py, codec),
            };
            (text.as_str(), charset)
        })
        .collect();
    let shape = Shape {
        name_width,
        max_width: if max_width == 0 { UNLIMITED } else { max_width },
        indent,
        split_chars,
        linesep,
    };
    let mut out = String::new();
    fold_runs(&runs, &shape, &mut out).map_err(|error| into_error(py, error))?;
    Ok(out)
}

fn into_error(py: Python<'_>, error: FoldError<PyErr>) -> PyErr {
    match error {
        FoldError::Codec(error) => error,
        FoldError::EmbeddedField(value) => {
            let shown = PyString::new(py, &value).repr().map(|r| r.to_string_lossy().into_owned());
            HeaderParseError::new_err(format!(
                "header value appears to contain an embedded header: {}",
                shown.unwrap_or_default()
            ))
        }
    }
}

/// Folds a value that carries raw bytes of an unknown character set.
pub(crate) fn fold_unknown(text: &Bound<'_, PyString>, shape: &Shape<'_>) -> PyResult<String> {
    let carried = carried(text, UNKNOWN)?;
    let charset = Charset {
        encoding: WordEncoding::Shortest,
        is_ascii: false,
        codec_name: UNKNOWN,
        output_name: UNKNOWN,
        codec: AnyCodec::Raw,
    };
    let mut out = String::new();
    fold_runs(&[(&carried, charset)], shape, &mut out).map_err(|error| into_error(text.py(), error))?;
    Ok(out)
}

/// One encoded-word (RFC 2047 section 2); plain text where the encoding is None.
#[pyfunction]
#[pyo3(signature = (text, encoding, codec), name = "_encode_word")]
pub(crate) fn encode_word_py(
    text: &Bound<'_, PyString>,
    encoding: Option<u8>,
    codec: &str,
) -> PyResult<String> {
    let carried = carried(text, codec)?;
    let any = AnyCodec::named(text.py(), codec);
    charset::encode_word(&carried, &any, codec, word_encoding(encoding))
}

/// Encoded-words that fit the widths which the iterator gives, in characters. The
/// first is None where nothing fits.
#[pyfunction]
#[pyo3(signature = (text, encoding, codec, output_charset, widths), name = "_encode_words")]
pub(crate) fn encode_words_py(
    text: &Bound<'_, PyString>,
    encoding: Option<u8>,
    codec: &str,
    output_charset: &str,
    widths: &Bound<'_, PyAny>,
) -> PyResult<Vec<Option<String>>> {
    let carried = carried(text, codec)?;
    let charset = Charset {
        encoding: word_encoding(encoding),
        is_ascii: false,
        codec_name: codec,
        output_name: output_charset,
        codec: AnyCodec::named(text.py(), codec),
    };
    let mut failure = None;
    let mut iterator = widths.try_iter()?;
    let widths = std::iter::from_fn(|| match iterator.next()?.and_then(|width| width.extract::<isize>()) {
        Ok(width) => Some(usize::try_from(width).unwrap_or(0)),
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let words = charset::encode_words(&carried, &charset, widths)?;
    match failure {
        Some(error) => Err(error),
        None => Ok(words),
    }
}

/// The bytes in quoted-printable, lines at most `width` wide (RFC 2045 section 6.7).
#[pyfunction]
#[pyo3(signature = (body, width = 76, linesep = "\n"), name = "_quoted_printable")]
pub(crate) fn quoted_printable_py(body: &Bound<'_, PyAny>, width: usize, linesep: &str) -> PyResult<String> {
    if width < 4 {
        return Err(pyo3::exceptions::PyValueError::new_err("maxlinelen must be at least 4"));
    }
    let body = Bytes::of_buffer(body)?;
    let mut out = Vec::new();
    crate::message::transfer::write_quoted_printable(body.as_ref(), width, linesep, &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A field as `rsmtp.Message` writes it, with its line end. ValueError for what
/// can't be written.
#[pyfunction]
#[pyo3(signature = (name, value, linesep, utf8), name = "_fold_field")]
pub(crate) fn fold_field_py<'py>(
    py: Python<'py>,
    name: &str,
    value: &str,
    linesep: &str,
    utf8: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut out = Vec::new();
    crate::message::field_fold::fold(name, value, linesep, utf8, &mut out).map_err(super::fields::refused)?;
    Ok(PyBytes::new(py, &out))
}
