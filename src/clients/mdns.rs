//! Asking a device for its name: one question over multicast DNS (RFC 6762), and the reverse names
//! that stand for addresses.
//!
//! The question goes to the device itself, which most answer even when they sleep lightly, and to
//! the group, for those that listen there only. It comes from a port of ours, so that the answer
//! comes to us alone, and in the form of ordinary DNS (§6.7); asking the device itself also opens
//! the way for it through a firewall. Start reading at [`ask_mdns`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::hosts::label;
use crate::name::{NAME_OCTETS_MAX, Name};

/// The port of multicast DNS (RFC 6762 §3).
const PORT: u16 = 5353;
/// Its group of IPv4 (§3).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// Its group of IPv6 on one link (§3).
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// The largest message (§17).
const MESSAGE_OCTETS_MAX: usize = 9000;
/// How many records of an answer are looked at: a device has one or two names.
const RECORDS_MAX: usize = 32;
/// How many interfaces a link-local address is asked for on.
const LINKS_MAX: usize = 16;

/// The header of a message, in octets (RFC 1035 §4.1.1).
const HEADER_OCTETS: usize = 12;
/// The type of reverse names (RFC 1035 §3.2.2).
const PTR: u16 = 12;
/// The class of the internet (RFC 1035 §3.2.4).
const IN: u16 = 1;
/// In a question: an answer to the asker alone is welcome (RFC 6762 §5.4). In an answer: it takes
/// the place of older ones (§10.2).
const TOP_BIT: u16 = 0x8000;

/// The name under which DNS keeps the name of an address (RFC 1035 §3.5, RFC 3596 §2.5).
#[must_use]
pub fn reverse_name(address: IpAddr) -> Name {
    let mut text = String::with_capacity(74);
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            for octet in v4.octets().iter().rev() {
                text.push_str(&octet.to_string());
                text.push('.');
            }
            text.push_str("in-addr.arpa");
        }
        IpAddr::V6(v6) => {
            for octet in v6.octets().iter().rev() {
                for digit in [octet & 15, octet >> 4] {
                    text.extend(char::from_digit(digit.into(), 16));
                    text.push('.');
                }
            }
            text.push_str("ip6.arpa");
        }
    }
    Name::parse_ascii(text.as_bytes()).unwrap_or(Name::ROOT)
}

/// A question for the name behind a reverse name, as a whole message: of multicast DNS, or of
/// ordinary DNS with recursion desired.
#[must_use]
pub fn ptr_question(id: u16, name: &Name, is_multicast: bool) -> Vec<u8> {
    let (flags, class) = if is_multicast { (0, IN | TOP_BIT) } else { (0x0100_u16, IN) };
    let mut message = Vec::with_capacity(HEADER_OCTETS + NAME_OCTETS_MAX + 4);
    for field in [id, flags, 1, 0, 0, 0] {
        message.extend_from_slice(&field.to_be_bytes());
    }
    message.extend_from_slice(name.wire());
    message.extend_from_slice(&PTR.to_be_bytes());
    message.extend_from_slice(&class.to_be_bytes());
    message
}

/// The first name that a message gives as an answer to this question; none when it is no answer to
/// it. Bounded, whatever is in it: 32 records, and compression (RFC 1035 §4.1.4) that
/// leads backwards only.
#[must_use]
pub fn first_ptr(message: &[u8], id: u16, name: &Name) -> Option<Name> {
    let field = |place: usize| u16_at(message, place * 2);
    let flags = field(1)?;
    let is_response = flags & 0x8000 != 0;
    let is_error = flags & 0x000f != 0;
    if field(0)? != id || !is_response || is_error {
        return None;
    }
    let mut at = HEADER_OCTETS;
    // A device may leave the question out (RFC 6762 §6); one about something else is no answer.
    for _ in 0..field(2)?.min(2) {
        let (asked, end) = name_at(message, at)?;
        if asked != *name || u16_at(message, end)? != PTR {
            return None;
        }
        at = end + 4;
    }
    for _ in 0..usize::from(field(3)?).min(RECORDS_MAX) {
        let (owner, end) = name_at(message, at)?;
        let (kind, class) = (u16_at(message, end)?, u16_at(message, end + 2)?);
        let data = end + 10;
        at = data + usize::from(u16_at(message, end + 8)?);
        message.get(data..at)?;
        if owner == *name && kind == PTR && class & !TOP_BIT == IN {
            let (target, end) = name_at(message, data)?;
            return (end == at).then_some(target);
        }
    }
    None
}

/// What a device is called that has this name, as [`label`] keeps it. None where the first label
/// has characters that no device's name has.
#[must_use]
pub fn host_of(name: &Name) -> Option<String> {
    let wire = name.wire();
    let first = wire.get(1..=usize::from(*wire.first()?))?;
    // A dot within a label is not the end of it, and spaces around it belong to it.
    let is_plain = |text: &&str| !text.contains(|it: char| it == '.' || it.is_whitespace());
    std::str::from_utf8(first).ok().filter(is_plain).and_then(label)
}

/// Asks the device at an address what it is called, and waits as long as `patience` for its answer:
/// `mateos-iphone` of `Mateos-iPhone.local`. Asks once more when half of it is over. Only what
/// comes from that very address counts. None when there is no answer, or no network to it.
pub async fn ask_mdns(address: IpAddr, patience: Duration) -> Option<String> {
    let address = address.to_canonical();
    let asked = ask(address, PORT, &ways_to(address)?, patience).await;
    asked.unwrap_or_else(|error| {
        tracing::debug!(%address, %error, "a device cannot be asked for its name");
        None
    })
}

/// Where a question is sent from and to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    /// The device itself, or the group.
    to: SocketAddr,
    /// For the group of IPv4: our address on the device's network, which chooses the interface.
    from: Option<Ipv4Addr>,
}

async fn ask(
    address: IpAddr,
    port: u16,
    ways: &[Way],
    patience: Duration,
) -> io::Result<Option<String>> {
    // To the group of IPv6 the kernel sends from our link-local address, and the answer would come
    // from the device's: another one than the one that is asked.
    let ours = match address {
        IpAddr::V6(v6) if !v6.is_unicast_link_local() => our_address_towards(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    let socket = UdpSocket::bind((ours.unwrap_or(unspecified(address)), 0)).await?;
    if address.is_ipv4() {
        // Nothing that came through a router is believed on a link (RFC 6762 §11).
        socket.set_multicast_ttl_v4(255)?;
    } else {
        SockRef::from(&socket).set_multicast_hops_v6(255)?;
    }
    let name = reverse_name(address);
    let id: u16 = rand::random();
    let question = ptr_question(id, &name, true);
    let mut failure = None;
    for _ in 0..2 {
        let mut is_sent = false;
        for way in ways {
            match send(&socket, &question, way).await {
                Ok(_) => is_sent = true,
                Err(error) => failure = Some(error),
            }
        }
        if !is_sent {
            return failure.map_or(Ok(None), Err);
        }
        let answer = answer(&socket, SocketAddr::new(address, port), id, &name);
        if let Ok(found) = timeout(patience / 2, answer).await {
            return found.map(|target| host_of(&target));
        }
    }
    Ok(None)
}

async fn send(socket: &UdpSocket, question: &[u8], way: &Way) -> io::Result<usize> {
    if let Some(from) = &way.from {
        SockRef::from(socket).set_multicast_if_v4(from)?;
    }
    socket.send_to(question, way.to).await
}

/// Waits for the answer. What others send, and what is none, is passed over.
async fn answer(socket: &UdpSocket, device: SocketAddr, id: u16, name: &Name) -> io::Result<Name> {
    let mut message = vec![0; MESSAGE_OCTETS_MAX];
    loop {
        let (length, from) = match socket.recv_from(&mut message).await {
            Ok(received) => received,
            // Nobody listens there: it may answer what was sent to the group.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        if from.ip().to_canonical() != device.ip() || from.port() != device.port() {
            continue;
        }
        let target = message.get(..length).and_then(|message| first_ptr(message, id, name));
        if let Some(target) = target {
            return Ok(target);
        }
    }
}

/// The ways to a device and to its group; none to what is no single device.
fn ways_to(address: IpAddr) -> Option<Vec<Way>> {
    if address.is_unspecified() || address.is_multicast() {
        return None;
    }
    let way = |to: SocketAddr| Way { to, from: None };
    let ours = our_address_towards(address);
    Some(match (address, ours) {
        (IpAddr::V4(_), Some(IpAddr::V4(from))) => vec![
            way(SocketAddr::new(address, PORT)),
            Way { to: (GROUP_V4, PORT).into(), from: Some(from) },
        ],
        (IpAddr::V6(v6), _) => {
            let on = |to: Ipv6Addr, link: u32| way(SocketAddrV6::new(to, PORT, 0, link).into());
            if v6.is_unicast_link_local() {
                // The address does not say on which link it is.
                let links = links(|_| true);
                links.iter().flat_map(|&link| [on(v6, link), on(GROUP_V6, link)]).collect()
            } else {
                let link = ours.and_then(|ours| links(|its| its == ours).first().copied());
                let group = link.map(|link| on(GROUP_V6, link));
                [on(v6, 0)].into_iter().chain(group).collect()
            }
        }
        (IpAddr::V4(_), Some(IpAddr::V6(_)) | None) => vec![way(SocketAddr::new(address, PORT))],
    })
}

/// The address from which this machine would talk to another one. Nothing is sent.
fn our_address_towards(address: IpAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((unspecified(address), 0)).ok()?;
    socket.connect((address, PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Any address of this machine, of the kind of another one.
fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// The numbers of the interfaces that have a link-local address, can multicast, and of which some
/// address is meant.
fn links(is_meant: impl Fn(IpAddr) -> bool) -> Vec<u32> {
    use nix::net::if_::InterfaceFlags;
    let needed = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
    let mut names: Vec<String> = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter(|it| it.flags.contains(needed) && !it.flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .filter(|it| {
            let address = it.address.as_ref().and_then(|address| address.as_sockaddr_in6());
            address.is_some_and(|address| is_meant(address.ip().into()))
        })
        .map(|it| it.interface_name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .filter_map(|name| nix::net::if_::if_nametoindex(name.as_str()).ok())
        .take(LINKS_MAX)
        .collect()
}

// === reading ===

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    let octets = message.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(octets.try_into().ok()?))
}

/// The name at a place, and where what follows it begins. Each pointer leads to before the piece it
/// stands in, so that no message leads in a circle.
fn name_at(message: &[u8], start: usize) -> Option<(Name, usize)> {
    let mut wire = Vec::with_capacity(NAME_OCTETS_MAX);
    let (mut at, mut piece, mut end) = (start, start, None);
    loop {
        let length = *message.get(at)?;
        match length {
            0 => {
                wire.push(0);
                return Some((Name::from_wire(&wire).ok()?, end.unwrap_or(at + 1)));
            }
            1..=63 => {
                let next = at + 1 + usize::from(length);
                wire.extend_from_slice(message.get(at..next)?);
                if wire.len() >= NAME_OCTETS_MAX {
                    return None;
                }
                at = next;
            }
            0xc0.. => {
                let target = usize::from(u16_at(message, at)? & 0x3fff);
                if target >= piece {
                    return None;
                }
                end.get_or_insert(at + 2);
                (at, piece) = (target, target);
            }
            64..=0xbf => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// An answer with these records after its question: owner, type, class, data.
    fn message(id: u16, asked: &Name, records: &[(&[u8], u16, u16, &[u8])]) -> Vec<u8> {
        let mut message = ptr_question(id, asked, true);
        message[2] = 0x84;
        message[7] = u8::try_from(records.len()).unwrap();
        for (owner, kind, class, data) in records {
            message.extend_from_slice(owner);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&class.to_be_bytes());
            message.extend_from_slice(&10_u32.to_be_bytes());
            message.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    /// A pointer to the question's name.
    const ASKED: &[u8] = &[0xc0, 12];

    #[test]
    fn every_address_has_its_reverse_name() {
        for (address, expected) in [
            ("192.168.1.42", "42.1.168.192.in-addr.arpa"),
            ("::ffff:192.168.1.42", "42.1.168.192.in-addr.arpa"),
            (
                "2001:db8::567:89ab",
                "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            assert_eq!(reverse_name(ip(address)).to_string(), expected);
        }
    }

    #[test]
    fn a_question_is_read_as_others_read_it() {
        use hickory_proto::op::{Message, MessageType};
        use hickory_proto::rr::{DNSClass, RecordType};
        let asked = reverse_name(ip("192.168.1.42"));
        for is_multicast in [true, false] {
            let read = Message::from_vec(&ptr_question(7, &asked, is_multicast)).unwrap();
            assert_eq!((read.metadata.id, read.queries.len()), (7, 1));
            assert_eq!(read.metadata.message_type, MessageType::Query);
            assert_eq!(read.metadata.recursion_desired, !is_multicast);
            let query = &read.queries[0];
            assert_eq!(query.query_type(), RecordType::PTR);
            assert_eq!(query.name().to_ascii(), "42.1.168.192.in-addr.arpa.");
            if !is_multicast {
                assert_eq!(query.query_class(), DNSClass::IN);
            }
        }
    }

    #[test]
    fn the_first_name_of_an_answer_is_taken() {
        let asked = reverse_name(ip("192.168.1.42"));
        let host = name("Mateos-iPhone.local");
        let other = name("43.1.168.192.in-addr.arpa");
        // `local` stands in the first record, and the second one points to it.
        let local = u8::try_from(ptr_question(0, &asked, true).len() + 12 + 5).unwrap();
        let pointing: &[u8] = &[2, b't', b'v', 0xc0, local];
        for (records, expected) in [
            (&[(ASKED, PTR, IN, host.wire())][..], Some("mateos-iphone.local")),
            (&[(ASKED, PTR, IN | TOP_BIT, host.wire())], Some("mateos-iphone.local")),
            (&[(asked.wire(), PTR, IN, host.wire())], Some("mateos-iphone.local")),
            (
                &[(ASKED, 16, IN, b"\x04abcd\x05local\x00"), (ASKED, PTR, IN, pointing)],
                Some("tv.local"),
            ),
            (&[(other.wire(), PTR, IN, host.wire())], None),
            (&[(ASKED, PTR, 3, host.wire())], None),
            (&[(ASKED, PTR, IN, b"\x02tv")], None),
            (&[(ASKED, PTR, IN, b"\x02tv\x00more")], None),
            (&[(ASKED, PTR, IN, b"")], None),
            (&[], None),
        ] {
            let message = message(7, &asked, records);
            let found = first_ptr(&message, 7, &asked).map(|name| name.to_string());
            assert_eq!(found.as_deref(), expected, "{records:?}");
            assert_eq!(first_ptr(&message, 8, &asked), None, "another question's");
        }
        let good = message(7, &asked, &[(ASKED, PTR, IN, host.wire())]);
        // A query, an error, another question, a question left out.
        let with = |at: usize, octet: u8| {
            let mut message = good.clone();
            message[at] = octet;
            first_ptr(&message, 7, &asked)
        };
        assert_eq!(with(2, 0x04), None);
        assert_eq!(with(3, 3), None);
        assert_eq!(with(13, b'5'), None);
        let mut bare = good[..HEADER_OCTETS].to_vec();
        bare[5] = 0;
        bare.extend_from_slice(asked.wire());
        bare.extend_from_slice(&good[HEADER_OCTETS + asked.wire().len() + 4 + 2..]);
        assert_eq!(first_ptr(&bare, 7, &asked), Some(host));
    }

    #[test]
    fn pointers_lead_backwards_only() {
        let asked = reverse_name(ip("192.168.1.42"));
        let itself = u8::try_from(ptr_question(0, &asked, true).len() + 12).unwrap();
        for target in [itself, itself + 1, itself + 2, 0xff] {
            let records: &[(&[u8], u16, u16, &[u8])] = &[(ASKED, PTR, IN, &[0xc0, target])];
            assert_eq!(first_ptr(&message(7, &asked, records), 7, &asked), None, "{target}");
        }
        // A label, and back to that label.
        let circle: &[u8] = &[2, b't', b'v', 0xc0, itself];
        let records: &[(&[u8], u16, u16, &[u8])] = &[(ASKED, PTR, IN, circle)];
        assert_eq!(first_ptr(&message(7, &asked, records), 7, &asked), None);
    }

    #[test]
    fn a_devices_name_is_the_first_label() {
        for (wire, expected) in [
            (&b"\x0dMateos-iPhone\x05local\x00"[..], Some("mateos-iphone")),
            (b"\x06laptop\x04home\x04arpa\x00", Some("laptop")),
            (b"\x05a b-c\x05local\x00", None),
            (b"\x03a.b\x05local\x00", None),
            (b"\x03 tv\x05local\x00", None),
            (b"\x02\xc3\xb1\x05local\x00", None),
            (b"\x00", None),
        ] {
            assert_eq!(host_of(&Name::from_wire(wire).unwrap()).as_deref(), expected);
        }
    }

    #[test]
    fn nobody_in_particular_is_not_asked() {
        for address in ["0.0.0.0", "::", "224.0.0.251", "ff02::fb"] {
            assert_eq!(ways_to(ip(address)), None, "{address}");
        }
        let ways = ways_to(ip("127.0.0.1")).unwrap();
        assert_eq!(ways[0].to, (Ipv4Addr::LOCALHOST, PORT).into());
        assert_eq!(ways[1].from, Some(Ipv4Addr::LOCALHOST));
    }

    type Answer = fn(&[u8]) -> Vec<u8>;

    /// Asks a socket of ours, which answers with each of `answers` and then with a right one.
    async fn asked_of(answers: Vec<Answer>, from_others: bool) -> Option<String> {
        let device = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = device.local_addr().unwrap();
        let serve = async {
            let mut question = [0; 512];
            let (length, from) = device.recv_from(&mut question).await.unwrap();
            let question = &question[..length];
            if from_others {
                let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
                other.send_to(&reply(question, b"\x05other\x05local\x00"), from).await.unwrap();
            }
            for answer in answers {
                device.send_to(&answer(question), from).await.unwrap();
            }
            device.send_to(&reply(question, b"\x06Tablet\x05local\x00"), from).await.unwrap();
        };
        let ways = [Way { to: at, from: None }];
        let patience = Duration::from_mins(1);
        let (asked, ()) = tokio::join!(ask(at.ip(), at.port(), &ways, patience), serve);
        asked.unwrap()
    }

    fn reply(question: &[u8], target: &[u8]) -> Vec<u8> {
        let id = u16::from_be_bytes([question[0], question[1]]);
        message(id, &reverse_name(ip("127.0.0.1")), &[(ASKED, PTR, IN, target)])
    }

    #[tokio::test]
    async fn a_device_that_is_asked_tells_its_name() {
        assert_eq!(asked_of(Vec::new(), false).await.as_deref(), Some("tablet"));
    }

    #[tokio::test]
    async fn only_the_device_itself_is_believed() {
        let answers: Vec<Answer> =
            vec![|_| Vec::new(), |_| b"what?".to_vec(), <[u8]>::to_vec, |question| {
                let mut other = reply(question, b"\x05wrong\x05local\x00");
                other[0] ^= 1;
                other
            }];
        assert_eq!(asked_of(answers, true).await.as_deref(), Some("tablet"));
    }

    #[tokio::test]
    async fn nobody_there_is_no_name() {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let ways = [Way { to: gone, from: None }];
        let asked = ask(gone.ip(), gone.port(), &ways, Duration::from_millis(2)).await;
        assert_eq!(asked.unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_an_answer_or_none(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = first_ptr(&octets, 0, &Name::ROOT);
        }

        #[test]
        fn a_damaged_answer_is_read_as_others_read_it_or_refused(
            at in any::<prop::sample::Index>(),
            put in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let asked = reverse_name(ip("192.168.1.42"));
            let host = name("mateos-iphone.local");
            let records: &[(&[u8], u16, u16, &[u8])] =
                &[(ASKED, 16, IN, b"\x01x"), (ASKED, PTR, IN, host.wire())];
            let mut octets = message(7, &asked, records);
            let _ = first_ptr(&octets[..cut.index(octets.len())], 7, &asked);
            let at = at.index(octets.len());
            octets[at] = put;
            if let Some(found) = first_ptr(&octets, 7, &asked) {
                let read = hickory_proto::op::Message::from_vec(&octets);
                let theirs = read.ok().and_then(|message| {
                    message.answers.iter().find_map(|record| {
                        let hickory_proto::rr::RData::PTR(target) = &record.data else {
                            return None;
                        };
                        Some(target.0.to_lowercase())
                    })
                });
                if let Some(theirs) = theirs {
                    use hickory_proto::serialize::binary::BinEncodable as _;
                    let theirs = Name::from_wire(&theirs.to_bytes().unwrap_or_default());
                    prop_assert_eq!(theirs.ok(), Some(found));
                }
            }
        }
    }
}
