//! Listening for datagrams.
//!
//! A loop of our own, one for each core: it takes a batch of datagrams, has each answered at once
//! where that is possible, sends the replies together, each from the address that was asked (a
//! wildcard socket would let the kernel choose another), and gives what must wait to a bounded set
//! of tasks of the same thread. It knows nothing of DNS but what `serve` says. Start at [`run`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::serve::{
    self, Answer, Quick, SHUTDOWN_GRACE, Source, Transport, WAITING_MAX, answer_later, answer_now,
    overloaded, work_off,
};
use super::tcp::TcpListener;
use crate::sys::{Inbox, Outbox, Way, omit_path_mtu};

/// The longest query that is taken: one with every option a client may send has a few hundred.
const QUERY_OCTETS_MAX: usize = 4096;
/// How many datagrams are taken before other tasks of the thread have their turn: enough that the
/// price of a system call is shared, few enough that the first is not kept waiting for the last.
const BATCH: usize = 64;
/// Clients whose rules one loop has at hand: a home with guests.
const CLIENTS: usize = 256;
/// How long to wait when the system cannot receive: it has no memory, and asking harder gives none.
const RECEIVE_PAUSE: Duration = Duration::from_millis(20);
/// What the kernel is asked to hold while we are busy: some 1,400 queries, ten milliseconds of a
/// flood, so that a device in its midst loses none. Whoever may not command it gets what it gives.
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
    /// Binds a socket. IPv6 sockets take IPv6 only: IPv4 has one of its own.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_to(address, false)
    }

    /// Another socket on the same address: the kernel deals queries out among them, all of one
    /// client's port to the same. The first was bound alone, so no other program shares the port.
    pub fn share(&self) -> io::Result<Self> {
        SockRef::from(&self.socket).set_reuse_port(true)?;
        Self::bind_to(self.local, true)
    }

    fn bind_to(address: SocketAddr, shares: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        // On one address of its own, a socket answers from no other.
        let is_wildcard = address.ip().is_unspecified();
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &is_wildcard)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &is_wildcard)?;
        }
        socket.set_reuse_port(shares)?;
        // An old kernel, and a smaller buffer than wished for, still serve.
        let _ = omit_path_mtu(socket.as_fd(), address.is_ipv6());
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_OCTETS).is_err() {
            let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS);
        }
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
        let udp = UdpListener::bind(address)?;
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
    let (mut inbox, mut outbox) = (Inbox::new(BATCH, QUERY_OCTETS_MAX), Outbox::new(BATCH));
    let post = Arc::new(Post { socket: Arc::clone(&socket), outbox: Mutex::new(Outbox::new(0)) });
    let mut desk = answer.desk(CLIENTS);
    let own = Some(listener.local.ip()).filter(|own| !own.is_unspecified());
    let mut end = pin!(ended(&mut shutdown));
    loop {
        tokio::select! {
            biased;
            () = &mut end => break,
            // An error is seen by the first receive.
            _ = socket.readable() => {}
        }
        let count = match receive(&socket, &mut inbox) {
            Ok((count, _)) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            // An ICMP message about an earlier reply: that client is gone.
            Err(error) if is_of_a_client(&error) => continue,
            Err(_) => {
                answer.counters().count_unreceived();
                tokio::time::sleep(RECEIVE_PAUSE).await;
                continue;
            }
        };
        serve::begin(&*answer, &mut desk);
        for place in 0..count {
            let Some((query, way)) = inbox.datagram(place) else { continue };
            let Some(source) = source_of(way, own) else { continue };
            let out = outbox.draft();
            // Tasks begin when this batch is on its way.
            let replied = match answer_now(&*answer, &mut desk, query, &source, out) {
                Quick::Reply => true,
                Quick::Silence => false,
                Quick::ReplyThen(work) => {
                    if let Ok(place) = Arc::clone(&waiting).try_acquire_owned() {
                        tokio::spawn(work_off(Arc::clone(&answer), work, place));
                    }
                    true
                }
                Quick::Later(later) => match Arc::clone(&waiting).try_acquire_owned() {
                    Ok(place) => {
                        let question = (query.into(), *way);
                        let (post, answer) = (Arc::clone(&post), Arc::clone(&answer));
                        tokio::spawn(reply_later(answer, later, question, post, place));
                        false
                    }
                    Err(_) => overloaded(answer.counters(), query, out),
                },
            };
            if replied {
                outbox.keep(way);
            }
        }
        answer.counters().count_unsent(outbox.send(socket.as_fd()));
        serve::end(&*answer, &mut desk);
        tokio::task::yield_now().await;
    }
    let all = u32::try_from(WAITING_MAX).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, waiting.acquire_many(all)).await;
    Ok(())
}

/// Takes the datagrams that are there, as [`Inbox::receive`] does.
pub(super) fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<(usize, bool)> {
    let receive = || inbox.receive(socket.as_fd());
    let (count, all) = socket.try_io(Interest::READABLE, receive)?;
    if all {
        // The runtime need not ask the kernel once more to learn that there is nothing left: what
        // comes from now on, the kernel tells.
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = socket.try_io(Interest::READABLE, nothing);
    }
    Ok((count, all))
}

/// Where a datagram came from; none when it is not to be answered: nobody listens on port 0. `own`
/// is the socket's one address, if it is not bound to all.
fn source_of(way: &mut Way, own: Option<IpAddr>) -> Option<Source> {
    let sender = way.sender().filter(|sender| sender.port() != 0)?;
    let to = own.or_else(|| way.asked()).filter(|to| !to.is_multicast())?;
    let from = SocketAddr::new(sender.ip().to_canonical(), sender.port());
    Some(Source { from, to: to.to_canonical(), by: Transport::Udp, id: None })
}

/// Replies to what had to wait. Those that are ready together go out together.
struct Post {
    socket: Arc<UdpSocket>,
    outbox: Mutex<Outbox>,
}

impl Post {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Whatever is in it was whole when it was posted.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers what had to wait.
async fn reply_later<A: Answer>(
    answer: Arc<A>,
    later: A::Later,
    (query, way): (Box<[u8]>, Way),
    post: Arc<Post>,
    place: OwnedSemaphorePermit,
) {
    let Some(reply) = answer_later(Arc::clone(&answer), later, &query).await else { return };
    let is_first = post.outbox().post(reply, &way) == 1;
    if is_first {
        // It has its turn after all tasks that are ready now, and takes their replies along.
        tokio::task::yield_now().await;
        let unsent = post.outbox().send(post.socket.as_fd());
        answer.counters().count_unsent(unsent);
    }
    drop(place);
}

/// Waits until the program ends.
pub(super) async fn ended(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone can no longer say it.
    let _ = shutdown.wait_for(|ends| *ends).await;
}

fn is_of_a_client(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable
    )
}

#[cfg(test)]
pub(super) mod tests;
