//! An answer without its signatures, for who did not ask for them (RFC 4035 §3.2.1).
//!
//! Records that stay are copied with their names written out, because a compressed one may point into
//! a record that goes. Where a type's names are not known well enough for that, or the message grows
//! too long, it stays as it is: signatures harm nobody. Start at [`without_signatures`].

use std::sync::Arc;

use crate::dns::answer::may_hold_pointers;
use crate::dns::records::{
    HEADER_OCTETS, MESSAGE_OCTETS_MAX, Malformed, Record, Records, Section, rtype, skip_name,
    unpack_name,
};

/// RRSIG, NSEC and NSEC3: what only says that something else is authentic (RFC 4034, RFC 5155).
const AUTHENTICATING: [u16; 3] = [46, 47, 50];

/// A pointer to the name in the question, with which most records begin.
const QUESTION_NAME: [u8; 2] = [0xc0, 12];

/// The same answer without signatures and proofs; those of the type that was asked for stay.
pub(super) fn without_signatures(octets: Arc<[u8]>, qtype: u16) -> Arc<[u8]> {
    match stripped(&octets, qtype) {
        Some(stripped) => stripped.into(),
        None => octets,
    }
}

/// None when there is nothing to leave out, or it cannot be.
fn stripped(message: &[u8], qtype: u16) -> Option<Vec<u8>> {
    let question_end = skip_name(message, HEADER_OCTETS).ok()? + 4;
    let records: Vec<Record> =
        Records::new(message, question_end).collect::<Result<_, _>>().ok()?;
    let stays = |record: &Record| {
        let asked = qtype == record.rtype || qtype == rtype::ANY;
        asked && record.section == Section::Answer || !AUTHENTICATING.contains(&record.rtype)
    };
    if records.iter().all(stays) {
        return None;
    }
    let mut out = message.get(..question_end)?.to_vec();
    let asked_name = message.get(HEADER_OCTETS..question_end - 4)?.to_vec();
    let mut counts = [0_u16; 3];
    for record in records.iter().filter(|record| stays(record)) {
        copy(message, record, &asked_name, &mut out).ok()?;
        counts[match record.section {
            Section::Answer => 0,
            Section::Authority => 1,
            Section::Additional => 2,
        }] += 1;
    }
    for (count, at) in counts.into_iter().zip([6, 8, 10]) {
        out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    (out.len() <= MESSAGE_OCTETS_MAX).then_some(out)
}

/// Copies a record with its names written out.
fn copy(
    message: &[u8],
    record: &Record,
    asked_name: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let begin = out.len();
    unpack_name(message, record.start, out)?;
    if out[begin..].eq_ignore_ascii_case(asked_name) {
        out.truncate(begin);
        out.extend_from_slice(&QUESTION_NAME);
    }
    // Type, class, TTL; the length is written when it is known.
    out.extend_from_slice(&message[record.fixed..record.fixed + 8]);
    let length_at = out.len();
    out.extend_from_slice(&[0, 0]);
    let (before, names) = match record.rtype {
        rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME => (0, 1),
        rtype::SOA => (0, 2),
        rtype::MX => (2, 1),
        rtype::SRV => (6, 1),
        other if may_hold_pointers(other) => return Err(Malformed("its names are not known")),
        _ => (0, 0),
    };
    let mut at = record.data.start;
    let octets = message.get(at..at + before).ok_or(Malformed("a record is cut short"))?;
    out.extend_from_slice(octets);
    at += before;
    for _ in 0..names {
        unpack_name(message, at, out)?;
        at = skip_name(message, at)?;
    }
    let rest = message.get(at..record.data.end).ok_or(Malformed("a record is cut short"))?;
    out.extend_from_slice(rest);
    let length = u16::try_from(out.len() - length_at - 2)
        .map_err(|_| Malformed("a record is longer than it can be"))?;
    out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;
    use hickory_proto::rr::rdata::{A, CNAME, MX, NULL, SOA, SRV};
    use hickory_proto::rr::{Name, RData, Record as TheirRecord, RecordType};
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn unknown(owner: &Name, kind: u16) -> TheirRecord {
        let data = RData::Unknown { code: RecordType::from(kind), rdata: NULL::with(vec![9; 30]) };
        TheirRecord::from_rdata(owner.clone(), 60, data)
    }

    /// An answer as hickory-proto compresses it, with signatures between.
    fn signed() -> (Message, Vec<u8>) {
        use hickory_proto::op::{MessageType, Query};
        let (www, mail) = (name("www.example.com."), name("mail.other.example.com."));
        let mut message = Message::query();
        message.metadata.message_type = MessageType::Response;
        message.add_query(Query::query(www.clone(), RecordType::A));
        let datas = [
            RData::CNAME(CNAME(mail.clone())),
            RData::MX(MX::new(10, mail.clone())),
            RData::SRV(SRV::new(1, 2, 3, mail.clone())),
            RData::A(A::new(192, 0, 2, 7)),
        ];
        for data in datas {
            message.add_answer(TheirRecord::from_rdata(www.clone(), 60, data));
            message.add_answer(unknown(&mail, 46));
        }
        let soa = SOA::new(mail.clone(), www.clone(), 1, 2, 3, 4, 5);
        message.add_authority(unknown(&mail, 47));
        message.add_authority(TheirRecord::from_rdata(mail, 60, RData::SOA(soa)));
        let octets = message.to_vec().unwrap();
        (message, octets)
    }

    #[test]
    fn everything_but_signatures_stays_what_it_was() {
        let (mut before, octets) = signed();
        let after = Message::from_vec(&without_signatures(octets.into(), 1)).unwrap();
        before.answers.retain(|record| record.record_type() != RecordType::RRSIG);
        before.authorities.retain(|record| record.record_type() != RecordType::NSEC);
        assert_eq!((after.answers.len(), after.authorities.len()), (4, 1));
        assert_eq!((&after.answers, &after.authorities), (&before.answers, &before.authorities));
    }

    #[test]
    fn what_was_asked_for_stays() {
        let (_, octets) = signed();
        let after = without_signatures(octets.clone().into(), 46);
        assert_eq!(&after[6..10], [0, 8, 0, 1]);
        let unsigned = without_signatures(octets.into(), 1);
        assert_eq!(without_signatures(Arc::clone(&unsigned), 1), unsigned);
    }

    proptest! {
        #[test]
        fn any_octets_are_stripped_or_left(at in 0_usize..400, octet: u8) {
            let (_, mut octets) = signed();
            let at = at % octets.len();
            octets[at] = octet;
            let _no_panic = without_signatures(octets.into(), 1);
        }
    }
}
