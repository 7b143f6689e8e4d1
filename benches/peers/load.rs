//! The client: it keeps a fixed number of questions under way (how many can be answered?), or
//! sends at a fixed pace (how long does one take?).
//!
//! One thread and batched system calls, so that one core can saturate another; it does nothing
//! with an answer but look at its id, its code and the clock.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use crate::machine::now;
use crate::responder::{DATAGRAM_OCTETS, OPEN_HTTPS, OPEN_V4, OPEN_V6};

/// The four children of the family; other servers do not care from where they are asked.
pub(crate) const CHILDREN: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 0, 0, 10),
    Ipv4Addr::new(127, 0, 0, 11),
    Ipv4Addr::new(127, 0, 0, 12),
    Ipv4Addr::new(127, 0, 0, 13),
];

/// Sockets of the closed loop, two a child.
const SOCKETS: usize = 8;
/// Questions under way on one socket at most: 128 on all. Their place is the low bits of their id.
const WINDOW: usize = 16;
/// After this long a question counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often lost questions are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the client sleeps when it has nothing to do: the upstream is on the same core.
const NAP: Duration = Duration::from_micros(20);
/// What the kernel is asked to hold of answers.
const RECEIVE_BUFFER_OCTETS: usize = 4 << 20;
/// The id of a question asked alone.
const LONE_ID: [u8; 2] = [0x7a, 0x11];

/// Questions in the form they are sent, all with the id 0.
#[derive(Default)]
pub(crate) struct Questions {
    octets: Vec<u8>,
    ends: Vec<usize>,
    /// Whether each must be answered as closed.
    closed: Vec<bool>,
}

/// What became of a closed loop.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    pub(crate) lost: u64,
    /// Answers with SERVFAIL.
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

/// When a closed loop ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After this long; the questions begin again when they run out.
    Passed(Duration),
    /// When each question was asked once and answered, or is lost.
    AllAsked,
}

/// What became of an open loop.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    /// How long each answer took, shortest first.
    pub(crate) times: Vec<Duration>,
    pub(crate) lost: u64,
    /// Open names answered as closed, and closed ones as open.
    pub(crate) wrong: u64,
}

/// How an open loop waits for its next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Without rest: the clock stops when the answer is there.
    Awake,
    /// With short sleeps: somebody else needs the core.
    Asleep,
}

// === impl Questions ===

impl Questions {
    pub(crate) fn add(&mut self, name: &str, qtype: u16, closed: bool) {
        self.octets.extend_from_slice(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            self.octets.push(u8::try_from(label.len()).expect("a label has 63 octets at most"));
            self.octets.extend_from_slice(label.as_bytes());
        }
        self.octets.push(0);
        self.octets.extend_from_slice(&qtype.to_be_bytes());
        self.octets.extend_from_slice(&[0, 1]);
        self.ends.push(self.octets.len());
        self.closed.push(closed);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.octets[start..self.ends[place]]
    }

    /// How many of the first `count` are answered otherwise than they must be, or not at all.
    pub(crate) fn count_wrong(&self, server: SocketAddrV4, count: usize) -> usize {
        let places = 0..count.min(self.len());
        places
            .filter(|&place| {
                let said = ask_octets(server, self.get(place), PATIENCE);
                said.is_none_or(|reply| is_closed(&reply) != self.closed[place])
            })
            .count()
    }
}

/// Whether a reply says anything but what the upstream says.
pub(crate) fn is_closed(reply: &[u8]) -> bool {
    let holds = |octets: &[u8]| reply.windows(octets.len()).any(|window| window == octets);
    !holds(&OPEN_V4) && !holds(&OPEN_V6) && !holds(OPEN_HTTPS) && reply[3] & 15 != 2
}

/// A question for the address of a name.
pub(crate) fn packet(name: &str, id: u16) -> Vec<u8> {
    let mut question = Questions::default();
    question.add(name, 1, true);
    question.octets[..2].copy_from_slice(&id.to_be_bytes());
    question.octets
}

/// Asks for the address of one name.
pub(crate) fn ask(server: SocketAddrV4, name: &str, patience: Duration) -> Option<Vec<u8>> {
    ask_octets(server, &packet(name, 0), patience)
}

fn ask_octets(server: SocketAddrV4, question: &[u8], patience: Duration) -> Option<Vec<u8>> {
    let socket = connect(0, server).ok()?;
    socket.set_read_timeout(Some(patience)).ok()?;
    let mut packet = question.to_vec();
    packet[..2].copy_from_slice(&LONE_ID);
    socket.send(&packet).ok()?;
    let mut reply = vec![0; DATAGRAM_OCTETS];
    let length = socket.recv(&mut reply).ok()?;
    reply.truncate(length);
    (length >= 12 && reply[..2] == LONE_ID).then_some(reply)
}

fn connect(number: usize, server: SocketAddrV4) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((CHILDREN[number % CHILDREN.len()], 0))?;
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_OCTETS);
    socket.connect(server)?;
    Ok(socket)
}

// === The closed loop ===

/// One socket with the questions under way on it.
struct Line {
    socket: UdpSocket,
    /// When the question of each place was sent, with its id; none: the place is free.
    places: [Option<(u16, Instant)>; WINDOW],
    /// Counts up, so that a late answer is not taken for that of its place's next question.
    generation: u16,
}

type Buffers = [[u8; DATAGRAM_OCTETS]; WINDOW];
type Headers = MultiHeaders<SockaddrIn>;

/// Keeps 128 questions under way.
pub(crate) fn closed_loop(server: SocketAddrV4, questions: &Questions, until: Until) -> Outcome {
    let mut lines: Vec<Line> = (0..SOCKETS).map(|number| Line::open(number, server)).collect();
    let mut headers = MultiHeaders::preallocate(WINDOW, None);
    let mut buffers: Box<Buffers> = Box::new([[0; DATAGRAM_OCTETS]; WINDOW]);
    let mut outcome = Outcome::default();
    let begin = now();
    let (mut last_answer, mut next_look) = (begin, begin + LOOK_EVERY);
    let mut asked = 0;
    loop {
        let time = now();
        let waits = lines.iter().any(|line| line.places.iter().any(Option::is_some));
        let left = match until {
            Until::Passed(length) if time >= begin + length => break,
            Until::Passed(_) => usize::MAX,
            Until::AllAsked => questions.len().saturating_sub(asked),
        };
        if left == 0 && !waits {
            break;
        }
        let mut idle = true;
        for line in &mut lines {
            let got = line.receive(&mut headers, &mut buffers, &mut outcome);
            if got > 0 {
                last_answer = now();
                idle = false;
            }
            let room = left.min(match until {
                Until::Passed(_) => usize::MAX,
                Until::AllAsked => questions.len() - asked,
            });
            if room > 0 {
                let sent = line.send(&mut headers, &mut buffers, questions, asked, room);
                asked += sent;
                idle &= sent == 0;
            }
        }
        if time > next_look {
            next_look = time + LOOK_EVERY;
            outcome.lost += lines.iter_mut().map(|line| line.give_up(time)).sum::<u64>();
        }
        if idle {
            std::thread::sleep(NAP);
        }
    }
    let end = match until {
        Until::Passed(_) => now(),
        Until::AllAsked => last_answer,
    };
    outcome.seconds = end.duration_since(begin).as_secs_f64();
    outcome
}

impl Line {
    fn open(number: usize, server: SocketAddrV4) -> Self {
        let socket = connect(number, server).expect("loopback has a free port");
        socket.set_nonblocking(true).expect("a socket can be made so");
        Line { socket, places: [None; WINDOW], generation: 0 }
    }

    /// Takes the answers that are there.
    fn receive(
        &mut self,
        headers: &mut Headers,
        buffers: &mut Buffers,
        outcome: &mut Outcome,
    ) -> usize {
        let mut lengths = [0; WINDOW];
        let mut received = 0;
        {
            let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let taken = recvmmsg(self.socket.as_raw_fd(), headers, slices.iter_mut(), flags, None);
            for message in taken.into_iter().flatten() {
                lengths[received] = message.bytes;
                received += 1;
            }
        }
        for (buffer, &length) in buffers.iter().zip(&lengths[..received]) {
            let id = u16::from_be_bytes([buffer[0], buffer[1]]);
            let place = &mut self.places[usize::from(id) % WINDOW];
            if length >= 12 && place.is_some_and(|(here, _)| here == id) {
                *place = None;
                outcome.answered += 1;
                outcome.failed += u64::from(buffer[3] & 15 == 2);
            }
        }
        received
    }

    /// Fills the free places with the questions from `next` on, `room` at most.
    fn send(
        &mut self,
        headers: &mut Headers,
        buffers: &mut Buffers,
        questions: &Questions,
        next: usize,
        room: usize,
    ) -> usize {
        let time = now();
        let mut lengths = [0; WINDOW];
        let mut count = 0;
        for (place, slot) in self.places.iter_mut().enumerate() {
            if slot.is_some() || count == room {
                continue;
            }
            self.generation = self.generation.wrapping_add(1);
            let place = u16::try_from(place).expect("there are sixteen");
            let id = (self.generation << WINDOW.ilog2()) | place;
            *slot = Some((id, time));
            let question = questions.get((next + count) % questions.len());
            buffers[count][..question.len()].copy_from_slice(question);
            buffers[count][..2].copy_from_slice(&id.to_be_bytes());
            lengths[count] = question.len();
            count += 1;
        }
        let mut done = 0;
        while done < count {
            let slices: [[IoSlice<'_>; 1]; WINDOW] = std::array::from_fn(|place| {
                let place = (place + done).min(WINDOW - 1);
                [IoSlice::new(&buffers[place][..lengths[place]])]
            });
            let (slices, to) = (&slices[..count - done], &[None; WINDOW]);
            let flags = MsgFlags::empty();
            match sendmmsg(self.socket.as_raw_fd(), headers, slices, to, [], flags) {
                Ok(sent) => done += sent.count().max(1),
                // What could not be sent counts as lost after a second.
                Err(_) => done += 1,
            }
        }
        count
    }

    /// Frees the places of questions that nobody answered, and counts them.
    fn give_up(&mut self, time: Instant) -> u64 {
        let mut lost = 0;
        for place in &mut self.places {
            if place.is_some_and(|(_, sent)| time.duration_since(sent) > PATIENCE) {
                *place = None;
                lost += 1;
            }
        }
        lost
    }
}

// === The open loop ===

/// Sends at a fixed pace for a while, whatever becomes of the answers. `meanwhile` is called
/// between two questions, with the time since the beginning, and ends the loop by saying false.
pub(crate) fn open_loop(
    server: SocketAddrV4,
    questions: &Questions,
    queries_per_second: u32,
    length: Duration,
    waiting: Waiting,
    meanwhile: &mut dyn FnMut(Duration) -> bool,
) -> Timing {
    let mut sockets = Vec::new();
    for number in 0..CHILDREN.len() {
        let socket = connect(number, server).expect("loopback has a free port");
        socket.set_nonblocking(true).expect("a socket can be made so");
        sockets.push((socket, vec![None::<(Instant, usize)>; 1 << 16]));
    }
    let pause = Duration::from_secs(1) / queries_per_second;
    let mut timing = Timing::default();
    let begin = now();
    let (mut next, mut end) = (begin, begin + length);
    let (mut asked, mut open) = (0_usize, 0_u64);
    let mut packet = [0; DATAGRAM_OCTETS];
    loop {
        let mut time = now();
        if time < end && !meanwhile(time.duration_since(begin)) {
            end = time;
        }
        while next <= time && time < end {
            let (socket, sent) = &mut sockets[asked % CHILDREN.len()];
            let id = u16::try_from((asked / CHILDREN.len()) % (1 << 16)).unwrap_or(0);
            let place = asked % questions.len();
            let question = questions.get(place);
            packet[..question.len()].copy_from_slice(question);
            packet[..2].copy_from_slice(&id.to_be_bytes());
            // Its time runs from when it should have gone out: a stall is not hidden by itself.
            if sent[usize::from(id)].replace((next, place)).is_none() {
                open += 1;
            } else {
                timing.lost += 1;
            }
            let _ = socket.send(&packet[..question.len()]);
            asked += 1;
            next += pause;
        }
        for (socket, sent) in &mut sockets {
            while let Ok(length) = socket.recv(&mut packet) {
                let place = usize::from(u16::from_be_bytes([packet[0], packet[1]]));
                if let Some((from, question)) = sent[place].take_if(|_| length >= 12) {
                    open -= 1;
                    timing.times.push(now().saturating_duration_since(from));
                    let closed = is_closed(&packet[..length]);
                    timing.wrong += u64::from(closed != questions.closed[question]);
                }
            }
        }
        time = now();
        if time >= end && (open == 0 || time >= end + PATIENCE * 3) {
            break;
        }
        match waiting {
            Waiting::Awake => std::thread::yield_now(),
            Waiting::Asleep => std::thread::sleep(NAP * 5),
        }
    }
    timing.lost += open;
    timing.times.sort_unstable();
    timing
}
