//! What this machine is between: which networks it has, which of them leads out, and whether it
//! forwards anything.

use std::collections::BTreeSet;

use nix::net::if_::InterfaceFlags;

/// Interfaces of containers and virtual machines: their programs are this machine's own.
const INNER_PREFIXES: [&str; 7] = ["docker", "veth", "virbr", "podman", "cni", "lxcbr", "lxdbr"];
/// How Docker calls a network's bridge: this, and twelve hexadecimal digits. `br-lan` is a house's.
const DOCKER_BRIDGE: &str = "br-";

/// This machine's place in the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its networks: interfaces that are up and have an address, none of containers.
    pub networks: Vec<String>,
    /// The interfaces through which everything else is reached.
    pub ways_out: Vec<String>,
    /// Whether it forwards packets between networks, of IPv4 or IPv6.
    pub forwards: bool,
}

impl Machine {
    /// This machine, as the kernel tells.
    #[must_use]
    pub fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let is_on = |path: &str| read(path).trim() == "1";
        let mut ways_out = ways_out_v4(&read("/proc/net/route"));
        ways_out.append(&mut ways_out_v6(&read("/proc/net/ipv6_route")));
        Machine {
            networks: networks(),
            ways_out: ways_out.into_iter().collect(),
            forwards: is_on("/proc/sys/net/ipv4/ip_forward")
                || is_on("/proc/sys/net/ipv6/conf/all/forwarding"),
        }
    }

    /// The networks that do not lead out: behind them is the house.
    #[must_use]
    pub fn inner(&self) -> Vec<String> {
        let inner = self.networks.iter().filter(|name| !self.ways_out.contains(name));
        inner.cloned().collect()
    }
}

fn networks() -> Vec<String> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let without = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT;
    let names = interfaces.filter(|interface| {
        let address = interface.address.as_ref();
        let has_address = address.is_some_and(|address| {
            address.as_sockaddr_in().is_some() || address.as_sockaddr_in6().is_some()
        });
        let is_up = interface.flags.contains(InterfaceFlags::IFF_UP);
        has_address && is_up && !interface.flags.intersects(without)
    });
    let names = names.map(|interface| interface.interface_name);
    names.filter(|name| !is_containers(name)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn is_containers(name: &str) -> bool {
    let is_hex = |id: &str| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    INNER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.strip_prefix(DOCKER_BRIDGE).is_some_and(is_hex)
}

/// The interfaces of default routes in `/proc/net/route`: name, destination, …, mask the eighth.
fn ways_out_v4(text: &str) -> BTreeSet<String> {
    let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let default =
        rows.filter(|row| row.get(1) == Some(&"00000000") && row.get(7) == Some(&"00000000"));
    default.filter_map(|row| row.first().map(|&name| name.to_owned())).collect()
}

/// The same in `/proc/net/ipv6_route`: destination, its length, …, the name last. The kernel keeps
/// a default route on `lo` that refuses.
fn ways_out_v6(text: &str) -> BTreeSet<String> {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_default = |row: &Vec<&str>| {
        row.first().is_some_and(|to| to.bytes().all(|digit| digit == b'0'))
            && row.get(1) == Some(&"00")
    };
    let names = rows.filter(is_default).filter_map(|row| row.last().map(|&name| name.to_owned()));
    names.filter(|name| name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_is_where_the_default_route_goes() {
        let v4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                  wan\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                  lan\t0000090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                  tun\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n";
        assert_eq!(ways_out_v4(v4), BTreeSet::from(["wan".to_owned()]));
        let zero = "0".repeat(32);
        let fd = format!("fd{}", "0".repeat(30));
        let v6 = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00450003 wan\n\
             {fd} 40 {zero} 00 {zero} 00000100 1 0 00000001 lan\n\
             {zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n"
        );
        assert_eq!(ways_out_v6(&v6), BTreeSet::from(["wan".to_owned()]));
        assert!(ways_out_v4("").is_empty() && ways_out_v6("nothing\n").is_empty());
    }

    #[test]
    fn what_does_not_lead_out_is_the_house() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let machine = Machine {
            networks: names(&["guest", "lan", "wan"]),
            ways_out: names(&["wan"]),
            forwards: true,
        };
        assert_eq!(machine.inner(), ["guest", "lan"]);
        assert!(is_containers("docker0") && is_containers("br-1f2e3d4c5b6a"));
        assert!(!is_containers("br-lan") && !is_containers("eth0"));
    }
}
