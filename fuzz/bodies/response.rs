//! An upstream's answer is refused or relayed whole, cut only between sets, and never longer
//! than its client takes. The octets are the answer's flags, counts and records.

use amparo::dns::answer;
use amparo::dns::records::{Records, rtype};
use amparo::dns::rewrite::{Aged, Response};
use amparo::dns::wire;

/// The question of `wWw.TeSt` A, as the client sent it.
const QUESTION: &[u8] = b"\x03wWw\x04TeSt\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";
const CAP_SECONDS: u32 = 60;

pub(crate) fn run(octets: &[u8]) {
    let Some((head, records)) = octets.split_first_chunk::<7>() else { return };
    let [flags, code, answers, authorities, additionals, how, age] = *head;
    let mut came = vec![0x11, 0x22, flags | 0x80, code, 0, 1];
    came.extend([0, answers, 0, authorities, 0, additionals]);
    came.extend(QUESTION);
    came.extend(records);

    let mut packet = vec![0xab, 0xcd, 1, how & 0x30, 0, 1, 0, 0, 0, 0, 0, how & 1];
    packet.extend(QUESTION);
    packet.extend(if how & 1 == 1 { OPT } else { &[] });
    let question = wire::question(&packet).expect("it is a good one");
    let Ok(response) = Response::read(&came, &question.name, question.qtype) else { return };
    let _targets = response.links().count();

    let mut out = Vec::new();
    let aged = Aged { age_seconds: u32::from(age), stale: how & 2 == 2 };
    response.reply(&packet, &question, aged, CAP_SECONDS, &mut out).expect("it was read");
    assert_eq!((&out[..2], &out[12..question.end]), (&packet[..2], QUESTION));
    let again = Response::read(&out, &question.name, question.qtype).expect("we wrote it");
    assert!(again.min_ttl().is_none_or(|ttl| ttl <= CAP_SECONDS));
    answer::fit(&mut out, answer::limit_octets(&question, amparo::dns::serve::Transport::Udp));
    assert!(out.len() <= answer::limit_octets(&question, amparo::dns::serve::Transport::Udp));
    Response::read(&out, &question.name, question.qtype).expect("what is cut still holds");
    let opts = Records::new(&out, question.end)
        .filter(|record| record.as_ref().is_ok_and(|record| record.rtype == rtype::OPT));
    assert_eq!(opts.count(), usize::from(how & 1));
}
