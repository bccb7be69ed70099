//! A log that is written at once, for a process that does one thing and waits for its record: an operator's command.

use std::io;
use std::path::Path;

use super::file::LogFile;
use super::writer::append;

/// A node's audit log, opened beside the node, which may be running.
///
/// The file is judged, made, followed when it is rotated and repaired as the node itself does it.
#[derive(Debug)]
pub struct Appender(LogFile);

impl Appender {
    /// Opens the file for appending, made with mode 0600 when it is missing.
    ///
    /// # Errors
    /// When the file is not ours alone or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        LogFile::open(path).map(Self)
    }

    /// Appends a line, which is given without its end, and waits until it is on the disk.
    ///
    /// It is one write, so that it does not mix with what a running node writes.
    ///
    /// # Errors
    /// When the line is not on the disk in full. What is there of it stays, as a line that is no JSON.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        if append(&mut self.0, line.as_bytes())? < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.sync()
    }
}
