//! The audit log: FHIR AuditEvents in a file, one JSON object a line.
//!
//! A thread of its own writes, so that a decision never waits for the disk. When the disk takes no more, events wait in a
//! bounded queue; when that is full too, or a write fails, the log is *broken*: the node answers 503 to every request that
//! would need an event and is not ready, until a write succeeds again. Nothing is decided that cannot be recorded. Killing
//! the process may lose the events of its last 20 milliseconds; what was acknowledged to a client is in the store.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

/// Events that may wait for the disk.
const QUEUE: usize = 16_384;

/// How long the first of several events waits for others.
const GATHER: Duration = Duration::from_millis(20);

/// Makes an event's line; called by the writer, so that the decision itself does not pay for it.
type Line = Box<dyn FnOnce() -> String + Send>;

/// Where every decision is recorded.
pub struct AuditLog {
    queue: Option<SyncSender<Line>>,
    broken: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl AuditLog {
    /// Opens the file for appending, made with mode 0600 when it is missing, and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not be started.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_for_append(path).with_context(|| format!("the audit log {}", path.display()))?;
        let (queue, events) = sync_channel(QUEUE);
        let broken = Arc::new(AtomicBool::new(false));
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn({
            let broken = Arc::clone(&broken);
            move || write_all(file, &events, &broken)
        })?;
        Ok(Self { queue: Some(queue), broken, writer: Some(writer) })
    }

    /// Hands an event to the writer; `line` makes its JSON.
    pub fn append(&self, line: impl FnOnce() -> String + Send + 'static) {
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(Box::new(line)).is_ok());
        if !taken {
            self.broken.store(true, Ordering::Relaxed);
            metrics::counter!("tessera_audit_events_lost_total").increment(1);
            tracing::error!("an audit event could not be queued; the node refuses work until the log can be written");
        }
    }

    /// Whether the latest events could not be written.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

impl tessera_http::state::Recorder for AuditLog {
    fn is_recording(&self) -> bool {
        !self.is_broken()
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog").field("broken", &self.is_broken()).finish_non_exhaustive()
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        // Closing the queue ends the writer after the events that are in it.
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn open_for_append(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_all(file: File, events: &Receiver<Line>, broken: &AtomicBool) {
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    loop {
        let first = match events.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                // While this thread sleeps, those who append need not wake it: one wake for many events.
                std::thread::sleep(GATHER);
                Some(line)
            }
            // Broken: find out whether the disk takes writes again.
            Err(RecvTimeoutError::Timeout) if broken.load(Ordering::Relaxed) => None,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let written = first
            .into_iter()
            .chain(std::iter::from_fn(|| events.try_recv().ok()))
            .take(QUEUE)
            .try_for_each(|line| {
                file.write_all(line().as_bytes())?;
                file.write_all(b"\n")
            })
            .and_then(|()| file.flush());
        let failed = written.is_err();
        if let Err(error) = written {
            tracing::error!(%error, "the audit log cannot be written");
        }
        broken.store(failed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_line_for_each_event_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        for number in 0..100 {
            log.append(move || format!("{{\"n\":{number}}}"));
        }
        assert!(!log.is_broken());
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 100);
        assert_eq!(text.lines().last(), Some("{\"n\":99}"));
    }

    #[test]
    fn appends_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for _ in 0..2 {
            AuditLog::open(&path).unwrap().append(|| "{}".to_owned());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{}\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_breaks_the_log() {
        let log = AuditLog::open(Path::new("/dev/full")).unwrap();
        log.append(|| "{}".to_owned());
        for _ in 0..200 {
            if log.is_broken() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("a failed write must be seen");
    }
}
