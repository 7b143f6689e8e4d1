//! Answers, read without either program's code, and in which fields two of them differ.

use std::collections::BTreeSet;

/// A field in which two answers differ, with what each has.
pub(super) type Difference = (&'static str, String, String);

/// The types whose RDATA hold names that may be compressed (RFC 3597 §4), with what stands before
/// and how many names there are.
const COMPRESSIBLE: &[(u16, usize, usize)] =
    &[(2, 0, 1), (5, 0, 1), (6, 0, 2), (12, 0, 1), (15, 2, 1)];
/// The words of the response codes (RFC 6895 §2.3).
const CODES: &[&str] = &[
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];
/// The header's flags.
const FLAGS: &[(&str, u16)] = &[
    ("QR", 0x8000),
    ("AA", 0x0400),
    ("TC", 0x0200),
    ("RD", 0x0100),
    ("RA", 0x0080),
    ("Z", 0x0040),
    ("AD", 0x0020),
    ("CD", 0x0010),
];
/// The second or two that one program has kept an answer longer than the other.
const TTL_APART_MAX: u32 = 2;

/// An answer.
#[derive(Debug)]
pub(super) struct Read {
    id: u16,
    flags: u16,
    code: u16,
    question: Vec<u8>,
    sections: [Vec<Record>; 3],
    /// Version and flags.
    opt: Option<(u8, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    owner: Vec<u8>,
    rtype: u16,
    class: u16,
    rdata: Vec<u8>,
    ttl: u32,
}

impl Read {
    /// An answer; none when it does not hold together.
    pub(super) fn of(octets: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_be_bytes([*octets.get(at)?, *octets.get(at + 1)?]));
        let mut at = 12;
        for _ in 0..number(4)? {
            at = name_at(octets, at)?.1 + 4;
        }
        let question = octets.get(12..at)?.to_vec();
        let mut read = Read {
            id: number(0)?,
            flags: number(2)? & !0x000f,
            code: number(2)? & 0x000f,
            question,
            sections: [Vec::new(), Vec::new(), Vec::new()],
            opt: None,
        };
        for section in 0..3 {
            for _ in 0..number(6 + 2 * section)? {
                let (owner, fixed) = name_at(octets, at)?;
                let (rtype, class) = (number(fixed)?, number(fixed + 2)?);
                let ttl = u32::from(number(fixed + 4)?) << 16 | u32::from(number(fixed + 6)?);
                let data = fixed + 10;
                at = data + usize::from(number(fixed + 8)?);
                octets.get(data..at)?;
                if rtype == 41 {
                    let [high, version, flags @ ..] = ttl.to_be_bytes();
                    read.code |= u16::from(high) << 4;
                    read.opt = Some((version, u16::from_be_bytes(flags)));
                    continue;
                }
                let rdata = rdata_at(octets, rtype, data, at)?;
                read.sections[section].push(Record { owner, rtype, class, rdata, ttl });
            }
        }
        Some(read)
    }

    /// Whether it answers this packet.
    pub(super) fn answers(&self, packet: &[u8]) -> bool {
        packet[..2] == self.id.to_be_bytes()
    }

    fn code(&self) -> String {
        let word = CODES.get(usize::from(self.code));
        word.map_or_else(|| format!("code {}", self.code), |&word| word.to_owned())
    }
}

/// In which fields two answers differ: theirs is the second.
pub(super) fn differences(ours: &Read, theirs: &Read) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    let mut note = |field, ours: String, theirs: String| {
        if ours != theirs {
            found.push((field, ours, theirs));
        }
    };
    note("code", ours.code(), theirs.code());
    for &(word, flag) in FLAGS {
        let has = |read: &Read| u16::from(read.flags & flag != 0).to_string();
        note(word, has(ours), has(theirs));
    }
    let opcode = |read: &Read| (read.flags >> 11 & 15).to_string();
    note("opcode", opcode(ours), opcode(theirs));
    let question = |read: &Read| if read.question.is_empty() { "none" } else { "there" }.to_owned();
    note("question", question(ours), question(theirs));
    if !ours.question.is_empty() && !theirs.question.is_empty() {
        note("question's octets", shown(&ours.question), shown(&theirs.question));
    }
    let opt = |read: &Read| match read.opt {
        Some((version, flags)) => format!("version {version}, flags {flags:04x}"),
        None => "none".to_owned(),
    };
    note("OPT", opt(ours), opt(theirs));
    for (field, place) in [("answer", 0), ("authority", 1), ("additional", 2)] {
        let (ours, theirs) = (&ours.sections[place], &theirs.sections[place]);
        compare(field, ours, theirs, &mut note);
    }
    found
}

/// Two sections, their records in any order.
fn compare(
    field: &'static str,
    ours: &[Record],
    theirs: &[Record],
    note: &mut impl FnMut(&'static str, String, String),
) {
    let lower = |records: &[Record]| {
        let lower = records.iter().map(|record| {
            (record.owner.to_ascii_lowercase(), record.rtype, record.class, record.rdata.clone())
        });
        let mut lower: Vec<_> = lower.collect();
        lower.sort();
        lower
    };
    let types = |records: &[Record]| {
        let types: Vec<String> = records.iter().map(|record| record.rtype.to_string()).collect();
        format!(
            "{} of {}",
            records.len(),
            types
                .iter()
                .cloned()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(" ")
        )
    };
    if lower(ours) != lower(theirs) {
        let same_set = {
            let (a, b) = (lower(ours), lower(theirs));
            a.iter().all(|one| b.contains(one)) && b.iter().all(|one| a.contains(one))
        };
        if same_set {
            note(field, "with what is there twice".to_owned(), "each once".to_owned());
        } else if ours.len() == theirs.len() {
            note(field, types(ours), format!("{}, others", types(theirs)));
        } else {
            let count = |records: &[Record]| match records.len() {
                0 => "none".to_owned(),
                _ => "some".to_owned(),
            };
            let (o, t) = (count(ours), count(theirs));
            if o == t {
                note(field, types(ours), types(theirs));
            } else {
                note(field, o, t);
            }
        }
        return;
    }
    let mut sorted = [ours.to_vec(), theirs.to_vec()];
    for records in &mut sorted {
        records.sort_by_key(|record| {
            (record.owner.to_ascii_lowercase(), record.rtype, record.rdata.clone(), record.ttl)
        });
    }
    let [a, b] = sorted;
    for (ours, theirs) in a.iter().zip(&b) {
        if ours.owner != theirs.owner {
            note("case", shown(&ours.owner), shown(&theirs.owner));
        }
        if ours.ttl.abs_diff(theirs.ttl) > TTL_APART_MAX {
            note("TTL", ours.ttl.to_string(), theirs.ttl.to_string());
        }
    }
}

fn shown(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

/// The name that begins here, unpacked, and where what follows it begins.
fn name_at(octets: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut at, mut end) = (Vec::new(), start, None);
    // No name has more labels, so that one that points in a circle ends.
    for _ in 0..256 {
        let length = usize::from(*octets.get(at)?);
        match length {
            0 => {
                name.push(0);
                return Some((name, end.unwrap_or(at + 1)));
            }
            1..=63 => {
                name.extend(octets.get(at..=at + length)?);
                at += 1 + length;
            }
            _ => {
                end = end.or(Some(at + 2));
                at = (length & 0x3f) << 8 | usize::from(*octets.get(at + 1)?);
            }
        }
    }
    None
}

/// RDATA with their names unpacked.
fn rdata_at(octets: &[u8], rtype: u16, start: usize, end: usize) -> Option<Vec<u8>> {
    let Some(&(_, before, names)) = COMPRESSIBLE.iter().find(|kind| kind.0 == rtype) else {
        return octets.get(start..end).map(<[u8]>::to_vec);
    };
    let mut rdata = octets.get(start..start + before)?.to_vec();
    let mut at = start + before;
    for _ in 0..names {
        let (name, next) = name_at(octets, at)?;
        rdata.extend(name);
        at = next;
    }
    rdata.extend(octets.get(at..end)?);
    Some(rdata)
}
