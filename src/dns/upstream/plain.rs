//! Plain DNS over UDP: one datagram out, and the one that answers it back.
//!
//! What stands between a forger and a child's screen (RFC 5452 §9): every query has a fresh
//! socket on a random port, connected, so that the kernel drops what comes from elsewhere; a
//! random id; letters in random case; and only a reply to the whole question counts. What does
//! not count is passed over, never fatal; a few such replies, and the question goes over TCP,
//! where nobody off the path can answer. Start at [`ask`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::pin::pin;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::sleep;

use super::Pace;
use super::answer::{NotAnAnswer, Reading, is_answer_to};
use super::line::Line;
use super::query::Query;
use super::trouble::Trouble;

/// The ports we ask from: above those where services usually listen, and twice as many as the
/// kernel would choose from.
const PORTS: RangeInclusive<u16> = 10_240..=65_535;

/// How often a port that is taken is thrown again before the kernel chooses.
const PORT_THROWS: u32 = 4;

/// The largest datagram read. We announce 1,232 octets; servers that ignore it rarely pass 4,096,
/// and what is longer is cut by the kernel and then no answer.
const DATAGRAM_OCTETS_MAX: usize = 4096;

/// Datagrams that answer nothing until the question goes over TCP: one or two happen, a late
/// reply of an earlier query on the same port for example.
const NEAR_MISSES_MAX: u32 = 3;

/// Datagrams looked at for one query: a flood costs no more than this.
const DATAGRAMS_MAX: u32 = 256;

/// How much is done for one question at one upstream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// How often the datagram is sent at most; the same one, so that a forger has one to guess.
    pub(super) sends: u32,
    /// The time between two.
    pub(super) gap: Duration,
    /// Whether a refusal is waited out while sends are left: a server that restarts refuses for a
    /// moment. Not where somebody else can be asked at once.
    pub(super) waits_out_refusals: bool,
}

/// An answer, and what it showed about the server.
#[derive(Debug)]
pub(super) struct Heard {
    /// The message as it came.
    pub(super) octets: Vec<u8>,
    /// What is in it.
    pub(super) reading: Reading,
    /// The server was seen to change the letters of the question, by a way nobody can forge.
    pub(super) changes_letters: bool,
}

/// Asks one upstream, and waits for the answer as long as it is polled: the caller sets the end.
/// An answer that was cut is fetched over TCP; when that fails, the cut one is returned.
pub(super) async fn ask(
    address: SocketAddr,
    line: &Line,
    query: &Query,
    effort: Effort,
    pace: &Pace,
) -> Result<Heard, Trouble> {
    let socket = open(address).await.map_err(|error| Trouble::of_io(&error))?;
    let bare = query.without_edns();
    let mut refuses_edns = false;
    let mut unsent = effort.sends;
    let mut misses = 0;
    // Nothing to wait for before the first: it goes at once.
    let mut next = pin!(sleep(Duration::ZERO));
    let mut buffer = Vec::with_capacity(DATAGRAM_OCTETS_MAX);
    loop {
        buffer.clear();
        let received = tokio::select! {
            biased;
            received = socket.recv_buf(&mut buffer), if unsent < effort.sends => received,
            () = &mut next, if unsent > 0 => {
                unsent -= 1;
                next.set(sleep(effort.gap));
                let message = if refuses_edns { bare.octets() } else { query.octets() };
                match socket.send(message).await {
                    Ok(_) => continue,
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = received {
            if unsent == 0 || !effort.waits_out_refusals {
                return Err(Trouble::of_io(&error));
            }
            continue;
        }
        match is_answer_to(&buffer, query) {
            Ok(reading) if reading.truncated => {
                return Ok(match over_tcp(line, query, pace.tcp_retry).await {
                    Ok(heard) => heard,
                    Err(_) => Heard { octets: buffer, reading, changes_letters: false },
                });
            }
            Ok(reading) if reading.same_case || !query.is_mixed_case() => {
                return Ok(Heard { octets: buffer, reading, changes_letters: false });
            }
            // Somebody guessed all but the letters, or the server does not keep them. Over TCP
            // we hear which; if it is silent there, the caller asks once more in lower case.
            Ok(_) => {
                return over_tcp(line, query, pace.try_wait)
                    .await
                    .map_err(|_| Trouble::LettersChanged);
            }
            Err(why) => refuses_edns |= why == NotAnAnswer::BareRefusal,
        }
        misses += 1;
        if misses == NEAR_MISSES_MAX
            && let Ok(heard) = over_tcp(line, query, pace.try_wait).await
        {
            return Ok(heard);
        }
        if misses >= DATAGRAMS_MAX {
            return Err(Trouble::Drowned);
        }
    }
}

/// The same question over TCP.
async fn over_tcp(line: &Line, query: &Query, span: Duration) -> Result<Heard, Trouble> {
    match tokio::time::timeout(span, line.ask(query)).await {
        Ok(Ok((octets, reading))) => {
            let changes_letters = query.is_mixed_case() && !reading.same_case;
            Ok(Heard { octets, reading, changes_letters })
        }
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Silent),
    }
}

/// A socket on a port of its own that hears one server only.
async fn open(server: SocketAddr) -> io::Result<UdpSocket> {
    let here: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let mut bound = None;
    for _ in 0..PORT_THROWS {
        if let Ok(socket) = UdpSocket::bind((here, rand::random_range(PORTS))).await {
            bound = Some(socket);
            break;
        }
    }
    // All taken: the kernel's choice is random too, among fewer.
    let socket = match bound {
        Some(socket) => socket,
        None => UdpSocket::bind((here, 0)).await?,
    };
    socket.connect(server).await?;
    Ok(socket)
}
