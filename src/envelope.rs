//! The envelope
