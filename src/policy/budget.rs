//! Budgets: how many minutes a day something may be used.
//!
//! A day of the household begins at a set hour: four in the morning unless the file says otherwise,
//! so that an evening is not cut in two at midnight.
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

    /// The minutes of the day that has the least; none: no day has a limit.
    #[must_use]
    pub fn minutes_least(&self) -> Option<u16> {
        self.minutes.into_iter().flatten().min()
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
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = usize::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(place)
        })
    }
}

// === Days ===

/// The day that a moment belongs to, where days begin at this minute of the day: when the wall
/// first shows it, or a clock that is set forward jumps over it. A clock that is set back begins no
/// day twice, and goes back into none.
#[must_use]
pub fn day_of(now: Timestamp, zone: &TimeZone, day_starts: u16) -> Date {
    let wall = zone.to_datetime(now);
    let date = wall.date();
    let has_begun = |day: &Date| {
        let Some(start) = hours::time_of(day_starts) else { return false };
        let start = day.to_datetime(start);
        let first = || hours::moments_of(zone, start).into_iter().flatten().next();
        wall >= start || first().is_some_and(|first| first <= now)
    };
    // Tomorrow, where the wall was set back over midnight.
    let days = date.tomorrow().into_iter().chain([date]);
    days.into_iter().find(has_begun).unwrap_or_else(|| date.yesterday().unwrap_or(date))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    use jiff::SignedDuration;

    /// Zones that are set forward and back by half an hour, an hour, over midnight, at four; and
    /// some that never are.
    const ZONES: &[&str] = &[
        "America/Guatemala",
        "America/Havana",
        "America/New_York",
        "America/Santiago",
        "America/St_Johns",
        "America/Asuncion",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Antarctica/Troll",
        "Europe/Madrid",
        "Pacific/Chatham",
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_day_follows_the_other_and_the_next_begins_when_it_is_said_to(
            zone_name in select(ZONES),
            year in 2000..2030_i16,
            which in 0..2_usize,
            starts in select(&[0, 1, 30, 60, 90, 150, 240, 300, 1_439][..]),
        ) {
            let zone = zone(zone_name);
            let new_year = jiff::civil::date(year, 1, 1).to_zoned(zone.clone()).unwrap();
            let jump = zone.following(new_year.timestamp()).nth(which);
            let around = jump.map_or(new_year.timestamp(), |jump| jump.timestamp());
            // From one day and a half before a jump to as long after it, in steps of ten minutes
            // and at the minute the day is said to begin.
            let mut now = around - 36.hours();
            let mut day = day_of(now, &zone, starts);
            let mut next = next_day(now, &zone, starts);
            while now < around + 36.hours() {
                prop_assert!(now < next, "{} {}", zone_name, now);
                prop_assert_eq!(next_day(now, &zone, starts), next, "{} {}", zone_name, now);
                prop_assert_eq!(day_of(now, &zone, starts), day, "{} {}", zone_name, now);
                now += 10.minutes();
                if now >= next {
                    let before = day_of(next - 1.nanosecond(), &zone, starts);
                    prop_assert_eq!(before, day, "{} {}", zone_name, next);
                    let after = day_of(next, &zone, starts);
                    prop_assert_eq!(after, day.tomorrow().unwrap(), "{} {}", zone_name, next);
                    (now, day) = (next, after);
                    next = next_day(now, &zone, starts);
                }
            }
        }
    }

    /// The obvious way: the latest date that the wall has shown yet, where each begins so many
    /// minutes after midnight.
    #[test]
    fn no_minute_is_of_another_day_around_any_jump() {
        let minute = SignedDuration::from_mins(1);
        for name in hours::tests::ZONES {
            let zone = zone(name);
            let shown = |at: Timestamp, starts: u16| {
                (zone.to_datetime(at) - i64::from(starts).minutes()).date()
            };
            for jump in hours::tests::jumps(&zone) {
                let before = zone.to_datetime(jump - 1.nanosecond());
                let inside = (hours::minute_of(before.time()) + 21) % (24 * 60);
                for starts in [0, 45, 135, DAY_STARTS, inside] {
                    let from = jump - 150 * minute;
                    let earlier = (0..150).map(|tens| from - tens * 10 * minute);
                    let mut day = earlier.map(|at| shown(at, starts)).max().unwrap();
                    let mut next = next_day(from, &zone, starts);
                    for minutes in 0..300 {
                        let now = from + minutes * minute;
                        let was = day;
                        day = day.max(shown(now, starts));
                        assert_eq!(day_of(now, &zone, starts), day, "{name} {now} {starts}");
                        assert_eq!(next == now, was != day, "{name} {now} {starts}: {next}");
                        if next == now {
                            next = next_day(now, &zone, starts);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_evening_is_not_cut_in_two_at_midnight() {
        let guatemala = zone("America/Guatemala");
        let day = |text: &str| day_of(at(text), &guatemala, DAY_STARTS).to_string();
        assert_eq!(day("2026-11-24T05:59:59Z"), "2026-11-23");
        assert_eq!(day("2026-11-24T09:59:59.999Z"), "2026-11-23");
        assert_eq!(day("2026-11-24T10:00:00Z"), "2026-11-24");
        let next = next_day(at("2026-11-24T05:00:00Z"), &guatemala, DAY_STARTS);
        assert_eq!(next, at("2026-11-24T10:00:00Z"));
        // At that very moment it is the one after.
        assert_eq!(next_day(next, &guatemala, DAY_STARTS), at("2026-11-25T10:00:00Z"));
    }

    #[test]
    fn a_clock_that_is_set_back_begins_no_day_twice() {
        // 1 November 2026, New York: 01:00 to 02:00 comes twice.
        let new_york = zone("America/New_York");
        let day = |text: &str| day_of(at(text), &new_york, 90).to_string();
        assert_eq!(day("2026-11-01T05:29:59Z"), "2026-10-31");
        assert_eq!(day("2026-11-01T05:30:00Z"), "2026-11-01");
        // The wall shows 01:10 again.
        assert_eq!(day("2026-11-01T06:10:00Z"), "2026-11-01");
        assert_eq!(next_day(at("2026-11-01T05:30:00Z"), &new_york, 90), at("2026-11-02T06:30:00Z"));
        // St John's was set back from 00:01 to 23:01 of the day before.
        let st_johns = zone("America/St_Johns");
        let day = |text: &str| day_of(at(text), &st_johns, 0).to_string();
        assert_eq!(day("2010-11-07T02:30:00Z"), "2010-11-07");
        assert_eq!(day("2010-11-07T02:31:00Z"), "2010-11-07");
    }

    #[test]
    fn a_day_whose_beginning_is_jumped_over_begins_with_the_jump() {
        // 8 March 2026, New York: 02:00 to 03:00 does not come.
        let new_york = zone("America/New_York");
        let jump = at("2026-03-08T07:00:00Z");
        assert_eq!(day_of(jump - 1.nanosecond(), &new_york, 150).to_string(), "2026-03-07");
        assert_eq!(day_of(jump, &new_york, 150).to_string(), "2026-03-08");
        assert_eq!(next_day(at("2026-03-08T00:00:00Z"), &new_york, 150), jump);
    }

    #[test]
    fn the_minutes_of_a_day_are_those_of_its_weekday() {
        let minutes = [Some(45), None, None, None, None, None, Some(0)];
        let what = What::Everything;
        let budget =
            Budget { id: "internet".to_owned(), what, minutes, mode: BudgetMode::Measured };
        assert_eq!(budget.minutes_on(Weekday::Monday), Some(45));
        assert_eq!(budget.minutes_on(Weekday::Tuesday), None);
        assert_eq!(budget.minutes_on(Weekday::Sunday), Some(0));
    }

    #[test]
    fn a_set_of_budgets_holds_their_places() {
        let mut set = BudgetSet::EMPTY;
        assert!(set.is_empty() && !set.contains(0));
        for place in [0, 31, 5, BUDGETS_MAX, usize::MAX] {
            set.insert(place);
        }
        assert_eq!(set.places().collect::<Vec<_>>(), [0, 5, 31]);
        assert!(!set.contains(BUDGETS_MAX) && !set.contains(usize::MAX));
        let mut other = BudgetSet::EMPTY;
        other.insert(5);
        assert_eq!(set.minus(other).places().collect::<Vec<_>>(), [0, 31]);
        assert_eq!(set.minus(other).union(other), set);
    }
}
