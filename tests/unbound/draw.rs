//! The corpus: questions and what a resolver says to them, the usual and the odd, drawn from a
//! seed. Every name is asked once, so that no cache has a say.

use hickory_proto::rr::{Name, RecordType};

use crate::harness::packet::{AA, AD, CD, TC, Z, name_octets};
use crate::harness::upstream::{
    Said, TTL_SECONDS, ipv4_hint, long_text, record, service_record, start_of_authority,
};
use crate::harness::{Numbers, Question, Reply};

/// Recursion available, in a question.
const RA: u16 = 0x0080;
/// What stands for the owner of what was asked: a pointer to the question (RFC 1035 §4.1.4).
const ASKED: [u8; 2] = [0xc0, 12];
/// The zone of all names.
const ZONE: &str = "fuzz.example";

/// One question with what is said to it.
pub(super) struct Case {
    /// What is odd about it: the word of the table.
    pub(super) kind: &'static str,
    /// The octets to send.
    pub(super) packet: Vec<u8>,
    /// Whether they go over TCP.
    pub(super) is_tcp: bool,
    /// The name, as the fake resolver writes it down.
    pub(super) name: String,
    /// What the fake resolver says.
    pub(super) said: Said,
    /// What it says of other names: of those behind an alias, for whoever asks for them too.
    pub(super) also: Vec<(String, Reply)>,
}

/// A type with the RDATA of one record of it.
type Kind = (u16, fn(usize) -> Vec<u8>);

/// The types that are asked for: known ones, and ones that nobody knows (RFC 3597).
const TYPES: &[Kind] = &[
    (1, |n| vec![192, 0, 2, octet(n)]),
    (28, |n| [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[octet(n)]].concat()),
    (16, |n| [&[5][..], b"text", &[b'0' + octet(n % 10)]].concat()),
    (15, |n| [&[0, octet(n)][..], &name_octets(&format!("mx{n}.{ZONE}"))].concat()),
    (2, |n| name_octets(&format!("ns{n}.{ZONE}"))),
    (12, |n| name_octets(&format!("ptr{n}.{ZONE}"))),
    (33, |n| [&[0, 1, 0, 2, 0, octet(n)][..], &name_octets(&format!("srv{n}.{ZONE}"))].concat()),
    (6, |_| start_of_authority()),
    (35, |n| {
        [&[0, 1, 0, octet(n)][..], b"\x01s", b"\x03SIP", &[0], &name_octets("naptr.example")]
            .concat()
    }),
    (43, |n| [&[0x12, octet(n), 8, 2][..], &[0xab; 32]].concat()),
    (44, |n| [&[1, 2][..], &[octet(n); 32]].concat()),
    (48, |n| [&[1, 1, 3, 13][..], &[octet(n); 64]].concat()),
    (52, |n| [&[3, 1, 1][..], &[octet(n); 32]].concat()),
    (64, |n| service_record(1 + u16::from(octet(n)), "svc.example", &[])),
    (65, |n| {
        service_record(
            1,
            "",
            &[&b"\0\x01\0\x03\x02h2"[..], &ipv4_hint([192, 0, 2, octet(n)].into())].concat(),
        )
    }),
    (257, |n| [&[0, 5][..], b"issue", b"ca.example", &[b'0' + octet(n % 10)]].concat()),
    (99, |n| [&[4][..], b"spf", &[b'0' + octet(n % 10)]].concat()),
    (1234, |n| vec![0xde, 0xad, octet(n)]),
    (65_280, |n| vec![0x0a, 0, 0, octet(n)]),
    (13, |n| [&[1, b'c', 2, b'o'][..], &[b'0' + octet(n % 10)]].concat()),
];

fn octet(n: usize) -> u8 {
    u8::try_from(n % 250).expect("it is small")
}

/// What may be odd about a question.
const QUESTIONS: &[&str] = &[
    "type",
    "class CH",
    "class HS",
    "class NONE",
    "class ANY",
    "class 2",
    "opcode QUERY+RD=0",
    "opcode IQUERY",
    "opcode STATUS",
    "opcode NOTIFY",
    "opcode UPDATE",
    "opcode 6",
    "opcode 15",
    "no question",
    "two questions",
    "flag Z",
    "flag TC",
    "flag AA",
    "flag RA",
    "flag AD",
    "flag CD",
    "EDNS",
    "EDNS DO",
    "EDNS DO CD AD",
    "EDNS size 0",
    "EDNS size 511",
    "EDNS size 4096",
    "EDNS size 65535",
    "EDNS version 1",
    "EDNS version 255",
    "EDNS flags",
    "EDNS unknown option",
    "EDNS NSID",
    "EDNS cookie",
    "EDNS short cookie",
    "EDNS subnet",
    "EDNS padding",
    "EDNS keepalive",
    "EDNS expire",
    "two OPT",
    "label of octets",
    "dot in a label",
    "longest label",
    "longest name",
    "many labels",
    "upper case",
    "octets behind",
    "type ANY",
    "type AXFR",
    "type IXFR",
    "type MAILB",
    "type MAILA",
    "type OPT",
    "type 0",
    "type TKEY",
    "type TSIG",
];

/// What may be odd about an answer.
const ANSWERS: &[&str] = &[
    "records",
    "many records",
    "same record twice",
    "large answer",
    "cut, whole over TCP",
    "alias",
    "aliases",
    "alias to nothing",
    "alias to no name",
    "alias in the wrong order",
    "no such name",
    "no data",
    "no such name without SOA",
    "no data without SOA",
    "SERVFAIL",
    "REFUSED",
    "FORMERR",
    "NOTIMP",
    "YXDOMAIN",
    "NOTAUTH",
    "AA and AD",
    "TTL 0",
    "TTL of a week",
    "TTL with its first bit",
    "different TTLs",
    "authority and additional",
    "other name as well",
    "other type as well",
    "DNAME",
];

/// So many cases from a seed: by turns a question and an answer that is odd, so that every kind
/// comes as often as the others.
pub(super) fn cases(count: usize, seed: u64) -> Vec<Case> {
    let mut dice = Numbers(seed);
    let kinds = QUESTIONS.len() + ANSWERS.len();
    let drawn = (0..count).map(|number| {
        let place = number % kinds;
        match QUESTIONS.get(place) {
            Some(kind) => odd_question(kind, number, &mut dice),
            None => odd_answer(ANSWERS[place - QUESTIONS.len()], number, &mut dice),
        }
    });
    drawn.collect()
}

/// A type with some records of it.
fn some_records(dice: &mut Numbers, kind: &Kind, count: usize) -> Vec<Vec<u8>> {
    let first = dice.next(200);
    let (number, rdata) = kind;
    // A name has one SOA record.
    let count = if *number == 6 { 1 } else { count };
    (first..first + count).map(|n| record(&ASKED, *number, TTL_SECONDS, &rdata(n))).collect()
}

fn answered(records: Vec<Vec<u8>>) -> Said {
    Said { sections: [records, Vec::new(), Vec::new()], ..Said::default() }
}

fn odd_question(kind: &'static str, number: usize, dice: &mut Numbers) -> Case {
    let plain: Vec<u8> = format!("c{number}").into_bytes();
    let mut labels: Vec<Vec<u8>> = vec![plain];
    let asked = &TYPES[dice.next(TYPES.len())];
    let mut rtype = asked.0;
    match kind {
        "label of octets" => labels.insert(0, dice_octets(dice, 1 + dice_of(number, 30))),
        "dot in a label" => labels.insert(0, b"a.b\\c \"d".to_vec()),
        "longest label" => labels.insert(0, vec![b'l'; 63]),
        "longest name" => longest(&mut labels),
        "many labels" => labels.splice(0..0, vec![b"m".to_vec(); 100]).for_each(drop),
        "upper case" => labels.insert(0, b"wWw-UPPER".to_vec()),
        "type ANY" => rtype = 255,
        "type AXFR" => rtype = 252,
        "type IXFR" => rtype = 251,
        "type MAILB" => rtype = 253,
        "type MAILA" => rtype = 254,
        "type OPT" => rtype = 41,
        "type 0" => rtype = 0,
        "type TKEY" => rtype = 249,
        "type TSIG" => rtype = 250,
        _ => {}
    }
    labels.extend([b"fuzz".to_vec(), b"example".to_vec()]);
    let question = question_of(&labels, rtype);
    let question = odd(kind, question, dice);
    let mut packet = question.octets();
    if kind == "octets behind" {
        packet.extend(dice_octets(dice, 9));
    }
    let count = 1 + dice.next(3);
    let said = answered(some_records(dice, asked, count));
    // What is said of UDP alone is asked over UDP.
    let is_tcp = kind != "EDNS keepalive" && dice.next(8) == 0;
    Case { kind, packet, is_tcp, name: written(&labels), said, also: Vec::new() }
}

/// The same question with what is odd about it in header, class or EDNS.
fn odd(kind: &str, question: Question, dice: &mut Numbers) -> Question {
    match kind {
        "class CH" => question.class(3),
        "class HS" => question.class(4),
        "class NONE" => question.class(254),
        "class ANY" => question.class(255),
        "class 2" => question.class(2),
        "opcode QUERY+RD=0" => question.no_recursion(),
        "opcode IQUERY" => question.opcode(1),
        "opcode STATUS" => question.opcode(2),
        "opcode NOTIFY" => question.opcode(4),
        "opcode UPDATE" => question.opcode(5),
        "opcode 6" => question.opcode(6),
        "opcode 15" => question.opcode(15),
        "no question" => question.count(0),
        "two questions" => question.count(2),
        "flag Z" => question.flags(Z),
        "flag TC" => question.flags(TC),
        "flag AA" => question.flags(AA),
        "flag RA" => question.flags(RA),
        "flag AD" => question.flags(AD),
        "flag CD" => question.flags(CD),
        "EDNS" => question.edns(),
        "EDNS DO" => question.edns().dnssec_ok(),
        "EDNS DO CD AD" => question.edns().dnssec_ok().flags(AD | CD),
        "EDNS size 0" => question.edns_payload(0),
        "EDNS size 511" => question.edns_payload(511),
        "EDNS size 4096" => question.edns_payload(4096),
        "EDNS size 65535" => question.edns_payload(65_535),
        "EDNS version 1" => question.edns().edns_version(1),
        "EDNS version 255" => question.edns().edns_version(255),
        "EDNS flags" => question.edns().edns_flags(0x4001),
        "EDNS unknown option" => question.edns().option(65_001, &dice_octets(dice, 12)),
        "EDNS NSID" => question.edns().option(3, &[]),
        "EDNS cookie" => question.edns().option(10, &dice_octets(dice, 8)),
        "EDNS short cookie" => question.edns().option(10, &dice_octets(dice, 5)),
        "EDNS subnet" => question.edns().option(8, &[0, 1, 24, 0, 198, 51, 100]),
        "EDNS padding" => question.edns().option(12, &[0; 64]),
        "EDNS keepalive" => question.edns().option(11, &[]),
        "EDNS expire" => question.edns().option(9, &[]),
        "two OPT" => question.edns().edns(),
        _ => question,
    }
}

fn odd_answer(kind: &'static str, number: usize, dice: &mut Numbers) -> Case {
    let labels = [format!("a{number}").into_bytes(), b"fuzz".to_vec(), b"example".to_vec()];
    let asked = &TYPES[dice.next(TYPES.len())];
    let of_type = |number: u16| TYPES.iter().find(|kind| kind.0 == number).expect("it is there");
    let said = odd_said(kind, number, asked, dice);
    let rtype = match kind {
        "large answer" | "cut, whole over TCP" => 16,
        "alias in the wrong order" | "aliases" | "alias" => 1,
        _ => asked.0,
    };
    let question = question_of(&labels, of_type(rtype).0);
    // Each kind by turns.
    let question = match number / (QUESTIONS.len() + ANSWERS.len()) % 3 {
        0 => question,
        1 => question.edns(),
        _ => question.edns().dnssec_ok(),
    };
    let is_tcp = dice.next(8) == 0;
    let also = behind(kind, number);
    Case { kind, packet: question.octets(), is_tcp, name: written(&labels), said, also }
}

fn odd_said(kind: &str, number: usize, asked: &Kind, dice: &mut Numbers) -> Said {
    let address = |owner: &[u8], n| record(owner, 1_u16, TTL_SECONDS, &[192, 0, 2, octet(n)]);
    let alias = |owner: &[u8], to: &str| record(owner, 5_u16, TTL_SECONDS, &name_octets(to));
    let target = |hop| target(number, hop);
    let soa = || vec![record(&name_octets(ZONE), 6_u16, 60, &start_of_authority())];
    let one = some_records(dice, asked, 1);
    let with_ttl = |ttl: u32| answered(vec![record(&ASKED, asked.0, ttl, &(asked.1)(1))]);
    let failed = |code| Said { code, ..Said::default() };
    let negative =
        |code, answers| Said { code, sections: [answers, soa(), Vec::new()], ..Said::default() };
    let chain = |hops: usize| {
        let mut records = vec![alias(&ASKED, &target(0))];
        for hop in 1..hops {
            records.push(alias(&name_octets(&target(hop - 1)), &target(hop)));
        }
        records
    };
    let end = |hops: usize| address(&name_octets(&target(hops - 1)), 7);
    match kind {
        "many records" => answered(some_records(dice, asked, 12)),
        "same record twice" => answered([one.clone(), one].concat()),
        "large answer" => answered(vec![record(&ASKED, 16_u16, TTL_SECONDS, &long_text(9))]),
        "cut, whole over TCP" => Said {
            is_cut: true,
            ..answered(vec![record(&ASKED, 16_u16, TTL_SECONDS, b"\x04text")])
        },
        "alias" => answered([chain(1), vec![end(1)]].concat()),
        "aliases" => answered([chain(5), vec![end(5)]].concat()),
        "alias in the wrong order" => answered([vec![end(2)], chain(2)].concat()),
        "alias to nothing" => negative(0, chain(1)),
        "alias to no name" => negative(3, chain(1)),
        "no such name" => negative(3, Vec::new()),
        "no data" => negative(0, Vec::new()),
        "no such name without SOA" => failed(3),
        "no data without SOA" => failed(0),
        "SERVFAIL" => failed(2),
        "REFUSED" => failed(5),
        "FORMERR" => failed(1),
        "NOTIMP" => failed(4),
        "YXDOMAIN" => failed(6),
        "NOTAUTH" => failed(9),
        "AA and AD" => Said { flags: AA | AD, ..answered(one) },
        "TTL 0" => with_ttl(0),
        "TTL of a week" => with_ttl(604_800),
        "TTL with its first bit" => with_ttl(0x8000_0100),
        "different TTLs" => answered(vec![
            record(&ASKED, asked.0, 300, &(asked.1)(1)),
            record(&ASKED, asked.0, 100, &(asked.1)(2)),
        ]),
        "authority and additional" => Said {
            sections: [
                one,
                vec![record(
                    &name_octets(ZONE),
                    2_u16,
                    TTL_SECONDS,
                    &name_octets("ns.fuzz.example"),
                )],
                vec![address(&name_octets("ns.fuzz.example"), 9)],
            ],
            ..Said::default()
        },
        "other name as well" => {
            answered([one, vec![address(&name_octets("bank.example"), 66)]].concat())
        }
        "other type as well" => {
            answered([one, vec![record(&ASKED, 1234_u16, TTL_SECONDS, b"other")]].concat())
        }
        "DNAME" => {
            let (from, to) = (format!("a{number}.{ZONE}"), format!("d{number}.{ZONE}"));
            // Of the name itself a DNAME says nothing (RFC 6672 §2.3): it stands beside what is asked.
            answered(
                [one, vec![record(&name_octets(&from), 39_u16, 300, &name_octets(&to))]].concat(),
            )
        }
        _ => answered(some_records(dice, asked, 1 + number % 3)),
    }
}

/// The name at which an alias ends after so many hops.
fn target(number: usize, hop: usize) -> String {
    format!("t{hop}.a{number}.{ZONE}")
}

/// What the names behind an alias have by themselves: what the answer says of them.
fn behind(kind: &str, number: usize) -> Vec<(String, Reply)> {
    let hops = match kind {
        "aliases" => 5,
        "alias in the wrong order" => 2,
        "alias" | "alias to nothing" | "alias to no name" => 1,
        _ => return Vec::new(),
    };
    let to_next = |hop| (target(number, hop - 1), Reply::Alias(target(number, hop)));
    let soa = vec![record(&name_octets(ZONE), 6_u16, 60, &start_of_authority())];
    let sections = [Vec::new(), soa, Vec::new()];
    let last = match kind {
        "alias to nothing" => Reply::Said(Said { sections, ..Said::default() }),
        "alias to no name" => Reply::Said(Said { code: 3, sections, ..Said::default() }),
        _ => Reply::Data(vec![vec![192, 0, 2, 7]]),
    };
    (1..hops).map(to_next).chain([(target(number, hops - 1), last)]).collect()
}

fn question_of(labels: &[Vec<u8>], rtype: u16) -> Question {
    let labels: Vec<&[u8]> = labels.iter().map(Vec::as_slice).collect();
    Question::of("", RecordType::from(rtype)).labels(&labels)
}

/// A name as the fake resolver writes it.
fn written(labels: &[Vec<u8>]) -> String {
    let name = Name::from_labels(labels.iter().map(Vec::as_slice)).expect("they are labels");
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// Labels before the others until the name has 255 octets (RFC 1035 §2.3.4).
fn longest(labels: &mut Vec<Vec<u8>>) {
    let zone = name_octets(ZONE).len();
    let mut left = 255 - zone - labels.iter().map(|label| label.len() + 1).sum::<usize>();
    while left > 1 {
        let length = left.min(64);
        // One octet alone is no label.
        let length = if left - length == 1 { length - 1 } else { length };
        labels.insert(0, vec![b'x'; length - 1]);
        left -= length;
    }
}

fn dice_octets(dice: &mut Numbers, count: usize) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(dice.next(256)).expect("it is an octet")).collect()
}

fn dice_of(number: usize, bound: usize) -> usize {
    number / 7 % bound
}
