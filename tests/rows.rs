//! Rows of `docs/dns/rows.md` that no other test proves: odd questions come to the same over TCP, and
//! options that mean something elsewhere mean nothing here.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::harness::packet::{AA, AD, CD, TC, Z};
use crate::harness::upstream::{Prank, Said, record};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, Reply};

/// EDNS options: cookies (RFC 7873), keepalive (RFC 7828), padding (RFC 7830), a subnet (RFC 7871).
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const SUBNET: u16 = 8;

fn of(name: &str) -> Question {
    Question::of(name, RecordType::A)
}

/// Odd questions whose answers do not hang on how they came.
fn odd() -> Vec<Question> {
    let (open, closed) = ("www.example.com", "www.tiktok.com");
    let mut all = vec![
        of(open).edns().edns_version(1),
        of(open).edns().option(65_001, b"hello"),
        of(open).edns().edns(),
        of(open).edns_payload(0),
        of(closed).edns(),
        of(closed).edns().dnssec_ok().flags(AD | CD),
        of(open).edns().edns_flags(0x7fff),
        of(open).count(0),
        of(open).count(2),
        of(open).flags(Z | TC | AA),
        of(open).flags(AD),
        of("new.example.com").no_recursion(),
        Question::of("version.bind", RecordType::TXT).class(3),
        Question::of(closed, RecordType::ANY),
        Question::of(closed, RecordType::HTTPS),
        Question::of(open, RecordType::from(65_280)),
        of(open).class(255),
        of("printer.local"),
        of("localhost"),
        of("x.onion"),
        Question::of("1.0.0.10.in-addr.arpa", RecordType::PTR),
        Question::of("_dns.resolver.arpa", RecordType::SVCB),
    ];
    all.extend([1, 2, 4, 5, 6, 15].map(|opcode| of(open).opcode(opcode)));
    all
}

#[tokio::test]
async fn odd_questions_come_to_the_same_over_tcp() {
    let amparo = Amparo::start(FAMILY).await;
    // What is asked upstream is kept, so that both answers are of one age.
    amparo.ask(MATEO, "www.example.com").await.is_open();
    for question in odd() {
        let over_udp = amparo.send(MATEO, &question).await;
        let over_tcp = amparo.send_tcp(MATEO, &question).await;
        assert_eq!(over_udp.bytes, over_tcp.bytes, "{over_udp:?}");
    }
}

#[tokio::test]
async fn names_of_any_octets_come_to_the_same_over_tcp() {
    let amparo = Amparo::start(FAMILY).await;
    let labels: [&[u8]; 5] = [b"\0 <\"\n\xff\\.", b"wWw", b"oDd", b"example", b"com"];
    for question in [of("").labels(&labels), of("").labels(&[&[b'x'; 63][..]; 3])] {
        let over_udp = amparo.send(ANA, &question).await;
        let over_tcp = amparo.send_tcp(ANA, &question).await;
        assert_eq!(over_udp.bytes, over_tcp.bytes, "{over_udp:?}");
        over_udp.has_code(ResponseCode::NoError);
    }
}

#[tokio::test]
async fn cookies_whole_or_broken_mean_nothing() {
    // RFC 7873 §5.2.5: a server that does not do cookies ignores them.
    let amparo = Amparo::start(FAMILY).await;
    for data in [&b"12345678"[..], b"12345", b"", &[7; 41]] {
        let question = of("www.example.com").edns().option(COOKIE, data);
        for answer in [amparo.send(ANA, &question).await, amparo.send_tcp(ANA, &question).await] {
            assert_eq!(answer.is_open().options(), Vec::<u16>::new(), "{data:?}");
        }
        // Without a question there is nothing to answer (RFC 9619 §4).
        let empty = question.count(0);
        amparo.send(ANA, &empty).await.has_code(ResponseCode::FormErr);
    }
    assert_eq!(amparo.upstream.last("www.example.com").options, Vec::<u16>::new());
}

#[tokio::test]
async fn nothing_is_padded_where_everybody_may_read_and_only_connections_are_kept() {
    // RFC 7830 §6: padding is for encrypted ways. RFC 7828 §3.2.2: keepalive never over UDP.
    let amparo = Amparo::start(FAMILY).await;
    for (code, data) in
        [(PADDING, &[0; 64][..]), (KEEPALIVE, &[]), (SUBNET, &[0, 1, 24, 0, 10, 0, 0])]
    {
        for name in ["www.example.com", "www.tiktok.com"] {
            let question = of(name).edns().option(code, data);
            let answer = amparo.send(MATEO, &question).await;
            assert!(!answer.options().contains(&code), "{code}: {answer:?}");
            let answer = amparo.send_tcp(MATEO, &question).await;
            assert_eq!(answer.options().contains(&code), code == KEEPALIVE, "{code}: {answer:?}");
        }
    }
    assert_eq!(amparo.upstream.last("www.example.com").options, Vec::<u16>::new());
}

#[tokio::test]
async fn a_cut_answer_whose_rest_never_comes_is_told_so_and_is_not_kept() {
    // RFC 1035 §7.4: what is cut is neither to be believed nor kept; RFC 2181 §9: the client tries.
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.prank(Prank::CutAndForged).silent_over_tcp(true);
        })
        .await;
    let cut = amparo.ask(ANA, "cut.example.com").await;
    assert!(cut.has_no_address().is_cut(), "{cut:?}");
    // Over TCP there is no other way to try: what is left must not be taken for all there is.
    let over_tcp = amparo.send_tcp(ANA, &of("cut.example.com")).await;
    assert!(!over_tcp.has_code(ResponseCode::ServFail).has_no_address().is_cut(), "{over_tcp:?}");
    amparo.upstream.silent_over_tcp(false);
    amparo.ask(ANA, "cut.example.com").await.is_open();
}

#[tokio::test]
async fn what_does_not_exist_says_nothing_of_what_is_below() {
    // RFC 8020 §2 lets a resolver say so; each name is asked for by itself here.
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("gone.example.com", Reply::NxDomain);
        })
        .await;
    amparo.ask(ANA, "gone.example.com").await.is_nxdomain();
    amparo.ask(ANA, "below.gone.example.com").await.is_open();
}

#[tokio::test]
async fn a_zone_that_is_another_has_its_names_judged_too() {
    // RFC 6672 §2.2: a DNAME comes with the CNAME it makes.
    let wire = crate::harness::packet::name_octets;
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            let dname = record(&wire("zone.example"), 39_u16, 300, &wire("tiktok.com"));
            let alias = record(&[0xc0, 12], 5_u16, 300, &wire("www.tiktok.com"));
            let address = record(&wire("www.tiktok.com"), 1_u16, 300, &[192, 0, 2, 66]);
            let sections = [vec![dname, alias, address], Vec::new(), Vec::new()];
            upstream.reply("www.zone.example", Reply::Said(Said { sections, ..Said::default() }));
        })
        .await;
    amparo.ask(MATEO, "www.zone.example").await.is_blocked();
    amparo.ask(ANA, "www.zone.example").await.resolves_to("192.0.2.66");
    let question = of("www.zone.example");
    amparo.send_tcp(MATEO, &question).await.is_blocked();
}
