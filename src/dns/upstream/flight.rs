//! Identical questions in flight are asked once.
//!
//! The first to ask does the asking; the others wait for what comes of it. So a forger has one
//! open question to guess at, not as many as he can provoke (RFC 5452 §5). A client that goes
//! away takes the answer from nobody: what it had begun becomes a task. Start at
//! [`Flights::board`], then [`Carried`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::query::Question;
use super::trouble::Failure;

/// Different questions in flight at once. Each holds some four kilobytes with the client's own
/// part, so eight megabytes at worst; and with a tenth of a second for an answer it is twenty
/// thousand questions a second. What one holds of descriptors is bounded in `pool.rs`.
pub(super) const FLIGHTS_MAX: usize = 2_000;

/// How many may wait for one question: more than a household has devices, many times over.
const WAITING_MAX: usize = 1_000;

/// Parts of the table, each with its lock: two threads rarely meet at one.
const SHARDS: usize = 16;

/// What a question came to.
pub(super) type Outcome = Result<Arc<[u8]>, Failure>;

/// The questions in flight.
#[derive(Debug)]
pub(super) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
    /// Chooses the shard; the shards have keys of their own.
    hasher: RandomState,
    count: AtomicUsize,
}

/// Each question with those who wait for it beside the first.
type Shard = HashMap<Arc<Question>, Vec<oneshot::Sender<Outcome>>>;

/// A place in a flight.
#[derive(Debug)]
pub(super) enum Seat {
    /// The first: has the duty to ask.
    First(Landing),
    /// Another has: here it tells.
    Other(oneshot::Receiver<Outcome>),
}

/// The duty to tell everybody. Dropped without telling, those who wait learn that too.
#[derive(Debug)]
pub(super) struct Landing {
    flights: Arc<Flights>,
    shard: usize,
    question: Arc<Question>,
    /// The flight is closed; the same question in the table is a later one.
    landed: bool,
}

/// The first one's asking. Dropped before its end, it goes on as a task of its own, which ends
/// within `Pace::total`.
pub(super) struct Carried(Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>);

// === impl Flights ===

impl Default for Flights {
    fn default() -> Self {
        Flights {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
        }
    }
}

impl Flights {
    /// Takes a place with those who ask the same.
    pub(super) fn board(self: &Arc<Self>, question: &Arc<Question>) -> Result<Seat, Failure> {
        // The remainder is a place in the table.
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash choose as well")]
        let shard = self.hasher.hash_one(question) as usize % SHARDS;
        match self.lock(shard).entry(Arc::clone(question)) {
            Entry::Occupied(mut entry) => {
                let waiting = entry.get_mut();
                if waiting.len() >= WAITING_MAX {
                    return Err(Failure::busy("too many wait for the answer to one question"));
                }
                let (tell, told) = oneshot::channel();
                waiting.push(tell);
                Ok(Seat::Other(told))
            }
            Entry::Vacant(entry) => {
                if self.count.fetch_add(1, Ordering::Relaxed) >= FLIGHTS_MAX {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    return Err(Failure::busy("too many questions wait for the upstreams"));
                }
                entry.insert(Vec::new());
                let (flights, question) = (Arc::clone(self), Arc::clone(question));
                Ok(Seat::First(Landing { flights, shard, question, landed: false }))
            }
        }
    }

    /// Who lands, or gives up, takes its entry out whole.
    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Landing ===

impl Landing {
    /// Tells everybody. Who asks from now on starts a new flight.
    pub(super) fn land(mut self, outcome: &Outcome) {
        for waiting in self.close() {
            // Whoever has gone misses nothing.
            let _gone = waiting.send(outcome.clone());
        }
    }

    fn close(&mut self) -> Vec<oneshot::Sender<Outcome>> {
        if std::mem::replace(&mut self.landed, true) {
            return Vec::new();
        }
        self.flights.count.fetch_sub(1, Ordering::Relaxed);
        self.flights.lock(self.shard).remove(&self.question).unwrap_or_default()
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.close();
    }
}

// === impl Carried ===

impl Carried {
    pub(super) fn new(asking: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Carried(Some(Box::pin(asking)))
    }
}

impl Future for Carried {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(asking) = &mut self.0 else { return Poll::Pending };
        let outcome = std::task::ready!(asking.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // Without a runtime the server is stopping, and those who wait learn that. What has
        // panicked cannot go on.
        if let Some(asking) = self.0.take()
            && !std::thread::panicking()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(asking);
        }
    }
}

/// Waits for what another's asking comes to.
pub(super) async fn wait(told: oneshot::Receiver<Outcome>) -> Outcome {
    told.await.unwrap_or_else(|_| {
        Err(Failure::busy("asking was given up because the server is stopping"))
    })
}
