//! Two servers of our own on threads: the upstream of all that are measured, and the echo that is
//! the floor: what receiving and sending cost when nothing is done between.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use crate::machine;

/// Datagrams a system call.
const BATCH: usize = 64;
/// The longest datagram: no question of ours and no answer to one is longer.
pub(crate) const DATAGRAM_OCTETS: usize = 512;
/// What the kernel is asked to hold while the thread is not running; it gives what it may.
const RECEIVE_BUFFER_OCTETS: usize = 8 << 20;
/// How often the thread looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the answers of the upstream live: longer than any run.
const TTL_SECONDS: u32 = 3600;

/// The address of every name (RFC 5737).
pub(crate) const OPEN_V4: [u8; 4] = [203, 0, 113, 7];
/// The same in IPv6 (RFC 3849).
pub(crate) const OPEN_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
/// The service of every name: no other target, HTTP/2 and HTTP/3 (RFC 9460 §2.2).
pub(crate) const OPEN_HTTPS: &[u8] = b"\0\x01\0\0\x01\0\x06\x02h2\x02h3";

type Buffers = [[u8; DATAGRAM_OCTETS]; BATCH];
/// Turns a question of so many octets into its answer where it lies; gives the answer's length.
type Answer = fn(&mut [u8; DATAGRAM_OCTETS], usize) -> Option<usize>;

/// A server on a thread; it ends when this is dropped.
pub(crate) struct Responder {
    /// Where it listens.
    pub(crate) address: SocketAddrV4,
    /// The kernel's number of its thread.
    pub(crate) thread: u32,
    stop: Arc<AtomicBool>,
    handle: Option<JoinHandle<()>>,
}

impl Responder {
    /// Answers every A, AAAA and HTTPS question with one record, all others with none.
    pub(crate) fn upstream(core: Option<usize>) -> Self {
        Responder::start(core, answer)
    }

    /// Sends every datagram back with the bit that says it is an answer.
    pub(crate) fn echo(core: Option<usize>) -> Self {
        Responder::start(core, |buffer, length| {
            buffer[2] |= 0x80;
            Some(length)
        })
    }

    fn start(core: Option<usize>, answer: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_OCTETS);
        socket.set_read_timeout(Some(LOOK_EVERY)).expect("the time is not zero");
        let SocketAddr::V4(address) = socket.local_addr().expect("it is bound") else {
            unreachable!("it was bound to an IPv4 address");
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let stopped = Arc::clone(&stop);
        let handle = std::thread::spawn(move || {
            machine::settle_this_thread(core);
            let _ = tell.send(machine::this_thread());
            serve(&socket, answer, &stopped);
        });
        let thread = told.recv().expect("the thread begins");
        Responder { address, thread, stop, handle: Some(handle) }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

fn serve(socket: &UdpSocket, answer: Answer, stop: &AtomicBool) {
    let mut buffers: Box<Buffers> =
        vec![[0; DATAGRAM_OCTETS]; BATCH].into_boxed_slice().try_into().expect("it has as many");
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let mut replies = MultiHeaders::preallocate(BATCH, None);
    while !stop.load(Ordering::Relaxed) {
        let mut lengths = [0; BATCH];
        let mut senders = [None; BATCH];
        let received = receive(socket, &mut headers, &mut buffers, &mut lengths, &mut senders);
        for place in 0..received {
            let answered = answer(&mut buffers[place], lengths[place]);
            // What is no question is sent back empty: nobody waits for it.
            lengths[place] = answered.unwrap_or(0);
        }
        send(socket, &mut replies, &buffers, &lengths[..received], &senders[..received]);
    }
}

/// Waits for one datagram and takes those that came with it.
fn receive(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &mut Buffers,
    lengths: &mut [usize; BATCH],
    senders: &mut [Option<SockaddrIn>; BATCH],
) -> usize {
    let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
    let flags = MsgFlags::MSG_WAITFORONE;
    let Ok(messages) = recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None) else {
        return 0;
    };
    let mut count = 0;
    for message in messages {
        lengths[count] = message.bytes;
        senders[count] = message.address;
        count += 1;
    }
    count
}

fn send(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrIn>,
    buffers: &Buffers,
    lengths: &[usize],
    senders: &[Option<SockaddrIn>],
) {
    let mut done = 0;
    while done < lengths.len() {
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|place| {
            let place = place + done;
            let length = lengths.get(place).copied().unwrap_or(0);
            [IoSlice::new(buffers.get(place).map_or(&[], |buffer| &buffer[..length]))]
        });
        let (slices, to) = (&slices[..lengths.len() - done], &senders[done..]);
        let flags = MsgFlags::empty();
        match sendmmsg(socket.as_raw_fd(), headers, slices, to, [], flags) {
            Ok(sent) => done += sent.count().max(1),
            // A full buffer, or a client that is gone: UDP loses what it loses.
            Err(_) => done += 1,
        }
    }
}

/// The answer to a question, built where the question lies.
fn answer(buffer: &mut [u8; DATAGRAM_OCTETS], length: usize) -> Option<usize> {
    let question = buffer.get(..length)?;
    if question.len() < 17 || question[2] & 0x80 != 0 {
        return None;
    }
    let mut at = 12;
    while *question.get(at)? != 0 {
        at += 1 + usize::from(question[at]);
    }
    if at > 12 + 255 {
        return None;
    }
    let kind = question.get(at + 1..at + 5)?;
    let qtype = u16::from_be_bytes([kind[0], kind[1]]);
    let end = at + 5;
    let edns = question[10..12] == [0, 1];
    let data: Option<&[u8]> = match qtype {
        1 => Some(&OPEN_V4),
        28 => Some(&OPEN_V6),
        65 => Some(OPEN_HTTPS),
        _ => None,
    };
    // A name of 255 octets, a record of 28 or an SOA of 45, OPT: 345 octets at most.
    let mut writer = Writer { buffer, at: end };
    if let Some(data) = data {
        writer.record(b"\xc0\x0c", qtype, data);
    } else {
        // No data, to be remembered for an hour (RFC 2308): root names, five numbers.
        let numbers = [1, TTL_SECONDS, 600, 86_400, TTL_SECONDS];
        let mut soa = [0; 22];
        for (to, number) in soa[2..].chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&number.to_be_bytes());
        }
        writer.record(b"\0", 6, &soa);
    }
    if edns {
        writer.octets(b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
    }
    let length = writer.at;
    buffer[2] = 0x80 | (buffer[2] & 1);
    buffer[3] = 0x80;
    buffer[6..12].copy_from_slice(&[
        0,
        u8::from(data.is_some()),
        0,
        u8::from(data.is_none()),
        0,
        u8::from(edns),
    ]);
    Some(length)
}

struct Writer<'a> {
    buffer: &'a mut [u8; DATAGRAM_OCTETS],
    at: usize,
}

impl Writer<'_> {
    fn octets(&mut self, octets: &[u8]) {
        self.buffer[self.at..self.at + octets.len()].copy_from_slice(octets);
        self.at += octets.len();
    }

    fn record(&mut self, owner: &[u8], rtype: u16, data: &[u8]) {
        self.octets(owner);
        self.octets(&rtype.to_be_bytes());
        self.octets(&[0, 1]);
        self.octets(&TTL_SECONDS.to_be_bytes());
        self.octets(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
        self.octets(data);
    }
}
