//! Whether some octets answer a query of ours.
//!
//! The gate between the network and everything else: what does not pass here never happened.
//! Start at [`is_answer_to`]. It walks the whole message once, without allocating, and follows no
//! compression pointer but backwards, so that hostile octets cost no more than their length.
//! Contents of records are not judged: unknown types pass as they came (RFC 3597 §3).

use super::query::{HEADER_OCTETS, Query, TYPE_OPT};
use crate::name::NAME_OCTETS_MAX;

/// What the gate saw in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// TC: the answer did not fit, and its records are not to be used (RFC 2181 §9).
    pub(super) truncated: bool,
    /// The response code, its four low bits.
    pub(super) rcode: u8,
    /// Whether there is an OPT record.
    pub(super) has_opt: bool,
    /// Whether the question came back letter for letter.
    pub(super) same_case: bool,
    /// Where the last counted record ends; for a truncated answer, where the question ends.
    pub(super) end: usize,
}

/// Why some octets are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAnAnswer {
    /// Another id: a late reply to an earlier query, or a guess.
    OtherId,
    /// No response, or to another kind of query.
    NotAResponse,
    /// Not our question, none, or several.
    OtherQuestion,
    /// Our id over a bare header that says FORMERR or NOTIMP: how servers older than EDNS refuse
    /// it (RFC 6891 §7). A hint, never an answer.
    BareRefusal,
    /// Counts, lengths or names do not hold together.
    Malformed,
}

/// FORMERR (RFC 1035 §4.1.1).
pub(super) const RCODE_FORMERR: u8 = 1;
/// SERVFAIL.
pub(super) const RCODE_SERVFAIL: u8 = 2;
/// NOTIMP.
pub(super) const RCODE_NOTIMP: u8 = 4;
/// REFUSED.
pub(super) const RCODE_REFUSED: u8 = 5;

/// How many pointers one name may follow: a name has at most 127 labels, and a useful pointer
/// leads to one.
const HOPS_MAX: u32 = 127;

/// Reads `response` as the answer to `query`: id, QR, opcode, the whole question, and every
/// record's bounds (RFC 5452 §9.1, RFC 9267 §2). Letters of the name may differ in case; whether
/// they do is told.
pub(super) fn is_answer_to(response: &[u8], query: &Query) -> Result<Reading, NotAnAnswer> {
    let Some(header) = response.first_chunk::<HEADER_OCTETS>() else {
        return Err(NotAnAnswer::Malformed);
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    if word(0) != query.id() {
        return Err(NotAnAnswer::OtherId);
    }
    let is_response = header[2] & 0x80 != 0;
    let opcode = header[2] >> 3 & 0x0f;
    if !is_response || opcode != 0 {
        return Err(NotAnAnswer::NotAResponse);
    }
    let rcode = header[3] & 0x0f;
    if word(4) != 1 {
        let bare = response.len() == HEADER_OCTETS && word(4) == 0;
        let refuses = matches!(rcode, RCODE_FORMERR | RCODE_NOTIMP);
        return Err(if bare && refuses {
            NotAnAnswer::BareRefusal
        } else {
            NotAnAnswer::OtherQuestion
        });
    }

    // Nothing stands before the question that it could point to, so it is compared as it is.
    let asked = query.question();
    let question_end = HEADER_OCTETS + asked.len();
    let Some(repeated) = response.get(HEADER_OCTETS..question_end) else {
        return Err(NotAnAnswer::OtherQuestion);
    };
    let (name, type_and_class) = repeated.split_at(query.name().len());
    if !name.eq_ignore_ascii_case(query.name()) || type_and_class != &asked[query.name().len()..] {
        return Err(NotAnAnswer::OtherQuestion);
    }
    let mut reading = Reading {
        truncated: header[2] & 0x02 != 0,
        rcode,
        has_opt: false,
        same_case: name == query.name(),
        end: question_end,
    };
    // A truncated answer may be cut anywhere, and none of its records is used.
    if reading.truncated {
        return Ok(reading);
    }

    let records = u32::from(word(6)) + u32::from(word(8)) + u32::from(word(10));
    for _ in 0..records {
        let (rtype, end) = skip_record(response, reading.end).ok_or(NotAnAnswer::Malformed)?;
        reading.has_opt |= rtype == TYPE_OPT;
        reading.end = end;
    }
    Ok(reading)
}

/// The type of the record at `at`, and where the next one begins.
fn skip_record(message: &[u8], at: usize) -> Option<(u16, usize)> {
    let fixed = skip_name(message, at)?;
    let head = message.get(fixed..)?.first_chunk::<10>()?;
    let rtype = u16::from_be_bytes([head[0], head[1]]);
    let data = fixed + head.len();
    let end = data + usize::from(u16::from_be_bytes([head[8], head[9]]));
    if end > message.len() {
        return None;
    }
    names_hold(message, rtype, data, end).then_some((rtype, end))
}

/// Whether the names within a record's data lie inside it and end somewhere. Only the types whose
/// names are met on the way of an answer, or may be compressed at all (RFC 3597 §4); a record
/// without data is left alone.
fn names_hold(message: &[u8], rtype: u16, data: usize, end: usize) -> bool {
    if data == end {
        return true;
    }
    let (skipped, names) = match rtype {
        // NS, CNAME, PTR, DNAME.
        2 | 5 | 12 | 39 => (0, 1),
        // SOA: its server and its mailbox.
        6 => (0, 2),
        // MX: behind the preference.
        15 => (2, 1),
        // SRV: behind priority, weight and port.
        33 => (6, 1),
        _ => return true,
    };
    let mut at = data + skipped;
    for _ in 0..names {
        match skip_name(message, at) {
            Some(next) if next <= end => at = next,
            _ => return false,
        }
    }
    true
}

/// Where what follows the name at `at` begins; none when the name does not end, is longer than a
/// name may be, or points anywhere but strictly backwards (RFC 1035 §4.1.4, RFC 9267 §2).
fn skip_name(message: &[u8], at: usize) -> Option<usize> {
    let mut here = at;
    let mut after = None;
    // Each pointer must lead before the piece it was found in, so that a chase always ends.
    let mut piece = at;
    let mut octets = 0;
    let mut hops = 0;
    loop {
        let length = usize::from(*message.get(here)?);
        match length >> 6 {
            0 if length == 0 => return Some(after.unwrap_or(here + 1)),
            0 => {
                octets += length + 1;
                if octets >= NAME_OCTETS_MAX {
                    return None;
                }
                here += length + 1;
            }
            3 => {
                let target = (length & 0x3f) << 8 | usize::from(*message.get(here + 1)?);
                if target >= piece || target < HEADER_OCTETS {
                    return None;
                }
                hops += 1;
                if hops > HOPS_MAX {
                    return None;
                }
                after.get_or_insert(here + 2);
                here = target;
                piece = target;
            }
            _ => return None,
        }
    }
}
