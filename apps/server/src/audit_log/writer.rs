//! The thread that writes: whole lines, many in one write, none forgotten before it is on the file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::{Line, State, count_lost};

/// How long the first of several events waits for others.
const GATHER: Duration = Duration::from_millis(20);

/// How long a disk that refused is left alone.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Lines are gathered up to this size, in bytes.
const BATCH: usize = 1024 * 1024;

/// Where lines go; the log's file, or a test's imitation of one.
pub(super) trait Destination: Send + 'static {
    /// Takes the file that has the log's name now, when it is another one.
    fn reopen_if_moved(&mut self) -> io::Result<()>;

    /// Whether what is there ends in the middle of a line.
    fn ends_within_a_line(&mut self) -> io::Result<bool>;

    /// Appends with one write and says how many bytes were taken.
    fn append(&mut self, lines: &[u8]) -> io::Result<usize>;
}

/// Appends whole lines with one write, to the file that has the log's name now; says how many bytes were taken.
///
/// A full disk may take a part of a line, this process's or another's. What is there of it is ended first: taking it back
/// could cut what somebody has appended since, and going on in its middle would mix two lines.
pub(super) fn append(destination: &mut impl Destination, lines: &[u8]) -> io::Result<usize> {
    destination.reopen_if_moved()?;
    if destination.ends_within_a_line()? {
        destination.append(b"\n")?;
    }
    destination.append(lines)
}

pub(super) struct Writer<D> {
    destination: D,
    state: Arc<State>,
    retry: Duration,
    /// Whole lines that are not on the file yet. No further event is taken while the disk refuses these.
    held: Vec<u8>,
}

impl<D: Destination> Writer<D> {
    pub(super) fn new(destination: D, state: Arc<State>, retry: Duration) -> Self {
        Self { destination, state, retry, held: Vec::new() }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self, events: &Receiver<Line>) {
        loop {
            match events.recv_timeout(self.retry) {
                Ok(first) => self.gather(first, events),
                // Somebody who met a full queue may have called the log broken just after the last write.
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Err(error) = self.write_held() {
                self.note_failure(&error);
                if self.state.closing.load(Ordering::Relaxed) {
                    return self.give_up(events);
                }
                std::thread::sleep(self.retry);
            }
            self.note_success();
        }
    }

    fn gather(&mut self, first: Line, events: &Receiver<Line>) {
        // While this thread sleeps, those who append need not wake it: one wake for many events.
        std::thread::sleep(GATHER);
        self.hold(first);
        while self.held.len() < BATCH
            && let Ok(line) = events.try_recv()
        {
            self.hold(line);
        }
    }

    fn hold(&mut self, line: Line) {
        self.held.extend_from_slice(line().as_bytes());
        self.held.push(b'\n');
    }

    /// Writes what is held, mostly with one write. Lines leave `held` when they are on the file in full; of one that was
    /// cut, what is there stays as a line of its own, and it is written again.
    fn write_held(&mut self) -> io::Result<()> {
        while !self.held.is_empty() {
            let taken = append(&mut self.destination, &self.held)?;
            let whole = self.held.iter().take(taken).rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.held.drain(..whole);
            if whole == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    fn note_failure(&self, error: &io::Error) {
        if !self.state.broken.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the audit log cannot be written; the node refuses work until it can");
        }
    }

    fn note_success(&self) {
        if self.state.broken.swap(false, Ordering::Relaxed) {
            tracing::info!("the audit log is written again");
        }
    }

    /// The node ends and the disk takes nothing: what waits is lost, and said to be.
    fn give_up(self, events: &Receiver<Line>) {
        let held = self.held.iter().filter(|byte| **byte == b'\n').count();
        let lost = (held + events.try_iter().count()) as u64;
        count_lost(lost);
        tracing::error!(lost, "audit events are lost: the log could not be written until the end");
    }
}

impl<D> Drop for Writer<D> {
    /// However the thread ends, nothing is recorded from then on.
    fn drop(&mut self) {
        self.state.broken.store(true, Ordering::Relaxed);
    }
}
