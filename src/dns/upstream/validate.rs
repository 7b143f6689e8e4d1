//! Checking signatures (DNSSEC, RFC 4035).
//!
//! The validator is hickory's: chains of keys, proofs that a name does not exist, wildcards, NSEC3.
//! Here stands what is ours: what it asks goes to our own upstreams ([`Asker`]), what it may cost is
//! bounded, and what it found becomes one word about a whole answer ([`Security`]). The answer that
//! is handed on is the upstream's own, octet by octet; only AD is ours, and for a client that does
//! not want them the signatures are left out (`strip.rs`). Start at [`Validator::ask`].
//!
//! ```text
//! question ─► upstream, with DO and CD ─► hickory ─┬─ secure   ─► AD
//!                       ▲                          ├─ insecure ─► as it came, without AD
//!                       └─ keys (DNSKEY, DS), cuts ┴─ bogus    ─► a failure with its extended error
//! ```
//!
//! What a hostile zone can make us do (CVE-2023-50387, CVE-2023-50868) is bounded four times: keys and
//! signatures of one message, signatures of one question, questions of one question, and its time;
//! NSEC3 beyond [`ITERATIONS_MAX`] counts as unsigned (RFC 9276 §3.2). hickory itself tries two keys
//! for a key tag.
//!
//! What hickory cannot do: an anchor is a key, never a DS record; keys are not rolled by themselves
//! (RFC 5011); and it reads records into types, so an answer with one it cannot read is only passed
//! where its zone is not signed.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::runtime::{RuntimeProvider, Time, TokioHandle, TokioRuntimeProvider, TokioTime};
use hickory_net::xfer::{DnsHandle, FirstAnswer as _};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::dnssec::{Algorithm, Proof, PublicKeyBuf, TrustAnchors};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};
use hickory_proto::rr::{Name as TheirName, RData, Record, RecordType, SerialNumber};
use hickory_proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use jiff::Timestamp;

use super::Asking;
use super::flight::{self, Carried, Flights, Outcome, Seat};
use super::query::Question;
use super::strip::without_signatures;
use super::trouble::Failure;
use crate::clock::Tick;
use crate::config::settings::Anchors;
use crate::dns::records::{HEADER_OCTETS, Records, rtype, skip_name};
use crate::dns::rewrite::Response;
use crate::dns::wire::rcode;
use crate::name::Name;

/// Signatures looked at in one message: an answer with a chain of names and its proofs has a dozen.
const SIGNATURES_PER_MESSAGE_MAX: usize = 48;
/// Keys looked at in one message: zones that are rolling their keys have up to eight.
const KEYS_PER_MESSAGE_MAX: usize = 16;
/// Signatures looked at for one question altogether: some ten zones from the root down.
const SIGNATURES_MAX: u32 = 256;
/// Questions asked to check one: two for each zone from the root down, one for each label where
/// zones begin, and room for a chain of names.
const QUESTIONS_MAX: u32 = 64;
/// Links of one answer that are looked up apart: who has more hides something.
const LINKS_MAX: usize = 8;
/// NSEC3 with more iterations counts as unsigned (RFC 9276 §3.2).
const ITERATIONS_MAX: u16 = 100;

/// Keys and cuts remembered, of some hundred zones: what a household visits.
const KEPT_MAX: usize = 512;
/// Sets of records that hickory remembers to have checked, with some hundred octets each.
const PROOFS_MAX: usize = 2_048;
/// The longest they are: an hour, so that a zone that rolls its keys is seen to.
const KEPT_MILLIS_MAX: u64 = 3_600_000;

/// EDE: what could not be decided (RFC 8914 §4.6), and why something is bogus (§4.7 to §4.13).
const EDE_INDETERMINATE: u16 = 5;
const EDE_BOGUS: u16 = 6;
const EDE_EXPIRED: u16 = 7;
const EDE_NOT_YET_VALID: u16 = 8;
const EDE_RRSIGS_MISSING: u16 = 10;
const EDE_NSEC_MISSING: u16 = 12;

/// The bit of AD in the fourth octet of a message (RFC 4035 §3.2.3).
const AD: u8 = 0x20;

/// Checks what one group of upstreams says.
pub(super) struct Validator {
    handle: DnssecDnsHandle<Asker>,
    /// Identical questions are checked once.
    flights: Arc<Flights>,
}

/// Asks upstreams for the validator.
#[derive(Clone)]
struct Asker {
    asking: Arc<Asking>,
    kept: Arc<Mutex<HashMap<Question, Kept>>>,
}

/// Keys and cuts of a zone, as they came.
struct Kept {
    octets: Arc<[u8]>,
    until: Tick,
}

/// What is known of an answer, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Security {
    /// It should be signed, and is not, or wrongly.
    Bogus,
    /// Its zone is not signed.
    Insecure,
    /// Signed, from an anchor down.
    Secure,
}

tokio::task_local! {
    /// The question that is being checked, for what hickory calls without telling for whom.
    static WORK: Arc<Work>;
}

/// What checking one question has at hand.
struct Work {
    /// The time signatures are judged by, in seconds since 1970.
    now_seconds: u64,
    questions_left: AtomicU32,
    signatures_left: AtomicU32,
    /// Answers that are known already, as hickory is to see them.
    main: (Question, Message),
    /// Why something that was needed could not be had.
    failure: OnceLock<Failure>,
}

/// The validator's view of the world around it: it has no sockets and no clock of its own.
#[derive(Clone)]
struct Within;

/// The time of [`Work`].
#[derive(Clone, Copy)]
struct OfWork;

// === impl Validator ===

impl Validator {
    pub(super) fn new(asking: Arc<Asking>, anchors: &Anchors) -> Self {
        let trusted = match anchors {
            Anchors::Iana => TrustAnchors::default(),
            Anchors::Own(own) => {
                let mut trusted = TrustAnchors::empty();
                for anchor in own {
                    let Some(zone) = their_name(&anchor.zone) else { continue };
                    let algorithm = Algorithm::from_u8(anchor.algorithm);
                    let key = PublicKeyBuf::new(anchor.key.clone(), algorithm);
                    trusted.insert_with_name(&key, zone.into());
                }
                trusted
            }
        };
        let handle = DnssecDnsHandle::with_trust_anchor(
            Asker { asking, kept: Arc::default() },
            Arc::new(trusted),
        )
        .nsec3_iteration_limits(Some(ITERATIONS_MAX), Some(u16::MAX))
        .validation_cache_size(PROOFS_MAX)
        .positive_validation_ttl(Duration::ZERO..=Duration::from_millis(KEPT_MILLIS_MAX));
        Validator { handle, flights: Arc::default() }
    }

    /// Asks and checks, within `span`. The answer has AD where it is secure, and no signatures
    /// unless they were asked for; what is bogus is a failure.
    pub(super) async fn ask(
        &self,
        question: &Arc<Question>,
        now: Timestamp,
        span: Duration,
    ) -> Outcome {
        match self.flights.board(question)? {
            Seat::Other(told) => flight::wait(told).await,
            Seat::First(landing) => {
                let handle = self.handle.clone();
                let question = Arc::clone(question);
                let asking = async move {
                    let checking = check(&handle, &question, now);
                    let outcome = tokio::time::timeout(span, checking).await;
                    let outcome = outcome.unwrap_or_else(|_| Err(Failure::unchecked_in_time()));
                    landing.land(&outcome);
                    outcome
                };
                Carried::new(asking).await
            }
        }
    }
}

/// Asks upstream for the answer with its signatures, and has it checked.
async fn check(handle: &DnssecDnsHandle<Asker>, asked: &Question, now: Timestamp) -> Outcome {
    let signed = Arc::new(asked.with_signatures());
    let octets = handle.inner().asking.ask(&signed).await?;
    let is_closed = || {
        let response = Response::read(&octets, asked.name(), asked.qtype());
        response.is_ok_and(|response| response.is_closed_upstream())
    };
    if !is_said(&octets) || is_closed() {
        // Nothing in it that could be believed; or a resolver that closes names, which nobody can
        // prove, and which opens nothing.
        return Ok(with_ad(octets, false));
    }
    let now_seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let security = if let Ok(message) = Message::from_vec(&octets) {
        judge(handle, &signed, message, now_seconds).await?
    } else {
        // Not even to be read. Where its zone is not signed, that is nobody's business here.
        let cut = signed.of_type(u16::from(RecordType::DS));
        if judge_apart(handle, cut, now_seconds).await? != Security::Insecure {
            return Err(Failure::bogus(EDE_INDETERMINATE, "it cannot be read"));
        }
        Security::Insecure
    };
    if security == Security::Bogus {
        let (code, why) = why_bogus(&octets, now_seconds);
        return Err(Failure::bogus(code, why));
    }
    let mut octets = with_ad(octets, security == Security::Secure);
    if security == Security::Secure {
        cap_ttls(&mut octets, now_seconds);
    }
    let wants = asked.wants_signatures();
    Ok(if wants { octets } else { without_signatures(octets, asked.qtype()) })
}

/// Judges an answer that was read.
async fn judge(
    handle: &DnssecDnsHandle<Asker>,
    question: &Question,
    message: Message,
    now_seconds: u64,
) -> Result<Security, Failure> {
    let Some(name) = their_name(question.name()) else { return Ok(Security::Bogus) };
    let qtype = RecordType::from(question.qtype());
    let links = message
        .answers
        .iter()
        .any(|record| record.record_type() == RecordType::CNAME && record.name == name);
    if !links || qtype == RecordType::CNAME || qtype == RecordType::ANY {
        return judge_one(handle, question, message, now_seconds).await;
    }
    // Along a chain of names every proof is about another of them, and hickory looks only at the
    // first. So the records are judged here, and what has to be proved of a name is asked apart.
    let proofs = proofs_needed(&message, &name, qtype);
    let mut worst = judge_one(handle, question, message, now_seconds).await?;
    for (name, qtype) in proofs {
        if worst != Security::Secure {
            break;
        }
        let Some(name) = our_name(&name) else { return Ok(Security::Bogus) };
        let apart = question.of_name_and_type(name, u16::from(qtype));
        worst = worst.min(judge_apart(handle, apart, now_seconds).await?);
    }
    Ok(worst)
}

/// Of which names of a chain something has to be proved: that a wildcard's answer hides no nearer
/// name, and that the last one has nothing of what was asked.
fn proofs_needed(
    message: &Message,
    name: &TheirName,
    qtype: RecordType,
) -> Vec<(TheirName, RecordType)> {
    let mut needed = Vec::new();
    for record in &message.answers {
        if let Some(signature) = signature(record)
            && signature.input().num_labels < record.name.num_labels()
        {
            needed.push((record.name.clone(), signature.input().type_covered));
        }
    }
    let mut last = name;
    for _ in 0..message.answers.len() {
        let next = message.answers.iter().find_map(|record| {
            let RData::CNAME(target) = &record.data else { return None };
            (record.name == *last).then_some(&target.0)
        });
        match next {
            Some(next) => last = next,
            None => break,
        }
    }
    let is_answered =
        message.answers.iter().any(|record| record.name == *last && record.record_type() == qtype);
    if !is_answered {
        needed.push((last.clone(), qtype));
    }
    needed.dedup();
    needed.truncate(LINKS_MAX + 1);
    needed
}

/// Asks something of its own, and judges that.
async fn judge_apart(
    handle: &DnssecDnsHandle<Asker>,
    question: Question,
    now_seconds: u64,
) -> Result<Security, Failure> {
    let octets = handle.inner().asking.ask(&Arc::new(question.clone())).await?;
    let Ok(message) = Message::from_vec(&octets) else { return Ok(Security::Bogus) };
    judge_one(handle, &question, message, now_seconds).await
}

/// Has hickory check one message.
async fn judge_one(
    handle: &DnssecDnsHandle<Asker>,
    question: &Question,
    mut message: Message,
    now_seconds: u64,
) -> Result<Security, Failure> {
    let Some(name) = their_name(question.name()) else { return Ok(Security::Bogus) };
    let qtype = RecordType::from(question.qtype());
    let is_answer = |record: &Record| record.name == name && record.record_type() == qtype;
    let is_link =
        |record: &Record| record.name == name && record.record_type() == RecordType::CNAME;
    // What may help is not believed by anybody, so it needs no checking.
    message.additionals.clear();
    let is_chain = qtype != RecordType::CNAME && message.answers.iter().any(is_link);
    if is_chain {
        message.authorities.clear();
        leave_out_made_links(&mut message);
    }
    let is_positive = message.answers.iter().any(|record| is_answer(record) || is_link(record));
    let work = Arc::new(Work {
        now_seconds,
        questions_left: AtomicU32::new(QUESTIONS_MAX),
        signatures_left: AtomicU32::new(SIGNATURES_MAX),
        main: (question.clone(), message),
        failure: OnceLock::new(),
    });
    let query = Query::query(name, qtype);
    let checking =
        async { handle.lookup(query, DnsRequestOptions::default()).first_answer().await };
    // In a box: it is large, and only those who validate carry it.
    let checked = Box::pin(WORK.scope(Arc::clone(&work), checking)).await;
    let security = match checked {
        Ok(response) => of_records(&response, is_positive),
        Err(NetError::Dns(DnsError::Nsec { response, .. })) if is_chain => {
            of_records(&response, is_positive)
        }
        // hickory asks for proof that the very wildcard is not there which gave the answer.
        Err(NetError::Dns(DnsError::Nsec { response, .. }))
            if is_positive && is_wildcard_proved(&response) =>
        {
            of_records(&response, is_positive)
        }
        Err(NetError::Dns(DnsError::Nsec { proof, .. })) => of_proof(proof),
        Err(_) => Security::Bogus,
    };
    match work.failure.get() {
        // What was needed to decide could not be had: that is no proof of anything.
        Some(failure) if security == Security::Bogus => Err(failure.clone()),
        _ => Ok(security),
    }
}

/// Whether NSEC records prove, for every answer made from a wildcard, that its name is not there and
/// that no wildcard is nearer (RFC 4035 §5.3.4): the name lies between two that are there, and the
/// nearest name above it that is there is the wildcard's own.
fn is_wildcard_proved(response: &DnsResponse) -> bool {
    let denials = || {
        response.authorities.iter().filter_map(|record| {
            let RData::DNSSEC(DNSSECRData::NSEC(nsec)) = &record.data else { return None };
            record.proof.is_secure().then_some((&record.name, nsec))
        })
    };
    response.answers.iter().all(|record| {
        let made = signature(record)
            .map(|signature| signature.input().num_labels)
            .filter(|labels| *labels < record.name.num_labels());
        let Some(labels) = made else { return true };
        let name = &record.name;
        denials().any(|(from, nsec)| {
            let to = nsec.next_domain_name();
            let is_last = to <= from && to.zone_of(name);
            let covers = from < name && (name < to || is_last);
            let nearest =
                shared_part(name, from).num_labels().max(shared_part(name, to).num_labels());
            covers && nearest == labels && !(nsec.is_ancestor_delegation() && from.zone_of(name))
        })
    })
}

/// The nearest name at or above both.
fn shared_part(name: &TheirName, other: &TheirName) -> TheirName {
    let mut shared = other.clone();
    while !shared.zone_of(name) {
        shared = shared.base_name();
    }
    shared
}

/// Leaves out the CNAMEs that follow from a DNAME beside them: servers make these up and cannot sign
/// them (RFC 6672 §5.3.1).
fn leave_out_made_links(message: &mut Message) {
    let renamed: Vec<(TheirName, TheirName)> = message
        .answers
        .iter()
        .filter_map(|record| {
            // hickory has no type for it, and DNAME's target is never compressed (RFC 6672 §2.5).
            let RData::Unknown { code, rdata } = &record.data else { return None };
            let target = TheirName::from_bytes(&rdata.anything).ok()?;
            (u16::from(*code) == rtype::DNAME).then_some((record.name.clone(), target))
        })
        .collect();
    message.answers.retain(|record| {
        let RData::CNAME(target) = &record.data else { return true };
        !renamed.iter().any(|(from, to)| {
            let labels = usize::from(record.name.num_labels().saturating_sub(from.num_labels()));
            let kept: Vec<_> = record.name.iter().take(labels).collect();
            let made = TheirName::from_labels(kept).and_then(|name| name.append_name(to));
            labels > 0 && from.zone_of(&record.name) && made.is_ok_and(|made| made == target.0)
        })
    });
}

/// The least that is known of the records that count: those of the answer, and without one those
/// that prove that there is none. An answer is not secure as long as something beside it is not.
fn of_records(response: &DnsResponse, is_positive: bool) -> Security {
    let worst = |records: &[Record]| {
        let judged = records.iter().filter(|record| record.record_type() != RecordType::RRSIG);
        judged.map(|record| of_proof(record.proof)).min()
    };
    let (answers, authorities) = (worst(&response.answers), worst(&response.authorities));
    let beside = if is_positive {
        authorities.map(|beside| beside.max(Security::Insecure))
    } else {
        authorities
    };
    // Where nothing is signed there may be nothing at all.
    answers.into_iter().chain(beside).min().unwrap_or(Security::Insecure)
}

fn of_proof(proof: Proof) -> Security {
    match proof {
        Proof::Secure => Security::Secure,
        Proof::Insecure => Security::Insecure,
        Proof::Bogus | Proof::Indeterminate => Security::Bogus,
    }
}

/// Why it is bogus, as far as the answer itself shows it: the code, and words.
fn why_bogus(octets: &[u8], now_seconds: u64) -> (u16, &'static str) {
    const BOGUS: (u16, &str) = (EDE_BOGUS, "its signatures do not hold");
    let Ok(message) = Message::from_vec(octets) else { return BOGUS };
    let records = || message.answers.iter().chain(&message.authorities);
    let signatures: Vec<_> = records().filter_map(signature).map(|found| found.input()).collect();
    // Serial numbers of 32 bits (RFC 4034 §3.1.5).
    #[expect(clippy::cast_possible_truncation, reason = "that is what the protocol compares")]
    let now = SerialNumber::new(now_seconds as u32);
    let is_denial =
        |record: &Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
    if signatures.is_empty() {
        (EDE_RRSIGS_MISSING, "its signatures are missing")
    } else if signatures.iter().all(|signature| signature.sig_expiration < now) {
        (EDE_EXPIRED, "its signatures have expired, or this machine's clock is ahead")
    } else if signatures.iter().all(|signature| signature.sig_inception > now) {
        (EDE_NOT_YET_VALID, "its signatures are not valid yet, or this machine's clock is behind")
    } else if message.answers.is_empty() && !records().any(is_denial) {
        (EDE_NSEC_MISSING, "nothing proves that there is no such record")
    } else {
        BOGUS
    }
}

/// No record outlives its signature, nor the TTL that was signed (RFC 4035 §5.3.3). One cap for all:
/// the smallest.
fn cap_ttls(octets: &mut Arc<[u8]>, now_seconds: u64) {
    let Ok(question_end) = skip_name(octets, HEADER_OCTETS) else { return };
    let records = Records::new(octets, question_end + 4).map_while(Result::ok);
    let records: Vec<_> = records.filter(|record| record.rtype != rtype::OPT).collect();
    // In an RRSIG the original TTL and the end stand behind type, algorithm and labels (RFC 4034 §3.1).
    let number = |at: usize| {
        octets.get(at..).and_then(<[u8]>::first_chunk).map(|octets| u32::from_be_bytes(*octets))
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "serial numbers of 32 bits (RFC 4034 §3.1.5)"
    )]
    let now = now_seconds as u32;
    let signatures = records.iter().filter(|record| record.rtype == u16::from(RecordType::RRSIG));
    let caps = signatures.filter_map(|record| {
        let left = number(record.data.start + 8)?.wrapping_sub(now);
        Some(number(record.data.start + 4)?.min(left))
    });
    let Some(cap) = caps.min() else { return };
    if records.iter().any(|record| record.ttl > cap) {
        let octets = Arc::make_mut(octets);
        for record in records {
            let ttl = record.ttl.min(cap).to_be_bytes();
            octets[record.ttl_at()..record.ttl_at() + 4].copy_from_slice(&ttl);
        }
    }
}

/// Whether it says something about the name, and all of it.
fn is_said(octets: &[u8]) -> bool {
    let is_cut = octets[2] & 0x02 != 0;
    !is_cut && matches!(u16::from(octets[3] & 15), rcode::NOERROR | rcode::NXDOMAIN)
}

fn signature(record: &Record) -> Option<&RRSIG> {
    let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data else { return None };
    Some(signature)
}

/// The message with AD set or cleared.
pub(super) fn with_ad(mut octets: Arc<[u8]>, is_secure: bool) -> Arc<[u8]> {
    if (octets[3] & AD != 0) != is_secure {
        Arc::make_mut(&mut octets)[3] ^= AD;
    }
    octets
}

fn their_name(name: &Name) -> Option<TheirName> {
    TheirName::from_bytes(name.wire()).ok()
}

fn our_name(name: &TheirName) -> Option<Name> {
    Name::from_wire(&name.to_bytes().ok()?).ok()
}

// === impl Asker ===

impl DnsHandle for Asker {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = Within;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let asker = self.clone();
        let query = request.queries.first().cloned();
        Box::pin(stream::once(Box::pin(async move {
            let query = query.ok_or(NetError::from("nothing is asked"))?;
            asker.answer(&query).await
        })))
    }
}

impl Asker {
    /// What upstreams say to a question of hickory's, where the bounds allow it.
    async fn answer(&self, query: &Query) -> Result<DnsResponse, NetError> {
        let work = WORK.try_with(Arc::clone).map_err(|_| NetError::from("nobody asks"))?;
        let name = our_name(query.name()).ok_or(NetError::from("no name of ours"))?;
        let question = work.main.0.of_name_and_type(name, u16::from(query.query_type()));
        let message = if question == work.main.0 {
            work.main.1.clone()
        } else {
            spend(&work.questions_left, 1)?;
            let octets = match self.ask(question).await {
                Ok(octets) if is_said(&octets) => octets,
                Ok(_) => {
                    let failure = Failure::declined();
                    let _earlier = work.failure.set(failure.clone());
                    return Err(NetError::from(failure.to_string()));
                }
                Err(failure) => {
                    let _earlier = work.failure.set(failure.clone());
                    return Err(NetError::from(failure.to_string()));
                }
            };
            Message::from_vec(&octets)?
        };
        let (signatures, keys) = counts(&message);
        if signatures > SIGNATURES_PER_MESSAGE_MAX || keys > KEYS_PER_MESSAGE_MAX {
            return Err(NetError::from("more keys and signatures than are looked at"));
        }
        spend(&work.signatures_left, u32::try_from(signatures).unwrap_or(u32::MAX))?;
        Ok(DnsResponse::from_message(message)?)
    }

    /// What upstreams say, or said a moment ago: every name of a zone needs the same keys.
    async fn ask(&self, question: Question) -> Outcome {
        let now = self.asking.group.clock.tick();
        let known = |kept: &HashMap<Question, Kept>| {
            kept.get(&question).filter(|kept| now < kept.until).map(|kept| Arc::clone(&kept.octets))
        };
        if let Some(octets) = known(&self.lock()) {
            return Ok(octets);
        }
        let question = Arc::new(question);
        let octets = self.asking.ask(&question).await?;
        let life_millis = life_millis(&octets).unwrap_or(0).min(KEPT_MILLIS_MAX);
        if is_said(&octets) && life_millis > 0 {
            let mut kept = self.lock();
            if kept.len() >= KEPT_MAX {
                kept.retain(|_, kept| now < kept.until);
            }
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            let until = Tick(now.0.saturating_add(life_millis));
            kept.insert(Question::clone(&question), Kept { octets: Arc::clone(&octets), until });
        }
        Ok(octets)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Question, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes from what is left of a budget.
fn spend(left: &AtomicU32, amount: u32) -> Result<(), NetError> {
    let spent =
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount));
    spent.map(drop).map_err(|_| NetError::from("more work than is done for one question"))
}

/// How many signatures and keys a message has.
fn counts(message: &Message) -> (usize, usize) {
    let records = message.answers.iter().chain(&message.authorities);
    let of = |wanted: RecordType| records.clone().filter(|r| r.record_type() == wanted).count();
    (of(RecordType::RRSIG), of(RecordType::DNSKEY).max(of(RecordType::DS)))
}

/// The smallest TTL of a message's records, in milliseconds.
fn life_millis(message: &[u8]) -> Option<u64> {
    let question_end = skip_name(message, HEADER_OCTETS).ok()? + 4;
    let records = Records::new(message, question_end).map_while(Result::ok);
    let ttls =
        records.filter(|record| record.rtype != rtype::OPT).map(|record| record.ttl_seconds());
    ttls.min().map(|seconds| u64::from(seconds) * 1000)
}

// === What hickory wants to know of its surroundings ===

impl RuntimeProvider for Within {
    type Handle = TokioHandle;
    type Timer = OfWork;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        TokioHandle::default()
    }

    fn connect_tcp(
        &self,
        _server: SocketAddr,
        _bind: Option<SocketAddr>,
        _timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn bind_udp(
        &self,
        _local: SocketAddr,
        _server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

/// Written out as the trait's own macro does it.
impl Time for OfWork {
    fn delay_for<'a>(duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>
    where
        Self: 'a,
    {
        TokioTime::delay_for(duration)
    }

    fn timeout<'a, F>(
        duration: Duration,
        future: F,
    ) -> Pin<Box<dyn Future<Output = io::Result<F::Output>> + Send + 'a>>
    where
        F: 'static + Future + Send + 'a,
        Self: 'a,
    {
        TokioTime::timeout(duration, future)
    }

    fn current_time() -> u64 {
        WORK.try_with(|work| work.now_seconds).unwrap_or(0)
    }
}
