//! odhcpd: hosts files with the leases in comments,
//! `# INTERFACE DUID IAID NAME END ID LENGTH ADDRESS/LENGTH…`.
//!
//! A lease of IPv4 has `ipv4` in the place of the IAID and a hardware address in that of the DUID.
//! The end is in seconds since 1970, -1 for never, 0 when it is over. The lines without `#` are the
//! hosts file, with the names alone.

use std::collections::HashSet;
use std::net::IpAddr;

use super::{Example, Format, Lease, Place, mac_of_duid, octets, time};
use crate::clients::address::Mac;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "odhcpd",
    summary: "odhcpd, OpenWrt's server for IPv6",
    places: &[
        Place::File("/tmp/odhcpd.leases"),
        Place::File("/tmp/hosts/odhcpd"),
        Place::Folder("/tmp/hosts", "odhcpd."),
    ],
    file_names: &["odhcpd"],
    looks_like: |text| text.lines().any(|line| state(line).is_some() || host(line).is_some()),
    parse,
    examples: &[
        Example {
            text: "fd00::5d2\tmateo-phone.lan\tmateo-phone\n\
                   # br-lan 000100012abbccdd3c22fb123456 5ab0c1 mateo-phone 1790000000 5d2 128 fd00::5d2/128 2001:db8::5d2/128\n",
            leases: &[
                ("fd00::5d2", "3c:22:fb:12:34:56", "mateo-phone", "1790000000"),
                ("2001:db8::5d2", "3c:22:fb:12:34:56", "mateo-phone", "1790000000"),
            ],
        },
        Example {
            text: "# br-lan 3c22fb123456 ipv4 sofia 1790000000 c0a80120 32 192.168.1.32/32\n",
            leases: &[("192.168.1.32", "3c:22:fb:12:34:56", "sofia", "1790000000")],
        },
        // Over: the name stays. For ever. A name that the server itself calls broken. A prefix for
        // a network behind the device is no address of it.
        Example {
            text: "# br-lan 000300013c22fb123456 1 tablet 0 5d2 128\n\
                   # br-lan 000300013c22fb123457 1 tv -1 5d3 128 fd00::5d3/128\n\
                   # br-lan 000300013c22fb123458 1 broken\\x20a!b -1 5d4 128 fd00::5d4/128\n\
                   # br-lan 000300013c22fb123459 1 router2 -1 4 62 fd00:0:0:4::/62\n",
            leases: &[
                ("-", "3c:22:fb:12:34:56", "tablet", "-"),
                ("fd00::5d3", "3c:22:fb:12:34:57", "tv", "-"),
                ("fd00::5d4", "3c:22:fb:12:34:58", "-", "-"),
                ("-", "3c:22:fb:12:34:59", "router2", "-"),
            ],
        },
        Example {
            text: "fd00::7 printer.lan printer\n",
            leases: &[("fd00::7", "-", "printer", "-")],
        },
        Example { text: "127.0.0.1 localhost\n# a comment\n", leases: &[] },
    ],
};

/// One commented line.
struct State<'a> {
    mac: Option<Mac>,
    host: &'a str,
    end: i64,
    addresses: Vec<IpAddr>,
}

fn parse(text: &str) -> Vec<Lease> {
    let mut leases: Vec<Lease> = text.lines().filter_map(state).flat_map(State::leases).collect();
    let known: HashSet<IpAddr> = leases.iter().filter_map(|lease| lease.address).collect();
    let hosts = text.lines().filter_map(host);
    leases.extend(hosts.filter(|lease| lease.address.is_none_or(|it| !known.contains(&it))));
    leases
}

fn state(line: &str) -> Option<State<'_>> {
    let mut fields = line.strip_prefix('#')?.split_ascii_whitespace();
    let (_interface, id, kind) = (fields.next()?, octets(fields.next()?)?, fields.next()?);
    let mac = if kind == "ipv4" {
        Mac::of_device(&id)
    } else {
        u32::from_str_radix(kind, 16).ok()?;
        mac_of_duid(&id)
    };
    let host = fields.next()?;
    let end = fields.next()?.parse().ok()?;
    let (_assigned, _length) = (fields.next()?, fields.next()?);
    Some(State { mac, host, end, addresses: fields.filter_map(own_address).collect() })
}

/// An address that is the device's own: not a whole network's.
fn own_address(text: &str) -> Option<IpAddr> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    (address.is_ipv4() || length == "128").then_some(address)
}

/// A line of the hosts file.
fn host(line: &str) -> Option<Lease> {
    let mut fields = line.split_ascii_whitespace();
    let address: IpAddr = fields.next()?.parse().ok()?;
    let lease = Lease::of(Some(address), None, fields.next()?, None)?;
    (!address.is_loopback()).then_some(lease)
}

// === impl State ===

impl State<'_> {
    /// A lease for each address, and one without where there is none.
    fn leases(self) -> impl Iterator<Item = Lease> {
        let until = if self.end > 0 { time(self.end) } else { None };
        let addresses = if self.end == 0 { Vec::new() } else { self.addresses };
        let alone = addresses.is_empty().then_some(None);
        let (mac, host) = (self.mac, self.host.to_owned());
        alone
            .into_iter()
            .chain(addresses.into_iter().map(Some))
            .filter_map(move |address| Lease::of(address, mac, &host, until))
    }
}
