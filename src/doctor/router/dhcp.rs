//! Asks DHCP servers which resolvers they hand out: DHCPINFORM (RFC 2131 §4.4.3).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::clock::Clock;

/// The ports of servers and clients (RFC 2131 §4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Where options begin: behind the header and the magic cookie (RFC 2131 §2, figure 1).
const OPTIONS_AT: usize = 240;
/// `sname` and `file`, which may hold options too (RFC 2132 §9.3).
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
/// The magic cookie (RFC 2131 §3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// The longest message read: more than any server sends.
const MESSAGE_OCTETS_MAX: usize = 4096;
/// The most resolvers taken of one answer.
const SERVERS_MAX: usize = 32;

/// Options (RFC 2132).
mod option {
    pub(super) const PAD: u8 = 0;
    pub(super) const DNS: u8 = 6;
    pub(super) const OVERLOAD: u8 = 52;
    pub(super) const TYPE: u8 = 53;
    pub(super) const SERVER: u8 = 54;
    pub(super) const WANTED: u8 = 55;
    pub(super) const END: u8 = 255;
}

/// Message types (RFC 2132 §9.6).
const ACK: u8 = 5;
const INFORM: u8 = 8;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The server, where it names itself.
    pub(super) server: Option<Ipv4Addr>,
    /// The resolvers it hands out.
    pub(super) dns: Vec<Ipv4Addr>,
}

/// Asks on one network, and takes every answer that comes in time: who, and which resolvers.
pub(super) fn ask(
    link: &str,
    own: Ipv4Addr,
    mac: [u8; 6],
    patience: Duration,
) -> io::Result<Vec<(Ipv4Addr, Vec<Ipv4Addr>)>> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(link.as_bytes()))?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into())?;
    let id: u32 = rand::random();
    let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT);
    let socket = UdpSocket::from(socket);
    socket.send_to(&inform(id, own, mac), to)?;
    let mut found = Vec::new();
    super::within(patience, &Clock::System, |left| {
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; MESSAGE_OCTETS_MAX];
        let (length, from) = socket.recv_from(&mut buffer)?;
        if let (Some(reply), IpAddr::V4(from)) = (read(&buffer[..length], id), from.ip()) {
            found.push((reply.server.unwrap_or(from), reply.dns));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The question.
fn inform(id: u32, own: Ipv4Addr, mac: [u8; 6]) -> Vec<u8> {
    // BOOTREQUEST, Ethernet, six octets, no hops.
    let mut message = vec![1, 1, 6, 0];
    message.extend(id.to_be_bytes());
    // No seconds, no flags: the answer comes to our own address.
    message.extend([0; 4]);
    message.extend(own.octets());
    message.extend([0; 12]);
    message.extend(mac);
    message.resize(OPTIONS_AT - COOKIE.len(), 0);
    message.extend(COOKIE);
    message.extend([option::TYPE, 1, INFORM, option::WANTED, 1, option::DNS, option::END]);
    // Old servers and relays drop what is shorter than a BOOTP message (RFC 1542 §2.1).
    message.resize(300, option::PAD);
    message
}

/// Reads an answer to our question; none when it is anything else.
pub(super) fn read(octets: &[u8], id: u32) -> Option<Reply> {
    let is_reply = *octets.first()? == 2;
    let is_ours = octets.get(4..8)? == id.to_be_bytes();
    let has_cookie = octets.get(OPTIONS_AT - COOKIE.len()..OPTIONS_AT)? == COOKIE;
    if !is_reply || !is_ours || !has_cookie {
        return None;
    }
    let mut all = options(&octets[OPTIONS_AT..]);
    let overload = all.iter().find(|(code, _)| *code == option::OVERLOAD);
    let overload = overload.and_then(|(_, data)| data.first().copied()).unwrap_or(0);
    for (bit, place) in [(1, FILE), (2, SNAME)] {
        if overload & bit != 0 {
            all.extend(options(&octets[place]));
        }
    }
    let of = |wanted: u8| {
        // What did not fit into one stands in several (RFC 3396 §5).
        let parts = all.iter().filter(|(code, _)| *code == wanted);
        parts.flat_map(|(_, data)| data.iter().copied()).collect::<Vec<u8>>()
    };
    if of(option::TYPE).first() != Some(&ACK) {
        return None;
    }
    let address = |octets: &[u8]| <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from);
    let dns = of(option::DNS).chunks_exact(4).take(SERVERS_MAX).filter_map(address).collect();
    Some(Reply { server: address(&of(option::SERVER)), dns })
}

/// The options of a field, as far as they are whole.
fn options(mut octets: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let Some((&code, rest)) = octets.split_first() {
        match code {
            option::PAD => octets = rest,
            option::END => break,
            _ => {
                let Some((&length, rest)) = rest.split_first() else { break };
                let Some((data, rest)) = rest.split_at_checked(length.into()) else { break };
                all.push((code, data));
                octets = rest;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);

    /// An answer with these options.
    fn reply(id: u32, options: &[u8]) -> Vec<u8> {
        let mut message = inform(id, OWN, [2; 6]);
        message[0] = 2;
        message.truncate(OPTIONS_AT);
        message.extend(options);
        message
    }

    #[test]
    fn the_question_is_a_whole_message() {
        let message = inform(7, OWN, [2, 0, 0, 0, 0, 1]);
        assert_eq!(message.len(), 300);
        assert_eq!(&message[12..16], &OWN.octets());
        assert_eq!(&message[28..34], &[2, 0, 0, 0, 0, 1]);
        assert_eq!(options(&message[OPTIONS_AT..]), [(53, &[INFORM][..]), (55, &[6][..])]);
        assert_eq!(read(&message, 7), None, "a question is no answer");
    }

    #[test]
    fn the_resolvers_of_an_answer_are_read() {
        let octets = [53, 1, 5, 0, 54, 4, 192, 168, 1, 1, 6, 8, 192, 168, 1, 2, 8, 8, 8, 8, 255, 9];
        let read = read(&reply(7, &octets), 7).unwrap();
        assert_eq!(read.server, Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(read.dns, [OWN, Ipv4Addr::new(8, 8, 8, 8)]);
    }

    #[test]
    fn an_option_in_two_parts_is_one() {
        let octets = [53, 1, 5, 6, 3, 8, 8, 8, 6, 1, 4, 255];
        let read = read(&reply(7, &octets), 7).unwrap();
        assert_eq!(read.dns, [Ipv4Addr::new(8, 8, 8, 4)]);
    }

    #[test]
    fn options_may_stand_where_names_do() {
        let mut message = reply(7, &[53, 1, 5, 52, 1, 1, 255]);
        message[FILE][..6].copy_from_slice(&[6, 4, 1, 1, 1, 1]);
        assert_eq!(read(&message, 7).unwrap().dns, [Ipv4Addr::new(1, 1, 1, 1)]);
    }

    #[test]
    fn an_answer_to_somebody_else_is_none_of_ours() {
        assert_eq!(read(&reply(7, &[53, 1, 5, 255]), 8), None);
        assert_eq!(read(&reply(7, &[53, 1, 2, 255]), 7), None, "an offer");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&octets, 7);
        }

        #[test]
        fn any_options_are_read_or_left_out(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let said = read(&reply(7, &octets), 7);
            prop_assert!(said.is_none_or(|said| said.dns.len() <= SERVERS_MAX));
        }
    }
}
