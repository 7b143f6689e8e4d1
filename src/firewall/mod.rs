//! Rules of a firewall that keep devices from going around the filter.
//!
//! A device that was told to ask another resolver is turned back where its packets pass: plain DNS
//! is answered here, encrypted DNS does not connect. [`Plan`] is what there is to do, pure and out
//! of the household's own rules; [`nft`] writes it for nftables, [`openwrt`] for `OpenWrt`, [`facts`]
//! looks at this machine, [`doh`] is the table of public resolvers, [`probe`] asks from a device
//! whether the rules hold. Start reading at [`Plan::new`].
//!
//! Only what is forwarded, and what comes in from the house, is touched: this machine's own
//! questions to its upstreams never meet these rules, so nothing can go in a circle.

pub mod doh;
pub mod facts;
pub mod nft;
pub mod openwrt;
pub mod probe;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicBool;

use crate::clients::{Address, DeviceRule, Mac};
use crate::enforce::hook::{Failure, Program};
use crate::policy::rules::{Household, SubjectId, SubjectKind};
use facts::Machine;

/// The port of plain DNS (RFC 1035 §4.2).
pub const DNS_PORT: u16 = 53;
/// The port of DNS over TLS (RFC 7858 §3.1) and over QUIC (RFC 9250 §4.1.1).
pub const ENCRYPTED_PORT: u16 = 853;
/// The port of DNS over HTTPS (RFC 8484 §5).
pub const HTTPS_PORT: u16 = 443;
/// The profile under which unknown devices are free.
const OPEN_PROFILE: &str = "open";

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The interfaces behind which the house is.
    pub house: Vec<String>,
    /// Where plain DNS goes.
    pub dns: Turn,
    /// Whom the rules are for.
    pub whom: Whom,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// What becomes of a question to another resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is answered on this machine: over IPv4, over IPv6.
    Here(Door, Door),
    /// It is refused: the filter is at this address, and a question that was turned towards it
    /// would come from the router, so that nobody could tell who asks.
    Refused(IpAddr),
}

/// How this machine is reached by a question that was meant for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// At this port of whichever address it came in by.
    Port(u16),
    /// At this address.
    At(SocketAddr),
    /// Not at all: then the question is refused.
    None,
}

/// Whom the rules are for. Where a device is in two places, the first that speaks is right: as
/// [`crate::clients::Table::identify`] decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whom {
    /// Devices of children.
    pub children: Devices,
    /// Devices of adults, which are free.
    pub adults: Devices,
    /// Ranges, the longest first, each with whether it is a child's.
    pub ranges: Vec<(IpAddr, u8, bool)>,
    /// Whether devices that are nobody's are held to the rules as well.
    pub strangers: bool,
}

/// Devices by what a packet shows of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// Hardware addresses.
    pub macs: BTreeSet<Mac>,
    /// IPv4 addresses.
    pub v4: BTreeSet<Ipv4Addr>,
    /// IPv6 addresses.
    pub v6: BTreeSet<Ipv6Addr>,
}

/// A device that was seen under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHost {
    /// What it calls itself, in lower case.
    pub host: String,
    /// Its hardware address, where that is known.
    pub mac: Option<Mac>,
    /// Where it is now.
    pub addresses: Vec<IpAddr>,
}

/// What a person should know before these rules are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Nothing passes through this machine: it forwards no packets.
    ForwardsNothing,
    /// There is one network only: the router is somewhere else.
    OneNetwork,
    /// It is not known which interface leads out.
    NoWayOut,
    /// Amparo does not answer over this family of addresses: plain DNS over it is refused.
    NoDoor(u8),
    /// A device that no packet shows: whose (an id of the config file), and as what it is written.
    LeftOut(String, String),
    /// A device known by its name, which is there under these addresses now.
    HostNow(String, String),
    /// A device known by its name that nobody has seen.
    HostUnseen(String, String),
    /// Devices that are nobody's are free, as the household says.
    StrangersFree,
    /// No child has a device these rules can see, and strangers are free: they stop nobody.
    Nobody,
}

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The household's rules.
    pub household: &'a Household,
    /// Whose device is which.
    pub devices: &'a [DeviceRule],
    /// Where the program listens, or would.
    pub listen: &'a [SocketAddr],
    /// Devices that were seen under a name.
    pub hosts: &'a [SeenHost],
    /// This machine.
    pub machine: &'a Machine,
    /// The interfaces of the house, as they were named; empty: those this machine shows.
    pub house: &'a [String],
    /// Where Amparo is, when it is not on the machine the rules are for.
    pub elsewhere: Option<IpAddr>,
}

// === impl Plan ===

impl Plan {
    /// What there is to do for a household on a machine.
    #[must_use]
    pub fn new(given: Given<'_>) -> Self {
        let mut notices = Vec::new();
        let house = house_of(given, &mut notices);
        let dns = turn_of(given, &mut notices);
        let whom = Whom::new(given, &mut notices);
        if !whom.strangers {
            notices.push(Notice::StrangersFree);
            if whom.children == Devices::default() && !whom.ranges.iter().any(|range| range.2) {
                notices.push(Notice::Nobody);
            }
        }
        Plan { house, dns, whom, notices }
    }

    /// Whether the rules can do anything on the machine they were made for.
    #[must_use]
    pub fn reaches_somebody(&self) -> bool {
        let in_vain = [Notice::ForwardsNothing, Notice::OneNetwork, Notice::Nobody];
        !self.notices.iter().any(|notice| in_vain.contains(notice))
    }
}

/// The interfaces of the house.
fn house_of(given: Given<'_>, notices: &mut Vec<Notice>) -> Vec<String> {
    let Given { machine, house, elsewhere, .. } = given;
    let inner = machine.inner();
    // Rules for another machine know nothing of this one.
    if elsewhere.is_none() {
        if !machine.forwards {
            notices.push(Notice::ForwardsNothing);
        }
        if machine.ways_out.is_empty() && house.is_empty() {
            notices.push(Notice::NoWayOut);
        } else if inner.is_empty() && house.is_empty() {
            notices.push(Notice::OneNetwork);
        }
    }
    if !house.is_empty() {
        return house.to_vec();
    }
    if elsewhere.is_some() {
        // What every router of this kind calls it.
        return vec![openwrt::HOUSE.to_owned()];
    }
    if inner.is_empty() { machine.networks.clone() } else { inner }
}

/// Where plain DNS goes.
fn turn_of(given: Given<'_>, notices: &mut Vec<Notice>) -> Turn {
    if let Some(address) = given.elsewhere {
        return Turn::Refused(address);
    }
    let door = |is_v4: bool| {
        let mut own = given.listen.iter().filter(|at| at.is_ipv4() == is_v4);
        let everywhere = own.clone().find(|at| at.ip().is_unspecified());
        let reached = own.find(|at| !at.ip().is_loopback() && !at.ip().is_unspecified());
        match (everywhere, reached) {
            (Some(at), _) => Door::Port(at.port()),
            (None, Some(at)) => Door::At(*at),
            (None, None) => Door::None,
        }
    };
    let (v4, v6) = (door(true), door(false));
    notices.extend((v4 == Door::None).then_some(Notice::NoDoor(4)));
    notices.extend((v6 == Door::None).then_some(Notice::NoDoor(6)));
    Turn::Here(v4, v6)
}

// === impl Whom ===

impl Whom {
    fn new(given: Given<'_>, notices: &mut Vec<Notice>) -> Self {
        let Given { household, devices, hosts, .. } = given;
        let unknown = household.subjects.first();
        let mut whom = Whom {
            strangers: unknown.is_none_or(|unknown| unknown.profile != OPEN_PROFILE),
            ..Whom::default()
        };
        for DeviceRule { address, subject } in devices {
            let SubjectId(place) = *subject;
            let Some(subject) = household.subjects.get(usize::from(place)) else { continue };
            let is_child = subject.kind != SubjectKind::Adult;
            let group = if is_child { &mut whom.children } else { &mut whom.adults };
            let written = || (subject.id.clone(), address.to_string());
            match address {
                Address::Mac(mac) => {
                    group.macs.insert(*mac);
                }
                Address::Net(ip, length) if *length == if ip.is_ipv4() { 32 } else { 128 } => {
                    group.add(*ip);
                }
                Address::Net(ip, length) => whom.ranges.push((*ip, *length, is_child)),
                Address::Host(name) => {
                    let mut is_seen = false;
                    for seen in hosts.iter().filter(|seen| *seen.host == **name) {
                        is_seen |= group.add_seen(seen);
                    }
                    let (who, what) = written();
                    notices.push(if is_seen {
                        Notice::HostNow(who, what)
                    } else {
                        Notice::HostUnseen(who, what)
                    });
                }
                Address::Id(_) => {
                    let (who, what) = written();
                    notices.push(Notice::LeftOut(who, what));
                }
            }
        }
        // The longest first, a child's before an adult's of the same range.
        whom.ranges.sort_by_key(|&(_, length, is_child)| (u8::MAX - length, !is_child));
        whom
    }
}

impl Devices {
    fn add(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.v4.insert(v4),
            IpAddr::V6(v6) => self.v6.insert(v6),
        };
    }

    /// A device by its hardware address, which stays, else by where it is now. False: neither is
    /// known.
    fn add_seen(&mut self, seen: &SeenHost) -> bool {
        if let Some(mac) = seen.mac {
            self.macs.insert(mac);
            return true;
        }
        for address in &seen.addresses {
            self.add(*address);
        }
        !seen.addresses.is_empty()
    }
}

/// Has a program read a script; what it complains about is the error.
///
/// # Errors
/// When the program is not there, takes too long, or says that it failed.
pub fn tell(program: &[&str], script: &str) -> Result<(), String> {
    let words = program.iter().map(|&word| word.to_owned()).collect();
    let outcome = Program { words }.run(&[], script, &AtomicBool::new(false));
    outcome.map_err(|failure: Failure| failure.to_string())
}

/// Whether a program is in `PATH`.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests;
