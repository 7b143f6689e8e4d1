//! Where readers look: sets of a few places each, found by hash.
//!
//! Every place holds one entry or none, swapped at once, so that a reader sees an entry that was
//! or one that is and never half of each. Which of a set's places may hold what is asked stands in
//! one word beside it, eight bits of each entry's hash: most look-ups touch one place or none.
//!
//! It changes nothing by itself: `shard` does, under its lock.

use std::array::from_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use super::entry::Entry;
use super::key::Key;

/// Places in a set: as many tags as fit into one word.
pub(super) const WAYS: usize = 8;
/// Octets of memory for which there is one place. Entries take 350 and more, so that at most six
/// or so of a set's eight places are taken on average when memory is full.
const OCTETS_A_PLACE: usize = 256;

/// One of the table's places.
pub(super) type Place = usize;

/// The table.
pub(super) struct Table {
    /// One octet for each place of a set, zero where there is no entry.
    tags: Box<[AtomicU64]>,
    /// As many.
    sets: Box<[[ArcSwapOption<Entry>; WAYS]]>,
}

/// An entry that was found. It is not counted: holding it writes only what is this thread's own.
pub(super) struct Found(Guard<Option<Arc<Entry>>>);

/// Every octet of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

// === impl Table ===

impl Table {
    /// A table for so many octets of entries and table: a power of two sets, none where not even
    /// one fits.
    pub(super) fn new(bytes_max: usize) -> Self {
        let sets = bytes_max / (OCTETS_A_PLACE * WAYS);
        let sets = if sets == 0 { 0 } else { sets.next_power_of_two() };
        Table {
            tags: (0..sets).map(|_| AtomicU64::new(0)).collect(),
            sets: (0..sets).map(|_| from_fn(|_| ArcSwapOption::empty())).collect(),
        }
    }

    /// How many sets.
    pub(super) fn sets(&self) -> usize {
        self.sets.len()
    }

    /// How many places.
    pub(super) fn places(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// How many octets of memory the table itself takes.
    pub(super) fn octets(&self) -> usize {
        size_of_val(&*self.tags) + size_of_val(&*self.sets)
    }

    /// The set of a hash. The lowest eight bits are its tag.
    #[inline]
    pub(super) fn set_of(&self, hash: u64) -> usize {
        // A table has a power of two sets, or none.
        let mask = self.sets.len().wrapping_sub(1) as u64;
        usize::try_from((hash >> 8) & mask).unwrap_or(0)
    }

    /// The entry of a key, and its place.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &Key<'_>) -> Option<(Place, Found)> {
        let set = self.set_of(hash);
        let tags = self.tags.get(set)?.load(Ordering::Acquire);
        // An octet that equals the tag becomes zero, and the highest bit of a zero octet is set.
        // Now and then one above it too: the entry itself says whether it is the one.
        let differ = tags ^ (EACH * tag_of(hash));
        let mut equal = differ.wrapping_sub(EACH) & !differ & (EACH << 7);
        while equal != 0 {
            let way = equal.trailing_zeros() as usize / 8;
            if let Some(found) = self.entry(set * WAYS + way)
                && found.is_of(key)
            {
                return Some((set * WAYS + way, found));
            }
            equal &= equal - 1;
        }
        None
    }

    /// What is at a place.
    #[inline]
    pub(super) fn entry(&self, place: Place) -> Option<Found> {
        let entry = self.sets.get(place / WAYS)?[place % WAYS].load();
        entry.is_some().then_some(Found(entry))
    }

    /// A place of a set that is empty. It looks at the tags alone: entries lie all over memory.
    pub(super) fn free(&self, set: usize) -> Option<Place> {
        let tags = self.tags.get(set)?.load(Ordering::Relaxed).to_le_bytes();
        tags.iter().position(|&tag| tag == 0).map(|way| set * WAYS + way)
    }

    /// Puts an entry into a place. Only for who holds the lock of its shard.
    pub(super) fn put(&self, place: Place, entry: Entry) {
        let tag = tag_of(entry.hash);
        self.sets[place / WAYS][place % WAYS].store(Some(Arc::new(entry)));
        self.set_tag(place, tag);
    }

    /// Empties a place. Only for who holds the lock of its shard.
    pub(super) fn empty(&self, place: Place) {
        self.set_tag(place, 0);
        self.sets[place / WAYS][place % WAYS].store(None);
    }

    fn set_tag(&self, place: Place, tag: u64) {
        let tags = &self.tags[place / WAYS];
        let shift = 8 * (place % WAYS);
        let others = tags.load(Ordering::Relaxed) & !(0xff << shift);
        tags.store(others | (tag << shift), Ordering::Release);
    }
}

/// What a set notes of an entry: never zero, which is an empty place.
fn tag_of(hash: u64) -> u64 {
    (hash & 0xff).max(1)
}

// === impl Found ===

impl Deref for Found {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        self.0.as_ref().expect("what was found is an entry")
    }
}
