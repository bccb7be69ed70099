//! The audit log: FHIR AuditEvents in a file, one JSON object a line.
//!
//! A thread of its own writes, so that a decision never waits for the disk. When the disk takes no more, the lines that it
//! refused are held and tried again, and further events wait in a bounded queue; from the first refusal until the held lines
//! are written the log is *broken*: the node answers 503 to every request that would need an event, and is not ready.
//! Nothing is decided that cannot be recorded. Killing the process may lose the events of its last 20 milliseconds; what was
//! acknowledged to a client is in the store.
//!
//! Source: security invariant 47; `docs/operations.md` tells operators what to expect

mod appender;
mod file;
mod writer;

pub use self::appender::Appender;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

use self::file::LogFile;
use self::writer::{Destination, RETRY, Writer};

/// Events that may wait for the disk.
const QUEUE: usize = 16_384;

/// Makes an event's line; called by the writer, so that the decision itself does not pay for it.
type Line = Box<dyn FnOnce() -> String + Send>;

/// Where every decision is recorded.
pub struct AuditLog {
    queue: Option<SyncSender<Line>>,
    state: Arc<State>,
    writer: Option<JoinHandle<()>>,
}

/// What the log and its writer tell each other besides the events.
#[derive(Debug, Default)]
struct State {
    broken: AtomicBool,
    /// Nobody will append any more, so the writer need not wait for a disk that takes nothing.
    closing: AtomicBool,
}

/// Why an event was not taken; what it would have recorded must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The disk refuses what was to be written.
    #[error("the audit log cannot be written")]
    Broken,
    /// Too many events wait for the disk.
    #[error("too many audit events wait to be written")]
    QueueFull,
}

impl AuditLog {
    /// Opens the file for appending, made with mode 0600 when it is missing, and starts the writer.
    ///
    /// # Errors
    /// When the file is not ours alone or cannot be opened, or the thread not be started.
    pub fn open(path: &Path) -> Result<Self> {
        let file = LogFile::open(path).with_context(|| format!("the audit log {}", path.display()))?;
        Self::over(file, QUEUE, RETRY)
    }

    fn over(destination: impl Destination, queue: usize, retry: std::time::Duration) -> Result<Self> {
        let (queue, events) = sync_channel(queue);
        let state = Arc::new(State::default());
        let writer = Writer::new(destination, Arc::clone(&state), retry);
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&events))?;
        Ok(Self { queue: Some(queue), state, writer: Some(writer) })
    }

    /// Hands over an event of something that has not happened yet, so that it need not happen when this fails; `line` makes
    /// its JSON.
    ///
    /// # Errors
    /// [`NotRecorded`]; the event is not kept, for what it tells of is not to happen.
    pub fn record(&self, line: impl FnOnce() -> String + Send + 'static) -> Result<(), NotRecorded> {
        if self.is_broken() {
            return Err(NotRecorded::Broken);
        }
        self.enqueue(Box::new(line))
    }

    /// Hands over an event of something that has happened: it is kept also while the log is broken, as long as there is
    /// room, and counted as lost when there is none.
    pub fn append(&self, line: impl FnOnce() -> String + Send + 'static) {
        // Whoever cannot take back what happened can do no more than this has done.
        let _ = self.keep(line);
    }

    /// As [`Self::append`], for whoever can still answer otherwise when the event finds no room.
    ///
    /// # Errors
    /// [`NotRecorded`] when it was lost.
    pub fn keep(&self, line: impl FnOnce() -> String + Send + 'static) -> Result<(), NotRecorded> {
        self.enqueue(Box::new(line)).inspect_err(|cause| {
            count_lost(1);
            tracing::error!(%cause, "an audit event is lost; the node refuses work until the log can be written");
        })
    }

    /// Whether the latest events could not be written.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state.broken.load(Ordering::Relaxed)
    }

    fn enqueue(&self, line: Line) -> Result<(), NotRecorded> {
        let queue = self.queue.as_ref().ok_or(NotRecorded::Broken)?;
        queue.try_send(line).map_err(|error| {
            // The writer takes this back with its next success.
            self.state.broken.store(true, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => NotRecorded::QueueFull,
                TrySendError::Disconnected(_) => NotRecorded::Broken,
            }
        })
    }
}

fn count_lost(events: u64) {
    metrics::counter!("tessera_audit_events_lost_total").increment(events);
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
        self.state.closing.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests;
