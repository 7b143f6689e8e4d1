//! The addresses of public resolvers: `blocklists/doh-addresses.txt`, part of the program.

use std::net::IpAddr;

use crate::clients::Address;

/// The table.
const TEXT: &str = include_str!("../../blocklists/doh-addresses.txt");

/// An address, or a range, of somebody's resolvers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolver {
    /// The first address.
    pub address: IpAddr,
    /// How many of its bits are fixed.
    pub length: u8,
    /// Whose it is.
    pub owner: &'static str,
}

/// All of them, in the table's order.
#[must_use]
pub fn resolvers() -> Vec<Resolver> {
    TEXT.lines().filter_map(read).collect()
}

/// Whose an address is, where the table knows it.
#[must_use]
pub fn owner_of(address: IpAddr) -> Option<&'static str> {
    let all = resolvers().into_iter();
    let mut meets = all
        .filter(|one| crate::clients::address::is_inside(address, one.address, one.length))
        .map(|one| one.owner);
    meets.next()
}

fn read(line: &'static str) -> Option<Resolver> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (address, owner) = line.split_once(char::is_whitespace)?;
    match Address::parse(address) {
        Ok(Address::Net(address, length)) => {
            Some(Resolver { address, length, owner: owner.trim() })
        }
        Ok(Address::Mac(_) | Address::Host(_) | Address::Id(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_address_with_an_owner_and_stands_once() {
        let lines = TEXT.lines().map(str::trim);
        let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        let all = resolvers();
        assert_eq!(all.len(), said);
        assert!(all.iter().all(|one| !one.owner.is_empty()));
        let within = |a: &Resolver, b: &Resolver| {
            crate::clients::address::is_inside(a.address, b.address, b.length)
        };
        for (place, one) in all.iter().enumerate() {
            let other =
                all.iter().enumerate().find(|(at, other)| *at != place && within(one, other));
            assert!(other.is_none(), "{one:?} is in {other:?}");
        }
    }

    #[test]
    fn those_that_browsers_offer_are_known() {
        for (address, owner) in [
            ("8.8.8.8", "Google"),
            ("1.1.1.1", "Cloudflare"),
            ("45.90.28.77", "NextDNS"),
            ("2a07:a8c1::12:3456", "NextDNS"),
            ("2620:fe::fe", "Quad9"),
        ] {
            assert_eq!(owner_of(address.parse().unwrap()), Some(owner), "{address}");
        }
        assert_eq!(owner_of("192.0.2.7".parse().unwrap()), None);
    }
}
