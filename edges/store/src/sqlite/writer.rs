//! The one thread that writes, and the commits that waiting operations share.
//!
//! A durable commit costs one sync of the disk, whatever it holds. So operations wait in a bounded queue; the thread
//! takes all that wait, runs each under its own savepoint in one transaction, commits once and only then answers
//! them all. An operation that fails undoes itself alone. A full queue is an answer at once, not a longer wait.
//!
//! The alternative, a pool of connections that each commit for themselves, pays one sync for each request and
//! spends its time waiting for SQLite's only write lock (see `docs/adr/0003-sqlite-by-one-writer-thread.md`).

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::SqliteError;

/// How long a commit waits for companions when the commit before it had more.
///
/// Clients that were answered together come back together, a few microseconds apart: without this the first of
/// them would get a commit of its own and the others would wait for two. (Measured with 64 clients in a closed loop: 64
/// to a commit instead of 52; with 8 clients: 8 instead of 7.) A lone client never waits, because the commit before its
/// own held one operation too.
const GATHER: Duration = Duration::from_micros(150);

/// What the writer has done since it was started.
///
/// `operations / commits` says how well commits are shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStatistics {
    /// Operations run, whatever they answered.
    pub operations: u64,
    /// Transactions committed: one sync of the disk each.
    pub commits: u64,
    /// Transactions that could not be begun or committed; all their operations were answered with an error.
    pub failed_commits: u64,
    /// Operations turned away because the queue was full.
    pub turned_away: u64,
}

#[derive(Debug, Default)]
struct Counters {
    operations: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    turned_away: AtomicU64,
}

/// The handle by which operations reach the writing thread; dropping it lets the thread finish what waits, and waits
/// for that.
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Writer {
    /// Gives `connection` to a new thread with a queue of `queue` places and transactions of at most `batch` operations.
    ///
    /// # Errors
    /// The system's answer when it gives no thread.
    pub(crate) fn start(connection: Connection, queue: usize, batch: usize) -> io::Result<Self> {
        let (sender, jobs) = sync_channel(queue.max(1));
        let counters = Arc::new(Counters::default());
        let worker = Worker { connection, jobs, batch: batch.max(1), counters: Arc::clone(&counters) };
        let thread = Builder::new().name("tessera-store".to_owned()).spawn(move || worker.serve())?;
        Ok(Self { queue: Some(sender), thread: Some(thread), counters })
    }

    /// Runs `operation` inside a shared transaction and answers once that is on the disk.
    ///
    /// The operation runs under a savepoint: its error undoes its own writes and nobody else's. When the caller stops
    /// waiting before the operation began, it does not run.
    ///
    /// # Errors
    /// [`SqliteError::QueueFull`] at once when too many wait; the operation's own error; [`SqliteError::Commit`] when
    /// the shared commit failed, in which case nothing was acknowledged.
    pub(crate) async fn run<T, F>(&self, operation: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        self.send(operation, Undo::Savepoint).await
    }

    /// As [`Writer::run`] for an operation of a single statement, which needs no savepoint.
    pub(crate) async fn run_one<T, F>(&self, operation: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        self.send(operation, Undo::Statement).await
    }

    async fn send<T, F>(&self, operation: F, undo: Undo) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Operation { operation: Some(operation), undo, outcome: None, reply });
        let queue = self.queue.as_ref().ok_or(SqliteError::Stopped)?;
        match queue.try_send(job) {
            Ok(()) => answer.await.map_err(|_closed| SqliteError::Stopped)?,
            Err(TrySendError::Full(_)) => {
                self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                Err(SqliteError::QueueFull)
            }
            Err(TrySendError::Disconnected(_)) => Err(SqliteError::Stopped),
        }
    }

    /// What was done so far.
    pub(crate) fn statistics(&self) -> WriteStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriteStatistics {
            operations: read(&self.counters.operations),
            commits: read(&self.counters.commits),
            failed_commits: read(&self.counters.failed_commits),
            turned_away: read(&self.counters.turned_away),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}

struct Worker {
    connection: Connection,
    jobs: Receiver<Box<dyn Job>>,
    batch: usize,
    counters: Arc<Counters>,
}

impl Worker {
    fn serve(self) {
        let mut companions = 1;
        while let Ok(first) = self.jobs.recv() {
            companions = self.share_commit(first, companions);
        }
    }

    /// One transaction: begin, run `first` and all that wait, commit, answer. Returns how many shared it.
    fn share_commit(&self, first: Box<dyn Job>, expected: usize) -> usize {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            return self.turn_down(first, error);
        }
        let mut ran = Vec::with_capacity(expected);
        let verdict = match self.run_waiting(first, expected, &mut ran) {
            Ok(()) => self.execute("COMMIT"),
            Err(error) => Err(error),
        };
        self.settle(verdict, ran)
    }

    fn run_waiting(&self, first: Box<dyn Job>, expected: usize, ran: &mut Vec<Box<dyn Job>>) -> rusqlite::Result<()> {
        let mut next = Some(first);
        let mut may_wait = true;
        while let Some(mut job) = next {
            let intact = job.run(&self.connection);
            ran.push(job);
            intact?;
            next = if ran.len() < self.batch { self.next_waiting(ran.len() < expected, &mut may_wait) } else { None };
        }
        Ok(())
    }

    /// The next operation that waits. When none does and more are expected, it sleeps for a moment, as long as each such
    /// moment has brought some: sleeping, unlike waiting at the queue, costs the senders no call to wake this thread.
    fn next_waiting(&self, more_expected: bool, may_wait: &mut bool) -> Option<Box<dyn Job>> {
        let waiting = self.jobs.try_recv().ok();
        if waiting.is_some() || !more_expected || !*may_wait {
            return waiting;
        }
        std::thread::sleep(GATHER);
        let arrived = self.jobs.try_recv().ok();
        *may_wait = arrived.is_some();
        arrived
    }

    fn settle(&self, verdict: rusqlite::Result<()>, ran: Vec<Box<dyn Job>>) -> usize {
        let count = ran.len();
        self.counters.operations.fetch_add(count as u64, Ordering::Relaxed);
        let failure = match verdict {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(error) => {
                self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
                if !self.connection.is_autocommit()
                    && let Err(error) = self.execute("ROLLBACK")
                {
                    tracing::error!(error = %error, "a failed transaction of the store could not be rolled back");
                }
                Some(Arc::new(error))
            }
        };
        for job in ran {
            job.answer(failure.as_ref());
        }
        count
    }

    /// No transaction could be begun (another process holds the lock, or the disk fails): everybody who waits is told,
    /// instead of waiting the same time again one after the other.
    fn turn_down(&self, first: Box<dyn Job>, error: rusqlite::Error) -> usize {
        self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
        let error = Arc::new(error);
        // Taken before the first is answered: whoever comes after that answer may find the lock free again.
        let waiting: Vec<_> = self.jobs.try_iter().take(self.batch).collect();
        for job in std::iter::once(first).chain(waiting) {
            job.answer(Some(&error));
        }
        1
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        execute(&self.connection, sql)
    }
}

/// An operation on its way through the thread, whatever it answers.
trait Job: Send {
    /// Runs, so that it can be undone alone, and keeps the outcome; an error means that the whole transaction is lost.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Sends the outcome, or the failure of the commit that it depended on.
    fn answer(self: Box<Self>, failure: Option<&Arc<rusqlite::Error>>);
}

/// How an operation that fails undoes itself alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// All that it wrote since its savepoint.
    Savepoint,
    /// It is one statement, and a statement that fails leaves nothing.
    Statement,
}

struct Operation<T, F> {
    operation: Option<F>,
    undo: Undo,
    outcome: Option<Result<T, SqliteError>>,
    reply: oneshot::Sender<Result<T, SqliteError>>,
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, SqliteError> + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(operation) = self.operation.take() else { return Ok(()) };
        if self.reply.is_closed() {
            return Ok(());
        }
        let has_savepoint = self.undo == Undo::Savepoint;
        if has_savepoint {
            execute(connection, "SAVEPOINT operation")?;
        }
        // A panic costs one request, not the thread: the savepoint undoes what it left behind.
        let outcome = catch_unwind(AssertUnwindSafe(|| operation(connection)))
            .unwrap_or_else(|panic| Err(SqliteError::Panic(panic_text(panic.as_ref()))));
        if connection.is_autocommit() {
            // SQLite itself rolled everything back (disk full, I/O error, out of memory).
            return Err(lost_transaction());
        }
        if has_savepoint {
            if outcome.is_err() {
                execute(connection, "ROLLBACK TO operation")?;
            }
            execute(connection, "RELEASE operation")?;
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<&Arc<rusqlite::Error>>) {
        let answer = match (failure, self.outcome) {
            (Some(error), _) => Err(SqliteError::Commit(Arc::clone(error))),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(SqliteError::Stopped),
        };
        // The caller may have stopped waiting; what was committed stays.
        drop(self.reply.send(answer));
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn lost_transaction() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
        Some("the shared transaction was rolled back by an operation's failure".to_owned()),
    )
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}

#[cfg(test)]
mod tests;
