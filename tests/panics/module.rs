//! An extension module in which the library's code panics, for `tests/test_panics.py`. It uses the
//! library's engine, binding and profiles. The library itself has no place that panics on request.

use rsmtp::driver::{Attendant, Connection, Operation, Patience, Target, TimedLine};
use rsmtp::protocol::{Error, Options};

/// An observer that panics at the conversation's first line.
struct Panics;

impl Attendant for Panics {
    fn attend(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn hear(&mut self, line: &TimedLine) {
        panic!("as the test wants it, at {:?}", line.line.state);
    }
}

#[pyo3::pymodule]
mod panics {
    use super::*;
    use pyo3::prelude::*;

    /// Runs a conversation that panics in the middle, without the GIL.
    #[pyfunction]
    fn converse(py: Python<'_>, host: &str, port: u16) {
        let target = Target::Tcp { host: host.to_owned(), port, source: None };
        py.detach(|| {
            let operation =
                Operation::new(Options::default(), None, Patience { stage: None, operation: None });
            let mut connection = Connection::open(&target, operation, &mut Panics);
            drop(connection.as_mut().map(|connection| connection.run(&mut Panics)));
        });
    }
}
