//! How much may be under way at once: per host, in all, and once per question.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// Caps on requests under way, per host and in all.
///
/// Whoever finds a cap reached waits, within the deadline that the caller has put around the whole.
#[derive(Debug)]
pub(crate) struct InFlight {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    per_host: usize,
}

/// The right to have one request under way; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    owner: &'a InFlight,
    host: String,
    // Options, so that the permits go back before the host's entry is looked at.
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl InFlight {
    pub(crate) fn new(per_host: usize, in_all: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(in_all)), hosts: Mutex::default(), per_host }
    }

    /// Waits for a place. The host's own queue comes first, so that waiting for a slow host takes no place from others.
    pub(crate) async fn enter(&self, host: &str) -> Place<'_> {
        let semaphore =
            lock(&self.hosts).entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host))).clone();
        // From here on the entry is tidied away by the place's end, also when the caller gives up waiting.
        let mut place = Place { owner: self, host: host.to_owned(), permits: None };
        let of_host = semaphore.acquire_owned().await.expect("these semaphores are never closed");
        let of_all = self.all.clone().acquire_owned().await.expect("these semaphores are never closed");
        place.permits = Some((of_host, of_all));
        place
    }

    #[cfg(test)]
    pub(crate) fn hosts_known(&self) -> usize {
        lock(&self.hosts).len()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.permits = None;
        let mut hosts = lock(&self.owner.hosts);
        // One count is the map's own: nobody else waits for this host or is with it.
        if hosts.get(&self.host).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            hosts.remove(&self.host);
        }
    }
}

/// Lets many askers of the same question share one answer.
///
/// The first asker does the work; should it give up, another goes on with a fresh attempt.
#[derive(Debug)]
pub(crate) struct Shared<K, V> {
    flights: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self { flights: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shared<K, V> {
    /// The answer of the flight under way, or of `work`, when none is.
    pub(crate) async fn ask(&self, question: K, work: impl Future<Output = V>) -> V {
        let cell = lock(&self.flights).entry(question.clone()).or_default().clone();
        let ticket = Ticket { owner: self, question, cell };
        ticket.cell.get_or_init(|| work).await.clone()
    }
}

struct Ticket<'a, K: Eq + Hash, V> {
    owner: &'a Shared<K, V>,
    question: K,
    cell: Arc<OnceCell<V>>,
}

impl<K: Eq + Hash, V> Drop for Ticket<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = lock(&self.owner.flights);
        let ours = flights.get(&self.question).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // Answered: later askers start anew. Given up: forgotten when the last one leaves (the map's count and ours).
        if ours && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            flights.remove(&self.question);
        }
    }
}

/// A poisoned lock guards a plain map here, which is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn a_host_never_has_more_than_its_cap_and_is_forgotten_afterwards() {
        let in_flight = Arc::new(InFlight::new(2, 3));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (in_flight, running, most) = (in_flight.clone(), running.clone(), most.clone());
                tokio::spawn(async move {
                    let _place = in_flight.enter("one").await;
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(in_flight.hosts_known(), 0);
    }

    #[tokio::test]
    async fn giving_up_leaves_nothing_behind() {
        let in_flight = InFlight::new(1, 1);
        let place = in_flight.enter("one").await;
        assert!(tokio::time::timeout(Duration::from_millis(5), in_flight.enter("one")).await.is_err());
        assert!(tokio::time::timeout(Duration::from_millis(5), in_flight.enter("two")).await.is_err());
        drop(place);
        assert_eq!(in_flight.hosts_known(), 0);

        let shared = Shared::<u8, u8>::default();
        assert!(tokio::time::timeout(Duration::from_millis(5), shared.ask(1, std::future::pending())).await.is_err());
        assert!(lock(&shared.flights).is_empty());
        assert_eq!(shared.ask(1, async { 7 }).await, 7);
        assert!(lock(&shared.flights).is_empty());
    }
}
