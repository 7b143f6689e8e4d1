//! What one loop keeps between its queries, so that loops share nothing on the way of a query.
//!
//! A [`Desk`] belongs to one thread. Before each batch it looks once at the clock and at what may
//! have been swapped ([`Desk::begin`]); while the batch is answered it takes notes; when the
//! replies are on their way, the notes go to the journal and the counters ([`super::notes`]). So
//! blocked, local and cached answers take no lock, allocate nothing and write to no memory that
//! another core reads.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::Timestamp;

use super::notes::{Allowance, Books, Notes};
use super::pace::{Account, Paces};
use super::serve::Source;
use super::state::State;
use super::wire::Question;
use super::{Beside, options};
use crate::clients::{Around, Client, Told};
use crate::clock::{Clock, Tick};
use crate::policy::Moment;
use crate::policy::rules::SubjectId;
use crate::roster::Sighting;

/// What one loop keeps between its queries.
pub struct Desk {
    pub(super) sight: Sight,
    pub(super) notes: Notes,
    clients: Box<[Option<Seat>]>,
    /// The places of those that asked in this batch.
    asked: Vec<usize>,
    /// Of what `clients` were looked up in: the neighbour table and what devices call themselves.
    versions: (u64, u64),
    turn: Arc<Turn>,
    paces: Arc<Paces>,
}

/// What a query sees, from start to end.
#[derive(Clone)]
pub(super) struct Sight {
    pub(super) state: Arc<State>,
    pub(super) moment: Arc<Moment>,
    pub(super) now: Timestamp,
    pub(super) tick: Tick,
}

/// A client whose rules are at hand.
pub(super) struct Seat {
    address: IpAddr,
    /// What a forwarder at that address told of it.
    told: Option<Told>,
    /// Whether its questions are taken.
    pub(super) is_taken: bool,
    /// Whether it is believed when it says for which device it asks.
    is_forwarder: bool,
    /// Its questions in this batch.
    queries: u32,
    pub(super) client: Client,
    pub(super) allowance: Allowance,
    /// How fast it may still ask.
    pub(super) account: Account,
}

/// Odd while a batch is under way.
#[derive(Debug, Default)]
struct Turn(AtomicU64);

/// Ends a turn when it is dropped.
struct Over<'a>(&'a Turn);

/// The turns of all desks.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Vec<Weak<Turn>>>);

// === impl Desk ===

impl Desk {
    pub(super) fn new(clients: usize, sight: Sight, turns: &Turns, paces: Arc<Paces>) -> Self {
        Desk {
            sight,
            notes: Notes::default(),
            clients: std::iter::repeat_with(|| None).take(clients.next_power_of_two()).collect(),
            asked: Vec::new(),
            versions: (0, 0),
            turn: turns.add(),
            paces,
        }
    }

    /// Looks at the clock and at what may have been swapped.
    pub(super) fn begin(&mut self, state: &Arc<State>, around: Around<'_>, clock: &Clock) {
        self.turn.flip();
        let versions = (around.neighbours.version(), around.hosts.version());
        let same_state = Arc::ptr_eq(state, &self.sight.state);
        if !same_state || versions != self.versions {
            // A new client may get one answer more into the journal: that harms nobody.
            self.clients.fill_with(|| None);
            self.versions = versions;
        }
        if !same_state {
            self.sight = Sight::new(Arc::clone(state), clock);
            return;
        }
        self.sight.now = clock.now();
        self.sight.tick = clock.tick();
        // A pause, say: what holds for a while is put in force between two boundaries too.
        let latest = state.latest_moment();
        if !Arc::ptr_eq(&latest, &self.sight.moment) {
            self.sight.moment = Arc::clone(&latest);
        }
        if !self.sight.moment.holds_at(self.sight.now) {
            self.sight.moment = state.moment(self.sight.now);
        }
    }

    /// Brings the notes of the batch where they belong.
    pub(super) fn end(&mut self, books: &Books<'_>) {
        // Whoever waits for this batch does not wait for ever, whatever becomes of the notes.
        let _over = Over(&self.turn);
        for place in self.asked.drain(..) {
            if let Some(seat) = &mut self.clients[place] {
                self.paces.settle(&mut seat.account, self.sight.tick);
                self.notes.saw(seat);
            }
        }
        self.notes.settle(&self.sight.state, self.sight.tick, books);
    }

    /// Who asks, with what the query sees and where notes are taken; none for an address that was
    /// never seen.
    pub(super) fn client(
        &mut self,
        source: &Source,
        (packet, question): (&[u8], &Question),
        beside: &Beside,
    ) -> Option<(&Sight, &mut Seat, &mut Notes)> {
        let from = source.from.ip();
        let around = beside.around();
        let mut place = place_of(from) & (self.clients.len() - 1);
        let seat = &self.clients[place];
        if seat.as_ref().is_none_or(|seat| seat.address != from || seat.told.is_some()) {
            if self.sight.state.takes_from(from) && self.is_new(from, beside) {
                return None;
            }
            self.seat(place_of(from), from, None, around);
        }
        let may_tell = source.id.is_some()
            || self.clients[place].as_ref().is_some_and(|seat| seat.is_forwarder);
        if may_tell && let Some(told) = told(&self.sight.state, source, packet, question) {
            let wide = place_of_told(from, &told);
            place = wide & (self.clients.len() - 1);
            let seat = &self.clients[place];
            if seat.as_ref().is_none_or(|seat| seat.address != from || seat.told != Some(told)) {
                self.seat(wide, from, Some(told), around);
            }
        }
        let seat = self.clients[place].as_mut()?;
        if seat.queries == 0 {
            self.asked.push(place);
            self.paces.look(&mut seat.account);
        }
        seat.queries = seat.queries.saturating_add(1);
        Some((&self.sight, seat, &mut self.notes))
    }

    /// Whether more may be found out about whoever asks from this address: nothing is known of it yet,
    /// or it is nobody's, and lease files may tell whose.
    #[cold]
    fn is_new(&self, from: IpAddr, beside: &Beside) -> bool {
        if beside.neighbours.is_new(from) {
            return true;
        }
        let devices = &self.sight.state.house.devices;
        let is_nobodys =
            || devices.identify(from, None, beside.around()).subject == SubjectId::UNKNOWN;
        devices.has_hosts() && beside.leases.may_look() && is_nobodys()
    }

    /// Gives a client a place, whoever had it.
    #[cold]
    fn seat(&mut self, wide: usize, from: IpAddr, told: Option<Told>, around: Around<'_>) {
        let state = &self.sight.state;
        let client = state.house.devices.identify(from, told.as_ref(), around);
        let seat = Seat {
            address: from,
            told,
            is_taken: state.takes_from(from),
            is_forwarder: state.trusts(from),
            queries: 0,
            client,
            allowance: Allowance::default(),
            account: self.paces.open(wide),
        };
        let place = wide & (self.clients.len() - 1);
        if let Some(mut other) = self.clients[place].replace(seat) {
            self.paces.settle(&mut other.account, self.sight.tick);
            self.notes.saw(&mut other);
        }
    }
}

impl Seat {
    /// What is to be noted of its questions in this batch: how many, whose, and from where. None of
    /// whoever is not served.
    pub(super) fn sighting(&mut self) -> Option<Sighting> {
        let queries = std::mem::take(&mut self.queries);
        let address = self.told.map_or(Some(self.address), |told| told.address);
        let device = || Arc::clone(&self.client.device);
        (queries > 0 && self.is_taken).then(|| Sighting { device: device(), address, queries })
    }
}

/// What is told of the device behind a question: by a forwarder that is believed, else by the device's
/// own connection. An id that nobody has says nothing.
#[cold]
pub(super) fn told(
    state: &State,
    source: &Source,
    packet: &[u8],
    question: &Question,
) -> Option<Told> {
    let from = source.from.ip();
    let told = state.trusts(from).then(|| options::told(packet, question)).flatten();
    let id = source.id.filter(|id| state.house.devices.has_id(id));
    told.or_else(|| Some(Told { mac: None, address: Some(from), id: Some(id?) }))
}

/// Where a client's place is looked for: neighbours on a network have one each.
fn place_of(address: IpAddr) -> usize {
    let octets = match address {
        IpAddr::V4(v4) => v4.to_bits(),
        // The lowest bits are a device's own, also where it makes them up.
        #[expect(clippy::cast_possible_truncation, reason = "the lowest bits tell devices apart")]
        IpAddr::V6(v6) => v6.to_bits() as u32 ^ (v6.to_bits() >> 32) as u32,
    };
    usize::try_from(octets ^ (octets >> 8)).unwrap_or(0)
}

/// The same for a device behind a forwarder.
#[cold]
fn place_of_told(forwarder: IpAddr, told: &Told) -> usize {
    let mut place = place_of(forwarder);
    let mut mix = |octets: &[u8]| {
        for &octet in octets {
            place = place.wrapping_mul(31) ^ usize::from(octet);
        }
    };
    mix(&told.mac.map_or([0; 6], |mac| mac.0));
    mix(told.id.as_ref().map_or("", |id| id.as_str()).as_bytes());
    place ^ told.address.map_or(0, place_of)
}

// === impl Sight ===

impl Sight {
    /// What a query sees that begins now.
    pub(super) fn new(state: Arc<State>, clock: &Clock) -> Self {
        let now = clock.now();
        Sight { moment: state.moment(now), tick: clock.tick(), now, state }
    }
}

// === impl Turn ===

impl Turn {
    fn flip(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.flip();
    }
}

impl Turns {
    fn add(&self) -> Arc<Turn> {
        let turn = Arc::<Turn>::default();
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|turn| turn.strong_count() > 0);
        turns.push(Arc::downgrade(&turn));
        turn
    }

    /// Waits until the batches that are under way are noted: whoever looks then, sees all that was
    /// answered before.
    pub(super) async fn settled(&self) {
        let under_way = {
            let turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turns = turns.iter().filter_map(Weak::upgrade).map(|turn| (turn.now(), turn));
            turns.filter(|(now, _)| now % 2 == 1).collect::<Vec<_>>()
        };
        for (seen, turn) in under_way {
            // Another thread is at it, and needs microseconds.
            while turn.now() == seen {
                tokio::task::yield_now().await;
            }
        }
    }
}
