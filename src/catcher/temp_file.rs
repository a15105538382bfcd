//! A file that lives as long as its owner.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::random;

/// A file in the system's folder for temporary files, removed when dropped.
#[derive(Debug)]
pub struct TempFile {
    path: PathBuf,
    owner: u32,
}

impl TempFile {
    /// Writes `content` to a new file whose name starts with `prefix`.
    pub fn create(prefix: &str, suffix: &str, content: &[u8]) -> io::Result<Self> {
        Self::write(OpenOptions::new(), prefix, suffix, content)
    }

    /// Does the same, and lets only the owner read the file.
    pub fn create_private(prefix: &str, suffix: &str, content: &[u8]) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::write(options, prefix, suffix, content)
    }

    fn write(mut options: OpenOptions, prefix: &str, suffix: &str, content: &[u8]) -> io::Result<Self> {
        let name = format!("{prefix}{}{suffix}", random::hex(8)?);
        let path = std::env::temp_dir().join(name);
        // create_new refuses to follow a link that another user has put there.
        let mut file = options.write(true).create_new(true).open(&path)?;
        let file_of_ours = TempFile { path, owner: process::id() };
        file.write_all(content)?;
        Ok(file_of_ours)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file now. Dropping the value later does nothing more.
    pub fn remove(&self) {
        // A forked child has a copy of this value, but the file belongs to its parent.
        if self.owner == process::id() {
            // If the file can't be removed, there is nothing else to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_goes_with_its_owner() {
        let file = TempFile::create("rsmtp-test-", ".txt", b"content").unwrap();
        let path = file.path().to_owned();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        drop(file);
        assert!(!path.exists());
    }
}
