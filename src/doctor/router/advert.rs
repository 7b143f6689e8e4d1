//! Asks routers of IPv6 which resolvers they announce: a router solicitation (RFC 4861 §4.1), and
//! the RDNSS option of what comes back (RFC 8106 §5.1).

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::clock::Clock;

/// All routers of a link (RFC 4291 §2.7.1).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Message types (RFC 4861 §4.1, §4.2).
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// Where the options of an advertisement begin (RFC 4861 §4.2).
const OPTIONS_AT: usize = 16;
/// The option with resolvers (RFC 8106 §5.1).
const RDNSS: u8 = 25;
/// A router's own hop limit: whatever came through another router is a forgery (RFC 4861 §6.1.2).
const HOPS: u32 = 255;
/// The longest message read.
const MESSAGE_OCTETS_MAX: usize = 4096;
/// The most resolvers taken of one announcement.
const SERVERS_MAX: usize = 32;

/// Asks on these links, and takes every announcement that comes in time: who, and which resolvers.
pub(super) fn ask(links: &[u32], patience: Duration) -> io::Result<Vec<(Ipv6Addr, Vec<Ipv6Addr>)>> {
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_multicast_hops_v6(HOPS)?;
    // It is no UDP: what std's type does to a socket is the same for both.
    let socket = UdpSocket::from(socket);
    let mut asked = 0;
    for &link in links {
        let to = SocketAddrV6::new(ALL_ROUTERS, 0, 0, link);
        // The kernel fills in the checksum (RFC 3542 §3.1).
        asked += usize::from(socket.send_to(&[SOLICITATION, 0, 0, 0, 0, 0, 0, 0], to).is_ok());
    }
    let mut found = Vec::new();
    if asked == 0 {
        return Ok(found);
    }
    super::within(patience, &Clock::System, |left| {
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; MESSAGE_OCTETS_MAX];
        let (length, from) = socket.recv_from(&mut buffer)?;
        // A router announces itself from its link-local address alone (RFC 4861 §6.1.2).
        if let (Some(servers), IpAddr::V6(from)) = (read(&buffer[..length]), from.ip())
            && from.is_unicast_link_local()
        {
            found.push((from, servers));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The resolvers of an announcement; none when it is anything else. Those whose time is over are
/// left out.
pub(super) fn read(octets: &[u8]) -> Option<Vec<Ipv6Addr>> {
    let is_advert = octets.first() == Some(&ADVERTISEMENT) && octets.get(1) == Some(&0);
    let mut options = octets.get(OPTIONS_AT..).filter(|_| is_advert)?;
    let mut servers = Vec::new();
    while let [kind, units, ..] = *options {
        // Lengths count eight octets each, the two of the header included; none is no option.
        let length = usize::from(units) * 8;
        let Some((option, rest)) = options.split_at_checked(length).filter(|_| units > 0) else {
            break;
        };
        options = rest;
        if kind != RDNSS || option.get(4..8).is_none_or(|lifetime| lifetime == [0; 4]) {
            continue;
        }
        let addresses = option[8..].chunks_exact(16);
        let address = |octets: &[u8]| <[u8; 16]>::try_from(octets).ok().map(Ipv6Addr::from);
        servers.extend(addresses.filter_map(address));
    }
    servers.truncate(SERVERS_MAX);
    Some(servers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn advert(options: &[&[u8]]) -> Vec<u8> {
        let header = [ADVERTISEMENT, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        [&header[..], &options.concat()].concat()
    }

    fn rdnss(lifetime: u8, servers: &[&str]) -> Vec<u8> {
        let units = u8::try_from(1 + 2 * servers.len()).unwrap();
        let mut option = vec![RDNSS, units, 0, 0, 0, 0, 0, lifetime];
        for server in servers {
            option.extend(server.parse::<Ipv6Addr>().unwrap().octets());
        }
        option
    }

    #[test]
    fn the_resolvers_of_an_announcement_are_read() {
        let source = [1, 1, 2, 0, 0, 0, 0, 1];
        let message = advert(&[&source, &rdnss(60, &["fd00::2", "2001:db8::53"])]);
        let servers: Vec<String> =
            read(&message).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["fd00::2", "2001:db8::53"]);
    }

    #[test]
    fn a_resolver_that_is_taken_back_does_not_count() {
        assert_eq!(read(&advert(&[&rdnss(0, &["fd00::2"])])), Some(Vec::new()));
    }

    #[test]
    fn an_option_without_length_ends_it() {
        let message = advert(&[&[RDNSS, 0, 0, 0], &rdnss(60, &["fd00::2"])]);
        assert_eq!(read(&message), Some(Vec::new()));
        assert_eq!(read(&[SOLICITATION, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&octets);
        }

        #[test]
        fn any_options_are_read_or_left_out(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let servers = read(&advert(&[&octets])).unwrap();
            prop_assert!(servers.len() <= SERVERS_MAX);
        }
    }
}
