//! What writers agree on: which entry goes when a new one needs room.
//!
//! A shard owns a stretch of the table's sets. Its two queues, of positive and of negative
//! answers, have a budget each; they hold places, not entries, and readers never look at them.

use super::Stats;
use super::entry::Entry;
use super::key::Key;
use super::table::{Place, Table, WAYS};
use crate::clock::Tick;

/// A link that leads nowhere.
pub(super) const NONE: u32 = u32::MAX;

/// A stretch of the table, with its books.
#[derive(Debug)]
pub(super) struct Shard {
    /// The first of its places.
    first: Place,
    /// The neighbours in its queue of each place that is taken.
    pub(super) links: Box<[Link]>,
    /// Positive and negative answers.
    pub(super) queues: [Queue; 2],
    evictions: u64,
}

/// One SIEVE queue (Zhang et al., NSDI 2024): new entries come in at the head, the hand walks from
/// the tail and takes the first that was not asked for since it last passed.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) head: u32,
    pub(super) tail: u32,
    hand: u32,
    pub(super) entries: usize,
    pub(super) bytes: usize,
    pub(super) bytes_max: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Towards the head.
    pub(super) newer: u32,
    /// Towards the tail.
    pub(super) older: u32,
}

// === impl Shard ===

impl Shard {
    /// An empty one of so many places, with so many octets for either kind of answer.
    pub(super) fn new(first: Place, places: usize, positive: usize, negative: usize) -> Self {
        Shard {
            first,
            links: vec![Link { newer: NONE, older: NONE }; places].into(),
            queues: [Queue::new(positive), Queue::new(negative)],
            evictions: 0,
        }
    }

    /// How many octets of memory one of so many places takes without entries.
    pub(super) fn octets_empty(places: usize) -> usize {
        size_of::<Self>() + places * size_of::<Link>()
    }

    /// Puts in an entry for this key, in the place of the one that is held.
    pub(super) fn insert(&mut self, table: &Table, key: &Key<'_>, entry: Entry, now: Tick) {
        let held = table.find(entry.hash, key);
        if let Some((place, held)) = &held {
            if held.outlives(&entry, now) {
                held.fail(now);
                return;
            }
            // It was asked for again: that is more than most are.
            entry.set_visited(true);
            self.unlink(*place, held);
        }
        let held = held.map(|(place, _)| place);
        let octets = entry.octets();
        let queue = usize::from(entry.negative);
        if octets > self.queues[queue].bytes_max {
            if let Some(place) = held {
                table.empty(place);
            }
            return;
        }
        while self.queues[queue].bytes + octets > self.queues[queue].bytes_max {
            self.evict(table, queue, now);
        }
        let place = held.unwrap_or_else(|| self.make_way(table, &entry, now));
        self.link(place, queue, octets);
        table.put(place, entry);
    }

    /// Forgets every entry that is meant, and says how many that were.
    pub(super) fn forget(&mut self, table: &Table, is_meant: impl Fn(&Entry) -> bool) -> u64 {
        let mut count = 0;
        for place in self.first..self.first + self.links.len() {
            let Some(entry) = table.entry(place).filter(|entry| is_meant(entry)) else { continue };
            self.unlink(place, &entry);
            table.empty(place);
            count += 1;
        }
        count
    }

    /// Adds what it holds and did.
    pub(super) fn add_to(&self, stats: &mut Stats) {
        let [positive, negative] = &self.queues;
        stats.entries += (positive.entries + negative.entries) as u64;
        stats.negatives += negative.entries as u64;
        let links = Shard::octets_empty(self.links.len());
        stats.bytes += (links + positive.bytes + negative.bytes) as u64;
        stats.evictions += self.evictions;
    }

    /// Takes the first entry the hand finds that was not asked for since it last passed, or is of
    /// no use.
    fn evict(&mut self, table: &Table, queue: usize, now: Tick) {
        // Readers leave marks while the hand walks: after two rounds it takes what it meets.
        let mut patience = 2 * self.queues[queue].entries;
        let mut at = self.queues[queue].hand;
        loop {
            if at == NONE {
                at = self.queues[queue].tail;
            }
            let place = self.place(at);
            let entry = table.entry(place).expect("a queue holds places that are taken");
            if patience == 0 || !entry.visited() || !entry.serves(now) {
                self.queues[queue].hand = at;
                self.remove(table, place, &entry);
                return;
            }
            entry.set_visited(false);
            patience -= 1;
            at = self.links[at as usize].newer;
        }
    }

    /// A free place in the set of a new entry. In a set that is full, the first of these goes:
    /// what is of no use, a negative answer if the new one is negative too, the newest that nobody
    /// asked for again, the oldest of all. The newest, because it had the least time to be asked
    /// for, and the hand of SIEVE comes for the others.
    fn make_way(&mut self, table: &Table, entry: &Entry, now: Tick) -> Place {
        let set = table.set_of(entry.hash);
        if let Some(place) = table.free(set) {
            return place;
        }
        let mut victim = None;
        for place in set * WAYS..(set + 1) * WAYS {
            let Some(held) = table.entry(place) else { return place };
            let rank = if !held.serves(now) {
                (0, 0)
            } else if entry.negative && held.negative {
                (1, held.stored.0)
            } else if !held.visited() {
                (2, u64::MAX - held.stored.0)
            } else {
                (3, held.stored.0)
            };
            if victim.as_ref().is_none_or(|(least, _, _)| rank < *least) {
                victim = Some((rank, place, held));
            }
        }
        let (_, place, held) = victim.expect("a set has places");
        self.remove(table, place, &held);
        place
    }

    fn remove(&mut self, table: &Table, place: Place, entry: &Entry) {
        self.unlink(place, entry);
        table.empty(place);
        self.evictions += 1;
    }

    /// Puts a place at the head of a queue.
    fn link(&mut self, place: Place, queue: usize, octets: usize) {
        let at = u32::try_from(place - self.first).expect("a shard has fewer than 2^32 places");
        let queue = &mut self.queues[queue];
        self.links[at as usize] = Link { newer: NONE, older: queue.head };
        match self.links.get_mut(queue.head as usize) {
            Some(second) => second.newer = at,
            None => queue.tail = at,
        }
        queue.head = at;
        queue.entries += 1;
        queue.bytes += octets;
    }

    /// Takes a place out of its queue; a hand that stood on it goes on towards the head.
    fn unlink(&mut self, place: Place, entry: &Entry) {
        let queue = &mut self.queues[usize::from(entry.negative)];
        let at = place - self.first;
        let Link { newer, older } = self.links[at];
        if queue.hand as usize == at {
            queue.hand = newer;
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => queue.head = older,
        }
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => queue.tail = newer,
        }
        queue.entries -= 1;
        queue.bytes -= entry.octets();
    }

    pub(super) fn place(&self, at: u32) -> Place {
        self.first + at as usize
    }
}

// === impl Queue ===

impl Queue {
    fn new(bytes_max: usize) -> Self {
        Queue { head: NONE, tail: NONE, hand: NONE, entries: 0, bytes: 0, bytes_max }
    }
}
