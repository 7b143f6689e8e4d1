//! Connections that mean harm, to the running program: quiet ones by the thousand, ones that take
//! no replies, and more than there are descriptors.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::harness::{ANA, Answer, Device, FAMILY, MATEO, Program, Question, packet};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection from an address to the program.
fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// So many connections of this process that have begun a query and say no more, some of them
/// closed by the other side already. Ninety-nine devices hold them.
pub(crate) fn quiet_connections(to: SocketAddr, count: u32) -> Vec<TcpStream> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    let wanted = u64::from(count) + 512;
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard)
            .expect("it is below the hard one");
    }
    (0..count)
        .map(|n| {
            let device = u8::try_from(n % 99).expect("it is below 99");
            let mut stream = connect(Ipv4Addr::new(127, 0, 1, device + 1), to).expect("it listens");
            // It may have been closed to make room for another one.
            let _closed = stream.write_all(b"\0\x20half");
            stream
        })
        .collect()
}

/// Asks over a connection of its own.
pub(crate) fn asks_over_tcp(from: &str, to: SocketAddr, name: &str) -> Answer {
    let from: Ipv4Addr = from.parse().expect("the test writes an address");
    let mut stream = connect(from, to).expect("it listens");
    let question = Question::of(name, RecordType::A);
    stream.write_all(&packet::framed(&question.octets())).expect("it listens");
    // It will not ask more, and still wants its answer.
    stream.shutdown(Shutdown::Write).expect("the connection is there");
    Answer::read(next(&mut stream).expect("an answer"), name)
}

/// The next message; none when the connection is closed.
fn next(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

#[test]
fn a_thousand_half_open_connections_leave_a_new_query_answered() {
    let mut program = Program::start(FAMILY);
    let quiet = quiet_connections(program.address, 1000);
    for from in [ANA, MATEO, "127.0.1.1"] {
        asks_over_tcp(from, program.address, "localhost").holds_only("127.0.0.1");
        Device::at(from).asks(program.address, "localhost").holds_only("127.0.0.1");
    }
    assert_eq!(quiet.len(), 1000, "they are open all the while");
    program.is_the_same();
}

#[test]
fn when_descriptors_run_out_datagrams_are_answered_and_connections_later() {
    let few = ["sh", "-ec", "ulimit -n 64; exec \"$@\"", "sh"];
    let mut program = Program::start_behind(&few, FAMILY);
    // The kernel takes connections for it, more than it can.
    let quiet = quiet_connections(program.address, 200);
    let device = Device::at(MATEO);
    let ticks = program.ticks();
    for _ in 0..200 {
        device.asks(program.address, "www.tiktok.com").is_blocked();
    }
    // 200 answers take hundredths of a second; a loop that spins would take all there is.
    println!("descriptors run out: {} hundredths of a second", program.ticks() - ticks);
    drop(quiet);
    asks_over_tcp(ANA, program.address, "localhost").holds_only("127.0.0.1");
    program.is_the_same();
}

#[test]
fn who_takes_no_replies_is_not_read_from_and_gets_all_of_them_later() {
    let mut program = Program::start(FAMILY);
    let mut stream = connect(Ipv4Addr::new(127, 0, 0, 20), program.address).expect("it listens");
    let question = packet::framed(&Question::of("localhost", RecordType::A).octets());
    // One million questions would be held by a server that reads on: 30 MB, and 40 MB of replies.
    stream.set_nonblocking(true).expect("it is a socket");
    let batch = question.repeat(1000);
    let (mut sent, mut stuck) = (0, 0);
    while stuck < 20 && sent < 1000 * batch.len() {
        if let Ok(octets) = stream.write(&batch[sent % question.len()..]) {
            (sent, stuck) = (sent + octets, 0);
        } else {
            stuck += 1;
            // In lockstep with another device, so that the program had its turn.
            Device::at(MATEO).asks(program.address, "www.tiktok.com").is_blocked();
        }
    }
    let whole = sent / question.len();
    assert!(whole < 1_000_000, "it reads without end");
    stream.set_nonblocking(false).expect("it is a socket");
    let answers = std::iter::from_fn(|| next(&mut stream)).take(whole).count();
    assert_eq!(answers, whole, "replies to {whole} questions that were taken");
    program.is_the_same();
}
