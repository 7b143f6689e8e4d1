//! What the kernel says of its neighbours, over netlink (RFC 3549) or in `/proc/net/arp`.
//!
//! Datagrams and text in, [`Change`]s out. It keeps nothing: [`super::neighbours`] does. Start
//! reading at [`dump`] and [`Events`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, Parseable,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::MsgFlags;
use socket2::SockRef;

use super::address::{Mac, is_inside};

/// What of the routing messages is about neighbours. `netlink_packet_route` knows all of them; to
/// read and write them all takes a quarter of a megabyte that a router does not have to spare.
#[derive(Debug, Clone)]
enum Routing {
    New(NeighbourMessage),
    Gone(NeighbourMessage),
    Get(NeighbourMessage),
    Other,
}

/// `RTM_NEWNEIGH`, `RTM_DELNEIGH` and `RTM_GETNEIGH` of linux/rtnetlink.h.
const NEW_NEIGHBOUR: u16 = 28;
const NEIGHBOUR_GONE: u16 = 29;
const GET_NEIGHBOURS: u16 = 30;

/// What became of one neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The interface it is on, by its index.
    pub(super) link: u32,
    /// Its address.
    pub(super) address: IpAddr,
    /// Its hardware address; none when the kernel does not vouch for one (any more).
    pub(super) mac: Option<Mac>,
    /// Whether it answered just now (`NUD_REACHABLE`): it is awake.
    pub(super) is_awake: bool,
}

/// What one datagram holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Datagram {
    changes: Vec<Change>,
    /// The last message of a dump was in it.
    is_last: bool,
    /// The table changed while it was dumped, so that entries may be missing.
    is_torn: bool,
}

/// The multicast group of changes to the neighbour table (`RTNLGRP_NEIGH` in linux/rtnetlink.h).
const GROUP_NEIGHBOURS: u32 = 3;
/// The flag of a dump that is not consistent (`NLM_F_DUMP_INTR` in linux/netlink.h).
const DUMP_INTERRUPTED: u16 = 0x10;
/// The largest datagram: the kernel fills at most 32 KiB at a time (`netlink_recvmsg`).
const DATAGRAM_OCTETS_MAX: usize = 64 * 1024;
/// How many datagrams are taken in one go, so that a stream of events ends in a result.
const BATCH_DATAGRAMS_MAX: usize = 64;
/// More datagrams than the kernel keeps for one socket: its queue holds 208 KiB, and each takes
/// some hundred octets (`net.core.rmem_default`, socket(7)).
const QUEUE_DATAGRAMS_MAX: usize = 4096;
/// How often a table that changes while it is read is read again before it is taken as it is.
const DUMPS_MAX: usize = 3;
/// The kernel answers a dump at once; whoever waits longer waits for ever.
const DUMP_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait for an event before looking at the whole table again: an event that was lost
/// unnoticed is made good after this time.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(60);

/// On these interfaces hardware addresses are not asked for.
const WITHOUT_NEIGHBOURS: InterfaceFlags = InterfaceFlags::IFF_LOOPBACK
    .union(InterfaceFlags::IFF_POINTOPOINT)
    .union(InterfaceFlags::IFF_NOARP);

/// The whole table, IPv4 and IPv6.
pub(super) fn dump() -> io::Result<Vec<Change>> {
    for _ in 1..DUMPS_MAX {
        let datagram = dump_once()?;
        if !datagram.is_torn {
            return Ok(datagram.changes);
        }
    }
    Ok(dump_once()?.changes)
}

fn dump_once() -> io::Result<Datagram> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    SockRef::from(&socket).set_read_timeout(Some(DUMP_TIMEOUT))?;
    let request = Routing::Get(NeighbourMessage::default());
    send(&socket, NLM_F_REQUEST | NLM_F_DUMP, request)?;
    let mut whole = Datagram::default();
    let mut buffer = Vec::with_capacity(DATAGRAM_OCTETS_MAX);
    while !whole.is_last {
        receive(&socket, &mut buffer, MsgFlags::empty())?;
        let part = read(&buffer)?;
        whole.changes.extend(part.changes);
        whole.is_last = part.is_last;
        whole.is_torn |= part.is_torn;
    }
    Ok(whole)
}

/// The stream of changes to the table.
#[derive(Debug)]
pub(super) struct Events {
    socket: Socket,
}

impl Events {
    /// From now on no change is missed, or [`Events::wait`] fails.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.add_membership(GROUP_NEIGHBOURS)?;
        SockRef::from(&socket).set_read_timeout(Some(EVENTS_TIMEOUT))?;
        Ok(Events { socket })
    }

    /// Waits for changes, and takes all that are there; none after [`Events::wake`].
    pub(super) fn wait(&self) -> Result<Vec<Change>, Missed> {
        let mut changes = Vec::new();
        let mut buffer = Vec::with_capacity(DATAGRAM_OCTETS_MAX);
        let mut flags = MsgFlags::empty();
        for _ in 0..BATCH_DATAGRAMS_MAX {
            match receive(&self.socket, &mut buffer, flags) {
                Ok(()) => changes.extend(read(&buffer)?.changes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !flags.is_empty() => {
                    break;
                }
                Err(error) => {
                    let missed = Missed::from(error);
                    if let Missed::Some = missed {
                        self.drain(&mut buffer);
                    }
                    return Err(missed);
                }
            }
            flags = MsgFlags::MSG_DONTWAIT;
        }
        Ok(changes)
    }

    /// Throws away what is there. After an overflow the kernel drops every change, and does not say
    /// so again, until the queue was empty once (`netlink_overrun` and `netlink_rcv_wake` in
    /// `net/netlink/af_netlink.c`): a table read before that would stay without them.
    fn drain(&self, buffer: &mut Vec<u8>) {
        for _ in 0..QUEUE_DATAGRAMS_MAX {
            match receive(&self.socket, buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {}
                Err(_) => return,
            }
        }
    }

    /// Makes whoever waits come back: the kernel acknowledges a message that asks for nothing.
    pub(super) fn wake(&self) -> io::Result<()> {
        send(&self.socket, NLM_F_REQUEST | NLM_F_ACK, NetlinkPayload::Noop)
    }
}

/// Why changes may have been missed.
#[derive(Debug)]
pub(super) enum Missed {
    /// Nothing happened for a while, or more than fits: the whole table must be read again.
    Some,
    /// There is no stream, or (with the error) it broke.
    All(Option<io::Error>),
}

impl From<io::Error> for Missed {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{Interrupted, WouldBlock};
        let is_overflow = error.raw_os_error() == Some(Errno::ENOBUFS as i32);
        if is_overflow || [Interrupted, WouldBlock].contains(&error.kind()) {
            Missed::Some
        } else {
            Missed::All(Some(error))
        }
    }
}

/// The IPv4 neighbours that `/proc/net/arp` lists (proc(5)): address, hardware type, flags,
/// hardware address, mask, device. Lines that are none are left out.
pub(super) fn read_proc_arp(text: &str) -> Vec<Change> {
    /// `ATF_COM` of `linux/if_arp.h`: the hardware address is known.
    const COMPLETE: u32 = 0x2;
    let mut links: Vec<&str> = Vec::new();
    let mut changes = Vec::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[address, _, flags, mac, _, link] = columns.as_slice() else { continue };
        let flags = flags.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let (Ok(address), Some(flags)) = (address.parse(), flags) else { continue };
        let place = links.iter().position(|known| *known == link).unwrap_or_else(|| {
            links.push(link);
            links.len() - 1
        });
        let mac = match mac.parse() {
            Ok(super::Address::Mac(mac)) if flags & COMPLETE != 0 => Some(mac),
            Ok(_) | Err(_) => None,
        };
        let link = u32::try_from(place).unwrap_or(u32::MAX);
        changes.push(Change { link, address, mac, is_awake: false });
    }
    changes
}

/// Makes the kernel look for the device behind an address: an empty datagram goes to it by every
/// interface whose network it is in. False when nothing was sent: the address is in no network
/// with neighbours, or it is our own.
pub(super) fn look_for(address: IpAddr) -> bool {
    /// "Discard" (RFC 863): whoever gets it throws it away.
    const PORT: u16 = 9;
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return false };
    let mut ways = Vec::new();
    for interface in interfaces {
        let (Some(own), Some(mask)) = (interface.address, interface.netmask) else { continue };
        let (own, mask, scope) = if let (Some(own), Some(mask)) =
            (own.as_sockaddr_in(), mask.as_sockaddr_in())
        {
            (IpAddr::V4(own.ip()), IpAddr::V4(mask.ip()), 0)
        } else if let (Some(own), Some(mask)) = (own.as_sockaddr_in6(), mask.as_sockaddr_in6()) {
            (IpAddr::V6(own.ip()), IpAddr::V6(mask.ip()), own.scope_id())
        } else {
            continue;
        };
        if own == address {
            return false;
        }
        if !interface.flags.intersects(WITHOUT_NEIGHBOURS) && is_inside(address, own, ones(mask)) {
            ways.push(match address {
                IpAddr::V4(v4) => std::net::SocketAddr::from((v4, PORT)),
                // The scope is 0 but for link-local addresses, which are on every interface.
                IpAddr::V6(v6) => std::net::SocketAddrV6::new(v6, PORT, 0, scope).into(),
            });
        }
    }
    let anywhere: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let Ok(socket) = UdpSocket::bind((anywhere, 0)) else { return false };
    // All of them, not the first that works.
    ways.iter().filter(|way| socket.send_to(&[], way).is_ok()).count() > 0
}

fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

// === impl Routing ===

impl NetlinkSerializable for Routing {
    fn message_type(&self) -> u16 {
        match self {
            Routing::New(_) => NEW_NEIGHBOUR,
            Routing::Gone(_) => NEIGHBOUR_GONE,
            Routing::Get(_) => GET_NEIGHBOURS,
            Routing::Other => 0,
        }
    }

    fn buffer_len(&self) -> usize {
        match self {
            Routing::New(entry) | Routing::Gone(entry) | Routing::Get(entry) => entry.buffer_len(),
            Routing::Other => 0,
        }
    }

    fn serialize(&self, buffer: &mut [u8]) {
        match self {
            Routing::New(entry) | Routing::Gone(entry) | Routing::Get(entry) => entry.emit(buffer),
            Routing::Other => {}
        }
    }
}

impl From<Routing> for NetlinkPayload<Routing> {
    fn from(message: Routing) -> Self {
        NetlinkPayload::InnerMessage(message)
    }
}

impl NetlinkDeserializable for Routing {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(match header.message_type {
            NEW_NEIGHBOUR => Routing::New(NeighbourMessage::parse(payload)?),
            NEIGHBOUR_GONE => Routing::Gone(NeighbourMessage::parse(payload)?),
            _ => Routing::Other,
        })
    }
}

// === helpers ===

fn send(
    socket: &Socket,
    flags: u16,
    payload: impl Into<NetlinkPayload<Routing>>,
) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, payload.into());
    message.finalize();
    let mut octets = vec![0; message.buffer_len()];
    message.serialize(&mut octets);
    socket.send_to(&octets, &SocketAddr::new(0, 0), 0).map(drop)
}

/// Receives one datagram of the kernel's; those of other processes are passed over.
fn receive(socket: &Socket, buffer: &mut Vec<u8>, flags: MsgFlags) -> io::Result<()> {
    loop {
        buffer.clear();
        let (_, from) = socket.recv_from(buffer, flags.bits())?;
        if from.port_number() == 0 {
            return Ok(());
        }
    }
}

/// Reads a datagram of netlink messages. Messages about anything else are passed over.
fn read(mut octets: &[u8]) -> io::Result<Datagram> {
    let mut datagram = Datagram::default();
    while !octets.is_empty() {
        let message = NetlinkMessage::<Routing>::deserialize(octets)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        datagram.is_torn |= message.header.flags & DUMP_INTERRUPTED != 0;
        // Messages begin at multiples of four octets (NLMSG_ALIGN in linux/netlink.h).
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        if let NetlinkPayload::InnerMessage(Routing::New(entry)) = &message.payload {
            datagram.changes.extend(change(entry, is_vouched_for(entry.header.state)));
        } else if let NetlinkPayload::InnerMessage(Routing::Gone(entry)) = &message.payload {
            datagram.changes.extend(change(entry, false));
        } else if let NetlinkPayload::Done(_) = message.payload {
            datagram.is_last = true;
        } else if let NetlinkPayload::Error(error) = message.payload
            && error.code.is_some()
        {
            return Err(error.to_io());
        }
    }
    Ok(datagram)
}

fn change(entry: &NeighbourMessage, is_vouched_for: bool) -> Option<Change> {
    let is_ip = [AddressFamily::Inet, AddressFamily::Inet6].contains(&entry.header.family);
    let mut address = None;
    let mut mac = None;
    for attribute in &entry.attributes {
        if let NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) = attribute {
            address = Some(IpAddr::from(*v4));
        } else if let NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) = attribute {
            address = Some(IpAddr::from(*v6));
        } else if let NeighbourAttribute::LinkLayerAddress(octets) = attribute {
            mac = Mac::of_device(octets);
        }
    }
    let address = address.filter(|_| is_ip)?;
    let mac = mac.filter(|_| is_vouched_for);
    let is_awake = mac.is_some() && entry.header.state == NeighbourState::Reachable;
    Some(Change { link: entry.header.ifindex, address, mac, is_awake })
}

/// Whether the kernel holds the hardware address for true (`NUD_VALID` in linux/neighbour.h): not
/// while it still asks for it, nor when nobody answered.
fn is_vouched_for(state: NeighbourState) -> bool {
    matches!(
        state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent
            | NeighbourState::Noarp
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLET: Mac = Mac([0x3c, 0x22, 0xfb, 0x12, 0x34, 0x56]);

    fn octets_of(payload: impl Into<NetlinkPayload<Routing>>) -> Vec<u8> {
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload.into());
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        octets
    }

    fn entry(address: &str, mac: &[u8], state: NeighbourState) -> NeighbourMessage {
        let address: IpAddr = address.parse().unwrap();
        let mut entry = NeighbourMessage::default();
        entry.header.family =
            if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        entry.header.ifindex = 4;
        entry.header.state = state;
        entry.attributes = vec![
            NeighbourAttribute::Destination(address.into()),
            NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        ];
        entry
    }

    fn mac_in(entry: NeighbourMessage) -> Option<Mac> {
        let octets = octets_of(Routing::New(entry));
        let [change] = read(&octets).unwrap().changes[..] else { panic!("one change") };
        assert_eq!(change.link, 4);
        change.mac
    }

    #[test]
    fn only_what_the_kernel_vouches_for_counts() {
        use NeighbourState::{Delay, Failed, Incomplete, Permanent, Probe, Reachable, Stale};
        for state in [Reachable, Stale, Delay, Probe, Permanent] {
            assert_eq!(mac_in(entry("fe80::1", &TABLET.0, state)), Some(TABLET), "{state:?}");
        }
        for state in [Failed, Incomplete, NeighbourState::None] {
            assert_eq!(mac_in(entry("192.168.1.42", &TABLET.0, state)), None, "{state:?}");
        }
        // Groups, the loopback interface, and links without EUI-48.
        for mac in [&[0x33, 0x33, 0, 0, 0, 1][..], &[0; 6], &[2; 8], &[]] {
            assert_eq!(mac_in(entry("ff02::1", mac, Permanent)), None, "{mac:?}");
        }
    }

    #[test]
    fn several_messages_in_one_datagram_are_all_read() {
        let known = entry("192.168.1.42", &TABLET.0, NeighbourState::Reachable);
        let mut bridge = known.clone();
        bridge.header.family = AddressFamily::Bridge;
        let octets = [
            octets_of(Routing::New(known.clone())),
            octets_of(Routing::New(bridge)),
            octets_of(Routing::Gone(known)),
            octets_of(NetlinkPayload::Noop),
        ]
        .concat();
        let change = |mac: Option<Mac>| Change {
            link: 4,
            address: "192.168.1.42".parse().unwrap(),
            mac,
            is_awake: mac.is_some(),
        };
        assert_eq!(read(&octets).unwrap().changes, [change(Some(TABLET)), change(None)]);
    }

    #[test]
    fn the_arp_file_is_read_line_by_line() {
        let text = "\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.42     0x1         0x2         3c:22:fb:12:34:56     *        br-lan
192.168.1.43     0x1         0x0         00:00:00:00:00:00     *        br-lan
192.168.2.42     0x1         0x6         3c:22:fb:12:34:56     *        guest
nonsense
";
        let change = |link, address: &str, mac| Change {
            link,
            address: address.parse().unwrap(),
            mac,
            is_awake: false,
        };
        assert_eq!(
            read_proc_arp(text),
            [
                change(0, "192.168.1.42", Some(TABLET)),
                change(0, "192.168.1.43", None),
                change(1, "192.168.2.42", Some(TABLET)),
            ]
        );
    }

    #[test]
    fn whoever_waits_can_be_woken() {
        // Some sandboxes have no netlink: there is nothing to show then.
        let Ok(events) = Events::open() else { return };
        events.wake().unwrap();
        // Other changes on this machine may come first; the acknowledgement comes all the same.
        assert!(events.wait().is_ok());
        assert!(dump().is_ok());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets);
        }

        #[test]
        fn a_damaged_message_is_read_or_refused(place in 0usize..60, octet in any::<u8>()) {
            let known = entry("fd00::42", &TABLET.0, NeighbourState::Reachable);
            let mut octets = octets_of(Routing::New(known));
            if let Some(damaged) = octets.get_mut(place) {
                *damaged = octet;
            }
            let _ = read(&octets);
        }

        #[test]
        fn any_text_is_read_as_an_arp_file(text in "[0-9a-fx:. \\n]{0,200}") {
            let _ = read_proc_arp(&text);
        }
    }
}
