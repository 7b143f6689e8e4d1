//! How much of what waits for upstreams one client may hold.
//!
//! Whoever asks for one name after the other that nobody answers would fill every place there is,
//! and the whole house would wait with it. Start at [`Places::take`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Queries of one client that wait for upstreams at once: a tenth of what a group of upstreams has
/// in flight, so that one device leaves room for the others; a page full of names asks for fifty.
const WAITING_PER_CLIENT_MAX: u16 = 200;

/// Who holds how many places.
#[derive(Debug, Default)]
pub(super) struct Places {
    held: Mutex<HashMap<IpAddr, u16>>,
}

/// One place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    client: IpAddr,
    places: Arc<Places>,
}

impl Places {
    /// Takes a place for a client's query; none when it holds all it may.
    pub(super) fn take(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut held = self.lock();
        let count = held.entry(client).or_default();
        if *count >= WAITING_PER_CLIENT_MAX {
            return None;
        }
        *count += 1;
        Some(Place { client, places: Arc::clone(self) })
    }

    /// Counts stand alone: a panic elsewhere leaves none half written.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u16>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_room_for_another_and_gets_its_own_back() {
        let places = Arc::new(Places::default());
        let (greedy, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held: Vec<Place> = std::iter::from_fn(|| places.take(greedy)).collect();
        assert_eq!(held.len(), usize::from(WAITING_PER_CLIENT_MAX));
        assert!(places.take(other).is_some());
        drop(held);
        assert!(places.take(greedy).is_some());
        assert!(places.lock().is_empty());
    }
}
