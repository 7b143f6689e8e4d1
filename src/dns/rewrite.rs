//! Handing on an upstream's answer as it came.
//!
//! [`Response::read`] takes an answer apart once: is it whole, is it about the question, where are
//! its TTLs, which names does it lead to. [`Response::reply`] is then a copy and a few patches, for
//! the first client and for every one the cache serves. Records, their order, their case and types
//! nobody knows stay as they are; only what belongs to one hop is ours: id, flags, OPT, TTLs.

use super::answer::{self, Ede, OPTION_EDE, may_hold_pointers};
use super::rebind::is_of_house;
use super::records::{
    HEADER_OCTETS, MESSAGE_OCTETS_MAX, Malformed, Record, Records, Section, address,
    borrowed_pieces, rtype, skip_name, u16_at, unpack_name,
};
use super::state::State;
use super::svcb::{self, ECH, Param};
use super::wire::{CLASS_IN, Question, rcode};
use crate::name::Name;
use crate::policy::Chain;

/// The longest chain of CNAMEs that is believed.
const CHAIN_MAX: usize = 16;
/// How many targets are looked at. An answer with more is refused: one could hide behind them.
const TARGETS_MAX: usize = 64;
/// Records that room is made for before they are seen: what a message says of itself may be a lie.
const RECORDS_EXPECTED_MAX: usize = 32;
/// How many octets of the upstream's extended errors are passed on.
const EDE_OCTETS_MAX: usize = 256;
/// The TTL of an answer that has run out and serves because upstreams fail (RFC 8767 §4).
pub const STALE_TTL_SECONDS: u32 = 30;
/// EDE "Blocked", "Censored" and "Filtered": whoever answers closes the name (RFC 8914 §4.16 to §4.18).
const EDE_CLOSED: [u16; 3] = [15, 16, 17];
/// EDE "Stale Answer" and "Stale NXDOMAIN Answer" (RFC 8914 §4.4, §4.20).
const EDE_STALE: [u16; 2] = [3, 19];

/// An upstream's answer, taken apart: whole, about the question it was asked, without OPT and
/// without what followed its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, looked at by itself")]
pub struct Response {
    bytes: Box<[u8]>,
    question_end: u16,
    /// Where the TTLs stand.
    ttls: Box<[u16]>,
    /// Where the MINIMUM of each SOA stands.
    minimums: Box<[u16]>,
    /// Where the names stand that lead somewhere, and those they lead to.
    links: Box<[(u16, u16)]>,
    /// What the rules of a state say of `links` together, with the id of that state.
    chain: Option<Box<(u64, Chain)>>,
    /// EDE options, ready to be appended to an OPT record.
    ede: Box<[u8]>,
    min_ttl_seconds: Option<u32>,
    /// The smallest of TTL and MINIMUM of the SOA of the authority section.
    soa_seconds: Option<u32>,
    rcode: u16,
    negative: bool,
    unanswered: bool,
    /// Whether it hands out an address of the house.
    leads_home: bool,
    /// The same without the keys by which a browser hides which site it opens, where it has some.
    without_ech: Option<Box<Response>>,
    /// Whoever answered closes the name.
    closed_upstream: bool,
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged {
    /// Seconds since it came.
    pub age_seconds: u32,
    /// Whether it has run out.
    pub stale: bool,
}

impl Aged {
    /// It came just now.
    pub const NEW: Aged = Aged { age_seconds: 0, stale: false };

    /// What is left of a TTL; in an answer that has run out, [`STALE_TTL_SECONDS`].
    #[must_use]
    pub fn ttl_seconds(self, ttl_seconds: u32) -> u32 {
        if self.stale { STALE_TTL_SECONDS } else { ttl_seconds.saturating_sub(self.age_seconds) }
    }
}

impl Response {
    /// Takes apart an answer to the question for `name` and `qtype`.
    ///
    /// Refused is what does not hold together, is no answer or answers something else, holds two
    /// OPT records, a chain of CNAMEs in a circle or of more than sixteen.
    pub fn read(response: &[u8], name: &Name, qtype: u16) -> Result<Self, Malformed> {
        if response.len() > MESSAGE_OCTETS_MAX {
            return Err(Malformed("it is longer than a message can be"));
        }
        let question_end = check_head(response, name, qtype)?;
        let mut reading = Reading::new(name, qtype, question_end);
        reading.ttls.reserve_exact(counted(response).min(RECORDS_EXPECTED_MAX));
        for record in Records::new(response, question_end) {
            reading.take(response, &record?)?;
        }
        let has_ech = reading.has_ech;
        let mut whole = reading.finish(response)?;
        if has_ech {
            let mut bare = Self::read(&whole.without_ech_written()?, name, qtype)?;
            bare.ede.clone_from(&whole.ede);
            whole.without_ech = Some(Box::new(bare));
        }
        Ok(whole)
    }

    /// What stands for an answer that could not be had: SERVFAIL with this extended error, to be
    /// remembered for a moment (RFC 9520 §3).
    #[must_use]
    pub fn unanswered(name: &Name, qtype: u16, extended_error: u16) -> Self {
        let mut bytes = vec![0; HEADER_OCTETS];
        bytes[2..6].copy_from_slice(&[0x80, 2, 0, 1]);
        bytes.extend_from_slice(name.wire());
        for number in [qtype, CLASS_IN] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let ede: Vec<u8> =
            [OPTION_EDE, 2, extended_error].into_iter().flat_map(u16::to_be_bytes).collect();
        Response {
            // A header, a name and four octets: far below what two octets can say.
            question_end: u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            bytes: bytes.into_boxed_slice(),
            ttls: Box::default(),
            minimums: Box::default(),
            links: Box::default(),
            chain: None,
            ede: ede.into_boxed_slice(),
            min_ttl_seconds: None,
            soa_seconds: None,
            rcode: rcode::SERVFAIL,
            negative: false,
            unanswered: true,
            leads_home: false,
            without_ech: None,
            closed_upstream: false,
        }
    }

    /// Writes the reply to a client that asked this question: its id, its question in its own
    /// case, RA set, AA clear, AD only for who understands it (RFC 6840 §5.8), CD and RD as it set
    /// them, our OPT record if it sent one, every TTL aged and at most `ttl_cap_seconds`.
    ///
    /// The MINIMUM of an SOA is capped too, except for clients that check signatures: it is
    /// signed, and the TTL alone already bounds how long they remember (RFC 2308 §5).
    pub fn reply(
        &self,
        packet: &[u8],
        question: &Question,
        aged: Aged,
        ttl_cap_seconds: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        if question.end != self.question_end() || packet.len() < question.end {
            return Err(Malformed("it answers another question"));
        }
        out.clear();
        out.extend_from_slice(&self.bytes);
        out[..2].copy_from_slice(&question.id.to_be_bytes());
        out[HEADER_OCTETS..question.end].copy_from_slice(&packet[HEADER_OCTETS..question.end]);
        // A negative answer is remembered for its SOA's TTL or MINIMUM (RFC 2308 §5), less its age.
        let life_seconds = match self.soa_seconds.filter(|_| self.negative) {
            Some(seconds) => ttl_cap_seconds.min(aged.ttl_seconds(seconds)),
            None => ttl_cap_seconds,
        };
        let understood = question.authentic_data || question.dnssec_ok();
        out[2] = 0x80 | (out[2] & 0x02) | u8::from(question.recursion_desired);
        out[3] = 0x80
            | if understood { out[3] & 0x20 } else { 0 }
            | if question.checking_disabled { 0x10 } else { 0 }
            | (out[3] & 0x0f);
        for &at in &self.ttls {
            patch(out, at, |ttl| {
                let ttl = if ttl > i32::MAX.unsigned_abs() { 0 } else { ttl };
                aged.ttl_seconds(ttl).min(life_seconds)
            });
        }
        if !question.dnssec_ok() {
            for &at in &self.minimums {
                patch(out, at, |minimum| minimum.min(ttl_cap_seconds));
            }
        }
        if let Some(edns) = question.edns {
            let additionals = u16_at(out, 10).unwrap_or(0).saturating_add(1);
            out[10..12].copy_from_slice(&additionals.to_be_bytes());
            if aged.stale {
                let code = EDE_STALE[usize::from(self.rcode == rcode::NXDOMAIN)];
                answer::opt_with_ede(out, edns, Some(Ede { code, text: "" }));
            } else {
                answer::opt(out, edns, 0, &self.ede);
            }
        }
        Ok(())
    }

    /// The names the answer section leads to, each behind its owner: targets of CNAME and DNAME,
    /// `TargetName`s of SVCB and HTTPS (RFC 9460 §2.4.2), in the order they stand.
    pub fn links(&self) -> impl Iterator<Item = (Name, Name)> + '_ {
        let mut octets = Vec::new();
        let mut name = move |at: u16| {
            octets.clear();
            unpack_name(&self.bytes, usize::from(at), &mut octets).ok()?;
            Name::from_wire(&octets).ok()
        };
        self.links.iter().filter_map(move |&(owner, target)| Some((name(owner)?, name(target)?)))
    }

    /// The same, knowing what the rules in force say of the names it leads to.
    #[must_use]
    pub(super) fn judged_by(mut self, state: &State) -> Self {
        let chain = state.house.policy.chain(self.links().map(|(_, target)| target));
        self.chain = (!self.links.is_empty()).then(|| Box::new((state.id, chain)));
        self
    }

    /// What the rules of this state say of the names it leads to; none where that is not known.
    pub(super) fn chain(&self, state: u64) -> Option<&Chain> {
        self.chain.as_deref().filter(|(id, _)| *id == state).map(|(_, chain)| chain)
    }

    /// Whether it hands out an address of the house ([`is_of_house`]), as a hint of an SVCB
    /// or HTTPS record too.
    #[must_use]
    pub fn leads_home(&self) -> bool {
        self.leads_home
    }

    /// The same answer without the keys of Encrypted Client Hello (RFC 9848), without the signatures
    /// that no longer fit it, and without what only helps; none where it has no such key.
    #[must_use]
    pub fn without_ech(&self) -> Option<&Response> {
        self.without_ech.as_deref()
    }

    /// Writes [`Response::without_ech`]: no name is compressed but those of the question, as the
    /// places that others would point to have moved.
    fn without_ech_written(&self) -> Result<Vec<u8>, Malformed> {
        let message = &self.bytes;
        let mut out = message[..self.question_end()].to_vec();
        // What was changed is no longer authentic.
        out[3] &= !0x20;
        let mut answers: u16 = 0;
        for record in Records::new(message, self.question_end()) {
            let record = record?;
            if record.section != Section::Answer {
                break;
            }
            let is_link = matches!(record.rtype, rtype::CNAME | rtype::DNAME);
            // What another class holds was not looked at.
            let is_known = record.class == CLASS_IN && record.rtype != rtype::RRSIG;
            if !is_known || !is_link && may_hold_pointers(record.rtype) {
                continue;
            }
            unpack_name(message, record.start, &mut out)?;
            out.extend_from_slice(&message[record.fixed..record.data.start]);
            let start = out.len();
            if is_link {
                unpack_name(message, record.data.start, &mut out)?;
            } else if matches!(record.rtype, rtype::SVCB | rtype::HTTPS) {
                out.extend_from_slice(&message[record.data.start..record.data.start + 2]);
                unpack_name(message, record.data.start + 2, &mut out)?;
                for Param { key, whole } in svcb::params(message, &record.data) {
                    if key != ECH {
                        out.extend_from_slice(&message[whole]);
                    }
                }
            } else {
                out.extend_from_slice(&message[record.data]);
            }
            let length = offset(out.len() - start)?;
            out[start - 2..start].copy_from_slice(&length.to_be_bytes());
            answers += 1;
        }
        for (at, count) in [(6, answers), (8, 0), (10, 0)] {
            out[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        Ok(out)
    }

    /// The smallest TTL of all records, in seconds; none without records.
    #[must_use]
    pub fn min_ttl(&self) -> Option<u32> {
        self.min_ttl_seconds
    }

    /// The smaller of TTL and MINIMUM of the SOA in the authority section, in seconds: how long a
    /// negative answer may be remembered (RFC 2308 §5).
    #[must_use]
    pub fn soa_seconds(&self) -> Option<u32> {
        self.soa_seconds
    }

    /// Whether the name does not exist, or has nothing of the type asked (RFC 2308 §2).
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Its response code; one that only EDNS can carry belongs to the hop before and counts as
    /// SERVFAIL.
    #[must_use]
    pub fn rcode(&self) -> u16 {
        self.rcode
    }

    /// Whether nobody answered: a [`Response::unanswered`].
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Whether whoever answered closes the name: it says so (RFC 8914), or every address it gives is
    /// that of nobody, as family resolvers do.
    #[must_use]
    pub fn is_closed_upstream(&self) -> bool {
        self.closed_upstream
    }

    /// Whether it was cut.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.bytes[2] & 0x02 != 0
    }

    /// The message, without OPT.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where its question ends.
    #[must_use]
    pub fn question_end(&self) -> usize {
        usize::from(self.question_end)
    }

    /// How many octets it takes in memory.
    #[must_use]
    pub fn octets(&self) -> usize {
        let offsets = self.ttls.len() + self.minimums.len() + 2 * self.links.len();
        let chain = self.chain.as_deref().map_or(0, size_of_val);
        let bare = self.without_ech.as_deref().map_or(0, Response::octets);
        size_of::<Self>() + chain + self.bytes.len() + 2 * offsets + self.ede.len() + bare
    }
}

/// How many records a message says it has, OPT left out if it has none else in its last section.
fn counted(message: &[u8]) -> usize {
    let counts = [6, 8, 10].map(|at| usize::from(u16_at(message, at).unwrap_or(0)));
    counts[0] + counts[1] + counts[2].saturating_sub(1)
}

/// An answer that is being taken apart.
struct Reading {
    name: Name,
    qtype: u16,
    question_end: usize,
    ttls: Vec<u16>,
    minimums: Vec<u16>,
    /// Where a reply differs from what came: each TTL and MINIMUM, four octets each, in order.
    patched: Vec<usize>,
    links: Vec<(u16, u16)>,
    /// Owner and target of each CNAME met.
    chain: Vec<(Name, Name)>,
    opt: Option<Record>,
    /// Where the last record that is kept ends.
    end: usize,
    /// Records behind OPT, for which it must be taken out from between.
    behind_opt: Vec<Record>,
    min_ttl_seconds: Option<u32>,
    soa_seconds: Option<u32>,
    answered: bool,
    leads_home: bool,
    has_ech: bool,
    /// Addresses that were given, and how many of them are nobody's.
    addresses: (u32, u32),
    scratch: Vec<u8>,
}

impl Reading {
    fn new(name: &Name, qtype: u16, question_end: usize) -> Self {
        Reading {
            name: *name,
            qtype,
            question_end,
            ttls: Vec::new(),
            minimums: Vec::new(),
            patched: Vec::new(),
            links: Vec::new(),
            chain: Vec::new(),
            opt: None,
            end: question_end,
            behind_opt: Vec::new(),
            min_ttl_seconds: None,
            soa_seconds: None,
            answered: false,
            leads_home: false,
            has_ech: false,
            addresses: (0, 0),
            scratch: Vec::with_capacity(64),
        }
    }

    fn take(&mut self, message: &[u8], record: &Record) -> Result<(), Malformed> {
        if record.rtype == rtype::OPT {
            if self.opt.is_some() || record.section != Section::Additional {
                return Err(Malformed("it has OPT where it may not stand"));
            }
            self.opt = Some(record.clone());
            return Ok(());
        }
        let owner = self.name_at(message, record.start)?;
        self.patched.push(record.ttl_at());
        self.check_data(message, record, &owner)?;
        if self.opt.is_some() {
            self.behind_opt.push(record.clone());
            return Ok(());
        }
        self.end = record.data.end;
        let ttl_seconds = record.ttl_seconds();
        self.ttls.push(offset(record.ttl_at())?);
        self.min_ttl_seconds =
            Some(self.min_ttl_seconds.map_or(ttl_seconds, |min| min.min(ttl_seconds)));
        if record.section == Section::Answer {
            self.answered |= record.rtype == self.qtype;
            if record.rtype == self.qtype && matches!(record.rtype, rtype::A | rtype::AAAA) {
                let is_nobody = message[record.data.clone()].iter().all(|&octet| octet == 0);
                self.addresses.0 += 1;
                self.addresses.1 += u32::from(is_nobody);
            }
        }
        Ok(())
    }

    /// The name at `at`, which must be the same in a reply: none of it lies in a TTL or MINIMUM.
    fn name_at(&mut self, message: &[u8], at: usize) -> Result<Name, Malformed> {
        let name = self.name_as_it_came(message, at)?;
        let changes = borrowed_pieces(message, at).any(|piece| {
            let next = self.patched.partition_point(|&place| place + 4 <= piece.start);
            self.patched.get(next).is_some_and(|&place| place < piece.end)
        });
        if changes { Err(Malformed("a name leads through a TTL")) } else { Ok(name) }
    }

    fn name_as_it_came(&mut self, message: &[u8], at: usize) -> Result<Name, Malformed> {
        self.scratch.clear();
        unpack_name(message, at, &mut self.scratch)?;
        Name::from_wire(&self.scratch).map_err(|_| Malformed("a name is none"))
    }

    /// Looks at the RDATA of the types that lead somewhere, and at those whose form matters here.
    fn check_data(
        &mut self,
        message: &[u8],
        record: &Record,
        owner: &Name,
    ) -> Result<(), Malformed> {
        const LENGTH: Malformed = Malformed("a record's length is not that of its type");
        let (at, end) = (record.data.start, record.data.end);
        let in_answer = record.section == Section::Answer;
        let fills = |fine: bool| if fine { Ok(()) } else { Err(LENGTH) };
        if record.class != CLASS_IN {
            return Ok(());
        }
        match record.rtype {
            rtype::A | rtype::AAAA => {
                let found = address(&message[record.data.clone()]);
                self.leads_home |= in_answer && found.is_some_and(is_of_house);
                fills(found.is_some_and(|found| found.is_ipv4() == (record.rtype == rtype::A)))
            }
            rtype::CNAME | rtype::DNAME | rtype::NS | rtype::PTR => {
                let target = self.name_at(message, at)?;
                fills(skip_name(message, at)? == end)?;
                if in_answer && matches!(record.rtype, rtype::CNAME | rtype::DNAME) {
                    self.target(record.start, at, &target)?;
                }
                if in_answer && record.rtype == rtype::CNAME {
                    self.link(*owner, target)?;
                }
                Ok(())
            }
            rtype::SOA => {
                self.name_at(message, at)?;
                let rname = skip_name(message, at)?;
                self.name_at(message, rname)?;
                let values = skip_name(message, rname)?;
                fills(values + 20 == end)?;
                let minimum = message[end - 4..end].try_into().map_or(0, u32::from_be_bytes);
                self.patched.push(end - 4);
                if self.opt.is_none() {
                    self.minimums.push(offset(end - 4)?);
                }
                if record.section == Section::Authority {
                    self.soa_seconds = Some(minimum.min(record.ttl_seconds()));
                }
                Ok(())
            }
            rtype::MX => {
                self.name_at(message, at + 2)?;
                fills(skip_name(message, at + 2)? == end)
            }
            rtype::SVCB | rtype::HTTPS if in_answer => {
                let target = self.name_at(message, at + 2)?;
                fills(skip_name(message, at + 2)? <= end)?;
                self.has_ech |= svcb::params(message, &record.data).any(|param| param.key == ECH);
                self.leads_home |= svcb::hints(message, &record.data).any(is_of_house);
                self.target(record.start, at + 2, &target)
            }
            _ => Ok(()),
        }
    }

    fn target(&mut self, owner: usize, at: usize, target: &Name) -> Result<(), Malformed> {
        // The root stands for the owner itself, or for nothing at all (RFC 9460 §2.5).
        if *target == Name::ROOT {
            return Ok(());
        }
        if self.links.len() == TARGETS_MAX {
            return Err(Malformed("it leads to too many names"));
        }
        self.links.push((offset(owner)?, offset(at)?));
        Ok(())
    }

    /// Adds a CNAME to the chain. In a chain every name is led to once, by one other.
    fn link(&mut self, owner: Name, target: Name) -> Result<(), Malformed> {
        if self.chain.contains(&(owner, target)) {
            return Ok(());
        }
        let circle = target == owner
            || target == self.name
            || self.chain.iter().any(|(_, earlier)| *earlier == target);
        if circle || self.chain.len() == CHAIN_MAX {
            return Err(Malformed("its CNAMEs lead in a circle, or too far"));
        }
        self.chain.push((owner, target));
        Ok(())
    }

    fn finish(mut self, message: &[u8]) -> Result<Response, Malformed> {
        let mut bytes = message[..self.end].to_vec();
        let additionals = u16_at(message, 10).unwrap_or(0);
        let (mut dropped, mut ede, mut extended) = (0, Vec::new(), false);
        if let Some(opt) = self.opt.take() {
            extended = opt.ttl >> 24 != 0;
            ede = extended_errors(&message[opt.data.clone()]);
            let behind = self.behind_opt.len();
            dropped = 1 + behind - self.move_up(message, &opt, &mut bytes)?;
        }
        let dropped = u16::try_from(dropped).unwrap_or(u16::MAX);
        bytes[10..12].copy_from_slice(&additionals.saturating_sub(dropped).to_be_bytes());

        let (given, of_nobody) = self.addresses;
        let closed_upstream = given > 0 && given == of_nobody || says_closed(&ede);
        let mut code = u16::from(bytes[3] & 15);
        if extended {
            code = rcode::SERVFAIL;
            bytes[3] = (bytes[3] & 0xf0) | 2;
        }
        Ok(Response {
            chain: None,
            bytes: bytes.into_boxed_slice(),
            question_end: offset(self.question_end)?,
            ttls: self.ttls.into_boxed_slice(),
            minimums: self.minimums.into_boxed_slice(),
            links: self.links.into_boxed_slice(),
            ede: ede.into_boxed_slice(),
            min_ttl_seconds: self.min_ttl_seconds,
            soa_seconds: self.soa_seconds,
            rcode: code,
            negative: code == rcode::NXDOMAIN || (code == rcode::NOERROR && !self.answered),
            unanswered: false,
            leads_home: self.leads_home,
            without_ech: None,
            closed_upstream,
        })
    }

    /// Closes the gap that OPT leaves between records, and says how many moved. Owner names that
    /// point behind it are turned; where RDATA might, the rest is left out: additional records
    /// help, and nothing before them can point to them.
    fn move_up(
        &mut self,
        message: &[u8],
        opt: &Record,
        bytes: &mut Vec<u8>,
    ) -> Result<usize, Malformed> {
        let gap = opt.data.end - opt.start;
        let mut moved = 0;
        self.patched.retain(|&place| place < opt.start);
        for record in std::mem::take(&mut self.behind_opt) {
            if may_hold_pointers(record.rtype) {
                break;
            }
            let begin = bytes.len();
            bytes.extend_from_slice(&message[record.start..record.data.end]);
            let pointer_at = record.fixed - 2;
            let compressed = pointer_at >= record.start && ends_in_pointer(message, &record);
            if let (true, Some(pointer)) = (compressed, u16_at(message, pointer_at)) {
                let target = usize::from(pointer & 0x3fff);
                if target >= opt.data.end {
                    let turned = 0xc000 | offset(target - gap)?;
                    let at = begin + (pointer_at - record.start);
                    bytes[at..at + 2].copy_from_slice(&turned.to_be_bytes());
                }
            }
            // A name that led through OPT itself is not what it was.
            let was = self.name_as_it_came(message, record.start)?;
            let is = self.name_at(bytes, begin);
            if is != Ok(was) {
                bytes.truncate(begin);
                break;
            }
            let ttl_seconds = record.ttl_seconds();
            let ttl_at = begin + record.ttl_at() - record.start;
            self.patched.push(ttl_at);
            self.ttls.push(offset(ttl_at)?);
            self.min_ttl_seconds =
                Some(self.min_ttl_seconds.map_or(ttl_seconds, |min| min.min(ttl_seconds)));
            moved += 1;
        }
        Ok(moved)
    }
}

/// Whether a record's owner name ends in a pointer rather than in the root's zero octet.
fn ends_in_pointer(message: &[u8], record: &Record) -> bool {
    let mut at = record.start;
    while at < record.fixed {
        match message[at] {
            0xc0.. => return true,
            length => at += 1 + usize::from(length),
        }
    }
    false
}

/// Checks header and question, and says where the question ends.
fn check_head(response: &[u8], name: &Name, qtype: u16) -> Result<usize, Malformed> {
    let header: &[u8; HEADER_OCTETS] =
        response.first_chunk().ok_or(Malformed("it has no whole header"))?;
    if header[2] & 0xf8 != 0x80 {
        return Err(Malformed("it is no answer to a query"));
    }
    if header[4..6] != [0, 1] {
        return Err(Malformed("it does not repeat the question"));
    }
    let asked = name.wire();
    let end = HEADER_OCTETS + asked.len() + 4;
    let question = response.get(HEADER_OCTETS..end).ok_or(Malformed("its question is cut"))?;
    let (repeated, kind) = question.split_at(asked.len());
    let [high, low] = qtype.to_be_bytes();
    if !repeated.eq_ignore_ascii_case(asked) || kind != [high, low, 0, 1] {
        return Err(Malformed("it answers another question"));
    }
    Ok(end)
}

/// The extended errors among the options of an OPT record, as they stand. Cookies, padding,
/// keepalive and client subnets belong to the hop before (RFC 6891 §6.2.6).
fn extended_errors(mut options: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while let (Some(code), Some(length)) = (u16_at(options, 0), u16_at(options, 2)) {
        let end = 4 + usize::from(length);
        let Some(option) = options.get(..end) else { break };
        if code == OPTION_EDE && length >= 2 && kept.len() + end <= EDE_OCTETS_MAX {
            kept.extend_from_slice(option);
        }
        options = &options[end..];
    }
    kept
}

/// Whether one of these extended errors says that the name is closed.
fn says_closed(mut options: &[u8]) -> bool {
    while let (Some(length), Some(code)) = (u16_at(options, 2), u16_at(options, 4)) {
        if EDE_CLOSED.contains(&code) {
            return true;
        }
        options = options.get(4 + usize::from(length)..).unwrap_or_default();
    }
    false
}

/// An offset: no message is longer than two octets can say.
fn offset(at: usize) -> Result<u16, Malformed> {
    u16::try_from(at).map_err(|_| Malformed("it is longer than a message can be"))
}

fn patch(out: &mut [u8], at: u16, change: impl Fn(u32) -> u32) {
    let at = usize::from(at);
    if let Some(octets) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *octets = change(u32::from_be_bytes(*octets)).to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
