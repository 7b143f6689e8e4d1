//! Building the replies that are ours: closed, local, refused, failed.
//!
//! Every builder writes into a buffer the caller keeps, from the query's own bytes, so that the
//! question comes back in the case it was asked in (RFC 4343 §4.1) and nothing is allocated. It
//! does not know why a name is closed. Start at [`blocked`]; [`fit`] cuts what is too long.

use std::net::IpAddr;

use super::records::{
    HEADER_OCTETS, MESSAGE_OCTETS_MAX, Malformed, Record, Records, Section, rtype, unpack_name,
};
use super::rewrite::{Aged, Response};
use super::serve::Transport;
use super::wire::{CLASS_IN, Edns, Question, Refusal, UDP_OCTETS_MIN, rcode};
use crate::config::settings::BlockedAnswer;
use crate::name::Name;

/// The largest datagram we send or ask for, so that none is cut into fragments (RFC 9715 §3).
pub const UDP_OCTETS_MAX: u16 = 1232;
/// The longest text of an extended error; longer ones have no place in a datagram.
pub const EDE_TEXT_OCTETS_MAX: usize = 60;

/// The EDNS option that carries an extended error (RFC 8914 §2).
pub(super) const OPTION_EDE: u16 = 15;
/// A pointer to the question's name: it always begins behind the header.
const QUESTION_NAME: [u8; 2] = [0xc0, 12];
/// `filter.invalid.`: whoever looks into the answer sees that a filter speaks.
const SOA_MNAME: &[u8] = b"\x06filter\x07invalid\0";
/// `nobody.invalid.`: there is no mailbox (RFC 2606 §2).
const SOA_RNAME: &[u8] = b"\x06nobody\x07invalid\0";
/// Serial 1, refresh, retry and expire: nobody transfers the zone.
const SOA_TIMES: [u32; 4] = [1, 3600, 600, 86_400];

/// An extended error (RFC 8914).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ede<'a> {
    /// Its code: 3 stale, 15 blocked, 17 filtered, 18 prohibited, 22 no reachable authority.
    pub code: u16,
    /// Words for a person; cut to [`EDE_TEXT_OCTETS_MAX`].
    pub text: &'a str,
}

/// How a closed name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed<'a> {
    /// What the household chose.
    pub answer: BlockedAnswer,
    /// For how long, in seconds; TTL and SOA minimum alike.
    pub ttl_seconds: u32,
    /// Whether the name does not exist whatever the household chose: canaries and relays take an
    /// address for a yes.
    pub nxdomain_forced: bool,
    /// Why.
    pub ede: Option<Ede<'a>>,
}

/// Answers a closed name, every type alike: none tells more than another.
///
/// With addresses as the answer, ANY gets the HINFO of RFC 8482 §4.2.
pub fn blocked(packet: &[u8], question: &Question, closed: &Closed<'_>, out: &mut Vec<u8>) {
    let Closed { answer, ttl_seconds, nxdomain_forced, ede } = *closed;
    let address = match (answer, question.qtype) {
        _ if nxdomain_forced => {
            return empty(packet, question, rcode::NXDOMAIN, Some(ttl_seconds), ede, out);
        }
        (BlockedAnswer::NxDomain, _) => {
            return empty(packet, question, rcode::NXDOMAIN, Some(ttl_seconds), ede, out);
        }
        (BlockedAnswer::ZeroIp | BlockedAnswer::Address(_), rtype::ANY) => {
            return everything(packet, question, ttl_seconds, ede, out);
        }
        (BlockedAnswer::ZeroIp, rtype::AAAA) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        (BlockedAnswer::ZeroIp, _) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        (BlockedAnswer::Address(address), _) => address,
    };
    write_addresses(packet, question, &[address], ttl_seconds, ede, out);
}

/// Answers whoever wants every type there is with one that says nothing (RFC 8482 §4.2): nobody needs
/// more, and a long answer to a short question is a weapon.
pub fn everything(
    packet: &[u8],
    question: &Question,
    ttl_seconds: u32,
    ede: Option<Ede<'_>>,
    out: &mut Vec<u8>,
) {
    begin(packet, question, rcode::NOERROR, out);
    record(out, &QUESTION_NAME, rtype::HINFO, ttl_seconds, b"\x07RFC8482\0");
    finish(question, Counts { answers: 1, authorities: 0 }, ede, out);
}

/// Answers with those of the addresses that are of the type asked; NODATA when none is. The answer
/// is our own, so AA is set (RFC 1035 §4.1.1). ANY gets one family (RFC 8482 §4.1).
pub fn addresses(
    packet: &[u8],
    question: &Question,
    addresses: &[IpAddr],
    ttl_seconds: u32,
    ede: Option<Ede<'_>>,
    out: &mut Vec<u8>,
) {
    write_addresses(packet, question, addresses, ttl_seconds, ede, out);
    out[2] |= 0x04;
}

/// Answers with SVCB records of these RDATA. The answer is our own, as in [`addresses`].
pub fn services(
    packet: &[u8],
    question: &Question,
    datas: &[Vec<u8>],
    ttl_seconds: u32,
    out: &mut Vec<u8>,
) {
    begin(packet, question, rcode::NOERROR, out);
    for data in datas {
        record(out, &QUESTION_NAME, rtype::SVCB, ttl_seconds, data);
    }
    let answers = u16::try_from(datas.len()).unwrap_or(u16::MAX);
    finish(question, Counts { answers, authorities: 0 }, None, out);
    out[2] |= 0x04;
}

/// Answers without records: `soa_ttl_seconds` with the SOA that says for how long (RFC 2308 §3),
/// or none.
pub fn empty(
    packet: &[u8],
    question: &Question,
    rcode: u16,
    soa_ttl_seconds: Option<u32>,
    ede: Option<Ede<'_>>,
    out: &mut Vec<u8>,
) {
    begin(packet, question, rcode, out);
    let mut authorities = 0;
    if let Some(ttl_seconds) = soa_ttl_seconds {
        soa(packet, ttl_seconds, out);
        authorities = 1;
    }
    finish(question, Counts { answers: 0, authorities }, ede, out);
}

/// Says nothing but that the answer is to be had over TCP, which no forged address can come by: as
/// long as the question, so that nobody is hit harder than by whoever asks.
pub fn come_by_tcp(packet: &[u8], question: &Question, out: &mut Vec<u8>) {
    empty(packet, question, rcode::NOERROR, None, None, out);
    out[2] |= 0x02;
}

/// Says that the answer could not be had.
pub fn servfail(packet: &[u8], question: &Question, ede: Option<Ede<'_>>, out: &mut Vec<u8>) {
    empty(packet, question, rcode::SERVFAIL, None, ede, out);
}

/// Refuses a query nobody looked at; false when nothing is to be sent.
pub fn refusal(packet: &[u8], refusal: &Refusal, out: &mut Vec<u8>) -> bool {
    let (rcode, question_end, edns) = match *refusal {
        Refusal::Silence => return false,
        Refusal::Reply { rcode, question_end, edns } => (rcode, question_end, edns),
    };
    let Some(header) = packet.first_chunk::<HEADER_OCTETS>() else { return false };
    // Flags of another opcode mean something else there: none is repeated (RFC 8906 §3.1.4).
    let ours = header[2] & 0x78 == 0;
    let flags = if ours {
        [0x80 | (header[2] & 0x01), 0x80 | (header[3] & 0x10)]
    } else {
        [0x80 | (header[2] & 0x78), 0]
    };
    out.clear();
    out.extend_from_slice(&header[..2]);
    out.extend_from_slice(&[flags[0], flags[1] | (rcode & 15).to_be_bytes()[1]]);
    let question = question_end.and_then(|end| packet.get(HEADER_OCTETS..end));
    out.extend_from_slice(&[0, u8::from(question.is_some()), 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(question.unwrap_or(&[]));
    if let Some(edns) = edns {
        opt(out, edns, rcode, &[]);
        out[11] = 1;
    }
    true
}

/// Answers a search engine's name with its safe form: a CNAME to `target`, then what the upstream
/// answered about `target`, with its age. For types other than addresses: the CNAME alone.
///
/// An upstream that failed, or knows no such name, is repeated: an error stays one.
pub fn cname_then(
    packet: &[u8],
    question: &Question,
    target: &Name,
    upstream: Option<(&Response, Aged)>,
    ttl_cap_seconds: u32,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let code = upstream.map_or(rcode::NOERROR, |(response, _)| response.rcode());
    if code != rcode::NOERROR && code != rcode::NXDOMAIN {
        servfail(packet, question, None, out);
        return Ok(());
    }
    begin(packet, question, code, out);
    record(out, &QUESTION_NAME, rtype::CNAME, ttl_cap_seconds, target.wire());
    let mut answers = 1;
    if let Some((response, aged)) = upstream {
        let message = response.bytes();
        for found in Records::new(message, response.question_end()) {
            let found = found?;
            if found.section != Section::Answer {
                break;
            }
            // Nothing else with names that may be compressed belongs to an address's answer, and
            // of other classes nobody knows what a record must look like.
            let is_link = matches!(found.rtype, rtype::CNAME | rtype::DNAME);
            let is_other = !is_link && may_hold_pointers(found.rtype);
            if is_other || found.class != CLASS_IN {
                continue;
            }
            let ttl_seconds = aged.ttl_seconds(found.ttl_seconds()).min(ttl_cap_seconds);
            unpack_name(message, found.start, out)?;
            record(out, &[], found.rtype, ttl_seconds, &[]);
            let start = out.len();
            if is_link {
                unpack_name(message, found.data.start, out)?;
            } else {
                out.extend_from_slice(&message[found.data.clone()]);
            }
            let length = u16::try_from(out.len() - start).unwrap_or(0);
            out[start - 2..start].copy_from_slice(&length.to_be_bytes());
            answers += 1;
        }
    }
    finish(question, Counts { answers, authorities: 0 }, None, out);
    Ok(())
}

/// The longest reply the client takes, in octets.
#[must_use]
pub fn limit_octets(question: &Question, by: Transport) -> usize {
    if by.is_stream() {
        return MESSAGE_OCTETS_MAX;
    }
    let udp = question.edns.map_or(UDP_OCTETS_MIN, |edns| edns.udp_size.min(UDP_OCTETS_MAX));
    usize::from(udp)
}

/// Cuts a reply to `limit` octets between two `RRsets`, its OPT record kept. TC says so when
/// something of the answer or of the authority is lost; helpful records go without a word (RFC
/// 2181 §9).
pub fn fit(reply: &mut Vec<u8>, limit: usize) {
    if reply.len() <= limit {
        return;
    }
    let Cut { keep, counts, opt, truncated } = cut(reply, limit);
    let opt = opt.map(|range| reply[range].to_vec());
    reply.truncate(keep);
    if truncated {
        reply[2] |= 0x02;
    }
    for (count, at) in counts.into_iter().zip([6, 8, 10]) {
        let count = if at == 10 { count + u16::from(opt.is_some()) } else { count };
        reply[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    reply.extend_from_slice(opt.as_deref().unwrap_or(&[]));
}

/// What is left of a reply.
struct Cut {
    keep: usize,
    counts: [u16; 3],
    opt: Option<std::ops::Range<usize>>,
    truncated: bool,
}

fn cut(reply: &[u8], limit: usize) -> Cut {
    let question_end = super::records::skip_name(reply, HEADER_OCTETS)
        .map_or(HEADER_OCTETS, |end| (end + 4).min(reply.len()));
    // What cannot be walked is cut to its question; it was not built here.
    let records: Vec<Record> =
        Records::new(reply, question_end).collect::<Result<_, _>>().unwrap_or_default();
    let opt = records.iter().find(|r| r.rtype == rtype::OPT).map(|r| r.start..r.data.end);
    let room = limit.saturating_sub(opt.as_ref().map_or(0, std::ops::Range::len));

    let mut cut = Cut { keep: question_end, counts: [0; 3], opt, truncated: false };
    let sets = records.chunk_by(|a, b| same_set(reply, a, b));
    for set in sets {
        let (Some(first), Some(last)) = (set.first(), set.last()) else { continue };
        if first.rtype == rtype::OPT || last.data.end > room {
            cut.truncated |= first.section != Section::Additional;
            break;
        }
        cut.keep = last.data.end;
        let section = match first.section {
            Section::Answer => 0,
            Section::Authority => 1,
            Section::Additional => 2,
        };
        cut.counts[section] += u16::try_from(set.len()).unwrap_or(u16::MAX);
    }
    cut.truncated |= records.is_empty();
    cut
}

/// Whether two neighbours belong to one `RRset`.
fn same_set(message: &[u8], a: &Record, b: &Record) -> bool {
    if (a.section, a.rtype, a.class) != (b.section, b.rtype, b.class) {
        return false;
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    unpack_name(message, a.start, &mut left).is_ok()
        && unpack_name(message, b.start, &mut right).is_ok()
        && left.eq_ignore_ascii_case(&right)
}

/// Whether the RDATA of a type may hold compressed names (RFC 3597 §4 and the types it names).
pub(super) fn may_hold_pointers(kind: u16) -> bool {
    matches!(
        kind,
        rtype::NS..=rtype::MR | rtype::PTR | rtype::MINFO..=rtype::MX | rtype::RP..=21
            | rtype::SIG | rtype::PX | rtype::NXT | rtype::SRV..=rtype::KX | rtype::A6
            | rtype::DNAME
    )
}

/// How many records a reply has, OPT left out.
#[derive(Clone, Copy)]
struct Counts {
    answers: u16,
    authorities: u16,
}

/// Header and question; the counts are written by [`finish`].
fn begin(packet: &[u8], question: &Question, rcode: u16, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&question.id.to_be_bytes());
    let checking_disabled = if question.checking_disabled { 0x10 } else { 0 };
    out.extend_from_slice(&[
        0x80 | u8::from(question.recursion_desired),
        0x80 | checking_disabled | (rcode & 15).to_be_bytes()[1],
    ]);
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&packet[HEADER_OCTETS..question.end]);
}

/// Writes the counts, and our OPT record when the client sent one (RFC 6891 §7).
fn finish(question: &Question, counts: Counts, ede: Option<Ede<'_>>, out: &mut Vec<u8>) {
    out[6..8].copy_from_slice(&counts.answers.to_be_bytes());
    out[8..10].copy_from_slice(&counts.authorities.to_be_bytes());
    if let Some(edns) = question.edns {
        opt_with_ede(out, edns, ede);
        out[11] = 1;
    }
}

/// [`opt`] with an extended error, or none.
pub(super) fn opt_with_ede(out: &mut Vec<u8>, edns: Edns, ede: Option<Ede<'_>>) {
    let mut option = [0; 6 + EDE_TEXT_OCTETS_MAX];
    let length = ede.map_or(0, |ede| ede_option(ede, &mut option));
    opt(out, edns, 0, &option[..length]);
}

/// Writes the option of an extended error, and says how long it is.
fn ede_option(ede: Ede<'_>, option: &mut [u8; 6 + EDE_TEXT_OCTETS_MAX]) -> usize {
    let mut cut = ede.text.len().min(EDE_TEXT_OCTETS_MAX);
    while !ede.text.is_char_boundary(cut) {
        cut -= 1;
    }
    let text = &ede.text[..cut];
    let length = u16::try_from(2 + text.len()).unwrap_or(2);
    option[..2].copy_from_slice(&OPTION_EDE.to_be_bytes());
    option[2..4].copy_from_slice(&length.to_be_bytes());
    option[4..6].copy_from_slice(&ede.code.to_be_bytes());
    option[6..6 + text.len()].copy_from_slice(text.as_bytes());
    6 + text.len()
}

/// Appends our OPT record: version 0, our size, DO as the client set it, all else clear.
pub(super) fn opt(out: &mut Vec<u8>, edns: Edns, rcode: u16, options: &[u8]) {
    let flags: u32 = if edns.dnssec_ok { 0x8000 } else { 0 };
    let ttl = (u32::from(rcode >> 4) << 24) | flags;
    out.push(0);
    out.extend_from_slice(&rtype::OPT.to_be_bytes());
    out.extend_from_slice(&UDP_OCTETS_MAX.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&u16::try_from(options.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(options);
}

fn record(out: &mut Vec<u8>, owner: &[u8], rtype: u16, ttl_seconds: u32, data: &[u8]) {
    out.extend_from_slice(owner);
    out.extend_from_slice(&rtype.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.extend_from_slice(&ttl_seconds.to_be_bytes());
    out.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(data);
}

/// The SOA of the zone the name is said to stand in: its parent, as a name without data, or one
/// that does not exist, is no apex. For a name of one label that is the root.
fn soa(packet: &[u8], ttl_seconds: u32, out: &mut Vec<u8>) {
    let parent = 1 + usize::from(packet[HEADER_OCTETS]);
    let is_root = packet[HEADER_OCTETS] == 0 || packet[HEADER_OCTETS + parent] == 0;
    // One label is 63 octets at most, so the parent begins within the first octet of a pointer.
    let pointer = [0xc0, (HEADER_OCTETS + parent).to_be_bytes()[size_of::<usize>() - 1]];
    let owner: &[u8] = if is_root { &[0] } else { &pointer };
    let mut data = [0; SOA_MNAME.len() + SOA_RNAME.len() + 20];
    let (names, times) = data.split_at_mut(SOA_MNAME.len() + SOA_RNAME.len());
    names[..SOA_MNAME.len()].copy_from_slice(SOA_MNAME);
    names[SOA_MNAME.len()..].copy_from_slice(SOA_RNAME);
    let values = SOA_TIMES.into_iter().chain([ttl_seconds]);
    for (to, value) in times.chunks_exact_mut(4).zip(values) {
        to.copy_from_slice(&value.to_be_bytes());
    }
    record(out, owner, rtype::SOA, ttl_seconds, &data);
}

fn write_addresses(
    packet: &[u8],
    question: &Question,
    addresses: &[IpAddr],
    ttl_seconds: u32,
    ede: Option<Ede<'_>>,
    out: &mut Vec<u8>,
) {
    let family = match question.qtype {
        rtype::ANY if addresses.iter().any(IpAddr::is_ipv4) => rtype::A,
        rtype::ANY => rtype::AAAA,
        other => other,
    };
    begin(packet, question, rcode::NOERROR, out);
    let mut counts = Counts { answers: 0, authorities: 0 };
    for address in addresses {
        match (address, family) {
            (IpAddr::V4(v4), rtype::A) => {
                record(out, &QUESTION_NAME, rtype::A, ttl_seconds, &v4.octets());
            }
            (IpAddr::V6(v6), rtype::AAAA) => {
                record(out, &QUESTION_NAME, rtype::AAAA, ttl_seconds, &v6.octets());
            }
            (IpAddr::V4(_) | IpAddr::V6(_), _) => continue,
        }
        counts.answers += 1;
    }
    if counts.answers == 0 {
        soa(packet, ttl_seconds, out);
        counts.authorities = 1;
    }
    finish(question, counts, ede, out);
}

#[cfg(test)]
pub(super) mod promises;
#[cfg(test)]
mod tests;
