//! Which addresses are of the house, so that no name out there may lead to them.
//!
//! A page that a browser opened from afar may ask for its own name again and be led to the router:
//! the browser then lets it speak with the router as if it came from there (DNS rebinding). Start at
//! [`is_of_house`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 in which no public name has its place: network and fixed bits.
const V4: &[(Ipv4Addr, u8)] = &[
    // This network; to connect to 0.0.0.0 is to connect to oneself (RFC 1122 §3.2.1.3).
    (Ipv4Addr::UNSPECIFIED, 8),
    // Private (RFC 1918 §3).
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Between a carrier and its customers (RFC 6598 §7).
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback (RFC 1122 §3.2.1.3).
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local (RFC 3927 §2.1).
    (Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// The same of IPv6.
const V6: &[(Ipv6Addr, u8)] = &[
    // Nowhere, loopback, and addresses of IPv4 in their old form (RFC 4291 §2.5).
    (Ipv6Addr::UNSPECIFIED, 96),
    // Addresses of IPv4 as programs write them: on the wire they are nobody's (RFC 4291 §2.5.5.2).
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    // Unique local (RFC 4193 §3.1).
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    // Link-local (RFC 4291 §2.5.6), and what was site-local (RFC 3879).
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
];

/// Networks whose addresses end in one of IPv4: those of translators (RFC 6052 §2.1, RFC 8215 §4).
const TRANSLATED: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48),
];

/// 6to4: the address of IPv4 stands behind the first two octets (RFC 3056 §2).
const SIX_TO_FOUR: u128 = 0x2002;

/// Whether an address leads into the house, or to whoever asks for it.
#[must_use]
pub fn is_of_house(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_v4_of_house(v4),
        IpAddr::V6(v6) => {
            let within = |networks: &[(Ipv6Addr, u8)]| {
                networks.iter().any(|&(network, bits)| {
                    (v6.to_bits() ^ network.to_bits()) >> (128 - u32::from(bits)) == 0
                })
            };
            let embedded = if within(TRANSLATED) {
                Some(v6.to_bits())
            } else {
                (v6.to_bits() >> 112 == SIX_TO_FOUR).then_some(v6.to_bits() >> 80)
            };
            #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are the address")]
            let leads_on = |bits: u128| is_v4_of_house(Ipv4Addr::from_bits(bits as u32));
            within(V6) || embedded.is_some_and(leads_on)
        }
    }
}

fn is_v4_of_house(address: Ipv4Addr) -> bool {
    V4.iter().any(|&(network, bits)| {
        (address.to_bits() ^ network.to_bits()) >> (32 - u32::from(bits)) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_house_are_known_in_every_form() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::",
            "::1",
            "::192.168.1.1",
            "::ffff:8.8.8.8",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "64:ff9b::192.168.1.1",
            "64:ff9b:1::10.0.0.1",
            "2002:c0a8:101::1",
        ];
        for address in inside {
            assert!(is_of_house(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_out_there_are_not() {
        let outside = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.0.170",
            "192.167.1.1",
            "192.169.0.1",
            "203.0.113.5",
            "2001:db8::1",
            "2606:4700::1111",
            "fbff::1",
            "ff02::1",
            "64:ff9b::8.8.8.8",
            "64:ff9b::192.0.0.170",
            "2002:808:808::1",
        ];
        for address in outside {
            assert!(!is_of_house(address.parse().unwrap()), "{address}");
        }
    }
}
