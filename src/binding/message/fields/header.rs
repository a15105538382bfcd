//! Header values as runs of character sets, for `rsmtp.email.header` and `rsmtp.email.charset`.

use crate::binding::message::{bytes::Bytes, errors::HeaderParseError, fields};
use crate::message::charset::{self, Charset, Codec, is_raw_char, raw_bytes, raw_char};
use crate::message::encoded_word::WordEncoding;
use crate::message::stdlib::fold_classic::{FoldError, Shape, UNLIMITED, fold_runs};
use crate::message::stdlib::fold_structured::{self, TooNarrow};
use crate::message::stdlib::token::{Kind, Token};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

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
    crate::message::field_fold::fold(name, value, linesep, utf8, &mut out).map_err(fields::refused)?;
    Ok(PyBytes::new(py, &out))
}

/// Folds a field whose value is in tokens `(kind, text, [tokens])`, each of one of the
/// kinds of `token`; also `text` and `identifiers`, which are cut at white space
/// here. A width of 0 means no limit.
#[pyfunction]
#[pyo3(
    signature = (name, token: "tuple[Any, ...] | None", linesep, width, utf8, blank_stays),
    name = "_fold_tokens"
)]
pub(crate) fn fold_tokens_py<'py>(
    py: Python<'py>,
    name: &str,
    token: Option<&Bound<'py, PyTuple>>,
    linesep: &str,
    width: usize,
    utf8: bool,
    blank_stays: bool,
) -> PyResult<Bound<'py, PyString>> {
    let width = if width == 0 { UNLIMITED } else { width };
    let tokens = token.map(read_token).transpose()?;
    let shape = fold_structured::Shape { linesep, width, utf8, blank_stays };
    let folded = fold_structured::fold(name, tokens.as_slice(), shape).map_err(|TooNarrow| {
        HeaderParseError::new_err("max_line_length is too small to fit an encoded word")
    })?;
    if folded.chars().any(is_raw_char) {
        with_surrogates(py, &folded)
    } else {
        Ok(PyString::new(py, &folded))
    }
}

/// Raw bytes as PEP 383 has them.
fn with_surrogates<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    let wide: Vec<u8> = text
        .chars()
        .map(|c| if is_raw_char(c) { 0xDC00 + (u32::from(c) & 0xFF) } else { u32::from(c) })
        .flat_map(u32::to_le_bytes)
        .collect();
    let decoded = PyBytes::new(py, &wide).call_method1("decode", ("utf-32-le", "surrogatepass"))?;
    Ok(decoded.cast_into::<PyString>()?)
}

fn read_token(given: &Bound<'_, PyTuple>) -> PyResult<Token> {
    let (kind, text, inner): (Bound<'_, PyString>, Bound<'_, PyString>, Bound<'_, PyAny>) =
        given.extract()?;
    let (text, is_raw) = match text.to_str() {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (with_raw_characters(&text)?, true),
    };
    let kind = match kind.to_str()? {
        "word" => Kind::Word,
        "atom" => Kind::Atom,
        "blank" => Kind::Blank,
        "address" => Kind::Address,
        "unit" => Kind::Unit,
        "quoted" => Kind::Quoted,
        "comment" => Kind::Comment,
        "parameters" => Kind::Parameters,
        "text" => return Ok(in_words(Kind::Word, &text, is_raw)),
        "identifiers" => return Ok(in_words(Kind::Fixed, &text, is_raw)),
        _ => Kind::Fixed,
    };
    let inner =
        inner.try_iter()?.map(|token| read_token(token?.cast::<PyTuple>()?)).collect::<PyResult<Vec<_>>>()?;
    Ok(Token { kind, text, is_raw, inner })
}

/// Words and the white space between them.
fn in_words(kind: Kind, text: &str, is_raw: bool) -> Token {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let end = rest.find(|c| is_blank(c) != is_blank(first)).unwrap_or(rest.len());
        let (piece, more) = rest.split_at(end);
        let kind = match kind {
            _ if is_blank(first) => Kind::Blank,
            // The value may have a phrase beside the identifiers (RFC 5322 section 4.5.4).
            Kind::Fixed if !piece.is_ascii() && first != '<' => Kind::Word,
            kind => kind,
        };
        let is_raw = is_raw && piece.chars().any(is_raw_char);
        pieces.push(Token { is_raw, ..Token::new(kind, piece) });
        rest = more;
    }
    Token::of(Kind::Unit, pieces)
}

/// Text with raw bytes (PEP 383), each of them carried as a private character.
fn with_raw_characters(text: &Bound<'_, PyString>) -> PyResult<String> {
    let wide = text.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
    let wide = wide.cast::<PyBytes>()?.as_bytes();
    Ok(wide
        .chunks_exact(4)
        .map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))
        .map(|code| match code {
            0xDC80..=0xDCFF => raw_char((code & 0xFF) as u8),
            _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        })
        .collect())
}
