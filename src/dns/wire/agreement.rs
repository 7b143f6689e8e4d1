//! The parser against hickory's: where both take a query they agree, and what we decline although
//! hickory takes it has a reason in [`DECLINED`].

use hickory_proto::op::{Message, MessageType, OpCode};
use proptest::prelude::*;

use super::*;

/// A reason to decline what hickory takes, and whether it holds for a query.
type Reason = (&'static str, fn(&[u8], &Message) -> bool);

/// Every reason there is.
const DECLINED: &[Reason] = &[
    ("several questions, or none, have no answer (RFC 9619)", |_, theirs| {
        theirs.queries.len() != 1
    }),
    ("a name that points can only point into the header", |packet, _| has_pointer(packet)),
    ("an EDNS version nobody has defined gets BADVERS (RFC 6891 §6.1.3)", |_, theirs| {
        theirs.edns.as_ref().is_some_and(|edns| edns.version() != 0)
    }),
    ("classes other than IN are nobody's business here", |_, theirs| {
        u16::from(theirs.queries[0].query_class()) != CLASS_IN
    }),
    ("transfers and what belongs to them are refused, OPT is no type to ask for", |_, theirs| {
        let qtype = u16::from(theirs.queries[0].query_type());
        (rtype::TKEY..=rtype::MAILA).contains(&qtype) || qtype == rtype::OPT
    }),
    (
        "OPT has the root as its owner, among the additional records (RFC 6891 §6.1.1)",
        |packet, _| {
            let placed =
                |opt: Record| opt.section == Section::Additional && opt.fixed == opt.start + 1;
            !opts(packet).all(placed)
        },
    ),
    ("options must fill their record (RFC 6891 §6.1.2)", |packet, _| {
        opts(packet).any(|opt| !options_are_framed(&packet[opt.data]))
    }),
];

fn has_pointer(packet: &[u8]) -> bool {
    let mut at = HEADER_OCTETS;
    while let Some(&length) = packet.get(at) {
        match length {
            0 => return false,
            1..=63 => at += 1 + usize::from(length),
            _ => return true,
        }
    }
    false
}

fn opts(packet: &[u8]) -> impl Iterator<Item = Record> {
    let end = skip_name(packet, HEADER_OCTETS).map_or(packet.len(), |end| end + 4);
    Records::new(packet, end).map_while(Result::ok).filter(|record| record.rtype == rtype::OPT)
}

/// What devices send, octet by octet.
fn real_queries() -> Vec<Vec<u8>> {
    const PLAIN: &[u8] = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0";
    const WITH_OPT: &[u8] = b"\xab\xcd\x01\x20\0\x01\0\0\0\0\0\x01";
    const WWW: &[u8] = b"\x03wWw\x07ExamPle\x03com\0";
    let opt = |size: u16, flags: [u8; 2], options: &[u8]| {
        let length = u16::try_from(options.len()).unwrap().to_be_bytes();
        [b"\0\0\x29", &size.to_be_bytes()[..], &[0, 0], &flags, &length, options].concat()
    };
    let cookie = b"\0\x0a\0\x08abcdefgh";
    let subnet = b"\0\x08\0\x07\0\x01\x18\0\xc0\0\x02";
    let padding = [&b"\0\x0c\0\x20"[..], &[0; 32]].concat();
    let with = |kind: u8, opt: Vec<u8>| [WITH_OPT, WWW, &[0, kind, 0, 1], &opt].concat();
    vec![
        [PLAIN, WWW, &[0, 1, 0, 1]].concat(),
        [PLAIN, &[0], &[0, 2, 0, 1]].concat(),
        [PLAIN, b"\x05_dns\0\x03ber\0", &[0, 64, 0, 1]].concat(),
        with(28, opt(4096, [0x80, 0], b"")),
        with(65, opt(1232, [0, 0], cookie)),
        with(255, opt(512, [0x80, 0], &[&cookie[..], subnet].concat())),
        with(16, opt(65_535, [0, 0], &padding)),
        with(
            12,
            [opt(1232, [0, 0], b""), b"\0\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04".to_vec()]
                .concat(),
        ),
    ]
}

/// One change of a packet, made of numbers without meaning.
fn change(packet: &mut Vec<u8>, (kind, place, octet): (u8, usize, u8)) {
    let at = place % packet.len().max(1);
    match kind {
        0..=5 if !packet.is_empty() => packet[at] = octet,
        6 if !packet.is_empty() => packet[at] ^= 1 << (octet & 7),
        7 => packet.truncate(at),
        8 => packet.insert(at, octet),
        // Where counts, types and classes live, small numbers are the interesting ones.
        _ if packet.len() > HEADER_OCTETS => packet[2 + place % 10] = octet & 3,
        _ => {}
    }
}

/// Compares the two readings of a packet.
fn compare(packet: &[u8]) -> Result<(), TestCaseError> {
    let Ok(theirs) = Message::from_vec(packet) else { return Ok(()) };
    let is_query = theirs.metadata.message_type == MessageType::Query
        && theirs.metadata.op_code == OpCode::Query;
    let ours = match question(packet) {
        Ok(ours) => ours,
        Err(refusal) => {
            let reason = DECLINED.iter().find(|(_, holds)| holds(packet, &theirs));
            let known = !is_query || reason.is_some();
            prop_assert!(known, "declined without a reason: {refusal:?}: {packet:02x?}");
            return Ok(());
        }
    };
    prop_assert!(is_query && theirs.queries.len() == 1);
    let query = &theirs.queries[0];
    let mut name = Vec::new();
    for label in query.name() {
        name.push(u8::try_from(label.len()).unwrap());
        name.extend(label.to_ascii_lowercase());
    }
    name.push(0);
    prop_assert_eq!(ours.name.wire(), &name[..]);
    prop_assert_eq!(ours.id, theirs.metadata.id);
    prop_assert_eq!(
        (ours.qtype, ours.qclass),
        (u16::from(query.query_type()), u16::from(query.query_class()))
    );
    let flags = (ours.recursion_desired, ours.authentic_data, ours.checking_disabled);
    let theirs_said = &theirs.metadata;
    let their_flags =
        (theirs_said.recursion_desired, theirs_said.authentic_data, theirs_said.checking_disabled);
    prop_assert_eq!(flags, their_flags);
    let edns = theirs.edns.as_ref();
    prop_assert_eq!(
        ours.edns.map(|edns| (edns.udp_size, edns.dnssec_ok)),
        edns.map(|edns| (edns.max_payload().max(UDP_OCTETS_MIN), edns.flags().dnssec_ok))
    );
    Ok(())
}

#[test]
fn real_queries_are_taken_by_both() {
    for packet in real_queries() {
        assert!(question(&packet).is_ok() && Message::from_vec(&packet).is_ok(), "{packet:02x?}");
        compare(&packet).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn mutated_real_queries_are_read_alike_or_declined_for_a_reason(
        seed in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((0_u8..12, any::<usize>(), any::<u8>()), 1..5),
    ) {
        let mut packet = seed.get(&real_queries()).clone();
        for one in changes {
            change(&mut packet, one);
        }
        compare(&packet)?;
    }
}
