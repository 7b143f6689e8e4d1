//! One socket towards one server, and the questions in flight on it.
//!
//! Connected, so that the kernel drops what comes from elsewhere. A task reads all that is there
//! and gives each datagram to the question whose id it carries; the gate of `answer.rs` says
//! whether it counts. Start at [`Ticket::take`]. Knows nothing of time, of sending again, or of
//! the other ports.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::answer::{NotAnAnswer, Reading, is_answer_to};
use super::pool::Count;
use super::query::Query;
use super::trouble::Trouble;
use crate::dns::udp::receive;
use crate::sys::{Inbox, omit_path_mtu};

/// The ports we ask from: above those where services usually listen, and twice as many as the
/// kernel would choose from.
const PORTS: RangeInclusive<u16> = 10_240..=65_535;

/// How often a port that is taken is thrown again before the kernel chooses.
const PORT_THROWS: u32 = 4;

/// The largest datagram read. We announce 1,232 octets; servers that ignore it rarely pass 4,096,
/// and what is longer is cut by the kernel and then no answer.
const DATAGRAM_OCTETS_MAX: usize = 4096;

/// Datagrams read from one port until others have their turn: a flood holds up nobody.
const READS_MAX: usize = 64;

/// Datagrams that answer nothing until the question goes over TCP: one or two happen.
const NEAR_MISSES_MAX: u32 = 3;

/// Datagrams looked at for one query: a flood costs no more than this.
const DATAGRAMS_MAX: u32 = 256;

/// Ids remembered of questions that are over: an answer that comes late is no guess. More than a
/// port has in the milliseconds it lives in a flood.
const DEPARTED_MAX: usize = 64;

/// Datagrams read at once.
const BATCH: usize = 8;

thread_local! {
    /// Where datagrams are read to; what counts is copied, at its own size.
    static INBOX: RefCell<Inbox> = RefCell::new(Inbox::new(BATCH, DATAGRAM_OCTETS_MAX));
}

/// A socket. Closed when it is dropped, which is when no pool and no question holds it any more.
pub(super) struct Port {
    open: Arc<Open>,
    reader: AbortHandle,
}

/// What the reader shares with those who ask.
struct Open {
    socket: UdpSocket,
    desk: Mutex<Desk>,
    /// Given back when the socket is closed.
    _count: Count,
}

struct Desk {
    /// The questions in flight, by id.
    waiting: HashMap<u16, Slot>,
    departed: Departed,
    /// Whether it was asked from, or opened, since this was last looked at.
    used: bool,
}

/// A question in flight.
struct Slot {
    query: Query,
    /// What came and counts; nothing after it is looked at.
    heard: Option<(Arc<[u8]>, Reading)>,
    /// What the system said instead.
    trouble: Option<Trouble>,
    /// How many datagrams were no answer.
    misses: u32,
    /// Whoever asks knows that these are too many.
    told_of_misses: bool,
    refuses_edns: bool,
    waker: Option<Waker>,
}

/// The ids of the last questions that are over, oldest overwritten first.
struct Departed {
    ids: [u16; DEPARTED_MAX],
    count: usize,
}

/// A question's place on a port, given back when it is dropped.
pub(super) struct Ticket {
    port: Arc<Port>,
    id: u16,
}

/// What a question in flight learns.
#[derive(Debug)]
pub(super) enum News {
    /// A datagram that answers it: the message up to its last counted record.
    Heard(Arc<[u8]>, Reading),
    /// Too many datagrams that did not: somebody may be guessing. Told once.
    NearMisses,
    /// So many that no more are looked at.
    Drowned,
    /// The system could not send or receive.
    Failed(Trouble),
}

// === impl Port ===

impl Port {
    /// Opens a socket on a random port that hears one server only, and starts its reader, which
    /// is a task of this runtime.
    pub(super) fn open(server: SocketAddr, count: Count) -> io::Result<Self> {
        let socket = bind(server)?;
        socket.connect(&server.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let open = Arc::new(Open { socket, desk: Mutex::new(Desk::new()), _count: count });
        let reader = tokio::spawn(read(Arc::clone(&open))).abort_handle();
        Ok(Port { open, reader })
    }

    /// Whether it was asked from since the last call, or still is.
    pub(super) fn take_used(&self) -> bool {
        let mut desk = self.open.desk();
        std::mem::take(&mut desk.used) || !desk.waiting.is_empty()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Bound to a port nobody can guess.
fn bind(server: SocketAddr) -> io::Result<Socket> {
    let (domain, here): (_, IpAddr) = match server {
        SocketAddr::V4(_) => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
        SocketAddr::V6(_) => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    // An old kernel asks from such a socket all the same.
    let _ = omit_path_mtu(socket.as_fd(), server.is_ipv6());
    // The receive buffer stays the system's: it holds some fifty answers of the size we announce,
    // and a port has fewer in flight.
    for _ in 0..PORT_THROWS {
        let thrown = SocketAddr::new(here, rand::random_range(PORTS));
        if socket.bind(&thrown.into()).is_ok() {
            return Ok(socket);
        }
    }
    // All taken: the kernel's choice is random too, among fewer.
    socket.bind(&SocketAddr::new(here, 0).into())?;
    Ok(socket)
}

// === The reader ===

/// Reads until it is aborted.
async fn read(open: Arc<Open>) {
    while let Ok(ready) = open.socket.ready(Interest::READABLE | Interest::ERROR).await {
        if ready.is_error() {
            open.take_error();
        }
        INBOX.with_borrow_mut(|inbox| open.take_all(inbox));
    }
}

impl Open {
    /// A refusal makes a socket fail, and not readable.
    fn take_error(&self) {
        // Seen: the next error is news again.
        let seen = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _waits = self.socket.try_io(Interest::ERROR, seen);
        if let Ok(Some(error)) = self.socket.take_error() {
            self.desk().fail(&Trouble::of_io(&error));
        }
    }

    fn take_all(&self, inbox: &mut Inbox) {
        for _ in 0..READS_MAX / BATCH {
            match receive(&self.socket, inbox) {
                Ok((count, all)) => {
                    let mut desk = self.desk();
                    for place in 0..count {
                        // One that was cut is no answer, and still a miss.
                        desk.deliver(inbox.datagram(place).map_or(&[], |(octets, _)| octets));
                    }
                    if all {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => self.desk().fail(&Trouble::of_io(&error)),
            }
        }
    }

    /// A panic elsewhere leaves no slot half written that would be read.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Desk ===

impl Desk {
    fn new() -> Self {
        let departed = Departed { ids: [0; DEPARTED_MAX], count: 0 };
        Desk { waiting: HashMap::new(), departed, used: true }
    }

    fn deliver(&mut self, datagram: &[u8]) {
        let id = datagram.first_chunk().map(|id| u16::from_be_bytes(*id));
        if let Some(slot) = id.and_then(|id| self.waiting.get_mut(&id)) {
            slot.hear(datagram);
        } else if !id.is_some_and(|id| self.departed.contains(id)) {
            // Nobody's: a guess at any of those who wait.
            for slot in self.waiting.values_mut() {
                slot.miss();
            }
        }
    }

    /// The system does not say which datagram it was about.
    fn fail(&mut self, trouble: &Trouble) {
        for slot in self.waiting.values_mut() {
            slot.trouble = Some(trouble.clone());
            slot.wake();
        }
    }
}

// === impl Slot ===

impl Slot {
    fn new(query: Query) -> Self {
        Slot {
            query,
            heard: None,
            trouble: None,
            misses: 0,
            told_of_misses: false,
            refuses_edns: false,
            waker: None,
        }
    }

    fn hear(&mut self, datagram: &[u8]) {
        if self.heard.is_some() {
            return;
        }
        match is_answer_to(datagram, &self.query) {
            Ok(reading) => {
                self.heard = Some((datagram[..reading.end].into(), reading));
                self.wake();
            }
            Err(why) => {
                self.refuses_edns |= why == NotAnAnswer::BareRefusal;
                self.miss();
            }
        }
    }

    fn miss(&mut self) {
        if self.heard.is_some() {
            return;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses == NEAR_MISSES_MAX || self.misses == DATAGRAMS_MAX {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn news(&mut self) -> Option<News> {
        if self.misses >= NEAR_MISSES_MAX && !self.told_of_misses {
            self.told_of_misses = true;
            return Some(News::NearMisses);
        }
        if let Some((octets, reading)) = self.heard.take() {
            return Some(News::Heard(octets, reading));
        }
        if self.misses >= DATAGRAMS_MAX {
            return Some(News::Drowned);
        }
        self.trouble.take().map(News::Failed)
    }
}

// === impl Departed ===

impl Departed {
    fn note(&mut self, id: u16) {
        self.ids[self.count % DEPARTED_MAX] = id;
        self.count += 1;
    }

    fn contains(&self, id: u16) -> bool {
        self.ids[..self.count.min(DEPARTED_MAX)].contains(&id)
    }
}

// === impl Ticket ===

impl Ticket {
    /// Takes a place for a query. Its id is changed if another question of this port has it.
    pub(super) fn take(port: Arc<Port>, query: &mut Query) -> Self {
        let mut desk = port.open.desk();
        desk.used = true;
        while desk.waiting.contains_key(&query.id()) {
            *query = query.with_id(rand::random());
        }
        let id = query.id();
        desk.waiting.insert(id, Slot::new(query.clone()));
        drop(desk);
        Ticket { port, id }
    }

    /// Sends a message with the query's id.
    pub(super) async fn send(&self, message: &[u8]) -> Result<(), Trouble> {
        let socket = &self.port.open.socket;
        let sent = match socket.try_send(message) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Box::pin(socket.send(message)).await
            }
            sent => sent,
        };
        sent.map(drop).map_err(|error| Trouble::of_io(&error))
    }

    /// What is new; asked again, it waits for the next.
    pub(super) async fn news(&self) -> News {
        poll_fn(|cx| self.poll_news(cx)).await
    }

    /// Whether the server seems to refuse EDNS: by a header alone, which anybody may have sent.
    pub(super) fn refuses_edns(&self) -> bool {
        self.port.open.desk().waiting.get(&self.id).is_some_and(|slot| slot.refuses_edns)
    }

    fn poll_news(&self, cx: &Context<'_>) -> Poll<News> {
        let mut desk = self.port.open.desk();
        let Some(slot) = desk.waiting.get_mut(&self.id) else { return Poll::Pending };
        if let Some(news) = slot.news() {
            return Poll::Ready(news);
        }
        if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut desk = self.port.open.desk();
        desk.waiting.remove(&self.id);
        desk.departed.note(self.id);
    }
}
