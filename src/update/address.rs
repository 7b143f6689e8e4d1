//! Which addresses a list may come from.
//!
//! Who publishes a list can send us anywhere: by a redirect, or by what his name resolves to. On
//! the household's side of the router stand machines that obey whoever asks from there, so
//! nothing a publisher says leads to one. A parent may keep a list on the family's own server,
//! and says so by writing its address. Pure; start at [`reach`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Into the public internet.
    Public,
    /// To a machine of the household, or to this one: only where a parent wrote its host.
    Household,
    /// To no single machine, or to whichever happens to listen: never.
    Nobody,
}

/// Where an address leads. IPv4 addresses inside IPv6 ones are judged by themselves.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// By the special-purpose registry of IANA (RFC 6890), and what came after it.
fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // "This network": Linux takes 0.0.0.0 for itself. Groups, the future, everybody.
        [0 | 224..=255, ..] => Reach::Nobody,
        // Private (RFC 1918), this machine, link-local; a provider's own (RFC 6598): its customers'
        // routers; protocol assignments, documentation and benchmarks: some use them as private.
        [10 | 127, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [169, 254, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0 | 2, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Household,
        _ => Reach::Public,
    }
}

/// Only what is given out as global unicast (`2000::/3`) is public.
fn reach_v6(address: Ipv6Addr) -> Reach {
    let (segments, octets) = (address.segments(), address.octets());
    let v4_at =
        |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] | [0xff00..=0xffff, ..] => Reach::Nobody,
        // IPv4 in IPv6 form (RFC 4291 §2.5.5.2), behind a NAT64 (RFC 6052), by 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => reach_v4(v4_at(12)),
        [0x2002, ..] => reach_v4(v4_at(2)),
        // Protocol assignments with Teredo among them, documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Household,
        [0x2000..=0x3fff, ..] => Reach::Public,
        // Unique local, link-local, site-local, this machine, a NAT64 of the network's own.
        _ => Reach::Household,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn all(expected: Reach, addresses: &str) {
        for address in addresses.split_whitespace() {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn public_servers_are_public() {
        all(Reach::Public, "1.1.1.1 9.9.9.9 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1");
        all(Reach::Public, "192.167.1.1 192.0.1.1 198.17.0.1 223.255.255.255 11.0.0.1 128.0.0.1");
        all(Reach::Public, "2606:4700::1111 2a00:1450::1 2001:4860::8888 2001:200::1");
    }

    #[test]
    fn the_household_is_not_public() {
        all(Reach::Household, "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1 127.8.8.8");
        all(Reach::Household, "169.254.169.254 100.64.0.1 100.127.255.255 192.0.2.1 198.18.0.1");
        all(Reach::Household, "::1 fe80::1 febf::1 fc00::1 fd12::1 fec0::1 2001:db8::1 3fff::1");
        all(Reach::Household, "2001::1 64:ff9b:1::1 5f00::1 100::1 ::192.168.1.1 ::8.8.8.8");
    }

    #[test]
    fn nobody_has_these() {
        all(Reach::Nobody, "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255");
        all(Reach::Nobody, ":: ff02::1 ff0e::1 ::ffff:0.0.0.0 64:ff9b::224.0.0.1");
    }

    #[test]
    fn an_address_inside_another_is_judged_by_itself() {
        all(
            Reach::Household,
            "::ffff:192.168.1.1 ::ffff:127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::7f00:1",
        );
        all(Reach::Household, "2002:c0a8:101::1 2002:7f00:1::");
        all(Reach::Public, "::ffff:1.1.1.1 64:ff9b::1.1.1.1 2002:101:101::1");
    }

    proptest! {
        /// What the standard library knows to be special is never public.
        #[test]
        fn nothing_special_is_public(octets: [u8; 16], four: [u8; 4]) {
            let (v6, v4) = (Ipv6Addr::from(octets), Ipv4Addr::from(four));
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
            {
                prop_assert_ne!(reach(v4.into()), Reach::Public);
            }
            if v6.is_loopback() || v6.is_multicast() || v6.is_unspecified()
                || v6.is_unique_local() || v6.is_unicast_link_local()
            {
                prop_assert_ne!(reach(v6.into()), Reach::Public);
            }
            prop_assert_eq!(reach(v4.to_ipv6_mapped().into()), reach(v4.into()));
        }
    }
}
