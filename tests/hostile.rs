//! Those who mean harm: devices that send nonsense, and resolvers that lie.

use hickory_proto::rr::RecordType;

use crate::harness::upstream::{DEFAULT_V4, FORGED, Prank};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Numbers, Question, Reply, packet};
use tokio::io::AsyncWriteExt;

/// Packets of every kind to start from.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        Question::of("www.tiktok.com", RecordType::A).octets(),
        Question::of("www.example.com", RecordType::HTTPS).edns().dnssec_ok().octets(),
        Question::of("a.b.c.d.e.f", RecordType::ANY).edns().option(8, &[0, 1, 24, 0]).octets(),
        Question::of("localhost", RecordType::AAAA).opcode(5).count(2).octets(),
        Question::of("www.youtube.com", RecordType::TXT).edns().edns().octets(),
    ]
}

#[tokio::test]
async fn three_thousand_mutated_packets_stop_nothing() {
    let amparo = Amparo::start(FAMILY).await;
    let mut numbers = Numbers(0x5eed_0001);
    let seeds = seeds();
    let socket = amparo.socket(MATEO).await;
    for round in 0..3000 {
        let seed = &seeds[numbers.next(seeds.len())];
        socket.send(&numbers.mutate(seed)).await.expect("loopback takes it");
        // Now and then it must be heard, so that no queue hides what happened.
        if round % 100 == 0 {
            amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
        }
    }
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(ANA, "after.example.com").await.is_open();
}

#[tokio::test]
async fn nonsense_over_tcp_stops_nothing() {
    let amparo = Amparo::start(FAMILY).await;
    let mut numbers = Numbers(0x5eed_0002);
    let seeds = seeds();
    for round in 0..200 {
        let mut stream = amparo.connect(MATEO).await;
        let seed = &seeds[numbers.next(seeds.len())];
        let packet = numbers.mutate(seed);
        // Half of them lie about their length too.
        let octets = if round % 2 == 0 { packet::framed(&packet) } else { packet };
        // It may have hung up already, which is its right.
        let _hung_up = stream.write_all(&octets).await;
    }
    let question = Question::of("www.tiktok.com", RecordType::A);
    amparo.send_tcp(MATEO, &question).await.is_blocked();
    amparo.send(MATEO, &question).await.is_blocked();
}

#[tokio::test]
async fn a_flood_of_closed_names_holds_up_nobody_else() {
    let amparo = Amparo::start(FAMILY).await;
    let socket = amparo.socket(MATEO).await;
    for n in 0..2000 {
        let question = Question::of(&format!("n{n}.tiktok.com"), RecordType::A);
        socket.send(&question.octets()).await.expect("loopback takes it");
    }
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_bad_packet_from_upstream_does_not_cost_the_good_answer() {
    // RFC 5452 §9.1, RFC 9267: what does not match is ignored, and the good answer is waited for.
    for prank in Prank::ALL {
        let amparo = Amparo::start(FAMILY)
            .upstream(|upstream| {
                upstream.prank(prank);
            })
            .await;
        for name in ["one.example.com", "two.example.com"] {
            let answer = amparo.ask(ANA, name).await;
            let forged = FORGED.parse().expect("it is an address");
            assert!(!answer.addresses().contains(&forged), "{prank:?} fooled us: {answer:?}");
            assert_eq!(
                answer.addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
                [DEFAULT_V4],
                "{prank:?}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn aliases_in_a_circle_end() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.alias("one.example", "two.example").alias("two.example", "one.example");
            upstream.alias("self.example", "self.example");
        })
        .await;
    for name in ["one.example", "self.example"] {
        for who in [ANA, MATEO] {
            amparo.ask(who, name).await.has_no_address();
        }
    }
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_closed_name_far_down_a_chain_of_aliases_is_found() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            for n in 0..12 {
                upstream.alias(&format!("hop{n}.example"), &format!("hop{}.example", n + 1));
            }
            upstream.alias("hop12.example", "www.tiktok.com");
        })
        .await;
    let answer = amparo.ask(MATEO, "hop0.example").await;
    assert!(answer.addresses().iter().all(std::net::IpAddr::is_unspecified), "{answer:?}");
}

#[tokio::test]
async fn questions_that_wait_for_upstream_do_not_hold_up_what_is_known_here() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.silent();
        })
        .await;
    let socket = amparo.socket(ANA).await;
    for n in 0..500 {
        let question = Question::of(&format!("n{n}.example.com"), RecordType::A);
        socket.send(&question.octets()).await.expect("loopback takes it");
    }
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(ANA, "localhost").await.holds_only("127.0.0.1");
}

#[tokio::test]
async fn a_name_that_fails_upstream_is_not_asked_again_at_once() {
    // RFC 9520 §3
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("broken.example", Reply::ServFail);
        })
        .await;
    amparo.ask(ANA, "broken.example").await;
    let asked = amparo.upstream.count("broken.example");
    for _ in 0..20 {
        amparo.ask(ANA, "broken.example").await.has_no_address();
    }
    assert_eq!(amparo.upstream.count("broken.example"), asked);
}

#[tokio::test]
async fn ids_upstream_are_not_the_devices() {
    let amparo = Amparo::start(FAMILY).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        let question = Question::of(&format!("n{n}.example.com"), RecordType::A);
        amparo.send(ANA, &question).await.is_open();
        ids.push(question.id);
    }
    let seen: Vec<u16> = amparo.upstream.seen().iter().map(|seen| seen.id).collect();
    // One of twenty may be the same by chance, hardly three.
    let same = seen.iter().filter(|id| ids.contains(id)).count();
    assert!(same < 3, "{ids:?} became {seen:?}");
}

#[tokio::test]
async fn a_device_that_asks_for_what_nobody_answers_leaves_room_for_the_others() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.hold();
        })
        .await;
    let socket = amparo.socket(MATEO).await;
    let mut reply = [0; 512];
    let last = packet::name_octets("n999.example.com");
    let mut last_is_refused = false;
    for n in 0..1000 {
        let question = Question::of(&format!("n{n}.example.com"), RecordType::A);
        socket.send(&question.octets()).await.expect("loopback takes it");
        // In lockstep with a local one, so that no packet is lost to a full buffer.
        amparo.ask(ANA, "localhost").await.holds_only("127.0.0.1");
        while socket.try_recv(&mut reply).is_ok() {
            assert_eq!(reply[3] & 15, 2, "what waits is not answered yet");
            last_is_refused |= reply[12..].starts_with(&last);
        }
    }
    while !last_is_refused {
        let received = crate::harness::within(socket.recv(&mut reply), "a SERVFAIL").await;
        assert_eq!((received.is_ok(), reply[3] & 15), (true, 2));
        last_is_refused = reply[12..].starts_with(&last);
    }
    let other = amparo.socket(ANA).await;
    let question = Question::of("other.example.com", RecordType::A);
    other.send(&question.octets()).await.expect("loopback takes it");
    amparo.upstream.is_asked("other.example.com").await;
    amparo.upstream.release();
    let received = crate::harness::within(other.recv(&mut reply), "an answer").await;
    assert_eq!((received.is_ok(), reply[3] & 15), (true, 0));
    amparo.ask(MATEO, "after.example.com").await.is_open();
}

#[tokio::test]
async fn what_leads_in_a_circle_is_not_asked_again_at_once() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.alias("one.example", "two.example").alias("two.example", "one.example");
        })
        .await;
    for _ in 0..20 {
        let answer = amparo.send(ANA, &Question::of("one.example", RecordType::A).edns()).await;
        answer.has_code(hickory_proto::op::ResponseCode::ServFail);
    }
    assert_eq!(amparo.upstream.count("one.example"), 1);
}
