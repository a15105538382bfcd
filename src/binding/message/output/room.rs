//! The buffer in which a message is written before it is copied into an object of Python's, kept
//! for the next one.
//!
//! A message with a thousand recipients takes more than an allocator keeps at hand. Without this,
//! the heap grows and shrinks with every such message, and the kernel clears the same pages again
//! and again: a quarter of the time that it takes to write one.

use std::sync::Mutex;

/// A larger one isn't kept.
const MOST: usize = 128 * 1024;

static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The buffer that was kept last, or a new one.
pub(super) fn taken() -> Vec<u8> {
    // Another thread has the lock only for a moment, and it isn't worth waiting for.
    SPARE.try_lock().map(|mut spare| std::mem::take(&mut *spare)).unwrap_or_default()
}

/// Keeps a buffer, without what is in it.
pub(super) fn kept(mut buffer: Vec<u8>) {
    if buffer.capacity() <= MOST
        && let Ok(mut spare) = SPARE.try_lock()
    {
        buffer.clear();
        *spare = buffer;
    }
}
