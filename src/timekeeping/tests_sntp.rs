use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::sntp::*;
use super::tests_server::{Server, honest, loopback, stamp};
use crate::clock::{self, Clock};

/// Long enough for loopback on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough for nothing to come.
const SHORT: Duration = Duration::from_millis(20);
const NUMBER: [u8; 8] = *b"number!!";

fn at(text: &str) -> Timestamp {
    text.parse().expect("the test writes a time")
}

fn truth() -> Timestamp {
    at("2026-11-23T16:00:00Z")
}

/// A clock in 1970, and how far it is behind the truth.
fn unset() -> (Clock, SignedDuration) {
    (Clock::held(Timestamp::UNIX_EPOCH), truth().duration_since(Timestamp::UNIX_EPOCH))
}

/// What is made of an honest answer with these octets in these places.
fn read_with(places: &[(usize, u8)]) -> Result<Answer, Wrong> {
    let mut answer = honest(&question(NUMBER), truth());
    for &(place, octet) in places {
        answer[place] = octet;
    }
    read(&answer, NUMBER, clock::BUILT)
}

#[test]
fn an_honest_answer_is_read() {
    assert_eq!(read_with(&[]), Ok(Answer { received: truth(), sent: truth() }));
    // 0x2000_0000 of 2^32 parts are an eighth of a second.
    let sent = truth() + SignedDuration::from_millis(125);
    assert_eq!(read_with(&[(44, 0x20)]), Ok(Answer { received: truth(), sent }));
}

#[test]
fn an_answer_to_something_else_is_not_looked_at() {
    assert_eq!(read_with(&[(24, b'N')]), Err(Wrong::NotOurs), "another number");
    assert_eq!(read_with(&[(1, 0), (24, b'N')]), Err(Wrong::NotOurs), "nor is a forged kiss");
    assert_eq!(read_with(&[(0, 0x23)]), Err(Wrong::NotOurs), "a question");
    assert_eq!(read_with(&[(0, 0x25)]), Err(Wrong::NotOurs), "a broadcast");
    assert_eq!(read_with(&[(0, 0x1c)]), Err(Wrong::NotOurs), "version 3");
    assert_eq!(read(&[0x24; 47], NUMBER, clock::BUILT), Err(Wrong::NotOurs), "too short");
    assert_eq!(read(&[], NUMBER, clock::BUILT), Err(Wrong::NotOurs));
}

#[test]
fn a_server_that_does_not_know_the_time_is_not_believed() {
    assert_eq!(read_with(&[(0, 0xe4)]), Err(Wrong::Unsynchronised), "it says so");
    assert_eq!(read_with(&[(1, 16)]), Err(Wrong::Unsynchronised));
    assert!(read_with(&[(1, 15)]).is_ok());
    assert_eq!(read_with(&[(5, 5)]), Err(Wrong::Unsynchronised), "5 s from its clock");
    assert_eq!(read_with(&[(9, 3)]), Err(Wrong::Unsynchronised), "wrong by 3 s");
    assert_eq!(read_with(&[(4, 0x80)]), Err(Wrong::Senseless), "a delay below zero");
    assert_eq!(read_with(&[(4, 0x7f), (8, 0x7f)]), Err(Wrong::Unsynchronised));
}

#[test]
fn a_kiss_is_read() {
    let kiss = read_with(&[(1, 0), (12, b'R'), (13, b'A'), (14, b'T'), (15, b'E')]);
    assert_eq!(kiss, Err(Wrong::Kiss(*b"RATE")));
    assert_eq!(kiss.unwrap_err().to_string(), "it wants to be left alone (RATE)");
}

#[test]
fn an_answer_is_not_sent_before_the_question_came_nor_long_after() {
    let with = |received: Timestamp, sent: Timestamp| {
        let mut answer = honest(&question(NUMBER), truth());
        answer[32..40].copy_from_slice(&stamp(received));
        answer[40..48].copy_from_slice(&stamp(sent));
        read(&answer, NUMBER, clock::BUILT)
    };
    assert_eq!(with(at("2026-11-23T16:00:01Z"), truth()), Err(Wrong::Senseless));
    assert_eq!(with(truth(), at("2026-11-23T16:00:04Z")), Err(Wrong::Senseless));
    assert!(with(truth(), at("2026-11-23T16:00:03Z")).is_ok());
    assert_eq!(read_with(&[(40, 0), (41, 0), (42, 0), (43, 0)]), Err(Wrong::Senseless), "not set");
}

#[test]
fn ntp_s_counter_begins_again_in_2036_and_the_century_is_known() {
    let shown = |text: &str, floor| {
        let answer = read(&honest(&question(NUMBER), at(text)), NUMBER, floor);
        assert_eq!(answer.map(|answer| answer.sent), Ok(at(text)));
    };
    shown("2026-11-23T16:00:00Z", clock::BUILT);
    shown("2036-02-07T06:28:15Z", clock::BUILT);
    shown("2036-02-07T06:28:17Z", clock::BUILT);
    shown("2090-01-01T00:00:00Z", clock::BUILT);
    // What is earlier than can be is not taken for the next century.
    shown("1999-01-01T00:00:00Z", clock::BUILT);
    shown("2101-01-01T00:00:00Z", at("2100-01-01T00:00:00Z"));
}

proptest! {
    #[test]
    fn any_octets_are_an_answer_or_none(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(&octets, NUMBER, clock::BUILT);
    }

    #[test]
    fn any_answer_with_our_number_is_read_or_refused(
        changes in proptest::collection::vec((0usize..48, any::<u8>()), 0..8),
        floor in -377_705_023_201_i64..=253_402_207_200,
    ) {
        let mut answer = honest(&question(NUMBER), truth());
        for (place, octet) in changes {
            answer[place] = octet;
        }
        let floor = Timestamp::from_second(floor).unwrap();
        if let Ok(Answer { received, sent }) = read(&answer, NUMBER, floor) {
            prop_assert!(received <= sent);
            prop_assert!(sent.duration_since(floor).abs() <= SignedDuration::from_secs((1 << 31) + 4));
        }
    }
}

// === Over loopback ===

#[tokio::test]
async fn one_server_says_how_far_the_clock_is_behind() {
    let (clock, behind) = unset();
    let server = Server::shows(truth()).await;
    assert_eq!(ask(server.address, &clock, LONG).await, Ok(behind));
    assert_eq!(agree(&[server.address], &clock, clock::BUILT).await, Ok(behind));
}

#[tokio::test]
async fn what_does_not_repeat_the_number_is_passed_over() {
    let (clock, _) = unset();
    let server = Server::scripted(truth(), |mut answer| {
        answer[24] ^= 1;
        answer
    })
    .await;
    assert_eq!(ask(server.address, &clock, SHORT).await, Err(Wrong::Silent));
}

#[tokio::test]
async fn an_answer_from_another_port_is_not_taken() {
    let (clock, behind) = unset();
    let (right, wrong) = (loopback().await, loopback().await);
    let address = right.local_addr().unwrap();
    let serving = async {
        let mut octets = [0; 48];
        let (_, from) = right.recv_from(&mut octets).await.unwrap();
        let lie = honest(&octets, at("2030-01-01T00:00:00Z"));
        wrong.send_to(&lie, from).await.unwrap();
        right.send_to(&honest(&octets, truth()), from).await.unwrap();
    };
    let (asked, ()) = tokio::join!(ask(address, &clock, LONG), serving);
    assert_eq!(asked, Ok(behind));
}

#[tokio::test]
async fn who_answers_late_or_nowhere_is_no_use() {
    let (clock, _) = unset();
    let late = loopback().await;
    let address = late.local_addr().unwrap();
    assert_eq!(ask(address, &clock, SHORT).await, Err(Wrong::Silent));
    drop(late);
    assert!(ask(address, &clock, LONG).await.is_err());
}

#[tokio::test]
async fn two_that_say_the_same_are_believed_against_a_third() {
    let (clock, behind) = unset();
    let liar = Server::shows(at("2040-01-01T00:00:00Z")).await;
    let one = Server::shows(truth()).await;
    let other = Server::shows(truth() + SignedDuration::from_secs(10)).await;
    let servers = [liar.address, one.address, other.address];
    let agreed = agree(&servers, &clock, clock::BUILT).await.unwrap();
    assert!(agreed == behind || agreed == behind + SignedDuration::from_secs(10));
}

#[tokio::test]
async fn two_that_differ_are_not_believed() {
    let (clock, _) = unset();
    let one = Server::shows(truth()).await;
    let other = Server::shows(truth() + SignedDuration::from_secs(11)).await;
    let unsure = agree(&[one.address, other.address], &clock, clock::BUILT).await.unwrap_err();
    assert_eq!(unsure.trouble, Trouble::NoTwoAlike);
}

#[tokio::test]
async fn one_of_two_is_not_enough_and_a_kiss_is_honoured() {
    let (clock, _) = unset();
    let one = Server::shows(truth()).await;
    let kissing = Server::scripted(truth(), |mut answer| {
        answer[1] = 0;
        answer[12..16].copy_from_slice(b"DENY");
        answer
    })
    .await;
    let unsure = agree(&[one.address, kissing.address], &clock, clock::BUILT).await.unwrap_err();
    let why = vec![(kissing.address, Wrong::Kiss(*b"DENY"))];
    assert_eq!(unsure.trouble, Trouble::TooFew(why));
    assert_eq!(unsure.leave_alone, [kissing.address]);
}

#[tokio::test]
async fn what_cannot_be_is_not_believed_of_anybody() {
    let (clock, _) = unset();
    for (shown, floor) in [
        ("2026-11-23T16:00:00Z", at("2026-11-23T16:00:01Z")),
        ("2047-01-01T00:00:00Z", clock::BUILT),
        ("1999-01-01T00:00:00Z", clock::BUILT),
    ] {
        let (one, other) = (Server::shows(at(shown)).await, Server::shows(at(shown)).await);
        for servers in [&[one.address][..], &[one.address, other.address]] {
            let unsure = agree(servers, &clock, floor).await.unwrap_err();
            assert_eq!(unsure.trouble, Trouble::Impossible(at(shown)));
        }
    }
}

#[tokio::test]
async fn without_servers_nothing_is_learnt() {
    let (clock, _) = unset();
    let unsure = agree(&[], &clock, clock::BUILT).await.unwrap_err();
    assert_eq!(unsure.trouble, Trouble::TooFew(Vec::new()));
}

#[test]
fn the_servers_are_those_that_their_owners_publish() {
    let shown = SERVERS.map(|server| server.to_string());
    assert_eq!(shown[0], "162.159.200.1:123");
    assert_eq!(shown[6], "[2606:4700:f1::1]:123");
    assert_eq!(shown[9], "[2001:4860:4806:4::]:123");
    assert!(SERVERS.iter().all(|server| server.port() == 123));
}
