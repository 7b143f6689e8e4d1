//! dnsmasq: one lease a line, `END MAC ADDRESS NAME CLIENT-ID`. Below a line `duid …` there are
//! those of IPv6, with the number of the association in the place of the hardware address and the
//! device's DUID in that of the client id. `*` stands where there is nothing.
//!
//! The end is in seconds since 1970, 0 for never. A dnsmasq that was built for boards without a
//! clock writes how long the lease lasts instead.

use std::net::IpAddr;

use super::{Example, Format, Lease, Place, mac, mac_of_duid, octets, time};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "dnsmasq",
    summary: "dnsmasq, also in OpenWrt, Pi-hole and most routers",
    places: &[
        Place::File("/var/lib/misc/dnsmasq.leases"),
        Place::File("/var/lib/dnsmasq/dnsmasq.leases"),
        Place::File("/run/dnsmasq/dnsmasq.leases"),
        Place::File("/run/dnsmasq.leases"),
        Place::File("/etc/pihole/dhcp.leases"),
        Place::File("/tmp/dhcp.leases"),
        Place::File("/tmp/dnsmasq.leases"),
        Place::Folder("/var/lib/NetworkManager", "dnsmasq-"),
    ],
    file_names: &["dnsmasq", "dhcp.leases"],
    looks_like: |text| text.lines().any(|line| line.starts_with("duid ") || lease(line).is_some()),
    parse: |text| text.lines().filter_map(lease).collect(),
    examples: &[
        Example {
            text: "1790000000 3c:22:fb:12:34:56 192.168.1.42 Mateos-Phone 01:3c:22:fb:12:34:56",
            leases: &[("192.168.1.42", "3c:22:fb:12:34:56", "mateos-phone", "1790000000")],
        },
        Example {
            text: "0 3c:22:fb:12:34:56 192.168.1.2 printer.lan *",
            leases: &[("192.168.1.2", "3c:22:fb:12:34:56", "printer", "-")],
        },
        // Without a clock: how long, not until when.
        Example {
            text: "43200 01-3c:22:fb:12:34:56 192.168.1.42 * *",
            leases: &[("192.168.1.42", "3c:22:fb:12:34:56", "-", "-")],
        },
        Example {
            text: "duid 00:01:00:01:2a:bc:de:f0:52:54:00:11:22:33\n\
                   1790000000 309485654 fd00::42 sofia-laptop 00:01:00:01:2a:bb:cc:dd:3c:22:fb:12:34:56\n\
                   1790000000 T309485654 fd00::43 * 00:03:00:01:3c:22:fb:12:34:56\n\
                   1790000000 17 fd00::44 tv 00:04:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00",
            leases: &[
                ("fd00::42", "3c:22:fb:12:34:56", "sofia-laptop", "1790000000"),
                ("fd00::43", "3c:22:fb:12:34:56", "-", "1790000000"),
                ("fd00::44", "-", "tv", "1790000000"),
            ],
        },
        Example { text: "1790000000 3c:22:fb:12:34:56 192.168.1.42", leases: &[] },
        Example { text: "domain=lan\nserver=192.168.1.1\n", leases: &[] },
    ],
};

/// A smaller number is a length: no lease that is still of use ended before September 2001.
const FIRST_TIME: i64 = 1_000_000_000;

fn lease(line: &str) -> Option<Lease> {
    let mut fields = line.split_ascii_whitespace();
    let end: i64 = fields.next()?.parse().ok()?;
    let hardware = fields.next()?;
    let address: IpAddr = fields.next()?.parse().ok()?;
    let host = fields.next()?;
    let id = fields.next().unwrap_or_default();
    let mac = match address {
        // The kind of network stands before it, except for Ethernet, which is 1.
        IpAddr::V4(_) => mac(hardware.strip_prefix("01-").unwrap_or(hardware)),
        IpAddr::V6(_) => octets(id).and_then(|duid| mac_of_duid(&duid)),
    };
    let until = if end < FIRST_TIME { None } else { time(end) };
    Lease::of(Some(address), mac, host, until)
}
