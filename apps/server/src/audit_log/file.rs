//! The log's file: ours alone, appended to, and opened anew when somebody has moved it away.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tessera_store::private_file;

use super::writer::Destination;

/// A file that is open for appending.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    identity: Identity,
}

/// Tells a file from another that has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
}

impl LogFile {
    /// Opens the file, made with mode 0600 when it is missing.
    ///
    /// `O_APPEND` makes the system put each write at the end, whoever else appends: an operator's command does.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        private_file::prepare(path).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        let identity = Identity::of(&file.metadata()?);
        Ok(Self { path: path.to_owned(), file, identity })
    }

    /// Waits until what was appended is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Destination for LogFile {
    fn reopen_if_moved(&mut self) -> io::Result<()> {
        match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) if Identity::of(&metadata) == self.identity => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        *self = Self::open(&self.path)?;
        Ok(())
    }

    fn ends_within_a_line(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() == 0 {
            return Ok(false);
        }
        self.file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        self.file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(lines) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer,
            }
        }
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), number: metadata.ino() }
    }

    /// Where files cannot be told apart, the log stays with the one it has opened.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self { device: 0, number: 0 }
    }
}
