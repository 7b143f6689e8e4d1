//! Identical questions in flight are asked once.
//!
//! The first to ask starts a task; everybody, the first included, waits for what it finds. So no
//! client that goes away takes the answer from another, and a forger has one open question to
//! guess at, not as many as he can provoke (RFC 5452 §5). Start at [`Flights::board`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::query::Question;
use super::trouble::Failure;

/// Different questions in flight at once. Each holds two sockets at worst, and 1,024 descriptors
/// is what a process gets that nobody configured.
const FLIGHTS_MAX: usize = 400;

/// How many may wait for one question: more than a household has devices, many times over.
const WAITING_MAX: u32 = 1_000;

/// What a question came to.
pub(super) type Outcome = Result<Arc<[u8]>, Failure>;

/// A place in a flight: shows the outcome when there is one.
pub(super) type Seat = watch::Receiver<Option<Outcome>>;

/// The questions in flight.
#[derive(Debug, Default)]
pub(super) struct Flights {
    open: Mutex<HashMap<Arc<Question>, Seats>>,
}

#[derive(Debug)]
struct Seats {
    taken: u32,
    outcome: Seat,
}

/// The duty to tell everybody. Dropped without telling, those who wait learn that too.
#[derive(Debug)]
pub(super) struct Landing {
    flights: Arc<Flights>,
    question: Arc<Question>,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Flights {
    /// Takes a place with those who ask the same. Whoever is first gets the duty to ask, too.
    pub(super) fn board(
        self: &Arc<Self>,
        question: &Arc<Question>,
    ) -> Result<(Option<Landing>, Seat), Failure> {
        let mut open = self.lock();
        let count = open.len();
        match open.entry(Arc::clone(question)) {
            Entry::Occupied(entry) => {
                let seats = entry.into_mut();
                if seats.taken >= WAITING_MAX {
                    return Err(Failure::busy("too many wait for the answer to one question"));
                }
                seats.taken += 1;
                Ok((None, seats.outcome.clone()))
            }
            Entry::Vacant(_) if count >= FLIGHTS_MAX => {
                Err(Failure::busy("too many questions wait for the upstreams"))
            }
            Entry::Vacant(entry) => {
                let (outcome, seat) = watch::channel(None);
                entry.insert(Seats { taken: 1, outcome: seat.clone() });
                let (flights, question) = (Arc::clone(self), Arc::clone(question));
                Ok((Some(Landing { flights, question, outcome }), seat))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Question>, Seats>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landing {
    /// Tells everybody. Who asks from now on starts a new flight.
    pub(super) fn land(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.question);
    }
}

/// Waits for the outcome.
pub(super) async fn wait(mut seat: Seat) -> Outcome {
    match seat.wait_for(Option::is_some).await {
        Ok(outcome) => match &*outcome {
            Some(outcome) => outcome.clone(),
            None => Err(lost()),
        },
        Err(_) => Err(lost()),
    }
}

fn lost() -> Failure {
    Failure::busy("asking was given up because the server is stopping")
}
