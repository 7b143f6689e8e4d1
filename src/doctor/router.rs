//! Which resolvers the network itself tells its devices to ask: each that is not this machine is a
//! way around.
//!
//! The only check that sends something to the house: a question to DHCP servers ([`dhcp`]) and one
//! to routers ([`advert`]), as any device asks them when it joins. Root's alone to do.

mod advert;
mod dhcp;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use nix::net::if_::InterfaceFlags;

use super::{Check, Finding, Look, State, fill};
use crate::clock::Clock;
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "router",
    label: &words::ROUTER,
    judge: |facts| judge(facts.language, &facts.router),
};

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most networks that are asked: a home has one to three; machines with containers have many
/// that answer nothing.
const LINKS_MAX: usize = 8;

/// What the network tells its devices.
#[derive(Debug, Clone)]
pub(super) enum Facts {
    /// Nobody was to be asked.
    Offline,
    /// This user may not ask.
    NotRoot,
    /// What came of asking.
    Asked {
        /// Who told what.
        told: Vec<Told>,
        /// Whether a DHCP client has the port that is asked from.
        is_port_taken: bool,
        /// Whether there is any network to ask.
        has_links: bool,
        /// The addresses of this machine.
        own: Vec<IpAddr>,
    },
}

/// The resolvers that somebody hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Who.
    from: IpAddr,
    /// In which way.
    way: Way,
    /// Whom to ask.
    servers: Vec<IpAddr>,
}

/// How devices are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// When they ask for an address of IPv4.
    Dhcp,
    /// With the router's announcements of IPv6.
    Advert,
}

/// A network of this machine.
#[derive(Debug, Clone)]
struct Link {
    name: String,
    index: u32,
    address: Option<Ipv4Addr>,
    mac: [u8; 6],
}

/// Asks, where that may be done.
pub(super) fn gather(look: &Look) -> Facts {
    if look.offline {
        return Facts::Offline;
    }
    if !nix::unistd::geteuid().is_root() {
        return Facts::NotRoot;
    }
    let (links, own) = links();
    let (dhcp, advert) = std::thread::scope(|scope| {
        let asking: Vec<_> = links
            .iter()
            .filter_map(|link| {
                let address = link.address?;
                Some(scope.spawn(move || dhcp::ask(&link.name, address, link.mac, PATIENCE)))
            })
            .collect();
        let indices: Vec<u32> = links.iter().map(|link| link.index).collect();
        // A machine without IPv6 has no raw socket for it, and nobody to hear.
        let advert = advert::ask(&indices, PATIENCE).unwrap_or_default();
        let dhcp: Vec<_> = asking.into_iter().filter_map(|asked| asked.join().ok()).collect();
        (dhcp, advert)
    });
    let is_taken = |asked: &io::Result<Vec<_>>| {
        asked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    };
    let is_port_taken = dhcp.iter().any(is_taken);
    let of_dhcp = dhcp.into_iter().filter_map(Result::ok).flatten();
    let of_dhcp = of_dhcp.map(|(from, servers): (Ipv4Addr, Vec<Ipv4Addr>)| Told {
        from: from.into(),
        way: Way::Dhcp,
        servers: servers.into_iter().map(IpAddr::from).collect(),
    });
    let of_advert = advert.into_iter().map(|(from, servers)| Told {
        from: from.into(),
        way: Way::Advert,
        servers: servers.into_iter().map(IpAddr::from).collect(),
    });
    let told = of_dhcp.chain(of_advert).collect();
    Facts::Asked { told, is_port_taken, has_links: !links.is_empty(), own }
}

/// The networks on which there may be a router, and every address of this machine.
fn links() -> (Vec<Link>, Vec<IpAddr>) {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Default::default() };
    let mut links: BTreeMap<String, Link> = BTreeMap::new();
    let mut own = Vec::new();
    let without = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT;
    for interface in interfaces {
        let Some(address) = &interface.address else { continue };
        let (v4, v6) = (address.as_sockaddr_in(), address.as_sockaddr_in6());
        own.extend(v4.map(|v4| IpAddr::from(v4.ip())));
        own.extend(v6.map(|v6| IpAddr::from(v6.ip())));
        let is_up =
            interface.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_BROADCAST);
        if !is_up || interface.flags.intersects(without) {
            continue;
        }
        let Ok(index) = nix::net::if_::if_nametoindex(interface.interface_name.as_str()) else {
            continue;
        };
        let name = interface.interface_name.clone();
        let link =
            links.entry(name.clone()).or_insert(Link { name, index, address: None, mac: [0; 6] });
        if let Some(v4) = v4 {
            link.address.get_or_insert(v4.ip());
        }
        if let Some(mac) = address.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr) {
            link.mac = mac;
        }
    }
    (links.into_values().take(LINKS_MAX).collect(), own)
}

/// Calls until the time is over: each time with what is left of it. A call that waited in vain ends
/// it too; any other failure is handed over.
fn within(
    patience: Duration,
    clock: &Clock,
    mut call: impl FnMut(Duration) -> io::Result<()>,
) -> io::Result<()> {
    let began = clock.tick();
    loop {
        let spent = Duration::from_millis(clock.tick().millis_since(began));
        let left = patience.saturating_sub(spent);
        if left.is_zero() {
            return Ok(());
        }
        match call(left) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let note = |words| Finding::of(State::Note, words, language);
    let (told, is_port_taken, has_links, own) = match facts {
        Facts::Offline => return vec![note(&words::NOT_ASKED)],
        Facts::NotRoot => return vec![note(&words::ROUTER_NOT_ROOT).run("sudo amparo doctor")],
        Facts::Asked { told, is_port_taken, has_links, own } => {
            (told, *is_port_taken, *has_links, own)
        }
    };
    let mut findings = Vec::new();
    for (from, way, servers) in by_teller(told) {
        let (ours, others): (Vec<IpAddr>, Vec<IpAddr>) =
            servers.iter().partition(|server| own.contains(server));
        let list = |servers: &[IpAddr]| {
            servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let way_words = match way {
            Way::Dhcp => &words::WAY_DHCP,
            Way::Advert => &words::WAY_ADVERT,
        };
        let who = format!("{from} ({})", way_words.in_language(language));
        if others.is_empty() {
            let text = fill(language, &words::ROUTER_GOOD, &list(&ours), &who);
            findings.push(Finding::new(State::Ok, text));
            continue;
        }
        let sentence = if ours.is_empty() { &words::ROUTER_OTHER } else { &words::ROUTER_ALSO };
        let fix = match way {
            Way::Dhcp => &words::ROUTER_FIX_DHCP,
            Way::Advert => &words::ROUTER_FIX_ADVERT,
        };
        findings.push(
            Finding::new(State::Warning, fill(language, sentence, &list(&others), &who))
                .say(fix.in_language(language))
                .undo_say(words::ROUTER_UNDO.in_language(language)),
        );
    }
    if is_port_taken {
        findings
            .push(note(&words::ROUTER_PORT_TAKEN).say(words::ROUTER_LOOK.in_language(language)));
    }
    if findings.is_empty() {
        findings.push(note(if has_links {
            &words::ROUTER_SILENT
        } else {
            &words::ROUTER_NO_LINKS
        }));
    }
    findings
}

/// What each tells, once: several answers of one are one.
fn by_teller(told: &[Told]) -> Vec<(IpAddr, Way, Vec<IpAddr>)> {
    let mut all: BTreeMap<(Way, IpAddr), Vec<IpAddr>> = BTreeMap::new();
    for one in told.iter().filter(|one| !one.servers.is_empty()) {
        all.entry((one.way, one.from)).or_default().extend(&one.servers);
    }
    let each = all.into_iter().map(|((way, from), mut servers)| {
        servers.sort_unstable();
        servers.dedup();
        (from, way, servers)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(told: &[(&str, Way, &[&str])]) -> Facts {
        let told = told.iter().map(|(from, way, servers)| Told {
            from: from.parse().unwrap(),
            way: *way,
            servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
        });
        Facts::Asked {
            told: told.collect(),
            is_port_taken: false,
            has_links: true,
            own: vec!["192.168.1.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        }
    }

    #[test]
    fn a_second_server_is_a_way_around() {
        let facts = asked(&[("192.168.1.1", Way::Dhcp, &["192.168.1.2", "8.8.8.8"])]);
        let found = judge(Language::En, &facts);
        assert_eq!((found.len(), found[0].state), (1, State::Warning));
        assert_eq!(
            found[0].text,
            "192.168.1.1 (DHCP) also hands out 8.8.8.8: a way around this protection."
        );
    }

    #[test]
    fn a_network_that_names_us_alone_is_ok() {
        let facts = asked(&[
            ("192.168.1.1", Way::Dhcp, &["192.168.1.2"]),
            ("fe80::1", Way::Advert, &["fd00::2"]),
        ]);
        let found = judge(Language::Es, &facts);
        assert!(found.len() == 2 && found.iter().all(|one| one.state == State::Ok), "{found:#?}");
    }

    #[test]
    fn a_network_that_does_not_name_us_is_told_so() {
        let facts = asked(&[("fe80::1", Way::Advert, &["2001:4860:4860::8888"])]);
        let found = judge(Language::En, &facts);
        assert!(found[0].text.contains("not this machine"), "{found:#?}");
        assert!(!found[0].undo.is_empty());
    }

    #[test]
    fn nobody_asked_and_nobody_heard_are_notes() {
        let states = |facts: &Facts| judge(Language::En, facts)[0].state;
        assert_eq!(states(&Facts::Offline), State::Note);
        assert_eq!(states(&Facts::NotRoot), State::Note);
        assert_eq!(states(&asked(&[])), State::Note);
        assert_eq!(states(&asked(&[("192.168.1.1", Way::Dhcp, &[])])), State::Note);
    }
}
