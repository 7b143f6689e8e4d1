//! The kernel's neighbour table: which hardware address stands behind an IP address.
//!
//! Kept in memory for both families and fresh by the kernel's own events, so that a device whose
//! IPv6 address rotates stays the same device. Looking up an address that is known takes no lock
//! and no system call; for one that was never seen the kernel is made to look, so that the first
//! question of a device already meets its owner's rules. It does not know whose a device is. Start
//! reading at [`Neighbours::find`] and [`Neighbours::settle`].
//!
//! An address keeps its last hardware address after the kernel forgot it (a phone that slept goes
//! on with its old routes and neighbours, and is not announced again before its first question),
//! until another device is seen behind that address.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::address::Mac;
use super::budget::Budget;
use super::kernel::{self, Change, Events, Missed};
use crate::clock::{Clock, Tick};

/// How many addresses are remembered. A home has a few hundred at most, a school some thousand
/// (each device has about five of IPv6); an entry takes about 300 octets.
const NEIGHBOURS_MAX: usize = 8192;
/// How often a second the kernel is asked for addresses that were never seen, at most. Reading the
/// table takes below a millisecond, so a flood of unknown addresses costs a core 2 % at worst.
const LOOKUPS_PER_SECOND: u64 = 20;
/// How many of those look-ups may come at once: a household that comes home.
const LOOKUPS_BURST: u64 = 40;
/// How long whoever may not read the table now waits before trying again: until one more reading is
/// left.
const LOOKUP_PAUSE: Duration = Duration::from_millis(1000 / LOOKUPS_PER_SECOND);
/// How many addresses that were never seen are looked for in a second, at most: each costs a core some
/// fifty microseconds. Beyond that questions from such addresses are not answered, for nobody knows
/// whose rules hold; whoever makes up addresses gains nothing.
const SEARCHES_PER_SECOND: u64 = 500;
/// How many addresses without a hardware address (behind another router, or our own) are
/// remembered as such, so that they are asked for once.
const MISSES_MAX: usize = 1024;
/// How often the table is read where there are no events.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// How long a question waits for the kernel to find the device it came from. A device that has just
/// asked is awake and answers within milliseconds; one that does not answer is nobody's here.
const SETTLE_TIME_MAX: Duration = Duration::from_millis(250);
/// The pause after each new edition of the table, so that a flood of events (somebody scans the
/// network) makes few editions.
const EDITION_PAUSE: Duration = Duration::from_millis(5);
/// IPv4 neighbours as text, where netlink is not to be had.
const PROC_NET_ARP: &str = "/proc/net/arp";

/// What is known of the neighbours. Dropping it ends the thread behind it.
#[derive(Debug, Default)]
pub struct Neighbours {
    shared: Arc<Shared>,
    watch: Option<Watch>,
}

/// A device on the household's own network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its hardware address.
    pub mac: Mac,
    /// The same as text, shared by everybody who asks.
    pub text: Arc<str>,
}

/// A device among the neighbours, with all its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its hardware address.
    pub mac: Mac,
    /// Its addresses, in order; those that the kernel has forgotten since are left out.
    pub addresses: Vec<IpAddr>,
    /// When it last answered the kernel; none: not since we look.
    pub awake: Option<Tick>,
}

/// The thread that follows the kernel.
#[derive(Debug)]
struct Watch {
    thread: JoinHandle<()>,
    events: Option<Arc<Events>>,
}

/// What the look-ups and the thread have in common.
#[derive(Debug, Default)]
struct Shared {
    /// What look-ups read: the current edition of `known`.
    edition: ArcSwap<HashMap<IpAddr, Neighbour>>,
    known: Mutex<Known>,
    source: Source,
    misses: Misses,
    budget: Budget<LOOKUPS_PER_SECOND, LOOKUPS_BURST>,
    searches: Budget<SEARCHES_PER_SECOND, SEARCHES_PER_SECOND>,
    /// How many editions there were.
    editions: AtomicU64,
    /// How often reading the table has begun, and the last reading that is done.
    readings: AtomicU64,
    read: AtomicU64,
    /// There is a new edition.
    changed: Notify,
    is_over: AtomicBool,
}

/// Where the table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Source {
    /// It is what it is.
    #[default]
    Fixed,
    Netlink,
    ProcNetArp,
}

/// What became of asking the kernel for an address.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Found(Neighbour),
    /// It knows none.
    InVain,
    /// There is nothing to find, or no look-up left: the next question may find it.
    Unasked,
}

/// Everything that was heard, by interface and address.
#[derive(Debug, Default)]
struct Known(HashMap<(u32, IpAddr), Heard>);

#[derive(Debug)]
struct Heard {
    neighbour: Neighbour,
    /// Whether the kernel still says so.
    is_current: bool,
    /// When it last answered the kernel.
    awake: Option<Tick>,
}

/// Addresses that were looked up and not found: a slot each, so that it is bounded and takes no
/// lock. A newer address may push an older one out; that costs one look-up more.
#[derive(Debug)]
struct Misses {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

// === impl Neighbours ===

impl Neighbours {
    /// Reads the kernel's table and follows it from now on. Without netlink, IPv4 devices are
    /// known by `/proc/net/arp`, a little later: then a sentence says so.
    #[must_use]
    pub fn start() -> (Self, Option<String>) {
        // Events first, then the table: nothing falls between.
        let opened = Events::open().and_then(|events| Ok((events, kernel::dump()?)));
        let (source, events, table, failure) = match opened {
            Ok((events, table)) => (Source::Netlink, Some(Arc::new(events)), Ok(table), None),
            Err(error) => (Source::ProcNetArp, None, read(Source::ProcNetArp), Some(error)),
        };
        let mut notice = failure.map(|error| match &table {
            Ok(_) => format!(
                "the kernel does not tell its neighbours over netlink ({error}): devices named by hardware address are recognised over IPv4 only, within {} seconds",
                POLL_EVERY.as_secs()
            ),
            Err(_) => format!(
                "neither netlink ({error}) nor {PROC_NET_ARP} tells the hardware addresses of devices: those named by one count as unknown; name them by address instead"
            ),
        });
        let shared = Arc::new(Shared { source, ..Shared::default() });
        shared.replace(table.unwrap_or_default());
        let watch = Watch::spawn(&shared, events)
            .map_err(|error| {
                notice.get_or_insert(format!(
                    "the thread that follows the kernel's neighbours did not start ({error}): devices that change their address are recognised late"
                ));
            })
            .ok();
        (Neighbours { shared, watch }, notice)
    }

    /// A table that never changes.
    #[must_use]
    pub fn fixed(entries: impl IntoIterator<Item = (IpAddr, Mac)>) -> Self {
        let neighbours = Neighbours::default();
        let change = |(address, mac): (IpAddr, Mac)| Change {
            link: 0,
            address: address.to_canonical(),
            mac: Some(mac),
            is_awake: true,
        };
        neighbours.shared.replace(entries.into_iter().map(change).collect());
        neighbours
    }

    /// The hardware address behind an IP address.
    #[must_use]
    pub fn mac_of(&self, address: IpAddr) -> Option<Mac> {
        self.find(address).map(|neighbour| neighbour.mac)
    }

    /// The device behind an IP address. Takes no lock when it is known, or known to have none; an
    /// address never seen is asked of the kernel, twenty times a second at most.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<Neighbour> {
        let address = address.to_canonical();
        if let Some(known) = self.shared.current(address) {
            return Some(known);
        }
        match self.shared.ask(address, Clock::System.tick()) {
            Asked::Found(neighbour) => Some(neighbour),
            Asked::InVain | Asked::Unasked => None,
        }
    }

    /// All addresses behind which a device stands, its hardware address written as in
    /// [`Neighbour::text`]. Walks the whole table: nothing for the way of a query.
    #[must_use]
    pub fn addresses_of(&self, device: &str) -> Vec<IpAddr> {
        let edition = self.shared.edition.load();
        let of_device = edition.iter().filter(|(_, neighbour)| &*neighbour.text == device);
        of_device.map(|(&address, _)| address).collect()
    }

    /// Every device among the neighbours. Walks the whole table: nothing for the way of a query.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen: BTreeMap<Mac, Seen> = BTreeMap::new();
        for (&(_, address), heard) in &self.shared.lock().0 {
            let mac = heard.neighbour.mac;
            let new = || Seen { mac, addresses: Vec::new(), awake: None };
            let device = seen.entry(mac).or_insert_with(new);
            device.awake = device.awake.max(heard.awake);
            if heard.is_current {
                device.addresses.push(address);
            }
        }
        let mut seen: Vec<Seen> = seen.into_values().collect();
        for device in &mut seen {
            device.addresses.sort_unstable();
            device.addresses.dedup();
        }
        seen.retain(|device| !device.addresses.is_empty());
        seen
    }

    /// Waits until the table has changed. Changes between two calls may be missed.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// A number that is another one whenever the table has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.editions.load(Ordering::Acquire)
    }

    /// Whether a question from this address should wait for [`Neighbours::settle`]: nothing is
    /// known of it, not even that no device of ours has it. Takes no lock.
    #[must_use]
    pub fn is_new(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.shared.may_be_known(address) && self.shared.current(address).is_none()
    }

    /// Finds out which device has an address, as far as that can be, within a quarter of a second.
    /// False where too many addresses are new at once: then nobody can say whose rules hold.
    ///
    /// A device that knows our hardware address already does not make itself known again before
    /// it asks from one more address of its own (RFC 4861 §7.2.2): the kernel learns that one
    /// when it answers, too late for the first question. So it is made to look before.
    pub async fn settle(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let shared = &self.shared;
        let is_open = || shared.may_be_known(address) && shared.current(address).is_none();
        if is_open() {
            // A table that cannot be read is told louder elsewhere.
            let _late = tokio::time::timeout(SETTLE_TIME_MAX, shared.read_anew(address)).await;
        }
        if !is_open() {
            return true;
        }
        if !shared.searches.take(Clock::System.tick()) {
            return false;
        }
        let is_heard = kernel::look_for(address)
            && (tokio::time::timeout(SETTLE_TIME_MAX, shared.heard_of(address)).await.is_ok()
                // Where there are no events, the table tells.
                || shared.refresh().is_ok_and(|()| shared.current(address).is_some()));
        if !is_heard {
            shared.misses.insert(address);
        }
        true
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            self.shared.is_over.store(true, Ordering::Release);
            watch.end();
        }
    }
}

// === impl Watch ===

impl Watch {
    fn spawn(shared: &Arc<Shared>, events: Option<Arc<Events>>) -> io::Result<Self> {
        let (theirs, their_events) = (Arc::clone(shared), events.clone());
        let thread = std::thread::Builder::new()
            .name("neighbours".to_owned())
            .spawn(move || follow(&theirs, their_events.as_deref()))?;
        Ok(Watch { thread, events })
    }

    /// Wakes the thread, so that it sees that it is over, and waits for it.
    fn end(self) {
        self.thread.thread().unpark();
        let woken = self.events.is_none_or(|events| events.wake().is_ok());
        // Without that it ends by itself when its time-out comes: nobody should wait so long.
        if woken && self.thread.join().is_err() {
            tracing::error!("the thread that follows the kernel's neighbours had panicked");
        }
    }
}

/// The thread's work: apply what happens, and read the whole table where something was missed.
fn follow(shared: &Shared, events: Option<&Events>) {
    while !shared.is_over.load(Ordering::Acquire) {
        match events.map_or_else(|| Err(Missed::All(None)), Events::wait) {
            Ok(changes) => {
                if shared.apply(changes) {
                    std::thread::park_timeout(EDITION_PAUSE);
                }
                continue;
            }
            Err(Missed::Some) => {}
            Err(Missed::All(error)) => {
                if let Some(error) = error {
                    tracing::warn!(%error, "changes of the kernel's neighbours cannot be followed");
                }
                std::thread::park_timeout(POLL_EVERY);
            }
        }
        if let Err(error) = shared.refresh() {
            tracing::warn!(%error, "the kernel's neighbours cannot be read: those known stay");
        }
    }
}

// === impl Shared ===

impl Shared {
    fn current(&self, address: IpAddr) -> Option<Neighbour> {
        self.edition.load().get(&address).cloned()
    }

    /// Asks the kernel for an address that nobody knows.
    fn ask(&self, address: IpAddr, now: Tick) -> Asked {
        if !self.may_be_known(address) || !self.budget.take(now) {
            return Asked::Unasked;
        }
        if let Err(error) = self.refresh() {
            // The thread says it louder, and less often.
            tracing::debug!(%error, "the kernel's neighbours cannot be read");
            return Asked::Unasked;
        }
        self.current(address).map_or(Asked::InVain, Asked::Found)
    }

    /// Waits until the table was read after now, by whoever does: many who are new at once need one
    /// reading together.
    async fn read_anew(&self, address: IpAddr) {
        let before = self.readings.load(Ordering::Acquire);
        while self.read.load(Ordering::Acquire) <= before {
            if self.ask(address, Clock::System.tick()) != Asked::Unasked {
                return;
            }
            tokio::time::sleep(LOOKUP_PAUSE).await;
        }
    }

    /// Whether the kernel may know a device behind an address that is not in the table.
    fn may_be_known(&self, address: IpAddr) -> bool {
        let is_device =
            !(address.is_loopback() || address.is_unspecified() || address.is_multicast());
        self.source != Source::Fixed && is_device && !self.misses.contains(address)
    }

    /// Waits until an edition has this address.
    async fn heard_of(&self, address: IpAddr) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no edition is missed.
            changed.as_mut().enable();
            if self.current(address).is_some() {
                return;
            }
            changed.await;
        }
    }

    /// Reads the whole table anew. When it cannot be read, what is known stays.
    fn refresh(&self) -> io::Result<()> {
        // Held while reading: what the thread applies afterwards is never older than the table.
        let known = self.lock();
        let reading = self.readings.fetch_add(1, Ordering::AcqRel) + 1;
        self.replace_in(known, read(self.source)?);
        self.read.fetch_max(reading, Ordering::AcqRel);
        Ok(())
    }

    fn replace(&self, table: Vec<Change>) {
        self.replace_in(self.lock(), table);
    }

    fn replace_in(&self, mut known: MutexGuard<'_, Known>, table: Vec<Change>) {
        known.0.values_mut().for_each(|heard| heard.is_current = false);
        for change in table {
            known.apply(change);
        }
        self.publish(&known);
    }

    fn publish(&self, known: &Known) {
        self.edition.store(Arc::new(known.edition()));
        self.editions.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Applies changes; says whether look-ups see any of them.
    fn apply(&self, changes: Vec<Change>) -> bool {
        let mut known = self.lock();
        // No short cut: every change counts, the first that is new does not end it.
        let is_new = changes.into_iter().fold(false, |is_new, change| known.apply(change) | is_new);
        if is_new {
            self.publish(&known);
        }
        is_new
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing in the table is ever half done: a panic elsewhere leaves it as good as before.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(source: Source) -> io::Result<Vec<Change>> {
    match source {
        Source::Fixed => Ok(Vec::new()),
        Source::Netlink => kernel::dump(),
        Source::ProcNetArp => {
            std::fs::read_to_string(PROC_NET_ARP).map(|text| kernel::read_proc_arp(&text))
        }
    }
}

// === impl Known ===

impl Known {
    /// Applies a change; says whether it made a difference.
    fn apply(&mut self, change: Change) -> bool {
        let key = (change.link, change.address);
        let mut heard = self.0.get_mut(&key);
        let awake = change.is_awake.then(|| Clock::System.tick());
        if let Some(heard) = &mut heard {
            heard.awake = awake.or(heard.awake);
        }
        match (change.mac, heard) {
            (Some(mac), Some(heard)) if heard.neighbour.mac == mac => {
                !std::mem::replace(&mut heard.is_current, true)
            }
            (Some(mac), _) => self.insert(key, mac, awake),
            (None, Some(heard)) => std::mem::replace(&mut heard.is_current, false),
            (None, None) => false,
        }
    }

    fn insert(&mut self, key: (u32, IpAddr), mac: Mac, awake: Option<Tick>) -> bool {
        if self.0.len() >= NEIGHBOURS_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, heard| heard.is_current);
        }
        let has_room = self.0.len() < NEIGHBOURS_MAX || self.0.contains_key(&key);
        if has_room {
            let neighbour = Neighbour { mac, text: mac.to_string().into() };
            self.0.insert(key, Heard { neighbour, is_current: true, awake });
        }
        has_room
    }

    /// The table by address. What is current speaks before what is remembered; where two devices
    /// on two interfaces have the same address, neither is believed.
    fn edition(&self) -> HashMap<IpAddr, Neighbour> {
        let mut best: HashMap<IpAddr, (&Heard, bool)> = HashMap::with_capacity(self.0.len());
        for (&(_, address), heard) in &self.0 {
            let (kept, is_clear) = best.entry(address).or_insert((heard, true));
            if heard.is_current && !kept.is_current {
                (*kept, *is_clear) = (heard, true);
            } else if heard.is_current == kept.is_current {
                *is_clear &= heard.neighbour.mac == kept.neighbour.mac;
            }
        }
        best.into_iter()
            .filter(|(_, (_, is_clear))| *is_clear)
            .map(|(address, (heard, _))| (address, heard.neighbour.clone()))
            .collect()
    }
}

// === impl Misses ===

impl Misses {
    fn contains(&self, address: IpAddr) -> bool {
        let (slot, mark) = self.place(address);
        slot.is_some_and(|slot| slot.load(Ordering::Relaxed) == mark)
    }

    fn insert(&self, address: IpAddr) {
        let (slot, mark) = self.place(address);
        if let Some(slot) = slot {
            slot.store(mark, Ordering::Relaxed);
        }
    }

    /// The slot of an address and its mark there, which is never that of an empty slot.
    fn place(&self, address: IpAddr) -> (Option<&AtomicU64>, u64) {
        let hash = self.hasher.hash_one(address);
        let place = usize::try_from(hash >> 32).unwrap_or(0) % MISSES_MAX;
        (self.slots.get(place), hash | 1)
    }
}

impl Default for Misses {
    fn default() -> Self {
        let slots = std::iter::repeat_with(AtomicU64::default).take(MISSES_MAX).collect();
        Misses { slots, hasher: RandomState::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLET: Mac = Mac([2, 0, 0, 0, 0, 0x0a]);
    const PHONE: Mac = Mac([2, 0, 0, 0, 0, 0x0b]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn heard(link: u32, address: &str, mac: Option<Mac>) -> Change {
        Change { link, address: ip(address), mac, is_awake: false }
    }

    /// What is known of an address after these changes, one after the other.
    fn after(address: &str, changes: &[Change]) -> Option<Mac> {
        let shared = Shared::default();
        for change in changes {
            shared.apply(vec![*change]);
        }
        shared.current(ip(address)).map(|neighbour| neighbour.mac)
    }

    #[test]
    fn what_was_heard_last_holds() {
        let tablet = heard(1, "192.168.1.2", Some(TABLET));
        let phone = heard(1, "192.168.1.2", Some(PHONE));
        let gone = heard(1, "192.168.1.2", None);
        for (changes, expected) in [
            (&[][..], None),
            (&[gone], None),
            (&[tablet], Some(TABLET)),
            (&[tablet, phone], Some(PHONE)),
            // A device that sleeps is remembered until another one is behind its address.
            (&[tablet, gone], Some(TABLET)),
            (&[tablet, gone, phone], Some(PHONE)),
            (&[tablet, phone, gone], Some(PHONE)),
        ] {
            assert_eq!(after("192.168.1.2", changes), expected, "{changes:?}");
        }
    }

    #[test]
    fn one_address_on_two_interfaces_is_believed_where_it_is_clear() {
        let (here, there) = (heard(1, "fe80::1", Some(TABLET)), heard(2, "fe80::1", Some(PHONE)));
        let same = heard(2, "fe80::1", Some(TABLET));
        assert_eq!(after("fe80::1", &[here, same]), Some(TABLET));
        assert_eq!(after("fe80::1", &[here, there]), None);
        assert_eq!(after("fe80::1", &[here, there, heard(1, "fe80::1", None)]), Some(PHONE));
    }

    #[test]
    fn a_whole_table_takes_the_place_of_what_was_heard() {
        let shared = Shared::default();
        let known = |address: &str| shared.current(ip(address)).map(|neighbour| neighbour.mac);
        shared.apply(vec![
            heard(1, "192.168.1.2", Some(TABLET)),
            heard(1, "192.168.1.3", Some(PHONE)),
        ]);
        shared.replace(vec![heard(2, "192.168.1.2", Some(PHONE))]);
        assert_eq!(known("192.168.1.2"), Some(PHONE));
        assert_eq!(known("192.168.1.3"), Some(PHONE));
    }

    #[test]
    fn only_what_look_ups_see_makes_a_new_edition() {
        let shared = Shared::default();
        assert!(shared.apply(vec![heard(1, "fd00::2", Some(TABLET)), heard(1, "fd00::3", None)]));
        assert!(!shared.apply(vec![heard(1, "fd00::2", Some(TABLET))]));
        assert!(!shared.apply(Vec::new()));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut known = Known::default();
        let address = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        let change = |n, mac| Change { link: 1, address: address(n), mac, is_awake: false };
        for n in 0..NEIGHBOURS_MAX {
            assert!(known.apply(change(n, Some(TABLET))));
        }
        assert!(!known.apply(change(NEIGHBOURS_MAX, Some(TABLET))));
        // What the kernel forgot makes room.
        known.apply(change(7, None));
        assert!(known.apply(change(NEIGHBOURS_MAX, Some(TABLET))));
        assert_eq!(known.0.len(), NEIGHBOURS_MAX);
    }

    #[test]
    fn an_address_without_a_device_is_asked_for_once() {
        let misses = Misses::default();
        assert!(!misses.contains(ip("10.9.8.7")));
        misses.insert(ip("10.9.8.7"));
        assert!(misses.contains(ip("10.9.8.7")));
        assert!(!misses.contains(ip("10.9.8.8")));
    }

    #[test]
    fn a_fixed_table_knows_what_it_was_given() {
        let neighbours = Neighbours::fixed([(ip("192.168.1.2"), TABLET), (ip("fe80::2"), TABLET)]);
        assert_eq!(neighbours.mac_of(ip("192.168.1.2")), Some(TABLET));
        assert_eq!(neighbours.mac_of(ip("::ffff:192.168.1.2")), Some(TABLET));
        assert_eq!(neighbours.mac_of(ip("fe80::2")), Some(TABLET));
        assert_eq!(neighbours.mac_of(ip("192.168.1.3")), None);
        let [seen] = &neighbours.seen()[..] else { panic!("one device") };
        assert_eq!(
            (seen.mac, &seen.addresses[..]),
            (TABLET, &[ip("192.168.1.2"), ip("fe80::2")][..])
        );
        assert!(seen.awake.is_some());
        let mut addresses = neighbours.addresses_of(&TABLET.to_string());
        addresses.sort();
        assert_eq!(addresses, [ip("192.168.1.2"), ip("fe80::2")]);
        assert_eq!(neighbours.addresses_of("192.168.1.2"), Vec::<IpAddr>::new());
    }

    #[test]
    fn starting_and_ending_works_with_and_without_netlink() {
        let (neighbours, notice) = Neighbours::start();
        assert_eq!(notice.is_none(), neighbours.shared.source == Source::Netlink);
        assert_eq!(neighbours.mac_of(ip("127.0.0.1")), None);
        let shared = Arc::downgrade(&neighbours.shared);
        drop(neighbours);
        assert_eq!(shared.strong_count(), 0, "the thread has ended");
    }

    /// `unshare -n target/debug/deps/amparo-… clients::neighbours -- --ignored`
    #[test]
    #[ignore = "needs a network namespace of its own, and root: it adds neighbours"]
    fn the_kernel_is_followed() {
        let ip_tool = |arguments: &str| {
            let status =
                std::process::Command::new("ip").args(arguments.split(' ')).status().unwrap();
            assert!(status.success(), "ip {arguments}");
        };
        ip_tool("link add v0 type veth peer name v1");
        ip_tool("link set v0 up");
        ip_tool("neigh add 192.168.1.2 lladdr 02:00:00:00:00:0a dev v0");
        let (neighbours, notice) = Neighbours::start();
        assert_eq!(notice, None);
        let eventually = |address: &str, expected: Mac| {
            while neighbours.mac_of(ip(address)) != Some(expected) {
                std::thread::yield_now();
            }
        };
        assert_eq!(neighbours.mac_of(ip("192.168.1.2")), Some(TABLET));
        // Never seen: the first look-up finds it, whether the event has come or not.
        ip_tool("neigh add fd00::2 lladdr 02:00:00:00:00:0a dev v0");
        assert_eq!(neighbours.mac_of(ip("fd00::2")), Some(TABLET));
        assert_eq!(neighbours.mac_of(ip("fd00::3")), None);
        // Looked up in vain before: the event makes it known.
        ip_tool("neigh add fd00::3 lladdr 02:00:00:00:00:0a dev v0");
        eventually("fd00::3", TABLET);
        ip_tool("neigh replace 192.168.1.2 lladdr 02:00:00:00:00:0b dev v0");
        eventually("192.168.1.2", PHONE);
    }
}
