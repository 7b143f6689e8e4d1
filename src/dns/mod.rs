//! The way of a query.
//!
//! One direction, the same for every transport: [`serve::Answer::answer_now`] does all that
//! needs no waiting (who asks, the verdict, blocked, local and cached answers);
//! [`serve::Answer::answer_later`] waits: until it is known whose device asks from an address that
//! was never seen, then for the upstream, whose answer it judges. Start reading there. What a loop
//! keeps between queries is its [`Desk`]; what is remembered of an answer goes through `notes`.

pub mod answer;
mod asked;
pub mod cache;
mod desk;
mod discovery;
mod dress;
mod fetch;
mod handing;
mod https;
mod notes;
pub mod options;
mod pace;
mod places;
pub mod quic;
pub mod rebind;
pub mod records;
pub mod rewrite;
pub mod seats;
pub mod serve;
pub mod state;
mod svcb;
pub mod tcp;
pub mod tls;
pub mod udp;
pub mod upstream;
pub mod wire;

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clients::{Around, Client, Hosts, Leases, Neighbours};
use crate::clock::Clock;
use crate::config::settings::BlockedAnswer;
use crate::enforce::Handed;
use crate::journal::{self, Journal};
use crate::ledger::Ledger;
use crate::name::{Keyed, Name};
use crate::policy::local::LocalAnswer;
use crate::policy::{self, Action, Reason, Verdict, safesearch};
use crate::roster::{Did, Missed, Roster, SignKind};
use answer::{Closed, Ede};
use asked::Asked;
use cache::{Cache, Key};
pub use desk::Desk;
use desk::{Sight, Turns};
use fetch::EDE_UNREACHABLE;
pub use notes::Counts;
use notes::{Allowance, Books, Notes};
use pace::Paces;
use places::{Place, Places};
use records::rtype;
use rewrite::{Aged, Response};
use serve::{Counters, Quick, Source};
pub use state::State;
use tls::Identity;
use wire::{Question, Refusal, rcode};

/// The TTL of a local answer, in seconds: long enough to spare a query, short enough to change.
const LOCAL_TTL_SECONDS: u32 = 60;
/// What a reply takes that is written where no other was: most are shorter.
const REPLY_OCTETS: usize = 512;
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
    beside: Beside,
    counters: Counters,
    /// For names of which only that they differ matters.
    hasher: Keyed,
    places: Arc<Places>,
    turns: Turns,
    paces: Arc<Paces>,
    /// Of networks that are not served.
    refusals: Paces,
    handed: Arc<Handed>,
    /// What was answered, in numbers.
    pub counts: Counts,
}

/// What the way of a query meets beside its state: who asks, what is remembered, what time it is.
pub struct Beside {
    /// Who this program says it is to whoever asks encrypted.
    pub identity: Arc<Identity>,
    /// The kernel's neighbours.
    pub neighbours: Neighbours,
    /// What devices call themselves.
    pub hosts: Hosts,
    /// Where that is read.
    pub leases: Leases,
    /// What is remembered of answers.
    pub journal: Arc<Journal>,
    /// What expires or is counted.
    pub ledger: Arc<Ledger>,
    /// The devices that were seen.
    pub roster: Arc<Roster>,
    /// What time it is.
    pub clock: Clock,
}

/// A question that must wait.
pub enum Later {
    /// Until it is known whose device asks.
    Who(Box<Stranger>),
    /// For an upstream.
    Upstream(Arc<Waiting>),
    /// For nothing: it was answered, and is fetched anew before it runs out.
    Refresh(Arc<Waiting>),
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
    sight: Sight,
    packet: Box<[u8]>,
    question: Question,
    client: Client,
    from: IpAddr,
    verdict: Verdict,
    /// The name asked upstream: the question's, or the safe one.
    wanted: Name,
    group: u8,
    limit_octets: usize,
    /// Whether an expired answer is held that could serve.
    holds_stale: bool,
    /// Held until it is answered.
    _place: Place,
}

impl serve::Answer for Resolver {
    type Later = Later;
    type Desk = Desk;

    fn desk(&self, clients: usize) -> Desk {
        Desk::new(clients, self.sight(), &self.turns, Arc::clone(&self.paces))
    }

    fn begin(&self, desk: &mut Desk) {
        desk.begin(&self.state.load(), self.around(), &self.beside.clock);
    }

    fn end(&self, desk: &mut Desk) {
        desk.end(&self.books());
    }

    fn answer_now(
        &self,
        desk: &mut Desk,
        packet: &[u8],
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Quick<Later> {
        let question = match wire::question(packet) {
            Ok(question) => question,
            Err(refusal) => return refuse(packet, &refusal, out),
        };
        desk.notes.queries += 1;
        let from = source.from.ip();
        let Some((sight, seat, notes)) = desk.client(source, (packet, &question), &self.beside)
        else {
            let state = Arc::clone(&desk.sight.state);
            let stranger = Stranger { state, packet: packet.into(), question, source: *source };
            return Quick::Later(Later::Who(Box::new(stranger)));
        };
        if !seat.is_taken {
            // Whoever is not served may be somebody whose address was forged.
            if !source.by.is_stream() && !self.refusals.may_refuse(from, sight.tick) {
                return Quick::Silence;
            }
            let outside = Ede { code: EDE_PROHIBITED, text: "" };
            answer::empty(packet, &question, rcode::REFUSED, None, Some(outside), out);
            return Quick::Reply;
        }
        if !source.by.is_stream() && !seat.account.take(sight.state.pace, sight.tick) {
            notes.limited += 1;
            answer::come_by_tcp(packet, &question, out);
            return Quick::Reply;
        }
        let allowance = Some(&mut seat.allowance);
        match self.answer_known(
            sight,
            &seat.client,
            allowance,
            notes,
            &question,
            packet,
            source,
            out,
        ) {
            Quick::Reply => Quick::Reply,
            Quick::Silence => Quick::Silence,
            Quick::ReplyThen(waiting) => Quick::ReplyThen(Later::Refresh(waiting)),
            Quick::Later(waiting) => Quick::Later(Later::Upstream(waiting)),
        }
    }

    async fn answer_later(self: Arc<Self>, later: Later) -> Option<Vec<u8>> {
        let waiting = match later {
            Later::Upstream(waiting) => waiting,
            Later::Refresh(waiting) => {
                let _ = self.fetch(waiting).await;
                return None;
            }
            // Boxed, like all that is rare, so that other questions do not carry its size.
            Later::Who(stranger) => match Box::pin(self.answer_stranger(stranger)).await {
                Ok(reply) => return reply,
                Err(waiting) => waiting,
            },
        };
        Some(self.answer_from_upstream(waiting).await)
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Resolver {
    /// Answers a question whose sender is as well known as can be.
    #[expect(clippy::too_many_arguments, reason = "it is the way of a query, in one place")]
    fn answer_known(
        &self,
        sight: &Sight,
        client: &Client,
        allowance: Option<&mut Allowance>,
        notes: &mut Notes,
        question: &Question,
        packet: &[u8],
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Quick<Arc<Waiting>> {
        let Sight { state, moment, tick, .. } = sight;
        let verdict = state.house.policy.decide(client.subject, &question.name, moment);
        let limit_octets = answer::limit_octets(question, source.by);
        let from = source.from.ip();
        let mut asked = Asked { sight, from, packet, question, client, verdict, allowance, notes };
        let wanted = match verdict.action {
            Action::Block => {
                Self::close(&mut asked, verdict, &question.name, out);
                return Quick::Reply;
            }
            Action::Local(local) => {
                if question.qtype == rtype::SVCB {
                    if local == LocalAnswer::Designated
                        && asked.designate(&self.beside.identity, source.to, out)
                    {
                        return Quick::Reply;
                    }
                    asked.note_discovery();
                }
                asked.answer_here(local, source.to, out);
                answer::fit(out, limit_octets);
                return Quick::Reply;
            }
            // The safe name alone: no key or hint of the open site slips by (type HTTPS).
            Action::Rewrite(engine) if !asks_address(question) => {
                let target = safesearch::target(engine);
                let cap = asked.own_ttl_seconds();
                let written = answer::cname_then(packet, question, target, None, cap, out);
                return if written.is_ok() { Quick::Reply } else { Quick::Silence };
            }
            Action::Rewrite(engine) => safesearch::target(engine),
            Action::Allow if question.qtype == rtype::ANY => {
                let ttl_seconds = asked.own_ttl_seconds();
                answer::everything(packet, question, ttl_seconds, None, out);
                asked.note(verdict, &question.name);
                return Quick::Reply;
            }
            Action::Allow => &question.name,
        };

        let group = state.group_of(client.subject, wanted);
        let key = key(wanted, question, state.kept_under(group));
        let hit = self.cache.get(&key, *tick);
        let wait = |place, holds_stale| {
            Arc::new(Waiting {
                sight: sight.clone(),
                packet: packet.into(),
                question: *question,
                client: client.clone(),
                from,
                verdict,
                wanted: *wanted,
                group,
                limit_octets,
                holds_stale,
                _place: place,
            })
        };
        if let Some(hit) = &hit {
            // Upstream failed a moment ago: asking again would be too early (RFC 8767 §5).
            let serves = !hit.aged.stale || (hit.failed_lately && state.serves_stale());
            if serves && Self::pass_on(&mut asked, &hit.response, hit.aged, out) {
                asked.notes.cached += 1;
                answer::fit(out, limit_octets);
                let place = hit.refresh_due.then(|| self.places.take(source.from.ip())).flatten();
                let refresh = place.map(|place| Quick::ReplyThen(wait(place, false)));
                return refresh.unwrap_or(Quick::Reply);
            }
        }
        asked.notes.missed += 1;
        if !question.recursion_desired {
            // What we have, or nothing (RFC 1034 §4.3.1).
            answer::empty(packet, question, rcode::REFUSED, None, None, out);
            return Quick::Reply;
        }
        let holds_stale = state.serves_stale() && hit.as_ref().is_some_and(|hit| hit.aged.stale);
        let Some(place) = self.places.take(source.from.ip()) else {
            // An expired answer is better than none here too.
            let hit = hit.filter(|_| state.serves_stale());
            if hit.is_some_and(|hit| Self::pass_on(&mut asked, &hit.response, hit.aged, out)) {
                answer::fit(out, limit_octets);
                return Quick::Reply;
            }
            let said = serve::overloaded(&self.counters, packet, out);
            return if said { Quick::Reply } else { Quick::Silence };
        };
        Quick::Later(wait(place, holds_stale))
    }

    /// Answers whoever was never seen, once it is known whose device it is; or what is to be asked
    /// upstream first.
    async fn answer_stranger(
        &self,
        stranger: Box<Stranger>,
    ) -> Result<Option<Vec<u8>>, Arc<Waiting>> {
        let Stranger { state, packet, question, source } = *stranger;
        let from = source.from.ip();
        if !self.beside.neighbours.settle(from).await {
            // Whose rules hold is not known, and none may be opened by asking fast.
            let mut out = Vec::new();
            let is_said = serve::overloaded(&self.counters, &packet, &mut out);
            return Ok(is_said.then_some(out));
        }
        if state.house.devices.has_hosts() {
            self.beside.leases.look_for_stranger(&self.beside.hosts, self.now());
        }
        let sight = Sight::new(state, &self.beside.clock);
        let told = desk::told(&sight.state, &source, &packet, &question);
        let client = sight.state.house.devices.identify(from, told.as_ref(), self.around());
        let (mut out, mut notes) = (Vec::new(), Notes::default());
        notes.saw_one(&client, told.map_or(Some(from), |told| told.address));
        let quick = self
            .answer_known(&sight, &client, None, &mut notes, &question, &packet, &source, &mut out);
        notes.settle(&sight.state, sight.tick, &self.books());
        match quick {
            Quick::Reply | Quick::ReplyThen(_) => Ok(Some(out)),
            Quick::Silence => Ok(None),
            Quick::Later(waiting) => Err(waiting),
        }
    }

    /// Asks upstream, and judges what came back.
    async fn answer_from_upstream(self: &Arc<Self>, waiting: Arc<Waiting>) -> Vec<u8> {
        let response = self.fetch_or_give_up(&waiting).await;
        let Waiting { packet, question, client, verdict, .. } = &*waiting;
        let sight =
            Sight { now: self.now(), tick: self.beside.clock.tick(), ..waiting.sight.clone() };
        let mut notes = Notes::default();
        if !verdict.is_final() {
            notes.suspect(&sight.state, client, || self.missed(&question.name));
        }
        let mut asked = Asked {
            sight: &sight,
            from: waiting.from,
            packet,
            question,
            client,
            verdict: *verdict,
            allowance: None,
            notes: &mut notes,
        };
        let mut out = Vec::with_capacity(REPLY_OCTETS);
        let passed = match response {
            // An expired answer is better than none, and than an error (RFC 8767 §4).
            Ok(_) | Err(_) if self.pass_on_expired(&mut asked, &waiting, &response, &mut out) => {
                Ok(())
            }
            // "Cut" sends a client to TCP: over TCP it would take what is left for all there is.
            Ok(response)
                if response.truncated() && waiting.limit_octets == records::MESSAGE_OCTETS_MAX =>
            {
                Err(EDE_UNREACHABLE)
            }
            Ok(response) if Self::pass_on(&mut asked, &response, Aged::NEW, &mut out) => Ok(()),
            Ok(_) => Err(EDE_INVALID_DATA),
            Err(code) => Err(code),
        };
        if let Err(code) = passed {
            notes.failed += 1;
            let ede = Ede { code, text: "" };
            answer::servfail(packet, question, Some(ede), &mut out);
        }
        notes.settle(&sight.state, sight.tick, &self.books());
        answer::fit(&mut out, waiting.limit_octets);
        out
    }

    /// Where notes are brought.
    fn books(&self) -> Books<'_> {
        Books {
            counts: &self.counts,
            journal: &self.beside.journal,
            ledger: &self.beside.ledger,
            roster: &self.beside.roster,
            handed: &self.handed,
        }
    }

    /// What a query sees that begins now.
    fn sight(&self) -> Sight {
        Sight::new(self.state.load_full(), &self.beside.clock)
    }

    /// Waits until what is answered by now is counted and in the journal.
    pub async fn settled(&self) {
        self.turns.settled().await;
    }

    /// A resolver with its first state: nothing is answered before there is one.
    #[must_use]
    pub fn new(state: Arc<State>, cache: Cache, beside: Beside) -> Self {
        Resolver {
            state: ArcSwap::new(state),
            cache,
            beside,
            counters: Counters::default(),
            hasher: Keyed::default(),
            places: Arc::default(),
            turns: Turns::default(),
            paces: Arc::default(),
            refusals: Paces::default(),
            handed: Arc::default(),
            counts: Counts::default(),
        }
    }

    /// What is known around the rules of who asks.
    #[must_use]
    pub fn around(&self) -> Around<'_> {
        self.beside.around()
    }

    fn now(&self) -> jiff::Timestamp {
        self.beside.clock.now()
    }

    /// What is noted of a name that no cache knew.
    fn missed(&self, name: &Name) -> Did {
        let site = journal::registrable(name).unwrap_or(*name);
        let hashes = (self.hasher.hash_one(site.wire()), self.hasher.hash_one(name.wire()));
        let octets = name.wire().len() - site.wire().len();
        Did::Missed(Box::new(Missed { site, hashes, octets }))
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

    /// What was handed to whom, where connections are to be cut.
    #[must_use]
    pub fn handed(&self) -> &Arc<Handed> {
        &self.handed
    }

    /// The neighbour table.
    #[must_use]
    pub fn neighbours(&self) -> &Neighbours {
        &self.beside.neighbours
    }

    /// The lease files.
    #[must_use]
    pub fn leases(&self) -> &Leases {
        &self.beside.leases
    }

    /// What devices call themselves.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.beside.hosts
    }

    /// Judges an upstream's answer and hands it on, or closes it. False when it cannot be handed
    /// on.
    fn pass_on(asked: &mut Asked<'_>, response: &Response, aged: Aged, out: &mut Vec<u8>) -> bool {
        let Sight { state, moment, .. } = asked.sight;
        let policy = &state.house.policy;
        let chain = response.chain(state.id);
        let passes = chain.is_some_and(|chain| policy.passes(asked.client.subject, chain, moment));
        // A cloaked name meets the same rules; below what was opened by hand nothing is judged.
        if !passes && !asked.verdict.is_final() {
            let mut opened = Vec::new();
            for (owner, target) in response.links() {
                // What was opened by hand opens what it leads to, not what stands beside it.
                if opened.contains(&owner) {
                    opened.push(target);
                    continue;
                }
                match policy.judge_target(asked.client.subject, &target, moment) {
                    Some(verdict) if verdict.action == Action::Block => {
                        Self::close(asked, verdict, &target, out);
                        return true;
                    }
                    Some(_) => opened.push(target),
                    None => {}
                }
            }
        }
        // Opened by hand or not, it is not open: whoever looks for why should read it.
        if response.is_closed_upstream() && asked.verdict.reason != Reason::Essential {
            let name = asked.question.name;
            Self::close(asked, Verdict::block(Reason::Upstream), &name, out);
            return true;
        }
        if response.leads_home() && asked.guards_the_house() {
            let name = asked.question.name;
            Self::close(asked, Verdict::block(Reason::Rebind), &name, out);
            return true;
        }
        let response = asked.may_see(response);
        let written = match asked.verdict.action {
            Action::Rewrite(engine) => {
                let target = safesearch::target(engine);
                let found = Some((response, aged));
                let cap = asked.own_ttl_seconds();
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
        asked.note(asked.verdict, &asked.question.name);
        asked.count();
        if asked.sight.state.hands_to(asked.client.subject) {
            asked.note_handed(response, aged);
        }
        true
    }

    /// Hands on what has run out, where upstream failed to give a newer answer.
    fn pass_on_expired(
        &self,
        asked: &mut Asked<'_>,
        waiting: &Waiting,
        newer: &Result<Arc<Response>, u16>,
        out: &mut Vec<u8>,
    ) -> bool {
        let failed = newer
            .as_ref()
            .map_or(true, |newer| !matches!(newer.rcode(), rcode::NOERROR | rcode::NXDOMAIN));
        if !failed || !asked.sight.state.serves_stale() {
            return false;
        }
        let kept = self.cache.get(&waiting.key(), asked.sight.tick).filter(|hit| hit.aged.stale);
        kept.is_some_and(|hit| Self::pass_on(asked, &hit.response, hit.aged, out))
    }

    /// Answers as closed and remembers the attempt. `judged` is the name that a rule closed: the
    /// one asked, or one met in its answer.
    fn close(asked: &mut Asked<'_>, verdict: Verdict, judged: &Name, out: &mut Vec<u8>) {
        asked.notes.blocked += 1;
        let Sight { state, moment, .. } = asked.sight;
        let policy = &state.house.policy;
        let settings = &state.house.config.dns;
        let subject = asked.client.subject;
        let code = if policy.is_security(verdict.reason) { EDE_BLOCKED } else { EDE_FILTERED };
        let asked_name = &asked.question.name;
        let text = policy.brief(subject, verdict);
        let closed = Closed {
            answer: settings.blocked_answer,
            ttl_seconds: settings.blocked_ttl_seconds.min(asked.ttl_cap_seconds()),
            nxdomain_forced: policy.denies(subject, asked_name),
            ede: Some(Ede { code, text }),
        };
        if verdict.reason == Reason::Rebind {
            // The name is there, and 0.0.0.0 is an address of the house too.
            let ttl = Some(closed.ttl_seconds);
            answer::empty(asked.packet, asked.question, rcode::NOERROR, ttl, closed.ede, out);
        } else if settings.blocked_answer == BlockedAnswer::NxDomain
            && !closed.nxdomain_forced
            && !policy.closes_all_below(subject, asked_name, moment)
        {
            // Whoever hears that a name does not exist may believe the same of all below it
            // (RFC 8020), and some of that is open.
            let ttl = Some(closed.ttl_seconds);
            answer::empty(asked.packet, asked.question, rcode::NOERROR, ttl, closed.ede, out);
        } else {
            answer::blocked(asked.packet, asked.question, &closed, out);
        }
        if let Some(kind) = sign_of(verdict.reason, judged, state) {
            asked.notes.suspect(state, asked.client, || Did::Sign(kind, judged.to_string()));
        }
        asked.note(verdict, judged);
    }
}

/// What a closed name says of whoever asks for it.
fn sign_of(reason: Reason, judged: &Name, state: &State) -> Option<SignKind> {
    match reason {
        Reason::Bypass if policy::is_canary(judged) => Some(SignKind::Canary),
        Reason::Bypass => Some(SignKind::Relay),
        Reason::Service(tag) | Reason::Category(tag) | Reason::List(tag) => {
            state.leads_around(tag).then_some(SignKind::BypassName)
        }
        Reason::Essential
        | Reason::Local
        | Reason::Pause
        | Reason::Grant(_)
        | Reason::Schedule(_)
        | Reason::AllowRule(..)
        | Reason::BlockRule(..)
        | Reason::EverythingClosed
        | Reason::Budget(_)
        | Reason::Only
        | Reason::SafeSearch(_)
        | Reason::Rebind
        | Reason::Upstream
        | Reason::UnknownDevice
        | Reason::Default => None,
    }
}

// === impl Beside ===

impl Beside {
    /// What is known around the rules of who asks.
    fn around(&self) -> Around<'_> {
        Around { neighbours: &self.neighbours, hosts: &self.hosts }
    }
}

/// EDE "Invalid Data" (RFC 8914 §4.25).
const EDE_INVALID_DATA: u16 = 24;

/// Answers what is no question.
fn refuse(packet: &[u8], refusal: &Refusal, out: &mut Vec<u8>) -> Quick<Later> {
    if answer::refusal(packet, refusal, out) { Quick::Reply } else { Quick::Silence }
}

/// Where the answer to a name is kept.
fn key<'a>(name: &'a Name, question: &Question, group: u32) -> Key<'a> {
    Key::new(name, question.qtype, question.dnssec_ok(), question.checking_disabled, group)
}

/// Whether addresses are asked for.
fn asks_address(question: &Question) -> bool {
    matches!(question.qtype, rtype::A | rtype::AAAA)
}

// === impl Waiting ===

impl Waiting {
    fn key(&self) -> Key<'_> {
        key(&self.wanted, &self.question, self.sight.state.kept_under(self.group))
    }
}
