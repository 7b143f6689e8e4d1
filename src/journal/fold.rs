//! What is remembered but not yet written: entries folded into attempts, in bounded memory.
//!
//! Pure: it knows neither the disk nor the clock. [`Fold::add`] is the only part of the journal on
//! the way of a query. Every bound stands here, beside its reason; what goes beyond one is counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::Entry;
use super::site::site_of;
use crate::name::Name;
use crate::policy::ReasonKind;
use crate::policy::rules::JournalLevel;

/// An attempt ends after so many quiet milliseconds: ten minutes.
pub(super) const QUIET_MILLIS: i64 = 10 * 60 * 1000;
/// Attempts held until they are written. At most about 700 octets each without their names, so
/// 7 MiB on a router whose disk is full for days.
pub(super) const ATTEMPTS_MAX: usize = 10_000;
/// From here on the writer is woken before its time.
const ATTEMPTS_HURRY: usize = ATTEMPTS_MAX / 4;
/// Attempts one device may begin in an hour. A program that makes up names must not push the other
/// children's attempts out of memory or off the disk (500 are some 100 KiB): beyond this the
/// device's sites become one.
pub(super) const ATTEMPTS_PER_DEVICE_MAX: usize = 500;
/// Devices whose attempts are counted for that: more are no home, and a flood with made-up
/// addresses is bounded by [`ATTEMPTS_MAX`] and `keep_mib` alone.
const DEVICES_COUNTED_MAX: usize = 4096;
/// Different names kept with an attempt: what fits on a screen.
pub(super) const NAMES_PER_ATTEMPT_MAX: usize = 20;
/// Octets of all names held: a few times what a busy school asks in five seconds.
const NAME_OCTETS_MAX: usize = 4 << 20;
/// The hour of `counts`.
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// What makes two entries one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The child or adult; none for unknown devices.
    pub(super) child: Option<Arc<str>>,
    /// The device; empty in hourly counts.
    pub(super) device: Arc<str>,
    /// The site; empty where it is not kept.
    pub(super) site: Box<str>,
    /// Whether it was closed.
    pub(super) blocked: bool,
    /// For hourly counts: when the hour began, in milliseconds since 1970.
    pub(super) hour: Option<i64>,
    /// The kind of reason.
    pub(super) kind: ReasonKind,
    /// The reason's id.
    pub(super) reason_id: Arc<str>,
    /// The category an hourly count is about; other attempts carry theirs in the [`Delta`].
    pub(super) category: Option<Arc<str>>,
}

/// What is to be added to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    /// First query, in milliseconds since 1970.
    pub(super) first: i64,
    /// Last query, in milliseconds since 1970.
    pub(super) last: i64,
    /// DNS queries.
    pub(super) count: u64,
    /// Different names asked, as text, in the order they came.
    pub(super) names: Vec<Box<str>>,
    /// The category of the first name that had one.
    pub(super) category: Option<Arc<str>>,
}

/// What one query adds to its attempt.
#[derive(Debug)]
pub(super) struct Query {
    /// When, in milliseconds since 1970; for hourly counts the beginning of the hour.
    at: i64,
    /// The category of the name.
    category: Option<Arc<str>>,
    /// The name, where names are kept.
    name: Option<Name>,
    /// How many there were.
    count: u64,
}

/// Attempts to be written.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Attempts that may grow.
    open: HashMap<Key, Delta>,
    /// Attempts that ended, oldest first.
    ended: VecDeque<(Key, Delta)>,
    /// How many attempts of each device wait, never 0; some may turn out to go on in the file.
    pub(super) waiting: HashMap<Arc<str>, usize>,
    /// How many attempts each device began in the file in [`Fold::hour`].
    begun: HashMap<Arc<str>, usize>,
    /// The hour of the last writing, in milliseconds since 1970.
    hour: i64,
    name_octets: usize,
    /// What did not fit.
    pub(super) overflow: Overflow,
}

/// What did not fit, since the journal was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overflow {
    /// Queries kept without their site, because their device asked for too many at once.
    pub queries_without_site: u64,
    /// Queries forgotten, because nothing could be written for too long.
    pub queries_forgotten: u64,
}

// === impl Fold ===

impl Fold {
    /// Takes a query in.
    pub(super) fn add(&mut self, key: Key, query: Query) {
        let at = query.at;
        if let Some(delta) = self.open.get_mut(&key)
            && delta.is_near(at, at)
        {
            delta.first = delta.first.min(at);
            delta.last = delta.last.max(at);
            delta.count += query.count;
            if delta.category.is_none() {
                delta.category = query.category;
            }
            if let Some(name) = query.name {
                self.name_octets += delta.add_name(&name, self.name_octets);
            }
            return;
        }
        let of_device =
            |counts: &HashMap<Arc<str>, usize>| counts.get(&key.device).copied().unwrap_or(0);
        let begun = of_device(&self.waiting) + of_device(&self.begun);
        if begun >= ATTEMPTS_PER_DEVICE_MAX && !key.site.is_empty() {
            let count = query.count;
            return self.add_flood(key, query, count);
        }
        self.make_room();
        *self.waiting.entry(key.device.clone()).or_default() += 1;
        let category = query.category;
        let count = query.count;
        let mut delta = Delta { first: at, last: at, count, names: Vec::new(), category };
        if let Some(name) = query.name {
            self.name_octets += delta.add_name(&name, self.name_octets);
        }
        if let Some(ended) = self.open.insert(key.clone(), delta) {
            self.ended.push_back((key, ended));
        }
    }

    /// Takes in so many queries of a device that asks too much at once for its sites to be told
    /// apart.
    pub(super) fn add_flood(&mut self, key: Key, query: Query, count: u64) {
        self.overflow.queries_without_site += count;
        self.add(Key { site: "".into(), ..key }, Query { name: None, count, ..query });
    }

    /// How many attempts wait.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.ended.len()
    }

    /// Whether so many wait that the writer should not sleep on.
    pub(super) fn is_hurried(&self) -> bool {
        self.len() >= ATTEMPTS_HURRY
    }

    /// Hands over everything that waits, in no order: sorting is for whoever holds no lock.
    pub(super) fn take(&mut self) -> Vec<(Key, Delta)> {
        self.waiting.clear();
        self.name_octets = 0;
        self.ended.drain(..).chain(self.open.drain()).collect()
    }

    /// Learns which devices began an attempt in the file with this writing, one mention each.
    pub(super) fn note_begun(&mut self, now: Timestamp, devices: Vec<Arc<str>>) {
        let now = now.as_millisecond();
        let hour = now - now.rem_euclid(HOUR_MILLIS);
        if hour != self.hour {
            self.hour = hour;
            self.begun.clear();
        }
        for device in devices {
            if self.begun.len() < DEVICES_COUNTED_MAX || self.begun.contains_key(&device) {
                *self.begun.entry(device).or_default() += 1;
            }
        }
    }

    /// Puts back what could not be written, oldest first. Attempts that went on meanwhile become
    /// one again, so that an outage of days grows by attempts and not by writings.
    pub(super) fn restore(&mut self, batch: Vec<(Key, Delta)>) {
        for (key, older) in batch.into_iter().rev() {
            let is_full = self.len() >= ATTEMPTS_MAX;
            match self.open.get_mut(&key) {
                Some(delta) if delta.is_near(older.first, older.last) => {
                    let before = delta.name_octets();
                    delta.merge_older(older);
                    self.name_octets =
                        self.name_octets.saturating_sub(before) + delta.name_octets();
                }
                _ if is_full => {
                    self.overflow.queries_forgotten += older.count;
                }
                Some(_) => {
                    self.name_octets += older.name_octets();
                    *self.waiting.entry(key.device.clone()).or_default() += 1;
                    self.ended.push_front((key, older));
                }
                None => {
                    self.name_octets += older.name_octets();
                    *self.waiting.entry(key.device.clone()).or_default() += 1;
                    self.open.insert(key, older);
                }
            }
        }
    }

    /// Forgets the oldest attempt when there is room for no other.
    fn make_room(&mut self) {
        if self.len() < ATTEMPTS_MAX {
            return;
        }
        if self.ended.is_empty() {
            // Once in ATTEMPTS_MAX new attempts, and only while nothing can be written.
            let mut all: Vec<_> = self.open.drain().collect();
            all.sort_by_key(|(_, delta)| delta.last);
            self.ended = all.into();
        }
        if let Some((key, forgotten)) = self.ended.pop_front() {
            self.overflow.queries_forgotten += forgotten.count;
            self.name_octets = self.name_octets.saturating_sub(forgotten.name_octets());
            // Devices come and go while nothing can be written: only those that wait are counted.
            if let Some(count) = self.waiting.get_mut(&key.device) {
                *count -= 1;
                if *count == 0 {
                    self.waiting.remove(&key.device);
                }
            }
        }
    }
}

// === impl Query ===

impl Query {
    /// Which attempt an entry belongs to and what it adds; none when nothing of it is to be kept.
    pub(super) fn of(entry: Entry) -> Option<(Key, Query)> {
        // What opens help and what answers in the house is nobody's business; canary and relay
        // names are asked by the device and not by the child.
        let is_attempt = match entry.kind {
            ReasonKind::Essential | ReasonKind::Local | ReasonKind::Bypass => false,
            ReasonKind::Schedule
            | ReasonKind::Pause
            | ReasonKind::Grant
            | ReasonKind::Budget
            | ReasonKind::AllowRule
            | ReasonKind::BlockRule
            | ReasonKind::Rebind
            | ReasonKind::Service
            | ReasonKind::Category
            | ReasonKind::List
            | ReasonKind::Only
            | ReasonKind::SafeSearch
            | ReasonKind::Upstream
            | ReasonKind::UnknownDevice
            | ReasonKind::Default => true,
        };
        if !is_attempt || (!entry.blocked && entry.level != JournalLevel::All) {
            return None;
        }
        let name = match entry.level {
            JournalLevel::Off => return None,
            JournalLevel::Counts => return Some(Self::hourly(entry)),
            JournalLevel::Sites => None,
            JournalLevel::Names | JournalLevel::All => Some(entry.name),
        };
        let site = site_of(&entry.name, entry.service.as_deref()).into();
        let key = Key {
            child: entry.subject,
            device: entry.device,
            site,
            blocked: entry.blocked,
            hour: None,
            kind: entry.kind,
            reason_id: entry.reason_id,
            category: None,
        };
        let at = entry.at.as_millisecond();
        Some((key, Query { at, category: entry.category, name, count: 1 }))
    }

    /// An hourly count. Unless the category guards against fraud and spying it names no site, and
    /// so no reason that would tell it either.
    fn hourly(entry: Entry) -> (Key, Query) {
        let at = entry.at.as_millisecond();
        let hour = at - at.rem_euclid(HOUR_MILLIS);
        let site = entry.security.then(|| site_of(&entry.name, entry.service.as_deref()));
        let (kind, reason_id) = if entry.security {
            (entry.kind, entry.reason_id)
        } else {
            reason_without_site(&entry)
        };
        let key = Key {
            child: entry.subject,
            device: "".into(),
            site: site.unwrap_or_default().into(),
            blocked: entry.blocked,
            hour: Some(hour),
            kind,
            reason_id,
            category: entry.category.clone(),
        };
        (key, Query { at: hour, category: entry.category, name: None, count: 1 })
    }
}

/// The reason as far as it tells nothing of the site: a closed service becomes its category, and
/// a name the parent wrote is left out.
fn reason_without_site(entry: &Entry) -> (ReasonKind, Arc<str>) {
    match entry.kind {
        ReasonKind::Service => match &entry.category {
            Some(category) => (ReasonKind::Category, category.clone()),
            None => (ReasonKind::Service, "".into()),
        },
        ReasonKind::AllowRule
        | ReasonKind::BlockRule
        | ReasonKind::Grant
        | ReasonKind::Budget
        | ReasonKind::SafeSearch => (entry.kind, "".into()),
        ReasonKind::Essential
        | ReasonKind::Local
        | ReasonKind::Pause
        | ReasonKind::Schedule
        | ReasonKind::Category
        | ReasonKind::List
        | ReasonKind::Only
        | ReasonKind::Bypass
        | ReasonKind::Rebind
        | ReasonKind::Upstream
        | ReasonKind::UnknownDevice
        | ReasonKind::Default => (entry.kind, entry.reason_id.clone()),
    }
}

// === impl Delta ===

impl Delta {
    /// Whether a span belongs to this attempt: not more than [`QUIET_MILLIS`] before or after it.
    /// Before, because batches of several threads and steps of the clock arrive out of order.
    pub(super) fn is_near(&self, first: i64, last: i64) -> bool {
        is_near((self.first, self.last), (first, last))
    }

    /// Takes in an older part of the same attempt.
    fn merge_older(&mut self, older: Delta) {
        self.first = self.first.min(older.first);
        self.last = self.last.max(older.last);
        self.count += older.count;
        self.category = older.category.or(self.category.take());
        let mut names = older.names;
        for name in self.names.drain(..) {
            add_distinct(&mut names, name);
        }
        self.names = names;
    }

    /// Adds the name asked; how many octets that took.
    fn add_name(&mut self, name: &Name, octets_held: usize) -> usize {
        if self.names.len() >= NAMES_PER_ATTEMPT_MAX || octets_held >= NAME_OCTETS_MAX {
            return 0;
        }
        let name: Box<str> = name.to_string().into();
        let octets = name.len();
        if add_distinct(&mut self.names, name) { octets } else { 0 }
    }

    fn name_octets(&self) -> usize {
        self.names.iter().map(|name| name.len()).sum()
    }
}

/// Whether two spans, in milliseconds, have no more than [`QUIET_MILLIS`] between them.
pub(super) fn is_near(one: (i64, i64), other: (i64, i64)) -> bool {
    other.0 <= one.1.saturating_add(QUIET_MILLIS) && one.0 <= other.1.saturating_add(QUIET_MILLIS)
}

/// Adds a name that is not there yet, up to [`NAMES_PER_ATTEMPT_MAX`]; whether it was added.
pub(super) fn add_distinct(names: &mut Vec<Box<str>>, name: Box<str>) -> bool {
    let is_new = names.len() < NAMES_PER_ATTEMPT_MAX && !names.contains(&name);
    if is_new {
        names.push(name);
    }
    is_new
}

/// A moment of the journal as a timestamp; what lies outside the calendar is held at its start.
pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}
