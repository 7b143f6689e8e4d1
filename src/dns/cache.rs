//! What upstreams said, kept for a while.
//!
//! It knows no child and takes no verdict: it keeps answers ([`Response`]) by what was asked and of
//! whom, and whoever serves one judges it anew. It is bounded in octets, negatives by a share of
//! their own, so that a flood of names that do not exist pushes nothing else out, and evicts by
//! SIEVE. Time is an argument. Start at [`Cache::get`].

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rewrite::{Aged, Response};
use super::wire::{Question, rcode};
use crate::clock::Tick;
use crate::name::{NAME_OCTETS_MAX, Name};

/// Shards, each behind a lock of its own: more than any home router has cores.
const SHARDS: usize = 16;
/// The longest an answer is fresh: a day (RFC 8767 §4 advises a week at most).
const POSITIVE_SECONDS_MAX: u32 = 86_400;
/// The longest a negative answer is: an hour (RFC 2308 §5 advises one to three).
const NEGATIVE_SECONDS_MAX: u32 = 3600;
/// A negative answer without SOA does not say for how long; RFC 2308 §5 would not keep it at all,
/// but some routers never send one, and devices ask again and again.
const NO_SOA_SECONDS: u32 = 30;
/// How long a failure is remembered: at least one second, at most five minutes (RFC 9520 §3.2).
const FAILURE_SECONDS: u32 = 5;
/// How long it is remembered that nobody answered at all: the least that may be (RFC 9520 §3.2), so
/// that a network that is back is seen to be back.
const UNANSWERED_SECONDS: u32 = 1;
/// How long after it ran out an answer may still serve (RFC 8767 §5: one to three days).
const STALE_SECONDS_MAX: u32 = 86_400;
/// What a key has behind its name: type, flags and group.
const KEY_OCTETS: usize = 7;
/// What an entry costs beside its key and its answer: its place in list and table, and what the
/// allocator adds to five or six pieces of memory.
const ENTRY_OCTETS: usize = size_of::<Entry>() + 24 + 6 * 16;

/// What was asked, and of whom.
#[derive(Clone, Copy)]
pub struct Key {
    length: usize,
    octets: [u8; NAME_OCTETS_MAX + KEY_OCTETS],
}

/// An answer that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The answer; its TTLs are as they came.
    pub response: Arc<Response>,
    /// How old it is, and whether it has run out.
    pub aged: Aged,
    /// Upstream failed a moment ago to give a newer one: asking again is too early (RFC 8767 §5).
    pub failed_lately: bool,
}

/// What the cache holds and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Answers held, those that have run out included.
    pub entries: u64,
    /// Octets held: keys, answers and what they cost to keep.
    pub bytes: u64,
    /// Questions that found a fresh answer.
    pub hits: u64,
    /// Questions that found none, or one that has run out.
    pub misses: u64,
}

/// The cache.
#[derive(Debug)]
pub struct Cache {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

impl Key {
    /// The key of a question, asked of one group of upstreams. Signatures wanted and CD make
    /// another answer; who asks does not.
    #[must_use]
    pub fn of(question: &Question, group: u32) -> Self {
        Key::new(
            &question.name,
            question.qtype,
            question.dnssec_ok(),
            question.checking_disabled,
            group,
        )
    }

    /// The key of a question that nobody sent in this form.
    #[must_use]
    pub fn new(
        name: &Name,
        qtype: u16,
        dnssec_ok: bool,
        checking_disabled: bool,
        group: u32,
    ) -> Self {
        let wire = name.wire();
        let mut octets = [0; NAME_OCTETS_MAX + KEY_OCTETS];
        octets[..wire.len()].copy_from_slice(wire);
        let [high, low] = qtype.to_be_bytes();
        let flags = u8::from(dnssec_ok) | (u8::from(checking_disabled) << 1);
        let length = wire.len() + KEY_OCTETS;
        let [a, b, c, d] = group.to_be_bytes();
        octets[wire.len()..length].copy_from_slice(&[high, low, flags, a, b, c, d]);
        Key { length, octets }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.octets()).finish()
    }
}

impl Cache {
    /// An empty cache of at most `bytes_max` octets, of which negative answers and failures may
    /// take `negative_percent`.
    #[must_use]
    pub fn new(bytes_max: usize, negative_percent: u8) -> Self {
        let shard = bytes_max / SHARDS;
        let negative = shard / 100 * usize::from(negative_percent.min(100));
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(shard - negative, negative)));
        Cache { hasher: RandomState::new(), shards: shards.collect() }
    }

    /// The answer to a question, if one is held that is fresh or ran out at most a day ago.
    #[must_use]
    pub fn get(&self, key: &Key, now: Tick) -> Option<Hit> {
        let hash = self.hasher.hash_one(key.octets());
        let mut shard = self.shard(hash);
        let hit = shard.get(hash, key.octets(), now);
        if hit.as_ref().is_some_and(|hit| !hit.aged.stale) {
            shard.hits += 1;
        } else {
            shard.misses += 1;
        }
        hit
    }

    /// Keeps an answer, if it may be kept: whole, and with a TTL. A failure does not push out an
    /// answer that can still serve; it is noted with it.
    pub fn insert(&self, key: &Key, response: Arc<Response>, now: Tick) {
        let Some(life_seconds) = lifetime_seconds(&response) else { return };
        let hash = self.hasher.hash_one(key.octets());
        self.shard(hash).insert(hash, key.octets(), response, life_seconds, now);
    }

    /// What the cache holds and did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for shard in &self.shards {
            let shard = lock(shard);
            stats.entries += shard.table.len() as u64;
            stats.bytes += shard.queues.iter().map(|queue| queue.bytes as u64).sum::<u64>();
            stats.hits += shard.hits;
            stats.misses += shard.misses;
        }
        stats
    }

    /// Forgets every answer; the counts of hits and misses go on.
    pub fn clear(&self) {
        for shard in &self.shards {
            lock(shard).clear();
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The table inside uses the lowest and the highest bits.
        let shard = usize::try_from((hash >> 32) % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[shard])
    }
}

/// A thread that panicked while it held the lock leaves an entry too many at worst.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how long an answer is fresh, in seconds; none when it may not be kept.
fn lifetime_seconds(response: &Response) -> Option<u32> {
    if response.truncated() {
        return None;
    }
    let life = if response.is_unanswered() {
        UNANSWERED_SECONDS
    } else if is_failure(response) {
        FAILURE_SECONDS
    } else if response.is_negative() {
        let said = response.soa_seconds().unwrap_or(NO_SOA_SECONDS);
        said.min(response.min_ttl().unwrap_or(said)).min(NEGATIVE_SECONDS_MAX)
    } else {
        response.min_ttl()?.min(POSITIVE_SECONDS_MAX)
    };
    (life > 0).then_some(life)
}

fn is_failure(response: &Response) -> bool {
    !matches!(response.rcode(), rcode::NOERROR | rcode::NXDOMAIN)
}

/// An index that leads nowhere.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Shard {
    /// Keyed hash to place. Two keys with one hash push each other out.
    table: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    places: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// Positive and negative answers.
    queues: [Queue; 2],
    hits: u64,
    misses: u64,
}

/// One SIEVE queue (Zhang et al., NSDI 2024): new entries come in at the head, the hand walks from
/// the tail and takes the first that was not asked for since it last passed.
#[derive(Debug)]
struct Queue {
    head: u32,
    tail: u32,
    hand: u32,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Box<[u8]>,
    response: Arc<Response>,
    stored: Tick,
    life_seconds: u32,
    /// Upstream failed; until then it is not asked again.
    failed_until: Option<Tick>,
    visited: bool,
    negative: bool,
    /// Towards the head.
    newer: u32,
    /// Towards the tail.
    older: u32,
}

impl Entry {
    fn bytes(&self) -> usize {
        ENTRY_OCTETS + self.key.len() + self.response.octets()
    }

    fn age_seconds(&self, now: Tick) -> u32 {
        u32::try_from(now.millis_since(self.stored) / 1000).unwrap_or(u32::MAX)
    }

    /// Whether it is of use at all.
    fn serves(&self, now: Tick) -> bool {
        let stale = if is_failure(&self.response) { 0 } else { STALE_SECONDS_MAX };
        self.age_seconds(now) < self.life_seconds.saturating_add(stale)
    }
}

impl Shard {
    fn new(positive: usize, negative: usize) -> Self {
        Shard {
            table: HashMap::default(),
            places: Vec::new(),
            free: Vec::new(),
            queues: [Queue::new(positive), Queue::new(negative)],
            hits: 0,
            misses: 0,
        }
    }

    fn get(&mut self, hash: u64, key: &[u8], now: Tick) -> Option<Hit> {
        let place = *self.table.get(&hash)?;
        let entry = self.places[place as usize].as_mut()?;
        if *entry.key != *key {
            return None;
        }
        if !entry.serves(now) {
            self.remove(place);
            return None;
        }
        entry.visited = true;
        let age_seconds = entry.age_seconds(now);
        Some(Hit {
            response: Arc::clone(&entry.response),
            aged: Aged { age_seconds, stale: age_seconds >= entry.life_seconds },
            failed_lately: entry.failed_until.is_some_and(|until| now < until),
        })
    }

    fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        response: Arc<Response>,
        life_seconds: u32,
        now: Tick,
    ) {
        if let Some(&place) = self.table.get(&hash) {
            if let Some(held) = self.places[place as usize].as_mut()
                && *held.key == *key
                && is_failure(&response)
                && !is_failure(&held.response)
                && held.serves(now)
            {
                let until = now.0.saturating_add(u64::from(FAILURE_SECONDS) * 1000);
                held.failed_until = Some(Tick(until));
                return;
            }
            self.remove(place);
        }
        let negative = response.is_negative() || is_failure(&response);
        let entry = Entry {
            hash,
            key: key.into(),
            response,
            stored: now,
            life_seconds,
            failed_until: None,
            visited: false,
            negative,
            newer: NONE,
            older: NONE,
        };
        let bytes = entry.bytes();
        let queue = usize::from(negative);
        if bytes > self.queues[queue].bytes_max {
            return;
        }
        while self.queues[queue].bytes + bytes > self.queues[queue].bytes_max {
            self.evict(queue);
        }
        self.push(entry, bytes);
    }

    /// Puts an entry at the head of its queue.
    fn push(&mut self, mut entry: Entry, bytes: usize) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            u32::try_from(self.places.len() - 1).expect("bytes_max bounds the entries")
        });
        let queue = &mut self.queues[usize::from(entry.negative)];
        entry.older = queue.head;
        if let Some(second) = place_mut(&mut self.places, queue.head) {
            second.newer = place;
        } else {
            queue.tail = place;
        }
        queue.head = place;
        queue.bytes += bytes;
        self.table.insert(entry.hash, place);
        self.places[place as usize] = Some(entry);
    }

    /// Takes the first entry the hand finds that was not asked for since it last passed.
    fn evict(&mut self, queue: usize) {
        let mut place = self.queues[queue].hand;
        loop {
            if place == NONE {
                place = self.queues[queue].tail;
            }
            let entry = place_mut(&mut self.places, place)
                .expect("a queue that holds octets has an entry at its tail");
            if !entry.visited {
                break;
            }
            entry.visited = false;
            place = entry.newer;
        }
        self.queues[queue].hand = place;
        self.remove(place);
    }

    /// Takes an entry out of queue and table; a hand that stood on it goes on towards the head.
    fn remove(&mut self, place: u32) {
        let Some(entry) = self.places.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        let queue = &mut self.queues[usize::from(entry.negative)];
        queue.bytes -= entry.bytes();
        if queue.hand == place {
            queue.hand = entry.newer;
        }
        match place_mut(&mut self.places, entry.newer) {
            Some(newer) => newer.older = entry.older,
            None => queue.head = entry.older,
        }
        match place_mut(&mut self.places, entry.older) {
            Some(older) => older.newer = entry.newer,
            None => queue.tail = entry.newer,
        }
        self.table.remove(&entry.hash);
        self.free.push(place);
    }

    fn clear(&mut self) {
        let [positive, negative] = &self.queues;
        let (positive, negative) = (positive.bytes_max, negative.bytes_max);
        let (hits, misses) = (self.hits, self.misses);
        *self = Shard { hits, misses, ..Shard::new(positive, negative) };
    }
}

impl Queue {
    fn new(bytes_max: usize) -> Self {
        Queue { head: NONE, tail: NONE, hand: NONE, bytes: 0, bytes_max }
    }
}

fn place_mut(places: &mut [Option<Entry>], place: u32) -> Option<&mut Entry> {
    places.get_mut(place as usize).and_then(Option::as_mut)
}

/// A hasher for keys that are keyed hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(octet);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
