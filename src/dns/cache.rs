//! What upstreams said, kept for a while.
//!
//! It knows no child and takes no verdict: it keeps answers ([`Response`]) by what was asked and of
//! whom, and whoever serves one judges it anew. It is bounded in octets, negatives by a share of
//! their own, so that a flood of names that do not exist pushes nothing else out, and evicts by
//! SIEVE. Time is an argument.
//!
//! A look-up takes no lock, allocates nothing and, for an answer that was asked for before, writes
//! nothing that another thread reads: `table` is where readers look, `shard` what writers agree on
//! under a lock, `key` what both look by. Start at [`Cache::get`].

mod entry;
mod key;
mod shard;
mod table;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rewrite::{Aged, Response};
use crate::clock::Tick;
use crate::name::Name;
use entry::Entry;
pub use key::Key;
use key::Seed;
use shard::Shard;
use table::{Found, Table};

/// The most shards, each with a lock of its own for its writers: more than any home router has
/// cores.
const SHARDS_MAX: usize = 16;
/// What a shard has at least: in smaller ones chance would fill one long before the next.
const SHARD_OCTETS_MIN: usize = 1 << 20;

/// An answer that was found.
#[derive(Debug)]
pub struct Hit {
    /// The answer; its TTLs are as they came.
    pub response: Held,
    /// How old it is, and whether it has run out.
    pub aged: Aged,
    /// Upstream failed a moment ago to give a newer one: asking again is too early (RFC 8767 §5).
    pub failed_lately: bool,
    /// It is asked for often and runs out soon: whoever is told this, one caller alone, fetches a
    /// newer one without letting anybody wait. Said again after a pause when none comes.
    pub refresh_due: bool,
}

/// An answer where it lies. It may be pushed out meanwhile; it is gone when nobody holds it.
pub struct Held(Found);

/// What the cache holds and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Answers held, those that have run out included.
    pub entries: u64,
    /// Of these, negative answers and failures.
    pub negatives: u64,
    /// Octets held: the table, keys, answers and what they cost to keep.
    pub bytes: u64,
    /// The most octets it may hold.
    pub bytes_max: u64,
    /// Answers that were pushed out for want of room since the start.
    pub evictions: u64,
}

/// The cache.
pub struct Cache {
    seed: Seed,
    table: Table,
    shards: Box<[Mutex<Shard>]>,
    bytes_max: usize,
}

// === impl Cache ===

impl Cache {
    /// An empty cache of at most `bytes_max` octets, of which negative answers and failures may
    /// take `negative_percent`. One too small for its own table keeps nothing.
    #[must_use]
    pub fn new(bytes_max: usize, negative_percent: u8) -> Self {
        let table = Table::new(bytes_max);
        let wanted = (bytes_max / SHARD_OCTETS_MIN).clamp(1, SHARDS_MAX);
        // A power of two, as the sets are, so that every shard has as many.
        let count = (1 << wanted.ilog2()).min(table.sets());
        let places = table.places() / count.max(1);
        let octets = bytes_max.saturating_sub(table.octets() + count * Shard::octets_empty(places));
        let each = octets / count.max(1);
        let negative = each / 100 * usize::from(negative_percent.min(100));
        let shards = (0..count)
            .map(|shard| Mutex::new(Shard::new(shard * places, places, each - negative, negative)));
        Cache { seed: Seed::random(), table, shards: shards.collect(), bytes_max }
    }

    /// The answer to a question, if one is held that is fresh or ran out at most a day ago.
    #[must_use]
    pub fn get(&self, key: &Key<'_>, now: Tick) -> Option<Hit> {
        let (_, found) = self.table.find(self.seed.hash(key), key)?;
        let asked = found.ask(now)?;
        Some(Hit {
            aged: asked.aged,
            failed_lately: asked.failed_lately,
            refresh_due: asked.refresh_due,
            response: Held(found),
        })
    }

    /// Keeps an answer, if it may be kept: whole, and with a TTL. A failure does not push out an
    /// answer that can still serve; it is noted with it.
    pub fn insert(&self, key: &Key<'_>, response: Arc<Response>, now: Tick) {
        let hash = self.seed.hash(key);
        let Some(mut shard) = self.shard_of(hash) else { return };
        if let Some(entry) = Entry::new(hash, key, response, now) {
            shard.insert(&self.table, key, entry, now);
        }
    }

    /// What the cache holds and did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            bytes: self.table.octets() as u64,
            bytes_max: self.bytes_max as u64,
            ..Stats::default()
        };
        for shard in &self.shards {
            lock(shard).add_to(&mut stats);
        }
        stats
    }

    /// Forgets what is held of a name and of every name below it, for every type and every group
    /// of upstreams, and says how many answers that were.
    #[expect(clippy::must_use_candidate, reason = "it forgets, whoever counts")]
    pub fn flush(&self, name: &Name) -> u64 {
        let of_name = |entry: &Entry| entry.is_at_or_below(name);
        self.shards.iter().map(|shard| lock(shard).forget(&self.table, of_name)).sum()
    }

    /// Forgets every answer, and says how many that were.
    #[expect(clippy::must_use_candidate, reason = "it forgets, whoever counts")]
    pub fn clear(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).forget(&self.table, |_| true)).sum()
    }

    fn shard_of(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        let of_sets = self.table.sets().checked_div(self.shards.len())?;
        Some(lock(&self.shards[self.table.set_of(hash) / of_sets]))
    }
}

/// A thread that panicked while it held the lock leaves an entry too many at worst.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Thousands of answers tell nobody anything.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.stats()).finish()
    }
}

// === impl Held ===

impl Deref for Held {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.0.response
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests;
