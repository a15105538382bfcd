//! The exceptions of `email.errors` that this folder raises.

#![allow(missing_debug_implementations, reason = "made by a macro")]

pyo3::import_exception!(rsmtp.email.errors, HeaderParseError);
pyo3::import_exception!(rsmtp.email.errors, HeaderWriteError);
