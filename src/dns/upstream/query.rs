//! What is asked of an upstream, as octets.
//!
//! Built afresh for every question, so that nothing of the client travels on but the question
//! and its three flags: no option, no cookie, no subnet, not even the case of its letters. Start
//! at [`Query::new`]. Knows nothing of sockets.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::name::Name;

/// The header's length in octets (RFC 1035 §4.1.1).
pub(super) const HEADER_OCTETS: usize = 12;

/// The UDP size we announce: what passes every path unfragmented (RFC 9715 §3, flag day 2020).
const UDP_OCTETS_MAX: u16 = 1232;

/// Queries over TLS are padded to a multiple of this, so that their length does not tell the
/// name (RFC 8467 §4.1).
const PADDING_BLOCK_OCTETS: usize = 128;

/// The type of an OPT record (RFC 6891 §6.1.1).
pub(super) const TYPE_OPT: u16 = 41;

/// The padding option (RFC 7830 §3).
const OPTION_PADDING: u16 = 12;

/// Type and class behind the name, in octets.
const TYPE_AND_CLASS_OCTETS: usize = 4;

/// One question for an upstream.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The name, in lower case.
    pub name: &'a Name,
    /// The same name in wire form, in the case the client wrote: the answer repeats it.
    pub name_as_asked: &'a [u8],
    /// The type, any number.
    pub qtype: u16,
    /// The class, any number.
    pub qclass: u16,
    /// DO: DNSSEC records are wanted (RFC 4035 §3.2.1).
    pub dnssec_ok: bool,
    /// CD: bogus data is wanted too (RFC 4035 §3.2.2).
    pub checking_disabled: bool,
    /// AD: the client understands AD in the answer (RFC 6840 §5.7).
    pub authentic_data: bool,
}

impl<'a> Ask<'a> {
    /// A question of this machine's own.
    #[must_use]
    pub fn of_our_own(name: &'a Name, qtype: u16) -> Self {
        Ask {
            name,
            name_as_asked: name.wire(),
            qtype,
            qclass: crate::dns::wire::CLASS_IN,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        }
    }
}

/// An [`Ask`] that outlives its client; two clients with equal questions share one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    name: Name,
    qtype: u16,
    qclass: u16,
    dnssec_ok: bool,
    checking_disabled: bool,
    authentic_data: bool,
}

/// How a query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// With an OPT record. Left out only for servers that refuse it.
    pub(super) edns: bool,
    /// Padded, for encrypted transports.
    pub(super) padded: bool,
    /// Letters in random case, which a forger has to guess too (draft-vixie-dnsext-dns0x20).
    pub(super) mixed_case: bool,
}

/// A query as it goes over the wire. A clone shares its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    octets: Arc<[u8]>,
    question_end: usize,
    mixed_case: bool,
}

// === impl Question ===

impl Question {
    /// What is asked, without who asks.
    pub(super) fn of(ask: &Ask<'_>) -> Self {
        Question {
            name: *ask.name,
            qtype: ask.qtype,
            qclass: ask.qclass,
            dnssec_ok: ask.dnssec_ok,
            checking_disabled: ask.checking_disabled,
            authentic_data: ask.authentic_data,
        }
    }

    /// The name, in lower case.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// The type.
    pub(super) fn qtype(&self) -> u16 {
        self.qtype
    }

    /// Whether DNSSEC records are wanted.
    pub(super) fn wants_signatures(&self) -> bool {
        self.dnssec_ok
    }

    /// The same, as somebody asks who checks the answer: with signatures, and unchecked, so that
    /// nobody on the way hides what is wrong with it (RFC 6840 §5.9).
    pub(super) fn with_signatures(&self) -> Self {
        Question { dnssec_ok: true, checking_disabled: true, authentic_data: false, ..self.clone() }
    }

    /// The same of another name and type.
    pub(super) fn of_name_and_type(&self, name: Name, qtype: u16) -> Self {
        Question { name, qtype, ..self.clone() }
    }

    /// The same of another type.
    pub(super) fn of_type(&self, qtype: u16) -> Self {
        Question { qtype, ..self.clone() }
    }
}

/// The octets of the name, and all the rest as one number: half of what a hasher would be given
/// field by field.
impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Question { name, qtype, qclass, dnssec_ok, checking_disabled, authentic_data } = self;
        let flags = u64::from(*dnssec_ok) << 2
            | u64::from(*checking_disabled) << 1
            | u64::from(*authentic_data);
        state.write(name.wire());
        state.write_u64(flags << 32 | u64::from(*qclass) << 16 | u64::from(*qtype));
    }
}

// === impl Query ===

impl Query {
    /// Writes the question with a fresh random id.
    pub(super) fn new(question: &Question, form: Form) -> Self {
        let Question { name, qtype, qclass, dnssec_ok, checking_disabled, authentic_data } =
            question;
        let mut octets = Vec::with_capacity(PADDING_BLOCK_OCTETS);
        octets.extend_from_slice(&rand::random::<[u8; 2]>());
        // A standard query with RD (RFC 1035 §4.1.1); AD and CD as asked.
        octets.push(0x01);
        octets.push(u8::from(*authentic_data) << 5 | u8::from(*checking_disabled) << 4);
        octets.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(form.edns)]);
        octets.extend_from_slice(name.wire());
        if form.mixed_case {
            mix_case(&mut octets[HEADER_OCTETS..]);
        }
        octets.extend_from_slice(&qtype.to_be_bytes());
        octets.extend_from_slice(&qclass.to_be_bytes());
        let question_end = octets.len();
        if form.edns {
            put_opt(&mut octets, *dnssec_ok, form.padded);
        }
        Query { octets: octets.into(), question_end, mixed_case: form.mixed_case }
    }

    /// The message.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The id a reply must carry.
    pub(super) fn id(&self) -> u16 {
        u16::from_be_bytes([self.octets[0], self.octets[1]])
    }

    /// The same query under another id.
    pub(super) fn with_id(&self, id: u16) -> Self {
        let mut query = self.clone();
        Arc::make_mut(&mut query.octets)[..2].copy_from_slice(&id.to_be_bytes());
        query
    }

    /// The same query, id included, without its OPT record.
    pub(super) fn without_edns(&self) -> Self {
        let mut octets: Arc<[u8]> = self.octets[..self.question_end].into();
        Arc::make_mut(&mut octets)[HEADER_OCTETS - 1] = 0;
        Query { octets, ..*self }
    }

    /// Name, type and class as sent.
    pub(super) fn question(&self) -> &[u8] {
        &self.octets[HEADER_OCTETS..self.question_end]
    }

    /// The name as sent, the rest being type and class.
    pub(super) fn name(&self) -> &[u8] {
        &self.octets[HEADER_OCTETS..self.question_end - TYPE_AND_CLASS_OCTETS]
    }

    /// Whether the letters were sent in random case.
    pub(super) fn is_mixed_case(&self) -> bool {
        self.mixed_case
    }
}

/// Throws a coin for every letter. Lengths of labels are below 64, so none is taken for a letter.
fn mix_case(name: &mut [u8]) {
    for chunk in name.chunks_mut(64) {
        let mut coins = rand::random::<u64>();
        for octet in chunk {
            if octet.is_ascii_lowercase() && coins & 1 == 1 {
                octet.make_ascii_uppercase();
            }
            coins >>= 1;
        }
    }
}

/// Appends the OPT record (RFC 6891 §6.1.2), version 0.
fn put_opt(octets: &mut Vec<u8>, dnssec_ok: bool, padded: bool) {
    octets.push(0);
    octets.extend_from_slice(&TYPE_OPT.to_be_bytes());
    octets.extend_from_slice(&UDP_OCTETS_MAX.to_be_bytes());
    octets.extend_from_slice(&[0, 0, u8::from(dnssec_ok) << 7, 0]);
    if !padded {
        octets.extend_from_slice(&[0, 0]);
        return;
    }
    // What is still to come before the padding: RDLENGTH, the option's code and its length.
    let bare = octets.len() + 6;
    let padding = bare.next_multiple_of(PADDING_BLOCK_OCTETS) - bare;
    // Below 128, so both lengths fit their octet.
    let [padding_high, padding_low] = u16::try_from(padding).unwrap_or(0).to_be_bytes();
    let [option_high, option_low] = u16::try_from(padding + 4).unwrap_or(4).to_be_bytes();
    octets.extend_from_slice(&[option_high, option_low]);
    octets.extend_from_slice(&OPTION_PADDING.to_be_bytes());
    octets.extend_from_slice(&[padding_high, padding_low]);
    octets.resize(octets.len() + padding, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;

    fn question(text: &str) -> Question {
        Question {
            name: Name::parse(text).unwrap(),
            qtype: 65280,
            qclass: 1,
            dnssec_ok: true,
            checking_disabled: true,
            authentic_data: false,
        }
    }

    const PADDED: Form = Form { edns: true, padded: true, mixed_case: false };
    const MIXED: Form = Form { edns: true, padded: false, mixed_case: true };

    #[test]
    fn a_query_says_what_was_asked_and_nothing_else() {
        let query = Query::new(&question("www.example.com"), MIXED);
        let message = Message::from_vec(query.octets()).unwrap();
        assert_eq!(message.metadata.id, query.id());
        assert!(message.metadata.recursion_desired && message.metadata.checking_disabled);
        assert!(!message.metadata.authentic_data);
        assert_eq!(u16::from(message.queries[0].query_type()), 65280);
        let edns = message.edns.unwrap();
        assert_eq!((edns.max_payload(), edns.version()), (1232, 0));
        assert!(edns.flags().dnssec_ok && edns.options().as_ref().is_empty());
    }

    #[test]
    fn padded_queries_fill_blocks_of_128() {
        for letters in 1..63 {
            let query = Query::new(&question(&"a".repeat(letters)), PADDED);
            assert_eq!(query.octets().len() % PADDING_BLOCK_OCTETS, 0);
            assert!(Message::from_vec(query.octets()).is_ok());
        }
    }

    #[test]
    fn without_edns_the_question_and_id_stay() {
        let query = Query::new(&question("a.example"), MIXED);
        let bare = query.without_edns();
        assert_eq!((bare.id(), bare.question()), (query.id(), query.question()));
        let message = Message::from_vec(bare.octets()).unwrap();
        assert!(message.edns.is_none());
    }

    #[test]
    fn mixed_case_touches_letters_only() {
        let query = Query::new(&question("abcdefghijklmnopqrstuvwxyz-0123456789.example"), MIXED);
        let plain = question("abcdefghijklmnopqrstuvwxyz-0123456789.example");
        assert!(query.name().eq_ignore_ascii_case(plain.name().wire()));
        assert_ne!(query.name(), plain.name().wire());
    }
}
