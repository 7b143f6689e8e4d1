//! What time decides, for a stretch of it in which nothing opens or closes: windows, pauses, grants,
//! budgets.
//!
//! All that needs a calendar, and all that the open windows have in common, is computed here, once
//! at each boundary; deciding then compares bits. It never asks what time it is. Start reading at
//! [`Policy::moment`].

use jiff::Timestamp;

use super::budget::{self, BudgetMode, BudgetSet};
use super::hours::Schedule;
use super::passing::{OfSubject, Passing};
use super::rules::{Household, Reach, Rules, Scope, Subject, SubjectId, What};
use super::tags::{Known, Tag, TagSet};
use super::{Granted, Policy, hours};
use crate::name::Name;
use crate::words;

/// What time decides, for a stretch of it in which nothing opens or closes.
///
/// Deciding needs no calendar: a moment is computed once and serves until its end.
#[derive(Debug, Clone)]
pub struct Moment {
    /// From when it holds.
    pub from: Timestamp,
    /// Until when it holds; it must be computed anew at that very instant.
    pub until: Timestamp,
    /// Whether nobody knows what time it is: the stricter side of all that time decides holds.
    pub time_unknown: bool,
    subjects: Vec<Now>,
}

/// What holds for one subject in a [`Moment`].
#[derive(Debug, Clone, Default)]
pub(super) struct Now {
    /// Everything is closed.
    pub(super) paused: bool,
    /// Until when granted time lifts schedules and budgets.
    freed_until: Option<Timestamp>,
    /// What was opened for a while.
    opened: Vec<What>,
    /// The tags in it; each with what it opens: itself, and its category for its own names.
    opened_tags: Vec<(Tag, TagSet)>,
    /// The names that were closed for a while.
    closed_names: Vec<(Name, Reach)>,
    /// The tags that were.
    pub(super) closed_tags: TagSet,
    /// The budgets that count today.
    pub(super) budgets: BudgetSet,
    /// Those of them that are about everything.
    of_everything: BudgetSet,
    /// What the others may cover.
    metering: Together,
    /// The budgets of which nothing is left.
    pub(super) used_up: BudgetSet,
    /// What they may cover.
    pub(super) spent: Together,
    /// The open windows, by their place among the subject's schedules.
    pub(super) windows: Vec<u16>,
    /// What some open window may close.
    pub(super) closing: Together,
    /// What some open window may keep open by an exception of its own.
    pub(super) opening: Together,
    /// When something opens or closes for this subject next.
    next_change: Option<Timestamp>,
    /// When an answer must be gone; none where nothing ever opens or closes.
    answers_until: Option<Timestamp>,
}

/// What several scopes may cover together: one look tells that none of them has anything to say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Together {
    /// One of them covers names it does not spell out.
    everything: bool,
    tags: TagSet,
    /// One of them spells out names.
    names: bool,
}

/// For a subject that the moment does not know: nothing is open.
static NOTHING: Now = Now {
    paused: false,
    freed_until: None,
    opened: Vec::new(),
    opened_tags: Vec::new(),
    closed_names: Vec::new(),
    closed_tags: TagSet::EMPTY,
    budgets: BudgetSet::EMPTY,
    of_everything: BudgetSet::EMPTY,
    metering: Together::NOTHING,
    used_up: BudgetSet::EMPTY,
    spent: Together::NOTHING,
    windows: Vec::new(),
    closing: Together::NOTHING,
    opening: Together::NOTHING,
    next_change: None,
    answers_until: None,
};

impl Policy {
    /// What the rules alone say at this time, and until when that holds.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Moment {
        self.moment_with(now, &Passing::default())
    }

    /// What the rules say at this time, with what holds for a while.
    #[must_use]
    pub fn moment_with(&self, now: Timestamp, passing: &Passing) -> Moment {
        let household = &self.household;
        let subjects = (0..=u16::MAX).map(SubjectId).zip(&household.subjects);
        let subjects: Vec<Now> = subjects
            .map(|(id, subject)| {
                let for_a_while = passing.of(id);
                now_of(household, subject, for_a_while, passing.time_unknown, now)
            })
            .collect();
        let until = subjects.iter().filter_map(|now| now.next_change).min();
        let until = until.unwrap_or_else(|| horizon(now));
        Moment { from: now, until, time_unknown: passing.time_unknown, subjects }
    }

    /// When the next bedtime of a subject begins, after now; none in the days that are looked at
    /// ([`hours::HORIZON`]).
    #[must_use]
    pub fn next_bedtime(&self, subject: SubjectId, now: Timestamp) -> Option<Timestamp> {
        let Subject { rules, zone, .. } = self.subject(subject);
        let is_bedtime = |window: &&Schedule| window.name == words::BEDTIME_ID;
        let bedtimes: Vec<Schedule> = rules.schedules.iter().filter(is_bedtime).cloned().collect();
        let is_open = |at| {
            let wall = zone.to_datetime(at);
            bedtimes.iter().any(|window| window.is_active(wall))
        };
        let (mut at, mut was_open) = (now, is_open(now));
        while let Some(next) = hours::next_change(&bedtimes, zone, at) {
            let opens = is_open(next);
            if opens && !was_open {
                return Some(next);
            }
            (at, was_open) = (next, opens);
        }
        None
    }

    /// The longest time, in seconds, that an answer to this subject may be kept: nothing outlives
    /// a boundary. At least 1.
    #[must_use]
    pub fn ttl_seconds_max(&self, subject: SubjectId, moment: &Moment, now: Timestamp) -> u32 {
        let of_rules = self.subject(subject).rules.ttl_seconds_max.unwrap_or(u32::MAX);
        let to_change = moment.of(subject).answers_until.map_or(u32::MAX, |until| {
            // Whole seconds, cut: an answer must be gone when the window opens.
            u32::try_from(until.duration_since(now).as_secs()).unwrap_or(0)
        });
        of_rules.min(to_change).max(1)
    }
}

/// What holds for one subject.
fn now_of(
    household: &Household,
    subject: &Subject,
    for_a_while: &OfSubject,
    time_unknown: bool,
    now: Timestamp,
) -> Now {
    let Subject { rules, zone, .. } = subject;
    let ahead = |until: &Timestamp| *until > now;
    // Nobody knows whether that is over.
    let holds = |until: &Timestamp| time_unknown || ahead(until);
    let mut of_subject = Now {
        paused: for_a_while.paused_until.as_ref().is_some_and(holds),
        freed_until: for_a_while.freed_until.filter(|until| ahead(until) && !time_unknown),
        ..Now::default()
    };
    if !time_unknown {
        let opened = for_a_while.opened.iter().filter(|one| ahead(&one.until));
        opened.for_each(|one| of_subject.open(&one.what, household));
    }
    let closed = for_a_while.closed.iter().filter(|one| holds(&one.until));
    closed.for_each(|one| of_subject.close(&one.what));

    let is_free = of_subject.freed_until.is_some();
    let wall = zone.to_datetime(now);
    for (place, window) in (0..=u16::MAX).zip(&rules.schedules) {
        if time_unknown || window.is_active(wall) {
            of_subject.windows.push(place);
            of_subject.add_window(window, !is_free, !time_unknown);
        }
    }
    let budgets_at = |at| Budgets::at(at, household, subject, for_a_while, time_unknown);
    let budgets = if rules.budgets.is_empty() { Budgets::default() } else { budgets_at(now) };
    if !is_free {
        of_subject.add_budgets(rules, budgets);
    }
    let next_change = hours::next_change(&rules.schedules, zone, now);
    // A new day is a change where it gives time, or takes it.
    let day_after = |at: &Timestamp| Some(budget::next_day(*at, zone, household.day_starts));
    let mut days = std::iter::successors(day_after(&now), day_after)
        .take_while(|&day| !rules.budgets.is_empty() && day <= horizon(now));
    let next_day = days.find(|&day| budgets_at(day) != budgets);
    let ends = for_a_while.ends().chain(next_change).chain(next_day);
    of_subject.next_change = ends.filter(ahead).min();
    // Beyond the horizon nobody looked: there a window may open too.
    let scheduled = !rules.schedules.is_empty();
    let answers_until = of_subject.next_change.or(scheduled.then(|| horizon(now)));
    of_subject.answers_until = answers_until;
    of_subject
}

/// How the budgets of one subject are at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Budgets {
    /// Those that count on that day.
    counting: BudgetSet,
    /// Those of them of which nothing is left.
    used_up: BudgetSet,
}

impl Budgets {
    fn at(
        now: Timestamp,
        household: &Household,
        subject: &Subject,
        for_a_while: &OfSubject,
        time_unknown: bool,
    ) -> Self {
        let mut budgets = Budgets::default();
        let day = budget::day_of(now, &subject.zone, household.day_starts);
        for (place, budget) in subject.rules.budgets.iter().enumerate() {
            // Nobody knows which day it is: the one with the least.
            let of_day = || budget.minutes_on(day.weekday());
            let minutes = if time_unknown { budget.minutes_least() } else { of_day() };
            let Some(minutes) = minutes else { continue };
            let used = for_a_while.used.get(place).filter(|used| time_unknown || used.day == day);
            let is_spent = used.is_some_and(|used| match used.closes {
                Some(closes) => time_unknown || closes <= now,
                None => false,
            });
            let is_idle = budget.mode == BudgetMode::Started && !used.is_some_and(|u| u.is_running);
            budgets.counting.insert(place);
            // Where more was given, `used` tells of it.
            if minutes == 0 && used.is_none() || is_spent || is_idle {
                budgets.used_up.insert(place);
            }
        }
        budgets
    }
}

// === impl Now ===

impl Now {
    fn open(&mut self, what: &What, household: &Household) {
        if let What::Tag(tag) = what {
            let category = household.tags.info(*tag).category;
            self.opened_tags.push((*tag, [Some(*tag), category].into_iter().flatten().collect()));
        }
        self.opened.push(*what);
    }

    fn close(&mut self, what: &What) {
        match what {
            What::Tag(tag) => self.closed_tags.insert(*tag),
            What::Name(name, reach) => self.closed_names.push((*name, *reach)),
            What::Everything => self.paused = true,
        }
    }

    fn add_window(&mut self, window: &Schedule, closes: bool, opens: bool) {
        if closes {
            self.closing.add(&window.block);
            self.closing.everything |= window.only.is_some();
        }
        if opens {
            self.opening.add(&window.allow);
            window.only.iter().for_each(|only| self.opening.add(only));
        }
    }

    fn add_budgets(&mut self, rules: &Rules, budgets: Budgets) {
        (self.budgets, self.used_up) = (budgets.counting, budgets.used_up);
        for (place, budget) in rules.budgets.iter().enumerate() {
            if budgets.counting.contains(place) {
                match budget.what {
                    What::Everything => self.of_everything.insert(place),
                    What::Tag(_) | What::Name(..) => self.metering.add_what(&budget.what),
                }
            }
            if budgets.used_up.contains(place) {
                self.spent.add_what(&budget.what);
            }
        }
    }

    /// What opens the name for a while. A name that was granted is open, whatever closes it; one
    /// that is open as part of a granted service or category is so unless another service,
    /// category or list closes it.
    pub(super) fn granted(&self, asked: &Known<'_>, rules: &Rules) -> Option<Granted> {
        let by_name = self.opened.iter().find_map(|what| match what {
            What::Name(name, _) => what
                .covers(asked)
                .then(|| Granted::Name(u8::try_from(name.label_count()).unwrap_or(u8::MAX))),
            What::Tag(_) | What::Everything => None,
        });
        let by_tag = || {
            let (tag, _) = self.opened_tags.iter().find(|(tag, _)| asked.tags.contains(*tag))?;
            let closed = asked.tags.intersection(&rules.closed.union(&self.closed_tags));
            self.not_opened(&asked.tags, closed).is_empty().then_some(Granted::Tag(*tag))
        };
        by_name.or_else(by_tag)
    }

    /// The closed ones of a name's tags without those that are opened for it for a while.
    pub(super) fn not_opened(&self, tags: &TagSet, closed: TagSet) -> TagSet {
        let of_name = self.opened_tags.iter().filter(|(tag, _)| tags.contains(*tag));
        of_name.fold(closed, |closed, (_, opened)| closed.minus(opened))
    }

    /// Whether a name strictly below this one may have been opened for a while.
    pub(super) fn grants_below(&self, name: &Name) -> bool {
        self.opened.iter().any(|what| what.reaches_below(name))
    }

    /// How many labels the rule has that closes this name for a while.
    pub(super) fn closed_name(&self, name: &Name) -> Option<u8> {
        let covers = |(closed, reach): &&(Name, Reach)| match reach {
            Reach::Exact => closed == name,
            Reach::Below => name.is_at_or_below(closed),
        };
        let (closed, _) = self.closed_names.iter().find(covers)?;
        Some(u8::try_from(closed.label_count()).unwrap_or(u8::MAX))
    }

    /// Whether nothing that holds for a while closes a name with these tags that no rule spells
    /// out.
    pub(super) fn closes_nothing_more(&self, tags: &TagSet) -> bool {
        self.closed_names.is_empty() && !self.closed_tags.meets(tags)
    }

    /// The budgets that count and cover the name.
    pub(super) fn metered(&self, asked: &Known<'_>, rules: &Rules) -> BudgetSet {
        let mut covering = self.of_everything;
        if self.metering.may_cover(asked) {
            let covers =
                |&place: &usize| rules.budgets.get(place).is_some_and(|one| one.what.covers(asked));
            let others = self.budgets.minus(self.of_everything).places();
            others.filter(covers).for_each(|place| covering.insert(place));
        }
        covering
    }
}

// === impl Moment ===

impl Moment {
    /// Whether it still tells the truth at `now`. A clock that was set back makes it untrue too.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The subject's open windows, by their place among its schedules.
    #[must_use]
    pub fn windows(&self, subject: SubjectId) -> &[u16] {
        &self.of(subject).windows
    }

    /// Whether everything is closed for this subject by a pause.
    #[must_use]
    pub fn is_paused(&self, subject: SubjectId) -> bool {
        self.of(subject).paused
    }

    /// Until when granted time lifts this subject's schedules and budgets.
    #[must_use]
    pub fn freed_until(&self, subject: SubjectId) -> Option<Timestamp> {
        self.of(subject).freed_until
    }

    /// The subject's budgets that count today, and those of them of which nothing is left.
    #[must_use]
    pub fn budgets(&self, subject: SubjectId) -> (BudgetSet, BudgetSet) {
        let now = self.of(subject);
        (now.budgets, now.used_up)
    }

    /// When something opens or closes for this subject next.
    #[must_use]
    pub fn next_change(&self, subject: SubjectId) -> Option<Timestamp> {
        self.of(subject).next_change
    }

    pub(super) fn of(&self, subject: SubjectId) -> &Now {
        self.subjects.get(usize::from(subject.0)).unwrap_or(&NOTHING)
    }
}

// === impl Together ===

impl Together {
    const NOTHING: Together = Together { everything: false, tags: TagSet::EMPTY, names: false };

    fn add(&mut self, scope: &Scope) {
        self.everything |= scope.everything;
        self.tags = self.tags.union(&scope.tags);
        self.names |= !scope.names.is_empty();
    }

    fn add_what(&mut self, what: &What) {
        match what {
            What::Everything => self.everything = true,
            What::Tag(tag) => self.tags.insert(*tag),
            What::Name(..) => self.names = true,
        }
    }

    /// Whether one of them may cover the name; false is certain.
    pub(super) fn may_cover(&self, asked: &Known<'_>) -> bool {
        self.everything || self.names && asked.mentioned || self.tags.meets(&asked.tags)
    }
}

/// How far `hours::next_change` has looked from here. A window that opens on a date beyond it is
/// found because the moment ends before.
fn horizon(from: Timestamp) -> Timestamp {
    from.saturating_add(hours::HORIZON).unwrap_or(Timestamp::MAX)
}
