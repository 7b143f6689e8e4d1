//! DNS over QUIC (RFC 9250), and DNS over HTTP/3.
//!
//! One query a stream. Both are served alike: the endpoint takes connections as far as there is room,
//! each connection its streams as far as its budget goes; which of the two is spoken was agreed on in
//! the handshake. Start at [`run`].

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::{Buf as _, Bytes};
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig,
    TransportConfig, VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::dress::KEEPALIVE;
use super::https::{self, Place, Request};
use super::seats::{Seat, Seats};
use super::serve::{self, Answer, SHUTDOWN_GRACE, Source, Transport, WAITING_MAX};
use super::tcp::frames::QUERY_OCTETS_MAX;
use super::tls::{Identity, alpn};
use super::udp::ended;
use super::{options, wire};
use crate::clock::Clock;

/// Queries of one connection at once; a client that asks more waits for their answers.
const STREAMS_MAX: u32 = 64;
/// What a client may send on one stream before it is read: a query is shorter.
const STREAM_OCTETS_MAX: u32 = 16 * 1024;
/// The same of all streams of a connection.
const CONNECTION_OCTETS_MAX: u32 = 128 * 1024;
/// What is kept of answers that a client does not take.
const SEND_OCTETS_MAX: u64 = 128 * 1024;
/// After so long without anything a connection is forgotten (RFC 9250 §5.5.2).
const IDLE: Duration = Duration::from_secs(30);
/// A handshake must be over after so long.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// A query must be whole, and its answer taken, after so long.
const STREAM_TIME_MAX: Duration = Duration::from_secs(5);
/// Handshakes under way from which on a client must show that its address is its own (RFC 9000 §8.1).
const HANDSHAKES_UNCHECKED: usize = 32;
/// Handshakes under way at once.
const HANDSHAKES_MAX: usize = 256;

/// `DOQ_NO_ERROR`, `DOQ_PROTOCOL_ERROR` and `DOQ_EXCESSIVE_LOAD` (RFC 9250 §4.3).
const NO_ERROR: VarInt = VarInt::from_u32(0);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// What is spoken on an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// DNS over QUIC.
    Quic,
    /// DNS over HTTP/3.
    Http3,
}

/// A socket that is bound and not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::UdpSocket,
    speech: Speech,
}

/// A client went against the protocol: its connection is closed (RFC 9250 §4.3.3).
#[derive(Debug, PartialEq, Eq)]
struct AgainstProtocol;

impl Listener {
    /// Binds a socket. IPv6 sockets take IPv6 only: IPv4 has one of its own.
    pub fn bind(address: SocketAddr, speech: Speech) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Listener { socket: socket.into(), speech })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Serves a socket until `shutdown` says true or its sender is gone, then gives what waits
/// [`SHUTDOWN_GRACE`]. Must be called within the runtime that is to serve it. Fails only when the
/// runtime does not take the socket.
pub async fn run<A: Answer>(
    listener: Listener,
    identity: Arc<Identity>,
    answer: Arc<A>,
    seats: Arc<Seats>,
    clock: Clock,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let Listener { socket, speech } = listener;
    let bound = socket.local_addr()?;
    let config = config_of(&identity, speech, &clock)?;
    let runtime = quinn::default_runtime().ok_or_else(|| io::Error::other("no runtime"))?;
    let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)?;
    let waiting = Arc::new(Semaphore::new(WAITING_MAX));
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let mut connections = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            biased;
            () = ended(&mut shutdown) => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { break };
        while connections.try_join_next().is_some() {}
        let under_way = HANDSHAKES_MAX - handshakes.available_permits();
        if under_way >= HANDSHAKES_UNCHECKED && incoming.may_retry() {
            // Whoever forged its address hears nothing of it.
            let _ = incoming.retry();
            continue;
        }
        let (Ok(handshake), (Some(seat), pushed_out)) = (
            Arc::clone(&handshakes).try_acquire_owned(),
            seats.take(incoming.remote_address().ip().to_canonical()),
        ) else {
            answer.counters().count_turned_away();
            incoming.refuse();
            continue;
        };
        if pushed_out {
            answer.counters().count_turned_away();
        }
        let served = Served {
            answer: Arc::clone(&answer),
            identity: Arc::clone(&identity),
            waiting: Arc::clone(&waiting),
            shutdown: shutdown.clone(),
            bound,
            speech,
        };
        connections.spawn(async move {
            let connected = served.greet(incoming, &seat).await;
            drop(handshake);
            if let Some((connection, source)) = connected {
                Box::pin(served.serve(connection, source, &seat)).await;
            }
        });
    }
    let farewell = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(SHUTDOWN_GRACE, farewell).await;
    endpoint.close(NO_ERROR, b"");
    Ok(())
}

fn config_of(identity: &Arc<Identity>, speech: Speech, clock: &Clock) -> io::Result<ServerConfig> {
    let protocol = match speech {
        Speech::Quic => alpn::DOQ,
        Speech::Http3 => alpn::H3,
    };
    let crypto = QuicServerConfig::try_from(identity.over_quic(&[protocol], clock));
    let mut config = ServerConfig::with_crypto(Arc::new(crypto.map_err(io::Error::other)?));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS_MAX.into())
        // HTTP/3 has three of its own each way (RFC 9114 §6.2), DNS over QUIC none.
        .max_concurrent_uni_streams(if speech == Speech::Http3 { 8_u32 } else { 0 }.into())
        .stream_receive_window(STREAM_OCTETS_MAX.into())
        .receive_window(CONNECTION_OCTETS_MAX.into())
        .send_window(SEND_OCTETS_MAX)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IDLE.try_into().ok());
    config.transport_config(Arc::new(transport));
    config.max_incoming(HANDSHAKES_MAX);
    Ok(config)
}

/// What a connection knows of the world.
struct Served<A> {
    answer: Arc<A>,
    identity: Arc<Identity>,
    waiting: Arc<Semaphore>,
    shutdown: watch::Receiver<bool>,
    bound: SocketAddr,
    speech: Speech,
}

impl<A: Answer> Served<A> {
    /// Shakes hands.
    async fn greet(&self, incoming: Incoming, seat: &Seat) -> Option<(Connection, Source)> {
        let (from, to) = (incoming.remote_address(), incoming.local_ip());
        let connection = tokio::select! {
            () = seat.leave.notified() => return None,
            connected = timeout(HANDSHAKE_TIME_MAX, incoming) => connected.ok()?.ok()?,
        };
        let data = connection.handshake_data();
        let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
        let asked_for = data.and_then(|data| data.server_name);
        let source = Source {
            from: SocketAddr::new(from.ip().to_canonical(), from.port()),
            to: to.unwrap_or(self.bound.ip()).to_canonical(),
            by: match self.speech {
                Speech::Quic => Transport::Quic,
                Speech::Http3 => Transport::Https,
            },
            id: self.identity.id_of(asked_for.as_deref()),
        };
        Some((connection, source))
    }

    /// Serves one connection to its end.
    async fn serve(self, connection: Connection, source: Source, seat: &Seat) {
        let mut shutdown = self.shutdown.clone();
        let desk = Arc::new(Mutex::new(self.answer.desk(1)));
        let served = match self.speech {
            Speech::Quic => {
                tokio::select! {
                    () = ended(&mut shutdown) => NO_ERROR,
                    () = seat.leave.notified() => EXCESSIVE_LOAD,
                    code = self.serve_queries(&connection, source, &desk, seat) => code,
                }
            }
            Speech::Http3 => {
                tokio::select! {
                    () = ended(&mut shutdown) => {}
                    () = seat.leave.notified() => {}
                    () = self.serve_requests(connection.clone(), source, &desk, seat) => {}
                }
                // H3_NO_ERROR (RFC 9114 §8.1).
                VarInt::from_u32(0x100)
            }
        };
        connection.close(served, b"");
    }

    /// Takes one query a stream, until the connection ends or goes against the protocol.
    async fn serve_queries(
        &self,
        connection: &Connection,
        source: Source,
        desk: &Arc<Mutex<A::Desk>>,
        seat: &Seat,
    ) -> VarInt {
        let mut streams = JoinSet::new();
        loop {
            tokio::select! {
                stream = connection.accept_bi() => {
                    let Ok((mut send, receive)) = stream else { return NO_ERROR };
                    seat.touch();
                    let (answer, desk) = (Arc::clone(&self.answer), Arc::clone(desk));
                    let (waiting, seats) = (Arc::clone(&self.waiting), Arc::clone(&seat.seats));
                    streams.spawn(async move {
                        let Ok(query) = read(receive).await else {
                            // Not an empty answer, which the end of the stream would be.
                            let _ = send.reset(PROTOCOL_ERROR);
                            return Err(AgainstProtocol);
                        };
                        let reply =
                            serve::answer_alone(&answer, &desk, &waiting, &query, &source).await;
                        write(send, reply, &seats).await;
                        Ok(())
                    });
                }
                Some(done) = streams.join_next(), if !streams.is_empty() => {
                    if let Ok(Err(AgainstProtocol)) = done {
                        return PROTOCOL_ERROR;
                    }
                }
            }
            seat.place.busy.store(!streams.is_empty(), Ordering::Relaxed);
        }
    }

    /// Takes requests, until the connection ends.
    async fn serve_requests(
        &self,
        connection: Connection,
        source: Source,
        desk: &Arc<Mutex<A::Desk>>,
        seat: &Seat,
    ) {
        let connection = h3_quinn::Connection::new(connection);
        let Ok(mut connection) = h3::server::Connection::new(connection).await else { return };
        let mut streams = JoinSet::new();
        loop {
            let begun = tokio::select! {
                accepted = connection.accept() => match accepted {
                    Ok(Some(begun)) => begun,
                    Ok(None) | Err(_) => return,
                },
                Some(_) = streams.join_next(), if !streams.is_empty() => {
                    seat.place.busy.store(!streams.is_empty(), Ordering::Relaxed);
                    continue;
                }
            };
            seat.touch();
            seat.place.busy.store(true, Ordering::Relaxed);
            let (answer, desk) = (Arc::clone(&self.answer), Arc::clone(desk));
            let (waiting, seats) = (Arc::clone(&self.waiting), Arc::clone(&seat.seats));
            streams.spawn(async move {
                let request = timeout(STREAM_TIME_MAX, begun.resolve_request()).await;
                let Ok(Ok((request, mut stream))) = request else { return };
                let read = async {
                    let (place, id) = https::place_of(&request.into_parts().0)?;
                    match place {
                        Place::Path(query) => https::whole(query, id),
                        Place::Body => https::whole(body_of(&mut stream).await?, id),
                    }
                };
                let read = timeout(STREAM_TIME_MAX, read).await;
                let said = match read.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT)) {
                    Ok(Request { query, id }) => {
                        let source = Source { id: id.or(source.id), ..source };
                        let reply =
                            serve::answer_alone(&answer, &desk, &waiting, &query, &source).await;
                        https::said(reply, &seats)
                    }
                    Err(status) => https::refused(status),
                };
                let (head, body) = said.into_parts();
                let Ok(body) = body.collect().await;
                let saying = async {
                    stream.send_response(hyper::Response::from_parts(head, ())).await?;
                    stream.send_data(body.to_bytes()).await?;
                    stream.finish().await
                };
                let _ = timeout(STREAM_TIME_MAX, saying).await;
            });
        }
    }
}

/// The body of a request over HTTP/3.
async fn body_of(
    stream: &mut h3::server::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>,
) -> Result<Bytes, StatusCode> {
    let mut body = Vec::new();
    loop {
        match stream.recv_data().await {
            Ok(Some(mut piece)) => {
                if body.len() + piece.remaining() > QUERY_OCTETS_MAX {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
            }
            Ok(None) => return Ok(body.into()),
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        }
    }
}

/// Reads the one query of a stream: behind its length, with an id of 0, and then the stream's end
/// (RFC 9250 §4.2, §4.2.1), without what is for streams of TCP only (§5.5.2).
async fn read(mut receive: RecvStream) -> Result<Vec<u8>, AgainstProtocol> {
    let reading = receive.read_to_end(2 + QUERY_OCTETS_MAX);
    let octets = timeout(STREAM_TIME_MAX, reading).await;
    let octets = octets.map_err(|_| AgainstProtocol)?.map_err(|_| AgainstProtocol)?;
    query_of(&octets).map(<[u8]>::to_vec)
}

fn query_of(octets: &[u8]) -> Result<&[u8], AgainstProtocol> {
    let (length, query) = octets.split_first_chunk::<2>().ok_or(AgainstProtocol)?;
    let is_alone = usize::from(u16::from_be_bytes(*length)) == query.len();
    if !is_alone || query.first_chunk() != Some(&[0; 2]) {
        return Err(AgainstProtocol);
    }
    if let Ok(question) = wire::question(query)
        && options::all(query, &question).any(|(code, _)| code == KEEPALIVE)
    {
        return Err(AgainstProtocol);
    }
    Ok(query)
}

/// Writes the reply to a stream's query and ends it; without one, or without room, the stream is given
/// up.
async fn write(mut send: SendStream, reply: Option<Vec<u8>>, seats: &Arc<Seats>) {
    let framed = reply.and_then(|reply| {
        let length = u16::try_from(reply.len()).ok()?;
        seats.hold_reply([&length.to_be_bytes()[..], &reply].concat())
    });
    let Some(framed) = framed else {
        let _ = send.reset(NO_ERROR);
        return;
    };
    let writing = timeout(STREAM_TIME_MAX, send.write_chunk(framed));
    if matches!(writing.await, Ok(Ok(()))) {
        let _ = send.finish();
        // Until the client has it, or is gone.
        let _ = timeout(STREAM_TIME_MAX, send.stopped()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUERY: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\x04test\0\0\x01\0\x01";

    fn framed(query: &[u8]) -> Vec<u8> {
        [&u16::try_from(query.len()).unwrap().to_be_bytes()[..], query].concat()
    }

    #[test]
    fn both_families_may_be_listened_on_at_one_port() {
        let six = Listener::bind("[::]:0".parse().unwrap(), Speech::Quic).unwrap();
        let port = six.local_addr().unwrap().port();
        assert!(Listener::bind(([0, 0, 0, 0], port).into(), Speech::Quic).is_ok());
    }

    #[test]
    fn a_stream_holds_one_query_without_an_id() {
        let octets = framed(QUERY);
        assert_eq!(query_of(&octets), Ok(QUERY));
        assert_eq!(query_of(&[&octets[..], &octets].concat()), Err(AgainstProtocol));
        assert_eq!(query_of(&octets[..octets.len() - 1]), Err(AgainstProtocol));
        assert_eq!(query_of(&[]), Err(AgainstProtocol));
        let mut with_id = octets;
        with_id[3] = 7;
        assert_eq!(query_of(&with_id), Err(AgainstProtocol));
    }

    #[test]
    fn how_long_a_connection_of_tcp_is_kept_is_not_asked_here() {
        let mut query = QUERY.to_vec();
        query[11] = 1;
        query.extend(b"\0\0\x29\x10\0\0\0\0\0\0\x04\0\x0b\0\0");
        assert_eq!(query_of(&framed(&query)), Err(AgainstProtocol));
    }

    proptest! {
        #[test]
        fn any_octets_are_a_query_or_none(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(query) = query_of(&octets) {
                prop_assert_eq!(query.len() + 2, octets.len());
            }
        }
    }
}
