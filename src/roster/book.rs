//! The devices that were seen, as they are kept.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::signs::{Sign, SignKind};
use crate::name::Keyed;

/// How many devices are remembered: a school's. When one more comes, the one goes that was not seen
/// for longest, and before all others one of which nothing but an address is known: those can be made
/// up.
pub const DEVICES_MAX: usize = 1_024;
/// How many addresses of a device are remembered: privacy addresses of IPv6 change daily, some are
/// used side by side.
const ADDRESSES_MAX: usize = 8;

/// A device that was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last: asking, or among the neighbours.
    pub last_seen: Timestamp,
    /// When it asked last; none: it never did.
    #[serde(default)]
    pub last_asked: Option<Timestamp>,
    /// Its addresses, the one seen last first, and when that was.
    #[serde(default)]
    pub addresses: Vec<(IpAddr, Timestamp)>,
    /// What it calls itself.
    #[serde(default)]
    pub host: Option<String>,
    /// The day on which it asked last.
    #[serde(default)]
    pub day: Option<Date>,
    /// Its questions on that day.
    #[serde(default)]
    pub queries: u64,
    /// Its questions on all other days together.
    #[serde(default)]
    pub queries_before: u64,
    /// What is odd about it that day.
    #[serde(default)]
    pub signs: Vec<Sign>,
    /// Whether the family was told that it is new.
    #[serde(default)]
    pub is_told: bool,
}

/// All of them, by what the journal calls them: hardware address, `id:NAME`, or address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Book {
    pub(super) devices: HashMap<String, Device, Keyed>,
}

// === impl Device ===

impl Device {
    fn new(now: Timestamp) -> Self {
        Device {
            first_seen: now,
            last_seen: now,
            last_asked: None,
            addresses: Vec::new(),
            host: None,
            day: None,
            queries: 0,
            queries_before: 0,
            signs: Vec::new(),
            is_told: false,
        }
    }

    /// It was seen at an address.
    pub(super) fn at(&mut self, address: IpAddr, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
        match self.addresses.iter().position(|(known, _)| *known == address) {
            Some(0) => self.addresses[0].1 = now,
            Some(place) => {
                self.addresses[place].1 = now;
                self.addresses[..=place].rotate_right(1);
            }
            None => {
                self.addresses.insert(0, (address, now));
                self.addresses.truncate(ADDRESSES_MAX);
            }
        }
    }

    /// It asked so often.
    pub(super) fn asked(&mut self, queries: u64, today: Date, now: Timestamp) {
        self.begin_day(today);
        self.queries = self.queries.saturating_add(queries);
        self.last_asked = Some(now);
        self.last_seen = self.last_seen.max(now);
    }

    /// It gave a sign.
    pub(super) fn signed(
        &mut self,
        kind: SignKind,
        name: Option<String>,
        today: Date,
        now: Timestamp,
    ) {
        self.begin_day(today);
        if let Some(sign) = self.signs.iter_mut().find(|sign| sign.kind == kind) {
            sign.count = sign.count.saturating_add(1);
            sign.last = now;
            sign.name = name.or(sign.name.take());
        } else {
            self.signs.push(Sign { kind, count: 1, first: now, last: now, name });
            self.signs.sort_by_key(|sign| sign.kind);
        }
    }

    /// Its questions of a day.
    #[must_use]
    pub fn queries_on(&self, day: Date) -> u64 {
        if self.day == Some(day) { self.queries } else { 0 }
    }

    /// What was odd about it on a day.
    #[must_use]
    pub fn signs_on(&self, day: Date) -> &[Sign] {
        if self.day == Some(day) { &self.signs } else { &[] }
    }

    /// All its questions.
    pub(super) fn queries_ever(&self) -> u64 {
        self.queries.saturating_add(self.queries_before)
    }

    fn begin_day(&mut self, today: Date) {
        if self.day != Some(today) {
            self.queries_before = self.queries_ever();
            self.day = Some(today);
            self.queries = 0;
            self.signs.clear();
        }
    }

    /// Takes over what is known of the same device under another id.
    fn join(&mut self, other: Device) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.last_asked = self.last_asked.max(other.last_asked);
        self.queries_before = self.queries_before.saturating_add(other.queries_before);
        if self.day == other.day {
            self.queries = self.queries.saturating_add(other.queries);
        }
        self.is_told |= other.is_told;
        self.host = self.host.take().or(other.host);
    }
}

// === impl Book ===

impl Book {
    /// The device of this id; a new one where it was never seen.
    pub(super) fn device(&mut self, id: &str, now: Timestamp) -> &mut Device {
        if !self.devices.contains_key(id) {
            while self.devices.len() >= DEVICES_MAX {
                let is_known = |id: &str| id.parse::<IpAddr>().is_err();
                let oldest =
                    self.devices.iter().min_by_key(|(id, device)| (is_known(id), device.last_seen));
                let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { break };
                self.devices.remove(&oldest);
            }
        }
        self.devices.entry(id.to_owned()).or_insert_with(|| Device::new(now))
    }

    /// What was known by its address is that device: it was seen before its hardware address was.
    pub(super) fn join(&mut self, address: IpAddr, id: &str) -> bool {
        let Some(other) = self.devices.remove(&address.to_string()) else { return false };
        let now = other.last_seen;
        self.device(id, now).join(other);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "3c:22:fb:12:34:56";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_449_600 + seconds).unwrap()
    }

    fn day(day: i8) -> Date {
        Date::new(2026, 11, day).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_addresses_are_remembered_the_newest_first() {
        let mut device = Device::new(at(0));
        for last in 1..=10u8 {
            device.at([10, 0, 0, last].into(), at(last.into()));
        }
        device.at(ip("10.0.0.5"), at(60));
        let addresses: Vec<_> = device.addresses.iter().map(|(ip, _)| ip.to_string()).collect();
        let expected: Vec<_> =
            [5, 10, 9, 8, 7, 6, 4, 3].iter().map(|last| format!("10.0.0.{last}")).collect();
        assert_eq!(addresses, expected);
        assert_eq!(device.last_seen, at(60));
    }

    #[test]
    fn a_new_day_counts_anew_and_forgets_what_was_odd() {
        let mut device = Device::new(at(0));
        device.asked(3, day(23), at(1));
        device.signed(SignKind::Canary, Some("x.example".to_owned()), day(23), at(2));
        device.signed(SignKind::BypassName, None, day(23), at(3));
        device.signed(SignKind::Canary, None, day(23), at(4));
        let kinds: Vec<_> = device.signs.iter().map(|sign| (sign.kind, sign.count)).collect();
        assert_eq!(kinds, [(SignKind::BypassName, 1), (SignKind::Canary, 2)]);
        assert_eq!(device.signs[1].name.as_deref(), Some("x.example"));
        assert_eq!((device.queries_on(day(23)), device.queries_on(day(24))), (3, 0));
        device.asked(2, day(24), at(90_000));
        assert_eq!((device.queries, device.queries_ever(), device.signs.len()), (2, 5, 0));
    }

    #[test]
    fn whoever_was_not_seen_for_longest_makes_room() {
        let mut book = Book::default();
        for number in 0..DEVICES_MAX {
            let seconds = i64::try_from(number).unwrap();
            book.device(&format!("d{number}"), at(if number == 7 { -5 } else { seconds }));
        }
        book.device("another", at(9_999));
        assert_eq!(book.devices.len(), DEVICES_MAX);
        assert!(!book.devices.contains_key("d7") && book.devices.contains_key("another"));
        for last in 1..=9u8 {
            book.device(&format!("10.0.0.{last}"), at(10_000));
        }
        assert!(book.devices.contains_key("10.0.0.9") && !book.devices.contains_key("10.0.0.8"));
        assert!(!book.devices.contains_key("d0") && book.devices.contains_key("d1"));
    }

    #[test]
    fn a_device_known_by_its_address_becomes_the_one_behind_it() {
        let mut book = Book::default();
        book.device("10.0.0.9", at(0)).asked(4, day(23), at(0));
        book.device(MAC, at(5)).asked(2, day(23), at(5));
        assert!(book.join(ip("10.0.0.9"), MAC) && !book.join(ip("10.0.0.9"), MAC));
        let device = &book.devices[MAC];
        assert_eq!((device.first_seen, device.queries, book.devices.len()), (at(0), 6, 1));
    }
}
