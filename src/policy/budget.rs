//! Budgets: how many minutes a day something may be used.
//!
//! A day of the household begins at a set hour ([`Days`](super::hours::Days) are those days): four
//! in the morning unless the file says otherwise, so that an evening is not cut in two at midnight.
//! What was used is counted elsewhere; here is what is allowed, and when a day begins. It never
//! asks what time it is.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::hours;
use super::rules::What;

/// The most budgets one subject may have: they are bits of a [`BudgetSet`].
pub const BUDGETS_MAX: usize = 32;

/// The minute of the day at which a day of budgets begins, unless the file says otherwise: nobody
/// is up, and clocks change earlier nearly everywhere.
pub const DAY_STARTS: u16 = 4 * 60;

/// A daily allowance of time for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The word as written: of a service, a category, `internet`, or a name.
    pub id: String,
    /// What it is about.
    pub what: What,
    /// The minutes of each day, Monday first; none: no limit on that day.
    pub minutes: [Option<u16>; 7],
    /// How its time is counted.
    pub mode: BudgetMode,
}

/// How the time of a budget is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BudgetMode {
    /// From what is asked.
    #[default]
    Measured,
    /// From when the child starts it until the child stops it; it is closed meanwhile.
    Started,
}

/// Some of the budgets of one subject, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct BudgetSet(u32);

// === impl Budget ===

impl Budget {
    /// The minutes of a day; none: no limit.
    #[must_use]
    pub fn minutes_on(&self, day: Weekday) -> Option<u16> {
        self.minutes[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }
}

// === impl BudgetSet ===

impl BudgetSet {
    /// No budget.
    pub const EMPTY: BudgetSet = BudgetSet(0);

    /// Adds the budget at a place below [`BUDGETS_MAX`]; others are none.
    pub fn insert(&mut self, place: usize) {
        if place < BUDGETS_MAX {
            self.0 |= 1 << place;
        }
    }

    /// Whether no budget is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the budget at a place is in it.
    #[must_use]
    pub fn contains(self, place: usize) -> bool {
        place < BUDGETS_MAX && self.0 & (1 << place) != 0
    }

    /// Those of either.
    #[must_use]
    pub fn union(self, other: BudgetSet) -> BudgetSet {
        BudgetSet(self.0 | other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn minus(self, other: BudgetSet) -> BudgetSet {
        BudgetSet(self.0 & !other.0)
    }

    /// The places of the budgets in it.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..BUDGETS_MAX).filter(move |&place| self.contains(place))
    }
}

// === Days ===

/// The day that a moment belongs to, where days begin at this minute of the day.
#[must_use]
pub fn day_of(now: Timestamp, zone: &TimeZone, day_starts: u16) -> Date {
    let wall = zone.to_datetime(now);
    let date = wall.date();
    if hours::minute_of(wall.time()) < day_starts { date.yesterday().unwrap_or(date) } else { date }
}

/// When the next day begins: the first moment after `now` that belongs to another day.
#[must_use]
pub fn next_day(now: Timestamp, zone: &TimeZone, day_starts: u16) -> Timestamp {
    let today = day_of(now, zone, day_starts);
    // A day that a zone skips is no day: Samoa had no 30 December 2011.
    let days =
        (0..=2).filter_map(|ahead| zone.to_datetime(now).date().checked_add(ahead.days()).ok());
    let starts = days
        .filter_map(|day| Some(day.to_datetime(hours::time_of(day_starts)?)))
        .flat_map(|wall| hours::moments_of(zone, wall))
        .flatten();
    let jumps = zone.following(now).map(|jump| jump.timestamp()).take(2);
    starts
        .chain(jumps)
        .filter(|&at| now < at && day_of(at, zone, day_starts) != today)
        .min()
        .unwrap_or_else(|| now.saturating_add(24.hours()).unwrap_or(Timestamp::MAX))
}
