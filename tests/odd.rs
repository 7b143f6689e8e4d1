//! Questions that nobody should ask, and the answers the standards give them.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Record, RecordType};

use crate::harness::packet::{AA, AD, CD, QR, RD, TC, Z, framed};
use crate::harness::upstream::long_text;
use crate::harness::{ANA, Amparo, Answer, FAMILY, MATEO, Question, read_frame};
use tokio::io::AsyncWriteExt;

/// A question for a plain name's address.
fn plain() -> Question {
    Question::of("www.example.com", RecordType::A)
}

/// NOTIFY (RFC 1996) and UPDATE (RFC 2136) among the opcodes we have not.
const NOT_IMPLEMENTED: [u16; 6] = [1, 2, 4, 5, 6, 15];

// === EDNS ===

#[tokio::test]
async fn another_version_of_edns_is_refused_with_ours() {
    // RFC 6891 §6.1.3
    let amparo = Amparo::start(FAMILY).await;
    for version in [1, 100] {
        let answer = amparo.send(ANA, &plain().edns().edns_version(version)).await;
        answer.has_code(ResponseCode::BADVERS).has_edns().has_no_address();
        assert_eq!(answer.message.edns.as_ref().map(hickory_proto::op::Edns::version), Some(0));
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn an_unknown_option_is_ignored_and_goes_no_further() {
    // RFC 6891 §6.1.2
    let amparo = Amparo::start(FAMILY).await;
    let answer = amparo.send(ANA, &plain().edns().option(65001, b"hello")).await;
    assert_eq!(answer.is_open().options(), Vec::<u16>::new());
    assert_eq!(amparo.upstream.last("www.example.com").options, Vec::<u16>::new());
}

#[tokio::test]
async fn two_opt_records_are_malformed() {
    // RFC 6891 §6.1.1
    let amparo = Amparo::start(FAMILY).await;
    let answer = amparo.send(ANA, &plain().edns().edns()).await;
    answer.has_code(ResponseCode::FormErr).has_edns();
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn a_tiny_size_counts_as_512() {
    // RFC 6891 §6.2.3
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("mid.example", RecordType::TXT, &[long_text(2)]);
        })
        .await;
    for size in [0, 100, 511] {
        let question = Question::of("mid.example", RecordType::TXT).edns_payload(size);
        let answer = amparo.send(ANA, &question).await;
        assert!(!answer.fits(512).is_cut(), "{size}: {answer:?}");
        assert_eq!(answer.message.answers.len(), 1);
    }
}

#[tokio::test]
async fn who_speaks_edns_is_answered_in_it_and_nobody_else() {
    // RFC 6891 §6.1.1 and §7: in every answer, refusals and blocks included.
    let amparo = Amparo::start(FAMILY).await;
    let questions = [
        plain(),
        Question::of("www.tiktok.com", RecordType::A),
        Question::of("localhost", RecordType::A),
        Question::of("printer.local", RecordType::A),
        Question::of("version.bind", RecordType::TXT).class(3),
        Question::of("example.com", RecordType::AXFR),
        plain().opcode(2),
    ];
    for question in questions {
        amparo.send(MATEO, &question).await.has_no_edns();
        amparo.send(MATEO, &question.edns()).await.has_edns();
    }
}

#[tokio::test]
async fn unknown_flags_of_edns_are_cleared() {
    // RFC 6891 §6.1.4
    let amparo = Amparo::start(FAMILY).await;
    for name in ["www.example.com", "www.tiktok.com"] {
        let question = Question::of(name, RecordType::A).edns().edns_flags(0x7fff);
        let answer = amparo.send(MATEO, &question).await;
        let edns = answer.message.edns.as_ref().expect("there is an OPT");
        assert_eq!((edns.flags().dnssec_ok, edns.flags().z), (false, 0), "{answer:?}");
    }
}

#[tokio::test]
async fn half_a_set_of_records_is_not_sent() {
    // RFC 2181 §9: what is cut is no answer.
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("many.example", RecordType::TXT, &vec![long_text(1); 60]);
        })
        .await;
    let answer = amparo.ask_type(ANA, "many.example", RecordType::TXT).await;
    assert!(answer.fits(512).is_cut(), "{answer:?}");
    let whole = amparo.send_tcp(ANA, &Question::of("many.example", RecordType::TXT)).await;
    assert_eq!(whole.message.answers.len(), 60);
}

#[tokio::test]
async fn no_answer_over_udp_is_longer_than_1232_octets() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("many.example", RecordType::TXT, &vec![long_text(1); 15]);
        })
        .await;
    let question = Question::of("many.example", RecordType::TXT).edns_payload(4096);
    assert!(amparo.send(ANA, &question).await.fits(1232).is_cut());
}

// === The header ===

#[tokio::test]
async fn anything_but_one_question_is_malformed() {
    // RFC 9619 §4
    let amparo = Amparo::start(FAMILY).await;
    for count in [0, 2, 3] {
        amparo.send(ANA, &plain().count(count)).await.has_code(ResponseCode::FormErr);
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn other_opcodes_are_not_implemented_and_their_flags_are_not_copied() {
    // RFC 1035 §4.1.1, RFC 8906 §8.1.4
    let amparo = Amparo::start(FAMILY).await;
    for opcode in NOT_IMPLEMENTED {
        let answer = amparo.send(ANA, &plain().opcode(opcode).flags(AD | CD | Z)).await;
        answer.has_code(ResponseCode::NotImp);
        assert_eq!(answer.flags() & (AD | CD | Z | AA | TC), 0, "{opcode}: {answer:?}");
        assert_eq!((answer.flags() >> 11) & 15, opcode, "the opcode is copied: {answer:?}");
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn an_answer_is_not_answered() {
    // Two servers that did would never stop.
    let amparo = Amparo::start(FAMILY).await;
    let answer = Question::of("www.tiktok.com", RecordType::A).flags(QR);
    let question = Question::of("www.tiktok.com", RecordType::A);
    let first = amparo.exchange(MATEO, &[answer.octets(), question.octets()]).await;
    assert_eq!(first[..2], question.id.to_be_bytes(), "the first to be answered is the question");
}

#[tokio::test]
async fn malformed_names_cost_nothing_but_themselves() {
    // RFC 1035 §4.1.4, RFC 9267 §2
    let header = |id: u8| [0xfe, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let amparo = Amparo::start(FAMILY).await;
    let bodies: [&[u8]; 7] = [
        b"\xc0\x0c\0\x01\0\x01",
        b"\xc0\x20\0\x01\0\x01\x03www\0",
        &[&[64][..], &[b'a'; 64], b"\0\0\x01\0\x01"].concat(),
        b"\x03ww",
        b"\x03www\x07example\x03com\0\0",
        b"",
        &[[63; 64]; 5].concat(),
    ];
    let question = Question::of("www.tiktok.com", RecordType::A);
    for (id, body) in (0_u8..).zip(bodies) {
        let packet = [&header(id)[..], body].concat();
        let first = amparo.exchange(MATEO, &[packet.clone(), question.octets()]).await;
        // FORMERR or silence, then the good question's answer.
        let formerr = first[..2] == packet[..2] && first[3] & 15 == 1;
        assert!(formerr || first[..2] == question.id.to_be_bytes(), "{body:02x?}: {first:02x?}");
    }
    let short = [0xfe, 0xfe, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    let first = amparo.exchange(MATEO, &[short.to_vec(), question.octets()]).await;
    assert_eq!(first[..2], question.id.to_be_bytes(), "a header of 11 octets is no question");
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn flags_that_mean_nothing_in_a_question_change_nothing() {
    // RFC 8906 §8.1.3
    let amparo = Amparo::start(FAMILY).await;
    for flag in [Z, TC, AA] {
        let answer = amparo.send(ANA, &plain().flags(flag)).await;
        assert_eq!(answer.is_open().flags() & (Z | TC | AA), 0, "{answer:?}");
    }
}

#[tokio::test]
async fn flags_of_the_question_come_back_as_they_must() {
    // RFC 4035 §3.2.2 and §3.2.3, RFC 6840 §5.7 to §5.9; RFC 1034 §4.3.1 for RD.
    for secure in [true, false] {
        let amparo = Amparo::start(FAMILY)
            .upstream(|upstream| {
                if secure {
                    upstream.authentic();
                }
            })
            .await;
        // Every case three times: of a name that is new, of the same from the cache, of a closed one.
        for (case, name) in (0_u8..16).flat_map(|case| {
            let own = format!("n{case}.example.com");
            [(case, own.clone()), (case, own), (case, "www.tiktok.com".to_owned())]
        }) {
            let [ad, cd, dnssec, rd] = [1, 2, 4, 8].map(|bit| case & bit != 0);
            let closed = name == "www.tiktok.com";
            let mut question = Question::of(&name, RecordType::A);
            question = question.flags(if ad { AD } else { 0 } | if cd { CD } else { 0 });
            if dnssec {
                question = question.edns().dnssec_ok();
            }
            if !rd {
                if !closed {
                    let unknown = amparo.send(MATEO, &question.clone().no_recursion()).await;
                    let seen = amparo.upstream.count(&name);
                    if seen == 0 {
                        unknown.has_code(ResponseCode::Refused).has_no_address();
                    }
                    amparo.send(MATEO, &question).await.is_open();
                }
                question = question.no_recursion();
            }
            let answer = amparo.send(MATEO, &question).await;
            if closed {
                answer.is_blocked()
            } else {
                answer.is_open()
            };
            let flags = answer.flags();
            let authentic = secure && !closed && (ad || dnssec);
            assert_eq!(flags & AD != 0, authentic, "AD where asked for and true: {answer:?}");
            assert_eq!(flags & RD != 0, rd, "RD is copied: {answer:?}");
            assert_eq!(flags & CD != 0, cd, "CD is copied: {answer:?}");
            assert_eq!(flags & (Z | AA | TC), 0, "{answer:?}");
            let edns = answer.message.edns.as_ref();
            assert_eq!(edns.is_some_and(|edns| edns.flags().dnssec_ok), dnssec, "DO: {answer:?}");
            if !closed {
                let seen = amparo.upstream.last(&name);
                assert_eq!((seen.flags & CD != 0, seen.dnssec_ok), (cd, dnssec), "{seen:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_question_without_recursion_is_not_asked_upstream() {
    // RFC 1034 §4.3.1
    let amparo = Amparo::start(FAMILY).await;
    let question = plain().no_recursion();
    amparo.send(ANA, &question).await.has_code(ResponseCode::Refused).has_no_address();
    amparo.upstream.saw_nothing();
    amparo.send(ANA, &plain()).await.is_open();
    amparo.send(ANA, &question).await.is_open();
    assert_eq!(amparo.upstream.count("www.example.com"), 1);
}

// === Classes and types ===

#[tokio::test]
async fn nobody_learns_what_program_this_is() {
    // RFC 4892
    let amparo = Amparo::start(FAMILY).await;
    for name in ["version.bind", "version.server", "id.server", "hostname.bind"] {
        let answer = amparo.send(ANA, &Question::of(name, RecordType::TXT).class(3)).await;
        answer.has_code(ResponseCode::Refused);
        assert!(answer.message.answers.is_empty(), "{answer:?}");
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn other_classes_are_not_answered() {
    let amparo = Amparo::start(FAMILY).await;
    for class in [4, 255, 4096] {
        let answer = amparo.send(MATEO, &plain().class(class)).await;
        let code = answer.message.metadata.response_code;
        assert!(matches!(code, ResponseCode::Refused | ResponseCode::NotImp), "{answer:?}");
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn asking_for_everything_gets_little() {
    // RFC 8482 §4
    let amparo = Amparo::start(FAMILY).await;
    let answer = amparo.ask_type(ANA, "www.example.com", RecordType::ANY).await;
    answer.has_code(ResponseCode::NoError);
    let types: Vec<RecordType> = answer.message.answers.iter().map(Record::record_type).collect();
    assert_eq!(types, [RecordType::HINFO], "{answer:?}");
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn whole_zones_are_refused() {
    // RFC 5936
    let amparo = Amparo::start(FAMILY).await;
    for kind in [RecordType::AXFR, RecordType::IXFR] {
        let question = Question::of("example.com", kind);
        amparo.send(ANA, &question).await.has_code(ResponseCode::Refused);
        amparo.send_tcp(ANA, &question).await.has_code(ResponseCode::Refused);
    }
    amparo.upstream.saw_nothing();
}

// === TCP ===

#[tokio::test]
async fn a_length_of_nothing_closes_its_connection_and_no_other() {
    let amparo = Amparo::start(FAMILY).await;
    let mut good = amparo.connect(MATEO).await;
    let mut bad = amparo.connect(MATEO).await;
    bad.write_all(&[0, 0]).await.expect("it listens");
    let question = Question::of("www.tiktok.com", RecordType::A);
    good.write_all(&framed(&question.octets())).await.expect("it listens");
    Answer::read(read_frame(&mut good).await, "the good one").is_blocked();
}

#[tokio::test]
async fn half_a_message_holds_up_nobody() {
    let amparo = Amparo::start(FAMILY).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut stream = amparo.connect(ANA).await;
        stream.write_all(&[0xff, 0xff, 1]).await.expect("it listens");
        waiting.push(stream);
    }
    let question = Question::of("www.tiktok.com", RecordType::A);
    amparo.send_tcp(MATEO, &question).await.is_blocked();
    amparo.send(MATEO, &question).await.is_blocked();
}

#[tokio::test]
async fn three_hundred_half_open_connections_hold_up_nobody() {
    let amparo = Amparo::start(FAMILY).await;
    let mut quiet = Vec::new();
    for n in 0..300 {
        let from = format!("127.0.8.{}", n % 10 + 1);
        let mut stream = amparo.connect(&from).await;
        // It may have made room for another already.
        let _gone = stream.write_all(&[0]).await;
        quiet.push(stream);
    }
    let question = Question::of("www.tiktok.com", RecordType::A);
    amparo.send_tcp(MATEO, &question).await.is_blocked();
    amparo.send_tcp(ANA, &plain()).await.is_open();
}
