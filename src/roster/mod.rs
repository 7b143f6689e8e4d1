//! The roster: the devices that were seen, with what is known of each beside the rules.
//!
//! When it was seen first and last, at which addresses, what it calls itself, how much it asked today,
//! and what is odd about it; and what is odd about the whole network ([`Finding`]). It is told what
//! happens ([`Roster::note`], [`Roster::look`]) and tells what a family may want to know
//! ([`Roster::news`]). It knows neither whose a device is nor any rule.
//!
//! Kept in the state directory as [`crate::kept`] keeps things: `devices.json`. Losing the last minutes
//! of it harms nobody, so it is written seldom.

mod book;
mod presence;
mod signs;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::{Clock, Tick};
use crate::kept::{Store, Trouble};
use crate::name::Name;
use crate::words::Words;

pub use book::{DEVICES_MAX, Device};
pub use presence::{Finding, Present};
pub use signs::{Sign, SignKind};

use book::Book;
use presence::Presence;
use signs::Bursts;

/// What the files are called.
const NAME: &str = "devices";
/// How often the file is written while nothing but counts changes: a router's flash wears.
const SAVE_EVERY: SignedDuration = SignedDuration::from_mins(30);
/// How many devices may be new in one second: a family comes home; whoever makes up addresses must
/// not push out what is known.
const NEW_PER_SECOND: u32 = 20;
/// From how many questions ever on a device usually asks.
const REGULAR_QUERIES: u64 = 50;

/// The devices that were seen.
#[derive(Debug)]
pub struct Roster {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Held while a file is written; none: nothing is.
    store: Mutex<Option<Store>>,
    noticed: Notify,
}

/// What one device asked in a batch.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The device, as the journal names it.
    pub device: Arc<str>,
    /// Its address, where that is known.
    pub address: Option<IpAddr>,
    /// How many questions.
    pub queries: u32,
}

/// What one device did that may be a way around.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// The device, as the journal names it.
    pub device: Arc<str>,
    /// What it did.
    pub what: Did,
}

/// What a device did.
#[derive(Debug, Clone)]
pub enum Did {
    /// It gave a sign, by asking for this name.
    Sign(SignKind, String),
    /// It asked for a name that no cache knew.
    Missed(Box<Missed>),
}

/// A name that no cache knew.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The site it belongs to.
    pub site: Name,
    /// A hash of the site, and one of the name: the same for the same ones.
    pub hashes: (u64, u64),
    /// How many octets stand before the site.
    pub octets: usize,
}

/// What a family may want to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A device was seen for the first time.
    New(String),
    /// There is something odd about a device, or more of it than when it was told last.
    Odd(String),
}

#[derive(Debug)]
struct Inner {
    book: Book,
    presence: Presence,
    bursts: HashMap<String, Bursts>,
    news: BTreeSet<(bool, String)>,
    /// Today, and until when that is so.
    day: Option<(Date, Timestamp, Timestamp)>,
    /// The second, and how many devices were new in it.
    new_ones: (u64, u32),
    is_dirty: bool,
    /// Whether what is not in the file yet should be soon.
    is_urgent: bool,
    saved: Timestamp,
    trouble: Option<Words>,
    write_trouble: Option<Words>,
}

// === impl Roster ===

impl Roster {
    /// Opens what is kept in a directory. It always opens: a damaged file gives way to the one before
    /// it, or to nothing.
    #[must_use]
    pub fn open(directory: &Path, clock: Clock) -> Self {
        let found = Store::open(directory, NAME);
        let trouble = found.trouble.as_ref().map(trouble_words);
        Roster::of(found.state, trouble, Some(found.store), clock)
    }

    /// What is kept in a directory, only looked at: a daemon may be writing there.
    #[must_use]
    pub fn look_at(directory: &Path, clock: Clock) -> Self {
        let found = Store::look(directory, NAME);
        Roster::of(found.state, None, None, clock)
    }

    /// An empty one that is never written.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Roster::of(Book::default(), None, None, clock)
    }

    fn of(book: Book, trouble: Option<Words>, store: Option<Store>, clock: Clock) -> Self {
        let untold = book.devices.iter().filter(|(_, device)| !device.is_told);
        let inner = Inner {
            news: untold.map(|(id, _)| (false, id.clone())).collect(),
            book,
            presence: Presence::default(),
            bursts: HashMap::new(),
            day: None,
            new_ones: (0, 0),
            is_dirty: false,
            is_urgent: false,
            saved: clock.now(),
            trouble,
            write_trouble: None,
        };
        Roster { clock, inner: Mutex::new(inner), store: Mutex::new(store), noticed: Notify::new() }
    }

    // === What happens ===

    /// Notes what devices asked. `zone` says which day it is.
    pub fn note(&self, zone: &TimeZone, sightings: impl Iterator<Item = Sighting>) {
        let (now, tick) = (self.clock.now(), self.clock.tick());
        let mut inner = self.lock();
        let today = inner.today(zone, now);
        for Sighting { device, address, queries } in sightings {
            let Some(known) = inner.device(&device, now, tick) else { continue };
            let is_first = known.last_asked.is_none();
            known.asked(queries.into(), today, now);
            if let Some(address) = address {
                known.at(address, now);
            }
            inner.presence.asked(&device, address, queries.into(), tick);
            inner.is_dirty = true;
            if is_first {
                self.noticed.notify_one();
            }
        }
    }

    /// Notes what may be a way around.
    pub fn suspect(&self, zone: &TimeZone, suspects: impl Iterator<Item = Suspect>) {
        let (now, tick) = (self.clock.now(), self.clock.tick());
        let mut inner = self.lock();
        for Suspect { device, what } in suspects {
            let (kind, name) = match what {
                Did::Sign(kind, name) => (kind, name),
                Did::Missed(missed) => {
                    let Missed { site, hashes: (site_hash, name_hash), octets } = *missed;
                    if !inner.bursts.contains_key(&*device) && inner.bursts.len() >= DEVICES_MAX {
                        continue;
                    }
                    let bursts = inner.bursts.entry(device.to_string()).or_default();
                    if !bursts.count(site_hash, name_hash, octets, tick) {
                        continue;
                    }
                    (SignKind::Tunnel, site.to_string())
                }
            };
            inner.sign(&device, kind, Some(name), zone, (now, tick));
            self.noticed.notify_one();
        }
    }

    /// Looks at who is on the network.
    pub fn look(&self, zone: &TimeZone, present: &[Present]) {
        let (now, tick) = (self.clock.now(), self.clock.tick());
        let mut inner = self.lock();
        let Inner { book, presence, is_dirty, news, .. } = &mut *inner;
        for one in present {
            for &address in &one.addresses {
                if book.join(address, &one.id) {
                    news.remove(&(false, address.to_string()));
                    news.insert((false, one.id.clone()));
                    *is_dirty = true;
                }
            }
            let Some(device) = book.devices.get_mut(&one.id) else { continue };
            for &address in &one.addresses {
                if !device.addresses.iter().any(|(known, _)| *known == address) {
                    let seen = device.last_seen;
                    device.at(address, seen);
                }
            }
            if one.active.is_some_and(|active| tick.millis_since(active) < 60_000) {
                device.last_seen = device.last_seen.max(now);
            }
        }
        let is_regular = |id: &str| {
            let device = book.devices.get(id);
            device.is_some_and(|device| device.queries_ever() >= REGULAR_QUERIES)
        };
        let silent = presence.look(present, is_regular, tick);
        for id in silent {
            inner.sign(&id, SignKind::Silent, None, zone, (now, tick));
        }
    }

    /// A device calls itself so.
    pub fn named(&self, id: &str, host: &str) {
        let mut inner = self.lock();
        if let Some(device) = inner.book.devices.get_mut(id)
            && device.host.as_deref() != Some(host)
        {
            device.host = Some(host.to_owned());
            inner.is_dirty = true;
        }
    }

    /// Forgets a device; says whether it was known. When it asks again it is new.
    pub fn forget(&self, id: &str) -> bool {
        let mut inner = self.lock();
        inner.presence.forget(id);
        inner.bursts.remove(id);
        inner.news.retain(|(_, other)| other != id);
        let was_known = inner.book.devices.remove(id).is_some();
        inner.is_dirty |= was_known;
        inner.is_urgent |= was_known;
        was_known
    }

    // === What is known ===

    /// All devices, by what the journal calls them.
    #[must_use]
    pub fn devices(&self) -> Vec<(String, Device)> {
        let inner = self.lock();
        inner.book.devices.iter().map(|(id, device)| (id.clone(), device.clone())).collect()
    }

    /// The device with this id.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<Device> {
        self.lock().book.devices.get(id).cloned()
    }

    /// What the family may want to be told since the last call. To be told each only once, call
    /// [`Roster::told`] for those that were new.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        let news = std::mem::take(&mut self.lock().news);
        let news = news.into_iter();
        news.map(|(is_odd, id)| if is_odd { News::Odd(id) } else { News::New(id) }).collect()
    }

    /// It was told that a device is new, or nobody need be told.
    pub fn told(&self, id: &str) {
        let mut inner = self.lock();
        if let Some(device) = inner.book.devices.get_mut(id) {
            device.is_told = true;
            inner.is_dirty = true;
            inner.is_urgent = true;
        }
    }

    /// What is wrong with how the network is set up; `is_forwarder` says whether an address may ask
    /// for others.
    #[must_use]
    pub fn findings(&self, is_forwarder: impl Fn(IpAddr) -> bool) -> Vec<Finding> {
        let now = self.clock.tick();
        self.lock().presence.findings(is_forwarder, now)
    }

    /// Waits until there may be news. For one who waits.
    pub async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// Sentences about what is wrong with the file; empty when all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        let inner = self.lock();
        inner.trouble.iter().chain(&inner.write_trouble).cloned().collect()
    }

    // === The file ===

    /// Writes the file where that is due: soon after a device came or went, else seldom.
    ///
    /// # Errors
    /// What the disk says; the next call tries again.
    pub fn save_if_due(&self) -> std::io::Result<()> {
        let now = self.clock.now();
        let is_due = {
            let inner = self.lock();
            let age = now.duration_since(inner.saved);
            inner.is_urgent || inner.is_dirty && (age >= SAVE_EVERY || age.is_negative())
        };
        if is_due { self.save() } else { Ok(()) }
    }

    /// Writes the file, if something is not in it yet. It waits for the disk.
    ///
    /// # Errors
    /// What the disk says; the next call tries again.
    pub fn save(&self) -> std::io::Result<()> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let body = {
            let mut inner = self.lock();
            if !inner.is_dirty {
                return Ok(());
            }
            (inner.is_dirty, inner.is_urgent) = (false, false);
            inner.saved = self.clock.now();
            serde_json::to_string(&inner.book)?
        };
        let written = store.as_mut().map_or(Ok(()), |store| store.write(&body));
        let mut inner = self.lock();
        inner.is_dirty |= written.is_err();
        inner.write_trouble = written.as_ref().err().map(unwritten_words);
        written
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What a panic left is still the best that is known.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Inner ===

impl Inner {
    /// The device of an id; none where too many are new at once.
    fn device(&mut self, id: &str, now: Timestamp, tick: Tick) -> Option<&mut Device> {
        if !self.book.devices.contains_key(id) {
            let second = tick.0 / 1_000;
            if self.new_ones.0 != second {
                self.new_ones = (second, 0);
            }
            if self.new_ones.1 >= NEW_PER_SECOND {
                return None;
            }
            self.new_ones.1 += 1;
            self.news.insert((false, id.to_owned()));
            self.is_urgent = true;
        }
        Some(self.book.device(id, now))
    }

    fn sign(
        &mut self,
        id: &str,
        kind: SignKind,
        name: Option<String>,
        zone: &TimeZone,
        (now, tick): (Timestamp, Tick),
    ) {
        let today = self.today(zone, now);
        if let Some(device) = self.device(id, now, tick) {
            device.signed(kind, name, today, now);
            self.news.insert((true, id.to_owned()));
            self.is_dirty = true;
        }
    }

    /// Today in a zone; looked up once a day.
    fn today(&mut self, zone: &TimeZone, now: Timestamp) -> Date {
        match self.day {
            Some((day, from, until)) if from <= now && now < until => day,
            Some(_) | None => {
                let zoned = now.to_zoned(zone.clone());
                let day = zoned.date();
                let until = zoned.tomorrow().and_then(|day| day.start_of_day());
                let until = until.map_or(now, |until| until.timestamp());
                self.day = Some((day, now, until));
                day
            }
        }
    }
}

// === What is wrong, in words ===

fn trouble_words(trouble: &Trouble) -> Words {
    let (Trouble::Older(path, why) | Trouble::Lost(path, why)) = trouble;
    let path = path.display();
    Words {
        es: format!("{path} está dañado ({why}): algunos dispositivos se verán como nuevos.")
            .into(),
        en: format!("{path} is damaged ({why}): some devices will show up as new.").into(),
    }
}

fn unwritten_words(error: &std::io::Error) -> Words {
    Words {
        es: format!("no se puede guardar qué dispositivos hay ({error}).").into(),
        en: format!("which devices there are cannot be saved ({error}).").into(),
    }
}

#[cfg(test)]
mod tests;
