//! Whatever upstream says is kept and given back as it came, until its time is over, to whoever
//! asked that and to nobody else. The octets are steps: what is done, and answers.

use std::sync::Arc;

use amparo::clock::Tick;
use amparo::dns::cache::{Cache, Key};
use amparo::dns::rewrite::Response;
use amparo::dns::wire;
use amparo::name::Name;

/// The questions, as clients send them.
const QUESTIONS: [&[u8]; 4] = [
    b"\x01a\x04test\0\0\x01\0\x01",
    b"\x01A\x01a\x04tEst\0\0\x01\0\x01",
    b"\x01a\x04test\0\0\x1c\0\x01",
    b"\x01b\x04test\0\0\x41\0\x01",
];
/// Small, so that what is kept has to make room.
const OCTETS_MAX: usize = 8 * 1024;
/// The longest TTL handed out, in seconds.
const CAP_SECONDS: u32 = 60;
/// The longest TTL there is, in seconds (RFC 2181 §8).
const LONGEST_SECONDS: u64 = 1 << 31;
/// What an expired answer is kept for, in seconds.
const STALE_SECONDS: u64 = 86_400;

pub(crate) fn run(octets: &[u8]) {
    let cache = Cache::new(OCTETS_MAX, 40);
    // A failure leaves the answer before it, which may serve again: all that came is remembered.
    let mut came: [Vec<(Vec<u8>, u64)>; 4] = Default::default();
    let (mut now, mut rest) = (0, octets);
    while let Some((&[what, later, length], after)) = rest.split_first_chunk::<3>() {
        let (records, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        now += u64::from(later) * 500;
        let which = usize::from(what & 3);
        let packet = packet(which, what);
        let question = wire::question(&packet).expect("it is a good one");
        let key = key(&question.name, question.qtype);
        match what >> 6 {
            0 => {
                if let Some(response) = response(which, records, &question.name, question.qtype) {
                    came[which].push((response.bytes().to_vec(), now));
                    cache.insert(&key, Arc::new(response), Tick(now));
                }
            }
            1 => {
                cache.flush(&question.name);
                let is_there = cache.get(&key, Tick(now)).is_some();
                assert!(!is_there, "what is forgotten is gone");
            }
            _ => {
                let Some(hit) = cache.get(&key, Tick(now)) else { continue };
                let age = u64::from(hit.aged.age_seconds);
                let is_it = |(bytes, since): &(Vec<u8>, u64)| {
                    hit.response.bytes() == bytes && (now - since) / 1_000 == age
                };
                assert!(came[which].iter().any(is_it), "it came as the answer to this question");
                assert!(age <= LONGEST_SECONDS + STALE_SECONDS, "everything ends");
                let mut out = Vec::new();
                let reply = hit.response.reply(&packet, &question, hit.aged, CAP_SECONDS, &mut out);
                reply.expect("it was read");
                let again = Response::read(&out, &question.name, question.qtype);
                let again = again.expect("we wrote it");
                assert!(again.min_ttl().is_none_or(|ttl| ttl <= CAP_SECONDS));
                assert_eq!(&out[12..question.end], &packet[12..question.end]);
            }
        }
        assert!(cache.stats().bytes <= OCTETS_MAX as u64);
    }
}

fn key(name: &Name, qtype: u16) -> Key<'_> {
    Key::new(name, qtype, false, false, 0)
}

fn packet(which: usize, what: u8) -> Vec<u8> {
    let opt: &[u8] = if what & 4 == 4 { b"\0\0\x29\x04\xd0\0\0\0\0\0\0" } else { &[] };
    let head = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(what & 4 == 4)];
    [&head[..], QUESTIONS[which], opt].concat()
}

/// An answer of these octets: its flags, code and counts, and its records.
fn response(which: usize, octets: &[u8], name: &Name, qtype: u16) -> Option<Response> {
    let ([flags, code, answers, authorities], records) = octets.split_first_chunk::<4>()?;
    let head = [1, 2, flags | 0x80, *code, 0, 1, 0, *answers, 0, *authorities, 0, 0];
    let came = [&head[..], QUESTIONS[which], records].concat();
    Response::read(&came, name, qtype).ok().filter(|response| !response.truncated())
}
