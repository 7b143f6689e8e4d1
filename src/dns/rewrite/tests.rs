use proptest::prelude::*;

use super::super::wire::question;
use super::*;

const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";
/// Version 0, DO; cookie, EDE 6 "bogus", padding.
const UPSTREAM_OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\x1d\
    \0\x0a\0\x08cookie!!\0\x0f\0\x07\0\x06bogus\0\x0c\0\x02\0\0";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A query for `wWw.TeSt` A with these flags.
fn query(flags: [u8; 2], opt: bool) -> Vec<u8> {
    let mut packet = vec![0xab, 0xcd, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, u8::from(opt)];
    packet.extend_from_slice(b"\x03wWw\x04TeSt\0\0\x01\0\x01");
    packet.extend_from_slice(if opt { OPT } else { b"" });
    packet
}

/// An answer about `www.test` A with records for each section.
fn response(flags: [u8; 2], sections: [&[&[u8]]; 3]) -> Vec<u8> {
    let mut packet = vec![0x11, 0x22, flags[0], flags[1], 0, 1];
    for section in sections {
        packet.extend_from_slice(&u16::try_from(section.len()).unwrap().to_be_bytes());
    }
    packet.extend_from_slice(b"\x03www\x04test\0\0\x01\0\x01");
    packet.extend_from_slice(&sections.concat().concat());
    packet
}

const A: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x07";
const SOA: &[u8] = b"\xc0\x10\0\x06\0\x01\0\0\x03\x84\0\x18\xc0\x10\xc0\x10\
    \0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\x02\x58";
const UNKNOWN: &[u8] = b"\xc0\x0c\xff\0\0\x01\0\0\x01\x2c\0\x04\x0a\0\0\x01";

fn read(response: &[u8]) -> Result<Response, Malformed> {
    Response::read(response, &name("www.test"), 1)
}

/// The reply with an answer that has just come.
fn relayed(response: &[u8], query: &[u8], cap: u32) -> Vec<u8> {
    let (question, mut out) = (question(query).unwrap(), Vec::new());
    let response = Response::read(response, &question.name, question.qtype).unwrap();
    response.reply(query, &question, Aged::NEW, cap, &mut out).unwrap();
    out
}

#[test]
fn an_answer_passes_as_it_came_but_for_what_is_ours() {
    let came = response([0x85, 0x80], [&[A, UNKNOWN], &[], &[UPSTREAM_OPT]]);
    let mut trailing = came.clone();
    trailing.extend_from_slice(b"junk");
    let out = relayed(&trailing, &query([1, 0], false), 86_400);
    let mut expected = response([0x81, 0x80], [&[A, UNKNOWN], &[], &[]]);
    expected[..2].copy_from_slice(&[0xab, 0xcd]);
    expected[12..26].copy_from_slice(b"\x03wWw\x04TeSt\0\0\x01\0\x01");
    assert_eq!(out, expected, "no OPT, no AA, no junk, the client's case");

    let out = relayed(&trailing, &query([1, 0x10], true), 86_400);
    let ours = b"\0\0\x29\x04\xd0\0\0\x80\0\0\x0b\0\x0f\0\x07\0\x06bogus";
    assert_eq!(out[out.len() - ours.len()..], *ours, "of the options only the extended error");
    assert_eq!((out[11], out[3] & 0x10), (1, 0x10));
}

#[test]
fn ad_is_for_who_understands_it() {
    let came = response([0x81, 0xa0], [&[A], &[], &[]]);
    for (flags, opt, expected) in [
        ([1, 0], false, 0),
        ([1, 0x20], false, 0x20),
        ([1, 0], true, 0x20),
        ([0, 0x30], true, 0x20),
    ] {
        let out = relayed(&came, &query(flags, opt), 60);
        assert_eq!(out[3] & 0x20, expected);
        assert_eq!((out[2] & 1, out[3] & 0x90), (flags[0], 0x80 | (flags[1] & 0x10)));
    }
    let insecure = response([0x81, 0x80], [&[A], &[], &[]]);
    assert_eq!(relayed(&insecure, &query([1, 0x20], true), 60)[3] & 0x20, 0);
}

#[test]
fn ttls_are_aged_and_capped_and_so_is_the_minimum() {
    let came = response([0x81, 0x83], [&[], &[SOA], &[UPSTREAM_OPT]]);
    let response = read(&came).unwrap();
    assert!(response.is_negative());
    assert_eq!((response.min_ttl(), response.soa_seconds()), (Some(900), Some(600)));
    let values = |opt, aged, cap| {
        let packet = query([1, 0], opt);
        let mut out = Vec::new();
        response.reply(&packet, &question(&packet).unwrap(), aged, cap, &mut out).unwrap();
        let end = 26 + SOA.len();
        let value = |at: usize| u32::from_be_bytes(out[at..at + 4].try_into().unwrap());
        (value(32), value(end - 4))
    };
    assert_eq!(values(false, Aged::NEW, 86_400), (600, 600), "RFC 2308 §5");
    assert_eq!(values(false, Aged { age_seconds: 100, stale: false }, 86_400), (500, 600));
    assert_eq!(values(false, Aged::NEW, 60), (60, 60));
    assert_eq!(values(true, Aged::NEW, 60), (60, 600), "what is signed stays");
    assert_eq!(values(false, Aged { age_seconds: 999, stale: true }, 60), (30, 60));
    assert_eq!(values(false, Aged { age_seconds: 999, stale: true }, 9), (9, 9));
}

#[test]
fn a_stale_answer_says_so() {
    let response = read(&response([0x81, 0x83], [&[], &[SOA], &[]])).unwrap();
    let packet = query([1, 0], true);
    let mut out = Vec::new();
    let aged = Aged { age_seconds: 999, stale: true };
    response.reply(&packet, &question(&packet).unwrap(), aged, 60, &mut out).unwrap();
    assert!(out.ends_with(b"\0\x0f\0\x02\0\x13"));
}

#[test]
fn records_behind_opt_move_up() {
    let glue = b"\x02ns\xc0\x10\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x08";
    // Points to `ns`, which itself lies behind OPT.
    let at = u8::try_from(26 + A.len() + UPSTREAM_OPT.len()).unwrap();
    let mut more = b"\xc0\0\0\x1c\0\x01\0\0\0\x3c\0\x10".to_vec();
    more[1] = at;
    more.extend_from_slice(&[0x20; 16]);
    let came = response([0x81, 0x80], [&[A], &[], &[UPSTREAM_OPT, glue, &more]]);
    let out = relayed(&came, &query([1, 0], false), 30);
    let message = hickory_proto::op::Message::from_vec(&out).unwrap();
    let names: Vec<String> =
        message.additionals.iter().map(|record| record.name.to_string()).collect();
    assert_eq!(names, ["ns.TeSt.", "ns.TeSt."]);
    assert!(message.additionals.iter().all(|record| record.ttl == 30));

    let mx = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x04\0\x0a\xc0\x0c";
    let came = response([0x81, 0x80], [&[A], &[], &[UPSTREAM_OPT, glue, mx, glue]]);
    let out = relayed(&came, &query([1, 0], false), 30);
    assert_eq!(out[10..12], [0, 1], "what cannot move, and what stands behind it, is left out");
}

#[test]
fn targets_of_every_kind_are_met() {
    let alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10";
    let dname = b"\xc0\x10\0\x27\0\x01\0\0\0\x3c\0\x07\x05other\0";
    let https = b"\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0\x09\0\x01\x05track\0";
    let own = b"\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0\x03\0\x01\0";
    let came = response([0x81, 0x80], [&[alias, dname, https, own], &[SOA], &[]]);
    let response = read(&came).unwrap();
    let targets: Vec<String> = response.links().map(|(_, target)| target.to_string()).collect();
    assert_eq!(targets, ["cdn.test", "other", "track"]);
    assert!(response.is_negative(), "nothing of the type asked");
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let good = response([0x81, 0x80], [&[A], &[], &[UPSTREAM_OPT]]);
    assert!(read(&good).is_ok());
    let with = |at: usize, octet: u8| {
        let mut packet = good.clone();
        packet[at] = octet;
        read(&packet)
    };
    assert!(with(2, 0x01).is_err(), "no answer");
    assert!(with(5, 0).is_err(), "no question");
    assert!(with(13, b'x').is_err(), "another name");
    assert!(with(23, 28).is_err(), "another type");
    assert!(with(27, 26).is_err(), "a pointer to itself");
    assert!(with(7, 2).is_err(), "a count too high");
    assert!(with(37, 3).is_err(), "an address of three octets");
    for cut in 0..good.len() {
        assert!(read(&good[..cut]).is_err());
    }
    let two = response([0x81, 0x80], [&[A], &[], &[UPSTREAM_OPT, OPT]]);
    assert!(read(&two).is_err());
    let itself = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c";
    assert!(read(&response([0x81, 0x80], [&[itself], &[], &[]])).is_err());
    let there = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x03\x01b\0";
    let further = b"\x01b\0\0\x05\0\x01\0\0\0\x3c\0\x03\x01c\0";
    let back = b"\x01c\0\0\x05\0\x01\0\0\0\x3c\0\x03\x01b\0";
    assert!(read(&response([0x81, 0x80], [&[there, further], &[], &[]])).is_ok());
    assert!(read(&response([0x81, 0x80], [&[there, further, back], &[], &[]])).is_err());
}

#[test]
fn a_name_that_leads_through_a_ttl_is_refused() {
    // The TTL of the first record reads as the label `x` and a root, until it is patched.
    let hides = b"\xc0\x0c\0\x01\0\x01\0\x01x\0\0\x04\xc0\0\x02\x07";
    let alias = b"\xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x02\xc0\x21";
    let owner = b"\xc0\x21\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x07";
    let beside = b"\xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x02\xc0\x10";
    for (second, refused) in [(&alias[..], true), (&owner[..], true), (&beside[..], false)] {
        let came = response([0x81, 0x80], [&[hides, second], &[], &[]]);
        assert_eq!(read(&came).is_err(), refused, "{second:02x?}");
    }
    // A MINIMUM is patched too.
    let mut soa = SOA.to_vec();
    let minimum = soa.len() - 4;
    soa[minimum..].copy_from_slice(b"\0\x01x\0");
    let at = u8::try_from(26 + minimum + 1).unwrap();
    let alias = [&b"\xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x02\xc0"[..], &[at]].concat();
    assert!(read(&response([0x81, 0x80], [&[&soa, &alias], &[], &[]])).is_err());
}

#[test]
fn a_code_of_the_hop_before_becomes_a_failure() {
    let mut bad = OPT.to_vec();
    bad[5] = 1;
    let response = read(&response([0x81, 0x80], [&[], &[], &[&bad]])).unwrap();
    assert_eq!((response.rcode(), response.bytes()[3] & 15), (rcode::SERVFAIL, 2));
}

proptest! {
    #[test]
    fn mutated_answers_are_refused_or_relayed_whole(
        changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..6),
        opt in any::<bool>(),
        age_seconds in any::<u32>(),
        stale in any::<bool>(),
        limit in 0usize..300,
    ) {
        let cname = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10";
        let glue = b"\x02ns\xc0\x10\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x08";
        let mut came =
            response([0x81, 0x80], [&[cname, A, UNKNOWN], &[SOA], &[glue, UPSTREAM_OPT, glue]]);
        for (at, octet) in changes {
            let at = at % came.len();
            came[at] = octet;
        }
        if let Ok(read_once) = read(&came) {
            let packet = query([1, 0], opt);
            let mut out = Vec::new();
            let aged = Aged { age_seconds, stale };
            read_once.reply(&packet, &question(&packet).unwrap(), aged, 60, &mut out).unwrap();
            let again = read(&out);
            prop_assert!(again.is_ok(), "{again:?}");
            prop_assert!(again.unwrap().min_ttl().is_none_or(|ttl| ttl <= 60));
            prop_assert_eq!(
                Records::new(&out, 26).filter(|r| r.as_ref().is_ok_and(|r| r.rtype == 41)).count(),
                usize::from(opt)
            );
            answer::fit(&mut out, limit);
            prop_assert!(read(&out).is_ok());
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut packet = response([0x81, 0x80], [&[A], &[], &[]]);
        packet.extend_from_slice(&octets);
        packet[7] = 20;
        let _ = read(&packet);
    }
}

/// An upstream's answer with records of many kinds, as hickory writes it: names compressed, a
/// chain of aliases before the data where `hops` says so.
fn upstreams(hops: u8, kinds: &[(u8, u8)], negative: bool) -> Vec<u8> {
    use hickory_proto::op::{Message, OpCode, Query as TheirQuery};
    use hickory_proto::rr::{Name as TheirName, RData, Record as TheirRecord, RecordType, rdata};
    let name = |text: &str| TheirName::from_ascii(text).unwrap();
    let mut message = Message::response(7, OpCode::Query);
    message.add_query(TheirQuery::query(name("www.test."), RecordType::A));
    let mut owner = name("www.test.");
    for hop in 0..hops {
        let target = name(&format!("hop{hop}.cdn.test."));
        let data = RData::CNAME(rdata::CNAME(target.clone()));
        message.add_answer(TheirRecord::from_rdata(owner, 300, data));
        owner = target;
    }
    for &(kind, octet) in kinds {
        let data = match kind % 5 {
            0 | 1 => RData::A(rdata::A::new(192, 0, 2, octet)),
            2 => RData::TXT(rdata::TXT::new(vec!["x".repeat(usize::from(octet))])),
            3 => RData::MX(rdata::MX::new(u16::from(octet), name("mail.www.test."))),
            _ => RData::NS(rdata::NS(name(&format!("ns{octet}.test.")))),
        };
        let record = TheirRecord::from_rdata(owner.clone(), 60 * u32::from(octet), data);
        match kind % 5 {
            0..=2 if !negative => message.add_answer(record),
            0..=3 => message.add_additional(record),
            _ => message.add_authority(record),
        };
    }
    message.to_vec().unwrap()
}

proptest! {
    #[test]
    fn what_upstream_said_reaches_the_client_record_by_record(
        hops in 0_u8..6,
        kinds in proptest::collection::vec(any::<(u8, u8)>(), 0..40),
        negative in any::<bool>(),
        opt in prop::option::of(any::<u16>()),
        age_seconds in 0_u32..1000,
        cap in 1_u32..90_000,
    ) {
        use hickory_proto::op::Message;
        let came = upstreams(hops, &kinds, negative);
        let response = read(&came);
        prop_assert!(response.is_ok(), "{:?}", response);
        let mut packet = query([1, 0x10], opt.is_some());
        if let Some(size) = opt {
            let at = packet.len() - 8;
            packet[at..at + 2].copy_from_slice(&size.to_be_bytes());
        }
        let question = question(&packet).unwrap();
        let mut out = Vec::new();
        let aged = Aged { age_seconds, stale: false };
        response.unwrap().reply(&packet, &question, aged, cap, &mut out).unwrap();
        let (theirs, whole) = (Message::from_vec(&came).unwrap(), Message::from_vec(&out).unwrap());
        prop_assert_eq!(whole.metadata.id, 0xabcd);
        prop_assert_eq!(&out[12..question.end], &packet[12..question.end]);
        prop_assert!(out.len() <= came.len() + OPT.len(), "still compressed against the question");
        for (before, after) in [
            (&theirs.answers, &whole.answers),
            (&theirs.authorities, &whole.authorities),
            (&theirs.additionals, &whole.additionals),
        ] {
            prop_assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                prop_assert_eq!((&before.name, &before.data), (&after.name, &after.data));
                prop_assert!(after.ttl <= before.ttl.saturating_sub(age_seconds).min(cap));
            }
        }

        let limit = answer::limit_octets(&question, super::super::serve::Transport::Udp);
        answer::fit(&mut out, limit);
        prop_assert!(out.len() <= limit);
        let cut = Message::from_vec(&out).unwrap();
        let lost = cut.answers.len() < whole.answers.len()
            || cut.authorities.len() < whole.authorities.len();
        prop_assert_eq!(cut.metadata.truncation, lost);
        prop_assert_eq!(&cut.edns, &whole.edns);
        for (whole, cut) in [
            (&whole.answers, &cut.answers),
            (&whole.authorities, &cut.authorities),
            (&whole.additionals, &cut.additionals),
        ] {
            prop_assert!(answer::promises::begins_with_whole_sets(whole, cut));
        }
    }
}

// === What leads into the house, what hides ===

/// An HTTPS record of the name asked, for itself, with these parameters.
fn https(params: &[u8]) -> Vec<u8> {
    let mut record = b"\xc0\x0c\0\x41\0\x01\0\0\x01\x2c\0\0\0\x01\0".to_vec();
    record.extend_from_slice(params);
    record[11] = u8::try_from(record.len() - 12).unwrap();
    record
}

const ALPN: &[u8] = b"\0\x01\0\x03\x02h2";
const HINT: &[u8] = b"\0\x04\0\x04\xc0\0\x02\x07";
const KEY: &[u8] = b"\0\x05\0\x04\xfe\x0d\0\0";
const HINT6: &[u8] = b"\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07";

#[test]
fn the_key_that_hides_a_site_can_be_left_out_and_all_else_stays() {
    let record = https(&[ALPN, HINT, KEY, HINT6].concat());
    let signature = b"\xc0\x0c\0\x2e\0\x01\0\0\x01\x2c\0\x02\0\x41";
    let came = response([0x81, 0xa0], [&[&record, signature, A], &[SOA], &[UPSTREAM_OPT]]);
    let whole = read(&came).unwrap();
    let bare = whole.without_ech().expect("it holds one");
    let expected = https(&[ALPN, HINT, HINT6].concat());
    let owner = b"\x03www\x04test\0";
    let [expected, a] = [&expected, A].map(|record| [&owner[..], &record[2..]].concat());
    let mut message = response([0x81, 0x80], [&[&expected, &a], &[], &[]]);
    message[..2].copy_from_slice(&came[..2]);
    assert_eq!(bare.bytes(), message, "not authentic, no signature, no compressed name");
    assert_eq!((bare.min_ttl(), &bare.ede), (Some(300), &whole.ede));
    assert_eq!(bare.without_ech(), None);
    assert_eq!(
        read(&response([0x81, 0x80], [&[&https(ALPN)], &[], &[]])).unwrap().without_ech,
        None
    );
}

#[test]
fn what_another_class_holds_is_left_out_with_the_key() {
    // Its data end where a name would begin: what stands behind is no part of it.
    let other: &[u8] = b"\xc0\x0c\0\x05\0\x03\0\0\x01\x2c\0\0";
    let record = https(KEY);
    for records in [&[&record, other][..], &[&record, other, A]] {
        let whole = read(&response([0x81, 0x80], [records, &[], &[]])).unwrap();
        let bare = whole.without_ech().expect("it holds one");
        assert_eq!(usize::from(bare.bytes()[7]), records.len() - 1);
    }
}

#[test]
fn an_answer_leads_home_by_addresses_and_by_hints() {
    let home = |record: &[u8]| {
        let came = response([0x81, 0x80], [&[record], &[], &[]]);
        read(&came).unwrap().leads_home()
    };
    assert!(!home(A) && !home(&https(&[ALPN, HINT].concat())));
    assert!(home(b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\xa8\x01\x01"));
    assert!(home(&https(b"\0\x04\0\x08\xc0\0\x02\x07\x0a\0\0\x01")));
    // What only helps leads nobody anywhere.
    let beside = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\xa8\x01\x01";
    assert!(!read(&response([0x81, 0x80], [&[A], &[], &[beside]])).unwrap().leads_home());
}

proptest! {
    #[test]
    fn parameters_of_any_octets_are_left_out_whole_or_not_at_all(
        params in proptest::collection::vec(any::<u8>(), 0..60),
        keys in proptest::collection::vec(4u8..7, 0..4),
    ) {
        let mut params = params;
        for key in keys {
            params.splice(0..0, [0, key, 0, 4, 0xfe, 0x0d, 0, 0]);
        }
        let came = response([0x81, 0x80], [&[&https(&params), A], &[], &[]]);
        let whole = read(&came).unwrap();
        if let Some(bare) = whole.without_ech() {
            prop_assert!(bare.bytes().len() < whole.bytes().len() + 32);
            prop_assert!(bare.without_ech().is_none());
        }
    }
}

#[test]
fn an_answer_with_nobodys_address_alone_is_closed_upstream() {
    let address = |octets: [u8; 4]| [&A[..A.len() - 4], &octets].concat();
    let nobody = address([0; 4]);
    let closed = |answers: &[&[u8]], additionals: &[&[u8]], flags| {
        read(&response(flags, [answers, &[], additionals])).unwrap().is_closed_upstream()
    };
    let fine = [0x81, 0x80];
    assert!(closed(&[&nobody], &[], fine) && closed(&[&nobody, &nobody], &[], fine));
    assert!(!closed(&[&nobody, A], &[], fine) && !closed(&[A], &[], fine));
    // Neither no address at all, nor the one of this machine, nor no name.
    assert!(!closed(&[], &[], fine) && !closed(&[&address([127, 0, 0, 1])], &[], fine));
    assert!(!closed(&[], &[], [0x81, 0x83]));
}

#[test]
fn an_answer_that_says_closed_is_closed_upstream_whatever_it_holds() {
    for (code, expected) in [(15, true), (16, true), (17, true), (3, false), (22, false)] {
        let mut opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0f\0\x02\0\x03\0\x0f\0\x02\0".to_vec();
        opt.push(code);
        for (answers, flags) in [(&[A][..], [0x81, 0x80]), (&[], [0x81, 0x83])] {
            let came = response(flags, [answers, &[], &[&opt]]);
            assert_eq!(read(&came).unwrap().is_closed_upstream(), expected, "{code}");
        }
    }
}
