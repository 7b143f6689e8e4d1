//! One answer that is kept: for how long, and what its readers note on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use super::key::{Key, name_length};
use crate::clock::Tick;
use crate::dns::rewrite::{Aged, Response};
use crate::dns::wire::rcode;
use crate::name::Name;

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

/// How often an answer must have been asked for to be fetched again before it runs out: once or
/// twice is what one page does, and would double what upstreams are asked.
const POPULAR_ASKED: u8 = 4;
/// The shortest life of which the last tenth is time enough to fetch a newer answer.
const REFRESH_LIFE_SECONDS_MIN: u32 = 10;
/// How long after somebody was sent for a newer answer nobody else is: longer than upstreams take.
const REFRESH_PAUSE_MILLIS: u64 = 5000;

/// The longest name kept in the entry itself; a longer one lies elsewhere. Most names of a home
/// are shorter, and looking at one more place costs more than comparing.
const SHORT_OCTETS: usize = 47;
/// What the allocator adds to a piece of memory, rounding included.
const ALLOCATION_OCTETS: usize = 16;
/// The counts in front of what an `Arc` holds.
const ARC_OCTETS: usize = 16;
/// What an entry costs beside its name and its answer: itself and the pieces of memory an answer
/// consists of.
const ENTRY_OCTETS: usize = size_of::<Entry>() + 2 * ARC_OCTETS + 6 * ALLOCATION_OCTETS;

/// An answer with what it is kept by. Everything but the marks stays as it is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) hash: u64,
    /// What [`Key`] has beside the name.
    rest: u64,
    name: Octets,
    pub(super) response: Arc<Response>,
    pub(super) stored: Tick,
    life_seconds: u32,
    /// From when on a newer one is fetched if it is popular.
    refresh_from: Tick,
    /// A negative answer or a failure.
    pub(super) negative: bool,
    /// Asked for since the hand of SIEVE last passed.
    visited: AtomicBool,
    /// How often it was asked for, up to [`POPULAR_ASKED`].
    asked: AtomicU8,
    /// Upstream failed; until this tick it is not asked again.
    failed_until: AtomicU64,
    /// Somebody was sent for a newer one; until this tick nobody else is.
    refreshing_until: AtomicU64,
}

/// The name's wire form; how long it is stands in the key's rest.
#[derive(Debug)]
enum Octets {
    Short([u8; SHORT_OCTETS]),
    Long(Box<[u8]>),
}

/// What an entry says to whoever asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) aged: Aged,
    pub(super) failed_lately: bool,
    pub(super) refresh_due: bool,
}

// === impl Entry ===

impl Entry {
    /// An entry that was just stored; none when the answer may not be kept.
    pub(super) fn new(
        hash: u64,
        key: &Key<'_>,
        response: Arc<Response>,
        now: Tick,
    ) -> Option<Self> {
        let life_seconds = lifetime_seconds(&response)?;
        let failure = is_failure(&response);
        let refresh_from = if failure || life_seconds < REFRESH_LIFE_SECONDS_MIN {
            u64::MAX
        } else {
            now.0.saturating_add(u64::from(life_seconds) * 900)
        };
        Some(Entry {
            hash,
            rest: key.rest,
            name: Octets::new(key.name),
            negative: failure || response.is_negative(),
            response,
            stored: now,
            life_seconds,
            refresh_from: Tick(refresh_from),
            visited: AtomicBool::new(false),
            asked: AtomicU8::new(0),
            failed_until: AtomicU64::new(0),
            refreshing_until: AtomicU64::new(0),
        })
    }

    /// Whether it is what this key's answer is kept in.
    #[inline]
    pub(super) fn is_of(&self, key: &Key<'_>) -> bool {
        self.rest == key.rest && self.name() == key.name
    }

    /// Whether it is about this name or one below it.
    pub(super) fn is_at_or_below(&self, name: &Name) -> bool {
        let mut rest = self.name();
        loop {
            if rest == name.wire() {
                return true;
            }
            let Some((&length @ 1.., behind)) = rest.split_first() else { return false };
            rest = behind.get(usize::from(length)..).unwrap_or_default();
        }
    }

    /// How many octets it takes in memory.
    pub(super) fn octets(&self) -> usize {
        let elsewhere = match &self.name {
            Octets::Short(_) => 0,
            Octets::Long(octets) => octets.len() + ALLOCATION_OCTETS,
        };
        ENTRY_OCTETS + elsewhere + self.response.octets()
    }

    /// Whether it is of use at all.
    pub(super) fn serves(&self, now: Tick) -> bool {
        let stale = if is_failure(&self.response) { 0 } else { STALE_SECONDS_MAX };
        self.age_seconds(now) < self.life_seconds.saturating_add(stale)
    }

    /// Whether a failure leaves it where it is: it is an answer, and can still serve.
    pub(super) fn outlives(&self, newer: &Entry, now: Tick) -> bool {
        is_failure(&newer.response) && !is_failure(&self.response) && self.serves(now)
    }

    /// Notes that upstream failed to give a newer one.
    pub(super) fn fail(&self, now: Tick) {
        let until = now.0.saturating_add(u64::from(FAILURE_SECONDS) * 1000);
        self.failed_until.store(until, Ordering::Relaxed);
    }

    /// What it says to whoever asks; nothing when it is of no use any more.
    ///
    /// An entry that was asked for since the hand passed, and often enough, is only read: many
    /// threads serve it without taking its memory from each other.
    #[inline]
    pub(super) fn ask(&self, now: Tick) -> Option<Asked> {
        let age_seconds = self.age_seconds(now);
        let stale = age_seconds >= self.life_seconds;
        if stale && !self.serves(now) {
            return None;
        }
        if !self.visited.load(Ordering::Relaxed) {
            self.visited.store(true, Ordering::Relaxed);
        }
        let asked = self.asked.load(Ordering::Relaxed);
        if asked < POPULAR_ASKED {
            // One that gets lost between two threads is asked for once more.
            self.asked.store(asked + 1, Ordering::Relaxed);
        }
        let failed_lately = now.0 < self.failed_until.load(Ordering::Relaxed);
        let refresh_due = now >= self.refresh_from
            && asked >= POPULAR_ASKED
            && !stale
            && !failed_lately
            && self.takes_on_refresh(now);
        Some(Asked { aged: Aged { age_seconds, stale }, failed_lately, refresh_due })
    }

    /// Whether this caller, alone of all, is the one to fetch a newer answer.
    #[cold]
    fn takes_on_refresh(&self, now: Tick) -> bool {
        let until = self.refreshing_until.load(Ordering::Relaxed);
        let next = now.0.saturating_add(REFRESH_PAUSE_MILLIS);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        now.0 >= until && self.refreshing_until.compare_exchange(until, next, set, get).is_ok()
    }

    /// Whether it was asked for since the hand last passed; the hand takes that away.
    pub(super) fn visited(&self) -> bool {
        self.visited.load(Ordering::Relaxed)
    }

    /// Sets or takes away the mark of [`Entry::visited`].
    pub(super) fn set_visited(&self, visited: bool) {
        self.visited.store(visited, Ordering::Relaxed);
    }

    fn name(&self) -> &[u8] {
        match &self.name {
            Octets::Short(octets) => &octets[..name_length(self.rest)],
            Octets::Long(octets) => octets,
        }
    }

    fn age_seconds(&self, now: Tick) -> u32 {
        u32::try_from(now.millis_since(self.stored) / 1000).unwrap_or(u32::MAX)
    }
}

// === impl Octets ===

impl Octets {
    fn new(name: &[u8]) -> Self {
        let mut short = [0; SHORT_OCTETS];
        match short.get_mut(..name.len()) {
            Some(octets) => {
                octets.copy_from_slice(name);
                Octets::Short(short)
            }
            None => Octets::Long(name.into()),
        }
    }
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
