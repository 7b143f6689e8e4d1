//! Whether the rules hold, asked from where a child sits: what a device does that goes around.
//!
//! Plain questions for names that only this program answers go to public resolvers; whoever answers
//! them shows itself. Then each of the encrypted ways is tried as far as its first packet. Start
//! reading at [`probe`]. It must run on a device, or in its namespace: what the router itself asks
//! never meets the rules.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::{DNS_PORT, ENCRYPTED_PORT, HTTPS_PORT};
use crate::dns::records::{HEADER_OCTETS, Records, rtype};
use crate::name::Name;

/// Whom a device asks that wants another resolver; those of IPv6 where there is a way to it.
pub const ASKED: [&str; 6] = [
    "8.8.8.8",
    "1.1.1.1",
    "9.9.9.9",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2620:fe::fe",
];
/// How long one try waits: many times what a slow line takes, as long as a busy machine may.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a datagram is sent before nobody is there: one in ten is lost in a bad corner.
const TRIES: usize = 3;
/// The name that this program answers with an address of its own.
const OURS: &str = "amparo.test";
/// The name that it answers as closed, and says so.
const CLOSED: &str = "blocked.amparo.test";
/// What it says of a closed name (RFC 8914 §4.16, §4.18).
const CLOSED_CODES: [u16; 2] = [15, 17];
/// The option in which it says that (RFC 8914 §2).
const EDE: u16 = 15;
/// What a server of QUIC must take at least in a first packet (RFC 9000 §14.1).
const QUIC_OCTETS: usize = 1_200;

/// A way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Plain DNS over UDP.
    Udp,
    /// Plain DNS over TCP.
    Tcp,
    /// DNS over TLS.
    Tls,
    /// DNS over QUIC.
    Quic,
    /// DNS over HTTPS.
    Https,
    /// DNS over HTTP/3.
    Http3,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This program answered.
    Ours,
    /// Somebody else answered.
    Foreign,
    /// It connects.
    Open,
    /// It was refused at once.
    Refused,
    /// Nothing came back.
    Silent,
    /// There is no way to this address from here.
    NoWay,
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Who was asked.
    pub address: IpAddr,
    /// In which way.
    pub way: Way,
    /// What came of it.
    pub outcome: Outcome,
}

/// Tries every way to each of these addresses, all at once: it takes some seconds.
#[must_use]
pub fn probe(addresses: &[IpAddr]) -> Vec<Tried> {
    std::thread::scope(|scope| {
        let tries = addresses.iter().flat_map(|&address| Way::ALL.map(|way| (address, way)));
        let running: Vec<_> = tries
            .map(|(address, way)| {
                scope.spawn(move || Tried { address, way, outcome: way.go(address) })
            })
            .collect();
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|tried| tried.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Whether all of it shows that the rules hold: no try went past them, and some question was turned
/// back, so that it is no broken network that stopped the others.
#[must_use]
pub fn holds(tried: &[Tried]) -> bool {
    let turned =
        |one: &Tried| one.way.is_plain() && matches!(one.outcome, Outcome::Ours | Outcome::Refused);
    tried.iter().all(Tried::holds) && tried.iter().any(turned)
}

// === impl Tried ===

impl Tried {
    /// Whether this is as it must be.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.outcome {
            Outcome::Ours | Outcome::Refused | Outcome::NoWay => true,
            // A question that nobody answers was not turned back: tomorrow somebody may.
            Outcome::Silent => !self.way.is_plain(),
            Outcome::Foreign | Outcome::Open => false,
        }
    }
}

// === impl Way ===

impl Way {
    /// All of them, in the order in which they are told.
    pub const ALL: [Way; 6] = [Way::Udp, Way::Tcp, Way::Tls, Way::Quic, Way::Https, Way::Http3];

    /// Its word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Way::Udp => "dns_udp",
            Way::Tcp => "dns_tcp",
            Way::Tls => "dns_over_tls",
            Way::Quic => "dns_over_quic",
            Way::Https => "dns_over_https",
            Way::Http3 => "dns_over_http3",
        }
    }

    /// Whether everybody may read what is asked.
    #[must_use]
    pub fn is_plain(self) -> bool {
        matches!(self, Way::Udp | Way::Tcp)
    }

    fn go(self, address: IpAddr) -> Outcome {
        let at = |port| SocketAddr::new(address, port);
        let outcome = match self {
            Way::Udp => asked(|name| over_udp(at(DNS_PORT), name)),
            Way::Tcp => asked(|name| over_tcp(at(DNS_PORT), name)),
            Way::Tls => connects(at(ENCRYPTED_PORT)),
            Way::Https => connects(at(HTTPS_PORT)),
            Way::Quic => answers_quic(at(ENCRYPTED_PORT)),
            Way::Http3 => answers_quic(at(HTTPS_PORT)),
        };
        outcome.unwrap_or_else(|error| Outcome::from(&error))
    }
}

// === impl Outcome ===

impl Outcome {
    /// Its word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ours => "amparo",
            Outcome::Foreign => "foreign",
            Outcome::Open => "open",
            Outcome::Refused => "refused",
            Outcome::Silent => "silent",
            Outcome::NoWay => "no_way",
        }
    }
}

impl From<&io::Error> for Outcome {
    fn from(error: &io::Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the system's list of errors")]
        match error.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::PermissionDenied
            // A connection that is closed before it answers.
            | ErrorKind::UnexpectedEof => Outcome::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Outcome::Silent,
            _ => Outcome::NoWay,
        }
    }
}

// === Plain questions ===

/// Asks for both names in one way: only this program answers both as it does.
fn asked(mut ask: impl FnMut(&Question) -> io::Result<Vec<u8>>) -> io::Result<Outcome> {
    for name in [OURS, CLOSED] {
        let question = Question::of(name);
        let answer = ask(&question)?;
        if !question.is_answered_by_us(&answer) {
            return Ok(Outcome::Foreign);
        }
    }
    Ok(Outcome::Ours)
}

struct Question {
    packet: Vec<u8>,
    end: usize,
    is_closed: bool,
}

impl Question {
    fn of(name: &str) -> Self {
        let id: u16 = rand::random();
        let mut packet = Vec::new();
        for number in [id, 0x0100, 1, 0, 0, 1] {
            packet.extend_from_slice(&u16::to_be_bytes(number));
        }
        packet.extend_from_slice(Name::parse(name).unwrap_or(Name::ROOT).wire());
        packet.extend_from_slice(&[0, 1, 0, 1]);
        let end = packet.len();
        // An OPT record, so that the answer may say why it is as it is (RFC 6891 §6.1.2).
        packet.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        Question { packet, end, is_closed: name == CLOSED }
    }

    /// The packet for a resolver: the program answers with an address of the family it is asked
    /// over.
    fn packet(&self, to: SocketAddr) -> Vec<u8> {
        let mut packet = self.packet.clone();
        if to.is_ipv6()
            && let Some(octet) = packet.get_mut(self.end - 3)
        {
            // AAAA instead of A.
            *octet = 28;
        }
        packet
    }

    /// Whether an answer is to this question.
    fn is_meant(&self, answer: &[u8]) -> bool {
        answer.len() >= HEADER_OCTETS && answer[..2] == self.packet[..2] && answer[2] & 0x80 != 0
    }

    fn is_answered_by_us(&self, answer: &[u8]) -> bool {
        if !self.is_meant(answer) {
            return false;
        }
        let records = || Records::new(answer, self.end).map_while(Result::ok);
        if self.is_closed {
            return records().filter(|record| record.rtype == rtype::OPT).any(|opt| {
                answer
                    .get(opt.data)
                    .is_some_and(|options| CLOSED_CODES.iter().any(|&code| has_ede(options, code)))
            });
        }
        let code = answer[3] & 0x0f;
        code == 0 && records().any(|record| matches!(record.rtype, rtype::A | rtype::AAAA))
    }
}

/// Whether the options of an OPT record hold an extended error with this code.
fn has_ede(mut options: &[u8], code: u16) -> bool {
    while let Some((head, rest)) = options.split_first_chunk::<4>() {
        let [kind_high, kind_low, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((data, rest)) = rest.split_at_checked(length) else { return false };
        if u16::from_be_bytes([kind_high, kind_low]) == EDE && data.starts_with(&code.to_be_bytes())
        {
            return true;
        }
        options = rest;
    }
    false
}

fn over_udp(to: SocketAddr, question: &Question) -> io::Result<Vec<u8>> {
    let socket = connected(to)?;
    exchange(&socket, &question.packet(to), |answer| question.is_meant(answer))
}

fn over_tcp(to: SocketAddr, question: &Question) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let packet = question.packet(to);
    let length = u16::try_from(packet.len()).unwrap_or_default();
    stream.write_all(&[&length.to_be_bytes(), &packet[..]].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

// === Encrypted ways ===

fn connects(to: SocketAddr) -> io::Result<Outcome> {
    TcpStream::connect_timeout(&to, PATIENCE).map(|_| Outcome::Open)
}

/// Whether a server of QUIC is there: it must name its versions to whoever speaks an unknown one
/// (RFC 9000 §6.1), for which nobody need know its keys.
fn answers_quic(to: SocketAddr) -> io::Result<Outcome> {
    let socket = connected(to)?;
    // A long header, a version that no server has (§15), and two connection ids of eight octets.
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend_from_slice(&rand::random::<[u8; 8]>());
    packet.push(8);
    packet.extend_from_slice(&rand::random::<[u8; 8]>());
    packet.resize(QUIC_OCTETS, 0);
    exchange(&socket, &packet, |_| true).map(|_| Outcome::Open)
}

/// A datagram socket that hears what becomes of what it sends.
fn connected(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends a packet until something comes back that is meant for it.
fn exchange(
    socket: &UdpSocket,
    packet: &[u8],
    is_meant: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 4096];
    for _ in 0..TRIES {
        socket.send(packet)?;
        match socket.recv(&mut buffer) {
            Ok(length) if is_meant(&buffer[..length]) => return Ok(buffer[..length].to_vec()),
            Ok(_) => {}
            Err(error) if Outcome::from(&error) == Outcome::Silent => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// Those of the usual addresses to which there is a way from here; of IPv6 a house may have none.
#[must_use]
pub fn usual() -> Vec<IpAddr> {
    let addresses = ASKED.iter().filter_map(|text| text.parse::<IpAddr>().ok());
    addresses
        .filter(|address| address.is_ipv4() || connected(SocketAddr::new(*address, 53)).is_ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn tried(way: Way, outcome: Outcome) -> Tried {
        Tried { address: [192, 0, 2, 1].into(), way, outcome }
    }

    #[test]
    fn a_broken_network_is_no_proof() {
        use Outcome::{Foreign, NoWay, Open, Ours, Refused, Silent};
        for (outcomes, expected) in [
            (&[(Way::Udp, Ours), (Way::Tcp, Ours), (Way::Tls, Refused)][..], true),
            (&[(Way::Udp, Refused), (Way::Https, Silent)], true),
            (&[(Way::Udp, Ours), (Way::Https, Open)], false),
            (&[(Way::Udp, Ours), (Way::Tcp, Foreign)], false),
            (&[(Way::Udp, Silent), (Way::Tcp, Ours)], false),
            (&[(Way::Udp, NoWay), (Way::Tls, Silent)], false),
            (&[], false),
        ] {
            let all: Vec<_> = outcomes.iter().map(|&(way, outcome)| tried(way, outcome)).collect();
            assert_eq!(holds(&all), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn an_answer_is_ours_only_when_it_says_why() {
        let question = Question::of(CLOSED);
        let mut answer = question.packet.clone();
        answer[2] |= 0x80;
        assert!(!question.is_answered_by_us(&answer));
        // The options of the OPT record: EDE 17.
        let length = answer.len();
        answer[length - 1] = 6;
        answer.extend([0, 15, 0, 2, 0, 17]);
        assert!(question.is_answered_by_us(&answer));
        answer[0] ^= 1;
        assert!(!question.is_answered_by_us(&answer));
        assert!(!question.is_answered_by_us(&[]));
        assert!(!has_ede(&[0, 15, 0, 9, 0, 17], 17));
    }

    #[test]
    fn whoever_listens_is_open_and_whoever_does_not_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(connects(at).unwrap(), Outcome::Open);
        drop(listener);
        assert_eq!(Outcome::from(&connects(at).unwrap_err()), Outcome::Refused);
        let quic = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = quic.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            let (length, from) = quic.recv_from(&mut buffer).unwrap();
            quic.send_to(&buffer[..length], from).unwrap();
            length
        });
        assert_eq!(answers_quic(at).unwrap(), Outcome::Open);
        assert_eq!(server.join().unwrap(), QUIC_OCTETS);
    }
}
