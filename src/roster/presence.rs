//! Who is on the network, beside who asks: devices that went silent, and set-ups in which questions
//! go elsewhere. In memory only, and pure: what was seen comes in, with the time.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::clock::Tick;
use crate::name::Keyed;

/// A neighbour, as the kernel sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its hardware address as text: the device's id.
    pub id: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// When it last answered the kernel; none: not since we look.
    pub active: Option<Tick>,
    /// Whether ways around are noted of it: not of an adult's.
    pub is_watched: bool,
}

/// What is wrong with how the network is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// All questions come from this address, and other devices are there.
    OneAddress(IpAddr),
    /// Nobody asks over IPv6, and so many devices have addresses of it.
    Ipv6Bypass(usize),
    /// Of so many devices that came, so many asked somebody else.
    SecondResolver {
        /// How many came.
        came: usize,
        /// How many of them asked nothing.
        silent: usize,
    },
}

/// What was seen since the start.
#[derive(Debug, Default)]
pub(super) struct Presence {
    since: Option<Tick>,
    /// When each device asked last.
    asked: HashMap<String, Tick, Keyed>,
    /// Questions by the address they came from.
    sources: HashMap<IpAddr, u64, Keyed>,
    queries: u64,
    over_ipv6: u64,
    here: HashMap<String, Here, Keyed>,
    /// Of the last devices that came: whose, and whether it asked.
    arrivals: VecDeque<(String, bool)>,
}

/// A device that is there.
#[derive(Debug)]
struct Here {
    active: Tick,
    /// When it came, where it is not known yet whether it asks.
    came: Option<Tick>,
    /// Minutes in which it was active, since it asked last.
    silent_minutes: u64,
    last_minute: u64,
    is_told: bool,
    has_ipv6: bool,
}

/// A device that did not answer the kernel for so long comes again, in milliseconds.
const AWAY_MILLIS: u64 = 20 * 60_000;
/// Whoever comes asks within this time: connectivity checks are the first thing a device does.
const ARRIVAL_MILLIS: u64 = 2 * 60_000;
/// How many arrivals are remembered, and from how many on, of how many devices, they say something.
const ARRIVALS_MAX: usize = 40;
const ARRIVALS_MIN: usize = 10;
const ARRIVED_MIN: usize = 2;
/// How long a device asks nothing until it counts as silent, and in how many minutes of that time it
/// was active: one that sleeps answers now and then, one that is used does all the time.
const SILENT_MILLIS: u64 = 30 * 60_000;
const SILENT_MINUTES: u64 = 15;
/// From how many questions on, and after how long, the set-up is judged.
const QUERIES_MIN: u64 = 200;
const JUDGED_AFTER_MILLIS: u64 = 10 * 60_000;
/// How many other devices must be there that ask nothing themselves.
const OTHERS_MIN: usize = 2;
/// Bounds of what is counted.
const SOURCES_MAX: usize = 256;
const DEVICES_MAX: usize = super::book::DEVICES_MAX;

impl Here {
    fn new(active: Tick) -> Self {
        Here {
            active,
            came: None,
            silent_minutes: 0,
            last_minute: active.minute(),
            is_told: false,
            has_ipv6: false,
        }
    }
}

impl Presence {
    /// A device asked so often from an address.
    pub(super) fn asked(&mut self, id: &str, from: Option<IpAddr>, queries: u64, now: Tick) {
        self.since.get_or_insert(now);
        if let Some(at) = self.asked.get_mut(id) {
            *at = now;
        } else if self.asked.len() < DEVICES_MAX {
            self.asked.insert(id.to_owned(), now);
        }
        let Some(from) = from.filter(|from| !from.is_loopback()) else { return };
        self.queries = self.queries.saturating_add(queries);
        self.over_ipv6 += if from.is_ipv6() { queries } else { 0 };
        if let Some(count) = self.sources.get_mut(&from) {
            *count = count.saturating_add(queries);
        } else if self.sources.len() < SOURCES_MAX {
            self.sources.insert(from, queries);
        }
    }

    /// Looks at who is there; hands over who went silent just now, with the time of the last
    /// question. `is_regular` says whether a device usually asks much.
    pub(super) fn look(
        &mut self,
        present: &[Present],
        is_regular: impl Fn(&str) -> bool,
        now: Tick,
    ) -> Vec<String> {
        self.since.get_or_insert(now);
        let mut silent = Vec::new();
        for one in present {
            let has_ipv6 = one.addresses.iter().any(is_reachable_ipv6);
            let Some(active) = one.active else { continue };
            let asked = self.asked.get(&one.id).copied();
            if !self.here.contains_key(&one.id) && self.here.len() >= DEVICES_MAX {
                continue;
            }
            let here = self.here.entry(one.id.clone()).or_insert_with(|| Here::new(active));
            here.has_ipv6 = has_ipv6;
            if let Some(came) = here.came {
                let has_asked = asked.is_some_and(|asked| asked.0 + 5_000 >= came.0);
                if has_asked || now.millis_since(came) > ARRIVAL_MILLIS {
                    here.came = None;
                    self.arrivals.push_back((one.id.clone(), has_asked));
                    if self.arrivals.len() > ARRIVALS_MAX {
                        self.arrivals.pop_front();
                    }
                }
            }
            // Whoever is seen for the first time since the start may have been there all along.
            let was_away = active.millis_since(here.active) > AWAY_MILLIS;
            if was_away && asked.is_some() {
                here.came = Some(active);
            }
            let minute = active.minute();
            let asked_since = asked.is_some_and(|asked| asked >= here.active);
            if asked_since {
                (here.silent_minutes, here.is_told) = (0, false);
            } else if here.last_minute != minute {
                here.silent_minutes += 1;
            }
            here.last_minute = minute;
            here.active = active;
            let quiet = asked.map(|asked| now.millis_since(asked));
            if one.is_watched
                && !here.is_told
                && here.silent_minutes >= SILENT_MINUTES
                && quiet.is_some_and(|quiet| quiet >= SILENT_MILLIS)
                && is_regular(&one.id)
            {
                here.is_told = true;
                silent.push(one.id.clone());
            }
        }
        silent
    }

    /// What is wrong with the set-up. `is_forwarder` says whether an address may ask for others.
    pub(super) fn findings(
        &self,
        is_forwarder: impl Fn(IpAddr) -> bool,
        now: Tick,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let is_old = self.since.is_some_and(|since| now.millis_since(since) >= JUDGED_AFTER_MILLIS);
        if is_old && self.queries >= QUERIES_MIN {
            let mut sources = self.sources.keys();
            if let (Some(&only), None) = (sources.next(), sources.next())
                && !is_forwarder(only)
                && self.others() >= OTHERS_MIN
            {
                findings.push(Finding::OneAddress(only));
            }
            let with_ipv6 =
                self.here.iter().filter(|(id, here)| here.has_ipv6 && self.asked.contains_key(*id));
            let with_ipv6 = with_ipv6.count();
            if self.over_ipv6 == 0 && with_ipv6 > 0 {
                findings.push(Finding::Ipv6Bypass(with_ipv6));
            }
        }
        let silent = self.arrivals.iter().filter(|(_, has_asked)| !has_asked);
        let mut whose: Vec<&str> = silent.clone().map(|(id, _)| id.as_str()).collect();
        whose.sort_unstable();
        whose.dedup();
        let (came, silent) = (self.arrivals.len(), silent.count());
        if came >= ARRIVALS_MIN && whose.len() >= ARRIVED_MIN && silent * 2 >= came {
            findings.push(Finding::SecondResolver { came, silent });
        }
        findings
    }

    /// Devices that are there and never asked.
    fn others(&self) -> usize {
        self.here.keys().filter(|id| !self.asked.contains_key(*id)).count()
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.asked.remove(id);
        self.here.remove(id);
        self.arrivals.retain(|(other, _)| other != id);
    }
}

/// Whether a device with this address has IPv6 that leads somewhere: every interface has a link-local
/// one.
fn is_reachable_ipv6(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn present(id: &str, addresses: &[&str], active: u64) -> Present {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Present { id: id.to_owned(), addresses, active: Some(Tick(active)), is_watched: true }
    }

    fn v4(last: u8) -> IpAddr {
        [10, 9, 0, last].into()
    }

    /// At which minute a device is told to be silent that asked at minute 0 and is looked at each
    /// minute; it answers the kernel in each of these minutes, and asks in these.
    fn silent_at(
        active: impl Fn(u64) -> bool,
        asks: impl Fn(u64) -> bool,
        regular: bool,
    ) -> Vec<u64> {
        let mut presence = Presence::default();
        let mut last = 0;
        let mut told = Vec::new();
        for minute in 0..240 {
            let now = Tick(minute * MINUTE);
            if minute == 0 || asks(minute) {
                presence.asked("a", Some(v4(9)), 30, now);
            }
            last = if active(minute) { now.0 + 1 } else { last };
            let silent = presence.look(&[present("a", &[], last)], |_| regular, now);
            if !silent.is_empty() {
                told.push(minute);
            }
        }
        told
    }

    #[test]
    fn a_device_that_is_used_and_asks_nothing_is_told_once() {
        assert_eq!(silent_at(|_| true, |_| false, true).len(), 1);
        let first = silent_at(|_| true, |_| false, true)[0];
        assert!((29..=31).contains(&first), "after half an hour: {first}");
        assert_eq!(silent_at(|_| true, |minute| minute == 100, true).len(), 2);
    }

    #[test]
    fn nobody_is_told_of_an_adults_silence() {
        let mut presence = Presence::default();
        presence.asked("a", Some(v4(9)), 30, Tick(0));
        let silent = (1..240).any(|minute| {
            let now = minute * MINUTE;
            let adults = Present { is_watched: false, ..present("a", &[], now) };
            !presence.look(&[adults], |_| true, Tick(now)).is_empty()
        });
        assert!(!silent);
    }

    #[test]
    fn whoever_asks_sleeps_or_never_asked_much_is_not_silent() {
        assert!(silent_at(|_| true, |minute| minute % 20 == 0, true).is_empty());
        assert!(silent_at(|minute| minute < 10, |_| false, true).is_empty());
        assert!(silent_at(|_| true, |_| false, false).is_empty());
    }

    /// The findings after so many minutes in which these ask from these addresses and those are there.
    fn findings(minutes: u64, asking: &[(&str, &str)], there: &[Present]) -> Vec<Finding> {
        let mut presence = Presence::default();
        for minute in 0..=minutes {
            for (id, from) in asking {
                presence.asked(id, Some(from.parse().unwrap()), 30, Tick(minute * MINUTE));
            }
            presence.look(there, |_| true, Tick(minute * MINUTE));
        }
        presence.findings(|from| v4(200) == from, Tick(minutes * MINUTE))
    }

    #[test]
    fn all_questions_from_one_address_are_told_where_others_are_there() {
        let there = [present("r", &[], 1), present("a", &[], 1), present("b", &[], 1)];
        let router = [("r", "10.9.0.1")];
        assert_eq!(findings(10, &router, &there), [Finding::OneAddress([10, 9, 0, 1].into())]);
        assert_eq!(findings(9, &router, &there), []);
        assert_eq!(findings(10, &router, &there[..2]), []);
        assert_eq!(findings(10, &[("r", "10.9.0.200")], &there), []);
        assert_eq!(findings(10, &[("r", "10.9.0.1"), ("a", "10.9.0.7")], &there), []);
        // This machine's own questions are nobody's.
        assert_eq!(findings(10, &[("r", "10.9.0.1"), ("l", "127.0.0.1")], &there).len(), 1);
    }

    #[test]
    fn questions_over_ipv4_alone_are_told_where_devices_have_ipv6() {
        let with = [present("a", &["10.9.0.7", "2001:db8::7"], 1)];
        let without = [present("a", &["10.9.0.7", "fe80::7"], 1)];
        assert_eq!(findings(10, &[("a", "10.9.0.7")], &with), [Finding::Ipv6Bypass(1)]);
        assert_eq!(findings(10, &[("a", "10.9.0.7")], &without), []);
        assert_eq!(findings(10, &[("a", "10.9.0.7"), ("a", "2001:db8::7")], &with), []);
        assert_eq!(findings(10, &[("b", "10.9.0.8")], &with), [], "it never asked at all");
    }

    /// The findings after two devices came home twelve times, and asked where this says so.
    fn homecoming(asks: impl Fn(u64) -> bool) -> Vec<Finding> {
        let mut presence = Presence::default();
        for id in ["a", "b"] {
            presence.asked(id, Some(v4(7)), 10, Tick(0));
            presence.look(&[present(id, &[], 1)], |_| true, Tick(0));
        }
        for time in 1..=12 {
            let now = time * 60 * MINUTE;
            for id in ["a", "b"] {
                if asks(time) {
                    presence.asked(id, Some(v4(7)), 3, Tick(now + 500));
                }
                presence.look(&[present(id, &[], now)], |_| true, Tick(now));
                presence.look(&[present(id, &[], now)], |_| true, Tick(now + 3 * MINUTE));
            }
        }
        presence.findings(|_| false, Tick(13 * 60 * MINUTE))
    }

    #[test]
    fn devices_that_come_and_ask_nothing_ask_somebody_else() {
        assert_eq!(homecoming(|_| true), []);
        assert_eq!(homecoming(|time| time % 4 != 0), []);
        assert_eq!(
            homecoming(|time| time % 3 == 0),
            [Finding::SecondResolver { came: 24, silent: 16 }]
        );
    }
}
