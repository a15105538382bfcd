//! Python's file objects as stored octets, from their position at the time they were attached to
//! their end. The GIL is held for one small read at a time. Afterwards the file's position is
//! restored, so that the next message with the same file, and the file's owner, start from the
//! same place.

use crate::binding::message::payload::file_name;
use crate::message::stored::{ReadAlready, Reading, Stored};
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyString};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// No file is longer, whatever its object says: in base64 it can still be counted.
const LONGEST: u64 = 1 << 56;

/// An open binary file that can seek.
pub(crate) struct OpenFile {
    object: Py<PyAny>,
    start: u64,
    /// A file has one position: who moves it reads before another moves it.
    position: Arc<Mutex<()>>,
}

impl OpenFile {
    pub fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
        object.hasattr("read")
    }

    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if !object.call_method1("read", (0,))?.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(format!(
                "attachments: {} gives text: open the file in binary mode, \"rb\"",
                shown(object)
            )));
        }
        let can_seek = match object.getattr_opt("seekable")? {
            Some(seekable) => seekable.call0()?.is_truthy()?,
            None => object.hasattr("seek")? && object.hasattr("tell")?,
        };
        if !can_seek {
            return Err(PyValueError::new_err(format!(
                "attachments: {} can't seek, so its length is unknown: \
                 read it and give (filename, bytes)",
                shown(object)
            )));
        }
        let position = position_of(object);
        let start = {
            // A session may be reading the same file for an earlier message.
            let _held = position.lock_py_attached(object.py()).unwrap_or_else(PoisonError::into_inner);
            object.call_method0("tell")?.extract()?
        };
        Ok(OpenFile { object: object.clone().unbind(), start, position })
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        let position = Arc::clone(&self.position);
        OpenFile { object: self.object.clone_ref(py), start: self.start, position }
    }

    pub fn object(&self) -> &Py<PyAny> {
        &self.object
    }

    pub fn file_name(&self, py: Python<'_>) -> Option<String> {
        let name = self.object.bind(py).getattr("name").ok()?;
        let name = py.import("os").ok()?.call_method1("fsdecode", (name,)).ok()?;
        let base = py.import("os.path").ok()?.call_method1("basename", (name,)).ok()?;
        let base = file_name::readable(base.cast::<PyString>().ok()?).ok()?;
        Some(base).filter(|base| !base.is_empty())
    }

    /// Lends the file to `work`, which may move its position.
    fn with_position<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> PyResult<T> {
        let _held = self.position.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        let object = self.object.bind(py);
        let before = object.call_method0(intern!(py, "tell"))?;
        let worked = work(object);
        let back = object.call_method1(intern!(py, "seek"), (before,));
        let result = worked?;
        back?;
        Ok(result)
    }

    /// What the file holds from its start on, counted. A file of the kernel's (`/proc`)
    /// has no end that could be sought: it is read.
    fn count(&self, py: Python<'_>) -> PyResult<Counted> {
        let end = self.with_position(py, |object| {
            object.call_method1("seek", (0, 2))?;
            object.call_method0("tell")?.extract::<u64>()
        });
        let len = match &end {
            Ok(end) if *end > self.start => return Ok(Counted::Octets(end - self.start)),
            Ok(end) => end.checked_sub(self.start),
            Err(raised) if raised.is_instance_of::<PyOSError>(py) => None,
            Err(raised) => return Err(raised.clone_ref(py)),
        };
        let octets: PyBackedBytes = self.with_position(py, |object| {
            object.call_method1("seek", (self.start,))?;
            Ok(object.call_method0("read")?.extract()?)
        })?;
        match (octets.is_empty(), len, end) {
            (false, ..) => Ok(Counted::Read(octets[..].into())),
            (true, Some(len), _) => Ok(Counted::Octets(len)),
            (true, None, Ok(_)) => Ok(Counted::EndsBefore),
            (true, None, Err(raised)) => Err(raised),
        }
    }
}

enum Counted {
    Octets(u64),
    /// They had to be read to be counted.
    Read(Arc<[u8]>),
    EndsBefore,
}

fn shown(object: &Bound<'_, PyAny>) -> String {
    object.repr().map_or_else(|_| "the file".to_owned(), |repr| repr.to_string_lossy().into_owned())
}

/// The same lock for every message that the same object is attached to.
fn position_of(object: &Bound<'_, PyAny>) -> Arc<Mutex<()>> {
    type Locks = Mutex<HashMap<usize, Weak<Mutex<()>>>>;
    static LOCKS: LazyLock<Locks> = LazyLock::new(Locks::default);
    let mut locks = LOCKS.lock_py_attached(object.py()).unwrap_or_else(PoisonError::into_inner);
    // An address identifies its object as long as the lock is referenced, because the holder
    // references the object, too. After that, another object may have the same address.
    locks.retain(|_, lock| lock.strong_count() > 0);
    let address = object.as_ptr() as usize;
    if let Some(lock) = locks.get(&address).and_then(Weak::upgrade) {
        return lock;
    }
    let lock = Arc::default();
    locks.insert(address, Arc::downgrade(&lock));
    lock
}

/// An open file with the count of what is in it from its start on.
pub(crate) struct StoredOpenFile {
    file: OpenFile,
    len: u64,
    name: String,
}

impl StoredOpenFile {
    pub fn count(py: Python<'_>, file: &OpenFile) -> PyResult<Arc<dyn Stored>> {
        let name = file.file_name(py).unwrap_or_else(|| shown(file.object.bind(py)));
        match file.count(py)? {
            Counted::EndsBefore => Err(PyValueError::new_err(format!(
                "attachments: {name} ends before the position at which it was attached"
            ))),
            Counted::Octets(len) if len > LONGEST => {
                Err(PyValueError::new_err(format!("attachments: {name} can't hold {len} octets")))
            }
            Counted::Octets(len) => Ok(Arc::new(StoredOpenFile { file: file.clone_ref(py), len, name })),
            Counted::Read(octets) => Ok(Arc::new(ReadAlready { name, octets })),
        }
    }
}

impl fmt::Debug for StoredOpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredOpenFile")
            .field("name", &self.name)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Stored for StoredOpenFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn open(&self) -> io::Result<Box<dyn Reading>> {
        let file = Python::attach(|py| self.file.clone_ref(py));
        Ok(Box::new(OpenReading { at: file.start, file }))
    }
}

struct OpenReading {
    file: OpenFile,
    at: u64,
}

impl Read for OpenReading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = Python::attach(|py| {
            let octets = self.file.with_position(py, |object| {
                object.call_method1(intern!(py, "seek"), (self.at,))?;
                Ok(object.call_method1(intern!(py, "read"), (out.len(),))?.extract::<PyBackedBytes>()?)
            })?;
            match out.get_mut(..octets.len()) {
                Some(place) => place.copy_from_slice(&octets),
                None => return Err(PyValueError::new_err("read() gave more than it was asked for")),
            }
            Ok(octets.len())
        });
        let octets = read.map_err(io::Error::other)?;
        self.at += octets as u64;
        Ok(octets)
    }
}

impl Reading for OpenReading {}
