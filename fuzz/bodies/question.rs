//! A question is read as hickory reads it, or declined; every reply to it is a message about it.

use amparo::config::settings::BlockedAnswer;
use amparo::dns::answer::{self, Closed, Ede};
use amparo::dns::wire::{self, Refusal};
use hickory_proto::op::Message;

pub(crate) fn run(packet: &[u8]) {
    let mut out = b"left from before".to_vec();
    let question = match wire::question(packet) {
        Ok(question) => question,
        Err(refusal) => {
            if answer::refusal(packet, &refusal, &mut out) {
                assert!(matches!(refusal, Refusal::Reply { .. }));
                assert_eq!((out[..2] == packet[..2], out[2] & 0x80), (true, 0x80));
                assert!(out.len() <= 512, "a refusal never amplifies");
                Message::from_vec(&out).expect("hickory reads what we write");
            }
            return;
        }
    };
    if let Ok(theirs) = Message::from_vec(packet) {
        let query = &theirs.queries[0];
        let mut name: Vec<u8> = Vec::new();
        for label in query.name() {
            name.push(u8::try_from(label.len()).expect("a label is short"));
            name.extend(label.to_ascii_lowercase());
        }
        name.push(0);
        assert_eq!((theirs.queries.len(), question.id), (1, theirs.metadata.id));
        assert_eq!(question.name.wire(), &name[..]);
        assert_eq!(question.qtype, u16::from(query.query_type()));
        assert_eq!(question.qclass, u16::from(query.query_class()));
        assert_eq!(question.recursion_desired, theirs.metadata.recursion_desired);
        assert_eq!(question.checking_disabled, theirs.metadata.checking_disabled);
        let edns = theirs.edns.as_ref();
        let said = edns.map(|edns| (edns.max_payload().max(512), edns.flags().dnssec_ok));
        assert_eq!(question.edns.map(|edns| (edns.udp_size, edns.dnssec_ok)), said);
    }
    let ede = Some(Ede { code: 17, text: "closed" });
    for answer in [BlockedAnswer::ZeroIp, BlockedAnswer::NxDomain] {
        let closed = Closed { answer, ttl_seconds: 10, nxdomain_forced: false, ede };
        answer::blocked(packet, &question, &closed, &mut out);
        answer::fit(&mut out, answer::limit_octets(&question, amparo::dns::serve::Transport::Udp));
        assert!(out.len() <= answer::limit_octets(&question, amparo::dns::serve::Transport::Udp));
        assert_eq!(out[12..question.end], packet[12..question.end]);
        let reply = Message::from_vec(&out).expect("hickory reads what we write");
        assert_eq!(
            (reply.metadata.id, reply.edns.is_some()),
            (question.id, question.edns.is_some())
        );
        assert!(!reply.metadata.truncation, "a closed name's answer always fits");
    }
}
