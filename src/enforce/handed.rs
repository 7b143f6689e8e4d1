//! What was answered to whom, so that it can be cut when it closes.
//!
//! [`Handed`] is filled when replies are on their way ([`Handed::take`]) and knows no rules: what
//! is closed, it is told ([`Handed::plan`]). All of it is in memory only, bounded, and shown to
//! nobody.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use super::plan::{Plan, Sites, Wire, is_public};
use super::{Line, Verb};
use crate::clock::Tick;
use crate::name::Name;

/// Addresses remembered of one device: a day of a busy phone has some two thousand.
pub const DEVICE_ADDRESSES_MAX: usize = 4_096;
/// Addresses remembered in all: a household of thirty busy devices, in some 6 MiB.
pub const ADDRESSES_MAX: usize = 65_536;
/// One in so many goes when there are too many, the oldest: so that room is seldom made.
const ROOM_SHARE: usize = 8;
/// How long an address is remembered, and stays cut, in milliseconds: an app may live a day on one
/// connection, and nothing stays away for ever that was forgotten.
pub const KEPT_MILLIS: u64 = KEPT_HOURS * 3_600 * 1_000;
/// The same in hours.
pub(super) const KEPT_HOURS: u64 = 24;
/// Addresses from which one device asks that are remembered: one of IPv4, and of IPv6 those that
/// change daily and live a week.
const SOURCES_MAX: usize = 16;

/// The addresses that were handed to the household's devices.
#[derive(Debug, Default)]
pub struct Handed(Mutex<Table>);

/// One answer with addresses, on its way to a device.
#[derive(Debug, Clone)]
pub struct Given {
    /// The device, as the journal names it.
    pub device: Arc<str>,
    /// The address it asked from.
    pub from: IpAddr,
    /// The id of the child; none for unknown devices.
    pub subject: Option<Arc<str>>,
    /// The name asked.
    pub name: Name,
    /// The addresses it got.
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug, Default)]
struct Table {
    devices: HashMap<Arc<str>, Device>,
    /// Addresses of all devices.
    total: usize,
    /// What was cut, and then handed out for something open: to be let go at once.
    let_go: Vec<Order>,
    /// Who is woken when there is something to be let go.
    worker: Option<Thread>,
}

/// A device with what it was handed.
#[derive(Debug, Default)]
struct Device {
    subject: Option<Arc<str>>,
    sources: Vec<(IpAddr, Tick)>,
    sites: Sites,
    /// Addresses of all sites.
    total: usize,
    cut: HashMap<IpAddr, Cut>,
}

/// An address that is cut, or was tried to be.
#[derive(Debug)]
struct Cut {
    name: Wire,
    at: Tick,
    stage: Stage,
    /// The addresses of the device that it is cut from.
    sources: Vec<IpAddr>,
}

/// How far a cut is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Whoever cuts has not said that it is done.
    Untold,
    /// It is done.
    Told,
    /// It is about to be let go.
    LetGo,
}

/// A line that is to be told, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) device: Arc<str>,
    pub(super) subject: Option<Arc<str>>,
    pub(super) line: Line,
}

// === impl Handed ===

impl Handed {
    /// Remembers answers that are on their way. What is cut and was handed out for something open
    /// is let go.
    pub fn take(&self, given: impl IntoIterator<Item = Given>, now: Tick) {
        let mut table = self.lock();
        for one in given {
            table.take(one, now);
        }
        if !table.let_go.is_empty()
            && let Some(worker) = &table.worker
        {
            worker.unpark();
        }
    }

    /// How many addresses are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().total
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who was handed what: the child, the device, an address, a name.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> Vec<String> {
        let table = self.lock();
        let of_device = |(id, device): (&Arc<str>, &Device)| {
            let subject = device.subject.clone().unwrap_or_default();
            let sites = device.sites.iter().flat_map(|(name, site)| {
                let name = Name::from_wire(name).unwrap();
                site.iter().map(move |(address, _)| (*address, name))
            });
            let line = |(address, name)| format!("{subject} {id} {address} {name}");
            sites.map(line).collect::<Vec<_>>()
        };
        table.devices.iter().flat_map(of_device).collect()
    }

    /// Whether an address is remembered.
    #[cfg(test)]
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        let table = self.lock();
        let sites = table.devices.values().flat_map(|device| device.sites.values());
        sites.flatten().any(|(known, _)| *known == address)
    }

    /// Forgets everything: nobody cuts any more.
    pub fn clear(&self) {
        *self.lock() = Table::default();
    }

    /// Nothing is cut: whoever cuts begins anew, and wakes this thread from now on.
    pub(super) fn begin(&self, worker: Thread) {
        let mut table = self.lock();
        table.worker = Some(worker);
        table.let_go.clear();
        table.devices.values_mut().for_each(|device| device.cut.clear());
    }

    /// What must be told so that of every device exactly that is cut which is closed. The table is
    /// free between two devices, so that answers wait for one device at most.
    pub(super) fn plan(
        &self,
        now: Tick,
        is_closed: &dyn Fn(Option<&str>, &Name) -> bool,
        addresses_of: &dyn Fn(&str) -> Vec<IpAddr>,
    ) -> Vec<Order> {
        let devices: Vec<Arc<str>> = self.lock().devices.keys().cloned().collect();
        let mut told = Vec::new();
        for id in devices {
            let known = addresses_of(&id);
            let mut table = self.lock();
            let Some(device) = table.devices.get_mut(&id) else { continue };
            let before = device.total;
            device.expire(now);
            told.extend(device.plan(&id, now, known, is_closed));
            let (expired, is_gone) = (before - device.total, device.is_empty());
            table.total -= expired;
            if is_gone {
                table.devices.remove(&id);
            }
        }
        told
    }

    /// What is to be let go before the next change: but for what was closed again meanwhile.
    pub(super) fn let_go(&self) -> Vec<Order> {
        let mut table = self.lock();
        let mut waiting = std::mem::take(&mut table.let_go);
        waiting.retain(|order| {
            let cut = table.devices.get(&order.device).and_then(|d| d.cut.get(&order.line.address));
            cut.is_some_and(|cut| cut.stage == Stage::LetGo)
        });
        waiting
    }

    /// Remembers what became of telling these lines. What was not heard is told again by the next
    /// plan.
    pub(super) fn settle(&self, orders: Vec<Order>, is_done: bool) {
        let mut table = self.lock();
        for Order { device, line: Line { verb, address, .. }, .. } in orders {
            let Some(device) = table.devices.get_mut(&device) else { continue };
            let Some(cut) = device.cut.get_mut(&address) else { continue };
            match (verb, cut.stage, is_done) {
                (Verb::Close, Stage::Untold, true) => cut.stage = Stage::Told,
                (Verb::Open, Stage::LetGo, true) => drop(device.cut.remove(&address)),
                // Nobody knows any more whether it is cut.
                (Verb::Open, Stage::LetGo, false) => cut.stage = Stage::Untold,
                (Verb::Close, ..) | (Verb::Open, Stage::Untold | Stage::Told, _) => {}
            }
        }
    }

    /// A thread that panicked with the lock leaves whole values behind, at worst a count too high.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Table ===

impl Table {
    fn take(&mut self, given: Given, now: Tick) {
        let Given { device: id, from, subject, name, addresses } = given;
        let addresses: Vec<IpAddr> = addresses.into_iter().filter(|a| is_public(*a)).collect();
        if addresses.is_empty() {
            return;
        }
        let device = self.devices.entry(Arc::clone(&id)).or_default();
        device.subject = subject;
        device.asked_from(from, now);
        let before = device.total;
        device.add(&name, &addresses, now);
        let of_device = device.total;
        // What is cut was closed; that it is handed out says that something there is open.
        for address in addresses {
            self.let_go.extend(device.let_go(&id, address));
        }
        self.total = self.total - before + of_device;
        if self.total > ADDRESSES_MAX {
            self.make_room();
        }
    }

    /// Forgets the oldest addresses.
    fn make_room(&mut self) {
        let ages = self.devices.values().flat_map(Device::ages).collect();
        let Some((oldest, mut count)) = oldest_of(ages, self.total / ROOM_SHARE) else { return };
        for device in self.devices.values_mut() {
            device.forget(oldest, &mut count);
        }
        self.devices.retain(|_, device| !device.is_empty());
        self.total = self.devices.values().map(|device| device.total).sum();
    }
}

/// Up to when addresses are forgotten, so that about `count` go, and how many may at most.
fn oldest_of(mut ages: Vec<Tick>, count: usize) -> Option<(Tick, usize)> {
    let last = count.checked_sub(1).filter(|last| *last < ages.len())?;
    let (_, oldest, _) = ages.select_nth_unstable(last);
    Some((*oldest, count))
}

// === impl Device ===

impl Device {
    fn asked_from(&mut self, from: IpAddr, now: Tick) {
        if let Some((_, at)) = self.sources.iter_mut().find(|(source, _)| *source == from) {
            *at = now;
            return;
        }
        if self.sources.len() >= SOURCES_MAX {
            let oldest = (0..self.sources.len()).min_by_key(|&place| self.sources[place].1);
            oldest.map(|place| self.sources.swap_remove(place));
        }
        self.sources.push((from, now));
    }

    fn add(&mut self, name: &Name, addresses: &[IpAddr], now: Tick) {
        if !self.sites.contains_key(name.wire()) {
            self.sites.insert(name.wire().into(), Vec::new());
        }
        let Some(site) = self.sites.get_mut(name.wire()) else { return };
        for &address in addresses {
            if let Some((_, at)) = site.iter_mut().find(|(known, _)| *known == address) {
                *at = now;
            } else {
                site.push((address, now));
                self.total += 1;
            }
        }
        if self.total > DEVICE_ADDRESSES_MAX {
            let ages = self.ages().collect();
            if let Some((oldest, mut count)) = oldest_of(ages, self.total / ROOM_SHARE) {
                self.forget(oldest, &mut count);
            }
        }
    }

    fn ages(&self) -> impl Iterator<Item = Tick> {
        self.sites.values().flatten().map(|(_, at)| *at)
    }

    /// Forgets addresses as old as this, and at most so many.
    fn forget(&mut self, oldest: Tick, count: &mut usize) {
        let mut forgotten = 0;
        self.sites.retain(|_, site| {
            site.retain(|(_, at)| {
                let goes = *at <= oldest && forgotten < *count;
                forgotten += usize::from(goes);
                !goes
            });
            !site.is_empty()
        });
        *count -= forgotten;
        self.total -= forgotten;
    }

    fn expire(&mut self, now: Tick) {
        if let Some(oldest) = now.0.checked_sub(KEPT_MILLIS) {
            let mut all = usize::MAX;
            self.forget(Tick(oldest), &mut all);
        }
    }

    fn is_empty(&self) -> bool {
        self.sites.is_empty() && self.cut.is_empty()
    }

    /// The lines that let an address go; none when it is not cut, or they wait already.
    fn let_go(&mut self, id: &Arc<str>, address: IpAddr) -> Vec<Order> {
        let Some(cut) = self.cut.get_mut(&address).filter(|cut| cut.stage != Stage::LetGo) else {
            return Vec::new();
        };
        cut.stage = Stage::LetGo;
        lines(id, self.subject.as_ref(), Verb::Open, address, cut)
    }

    /// The lines that cut an address; none where that was told.
    fn close(
        &mut self,
        id: &Arc<str>,
        address: IpAddr,
        name: Wire,
        now: Tick,
        sources: &[IpAddr],
    ) -> Vec<Order> {
        let has_room = self.cut.len() < DEVICE_ADDRESSES_MAX;
        let cut = match self.cut.entry(address) {
            Entry::Occupied(cut) => cut.into_mut(),
            Entry::Vacant(place) if has_room => {
                let sources = sources_of(sources, address);
                place.insert(Cut { name, at: now, stage: Stage::Untold, sources })
            }
            Entry::Vacant(_) => return Vec::new(),
        };
        if cut.stage == Stage::Told {
            return Vec::new();
        }
        cut.stage = Stage::Untold;
        cut.at = now;
        lines(id, self.subject.as_ref(), Verb::Close, address, cut)
    }

    /// What must be told of this device. `known` are its addresses as the network knows them.
    fn plan(
        &mut self,
        id: &Arc<str>,
        now: Tick,
        known: Vec<IpAddr>,
        is_closed: &dyn Fn(Option<&str>, &Name) -> bool,
    ) -> Vec<Order> {
        let subject = self.subject.clone();
        let is_over = |cut: &Cut| now.millis_since(cut.at) >= KEPT_MILLIS;
        let cut = self.cut.iter().map(|(address, cut)| (*address, &cut.name, is_over(cut)));
        let plan = Plan::of(&self.sites, cut, |name| is_closed(subject.as_deref(), name));
        let mut told = Vec::new();
        for address in plan.open {
            told.extend(self.let_go(id, address));
        }
        let mut sources = known;
        sources.extend(self.sources.iter().map(|(source, _)| source));
        sources.sort_unstable();
        sources.dedup();
        for (address, name) in plan.closed {
            told.extend(self.close(id, address, name, now, &sources));
        }
        told
    }
}

fn lines(
    id: &Arc<str>,
    subject: Option<&Arc<str>>,
    verb: Verb,
    address: IpAddr,
    cut: &Cut,
) -> Vec<Order> {
    let told = |&device: &IpAddr| Order {
        device: Arc::clone(id),
        subject: subject.cloned(),
        line: Line { verb, device, address, name: Arc::clone(&cut.name) },
    };
    cut.sources.iter().map(told).collect()
}

/// The addresses of a device that reach this one: those of its family. Where none is known, the
/// ones that are: whoever is told may know more.
fn sources_of(sources: &[IpAddr], address: IpAddr) -> Vec<IpAddr> {
    let same = sources.iter().filter(|source| source.is_ipv4() == address.is_ipv4());
    let same: Vec<IpAddr> = same.copied().collect();
    if same.is_empty() { sources.to_vec() } else { same }
}
