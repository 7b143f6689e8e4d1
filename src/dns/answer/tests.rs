use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

use super::super::wire::{self, question};
use super::*;

/// A query for `wWw.Ads.test` with RD, with or without OPT (DO set, 4096 octets).
fn query(qtype: u16, opt: bool) -> Vec<u8> {
    let mut packet = vec![0xab, 0xcd, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, u8::from(opt)];
    packet.extend_from_slice(b"\x03wWw\x03Ads\x04test\0");
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    if opt {
        packet.extend_from_slice(b"\0\0\x29\x10\0\0\0\x80\0\0\0");
    }
    packet
}

/// Builds a reply, checks what every reply must have, and parses it with hickory.
fn reply(packet: &[u8], build: impl FnOnce(&[u8], &Question, &mut Vec<u8>)) -> Message {
    let question = question(packet).unwrap();
    let mut out = b"left from before".to_vec();
    build(packet, &question, &mut out);
    assert_eq!(out[12..question.end], packet[12..question.end], "the question in its own case");
    let message = Message::from_vec(&out).unwrap();
    assert_eq!(message.metadata.id, 0xabcd);
    assert!(message.metadata.recursion_available && message.metadata.recursion_desired);
    assert!(message.metadata.checking_disabled && !message.metadata.authentic_data);
    assert_eq!(message.edns.is_some(), question.edns.is_some());
    if let Some(edns) = &message.edns {
        assert_eq!((edns.max_payload(), edns.version(), edns.flags().z), (1232, 0, 0));
        assert!(edns.flags().dnssec_ok);
    }
    message
}

fn closed(answer: BlockedAnswer, nxdomain_forced: bool) -> Closed<'static> {
    let ede = Some(Ede { code: 17, text: "closed" });
    Closed { answer, ttl_seconds: 10, nxdomain_forced, ede }
}

/// Code, types of the answers, types of the authority.
fn shape(message: &Message) -> (ResponseCode, Vec<u16>, Vec<u16>) {
    let types = |records: &[hickory_proto::rr::Record]| {
        records.iter().map(|record| u16::from(record.record_type())).collect()
    };
    let code = message.metadata.response_code;
    (code, types(&message.answers), types(&message.authorities))
}

#[test]
fn a_closed_name_is_answered_alike_for_every_type() {
    let soa = vec![rtype::SOA];
    for (answer, forced, qtype, expected) in [
        (BlockedAnswer::ZeroIp, false, 1, (ResponseCode::NoError, vec![1], vec![])),
        (BlockedAnswer::ZeroIp, false, 28, (ResponseCode::NoError, vec![28], vec![])),
        (BlockedAnswer::ZeroIp, false, 65, (ResponseCode::NoError, vec![], soa.clone())),
        (BlockedAnswer::ZeroIp, false, 16, (ResponseCode::NoError, vec![], soa.clone())),
        (BlockedAnswer::ZeroIp, false, 255, (ResponseCode::NoError, vec![13], vec![])),
        (BlockedAnswer::ZeroIp, true, 1, (ResponseCode::NXDomain, vec![], soa.clone())),
        (BlockedAnswer::NxDomain, false, 1, (ResponseCode::NXDomain, vec![], soa.clone())),
        (BlockedAnswer::NxDomain, false, 255, (ResponseCode::NXDomain, vec![], soa.clone())),
        (BlockedAnswer::NxDomain, false, 65, (ResponseCode::NXDomain, vec![], soa.clone())),
        (
            BlockedAnswer::Address([10, 0, 0, 1].into()),
            false,
            1,
            (ResponseCode::NoError, vec![1], vec![]),
        ),
        (
            BlockedAnswer::Address([10, 0, 0, 1].into()),
            false,
            28,
            (ResponseCode::NoError, vec![], soa),
        ),
    ] {
        for opt in [false, true] {
            let message = reply(&query(qtype, opt), |packet, question, out| {
                blocked(packet, question, &closed(answer, forced), out);
            });
            assert_eq!(shape(&message), expected, "{answer:?} {qtype}");
            assert!(!message.metadata.authoritative);
            let ttls = message.answers.iter().chain(&message.authorities).map(|record| record.ttl);
            assert!(ttls.into_iter().all(|ttl| ttl == 10));
        }
    }
}

#[test]
fn the_soa_stands_above_the_name_and_says_the_ttl_twice() {
    let message = reply(&query(16, true), |packet, question, out| {
        blocked(packet, question, &closed(BlockedAnswer::ZeroIp, false), out);
    });
    let soa = &message.authorities[0];
    assert_eq!(soa.name.to_string().to_lowercase(), "ads.test.");
    assert!(format!("{:?}", soa.data).contains("minimum: 10"), "{:?}", soa.data);
    let EdnsOption::Unknown(15, ede) =
        message.edns.as_ref().unwrap().option(EdnsCode::Unknown(15)).unwrap()
    else {
        panic!("no extended error")
    };
    assert_eq!(ede[..], *b"\0\x11closed");

    for wire in [&b"\0"[..], b"\x04test\0"] {
        let mut packet = vec![0xab, 0xcd, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0];
        packet.extend_from_slice(wire);
        packet.extend_from_slice(&[0, 1, 0, 1]);
        let message = reply(&packet, |packet, question, out| {
            empty(packet, question, wire::rcode::NXDOMAIN, Some(10), None, out);
        });
        assert!(message.authorities[0].name.is_root());
    }
}

#[test]
fn a_long_extended_error_is_cut_between_letters() {
    let text = "ñ".repeat(31);
    let message = reply(&query(1, true), |packet, question, out| {
        servfail(packet, question, Some(Ede { code: 22, text: &format!("x{text}") }), out);
    });
    let Some(EdnsOption::Unknown(_, ede)) =
        message.edns.as_ref().unwrap().option(EdnsCode::Unknown(15))
    else {
        panic!("no extended error")
    };
    assert_eq!(ede.len(), 2 + 59);
    assert!(std::str::from_utf8(&ede[2..]).is_ok());
}

#[test]
fn our_own_addresses_are_authoritative_and_of_the_type_asked() {
    let own = [IpAddr::from([192, 168, 1, 5]), "fd00::5".parse().unwrap()];
    for (qtype, answers) in [(1, vec![1]), (28, vec![28]), (255, vec![1]), (16, vec![])] {
        let message = reply(&query(qtype, false), |packet, question, out| {
            addresses(packet, question, &own, 60, None, out);
        });
        assert!(message.metadata.authoritative);
        assert_eq!(shape(&message).1, answers);
    }
}

#[test]
fn a_refusal_repeats_what_it_may() {
    let refuse = |packet: &[u8]| {
        let mut out = Vec::new();
        let refused = question(packet).unwrap_err();
        refusal(packet, &refused, &mut out).then_some(out)
    };
    let mut notify = query(6, true);
    notify[2] = 0x21;
    let out = refuse(&notify).unwrap();
    assert_eq!(out[..12], [0xab, 0xcd, 0xa0, 4, 0, 0, 0, 0, 0, 0, 0, 1]);

    let mut version_one = query(1, true);
    let at = version_one.len() - 5;
    version_one[at] = 1;
    let out = refuse(&version_one).unwrap();
    let message = Message::from_vec(&out).unwrap();
    assert_eq!(u16::from(message.metadata.response_code), wire::rcode::BADVERS);
    assert_eq!(message.edns.unwrap().version(), 0);
    assert_eq!((message.queries.len(), message.answers.len()), (1, 0));

    let mut reply = query(1, false);
    reply[2] |= 0x80;
    assert_eq!(refuse(&reply), None);
    assert_eq!(refuse(b"short"), None);
}

/// An upstream's reply about `target`, as hickory writes it (compressed).
fn about(target: &str, records: &[(&str, hickory_proto::rr::RData)]) -> Vec<u8> {
    use hickory_proto::op::{OpCode, Query};
    use hickory_proto::rr::{Name, Record, RecordType};
    let mut message = Message::response(7, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(target).unwrap(), RecordType::A));
    for (owner, data) in records {
        let owner = Name::from_ascii(owner).unwrap();
        message.add_answer(Record::from_rdata(owner, 300, data.clone()));
    }
    message.to_vec().unwrap()
}

#[test]
fn a_safe_form_is_a_cname_and_what_upstream_says_of_it() {
    use hickory_proto::rr::{Name as TheirName, RData, rdata};
    let target = crate::name::Name::parse("safe.search.test").unwrap();
    let alias = rdata::CNAME(TheirName::from_ascii("pool.search.test.").unwrap());
    let upstream = about(
        "safe.search.test.",
        &[
            ("safe.search.test.", RData::CNAME(alias)),
            ("pool.search.test.", RData::A(rdata::A::new(192, 0, 2, 7))),
            ("pool.search.test.", RData::A(rdata::A::new(192, 0, 2, 8))),
        ],
    );
    let response = Response::read(&upstream, &target, 1).unwrap();
    let aged = Aged { age_seconds: 270, stale: false };
    let message = reply(&query(1, true), |packet, question, out| {
        cname_then(packet, question, &target, Some((&response, aged)), 60, out).unwrap();
    });
    assert_eq!(shape(&message).1, [5, 5, 1, 1]);
    assert_eq!(message.answers[0].name.to_string(), "wWw.Ads.test.");
    assert_eq!(message.answers[2].name.to_string(), "pool.search.test.");
    let ttls: Vec<u32> = message.answers.iter().map(|record| record.ttl).collect();
    assert_eq!(ttls, [60, 30, 30, 30]);

    let alone = reply(&query(65, false), |packet, question, out| {
        cname_then(packet, question, &target, None, 60, out).unwrap();
    });
    assert_eq!(shape(&alone).1, [5]);

    let mut failed = about("safe.search.test.", &[]);
    failed[3] = 2;
    let failed = Response::read(&failed, &target, 1).unwrap();
    let message = reply(&query(1, true), |packet, question, out| {
        cname_then(packet, question, &target, Some((&failed, Aged::NEW)), 60, out).unwrap();
    });
    assert_eq!(shape(&message), (ResponseCode::ServFail, vec![], vec![]));
}

#[test]
fn a_record_of_another_class_is_none_of_a_safe_forms() {
    use hickory_proto::rr::{RData, rdata};
    let target = crate::name::Name::parse("safe.search.test").unwrap();
    let address = RData::A(rdata::A::new(192, 0, 2, 7));
    let mut upstream = about("safe.search.test.", &[("safe.search.test.", address)]);
    // The class of the record: its address has as many octets as it likes there.
    let class = upstream.len() - 11;
    upstream[class] = 3;
    let response = Response::read(&upstream, &target, 1).unwrap();
    let message = reply(&query(1, true), |packet, question, out| {
        cname_then(packet, question, &target, Some((&response, Aged::NEW)), 60, out).unwrap();
    });
    assert_eq!(shape(&message).1, [5]);
}

#[test]
fn a_long_reply_is_cut_between_sets_and_says_so() {
    let packet = query(1, true);
    let question = question(&packet).unwrap();
    let many: Vec<IpAddr> = (0..60).map(|last| IpAddr::from([192, 0, 2, last])).collect();
    let mut out = Vec::new();
    addresses(&packet, &question, &many, 60, Some(Ede { code: 4, text: "kept" }), &mut out);
    let whole = out.clone();
    fit(&mut out, whole.len());
    assert_eq!(out, whole);

    fit(&mut out, 512);
    let message = Message::from_vec(&out).unwrap();
    assert!(out.len() <= 512 && message.metadata.truncation);
    assert_eq!((message.answers.len(), message.queries.len()), (0, 1), "no half of a set");
    assert!(message.edns.unwrap().option(EdnsCode::Unknown(15)).is_some());

    // Two sets: the first fits.
    let target = crate::name::Name::parse("safe.search.test").unwrap();
    let mut upstream = about("safe.search.test.", &[]);
    for last in 0..60 {
        upstream.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02");
        upstream.push(last);
    }
    upstream[7] = 60;
    let response = Response::read(&upstream, &target, 1).unwrap();
    let aged = Some((&response, Aged::NEW));
    cname_then(&packet, &question, &target, aged, 60, &mut out).unwrap();
    fit(&mut out, 512);
    let message = Message::from_vec(&out).unwrap();
    assert_eq!((message.answers.len(), message.metadata.truncation), (1, true));
}

#[test]
fn limits_are_the_clients_and_ours() {
    let limit = |size: u16, opt, by| {
        let mut packet = query(1, opt);
        let at = packet.len() - 8;
        if opt {
            packet[at..at + 2].copy_from_slice(&size.to_be_bytes());
        }
        limit_octets(&question(&packet).unwrap(), by)
    };
    assert_eq!(limit(0, false, Transport::Udp), 512);
    assert_eq!(limit(0, true, Transport::Udp), 512);
    assert_eq!(limit(1000, true, Transport::Udp), 1000);
    assert_eq!(limit(4096, true, Transport::Udp), 1232);
    assert_eq!(limit(512, true, Transport::Tcp), 65_535);
}

proptest::proptest! {
    #[test]
    fn any_octets_are_cut_without_harm(
        octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 12..300),
        limit in 0usize..300,
    ) {
        let mut reply = octets;
        fit(&mut reply, limit);
    }
}
