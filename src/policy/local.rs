//! Names that are answered here and never leave the house.
//!
//! One table of zones, built once: the household's records, the program's own pages, what
//! `dns.forward` sends elsewhere and the special-use names (the table `SPECIAL`, where to start reading).
//! The closest zone above a name decides; on one and the same name a record speaks before a page
//! of ours, that before `dns.forward`, that before the special use. It knows no query types: what
//! a local name has to say to a TXT question is for whoever builds the answer.
//!
//! What ends in a number is no name (`192.168.1.1`) and never leaves the house either.
//!
//! A single label (`printer`, `wpad`) never leaves the house, unless it is a top-level domain that
//! the Public Suffix List knows: whoever validates by itself must be able to ask for the keys of
//! `com`. No device is called that by accident.

use std::net::IpAddr;

use super::rules::Above;
use crate::name::{Name, NameMap};

/// The household's own records and the special-use names.
#[derive(Debug, Clone)]
pub struct LocalNames {
    /// `dns.records`: name to addresses.
    records: NameMap<Vec<IpAddr>>,
    /// What is known of names.
    zones: NameMap<Zone>,
    /// What stands above names that are answered here with something.
    above: Above,
}

/// How a local name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAnswer {
    /// With the addresses of [`LocalNames::addresses`]; NODATA for other types.
    Records,
    /// With the loopback addresses; NODATA for other types (RFC 6761 §6.3).
    Loopback,
    /// With the address the question came to: the program itself.
    Myself,
    /// With where encrypted questions come in (RFC 9462 §4); NODATA for other types.
    Designated,
    /// The name exists, without data (RFC 9462 §4 for `resolver.arpa`).
    NoData,
    /// There is no such name.
    NoName,
    /// `blocked.amparo.test`: answered as every closed site, so that a family can see it.
    Blocked,
}

/// What is known of one name and of those below it; where it says nothing, the parent speaks.
#[derive(Debug, Clone, Copy, Default)]
struct Zone {
    at: Option<Fate>,
    below: Option<Fate>,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// We do.
    Here(LocalAnswer),
    /// Whoever `dns.forward` names.
    Elsewhere,
}

/// A row of [`SPECIAL`].
struct Special {
    zone: &'static str,
    /// What the name itself is answered.
    at: LocalAnswer,
    /// What the names below it are answered.
    below: LocalAnswer,
}

/// The program's own name: an address to try.
const MYSELF: &str = "amparo.test";
/// A name that is always closed, to see what that looks like.
const BLOCKED: &str = "blocked.amparo.test";

/// The name by which devices look for encrypted DNS of whoever answers them (RFC 9462 §4).
const DISCOVERY: &[u8] = b"\x04_dns\x08resolver\x04arpa\x00";

/// Whether this is the name by which devices look for encrypted DNS.
#[must_use]
pub fn is_discovery(name: &Name) -> bool {
    name.wire() == DISCOVERY
}

/// Special-use names and the private reverse zones, each with where it is said that they stay in
/// the house. `ipv4only.arpa` is not among them: phones behind NAT64 need the answer of their
/// network (RFC 8880).
const SPECIAL: &[Special] = {
    use LocalAnswer::{Loopback, NoData, NoName};
    const fn row(zone: &'static str, at: LocalAnswer, below: LocalAnswer) -> Special {
        Special { zone, at, below }
    }
    &[
        // RFC 6761 §6.3
        row("localhost", Loopback, Loopback),
        // RFC 9462 §4: an upstream's answer would lead devices around the filter.
        row("resolver.arpa", NoData, NoData),
        // RFC 6761 §6.2
        row("test", NoName, NoName),
        // RFC 6761 §6.4
        row("invalid", NoName, NoName),
        // RFC 7686 §2
        row("onion", NoName, NoName),
        // RFC 9476 §3
        row("alt", NoName, NoName),
        // RFC 6762 §22.1: these are asked by multicast.
        row("local", NoName, NoName),
        // RFC 8375 §4: the zone is there, whether anything is in it or not.
        row("home.arpa", NoData, NoName),
        // Reserved by ICANN in 2024 for private use.
        row("internal", NoName, NoName),
        // RFC 6303 §4.1, RFC 1918; like all reverse zones, the zone itself is there (§3).
        row("10.in-addr.arpa", NoData, NoName),
        row("16.172.in-addr.arpa", NoData, NoName),
        row("17.172.in-addr.arpa", NoData, NoName),
        row("18.172.in-addr.arpa", NoData, NoName),
        row("19.172.in-addr.arpa", NoData, NoName),
        row("20.172.in-addr.arpa", NoData, NoName),
        row("21.172.in-addr.arpa", NoData, NoName),
        row("22.172.in-addr.arpa", NoData, NoName),
        row("23.172.in-addr.arpa", NoData, NoName),
        row("24.172.in-addr.arpa", NoData, NoName),
        row("25.172.in-addr.arpa", NoData, NoName),
        row("26.172.in-addr.arpa", NoData, NoName),
        row("27.172.in-addr.arpa", NoData, NoName),
        row("28.172.in-addr.arpa", NoData, NoName),
        row("29.172.in-addr.arpa", NoData, NoName),
        row("30.172.in-addr.arpa", NoData, NoName),
        row("31.172.in-addr.arpa", NoData, NoName),
        row("168.192.in-addr.arpa", NoData, NoName),
        // RFC 6303 §4.2: this network, loopback, link-local, examples, broadcast.
        row("0.in-addr.arpa", NoData, NoName),
        row("127.in-addr.arpa", NoData, NoName),
        row("254.169.in-addr.arpa", NoData, NoName),
        row("2.0.192.in-addr.arpa", NoData, NoName),
        row("100.51.198.in-addr.arpa", NoData, NoName),
        row("113.0.203.in-addr.arpa", NoData, NoName),
        row("255.255.255.255.in-addr.arpa", NoName, NoName),
        // RFC 6303 §4.3: `::` and `::1`.
        row(
            "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
            NoName,
            NoName,
        ),
        row(
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
            NoName,
            NoName,
        ),
        // RFC 6303 §4.4 for the half that is assigned at home; RFC 4193 §3.1 for both.
        row("c.f.ip6.arpa", NoData, NoName),
        row("d.f.ip6.arpa", NoData, NoName),
        // RFC 6303 §4.5: link-local.
        row("8.e.f.ip6.arpa", NoData, NoName),
        row("9.e.f.ip6.arpa", NoData, NoName),
        row("a.e.f.ip6.arpa", NoData, NoName),
        row("b.e.f.ip6.arpa", NoData, NoName),
        // RFC 6303 §4.6: examples.
        row("8.b.d.0.1.0.0.2.ip6.arpa", NoData, NoName),
    ]
};

/// RFC 7793: 100.64.0.0/10, shared by carriers: `64.100.in-addr.arpa` to `127.100.in-addr.arpa`.
const SHARED: std::ops::RangeInclusive<u8> = 64..=127;

// === impl LocalNames ===

impl LocalNames {
    /// The names of a household: `dns.records`, the zones of `dns.forward`, and the names of the
    /// program's own pages. Addresses of a name that is there twice are all kept.
    ///
    /// `hostname` is by which devices ask encrypted, where they may: it and `ID.hostname` are this
    /// program, and where devices look for encrypted DNS they are told of it.
    #[must_use]
    pub fn new(
        records: Vec<(Name, Vec<IpAddr>)>,
        forwarded: Vec<Name>,
        own_pages: Vec<Name>,
        hostname: Option<&Name>,
    ) -> Self {
        let mut local = LocalNames {
            records: NameMap::default(),
            zones: NameMap::default(),
            above: Above::default(),
        };
        for special in SPECIAL {
            local.put_special(special.zone, special.at, special.below);
        }
        for second in SHARED {
            let zone = format!("{second}.100.in-addr.arpa");
            local.put_special(&zone, LocalAnswer::NoData, LocalAnswer::NoName);
        }
        for zone in forwarded {
            let fate = Some(Fate::Elsewhere);
            *local.zone(&zone) = Zone { at: fate, below: fate };
        }
        if let Some(hostname) = hostname {
            local.put_name(hostname, LocalAnswer::Myself);
            local.zone(hostname).below = Some(Fate::Here(LocalAnswer::Myself));
            // Who vouches for the name looks there for a proof, and whoever writes it looks too (RFC 8555
            // §8.4).
            if let Some(proof) = hostname.child(b"_acme-challenge") {
                let fate = Some(Fate::Elsewhere);
                *local.zone(&proof) = Zone { at: fate, below: fate };
            }
            let own = hostname.child(b"_dns");
            for name in Name::from_wire(DISCOVERY).ok().into_iter().chain(own) {
                local.put_name(&name, LocalAnswer::Designated);
            }
        }
        for page in own_pages.into_iter().chain(Name::parse(MYSELF)) {
            local.put_name(&page, LocalAnswer::Myself);
        }
        if let Ok(blocked) = Name::parse(BLOCKED) {
            local.put_name(&blocked, LocalAnswer::Blocked);
            local.zone(&blocked).below = Some(Fate::Here(LocalAnswer::Blocked));
        }
        for (name, addresses) in records {
            local.put_name(&name, LocalAnswer::Records);
            local.records.entry(name.wire().into()).or_default().extend(addresses);
        }
        let answered = local
            .zones
            .iter()
            .filter(|(_, zone)| zone.at.is_some_and(|at| at != Fate::Here(LocalAnswer::NoName)));
        for (wire, _) in answered {
            if let Ok(name) = Name::from_wire(wire) {
                local.above.insert(&name);
            }
        }
        local
    }

    /// How the name is answered here; none when it is for upstream.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<LocalAnswer> {
        let mut suffixes = name.suffixes();
        let zone = self.zones.get(suffixes.next()?);
        let fate = zone.and_then(|zone| zone.at).or_else(|| {
            suffixes.find_map(|parent| self.zones.get(parent).and_then(|zone| zone.below))
        });
        match fate {
            Some(Fate::Here(answer)) => Some(answer),
            Some(Fate::Elsewhere) => None,
            None => LocalNames::find_elsewhere(name),
        }
    }

    /// [`LocalNames::find`] for a name of which nothing is known here, nor of its parents.
    #[must_use]
    pub fn find_elsewhere(name: &Name) -> Option<LocalAnswer> {
        (is_plain_word(name) || ends_in_number(name)).then_some(LocalAnswer::NoName)
    }

    /// The addresses of a name whose answer is [`LocalAnswer::Records`].
    #[must_use]
    pub fn addresses(&self, name: &Name) -> &[IpAddr] {
        self.records.get(name.wire()).map_or(&[], Vec::as_slice)
    }

    /// The names of which something is known, in wire form.
    pub fn wires(&self) -> impl Iterator<Item = &[u8]> {
        self.zones.keys().map(AsRef::as_ref)
    }

    /// Whether a name strictly below this one is answered here with something.
    #[must_use]
    pub fn reaches_below(&self, name: &Name) -> bool {
        self.above.contains(name)
    }

    fn zone(&mut self, name: &Name) -> &mut Zone {
        self.zones.entry(name.wire().into()).or_default()
    }

    fn put_special(&mut self, zone: &str, at: LocalAnswer, below: LocalAnswer) {
        if let Ok(zone) = Name::parse(zone) {
            *self.zone(&zone) = Zone { at: Some(Fate::Here(at)), below: Some(Fate::Here(below)) };
        }
    }

    /// Adds one name. What lies between it and its zone exists from now on, without data: saying
    /// that there is no such name would deny everything below it (RFC 8020 §2).
    fn put_name(&mut self, name: &Name, answer: LocalAnswer) {
        for count in 1..name.label_count() {
            let parent = name.last_labels(count);
            if self.find(&parent) == Some(LocalAnswer::NoName) {
                self.zone(&parent).at = Some(Fate::Here(LocalAnswer::NoData));
            }
        }
        self.zone(name).at = Some(Fate::Here(answer));
    }
}

/// The special-use names alone.
impl Default for LocalNames {
    fn default() -> Self {
        LocalNames::new(Vec::new(), Vec::new(), Vec::new(), None)
    }
}

/// Whether the name is a single label and no top-level domain.
fn is_plain_word(name: &Name) -> bool {
    // What stands behind the first label is the root.
    let is_one_label = |wire: &[u8]| wire.get(1 + usize::from(wire[0])) == Some(&0);
    is_one_label(name.wire()) && name.public_suffix().of.is_none()
}

/// Whether the last label is a number, as in an address somebody took for a name: no top-level domain is
/// one (RFC 3696 §2).
fn ends_in_number(name: &Name) -> bool {
    let [.., last, 0] = name.wire() else { return false };
    let is_number = || {
        let label = name.suffixes().take_while(|suffix| suffix.len() > 1).last();
        label.is_some_and(|label| label[1..label.len() - 1].iter().all(u8::is_ascii_digit))
    };
    last.is_ascii_digit() && is_number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use LocalAnswer::{Blocked, Loopback, Myself, NoData, NoName, Records};

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn house() -> LocalNames {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        LocalNames::new(
            vec![
                (name("printer.home.arpa"), vec![address("192.168.1.5")]),
                (name("printer.home.arpa"), vec![address("fd00::5")]),
                (name("cam.garden.home.arpa"), vec![address("192.168.1.6")]),
                (name("nas"), vec![address("192.168.1.7")]),
                (name("nas.lan"), vec![address("192.168.1.7")]),
                (name("school.example.org"), vec![address("192.168.1.8")]),
            ],
            vec![name("lan"), name("1.168.192.in-addr.arpa"), name("corp.internal"), name("alt")],
            vec![name("amparo.home.arpa"), name("ask.home.arpa")],
            None,
        )
    }

    #[test]
    fn each_name_is_answered_in_its_place() {
        let house = house();
        for (text, expected) in [
            // The household's records, and what is not below them.
            ("printer.home.arpa", Some(Records)),
            ("x.printer.home.arpa", Some(NoName)),
            ("nas", Some(Records)),
            ("nas.lan", Some(Records)),
            ("school.example.org", Some(Records)),
            ("x.school.example.org", None),
            ("example.org", None),
            // A name between a record and its zone exists.
            ("garden.home.arpa", Some(NoData)),
            ("x.garden.home.arpa", Some(NoName)),
            // The program's own.
            ("amparo.test", Some(Myself)),
            ("www.amparo.test", Some(NoName)),
            ("amparo.home.arpa", Some(Myself)),
            ("ask.home.arpa", Some(Myself)),
            ("blocked.amparo.test", Some(Blocked)),
            ("www.blocked.amparo.test", Some(Blocked)),
            // What dns.forward sends elsewhere; a zone closer to the name speaks first.
            ("lan", None),
            ("tv.lan", None),
            ("7.1.168.192.in-addr.arpa", None),
            ("7.2.168.192.in-addr.arpa", Some(NoName)),
            ("wiki.corp.internal", None),
            ("x.internal", Some(NoName)),
            ("x.alt", None),
            // S1
            ("localhost", Some(Loopback)),
            ("x.localhost", Some(Loopback)),
            // S2; `test` is there because `amparo.test` is.
            ("x.invalid", Some(NoName)),
            ("facebookcorewwwi.onion", Some(NoName)),
            ("other.test", Some(NoName)),
            ("test", Some(NoData)),
            // S3
            ("tv.local", Some(NoName)),
            ("home.arpa", Some(NoData)),
            ("tv.home.arpa", Some(NoName)),
            // S4
            ("1.0.0.10.in-addr.arpa", Some(NoName)),
            ("10.in-addr.arpa", Some(NoData)),
            ("1.0.15.172.in-addr.arpa", None),
            ("1.0.16.172.in-addr.arpa", Some(NoName)),
            ("1.0.31.172.in-addr.arpa", Some(NoName)),
            ("1.0.32.172.in-addr.arpa", None),
            ("1.0.63.100.in-addr.arpa", None),
            ("1.0.64.100.in-addr.arpa", Some(NoName)),
            ("1.0.127.100.in-addr.arpa", Some(NoName)),
            ("1.0.128.100.in-addr.arpa", None),
            ("1.0.0.127.in-addr.arpa", Some(NoName)),
            ("1.1.254.169.in-addr.arpa", Some(NoName)),
            ("255.255.255.255.in-addr.arpa", Some(NoName)),
            ("8.8.8.8.in-addr.arpa", None),
            ("1.0.d.f.ip6.arpa", Some(NoName)),
            ("1.0.8.e.f.ip6.arpa", Some(NoName)),
            ("1.0.c.e.f.ip6.arpa", None),
            ("1.8.b.d.0.1.0.0.2.ip6.arpa", Some(NoName)),
            ("1.6.8.4.0.6.8.4.1.0.0.2.ip6.arpa", None),
            // S5
            ("resolver.arpa", Some(NoData)),
            ("_dns.resolver.arpa", Some(NoData)),
            // S7
            ("ipv4only.arpa", None),
            // Single labels stay; top-level domains do not.
            ("printer", Some(NoName)),
            ("wpad", Some(NoName)),
            ("com", None),
            ("gt", None),
            ("arpa", None),
            ("xn--p1ai", None),
            // What ends in a number is no name.
            ("192.168.1.1", Some(NoName)),
            ("example.123", Some(NoName)),
            ("example.com1", None),
            ("123.example", None),
            // Everything else.
            ("example.com", None),
            ("home.arpa.example.com", None),
        ] {
            assert_eq!(house.find(&name(text)), expected, "{text}");
        }
        assert_eq!(house.find(&Name::ROOT), None);
    }

    #[test]
    fn where_devices_ask_encrypted_is_this_program() {
        let hostname = name("dns.example.org");
        let house = LocalNames::new(Vec::new(), Vec::new(), Vec::new(), Some(&hostname));
        for (text, expected) in [
            ("dns.example.org", Some(Myself)),
            ("sofia-phone.dns.example.org", Some(Myself)),
            ("_dns.dns.example.org", Some(LocalAnswer::Designated)),
            ("_dns.resolver.arpa", Some(LocalAnswer::Designated)),
            ("resolver.arpa", Some(NoData)),
            ("x.resolver.arpa", Some(NoData)),
            ("example.org", None),
            ("www.example.org", None),
            ("_acme-challenge.dns.example.org", None),
        ] {
            assert_eq!(house.find(&name(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_record_keeps_all_its_addresses() {
        let house = house();
        assert_eq!(house.addresses(&name("printer.home.arpa")).len(), 2);
        assert!(house.addresses(&name("amparo.test")).is_empty());
    }

    #[test]
    fn what_is_below_a_name_is_known() {
        let house = house();
        for (text, expected) in [
            ("example.org", true),
            ("org", true),
            ("school.example.org", false),
            ("home.arpa", true),
            ("example.com", false),
            ("blocked.amparo.test", false),
        ] {
            assert_eq!(house.reaches_below(&name(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_leaves_the_house_must_be_named_closely() {
        let all = LocalNames::new(Vec::new(), vec![name("arpa"), Name::ROOT], Vec::new(), None);
        assert_eq!(all.find(&name("_dns.resolver.arpa")), Some(NoData));
        assert_eq!(all.find(&name("1.0.0.10.in-addr.arpa")), Some(NoName));
        assert_eq!(all.find(&name("x.localhost")), Some(Loopback));
        assert_eq!(all.find(&name("8.8.8.8.in-addr.arpa")), None);
    }

    #[test]
    fn every_row_is_a_name_and_stands_once() {
        let mut zones: Vec<_> = SPECIAL.iter().map(|row| name(row.zone)).collect();
        zones.sort_unstable();
        assert!(zones.windows(2).all(|pair| pair[0] != pair[1]));
        let special = LocalNames::default();
        for zone in zones {
            assert!(special.find(&zone).is_some(), "{zone}");
        }
        assert!(name(MYSELF).is_at_or_below(&name("test")));
        assert!(name(BLOCKED).is_at_or_below(&name(MYSELF)));
    }
}
