//! Listening for connections.
//!
//! Queries of one connection are taken as they come and answered as they are ready, out of order
//! (RFC 7766 §6.2.1.1); what a client may hold is bounded everywhere, and the connection that has
//! been quiet longest makes room for a new one. Anything that reads and writes octets can be
//! served, so that TLS can come on top. Start at [`run`].

pub mod frames;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::serve::{
    self, Answer, Quick, SHUTDOWN_GRACE, Source, WAITING_MAX, answer_later, answer_now, overloaded,
};
use super::udp::{ended, work_off};
use frames::{Frames, LengthOfNone};

/// Connections at once: each costs a descriptor and a few KiB, and a small router has 1024.
pub const CONNECTIONS_MAX: usize = 256;
/// Connections of one client at once, so that one device cannot take all of them.
pub const CONNECTIONS_PER_CLIENT_MAX: usize = 32;
/// Queries of one connection that wait at once; the next is read when one is answered.
pub const IN_FLIGHT_MAX: usize = 64;
/// After so long without a query a connection is closed (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(10);
/// A query that has begun must be whole after so long.
const QUERY_TIME_MAX: Duration = Duration::from_secs(5);
/// A client must take a reply within so long.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections the kernel holds for us until we take them.
const BACKLOG: i32 = 1024;
/// What a connection's replies may hold in memory before the client takes them: with the one that
/// passes it, 256 connections whose clients take nothing hold 20 MiB, whatever they asked for.
const OUT_OCTETS_MAX: usize = 16 * 1024;
/// What is kept for the replies of a connection that is quiet.
const OUT_OCTETS_KEPT: usize = 1024;

/// A socket that listens and is not yet served.
#[derive(Debug)]
pub struct TcpListener {
    socket: std::net::TcpListener,
    local: SocketAddr,
}

impl TcpListener {
    /// Binds a socket. IPv6 sockets take IPv6 only: IPv4 has one of its own.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A restart must not wait until the last connections are forgotten.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = std::net::TcpListener::from(socket);
        let local = socket.local_addr()?;
        Ok(TcpListener { socket, local })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Serves a listening socket until `shutdown` says true or its sender is gone, then gives what
/// waits [`SHUTDOWN_GRACE`]. Must be called within the runtime that is to serve it. Fails only when
/// the runtime does not take the socket.
pub async fn run<A: Answer>(
    listener: TcpListener,
    answer: Arc<A>,
    shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    run_with(listener, answer, shutdown, Patience { idle: IDLE, query: QUERY_TIME_MAX }).await
}

/// How long a connection may be quiet, and how long a query that has begun may take to come.
#[derive(Debug, Clone, Copy)]
struct Patience {
    idle: Duration,
    query: Duration,
}

async fn run_with<A: Answer>(
    listener: TcpListener,
    answer: Arc<A>,
    mut shutdown: watch::Receiver<bool>,
    patience: Patience,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener.socket)?;
    let seats = Arc::new(Seats::default());
    let waiting = Arc::new(Semaphore::new(WAITING_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = ended(&mut shutdown) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            // The client is gone before it was here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(_) => {
                answer.counters().count_unreceived();
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(source) = source_of(&stream, from) else { continue };
        let (seat, pushed_out) = seats.take(source.from.ip());
        if pushed_out || seat.is_none() {
            answer.counters().count_turned_away();
        }
        let Some(seat) = seat else { continue };
        let context = Context {
            source,
            answer: Arc::clone(&answer),
            waiting: Arc::clone(&waiting),
            shutdown: shutdown.clone(),
            patience,
        };
        connections.spawn(async move { context.serve(stream, &seat).await });
    }
    drop(listener);
    let _ =
        timeout(SHUTDOWN_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

fn source_of(stream: &TcpStream, from: SocketAddr) -> Option<Source> {
    // Replies are whole: to hold them back for more helps nobody.
    let _ = stream.set_nodelay(true);
    let to = stream.local_addr().ok()?.ip().to_canonical();
    Some(Source { from: SocketAddr::new(from.ip().to_canonical(), from.port()), to, tcp: true })
}

/// What a query that had to wait brought, with the place it waited in: replies whose client takes
/// none stay counted.
type Waited = (Option<Vec<u8>>, OwnedSemaphorePermit);

/// What a connection knows of the world.
struct Context<A> {
    source: Source,
    answer: Arc<A>,
    waiting: Arc<Semaphore>,
    shutdown: watch::Receiver<bool>,
    patience: Patience,
}

impl<A: Answer> Context<A> {
    /// Serves one connection to its end.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut self, mut stream: S, seat: &Seat) {
        let mut unread = Frames::default();
        let mut desk = self.answer.desk(1);
        let mut out = Vec::new();
        let mut tasks = JoinSet::new();
        let Patience { idle, query } = self.patience;
        let mut deadline = pin!(sleep(idle));
        let (mut ends, mut half_way) = (false, false);
        loop {
            let mut queries = 0;
            // Replies go out before more are made: a client that takes none gets no more.
            loop {
                let taken = self.take_queries(&mut desk, &mut unread, &mut tasks, &mut out);
                seat.busy.store(!tasks.is_empty(), Ordering::Relaxed);
                let more = out.len() >= OUT_OCTETS_MAX;
                if !out.is_empty() {
                    let written = tokio::select! {
                        // Who takes no replies is the first to make room.
                        () = seat.leave.notified() => return,
                        written = timeout(WRITE_TIME_MAX, stream.write_all(&out)) => written,
                    };
                    match written {
                        Ok(Ok(())) => out.clear(),
                        Ok(Err(_)) | Err(_) => return,
                    }
                    // One long reply must not hold its memory while the connection is quiet.
                    out.shrink_to(OUT_OCTETS_KEPT);
                }
                let Ok(taken) = taken else { return };
                queries += taken;
                if !more {
                    break;
                }
            }
            if ends && tasks.is_empty() {
                return;
            }
            let begun = tasks.len() < IN_FLIGHT_MAX && unread.has_part();
            if queries > 0 {
                seat.touch();
            }
            // A query that has begun keeps its own time, however its octets trickle in.
            if queries > 0 || begun != half_way {
                deadline.set(sleep(if begun { query } else { idle }));
                half_way = begun;
            }
            tokio::select! {
                () = ended(&mut self.shutdown), if !ends => ends = true,
                () = seat.leave.notified() => return,
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Ok((Some(reply), _place)) = done {
                        append(&mut out, &reply);
                    }
                    if !half_way {
                        deadline.set(sleep(idle));
                    }
                }
                read = stream.read_buf(unread.room()), if !ends && tasks.len() < IN_FLIGHT_MAX => {
                    match read {
                        // It will not ask more, and still wants its answers.
                        Ok(0) => ends = true,
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
                () = &mut deadline => {
                    if half_way || tasks.is_empty() {
                        return;
                    }
                    deadline.set(sleep(idle));
                }
            }
        }
    }

    /// Takes the whole queries that were read, as far as they may wait and their replies have
    /// room, and says how many. An error is a length no query has: what follows cannot be trusted.
    fn take_queries(
        &self,
        desk: &mut A::Desk,
        unread: &mut Frames,
        tasks: &mut JoinSet<Waited>,
        out: &mut Vec<u8>,
    ) -> Result<usize, LengthOfNone> {
        let mut reply = Vec::new();
        let mut queries = 0;
        let mut broken = false;
        while tasks.len() < IN_FLIGHT_MAX && out.len() < OUT_OCTETS_MAX {
            let query = match unread.next() {
                Ok(Some(query)) => query,
                Ok(None) => break,
                Err(LengthOfNone) => {
                    broken = true;
                    break;
                }
            };
            if queries == 0 {
                serve::begin(&*self.answer, desk);
            }
            queries += 1;
            reply.clear();
            match answer_now(&*self.answer, desk, query, &self.source, &mut reply) {
                Quick::Reply => append(out, &reply),
                Quick::Silence => {}
                Quick::ReplyThen(work) => {
                    append(out, &reply);
                    if let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() {
                        tokio::spawn(work_off(Arc::clone(&self.answer), work, place));
                    }
                }
                Quick::Later(later) => match Arc::clone(&self.waiting).try_acquire_owned() {
                    Ok(place) => {
                        let answer = Arc::clone(&self.answer);
                        let query: Box<[u8]> = query.into();
                        tasks.spawn(
                            async move { (answer_later(answer, later, &query).await, place) },
                        );
                    }
                    Err(_) => {
                        if overloaded(self.answer.counters(), query, &mut reply) {
                            append(out, &reply);
                        }
                    }
                },
            }
        }
        if queries > 0 {
            serve::end(&*self.answer, desk);
        }
        unread.forget_taken();
        if broken { Err(LengthOfNone) } else { Ok(queries) }
    }
}

/// Appends a reply behind its length (RFC 1035 §4.2.2). One that is too long for it cannot be
/// sent; whoever answers keeps to the limit.
fn append(out: &mut Vec<u8>, reply: &[u8]) {
    if let Ok(length) = u16::try_from(reply.len()) {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(reply);
    }
}

/// Who is connected.
#[derive(Debug, Default)]
struct Seats {
    /// Counts queries and arrivals: the lowest seat has been quiet longest. No clock is asked.
    turn: Arc<AtomicU64>,
    taken: Mutex<HashMap<u64, Arc<Place>>>,
}

/// One connection, as the others see it.
#[derive(Debug)]
struct Place {
    client: IpAddr,
    last_turn: AtomicU64,
    busy: AtomicBool,
    leave: Notify,
}

/// One connection's own hold of its place, which is free again when it is dropped.
#[derive(Debug)]
struct Seat {
    place: Arc<Place>,
    id: u64,
    seats: Arc<Seats>,
}

impl std::ops::Deref for Seat {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Seat {
    /// A query came: it is the last that makes room.
    fn touch(&self) {
        let turn = self.seats.turn.fetch_add(1, Ordering::Relaxed);
        self.last_turn.store(turn, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.id);
    }
}

impl Seats {
    /// Takes a place for a client's new connection, and says whether another one had to leave for
    /// it. None when every one that could leave waits for an answer.
    fn take(self: &Arc<Self>, client: IpAddr) -> (Option<Seat>, bool) {
        let mut taken = self.lock();
        let of_client = taken.values().filter(|place| place.client == client).count();
        let full = if of_client >= CONNECTIONS_PER_CLIENT_MAX {
            Some(Some(client))
        } else {
            (taken.len() >= CONNECTIONS_MAX).then_some(None)
        };
        if let Some(among) = full {
            let quietest = taken
                .iter()
                .filter(|(_, place)| among.is_none_or(|client| place.client == client))
                .filter(|(_, place)| !place.busy.load(Ordering::Relaxed))
                .min_by_key(|(_, place)| place.last_turn.load(Ordering::Relaxed))
                .map(|(id, _)| *id);
            let Some(place) = quietest.and_then(|id| taken.remove(&id)) else {
                return (None, false);
            };
            place.leave.notify_one();
        }
        let id = self.turn.fetch_add(1, Ordering::Relaxed);
        let place = Arc::new(Place {
            client,
            last_turn: AtomicU64::new(id),
            busy: AtomicBool::new(false),
            leave: Notify::new(),
        });
        taken.insert(id, Arc::clone(&place));
        (Some(Seat { place, id, seats: Arc::clone(self) }), full.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Place>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
