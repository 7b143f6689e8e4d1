//! A safe form's answer is a message about the question whatever upstream said of the target, and
//! cutting any reply leaves one that is no longer than it may be.

use amparo::dns::answer;
use amparo::dns::records::{Records, rtype};
use amparo::dns::rewrite::{Aged, Response};
use amparo::dns::wire;
use amparo::name::Name;
use hickory_proto::op::Message;

/// The question: `www.search.test`, of a type that the octets choose.
const QUESTION: &[u8] = b"\x03wWw\x06search\x04test\0";
/// What its safe form is.
const TARGET: &[u8] = b"\x04safe\x06search\x04test\0";
const OPT: &[u8] = b"\0\0\x29\x02\0\0\0\x80\0\0\0";
const CAP_SECONDS: u32 = 60;

pub(crate) fn run(octets: &[u8]) {
    cuts(octets);
    let Some((head, records)) = octets.split_first_chunk::<7>() else { return };
    let [flags, code, answers, authorities, additionals, how, age] = *head;
    let qtype = [1, 28, 65, 16][usize::from(how >> 6)];
    let of = [0, qtype, 0, 1];
    let mut packet = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, how & 1];
    packet.extend([QUESTION, &of].concat());
    packet.extend(if how & 1 == 1 { OPT } else { &[] });
    let question = wire::question(&packet).expect("it is a good one");
    let target = Name::from_wire(TARGET).expect("it is a name");
    let mut came = vec![0x11, 0x22, flags | 0x80, code, 0, 1];
    came.extend([0, answers, 0, authorities, 0, additionals]);
    came.extend([TARGET, &of, records].concat());
    let response = Response::read(&came, &target, u16::from(qtype)).ok();
    let aged = Aged { age_seconds: u32::from(age), stale: how & 2 == 2 };
    let upstream = response.as_ref().map(|response| (response, aged));
    let mut out = b"left from before".to_vec();
    if answer::cname_then(&packet, &question, &target, upstream, CAP_SECONDS, &mut out).is_err() {
        return;
    }
    assert_eq!((&out[..2], &out[12..question.end]), (&packet[..2], &packet[12..question.end]));
    assert_eq!(out[2] & 0x80, 0x80, "it is an answer");
    let all: Result<Vec<_>, _> = Records::new(&out, question.end).collect();
    let all = all.expect("we wrote it");
    let is_opt =
        |found: &&_| matches!(found, amparo::dns::records::Record { rtype: rtype::OPT, .. });
    assert_eq!(all.iter().filter(is_opt).count(), usize::from(how & 1));
    let others = || all.iter().filter(|found| found.rtype != rtype::OPT);
    assert!(others().all(|found| found.ttl <= CAP_SECONDS));
    let failed = out[3] & 15;
    if failed == 0 && response.is_some() {
        assert_eq!(others().next().map(|found| found.rtype), Some(rtype::CNAME));
    }
    let limit = answer::limit_octets(&question, amparo::dns::serve::Transport::Udp);
    answer::fit(&mut out, limit);
    assert!(out.len() <= limit);
    Response::read(&out, &question.name, question.qtype).expect("what is cut still holds");
}

/// Whatever a reply is, it is cut to what it may be, or to its question.
fn cuts(octets: &[u8]) {
    let Ok(message) = Message::from_vec(octets) else { return };
    for limit in [512, 100] {
        let mut reply = octets.to_vec();
        answer::fit(&mut reply, limit);
        let question = message.queries.iter().map(|query| query.name.len() + 16).sum::<usize>();
        let opt = octets.len().min(11 + 512);
        assert!(
            reply.len() <= limit.max(12 + question + opt),
            "{} of {}",
            reply.len(),
            octets.len()
        );
    }
}
