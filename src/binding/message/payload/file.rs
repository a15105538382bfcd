//! Files that are attached: named or open, read when the message is written.

use crate::binding::message::{
    bytes::Bytes,
    payload::{
        attachment,
        open_file::{OpenFile, StoredOpenFile},
    },
};
use crate::message::file_name::readable;
use crate::message::rope::room_for;
use crate::message::stored::{self, Exactly, ReadError, Stored, StoredFile};
use pyo3::exceptions::{PyMemoryError, PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the octets of an attachment are.
pub(crate) enum Source {
    Path(PathBuf),
    Open(OpenFile),
}

impl Source {
    /// A path, or a file object. What can't be sent is an error at once, and not
    /// only when the message is.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if OpenFile::is_one(object)? {
            return Ok(Source::Open(OpenFile::new(object)?));
        }
        if Bytes::are(object) {
            return Err(attachment::nameless());
        }
        let path = py.import("os")?.call_method1("fspath", (object,)).map_err(|_| {
            let kind = attachment::type_name(object);
            PyTypeError::new_err(format!("attachments: a path or an open file is wanted, not {kind}"))
        })?;
        let path: PathBuf = path.extract()?;
        // The working directory may have changed by the time the file is read.
        let path = std::path::absolute(&path).map_err(|error| os_error(py, &path, error))?;
        py.detach(|| StoredFile::count(&path)).map_err(|error| os_error(py, &path, error))?;
        Ok(Source::Path(path))
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Source::Path(path) => Source::Path(path.clone()),
            Source::Open(file) => Source::Open(file.clone_ref(py)),
        }
    }

    /// What the file is called, without the folders that it is in.
    pub fn file_name(&self, py: Python<'_>) -> PyResult<String> {
        let name = match self {
            Source::Path(path) => path.file_name().map(|name| readable(name.as_encoded_bytes())),
            Source::Open(file) => file.file_name(py),
        };
        name.ok_or_else(|| {
            PyTypeError::new_err("attachments: the file has no name that is text: give (filename, file)")
        })
    }

    /// The octets as they are to be written now: counted, not read.
    pub fn stored(&self, py: Python<'_>) -> PyResult<Arc<dyn Stored>> {
        Ok(match self {
            Source::Path(path) => {
                py.detach(|| stored::of_path(path)).map_err(|error| os_error(py, path, error))?
            }
            Source::Open(file) => StoredOpenFile::count(py, file)?,
        })
    }

    /// All octets, for who wants them in memory.
    pub fn read(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let stored = self.stored(py)?;
        py.detach(|| {
            let mut octets =
                room_for(stored.len()).map_err(|error| ReadError { name: stored.name(), error })?;
            if !octets.is_empty() {
                Exactly::open(&*stored)?.read(&mut octets)?;
            }
            Ok(octets)
        })
        .map_err(|error| read_error(py, error))
    }
}

fn os_error(py: Python<'_>, path: &Path, error: io::Error) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let number = match (error.raw_os_error(), error.kind()) {
            (Some(number), _) => number,
            (None, io::ErrorKind::IsADirectory) => py.import("errno")?.getattr("EISDIR")?.extract()?,
            (None, io::ErrorKind::InvalidInput) => {
                return Ok(PyValueError::new_err(format!(
                    "attachments: {path:?} is no regular file: read it and give (filename, bytes)"
                )));
            }
            _ => return Ok(PyOSError::new_err(format!("{}: {error}", path.display()))),
        };
        let words: String = py.import("os")?.call_method1("strerror", (number,))?.extract()?;
        let words = format!("attachments: {words}");
        // Given a number, OSError chooses the right subclass.
        Ok(PyErr::from_value(py.get_type::<PyOSError>().call1((number, words, path.as_os_str()))?))
    };
    raise().unwrap_or_else(|failed| failed)
}

/// What reading a file object raised; otherwise an OSError.
pub(crate) fn read_error(py: Python<'_>, failed: ReadError) -> PyErr {
    match failed.error.downcast::<PyErr>() {
        Ok(raised) => raised,
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            PyMemoryError::new_err(format!("{} doesn't fit into memory", failed.name))
        }
        Err(error) => os_error(py, Path::new(&failed.name), error),
    }
}
