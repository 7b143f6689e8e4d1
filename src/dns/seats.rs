//! Who may be connected at once, over TCP, TLS, HTTPS and QUIC together.
//!
//! The connection that has been quiet longest makes room for a new one, among those of the same client
//! first. Start at `Seats::take`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use tokio::sync::Notify;

/// Connections at once: each costs a descriptor and a few KiB, an encrypted one some twenty.
pub const CONNECTIONS_MAX: usize = 1024;
/// Connections of one client at once, so that one device cannot take all of them.
pub const CONNECTIONS_PER_CLIENT_MAX: usize = 32;
/// What all replies together may hold in memory that their clients do not take.
const HELD_OCTETS_MAX: usize = 16 << 20;

/// Who is connected, whatever is spoken.
#[derive(Debug)]
pub struct Seats {
    /// How many there are.
    room: usize,
    /// Octets of replies that clients have not taken.
    held: AtomicUsize,
    /// Counts queries and arrivals: the lowest seat has been quiet longest. No clock is asked.
    turn: Arc<AtomicU64>,
    taken: Mutex<HashMap<u64, Arc<Place>>>,
}

/// One connection, as the others see it.
#[derive(Debug)]
pub(super) struct Place {
    client: IpAddr,
    last_turn: AtomicU64,
    /// Whether one of its queries waits: then it need not make room.
    pub(super) busy: AtomicBool,
    /// Told when it has to.
    pub(super) leave: Notify,
}

/// One connection's own hold of its place, which is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    id: u64,
    pub(super) seats: Arc<Seats>,
}

impl std::ops::Deref for Seat {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Seat {
    /// A query came: it is the last that makes room.
    pub(super) fn touch(&self) {
        let turn = self.seats.turn.fetch_add(1, Ordering::Relaxed);
        self.last_turn.store(turn, Ordering::Relaxed);
    }
}

/// Replies of a client that it has not taken.
#[derive(Debug)]
pub(super) struct Held {
    seats: Arc<Seats>,
    octets: usize,
}

/// A reply with its room.
struct Lying {
    reply: Vec<u8>,
    _room: Held,
}

impl AsRef<[u8]> for Lying {
    fn as_ref(&self) -> &[u8] {
        &self.reply
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seats.held.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.id);
    }
}

impl Default for Seats {
    fn default() -> Self {
        Seats::with_room(CONNECTIONS_MAX)
    }
}

impl Seats {
    /// For so many connections.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        let (held, turn, taken) = Default::default();
        Seats { room, held, turn, taken }
    }

    /// Takes a place for a client's new connection, and says whether another one had to leave for
    /// it. None when every one that could leave waits for an answer.
    pub(super) fn take(self: &Arc<Self>, client: IpAddr) -> (Option<Seat>, bool) {
        let mut taken = self.lock();
        let of_client = taken.values().filter(|place| place.client == client).count();
        let full = if of_client >= CONNECTIONS_PER_CLIENT_MAX {
            Some(Some(client))
        } else {
            (taken.len() >= self.room).then_some(None)
        };
        if let Some(among) = full {
            let quietest = taken
                .iter()
                .filter(|(_, place)| among.is_none_or(|client| place.client == client))
                .filter(|(_, place)| !place.busy.load(Ordering::Relaxed))
                .min_by_key(|(_, place)| place.last_turn.load(Ordering::Relaxed))
                .map(|(id, _)| *id);
            let Some(place) = quietest.and_then(|id| taken.remove(&id)) else {
                return (None, false);
            };
            place.leave.notify_one();
        }
        let id = self.turn.fetch_add(1, Ordering::Relaxed);
        let place = Arc::new(Place {
            client,
            last_turn: AtomicU64::new(id),
            busy: AtomicBool::new(false),
            leave: Notify::new(),
        });
        taken.insert(id, Arc::clone(&place));
        (Some(Seat { place, id, seats: Arc::clone(self) }), full.is_some())
    }

    /// Takes room for a reply until its client has taken it; none when all clients together leave too
    /// many lying.
    pub(super) fn hold(self: &Arc<Self>, octets: usize) -> Option<Held> {
        let held = self.held.fetch_add(octets, Ordering::Relaxed) + octets;
        // Given back at once where it is too much.
        let room = Held { seats: Arc::clone(self), octets };
        (held <= HELD_OCTETS_MAX).then_some(room)
    }

    /// A reply that takes room until nobody holds its octets any more, however long they are on their
    /// way; none when all clients together leave too many lying.
    pub(super) fn hold_reply(self: &Arc<Self>, reply: Vec<u8>) -> Option<Bytes> {
        let room = self.hold(reply.len())?;
        Some(Bytes::from_owner(Lying { reply, _room: room }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Place>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_push_out_another() {
        let seats = Arc::new(Seats::default());
        let other = seats.take([10, 0, 0, 2].into()).0.unwrap();
        let held: Vec<_> = (0..100).map(|_| seats.take([10, 0, 0, 1].into())).collect();
        assert_eq!(seats.lock().len(), 1 + CONNECTIONS_PER_CLIENT_MAX);
        assert!(seats.lock().contains_key(&other.id));
        assert_eq!(held.iter().filter(|(_, pushed)| *pushed).count(), 68);
        for (seat, _) in &held {
            seat.as_ref().unwrap().busy.store(true, Ordering::Relaxed);
        }
        assert!(seats.take([10, 0, 0, 1].into()).0.is_none(), "who waits for an answer stays");
        drop(held);
        assert_eq!(seats.lock().len(), 1);
    }

    #[test]
    fn what_clients_leave_lying_is_bounded() {
        let seats = Arc::new(Seats::default());
        let held = seats.hold(HELD_OCTETS_MAX - 10).unwrap();
        assert!(seats.hold(11).is_none() && seats.hold(10).is_some());
        drop(held);
        let reply = seats.hold_reply(vec![0; 11]).unwrap();
        let on_its_way = reply.clone();
        drop(reply);
        assert!(seats.hold(HELD_OCTETS_MAX - 10).is_none());
        drop(on_its_way);
        assert!(seats.hold(HELD_OCTETS_MAX - 10).is_some());
    }
}
