//! Listening for datagrams.
//!
//! A loop of our own: it takes datagrams as long as there are some, has each answered at once
//! where that is possible, from the address that was asked (a wildcard socket would let the kernel
//! choose another), and gives what must wait to a bounded set of tasks. It knows nothing of DNS but
//! what `serve` says. Start at [`run`].

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::serve::{
    Answer, Quick, SHUTDOWN_GRACE, Source, WAITING_MAX, answer_later, answer_now, overloaded,
};
use super::tcp::TcpListener;

/// The longest query that is taken: one with every option a client may send has a few hundred.
const QUERY_OCTETS_MAX: usize = 4096;
/// How many datagrams are taken before other tasks of the thread have their turn.
const BATCH: usize = 64;
/// How long to wait when the system cannot receive: it has no memory, and asking harder gives none.
const RECEIVE_PAUSE: Duration = Duration::from_millis(20);
/// What the kernel is asked to hold while we are busy; it gives what it may.
const RECEIVE_BUFFER_OCTETS: usize = 1 << 20;
/// How often a pair of sockets is tried for: the port UDP got may be taken for TCP.
const PAIR_TRIES: usize = 32;

/// A socket that is bound and not yet served.
#[derive(Debug)]
pub struct UdpListener {
    socket: std::net::UdpSocket,
    local: SocketAddr,
}

impl UdpListener {
    /// Binds a socket. IPv6 sockets take IPv6 only: IPv4 has one of its own. With `share_port`,
    /// others of ours may bind the same address, and the kernel deals queries out among them.
    pub fn bind(address: SocketAddr, share_port: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        }
        if share_port {
            socket.set_reuse_port(true)?;
        }
        // A smaller buffer than wished for still serves.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = std::net::UdpSocket::from(socket);
        let local = socket.local_addr()?;
        Ok(UdpListener { socket, local })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Binds UDP and TCP to one port; port 0 is one that is free for both.
pub fn bind_pair(address: SocketAddr) -> io::Result<(UdpListener, TcpListener)> {
    let tries = if address.port() == 0 { PAIR_TRIES } else { 1 };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..tries {
        let udp = UdpListener::bind(address, false)?;
        match TcpListener::bind(udp.local_addr()) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Serves a socket until `shutdown` says true or its sender is gone, then gives what waits
/// [`SHUTDOWN_GRACE`]. Must be called within the runtime whose thread is to serve it. Fails only
/// when the runtime does not take the socket.
pub async fn run<A: Answer>(
    listener: UdpListener,
    answer: Arc<A>,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::from_std(listener.socket)?);
    let waiting = Arc::new(Semaphore::new(WAITING_MAX));
    let mut tasks = JoinSet::new();
    let mut packet = vec![0; QUERY_OCTETS_MAX];
    let mut out = Vec::with_capacity(QUERY_OCTETS_MAX);
    let mut control = Control::new();
    let mut end = pin!(ended(&mut shutdown));
    loop {
        tokio::select! {
            biased;
            () = &mut end => break,
            // An error is seen by the first receive.
            _ = socket.readable() => {}
        }
        for _ in 0..BATCH {
            let receive = || receive(&socket, &mut packet, &mut control);
            let datagram = match socket.try_io(Interest::READABLE, receive) {
                Ok(Some(datagram)) => datagram,
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP message about an earlier reply: that client is gone.
                Err(error) if is_of_a_client(&error) => continue,
                Err(_) => {
                    answer.counters().count_unreceived();
                    tokio::time::sleep(RECEIVE_PAUSE).await;
                    break;
                }
            };
            let query = &packet[..datagram.length];
            out.clear();
            let reply = match answer_now(&*answer, query, &datagram.source, &mut out) {
                Quick::Reply => true,
                Quick::Silence => false,
                Quick::Later(later) => match Arc::clone(&waiting).try_acquire_owned() {
                    Ok(place) => {
                        let (socket, answer) = (Arc::clone(&socket), Arc::clone(&answer));
                        let query: Box<[u8]> = query.into();
                        tasks.spawn(async move {
                            let reply = answer_later(Arc::clone(&answer), later, &query).await;
                            if let Some(reply) = reply
                                && send(&socket, &reply, &datagram).is_err()
                            {
                                answer.counters().count_unsent();
                            }
                            drop(place);
                        });
                        false
                    }
                    Err(_) => overloaded(answer.counters(), query, &mut out),
                },
            };
            if reply && send(&socket, &out, &datagram).is_err() {
                answer.counters().count_unsent();
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    let _ =
        tokio::time::timeout(SHUTDOWN_GRACE, async { while tasks.join_next().await.is_some() {} })
            .await;
    Ok(())
}

/// Waits until the program ends.
pub(super) async fn ended(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone can no longer say it.
    let _ = shutdown.wait_for(|ends| *ends).await;
}

/// Room for the control message that says which address was asked.
struct Control(Vec<u8>);

impl Control {
    fn new() -> Self {
        Control(nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo))
    }
}

/// One datagram that was received.
#[derive(Clone, Copy)]
struct Datagram {
    length: usize,
    source: Source,
    /// Its sender as the kernel wrote it, IPv6 scope included.
    sender: SocketAddr,
    /// The interface it came by, where the address alone does not say it.
    interface: u32,
}

/// Takes one datagram; none when it is not to be answered.
fn receive(
    socket: &UdpSocket,
    packet: &mut [u8],
    control: &mut Control,
) -> io::Result<Option<Datagram>> {
    let mut slices = [IoSliceMut::new(packet)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control.0),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let Some(sender) = message.address.as_ref().and_then(address) else { return Ok(None) };
    // Nobody listens on port 0, and a truncated query is none.
    if sender.port() == 0 || message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(None);
    }
    let asked = message.cmsgs()?.find_map(|control| asked_address(&control));
    let Some((to, interface)) = asked.filter(|(to, _)| !to.is_multicast()) else {
        return Ok(None);
    };
    let from = SocketAddr::new(sender.ip().to_canonical(), sender.port());
    let source = Source { from, to: to.to_canonical(), tcp: false };
    Ok(Some(Datagram { length: message.bytes, source, sender, interface }))
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4(SocketAddrV4::from(*v4)));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6))))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kernel has many control messages")]
fn asked_address(control: &ControlMessageOwned) -> Option<(IpAddr, u32)> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let octets = info.ipi_spec_dst.s_addr.to_ne_bytes();
            Some((IpAddr::V4(Ipv4Addr::from(octets)), 0))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            // Elsewhere the route back decides: it may differ from the way the query came.
            let interface = if address.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
            Some((IpAddr::V6(address), interface))
        }
        _ => None,
    }
}

/// Sends a reply from the address that was asked. A full buffer is an error, not a wait: the
/// client asks again.
fn send(socket: &UdpSocket, reply: &[u8], datagram: &Datagram) -> nix::Result<usize> {
    let slices = [IoSlice::new(reply)];
    let to = SockaddrStorage::from(datagram.sender);
    let fd = socket.as_raw_fd();
    let flags = MsgFlags::MSG_DONTWAIT;
    let sent = match datagram.source.to {
        IpAddr::V4(from) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            sendmsg(fd, &slices, &[ControlMessage::Ipv4PacketInfo(&info)], flags, Some(&to))
        }
        IpAddr::V6(from) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
                ipi6_ifindex: datagram.interface,
            };
            sendmsg(fd, &slices, &[ControlMessage::Ipv6PacketInfo(&info)], flags, Some(&to))
        }
    };
    match sent {
        // It is about an earlier reply, and cleared by having been told.
        Err(Errno::ECONNREFUSED) => Ok(0),
        sent => sent,
    }
}

fn is_of_a_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}

#[cfg(test)]
pub(super) mod tests;
