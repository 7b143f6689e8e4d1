//! Upstreams that are honest but slow, dead, old or odd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flight::FLIGHTS_MAX;
use super::tests_fakes::*;
use super::{Ask, FailureKind};
use crate::clock::Clock;
use crate::config::settings::{Scheme, Strategy};
use crate::name::Name;
use hickory_proto::op::Message;
use jiff::{SignedDuration, Timestamp};

const STRATEGIES: [Strategy; 3] = [Strategy::Fastest, Strategy::Parallel, Strategy::InOrder];

#[tokio::test]
async fn the_answer_comes_back_as_it_was_in_the_clients_case() {
    let fake = Fake::udp(|query, _| vec![record(query, 65280, &[1, 2, 3])]).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let answer = ask_type(&upstreams, "wWw.eXample.com", 65280).await.unwrap();
    assert_eq!(&answer[12..29], b"\x03wWw\x07eXample\x03com\x00");
    assert_eq!(&answer[answer.len() - 3..], [1, 2, 3]);
    let name = Name::parse("www.example.com").unwrap();
    // Whoever asks with letters the wire does not have gets them in lower case.
    let ask = Ask {
        name: &name,
        name_as_asked: b"\x03abc\x00",
        qtype: 65280,
        qclass: 1,
        dnssec_ok: true,
        checking_disabled: true,
        authentic_data: true,
    };
    assert_eq!(&upstreams.ask(ask).await.unwrap()[12..29], name.wire());
    let sent = Message::from_vec(&fake.seen()[1].1).unwrap();
    assert!(sent.metadata.authentic_data && sent.metadata.checking_disabled);
    let edns = sent.edns.unwrap();
    assert!(edns.flags().dnssec_ok && edns.options().as_ref().is_empty());
}

#[tokio::test]
async fn a_cut_answer_is_fetched_over_tcp() {
    let cut = |query: &[u8], _| {
        let mut reply = empty(query, 0);
        reply[2] |= 0x02;
        vec![reply]
    };
    let long = |query: &[u8], _| vec![record(query, 16, &[7; 3000])];
    let fake = Fake::udp_and_tcp(cut, long).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    for _ in 0..3 {
        let answer = ask_type(&upstreams, "long.example.com", 16).await.unwrap();
        assert!(answer.len() > 3000 && answer[2] & 0x02 == 0);
    }
    assert_eq!(fake.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_dead_first_server_costs_no_question() {
    let dead = Fake::udp(silent).await;
    let alive = Fake::udp(honest).await;
    for strategy in STRATEGIES {
        for first in [dead.address, nobody()] {
            let urls = [url(Scheme::Udp, first, None), url(Scheme::Udp, alive.address, None)];
            let upstreams = group(&urls, strategy);
            for number in 0..20 {
                let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
                assert_eq!(address_in(&answer), GOOD);
            }
            assert!(upstreams.state()[1].healthy, "{strategy:?}");
        }
    }
}

#[tokio::test]
async fn an_address_to_which_no_way_leads_costs_no_question_and_no_time() {
    // What the system refuses at once, as it does for IPv6 in a house without: the address of
    // everybody; and a port where nobody listens, for those who are told.
    let everybody = std::net::SocketAddr::from(([255, 255, 255, 255], 853));
    let closed = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 9));
    let alive = Fake::udp(honest).await;
    for scheme in Scheme::ALL {
        for first in [everybody, closed] {
            if first == closed && matches!(scheme, Scheme::Quic | Scheme::H3) {
                continue;
            }
            for strategy in STRATEGIES {
                let urls = [
                    url(scheme, first, Some("dns.example")),
                    url(Scheme::Udp, alive.address, None),
                ];
                // A wait would last longer than the test may.
                let upstreams = calm(&urls, strategy);
                for number in 0..3 {
                    let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
                    assert_eq!(address_in(&answer), GOOD, "{scheme:?} {strategy:?}");
                }
                assert!(upstreams.state()[1].healthy);
            }
        }
    }
}

#[tokio::test]
async fn a_dead_server_is_left_alone_and_measured_again_later() {
    let awake = Arc::new(AtomicBool::new(false));
    let sleeper = Fake::udp({
        let awake = Arc::clone(&awake);
        move |query, nth| {
            if awake.load(Ordering::Relaxed) { honest(query, nth) } else { Vec::new() }
        }
    })
    .await;
    let alive = Fake::udp(honest).await;
    let urls = [url(Scheme::Udp, sleeper.address, None), url(Scheme::Udp, alive.address, None)];
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let settings = super::Settings { pace: hurried(), ..super::Settings::default() };
    let upstreams =
        super::Upstreams::with_settings(&urls, Strategy::InOrder, clock.clone(), &settings);
    for number in 0..3 {
        ask(&upstreams, &format!("a{number}.example")).await.unwrap();
    }
    assert!(!upstreams.state()[0].healthy);
    assert_eq!(upstreams.state()[0].last_error.as_deref(), Some("it did not answer in time"));
    let before = sleeper.seen().len();
    for number in 0..10 {
        ask(&upstreams, &format!("b{number}.example")).await.unwrap();
    }
    assert_eq!(sleeper.seen().len(), before, "left alone");

    awake.store(true, Ordering::Relaxed);
    clock.advance(SignedDuration::from_secs(1));
    // The first question measures it while the other answers.
    let mut number = 0;
    while !upstreams.state()[0].healthy {
        ask(&upstreams, &format!("c{number}.example")).await.unwrap();
        tokio::task::yield_now().await;
        number += 1;
    }
}

#[tokio::test]
async fn the_fastest_measures_every_server_at_once() {
    let (one, other) = (Fake::udp(honest).await, Fake::udp(honest).await);
    let urls = [url(Scheme::Udp, one.address, None), url(Scheme::Udp, other.address, None)];
    let upstreams = group(&urls, Strategy::Fastest);
    let mut number = 0;
    while upstreams.state().iter().any(|state| state.latency_ms.is_none()) {
        ask(&upstreams, &format!("n{number}.example")).await.unwrap();
        tokio::task::yield_now().await;
        number += 1;
    }
    assert!(!one.seen().is_empty() && !other.seen().is_empty());
}

#[tokio::test]
async fn in_order_leaves_the_second_alone() {
    let (first, second) = (Fake::udp(honest).await, Fake::udp(honest).await);
    let urls = [url(Scheme::Udp, first.address, None), url(Scheme::Udp, second.address, None)];
    let upstreams = calm(&urls, Strategy::InOrder);
    for number in 0..5 {
        ask(&upstreams, &format!("n{number}.example")).await.unwrap();
    }
    assert_eq!((first.seen().len(), second.seen().len()), (5, 0));
}

#[tokio::test]
async fn parallel_waits_for_nobody() {
    let (first, second) = (Fake::udp(silent).await, Fake::udp(honest).await);
    let urls = [url(Scheme::Udp, first.address, None), url(Scheme::Udp, second.address, None)];
    // A wait would last longer than the test may.
    let upstreams = calm(&urls, Strategy::Parallel);
    for number in 0..5 {
        ask(&upstreams, &format!("n{number}.example")).await.unwrap();
    }
}

#[tokio::test]
async fn lost_datagrams_are_sent_again_unchanged() {
    let fake = Fake::udp(|query, nth| if nth == 2 { honest(query, nth) } else { Vec::new() }).await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    ask(&upstreams, "www.example.com").await.unwrap();
    let seen = fake.seen();
    // The same id from the same port: a forger gets no second question to guess at.
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

#[tokio::test]
async fn servfail_and_refused_go_to_the_next_server() {
    for rcode in [2, 5] {
        let unwilling = Fake::udp(move |query, _| vec![empty(query, rcode)]).await;
        let alive = Fake::udp(honest).await;
        let urls =
            [url(Scheme::Udp, unwilling.address, None), url(Scheme::Udp, alive.address, None)];
        let upstreams = group(&urls, Strategy::InOrder);
        for number in 0..5 {
            let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
            assert_eq!(address_in(&answer), GOOD);
        }
        let state = &upstreams.state()[0];
        assert!(!state.healthy, "who always declines is asked last");
        assert_eq!(state.last_error.as_deref(), Some("it declines to answer"));

        // With nobody else to ask it is passed on.
        let upstreams = group(&urls[..1], Strategy::InOrder);
        assert_eq!(ask(&upstreams, "a.example").await.unwrap()[3] & 0x0f, rcode);
        assert!(upstreams.state()[0].healthy);
        // And when the other is silent.
        let dead = Fake::udp(silent).await;
        let urls = [urls[0].clone(), url(Scheme::Udp, dead.address, None)];
        let upstreams = group(&urls, Strategy::InOrder);
        assert_eq!(ask(&upstreams, "a.example").await.unwrap()[3] & 0x0f, rcode);
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_answer() {
    let fake = Fake::udp(|query, _| vec![empty(query, 3)]).await;
    let other = Fake::udp(honest).await;
    let urls = [url(Scheme::Udp, fake.address, None), url(Scheme::Udp, other.address, None)];
    let upstreams = calm(&urls, Strategy::InOrder);
    assert_eq!(ask(&upstreams, "a.example").await.unwrap()[3] & 0x0f, 3);
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn when_all_fail_the_failure_names_each() {
    let urls = [url(Scheme::Udp, nobody(), None), url(Scheme::Tcp, nobody(), None)];
    let upstreams = group(&urls, Strategy::InOrder);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network);
    assert_eq!(failure.extended_error(), 23);
    assert_eq!(
        failure.to_string(),
        "udp://127.77.0.1:9: nothing listens there (connection refused); \
         tcp://127.77.0.1:9: nothing listens there (connection refused)"
    );
    assert!(upstreams.state().iter().all(|state| !state.healthy));

    let dead = Fake::udp(silent).await;
    let settings = super::Settings {
        pace: super::Pace { total: std::time::Duration::from_millis(90), ..hurried() },
        ..super::Settings::default()
    };
    let urls = [url(Scheme::Udp, dead.address, None)];
    let upstreams =
        super::Upstreams::with_settings(&urls, Strategy::Fastest, Clock::System, &settings);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert_eq!((failure.kind, failure.extended_error()), (FailureKind::Timeout, 22));
}

#[tokio::test]
async fn a_group_without_servers_says_so() {
    let upstreams = group(&[], Strategy::Fastest);
    assert_eq!(ask(&upstreams, "a.example").await.unwrap_err().kind, FailureKind::Busy);
}

/// Lets others run until the server has seen this many queries.
async fn until_seen(fake: &Fake, count: usize) {
    while fake.seen().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn identical_questions_in_flight_are_asked_once() {
    let fake = Fake::udp_held(honest).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let mut clients = Vec::new();
    for number in 0..100 {
        let upstreams = Arc::clone(&upstreams);
        let text = if number % 2 == 0 { "WWW.example.com" } else { "www.example.com" };
        clients.push((text, tokio::spawn(async move { ask(&upstreams, text).await })));
    }
    until_seen(&fake, 1).await;
    // The first to ask goes away, and some others.
    for (_, client) in clients.drain(..10) {
        client.abort();
    }
    fake.release();
    for (text, client) in clients {
        let answer = client.await.unwrap().unwrap();
        assert_eq!(address_in(&answer), GOOD);
        assert_eq!(&answer[13..16], &text.as_bytes()[..3]);
    }
    assert_eq!(fake.seen().len(), 1);
    // Asked again later, it is a new question.
    ask(&upstreams, "www.example.com").await.unwrap();
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_leader_that_is_dropped_leaves_the_answer_to_the_others() {
    let fake = Fake::udp_held(honest).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    tokio::select! {
        biased;
        _ = ask(&upstreams, "www.example.com") => panic!("nobody has answered"),
        () = until_seen(&fake, 1) => {}
    }
    let follower = tokio::spawn({
        let upstreams = Arc::clone(&upstreams);
        async move { ask(&upstreams, "www.example.com").await }
    });
    tokio::task::yield_now().await;
    fake.release();
    assert_eq!(address_in(&follower.await.unwrap().unwrap()), GOOD);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn too_many_questions_at_once_are_refused_at_once() {
    let fake = Fake::udp(silent).await;
    let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let mut clients = Vec::new();
    for number in 0..FLIGHTS_MAX + 100 {
        let upstreams = Arc::clone(&upstreams);
        clients.push(tokio::spawn(async move { ask(&upstreams, &format!("n{number}.x")).await }));
    }
    let mut refused = 0;
    for client in clients.split_off(FLIGHTS_MAX) {
        let failure = client.await.unwrap().unwrap_err();
        assert_eq!((failure.kind, failure.extended_error()), (FailureKind::Busy, 0));
        refused += 1;
    }
    assert_eq!(refused, 100);
    assert!(clients.iter().all(|client| !client.is_finished()));
}

#[tokio::test]
async fn servers_that_refuse_edns_are_asked_without() {
    for rcode in [1, 4] {
        let fake = Fake::udp(move |query, nth| {
            let has_opt = query[11] == 1;
            if has_opt { vec![empty(query, rcode)] } else { honest(query, nth) }
        })
        .await;
        let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
        for _ in 0..3 {
            assert_eq!(address_in(&ask(&upstreams, "a.example").await.unwrap()), GOOD);
        }
        assert_eq!(fake.seen().len(), 4, "it is remembered");
    }
}

#[tokio::test]
async fn servers_that_refuse_edns_by_a_bare_header_are_asked_without() {
    let fake = Fake::udp(|query, nth| {
        if query[11] == 0 {
            return honest(query, nth);
        }
        let mut bare = empty(query, 1)[..12].to_vec();
        bare[5] = 0;
        vec![bare]
    })
    .await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "a.example").await.unwrap()), GOOD);
}

#[tokio::test]
async fn servers_that_change_letters_are_asked_in_lower_case() {
    let lowering = |query: &[u8], _| {
        let mut reply = good(query);
        let end = question_end(query);
        reply[12..end - 4].make_ascii_lowercase();
        vec![reply]
    };
    let name = "a-rather-long-name.example.com";
    // With TCP, and without.
    for fake in [Fake::udp_and_tcp(lowering, lowering).await, Fake::udp(lowering).await] {
        let upstreams = calm(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
        for _ in 0..3 {
            assert_eq!(address_in(&ask(&upstreams, name).await.unwrap()), GOOD);
        }
        assert_eq!(fake.seen().len(), 4, "it is remembered");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_after_each_answer_serves() {
    let fake = Fake::stream(None, 1, honest).await;
    let upstreams = group(&[url(Scheme::Tcp, fake.address, None)], Strategy::Fastest);
    for number in 0..10 {
        let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
        assert_eq!(address_in(&answer), GOOD);
    }
}

#[tokio::test]
async fn a_connection_that_goes_silent_is_opened_again() {
    // The first question of its life is lost.
    let fake =
        Fake::stream(
            None,
            usize::MAX,
            |query, nth| {
                if nth == 0 { Vec::new() } else { honest(query, nth) }
            },
        )
        .await;
    let upstreams = group(&[url(Scheme::Tcp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "a.example").await.unwrap()), GOOD);
    assert!(fake.connections() >= 2);
}
