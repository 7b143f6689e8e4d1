//! Any octets are leases of each format, with names that may be shown, or none.

use amparo::clients::hosts::{Hosts, label};
use amparo::clients::leases::{self, FORMATS, Lease};
use jiff::Timestamp;

pub(crate) fn run(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    for format in FORMATS {
        let leases = (format.parse)(&text);
        // Each has a line, a block or an address of its own.
        assert!(leases.len() <= octets.len());
        for lease in &leases {
            assert!(lease.address.is_some() || lease.mac.is_some(), "it is about nothing");
            assert_eq!(lease.host, lease.host.as_deref().and_then(label), "a name is a label");
        }
        named(&leases);
    }
    let _ = leases::read("a file", &text);
}

/// Every device that a lease names has a name.
fn named(leases: &[Lease]) {
    let hosts = Hosts::default();
    hosts.set_leases(leases, Timestamp::UNIX_EPOCH);
    for lease in leases.iter().filter(|lease| lease.host.is_some()) {
        if lease.mac.is_some() {
            let nobody = std::net::IpAddr::from([0, 0, 0, 0]);
            assert!(hosts.of(nobody, lease.mac).is_some());
        }
    }
}
