//! The way of a query.
//!
//! One direction, the same for every transport: [`serve::Answer::answer_now`] does all that
//! needs no waiting (who asks, the verdict, blocked, local and cached answers);
//! [`serve::Answer::answer_later`] waits: until it is known whose device asks from an address that
//! was never seen, then for the upstream, whose answer it judges. Start reading there.

pub mod answer;
pub mod cache;
mod places;
pub mod records;
pub mod rewrite;
pub mod serve;
pub mod state;
pub mod tcp;
pub mod udp;
pub mod upstream;
pub mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::clients::Client;
use crate::clients::neighbours::Neighbours;
use crate::clock::Clock;
use crate::config::settings::BlockedAnswer;
use crate::journal::{Entry, Journal};
use crate::name::Name;
use crate::policy::local::LocalAnswer;
use crate::policy::rules::JournalLevel;
use crate::policy::tags::TagKind;
use crate::policy::{Action, Moment, Reason, ReasonKind, Verdict, safesearch};
use answer::{Closed, Ede};
use cache::{Cache, Key};
use places::{Place, Places};
use records::rtype;
use rewrite::{Aged, Response};
use serve::{Counters, Quick, Source};
pub use state::State;
use upstream::FailureKind;
use wire::{Question, Refusal, rcode};

/// The TTL of a local answer, in seconds: long enough to spare a query, short enough to change.
const LOCAL_TTL_SECONDS: u32 = 60;
/// EDE "Blocked": fraud and spying, nothing a family chose (RFC 8914 §4.16).
const EDE_BLOCKED: u16 = 15;
/// EDE "Filtered": the rules of whoever runs this (RFC 8914 §4.18).
const EDE_FILTERED: u16 = 17;
/// EDE "Prohibited": asked from outside the networks that are served (RFC 8914 §4.19).
const EDE_PROHIBITED: u16 = 18;

/// Answers queries. One for the whole process; everything that changes is swapped inside.
pub struct Resolver {
    state: ArcSwap<State>,
    cache: Cache,
    neighbours: Neighbours,
    journal: Arc<Journal>,
    clock: Clock,
    counters: Counters,
    places: Arc<Places>,
    /// What was answered, in numbers.
    pub counts: Counts,
}

/// What was answered since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Questions.
    pub queries: AtomicU64,
    /// Of these, closed.
    pub blocked: AtomicU64,
    /// Of these, answered from the cache.
    pub cached: AtomicU64,
    /// Of these, not answered because no upstream did.
    pub failed: AtomicU64,
}

/// A question that must wait.
pub enum Later {
    /// Until it is known whose device asks.
    Who(Box<Stranger>),
    /// For an upstream.
    Upstream(Box<Waiting>),
}

/// A question from an address that was never seen.
pub struct Stranger {
    /// A query sees one state from start to end.
    state: Arc<State>,
    packet: Box<[u8]>,
    question: Question,
    source: Source,
}

/// A question that must wait for an upstream, with everything known of it so far.
pub struct Waiting {
    /// A query sees one state from start to end.
    state: Arc<State>,
    moment: Arc<Moment>,
    packet: Box<[u8]>,
    question: Question,
    client: Client,
    verdict: Verdict,
    /// The name asked upstream: the question's, or the safe one.
    wanted: Name,
    group: u8,
    limit_octets: usize,
    /// Held until it is answered.
    _place: Place,
}

/// What an answer is made from.
#[derive(Clone, Copy)]
struct Asked<'a> {
    state: &'a State,
    moment: &'a Moment,
    packet: &'a [u8],
    question: &'a Question,
    client: &'a Client,
    verdict: Verdict,
    now: Timestamp,
}

impl serve::Answer for Resolver {
    type Later = Later;

    fn answer_now(&self, packet: &[u8], source: &Source, out: &mut Vec<u8>) -> Quick<Later> {
        let question = match wire::question(packet) {
            Ok(question) => question,
            Err(refusal) => return refuse(packet, &refusal, out),
        };
        Counts::add(&self.counts.queries);

        // One load for the whole query: a reload meanwhile must not mix two policies.
        let state = self.state.load_full();
        if !state.takes_from(source.from.ip()) {
            let outside = Ede { code: EDE_PROHIBITED, text: "" };
            answer::empty(packet, &question, rcode::REFUSED, None, Some(outside), out);
            return Quick::Reply;
        }
        if self.neighbours.is_new(source.from.ip()) {
            let packet = packet.into();
            let stranger = Stranger { state, packet, question, source: *source };
            return Quick::Later(Later::Who(Box::new(stranger)));
        }
        match self.answer_known(state, &question, packet, source, out) {
            Quick::Reply => Quick::Reply,
            Quick::Silence => Quick::Silence,
            Quick::Later(waiting) => Quick::Later(Later::Upstream(Box::new(waiting))),
        }
    }

    async fn answer_later(self: Arc<Self>, later: Later) -> Option<Vec<u8>> {
        let waiting = match later {
            Later::Upstream(waiting) => *waiting,
            Later::Who(stranger) => {
                let Stranger { state, packet, question, source } = *stranger;
                self.neighbours.settle(source.from.ip()).await;
                let mut out = Vec::new();
                match self.answer_known(state, &question, &packet, &source, &mut out) {
                    Quick::Reply => return Some(out),
                    Quick::Silence => return None,
                    Quick::Later(waiting) => waiting,
                }
            }
        };
        Some(self.answer_from_upstream(Arc::new(waiting)).await)
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Resolver {
    /// Answers a question whose sender is as well known as can be.
    fn answer_known(
        &self,
        state: Arc<State>,
        question: &Question,
        packet: &[u8],
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Quick<Waiting> {
        let now = self.clock.now();
        let moment = state.moment(now);
        let client = state.house.devices.identify(source.from.ip(), &self.neighbours);
        let verdict = state.house.policy.decide(client.subject, &question.name, &moment);

        let limit_octets = answer::limit_octets(question, source.tcp);
        let asked = Asked {
            state: &state,
            moment: &moment,
            packet,
            question,
            client: &client,
            verdict,
            now,
        };
        let wanted = match verdict.action {
            Action::Block => {
                self.close(&asked, verdict, &question.name, out);
                return Quick::Reply;
            }
            Action::Local(local) => {
                asked.answer_here(local, source.to, out);
                answer::fit(out, limit_octets);
                return Quick::Reply;
            }
            // The safe name alone: no key or hint of the open site slips by (type HTTPS).
            Action::Rewrite(engine) if !asks_address(question) => {
                let target = safesearch::target(engine);
                let cap = asked.safe_form_ttl_seconds();
                let written = answer::cname_then(packet, question, target, None, cap, out);
                return if written.is_ok() { Quick::Reply } else { Quick::Silence };
            }
            Action::Rewrite(engine) => *safesearch::target(engine),
            Action::Allow => question.name,
        };

        let group = state.group_of(client.subject, &wanted);
        let key = key(&wanted, question, state.kept_under(group));
        let hit = self.cache.get(&key, self.clock.tick());
        if let Some(hit) = &hit {
            // Upstream failed a moment ago: asking again would be too early (RFC 8767 §5).
            let serves = !hit.aged.stale || (hit.failed_lately && state.serves_stale());
            if serves && self.pass_on(&asked, &hit.response, hit.aged, out) {
                Counts::add(&self.counts.cached);
                answer::fit(out, limit_octets);
                return Quick::Reply;
            }
        }
        if !question.recursion_desired {
            // What we have, or nothing (RFC 1034 §4.3.1).
            answer::empty(packet, question, rcode::REFUSED, None, None, out);
            return Quick::Reply;
        }
        let Some(place) = self.places.take(source.from.ip()) else {
            // An expired answer is better than none here too.
            let hit = hit.filter(|_| state.serves_stale());
            if hit.is_some_and(|hit| self.pass_on(&asked, &hit.response, hit.aged, out)) {
                answer::fit(out, limit_octets);
                return Quick::Reply;
            }
            let said = serve::overloaded(&self.counters, packet, out);
            return if said { Quick::Reply } else { Quick::Silence };
        };
        let packet = packet.into();
        Quick::Later(Waiting {
            state,
            moment,
            packet,
            question: *question,
            client,
            verdict,
            wanted,
            group,
            limit_octets,
            _place: place,
        })
    }

    /// Asks upstream, and judges what came back.
    async fn answer_from_upstream(self: &Arc<Self>, waiting: Arc<Waiting>) -> Vec<u8> {
        let response = self.fetch_or_give_up(&waiting).await;
        let Waiting { state, question, .. } = &*waiting;
        let asked = Asked {
            state,
            moment: &waiting.moment,
            packet: &waiting.packet,
            question,
            client: &waiting.client,
            verdict: waiting.verdict,
            now: self.clock.now(),
        };
        let key = waiting.key();
        let mut out = Vec::with_capacity(usize::from(answer::UDP_OCTETS_MAX));
        let passed = match response {
            // An expired answer is better than none, and than an error (RFC 8767 §4).
            Ok(_) | Err(_) if self.pass_on_expired(&asked, &key, &response, &mut out) => Ok(()),
            Ok(response) if self.pass_on(&asked, &response, Aged::NEW, &mut out) => Ok(()),
            Ok(_) => Err(EDE_INVALID_DATA),
            Err(code) => Err(code),
        };
        if let Err(code) = passed {
            Counts::add(&self.counts.failed);
            let ede = Ede { code, text: "" };
            answer::servfail(&waiting.packet, question, Some(ede), &mut out);
        }
        answer::fit(&mut out, waiting.limit_octets);
        out
    }

    /// A resolver with its first state: nothing is answered before there is one.
    #[must_use]
    pub fn new(
        state: Arc<State>,
        cache: Cache,
        neighbours: Neighbours,
        journal: Arc<Journal>,
        clock: Clock,
    ) -> Self {
        Resolver {
            state: ArcSwap::new(state),
            cache,
            neighbours,
            journal,
            clock,
            counters: Counters::default(),
            places: Arc::default(),
            counts: Counts::default(),
        }
    }

    /// The state in force.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Puts a new state into force for every query that begins from now on.
    pub fn swap(&self, state: Arc<State>) {
        self.state.store(state);
    }

    /// The cache.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The neighbour table.
    #[must_use]
    pub fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// [`Resolver::fetch`]; where an expired answer is held, only as long as a client would wait
    /// before that one serves. The answer is fetched to its end all the same, for the next client.
    async fn fetch_or_give_up(
        self: &Arc<Self>,
        waiting: &Arc<Waiting>,
    ) -> Result<Arc<Response>, u16> {
        let key = waiting.key();
        let held = self.cache.get(&key, self.clock.tick());
        if !waiting.state.serves_stale() || !held.is_some_and(|hit| hit.aged.stale) {
            return self.clone().fetch(waiting.clone()).await;
        }
        let fetching = tokio::spawn(self.clone().fetch(waiting.clone()));
        if let Ok(Ok(outcome)) = tokio::time::timeout(STALE_WAIT, fetching).await {
            return outcome;
        }
        let none = Response::unanswered(&waiting.wanted, waiting.question.qtype, EDE_UNREACHABLE);
        self.cache.insert(&key, Arc::new(none), self.clock.tick());
        Err(EDE_UNREACHABLE)
    }

    /// Asks upstream, and keeps what came of it, failures too (RFC 9520 §3).
    async fn fetch(self: Arc<Self>, waiting: Arc<Waiting>) -> Result<Arc<Response>, u16> {
        let Waiting { state, question, wanted, group, .. } = &*waiting;
        let read = match state.upstreams_of(*group).ask(ask(wanted, &waiting)).await {
            // Malformed although it matched the question: as good as no answer (RFC 8914 §4.25).
            Ok(octets) => Response::read(&octets, wanted, question.qtype)
                .map(Arc::new)
                .map_err(|_| EDE_INVALID_DATA),
            // Nobody was asked, so nothing was learnt.
            Err(failure) if failure.kind == FailureKind::Busy => {
                return Err(failure.extended_error());
            }
            Err(failure) => Err(failure.extended_error()),
        };
        let kept = match &read {
            Ok(response) => response.clone(),
            Err(code) => Arc::new(Response::unanswered(wanted, question.qtype, *code)),
        };
        self.cache.insert(&waiting.key(), kept, self.clock.tick());
        read
    }

    /// Judges an upstream's answer and hands it on, or closes it. False when it cannot be handed
    /// on.
    fn pass_on(
        &self,
        asked: &Asked<'_>,
        response: &Response,
        aged: Aged,
        out: &mut Vec<u8>,
    ) -> bool {
        // A cloaked name meets the same rules; below what was opened by hand nothing is judged.
        if !asked.verdict.is_final() {
            let policy = &asked.state.house.policy;
            let mut opened = Vec::new();
            for (owner, target) in response.links() {
                // What was opened by hand opens what it leads to, not what stands beside it.
                if opened.contains(&owner) {
                    opened.push(target);
                    continue;
                }
                match policy.judge_target(asked.client.subject, &target, asked.moment) {
                    Some(verdict) if verdict.action == Action::Block => {
                        self.close(asked, verdict, &target, out);
                        return true;
                    }
                    Some(_) => opened.push(target),
                    None => {}
                }
            }
        }
        let written = match asked.verdict.action {
            Action::Rewrite(engine) => {
                let target = safesearch::target(engine);
                let found = Some((response, aged));
                let cap = asked.safe_form_ttl_seconds();
                answer::cname_then(asked.packet, asked.question, target, found, cap, out)
            }
            Action::Allow | Action::Block | Action::Local(_) => {
                let cap = asked.ttl_cap_seconds();
                response.reply(asked.packet, asked.question, aged, cap, out)
            }
        };
        if written.is_err() {
            return false;
        }
        self.record(asked, asked.verdict, &asked.question.name);
        true
    }

    /// Hands on what has run out, where upstream failed to give a newer answer.
    fn pass_on_expired(
        &self,
        asked: &Asked<'_>,
        key: &Key,
        newer: &Result<Arc<Response>, u16>,
        out: &mut Vec<u8>,
    ) -> bool {
        let failed = newer
            .as_ref()
            .map_or(true, |newer| !matches!(newer.rcode(), rcode::NOERROR | rcode::NXDOMAIN));
        if !failed || !asked.state.serves_stale() {
            return false;
        }
        let kept = self.cache.get(key, self.clock.tick()).filter(|hit| hit.aged.stale);
        kept.is_some_and(|hit| self.pass_on(asked, &hit.response, hit.aged, out))
    }

    /// Answers as closed and remembers the attempt. `judged` is the name that a rule closed: the
    /// one asked, or one met in its answer.
    fn close(&self, asked: &Asked<'_>, verdict: Verdict, judged: &Name, out: &mut Vec<u8>) {
        Counts::add(&self.counts.blocked);
        let policy = &asked.state.house.policy;
        let settings = &asked.state.house.config.dns;
        let subject = asked.client.subject;
        let text = policy.brief(subject, verdict);
        let code = if policy.is_security(verdict.reason) { EDE_BLOCKED } else { EDE_FILTERED };
        let closed = Closed {
            answer: settings.blocked_answer,
            ttl_seconds: settings.blocked_ttl_seconds.min(asked.ttl_cap_seconds()),
            nxdomain_forced: policy.denies(subject, &asked.question.name),
            ede: Some(Ede { code, text }),
        };
        let asked_name = &asked.question.name;
        if settings.blocked_answer == BlockedAnswer::NxDomain
            && !closed.nxdomain_forced
            && !policy.closes_all_below(subject, asked_name, asked.moment)
        {
            // Whoever hears that a name does not exist may believe the same of all below it
            // (RFC 8020), and some of that is open.
            let ttl = Some(closed.ttl_seconds);
            answer::empty(asked.packet, asked.question, rcode::NOERROR, ttl, closed.ede, out);
        } else {
            answer::blocked(asked.packet, asked.question, &closed, out);
        }
        self.record(asked, verdict, judged);
    }

    /// Hands an entry to the journal, which keeps what the subject's level says.
    fn record(&self, asked: &Asked<'_>, verdict: Verdict, judged: &Name) {
        let blocked = verdict.action == Action::Block;
        let facts = asked.state.facts(asked.client.subject);
        let kept = match facts.journal {
            JournalLevel::Off => false,
            JournalLevel::Counts | JournalLevel::Sites | JournalLevel::Names => blocked,
            JournalLevel::All => true,
        };
        let kind = verdict.reason.kind();
        // Help and local names are nobody's business; canaries are browsers' probes.
        let private =
            matches!(kind, ReasonKind::Essential | ReasonKind::Local | ReasonKind::Bypass);
        if !kept || private {
            return;
        }
        let policy = &asked.state.house.policy;
        let tags = policy.tags_of(judged);
        let table = &policy.household.tags;
        let of_kind = |kind| tags.iter().find(|&tag| table.info(tag).kind == kind);
        // A site whose list must advertise nothing is kept as its category, without a name.
        let hidden = tags.iter().find(|&tag| table.info(tag).hidden);
        let service = hidden.or_else(|| of_kind(TagKind::Service));
        let of_service = || service.and_then(|tag| table.info(tag).category);
        let category = if let Reason::Category(tag) = verdict.reason {
            Some(tag)
        } else {
            of_service().or_else(|| of_kind(TagKind::Category))
        };
        self.journal.record(Entry {
            at: asked.now,
            subject: facts.id.clone(),
            device: asked.client.device.clone(),
            name: asked.question.name,
            blocked,
            kind,
            reason_id: policy.reason_id(asked.client.subject, judged, verdict.reason).into(),
            service: service.map(|tag| asked.state.tag_id(tag)),
            category: category.map(|tag| asked.state.tag_id(tag)),
            security: category.is_some_and(|tag| table.info(tag).security),
            level: if hidden.is_some() {
                facts.journal.min(JournalLevel::Sites)
            } else {
                facts.journal
            },
        });
    }
}

/// EDE "No Reachable Authority" (RFC 8914 §4.23).
const EDE_UNREACHABLE: u16 = 22;
/// How long upstream is waited for where an expired answer could serve (RFC 8767 §5).
const STALE_WAIT: Duration = Duration::from_millis(1800);
/// EDE "Invalid Data" (RFC 8914 §4.25).
const EDE_INVALID_DATA: u16 = 24;
/// The addresses of `localhost` (RFC 6761 §6.3).
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Answers what is no question.
fn refuse(packet: &[u8], refusal: &Refusal, out: &mut Vec<u8>) -> Quick<Later> {
    if answer::refusal(packet, refusal, out) { Quick::Reply } else { Quick::Silence }
}

/// Where the answer to a name is kept.
fn key(name: &Name, question: &Question, group: u32) -> Key {
    Key::new(name, question.qtype, question.dnssec_ok(), question.checking_disabled, group)
}

/// What is asked upstream.
fn ask<'a>(wanted: &'a Name, waiting: &'a Waiting) -> upstream::Ask<'a> {
    let question = &waiting.question;
    let own = *wanted == question.name;
    let as_asked = waiting.packet.get(records::HEADER_OCTETS..question.end - 4).filter(|_| own);
    upstream::Ask {
        name: wanted,
        name_as_asked: as_asked.unwrap_or(wanted.wire()),
        qtype: question.qtype,
        qclass: question.qclass,
        dnssec_ok: question.dnssec_ok(),
        checking_disabled: question.checking_disabled,
        // Always wanted: the answer is kept for clients that understand it too.
        authentic_data: true,
    }
}

/// Whether addresses are asked for.
fn asks_address(question: &Question) -> bool {
    matches!(question.qtype, rtype::A | rtype::AAAA)
}

// === impl Waiting ===

impl Waiting {
    fn key(&self) -> Key {
        key(&self.wanted, &self.question, self.state.kept_under(self.group))
    }
}

// === impl Asked ===

impl Asked<'_> {
    /// The longest this answer may be kept.
    fn ttl_cap_seconds(&self) -> u32 {
        self.state.house.policy.ttl_seconds_max(self.client.subject, self.moment, self.now)
    }

    /// The longest a safe form may be kept: its CNAME is our own, and has no other TTL where
    /// nothing caps it.
    fn safe_form_ttl_seconds(&self) -> u32 {
        LOCAL_TTL_SECONDS.min(self.ttl_cap_seconds())
    }

    /// Answers a name that is the house's own. `to` is the address that was asked: ours.
    fn answer_here(&self, local: LocalAnswer, to: IpAddr, out: &mut Vec<u8>) {
        let ttl = LOCAL_TTL_SECONDS.min(self.ttl_cap_seconds());
        let names = &self.state.house.policy.household.local;
        let myself = [to];
        let addresses: &[IpAddr] = match local {
            LocalAnswer::Records => names.addresses(&self.question.name),
            LocalAnswer::Loopback => &LOOPBACK,
            LocalAnswer::Myself => &myself,
            LocalAnswer::NoData | LocalAnswer::Blocked => &[],
            LocalAnswer::NoName => {
                let (packet, question) = (self.packet, self.question);
                return answer::empty(packet, question, rcode::NXDOMAIN, Some(ttl), None, out);
            }
        };
        answer::addresses(self.packet, self.question, addresses, ttl, None, out);
    }
}

// === impl Counts ===

impl Counts {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}
