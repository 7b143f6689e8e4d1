//! Listening for connections, plain and encrypted.
//!
//! Queries of one connection are taken as they come and answered as they are ready, out of order
//! (RFC 7766 §6.2.1.1); what a client may hold is bounded everywhere, and the connection that has
//! been quiet longest makes room for a new one ([`super::seats`]). Anything that reads and writes
//! octets is served, so DNS over TLS is the same behind its handshake; DNS over HTTPS goes on in
//! `https.rs`. Start at [`run`].

pub mod frames;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::dress::Wants;
use super::https;
use super::seats::{Seat, Seats};
use super::serve::{
    self, Answer, Quick, SHUTDOWN_GRACE, Source, Transport, WAITING_MAX, answer_later, answer_now,
    overloaded, work_off,
};
use super::tls::Acceptor;
use super::udp::ended;
use frames::{Frames, LengthOfNone};

/// Queries of one connection that wait at once; the next is read when one is answered.
pub const IN_FLIGHT_MAX: usize = 64;
/// After so long without a query a connection is closed (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(10);
/// The same of a client that asked how long (RFC 7828 §3.3.2), in seconds.
const IDLE_TOLD_SECONDS: u64 = 30;
/// A handshake must be over after so long.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// A query that has begun must be whole after so long.
const QUERY_TIME_MAX: Duration = Duration::from_secs(5);
/// A client must take a reply within so long.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections the kernel holds for us until we take them.
const BACKLOG: i32 = 1024;
/// What a connection's replies may hold in memory before the client takes them: with the one that
/// passes it, some 80 KiB; all together are bounded by [`super::seats`].
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
    speech: Speech,
    answer: Arc<A>,
    seats: Arc<Seats>,
    shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let patience = Patience { idle: IDLE, query: QUERY_TIME_MAX };
    run_with(listener, speech, answer, seats, shutdown, patience).await
}

/// What is spoken over the connections of a listener.
#[derive(Debug, Clone)]
pub enum Speech {
    /// Plain DNS.
    Plain,
    /// DNS over TLS.
    Tls(Acceptor),
    /// DNS over HTTPS.
    Https(Acceptor),
}

/// How long a connection may be quiet, and how long a query that has begun may take to come.
#[derive(Debug, Clone, Copy)]
struct Patience {
    idle: Duration,
    query: Duration,
}

async fn run_with<A: Answer>(
    listener: TcpListener,
    speech: Speech,
    answer: Arc<A>,
    seats: Arc<Seats>,
    mut shutdown: watch::Receiver<bool>,
    patience: Patience,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener.socket)?;
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
        let speech = speech.clone();
        connections.spawn(async move { context.greet(stream, &speech, &seat).await });
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
    Some(Source {
        from: SocketAddr::new(from.ip().to_canonical(), from.port()),
        to,
        by: Transport::Tcp,
        id: None,
    })
}

/// What a query that had to wait brought, with the place it waited in: replies whose client takes
/// none stay counted.
type Waited = (Option<Vec<u8>>, OwnedSemaphorePermit);

/// What a connection knows of the world.
pub(super) struct Context<A> {
    pub(super) source: Source,
    pub(super) answer: Arc<A>,
    pub(super) waiting: Arc<Semaphore>,
    pub(super) shutdown: watch::Receiver<bool>,
    patience: Patience,
}

impl<A: Answer> Context<A> {
    /// Shakes hands where that is the custom, and serves what is spoken then.
    async fn greet(mut self, stream: TcpStream, speech: &Speech, seat: &Seat) {
        let (acceptor, by) = match speech {
            Speech::Plain => return self.serve(stream, seat).await,
            Speech::Tls(acceptor) => (acceptor, Transport::Tls),
            Speech::Https(acceptor) => (acceptor, Transport::Https),
        };
        let shaken = tokio::select! {
            () = seat.leave.notified() => return,
            shaken = timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)) => shaken,
        };
        let Ok(Ok((stream, id))) = shaken else { return };
        (self.source.by, self.source.id) = (by, id);
        // In boxes: a handshake is over soon, and need not hold the room that what follows takes.
        match speech {
            Speech::Https(_) => Box::pin(https::serve(self, stream, seat)).await,
            Speech::Plain | Speech::Tls(_) => Box::pin(self.serve(stream, seat)).await,
        }
    }

    /// Serves one connection to its end.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut self, mut stream: S, seat: &Seat) {
        self.serve_queries(&mut stream, seat).await;
        // Where something is encrypted, its end is told.
        let _ = timeout(WRITE_TIME_MAX, stream.shutdown()).await;
    }

    async fn serve_queries<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        seat: &Seat,
    ) {
        let mut unread = Frames::default();
        let mut desk = self.answer.desk(1);
        let mut out = Vec::new();
        let mut tasks = JoinSet::new();
        let Patience { mut idle, query } = self.patience;
        let mut deadline = pin!(sleep(idle));
        let (mut ends, mut half_way) = (false, false);
        loop {
            let mut queries = 0;
            // Replies go out before more are made: a client that takes none gets no more.
            loop {
                let taken = self.take_queries(&mut desk, &mut unread, &mut tasks, &mut out);
                if let Ok(Taken { keeps: true, .. }) = taken {
                    idle = idle.max(Duration::from_secs(IDLE_TOLD_SECONDS));
                }
                seat.busy.store(!tasks.is_empty(), Ordering::Relaxed);
                let more = out.len() >= OUT_OCTETS_MAX;
                if !out.is_empty() {
                    let Some(_held) = seat.seats.hold(out.len()) else { return };
                    let written = tokio::select! {
                        // Who takes no replies is the first to make room.
                        () = seat.leave.notified() => return,
                        written = timeout(WRITE_TIME_MAX, write(stream, &out)) => written,
                    };
                    match written {
                        Ok(Ok(())) => out.clear(),
                        Ok(Err(_)) | Err(_) => return,
                    }
                    // One long reply must not hold its memory while the connection is quiet.
                    out.shrink_to(OUT_OCTETS_KEPT);
                }
                let Ok(taken) = taken else { return };
                queries += taken.queries;
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
                    if let Ok((Some(mut reply), _place)) = done {
                        // It is dressed already.
                        append(&mut out, Wants::default(), &mut reply);
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
    ) -> Result<Taken, LengthOfNone> {
        let mut reply = Vec::new();
        let (mut queries, mut keeps) = (0, false);
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
            let wants = Wants::of(query, self.source.by);
            keeps |= wants.keepalive;
            match answer_now(&*self.answer, desk, query, &self.source, &mut reply) {
                Quick::Reply => append(out, wants, &mut reply),
                Quick::Silence => {}
                Quick::ReplyThen(work) => {
                    append(out, wants, &mut reply);
                    if let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() {
                        tokio::spawn(work_off(Arc::clone(&self.answer), work, place));
                    }
                }
                Quick::Later(later) => match Arc::clone(&self.waiting).try_acquire_owned() {
                    Ok(place) => {
                        let answer = Arc::clone(&self.answer);
                        let query: Box<[u8]> = query.into();
                        tasks.spawn(async move {
                            let mut reply = answer_later(answer, later, &query).await;
                            if let Some(reply) = &mut reply {
                                wants.dress(reply, IDLE_TOLD_SECONDS);
                            }
                            (reply, place)
                        });
                    }
                    Err(_) => {
                        if overloaded(self.answer.counters(), query, &mut reply) {
                            append(out, wants, &mut reply);
                        }
                    }
                },
            }
        }
        if queries > 0 {
            serve::end(&*self.answer, desk);
        }
        unread.forget_taken();
        if broken { Err(LengthOfNone) } else { Ok(Taken { queries, keeps }) }
    }
}

/// What was taken of a connection at once.
struct Taken {
    queries: usize,
    /// Whether the client asked how long the connection is kept.
    keeps: bool,
}

/// Writes replies to their last octet, which a layer in between may hold back.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, out: &[u8]) -> io::Result<()> {
    stream.write_all(out).await?;
    stream.flush().await
}

/// Appends a reply with what its client wants, behind its length (RFC 1035 §4.2.2). One that is too
/// long for it cannot be sent; whoever answers keeps to the limit.
fn append(out: &mut Vec<u8>, wants: Wants, reply: &mut Vec<u8>) {
    wants.dress(reply, IDLE_TOLD_SECONDS);
    if let Ok(length) = u16::try_from(reply.len()) {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(reply);
    }
}

#[cfg(test)]
mod tests;
