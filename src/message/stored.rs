//! Octets that stay in a file until a message is written.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Octets kept elsewhere, and how many there were when they were counted.
pub trait Stored: fmt::Debug + Send + Sync {
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their name for people.
    fn name(&self) -> String;

    /// Begins to read from the start.
    fn open(&self) -> io::Result<Box<dyn Reading>>;
}

/// A reading in progress.
pub trait Reading: Read + Send + Sync {
    /// Called at the end. An error means that what was read isn't what was counted.
    fn verify(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stored octets could not be read, or have changed.
#[derive(Debug)]
pub struct ReadError {
    pub name: String,
    pub error: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.error)
    }
}

impl std::error::Error for ReadError {}

/// Reads as many octets as were counted. Fewer or more are an error. So is a change that is
/// noticed at the end, before the last octets are returned.
pub struct Exactly {
    reading: Box<dyn Reading>,
    name: String,
    left: u64,
}

impl Exactly {
    pub fn open(stored: &dyn Stored) -> Result<Self, ReadError> {
        let name = stored.name();
        match stored.open() {
            Ok(reading) => Ok(Exactly { reading, name, left: stored.len() }),
            Err(error) => Err(ReadError { name, error }),
        }
    }

    /// Reads the next octets into `out`: as many as fit, or as are left.
    pub fn read<'a>(&mut self, out: &'a mut [u8]) -> Result<&'a [u8], ReadError> {
        let octets = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        let read = self.fill(&mut out[..octets]);
        read.map_err(|error| ReadError { name: self.name.clone(), error })?;
        Ok(&out[..octets])
    }

    fn fill(&mut self, out: &mut [u8]) -> io::Result<()> {
        self.reading.read_exact(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => error,
        })?;
        self.left -= out.len() as u64;
        if self.left > 0 {
            return Ok(());
        }
        match self.reading.read_exact(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.reading.verify(),
            Err(error) => Err(error),
            Ok(()) => Err(changed()),
        }
    }
}

impl fmt::Debug for Exactly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exactly").field("name", &self.name).field("left", &self.left).finish_non_exhaustive()
    }
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the file was changed while it was being read: attach a copy of it",
    )
}

/// The file at a path, as it will be sent now. Files that the kernel generates on demand (`/proc`,
/// `/sys`) have no size, and are read at once.
pub fn of_path(path: &Path) -> io::Result<Arc<dyn Stored>> {
    let file = StoredFile::count(path)?;
    if file.is_empty() {
        let octets = read_whole(File::open(path)?)?;
        if !octets.is_empty() {
            return Ok(Arc::new(ReadAlready { name: file.name(), octets: octets.into() }));
        }
    }
    Ok(Arc::new(file))
}

/// Reads everything, up to the largest possible size of an attachment.
fn read_whole(from: impl Read) -> io::Result<Vec<u8>> {
    const MOST: u64 = 64 * 1024 * 1024;
    let mut octets = Vec::new();
    from.take(MOST + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it says that it is empty, and has no end"));
    }
    Ok(octets)
}

/// Octets that had to be read to be counted.
pub struct ReadAlready {
    pub name: String,
    pub octets: Arc<[u8]>,
}

impl fmt::Debug for ReadAlready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAlready")
            .field("name", &self.name)
            .field("len", &self.octets.len())
            .finish_non_exhaustive()
    }
}

impl Stored for ReadAlready {
    fn len(&self) -> u64 {
        self.octets.len() as u64
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn open(&self) -> io::Result<Box<dyn Reading>> {
        Ok(Box::new(io::Cursor::new(Arc::clone(&self.octets))))
    }
}

impl Reading for io::Cursor<Arc<[u8]>> {}

/// A regular file, by its path.
#[derive(Clone, Debug)]
pub struct StoredFile {
    path: PathBuf,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    len: u64,
    modified: Option<SystemTime>,
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        Seen { len: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl StoredFile {
    /// Counts the octets and checks that the file can be read. A directory is an error of that
    /// kind. Anything else that isn't a regular file (a pipe, a device) has no knowable end, and
    /// is refused as invalid input.
    pub fn count(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let metadata = File::open(path)?.metadata()?;
        Ok(StoredFile { path: path.to_owned(), seen: Seen::of(&metadata) })
    }
}

impl Stored for StoredFile {
    fn len(&self) -> u64 {
        self.seen.len
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn open(&self) -> io::Result<Box<dyn Reading>> {
        let mut reading = FileReading { file: File::open(&self.path)?, seen: self.seen };
        reading.verify()?;
        Ok(Box::new(reading))
    }
}

struct FileReading {
    file: File,
    seen: Seen,
}

impl Read for FileReading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.file.read(out)
    }
}

impl Reading for FileReading {
    fn verify(&mut self) -> io::Result<()> {
        if Seen::of(&self.file.metadata()?) == self.seen { Ok(()) } else { Err(changed()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Announces one number of octets and has another.
    #[derive(Clone, Debug)]
    pub struct Told {
        pub len: u64,
        pub octets: Vec<u8>,
    }

    impl Stored for Told {
        fn len(&self) -> u64 {
            self.len
        }

        fn name(&self) -> String {
            "told".to_owned()
        }

        fn open(&self) -> io::Result<Box<dyn Reading>> {
            Ok(Box::new(io::Cursor::new(self.octets.clone())))
        }
    }

    impl Reading for io::Cursor<Vec<u8>> {}

    #[test]
    fn neither_fewer_octets_nor_more() {
        for (len, octets, fine) in [(5, 5, true), (5, 4, false), (5, 6, false), (4, 4, true)] {
            let told = Told { len, octets: vec![b'x'; octets] };
            let mut exactly = Exactly::open(&told).expect("opens");
            let mut out = [0; 2];
            let mut got = 0;
            let end = loop {
                match exactly.read(&mut out) {
                    Ok(piece) => got += piece.len() as u64,
                    Err(error) => break Err(error.to_string()),
                }
                if got == len {
                    break Ok(());
                }
            };
            assert_eq!(end.is_ok(), fine, "{len} {octets} {end:?}");
        }
    }
}
