//! Ports, ids and what comes to the wrong one (RFC 5452 §4, §9).

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::UdpSocket;

use super::pool::{FRESH_BURST, MEMBERS_MAX, Pools};
use super::port::{News, Port, Ticket};
use super::query::{Form, Query, Question};
use super::tests_fakes::*;
use super::{Ask, Settings, Upstreams};
use crate::clock::{Clock, Tick};
use crate::config::settings::{Scheme, Strategy};
use crate::name::Name;

/// Asks for so many names, fifty at a time.
async fn ask_many(upstreams: &Arc<Upstreams>, names: std::ops::Range<usize>) {
    let names = Arc::new(std::sync::Mutex::new(names));
    let mut clients = Vec::new();
    for _ in 0..50 {
        let (upstreams, names) = (Arc::clone(upstreams), Arc::clone(&names));
        clients.push(tokio::spawn(async move {
            loop {
                let Some(number) = names.lock().unwrap().next() else { return };
                let answer = ask(&upstreams, &format!("n{number}.example.com")).await.unwrap();
                assert_eq!(address_in(&answer), GOOD);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// χ² of octets that should all be as frequent.
fn chi_squared(throws: impl Iterator<Item = u8>) -> f64 {
    let mut counts = [0_u32; 256];
    throws.for_each(|octet| counts[usize::from(octet)] += 1);
    let expected = f64::from(counts.iter().sum::<u32>()) / 256.0;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

#[tokio::test]
async fn ten_thousand_questions_have_ports_and_ids_of_their_own_and_a_flood_shares_some() {
    let fake = Fake::udp(honest).await;
    let urls = [url(Scheme::Udp, fake.address, None)];
    // No time passes: the budget of fresh ports is spent, and none is earned.
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let settings = Settings { pace: hurried(), ..Settings::default() };
    let upstreams = Upstreams::with_settings(&urls, Strategy::Fastest, clock, &settings);
    ask_many(&upstreams, 0..10_000).await;
    let seen = fake.seen();
    let ports: HashSet<u16> = seen.iter().map(|(from, _)| from.port()).collect();
    // Of 55,296 ports 10,000 throws hit 9,149.
    assert!(ports.len() >= 9_000, "{} ports", ports.len());
    assert!(ports.iter().max().unwrap() - ports.iter().min().unwrap() >= 20_000);
    // Above 415 in one sound run of a thousand million; above 311 in one of a hundred.
    let high = chi_squared(seen.iter().map(|(_, query)| query[0]));
    let low = chi_squared(seen.iter().map(|(_, query)| query[1]));
    println!("{} ports; ids: χ² {high:.0} and {low:.0}, 255 degrees of freedom", ports.len());
    assert!(high < 415.0 && low < 415.0, "χ² {high} and {low}");

    let burst = usize::try_from(FRESH_BURST).unwrap();
    ask_many(&upstreams, 10_000..burst + 1_000).await;
    let before = fake.seen().len();
    ask_many(&upstreams, burst + 1_000..burst + 2_000).await;
    let ports: HashSet<u16> = fake.seen()[before..].iter().map(|(from, _)| from.port()).collect();
    assert!(ports.len() <= MEMBERS_MAX && ports.len() > 1, "{} ports", ports.len());
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_not_heard() {
    let server = UdpSocket::bind((Ipv4Addr::new(127, 89, 0, 1), 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    let elsewhere = [
        UdpSocket::bind((Ipv4Addr::new(127, 89, 0, 1), 0)).await.unwrap(),
        UdpSocket::bind((Ipv4Addr::new(127, 89, 0, 2), address.port())).await.unwrap(),
    ];
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = server.recv_from(&mut buffer).await {
            let query = &buffer[..length];
            for socket in &elsewhere {
                socket.send_to(&record(query, TYPE_A, &FORGED), from).await.unwrap();
            }
            server.send_to(&good(query), from).await.unwrap();
        }
    });
    let upstreams = calm(&[url(Scheme::Udp, address, None)], Strategy::Fastest);
    for number in 0..20 {
        let answer = ask(&upstreams, &format!("n{number}.example.com")).await.unwrap();
        assert_eq!(address_in(&answer), GOOD);
    }
}

fn query_for(text: &str, id: u16) -> Query {
    let name = Name::parse(text).unwrap();
    let ask = Ask {
        name: &name,
        name_as_asked: name.wire(),
        qtype: TYPE_A,
        qclass: 1,
        dnssec_ok: false,
        checking_disabled: false,
        authentic_data: false,
    };
    let form = Form { edns: true, padded: false, mixed_case: true };
    Query::new(&Question::of(&ask), form).with_id(id)
}

/// A place on a port, the query sent from there, and where the server saw it come from.
async fn sent(
    port: &Arc<Port>,
    query: &mut Query,
    server: &UdpSocket,
) -> (Ticket, std::net::SocketAddr) {
    let ticket = Ticket::take(Arc::clone(port), query);
    ticket.send(query.octets()).await.unwrap();
    let mut buffer = [0; 512];
    let (length, from) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], query.octets());
    (ticket, from)
}

/// A port that alone is there, as when no fresh one may be opened.
fn port_to(server: &UdpSocket) -> Arc<Port> {
    Pools::new(server.local_addr().unwrap()).port(Tick(0)).unwrap()
}

async fn heard(ticket: &Ticket) -> Arc<[u8]> {
    match ticket.news().await {
        News::Heard(octets, _) => octets,
        other @ (News::NearMisses | News::Drowned | News::Failed(_)) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn questions_of_one_port_never_share_an_id() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = port_to(&server);
    let (mut one, mut other) = (query_for("one.example", 7), query_for("other.example", 7));
    let (first, from) = sent(&port, &mut one, &server).await;
    let (second, _) = sent(&port, &mut other, &server).await;
    assert_ne!(one.id(), other.id());
    // In the other order, and each hears its own.
    server.send_to(&good(other.octets()), from).await.unwrap();
    server.send_to(&good(one.octets()), from).await.unwrap();
    assert_eq!(&heard(&first).await[12..], &good(one.octets())[12..]);
    assert_eq!(&heard(&second).await[12..], &good(other.octets())[12..]);
}

#[tokio::test]
async fn one_id_on_two_ports_is_two_questions() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (here, there) = (port_to(&server), port_to(&server));
    let (mut one, mut other) = (query_for("one.example", 7), query_for("other.example", 7));
    let (first, nearby) = sent(&here, &mut one, &server).await;
    let (second, beyond) = sent(&there, &mut other, &server).await;
    assert_eq!(one.id(), other.id());
    // Each is sent the other's answer first.
    server.send_to(&good(other.octets()), nearby).await.unwrap();
    server.send_to(&good(one.octets()), beyond).await.unwrap();
    server.send_to(&good(one.octets()), nearby).await.unwrap();
    server.send_to(&good(other.octets()), beyond).await.unwrap();
    assert_eq!(&heard(&first).await[12..], &good(one.octets())[12..]);
    assert_eq!(&heard(&second).await[12..], &good(other.octets())[12..]);
}

#[tokio::test]
async fn late_answers_are_nobodys_and_alarm_nobody_but_guesses_do() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = port_to(&server);
    let mut early = query_for("early.example", 7);
    let (ticket, from) = sent(&port, &mut early, &server).await;
    server.send_to(&good(early.octets()), from).await.unwrap();
    heard(&ticket).await;
    drop(ticket);

    let mut next = query_for("next.example", 8);
    let (ticket, _) = sent(&port, &mut next, &server).await;
    for _ in 0..5 {
        server.send_to(&record(early.octets(), TYPE_A, &FORGED), from).await.unwrap();
    }
    server.send_to(&good(next.octets()), from).await.unwrap();
    assert_eq!(address_in(&heard(&ticket).await), GOOD);
    drop(ticket);

    let mut last = query_for("last.example", 9);
    let (ticket, _) = sent(&port, &mut last, &server).await;
    for id in 100..103 {
        let guess = record(last.with_id(id).octets(), TYPE_A, &FORGED);
        server.send_to(&guess, from).await.unwrap();
    }
    assert!(matches!(ticket.news().await, News::NearMisses));
}

#[tokio::test]
async fn replies_behind_the_answer_change_nothing() {
    let fake = Fake::udp(|query, _| vec![good(query), record(query, TYPE_A, &FORGED)]).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    for number in 0..100 {
        let answer = ask(&upstreams, &format!("n{number}.example.com")).await.unwrap();
        assert_eq!(address_in(&answer), GOOD);
    }
}

/// Appends a record to the authority section of a response without one.
fn with_authority(mut reply: Vec<u8>, owner: &[u8], rtype: u8, data: &[u8]) -> Vec<u8> {
    reply[9] = 1;
    reply.extend_from_slice(owner);
    reply.extend_from_slice(&[0, rtype, 0, 1, 0, 0, 1, 44]);
    reply.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    reply.extend_from_slice(data);
    reply
}

#[tokio::test]
async fn records_of_foreign_zones_come_as_they_are() {
    let soa = [b"\x02ns\x00\x02mb\x00".as_slice(), &[0; 20]].concat();
    let foreign = b"\x07foreign\x04test\x00";
    let replies = [
        // The SOA of a foreign zone on NODATA, and an NS out of bailiwick beside the answer.
        Box::new(move |query: &[u8]| with_authority(empty(query, 0), foreign, 6, &soa))
            as Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>,
        Box::new(|query: &[u8]| with_authority(good(query), foreign, 2, b"\x02ns\x00")),
    ];
    for reply in replies {
        let fake = Fake::udp(move |query, _| vec![reply(query)]).await;
        let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
        let answer = ask(&upstreams, "www.example.com").await.unwrap();
        assert_eq!(answer[9], 1);
        assert!(answer.windows(foreign.len()).any(|piece| piece == foreign));
    }
}

#[tokio::test]
async fn as_many_records_as_a_message_holds_are_walked_once() {
    // Records without data whose owner is the root: eleven octets each, 5,900 of them.
    let crowd = |query: &[u8], _| {
        let mut reply = empty(query, 0);
        reply[6..8].copy_from_slice(&5_900_u16.to_be_bytes());
        for _ in 0..5_900 {
            reply.extend_from_slice(&[0, 0, 16, 0, 1, 0, 0, 1, 44, 0, 0]);
        }
        vec![reply]
    };
    let fake = Fake::stream(None, usize::MAX, crowd).await;
    let upstreams = calm(&[url(Scheme::Tcp, fake.address, None)], Strategy::Fastest);
    let answer = ask(&upstreams, "www.example.com").await.unwrap();
    assert_eq!(answer.len(), 12 + 21 + 5_900 * 11);
}
