//! What devices are called.
//!
//! Three sources tell, each weaker than the one before: the leases of the DHCP server, what the
//! device answers when it is asked (mDNS), and what the router says of its address. All of them
//! repeat what the device says of itself, so a name is a help to the reader and no proof.
//!
//! Looking up takes no lock. Start reading at [`Hosts::of`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::address::Mac;
use super::leases::Lease;
use crate::name::{Keyed, LABEL_OCTETS_MAX};

/// How many names are kept of each source that devices are asked through, by hardware address and
/// by address. A phone that makes up a new address every day fills it in years.
const HEARD_MAX: usize = 4096;

/// What devices call themselves.
#[derive(Debug, Default)]
pub struct Hosts {
    /// What look-ups read.
    names: ArcSwap<Names>,
    /// Held by whoever makes the next names out of these.
    change: Mutex<Count>,
    version: AtomicU64,
}

/// Who told a name, beside leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The device itself, over mDNS.
    Mdns,
    /// The router, when it was asked for the name of an address.
    Router,
}

/// Counts what was heard, so that the oldest goes first.
type Count = u64;

/// The names of all sources, the strongest first.
#[derive(Debug, Clone, Default)]
struct Names([Arc<Layer>; 3]);

/// The names of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Layer {
    by_mac: HashMap<Mac, Entry, Keyed>,
    by_address: HashMap<IpAddr, Entry, Keyed>,
}

#[derive(Debug, Clone)]
struct Entry {
    host: Arc<str>,
    /// Whose address it is. None: it is not known, or it may be another one of the same device
    /// (beside an IPv6 address, a lease has a hardware address that is only hinted at).
    mac: Option<Mac>,
    /// When it was heard; of leases, how long they last.
    at: Count,
}

/// The places of the sources in [`Names`].
const LEASES: usize = 0;
const MDNS: usize = 1;
const ROUTER: usize = 2;

/// A device's name as it is kept and compared: the first label in lower case.
///
/// None when there is none (`*`), when it has other characters than letters, digits, `-` and `_`,
/// or is longer than a label (63), and for `localhost` and addresses, which name no device.
#[must_use]
pub fn label(text: &str) -> Option<String> {
    let text = text.trim();
    let first = text.split('.').next().unwrap_or_default();
    let is_label = first.len() <= LABEL_OCTETS_MAX
        && first.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
        && first.bytes().any(|it| it.is_ascii_alphanumeric());
    if !is_label || text.parse::<IpAddr>().is_ok() {
        return None;
    }
    let label = first.to_ascii_lowercase();
    (label != "localhost").then_some(label)
}

// === impl Hosts ===

impl Hosts {
    /// What the device behind an address is called, by its hardware address where that is known:
    /// as in its lease, else as it was heard over mDNS, else as the router says. A name that
    /// belongs to this address and another hardware address is not this device's.
    #[must_use]
    pub fn of(&self, address: IpAddr, mac: Option<Mac>) -> Option<Arc<str>> {
        let address = address.to_canonical();
        let names = self.names.load();
        names.0.iter().find_map(|layer| layer.of(address, mac)).cloned()
    }

    /// A number that is another one whenever a name has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes these leases in the place of those before; true when that changed a name. Where a
    /// device has several, the one that lasts longest tells its name. A lease that ended before
    /// `now` still names its device, but no address: that may be somebody else's.
    pub fn set_leases(&self, leases: &[Lease], now: Timestamp) -> bool {
        let mut layer = Layer::default();
        for lease in leases {
            let Some(host) = &lease.host else { continue };
            let host: Arc<str> = host.as_str().into();
            // One that never ends is as new as one can be; of two alike, the later one holds.
            let lasts =
                lease.until.map_or(u64::MAX, |end| u64::try_from(end.as_second()).unwrap_or(0));
            let of_address = lease.mac.filter(|_| lease.address.is_some_and(|it| it.is_ipv4()));
            if let Some(mac) = lease.mac {
                let entry = Entry { host: Arc::clone(&host), mac: Some(mac), at: lasts };
                keep_newest(&mut layer.by_mac, mac, entry);
            }
            if let Some(address) = lease.address
                && lease.until.is_none_or(|end| end > now)
            {
                let entry = Entry { host, mac: of_address, at: lasts };
                keep_newest(&mut layer.by_address, address.to_canonical(), entry);
            }
        }
        let _clock = self.lock();
        if *self.names.load().0[LEASES] == layer {
            return false;
        }
        self.put(LEASES, layer);
        true
    }

    /// Takes what was heard of the device at an address; true when that changed a name. What is no
    /// name is not taken. When there is no room, what was heard longest ago goes.
    pub fn heard(&self, address: IpAddr, mac: Option<Mac>, host: &str, source: Source) -> bool {
        let Some(host) = label(host) else { return false };
        let address = address.to_canonical();
        let place = match source {
            Source::Mdns => MDNS,
            Source::Router => ROUTER,
        };
        let mut clock = self.lock();
        let before = Arc::clone(&self.names.load().0[place]);
        let is_known = before
            .by_address
            .get(&address)
            .is_some_and(|entry| *entry.host == *host && entry.mac == mac)
            && mac.is_none_or(|mac| before.by_mac.get(&mac).is_some_and(|it| *it.host == *host));
        if is_known {
            return false;
        }
        *clock += 1;
        let entry = Entry { host: host.into(), mac, at: *clock };
        let mut layer = Layer::clone(&before);
        if let Some(mac) = mac {
            make_room(&mut layer.by_mac, &mac);
            layer.by_mac.insert(mac, entry.clone());
        }
        make_room(&mut layer.by_address, &address);
        layer.by_address.insert(address, entry);
        self.put(place, layer);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one source's names in force. The lock is held.
    fn put(&self, place: usize, layer: Layer) {
        let mut names = Names::clone(&self.names.load());
        names.0[place] = Arc::new(layer);
        self.names.store(Arc::new(names));
        self.version.fetch_add(1, Ordering::Release);
    }
}

// === impl Layer ===

impl Layer {
    fn of(&self, address: IpAddr, mac: Option<Mac>) -> Option<&Arc<str>> {
        let by_mac = mac.and_then(|mac| self.by_mac.get(&mac));
        let by_address = || {
            let entry = self.by_address.get(&address)?;
            let is_anothers = entry.mac.is_some() && mac.is_some() && entry.mac != mac;
            (!is_anothers).then_some(entry)
        };
        by_mac.or_else(by_address).map(|entry| &entry.host)
    }
}

// === impl Entry ===

/// Two entries are the same when they say the same, whenever it was said.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host && self.mac == other.mac
    }
}

impl Eq for Entry {}

// === helpers ===

fn keep_newest<K: Eq + std::hash::Hash>(map: &mut HashMap<K, Entry, Keyed>, key: K, entry: Entry) {
    if map.get(&key).is_none_or(|kept| kept.at <= entry.at) {
        map.insert(key, entry);
    }
}

/// Has the oldest leave where a key would be one too many.
fn make_room<K: Copy + Eq + std::hash::Hash>(map: &mut HashMap<K, Entry, Keyed>, key: &K) {
    if map.len() < HEARD_MAX || map.contains_key(key) {
        return;
    }
    let oldest = map.iter().min_by_key(|(_, entry)| entry.at).map(|(&key, _)| key);
    if let Some(oldest) = oldest {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PHONE: Mac = Mac([0x3c, 0x22, 0xfb, 0, 0, 1]);
    const TABLET: Mac = Mac([0x3c, 0x22, 0xfb, 0, 0, 2]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lease(address: &str, mac: Option<Mac>, host: &str, until: i64) -> Lease {
        Lease {
            address: address.parse().ok(),
            mac,
            host: label(host),
            until: (until > 0).then(|| at(until)),
        }
    }

    fn of(hosts: &Hosts, address: &str, mac: Option<Mac>) -> Option<String> {
        hosts.of(ip(address), mac).map(|host| host.to_string())
    }

    #[test]
    fn a_name_is_one_label_in_lower_case() {
        for (text, expected) in [
            ("Mateos-iPhone", Some("mateos-iphone")),
            ("sofia_pc.home.arpa.", Some("sofia_pc")),
            (" tv ", Some("tv")),
            ("*", None),
            ("-", None),
            ("", None),
            (".lan", None),
            ("Mateo's iPhone", None),
            ("niño", None),
            ("\x1b[31mred", None),
            ("localhost", None),
            ("192.168.1.42", None),
            ("fd00::1", None),
            ("4-kids", Some("4-kids")),
        ] {
            assert_eq!(label(text).as_deref(), expected, "{text:?}");
        }
        assert_eq!(label(&"a".repeat(63)).map(|it| it.len()), Some(63));
        assert_eq!(label(&"a".repeat(64)), None);
    }

    #[test]
    fn a_lease_speaks_before_the_device_and_the_device_before_the_router() {
        let hosts = Hosts::default();
        assert!(hosts.heard(ip("192.168.1.2"), Some(PHONE), "by-router", Source::Router));
        assert_eq!(of(&hosts, "192.168.1.2", Some(PHONE)).as_deref(), Some("by-router"));
        assert!(hosts.heard(ip("192.168.1.2"), Some(PHONE), "by-mdns.local", Source::Mdns));
        assert_eq!(of(&hosts, "192.168.1.2", Some(PHONE)).as_deref(), Some("by-mdns"));
        assert!(hosts.set_leases(&[lease("192.168.1.2", Some(PHONE), "by-lease", 100)], at(50)));
        for (address, mac) in [
            ("192.168.1.2", Some(PHONE)),
            ("192.168.1.2", None),
            ("::ffff:192.168.1.2", None),
            // Its other addresses: the device is known by what is behind them.
            ("fe80::1", Some(PHONE)),
        ] {
            assert_eq!(of(&hosts, address, mac).as_deref(), Some("by-lease"), "{address}");
        }
        assert_eq!(of(&hosts, "fe80::1", None), None);
        assert!(hosts.set_leases(&[], at(50)));
        assert_eq!(of(&hosts, "192.168.1.2", None).as_deref(), Some("by-mdns"));
    }

    #[test]
    fn whoever_has_the_address_now_is_not_called_as_who_had_it() {
        let hosts = Hosts::default();
        hosts.set_leases(&[lease("192.168.1.2", Some(PHONE), "mateo-phone", 100)], at(50));
        assert_eq!(of(&hosts, "192.168.1.2", Some(TABLET)), None);
        hosts.heard(ip("192.168.1.3"), Some(PHONE), "mateo-phone", Source::Mdns);
        assert_eq!(of(&hosts, "192.168.1.3", Some(TABLET)), None);
        // A lease of IPv6 has the hardware address of some interface of the device.
        hosts.set_leases(&[lease("fd00::2", Some(PHONE), "laptop", 100)], at(50));
        assert_eq!(of(&hosts, "fd00::2", Some(TABLET)).as_deref(), Some("laptop"));
    }

    #[test]
    fn an_expired_lease_names_its_device_and_no_address() {
        let hosts = Hosts::default();
        hosts.set_leases(&[lease("192.168.1.2", Some(PHONE), "mateo-phone", 100)], at(100));
        assert_eq!(of(&hosts, "192.168.1.2", None), None);
        assert_eq!(of(&hosts, "192.168.1.9", Some(PHONE)).as_deref(), Some("mateo-phone"));
        hosts.set_leases(&[lease("", Some(TABLET), "tablet", 0)], at(100));
        assert_eq!(of(&hosts, "192.168.1.2", Some(TABLET)).as_deref(), Some("tablet"));
    }

    #[test]
    fn the_newest_lease_of_a_device_tells_its_name() {
        for leases in [
            [
                lease("192.168.1.2", Some(PHONE), "new-name", 200),
                lease("192.168.1.2", Some(PHONE), "old-name", 100),
            ],
            [
                lease("192.168.1.2", Some(PHONE), "old-name", 200),
                lease("192.168.1.2", Some(PHONE), "new-name", 0),
            ],
            [
                lease("192.168.1.2", Some(PHONE), "old-name", 200),
                lease("192.168.1.2", Some(PHONE), "new-name", 200),
            ],
            [
                lease("192.168.1.2", Some(PHONE), "new-name", 100),
                lease("192.168.1.2", Some(PHONE), "*", 200),
            ],
        ] {
            let hosts = Hosts::default();
            hosts.set_leases(&leases, at(50));
            assert_eq!(of(&hosts, "192.168.1.2", None).as_deref(), Some("new-name"), "{leases:?}");
            assert_eq!(of(&hosts, "::1", Some(PHONE)).as_deref(), Some("new-name"), "{leases:?}");
        }
    }

    #[test]
    fn only_what_changes_a_name_makes_a_new_version() {
        let hosts = Hosts::default();
        let mut version = hosts.version();
        let mut is_new = |hosts: &Hosts, said: bool| {
            let before = std::mem::replace(&mut version, hosts.version());
            assert_eq!(said, before != version);
            said
        };
        let leases = [lease("192.168.1.2", Some(PHONE), "phone", 100)];
        assert!(is_new(&hosts, hosts.set_leases(&leases, at(50))));
        assert!(!is_new(&hosts, hosts.set_leases(&leases, at(60))));
        // Renewed: it lasts longer, and is called the same.
        let renewed = [lease("192.168.1.2", Some(PHONE), "phone", 200)];
        assert!(!is_new(&hosts, hosts.set_leases(&renewed, at(60))));
        assert!(is_new(&hosts, hosts.set_leases(&renewed, at(200))));
        let heard = |host: &str| hosts.heard(ip("fd00::2"), Some(PHONE), host, Source::Mdns);
        assert!(is_new(&hosts, heard("phone")));
        assert!(!is_new(&hosts, heard("phone")));
        assert!(!is_new(&hosts, heard("Mateo's phone")));
        assert!(is_new(&hosts, heard("phone-2")));
    }

    #[test]
    fn what_was_heard_longest_ago_makes_room() {
        let hosts = Hosts::default();
        let address = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        let mac = |n: usize| {
            let [a, b, c, d] = u32::try_from(n).unwrap().to_be_bytes();
            Mac([2, 0, a, b, c, d])
        };
        let mut layer = Layer::default();
        for n in 0..HEARD_MAX {
            let entry = Entry { host: "x".into(), mac: Some(mac(n)), at: n as u64 };
            layer.by_mac.insert(mac(n), entry.clone());
            layer.by_address.insert(address(n), entry);
        }
        *hosts.lock() = HEARD_MAX as u64;
        hosts.put(MDNS, layer);
        assert!(hosts.heard(address(HEARD_MAX), Some(mac(HEARD_MAX)), "y", Source::Mdns));
        let count = |hosts: &Hosts| {
            let names = hosts.names.load();
            (names.0[MDNS].by_mac.len(), names.0[MDNS].by_address.len())
        };
        assert_eq!(count(&hosts), (HEARD_MAX, HEARD_MAX));
        assert_eq!(hosts.of(address(0), None), None);
        assert!(hosts.of(address(1), None).is_some());
        // One that is known takes nobody's place.
        assert!(hosts.heard(address(1), Some(mac(1)), "z", Source::Mdns));
        assert!(hosts.of(address(2), None).is_some());
        assert_eq!(count(&hosts), (HEARD_MAX, HEARD_MAX));
    }

    proptest! {
        #[test]
        fn a_label_is_its_own_label(text in "\\PC{0,70}") {
            if let Some(host) = label(&text) {
                prop_assert!((1..=63).contains(&host.len()));
                prop_assert_eq!(label(&host), Some(host));
            }
        }
    }
}
