//! Walking over the records of a message, on its bytes.
//!
//! Shared by the question's parser and by what reads and cuts answers. It knows where a record
//! begins and ends and how a compressed name is unpacked, and nothing of what a record means.
//! Start at [`Records`].

use std::net::IpAddr;
use std::ops::Range;

use crate::name::NAME_OCTETS_MAX;

/// The octets of a message's header (RFC 1035 §4.1.1).
pub const HEADER_OCTETS: usize = 12;
/// The largest message: its length has two octets on TCP (RFC 1035 §4.2.2).
pub const MESSAGE_OCTETS_MAX: usize = 65_535;
/// How many compression pointers one name may pass: more labels than a name may have need none.
const POINTERS_MAX: usize = 127;

/// The type numbers that are treated in some way of their own.
pub mod rtype {
    #![expect(missing_docs, reason = "each is the mnemonic of the IANA registry")]
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const MR: u16 = 9;
    pub const PTR: u16 = 12;
    pub const HINFO: u16 = 13;
    pub const MINFO: u16 = 14;
    pub const MX: u16 = 15;
    pub const RP: u16 = 17;
    pub const SIG: u16 = 24;
    pub const PX: u16 = 26;
    pub const AAAA: u16 = 28;
    pub const NXT: u16 = 30;
    pub const SRV: u16 = 33;
    pub const KX: u16 = 36;
    pub const A6: u16 = 38;
    pub const DNAME: u16 = 39;
    pub const OPT: u16 = 41;
    pub const RRSIG: u16 = 46;
    pub const SVCB: u16 = 64;
    pub const HTTPS: u16 = 65;
    pub const TKEY: u16 = 249;
    pub const MAILA: u16 = 254;
    pub const ANY: u16 = 255;
}

/// A message that does not hold together: a fragment that follows "the message is malformed: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// The part of a message a record stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who is responsible.
    Authority,
    /// What may help.
    Additional,
}

/// Where a record lies in its message.
#[derive(Debug, Clone)]
pub struct Record {
    /// The section that counts it.
    pub section: Section,
    /// Where its owner name begins.
    pub start: usize,
    /// Where its fixed part begins: type, class, TTL, length.
    pub fixed: usize,
    /// Its type.
    pub rtype: u16,
    /// Its class; for OPT the sender's UDP size.
    pub class: u16,
    /// Its TTL in seconds as it stands; for OPT extended RCODE, version and flags.
    pub ttl: u32,
    /// Where its RDATA lie; the next record begins at the end.
    pub data: Range<usize>,
}

impl Record {
    /// Where its TTL stands.
    #[must_use]
    pub fn ttl_at(&self) -> usize {
        self.fixed + 4
    }

    /// Its TTL in seconds; one with the highest bit set counts as none (RFC 2181 §8).
    #[must_use]
    pub fn ttl_seconds(&self) -> u32 {
        if self.ttl > i32::MAX.unsigned_abs() { 0 } else { self.ttl }
    }
}

/// The records of a message, one after another; after a mistake there are no more.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
    answers: u16,
    authorities: u16,
    additionals: u16,
}

impl<'a> Records<'a> {
    /// The records the header counts, from `at`, where the questions end.
    #[must_use]
    pub fn new(message: &'a [u8], at: usize) -> Self {
        Records {
            message,
            at,
            answers: u16_at(message, 6).unwrap_or(0),
            authorities: u16_at(message, 8).unwrap_or(0),
            additionals: u16_at(message, 10).unwrap_or(0),
        }
    }

    fn read(&mut self, section: Section) -> Result<Record, Malformed> {
        const CUT: Malformed = Malformed("a record is cut short");
        let start = self.at;
        let fixed = skip_name(self.message, start)?;
        let head = self.message.get(fixed..).and_then(<[u8]>::first_chunk::<10>).ok_or(CUT)?;
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let data = fixed + 10..fixed + 10 + length;
        if data.end > self.message.len() {
            return Err(CUT);
        }
        self.at = data.end;
        Ok(Record {
            section,
            start,
            fixed,
            rtype: u16::from_be_bytes([head[0], head[1]]),
            class: u16::from_be_bytes([head[2], head[3]]),
            ttl: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            data,
        })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let section = if self.answers > 0 {
            self.answers -= 1;
            Section::Answer
        } else if self.authorities > 0 {
            self.authorities -= 1;
            Section::Authority
        } else if self.additionals > 0 {
            self.additionals -= 1;
            Section::Additional
        } else {
            return None;
        };
        let record = self.read(section);
        if record.is_err() {
            (self.answers, self.authorities, self.additionals) = (0, 0, 0);
        }
        Some(record)
    }
}

/// The two octets at `at`.
#[must_use]
pub fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

/// The address whose octets these are; none where they are too many or too few.
#[must_use]
pub fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(octets).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(octets).ok().map(IpAddr::from);
    v4().or_else(v6)
}

/// Where the name at `at` ends in the message. Its pointers are not followed.
pub fn skip_name(message: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let begin = at;
    loop {
        let length = *message.get(at).ok_or(Malformed("a name is cut short"))?;
        match length {
            0 => return Ok(at + 1),
            1..=63 => at += 1 + usize::from(length),
            0xc0.. if at + 1 < message.len() => return Ok(at + 2),
            _ => return Err(Malformed("a label's length is none")),
        }
        if at - begin >= NAME_OCTETS_MAX {
            return Err(Malformed("a name is too long"));
        }
    }
}

/// Appends the name at `at` to `into`, uncompressed and in its own case, and says where it ends in
/// the message. A pointer may only lead to a name that stands whole before the labels that hold it,
/// and never into the header (RFC 9267 §2): so every name ends.
pub fn unpack_name(message: &[u8], at: usize, into: &mut Vec<u8>) -> Result<usize, Malformed> {
    let begin = into.len();
    let (mut at, mut start, mut bound) = (at, at, message.len());
    let (mut end, mut pointers) = (None, 0);
    loop {
        let length = *message.get(at).ok_or(Malformed("a name is cut short"))?;
        match length {
            0..=63 => {
                let next = at + 1 + usize::from(length);
                let label = message.get(at..next).ok_or(Malformed("a name is cut short"))?;
                if next > bound {
                    return Err(Malformed("a compression pointer leads in a circle"));
                }
                if into.len() - begin + label.len() > NAME_OCTETS_MAX {
                    return Err(Malformed("a name is too long"));
                }
                into.extend_from_slice(label);
                if length == 0 {
                    return Ok(end.unwrap_or(next));
                }
                at = next;
            }
            0xc0.. => {
                let pointer = u16_at(message, at).ok_or(Malformed("a name is cut short"))?;
                let target = usize::from(pointer & 0x3fff);
                pointers += 1;
                if target >= start || target < HEADER_OCTETS || pointers > POINTERS_MAX {
                    return Err(Malformed("a compression pointer leads nowhere"));
                }
                end.get_or_insert(at + 2);
                (at, start, bound) = (target, target, start);
            }
            64..=0xbf => return Err(Malformed("a label's length is none")),
        }
    }
}

/// Where the pieces lie that the name at `at`, which [`unpack_name`] took, has by pointers.
pub fn borrowed_pieces(message: &[u8], at: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    // A piece, and where the next one begins.
    let piece = |start: usize| {
        let mut at = start;
        loop {
            match *message.get(at)? {
                0 => return Some((start..at + 1, None)),
                length @ 1..=63 => at += 1 + usize::from(length),
                _ => {
                    let target = usize::from(u16_at(message, at)? & 0x3fff);
                    return Some((start..at + 2, Some(target)));
                }
            }
        }
    };
    std::iter::successors(piece(at), move |(_, next)| piece((*next)?))
        .skip(1)
        .map(|(piece, _)| piece)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pointers_lead_backwards_only() {
        let mut message = vec![0; HEADER_OCTETS];
        message.extend_from_slice(b"\x01a\x01B\x00\x03www\xc0\x0c\xc0\x16\xc0\x1c\xc0\x00");
        let name = |at| {
            let mut name = Vec::new();
            unpack_name(&message, at, &mut name).map(|end| (name, end))
        };
        assert_eq!(name(12).unwrap(), (b"\x01a\x01B\x00".to_vec(), 17));
        assert_eq!(name(17).unwrap(), (b"\x03www\x01a\x01B\x00".to_vec(), 23));
        assert!(name(23).is_err(), "a pointer to the pointer before it leads into a label");
        assert!(name(27).is_err(), "a pointer into the header");
    }

    proptest! {
        #[test]
        fn any_octets_end(octets in proptest::collection::vec(any::<u8>(), 0..600), at in 0usize..600) {
            let mut name = Vec::new();
            if let Ok(end) = unpack_name(&octets, at, &mut name) {
                prop_assert_eq!(Ok(end), skip_name(&octets, at));
                prop_assert!(crate::name::Name::from_wire(&name).is_ok());
            }
            prop_assert!(Records::new(&octets, 12).count() <= octets.len() / 11 + 1);
        }
    }
}
