//! Upstreams and forgers that lie (RFC 5452 §9.1, RFC 9267): the bad datagram first, the good one
//! behind it. Every question is answered, and nothing forged ever is.

use super::answer::is_answer_to;
use super::query::{Form, Query, Question};
use super::tests_fakes::*;
use super::{Ask, Upstreams};
use crate::config::settings::{Scheme, Strategy};
use crate::name::Name;
use hickory_proto::op::Message;
use proptest::prelude::*;
use std::sync::Arc;

/// Asks a server that says this before the right answer; it has no TCP.
async fn after(bad: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static) -> [u8; 4] {
    let fake = Fake::udp(move |query, _| {
        let mut replies = bad(query);
        replies.push(good(query));
        replies
    })
    .await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    address_in(&ask(&upstreams, "Www.example.com").await.unwrap())
}

fn forged(query: &[u8]) -> Vec<u8> {
    record(query, TYPE_A, &FORGED)
}

fn wrong_id(query: &[u8]) -> Vec<u8> {
    let mut reply = forged(query);
    reply[0] ^= 0x5a;
    reply
}

#[tokio::test]
async fn garbage_is_passed_over() {
    assert_eq!(after(|_| vec![vec![1, 2, 3]]).await, GOOD);
    assert_eq!(after(|_| vec![Vec::new()]).await, GOOD);
}

#[tokio::test]
async fn one_wrong_id_is_passed_over() {
    assert_eq!(after(|query| vec![wrong_id(query)]).await, GOOD);
}

#[tokio::test]
async fn five_wrong_ids_are_passed_over() {
    assert_eq!(after(|query| vec![wrong_id(query); 5]).await, GOOD);
}

#[tokio::test]
async fn after_three_near_misses_the_question_goes_over_tcp() {
    let fake = Fake::udp_and_tcp(
        |query, _| if query.len() < 512 { vec![wrong_id(query); 3] } else { Vec::new() },
        honest,
    )
    .await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "www.example.com").await.unwrap()), GOOD);
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn what_does_not_parse_is_passed_over_under_any_id() {
    let cut = |query: &[u8]| forged(query)[..question_end(query) + 7].to_vec();
    assert_eq!(after(move |query| vec![cut(query)]).await, GOOD);
    let noise = |query: &[u8]| [&query[..2], &[0xff; 60]].concat();
    assert_eq!(after(move |query| vec![noise(query)]).await, GOOD);
    let cut_and_wrong = |query: &[u8]| wrong_id(query)[..question_end(query) + 7].to_vec();
    assert_eq!(after(move |query| vec![cut_and_wrong(query)]).await, GOOD);
}

#[tokio::test]
async fn another_question_is_passed_over() {
    let name = |query: &[u8]| {
        let mut reply = forged(query);
        reply[13] = b'x';
        reply
    };
    assert_eq!(after(move |query| vec![name(query)]).await, GOOD);
    let qtype = |query: &[u8]| {
        let mut reply = forged(query);
        reply[question_end(query) - 3] = 28;
        reply
    };
    assert_eq!(after(move |query| vec![qtype(query)]).await, GOOD);
    let qclass = |query: &[u8]| {
        let mut reply = forged(query);
        reply[question_end(query) - 1] = 3;
        reply
    };
    assert_eq!(after(move |query| vec![qclass(query)]).await, GOOD);
}

#[tokio::test]
async fn no_question_is_passed_over() {
    let none = |query: &[u8]| {
        let whole = forged(query);
        let mut reply = whole[..12].to_vec();
        reply[5] = 0;
        reply.extend_from_slice(&query[12..question_end(query) - 4]);
        reply.extend_from_slice(&whole[question_end(query) + 2..]);
        reply
    };
    assert_eq!(after(move |query| vec![none(query)]).await, GOOD);
}

#[tokio::test]
async fn a_query_is_no_response() {
    let unset = |query: &[u8]| {
        let mut reply = forged(query);
        reply[2] &= 0x7f;
        reply
    };
    assert_eq!(after(move |query| vec![unset(query)]).await, GOOD);
    let notify = |query: &[u8]| {
        let mut reply = forged(query);
        reply[2] |= 4 << 3;
        reply
    };
    assert_eq!(after(move |query| vec![notify(query)]).await, GOOD);
}

#[tokio::test]
async fn compression_loops_are_passed_over() {
    // The owner's name points to itself, then forwards, then the name within a CNAME to itself.
    let owner = |query: &[u8]| {
        let mut reply = forged(query);
        let at = question_end(query);
        reply[at + 1] = u8::try_from(at).unwrap();
        reply
    };
    assert_eq!(after(move |query| vec![owner(query)]).await, GOOD);
    let forwards = |query: &[u8]| {
        let mut reply = forged(query);
        let at = question_end(query);
        reply[at + 1] = u8::try_from(at + 12).unwrap();
        reply
    };
    assert_eq!(after(move |query| vec![forwards(query)]).await, GOOD);
    let cname = |query: &[u8]| {
        let data = u8::try_from(question_end(query) + 12).unwrap();
        record(query, 5, &[0xc0, data])
    };
    assert_eq!(after(move |query| vec![cname(query)]).await, GOOD);
}

#[tokio::test]
async fn a_forger_has_to_guess_the_letters_too() {
    // All is right but the case, and the good answer comes over TCP.
    let fake = Fake::udp_and_tcp(
        |query, _| {
            let mut reply = forged(query);
            let end = question_end(query);
            reply[12..end].make_ascii_lowercase();
            vec![reply]
        },
        honest,
    )
    .await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let answer = ask(&upstreams, "a-rather-long-name.example.com").await.unwrap();
    assert_eq!(address_in(&answer), GOOD);
}

#[tokio::test]
async fn truncated_answers_with_forged_records_are_fetched_over_tcp() {
    let cut = |query: &[u8], _| {
        let mut reply = forged(query);
        reply[2] |= 0x02;
        vec![reply]
    };
    let fake = Fake::udp_and_tcp(cut, honest).await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "big.example.com").await.unwrap()), GOOD);

    // Without TCP the client is told to try itself, and gets no record.
    let fake = Fake::udp(cut).await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let answer = ask(&upstreams, "big.example.com").await.unwrap();
    let message = Message::from_vec(&answer).unwrap();
    assert!(message.metadata.truncation && message.answers.is_empty());
}

#[tokio::test]
async fn octets_behind_the_last_record_are_cut() {
    let fake = Fake::udp(|query, _| vec![[good(query), b"junk".to_vec()].concat()]).await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "www.example.com").await.unwrap()), GOOD);
}

#[tokio::test]
async fn forged_messages_within_a_stream_are_passed_over() {
    let lies = |query: &[u8], _| {
        let mut other = forged(query);
        other[13] ^= 1;
        vec![vec![9], wrong_id(query), other, good(query)]
    };
    let fake = Fake::stream(None, usize::MAX, lies).await;
    let upstreams = group(&[url(Scheme::Tcp, fake.address, None)], Strategy::Fastest);
    assert_eq!(address_in(&ask(&upstreams, "www.example.com").await.unwrap()), GOOD);
}

#[tokio::test]
async fn a_flood_of_forgeries_ends_in_words() {
    let fake = Fake::udp(|query, _| vec![wrong_id(query); 300]).await;
    let upstreams = group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    let failure = ask(&upstreams, "www.example.com").await.unwrap_err();
    assert!(!failure.to_string().is_empty());
}

fn query_for(text: &str) -> Query {
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
    Query::new(&Question::of(&ask), Form { edns: true, padded: false, mixed_case: false })
}

#[test]
fn ten_thousand_pointers_to_pointers_end() {
    let query = query_for("www.example.com");
    let mut reply = record(query.octets(), 65280, &[]);
    let first = reply.len();
    let mut pointers = vec![0xc0, 12];
    while pointers.len() < 16_000 {
        let before = u16::try_from(first + pointers.len() - 2).unwrap();
        pointers.extend_from_slice(&(0xc000 | before).to_be_bytes());
    }
    let length = u16::try_from(pointers.len()).unwrap();
    reply[first - 2..].copy_from_slice(&length.to_be_bytes());
    reply.extend_from_slice(&pointers);
    let last = u16::try_from(reply.len() - 2).unwrap();
    reply[7] = 2;
    reply.extend_from_slice(&(0xc000 | last).to_be_bytes());
    reply.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(is_answer_to(&reply, &query).is_err());
}

/// An answer as hickory-proto writes it, compressed, of many types.
fn rich_answer(query: &Query) -> Vec<u8> {
    use hickory_proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
    use hickory_proto::rr::{RData, Record};
    let mut message = Message::from_vec(query.octets()).unwrap().into_response();
    let name = message.queries[0].name().clone();
    let other = hickory_proto::rr::Name::from_ascii("other.example.com.").unwrap();
    let soa = SOA::new(name.clone(), other.clone(), 1, 2, 3, 4, 5);
    for data in [
        RData::CNAME(CNAME(other.clone())),
        RData::MX(MX::new(10, name.clone())),
        RData::SOA(soa),
        RData::TXT(TXT::new(vec!["text".to_owned()])),
        RData::A(A::new(192, 0, 2, 7)),
    ] {
        message.add_answer(Record::from_rdata(other.clone(), 60, data));
    }
    message.to_vec().unwrap()
}

#[test]
fn what_hickory_writes_is_an_answer() {
    let query = query_for("www.example.com");
    let response = rich_answer(&query);
    let reading = is_answer_to(&response, &query).unwrap();
    assert_eq!(reading.end, response.len());
    assert!(reading.has_opt && reading.same_case && !reading.truncated);
    for cut in 0..response.len() {
        assert!(is_answer_to(&response[..cut], &query).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn any_octets_are_an_answer_or_not(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let query = query_for("www.example.com");
        let _no_panic = is_answer_to(&octets, &query);
        // The same behind a header and a question that are right.
        let mut reply = empty(query.octets(), 0);
        reply[7] = 9;
        reply.extend_from_slice(&octets);
        if let Ok(reading) = is_answer_to(&reply, &query) {
            prop_assert!(reading.end <= reply.len());
        }
    }

    /// What hickory can read we let through: the gate is never stricter than the oracle, but for
    /// names that point forwards or into the header, which hickory refuses too.
    #[test]
    fn what_hickory_reads_passes(at in 12usize..200, octet: u8) {
        let query = query_for("www.example.com");
        let mut response = rich_answer(&query);
        let at = at.min(response.len() - 1);
        response[at] = octet;
        let asked = response[12..12 + query.question().len()].eq_ignore_ascii_case(query.question());
        if asked && Message::from_vec(&response).is_ok() {
            prop_assert!(is_answer_to(&response, &query).is_ok());
        }
    }
}

#[tokio::test]
async fn ids_ports_and_letters_are_spread() {
    let fake = Fake::udp(honest).await;
    let upstreams: Arc<Upstreams> =
        group(&[url(Scheme::Udp, fake.address, None)], Strategy::Fastest);
    for number in 0..500 {
        ask(&upstreams, &format!("n{number}.some-name.example.com")).await.unwrap();
    }
    let seen = fake.seen();
    let distinct = |of: &dyn Fn(&Seen) -> Vec<u8>| {
        seen.iter().map(of).collect::<std::collections::HashSet<_>>().len()
    };
    assert_eq!(seen.len(), 500);
    // 500 throws among 65,536 ids and 55,296 ports collide about twice.
    assert!(distinct(&|(_, query)| query[..2].to_vec()) > 480);
    assert!(distinct(&|(from, _)| from.port().to_be_bytes().to_vec()) > 480);
    let ports: Vec<u16> = seen.iter().map(|(from, _)| from.port()).collect();
    assert!(ports.iter().max().unwrap() - ports.iter().min().unwrap() > 40_000);
    let shapes = distinct(&|(_, query)| {
        query[15..question_end(query)].iter().map(|&o| u8::from(o.is_ascii_uppercase())).collect()
    });
    assert!(shapes > 450);
}
