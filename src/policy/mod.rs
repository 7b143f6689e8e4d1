//! Who asks, for what, and when: the verdict and its reason.
//!
//! Pure: no clock, no disk, no network, and it cannot fail. [`Policy::decide`] is the product;
//! [`ORDER`] is its order of precedence, one row a rule. Start reading there.

pub mod explain;
pub mod hours;
pub mod local;
pub mod mentioned;
pub mod rules;
pub mod safesearch;
pub mod tags;
pub mod verdict;

use std::sync::Arc;

use jiff::Timestamp;

use crate::name::Name;
use local::LocalAnswer;
use rules::{Household, Rules, Scope, Subject, SubjectId};
use tags::{Lookup, TagKind, TagSet};
pub use verdict::{Action, Reason, ReasonKind, Verdict};

/// The permanent rules of a household with the lists that fill its categories.
#[derive(Clone)]
pub struct Policy {
    /// The rules.
    pub household: Household,
    lookup: Arc<dyn Lookup>,
}

/// Which windows are open, for a stretch of time in which none opens or closes.
///
/// Deciding needs no calendar: a moment is computed once and serves until its end.
#[derive(Debug, Clone)]
pub struct Moment {
    /// From when it holds.
    pub from: Timestamp,
    /// Until when it holds; it must be computed anew at that very instant.
    pub until: Timestamp,
    subjects: Vec<Now>,
}

/// What holds for one subject in a [`Moment`].
#[derive(Debug, Clone, Default)]
struct Now {
    /// The open windows, by their place among the subject's schedules.
    windows: Vec<u16>,
    /// When a window of this subject opens or closes next.
    next_change: Option<Timestamp>,
}

/// One question put to the rules.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    policy: &'a Policy,
    rules: &'a Rules,
    windows: &'a [u16],
    name: &'a Name,
    tags: TagSet,
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
    /// Windows of time.
    Schedules,
    /// The parent's own names.
    Names,
    /// Relay names that would go around the filter.
    Bypass,
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
/// time before the parent's own names, those before services, lists last. `tests.rs` holds each
/// pair.
pub const ORDER: &[Rule] = &[
    (Step::Essentials, essentials),
    (Step::Local, local_names),
    (Step::UnknownDevice, unknown_device),
    (Step::Schedules, schedules),
    (Step::Names, own_names),
    (Step::Bypass, bypass),
    (Step::Lists, lists),
    (Step::Only, only),
    (Step::Exceptions, exceptions),
];

/// What a CNAME or SVCB target met in an answer is judged by: the closing rules only, never the
/// closed default of a walled garden or a schedule.
const TARGET_ORDER: &[Rule] =
    &[(Step::Essentials, essentials), (Step::Names, own_names), (Step::Lists, lists)];

/// Firefox turns its own DNS off where this name does not exist (Mozilla's canary domain).
const CANARY: &[u8] = b"\x13use-application-dns\x03net\x00";
/// iCloud Private Relay turns itself off where these do not exist (Apple's notes for networks).
const RELAYS: [&[u8]; 2] = [b"\x04mask\x06icloud\x03com\x00", b"\x07mask-h2\x06icloud\x03com\x00"];

impl Policy {
    /// The rules with the lists they speak of.
    #[must_use]
    pub fn new(household: Household, lookup: Arc<dyn Lookup>) -> Self {
        Policy { household, lookup }
    }

    /// Decides one question: first whether it may be reached, then in which form.
    #[must_use]
    pub fn decide(&self, subject: SubjectId, name: &Name, moment: &Moment) -> Verdict {
        let ask = self.ask(subject, name, moment);
        let reach = ORDER.iter().find_map(|(_, rule)| rule(&ask)).unwrap_or(Verdict::OPEN);
        in_safe_form(&ask, reach)
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

    /// Whether every name below this one is closed too. Only then may an answer say that the name
    /// does not exist: RFC 8020 lets whoever hears it believe that nothing below exists either.
    #[must_use]
    pub fn closes_all_below(&self, subject: SubjectId, name: &Name, moment: &Moment) -> bool {
        // A label no rule was written for stands for all names below that no rule names.
        let Some(any) = name.child(b"*") else { return false };
        let verdict = self.decide(subject, &any, moment);
        verdict.action == Action::Block
            && !opens_some_below(&self.ask(subject, &any, moment), name, verdict.reason)
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
            | Reason::Schedule(_)
            | Reason::AllowRule(..)
            | Reason::BlockRule(..)
            | Reason::EverythingClosed
            | Reason::Service(_)
            | Reason::Only
            | Reason::SafeSearch(_)
            | Reason::Bypass
            | Reason::UnknownDevice
            | Reason::Default => false,
        }
    }

    /// The longest time, in seconds, that an answer to this subject may be kept: nothing outlives
    /// a boundary. At least 1.
    #[must_use]
    pub fn ttl_seconds_max(&self, subject: SubjectId, moment: &Moment, now: Timestamp) -> u32 {
        let of_rules = self.subject(subject).rules.ttl_seconds_max.unwrap_or(u32::MAX);
        // Beyond the horizon nobody looked: there a window may open too.
        let scheduled = !self.subject(subject).rules.schedules.is_empty();
        let change = moment.next_change(subject).or(scheduled.then(|| horizon(moment.from)));
        let to_change = change.map_or(u32::MAX, |change| {
            // Whole seconds, cut: an answer must be gone when the window opens.
            u32::try_from(change.duration_since(now).as_secs()).unwrap_or(0)
        });
        of_rules.min(to_change).max(1)
    }

    /// Which windows are open at this time, and until when that holds.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Moment {
        let zone = &self.household.zone;
        let wall = zone.to_datetime(now);
        let subjects: Vec<Now> = self
            .household
            .subjects
            .iter()
            .map(|subject| {
                let schedules = &subject.rules.schedules;
                let windows = schedules
                    .iter()
                    .enumerate()
                    .filter(|(_, schedule)| schedule.is_active(wall))
                    .filter_map(|(place, _)| u16::try_from(place).ok())
                    .collect();
                Now { windows, next_change: hours::next_change(schedules, zone, now) }
            })
            .collect();
        let until = subjects.iter().filter_map(|now| now.next_change).min();
        Moment { from: now, until: until.unwrap_or_else(|| horizon(now)), subjects }
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
        Ask {
            policy: self,
            rules: &self.subject(subject).rules,
            windows: moment.windows(subject),
            name,
            tags: self.lookup.tags_of(name),
        }
    }
}

impl Moment {
    /// Whether it still tells the truth at `now`. A clock that was set back makes it untrue too.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The subject's open windows, by their place among its schedules.
    #[must_use]
    pub fn windows(&self, subject: SubjectId) -> &[u16] {
        self.subjects.get(usize::from(subject.0)).map_or(&[], |now| &now.windows)
    }

    /// When a window of this subject opens or closes next.
    #[must_use]
    pub fn next_change(&self, subject: SubjectId) -> Option<Timestamp> {
        self.subjects.get(usize::from(subject.0))?.next_change
    }
}

impl<'a> Ask<'a> {
    /// The open windows with their places.
    fn open_windows(&self) -> impl Iterator<Item = (u16, &'a hours::Schedule)> {
        let schedules = &self.rules.schedules;
        self.windows.iter().filter_map(|&place| Some((place, schedules.get(usize::from(place))?)))
    }
}

/// How far `hours::next_change` has looked from here. A window that opens on a date beyond it is
/// found because the moment ends before.
fn horizon(from: Timestamp) -> Timestamp {
    from.saturating_add(hours::HORIZON).unwrap_or(Timestamp::MAX)
}

// === The rules, in the order of ORDER ===

fn essentials(ask: &Ask<'_>) -> Option<Verdict> {
    let essential = ask.policy.household.essentials.contains(ask.name);
    essential.then_some(Verdict::allow(Reason::Essential))
}

fn local_names(ask: &Ask<'_>) -> Option<Verdict> {
    if is_one_of(ask.name, &[CANARY]) {
        return Some(Verdict::block(Reason::Bypass));
    }
    let answer = ask.policy.household.local.find(ask.name)?;
    Some(match answer {
        // blocked.amparo.test: so that a family can see what a closed site looks like.
        LocalAnswer::Blocked => Verdict::block(Reason::Local),
        LocalAnswer::Records
        | LocalAnswer::Loopback
        | LocalAnswer::Myself
        | LocalAnswer::NoData
        | LocalAnswer::NoName => Verdict { action: Action::Local(answer), reason: Reason::Local },
    })
}

fn unknown_device(ask: &Ask<'_>) -> Option<Verdict> {
    ask.rules.refused.then_some(Verdict::block(Reason::UnknownDevice))
}

fn schedules(ask: &Ask<'_>) -> Option<Verdict> {
    ask.open_windows()
        .find(|(_, window)| window.closes(ask.name, &ask.tags))
        .map(|(place, _)| Verdict::block(Reason::Schedule(place)))
}

fn own_names(ask: &Ask<'_>) -> Option<Verdict> {
    let (rule, labels) = ask.rules.names.find(ask.name)?;
    let labels = u8::try_from(labels).unwrap_or(u8::MAX);
    Some(if rule.allow {
        Verdict::allow(Reason::AllowRule(rule.level, labels))
    } else {
        Verdict::block(Reason::BlockRule(rule.level, labels))
    })
}

fn bypass(ask: &Ask<'_>) -> Option<Verdict> {
    let relay = ask.rules.relays_closed && is_one_of(ask.name, &RELAYS);
    relay.then_some(Verdict::block(Reason::Bypass))
}

fn lists(ask: &Ask<'_>) -> Option<Verdict> {
    let mut hits = ask.tags.intersection(&ask.rules.closed);
    if !hits.is_empty() {
        for (service, categories) in &ask.rules.excused {
            if ask.tags.contains(*service) {
                hits = hits.minus(categories);
            }
        }
        // The nearest reason speaks: a service before the category it is in, that before a list.
        let table = &ask.policy.household.tags;
        let hit = hits.iter().min_by_key(|&tag| match table.info(tag).kind {
            TagKind::Service => 0,
            TagKind::Category => 1,
            TagKind::List => 2,
        });
        if let Some(tag) = hit {
            return Some(Verdict::block(match table.info(tag).kind {
                TagKind::Service => Reason::Service(tag),
                TagKind::Category => Reason::Category(tag),
                TagKind::List => Reason::List(tag),
            }));
        }
    }
    ask.rules.everything_closed.then_some(Verdict::block(Reason::EverythingClosed))
}

fn only(ask: &Ask<'_>) -> Option<Verdict> {
    let garden = ask.rules.only.as_ref()?;
    Some(if garden.covers(ask.name, &ask.tags) {
        Verdict::allow(Reason::Only)
    } else {
        Verdict::block(Reason::Only)
    })
}

fn exceptions(ask: &Ask<'_>) -> Option<Verdict> {
    ask.open_windows()
        .find(|(_, window)| window.opens(ask.name, &ask.tags))
        .map(|(place, _)| Verdict::allow(Reason::Schedule(place)))
}

/// What is allowed may still have to answer in its safe form; essentials never do.
fn in_safe_form(ask: &Ask<'_>, reach: Verdict) -> Verdict {
    if reach.action != Action::Allow || reach.reason == Reason::Essential {
        return reach;
    }
    match safesearch::engine_of(ask.name, ask.rules.safe_search, ask.rules.youtube) {
        Some(engine) => {
            Verdict { action: Action::Rewrite(engine), reason: Reason::SafeSearch(engine) }
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
        Reason::Schedule(place) => rules.schedules.get(usize::from(place)).is_none_or(|window| {
            let is_named = window.block.covers(ask.name, &ask.tags);
            reaches(&window.allow) || !is_named && window.only.as_ref().is_some_and(reaches)
        }),
        Reason::Only => rules.only.as_ref().is_some_and(reaches),
        Reason::Service(_) | Reason::Category(_) | Reason::List(_) => {
            let tags = ask.tags.intersection(&rules.closed);
            rules.excused.iter().any(|(_, from)| !tags.intersection(from).is_empty())
        }
        Reason::Essential
        | Reason::Local
        | Reason::AllowRule(..)
        | Reason::BlockRule(..)
        | Reason::EverythingClosed
        | Reason::SafeSearch(_)
        | Reason::Bypass
        | Reason::UnknownDevice
        | Reason::Default => false,
    };
    by_itself || rules.names.opens_below(name)
}

/// Whether the name is one of these, or below one.
fn is_one_of(name: &Name, wires: &[&[u8]]) -> bool {
    name.suffixes().any(|suffix| wires.contains(&suffix))
}

#[cfg(test)]
mod tests;
