use std::net::Ipv6Addr;

use tokio::sync::Notify;

use super::super::serve::Counters;
use super::super::{answer, wire};
use super::*;

/// Answers `slow.test` when it is let go, `silent.test` never, stumbles over `trap.test` at once and
/// over `trip.test` later, and answers everything else at once with the address that was asked.
#[derive(Default)]
pub(in crate::dns) struct Toy {
    pub(in crate::dns) let_go: Notify,
    counters: Counters,
}

pub(in crate::dns) struct Waiting(Vec<u8>, Source);

impl Answer for Toy {
    type Later = Waiting;
    type Desk = ();

    fn desk(&self, _: usize) {}

    fn begin(&self, (): &mut ()) {}

    fn end(&self, (): &mut ()) {}

    fn answer_now(
        &self,
        (): &mut (),
        packet: &[u8],
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Quick<Waiting> {
        let question = match wire::question(packet) {
            Ok(question) => question,
            Err(refusal) if answer::refusal(packet, &refusal, out) => return Quick::Reply,
            Err(_) => return Quick::Silence,
        };
        match question.name.to_string().as_str() {
            "silent.test" => Quick::Silence,
            "trap.test" => panic!("a mistake of ours"),
            "slow.test" | "trip.test" => Quick::Later(Waiting(packet.to_vec(), *source)),
            _ => {
                answer::addresses(packet, &question, &[source.to], 1, None, out);
                Quick::Reply
            }
        }
    }

    async fn answer_later(self: Arc<Self>, later: Waiting) -> Option<Vec<u8>> {
        assert!(!later.0.windows(4).any(|octets| octets == b"trip"), "a mistake of ours");
        self.let_go.notified().await;
        let mut out = Vec::new();
        let question = wire::question(&later.0).ok()?;
        answer::addresses(&later.0, &question, &[later.1.to], 1, None, &mut out);
        Some(out)
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// A query for `label.test`, A or AAAA.
pub(in crate::dns) fn query(id: u16, label: &str, v6: bool) -> Vec<u8> {
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, u8::try_from(label.len()).unwrap()]);
    packet.extend_from_slice(label.as_bytes());
    packet.extend_from_slice(b"\x04test\0\0");
    packet.extend_from_slice(&[if v6 { 28 } else { 1 }, 0, 1]);
    packet
}

struct Served {
    port: u16,
    toy: Arc<Toy>,
    end: watch::Sender<bool>,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

fn serve(address: &str) -> Served {
    let listener = UdpListener::bind(address.parse().unwrap()).unwrap();
    let port = listener.local_addr().port();
    let toy = Arc::new(Toy::default());
    let (end, shutdown) = watch::channel(false);
    let task = tokio::spawn(run(listener, Arc::clone(&toy), shutdown));
    Served { port, toy, end, task }
}

/// Asks from a socket that takes replies of the address asked only.
async fn ask(from: &str, to: SocketAddr, packet: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind(from).await.unwrap();
    socket.connect(to).await.unwrap();
    socket.send(packet).await.unwrap();
    receive_one(&socket).await
}

async fn receive_one(socket: &UdpSocket) -> Vec<u8> {
    let mut reply = vec![0; 2000];
    let wait = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut reply));
    let length = wait.await.expect("a reply").unwrap();
    reply.truncate(length);
    reply
}

#[tokio::test]
async fn the_address_asked_is_the_address_that_answers() {
    let served = serve("0.0.0.0:0");
    for asked in ["127.0.0.1", "127.0.0.5", "127.1.2.3"] {
        let to = SocketAddr::new(asked.parse().unwrap(), served.port);
        let reply = ask("127.0.0.1:0", to, &query(7, "www", false)).await;
        assert_eq!(reply[..2], [0, 7]);
        let IpAddr::V4(asked) = to.ip() else { unreachable!() };
        assert!(reply.ends_with(&asked.octets()), "the answer knows the address asked");
    }
}

#[tokio::test]
async fn ipv6_is_served_too() {
    let served = serve("[::]:0");
    let to = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), served.port);
    let reply = ask("[::1]:0", to, &query(8, "www", true)).await;
    assert!(reply.ends_with(&Ipv6Addr::LOCALHOST.octets()));
}

#[tokio::test]
async fn garbage_ends_nothing() {
    let served = serve("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", served.port)).await.unwrap();
    for length in [0, 1, 11, 12, 13, 600, 5000, 60_000] {
        socket.send(&vec![0x80; length]).await.unwrap();
    }
    socket.send(&query(2, "silent", false)).await.unwrap();
    // A client that is gone before its reply: the kernel hears of it by ICMP.
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    gone.send_to(&query(3, "www", false), ("127.0.0.1", served.port)).await.unwrap();
    drop(gone);
    for id in 100..110 {
        socket.send(&query(id, "www", false)).await.unwrap();
        assert_eq!(receive_one(&socket).await[..2], id.to_be_bytes());
    }
}

#[tokio::test]
async fn a_mistake_of_ours_costs_one_query_and_not_the_loop() {
    let served = serve("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", served.port)).await.unwrap();
    for (id, label, rcode) in [(1, "trap", 2), (2, "trip", 2), (3, "www", 0), (4, "trap", 2)] {
        socket.send(&query(id, label, false)).await.unwrap();
        let reply = receive_one(&socket).await;
        assert_eq!((&reply[..2], reply[3] & 15), (&id.to_be_bytes()[..], rcode), "{label}");
    }
    assert_eq!(served.toy.counters().read().panicked, 3);
}

#[tokio::test]
async fn what_waits_holds_up_nobody_and_has_a_bound() {
    let served = serve("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", served.port)).await.unwrap();
    // In lockstep with a quick one, so that no datagram is lost to a full buffer.
    for id in 0..u16::try_from(WAITING_MAX).unwrap() {
        socket.send(&query(id, "slow", false)).await.unwrap();
        socket.send(&query(0xffff, "www", false)).await.unwrap();
        assert_eq!(receive_one(&socket).await[..2], [0xff, 0xff]);
    }
    socket.send(&query(0x7777, "slow", false)).await.unwrap();
    let full = receive_one(&socket).await;
    assert_eq!((&full[..2], full[3] & 15), (&[0x77, 0x77][..], 2));
    assert_eq!(served.toy.counters().read().overloaded, 1);
    served.toy.let_go.notify_one();
    assert_eq!(receive_one(&socket).await[3] & 15, 0);
}

#[tokio::test]
async fn what_is_under_way_is_answered_at_the_end() {
    let served = serve("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", served.port)).await.unwrap();
    socket.send(&query(1, "slow", false)).await.unwrap();
    socket.send(&query(2, "www", false)).await.unwrap();
    assert_eq!(receive_one(&socket).await[..2], [0, 2]);
    served.end.send(true).unwrap();
    served.toy.let_go.notify_one();
    assert_eq!(receive_one(&socket).await[..2], [0, 1]);
    served.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pair_has_one_port() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (udp, tcp) = bind_pair(address.parse().unwrap()).unwrap();
        assert_eq!(udp.local_addr(), tcp.local_addr());
        assert!(bind_pair(udp.local_addr()).is_err());
    }
}

#[tokio::test]
async fn loops_that_share_an_address_all_answer() {
    let first = UdpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let to = first.local_addr();
    let listeners = [first.share().unwrap(), first.share().unwrap(), first];
    // Nobody else gets a share.
    assert!(UdpListener::bind(to).is_err());
    let toy = Arc::new(Toy::default());
    let (_end, shutdown) = watch::channel(false);
    for listener in listeners {
        tokio::spawn(run(listener, Arc::clone(&toy), shutdown.clone()));
    }
    // The kernel deals clients out by their port.
    for id in 0..50 {
        let reply = ask("127.0.0.1:0", to, &query(id, "www", false)).await;
        assert_eq!(reply[..2], id.to_be_bytes());
    }
}
