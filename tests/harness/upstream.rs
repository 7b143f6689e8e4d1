//! A resolver that says what a test tells it to, and remembers what it was asked.
//!
//! UDP and TCP on one loopback port. It writes its answers octet by octet, so that a test can say
//! which octets came through; names nobody scripted have a default record of each common type.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use super::PATIENCE;
use super::packet::{AA, AD, CD, QR, RD, TC, framed, length_of, name_octets};

/// The address of every name that nobody scripted.
pub(crate) const DEFAULT_V4: &str = "192.0.2.7";
/// The IPv6 address of every name that nobody scripted.
pub(crate) const DEFAULT_V6: &str = "2001:db8::7";
/// What a forged answer says: seen once, all is lost.
pub(crate) const FORGED: &str = "198.51.100.102";
/// How long its records live, in seconds.
pub(crate) const TTL_SECONDS: u32 = 300;
/// The SOA minimum of its negative answers, in seconds: less than its TTL, so that it counts.
pub(crate) const NEGATIVE_SECONDS: u32 = 60;
/// A CNAME chain longer than any client follows ends here.
const CHAIN_MAX: usize = 32;
/// Recursion available (RFC 1035 §4.1.1).
const RA: u16 = 0x0080;

/// What is answered for a name.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These records of the type asked, as rdata.
    Data(Vec<Vec<u8>>),
    /// A CNAME, and what its target has.
    Alias(String),
    /// There is no such name.
    NxDomain,
    /// The name has no such record.
    NoData,
    /// The resolver could not.
    ServFail,
    /// This, whole.
    Said(Said),
}

/// An answer as a test writes it, behind the question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// The response code.
    pub(crate) code: u8,
    /// The records of the answer, of the authority and of the additional section, as octets.
    pub(crate) sections: [Vec<Vec<u8>>; 3],
    /// Whether it calls itself cut over UDP, with all of it there.
    pub(crate) is_cut: bool,
    /// Header flags beside those of every answer.
    pub(crate) flags: u16,
}

/// Something that arrives just before the good answer (RFC 5452 §9.1, RFC 9267).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Prank {
    /// Three octets.
    Garbage,
    /// A forged answer with another id.
    WrongId,
    /// Not a message, behind the right id.
    UnparsableRightId,
    /// Not a message, behind another id.
    UnparsableWrongId,
    /// A forged answer to another question.
    WrongQuestion,
    /// A forged answer without its question.
    NoQuestion,
    /// The forged answer calls itself a question.
    NotAnAnswer,
    /// A name that points to itself.
    CompressionLoop,
    /// Cut, with a forged record in what is left.
    CutAndForged,
}

impl Prank {
    /// All of them.
    pub(crate) const ALL: [Prank; 9] = [
        Prank::Garbage,
        Prank::WrongId,
        Prank::UnparsableRightId,
        Prank::UnparsableWrongId,
        Prank::WrongQuestion,
        Prank::NoQuestion,
        Prank::NotAnAnswer,
        Prank::CompressionLoop,
        Prank::CutAndForged,
    ];
}

/// One question it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The name in lower case, without its last dot.
    pub(crate) name: String,
    /// The type.
    pub(crate) record_type: RecordType,
    /// The id.
    pub(crate) id: u16,
    /// Whether it came over TCP.
    pub(crate) tcp: bool,
    /// The header's flags.
    pub(crate) flags: u16,
    /// The size of answers taken over UDP; none without EDNS.
    pub(crate) payload: Option<u16>,
    /// Whether DNSSEC records were asked for.
    pub(crate) dnssec_ok: bool,
    /// The codes of the EDNS options.
    pub(crate) options: Vec<u16>,
}

/// The resolver.
pub(crate) struct FakeUpstream {
    /// Where it listens, UDP and TCP.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    udp: UdpSocket,
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    arrived: Condvar,
    over: AtomicBool,
}

/// Whether it answers at all.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Willing,
    Failing,
    Silent,
}

struct Script {
    replies: HashMap<(String, Option<RecordType>), Reply>,
    udp_octets_max: usize,
    mood: Mood,
    /// Whether it says nothing over TCP.
    silent_over_tcp: bool,
    /// Header flags of every answer.
    flags: u16,
    prank: Option<Prank>,
    /// Answers kept back until they are released; none: nothing is kept back.
    held: Option<Vec<(Vec<u8>, SocketAddr)>>,
}

impl FakeUpstream {
    /// One that answers every name with [`DEFAULT_V4`] and its like.
    pub(crate) fn start() -> Self {
        FakeUpstream::on(bound_pair())
    }

    /// The same at this address, which must be free.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let tcp = TcpListener::bind(address).expect("the address is the machine's");
        let udp = UdpSocket::bind(address).expect("the address is the machine's");
        FakeUpstream::on((udp, tcp, address))
    }

    fn on((udp, tcp, address): (UdpSocket, TcpListener, SocketAddr)) -> Self {
        let shared = Arc::new(Shared {
            udp,
            script: Mutex::new(Script {
                replies: HashMap::new(),
                udp_octets_max: 1232,
                mood: Mood::Willing,
                silent_over_tcp: false,
                flags: 0,
                prank: None,
                held: None,
            }),
            seen: Mutex::default(),
            arrived: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let over_udp = Arc::clone(&shared);
        thread::spawn(move || over_udp.serve_udp());
        let over_tcp = Arc::clone(&shared);
        thread::spawn(move || over_tcp.serve_tcp(&tcp));
        FakeUpstream { address, shared }
    }

    // === The script ===

    /// Answers a name, whatever the type.
    pub(crate) fn reply(&self, name: &str, reply: Reply) -> &Self {
        self.shared.script().replies.insert((name.to_ascii_lowercase(), None), reply);
        self
    }

    /// Answers a name's records of one type; what it has of others stays.
    pub(crate) fn data(&self, name: &str, record_type: RecordType, rdata: &[Vec<u8>]) -> &Self {
        let key = (name.to_ascii_lowercase(), Some(record_type));
        self.shared.script().replies.insert(key, Reply::Data(rdata.to_vec()));
        self
    }

    /// The name has this address.
    pub(crate) fn address(&self, name: &str, address: &str) -> &Self {
        match address.parse().expect("the test writes an address") {
            IpAddr::V4(v4) => self.data(name, RecordType::A, &[v4.octets().to_vec()]),
            IpAddr::V6(v6) => self.data(name, RecordType::AAAA, &[v6.octets().to_vec()]),
        }
    }

    /// The name is another's.
    pub(crate) fn alias(&self, name: &str, target: &str) -> &Self {
        self.reply(name, Reply::Alias(target.to_owned()))
    }

    /// UDP answers longer than this are cut.
    pub(crate) fn udp_octets_max(&self, octets: usize) -> &Self {
        self.shared.script().udp_octets_max = octets;
        self
    }

    /// It hears and says nothing.
    pub(crate) fn silent(&self) -> &Self {
        self.shared.script().mood = Mood::Silent;
        self
    }

    /// Whether it hangs up over TCP.
    pub(crate) fn silent_over_tcp(&self, is_silent: bool) -> &Self {
        self.shared.script().silent_over_tcp = is_silent;
        self
    }

    /// It answers again.
    pub(crate) fn willing(&self) -> &Self {
        self.shared.script().mood = Mood::Willing;
        self
    }

    /// It answers SERVFAIL to everything.
    pub(crate) fn failing(&self) -> &Self {
        self.shared.script().mood = Mood::Failing;
        self
    }

    /// It says that it validated.
    pub(crate) fn authentic(&self) -> &Self {
        self.shared.script().flags |= AD;
        self
    }

    /// It says that the zone is its own.
    pub(crate) fn authoritative(&self) -> &Self {
        self.shared.script().flags |= AA;
        self
    }

    /// This arrives before each good answer over UDP.
    pub(crate) fn prank(&self, prank: Prank) -> &Self {
        self.shared.script().prank = Some(prank);
        self
    }

    /// It keeps its UDP answers back until [`FakeUpstream::release`].
    pub(crate) fn hold(&self) -> &Self {
        self.shared.script().held = Some(Vec::new());
        self
    }

    /// Sends what it kept back.
    pub(crate) fn release(&self) {
        for (answer, to) in self.shared.script().held.take().unwrap_or_default() {
            self.shared.send(&answer, to);
        }
    }

    // === What it saw ===

    /// Everything it was asked, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }

    /// How often it was asked for a name, of whatever type.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.seen().iter().filter(|seen| seen.name == name).count()
    }

    /// The last question for a name.
    #[track_caller]
    pub(crate) fn last(&self, name: &str) -> Seen {
        let seen = self.seen().into_iter().rev().find(|seen| seen.name == name);
        seen.unwrap_or_else(|| panic!("{name} never reached upstream: {:?}", self.seen()))
    }

    /// Nothing at all came out of the house.
    #[track_caller]
    pub(crate) fn saw_nothing(&self) {
        assert!(self.seen().is_empty(), "these left the house: {:?}", self.seen());
    }

    /// This name did not come out of the house.
    #[track_caller]
    pub(crate) fn never_saw(&self, name: &str) {
        assert_eq!(self.count(name), 0, "{name} left the house: {:?}", self.seen());
    }

    /// Waits until a name was asked.
    pub(crate) async fn is_asked(&self, name: &'static str) {
        let shared = Arc::clone(&self.shared);
        let wait = tokio::task::spawn_blocking(move || {
            let seen = locked(&shared.seen);
            let missing = |seen: &mut Vec<Seen>| !seen.iter().any(|seen| seen.name == name);
            let waited = shared.arrived.wait_timeout_while(seen, PATIENCE, missing);
            !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
        });
        assert!(wait.await.expect("waiting cannot fail"), "{name} never came: {:?}", self.seen());
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // A question wakes each thread, which then sees that it is over. Nobody need be there.
        self.shared.send(&[], self.address);
        drop(TcpStream::connect(self.address));
    }
}

/// An address at which nobody listens, as far as one can know.
pub(crate) fn dead_address() -> SocketAddr {
    bound_pair().2
}

// === rdata ===

/// A TXT record of strings of 200 octets, so many.
pub(crate) fn long_text(strings: usize) -> Vec<u8> {
    [&[200][..], &[b't'; 200]].concat().repeat(strings)
}

/// An HTTPS or SVCB record (RFC 9460 §2.2) with its parameters as octets.
pub(crate) fn service_record(priority: u16, target: &str, params: &[u8]) -> Vec<u8> {
    [&priority.to_be_bytes()[..], &name_octets(target), params].concat()
}

/// The parameter `ipv4hint` (RFC 9460 §7.3).
pub(crate) fn ipv4_hint(address: Ipv4Addr) -> Vec<u8> {
    [&[0, 4, 0, 4][..], &address.octets()].concat()
}

/// The RDATA of the SOA record of its negative answers.
pub(crate) fn start_of_authority() -> Vec<u8> {
    let mut out = [name_octets("ns.fake.example"), name_octets("admin.fake.example")].concat();
    for number in [1, 3600, 600, 86_400, NEGATIVE_SECONDS] {
        out.extend(number.to_be_bytes());
    }
    out
}

// === impl Shared ===

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        locked(&self.script)
    }

    fn send(&self, octets: &[u8], to: SocketAddr) {
        // A client that went away is no news.
        let _gone = self.udp.send_to(octets, to);
    }

    fn serve_udp(&self) {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = self.udp.recv_from(&mut buffer) {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let Some(asked) = Asked::read(&buffer[..length]) else { continue };
            self.note(&asked, false);
            let mut script = self.script();
            if script.mood == Mood::Silent {
                continue;
            }
            let answer = script.answer(&asked, false);
            if let Some(held) = &mut script.held {
                held.push((answer, from));
                continue;
            }
            if let Some(prank) = script.prank {
                self.send(&pranked(prank, &asked), from);
                // What is left of a cut answer is all there is: the client must come back by TCP.
                if matches!(prank, Prank::CutAndForged) {
                    continue;
                }
            }
            self.send(&answer, from);
        }
    }

    fn serve_tcp(self: Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let shared = Arc::clone(&self);
            thread::spawn(move || shared.serve_stream(stream));
        }
    }

    fn serve_stream(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut packet).ok()?;
            let asked = Asked::read(&packet)?;
            self.note(&asked, true);
            let script = self.script();
            if script.mood == Mood::Silent || script.silent_over_tcp {
                drop(script);
                return stream.shutdown(Shutdown::Both).ok();
            }
            let answer = script.answer(&asked, true);
            drop(script);
            stream.write_all(&framed(&answer)).ok()?;
        }
    }

    fn note(&self, asked: &Asked, tcp: bool) {
        let edns = asked.message.edns.as_ref();
        locked(&self.seen).push(Seen {
            name: asked.name.to_ascii_lowercase(),
            record_type: asked.record_type,
            id: asked.message.metadata.id,
            tcp,
            flags: asked.flags,
            payload: edns.map(hickory_proto::op::Edns::max_payload),
            dnssec_ok: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            options: edns
                .iter()
                .flat_map(|edns| &edns.options().options)
                .map(|(code, _)| u16::from(*code))
                .collect(),
        });
        self.arrived.notify_all();
    }
}

/// A question as it arrived.
struct Asked {
    message: Message,
    flags: u16,
    /// As it was asked, case kept.
    name: String,
    record_type: RecordType,
    /// The question section, to be given back octet by octet.
    question: Vec<u8>,
}

impl Asked {
    fn read(packet: &[u8]) -> Option<Self> {
        let message = Message::from_vec(packet).ok()?;
        let [query] = message.queries.as_slice() else { return None };
        let mut end = 12;
        while *packet.get(end)? != 0 {
            end += 1 + usize::from(packet[end]);
        }
        let name = query.name.to_ascii();
        Some(Asked {
            flags: u16::from_be_bytes([packet[2], packet[3]]),
            name: name.trim_end_matches('.').to_owned(),
            record_type: query.query_type,
            question: packet.get(12..end + 5)?.to_vec(),
            message,
        })
    }
}

// === impl Script ===

impl Script {
    fn answer(&self, asked: &Asked, tcp: bool) -> Vec<u8> {
        let mut records = Vec::new();
        if let Reply::Said(said) =
            self.reply_for(&asked.name.to_ascii_lowercase(), asked.record_type)
            && self.mood == Mood::Willing
        {
            return self.said(asked, &said, tcp);
        }
        let code = if self.mood == Mood::Failing { 2 } else { self.find(asked, &mut records) };
        let whole = self.message(asked, &records, u16::from(code));
        let edns = asked.message.edns.as_ref();
        let taken = edns.map_or(512, |edns| usize::from(edns.max_payload()).max(512));
        if tcp || whole.len() <= taken.min(self.udp_octets_max) {
            return whole;
        }
        self.message(asked, &[], TC)
    }

    /// Collects the records of the answer, and says its code.
    fn find(&self, asked: &Asked, records: &mut Vec<Vec<u8>>) -> u8 {
        let mut owner = asked.name.clone();
        for hop in 0..CHAIN_MAX {
            // The first owner is written as a pointer to the question, so that its case is too.
            let owner_octets = if hop == 0 { vec![0xc0, 12] } else { name_octets(&owner) };
            match self.reply_for(&owner.to_ascii_lowercase(), asked.record_type) {
                Reply::Data(all) => {
                    let of_type = |rdata: &Vec<u8>| {
                        record(&owner_octets, asked.record_type, TTL_SECONDS, rdata)
                    };
                    records.extend(all.iter().map(of_type));
                    return 0;
                }
                Reply::Alias(target) => {
                    let rdata = name_octets(&target);
                    records.push(record(&owner_octets, RecordType::CNAME, TTL_SECONDS, &rdata));
                    owner = target;
                }
                Reply::NxDomain => return 3,
                Reply::NoData => return 0,
                Reply::ServFail => return 2,
                // At the end of an alias it is nobody's.
                Reply::Said(said) => return said.code,
            }
        }
        0
    }

    fn reply_for(&self, name: &str, record_type: RecordType) -> Reply {
        let scripted = [Some(record_type), None]
            .into_iter()
            .find_map(|kind| self.replies.get(&(name.to_owned(), kind)));
        scripted.cloned().unwrap_or_else(|| default_reply(record_type))
    }

    /// What a test wrote, whole or cut.
    fn said(&self, asked: &Asked, said: &Said, tcp: bool) -> Vec<u8> {
        let flags = u16::from(said.code) | said.flags;
        let sections = said.sections.each_ref().map(Vec::as_slice);
        let whole = self.whole(asked, sections, flags);
        let edns = asked.message.edns.as_ref();
        let taken = edns.map_or(512, |edns| usize::from(edns.max_payload()).max(512));
        let fits = whole.len() <= taken.min(self.udp_octets_max);
        match (tcp, fits) {
            (false, false) => self.whole(asked, [&[]; 3], TC),
            (false, true) if said.is_cut => self.whole(asked, sections, flags | TC),
            (true, _) | (false, true) => whole,
        }
    }

    /// A message with this outcome: a response code, or cut.
    fn message(&self, asked: &Asked, answers: &[Vec<u8>], outcome: u16) -> Vec<u8> {
        // A SOA where there is no such name or record; its zone is the last label's.
        let negative = outcome == 3 || (outcome == 0 && answers.is_empty());
        let soa = record(&[0], RecordType::SOA, TTL_SECONDS, &start_of_authority());
        let authorities: &[Vec<u8>] = if negative { std::slice::from_ref(&soa) } else { &[] };
        self.whole(asked, [answers, authorities, &[]], outcome)
    }

    /// A message with these sections, and an OPT record where one was sent.
    fn whole(&self, asked: &Asked, sections: [&[Vec<u8>]; 3], outcome: u16) -> Vec<u8> {
        let [answers, authorities, additionals] = sections;
        let flags = QR | RA | self.flags | (asked.flags & (RD | CD)) | outcome;
        let mut out = Vec::new();
        let opt = asked.message.edns.is_some();
        let counts = [answers.len(), authorities.len(), additionals.len() + usize::from(opt)]
            .map(|count| u16::try_from(count).expect("a test's answer is short"));
        for number in [asked.message.metadata.id, flags, 1, counts[0], counts[1], counts[2]] {
            out.extend(number.to_be_bytes());
        }
        out.extend(&asked.question);
        out.extend(answers.iter().chain(authorities).chain(additionals).flatten());
        if opt {
            let dnssec = asked.message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
            out.extend([0, 0, 41, 4, 208, 0, 0, if dnssec { 0x80 } else { 0 }, 0, 0, 0]);
        }
        out
    }
}

fn default_reply(record_type: RecordType) -> Reply {
    let v4: Ipv4Addr = DEFAULT_V4.parse().expect("it is an address");
    let v6: std::net::Ipv6Addr = DEFAULT_V6.parse().expect("it is an address");
    #[expect(clippy::wildcard_enum_match_arm, reason = "the types are not ours to list")]
    let rdata = match record_type {
        RecordType::A => v4.octets().to_vec(),
        RecordType::AAAA => v6.octets().to_vec(),
        RecordType::TXT => b"\x04text".to_vec(),
        // `. alpn=h2 ipv4hint=…`: the hint must never outlive a block.
        RecordType::HTTPS => {
            service_record(1, "", &[&b"\0\x01\0\x03\x02h2"[..], &ipv4_hint(v4)].concat())
        }
        RecordType::MX => [&[0, 10][..], &name_octets("mail.fake.example")].concat(),
        _ => return Reply::NoData,
    };
    Reply::Data(vec![rdata])
}

/// A record as octets; its owner may be a pointer.
pub(crate) fn record(owner: &[u8], record_type: impl Into<u16>, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let mut out = owner.to_vec();
    out.extend(record_type.into().to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(length_of(rdata));
    out.extend(rdata);
    out
}

/// What a prankster sends in the place of an answer.
fn pranked(prank: Prank, asked: &Asked) -> Vec<u8> {
    let id = asked.message.metadata.id;
    let forged: Ipv4Addr = FORGED.parse().expect("it is an address");
    let rdata = forged.octets();
    let forge = |id: u16, flags: u16, question: &[u8], owner: &[u8]| {
        let mut out = Vec::new();
        let questions = u16::from(!question.is_empty());
        for number in [id, flags, questions, 1, 0, 0] {
            out.extend(number.to_be_bytes());
        }
        out.extend(question);
        out.extend(record(owner, RecordType::A, TTL_SECONDS, &rdata));
        out
    };
    let flags = QR | RD | RA;
    let pointer = [0xc0, 12];
    match prank {
        Prank::Garbage => vec![1, 2, 3],
        Prank::WrongId => forge(!id, flags, &asked.question, &pointer),
        Prank::UnparsableRightId => [&id.to_be_bytes()[..], &[0xff; 30]].concat(),
        Prank::UnparsableWrongId => [&(!id).to_be_bytes()[..], &[0xff; 30]].concat(),
        Prank::WrongQuestion => {
            let other = [&name_octets("other.example")[..], &[0, 1, 0, 1]].concat();
            forge(id, flags, &other, &pointer)
        }
        Prank::NoQuestion => forge(id, flags, &[], &name_octets(&asked.name)),
        Prank::NotAnAnswer => forge(id, RD | RA, &asked.question, &pointer),
        Prank::CompressionLoop => {
            let here = 12 + asked.question.len();
            let [high, low] = u16::try_from(here).expect("questions are short").to_be_bytes();
            forge(id, flags, &asked.question, &[0xc0 | high, low])
        }
        Prank::CutAndForged => forge(id, flags | TC, &asked.question, &pointer),
    }
}

/// A UDP socket and a TCP listener on one loopback port.
fn bound_pair() -> (UdpSocket, TcpListener, SocketAddr) {
    for _ in 0..100 {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = tcp.local_addr().expect("it is bound");
        if let Ok(udp) = UdpSocket::bind(address) {
            return (udp, tcp, address);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// A test that failed elsewhere must not hide behind a poisoned lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
