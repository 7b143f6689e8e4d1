//! Clients that ask more than any device does.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// How many packets go in one call of the kernel.
pub(crate) const BATCH: usize = 64;
/// How many questions a flood leaves without an answer before it waits: fewer than any socket's
/// buffer holds, so that none is lost there.
const WINDOW: usize = 192;
/// When a flood that waits takes its questions for lost.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// The longest reply over UDP.
const REPLY_OCTETS_MAX: usize = 1232;
/// What the kernel is asked to hold for the client; it gives what it may.
const BUFFER_OCTETS: usize = 4 << 20;

/// Numbers that look random and are the same in every run (xorshift64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// A number below this one.
    pub(crate) fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).expect("it is below a usize")
    }

    /// A packet with some of its octets changed, and sometimes cut or made longer.
    pub(crate) fn mutate(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut out = packet.to_vec();
        for _ in 0..=self.next(4) {
            let place = self.next(out.len());
            out[place] = u8::try_from(self.next(256)).expect("it is an octet");
        }
        match self.next(8) {
            0 => out.truncate(self.next(out.len()).max(1)),
            1 => out.extend(std::iter::repeat_n(0xc0, self.next(600))),
            _ => {}
        }
        out
    }
}

/// A client that sends and receives many packets at a time.
pub(crate) struct Flood {
    socket: UdpSocket,
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
    buffers: Vec<Vec<u8>>,
    /// Questions sent.
    pub(crate) sent: usize,
    /// Replies that came.
    pub(crate) answered: usize,
}

impl Flood {
    /// One that asks from this address.
    pub(crate) fn new(from: &str, to: SocketAddr) -> Self {
        let from: IpAddr = from.parse().expect("the test writes an address");
        let socket = UdpSocket::bind((from, 0)).expect("loopback is wide");
        socket.connect(to).expect("loopback has routes");
        socket.set_read_timeout(Some(LOST_AFTER)).expect("it is a time-out");
        let reference = socket2::SockRef::from(&socket);
        for set in [socket2::Socket::set_recv_buffer_size, socket2::Socket::set_send_buffer_size] {
            set(&reference, BUFFER_OCTETS).expect("any size may be asked for");
        }
        Flood {
            socket,
            incoming: MultiHeaders::preallocate(BATCH, None),
            outgoing: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![vec![0; REPLY_OCTETS_MAX]; BATCH],
            sent: 0,
            answered: 0,
        }
    }

    /// Sends packets, whether or not somebody answers.
    pub(crate) fn send(&mut self, packets: &[Vec<u8>]) {
        for batch in packets.chunks(BATCH) {
            let slices: Vec<[IoSlice; 1]> =
                batch.iter().map(|packet| [IoSlice::new(packet)]).collect();
            let addresses = vec![None; batch.len()];
            let fd = self.socket.as_raw_fd();
            let empty = MsgFlags::empty();
            sendmmsg(fd, &mut self.outgoing, &slices, &addresses, [], empty)
                .expect("loopback takes it");
            self.sent += batch.len();
        }
    }

    /// Takes the replies that are there, and says how many.
    pub(crate) fn take(&mut self) -> usize {
        let mut taken = 0;
        loop {
            let mut slices: Vec<[IoSliceMut; 1]> =
                self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let fd = self.socket.as_raw_fd();
            let flags = MsgFlags::MSG_DONTWAIT;
            let received = recvmmsg(fd, &mut self.incoming, slices.iter_mut(), flags, None);
            let Ok(received) = received else { break };
            taken += received.count();
        }
        self.answered += taken;
        taken
    }

    /// Asks questions as fast as they are answered, and says how many had no answer.
    pub(crate) fn ask_all(&mut self, questions: impl IntoIterator<Item = Vec<u8>>) -> usize {
        let mut questions = questions.into_iter();
        let (mut open, mut lost) = (0_usize, 0);
        loop {
            let batch: Vec<Vec<u8>> = questions.by_ref().take(BATCH).collect();
            let ends = batch.is_empty();
            open += batch.len();
            self.send(&batch);
            while open > if ends { 0 } else { WINDOW - BATCH } {
                let mut one = [0; REPLY_OCTETS_MAX];
                let waited = self.socket.recv(&mut one);
                if waited.is_err() {
                    lost += open;
                    open = 0;
                } else {
                    self.answered += 1;
                    open = open.saturating_sub(1 + self.take());
                }
            }
            if ends {
                return lost;
            }
        }
    }
}
