//! What holds for every reply, whoever asked whatever: hickory reads it, it repeats id and
//! question, owners point to the question, it fits its client, and it is cut between sets only.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::op::Message;
use hickory_proto::rr::Record as TheirRecord;
use proptest::prelude::*;

use super::super::wire::question;
use super::*;

/// A query of any name, type, flags and EDNS.
#[derive(Debug, Clone)]
struct Query {
    octets: Vec<u8>,
    edns: Option<(u16, bool)>,
}

fn queries() -> impl Strategy<Value = Query> {
    let label = prop::collection::vec(any::<u8>(), 1..12);
    let kind = prop::sample::select(vec![1_u16, 28, 65, 16, 255, 6, 5, 15, 64, 1234]);
    let edns = prop::option::of((any::<u16>(), any::<bool>()));
    (any::<u16>(), 0_u8..8, prop::collection::vec(label, 0..6), kind, edns).prop_map(
        |(id, flags, labels, kind, edns)| {
            let mut octets = id.to_be_bytes().to_vec();
            octets.extend([flags & 1, flags << 4 & 0x30, 0, 1, 0, 0, 0, 0, 0]);
            octets.push(u8::from(edns.is_some()));
            for label in labels {
                octets.push(u8::try_from(label.len()).unwrap());
                octets.extend(label);
            }
            octets.push(0);
            octets.extend(kind.to_be_bytes());
            octets.extend([0, 1]);
            if let Some((size, dnssec_ok)) = edns {
                octets.extend([0, 0, 41]);
                octets.extend(size.to_be_bytes());
                octets.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
            }
            Query { octets, edns }
        },
    )
}

/// Everything one of our own builders is told.
#[derive(Debug, Clone)]
struct Told {
    builder: u8,
    code: u8,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    ttl_seconds: u32,
    ede: Option<(u16, String)>,
}

fn told() -> impl Strategy<Value = Told> {
    (
        0_u8..6,
        0_u8..6,
        prop::collection::vec(any::<Ipv4Addr>(), 0..90),
        prop::collection::vec(any::<Ipv6Addr>(), 0..50),
        0_u32..86_400,
        prop::option::of((any::<u16>(), "\\PC{0,70}")),
    )
        .prop_map(|(builder, code, v4, v6, ttl_seconds, ede)| Told {
            builder,
            code,
            v4,
            v6,
            ttl_seconds,
            ede,
        })
}

fn build(packet: &[u8], question: &Question, told: &Told, out: &mut Vec<u8>) {
    let ede = told.ede.as_ref().map(|(code, text)| Ede { code: *code, text });
    let ttl_seconds = told.ttl_seconds;
    let close = |answer, nxdomain_forced, out: &mut Vec<u8>| {
        blocked(packet, question, &Closed { answer, ttl_seconds, nxdomain_forced, ede }, out);
    };
    match told.builder {
        0 => close(BlockedAnswer::ZeroIp, told.code == 0, out),
        1 => close(BlockedAnswer::NxDomain, false, out),
        2 => close(BlockedAnswer::Address([10, 0, 0, 1].into()), false, out),
        3 => {
            let own: Vec<IpAddr> = told
                .v4
                .iter()
                .map(|v4| (*v4).into())
                .chain(told.v6.iter().map(|v6| (*v6).into()))
                .collect();
            addresses(packet, question, &own, ttl_seconds, ede, out);
        }
        4 => empty(packet, question, told.code.into(), Some(ttl_seconds), ede, out),
        _ => servfail(packet, question, ede, out),
    }
}

/// What holds for every reply before it is cut.
fn holds(query: &Query, question: &Question, reply: &[u8]) -> Result<Message, TestCaseError> {
    let message = Message::from_vec(reply);
    prop_assert!(message.is_ok(), "{message:?}: {reply:02x?}");
    let message = message.unwrap();
    prop_assert_eq!(&reply[..2], &query.octets[..2]);
    prop_assert_eq!(
        (reply[2] & 0x81, reply[3] & 0x90),
        (0x80 | query.octets[2] & 1, 0x80 | query.octets[3] & 0x10)
    );
    prop_assert_eq!(
        &reply[HEADER_OCTETS..question.end],
        &query.octets[HEADER_OCTETS..question.end]
    );
    let counts: Vec<usize> =
        reply[4..12].chunks(2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1])).collect();
    let opt = usize::from(message.edns.is_some());
    prop_assert_eq!(
        counts,
        vec![1, message.answers.len(), message.authorities.len(), message.additionals.len() + opt]
    );
    prop_assert_eq!(
        message.edns.as_ref().map(|edns| (edns.max_payload(), edns.flags().dnssec_ok)),
        query.edns.map(|(_, dnssec_ok)| (UDP_OCTETS_MAX, dnssec_ok))
    );
    for record in Records::new(reply, question.end) {
        let record = record.unwrap();
        let owner = &reply[record.start..record.fixed];
        prop_assert!(record.section != Section::Answer || owner == QUESTION_NAME, "compressed");
        prop_assert!(owner.len() <= 2, "compressed: {:02x?}", owner);
    }
    Ok(message)
}

/// The sets of a section, as neighbours that share owner and type.
fn sets(records: &[TheirRecord]) -> Vec<&[TheirRecord]> {
    let same = |a: &TheirRecord, b: &TheirRecord| {
        a.name == b.name && a.record_type() == b.record_type() && a.dns_class == b.dns_class
    };
    records.chunk_by(same).collect()
}

/// Whether `cut` is what `whole` begins with, in whole sets.
pub(in super::super) fn begins_with_whole_sets(whole: &[TheirRecord], cut: &[TheirRecord]) -> bool {
    let borders = sets(whole).into_iter().scan(0, |at, set| {
        *at += set.len();
        Some(*at)
    });
    whole.starts_with(cut) && borders.chain([0]).any(|border| border == cut.len())
}

proptest! {
    #[test]
    fn every_reply_keeps_its_promises(query in queries(), told in told()) {
        let Ok(question) = question(&query.octets) else {
            prop_assert!(false, "a good query is taken");
            return Ok(());
        };
        let mut reply = b"left from before".to_vec();
        build(&query.octets, &question, &told, &mut reply);
        let whole = holds(&query, &question, &reply)?;
        prop_assert!(!whole.metadata.truncation);

        let limit = limit_octets(&question, Transport::Udp);
        let takes = query.edns.map_or(512, |(size, _)| size.clamp(512, 1232));
        prop_assert_eq!(limit, usize::from(takes));
        let fits = reply.len() <= limit;
        fit(&mut reply, limit);
        prop_assert!(reply.len() <= limit);
        let cut = holds(&query, &question, &reply)?;
        let lost = cut.answers.len() < whole.answers.len()
            || cut.authorities.len() < whole.authorities.len();
        prop_assert_eq!(cut.metadata.truncation, lost);
        prop_assert_eq!(fits, !lost);
        prop_assert!(begins_with_whole_sets(&whole.answers, &cut.answers));
        prop_assert!(begins_with_whole_sets(&whole.authorities, &cut.authorities));
        prop_assert_eq!(cut.edns, whole.edns, "OPT and its options stay");
    }

    #[test]
    fn a_refusal_never_amplifies_and_hickory_reads_it(
        query in queries(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        let mut packet = query.octets;
        for (place, octet) in changes {
            let at = place % packet.len();
            packet[at] = octet;
        }
        let mut out = Vec::new();
        if let Err(refused) = question(&packet)
            && refusal(&packet, &refused, &mut out)
        {
            let message = Message::from_vec(&out);
            prop_assert!(message.is_ok(), "{:?}: {:02x?}", message, out);
            prop_assert_eq!((&out[..2], out[2] & 0xf8), (&packet[..2], 0x80 | packet[2] & 0x78));
            // Our OPT is the least a client's can be, so a refusal is no longer than its query.
            prop_assert!(out.len() <= packet.len());
        }
    }
}
