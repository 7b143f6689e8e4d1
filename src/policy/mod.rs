//! Who asks, for what, and when: the verdict and its reason.
//!
//! Pure: no clock, no disk, no network, and it cannot fail. [`Policy::decide`] is the product;
//! [`ORDER`] is its order of precedence, one row a rule. Start reading there.

mod brief;
pub mod budget;
pub mod explain;
pub mod hours;
pub mod local;
pub mod mentioned;
pub mod meter;
mod moment;
pub mod passing;
pub mod rules;
pub mod safesearch;
pub mod tags;
pub mod verdict;

use std::sync::Arc;

use crate::name::Name;
use crate::words::{self, Language};
use brief::Briefs;
use budget::BudgetSet;
use local::{LocalAnswer, LocalNames};
use mentioned::Mentioned;
pub use moment::Moment;
use moment::Now;
use rules::{Household, Level, Rules, Scope, Subject, SubjectId, What};
use tags::{Known, Lookup, TagKind, TagSet};
pub use verdict::{Action, Granted, Reason, ReasonKind, Verdict};

/// The permanent rules of a household with the lists that fill its categories.
#[derive(Clone)]
pub struct Policy {
    /// The rules. What [`Policy::new`] made of them stays as it is when they change.
    pub household: Household,
    lookup: Arc<dyn Lookup>,
    mentioned: Mentioned,
    briefs: Briefs,
}

/// What the lists say of several names together: one look tells that no rule closes any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    tags: TagSet,
    /// Whether a rule may spell one of them out; false is certain.
    mentioned: bool,
}

/// One question put to the rules.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    policy: &'a Policy,
    rules: &'a Rules,
    now: &'a Now,
    asked: Known<'a>,
}

/// One row of the order of precedence: its name in `why`, and the rule.
pub type Rule = (Step, fn(&Ask<'_>) -> Option<Verdict>);

/// The steps of a decision, in the order in which rules speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Names that must always answer.
    Essentials,
    /// Names answered in the house, and the browsers' canary.
    Local,
    /// Devices nobody claimed, where the household blocks them.
    UnknownDevice,
    /// A pause.
    Pause,
    /// What a parent opened for a while.
    Grants,
    /// Windows of time.
    Schedules,
    /// The parent's own names.
    Names,
    /// Relay names that would go around the filter.
    Bypass,
    /// Time that is used up.
    Budgets,
    /// Closed services, categories and lists.
    Lists,
    /// The walled garden.
    Only,
    /// What a window keeps open, when nothing closed it.
    Exceptions,
    /// In which form an open name answers: no row of [`ORDER`], it follows them.
    SafeForm,
}

/// The order in which rules speak; the first that does decides. The order is the product:
/// what a parent does for a while before time, that before the parent's own names, those before
/// budgets, lists last. `tests.rs` holds each pair.
pub const ORDER: &[Rule] = &[
    (Step::Essentials, essentials),
    (Step::Local, local_names),
    (Step::UnknownDevice, unknown_device),
    (Step::Pause, pause),
    (Step::Grants, grants),
    (Step::Schedules, schedules),
    (Step::Names, own_names),
    (Step::Bypass, bypass),
    (Step::Budgets, budgets),
    (Step::Lists, lists),
    (Step::Only, only),
    (Step::Exceptions, exceptions),
];

/// What a CNAME or SVCB target met in an answer is judged by: the closing rules only, never the
/// closed default of a walled garden or a schedule; and what a parent opened for a while is open.
const TARGET_ORDER: &[Rule] = &[
    (Step::Essentials, essentials),
    (Step::Grants, grants),
    (Step::Names, own_names),
    (Step::Lists, lists),
];

/// Firefox turns its own DNS off where this name does not exist (Mozilla's canary domain).
const CANARY: &[u8] = b"\x13use-application-dns\x03net\x00";
/// iCloud Private Relay turns itself off where these do not exist (Apple's notes for networks).
const RELAYS: [&[u8]; 2] = [b"\x04mask\x06icloud\x03com\x00", b"\x07mask-h2\x06icloud\x03com\x00"];

/// Whether this is the name by which Firefox looks whether it may use a DNS server of its own.
#[must_use]
pub fn is_canary(name: &Name) -> bool {
    is_one_of(name, &[CANARY])
}

impl Policy {
    /// The rules with the lists they speak of.
    #[must_use]
    pub fn new(household: Household, lookup: Arc<dyn Lookup>) -> Self {
        let mentioned = Mentioned::of(&household, &*lookup);
        let briefs = Briefs::new(&household);
        Policy { household, lookup, mentioned, briefs }
    }

    /// Decides one question: first whether it may be reached, then in which form.
    #[must_use]
    pub fn decide(&self, subject: SubjectId, name: &Name, moment: &Moment) -> Verdict {
        self.ask(subject, name, moment).decide()
    }

    /// Judges a name met on the way of an answer (CNAME or SVCB target). None when no rule speaks;
    /// an allowing verdict means that nothing further down is judged either.
    #[must_use]
    pub fn judge_target(
        &self,
        subject: SubjectId,
        target: &Name,
        moment: &Moment,
    ) -> Option<Verdict> {
        let ask = self.ask(subject, target, moment);
        TARGET_ORDER.iter().find_map(|(_, rule)| rule(&ask))
    }

    /// What the lists say of several names together, such as those an answer leads to.
    pub fn chain(&self, names: impl Iterator<Item = Name>) -> Chain {
        let none = Chain { tags: TagSet::EMPTY, mentioned: false };
        names.fold(none, |chain, name| {
            let (tags, mentioned) = self.lookup.look_up(&name, &self.mentioned);
            Chain { tags: chain.tags.union(&tags), mentioned: chain.mentioned || mentioned }
        })
    }

    /// Whether [`Policy::judge_target`] certainly has nothing to say of any name of a chain.
    #[must_use]
    pub fn passes(&self, subject: SubjectId, chain: &Chain, moment: &Moment) -> bool {
        let rules = &self.subject(subject).rules;
        !chain.mentioned
            && !rules.everything_closed
            && !rules.closed.meets(&chain.tags)
            && moment.of(subject).closes_nothing_more(&chain.tags)
    }

    /// Whether every name below this one is closed too. Only then may an answer say that the name
    /// does not exist: RFC 8020 lets whoever hears it believe that nothing below exists either.
    #[must_use]
    pub fn closes_all_below(&self, subject: SubjectId, name: &Name, moment: &Moment) -> bool {
        // A label no rule was written for stands for all names below that no rule names.
        let Some(any) = name.child(b"*") else { return false };
        let ask = self.ask(subject, &any, moment);
        let verdict = ask.decide();
        verdict.action == Action::Block
            && !opens_some_below(&ask, name, verdict.reason)
            && !self.household.essentials.reaches_below(name)
            && !self.household.local.reaches_below(name)
    }

    /// Whether a closed name must not exist, whatever the household chose as its answer: browsers
    /// and phones take an address for leave to go around the filter.
    #[must_use]
    pub fn denies(&self, subject: SubjectId, name: &Name) -> bool {
        is_one_of(name, &[CANARY])
            || (self.subject(subject).rules.relays_closed && is_one_of(name, &RELAYS))
    }

    /// Whether a reason guards against fraud and spying rather than unsuitable content.
    #[must_use]
    pub fn is_security(&self, reason: Reason) -> bool {
        match reason {
            Reason::Category(tag) | Reason::List(tag) => self.household.tags.info(tag).security,
            Reason::Essential
            | Reason::Local
            | Reason::Pause
            | Reason::Grant(_)
            | Reason::Schedule(_)
            | Reason::Budget(_)
            | Reason::AllowRule(..)
            | Reason::BlockRule(..)
            | Reason::EverythingClosed
            | Reason::Service(_)
            | Reason::Only
            | Reason::SafeSearch(_)
            | Reason::Bypass
            | Reason::Upstream
            | Reason::UnknownDevice
            | Reason::Default => false,
            Reason::Rebind => true,
        }
    }

    /// A subject of this household.
    ///
    /// # Panics
    /// When the id is another household's and lies beyond the end of this one.
    #[must_use]
    pub fn subject(&self, id: SubjectId) -> &Subject {
        &self.household.subjects[usize::from(id.0)]
    }

    /// What the lists say of a name.
    #[must_use]
    pub fn tags_of(&self, name: &Name) -> TagSet {
        self.lookup.tags_of(name)
    }

    fn ask<'a>(&'a self, subject: SubjectId, name: &'a Name, moment: &'a Moment) -> Ask<'a> {
        let (tags, mentioned) = self.lookup.look_up(name, &self.mentioned);
        Ask {
            policy: self,
            rules: &self.subject(subject).rules,
            now: moment.of(subject),
            asked: Known { name, tags, mentioned },
        }
    }
}

impl<'a> Ask<'a> {
    /// First whether it may be reached, then in which form.
    fn decide(&self) -> Verdict {
        let reach = ORDER.iter().find_map(|(_, rule)| rule(self)).unwrap_or(Verdict::OPEN);
        self.metered(in_safe_form(self, reach), reach.reason)
    }

    /// The verdict with the budgets it counts against: those that would close the name if they
    /// were used up. `reach` is why it may be reached.
    fn metered(&self, mut verdict: Verdict, reach: Reason) -> Verdict {
        if self.now.budgets.is_empty() || verdict.action == Action::Block {
            return verdict;
        }
        let counts = match reach {
            Reason::Schedule(_) | Reason::Only | Reason::Default => true,
            Reason::Essential
            | Reason::Local
            | Reason::Pause
            | Reason::Grant(_)
            | Reason::AllowRule(..)
            | Reason::BlockRule(..)
            | Reason::EverythingClosed
            | Reason::Budget(_)
            | Reason::Service(_)
            | Reason::Category(_)
            | Reason::List(_)
            | Reason::SafeSearch(_)
            | Reason::Bypass
            | Reason::Rebind
            | Reason::Upstream
            | Reason::UnknownDevice => false,
        };
        let Known { name, mentioned, .. } = self.asked;
        let is_noise = || mentioned && self.policy.household.noise.contains(name);
        let budgets =
            if counts { self.now.metered(&self.asked, self.rules) } else { BudgetSet::EMPTY };
        if !budgets.is_empty() && !is_noise() {
            verdict.metered = budgets;
        }
        verdict
    }

    /// The open windows with their places.
    fn open_windows(&self) -> impl Iterator<Item = (u16, &'a hours::Schedule)> {
        let schedules = &self.rules.schedules;
        let places = self.now.windows.iter();
        places.filter_map(|&place| Some((place, schedules.get(usize::from(place))?)))
    }
}

// === The rules, in the order of ORDER ===

// A rule that looks the name up does so only where some rule mentions it.

fn essentials(ask: &Ask<'_>) -> Option<Verdict> {
    let Known { name, mentioned, .. } = ask.asked;
    let essential = mentioned && ask.policy.household.essentials.contains(name);
    essential.then_some(Verdict::allow(Reason::Essential))
}

fn local_names(ask: &Ask<'_>) -> Option<Verdict> {
    let Known { name, mentioned, .. } = ask.asked;
    if mentioned && is_one_of(name, &[CANARY]) {
        return Some(Verdict::block(Reason::Bypass));
    }
    let answer = if mentioned {
        ask.policy.household.local.find(name)?
    } else {
        LocalNames::find_elsewhere(name)?
    };
    Some(match answer {
        // blocked.amparo.test: so that a family can see what a closed site looks like.
        LocalAnswer::Blocked => Verdict::block(Reason::Local),
        LocalAnswer::Records
        | LocalAnswer::Loopback
        | LocalAnswer::Myself
        | LocalAnswer::Designated
        | LocalAnswer::NoData
        | LocalAnswer::NoName => Verdict::local(answer),
    })
}

fn unknown_device(ask: &Ask<'_>) -> Option<Verdict> {
    ask.rules.refused.then_some(Verdict::block(Reason::UnknownDevice))
}

fn pause(ask: &Ask<'_>) -> Option<Verdict> {
    ask.now.paused.then_some(Verdict::block(Reason::Pause))
}

fn grants(ask: &Ask<'_>) -> Option<Verdict> {
    let granted = ask.now.granted(&ask.asked, ask.rules)?;
    // A name that the parent closed by itself opens by that name, not with the rest of a service.
    let is_closed = || own_names(ask).is_some_and(|own| own.action == Action::Block);
    let opens = match granted {
        Granted::Name(_) => true,
        Granted::Tag(_) => !is_closed(),
    };
    opens.then_some(Verdict::allow(Reason::Grant(granted)))
}

fn schedules(ask: &Ask<'_>) -> Option<Verdict> {
    if !ask.now.closing.may_cover(&ask.asked) {
        return None;
    }
    ask.open_windows()
        .find(|(_, window)| window.closes(&ask.asked))
        .map(|(place, _)| Verdict::block(Reason::Schedule(place)))
}

fn own_names(ask: &Ask<'_>) -> Option<Verdict> {
    // What a parent closed for a while was said last.
    if let Some(labels) = ask.now.closed_name(ask.asked.name) {
        return Some(Verdict::block(Reason::BlockRule(Level::Subject, labels)));
    }
    if !ask.asked.mentioned {
        return None;
    }
    let (rule, labels) = ask.rules.names.find(ask.asked.name)?;
    let labels = u8::try_from(labels).unwrap_or(u8::MAX);
    Some(if rule.allow {
        Verdict::allow(Reason::AllowRule(rule.level, labels))
    } else {
        Verdict::block(Reason::BlockRule(rule.level, labels))
    })
}

fn bypass(ask: &Ask<'_>) -> Option<Verdict> {
    let Known { name, mentioned, .. } = ask.asked;
    let relay = mentioned && ask.rules.relays_closed && is_one_of(name, &RELAYS);
    relay.then_some(Verdict::block(Reason::Bypass))
}

fn budgets(ask: &Ask<'_>) -> Option<Verdict> {
    if !ask.now.spent.may_cover(&ask.asked) {
        return None;
    }
    let covers = |&place: &usize| {
        ask.rules.budgets.get(place).is_some_and(|budget| budget.what.covers(&ask.asked))
    };
    let place = ask.now.used_up.places().find(covers)?;
    u8::try_from(place).ok().map(|place| Verdict::block(Reason::Budget(place)))
}

fn lists(ask: &Ask<'_>) -> Option<Verdict> {
    let tags = &ask.asked.tags;
    let hits = tags.intersection(&ask.rules.closed.union(&ask.now.closed_tags));
    let mut hits = ask.now.not_opened(tags, hits);
    if !hits.is_empty() {
        for (service, categories) in &ask.rules.excused {
            if tags.contains(*service) {
                hits = hits.minus(&categories.minus(&ask.now.closed_tags));
            }
        }
        // The nearest reason speaks: a service before the category it is in, that before a list.
        let table = &ask.policy.household.tags;
        let first = |kind| table.first_of(kind, &hits);
        let nearest = (first(TagKind::Service).map(Reason::Service))
            .or_else(|| first(TagKind::Category).map(Reason::Category))
            .or_else(|| first(TagKind::List).map(Reason::List));
        if nearest.is_some() {
            return nearest.map(Verdict::block);
        }
    }
    ask.rules.everything_closed.then_some(Verdict::block(Reason::EverythingClosed))
}

fn only(ask: &Ask<'_>) -> Option<Verdict> {
    let garden = ask.rules.only.as_ref()?;
    Some(if garden.covers(&ask.asked) {
        Verdict::allow(Reason::Only)
    } else {
        Verdict::block(Reason::Only)
    })
}

fn exceptions(ask: &Ask<'_>) -> Option<Verdict> {
    if !ask.now.opening.may_cover(&ask.asked) {
        return None;
    }
    ask.open_windows()
        .find(|(_, window)| window.opens(&ask.asked))
        .map(|(place, _)| Verdict::allow(Reason::Schedule(place)))
}

/// What is allowed may still have to answer in its safe form; essentials never do.
fn in_safe_form(ask: &Ask<'_>, reach: Verdict) -> Verdict {
    let Known { name, mentioned, .. } = ask.asked;
    if !mentioned || reach.action != Action::Allow || reach.reason == Reason::Essential {
        return reach;
    }
    match safesearch::engine_of(name, ask.rules.safe_search, ask.rules.youtube) {
        Some(engine) => {
            let reason = Reason::SafeSearch(engine);
            Verdict { action: Action::Rewrite(engine), reason, ..reach }
        }
        None => reach,
    }
}

/// Whether something below `name` may be open although `ask`, about any name there, is closed for
/// this reason. When in doubt, it may.
fn opens_some_below(ask: &Ask<'_>, name: &Name, reason: Reason) -> bool {
    let rules = ask.rules;
    let reaches = |scope: &Scope| scope.reaches_below(name);
    let by_itself = match reason {
        // A pause closes what was granted and what the parent opened by name too.
        Reason::Pause => return false,
        Reason::Schedule(place) => rules.schedules.get(usize::from(place)).is_none_or(|window| {
            let is_named = window.block.covers(&ask.asked);
            reaches(&window.allow) || !is_named && window.only.as_ref().is_some_and(reaches)
        }),
        Reason::Only => rules.only.as_ref().is_some_and(reaches),
        Reason::Service(_) | Reason::Category(_) | Reason::List(_) => {
            let tags = ask.asked.tags.intersection(&rules.closed);
            rules.excused.iter().any(|(_, from)| tags.meets(from))
        }
        Reason::Essential
        | Reason::Local
        | Reason::Grant(_)
        | Reason::AllowRule(..)
        | Reason::BlockRule(..)
        | Reason::EverythingClosed
        | Reason::Budget(_)
        | Reason::SafeSearch(_)
        | Reason::Bypass
        | Reason::Rebind
        | Reason::Upstream
        | Reason::UnknownDevice
        | Reason::Default => false,
    };
    by_itself || rules.names.opens_below(name) || ask.now.grants_below(name)
}

/// Whether the name is one of these, or below one.
fn is_one_of(name: &Name, wires: &[&[u8]]) -> bool {
    let ends = |wire: &&[u8]| name.wire().ends_with(wire);
    wires.iter().any(|wire| ends(wire) && name.suffixes().any(|suffix| suffix == *wire))
}

/// What a budget is about, as it is called.
fn budget_name(household: &Household, what: &What, language: Language) -> String {
    match what {
        What::Everything => words::INTERNET.in_language(language).to_owned(),
        What::Tag(tag) => household.tags.info(*tag).words.in_language(language).to_owned(),
        What::Name(name, _) => name.to_string(),
    }
}

/// What a window is called.
fn window_name(name: &str, language: Language) -> &str {
    if name == words::BEDTIME_ID { words::BEDTIME.in_language(language) } else { name }
}

#[cfg(test)]
mod tests;
