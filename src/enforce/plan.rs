//! What is to be cut of one device, and what is to be let go. Pure.
//!
//! An address is shared by many names. It is cut when *every* name for which the device got it is
//! closed, so nothing that stays open breaks; essentials are never closed, so they are among those
//! that keep an address. Start at [`Plan::of`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::clock::Tick;
use crate::name::{Keyed, Name};

/// A name in wire form, shared: in place it would take 256 octets.
pub(super) type Wire = Arc<[u8]>;
/// The names a device asked for, each with the addresses it got and when.
pub(super) type Sites = HashMap<Wire, Vec<(IpAddr, Tick)>, Keyed>;

/// What changes for one device.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Addresses that are closed, each with a name it was handed for; those that are cut already
    /// among them.
    pub(super) closed: Vec<(IpAddr, Wire)>,
    /// Addresses that are cut and may no longer be.
    pub(super) open: Vec<IpAddr>,
}

impl Plan {
    /// What changes for a device that was handed `sites`. `cut` are the addresses it is cut from,
    /// each with the name for which it was, and whether that was too long ago.
    pub(super) fn of<'a>(
        sites: &Sites,
        cut: impl Iterator<Item = (IpAddr, &'a Wire, bool)>,
        is_closed: impl Fn(&Name) -> bool,
    ) -> Plan {
        let is_closed = |name: &Wire| Name::from_wire(name).is_ok_and(|name| is_closed(&name));
        let mut open = HashSet::new();
        let mut closed = BTreeMap::new();
        for (name, site) in sites {
            let addresses = site.iter().map(|(address, _)| *address);
            if is_closed(name) {
                for address in addresses {
                    // The first name in order, so that the same is told each time.
                    let first = closed.entry(address).or_insert(name);
                    *first = name.min(*first);
                }
            } else {
                open.extend(addresses);
            }
        }
        closed.retain(|address, _| !open.contains(address));
        let is_over = |(address, name, is_over): (IpAddr, &Wire, bool)| {
            let may_be_open = is_over || open.contains(&address) || !is_closed(name);
            (may_be_open && !closed.contains_key(&address)).then_some(address)
        };
        let mut open: Vec<IpAddr> = cut.filter_map(is_over).collect();
        open.sort_unstable();
        let closed = closed.into_iter().map(|(address, name)| (address, Arc::clone(name)));
        Plan { closed: closed.collect(), open }
    }
}

/// Whether it is the address of something in the world. One in the house is never cut: neither the
/// router nor this machine can be lost because some name leads there.
pub(super) fn is_public(address: IpAddr) -> bool {
    /// Addresses of the house's own (RFC 4193) and of the link (RFC 4291 §2.5.6).
    fn is_of_the_house(address: Ipv6Addr) -> bool {
        address.is_unique_local() || address.is_unicast_link_local()
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0)
        }
        IpAddr::V6(v6) => {
            !(is_of_the_house(v6) || v6.is_loopback() || v6.is_unspecified() || v6.is_multicast())
        }
    }
}
