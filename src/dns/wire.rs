//! Reading a question where it lies.
//!
//! [`question`] looks at a query's bytes without allocating and says what is asked, or how the
//! query is refused before anybody need know what it asks. It knows nothing of policy, and nothing
//! of answers: `answer` turns a [`Refusal`] into bytes.

use super::records::{HEADER_OCTETS, Record, Records, Section, rtype, skip_name, u16_at};
use crate::name::Name;

/// The class of the internet, the only one that is answered.
pub const CLASS_IN: u16 = 1;
/// What a client without EDNS takes over UDP (RFC 1035 §4.2.1), and the least one with it does.
pub const UDP_OCTETS_MIN: u16 = 512;

/// The response codes we give (RFC 1035 §4.1.1, RFC 6891 §9).
pub mod rcode {
    #![expect(missing_docs, reason = "each is the mnemonic of the IANA registry")]
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const SERVFAIL: u16 = 2;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const BADVERS: u16 = 16;
}

/// What one query asks. Its name as it was sent, in its own case, is `packet[12..]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The query's id, to be repeated.
    pub id: u16,
    /// RD: the client wants us to ask others.
    pub recursion_desired: bool,
    /// AD: the client understands AD in the answer (RFC 6840 §5.7).
    pub authentic_data: bool,
    /// CD: the client validates by itself.
    pub checking_disabled: bool,
    /// The name asked for, in lower case.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The class asked for; always [`CLASS_IN`] in a question that was taken.
    pub qclass: u16,
    /// How many octets header and question take.
    pub end: usize,
    /// What the client's OPT record says; none without one.
    pub edns: Option<Edns>,
}

/// What a client's OPT record says (RFC 6891 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// The largest datagram it takes, in octets; never below [`UDP_OCTETS_MIN`] (§6.2.3).
    pub udp_size: u16,
    /// DO: it wants signatures.
    pub dnssec_ok: bool,
}

/// Why a query is not looked at further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is sent: it is an answer itself (two servers must not talk in a circle), or it has
    /// no whole header.
    Silence,
    /// A reply without records.
    Reply {
        /// Its response code, of twelve bits: BADVERS needs OPT.
        rcode: u16,
        /// Where the question to be repeated ends; none when it cannot be repeated.
        question_end: Option<usize>,
        /// What the query's OPT record says, for ours.
        edns: Option<Edns>,
    },
}

impl Question {
    /// Whether the client wants signatures.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

/// Reads a query.
///
/// Z and TC in it are not looked at (RFC 8906 §3.1.3), nor what follows the last counted record,
/// nor EDNS options beyond their framing.
pub fn question(packet: &[u8]) -> Result<Question, Refusal> {
    let header: &[u8; HEADER_OCTETS] = packet.first_chunk().ok_or(Refusal::Silence)?;
    if header[2] & 0x80 != 0 {
        return Err(Refusal::Silence);
    }
    let refuse = |rcode, question_end, edns| Refusal::Reply { rcode, question_end, edns };
    let one = u16::from_be_bytes([header[4], header[5]]) == 1;
    let opcode = (header[2] >> 3) & 15;
    if opcode != 0 || !one {
        let rcode = if opcode == 0 { rcode::FORMERR } else { rcode::NOTIMP };
        return Err(refuse(rcode, None, edns_of_any(packet)));
    }

    let broken = refuse(rcode::FORMERR, None, None);
    // A pointer in the question could only lead into the header or in a circle.
    let name = Name::from_wire(&packet[HEADER_OCTETS..]).map_err(|_| broken)?;
    let after = HEADER_OCTETS + name.wire().len();
    let kind: &[u8; 4] = packet[after..].first_chunk().ok_or(broken)?;
    let (qtype, qclass) =
        (u16::from_be_bytes([kind[0], kind[1]]), u16::from_be_bytes([kind[2], kind[3]]));
    let end = after + 4;

    let edns = match find_opt(packet, end) {
        Ok(Some((edns, 0))) => Some(edns),
        Ok(Some((edns, _))) => return Err(refuse(rcode::BADVERS, Some(end), Some(edns))),
        Ok(None) => None,
        Err(edns) => return Err(refuse(rcode::FORMERR, Some(end), edns)),
    };
    // CH (`version.bind`), HS, ANY and unknown classes; transfers and what belongs to them.
    if qclass != CLASS_IN || (rtype::TKEY..=rtype::MAILA).contains(&qtype) {
        return Err(refuse(rcode::REFUSED, Some(end), edns));
    }
    if qtype == rtype::OPT {
        return Err(refuse(rcode::FORMERR, Some(end), edns));
    }
    Ok(Question {
        id: u16::from_be_bytes([header[0], header[1]]),
        recursion_desired: header[2] & 1 != 0,
        authentic_data: header[3] & 0x20 != 0,
        checking_disabled: header[3] & 0x10 != 0,
        name,
        qtype,
        qclass,
        end,
        edns,
    })
}

/// Where the question of a message ends, or its header where it has none; none of what has no whole one.
pub(super) fn question_end(message: &[u8]) -> Option<usize> {
    match message.get(4..6)? {
        [0, 0] => Some(HEADER_OCTETS),
        [0, 1] => super::records::skip_name(message, HEADER_OCTETS).ok().map(|end| end + 4),
        _ => None,
    }
}

/// The one OPT record behind the question, with its version. A mistake brings what an OPT record
/// before it said, so that the FORMERR can have one too.
fn find_opt(packet: &[u8], end: usize) -> Result<Option<(Edns, u8)>, Option<Edns>> {
    let mut found: Option<(Edns, u8)> = None;
    for record in Records::new(packet, end) {
        let said = found.map(|(edns, _)| edns);
        let record = record.map_err(|_| said)?;
        if record.rtype != rtype::OPT {
            continue;
        }
        let edns = Edns {
            udp_size: record.class.max(UDP_OCTETS_MIN),
            dnssec_ok: record.ttl & 0x8000 != 0,
        };
        let well_placed = record.section == Section::Additional
            && record.fixed == record.start + 1
            && found.is_none()
            && options_are_framed(&packet[record.data.clone()]);
        if !well_placed {
            return Err(Some(edns));
        }
        found = Some((edns, version(&record)));
    }
    Ok(found)
}

fn version(opt: &Record) -> u8 {
    opt.ttl.to_be_bytes()[1]
}

/// Whether the options of an OPT record fill its RDATA (RFC 6891 §6.1.2).
fn options_are_framed(mut data: &[u8]) -> bool {
    while !data.is_empty() {
        let length = u16_at(data, 2).map(usize::from);
        match length.and_then(|length| data.get(4 + length..)) {
            Some(rest) => data = rest,
            None => return false,
        }
    }
    true
}

/// The OPT record of a message with any number of questions, for the refusal's own.
fn edns_of_any(packet: &[u8]) -> Option<Edns> {
    let mut at = HEADER_OCTETS;
    for _ in 0..u16_at(packet, 4)? {
        at = skip_name(packet, at).ok()? + 4;
    }
    find_opt(packet, at).map_or_else(|edns| edns, |found| found.map(|(edns, _)| edns))
}

#[cfg(test)]
mod agreement;

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;
    use proptest::prelude::*;

    const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";

    /// Header of four octets, question for `wWw.test` A, then whatever is given.
    fn query(flags: [u8; 2], extra: &[u8], additionals: u8) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, additionals];
        packet.extend_from_slice(b"\x03wWw\x04test\0\0\x01\0\x01");
        packet.extend_from_slice(extra);
        packet
    }

    fn refused(packet: &[u8]) -> (u16, bool) {
        match question(packet) {
            Err(Refusal::Reply { rcode, edns, .. }) => (rcode, edns.is_some()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_is_read_with_its_flags() {
        let read = question(&query([1, 0x30], OPT, 1)).unwrap();
        assert_eq!(read.id, 0xabcd);
        assert_eq!(read.name, Name::parse("www.test").unwrap());
        assert_eq!((read.qtype, read.qclass, read.end), (1, 1, 26));
        assert!(read.recursion_desired && read.authentic_data && read.checking_disabled);
        assert_eq!(read.edns, Some(Edns { udp_size: 4096, dnssec_ok: true }));
        assert!(question(&query([0, 0], b"", 0)).unwrap().edns.is_none());
    }

    #[test]
    fn z_tc_unknown_options_and_trailing_octets_do_not_matter() {
        assert!(question(&query([3, 0x40], b"trailing", 0)).is_ok());
        let option = b"\0\0\x29\x00\0\0\0\x7f\xff\0\x06\xfd\xe9\0\x02hi";
        let read = question(&query([1, 0], option, 1)).unwrap();
        assert_eq!(read.edns, Some(Edns { udp_size: 512, dnssec_ok: false }));
    }

    #[test]
    fn what_cannot_be_answered_says_how_it_is_refused() {
        let two = [OPT, OPT].concat();
        let version_one = b"\0\0\x29\x10\0\0\x01\0\0\0\0";
        assert_eq!(refused(&query([1, 0], version_one, 1)), (rcode::BADVERS, true));
        assert_eq!(refused(&query([1, 0], &two, 2)), (rcode::FORMERR, true));
        assert_eq!(refused(&query([1, 0], b"", 1)), (rcode::FORMERR, false));
        for opcode in [1, 2, 4, 5, 6, 15] {
            assert_eq!(refused(&query([opcode << 3, 0], OPT, 1)), (rcode::NOTIMP, true));
        }
        let with = |at: usize, octet: u8| {
            let mut packet = query([1, 0], OPT, 1);
            packet[at] = octet;
            packet
        };
        assert_eq!(refused(&with(5, 0)).0, rcode::FORMERR);
        assert_eq!(refused(&with(5, 2)).0, rcode::FORMERR);
        assert_eq!(refused(&with(12, 64)).0, rcode::FORMERR);
        assert_eq!(refused(&with(12, 0xc0)).0, rcode::FORMERR);
        assert_eq!(refused(&with(25, 3)), (rcode::REFUSED, true));
        assert_eq!(refused(&with(25, 77)), (rcode::REFUSED, true));
        assert_eq!(refused(&with(23, 252)), (rcode::REFUSED, true));
        assert_eq!(refused(&with(23, 251)), (rcode::REFUSED, true));
        assert_eq!(question(&with(2, 0x81)), Err(Refusal::Silence));
        assert_eq!(question(&query([1, 0], b"", 0)[..11]), Err(Refusal::Silence));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = question(&octets);
        }

        #[test]
        fn what_is_read_is_what_hickory_reads(
            flags in any::<[u8; 2]>(),
            opt in any::<bool>(),
            changes in proptest::collection::vec((0usize..60, any::<u8>()), 0..4),
        ) {
            let flags = [flags[0] & 0x07, flags[1]];
            let mut packet = query(flags, if opt { OPT } else { b"" }, u8::from(opt));
            for (at, octet) in changes {
                let at = at % packet.len();
                packet[at] = octet;
            }
            if let (Ok(ours), Ok(theirs)) = (question(&packet), Message::from_vec(&packet)) {
                prop_assert_eq!(ours.id, theirs.metadata.id);
                prop_assert_eq!(ours.recursion_desired, theirs.metadata.recursion_desired);
                prop_assert_eq!(ours.checking_disabled, theirs.metadata.checking_disabled);
                prop_assert_eq!(theirs.queries.len(), 1);
                let query = &theirs.queries[0];
                let mut name = Vec::new();
                for label in query.name() {
                    name.push(u8::try_from(label.len()).unwrap());
                    name.extend(label.to_ascii_lowercase());
                }
                name.push(0);
                prop_assert_eq!(ours.name.wire(), &name[..]);
                prop_assert_eq!(ours.qtype, u16::from(query.query_type()));
                prop_assert_eq!(ours.qclass, u16::from(query.query_class()));
                prop_assert_eq!(ours.edns.is_some(), theirs.edns.is_some());
                if let (Some(ours), Some(theirs)) = (ours.edns, &theirs.edns) {
                    prop_assert_eq!(ours.dnssec_ok, theirs.flags().dnssec_ok);
                    prop_assert_eq!(ours.udp_size, theirs.max_payload().max(512));
                }
            }
        }
    }
}
