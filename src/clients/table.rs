//! The table of devices: pure, address in, client out.
//!
//! Nothing on the way allocates, except where neither the table nor the kernel knows the device:
//! then its address becomes text. Start reading at [`Table::identify`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::address::{Address, ClientId, Mac, bits_of, network};
use super::hosts::Hosts;
use super::neighbours::Neighbours;
use super::told::Told;
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
    /// By what devices call themselves.
    hosts: HashMap<Box<str>, Owner, Keyed>,
    ids: HashMap<ClientId, Owner, Keyed>,
}

/// What is known around the household's own rules: who stands behind an address, and what devices
/// call themselves.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The kernel's neighbours.
    pub neighbours: &'a Neighbours,
    /// Their names.
    pub hosts: &'a Hosts,
}

/// What is known of a device by itself, beside the question it asks.
#[derive(Debug, Clone, Default)]
pub struct Sighted<'a> {
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// Its addresses.
    pub addresses: &'a [IpAddr],
    /// What it calls itself.
    pub host: Option<&'a str>,
    /// Its id.
    pub id: Option<ClientId>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose rules hold.
    pub subject: SubjectId,
    /// The device as the journal names it: its MAC where that is known, else its id (`id:NAME`)
    /// where it brings one, else its address.
    pub device: Arc<str>,
}

/// The address of nothing, where a hardware address tells all there is to tell.
const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

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
                Address::Host(ref name) => {
                    let kept = table.hosts.entry(name.clone()).or_insert(owner);
                    *kept = kept.or_stricter(owner);
                }
                Address::Id(id) => {
                    let kept = table.ids.entry(id).or_insert(owner);
                    *kept = kept.or_stricter(owner);
                }
            }
        }
        // A child's before an adult's of the same range; the sort keeps the order otherwise.
        table.ranges.sort_by_key(|&(_, length, subject)| (u8::MAX - length, !is_child(subject)));
        table
    }

    /// Who asks from this address: the owner of the hardware address behind it, of the id or the
    /// address itself, or of what the device calls itself. When those disagree, a child's rules hold
    /// before an adult's (whoever takes an adult's address stays who they are), and the first of them
    /// otherwise. Then the owner of the longest range it lies in; else whoever is not known.
    ///
    /// Where a trusted forwarder tells for whom it asks, that device is meant. The forwarder's own
    /// address counts only where it is a child's: what stands behind a child's own router is the
    /// child's.
    #[must_use]
    pub fn identify(&self, from: IpAddr, told: Option<&Told>, around: Around<'_>) -> Client {
        let from = from.to_canonical();
        let Some(told) = told else { return self.identify_at(from, None, None, around) };
        let address = told.address.map(|address| address.to_canonical());
        let client = match address {
            Some(address) => self.identify_at(address, told.mac, told.id, around),
            None => self.identify_told(told, around),
        };
        let forwarder = self.addresses.get(&from).filter(|(owner, _)| owner.is_child);
        match forwarder {
            Some((owner, _)) if client.subject == SubjectId::UNKNOWN => {
                Client { subject: owner.subject, ..client }
            }
            Some(_) | None => client,
        }
    }

    fn identify_at(
        &self,
        from: IpAddr,
        mac: Option<Mac>,
        id: Option<ClientId>,
        around: Around<'_>,
    ) -> Client {
        let neighbour = match mac {
            None => around.neighbours.find(from),
            // Whoever says it has looked closer than we can.
            Some(_) => None,
        };
        let mac = mac.or(neighbour.as_ref().map(|neighbour| neighbour.mac));
        let by_address = self.addresses.get(&from);
        let owners = [
            mac.and_then(|mac| self.macs.get(&mac)),
            id.and_then(|id| self.ids.get(&id)),
            by_address.map(|(owner, _)| owner),
            self.owner_of_host(|| around.hosts.of(from, mac)),
        ];
        let subject = Owner::strictest(owners).unwrap_or_else(|| self.owner_of_range(from));
        let device = match (neighbour, mac, id, by_address) {
            (Some(neighbour), ..) => neighbour.text,
            (None, Some(mac), ..) => mac.to_string().into(),
            (None, None, Some(id), _) => Address::Id(id).to_string().into(),
            (None, None, None, Some((_, text))) => Arc::clone(text),
            (None, None, None, None) => from.to_string().into(),
        };
        Client { subject, device }
    }

    /// A device of which no address is told.
    fn identify_told(&self, told: &Told, around: Around<'_>) -> Client {
        let Told { mac, id, .. } = *told;
        let owners = [
            mac.and_then(|mac| self.macs.get(&mac)),
            id.and_then(|id| self.ids.get(&id)),
            self.owner_of_host(|| around.hosts.of(NOWHERE, Some(mac?))),
        ];
        let subject = Owner::strictest(owners).unwrap_or(SubjectId::UNKNOWN);
        let device = match (mac, id) {
            (Some(mac), _) => mac.to_string(),
            (None, Some(id)) => Address::Id(id).to_string(),
            (None, None) => String::new(),
        };
        Client { subject, device: device.into() }
    }

    /// Whether a device of somebody has this id.
    #[must_use]
    pub fn has_id(&self, id: &ClientId) -> bool {
        self.ids.contains_key(id)
    }

    /// Whose a device is of which this much is known: as [`Table::identify`] would say.
    #[must_use]
    pub fn whose(&self, device: &Sighted<'_>) -> SubjectId {
        let Sighted { mac, addresses, host, id } = *device;
        let by_address = addresses.iter().filter_map(|address| self.addresses.get(address));
        let owners = [
            mac.and_then(|mac| self.macs.get(&mac)),
            id.and_then(|id| self.ids.get(&id)),
            host.and_then(|host| self.hosts.get(host)),
        ];
        let owners = owners.into_iter().chain(by_address.map(|(owner, _)| Some(owner)));
        let in_range = || addresses.iter().map(|&address| self.owner_of_range(address));
        let known = |subject: &SubjectId| *subject != SubjectId::UNKNOWN;
        let strictest = Owner::strictest(owners);
        strictest.or_else(|| in_range().find(known)).unwrap_or(SubjectId::UNKNOWN)
    }

    /// Whether anybody is known by what a device calls itself.
    #[must_use]
    pub fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// The owner of what a device calls itself; it is looked for only where that decides anything.
    fn owner_of_host(&self, host: impl FnOnce() -> Option<Arc<str>>) -> Option<&Owner> {
        if self.hosts.is_empty() {
            return None;
        }
        self.hosts.get(&*host()?)
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
    /// The first of them, unless only a later one is a child.
    fn strictest<'a>(owners: impl IntoIterator<Item = Option<&'a Owner>>) -> Option<SubjectId> {
        let found = owners.into_iter().flatten().copied().reduce(Owner::or_stricter);
        found.map(|owner| owner.subject)
    }

    /// This one, unless only the other is a child.
    fn or_stricter(self, other: Owner) -> Owner {
        if other.is_child && !self.is_child { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Lease;

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

    fn identify(table: &Table, from: &str, told: Option<&Told>, neighbours: &Neighbours) -> Client {
        let hosts = Hosts::default();
        let around = Around { neighbours, hosts: &hosts };
        table.identify(from.parse().unwrap(), told, around)
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
            let client = identify(&family, from, None, &neighbours);
            assert_eq!((client.subject, &*client.device), (subject, device), "{from}");
        }
    }

    #[test]
    fn what_a_forwarder_tells_is_the_device() {
        let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let id = |text: &str| ClientId::new(text);
        let neighbours = kernel(&[("192.168.1.50", 0x0a)]);
        let family = table(&[
            ("02:00:00:00:00:0a", MATEO),
            ("02:00:00:00:00:0c", ANA),
            ("192.168.1.12", ANA),
            ("192.168.1.2", ANA),
            ("192.168.1.3", SOFIA),
            ("id:mateo-phone", MATEO),
        ]);
        for (from, told, subject, device) in [
            ("192.168.1.2", Told { mac: mac(0x0a), ..Told::default() }, MATEO, "02:00:00:00:00:0a"),
            ("192.168.1.2", Told { mac: mac(0x0c), ..Told::default() }, ANA, "02:00:00:00:00:0c"),
            // A stranger behind an adult's forwarder is a stranger; behind a child's, the child.
            (
                "192.168.1.2",
                Told { mac: mac(0x77), ..Told::default() },
                NOBODY,
                "02:00:00:00:00:77",
            ),
            ("192.168.1.3", Told { mac: mac(0x77), ..Told::default() }, SOFIA, "02:00:00:00:00:77"),
            ("192.168.1.3", Told { mac: mac(0x0a), ..Told::default() }, MATEO, "02:00:00:00:00:0a"),
            (
                "192.168.1.2",
                Told { address: ip("192.168.1.12"), ..Told::default() },
                ANA,
                "192.168.1.12",
            ),
            // The kernel knows who stands behind that address.
            (
                "192.168.1.2",
                Told { address: ip("192.168.1.50"), ..Told::default() },
                MATEO,
                "02:00:00:00:00:0a",
            ),
            // Whoever takes an adult's address stays who they are.
            (
                "192.168.1.2",
                Told { mac: mac(0x0a), address: ip("192.168.1.12"), id: None },
                MATEO,
                "02:00:00:00:00:0a",
            ),
            (
                "192.168.1.2",
                Told { id: id("Mateo-Phone"), ..Told::default() },
                MATEO,
                "id:mateo-phone",
            ),
            ("192.168.1.2", Told { id: id("other"), ..Told::default() }, NOBODY, "id:other"),
        ] {
            let client = identify(&family, from, Some(&told), &neighbours);
            assert_eq!((client.subject, &*client.device), (subject, device), "{told:?}");
        }
    }

    #[test]
    fn what_a_device_calls_itself_counts_where_nothing_better_is_known() {
        let hosts = Hosts::default();
        let lease = |address: &str, mac: u8, host: &str| Lease {
            address: Some(address.parse().unwrap()),
            mac: Some(Mac([2, 0, 0, 0, 0, mac])),
            host: Some(host.to_owned()),
            until: None,
        };
        let leases = [
            lease("192.168.1.50", 0x50, "sofia-tablet"),
            lease("192.168.1.51", 0x0c, "sofia-tablet"),
            lease("192.168.1.52", 0x0c, "anas-phone"),
            lease("192.168.1.53", 0x0a, "anas-phone"),
        ];
        let neighbours =
            kernel(&[("192.168.1.50", 0x50), ("192.168.1.53", 0x0a), ("fe80::50", 0x50)]);
        let around = Around { neighbours: &neighbours, hosts: &hosts };
        let family = table(&[
            ("host:Sofia-Tablet", SOFIA),
            ("host:anas-phone", ANA),
            ("02:00:00:00:00:0a", MATEO),
        ]);
        let subject = |from: &str| family.identify(from.parse().unwrap(), None, around).subject;
        assert_eq!(subject("192.168.1.50"), NOBODY, "no lease yet");
        hosts.set_leases(&leases, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(subject("192.168.1.50"), SOFIA);
        assert_eq!(subject("fe80::50"), SOFIA);
        // A child who calls a device like an adult's stays a child.
        assert_eq!(subject("192.168.1.53"), MATEO);
        let told = Told { mac: Some(Mac([2, 0, 0, 0, 0, 0x50])), ..Told::default() };
        let client = family.identify("192.168.1.2".parse().unwrap(), Some(&told), around);
        assert_eq!(client.subject, SOFIA);
    }

    #[test]
    fn whose_a_device_is_is_known_without_a_question_too() {
        let family = family();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mac = Some(Mac([2, 0, 0, 0, 0, 0x0a]));
        let of = |mac, addresses: &[IpAddr]| {
            family.whose(&Sighted { mac, addresses, ..Sighted::default() })
        };
        assert_eq!(of(mac, &[]), MATEO);
        assert_eq!(of(mac, &[ip("192.168.1.12")]), MATEO);
        assert_eq!(of(None, &[ip("192.168.1.12")]), ANA);
        assert_eq!(of(None, &[ip("192.168.1.12"), ip("192.168.1.11")]), SOFIA);
        assert_eq!(of(None, &[ip("192.168.1.99")]), ANA, "by its range");
        assert_eq!(of(None, &[]), NOBODY);
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
        let subject = |from: &str| identify(&table, from, None, &nobody).subject;
        assert_eq!(subject("192.168.1.9"), SOFIA);
        assert_eq!(subject("192.168.1.8"), SOFIA);
    }

    #[test]
    fn the_text_of_a_known_device_is_shared() {
        let family = family();
        let neighbours = kernel(&[("192.168.1.50", 0x0a)]);
        for from in ["192.168.1.10", "192.168.1.50"] {
            let ask = || identify(&family, from, None, &neighbours).device;
            assert!(Arc::ptr_eq(&ask(), &ask()), "{from}");
        }
    }
}
