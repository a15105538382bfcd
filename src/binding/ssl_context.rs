//! A Python `ssl.SSLContext` as the record layer. All its settings are honoured, because it does
//! the work itself, through two `ssl.MemoryBIO`s.

use crate::binding::error::Told;
use crate::tls::{RecordLayer, TlsError, TlsFacts};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Where an exception of the context is kept until it can be raised as it is.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

pub struct SslContextLayer {
    /// `ssl.SSLObject`.
    tls: Py<PyAny>,
    incoming: Py<PyAny>,
    outgoing: Py<PyAny>,
    host: String,
    verifies: bool,
    handshaking: bool,
    /// The handshake has failed: there is an alert to take, and nothing to try again
    /// (a second try would raise something else than the reason).
    failed: bool,
    has_ended: bool,
    raised: Raised,
}

impl SslContextLayer {
    pub fn new(context: &Bound<'_, PyAny>, host: &str, raised: Raised) -> PyResult<Self> {
        let py = context.py();
        let memory_bio = py.import("ssl")?.getattr("MemoryBIO")?;
        let (incoming, outgoing) = (memory_bio.call0()?, memory_bio.call0()?);
        let tls = context.call_method1("wrap_bio", (&incoming, &outgoing, false, host))?;
        // 2 is ssl.CERT_REQUIRED. Without a check of the name, any certificate of the authority
        // would do.
        let verifies = context.getattr("verify_mode")?.extract::<i32>()? == 2
            && context.getattr("check_hostname")?.is_truthy()?;
        Ok(Self {
            tls: tls.unbind(),
            incoming: incoming.unbind(),
            outgoing: outgoing.unbind(),
            host: host.to_owned(),
            verifies,
            handshaking: true,
            failed: false,
            has_ended: false,
            raised,
        })
    }

    /// One step of the handshake, as far as the bytes reach.
    fn shake_hands(&mut self, py: Python<'_>) -> PyResult<()> {
        match self.tls.call_method0(py, "do_handshake") {
            Ok(_) => self.handshaking = false,
            Err(error) if wants_more(py, &error) => {}
            Err(error) => {
                self.failed = true;
                return Err(error);
            }
        }
        Ok(())
    }

    fn decrypt(&mut self, py: Python<'_>, ciphertext: &[u8], plaintext: &mut Vec<u8>) -> PyResult<()> {
        self.incoming.call_method1(py, "write", (PyBytes::new(py, ciphertext),))?;
        if self.handshaking {
            self.shake_hands(py)?;
        }
        if self.handshaking {
            return Ok(());
        }
        loop {
            match self.tls.call_method1(py, "read", (65_536,)) {
                Ok(read) => {
                    let read = read.cast_bound::<PyBytes>(py)?.as_bytes();
                    if read.is_empty() {
                        self.has_ended = true;
                        break;
                    }
                    plaintext.extend_from_slice(read);
                }
                Err(error) if wants_more(py, &error) => break,
                Err(error) if is(py, &error, "SSLZeroReturnError") => {
                    self.has_ended = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn keep(&self, py: Python<'_>, error: PyErr) -> TlsError {
        let message = error.value(py).to_string();
        if is(py, &error, "SSLError") {
            // The message is in OpenSSL's own words, and the exception is one of ours.
            let certificate = is(py, &error, "SSLCertVerificationError");
            return TlsError { certificate, cause: Some(Arc::new(error)), ..TlsError::new(message) };
        }
        let cause = Told(error.clone_ref(py));
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        TlsError { cause: Some(Arc::new(cause)), ..TlsError::new(message) }
    }
}

fn wants_more(py: Python<'_>, error: &PyErr) -> bool {
    is(py, error, "SSLWantReadError")
}

/// Whether it is this exception of `ssl`.
fn is(py: Python<'_>, error: &PyErr, name: &str) -> bool {
    static SSL: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let ssl = SSL.get_or_try_init(py, || py.import("ssl").map(Bound::unbind));
    let class = ssl.and_then(|ssl| ssl.bind(py).getattr(name));
    class.is_ok_and(|class| error.is_instance(py, &class))
}

impl RecordLayer for SslContextLayer {
    fn receive(&mut self, ciphertext: &[u8], plaintext: &mut Vec<u8>) -> Result<(), TlsError> {
        Python::attach(|py| self.decrypt(py, ciphertext, plaintext).map_err(|error| self.keep(py, error)))
    }

    fn send(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        Python::attach(|py| {
            let written = self.tls.call_method1(py, "write", (PyBytes::new(py, plaintext),));
            written.map(|_| ()).map_err(|error| self.keep(py, error))
        })
    }

    fn take_output(&mut self, ciphertext: &mut Vec<u8>) -> Result<(), TlsError> {
        Python::attach(|py| {
            let mut take = || -> PyResult<()> {
                // The client sends the first flight of the handshake.
                if self.handshaking && !self.failed {
                    self.shake_hands(py)?;
                }
                let ready = self.outgoing.call_method0(py, "read")?;
                ciphertext.extend_from_slice(ready.cast_bound::<PyBytes>(py)?.as_bytes());
                Ok(())
            };
            take().map_err(|error| self.keep(py, error))
        })
    }

    fn close(&mut self) -> Result<(), TlsError> {
        // `unwrap` sends our close_notify and then wants the server's, which is not waited for.
        Python::attach(|py| match self.tls.call_method0(py, "unwrap") {
            Err(error) if !error.is_instance_of::<PyException>(py) => Err(self.keep(py, error)),
            _ => Ok(()),
        })
    }

    fn is_handshaking(&self) -> bool {
        self.handshaking
    }

    fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn facts(&self) -> Option<TlsFacts> {
        Python::attach(|py| {
            let read = || -> PyResult<TlsFacts> {
                let cipher: (String, String, u32) = self.tls.call_method0(py, "cipher")?.extract(py)?;
                let certificate = self.tls.call_method1(py, "getpeercert", (true,))?;
                Ok(TlsFacts {
                    version: self.tls.call_method0(py, "version")?.extract(py)?,
                    cipher: cipher.0,
                    server_name: self.host.clone(),
                    certificate: certificate.extract(py)?,
                    verified: self.verifies,
                })
            };
            read().ok()
        })
    }
}
