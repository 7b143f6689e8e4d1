//! What the benchmarks inside the process work on: households, packets, and a resolver with a
//! cache that is full of what is asked. The same in every run; nothing leaves the process but the
//! datagrams to an upstream of its own on loopback.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use amparo::clients::{Hosts, Leases, Mac, Neighbours};
use amparo::clock::Clock;
use amparo::config::{self, Origin, System};
use amparo::dns::cache::{Cache, Key};
use amparo::dns::serve::{Answer as _, Quick, Source, Transport};
use amparo::dns::wire::Question;
use amparo::dns::{Beside, Desk, Resolver, State};
use amparo::house::{Copies, House};
use amparo::journal::Journal;
use amparo::ledger::Ledger;
use amparo::name::Name;
use amparo::roster::Roster;
use jiff::Timestamp;

use crate::names::{OPEN, name};

/// Queries of a batch.
const BATCH: usize = 64;
/// More closed questions than a device may have noted one by one.
const NOTES_MAX: u64 = 2_100;
/// Names a look-up goes through, so that no cache of the processor knows them all.
pub(crate) const ASKED: u64 = 4096;
/// When it is: a Monday afternoon in November 2026, at 16:00 UTC.
const NOW_SECONDS: i64 = 1_795_449_600;
/// The first child's device.
const DEVICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
/// The cache of a household, in octets.
const CACHE_OCTETS: usize = 16 << 20;

/// A listed name, and one that is not.
pub(crate) fn listed(number: u64) -> Name {
    Name::parse(&name(number)).expect("it is a name")
}

/// A name on no list.
pub(crate) fn open(number: u64) -> Name {
    listed(OPEN + number)
}

/// What the answer to a question is kept by.
pub(crate) fn key(question: &Question) -> Key<'_> {
    let (signed, unchecked) = (question.dnssec_ok(), question.checking_disabled);
    Key::new(&question.name, question.qtype, signed, unchecked, 1)
}

/// A clock that stands.
pub(crate) fn clock() -> Clock {
    Clock::held(Timestamp::from_second(NOW_SECONDS).expect("it is a time of this century"))
}

/// Who lives in a household, and what time decides for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    pub(crate) children: usize,
    /// Of each child, beside bedtime.
    pub(crate) schedules: usize,
    /// Of each child; the last one is about everything.
    pub(crate) budgets: usize,
}

impl Family {
    /// The one of most benchmarks.
    pub(crate) const USUAL: Family = Family { children: 4, schedules: 2, budgets: 0 };
    /// As many, for whom time decides nothing.
    pub(crate) const TIMELESS: Family = Family { children: 20, schedules: 0, budgets: 0 };
    /// A school's.
    pub(crate) const LARGE: Family = Family { children: 20, schedules: 10, budgets: 5 };
}

/// What budgets are about, and everything.
const BUDGETS: [&str; 5] = ["youtube", "games", "tiktok", "\"limited.example\"", "internet"];

/// A family to whom a list of so many names is closed. Each child has a bedtime, unless time
/// decides nothing.
pub(crate) fn house(names: u64, family: Family, more: &str) -> House {
    house_of(names, family, &format!("devices = [\"{DEVICE}\"]"), more)
}

/// The same, with what the first child has of its own.
fn house_of(names: u64, family: Family, first: &str, more: &str) -> House {
    use std::fmt::Write as _;
    let folder = tempfile::tempdir().expect("there is room for a directory");
    let list = folder.path().join("list");
    let mut text = String::new();
    for number in 0..names {
        text.push_str(&name(number));
        text.push('\n');
    }
    std::fs::write(&list, text).expect("the directory is ours");
    let list = list.display();
    let mut config = format!(
        "[household]\ntimezone = \"UTC\"\nlanguage = \"en\"\n{more}\n\
         [category.measured]\nname = \"Measured\"\nnames = []\n\
         [list.measured]\ncategory = \"measured\"\nfile = \"{list}\"\nformat = \"domains\"\n"
    );
    for child in 0..family.children {
        let device = format!("devices = [\"127.0.0.{}\"]", 10 + child);
        let own = if child == 0 { first } else { &device };
        let budgets = BUDGETS.iter().skip(BUDGETS.len().saturating_sub(family.budgets));
        let budgets: Vec<_> = budgets.map(|word| format!("{word} = \"10h\"")).collect();
        let bedtime = if family.schedules == 0 { "" } else { "bedtime = \"20:30-06:30\"\n" };
        write!(
            config,
            "[child.child{child}]\nage = 9\n{own}\n\
             {bedtime}block = [\"measured\", \"own.example\"]\nbudget = {{ {} }}\n",
            budgets.join(", "),
        )
        .expect("a string takes all");
        for schedule in 0..family.schedules {
            // From 15:00 on every other one is open now, and closes what is not asked here.
            let (from, until) = (8 + schedule % 8, 12 + schedule % 8);
            write!(
                config,
                "[[child.child{child}.schedule]]\nname = \"s{schedule}\"\n\
                 time = \"{from:02}:00-{until:02}:00\"\nblock = [\"games\", \"s{schedule}.example\"]\n"
            )
            .expect("a string takes all");
        }
    }
    let checked = config::load(&config, &Origin::Embedded, &System::detect());
    let checked = checked.unwrap_or_else(|report| panic!("{}", report.render(false)));
    House::open(checked.config, folder.path(), Copies::LookOnly)
}

/// A question for the address of a name.
pub(crate) fn packet(name: &Name) -> Vec<u8> {
    let mut packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(&[0, 1, 0, 1]);
    packet
}

/// The upstream's answer to it.
pub(crate) fn answer_to(packet: &[u8]) -> Vec<u8> {
    // Header and question without what follows them (an OPT record).
    let end = packet[12..].iter().position(|&octet| octet == 0).map_or(12, |root| root + 12 + 5);
    let mut answer = packet[..end].to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80;
    answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xcb\0\x71\x07");
    answer
}

/// Who is on the network, and how they are met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    /// The devices that ask, in turn: all of them the first child's.
    pub(crate) devices: u16,
    /// The addresses in the kernel's table, those of the devices that ask among them.
    pub(crate) neighbours: u16,
    /// The clients that a listener has at hand. With one, every question of another device makes
    /// it look up who asks.
    pub(crate) clients: usize,
    /// Whether the journal remembers what they ask. Who is looked up anew is noted anew, which
    /// takes longer than anything else.
    pub(crate) is_noted: bool,
}

impl Network {
    /// One device that asks, and nobody the kernel knows.
    pub(crate) const ALONE: Network =
        Network { devices: 1, neighbours: 0, clients: 1, is_noted: true };

    /// The address of one of the devices, or of somebody who asks nothing.
    fn address(self, number: u16) -> Ipv4Addr {
        let [high, low] = number.to_be_bytes();
        if self.devices == 1 { DEVICE } else { Ipv4Addr::new(10, 9, high, low) }
    }

    /// What the kernel knows of them.
    fn table(self) -> Neighbours {
        Neighbours::fixed((0..self.neighbours).map(|number| {
            let [high, low] = number.to_be_bytes();
            (self.address(number).into(), Mac([2, 9, 0, 0, high, low]))
        }))
    }

    /// What the first child has of its own.
    fn first_childs(self) -> String {
        let addresses: Vec<_> =
            (0..self.devices).map(|number| format!("\"{}\"", self.address(number))).collect();
        let journal = if self.is_noted { "" } else { "journal = \"off\"\n" };
        format!("{journal}devices = [{}]", addresses.join(", "))
    }
}

/// A resolver that answers one child.
pub(crate) struct Whole {
    resolver: Arc<Resolver>,
    /// What a listener keeps between queries, and how many of this batch it has had answered.
    desk: RefCell<(Desk, usize)>,
    /// Where each device asks from, and whose turn it is.
    sources: Vec<Source>,
    turn: Cell<usize>,
    /// Where the journal is.
    _folder: tempfile::TempDir,
}

impl Whole {
    /// With a list of so many names, and so many open names in its cache.
    pub(crate) fn new(names: u64, cached: u64, family: Family) -> Self {
        Whole::on(Network::ALONE, names, cached, family)
    }

    /// The same on a network of more devices.
    pub(crate) fn on(network: Network, names: u64, cached: u64, family: Family) -> Self {
        let upstream = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a port");
        let address = upstream.local_addr().expect("it is bound");
        // The journal keeps what is folded in memory: what it costs to write is not measured here.
        let more = format!(
            "[dns]\nrate_limit = 1000000\nupstreams = [\"udp://{address}\"]\n[journal]\nflush_seconds = 3600"
        );
        let house = house_of(names, family, &network.first_childs(), &more);
        let folder = tempfile::tempdir().expect("there is room for a directory");
        let clock = clock();
        let journal = folder.path().join("journal.db");
        let journal = Journal::open(&journal, &house.config.journal, clock.clone());
        let journal = Arc::new(journal.expect("a thread can be started"));
        let ledger = Arc::new(Ledger::in_memory(clock.clone()));
        let passing = ledger.passing(&house.policy.household);
        let state = Arc::new(State::new(house, Vec::new(), passing, &clock, None));
        let beside = Beside {
            identity: Arc::default(),
            neighbours: network.table(),
            hosts: Hosts::default(),
            leases: Leases::new(&["/dev/null".into()]),
            journal,
            ledger,
            roster: Arc::new(Roster::in_memory(clock.clone())),
            clock,
        };
        let resolver = Resolver::new(state, Cache::new(CACHE_OCTETS, 10), beside);
        let source = |number| Source {
            from: SocketAddr::from((network.address(number), 4000)),
            to: DEVICE.into(),
            by: Transport::Udp,
            id: None,
        };
        let sources = (0..network.devices).map(source).collect();
        let mut desk = resolver.desk(network.clients);
        resolver.begin(&mut desk);
        let desk = RefCell::new((desk, 0));
        let (resolver, turn) = (Arc::new(resolver), Cell::new(0));
        let whole = Whole { resolver, desk, sources, turn, _folder: folder };
        whole.fill(upstream, cached);
        // One device's closed questions beyond these are noted by their number: the long run.
        let mut out = Vec::new();
        let notes = if network.is_noted { NOTES_MAX * u64::from(network.devices) } else { 0 };
        for number in 0..notes {
            let listed = name(number % names).parse().expect("it is a name");
            whole.answer(&packet(&listed), &mut out);
        }
        whole
    }

    /// Answers the question of the device whose turn it is, as a listener has it answered. The one
    /// place that knows how.
    pub(crate) fn answer(&self, packet: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let (desk, batched) = &mut *self.desk.borrow_mut();
        if *batched == BATCH {
            self.resolver.end(desk);
            self.resolver.begin(desk);
            *batched = 0;
        }
        *batched += 1;
        let turn = self.turn.get();
        self.turn.set(if turn + 1 == self.sources.len() { 0 } else { turn + 1 });
        match self.resolver.answer_now(desk, packet, &self.sources[turn], out) {
            Quick::Reply | Quick::ReplyThen(_) => {}
            Quick::Silence | Quick::Later(_) => panic!("it was to be answered at once"),
        }
    }

    /// Has open names asked of an upstream that answers all.
    fn fill(&self, upstream: UdpSocket, cached: u64) {
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = upstream.recv_from(&mut buffer) {
                let _ = upstream.send_to(&answer_to(&buffer[..length]), from);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system gives a runtime");
        for number in 0..cached {
            let mut out = Vec::new();
            let packet = packet(&open(number));
            let mut desk = self.desk.borrow_mut();
            let quick = self.resolver.answer_now(&mut desk.0, &packet, &self.sources[0], &mut out);
            if let Quick::Later(later) = quick {
                let answer = runtime.block_on(Arc::clone(&self.resolver).answer_later(later));
                assert!(answer.is_some(), "the upstream answers everything");
            }
        }
    }
}
