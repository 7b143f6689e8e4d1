use super::super::udp::tests::{Toy, query};
use super::*;

struct Served {
    address: SocketAddr,
    toy: Arc<Toy>,
    end: watch::Sender<bool>,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

fn serve(address: &str) -> Served {
    let listener = TcpListener::bind(address.parse().unwrap()).unwrap();
    let address = listener.local_addr();
    let toy = Arc::new(Toy::default());
    let (end, shutdown) = watch::channel(false);
    let seats = Arc::new(Seats::with_room(256));
    let task = tokio::spawn(run(listener, Speech::Plain, Arc::clone(&toy), seats, shutdown));
    Served { address, toy, end, task }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    append(&mut octets, Wants::default(), &mut packet.to_vec());
    octets
}

/// The next reply; none when the connection was closed.
async fn next(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let read = async {
        let length = stream.read_u16().await.ok()?;
        let mut reply = vec![0; usize::from(length)];
        stream.read_exact(&mut reply).await.ok()?;
        Some(reply)
    };
    timeout(Duration::from_secs(30), read).await.expect("a reply or an end")
}

#[tokio::test]
async fn the_first_of_a_hundred_holds_up_no_other() {
    let served = serve("[::1]:0");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let mut octets = framed(&query(0, "slow", true));
    for id in 1..100 {
        octets.extend(framed(&query(id, "www", true)));
    }
    stream.write_all(&octets).await.unwrap();
    let mut seen = Vec::new();
    for _ in 1..100 {
        let reply = next(&mut stream).await.unwrap();
        seen.push(u16::from_be_bytes([reply[0], reply[1]]));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..100).collect::<Vec<u16>>());
    served.toy.let_go.notify_one();
    assert_eq!(next(&mut stream).await.unwrap()[..2], [0, 0]);
}

#[tokio::test]
async fn a_mistake_of_ours_costs_one_query_and_not_the_connection() {
    let served = serve("127.0.0.1:0");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for (label, rcode) in [("trap", 2), ("trip", 2), ("www", 0)] {
        stream.write_all(&framed(&query(5, label, false))).await.unwrap();
        assert_eq!(next(&mut stream).await.unwrap()[3] & 15, rcode, "{label}");
    }
}

#[tokio::test]
async fn more_than_may_wait_are_answered_in_the_end() {
    let served = serve("127.0.0.1:0");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for id in 0..100 {
        stream.write_all(&framed(&query(id, "slow", false))).await.unwrap();
    }
    // The client will not ask more, and still gets its answers.
    stream.shutdown().await.unwrap();
    for _ in 0..100 {
        served.toy.let_go.notify_one();
        assert!(next(&mut stream).await.is_some());
    }
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn a_query_may_come_octet_by_octet() {
    let served = serve("127.0.0.1:0");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for _ in 0..2 {
        for octet in framed(&query(9, "www", false)) {
            stream.write_all(&[octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(next(&mut stream).await.unwrap()[..2], [0, 9]);
    }
}

#[tokio::test]
async fn a_length_of_none_closes_that_connection_alone() {
    let served = serve("127.0.0.1:0");
    let mut other = TcpStream::connect(served.address).await.unwrap();
    for length in [0, 5, 65_535_u16] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let mut octets = framed(&query(1, "www", false));
        octets.extend(length.to_be_bytes());
        stream.write_all(&octets).await.unwrap();
        assert!(next(&mut stream).await.is_some(), "what came before is answered");
        assert!(next(&mut stream).await.is_none());
    }
    other.write_all(&framed(&query(2, "www", false))).await.unwrap();
    assert!(next(&mut other).await.is_some());
}

#[tokio::test]
async fn hundreds_of_quiet_connections_leave_room_for_a_new_one() {
    let served = serve("0.0.0.0:0");
    let port = served.address.port();
    let mut quiet = Vec::new();
    // Both ends live in this process, and many systems give one 1,024 descriptors.
    for client in 0..600_u32 {
        // Twelve clients, so that both bounds are met.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let last = u8::try_from(client % 12).unwrap() + 1;
        socket.bind(SocketAddr::from(([127, 0, 1, last], 0))).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        let _ = stream.write_all(b"\0").await;
        quiet.push(stream);
    }
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&framed(&query(3, "www", false))).await.unwrap();
    assert!(next(&mut stream).await.is_some());
    assert!(next(&mut quiet[0]).await.is_none(), "the quietest made room");
    assert!(served.toy.counters().read().turned_away >= 300);
}

#[tokio::test]
async fn quiet_and_trickling_connections_are_closed() {
    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(3600);
    for (idle, query, octets) in [(SOON, NEVER, &b""[..]), (NEVER, SOON, b"\0\x20half")] {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let (_end, shutdown) = watch::channel(false);
        let patience = Patience { idle, query };
        tokio::spawn(run_with(
            listener,
            Speech::Plain,
            Arc::new(Toy::default()),
            Arc::default(),
            shutdown,
            patience,
        ));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(octets).await.unwrap();
        assert!(next(&mut stream).await.is_none());
    }
}

#[tokio::test]
async fn what_is_under_way_is_answered_at_the_end() {
    let served = serve("127.0.0.1:0");
    let mut quiet = TcpStream::connect(served.address).await.unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let octets = [framed(&query(1, "slow", false)), framed(&query(2, "www", false))].concat();
    stream.write_all(&octets).await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap()[..2], [0, 2]);
    served.end.send(true).unwrap();
    assert!(next(&mut quiet).await.is_none());
    served.toy.let_go.notify_one();
    assert_eq!(next(&mut stream).await.unwrap()[..2], [0, 1]);
    served.task.await.unwrap().unwrap();
}

/// A connection served over a pipe that holds 4 KiB either way, and its seat.
fn piped(
    toy: &Arc<Toy>,
) -> (
    tokio::io::DuplexStream,
    Arc<super::super::seats::Place>,
    tokio::task::JoinHandle<()>,
    watch::Sender<bool>,
) {
    let (client, server) = tokio::io::duplex(4096);
    let (end, shutdown) = watch::channel(false);
    let address = SocketAddr::from(([127, 0, 0, 1], 5353));
    let context = Context {
        source: Source { from: address, to: address.ip(), by: Transport::Tcp, id: None },
        answer: Arc::clone(toy),
        waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        shutdown,
        patience: Patience { idle: IDLE, query: QUERY_TIME_MAX },
    };
    let seat = Arc::new(Seats::default()).take(address.ip()).0.unwrap();
    let place = Arc::clone(&seat.place);
    let task = tokio::spawn(async move { context.serve(server, &seat).await });
    (client, place, task, end)
}

/// Writes questions until the other side takes no more, and says how many octets it took.
async fn write_until_stuck(client: &mut tokio::io::DuplexStream, octets: &[u8]) -> usize {
    let mut sent = 0;
    while sent < octets.len() {
        let turns = async {
            // The server has the thread to itself for as many turns as it could want.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            written = client.write(&octets[sent..]) => sent += written.unwrap(),
            () = turns => break,
        }
    }
    sent
}

#[tokio::test]
async fn a_client_that_takes_no_replies_is_not_read_from() {
    let toy = Arc::new(Toy::default());
    let (mut client, _place, _task, _end) = piped(&toy);
    let question = framed(&query(1, "www", false));
    let octets = question.repeat(40_000);
    let sent = write_until_stuck(&mut client, &octets).await;
    // Two pipes, one read, and the replies that wait.
    assert!(sent < 4 * 4096 + OUT_OCTETS_MAX, "{sent} octets were taken");

    let (mut reading, mut writing) = tokio::io::split(client);
    let rest = tokio::spawn(async move {
        writing.write_all(&octets[sent..]).await.unwrap();
        writing.shutdown().await.unwrap();
    });
    let mut replies = 0;
    while let Ok(length) = reading.read_u16().await {
        let mut reply = vec![0; usize::from(length)];
        reading.read_exact(&mut reply).await.unwrap();
        replies += 1;
    }
    assert_eq!(replies, 40_000, "when it takes them it gets all of them");
    rest.await.unwrap();
}

#[tokio::test]
async fn a_client_that_takes_no_replies_makes_room_at_once() {
    let toy = Arc::new(Toy::default());
    let (mut client, place, task, _end) = piped(&toy);
    let octets = framed(&query(1, "www", false)).repeat(4_000);
    assert!(write_until_stuck(&mut client, &octets).await < octets.len());
    place.leave.notify_one();
    // Long before its time to write is over.
    timeout(WRITE_TIME_MAX / 2, task).await.expect("it leaves").unwrap();
}

#[tokio::test]
async fn a_query_that_trickles_is_not_waited_for() {
    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(3600);
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr();
    let (_end, shutdown) = watch::channel(false);
    let patience = Patience { idle: NEVER, query: SOON };
    tokio::spawn(run_with(
        listener,
        Speech::Plain,
        Arc::new(Toy::default()),
        Arc::default(),
        shutdown,
        patience,
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[0x40, 0]).await.unwrap();
    let mut octets = 0;
    // It goes on as long as it may, and an octet in time does not buy more of it.
    while timeout(SOON / 10, stream.read_u8()).await.is_err() {
        octets += 1;
        if stream.write_all(&[0]).await.is_err() {
            break;
        }
    }
    assert!(octets < 16_384, "it was heard to its end");
}
