//! The minutes used of budgets, by child, budget and day.
//!
//! [`Meter`] counts; here is which meter, on which day, and what is told when little is left.
//! Minutes are numbered on a clock that never jumps and goes on over restarts ([`Anchor`]), so that
//! a step of the wall clock neither gives nor takes time. Start at [`Minutes::advance`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::events::{Events, Happening};
use super::refusal::Refusal;
use super::state::{MINUTE_MILLIS, Time};
use super::{Saved, Usage};
use crate::policy::budget::{Budget, BudgetMode, BudgetSet, day_of};
use crate::policy::meter::{LINGER_MINUTES, Meter, Session, Stretch};
use crate::policy::passing::Used;
use crate::policy::rules::{Household, Subject, SubjectId};

/// When the family is told that so few minutes are left.
pub const WARNINGS: [u32; 2] = [15, 5];
/// The most minutes a day that a budget may get on top: a day.
pub const BONUS_MINUTES_MAX: u32 = 24 * 60;

/// Days of each child that are kept, so that a clock that goes to another day and comes back finds
/// the minutes of this one.
const DAYS_MAX: usize = 8;
/// After so long nothing that was under way still is: what is taken for the time without power
/// where the wall clock went back meanwhile and tells nothing.
const LONG_MILLIS: u64 = 60 * MINUTE_MILLIS;

/// The minutes of everyone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Minutes {
    anchor: Option<Anchor>,
    /// The day that each child lives in, as of when the time was known last.
    days: BTreeMap<String, Date>,
    /// In the order they began.
    all: Vec<Counter>,
}

/// Where the numbers of the minutes stood when the file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Anchor {
    /// On the clock that never jumps.
    millis: u64,
    /// On the wall.
    at: Timestamp,
}

/// One budget of one child on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counter {
    child: String,
    budget: String,
    day: Date,
    #[serde(with = "kept")]
    meter: Meter,
    /// Minutes given on top.
    #[serde(default)]
    bonus: u32,
    /// The least that was told to be left; 0: that nothing is.
    #[serde(default)]
    told: Option<u32>,
    /// Since when nothing is left.
    #[serde(default)]
    spent: Option<Timestamp>,
}

/// What an operation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Something that is written is another.
    pub(super) is_dirty: bool,
    /// Something opens or closes at another time than was told.
    pub(super) bites: bool,
}

/// A budget of somebody, on the day that counts.
struct Place<'a> {
    child: &'a str,
    budget: &'a Budget,
    day: Date,
}

// === impl Minutes ===

impl Minutes {
    /// Goes on counting after a restart: hands over the time on the clock that never jumps.
    pub(super) fn resume(&mut self, now: Timestamp) -> u64 {
        let Some(anchor) = self.anchor else { return 0 };
        let elapsed = now.duration_since(anchor.at).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(LONG_MILLIS);
        // A short restart is nobody's pause; after a longer one the child starts anew.
        if elapsed / MINUTE_MILLIS > LINGER_MINUTES {
            for counter in &mut self.all {
                counter.end_session();
            }
        }
        anchor.millis.saturating_add(elapsed)
    }

    /// Remembers where the numbers stand, for the file.
    pub(super) fn anchor(&mut self, time: &Time) {
        self.anchor = Some(Anchor { millis: time.millis, at: time.now });
    }

    /// Time went on: days begin, what lingers is over, what is used up is so for good, and who is
    /// to be told is told.
    pub(super) fn advance(
        &mut self,
        household: &Household,
        saved: Option<&Saved>,
        time: &Time,
        events: &mut Events,
    ) -> Effect {
        let mut effect = Effect::default();
        for subject in household.subjects.iter().filter(|one| !one.rules.budgets.is_empty()) {
            let day = self.today(household, subject, saved, time);
            effect.add(self.begin_day(household, subject, day, time));
            for budget in &subject.rules.budgets {
                let place = Place { child: &subject.id, budget, day };
                if let Some(counter) = self.find(&place) {
                    effect.add(counter.advance(&place, time, events));
                }
            }
        }
        effect
    }

    /// Something that counts against these budgets of the subject was asked.
    pub(super) fn touch(
        &mut self,
        household: &Household,
        subject: SubjectId,
        budgets: BudgetSet,
        (saved, time): (Option<&Saved>, &Time),
        events: &mut Events,
    ) -> Effect {
        let mut effect = Effect::default();
        let Some(subject) = household.subjects.get(usize::from(subject.0)) else { return effect };
        let day = self.today(household, subject, saved, time);
        effect.add(self.begin_day(household, subject, day, time));
        for place in budgets.places() {
            let Some(budget) = subject.rules.budgets.get(place) else { continue };
            let place = Place { child: &subject.id, budget, day };
            // What is started shows that somebody is there; before that nothing counts.
            if budget.mode == BudgetMode::Started
                && !self.find(&place).is_some_and(|counter| counter.meter.is_running())
            {
                continue;
            }
            let counter = self.find_or_begin(&place);
            effect.add(counter.advance(&place, time, events));
            effect.add(counter.change(&place, time, events, |meter| meter.touch(time.minute())));
        }
        effect
    }

    /// Gives more of a budget, today only.
    pub(super) fn give(
        &mut self,
        place: (&Household, &str, &str),
        minutes: u32,
        (saved, time): (Option<&Saved>, &Time),
    ) -> Result<Date, Refusal> {
        let (subject, budget) = budget_of(place)?;
        let day = self.today(place.0, subject, saved, time);
        let place = Place { child: &subject.id, budget, day };
        if place.allowed(0, time).is_none() {
            return Err(Refusal::NoLimitToday);
        }
        let given = self.find(&place).map_or(0, |counter| counter.bonus);
        let bonus = given.saturating_add(minutes);
        if minutes == 0 || bonus > BONUS_MINUTES_MAX {
            return Err(Refusal::ManyMinutes);
        }
        self.days.insert(subject.id.clone(), day);
        let counter = self.find_or_begin(&place);
        counter.bonus = bonus;
        counter.settle(place.allowed(bonus, time), time);
        // What is left again may be told again.
        counter.told = counter.level(place.allowed(bonus, time));
        Ok(day)
    }

    /// Whether a bonus was given today and can be taken back.
    pub(super) fn has_bonus(&self, child: &str, budget: &str, day: Date, minutes: u32) -> bool {
        let is_it = |one: &&Counter| one.child == child && one.budget == budget && one.day == day;
        let counter = self.all.iter().find(is_it);
        self.days.get(child) == Some(&day) && counter.is_some_and(|one| one.bonus >= minutes)
    }

    /// Takes a bonus back; what was used of it was used.
    pub(super) fn take_back(&mut self, child: &str, budget: &str, day: Date, minutes: u32) {
        let is_it =
            |one: &&mut Counter| one.child == child && one.budget == budget && one.day == day;
        if let Some(counter) = self.all.iter_mut().find(is_it) {
            counter.bonus = counter.bonus.saturating_sub(minutes);
        }
    }

    /// The child starts a budget that counts only then. Hands over when it will be used up, and
    /// whether it was not running yet.
    pub(super) fn start(
        &mut self,
        place: (&Household, &str, &str),
        (saved, time): (Option<&Saved>, &Time),
    ) -> Result<(Option<Timestamp>, bool), Refusal> {
        let (subject, budget) = budget_of(place)?;
        let day = self.today(place.0, subject, saved, time);
        let place = Place { child: &subject.id, budget, day };
        if budget.mode == BudgetMode::Measured {
            return Err(Refusal::CountsByItself);
        }
        if place.allowed(0, time).is_none() {
            return Err(Refusal::NoLimitToday);
        }
        self.days.insert(subject.id.clone(), day);
        let counter = self.find_or_begin(&place);
        let allowed = place.allowed(counter.bonus, time);
        counter.settle(allowed, time);
        if counter.spent.is_some() {
            return Err(Refusal::NothingLeft);
        }
        let is_new = !counter.meter.is_running();
        counter.meter.start(time.minute());
        Ok((counter.closes(allowed, time), is_new))
    }

    /// The child stops it.
    pub(super) fn stop(
        &mut self,
        place: (&Household, &str, &str),
        time: &Time,
    ) -> Result<(), Refusal> {
        let (subject, budget) = budget_of(place)?;
        let runs = |one: &&mut Counter| {
            one.child == subject.id && one.budget == budget.id && one.meter.is_running()
        };
        let mut running = self.all.iter_mut().filter(runs).peekable();
        if running.peek().is_none() {
            return Err(Refusal::NotStarted);
        }
        running.for_each(|counter| counter.meter.stop(time.minute()));
        Ok(())
    }

    /// Everything that a child started is over: nobody uses what a pause closes, and granted time
    /// costs none.
    pub(super) fn stop_all(&mut self, child: &str, time: &Time) {
        let running = |one: &&mut Counter| one.child == child && one.meter.is_running();
        self.all.iter_mut().filter(running).for_each(|one| one.meter.stop(time.minute()));
    }

    /// How far each budget of the subject is used, by its place; nothing where none is.
    pub(super) fn used(
        &self,
        household: &Household,
        subject: &Subject,
        saved: Option<&Saved>,
        time: &Time,
    ) -> Vec<Used> {
        let day = self.today(household, subject, saved, time);
        let budgets = subject.rules.budgets.iter();
        let counters: Vec<_> = budgets
            .map(|budget| (budget, self.get(&Place { child: &subject.id, budget, day })))
            .collect();
        if counters.iter().all(|(_, counter)| counter.is_none()) {
            return Vec::new();
        }
        // Where there is nothing to use, nothing is left.
        let unused = |budget| {
            let allowed = Place { child: &subject.id, budget, day }.allowed(0, time);
            Used { day, closes: (allowed == Some(0)).then_some(time.now), is_running: false }
        };
        let used = |budget: &Budget, counter: &Counter| {
            let allowed = Place { child: &subject.id, budget, day }.allowed(counter.bonus, time);
            let is_running = counter.meter.is_running();
            Used { day, closes: counter.closes(allowed, time), is_running }
        };
        let of_budget = |(budget, counter): (_, Option<_>)| {
            counter.map_or_else(|| unused(budget), |counter| used(budget, counter))
        };
        counters.into_iter().map(of_budget).collect()
    }

    /// The same for people.
    pub(super) fn usage(
        &self,
        household: &Household,
        subject: &Subject,
        saved: Option<&Saved>,
        time: &Time,
    ) -> Vec<Usage> {
        let day = self.today(household, subject, saved, time);
        let usage = |budget| {
            let place = Place { child: &subject.id, budget, day };
            let counter = self.get(&place);
            let minutes = place.allowed(counter.map_or(0, |counter| counter.bonus), time);
            let used = counter.map_or(0, |counter| counter.meter.used());
            // What is closed for good has nothing left, whatever was estimated.
            let is_spent = counter.is_some_and(|counter| counter.spent.is_some());
            let left = minutes.map(|all| if is_spent { 0 } else { all.saturating_sub(used) });
            let is_running = counter.is_some_and(|counter| counter.meter.is_running());
            Usage { minutes, used, left, is_running }
        };
        subject.rules.budgets.iter().map(usage).collect()
    }

    /// When there is something to do: minutes are closed one by one while something is under way.
    pub(super) fn due(&self, time: &Time) -> Option<Timestamp> {
        let is_open = self
            .all
            .iter()
            .any(|counter| counter.meter.is_running() || !counter.meter.stretches.is_empty());
        is_open.then(|| time.end_of(time.minute()))
    }

    /// The day that counts for somebody: while nobody knows what time it is, the last one that was
    /// known.
    pub(super) fn today(
        &self,
        household: &Household,
        subject: &Subject,
        saved: Option<&Saved>,
        time: &Time,
    ) -> Date {
        let day_at = |at| day_of(at, &subject.zone, household.day_starts);
        if !time.is_unknown {
            return day_at(time.now);
        }
        let known = self.days.get(&subject.id).copied();
        known.unwrap_or_else(|| day_at(saved.map_or(time.now, |saved| saved.at)))
    }

    /// Notes the day that somebody lives in; what belongs to another one is over.
    fn begin_day(
        &mut self,
        household: &Household,
        subject: &Subject,
        day: Date,
        time: &Time,
    ) -> Effect {
        if time.is_unknown || self.days.get(&subject.id) == Some(&day) {
            return Effect::default();
        }
        self.days.insert(subject.id.clone(), day);
        for counter in self.all.iter_mut().filter(|one| one.child == subject.id && one.day != day) {
            counter.end_session();
            counter.meter.settle(u64::MAX);
        }
        self.forget_days(&subject.id, day);
        let is_known = |child: &str| household.subjects.iter().any(|subject| subject.id == child);
        self.days.retain(|child, _| is_known(child));
        let is_near = |other: Date| {
            let distance = other.duration_since(day).abs();
            distance <= SignedDuration::from_hours(24 * 8)
        };
        self.all.retain(|one| is_near(one.day) || is_known(&one.child));
        Effect { is_dirty: true, bites: true }
    }

    /// Forgets the days of a child that began longest ago, but today.
    fn forget_days(&mut self, child: &str, today: Date) {
        let mut days: Vec<Date> = Vec::new();
        for counter in self.all.iter().filter(|one| one.child == child && one.day != today) {
            if !days.contains(&counter.day) {
                days.push(counter.day);
            }
        }
        let over = (days.len() + 1).saturating_sub(DAYS_MAX);
        let gone = days.get(..over).unwrap_or_default();
        self.all.retain(|one| one.child != child || !gone.contains(&one.day));
    }

    fn get(&self, place: &Place<'_>) -> Option<&Counter> {
        self.all.iter().find(|counter| counter.is_of(place))
    }

    fn find(&mut self, place: &Place<'_>) -> Option<&mut Counter> {
        self.all.iter_mut().find(|counter| counter.is_of(place))
    }

    fn find_or_begin(&mut self, place: &Place<'_>) -> &mut Counter {
        let found = self.all.iter().position(|counter| counter.is_of(place));
        let at = found.unwrap_or_else(|| {
            self.all.push(Counter::of(place));
            self.all.len() - 1
        });
        &mut self.all[at]
    }
}

/// A budget of somebody, by words.
fn budget_of<'a>(
    (household, child, budget): (&'a Household, &str, &str),
) -> Result<(&'a Subject, &'a Budget), Refusal> {
    let subject = household.subjects.iter().find(|subject| subject.id == child);
    let subject = subject.ok_or(Refusal::NoSuchChild)?;
    let found = subject.rules.budgets.iter().find(|one| one.id == budget);
    Ok((subject, found.ok_or(Refusal::NoSuchBudget)?))
}

// === impl Place ===

impl Place<'_> {
    /// The minutes of the day with those on top; none: no limit. While nobody knows which day it
    /// is, those of the day that has the least.
    fn allowed(&self, bonus: u32, time: &Time) -> Option<u32> {
        let minutes = if time.is_unknown {
            self.budget.minutes_least()
        } else {
            self.budget.minutes_on(self.day.weekday())
        };
        minutes.map(|all| u32::from(all).saturating_add(bonus))
    }
}

// === impl Counter ===

impl Counter {
    fn of(place: &Place<'_>) -> Self {
        Counter {
            child: place.child.to_owned(),
            budget: place.budget.id.clone(),
            day: place.day,
            meter: Meter::default(),
            bonus: 0,
            told: None,
            spent: None,
        }
    }

    fn is_of(&self, place: &Place<'_>) -> bool {
        self.day == place.day && self.child == place.child && self.budget == place.budget.id
    }

    /// Time went on.
    fn advance(&mut self, place: &Place<'_>, time: &Time, events: &mut Events) -> Effect {
        self.change(place, time, events, |_| ())
    }

    /// Something happens to the meter; then what follows from it does.
    fn change(
        &mut self,
        place: &Place<'_>,
        time: &Time,
        events: &mut Events,
        happen: impl FnOnce(&mut Meter),
    ) -> Effect {
        let before = self.clone();
        let allowed = place.allowed(self.bonus, time);
        happen(&mut self.meter);
        self.settle(allowed, time);
        self.tell(allowed, time, events);
        let bites = |counter: &Counter| {
            let closes = allowed.and_then(|allowed| counter.meter.ends_after(allowed));
            (counter.meter.is_running(), counter.spent.is_some(), closes)
        };
        Effect { is_dirty: before != *self, bites: bites(&before) != bites(self) }
    }

    /// What is used up is so for good, and what lingered too long is over.
    fn settle(&mut self, allowed: Option<u32>, time: &Time) {
        let minute = time.minute();
        let mut over = None;
        if let Some(allowed) = allowed {
            let end_of = |meter: &Meter| meter.ends_after(allowed).filter(|&end| end < minute);
            // Whoever left before that did not use it up.
            if let Some(end) = end_of(&self.meter) {
                self.meter.settle(end);
            }
            over = end_of(&self.meter);
            if over.is_some() {
                self.meter.use_up(allowed);
            }
        }
        self.meter.settle(minute);
        let is_spent = allowed.is_some_and(|all| self.meter.counted >= all);
        self.spent = match (is_spent, self.spent) {
            (false, _) => None,
            (true, Some(since)) => Some(since),
            (true, None) => Some(over.map_or(time.now, |end| time.end_of(end).min(time.now))),
        };
    }

    /// Tells, once a day, that little is left, or nothing.
    fn tell(&mut self, allowed: Option<u32>, time: &Time, events: &mut Events) {
        let Some(level) = self.level(allowed) else { return };
        if self.told.is_some_and(|told| told <= level) {
            return;
        }
        self.told = Some(level);
        let (child, budget) = (self.child.clone(), self.budget.clone());
        events.add(
            if level == 0 {
                Happening::UsedUp { child, budget }
            } else {
                Happening::Warning { child, budget, minutes_left: level }
            },
            time,
        );
    }

    /// What there is to tell: the least of [`WARNINGS`] that no more is left than; 0: nothing is.
    /// A budget that has no more to begin with is not worth a warning.
    fn level(&self, allowed: Option<u32>) -> Option<u32> {
        let allowed = allowed.filter(|all| *all > 0)?;
        if self.spent.is_some() {
            return Some(0);
        }
        let used = self.meter.used();
        let left = allowed.saturating_sub(used);
        WARNINGS.into_iter().filter(|&few| used > 0 && left <= few && few < allowed).min()
    }

    /// From when on nothing is left.
    fn closes(&self, allowed: Option<u32>, time: &Time) -> Option<Timestamp> {
        if let Some(since) = self.spent {
            return Some(since.min(time.now));
        }
        self.meter.ends_after(allowed?).map(|end| time.end_of(end))
    }

    /// What was started ended when it was last known to run.
    fn end_session(&mut self) {
        if let Some(session) = self.meter.session {
            self.meter.stop(session.seen);
        }
    }
}

// === impl Effect ===

impl Effect {
    pub(super) fn add(&mut self, other: Effect) {
        self.is_dirty |= other.is_dirty;
        self.bites |= other.bites;
    }
}

// === A meter in the file ===

/// How a [`Meter`] is written.
mod kept {
    use serde::{Deserializer, Serializer};

    use super::{Deserialize, Meter, Serialize, Session, Stretch};

    #[derive(Serialize, Deserialize)]
    struct Kept {
        counted: u32,
        #[serde(default)]
        until: Option<u64>,
        /// First and last minute of each.
        #[serde(default)]
        stretches: Vec<(u64, u64)>,
        /// First minute, last sign of life, last minute that came.
        #[serde(default)]
        session: Option<(u64, u64, u64)>,
    }

    pub(super) fn serialize<S: Serializer>(meter: &Meter, to: S) -> Result<S::Ok, S::Error> {
        let kept = Kept {
            counted: meter.counted,
            until: meter.counted_until,
            stretches: meter.stretches.iter().map(|one| (one.first, one.last)).collect(),
            session: meter.session.map(|one| (one.first, one.alive, one.seen)),
        };
        kept.serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Meter, D::Error> {
        let kept = Kept::deserialize(from)?;
        let stretches = kept.stretches.into_iter().map(|(first, last)| Stretch { first, last });
        Ok(Meter {
            counted: kept.counted,
            counted_until: kept.until,
            stretches: stretches.collect(),
            session: kept.session.map(|(first, alive, seen)| Session { first, alive, seen }),
        })
    }
}
