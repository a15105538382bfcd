//! An extension module in which our own code panics, for `tests/test_panics.py`: the engine, the
//! binding's crate and the profiles are those of the library, which has no such place.

use rsmtp::driver::{Attendant, Connection, Operation, Patience, Target, TimedLine};
use rsmtp::protocol::{Error, Options};

/// An observer that is told of the conversation's first line.
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

    /// A conversation, without the GIL, in the middle of which something panics.
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
