//! Asks other machines what time it is: SNTP, version 4 (RFC 4330, RFC 5905).
//!
//! [`agree`] asks several, of which two must say the same; [`ask`] one; [`read`] reads what came.
//! Nothing is set here: the answer is how far our clock is off.
//!
//! A packet says nothing about us: all of it is zero but a random number where our time would
//! stand, which an answer must repeat. Nobody who does not see the question can forge one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::trust;
use crate::clock::{self, Clock};

/// Whom to ask, by addresses: names are no use while certificates and signatures cannot be judged,
/// and while our own resolver may wait for the time. Cloudflare's and Google's, which are published
/// for everybody's use and have not moved since 2018. They are asked only while the time is in doubt
/// and the system says nothing better: a box with a battery or an NTP program never asks them.
pub const SERVERS: [SocketAddr; 10] = [
    v4([162, 159, 200, 1]),
    v4([216, 239, 35, 0]),
    v4([162, 159, 200, 123]),
    v4([216, 239, 35, 4]),
    v4([216, 239, 35, 8]),
    v4([216, 239, 35, 12]),
    v6([0x2606, 0x4700, 0x00f1, 0, 0, 0, 0, 0x0001]),
    v6([0x2606, 0x4700, 0x00f1, 0, 0, 0, 0, 0x0123]),
    v6([0x2001, 0x4860, 0x4806, 0, 0, 0, 0, 0]),
    v6([0x2001, 0x4860, 0x4806, 0x0004, 0, 0, 0, 0]),
];

/// The port of NTP.
const PORT: u16 = 123;
/// The header; what may follow (a signature of a server that we share no key with) is left alone.
const PACKET_OCTETS: usize = 48;
/// A client of version 4.
const ASKING: u8 = 4 << 3 | 3;
/// Where the number stands that an answer repeats: in a question, our time of sending.
const OUR_NUMBER: usize = 40;
/// How far from the truth a server may think it is: what it adds up on the way to a clock (RFC 4330
/// §5). What is less than 2 s wrong needs no correction.
const ROOT_WRONG_MAX: Duration = Duration::from_secs(2);
/// From 1900, where NTP counts from, to 1970, in seconds.
const SECONDS_TO_1970: i64 = 2_208_988_800;
/// After so many seconds NTP counts from zero again: first in 2036.
const ERA_SECONDS: i64 = 1 << 32;
/// How long an answer is waited for: round the world and through a bad radio twice. What it may be
/// wrong by is half of it.
const PATIENCE: Duration = Duration::from_secs(3);
/// How close two servers must be to say the same. A window that opens ten seconds early harms
/// nobody; some servers spread a leap second over a day.
const ALIKE: SignedDuration = SignedDuration::from_secs(10);

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When the question came to it.
    pub received: Timestamp,
    /// When the answer left.
    pub sent: Timestamp,
}

/// Why one server's answer is no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Nothing came in time.
    #[error("no answer")]
    Silent,
    /// It cannot be asked.
    #[error("cannot be asked ({0})")]
    Unreachable(std::io::ErrorKind),
    /// It does not answer this question: too short, of another kind, or without our number.
    #[error("an answer to something else")]
    NotOurs,
    /// It does not know the time itself.
    #[error("it does not know the time")]
    Unsynchronised,
    /// It wants to be left alone (RFC 5905 §7.4), with its reason.
    #[error("it wants to be left alone ({})", .0.escape_ascii())]
    Kiss([u8; 4]),
    /// It says what no clock says.
    #[error("its answer makes no sense")]
    Senseless,
}

/// Why several servers together are no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// None, or only one of several, answered; of each that did not, why.
    #[error("too few time servers answer")]
    TooFew(Vec<(SocketAddr, Wrong)>),
    /// No two say the same.
    #[error("no two time servers say the same")]
    NoTwoAlike,
    /// Our clock was stepped meanwhile.
    #[error("the clock was set while time servers were asked")]
    Stepped,
    /// They say that it is earlier than is possible, or more than 20 years later.
    #[error("time servers say {0}, which cannot be")]
    Impossible(Timestamp),
}

/// Why nothing was learnt, and who is to be left alone from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsure {
    /// Why.
    pub trouble: Trouble,
    /// Servers that said so.
    pub leave_alone: Vec<SocketAddr>,
}

/// Asks several servers at once, and says how far ahead of our clock the first two are that say the
/// same. Where only one is given, it is believed alone.
///
/// # Errors
/// When no two say the same, or what cannot be: a time before `floor`, or 20 years after this was
/// written.
pub async fn agree(
    servers: &[SocketAddr],
    clock: &Clock,
    floor: Timestamp,
) -> Result<SignedDuration, Unsure> {
    agree_of(servers, servers.len().clamp(1, 2), clock, floor).await
}

/// [`agree`] of so many servers.
pub(super) async fn agree_of(
    servers: &[SocketAddr],
    needed: usize,
    clock: &Clock,
    floor: Timestamp,
) -> Result<SignedDuration, Unsure> {
    let mut began = clock.watch();
    let mut asked = JoinSet::new();
    for &server in servers {
        let clock = clock.clone();
        asked.spawn(async move { (server, ask(server, &clock, PATIENCE).await) });
    }
    let (mut said, mut wrong): (Vec<SignedDuration>, Vec<_>) = (Vec::new(), Vec::new());
    while let Some(ended) = asked.join_next().await {
        let (server, result) = match ended {
            Ok(ended) => ended,
            Err(_cancelled) => continue,
        };
        // What was said is said of a clock that showed something else.
        if clock.drift(&mut began).is_some() {
            return Err(Unsure { trouble: Trouble::Stepped, leave_alone: kissed(&wrong) });
        }
        match result {
            Ok(ahead) => {
                let alike = said.iter().find(|other| ahead.saturating_sub(**other).abs() <= ALIKE);
                if needed < 2 || alike.is_some() {
                    return possible(ahead, clock, floor)
                        .map_err(|trouble| Unsure { trouble, leave_alone: kissed(&wrong) });
                }
                said.push(ahead);
            }
            Err(why) => wrong.push((server, why)),
        }
    }
    let leave_alone = kissed(&wrong);
    let trouble = if said.len() < needed { Trouble::TooFew(wrong) } else { Trouble::NoTwoAlike };
    Err(Unsure { trouble, leave_alone })
}

/// Asks one server, and says how far ahead of our clock it is.
///
/// # Errors
/// When nothing came for so long, or nothing of use. What does not repeat our number may be anybody's,
/// and is not looked at.
pub async fn ask(
    server: SocketAddr,
    clock: &Clock,
    wait: Duration,
) -> Result<SignedDuration, Wrong> {
    let unreachable = |error: std::io::Error| Wrong::Unreachable(error.kind());
    let here: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((here, 0)).await.map_err(unreachable)?;
    // From now on the kernel takes nothing from anybody else.
    socket.connect(server).await.map_err(unreachable)?;
    let number = rand::random::<[u8; 8]>();
    let before = clock.watch();
    socket.send(&question(number)).await.map_err(unreachable)?;
    let answered = async {
        let mut octets = [0; PACKET_OCTETS];
        loop {
            let length = socket.recv(&mut octets).await.map_err(unreachable)?;
            match read(&octets[..length], number, clock::BUILT) {
                Err(Wrong::NotOurs) => {}
                result => return result,
            }
        }
    };
    let answer = tokio::time::timeout(wait, answered).await.map_err(|_late| Wrong::Silent)??;
    let after = clock.watch();
    // Halfway between sending and receiving, here and there. By the clock that never jumps: the
    // wall clock may have been stepped meanwhile.
    let here = after.at().saturating_sub(after.passed_since(&before) / 2);
    let there = answer.received.saturating_add(answer.sent.duration_since(answer.received) / 2);
    match (here, there) {
        (Ok(here), Ok(there)) => Ok(there.duration_since(here)),
        (Err(_), _) | (_, Err(_)) => Err(Wrong::Senseless),
    }
}

/// A question with our number, a random one.
#[must_use]
pub fn question(number: [u8; 8]) -> [u8; PACKET_OCTETS] {
    let mut octets = [0; PACKET_OCTETS];
    octets[0] = ASKING;
    octets[OUR_NUMBER..].copy_from_slice(&number);
    octets
}

/// Reads an answer to the question with our number (RFC 4330 §5). NTP's time says nothing of the
/// century: the one is meant that is nearest to `floor`, within 68 years of it.
///
/// # Errors
/// When it is no use.
pub fn read(octets: &[u8], number: [u8; 8], floor: Timestamp) -> Result<Answer, Wrong> {
    let packet: &[u8; PACKET_OCTETS] = octets.first_chunk().ok_or(Wrong::NotOurs)?;
    let (leap, version, mode) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7);
    let [_, stratum, ..] = *packet;
    if (version, mode) != (4, 4) || word(packet, 24) != number {
        return Err(Wrong::NotOurs);
    }
    if stratum == 0 {
        return Err(Wrong::Kiss(half(packet, 12)));
    }
    if leap == 3 || stratum > 15 {
        return Err(Wrong::Unsynchronised);
    }
    let delay = short(half(packet, 4)).ok_or(Wrong::Senseless)?;
    let dispersion = short(half(packet, 8)).ok_or(Wrong::Senseless)?;
    if delay / 2 + dispersion > ROOT_WRONG_MAX {
        return Err(Wrong::Unsynchronised);
    }
    let received = moment(word(packet, 32), floor).ok_or(Wrong::Senseless)?;
    let sent = moment(word(packet, OUR_NUMBER), floor).ok_or(Wrong::Senseless)?;
    // It had it before it answered, and no longer than we waited.
    let held = sent.duration_since(received);
    if held.is_negative() || held.unsigned_abs() > PATIENCE {
        return Err(Wrong::Senseless);
    }
    Ok(Answer { received, sent })
}

// === Inside ===

/// The servers that want to be left alone.
fn kissed(wrong: &[(SocketAddr, Wrong)]) -> Vec<SocketAddr> {
    let kissed = wrong.iter().filter(|(_, why)| matches!(why, Wrong::Kiss(_)));
    kissed.map(|&(server, _)| server).collect()
}

fn possible(
    ahead: SignedDuration,
    clock: &Clock,
    floor: Timestamp,
) -> Result<SignedDuration, Trouble> {
    let at = clock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
    let latest = trust::latest(clock::BUILT.max(floor));
    if at >= floor && at <= latest { Ok(ahead) } else { Err(Trouble::Impossible(at)) }
}

/// A length of time of 16 bits of seconds and 16 of their parts; none below zero.
fn short(octets: [u8; 4]) -> Option<Duration> {
    let length = u32::try_from(i32::from_be_bytes(octets)).ok()?;
    Some(Duration::from_nanos((u64::from(length) * 1_000_000_000) >> 16))
}

/// A time of 32 bits of seconds and 32 of their parts, in the era nearest to `floor`; none where
/// it is not set.
fn moment(octets: [u8; 8], floor: Timestamp) -> Option<Timestamp> {
    let stamp = u64::from_be_bytes(octets);
    if stamp == 0 {
        return None;
    }
    let seconds = i64::try_from(stamp >> 32).ok()? - SECONDS_TO_1970;
    let nanos = ((stamp & u64::from(u32::MAX)) * 1_000_000_000) >> 32;
    let eras = (floor.as_second() - seconds + ERA_SECONDS / 2).div_euclid(ERA_SECONDS);
    Timestamp::new(seconds + eras * ERA_SECONDS, i32::try_from(nanos).ok()?).ok()
}

fn half(packet: &[u8; PACKET_OCTETS], at: usize) -> [u8; 4] {
    std::array::from_fn(|place| packet[at + place])
}

fn word(packet: &[u8; PACKET_OCTETS], at: usize) -> [u8; 8] {
    std::array::from_fn(|place| packet[at + place])
}

const fn v4([a, b, c, d]: [u8; 4]) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), PORT)
}

const fn v6(segments: [u16; 8]) -> SocketAddr {
    let mut bits = 0;
    let mut place = 0;
    while place < segments.len() {
        bits = bits << 16 | segments[place] as u128;
        place += 1;
    }
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(bits)), PORT)
}
