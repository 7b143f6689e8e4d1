//! The table of devices: pure, address in, client out.
//!
//! Nothing on the way allocates, except where neither the table nor the kernel knows the device:
//! then its address becomes text. Start reading at [`Table::identify`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::address::{Address, Mac, bits_of, network};
use super::neighbours::Neighbours;
use crate::name::Keyed;
use crate::policy::rules::SubjectId;

/// One device of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// How it is recognised.
    pub address: Address,
    /// Whose it is.
    pub subject: SubjectId,
}

/// The devices of a household.
#[derive(Debug, Clone, Default)]
pub struct Table {
    macs: HashMap<Mac, Owner, Keyed>,
    /// Single addresses with their text.
    addresses: HashMap<IpAddr, (Owner, Arc<str>), Keyed>,
    /// Ranges: first address, fixed bits, owner; the longest first.
    ranges: Vec<(IpAddr, u8, SubjectId)>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose rules hold.
    pub subject: SubjectId,
    /// The device as the journal names it: its MAC where that is known, else its address.
    pub device: Arc<str>,
}

/// Whose a device is.
#[derive(Debug, Clone, Copy)]
struct Owner {
    subject: SubjectId,
    is_child: bool,
}

impl Table {
    /// The table of these rules. Where one device is given to two, a child has it, else the first.
    #[must_use]
    pub fn new(rules: &[DeviceRule], is_child: impl Fn(SubjectId) -> bool) -> Self {
        let mut table = Table::default();
        for rule in rules {
            let owner = Owner { subject: rule.subject, is_child: is_child(rule.subject) };
            match rule.address {
                Address::Mac(mac) => {
                    let kept = table.macs.entry(mac).or_insert(owner);
                    *kept = kept.or_stricter(owner);
                }
                Address::Net(address, length) if length >= bits_of(address) => {
                    let address = address.to_canonical();
                    let text = || (owner, address.to_string().into());
                    let (kept, _) = table.addresses.entry(address).or_insert_with(text);
                    *kept = kept.or_stricter(owner);
                }
                Address::Net(address, length) => {
                    table.ranges.push((network(address, length), length, rule.subject));
                }
            }
        }
        // A child's before an adult's of the same range; the sort keeps the order otherwise.
        table.ranges.sort_by_key(|&(_, length, subject)| (u8::MAX - length, !is_child(subject)));
        table
    }

    /// Who asks from this address: the owner of the address or of the hardware address behind it.
    /// When those disagree, a child's rules hold before an adult's (whoever takes an adult's
    /// address stays who they are), and the hardware address otherwise. Then the owner of the
    /// longest range it lies in; else whoever is not known.
    #[must_use]
    pub fn identify(&self, from: IpAddr, neighbours: &Neighbours) -> Client {
        let from = from.to_canonical();
        let neighbour = neighbours.find(from);
        let by_mac = neighbour.as_ref().and_then(|neighbour| self.macs.get(&neighbour.mac));
        let by_address = self.addresses.get(&from);
        let owner = match (by_mac, by_address) {
            (Some(mac), Some((address, _))) => Some(mac.or_stricter(*address)),
            (Some(owner), None) | (None, Some((owner, _))) => Some(*owner),
            (None, None) => None,
        };
        let subject = owner.map_or_else(|| self.owner_of_range(from), |owner| owner.subject);
        let device = match (neighbour, by_address) {
            (Some(neighbour), _) => neighbour.text,
            (None, Some((_, text))) => Arc::clone(text),
            (None, None) => from.to_string().into(),
        };
        Client { subject, device }
    }

    fn owner_of_range(&self, from: IpAddr) -> SubjectId {
        self.ranges
            .iter()
            .find(|&&(first, length, _)| {
                first.is_ipv4() == from.is_ipv4() && network(from, length) == first
            })
            .map_or(SubjectId::UNKNOWN, |&(_, _, subject)| subject)
    }
}

impl Owner {
    /// This one, unless only the other is a child.
    fn or_stricter(self, other: Owner) -> Owner {
        if other.is_child && !self.is_child { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATEO: SubjectId = SubjectId(1);
    const SOFIA: SubjectId = SubjectId(2);
    const ANA: SubjectId = SubjectId(3);
    const LUIS: SubjectId = SubjectId(4);
    const NOBODY: SubjectId = SubjectId::UNKNOWN;

    fn table(rules: &[(&str, SubjectId)]) -> Table {
        let rules: Vec<_> = rules
            .iter()
            .map(|&(address, subject)| DeviceRule { address: address.parse().unwrap(), subject })
            .collect();
        Table::new(&rules, |subject| subject == MATEO || subject == SOFIA)
    }

    fn family() -> Table {
        table(&[
            ("02:00:00:00:00:0a", MATEO),
            ("02:00:00:00:00:0b", SOFIA),
            ("02:00:00:00:00:0c", ANA),
            ("192.168.1.10", MATEO),
            ("192.168.1.11", SOFIA),
            ("192.168.1.12", ANA),
            ("192.168.1.13", LUIS),
            ("192.168.0.0/16", LUIS),
            ("192.168.1.0/24", ANA),
            ("192.168.2.0/24", ANA),
            ("192.168.2.0/24", SOFIA),
            ("fd00::/8", ANA),
            ("fd00::10", MATEO),
        ])
    }

    fn kernel(entries: &[(&str, u8)]) -> Neighbours {
        Neighbours::fixed(
            entries
                .iter()
                .map(|&(address, last)| (address.parse().unwrap(), Mac([2, 0, 0, 0, 0, last]))),
        )
    }

    #[test]
    fn who_asks_is_found_in_order() {
        let neighbours = kernel(&[
            ("192.168.1.12", 0x0a),
            ("192.168.1.10", 0x0c),
            ("192.168.1.11", 0x0a),
            ("192.168.1.13", 0x0c),
            ("192.168.1.50", 0x0a),
            ("192.168.1.51", 0x77),
            ("fe80::1", 0x0a),
            ("fd00::77", 0x0b),
        ]);
        let family = family();
        for (from, subject, device) in [
            // By address alone, by range (the longest), by nothing.
            ("10.0.0.1", NOBODY, "10.0.0.1"),
            ("192.168.7.7", LUIS, "192.168.7.7"),
            ("192.168.1.99", ANA, "192.168.1.99"),
            ("192.168.2.2", SOFIA, "192.168.2.2"),
            ("fd00::10", MATEO, "fd00::10"),
            ("fd00::11", ANA, "fd00::11"),
            ("2001:db8::1", NOBODY, "2001:db8::1"),
            // IPv4 that came in over an IPv6 socket.
            ("::ffff:192.168.1.99", ANA, "192.168.1.99"),
            ("::ffff:192.168.1.50", MATEO, "02:00:00:00:00:0a"),
            // By hardware address, before ranges, link-local too.
            ("192.168.1.50", MATEO, "02:00:00:00:00:0a"),
            ("fd00::77", SOFIA, "02:00:00:00:00:0b"),
            ("fe80::1", MATEO, "02:00:00:00:00:0a"),
            ("192.168.1.51", ANA, "02:00:00:00:00:77"),
            // They disagree: a child before an adult, whichever way; else the hardware address.
            ("192.168.1.12", MATEO, "02:00:00:00:00:0a"),
            ("192.168.1.10", MATEO, "02:00:00:00:00:0c"),
            ("192.168.1.11", MATEO, "02:00:00:00:00:0a"),
            ("192.168.1.13", ANA, "02:00:00:00:00:0c"),
        ] {
            let client = family.identify(from.parse().unwrap(), &neighbours);
            assert_eq!((client.subject, &*client.device), (subject, device), "{from}");
        }
    }

    #[test]
    fn a_device_given_twice_is_the_childs() {
        let rules = [
            ("192.168.1.9", ANA),
            ("192.168.1.9", SOFIA),
            ("192.168.1.8", SOFIA),
            ("192.168.1.8", MATEO),
        ];
        let table = table(&rules);
        let nobody = Neighbours::default();
        let subject = |from: &str| table.identify(from.parse().unwrap(), &nobody).subject;
        assert_eq!(subject("192.168.1.9"), SOFIA);
        assert_eq!(subject("192.168.1.8"), SOFIA);
    }

    #[test]
    fn the_text_of_a_known_device_is_shared() {
        let family = family();
        let neighbours = kernel(&[("192.168.1.50", 0x0a)]);
        for from in ["192.168.1.10", "192.168.1.50"] {
            let ask = || family.identify(from.parse().unwrap(), &neighbours).device;
            assert!(Arc::ptr_eq(&ask(), &ask()), "{from}");
        }
    }
}
