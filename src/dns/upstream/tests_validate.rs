//! Signatures checked (RFC 4035) on what a small signed zone answers, well and badly.

use std::sync::Arc;

use hickory_proto::dnssec::crypto::Ed25519SigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG, SigInput};
use hickory_proto::dnssec::{PublicKey as _, SigningKey as _, TBS};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA};
use hickory_proto::rr::{DNSClass, Name as TheirName, RData, Record, RecordType, SerialNumber};
use jiff::Timestamp;

use super::tests_fakes::*;
use super::{Ask, Failure, FailureKind, Settings, Upstreams};
use crate::clock::Clock;
use crate::config::settings::{Anchor, Anchors, Scheme, Strategy};
use crate::name::Name;

/// When everything was signed, for an hour either way.
const SIGNED: u32 = 1_800_000_000;
const HOUR: u32 = 3_600;
const ZONE: &str = "signed.test.";
const TTL: u32 = 300;

/// A zone with its key.
struct Zone {
    key: Ed25519SigningKey,
    dnskey: DNSKEY,
}

/// What a zone does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Addresses are not what was signed.
    Changed,
    /// Nothing has signatures.
    Unsigned,
    /// Nothing proves that there is nothing.
    NoProof,
    /// More signatures than anybody looks at.
    Flood,
}

fn name(text: &str) -> TheirName {
    TheirName::from_ascii(text).unwrap()
}

impl Zone {
    fn new() -> Self {
        let key = Ed25519SigningKey::from_pkcs8(&Ed25519SigningKey::generate_pkcs8().unwrap());
        let key = key.unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        Zone { key, dnskey }
    }

    /// Its key as an anchor.
    fn anchor(&self) -> Anchor {
        let public = self.dnskey.public_key();
        Anchor {
            zone: Name::parse("signed.test").unwrap(),
            algorithm: public.algorithm().into(),
            key: public.public_bytes().to_vec(),
        }
    }

    /// The records of one name and type, and their signature.
    fn signed(&self, owner: &str, datas: Vec<RData>) -> Vec<Record> {
        let labels = name(owner).num_labels();
        self.signed_with(owner, labels, datas)
    }

    /// The same, made from a wildcard of so many labels.
    fn signed_with(&self, owner: &str, num_labels: u8, datas: Vec<RData>) -> Vec<Record> {
        let owner = name(owner);
        let mut records: Vec<Record> =
            datas.into_iter().map(|data| Record::from_rdata(owner.clone(), TTL, data)).collect();
        let input = SigInput {
            type_covered: records[0].record_type(),
            algorithm: self.key.algorithm(),
            num_labels,
            original_ttl: TTL,
            sig_expiration: SerialNumber::new(SIGNED + HOUR),
            sig_inception: SerialNumber::new(SIGNED - HOUR),
            key_tag: self.dnskey.calculate_key_tag().unwrap(),
            signer_name: name(ZONE),
        };
        let signed = TBS::from_input(&owner, DNSClass::IN, &input, records.iter()).unwrap();
        let signature = RRSIG::from_sig(input, self.key.sign(&signed).unwrap());
        let data = RData::DNSSEC(DNSSECRData::RRSIG(signature));
        records.push(Record::from_rdata(owner, TTL, data));
        records
    }

    fn soa(&self) -> Vec<Record> {
        let soa = SOA::new(name("ns.signed.test."), name("x.signed.test."), 1, 2, 3, 4, 60);
        self.signed(ZONE, vec![RData::SOA(soa)])
    }

    /// Between `owner` and `next` there is nothing, and of `owner` only these types.
    fn nsec(&self, owner: &str, next: &str, types: &[RecordType]) -> Vec<Record> {
        let types = types.iter().copied().chain([RecordType::RRSIG, RecordType::NSEC]);
        let nsec = NSEC::new(name(next), types);
        self.signed(owner, vec![RData::DNSSEC(DNSSECRData::NSEC(nsec))])
    }

    /// In their canonical order: the zone itself, alias, unsigned, *.wild, www.
    fn answer(&self, query: &[u8], fault: Fault) -> Vec<u8> {
        let mut message = Message::from_vec(query).unwrap().into_response();
        let asked = message.queries[0].clone();
        let owner = asked.name().to_lowercase().to_ascii();
        let (mut answers, mut authorities) = (Vec::new(), Vec::new());
        let a = |octets: [u8; 4]| RData::A(A(octets.into()));
        let mut nodata_of_www = || {
            authorities.extend(self.soa());
            authorities.extend(self.nsec("www.signed.test.", ZONE, &[RecordType::A]));
        };
        match (owner.as_str(), asked.query_type()) {
            (ZONE, RecordType::DNSKEY) => {
                answers = self
                    .signed(ZONE, vec![RData::DNSSEC(DNSSECRData::DNSKEY(self.dnskey.clone()))]);
            }
            (ZONE, RecordType::NS) => {
                answers = self.signed(ZONE, vec![RData::NS(NS(name("ns.signed.test.")))]);
            }
            ("www.signed.test.", RecordType::A) => {
                answers = self.signed(&owner, vec![a(GOOD)]);
            }
            ("www.signed.test.", _) => nodata_of_www(),
            ("alias.signed.test.", kind) => {
                let target = RData::CNAME(CNAME(name("www.signed.test.")));
                answers = self.signed(&owner, vec![target]);
                if kind == RecordType::A {
                    answers.extend(self.signed("www.signed.test.", vec![a(GOOD)]));
                } else {
                    nodata_of_www();
                }
            }
            ("a.wild.signed.test." | "far.a.wild.signed.test.", RecordType::A) => {
                answers = self.signed_with(&owner, 3, vec![a(GOOD)]);
                authorities.extend(self.nsec(
                    "*.wild.signed.test.",
                    "www.signed.test.",
                    &[RecordType::A],
                ));
            }
            ("walias.signed.test.", _) => {
                answers =
                    self.signed(&owner, vec![RData::CNAME(CNAME(name("a.wild.signed.test.")))]);
                answers.extend(self.signed_with("a.wild.signed.test.", 3, vec![a(GOOD)]));
                authorities.extend(self.nsec(
                    "*.wild.signed.test.",
                    "www.signed.test.",
                    &[RecordType::A],
                ));
            }
            // Named after the wildcard, as if it had made what stands there.
            ("www.wild.signed.test.", RecordType::A) => {
                answers = self.signed_with(&owner, 2, vec![a(GOOD)]);
                authorities.extend(self.nsec(
                    "*.wild.signed.test.",
                    "www.signed.test.",
                    &[RecordType::A],
                ));
            }
            ("unsigned.signed.test.", RecordType::DS) => {
                authorities.extend(self.soa());
                authorities.extend(self.nsec(&owner, "www.signed.test.", &[RecordType::NS]));
            }
            ("unsigned.signed.test.", RecordType::NS) => {
                let data = RData::NS(NS(name("ns.elsewhere.test.")));
                answers.push(Record::from_rdata(name(&owner), TTL, data));
            }
            ("a.unsigned.signed.test.", RecordType::A) => {
                answers.push(Record::from_rdata(name(&owner), TTL, a(GOOD)));
            }
            ("nothing.signed.test.", _) => {
                message.metadata.response_code = ResponseCode::NXDomain;
                authorities.extend(self.soa());
                authorities.extend(self.nsec(
                    "alias.signed.test.",
                    "unsigned.signed.test.",
                    &[RecordType::CNAME],
                ));
                authorities.extend(self.nsec(
                    ZONE,
                    "alias.signed.test.",
                    &[RecordType::SOA, RecordType::NS],
                ));
            }
            _ => {}
        }
        spoil(fault, &mut answers, &mut authorities);
        message.insert_answers(answers);
        message.insert_authorities(authorities);
        message.to_vec().unwrap()
    }
}

/// What an answer is with that fault.
fn spoil(fault: Fault, answers: &mut Vec<Record>, authorities: &mut Vec<Record>) {
    let is_signature = |record: &Record| record.record_type() == RecordType::RRSIG;
    match fault {
        Fault::None => {}
        Fault::Changed => {
            for record in answers.iter_mut() {
                if let RData::A(address) = &mut record.data {
                    *address = A(FORGED.into());
                }
            }
        }
        Fault::Unsigned => answers.retain(|record| !is_signature(record)),
        Fault::NoProof => authorities.clear(),
        Fault::Flood => {
            let signatures: Vec<Record> =
                answers.iter().filter(|record| is_signature(record)).cloned().collect();
            answers.extend(signatures.iter().cycle().take(60).cloned());
        }
    }
}

/// A server of the zone, and a group that checks what it says.
async fn server(fault: Fault) -> (Fake, Arc<Upstreams>) {
    let zone = Zone::new();
    let validation = Some(Anchors::Own(vec![zone.anchor()]));
    let script = move |query: &[u8], _| vec![zone.answer(query, fault)];
    let fake = Fake::stream(None, usize::MAX, script).await;
    let long = std::time::Duration::from_secs(60);
    let pace = super::Pace { wait_min: long, try_wait: long, total: long, ..hurried() };
    let settings = Settings { validation, pace, ..Settings::default() };
    let urls = [url(Scheme::Tcp, fake.address, None)];
    let upstreams = Upstreams::with_settings(&urls, Strategy::InOrder, Clock::System, &settings);
    (fake, upstreams)
}

async fn checked_at(
    upstreams: &Upstreams,
    text: &str,
    (qtype, dnssec_ok): (u16, bool),
    now: u32,
) -> Result<Arc<[u8]>, Failure> {
    let name = Name::parse(text).unwrap();
    let ask = Ask { dnssec_ok, ..Ask::of_our_own(&name, qtype) };
    upstreams.ask_checked(ask, Timestamp::from_second(now.into()).unwrap()).await
}

async fn checked(fault: Fault, text: &str, qtype: u16) -> Result<Message, Failure> {
    let (_fake, upstreams) = server(fault).await;
    let octets = checked_at(&upstreams, text, (qtype, false), SIGNED).await?;
    Ok(Message::from_vec(&octets).unwrap())
}

#[track_caller]
fn is_bogus(outcome: Result<impl std::fmt::Debug, Failure>, code: u16) {
    let failure = outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Bogus(code), "{failure}");
    assert_eq!(failure.extended_error(), code);
}

#[tokio::test]
async fn a_signed_answer_is_secure_and_comes_without_its_signatures() {
    let message = checked(Fault::None, "www.signed.test", TYPE_A).await.unwrap();
    assert!(message.metadata.authentic_data);
    assert_eq!(message.answers.len(), 1);
    assert_eq!(message.answers[0].data, RData::A(A(GOOD.into())));
}

#[tokio::test]
async fn who_wants_the_signatures_gets_the_answer_as_it_came() {
    let (fake, upstreams) = server(Fault::None).await;
    let octets = checked_at(&upstreams, "www.signed.test", (TYPE_A, true), SIGNED).await.unwrap();
    let message = Message::from_vec(&octets).unwrap();
    assert!(message.metadata.authentic_data);
    assert_eq!(message.answers.len(), 2);
    // It was asked with DO and CD, whatever the client said.
    let sent = Message::from_vec(&fake.seen()[0].1).unwrap();
    assert!(sent.metadata.checking_disabled && sent.edns.unwrap().flags().dnssec_ok);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_secure_when_that_is_proved() {
    let message = checked(Fault::None, "nothing.signed.test", TYPE_A).await.unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert!(message.metadata.authentic_data);
    let left: Vec<_> = message.authorities.iter().map(Record::record_type).collect();
    assert_eq!(left, [RecordType::SOA]);
    is_bogus(checked(Fault::NoProof, "nothing.signed.test", TYPE_A).await, 10);
}

#[tokio::test]
async fn a_type_that_does_not_exist_is_secure_when_that_is_proved() {
    let message = checked(Fault::None, "www.signed.test", 28).await.unwrap();
    assert!(message.metadata.authentic_data && message.answers.is_empty());
}

#[tokio::test]
async fn a_chain_of_names_is_secure_to_its_end() {
    let message = checked(Fault::None, "alias.signed.test", TYPE_A).await.unwrap();
    assert!(message.metadata.authentic_data);
    assert_eq!(message.answers.len(), 2);
    // And where it ends in nothing.
    let message = checked(Fault::None, "alias.signed.test", 28).await.unwrap();
    assert!(message.metadata.authentic_data);
    assert_eq!(message.answers.len(), 1);
    is_bogus(checked(Fault::Changed, "alias.signed.test", TYPE_A).await, 6);
}

#[tokio::test]
async fn what_is_not_signed_where_it_should_be_is_bogus() {
    is_bogus(checked(Fault::Unsigned, "www.signed.test", TYPE_A).await, 10);
    is_bogus(checked(Fault::Changed, "www.signed.test", TYPE_A).await, 6);
}

#[tokio::test]
async fn a_zone_without_signatures_passes_without_ad() {
    let message = checked(Fault::None, "a.unsigned.signed.test", TYPE_A).await.unwrap();
    assert!(!message.metadata.authentic_data);
    assert_eq!(message.answers.len(), 1);
}

#[tokio::test]
async fn signatures_hold_between_their_dates_only() {
    for (now, code) in [(SIGNED + 2 * HOUR, 7), (SIGNED - 2 * HOUR, 8)] {
        let (_fake, upstreams) = server(Fault::None).await;
        is_bogus(checked_at(&upstreams, "www.signed.test", (TYPE_A, false), now).await, code);
    }
}

#[tokio::test]
async fn what_a_wildcard_made_is_secure_when_nothing_nearer_is_there() {
    for name in ["a.wild.signed.test", "far.a.wild.signed.test", "walias.signed.test"] {
        let message = checked(Fault::None, name, TYPE_A).await.unwrap();
        assert!(message.metadata.authentic_data, "{name}");
        is_bogus(checked(Fault::NoProof, name, TYPE_A).await, 6);
    }
    // A wildcard further up than one that is there.
    is_bogus(checked(Fault::None, "www.wild.signed.test", TYPE_A).await, 6);
}

#[tokio::test]
async fn an_answer_does_not_outlive_its_signature() {
    let (_fake, upstreams) = server(Fault::None).await;
    let now = SIGNED + HOUR - 20;
    let octets = checked_at(&upstreams, "www.signed.test", (TYPE_A, false), now).await.unwrap();
    assert_eq!(Message::from_vec(&octets).unwrap().answers[0].ttl, 20);
}

#[tokio::test]
async fn a_flood_of_signatures_is_not_looked_at() {
    is_bogus(checked(Fault::Flood, "www.signed.test", TYPE_A).await, 6);
}

#[tokio::test]
async fn keys_are_asked_for_once() {
    let (fake, upstreams) = server(Fault::None).await;
    for _ in 0..3 {
        checked_at(&upstreams, "www.signed.test", (TYPE_A, false), SIGNED).await.unwrap();
    }
    let asked_for_keys = |query: &[u8]| {
        let sent = Message::from_vec(query).unwrap();
        sent.queries[0].query_type() == RecordType::DNSKEY
    };
    let seen = fake.seen();
    assert_eq!(seen.iter().filter(|(_, query)| asked_for_keys(query)).count(), 1);
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn what_cannot_be_checked_because_nobody_answers_is_not_called_bogus() {
    let zone = Zone::new();
    let validation = Some(Anchors::Own(vec![zone.anchor()]));
    let script = move |query: &[u8], _| {
        let sent = Message::from_vec(query).unwrap();
        if sent.queries[0].query_type() == RecordType::DNSKEY {
            return vec![empty(query, 2)];
        }
        vec![zone.answer(query, Fault::None)]
    };
    let fake = Fake::stream(None, usize::MAX, script).await;
    let settings = Settings { validation, pace: hurried(), ..Settings::default() };
    let urls = [url(Scheme::Tcp, fake.address, None)];
    let upstreams = Upstreams::with_settings(&urls, Strategy::InOrder, Clock::System, &settings);
    let failure =
        checked_at(&upstreams, "www.signed.test", (TYPE_A, false), SIGNED).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network, "{failure}");
}
